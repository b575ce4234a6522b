"""The errors a user can act on. Programming errors do not belong here: they stay ordinary exceptions."""

from difflib import get_close_matches


class PipelineError(Exception):
    """Something outside the code is wrong: what, where, and the next step.

    The message is all a user sees, so it names the table, the column, the rule and the count where there are any.
    """

    def __init__(self, what: str, *, next_step: str) -> None:
        super().__init__(f"{what}\n  Next step: {next_step}")
        self.what = what
        self.next_step = next_step


class ConfigurationError(PipelineError):
    """A setting, a source.toml or a command-line value cannot be used."""


class SourceError(PipelineError):
    """The source cannot be reached, or what it returns breaks the contract."""


class SourceInterrupted(SourceError):
    """The source was reached and then lost; reading it again from the start may well work."""


class QualityError(PipelineError):
    """Rows arrived and were read, but a blocking rule on them failed."""


class HistoryError(PipelineError):
    """There is not enough history for what was asked."""


class PublishError(PipelineError):
    """The bundle failed its audit or could not be written; the last good one stays served."""


class ResourceError(PipelineError):
    """Memory or disk space is used up, or a folder cannot be written; nothing that stood before was changed."""


class DamageError(PipelineError):
    """A database file is not what was written: bytes changed, or a part of it is gone."""


class BusyError(PipelineError):
    """Another process writes to this home."""


class PrivacyError(PipelineError):
    """What a person asked for cannot be done, or not wholly."""


class ArtefactError(PipelineError):
    """A saved model is missing, was changed, or does not fit the features of tonight."""


def nearest(name: str, known: list[str]) -> str:
    """Return `` (nearest: 'x')`` for the known name most like `name`, or an empty string."""
    matches = get_close_matches(name.lower(), [k.lower() for k in known], n=1, cutoff=0.5)
    return f" (nearest: '{matches[0]}')" if matches else ""
