"""Out-of-memory, disk-full, permission and corrupt-file errors, turned into messages a user can act on.

This module only classifies the error; callers name the file or database.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import DamageError, PipelineError, ResourceError

_NO_SPACE = ("No space left on device", "Disk quota exceeded", "File too large")
_NO_MEMORY = "Out of Memory Error"
_NO_WRITING = ("Read-only file system", "Permission denied")
_DAMAGED = ("Failure while replaying WAL", "Corrupt database file", "not a valid DuckDB database file")
#: Their messages quote values of rows, which may be any words.
_ABOUT_VALUES = (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError)
_UNCHANGED = "; nothing was changed, and yesterday's bundle is still served."


@contextmanager
def explained(folder: Path, *, memory_limit: str, needed_bytes: int) -> Iterator[None]:
    """Turn a failure while writing in `folder` into an error that names the missing resource and the amount.

    Raises:
        ResourceError: DuckDB's `memory_limit` or the disk space is used up, or the folder cannot be written.
        DamageError: a database file is corrupt.
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
    if isinstance(error, _ABOUT_VALUES):
        return None
    text, reason = str(error), reason_of(error)
    # check for exhaustion first: a full disk also makes reading a log fail, and that is not damage
    # a commit without space is a fatal error in DuckDB, whose cause is only in the message text
    if isinstance(error, duckdb.Error) and _NO_MEMORY in text:
        return ResourceError(
            f"The memory limit of {memory_limit} is reached: {reason}",
            next_step="set CLV_MEMORY_LIMIT higher (or CLV_THREADS lower) and run again" + _UNCHANGED,
        )
    if any(words in text for words in _NO_SPACE):
        free = shutil.disk_usage(folder).free
        return ResourceError(
            f"The disk of {folder} is full: {_megabytes(free)} are free, and a run needs about {_megabytes(needed_bytes)} "
            f"there ({reason})",
            next_step="free that much, or set CLV_HOME to a larger disk, and run again" + _UNCHANGED,
        )
    if any(words in text for words in _NO_WRITING) and not os.access(folder, os.W_OK):
        return ResourceError(
            f"{folder} cannot be written, and a run needs about {_megabytes(needed_bytes)} there: {reason}",
            next_step="give this user write permission there (the disk may be mounted read-only) and run again"
            + _UNCHANGED,
        )
    if any(words in text for words in _DAMAGED):
        return DamageError(
            f"A database file in {folder} is damaged: {reason}",
            next_step="`clv run` moves it away, builds a new one from the source, and restores the score history.",
        )
    return None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
