"""One line of a diagnostic report, as the command line prints it. The checks are in `doctor.py`, `status.py` and others."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of one check; `next_step` is empty when it is good."""

    subject: str
    is_good: bool
    text: str
    next_step: str = ""
