"""What every reader of a source has in common: its interface, its time limit, and its errors."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from clv_pipeline.core.engines import Engine
from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import SourceError, SourceInterrupted
from clv_pipeline.sources.folder import SourceSelect
from clv_pipeline.sources.source_counts import DayCount
from clv_pipeline.sources.structure import TableAtSource
from clv_pipeline.warehouse.connection import quote_name, quote_text

#: What `:since` is where everything is read.
BEGINNING = "1900-01-01 00:00:00"
STARTS_AGAIN = "nothing was loaded; the step retries automatically, and tomorrow's run starts over if the retries fail."


@dataclass(frozen=True)
class Days:
    """Some days of a SELECT: the column with the time of a row, and the first ten characters of its text."""

    column: str
    days: tuple[str, ...]


@dataclass(frozen=True)
class Gap:
    """What this source does not give of what its engine can: in words, and what to do."""

    text: str
    next_step: str


class SourceReader(Protocol):
    """An open source: every `read` and `count_by_day` sees the same snapshot, as far as its engine has one."""

    engine: Engine

    @property
    def days_are_exact(self) -> bool:
        """Whether a row has the same day in `count_by_day` as in `read`; elsewhere a driver may write a time in another zone."""
        ...

    def gaps(self, selects: str) -> list[Gap]:
        """Return what stands outside the snapshot, of the tables that the text of the SELECTs names."""
        ...

    def tables(self) -> list[TableAtSource]:
        """Return the tables and views that can be read, without the engine's own."""
        ...

    def read_apart(self, select: SourceSelect) -> pa.Table:
        """Return all rows of a SELECT that may fail without an end of the snapshot, as `read` gives them.

        Raises:
            SourceError: it failed, or took too long.
        """
        ...

    def read(self, select: SourceSelect, since: str, batch_rows: int, days: Days | None = None) -> Iterator[pa.Table]:
        """Yield batches whose columns are all text (null stays null); at least one, perhaps empty.

        The metadata of a field says its `kind` at the source: float, number or text. With `days` only rows of those days are
        read.
        """
        ...

    def count_by_day(self, select: SourceSelect, day: str | None, money: str | None) -> dict[str, DayCount] | None:
        """Return rows and money of the whole SELECT by day, as the source itself counts them; columns by returned name.

        None where the source cannot count: files have no engine of their own, and not every database can group a SELECT.
        """
        ...

    def count_by_value(self, select: SourceSelect, column: str, money: str) -> dict[str, DayCount]:
        """Return value -> rows and money of the whole SELECT, the most frequent first; a missing value is ''."""
        ...


def in_days(days: Days) -> str:
    """Return the SQL condition that a row is of these days, for DuckDB."""
    return f"coalesce(left({quote_name(days.column)}::varchar, 10), '') in ({', '.join(map(quote_text, days.days))})"


def text_field(name: str, kind: str) -> pa.Field:
    """Return the field of a text column, with its kind at the source."""
    return pa.field(name, pa.string(), metadata={"kind": kind})


class TimeLimit:
    """Stops a SELECT that takes too long; `over` is true if that happened. Without `stop` there is no limit on this side."""

    def __init__(self, seconds: int, stop: Callable[[], None] | None) -> None:
        self.over = False
        self._stop = stop
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> "TimeLimit":
        if self._stop:
            self._timer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.over = True
        if self._stop:
            self._stop()


def select_failed(select: SourceSelect, error: BaseException, *, lost: bool = False) -> SourceError:
    """Return the error of a SELECT that the source refused, or whose connection was lost."""
    reason = reason_of(error)
    if lost:
        return SourceInterrupted(
            f"The connection was lost while reading {select.table.name}: {reason}",
            next_step=STARTS_AGAIN,
        )
    return SourceError(
        f"The SELECT for {select.table.name} ({select.path.name}) failed at the source: {reason}",
        next_step=f"run {select.path} in a SQL client of that database and fix it.",
    )


def too_slow(select: SourceSelect, timeout_seconds: int) -> SourceError:
    """Return the error of a SELECT that was stopped at its time limit."""
    return SourceError(
        f"The SELECT for {select.table.name} ({select.path.name}) took longer than the statement timeout of "
        f"{timeout_seconds} seconds and was stopped",
        next_step=f"look at what slows it down (locks, missing indexes), make {select.path} lighter, "
        "or raise CLV_STATEMENT_TIMEOUT_SECONDS.",
    )
