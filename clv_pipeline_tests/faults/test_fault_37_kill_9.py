"""Fault 37: SIGKILL at any point of a run, as a power cut or the kernel gives it. What is served stays one whole bundle,
and the next run heals unaided.
"""

import pkgutil
import signal
from pathlib import Path

import dagster as dg
import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.publishing.publishing import publish
from clv_pipeline.publishing.serving import current
from clv_pipeline.warehouse.connection import open_bundle_file
from clv_pipeline.warehouse.sql_models import load_layer
from clv_pipeline_tests.conftest import RULES_RUN, open_warehouse
from clv_pipeline_tests.cut_short import cut_everywhere
from clv_pipeline_tests.faults.company import (
    CANARY_KEY,
    TONIGHT,
    YESTERDAY,
    Company,
    arguments_of,
    assert_published,
    night,
)
from clv_pipeline_tests.faults.kill_points import KILL_POINTS, kill_point, run_and_die
from clv_pipeline_tests.nights import contents, copy_of, served_whole, without_pictures


def _assert_nothing_left_over(home: Home) -> None:
    assert list(home.published.glob(".*")) == []
    assert list(home.scratch.iterdir()) == []
    # one run at a time is allowed: one that looks alive for ever would keep the schedule's runs in the queue for ever
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        assert [r for r in instance.get_runs() if not r.is_finished] == []
    with open_warehouse(home).connection() as connection:
        history = connection.execute("select distinct as_of_date::varchar from scores.history order by 1").fetchall()
    assert (TONIGHT,) in history and {(YESTERDAY,), (TONIGHT,)} >= set(history)


def _tables(home: Home) -> dict[str, str]:
    return {name: digest for name, digest in contents(home.published).items() if name.endswith(".parquet")}


@pytest.fixture(scope="module")
def quiet(good_night: Home, company_root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what is published after tonight's run on which nothing went wrong."""
    home = copy_of(good_night, tmp_path_factory.mktemp("quiet"))
    assert_published(night(Company(company_root), home))
    return _tables(home)


def test_there_are_more_than_twenty_points_and_each_is_a_function() -> None:
    assert len({point.name for point in KILL_POINTS}) == len(KILL_POINTS) > 20
    assert [point.function for point in KILL_POINTS if not callable(pkgutil.resolve_name(point.function))] == []


def test_a_killed_run_leaves_one_whole_bundle_and_the_next_run_heals(
    seed: int, company: Company, yesterday: Home, tmp_path: Path, quiet: dict[str, str]
) -> None:
    point = kill_point(seed)
    home = Home(tmp_path / "first" / "home") if point.first_run else yesterday
    before = {n: h for n, h in contents(home.published).items() if "/" in n}
    company.write()
    killed = run_and_die(
        point, "run", "--home", str(home.root), *arguments_of(company, TONIGHT), **RULES_RUN, CLV_HASH_KEY=CANARY_KEY
    )
    died = killed.returncode == -signal.SIGKILL
    assert died or point.served == "either", f"{point.name}: {killed.stdout + killed.stderr}"
    allowed = {"yesterday": [YESTERDAY], "tonight": [TONIGHT], "either": [YESTERDAY, TONIGHT]}[point.served]
    assert served_whole(home) in ([None] if point.first_run else allowed), point.name
    assert before.items() <= contents(home.published).items(), f"{point.name}: an earlier bundle was changed"

    assert_published(night(company, home))
    _assert_nothing_left_over(home)
    if not point.first_run and not point.retrain:
        assert _tables(home) == quiet, f"{point.name}: the kill changed what is published in the end"


# --- publishing, cut before every single step that moves, copies or removes a file ---------------------------------------


def publish_again(home: Home) -> None:
    with without_pictures():
        publish(open_warehouse(home), load_layer("4_published"), load_settings(source="demo"), home)


def _publish_and_die(template: Path, folder: Path) -> list[Home]:
    steps = ("os.replace", "shutil.copyfile", "shutil.rmtree")
    homes = cut_everywhere(f"{__name__}:publish_again", template, folder, *steps)
    assert len(homes) > 5
    return homes


@pytest.fixture(scope="module")
def cut(good_night: Home, tmp_path_factory: pytest.TempPathFactory) -> list[Home]:
    """Return homes where publishing a new day was cut, each one step later than the one before; the last one is uncut."""
    folder = tmp_path_factory.mktemp("cut")
    template = copy_of(good_night, folder)
    with open_warehouse(template).transaction() as connection:
        connection.execute("update scores.run set run_id = '20240601-cut', as_of = date '2024-06-01'")
        connection.execute("update published.customer_clv set run_id = '20240601-cut', as_of_date = date '2024-06-01'")
        connection.execute("update scores.tonight set as_of_date = date '2024-06-01'")
    return _publish_and_die(template.root, folder / "cut")


def test_publishing_a_new_day_may_be_cut_anywhere(cut: list[Home]) -> None:
    seen = [served_whole(home) for home in cut]
    assert seen == sorted(str(s) for s in seen), "once tonight's is served it stays"
    assert (seen[0], seen[-1]) == (YESTERDAY, TONIGHT)


def test_the_pointer_and_the_file_name_the_same_run_wherever_publishing_is_cut(cut: list[Home]) -> None:
    for home in cut:
        with open_bundle_file(home.published / "clv.duckdb") as connection:
            ((run_id,),) = connection.execute("select run_id from clv_run").fetchall()
        pointer = current(home.published)
        assert pointer is not None
        assert pointer["run_id"] == run_id, "the pointer says one run, the served file is another"


def test_publishing_again_heals_whatever_was_cut(cut: list[Home], tmp_path: Path) -> None:
    for position in (0, len(cut) // 2, len(cut) - 2):
        home = copy_of(cut[position], tmp_path / str(position))
        publish_again(home)
        assert served_whole(home) == TONIGHT
        assert current(home.published) == current(cut[-1].published)
        assert list(home.published.glob(".*")) == []


@pytest.mark.chaos
def test_publishing_the_same_run_again_may_be_cut_anywhere(good_night: Home, tmp_path: Path) -> None:
    before = current(good_night.published)
    for position, home in enumerate(_publish_and_die(good_night.root, tmp_path / "cut")):
        try:
            assert served_whole(home) == YESTERDAY
        except (AssertionError, OSError) as error:
            raise AssertionError(f"cut before step {position + 1}: {error}") from error
        assert current(home.published) == before
