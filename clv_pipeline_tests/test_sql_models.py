"""SQL files as tables: order, descriptions, parameters, column lineage, and building a few cutoffs at a time."""

from datetime import date
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.project_files import SQL_FOLDER
from clv_pipeline.core.settings import Settings
from clv_pipeline.features import build as features
from clv_pipeline.warehouse.connection import Warehouse, columns_of, row_count
from clv_pipeline.warehouse.sql_models import SqlModel, append, build, column_lineage, first_comment, load_layer
from clv_pipeline_tests.warehouse_builders import build_features, empty_company, sql_model

LAYERS = ("1_clean", "2_features", "3_training", "4_published")
MODELS = [model for layer in LAYERS for model in load_layer(layer)]
#: Columns that come from rows as such, not from a column of theirs.
COUNTS_AND_CONSTANTS = {
    "has_crm_record", "currency", "new_products", "web_sessions", "survey_responses", "social_interactions", "campaign_touches"
}  # fmt: skip
SQL_FILES = sorted(SQL_FOLDER.rglob("*.sql"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, Settings]:
    return empty_company(tmp_path_factory.mktemp("empty"))


# ------------------------------------------------------------------------------------------------ reading files


@pytest.mark.parametrize("layer", LAYERS)
def test_a_model_comes_after_the_models_it_reads(layer: str) -> None:
    models = load_layer(layer)
    tables = [m.table for m in models]
    assert len(set(tables)) == len(list((SQL_FOLDER / layer).glob("*.sql")))
    for position, model in enumerate(models):
        later = set(tables[position:])
        assert not model.inputs & later, f"{model.table} is built before {model.inputs & later}"


def test_known_dependencies_are_found() -> None:
    assert sql_model("1_clean", "customers").inputs == {
        "raw.customers", "raw.loads", "raw.extraction", "clean.customer_identities", "clean.orders"
    }  # fmt: skip
    assert sql_model("2_features", "customer_day").inputs == {"clean.orders", "clean.customers"}
    assert sql_model("3_training", "labels").inputs == {
        "features.population", "features.horizons", "features.customer_day", "raw.extraction"
    }  # fmt: skip


def test_models_read_only_their_own_layer_and_earlier_ones() -> None:
    order = ["raw", "clean", "quality", "features", "training", "scores", "published"]
    for model in MODELS:
        for table in model.inputs:
            schema = table.split(".")[0]
            assert order.index(schema) <= order.index(model.layer), f"{model.table} reads {table}"


def test_an_input_without_its_layer_is_not_taken_for_a_cte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1_made_up").mkdir()
    (tmp_path / "1_made_up" / "b.sql").write_text(
        "-- One row per thing.\nwith x as (select * from raw.a) select * from x\n"
    )
    (tmp_path / "1_made_up" / "a.sql").write_text(
        "-- One row per b,\n-- twice.\n\n-- no more\nselect * from made_up.b;\n"
    )
    monkeypatch.setattr("clv_pipeline.warehouse.sql_models.SQL_FOLDER", tmp_path)
    b, a = load_layer("1_made_up")
    assert (b.table, b.inputs) == ("made_up.b", {"raw.a"})
    assert (a.table, a.inputs, a.description) == ("made_up.a", {"made_up.b"}, "One row per b, twice.")
    assert not a.sql.endswith(";")


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.table)
def test_the_description_is_the_first_comment(model: SqlModel) -> None:
    (path,) = SQL_FOLDER.glob(f"*_{model.layer}/{model.name}.sql")
    first_line = path.read_text().splitlines()[0]
    assert model.description.startswith(first_line.removeprefix("-- "))
    assert "--" not in model.description
    assert "\n" not in model.description


def test_parameters_are_found() -> None:
    assert sql_model("1_clean", "orders").parameters == {
        "time_zone", "currency", "earliest_date", "net_refunds", "revenue", "not_revenue"
    }  # fmt: skip
    assert sql_model("1_clean", "customer_identities").parameters == set()
    margins = {"company_margin", "customer_margins"}
    assert all(m.parameters == {"gross_margin"} for m in load_layer("2_features") if m.name in margins)
    features = [m for m in load_layer("2_features") if m.name not in margins]
    sliced = {m.name for m in features if m.parameters}
    assert sliced == {m.name for m in features} - {"population", "customer_day", "customer_day_money"}
    assert all(m.parameters <= {"first_cutoff", "last_cutoff"} for m in features)


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_file_says_first_what_a_row_is(path: Path) -> None:
    comment = first_comment(path.read_text())
    assert comment.startswith("One row")
    assert comment.endswith(".")


# ------------------------------------------------------------------------------------------------------ lineage


def lineage_of(empty: tuple[Warehouse, Settings], layer: str, name: str) -> dict[str, list[tuple[str, str]]]:
    warehouse, _ = empty
    with warehouse.connection() as connection:
        return column_lineage(connection, sql_model(layer, name))


def test_lineage_through_using_and_star(empty: tuple[Warehouse, Settings]) -> None:
    found = lineage_of(empty, "2_features", "customer_features")
    assert found["recency_days"] == [("features.purchase_features", "recency_days")]
    assert found["web_sessions_30d"] == [("features.web_features", "web_sessions_30d")]
    assert found["role"] == [("features.population", "role")]
    assert ("features.population", "customer_id") in found["customer_id"]
    with empty[0].connection() as connection:
        assert list(found) == list(columns_of(connection, "features.customer_features"))


def test_lineage_through_windows_and_star_exclude(empty: tuple[Warehouse, Settings]) -> None:
    found = lineage_of(empty, "2_features", "customer_day")
    assert ("clean.orders", "order_date") in found["gap_days"]
    assert ("clean.orders", "amount") in found["gap_days"]
    assert found["net_spend"] == [("clean.orders", "amount")]
    assert found["main_channel"] == [("clean.orders", "amount"), ("clean.orders", "channel")]


def test_lineage_through_several_ctes_and_joins(empty: tuple[Warehouse, Settings]) -> None:
    found = lineage_of(empty, "1_clean", "orders")
    assert set(found["amount"]) >= {
        ("raw.orders", "amount"),
        ("clean.exchange_rates", "rate"),
        ("raw.orders", "currency"),
    }
    # a refund beyond what was bought is cut, so that more than the amount decides
    assert ("raw.orders", "amount") in found["source_amount"]
    assert found["quantity"] == [("raw.orders", "quantity")]
    assert set(found["customer_id"]) == {
        ("raw.orders", "customer_id"), ("clean.customer_identities", "surviving_customer_id"),
        ("clean.email_identities", "customer_id"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "model", [m for layer in LAYERS[:3] for m in load_layer(layer)], ids=lambda m: m.table
)  # fmt: skip
def test_every_column_has_a_lineage_into_columns_that_exist(empty: tuple[Warehouse, Settings], model: SqlModel) -> None:
    with empty[0].connection() as connection:
        found = column_lineage(connection, model)
        known = {t: set(columns_of(connection, t)) for t in model.inputs}
        built = set(columns_of(connection, model.table))
    made = {"excluded_because", "reason"} if model.layer == "clean" and model.name in CONTRACT else set()
    assert set(found) - made == built
    for column, sources in found.items():
        for table, source in sources:
            assert source in known[table], f"{model.table}.{column} from {table}.{source}"
    assert {column for column, sources in found.items() if not sources} <= COUNTS_AND_CONSTANTS


# ------------------------------------------------------------------------------------------------------ building


def test_build_replaces_and_append_adds(empty: tuple[Warehouse, Settings]) -> None:
    model = SqlModel(
        "training", "made_up", "", "select $number as number, 2 as two", frozenset(), frozenset({"number"})
    )
    with empty[0].transaction() as connection:
        build(connection, model, {"number": 1, "unused": 0})
        build(connection, model, {"number": 2})
        append(connection, model, {"number": 3})
        rows = connection.execute("select number, two from training.made_up order by number").fetchall()
        connection.execute("drop table training.made_up")
    assert rows == [(2, 2), (3, 2)]


def test_a_missing_parameter_is_an_error(empty: tuple[Warehouse, Settings]) -> None:
    with empty[0].connection() as connection, pytest.raises(KeyError, match="_cutoff"):
        build(connection, sql_model("2_features", "web_features"), {})


def test_slices_give_the_same_tables_as_one_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse, settings = empty_company(tmp_path)
    with warehouse.transaction() as connection:
        connection.execute(
            """
            insert into features.cutoffs values
                ('2024-06-01', 'score', 10000), ('2024-03-01', 'train', 7000), ('2024-01-01', 'train', 7000)
            """
        )
        connection.execute(
            """
            insert into clean.orders by name
            select 'c' || (i % 40) as customer_id, 'o' || i as order_id, date '2023-10-01' + (i * 7 % 260)::int as order_date,
                (i % 9 - 1)::decimal(18, 2) as amount, 1 as quantity, 'p' || (i % 5) as product_id, 'web' as channel
            from range(600) as r (i)
            """
        )
        connection.execute(
            """
            insert into clean.customers by name
            select customer_id, min(order_date) as first_seen_date, true as has_profiling_consent, false as has_crm_record
            from clean.orders group by customer_id
            """
        )
    whole = _built_features(warehouse, settings)
    monkeypatch.setattr(features, "_ROWS_A_SLICE", 1)
    with warehouse.connection() as connection:
        assert len(features._slices(connection)) == 3
    assert _built_features(warehouse, settings) == whole
    assert len({row[0] for row in whole["features.customer_features"]}) == 3
    assert any(row[3] is not None for row in whole["features.customer_features"])


def _built_features(warehouse: Warehouse, settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    build_features(warehouse, settings)
    with warehouse.connection() as connection:
        return {
            m.table: connection.execute(f"select * from {m.table}").fetchall() for m in load_layer("2_features")
        }  # fmt: skip


@pytest.mark.parametrize(
    ("rows_a_slice", "expected"),
    [
        (30, [(date(2024, 1, 1), date(2024, 3, 1))]),
        (20, [(date(2024, 1, 1), date(2024, 2, 1)), (date(2024, 3, 1), date(2024, 3, 1))]),
        (5, [(date(2024, m, 1), date(2024, m, 1)) for m in (1, 2, 3)]),
    ],
)
def test_slices_hold_neighbouring_cutoffs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    warehouse: Warehouse,
    rows_a_slice: int,
    expected: list[tuple[date, date]],
) -> None:
    monkeypatch.setattr(features, "_ROWS_A_SLICE", rows_a_slice)
    with warehouse.transaction() as connection:
        connection.execute(
            """
            create table features.population as
            select date '2024-01-01' + to_months(i::int % 3)::interval as as_of, 'train' as role, i::varchar as customer_id
            from range(30) as r (i)
            """
        )
        connection.execute("alter table features.population alter as_of type date")
        assert row_count(connection, "features.population") == 30
        assert features._slices(connection) == expected


def test_no_sql_sums_doubles() -> None:
    """A sum of doubles over the database's threads differs in its last digits from run to run; whole numbers do not."""
    aggregates = (exp.Sum, exp.Avg, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr)
    spread = (exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr)
    wrong = []
    for layer in LAYERS:
        for model in load_layer(layer):
            for call in sqlglot.parse_one(model.sql, dialect="duckdb").find_all(*aggregates):
                doubles = [c for c in call.find_all(exp.Cast) if c.to.this == exp.DataType.Type.DOUBLE]
                if doubles or isinstance(call, spread):
                    wrong.append((model.table, call.sql(dialect="duckdb")))
    assert wrong == []
