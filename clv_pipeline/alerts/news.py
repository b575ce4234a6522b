"""What is news: the end of a night, compared with what was told before, gives one message or none. Nothing is sent here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from clv_pipeline.alerts.message import Alert, Event, Problem, Served, Since, reason_of
from clv_pipeline.core.commands import pasteable


@dataclass(frozen=True)
class NightEnd:
    """How one run that publishes ended.

    what: its failures, if it is red; else what was acknowledged, or why it is stale. is_served: what it published is served,
    and not an older night.
    """

    run_id: str
    as_of: date | None
    when: datetime
    is_red: bool
    what: tuple[Problem, ...] = ()
    acknowledged: tuple[str, ...] = ()
    is_stale: bool = False
    is_served: bool = True


#: The reason of a trouble that is the age of what is served.
_AGE = "age"


@dataclass(frozen=True)
class Trouble:
    """What was told and has not ended; last_as_of: the newest night of it."""

    event: Event
    reason: str
    since: Since
    last_as_of: date | None

    def joined_by(self, night: NightEnd) -> "Trouble":
        """Return the trouble with one more night of it; a second run for the same night is not another night."""
        if night.as_of is not None and night.as_of == self.last_as_of:
            return self
        newest = max((day for day in (self.last_as_of, night.as_of) if day), default=None)
        return replace(self, since=replace(self.since, nights=self.since.nights + 1), last_as_of=newest)

    def is_ended_by(self, night: NightEnd) -> bool:
        """Return whether a published night ends it: that of an older day, which somebody runs again, does not."""
        return night.is_served and (self.last_as_of is None or night.as_of is None or night.as_of >= self.last_as_of)

    def until(self, night: NightEnd) -> Since:
        """Return its length up to the night that ended it; nights that are missing were not counted one by one."""
        if self.reason == _AGE and self.since.as_of and night.as_of:
            return replace(self.since, nights=max(1, (night.as_of - self.since.as_of).days))
        return self.since


@dataclass(frozen=True)
class Told:
    """What was told so far. acknowledged: the checks of the newest published night. too_old: the bundle told to be so."""

    trouble: Trouble | None = None
    acknowledged: tuple[str, ...] = ()
    too_old: str = ""


@dataclass(frozen=True)
class About:
    """What every message says of its home. place: options that name it; program: what a reader types for `clv`."""

    source: str
    place: str
    program: str
    served: Served | None

    def pasteable(self, text: str) -> str:
        """Return a text with its commands as they are called on the machine of this home."""
        return pasteable(text, self.place, self.program)

    def commands(self, run_id: str) -> tuple[str, ...]:
        """Return the commands to paste: what a run did, what state the home is in."""
        explain = (f"clv explain-run {run_id} {self.place}",) if run_id else ()
        return tuple(map(self.pasteable, (*explain, f"clv status {self.place}")))


def tell_of_night(told: Told, night: NightEnd, about: About) -> tuple[Told, Alert | None]:
    """Return what is told once this night has ended, and the message, if it is news."""
    if night.is_red:
        return _red(told, night, about)
    before = told.trouble
    ended = before.until(night) if before and before.is_ended_by(night) else None
    is_acknowledged = night.acknowledged and night.acknowledged != told.acknowledged
    if night.is_stale and night.is_served:
        is_known = before is not None and (before.event, before.reason) == (Event.STALE, "")
        trouble = before.joined_by(night) if before and is_known else _begun(Event.STALE, night)
        event = Event.ACKNOWLEDGED if is_acknowledged else None if is_known else Event.STALE
        since: Since | None = None if is_acknowledged else trouble.since
        now = Told(trouble, night.acknowledged)
    else:
        event = Event.ACKNOWLEDGED if is_acknowledged else Event.RECOVERED if ended else None
        since = ended
        now = Told(None if ended else before, night.acknowledged, "" if night.is_served else told.too_old)
    return now, _alert(event, night, about, since) if event else None


def tell_of_age(told: Told, problem: Problem, noticed: datetime, about: About) -> tuple[Told, Alert | None]:
    """Return the same where what is served is too old because nights are missing, as `noticed` by who looks.

    It is told once for each bundle, also while nights are red: now it should not be used any more.
    """
    served = about.served
    if served is None or told.too_old == served.run_id:
        return told, None
    when, missing = noticed.replace(microsecond=0), max(1, served.age_days - 1)
    first, last = served.as_of + timedelta(days=1), served.as_of + timedelta(days=missing)
    trouble = told.trouble or Trouble(Event.STALE, _AGE, Since("", first, when, missing), last)
    alert = Alert(
        f"{about.source}:stale:{served.run_id}", Event.STALE, about.source, "", served.as_of, when,
        (problem.cleared(),), served, trouble.since, about.commands(""),
    )  # fmt: skip
    return replace(told, trouble=trouble, too_old=served.run_id), alert


def _red(told: Told, night: NightEnd, about: About) -> tuple[Told, Alert | None]:
    reason, before = reason_of(night.what), told.trouble
    if before is None:
        trouble, is_news = _begun(Event.RED, night, reason), True
    else:
        is_news = before.event is not Event.RED or before.reason != reason
        trouble = replace(before.joined_by(night), event=Event.RED, reason=reason)
    return replace(told, trouble=trouble), _alert(Event.RED, night, about, trouble.since) if is_news else None


def _begun(event: Literal[Event.RED, Event.STALE], night: NightEnd, reason: str = "") -> Trouble:
    return Trouble(event, reason, Since(night.run_id, night.as_of, night.when, 1), night.as_of)


def _alert(event: Event, night: NightEnd, about: About, since: Since | None) -> Alert:
    what: Sequence[Problem] = () if event is Event.RECOVERED else night.what
    return Alert(
        f"{about.source}:{event}:{night.run_id or night.when.isoformat()}", event, about.source, night.run_id,
        night.as_of, night.when, tuple(p.cleared() for p in what), about.served, since, about.commands(night.run_id),
    )  # fmt: skip
