"""Fault 47: a backfill of past nights. One run at a time, and none of them takes the place of a newer one."""

from datetime import date, timedelta

import pytest
import yaml

from clv_pipeline.core.home import Home
from clv_pipeline_tests.nights import (
    bundle_names,
    contents,
    copy_of,
    nights_in_history,
    publish_night,
    served_run,
    served_whole,
)

LATEST = date(2026, 7, 1)
KEPT = 4
#: Twice as many nights as bundles are kept.
PAST = [str(LATEST - timedelta(days=days)) for days in range(2 * KEPT, 0, -1)]


@pytest.fixture(scope="module")
def backfilled(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return the demo home after a backfill, in which every night was looked at."""
    home = copy_of(demo_run, tmp_path_factory.mktemp("backfill"))
    latest = served_run(home)
    before = {
        name: contents(home.published)[name] for name in ("clv.duckdb", "current.json", f"{latest}/manifest.json")
    }
    for as_of in PAST:
        made = publish_night(home, as_of, keep_bundles=KEPT)
        assert not made.is_served
        assert made.folder.is_dir(), "what was just made is there to be looked at"
        assert served_whole(home) == str(LATEST)
        after = contents(home.published)
        assert {name: after.get(name) for name in before} == before, f"the night of {as_of} changed the latest"
    return home


def test_the_latest_is_served_and_the_newest_bundles_are_kept(backfilled: Home, demo_run: Home) -> None:
    assert served_run(backfilled) == served_run(demo_run)
    newest = {f"{as_of.replace('-', '')}-night" for as_of in PAST[-(KEPT - 1) :]}
    assert bundle_names(backfilled) == newest | {served_run(demo_run)}


def test_the_next_night_publishes_a_history_that_holds_every_past_night_once(backfilled: Home) -> None:
    tomorrow = str(LATEST + timedelta(days=1))
    assert publish_night(backfilled, tomorrow).is_served
    assert served_whole(backfilled) == tomorrow
    history = nights_in_history(backfilled)
    assert list(history) == [*PAST, str(LATEST), tomorrow]
    assert all(rows == keys > 1000 for rows, keys in history.values())


def test_runs_wait_for_each_other(demo_run: Home) -> None:
    """Runs of a backfill in the UI queue up; fault 43 shows that whoever starts one by another door is refused."""
    configuration = yaml.safe_load((demo_run.dagster / "dagster.yaml").read_text())
    assert configuration["concurrency"]["runs"]["max_concurrent_runs"] == 1
