"""One line of a diagnostic report, as the command line prints it. The checks are in `doctor.py`, `status.py` and others."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rich.console import Console
from rich.markup import escape


class State(StrEnum):
    """What a monitor must tell apart among the lines that fail; see `EXIT_CODES` in status.py."""

    RED = "red"
    STALE = "stale"
    NEVER_RUN = "never run"
    OTHER = "other"


@dataclass(frozen=True)
class Finding:
    """The result of one check; `next_step` is empty when it is good.

    is_warning: not good, but what is served can be used meanwhile. state: what a line that fails is about, for monitors.
    """

    subject: str
    is_good: bool
    text: str
    next_step: str = ""
    is_warning: bool = False
    state: State = State.OTHER

    @property
    def word(self) -> str:
        """How good it is, in one word: ok, warn, fail."""
        return "ok" if self.is_good else "warn" if self.is_warning else "fail"


COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def warning(subject: str, text: str, next_step: str) -> Finding:
    """Return a finding that somebody should look at, although nothing is broken.

    >>> warning("served", "2 days old", "`clv run` publishes a bundle now.").is_good
    False
    """
    return Finding(subject, False, text, next_step, is_warning=True)


def print_findings(console: Console, findings: Iterable[Finding]) -> set[str]:
    """Print the findings, with the next step for each that is not good; return what they are: ok, warn, fail."""
    found = set()
    for finding in findings:
        word = finding.word
        found.add(word)
        console.print(f"[{COLOURS[word]}]{word}[/]{' ' * (4 - len(word))} {finding.subject}: {escape(finding.text)}")
        if not finding.is_good:
            console.print(f"     next step: {escape(finding.next_step)}")
    return found
