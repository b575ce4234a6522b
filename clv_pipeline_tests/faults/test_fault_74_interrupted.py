"""Fault 74: Ctrl-C and SIGTERM, at ten points of the commands. Each says so, names what stands, and ends soon with 130 or 143.

A real process gets the signal right before a call. What is served afterwards is whole; the next command completes the work.
"""

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from clv_pipeline.cli import COMMANDS
from clv_pipeline.cli.interrupts import AFTER
from clv_pipeline.core.home import Home
from clv_pipeline.publishing.serving import what_is_damaged
from clv_pipeline_tests.conftest import RULES_RUN, run_clv_here
from clv_pipeline_tests.faults.company import (
    CANARY_KEY,
    TONIGHT,
    YESTERDAY,
    Company,
    arguments_of,
    assert_published,
    night,
)
from clv_pipeline_tests.forked import python_process
from clv_pipeline_tests.nights import served_run, served_whole

#: Runs the command line given; the process gets the signal before the n-th call of a function, and says how long it took.
_RUN_AND_SIGNAL = """
import os, pkgutil, sys, time
function, calls, number, *arguments = sys.argv[1:]
module, _, path = function.partition(":")
*owners, name = path.split(".")
owner = pkgutil.resolve_name(module)
for attribute in owners:
    owner = getattr(owner, attribute)
original, left, end = getattr(owner, name), [int(calls)], os._exit

def interrupted(*positional, **named):
    left[0] -= 1
    if not left[0]:
        began = time.monotonic()

        def tell_and_end(status):
            print(f"seconds {time.monotonic() - began:.1f}", file=sys.stderr, flush=True)
            end(status)

        os._exit = tell_and_end
        os.kill(os.getpid(), int(number))
    return original(*positional, **named)

setattr(owner, name, interrupted)
from clv_pipeline.cli import main
sys.argv = ["clv", *arguments]
try:
    main()
finally:
    if os._exit is not end:
        sys.stdout.flush()
        os._exit(sys.exc_info()[1].code)
"""
#: A command ends by itself within the 5 seconds that it has, or is ended; the rest is for a loaded machine.
_SOON_SECONDS = 15


@dataclass(frozen=True)
class Point:
    """A call of `function` before which the signal comes."""

    name: str
    function: str
    calls: int = 1
    number: int = signal.SIGINT
    retrain: bool = False
    has_target: bool = False


#: The one that `make test` runs comes first.
RUN_POINTS = [
    Point("training: a fit in a thread", "clv_pipeline.modeling.training.training:tune_candidates", retrain=True),
    Point("publishing: the bundle has not its final name", "clv_pipeline.publishing.publishing:seal"),
    Point("extraction: half of the tables are loaded", "clv_pipeline.sources.extraction:load_batch", 3),
    Point("cleaning", "clv_pipeline.quality.cleaning:_split", 2),
    Point("features", "clv_pipeline.features.build:build_feature_table", 4, signal.SIGTERM),
    Point("scoring", "clv_pipeline.scoring.scoring:_write_scores"),
    Point("publishing to a database", "clv_pipeline.publishing.database_target:replace_rows", 3, has_target=True),
    Point("publishing: served, the pointer is old", "clv_pipeline.publishing.serving:write_durably"),
]  # fmt: skip
_IN_MAKE_TEST = 1


def interrupt(point: Point, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    where = (point.function, str(point.calls), str(int(point.number)))
    return python_process(_RUN_AND_SIGNAL, *where, *arguments, **environment)


def _assert_interrupted(ran: subprocess.CompletedProcess[str], number: int = signal.SIGINT) -> str:
    assert ran.returncode == 128 + number, ran.stdout + ran.stderr
    assert "interrupted " in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "error " not in ran.stdout
    seconds = float(ran.stderr.rpartition("seconds ")[2])
    assert seconds < _SOON_SECONDS
    return " ".join(ran.stdout.split())


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(point, id=point.name, marks=[pytest.mark.chaos] if place >= _IN_MAKE_TEST else [])
        for place, point in enumerate(RUN_POINTS)
    ],
)
def test_an_interrupted_run_says_what_is_served_and_the_next_one_heals(
    company: Company, yesterday: Home, point: Point, tmp_path: Path
) -> None:
    company.write()
    retrain = ["--retrain"] if point.retrain else []
    target = {"CLV_PUBLISH_URL": f"sqlite:///{tmp_path}/bi.sqlite"} if point.has_target else {}
    ran = interrupt(
        point, "run", "--home", str(yesterday.root), *arguments_of(company, TONIGHT), *retrain,
        **RULES_RUN, **target, CLV_HASH_KEY=CANARY_KEY,
    )  # fmt: skip
    said = _assert_interrupted(ran, point.number)
    assert served_whole(yesterday) in (YESTERDAY, TONIGHT)
    assert f"Served now: run {served_run(yesterday)} of " in said or "pointer" in point.name
    assert "The next `clv run" in said
    status = run_clv_here("status", "--home", str(yesterday.root))
    assert status.returncode == 3, "a run that was interrupted is a night that is missing"
    assert_published(night(company, yesterday))


def test_an_interrupted_erasure_is_completed_by_the_same_command(yesterday: Home) -> None:
    point = Point("half of it", "clv_pipeline.privacy.erasure:_clean_warehouse")
    arguments = ("forget", "00007", "--yes", "--home", str(yesterday.root))
    said = _assert_interrupted(interrupt(point, *arguments, CLV_HASH_KEY=CANARY_KEY))
    assert "run `clv forget" in said
    done = run_clv_here(*arguments, CLV_HASH_KEY=CANARY_KEY)
    assert done.returncode == 0, done.stdout
    assert "Erased; re-import is blocked" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "function"),
    [
        (("doctor",), "clv_pipeline.diagnostics.doctor:examine"),
        (("rollback",), "clv_pipeline.publishing.serving:bundles"),
        (("backtest",), "clv_pipeline.evaluation.backtest:run_backtest"),
    ],
)
def test_another_command_that_is_interrupted_leaves_what_is_served(
    yesterday: Home, arguments: tuple[str, ...], function: str
) -> None:
    before = served_run(yesterday)
    ran = interrupt(Point("", function), *arguments, "--home", str(yesterday.root), CLV_HASH_KEY=CANARY_KEY)
    _assert_interrupted(ran)
    assert served_run(yesterday) == before
    assert what_is_damaged(yesterday.published / before) is None


def test_work_that_does_not_listen_is_ended_within_seconds(yesterday: Home) -> None:
    """A thread of a library that computes holds the command up; the signal is seen beside it."""
    held_up = f"""
import os, signal, sys, time
from clv_pipeline.diagnostics import doctor

def deaf(settings):
    signal.signal(signal.SIGINT, lambda number, frame: None)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(100)
    return []

doctor.examine = deaf
from clv_pipeline.cli import main
sys.argv = ["clv", "doctor", "--home", {str(yesterday.root)!r}]
main()
"""
    began = time.monotonic()
    ran = python_process(held_up)
    assert ran.returncode == 130
    assert time.monotonic() - began < 60
    assert "interrupted Nothing was changed." in " ".join(ran.stdout.split())


def test_every_command_says_what_stands_after_it() -> None:
    assert AFTER.keys() == {command.name for command in COMMANDS}
