"""Errors a user can act on. Programming errors do not belong here: they stay ordinary exceptions."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar

from clv_pipeline.core.project_files import RUNBOOK


class PipelineError(Exception):
    """Something outside the code is wrong: what, where, and the next step.

    The message is all a user sees, so it names the table, the column, the rule and the count where there are any.
    `anchor` is the section of the runbook with details: of a check, or else of the error type. Code that shows
    an error reads its fields; the text is for people. `guilty` has the guilty segments of failed checks as fields for machines:
    see `quality/guilty_segments.py`.
    """

    anchor: ClassVar[str] = "warehouse"
    guilty: Sequence[Mapping[str, Any]] = ()

    def __init__(self, what: str, *, next_step: str, anchor: str | None = None) -> None:
        self.what = what
        self.next_step = next_step
        self.runbook = f"{RUNBOOK}#{anchor or self.anchor}"
        super().__init__(f"{what}\n  Next step: {self.advice}")

    @property
    def advice(self) -> str:
        """The next step, and where the runbook has more."""
        return f"{self.next_step} More: {self.runbook}"


class ConfigurationError(PipelineError):
    """A setting, a source.toml or a command-line value cannot be used."""

    anchor = "configuration"


class SourceError(PipelineError):
    """The source cannot be reached, or what it returns breaks the contract."""

    anchor = "source"


class SourceInterrupted(SourceError):
    """The connection to the source was lost; reading it again from the start may work."""


class QualityError(PipelineError):
    """Rows were loaded, but a blocking rule on them failed."""

    anchor = "quality"


class HistoryError(PipelineError):
    """There is not enough history for the request."""

    anchor = "history"


class PublishError(PipelineError):
    """The bundle failed its audit or could not be written; the last published one stays served."""

    anchor = "publishing"


class ResourceError(PipelineError):
    """Memory or disk space is used up, or a folder cannot be written; nothing was changed."""

    anchor = "machine"


class DamageError(PipelineError):
    """A database file is corrupt: bytes changed, or a part of it is missing."""

    anchor = "damage"


class BusyError(PipelineError):
    """Another process writes to this home."""

    anchor = "busy"


class PrivacyError(PipelineError):
    """An erasure or export request could not be completed."""

    anchor = "privacy"


class UnexpectedError(PipelineError):
    """An error that is not ours, masked by `foreign_errors.py`: type, step, and the private file that has its text."""

    anchor = "unexpected"


class ArtefactError(PipelineError):
    """A saved model is missing, was changed, or does not fit the features of tonight."""

    anchor = "models"


def nearest(name: str, known: list[str]) -> str:
    """Return `` (nearest: 'x')`` for the known name most similar to `name`, or an empty string.

    >>> nearest("costumer_id", ["order_id", "customer_id"])
    " (nearest: 'customer_id')"
    >>> nearest("colour", ["order_id"])
    ''
    """
    matches = get_close_matches(name.lower(), [k.lower() for k in known], n=1, cutoff=0.5)
    return f" (nearest: '{matches[0]}')" if matches else ""
