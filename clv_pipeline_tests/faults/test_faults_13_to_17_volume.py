"""Faults 13 to 17 and 57: an empty table, too few or too many orders, a genuine peak, stale data, a half-loaded today, and
incidents of the past that are no baseline.
"""

import json
from datetime import date, timedelta
from math import ceil
from statistics import median

import dagster as dg
import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.quality.night_measures import good_nights_before
from clv_pipeline_tests.conftest import open_warehouse, run_clv_here
from clv_pipeline_tests.faults.company import (
    TONIGHT,
    YESTERDAY,
    Company,
    assert_blocked,
    assert_published,
    check,
    night,
    order,
    refusal,
)
from clv_pipeline_tests.nights import published_rows

LAST_DAY = "2024-05-31"


def lose(company: Company, day: str, share: float) -> None:
    lost = company.orders_on(day)
    lost = lost[: round(share * len(lost))]
    company.tables["orders"] = [row for row in company.tables["orders"] if row not in lost]


def sell(company: Company, day: str, times: float) -> None:
    """Add orders of the day's own customers, so that it holds `times` as many as before."""
    there = company.orders_on(day)
    for n in range(round((times - 1) * len(there))):
        more = order(there[n % len(there)]["customer_id"], day, 40 + n % 9, order_id=f"more-{day}-{n}")
        company.tables["orders"].append(more)


def refused_by(company: Company, home: Home, check: str) -> str:
    """Return what the checks on the night say, of which this one blocks; a whole night that does is in fault 14's first test."""
    said = str(refusal(company, home))
    assert f"check {check}: " in said
    return said


@pytest.mark.parametrize("table", ["orders", "customers", "web_sessions"])
def test_fault_13_a_table_that_is_suddenly_empty_blocks(table: str, company: Company, yesterday: Home) -> None:
    company.tables[table] = []
    assert table in str(refusal(company, yesterday, cleaned=("orders", "customers", "web_sessions")))


def test_fault_14_a_day_that_lost_most_of_its_orders_blocks_until_acknowledged(
    company: Company, yesterday: Home
) -> None:
    lose(company, LAST_DAY, 0.9)
    seen = night(company, yesterday)
    assert_blocked(
        seen, "check order_volume", "orders on Fri 2024-05-31", "the median of the Fridays of the last 8 weeks",
        "fix the source and run again", "--acknowledge order_volume`", "clv/acknowledge = order_volume",
        "docs/runbook.md#order_volume",
    )  # fmt: skip
    passed, told = check(yesterday, "quality.night", "order_volume")
    assert not passed
    assert told["value"] == len(company.orders_on(LAST_DAY))
    assert "0.4 to 2 times the median" in str(told["limit"])
    assert told["what to do"] == "docs/runbook.md#order_volume"

    unknown = night(company, yesterday, TONIGHT, "--acknowledge", "order_volum")
    assert_blocked(unknown, "There is no check 'order_volum'", "nearest: 'order_volume'", "freshness")
    assert "check order_volume" in str(refusal(company, yesterday, acknowledged=("freshness",)))

    assert_published(night(company, yesterday, TONIGHT, "--acknowledge", "order_volume"))
    assert published_rows(yesterday, "select acknowledged_checks, is_stale from clv_run") == [("order_volume", False)]
    with open_warehouse(yesterday).transaction() as connection:
        before, after = good_nights_before(connection, "source", date(2024, 6, 2))
    assert (before.acknowledged, after.acknowledged) == (frozenset(), {"order_volume"}), "fault 57: no baseline"
    with dg.DagsterInstance.from_config(str(yesterday.dagster)) as instance:
        (run,) = instance.get_runs(limit=1)
    assert run.tags["clv/acknowledge"] == "order_volume"
    said = run_clv_here("status", "--home", str(yesterday.root)).stdout
    assert "acknowledged: order_volume" in " ".join(said.split())


def test_fault_57_days_that_were_acknowledged_are_no_baseline(company: Company, yesterday: Home) -> None:
    """Four of the eight Fridays before lost most of their orders, as known then; the median is of the other four."""
    incidents = [date.fromisoformat(LAST_DAY) - timedelta(weeks=n) for n in range(1, 5)]
    for day in (*map(str, incidents), LAST_DAY):
        lose(company, day, 0.9)
    with open_warehouse(yesterday).transaction() as connection:
        for day in incidents:
            connection.execute(
                "insert into quality.good_nights values ('source', ?, 'then', 'acknowledged', 'order_volume', 1)",
                [day + timedelta(days=1)],
            )
    healthy = median(len(company.orders_on(incidents[-1] - timedelta(weeks=n))) for n in range(1, 5))
    assert healthy >= 3 * max(len(company.orders_on(str(day))) for day in incidents)
    assert f"baseline {healthy:g}, the median of the Fridays" in refused_by(company, yesterday, "order_volume")


@pytest.mark.chaos
def test_fault_14_a_day_with_far_too_many_orders_blocks(company: Company, yesterday: Home) -> None:
    sell(company, LAST_DAY, 4)
    assert_blocked(night(company, yesterday), "check order_volume", "orders on Fri 2024-05-31", "limit")
    pointer = json.loads((yesterday.published / "current.json").read_text())
    assert pointer["as_of_date"] == YESTERDAY


def test_fault_14_a_day_whose_orders_name_no_customer_blocks(company: Company, yesterday: Home) -> None:
    """The orders are all there; had it passed, nobody would have bought that day."""
    for row in company.orders_on(LAST_DAY):
        row["customer_id"] = ""
    lost = len(company.orders_on(LAST_DAY))
    said = refused_by(company, yesterday, "guest_orders")
    assert f"{lost} of {lost} orders on Fri 2024-05-31 are guest orders" in said
    assert "baseline 100.0% with a customer" in said


def test_fault_14_a_day_whose_orders_are_all_set_aside_has_not_come(company: Company, yesterday: Home) -> None:
    """Each order of the day is quarantined, which is a warning; that none is left is more than that."""
    for row in company.orders_on(LAST_DAY):
        row["amount"] = "NaN"
    assert "orders: 0 orders on Fri 2024-05-31" in refused_by(company, yesterday, "order_volume")


@pytest.mark.chaos
def test_fault_14_a_table_that_lost_most_of_its_rows_blocks(company: Company, yesterday: Home) -> None:
    sessions = company.tables["web_sessions"]
    company.tables["web_sessions"] = sessions[: len(sessions) // 5]
    assert_blocked(
        night(company, yesterday),
        "check table_volume",
        "web_sessions:",
        "as of 2024-05-31",
        "--acknowledge table_volume",
    )


def test_faults_15_and_17_a_peak_within_bounds_is_published_with_a_warning_and_a_half_loaded_today_is_not_seen(
    company: Company, yesterday: Home
) -> None:
    fridays = [str(date.fromisoformat(LAST_DAY) - timedelta(weeks=n)) for n in range(1, 9)]
    usual = median(len(company.orders_on(day)) for day in fridays)
    for n in range(ceil(2 * usual) - 1 - len(company.orders_on(LAST_DAY))):
        company.tables["orders"].append(order(f"{n:05d}", LAST_DAY, 40 + n % 9, order_id=f"peak-{n}"))
    for row in company.orders_on(LAST_DAY)[::3]:
        row["status"] = "open"  # as the newest orders are: no revenue yet, but they arrived
    for n in range(3):
        company.tables["orders"].append(order(f"{n:05d}", TONIGHT, 40, order_id=f"today-{n}"))
    seen = night(company, yesterday)
    assert_published(seen)
    passed, told = check(yesterday, "quality.night", "order_volume")
    assert not passed
    assert told["value"] == len(company.orders_on(LAST_DAY)), "today's orders are not counted"
    assert "order_volume" in seen.output
    assert check(yesterday, "quality.night", "freshness")[1]["value"] == 1
    ((newest, last),) = published_rows(
        yesterday,
        "select (select max(last_order_date) from customer_clv)::varchar, newest_order_date::varchar from clv_run",
    )
    assert newest == last == LAST_DAY


@pytest.mark.chaos
def test_fault_16_stale_orders_block_or_are_published_and_marked_by_setting(company: Company, yesterday: Home) -> None:
    for table in ("orders", "web_sessions"):
        time = {"orders": "ordered_at", "web_sessions": "started_at"}[table]
        company.tables[table] = [row for row in company.tables[table] if str(row[time]) < "2024-05-27"]
    says = ("check freshness", "the newest order is dated 2024-05-26, 6 days before as_of 2024-06-01", "limit 3 days")
    assert_blocked(night(company, yesterday), *says, "--acknowledge freshness")
    assert_published(night(company, yesterday, CLV_STALE_DATA="publish"))
    ((stale, newest),) = published_rows(yesterday, "select is_stale, newest_order_date::varchar from clv_run")
    assert (stale, newest) == (True, "2024-05-26")
    said = " ".join(run_clv_here("status", "--home", str(yesterday.root)).stdout.split())
    assert "STALE: the newest order is dated 2024-05-26, 6 days before as_of" in said
