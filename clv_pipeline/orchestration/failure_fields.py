"""The fields of a user's error in Dagster's records: written where it is raised, read by the run history, never parsed.

A failed step has them in its metadata. A run that fails before its first step has no metadata, so its tags hold them.
"""

import json
from collections.abc import Mapping
from typing import Any

from clv_pipeline.core.errors import PipelineError

_WHAT, _NEXT_STEP, _RUNBOOK, _GUILTY = "what", "next_step", "runbook", "guilty"
#: The problem, the next step, the runbook's section, and the guilty segments of the failed checks, if any were found.
Fields = tuple[str, str, str, tuple[dict[str, Any], ...]]
_TAG_PREFIX = "clv/failure_"


def metadata_of(error: PipelineError, where: str = "") -> dict[str, str]:
    """Return the fields as metadata; `where` adds context that the error lacks, such as the step.

    >>> error = PipelineError("clean.orders was not replaced", next_step="look at clean.quarantine.")
    >>> metadata_of(error, where="clean/orders: ")["what"]
    'clean/orders: clean.orders was not replaced'
    """
    guilty = {_GUILTY: json.dumps(list(error.guilty))} if error.guilty else {}
    return {_WHAT: where + error.what, _NEXT_STEP: error.next_step, _RUNBOOK: error.runbook, **guilty}


def tags_of(error: PipelineError) -> dict[str, str]:
    """Return the fields as run tags.

    >>> sorted(tags_of(PipelineError("the home is in use", next_step="wait.")))
    ['clv/failure_next_step', 'clv/failure_runbook', 'clv/failure_what']
    """
    return {_TAG_PREFIX + name: value for name, value in metadata_of(error).items()}


def from_metadata(values: Mapping[str, str]) -> Fields | None:
    """Return the fields; None without any.

    >>> error = PipelineError("clean.orders was not replaced", next_step="look at clean.quarantine.", anchor="quality")
    >>> from_metadata(metadata_of(error))[:2]
    ('clean.orders was not replaced', 'look at clean.quarantine.')
    >>> from_metadata({"rows": "12"})
    """
    if _WHAT not in values:
        return None
    return values[_WHAT], values[_NEXT_STEP], values[_RUNBOOK], tuple(json.loads(values.get(_GUILTY, "[]")))


def from_tags(tags: Mapping[str, str]) -> Fields | None:
    """Return the same from a run's tags.

    >>> from_tags(tags_of(PipelineError("the home is in use", next_step="wait.")))[1]
    'wait.'
    """
    return from_metadata({name.removeprefix(_TAG_PREFIX): value for name, value in tags.items()})
