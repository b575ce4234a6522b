"""The fields of a user's error in Dagster's records: written where it is raised, read by the run history, never parsed.

A failed step has them in its metadata. A run that fails before its first step has no metadata, so its tags hold them.
"""

from collections.abc import Mapping

from clv_pipeline.core.errors import PipelineError

_WHAT, _NEXT_STEP, _RUNBOOK = "what", "next_step", "runbook"
_TAG_PREFIX = "clv/failure_"


def metadata_of(error: PipelineError, where: str = "") -> dict[str, str]:
    """Return the fields as metadata; `where` adds context that the error lacks, such as the step.

    >>> error = PipelineError("clean.orders was not replaced", next_step="look at clean.quarantine.")
    >>> metadata_of(error, where="clean/orders: ")["what"]
    'clean/orders: clean.orders was not replaced'
    """
    return {_WHAT: where + error.what, _NEXT_STEP: error.next_step, _RUNBOOK: error.runbook}


def tags_of(error: PipelineError) -> dict[str, str]:
    """Return the fields as run tags.

    >>> sorted(tags_of(PipelineError("the home is in use", next_step="wait.")))
    ['clv/failure_next_step', 'clv/failure_runbook', 'clv/failure_what']
    """
    return {_TAG_PREFIX + name: value for name, value in metadata_of(error).items()}


def from_metadata(values: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return the problem, the next step and the runbook's section; None without such fields.

    >>> error = PipelineError("clean.orders was not replaced", next_step="look at clean.quarantine.", anchor="quality")
    >>> from_metadata(metadata_of(error))[:2]
    ('clean.orders was not replaced', 'look at clean.quarantine.')
    >>> from_metadata({"rows": "12"})
    """
    return (values[_WHAT], values[_NEXT_STEP], values[_RUNBOOK]) if _WHAT in values else None


def from_tags(tags: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return the same from a run's tags.

    >>> from_tags(tags_of(PipelineError("the home is in use", next_step="wait.")))[1]
    'wait.'
    """
    return from_metadata({name.removeprefix(_TAG_PREFIX): value for name, value in tags.items()})
