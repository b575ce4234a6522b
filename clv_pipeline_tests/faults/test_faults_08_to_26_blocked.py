"""Faults 8, 11, 21 and 26, where a wrong number would be published if the night went on: it is blocked instead."""

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline_tests.faults.company import Company, assert_blocked, night, refusal


def test_fault_08_a_column_that_changed_its_type_blocks_with_column_type_and_example(
    company: Company, yesterday: Home
) -> None:
    for number, row in enumerate(company.tables["orders"]):
        row["ordered_at"] = str(1_700_000_000 + number)
    assert_blocked(
        night(company, yesterday), "orders.ordered_at", "values cannot be read as timestamp, for example '1700000000'"
    )


def test_fault_08_an_optional_column_that_changed_its_type_blocks_too(company: Company, yesterday: Home) -> None:
    for row in company.tables["web_sessions"]:
        row["page_views"] = "many"
    said = str(refusal(company, yesterday))
    assert "web_sessions.page_views" in said and "cannot be read as integer, for example 'xxxx'" in said


def test_fault_11_one_amount_with_a_decimal_comma_blocks(company: Company, yesterday: Home) -> None:
    company.tables["orders"][50]["amount"] = "1.234,56"
    said = str(refusal(company, yesterday))
    assert "orders.amount: 1 values cannot be read as money, for example '1.234,56'" in said


def test_fault_21_a_jump_of_unknown_customers_blocks(company: Company, yesterday: Home) -> None:
    del company.tables["customers"][:40]
    said = str(refusal(company, yesterday, cleaned=("orders", "customers")))
    for text in (
        "check unknown_customers",
        "25% of the buyers are not in the customers table, 0% before",
        "customers.customer_id",
    ):
        assert text in said


@pytest.mark.parametrize("rate", ["0", "-0.9"])
def test_fault_26_a_rate_that_is_none_blocks(rate: str, company: Company, yesterday: Home) -> None:
    """Orders times 0 would be worth nothing, and nobody would miss them."""
    company.tables["fx_rates"] = [{"currency": "USD", "rate_date": "2024-05-30", "rate": rate}]
    company.orders_on("2024-05-30")[0]["currency"] = "USD"
    said = str(refusal(company, yesterday))
    assert f"fx_rates.rate: 1 values cannot be read as rate, for example '{rate}'" in said and "rates above 0" in said


def test_fault_26_rates_that_stopped_coming_block_after_five_days(company: Company, yesterday: Home) -> None:
    company.tables["fx_rates"] = [{"currency": "USD", "rate_date": "2024-05-24", "rate": "0.9"}]
    for day in ("2024-05-29", "2024-05-30"):
        company.orders_on(day)[0]["currency"] = "USD"
    said = str(refusal(company, yesterday))
    for text in (
        "clean.orders",
        "1 orders have no exchange rate",
        "none for USD on 2024-05-30, nor for 5 days before it",
    ):
        assert text in said
