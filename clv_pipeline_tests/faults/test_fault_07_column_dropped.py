"""Fault 7: a column is renamed or dropped at the source. The night is blocked, naming the column and the nearest name seen."""

from clv_pipeline.core.home import Home
from clv_pipeline_tests.faults.company import Company, assert_blocked, night


def test_a_renamed_column_blocks_the_night_and_names_the_nearest_one(company: Company, yesterday: Home) -> None:
    for row in company.tables["orders"]:
        row["ordered_on"] = row.pop("ordered_at")
    assert_blocked(
        night(company, yesterday), "orders", "lacks the contract column 'ordered_at'", "nearest: 'ordered_on'"
    )
