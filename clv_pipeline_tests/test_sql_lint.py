"""The rules of SQL models: each is broken once here, and none is in the files that ship."""

import pytest

from clv_pipeline.warehouse.sql_lint import broken_rules, main
from clv_pipeline.warehouse.sql_models import SqlModel


def model(
    sql: str, layer: str = "published", *, inputs: set[str] | None = None, reasons: set[str] | None = None
) -> SqlModel:
    return SqlModel(
        layer, "shoes", "One row per shoe.", sql, frozenset(inputs or ()), frozenset(), frozenset(reasons or ())
    )


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select a, count(*) as n from clean.orders group by 1", "group by 1: name the columns"),
        ("select a, b from clean.orders order by a, 2 desc", "order by a, 2 desc: name the columns"),
        ("select * from clean.orders", "the outermost select has a star"),
        ("select orders.* exclude (a) from clean.orders", "the outermost select has a star"),
        ("select a from clean.orders union all select * from clean.orders", "the outermost select has a star"),
    ],
)
def test_a_broken_rule_is_named(sql: str, says: str) -> None:
    (broken,) = broken_rules(model(sql), set())
    assert broken.lower().startswith(says)


def test_tables_and_reasons_that_do_not_exist_are_named() -> None:
    found = list(
        broken_rules(model("select 1 as one", "clean", inputs={"clean.order"}, reasons={"no_reason"}), {"clean.orders"})
    )
    assert found == ["it reads clean.order, which does not exist", "'no_reason' is not a code of contracts/reasons.py"]


def test_a_star_in_an_import_is_no_fault_nor_one_outside_what_is_published() -> None:
    assert (
        list(
            broken_rules(model("with orders as (select * from clean.orders) select a from orders order by all"), set())
        )
        == []
    )
    assert list(broken_rules(model("select * from features.population", "features"), set())) == []


def test_the_files_that_ship_keep_every_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert (main(), capsys.readouterr().out) == (0, "")
