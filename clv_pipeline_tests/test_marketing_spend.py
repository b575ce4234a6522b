"""Marketing spend by campaign, from the source to the clean table: nothing is overwritten, nothing counts twice."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from clv_pipeline.contracts.reasons import REASONS
from clv_pipeline.quality.cleaning import build_clean_table
from clv_pipeline.quality.expectations import Validator
from clv_pipeline.sources.extraction import Night
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import AS_OF, STARTED_AT, FileSource
from clv_pipeline_tests.warehouse_builders import build_lookups, extract_source, sql_model

ORDERS = "order_id,customer_id,ordered_at,amount\n1,c1,2024-05-01,10\n"
HEADER = "channel,spend_date,campaign,spend\n"
SINCE = "select * from marketing_spend where spend_date >= :since"


@pytest.fixture
def total(file_source: Callable[..., FileSource], warehouse: Warehouse) -> Callable[[str], dict[str, Decimal]]:
    """Return `total(rows)`: load the rows in increments and return disposition -> money, after the table is reconciled."""
    validator = Validator()

    def night(rows: str) -> dict[str, Decimal]:
        selects = {"marketing_spend": SINCE}
        settings = file_source(orders=ORDERS, marketing_spend=HEADER + rows, selects=selects).settings()
        extract_source(settings, warehouse, AS_OF, STARTED_AT)
        build_lookups(warehouse, settings)
        report = build_clean_table(warehouse, sql_model("1_clean", "marketing_spend"), settings, validator)
        return {d.disposition: d.money for d in report.dispositions if d.money is not None}

    return night


def test_campaigns_of_one_day_are_added_and_a_row_delivered_twice_is_counted_as_such(
    total: Callable[[str], dict[str, Decimal]], warehouse: Warehouse
) -> None:
    rows = "search,2024-05-30,brand,10.10\nsearch,2024-05-30,shop,5.05\nsearch,2024-05-30,shop,5.05\nsearch,2024-05-30,,1.01\n"
    assert total(rows) == {"accepted": Decimal("16.16"), "duplicate": Decimal("5.05")}
    assert REASONS["delivered_twice"].disposition == "duplicate"
    with warehouse.connection() as connection:
        summed = connection.execute("select channel, sum(spend) from clean.marketing_spend group by channel").fetchall()
    assert summed == [("search", Decimal("16.16"))]


@pytest.mark.parametrize("can_count", [True, False])
def test_spend_that_is_restated_within_an_increment_takes_the_place_of_what_it_was(
    total: Callable[[str], dict[str, Decimal]], monkeypatch: pytest.MonkeyPatch, can_count: bool
) -> None:
    if not can_count:
        monkeypatch.setattr(Night, "_count_at_source", lambda *_: None)
    old = "search,2024-01-10,brand,7.00\n"
    assert total(f"{old}search,2024-05-30,brand,100.00\n") == {"accepted": Decimal("107.00")}
    assert total(f"{old}search,2024-05-30,brand,105.00\n") == {"accepted": Decimal("112.00")}
