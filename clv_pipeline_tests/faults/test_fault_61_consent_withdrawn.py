"""Fault 61: a customer withdraws consent. They are gone the next run, and `removed` in customer_clv_changes."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.warehouse.connection import open_bundle_file
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.faults.company import TONIGHT, YESTERDAY, Company, assert_published, healthy, night
from clv_pipeline_tests.nights import copy_of, served_whole

#: A buyer, so that every table has something about them.
REFUSING = "00003"


@dataclass(frozen=True)
class Nights:
    before: Home
    after: Home


@pytest.fixture(scope="module")
def nights(good_night: Home, company_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    home = copy_of(good_night, tmp_path_factory.mktemp("consent"))
    company = Company(company_root, healthy(until=TONIGHT))
    (record,) = (row for row in company.tables["customers"] if row["customer_id"] == REFUSING)
    record["profiling_consent"] = "false"
    assert_published(night(company, home, TONIGHT))
    return Nights(good_night, home)


def _rows(home: Home, query: str) -> list[tuple[object, ...]]:
    with open_bundle_file(home.published / "clv.duckdb") as connection:
        return connection.execute(query).fetchall()


def _tables_with_customers(home: Home) -> list[str]:
    with open_bundle_file(home.published / "clv.duckdb") as connection:
        found = connection.execute(
            "select table_name from information_schema.columns where column_name = 'customer_id' order by all"
        ).fetchall()
    return [name for (name,) in found]


def test_before_they_were_scored_and_in_the_history(nights: Nights) -> None:
    assert served_whole(nights.before) == YESTERDAY
    assert len(_rows(nights.before, f"select * from customer_clv where customer_id = '{REFUSING}'")) == 1
    assert len(_rows(nights.before, f"select * from customer_clv_history where customer_id = '{REFUSING}'")) == 1


def test_the_next_run_publishes_of_them_that_they_were_removed_and_nothing_else(nights: Nights) -> None:
    assert served_whole(nights.after) == TONIGHT
    tables = _tables_with_customers(nights.after)
    assert {"customer_clv", "customer_clv_history", "recommendations"} < set(tables)
    found = {t: _rows(nights.after, f"select * from {t} where customer_id = '{REFUSING}'") for t in tables}
    ((customer, change, _, *values),) = found.pop("customer_clv_changes")
    assert (customer, change) == (REFUSING, "removed")
    assert values == [None] * 6
    assert {t: rows for t, rows in found.items() if rows} == {}


def test_they_are_in_no_feature_label_or_score_and_only_one_night_of_history_waits_for_the_next_run(
    nights: Nights,
) -> None:
    with open_warehouse(nights.after).connection() as connection:
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.columns where column_name = 'customer_id' "
            "and table_schema in ('features', 'training', 'scores', 'published') order by all"
        ).fetchall()
        counts = {
            table: connection.execute(f"select count(*) from {table} where customer_id = '{REFUSING}'").fetchall()[0][0]
            for (table,) in tables
        }
    assert {"features.customer_day", "features.customer_features", "training.labels", "training.predictions"} < set(
        counts
    )
    assert {t: n for t, n in counts.items() if n} == {"scores.history": 1, "published.customer_clv_changes": 1}


def test_everybody_else_stays(nights: Nights) -> None:
    who = "select customer_id from customer_clv"
    before, after = set(_rows(nights.before, who)), set(_rows(nights.after, who))
    assert before - after == {(REFUSING,)}
    assert _rows(nights.after, "select customer_id from customer_clv_changes where change = 'removed'") == [(REFUSING,)]


def test_their_orders_are_still_counted_as_the_companys_money(nights: Nights, tmp_path: Path) -> None:
    with open_warehouse(nights.after).connection() as connection:
        ((orders,),) = connection.execute(
            f"select count(*) from clean.orders where customer_id = '{REFUSING}'"
        ).fetchall()
    assert orders > 0
