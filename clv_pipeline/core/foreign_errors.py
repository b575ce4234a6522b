"""The net for errors that are not ours: the user sees the type, the step, the table and a next step, never the text.

A library's message may quote a customer's row or a piece of a password. Its text is written to a private file in the home
and nowhere else. Which messages of a database may be shown is decided in `error_texts.py`.
"""

import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from clv_pipeline.core.error_texts import kind_of
from clv_pipeline.core.errors import PipelineError, UnexpectedError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings

#: How many texts are kept. A failing night that is run again and again must not collect rows.
KEPT = 20
_LONGEST = 1_000_000
_TABLE = "clv table: "


@contextmanager
def net(home: Home | None, run_id: str, step: str) -> Iterator[None]:
    """Let our own errors through, and replace every other one by an `UnexpectedError` without its text.

    The chain of either is cut, because Dagster stores the message of every link.

    Raises:
        UnexpectedError: the masked error.
    """
    try:
        yield
    except PipelineError as error:
        raise error from None
    except Exception as error:
        raise mask(error, home, run_id, step) from None


@contextmanager
def about(table: str) -> Iterator[None]:
    """Note the table on an error that is not ours, for the net: a step may work on many tables."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        error.add_note(_TABLE + table)
        raise


def mask(error: Exception, home: Home | None, run_id: str, step: str) -> UnexpectedError:
    """Keep the text of an error in a private file of `home`, and return the error to show in its place."""
    tables = [note.removeprefix(_TABLE) for note in getattr(error, "__notes__", []) if note.startswith(_TABLE)]
    where = f"{step} (table {tables[0]})" if tables else step
    file = _keep(error, home, f"{run_id}-{step}")
    kept = f"is only in {file}, which only this user can read" if file else "was not kept"
    look = f"read {file} on this machine" if file else "look at the disk and the permissions of the home folder"
    return UnexpectedError(
        f"{where} failed with an unexpected {kind_of(error)}. Its text may quote a row or a password, so it {kept}",
        next_step=f"{look}; if a value in the source is the cause, fix it there and run again, "
        "otherwise report the type and the step as a bug.",
    )


def mask_command(error: Exception, commands: Sequence[str]) -> PipelineError:
    """Return the error to show for one that ended a `clv` command, which has left its options in the environment."""
    if isinstance(error, PipelineError):
        return error
    try:
        home = Home(load_settings().home)
    except Exception:  # the settings may be what failed
        home = None
    command = next((argument for argument in sys.argv[1:] if argument in commands), "")
    return mask(error, home, uuid4().hex, f"clv {command}".strip())


def _keep(error: Exception, home: Home | None, name: str) -> Path | None:
    """Write traceback and text to a file that only this user can read; return None where that is not possible."""
    if home is None:
        return None
    text = "".join(traceback.format_exception(error))[-_LONGEST:]
    file = home.failures / f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', name)}.txt"
    try:
        home.failures.mkdir(parents=True, exist_ok=True)
        home.failures.chmod(0o700)
        # a step may fail twice in one run; O_EXCL, because the mode of an existing file would stay as it is
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as opened:
            opened.write(text)
        for old in _files(home.failures)[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return None  # a full disk must not hide the error that is being reported
    return file


def _files(folder: Path) -> list[Path]:
    """Return the texts of a folder, oldest first."""
    found = [(file.stat().st_mtime_ns, file) for file in folder.glob("*") if file.is_file()]
    return [file for _, file in sorted(found)]
