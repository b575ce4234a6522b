"""Fault 46: the same as_of is run twice. The same bytes come out (I3), and the history holds each customer once."""

import shutil
from pathlib import Path

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.modeling.registry.registry import Registry
from clv_pipeline_tests.changed_settings import that_change_nothing
from clv_pipeline_tests.conftest import SMALL_RUN, open_warehouse, run_clv, run_clv_here
from clv_pipeline_tests.nights import bundle_names, contents, copy_of, nights_in_history, served_run, served_whole

AS_OF = "2026-07-01"


@pytest.fixture(scope="module")
def twice(demo_run: Home, tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Home:
    """Return the demo home after a second run of the same night that had to build its bundle again.

    Every setting that claims to change nothing has another value in it.
    """
    home = copy_of(demo_run, tmp_path_factory.mktemp("twice"))
    shutil.rmtree(home.published / served_run(home))
    others = that_change_nothing() | {"CLV_PUBLISH_URL": postgres_url}
    ran = run_clv_here("run", "--home", str(home.root), "--as-of", AS_OF, **SMALL_RUN, **others)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return home


def test_the_same_bundle_is_made_byte_for_byte(twice: Home, demo_run: Home) -> None:
    assert bundle_names(twice) == bundle_names(demo_run)
    assert served_whole(twice) == AS_OF
    one, two = (contents(home.published / served_run(home)) for home in (demo_run, twice))
    # a DuckDB file has block addresses of its own; everything else is the same
    own = {"clv.duckdb", "manifest.json"}
    assert {n: h for n, h in two.items() if n not in own} == {n: h for n, h in one.items() if n not in own}
    assert one.keys() == two.keys()
    assert (twice.published / "current.json").read_bytes() == (demo_run.published / "current.json").read_bytes()


def test_the_history_holds_each_customer_once(twice: Home, demo_run: Home) -> None:
    history = nights_in_history(twice)
    assert history == nights_in_history(demo_run)
    ((rows, keys),) = history.values()
    assert rows == keys > 1000
    with open_warehouse(twice).connection() as connection:
        ((in_warehouse,),) = connection.execute("select count(*) from scores.history").fetchall()
    assert in_warehouse == rows


def test_no_model_is_trained_and_the_champion_stays_the_champion(twice: Home, demo_run: Home) -> None:
    assert contents(twice.models) == contents(demo_run.models)
    assert Registry(twice.models).champion_history() == Registry(demo_run.models).champion_history()


@pytest.mark.chaos
def test_a_whole_bundle_is_left_as_it_is(twice: Home, tmp_path: Path) -> None:
    home = copy_of(twice, tmp_path)
    before = contents(home.published)
    ran = run_clv("run", "--home", str(home.root), "--as-of", AS_OF, **SMALL_RUN)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert contents(home.published) == before
