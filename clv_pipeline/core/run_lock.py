"""The lock of a CLV_HOME: one writer at a time (a run, a rollback or a promotion). Readers need none.

It is a lock of the operating system on an open file, so it is released when its process ends, however it ends.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from clv_pipeline.core import clock
from clv_pipeline.core.errors import BusyError
from clv_pipeline.core.home import Home

#: Wait this long before giving up, so that a short `clv promote` does not fail a nightly run.
_GRACE_SECONDS = 3.0
#: The homes this process holds, and for which run: a run that already holds its home may enter it again.
_held: dict[Path, str] = {}


@dataclass(frozen=True)
class Holder:
    """The process that works in a home; `run_id` is empty if it is not a run, `since` is UTC in ISO format."""

    pid: int
    command: str
    run_id: str
    since: str

    def __str__(self) -> str:
        run = f", run {self.run_id}" if self.run_id else ""
        return f"'{self.command}' (process {self.pid}{run}, since {self.since})"


@contextmanager
def hold(home: Home, command: str, run_id: str = "") -> Iterator[None]:
    """Keep every other writer out of `home`; `command` names this one in the error that others get.

    Raises:
        BusyError: another writer holds the lock; the message names it.
    """
    if run_id and _held.get(home.lock) == run_id:
        yield
        return
    descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(descriptor, home)
        holder = Holder(os.getpid(), command, run_id, clock.now().isoformat(timespec="seconds"))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(holder)).encode(), 0)
        _held[home.lock] = run_id
        try:
            yield
        finally:
            del _held[home.lock]
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder_of(home: Home) -> Holder | None:
    """Return the process that works in `home` now, or None."""
    holder, is_alive = _seen(home)
    return holder if is_alive else None


def dead_holder_of(home: Home) -> Holder | None:
    """Return the process that was the last to work in `home` and was killed there: it has not wiped its name out."""
    holder, is_alive = _seen(home)
    return None if is_alive or not holder or not holder.pid else holder


def _seen(home: Home) -> tuple[Holder | None, bool]:
    """Return whom the lock names, and whether it is held."""
    if not home.lock.exists():
        return None, False
    descriptor = os.open(home.lock, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor), True
    else:
        return _read(descriptor), False
    finally:
        os.close(descriptor)


def _lock(descriptor: int, home: Home) -> None:
    deadline = time.monotonic() + _GRACE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise BusyError(
                    f"{home.root} is in use by {_read(descriptor)}",
                    next_step="wait until it has ended, or stop that process; then try again.",
                ) from None
            time.sleep(0.1)
        else:
            return


def _read(descriptor: int) -> Holder:
    try:
        return Holder(**json.loads(os.pread(descriptor, 10_000, 0)))
    except (ValueError, TypeError):
        # the holder has the lock but has not written its details yet
        return Holder(0, "another process", "", "this moment")
