"""One line of a diagnostic report, as the command line prints it. The checks are in `doctor.py`, `status.py` and others."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of one check; `next_step` is empty when it is good.

    is_warning: not good, but what is served can be used meanwhile. Monitors are told of both (exit code 1).
    """

    subject: str
    is_good: bool
    text: str
    next_step: str = ""
    is_warning: bool = False


def warning(subject: str, text: str, next_step: str) -> Finding:
    """Return a finding that somebody should look at, although nothing is broken.

    >>> warning("served", "2 days old", "`clv run` publishes a bundle now.").is_good
    False
    """
    return Finding(subject, False, text, next_step, is_warning=True)
