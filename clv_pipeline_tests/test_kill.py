"""SIGKILL, as a power cut or the kernel gives it: what is served stays one whole bundle, and the next run heals unaided."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from clv_pipeline.home import Home
from clv_pipeline.serving import current
from clv_pipeline.warehouse import open_bundle_file
from clv_pipeline_tests.conftest import CLV, RULES_RUN, open_warehouse, run_clv_here
from clv_pipeline_tests.nights import copy_of, served_whole

TINY = RULES_RUN | {"CLV_DEMO_CUSTOMERS": "600"}
YESTERDAY, TONIGHT = "2026-06-30", "2026-07-01"
GIVE_UP_SECONDS = 240


def _kill_when(home: Home, as_of: str, is_time: Callable[[str], bool]) -> str:
    """Start `clv run`, kill its process group once `is_time(its output so far)`, and return the output."""
    log = home.root.with_name("killed.log")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CLV_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(CLV), "run", "--home", str(home.root), "--as-of", as_of],
            env=clean | TINY, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + GIVE_UP_SECONDS
    try:
        while not is_time(log.read_text(errors="replace")):
            assert process.poll() is None, f"it ended before it was killed: {log.read_text()}"
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.005)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    assert process.returncode == -signal.SIGKILL
    return log.read_text()


def _after(step: str) -> Callable[[str], bool]:
    return lambda output: any(line.split()[:2] == ["done", step] for line in output.splitlines())


def _run(home: Home, as_of: str) -> None:
    ran = run_clv_here("run", "--home", str(home.root), "--as-of", as_of, **TINY)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert served_whole(home) == as_of


def _leftovers(home: Home) -> list[str]:
    return sorted(p.name for p in home.published.iterdir() if p.name.startswith("."))


@pytest.fixture(scope="module")
def yesterday(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home whose very first run was killed half-way and whose second went through: yesterday's is served."""
    home = Home(tmp_path_factory.mktemp("killed") / "home")
    _kill_when(home, YESTERDAY, _after("clean.orders"))
    assert served_whole(home) is None
    assert not any(home.published.iterdir())
    _run(home, YESTERDAY)
    return home


@pytest.fixture(scope="module")
def healed(yesterday: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home where tonight's run was killed again and again, each time on top of the last one's ruins."""
    home = copy_of(yesterday, tmp_path_factory.mktemp("healed"))
    delay = random.Random(7).uniform(2, 12)
    killed_at = time.monotonic() + delay
    points: list[Callable[[str], bool]] = [
        lambda output: time.monotonic() > killed_at,
        _after("extract"),
        _after("features.customer_features"),
        lambda output: any(home.published.glob(".building-*/parquet/*")),
    ]
    for is_time in points:
        _kill_when(home, TONIGHT, is_time)
        assert served_whole(home) == YESTERDAY
    _run(home, TONIGHT)
    return home


def test_a_killed_first_run_serves_nothing_and_the_next_one_publishes(yesterday: Home) -> None:
    assert served_whole(yesterday) == YESTERDAY


def test_tonight_is_published_after_four_kills(healed: Home) -> None:
    assert served_whole(healed) == TONIGHT
    pointer = current(healed.published)
    assert pointer is not None
    assert pointer["as_of_date"] == TONIGHT
    with open_warehouse(healed).connection() as connection:
        history = connection.execute(
            "select as_of_date::varchar, count(*) from scores.history group by 1 order by 1"
        ).fetchall()
    assert [row[0] for row in history] == [YESTERDAY, TONIGHT]


def test_nothing_half_built_is_left_after_healing(healed: Home) -> None:
    assert _leftovers(healed) == []
    assert list(healed.scratch.iterdir()) == []


def test_kills_change_no_byte_of_what_is_published_in_the_end(healed: Home, yesterday: Home, tmp_path: Path) -> None:
    quiet = copy_of(yesterday, tmp_path)
    _run(quiet, TONIGHT)
    for name in (p.name for p in quiet.published.iterdir() if p.is_dir()):
        for file in sorted((quiet.published / name / "parquet").iterdir()):
            assert file.read_bytes() == (healed.published / name / "parquet" / file.name).read_bytes(), file.name


def test_a_killed_run_does_not_stay_running_in_the_history(healed: Home) -> None:
    """One run at a time is allowed: a run that looks alive for ever would keep the schedule's runs in the queue for ever."""
    with dg.DagsterInstance.from_config(str(healed.dagster)) as instance:
        running = [r for r in instance.get_runs() if not r.is_finished]
    assert running == []


#: Publishes a copy of the home for each n, and dies right before the n-th step that moves, copies or removes files.
_PUBLISH_AND_DIE = """
import os, shutil, signal, sys
from pathlib import Path
from clv_pipeline import publishing
from clv_pipeline.home import Home
from clv_pipeline.settings import load_settings
from clv_pipeline.sql_models import load_layer
from clv_pipeline_tests.conftest import open_warehouse

template, folder = Path(sys.argv[1]), Path(sys.argv[2])

def dying(function, state, last):
    def call(*arguments, **named):
        state[0] += 1
        if state[0] == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)
    return call

for last in range(1, 40):
    home = Home(folder / f"{last:02d}" / "home")
    shutil.copytree(template, home.root)
    child = os.fork()
    if child == 0:
        state = [0]
        os.replace, shutil.copyfile = dying(os.replace, state, last), dying(shutil.copyfile, state, last)
        shutil.rmtree = dying(shutil.rmtree, state, last)
        publishing.publish(open_warehouse(home), load_layer("4_published"), load_settings(source="demo"), home)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(os.waitstatus_to_exitcode(status))
"""


def _publish_and_die(template: Path, folder: Path) -> list[Home]:
    """Return one home for each point where publishing can be cut, the last one uncut."""
    folder.mkdir()
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CLV_")}
    ran = subprocess.run(
        [sys.executable, "-c", _PUBLISH_AND_DIE, str(template), str(folder)],
        env=clean | TINY, capture_output=True, text=True, timeout=GIVE_UP_SECONDS, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    homes = [Home(path / "home") for path in sorted(folder.iterdir())]
    assert len(homes) > 5
    return homes


def _publish(home: Home) -> None:
    from clv_pipeline.publishing import publish
    from clv_pipeline.settings import load_settings
    from clv_pipeline.sql_models import load_layer

    publish(open_warehouse(home), load_layer("4_published"), load_settings(source="demo"), home)


@pytest.fixture(scope="module")
def cut(yesterday: Home, tmp_path_factory: pytest.TempPathFactory) -> list[Home]:
    """Return homes where publishing a new day was cut, each one step later than the one before; the last one is uncut."""
    folder = tmp_path_factory.mktemp("cut")
    template = copy_of(yesterday, folder)
    with open_warehouse(template).transaction() as connection:
        connection.execute("update scores.run set run_id = '20260701-cut', as_of = date '2026-07-01'")
        connection.execute("update published.customer_clv set run_id = '20260701-cut', as_of_date = date '2026-07-01'")
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
        _publish(home)
        assert served_whole(home) == TONIGHT
        assert current(home.published) == current(cut[-1].published)
        assert _leftovers(home) == []


def test_publishing_the_same_run_again_may_be_cut_anywhere(yesterday: Home, tmp_path: Path) -> None:
    before = current(yesterday.published)
    for position, home in enumerate(_publish_and_die(yesterday.root, tmp_path / "cut")):
        try:
            assert served_whole(home) == YESTERDAY
        except (AssertionError, OSError) as error:
            raise AssertionError(f"cut before step {position + 1}: {error}") from error
        assert current(home.published) == before
