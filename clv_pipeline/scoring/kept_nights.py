"""The published nights whose scores the history keeps. What a row of it has is `publishing/history.py`."""

from collections.abc import Iterable
from datetime import date

from clv_pipeline.contracts.warehouse import HISTORY, NIGHT_TOTALS, OUTCOMES
from clv_pipeline.warehouse.connection import Connection, has_table

#: Nights kept whole: every night of the history is copied into every bundle, and 60 nights of 100,000 customers made the
#: bundle step five times as costly.
DAILY_NIGHTS = 35


def kept_nights(nights: Iterable[date]) -> list[date]:
    """Return the newest `DAILY_NIGHTS` nights and the first one of each month, sorted.

    What is kept of kept nights and new ones is what is kept of all nights, in whatever order they were published: a
    backfilled night changes nothing but its own month.

    >>> kept_nights(date(2024, 1, 3 + 7 * n) for n in range(4))[:1]
    [datetime.date(2024, 1, 3)]
    """
    distinct = sorted(set(nights))
    first_of_month = {night.replace(day=1): night for night in reversed(distinct)}
    return sorted({*distinct[-DAILY_NIGHTS:], *first_of_month.values()})


def other_nights(connection: Connection, as_of: date) -> list[date]:
    """Return the nights whose scores the bundle of a night carries beside its own, oldest first."""
    if not has_table(connection, HISTORY.name):
        return []
    rows = connection.execute(
        "select distinct as_of_date from scores.history where as_of_date <> $as_of", {"as_of": as_of}
    ).fetchall()
    return [night for night in kept_nights([as_of, *(night for (night,) in rows)]) if night != as_of]


def earlier_runs(connection: Connection, as_of: date) -> list[tuple[str, str]]:
    """Return (as_of, run_id) of every other night of which the bundle of a night carries something, sorted.

    The totals of all nights, some of whose scores are kept too, and the outcomes that a night computed when a window was over.
    """
    found: set[tuple[date, str]] = set()
    for table, night, run in (
        (NIGHT_TOTALS.name, "as_of_date", "run_id"),
        (OUTCOMES.name, "outcome_as_of_date", "outcome_run_id"),
    ):
        if has_table(connection, table):
            query = f"select distinct {night}, {run} from {table} where {night} <> $as_of"
            found.update(connection.execute(query, {"as_of": as_of}).fetchall())
    return [(str(night), run) for night, run in sorted(found)]
