"""Fault 30: two customers are merged. Their money counts once, for the survivor, and the history keeps both up to then."""

from decimal import Decimal
from typing import Any

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.warehouse.connection import open_bundle_file
from clv_pipeline_tests.faults.company import TONIGHT, YESTERDAY, Company, assert_published, night

ABSORBED, SURVIVOR = "00010", "00011"


@pytest.fixture
def merged(company: Company, yesterday: Home) -> tuple[Company, Home]:
    for row in company.tables["customers"]:
        row["merged_into"] = SURVIVOR if row["customer_id"] == ABSORBED else None
    assert_published(night(company, yesterday))
    return company, yesterday


def query(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with open_bundle_file(home.published / "clv.duckdb") as connection:
        return connection.execute(sql).fetchall()


def bought(company: Company, *customers: str) -> Decimal:
    return sum(
        (Decimal(str(r["amount"])) for r in company.tables["orders"] if r["customer_id"] in customers), Decimal(0)
    )


def test_fault_30_the_money_counts_once_for_the_survivor_and_the_history_follows(merged: tuple[Company, Home]) -> None:
    company, home = merged
    assert query(home, f"select historic_value from customer_clv where customer_id = '{SURVIVOR}'") == [
        (bought(company, ABSORBED, SURVIVOR),)
    ]
    everybody = {row["customer_id"] for row in company.tables["customers"]}
    assert query(home, "select sum(historic_value), count(*) from customer_clv") == [
        (bought(company, *everybody), len(everybody) - 1)
    ]
    changes = dict(
        query(home, f"select customer_id, change from customer_clv_changes where customer_id = '{ABSORBED}'")
    )
    assert changes == {ABSORBED: "removed"}
    nights = "select as_of_date::varchar, customer_id from customer_clv_history where customer_id in {} order by all"
    assert query(home, nights.format((ABSORBED, SURVIVOR))) == [
        (YESTERDAY, ABSORBED), (YESTERDAY, SURVIVOR), (TONIGHT, SURVIVOR),
    ]  # fmt: skip
