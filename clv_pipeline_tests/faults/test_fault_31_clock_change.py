"""Fault 31: the nights when clocks go forward and back. A schedule at 02:30 runs once in each."""

from collections.abc import Callable

import pytest

from clv_pipeline_tests.conftest import FileSource
from clv_pipeline_tests.ticks import ticks

_BERLIN_NIGHTS = ["2026-03-29", "2026-10-25", "2026-07-01", "2026-12-31", "2028-02-29"]


@pytest.mark.parametrize(
    ("zone", "nights", "process_zone", "by_hand"),
    [
        ("Europe/Berlin", _BERLIN_NIGHTS, "America/New_York", "2026-07-01"),
        pytest.param("Europe/Berlin", _BERLIN_NIGHTS, "UTC", "2026-07-01", marks=pytest.mark.chaos),
        pytest.param("Europe/Berlin", _BERLIN_NIGHTS, "Pacific/Auckland", "2026-07-01", marks=pytest.mark.chaos),
        pytest.param(
            "America/New_York",
            ["2026-03-08", "2026-11-01", "2026-07-01"],
            "Pacific/Auckland",
            "2026-06-30",
            marks=pytest.mark.chaos,
        ),
        ("Pacific/Auckland", ["2026-04-05", "2026-09-27", "2026-07-01"], "America/New_York", "2026-07-01"),
    ],
)
def test_fault_31_one_tick_a_night_with_the_day_of_the_business_zone(
    file_source: Callable[..., FileSource], zone: str, nights: list[str], process_zone: str, by_hand: str
) -> None:
    found = ticks(file_source(toml=f'time_zone = "{zone}"\n'), zone, nights, process_zone)
    assert (found["cron"], found["zone"], found["status"]) == ("30 2 * * *", zone, "RUNNING")
    assert found["job"] == "nightly"
    for night in nights:
        (tick,) = found["nights"][night]
        assert tick["asked"] == [{"run_key": night, "as_of": night}], f"{night} ticked at {tick['local']}"
        # 02:30 does not exist where the clock jumps from 2 to 3
        there = ("T03:00", "T03:30") if night in ("2026-03-29", "2026-03-08", "2026-09-27") else ("T02:30",)
        assert tick["local"].removeprefix(night).startswith(there), tick["local"]
    assert found["by_hand"] == [by_hand, "2026-05-01"]
