"""Fault 45: the scheduler was down for days. Missed nights are caught up, as far back as set; the history has no gap."""

import os
from datetime import date, datetime, time, timedelta
from pathlib import Path
from unittest import mock
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from clv_pipeline.core.home import Home
from clv_pipeline_tests.nights import contents, copy_of, nights_in_history, publish_night, served_whole

LAST_GOOD = date(2026, 7, 1)
TOMORROW, IN_A_MONTH = LAST_GOOD + timedelta(days=1), LAST_GOOD + timedelta(days=30)


def asked(*ticks: tuple[date, dict[str, str]]) -> list[list[str]]:
    """Return, for each tick (a day and the settings), the nights that the schedule asks for, in order.

    The tick is at 02:30 in Berlin. What the process's own time zone has to do with it is fault 31.
    """
    # imported here: the code location reads the settings of the process as it is imported
    from clv_pipeline.orchestration.definitions import defs
    from clv_pipeline.orchestration.resources import AS_OF_TAG, current_settings

    (schedule,) = defs.schedules or []
    assert isinstance(schedule, dg.ScheduleDefinition)
    found = []
    for day, settings in ticks:
        at = datetime.combine(day, time(2, 30), ZoneInfo("Europe/Berlin"))
        with mock.patch.dict(os.environ, settings):
            current_settings.cache_clear()
            context = dg.build_schedule_context(scheduled_execution_time=at)
            requests = schedule.evaluate_tick(context).run_requests or []
        keys = [request.run_key for request in requests]
        assert len(set(keys)) == len(keys), "a night is asked for once"
        found.append([request.tags[AS_OF_TAG] for request in requests])
    current_settings.cache_clear()
    return found


def nights(first: date, last: date) -> list[str]:
    return [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]


def shop(folder: Path, name: str, home: Home, **more: str) -> dict[str, str]:
    """Return the settings of a source as a company has it, without a fixed as_of."""
    folder.mkdir()
    (folder / "source.toml").write_text(f'name = "{name}"\ntime_zone = "Europe/Berlin"\n')
    return {"CLV_HOME": str(home.root), "CLV_SOURCE": str(folder)} | more


@pytest.fixture(scope="module")
def back_after_four(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, str], list[str]]:
    """Return a home whose scheduler was away for three nights, its settings, and the nights asked for on its return."""
    folder = tmp_path_factory.mktemp("down")
    home = copy_of(demo_run, folder)
    settings = shop(folder / "source", "Demo company", home)
    (found,) = asked((LAST_GOOD + timedelta(days=4), settings))
    for as_of in found:
        assert publish_night(home, as_of).is_served
        assert served_whole(home) == as_of
    return home, settings, found


def test_the_missed_nights_are_made_up_for_first_and_the_history_has_no_gap(
    back_after_four: tuple[Home, dict[str, str], list[str]],
) -> None:
    home, settings, found = back_after_four
    back = LAST_GOOD + timedelta(days=4)
    assert found == nights(TOMORROW, back)
    history = nights_in_history(home)
    assert list(history) == nights(LAST_GOOD, back), "the history has a gap"
    assert all(rows == keys for rows, keys in history.values())
    (after,) = asked((back + timedelta(days=1), settings))
    assert after == [str(back + timedelta(days=1))], "once made up for, a night is not asked for again"


def test_how_far_back_is_a_setting_and_nothing_else_asks_for_more_than_tonight(demo_run: Home, tmp_path: Path) -> None:
    before = contents(demo_run.published)
    ours = shop(tmp_path / "ours", "Demo company", demo_run)
    usual, a_week, none, two, first, others, demo = asked(
        (TOMORROW, ours),
        (IN_A_MONTH, ours),
        (IN_A_MONTH, ours | {"CLV_CATCH_UP_NIGHTS": "0"}),
        (IN_A_MONTH, ours | {"CLV_CATCH_UP_NIGHTS": "2"}),
        (IN_A_MONTH, ours | {"CLV_HOME": str(tmp_path / "new home")}),
        (IN_A_MONTH, shop(tmp_path / "others", "Another shop", demo_run)),
        (IN_A_MONTH, {"CLV_HOME": str(demo_run.root)}),
    )
    assert usual == [str(TOMORROW)]
    assert a_week == nights(IN_A_MONTH - timedelta(days=7), IN_A_MONTH)
    assert two == nights(IN_A_MONTH - timedelta(days=2), IN_A_MONTH)
    assert none == first == others == [str(IN_A_MONTH)]
    assert demo == [str(LAST_GOOD)], "the demo's day is fixed"
    assert contents(demo_run.published) == before
