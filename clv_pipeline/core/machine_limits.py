"""What the machine refuses (memory, disk space, writing) and what it has lost (a damaged file), as errors a user can act on.

Only telling them apart belongs here; whoever opens a file or a database says around what.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from clv_pipeline.core.errors import DamageError, PipelineError, ResourceError

_NO_SPACE = ("No space left on device", "Disk quota exceeded", "File too large")
_NO_MEMORY = "Out of Memory Error"
_NO_WRITING = ("Read-only file system", "Permission denied")
_DAMAGED = ("Failure while replaying WAL", "Corrupt database file", "not a valid DuckDB database file")
_UNCHANGED = "; what stood before stands, and yesterday's bundle is served."


@contextmanager
def explained(folder: Path, *, memory_limit: str, needed_bytes: int) -> Iterator[None]:
    """Raise what goes wrong while something is written in `folder` as an error that says what is short, and how much.

    Raises:
        ResourceError: DuckDB's `memory_limit` or the disk's space is used up, or the folder cannot be written.
        DamageError: a database file is not what was written.
    """
    try:
        yield
    except (duckdb.Error, OSError) as error:
        told = _told(error, folder, memory_limit, needed_bytes)
        if told is None:
            raise
        # the run history shows the innermost cause, and that must be the one with the next step
        raise told from None


def _told(error: Exception, folder: Path, memory_limit: str, needed_bytes: int) -> PipelineError | None:
    text = str(error)
    first_line = text.splitlines()[0] if text else type(error).__name__
    # running out comes first: a full disk makes reading a log fail, too, and that is no damage
    # a commit that runs out is a fatal error in DuckDB, which names the cause in its words only
    if isinstance(error, duckdb.Error) and _NO_MEMORY in text:
        return ResourceError(
            f"The memory limit of {memory_limit} is reached: {first_line}",
            next_step="set CLV_MEMORY_LIMIT higher (or CLV_THREADS lower) and run again" + _UNCHANGED,
        )
    if any(words in text for words in _NO_SPACE):
        free = shutil.disk_usage(folder).free
        return ResourceError(
            f"The disk of {folder} is full: {_megabytes(free)} are free, and a run needs about {_megabytes(needed_bytes)} "
            f"there ({first_line})",
            next_step="free that much, or set CLV_HOME to a larger disk, and run again" + _UNCHANGED,
        )
    if any(words in text for words in _NO_WRITING) and not os.access(folder, os.W_OK):
        return ResourceError(
            f"{folder} cannot be written, and a run needs about {_megabytes(needed_bytes)} there: {first_line}",
            next_step="give this user the right to write there (a disk may be mounted read-only) and run again"
            + _UNCHANGED,
        )
    if any(words in text for words in _DAMAGED):
        return DamageError(
            f"A database file in {folder} is damaged: {first_line}",
            next_step="`clv run` sets it aside, builds a new one from the source, and brings the score history back.",
        )
    return None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
