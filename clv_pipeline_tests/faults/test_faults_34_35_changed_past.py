"""Faults 34 and 35: an order arrives a week late; orders are deleted or back-dated at the source. One night has them all."""

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline_tests.faults.company import (
    TONIGHT,
    YESTERDAY,
    Company,
    assert_published,
    check,
    night,
    order,
)
from clv_pipeline_tests.nights import published_rows

LATE, DELETED, BACK_DATED = "00011", "2024-02-10", "2024-03-15"


@pytest.mark.chaos
def test_late_orders_count_tonight_and_lost_ones_are_found_while_the_history_stays_as_it_was(
    company: Company, yesterday: Home
) -> None:
    history = f"select * from customer_clv_history where as_of_date = '{YESTERDAY}' order by customer_id"
    value = f"select historic_value from customer_clv where customer_id = '{LATE}'"
    published_before = published_rows(yesterday, history)
    ((value_before,),) = published_rows(yesterday, value)
    company.tables["orders"].append(order(LATE, "2024-05-25", "500.00", order_id="late"))
    company.tables["orders"] = [row for row in company.tables["orders"] if row not in company.orders_on(DELETED)]
    (moved, *_) = company.orders_on(BACK_DATED)
    moved["ordered_at"] = "2023-11-05 12:00:00"
    seen = night(company, yesterday)
    assert_published(seen)

    passed, told = check(yesterday, "quality.night", "past_months")
    assert not passed
    assert [line.split(":")[0] for line in told["details"]] == ["2023-11", "2024-02", "2024-03"], "the late one is none"
    assert all(" before, " in line and " now" in line for line in told["details"])
    assert "past_months" in seen.output
    ((then, now),) = [(line.split()[1], line.split()[6]) for line in told["details"] if line.startswith("2023-11")]
    assert int(now) == int(then) + 1

    own = sum(float(row["amount"]) for row in company.tables["orders"] if row["customer_id"] == LATE)
    ((value_now,),) = published_rows(yesterday, value)
    assert float(value_now) == round(own, 2)
    assert value_now >= value_before + 500
    assert published_rows(yesterday, history) == published_before
    nights = "select as_of_date::varchar, count(*) from customer_clv_history group by 1 order by 1"
    assert published_rows(yesterday, nights) == [(YESTERDAY, 160), (TONIGHT, 160)]
