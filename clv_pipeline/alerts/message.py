"""The message of an alert: its JSON shape, version 1, and the sentences for a chat. The runbook documents it, section "Alerts".

It names tables, columns, rules and counts. Nothing here takes a value of a row or a number of a customer.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

#: Raised when a key changes its meaning or goes; a new key does not raise it.
VERSION = 1
#: The longest message of one finding in the sentences for a chat.
_LONGEST = 400
_EMAIL = re.compile(r"[^\s\"'(=]*@[^\s\"')]*")
#: Errors at the terminal quote a number that cannot be read, so that it can be found; a message leaves the machine.
_VALUE = r"(?:'[^']*'|[-+]?[\d.]+(?:,\d+)*)"
_EXAMPLES = re.compile(rf"(?:, for example| such as) {_VALUE}(?:, {_VALUE})*")
#: What chats take for a mention, a link or a tag.
_MARKUP = str.maketrans({"<": "(", ">": ")", "&": "+", "@": "(at)", "`": "'"})


class Event(StrEnum):
    """What is told. `TEST` is the message of `clv test-alert`."""

    RED = "red"
    STALE = "stale"
    RECOVERED = "recovered"
    ACKNOWLEDGED = "acknowledged"
    TEST = "test"


@dataclass(frozen=True)
class Problem:
    """One check or error. `name` is that of the check, else the section of the runbook about the error.

    asset: where it was found. table, column, rule, count: what it is about, where the check or error says so. value, limit,
    baseline: of a nightly check. guilty: the segments that hold the missing or extra rows.
    """

    name: str
    asset: str
    message: str
    next_step: str = ""
    runbook: str = ""
    table: str | None = None
    column: str | None = None
    rule: str | None = None
    count: int | None = None
    value: float | None = None
    limit: str | None = None
    baseline: str | None = None
    guilty: tuple[dict[str, Any], ...] = ()

    def cleared(self) -> "Problem":
        """Return the problem without e-mail addresses and without the examples that errors at the terminal give."""
        return replace(self, message=without_values(self.message), next_step=without_values(self.next_step))


@dataclass(frozen=True)
class Served:
    """What is served while the message is written."""

    run_id: str
    as_of: date
    age_days: int


@dataclass(frozen=True)
class Since:
    """The first night of a trouble, and how many nights it has lasted, this one included."""

    run_id: str
    as_of: date | None
    when: datetime
    nights: int


@dataclass(frozen=True)
class Alert:
    """One message. `key` is its idempotency key: the same for each try to deliver it.

    since: of the trouble that began, or that has ended.
    """

    key: str
    event: Event
    source: str
    run_id: str
    as_of: date | None
    when: datetime
    what: tuple[Problem, ...]
    served: Served | None
    since: Since | None
    next_commands: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the documented shape, of plain JSON values."""
        return {
            "version": VERSION,
            "id": self.key,
            "event": self.event.value,
            "text": self.text,
            "source": self.source,
            "run_id": self.run_id,
            "as_of": _plain(self.as_of),
            "when": _plain(self.when),
            "what": [{n: v for n, v in asdict(p).items() if n != "guilty"} for p in self.what],
            "guilty": [segment for problem in self.what for segment in problem.guilty],
            "served": {n: _plain(v) for n, v in asdict(self.served).items()} if self.served else None,
            "since": {n: _plain(v) for n, v in asdict(self.since).items()} if self.since else None,
            "next_commands": list(self.next_commands),
        }

    @property
    def text(self) -> str:
        """What happened, in sentences that a chat shows as they are, and the first command."""
        sentences = [self._headline()]
        if self.event is not Event.TEST:
            sentences.append(
                f"Served: the night of {self.served.as_of}, {days(self.served.age_days)} old."
                if self.served
                else "Nothing is served yet."
            )
        if self.next_commands:
            sentences.append(f"Next: {self.next_commands[0]}")
        return " ".join(sentences).translate(_MARKUP)

    def _headline(self) -> str:
        night = f"{self.source}, night of {self.as_of}" if self.as_of else self.source
        what = _in_short(self.what)
        match self.event:
            case Event.RED:
                since = f" since {self._began()}" if self.since and self.since.nights > 1 else ""
                return f"{night}: red{since}. {what}"
            case Event.STALE:
                return f"{night}: stale. {what}"
            case Event.ACKNOWLEDGED:
                ended = f" It ends {self._trouble()}." if self.since else ""
                return f"{night}: published, with what was acknowledged. {what}{ended}"
            case Event.RECOVERED:
                return f"{night}: published again, after {self._trouble()}."
            case Event.TEST:
                return (
                    f"{self.source}: a test message of clv. Red, stale, recovered and acknowledged nights arrive here."
                )

    def _began(self) -> str:
        assert self.since is not None
        return str(self.since.as_of or self.since.when.date())

    def _trouble(self) -> str:
        assert self.since is not None
        return f"{self.since.nights} night{'s' * (self.since.nights != 1)} of trouble since {self._began()}"


def without_values(text: str) -> str:
    """Return the text of an error without e-mail addresses and without examples of values.

    >>> without_values("orders.amount: 3 values cannot be read as money, for example '1.234,56'")
    'orders.amount: 3 values cannot be read as money'
    """
    return _EMAIL.sub("***", _EXAMPLES.sub("", text))


def days(number: int) -> str:
    """Return a number of days in words: 1 day, 2 days."""
    return f"{number} day{'s' * (number != 1)}"


def _in_short(problems: Sequence[Problem]) -> str:
    if not problems:
        return ""
    first = problems[0]
    guilty = [str(segment["text"]) for segment in first.guilty if segment.get("text")]
    said = first.message
    for text in guilty:
        said = said.replace(text, "").rstrip(" .")
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return " ".join(f"{sentence}." for sentence in (f"{first.name}, {first.asset}: {said.rstrip('.')}{more}", *guilty))


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def reason_of(problems: Iterable[Problem]) -> str:
    """Return what stays the same while nights fail for the same reason: checks and rules; of errors the text without figures.

    >>> one = Problem("source", "extract", "orders: the connection was refused after 3 tries")
    >>> reason_of([one]) == reason_of([Problem("source", "extract", "orders: the connection was refused after 2 tries")])
    True
    """
    return "; ".join(sorted({_reason(problem) for problem in problems}))


def _reason(problem: Problem) -> str:
    if problem.limit is not None or problem.rule is not None:
        return "|".join((problem.asset, problem.name, problem.table or "", problem.column or "", problem.rule or ""))
    # paths and numbers, such as run ids, times and counts, differ from night to night
    text = re.sub(r"\S*/\S+|\b[0-9a-f]{8}\S*|[-+]?\d[\d.,:%-]*", "#", problem.message)
    return "|".join((problem.asset, problem.name, text))
