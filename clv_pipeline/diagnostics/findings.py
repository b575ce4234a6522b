"""What a look at something found, in the form the command line prints. Looking itself is `doctor.py`, `status.py` and others."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `next_step` is empty when it is good."""

    subject: str
    is_good: bool
    text: str
    next_step: str = ""
