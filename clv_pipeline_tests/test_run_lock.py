"""The lock on a home, with real processes: who holds it is named to whoever is refused, and it ends with its process."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clv_pipeline.core.errors import BusyError
from clv_pipeline.core.home import Home
from clv_pipeline.core.run_lock import hold, holder_of

_HOLD = """
import sys
from pathlib import Path
from clv_pipeline.core.home import Home
from clv_pipeline.core.run_lock import hold
with hold(Home(Path(sys.argv[1])), "a long run", "run-1"):
    print("in", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(home: Home) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold the home until the end, or until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(home.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        assert process.stdout.readline() == "in\n"
        yield process
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def test_the_second_writer_is_refused_and_told_who_is_in(home: Home) -> None:
    with held_by_another(home) as other:
        with pytest.raises(BusyError) as error, hold(home, "clv rollback"):
            raise AssertionError("two are in")
        holder = holder_of(home)
    assert holder is not None
    assert (holder.pid, holder.command, holder.run_id) == (other.pid, "a long run", "run-1")
    for word in (str(home.root), "a long run", f"process {other.pid}", "run run-1", f"since {holder.since}"):
        assert word in error.value.what
    with hold(home, "clv rollback"):
        assert holder_of(home) is not None


def test_the_lock_of_a_killed_process_is_free(home: Home) -> None:
    with held_by_another(home) as other:
        other.kill()
        other.wait(timeout=30)
        assert "a long run" in home.lock.read_text(), "it had no time to sign off"
        assert holder_of(home) is None
        with hold(home, "clv run", "run-2"):
            holder = holder_of(home)
    assert holder is not None
    assert (holder.pid, holder.command) == (os.getpid(), "clv run")


def test_a_look_at_the_lock_refuses_nobody(home: Home) -> None:
    looking = threading.Event()

    def look() -> None:
        while not looking.is_set():
            holder_of(home)

    onlooker = threading.Thread(target=look)
    with hold(home, "clv run"):
        pass
    onlooker.start()
    try:
        for _ in range(200):
            with hold(home, "clv run"):
                pass
    finally:
        looking.set()
        onlooker.join()


def test_a_run_may_enter_its_own_home_once_more_and_no_other_run_may(home: Home) -> None:
    with hold(home, "clv run", "run-1"):
        with hold(home, "its steps", "run-1"):
            assert holder_of(home) is not None
        holder = holder_of(home)
        assert holder is not None
        assert holder.command == "clv run", "the inner one neither signs nor frees"
        for other in ("run-2", ""):
            with pytest.raises(BusyError), hold(home, "another", other):
                raise AssertionError("two are in")
    assert holder_of(home) is None


def test_a_failure_inside_frees_the_home(home: Home) -> None:
    with pytest.raises(ValueError, match="inside"), hold(home, "clv run", "run-1"):
        raise ValueError("inside")
    assert holder_of(home) is None
    with hold(home, "clv run", "run-1"):
        assert holder_of(home) is not None


def test_two_homes_never_meet(home: Home, tmp_path: Path) -> None:
    with held_by_another(home), hold(Home(tmp_path / "other"), "clv run"):
        assert holder_of(Home(tmp_path / "other")) is not None


def test_a_holder_that_has_not_signed_yet_is_still_a_holder(home: Home) -> None:
    with hold(home, "clv run"):
        home.lock.write_text("{half")
        holder = holder_of(home)
        with pytest.raises(BusyError, match="another process"), hold(home, "clv rollback"):
            raise AssertionError("two are in")
    assert holder is not None
