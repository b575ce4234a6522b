"""Fault 48: going back to an earlier bundle is one command of under a minute, and it may be cut anywhere."""

import time
from pathlib import Path

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.publishing.serving import current, read_pointer
from clv_pipeline_tests.conftest import run_clv
from clv_pipeline_tests.cut_short import cut_everywhere
from clv_pipeline_tests.forked import run_clv_forked
from clv_pipeline_tests.nights import contents, copy_of, publish_night, served_run, served_whole

YESTERDAY, TONIGHT, TOMORROW = "2026-07-01", "2026-07-02", "2026-07-03"


@pytest.fixture(scope="module")
def two_nights(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = copy_of(demo_run, tmp_path_factory.mktemp("rollback"))
    publish_night(home, TONIGHT)
    return home


def test_one_command_in_under_a_minute_and_the_next_night_publishes(
    two_nights: Home, demo_run: Home, tmp_path: Path
) -> None:
    home = copy_of(two_nights, tmp_path)
    started = time.monotonic()
    ran = run_clv("rollback", "--home", str(home.root))
    assert time.monotonic() - started < 60
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"Served now: run {served_run(demo_run)}" in ran.stdout
    assert f"as of {YESTERDAY}" in ran.stdout
    assert served_whole(home) == YESTERDAY
    assert (home.published / "clv.duckdb").read_bytes() == (demo_run.published / "clv.duckdb").read_bytes()
    assert publish_night(home, TOMORROW).is_served
    assert served_whole(home) == TOMORROW


def test_going_back_may_be_cut_anywhere(two_nights: Home, tmp_path: Path) -> None:
    steps = ("os.replace", "os.unlink", "os.fsync", "shutil.copyfile")
    homes = cut_everywhere("clv_pipeline.publishing.serving:roll_back", two_nights.root, tmp_path / "cut", *steps)
    assert len(homes) > 5
    seen = [served_whole(home) for home in homes]
    assert set(seen) == {YESTERDAY, TONIGHT}
    assert seen == sorted((str(s) for s in seen), reverse=True), "once yesterday's is served it stays"
    pointer, served = read_pointer(homes[-1].published), current(homes[-1].published)
    assert pointer is not None and served is not None
    assert pointer["run_id"] == served["run_id"]


def test_what_is_not_whole_is_refused_and_the_served_one_stays(two_nights: Home, tmp_path: Path) -> None:
    home = copy_of(two_nights, tmp_path)
    earlier = next(p for p in home.published.iterdir() if p.is_dir() and p.name != served_run(home))
    file = earlier / "parquet" / "customer_clv.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    before = contents(home.published)
    ran = run_clv_forked("rollback", "--home", str(home.root))
    assert ran.returncode == 1
    said = " ".join(ran.stdout.split())
    assert f"The bundle '{earlier.name}' is damaged: parquet/customer_clv.parquet" in said
    assert "the served bundle is unchanged" in said
    assert contents(home.published) == before
