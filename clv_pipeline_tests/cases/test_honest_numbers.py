"""A subscription, a small shop, and an as_of in the past: whole nights on files whose right values are known.

Inputs and values are not to be changed; the READMEs say where they come from and why they are right.
"""

import csv
from datetime import date
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest

from clv_pipeline_tests.cases.test_exports import EXPORTS, Ran, run


def _expected(export: str) -> dict[str, dict[str, str]]:
    with (EXPORTS / export / "expected.csv").open() as file:
        return {row["customer"]: row for row in csv.DictReader(file)}


def _mean(rows: list[dict[str, Any]], column: str) -> float:
    return mean(float(row[column]) for row in rows)


@pytest.fixture(scope="module")
def subscription(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run("09-subscription", tmp_path_factory.mktemp("plan"), as_of="2024-07-01", horizons="90,365")


def test_who_pays_every_month_is_expected_to_and_who_missed_two_is_not(subscription: Ran) -> None:
    customers, expected = subscription.customers(), _expected("09-subscription")
    active = [customers[who] for who, row in expected.items() if row["subscribed"] == "1"]
    gone = [
        customers[who]
        for who, row in expected.items()
        if (date(2024, 7, 1) - date.fromisoformat(row["last"])).days >= 62
    ]
    assert len(active) > 200 and len(gone) > 50
    paid = _mean(active, "predicted_spend_90d")
    assert 24 <= paid <= 33
    assert _mean(gone, "predicted_spend_90d") <= 0.01 * paid
    total = sum(float(row["predicted_spend_90d"]) for row in customers.values())
    assert abs(total / (28.6 * len(active)) - 1) <= 0.05
    assert median(float(row["probability_alive"]) for row in active) > 0.9
    assert median(float(row["probability_alive"]) for row in gone) < 0.1
    year = 9.99 * sum(0.97**month for month in range(1, 13))
    assert abs(_mean(active, "predicted_spend_365d") / year - 1) <= 0.2
    assert _mean(gone, "lifetime_spend") <= 0.01 * _mean(active, "lifetime_spend")


def test_the_next_payment_is_expected_a_month_after_the_last(subscription: Ran) -> None:
    customers, expected = subscription.customers(), _expected("09-subscription")
    off = [
        abs((row["expected_next_order_date"] - row["last_order_date"]).days - 30.4)
        for who, row in customers.items()
        if expected[who]["subscribed"] == "1" and row["purchase_days"] >= 3 and row["expected_next_order_date"]
    ]
    assert len(off) > 100
    assert median(off) <= 3


def test_a_small_shop_gets_a_total_that_is_right_and_modest_figures_for_one_purchase(tmp_path: Path) -> None:
    ran = run("32-small-shop", tmp_path)
    customers = ran.customers()
    actual = sum(float(row["next_90_days"]) for row in _expected("32-small-shop").values())
    total = sum(float(row["predicted_spend_90d"]) for row in customers.values())
    assert 0.6 <= total / actual <= 1.6
    (clv_run,) = ran.rows("clv_run")
    assert float(clv_run["predicted_spend_total_low"]) < actual < float(clv_run["predicted_spend_total_high"])
    assert clv_run["basis"] == "prior"
    new = [row for row in customers.values() if row["purchase_days"] == 1 and row["recency_days"] <= 30]
    assert len(new) > 5
    assert max(float(row["predicted_spend_90d"]) / float(row["historic_value"]) for row in new) < 2


def test_nothing_after_as_of_is_seen(tmp_path: Path) -> None:
    whole, cut = (
        run("07-as-of-in-the-past", tmp_path / name, files=EXPORTS / "07-as-of-in-the-past" / name)
        for name in ("files", "files_cut")
    )
    own = {"run_id", "outcome_run_id", "model_version", "data_fingerprint"}
    with_own_rows = {"data_quality", "clv_run", "column_lineage"}
    first = [row["first_order_date"] for row in whole.customers().values() if row["first_order_date"]]
    assert max(first) < date(2024, 6, 1)
    compared = 0
    for table in set(whole.tables()) - with_own_rows:
        one, other = (
            [{name: value for name, value in row.items() if name not in own} for row in ran.rows(table)]
            for ran in (whole, cut)
        )
        assert one == other, table
        compared += len(one)
    assert compared > 200
