"""Fault 43: two runs at once on one home. The second is refused at once, naming the holder; reading goes on."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT
from clv_pipeline.core.run_lock import Holder, hold, holder_of
from clv_pipeline.orchestration.dagster_home import prepare_dagster_home
from clv_pipeline.orchestration.history import newest_run
from clv_pipeline_tests.conftest import CLV, SMALL_RUN, run_clv_here
from clv_pipeline_tests.nights import contents, copy_of, served_run, served_whole

DAGSTER = Path(sys.executable).with_name("dagster")
AS_OF = "2026-07-01"
PATIENCE_SECONDS = 120


def _environment(home: Home) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CLV_", "DAGSTER_"))}
    return clean | SMALL_RUN | {"CLV_HOME": str(home.root), "DAGSTER_HOME": str(home.dagster)}


@contextmanager
def _started(arguments: list[str], home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command in a process group of its own; at the end nothing of the group is left."""
    with home.root.with_name("output.log").open("wb") as output:
        process = subprocess.Popen(
            arguments,
            env=_environment(home),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=PROJECT,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


def _launched_by_dagster(home: Home) -> list[str]:
    """Return the command with which Dagster itself executes the job, as its daemon and UI do, without `clv`."""
    prepare_dagster_home(home)
    return [str(DAGSTER), "job", "execute", "-m", "clv_pipeline.orchestration.definitions", "-j", "nightly"]


def _wait_until_under_way(home: Home, process: subprocess.Popen[bytes]) -> Holder:
    """Return who holds the home, once the first step of its run is done."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        holder, said = holder_of(home), home.root.with_name("output.log").read_text()
        if holder and ("done   extract" in said or "STEP_SUCCESS" in said):
            return holder
        assert process.poll() is None, said
        time.sleep(0.05)
    raise AssertionError("nobody took the home")


def _assert_refused(ran: subprocess.CompletedProcess[str], holder: Holder) -> None:
    assert ran.returncode == 1, ran.stdout + ran.stderr
    said = " ".join(ran.stdout.split())
    assert "is in use by" in said
    for word in (holder.command, f"process {holder.pid}", f"run {holder.run_id}", f"since {holder.since}", "Next step"):
        assert word in said
    assert "Traceback" not in ran.stdout + ran.stderr


@pytest.fixture
def home(demo_run: Home, tmp_path: Path) -> Home:
    return copy_of(demo_run, tmp_path)


START: dict[str, Callable[[Home], list[str]]] = {
    "clv run": lambda home: [str(CLV), "run", "--home", str(home.root)],
    "dagster": _launched_by_dagster,
}


@pytest.mark.parametrize("started_by", ["clv run", pytest.param("dagster", marks=pytest.mark.chaos)])
def test_whoever_started_the_first_run_the_second_is_refused_and_a_kill_frees_the_home(
    home: Home, started_by: str
) -> None:
    before = contents(home.published)
    with _started(START[started_by](home), home) as first:
        holder = _wait_until_under_way(home, first)
        os.killpg(first.pid, signal.SIGSTOP)  # it stays in as long as the others take
        assert holder.pid == first.pid
        assert started_by == "dagster" or holder.command == "clv run"
        _assert_refused(run_clv_here("run", "--home", str(home.root), **SMALL_RUN), holder)
        if started_by == "dagster":
            _assert_refused(run_clv_here("rollback", "--home", str(home.root)), holder)
            _assert_refused(run_clv_here("promote", "20260701-x", "--home", str(home.root)), holder)
            for reading in (["status"], ["explain", "no-such-customer"]):
                read = run_clv_here(*reading, "--home", str(home.root))
                assert "in use" not in read.stdout + read.stderr
        assert holder_of(home) == holder
        os.killpg(first.pid, signal.SIGKILL)
        first.wait(timeout=30)
    assert holder_of(home) is None
    run = newest_run(home)
    assert run is not None
    assert (run.run_id, run.status) == (holder.run_id, "killed")
    assert contents(home.published) == before
    assert served_whole(home) == AS_OF
    with hold(home, "clv rollback"):
        assert holder_of(home) is not None, "the home is free again"


def test_a_run_that_dagster_starts_meanwhile_is_red_and_says_who_is_in(home: Home) -> None:
    before, served = contents(home.published), served_run(home)
    command = _launched_by_dagster(home)
    with hold(home, "clv run", "the-first-run"), _started(command, home) as second:
        assert second.wait(timeout=PATIENCE_SECONDS) != 0
    run = newest_run(home)
    assert run is not None
    assert run.status == "failure"
    (failure,) = run.failures
    assert f"'clv run' (process {os.getpid()}, run the-first-run, since " in failure.message
    assert "Next step" not in failure.what
    assert (failure.subject, failure.runbook) == ("the run", "docs/runbook.md#busy")
    assert failure.message.endswith(f"Next step: {failure.next_step} More: {failure.runbook}")
    assert contents(home.published) == before
    assert (served_whole(home), served_run(home)) == (AS_OF, served)


def test_a_refused_command_line_run_leaves_no_run_in_the_history(home: Home) -> None:
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        runs = {run.run_id for run in instance.get_runs()}
        with hold(home, "clv run", "the-first-run"):
            started = time.monotonic()
            ran = run_clv_here("run", "--home", str(home.root))
        assert ran.returncode == 1
        assert "'clv run'" in ran.stdout
        assert {run.run_id for run in instance.get_runs()} == runs
    assert time.monotonic() - started < PATIENCE_SECONDS / 2


def test_a_run_of_another_process_that_works_is_not_taken_for_dead(home: Home) -> None:
    """`clv ui` starts while a run works: the history must not say that the run failed."""
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        (run,) = instance.get_runs()
        alive = instance.add_run(
            dg.DagsterRun(job_name=run.job_name, run_id="11111111-aaaa", status=dg.DagsterRunStatus.STARTED)
        )
        dead = instance.add_run(
            dg.DagsterRun(job_name=run.job_name, run_id="22222222-bbbb", status=dg.DagsterRunStatus.STARTED)
        )
        with hold(home, "clv run", alive.run_id):
            prepare_dagster_home(home)
        statuses = {r.run_id: r.status for r in instance.get_runs()}
    assert statuses[alive.run_id] == dg.DagsterRunStatus.STARTED
    assert statuses[dead.run_id] == dg.DagsterRunStatus.FAILURE


#: Takes the home, publishes a night in it, and writes down when it was in; refused, it says by whom and ends with 3.
_ENTER = """
import os, sys, time
from pathlib import Path
from clv_pipeline.core.errors import BusyError
from clv_pipeline.core.home import Home
from clv_pipeline.core.run_lock import hold
from clv_pipeline_tests.nights import publish_night
home, diary, delay = Home(Path(sys.argv[1])), Path(sys.argv[2]), float(sys.argv[3])
def note(what):
    with diary.open("a") as file:
        file.write(f"{what} {os.getpid()}\\n")
time.sleep(delay)
try:
    with hold(home, "clv run", str(os.getpid())):
        note("in")
        publish_night(home, "2024-06-01")
        note("out")
except BusyError as error:
    print(error)
    sys.exit(3)
"""


def test_whoever_comes_when_one_at_a_time_is_in(seed: int, yesterday: Home, tmp_path: Path) -> None:
    draw, diary = random.Random(seed), tmp_path / "diary"
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CLV_")}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", _ENTER, str(yesterday.root), str(diary), str(draw.choice([0, draw.uniform(0, 2)]))],
            env=clean, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = {run.pid: run.communicate(timeout=PATIENCE_SECONDS) for run in runs}
    ended = {run.pid: run.returncode for run in runs}
    assert sorted(ended.values()) in ([0, 0], [0, 3]), said
    entries = [line.split() for line in diary.read_text().splitlines()]
    for come, gone in zip(entries[::2], entries[1::2], strict=True):
        assert (come[0], gone[0]) == ("in", "out")
        assert come[1] == gone[1], "two were in at once"
    for pid, status in ended.items():
        if status == 3:
            (other,) = ended.keys() - {pid}
            assert f"'clv run' (process {other}, run {other}, since " in said[pid][0]
    assert served_whole(yesterday) == "2024-06-01"
