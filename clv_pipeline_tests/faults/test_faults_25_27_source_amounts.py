"""Faults 25 and 27: one outlier order, and cents instead of euros."""

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline_tests.faults.company import (
    TONIGHT,
    Company,
    assert_blocked,
    assert_published,
    check,
    night,
    order,
    refusal,
)
from clv_pipeline_tests.nights import copy_of, published_rows


@pytest.mark.chaos
def test_fault_25_an_outlier_order_warns_and_hardly_moves_anybody_else(company: Company, yesterday: Home) -> None:
    plain = copy_of(yesterday, yesterday.root.parent / "plain")
    assert_published(night(company, plain))
    # of a customer who leads already, for each one who comes up takes another's place in a share of the customers
    best = (
        "select customer_id from customer_clv where segment = 'high_value' order by average_purchase_value desc limit 1"
    )
    ((customer,),) = published_rows(plain, best)
    company.tables["orders"].append(order(customer, "2024-05-31", "9999999.00", order_id="outlier"))
    seen = night(company, yesterday)
    assert_published(seen)
    passed, told = check(yesterday, "quality.night", "outlier_order")
    assert not passed
    assert told["value"] == 9_999_999
    assert "the largest order of the last year is 9,999,999.00, 98." in told["message"]
    assert "quality/night outlier_order: orders.amount: the largest order" in " ".join(seen.output.split())
    assert check(yesterday, "scores.customer_scores", "predicted_total")[0], "the outlier does not decide the total"
    segments = f"select customer_id, segment from customer_clv where customer_id <> '{customer}' order by 1"
    before, after = published_rows(plain, segments), published_rows(yesterday, segments)
    moved = [one for one, other in zip(before, after, strict=True) if one != other]
    assert len(moved) <= 0.01 * len(before)
    assert published_rows(yesterday, "select count(*) from customer_clv where historic_value > 9000000") == [(1,)]


def test_fault_27_cents_instead_of_euros_block_and_both_medians_are_named(company: Company, yesterday: Home) -> None:
    for row in company.orders_on("2024-05-31") + company.orders_on("2024-05-30"):
        row["amount"] = f"{float(row['amount']) * 100:.2f}"
    seen = night(company, yesterday, TONIGHT, "--acknowledge", "order_volume")
    assert_blocked(
        seen, "check order_value: clean.orders.amount: the median order of the last day is", "of the eight weeks before",
        "in cents instead of whole units", "limit 0.2 to 5 times", "--acknowledge order_value",
    )  # fmt: skip
    passed, told = check(yesterday, "quality.night", "order_value")
    assert not passed
    assert 30 < told["value"] < 300


def test_fault_27_a_history_that_became_cents_as_a_whole_differs_from_the_last_good_night(
    company: Company, yesterday: Home
) -> None:
    for row in company.tables["orders"]:
        row["amount"] = f"{float(row['amount']) * 100:.2f}"
    said = str(refusal(company, yesterday))
    assert "the median order of the last eight weeks is" in said
    assert "those up to 2024-05-31" in said
