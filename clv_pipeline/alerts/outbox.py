"""`alerts.json` of a home: what was told, which runs were looked at, and the messages that have not arrived. One file, so that
a process that is killed leaves all of it or nothing; one process at a time.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from clv_pipeline.alerts.delivery import PAUSES, Refusal, Send, WayOut, deliver
from clv_pipeline.alerts.message import Alert, Event, Since
from clv_pipeline.alerts.news import Told, Trouble
from clv_pipeline.core.home import Home, write_durably

log = logging.getLogger(__name__)
#: How many runs are remembered; only the newest hundred are looked at.
_RUNS = 300
#: How many messages wait. A webhook that is gone must not collect them for ever.
_WAITING = 50
#: How long one call may deliver; what is left waits for the next.
_DELIVERY_SECONDS = 20.0
#: How long a process that looks every half minute leaves a way out alone that has failed.
_REST = timedelta(minutes=10)


@dataclass(frozen=True)
class Waiting:
    """A message, as JSON, and the settings that name where it has not arrived yet."""

    body: dict[str, Any]
    to: tuple[WayOut, ...]


@dataclass(frozen=True)
class Outbox:
    """The content of the file. runs: those that were looked at, the newest last. failed_at: when a delivery failed."""

    told: Told = field(default_factory=Told)
    runs: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    failed_at: datetime | None = None
    refusals: dict[str, str] = field(default_factory=dict)

    def with_run(self, run_id: str) -> "Outbox":
        return replace(self, runs=(*self.runs, run_id)[-_RUNS:])

    def with_alert(self, told: Told, alert: Alert | None, to: Mapping[WayOut, Send]) -> "Outbox":
        """Return what it is once something was told, with the message if there is one."""
        if alert is None:
            return replace(self, told=told)
        waiting = (*self.waiting, Waiting(alert.as_json(), tuple(to)))
        if len(waiting) > _WAITING:
            log.warning("%d alerts that could not be delivered are given up", len(waiting) - _WAITING)
        return replace(self, told=told, waiting=waiting[-_WAITING:])


@contextmanager
def kept(home: Home, wait_seconds: float) -> Iterator[bool]:
    """Keep other processes from the outbox of a home; yield whether it is free now.

    Raises:
        OSError: the home cannot be written to.
    """
    home.alerts.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home.alerts.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _is_locked(descriptor, time.monotonic() + wait_seconds)
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        else:
            return True


def read(home: Home) -> Outbox | None:
    """Return the outbox of a home; None where nobody was ever told of anything, or the file cannot be read."""
    try:
        content = json.loads(home.alerts.read_text())
        told = content["told"]
        return Outbox(
            Told(_trouble(told["trouble"]), tuple(told["acknowledged"]), told["too_old"]),
            tuple(content["runs"]),
            tuple(Waiting(w["body"], tuple(w["to"])) for w in content["waiting"]),
            _time(content["failed_at"]),
            content["refusals"],
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        log.warning("%s cannot be read, so the newest run counts as news again", home.alerts)
        return None


def write(home: Home, outbox: Outbox) -> None:
    """Write the outbox: a reader sees the old one or the new one."""
    content = json.dumps(asdict(outbox), default=lambda day: day.isoformat(), indent=1)
    write_durably(home.alerts, content.encode())


def _trouble(values: dict[str, Any] | None) -> Trouble | None:
    if values is None:
        return None
    since = values["since"]
    when = datetime.fromisoformat(since["when"])
    return Trouble(
        Event(values["event"]), values["reason"], Since(since["run_id"], _day(since["as_of"]), when, since["nights"]),
        _day(values["last_as_of"]),
    )  # fmt: skip


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def empty(
    home: Home, outbox: Outbox, ways: Mapping[WayOut, Send], now: datetime, *, tries: int, patient: bool
) -> Outbox:
    """Deliver what waits, the oldest first, and write down each arrival at once; return what is left.

    A way out that fails gets no later message in this call, so that they arrive in order. patient: leave one that has failed
    alone for a while.
    """
    waiting = [replace(w, to=tuple(name for name in w.to if name in ways)) for w in outbox.waiting]
    left = replace(outbox, waiting=tuple(w for w in waiting if w.to))
    if patient and left.failed_at and now - left.failed_at < _REST:
        return left
    refusals: dict[str, Refusal] = {}
    deadline = time.monotonic() + _DELIVERY_SECONDS
    for message in left.waiting:
        for name in message.to:
            if name in refusals or time.monotonic() > deadline:
                continue
            refusal = deliver(ways[name], message.body, tries=tries)
            if refusal:
                refusals[name] = refusal
                log.warning(
                    "An alert was not delivered: %s. It is sent again with the next run or `clv status`. Next step: %s",
                    refusal.what, refusal.next_step,
                )  # fmt: skip
                continue
            left = _arrived(left, str(message.body["id"]), name)
            write(home, left)
    texts = {name: f"{refusal.what}\n{refusal.next_step}" for name, refusal in refusals.items()}
    return replace(left, failed_at=now if refusals else None, refusals=texts)


def _arrived(outbox: Outbox, key: str, way: WayOut) -> Outbox:
    left = (
        replace(w, to=tuple(name for name in w.to if name != way)) if w.body["id"] == key else w for w in outbox.waiting
    )
    return replace(outbox, waiting=tuple(w for w in left if w.to))


#: The tries of a process that nobody waits for, and of a command that somebody does.
ALL_TRIES, ONE_TRY = 1 + len(PAUSES), 1
