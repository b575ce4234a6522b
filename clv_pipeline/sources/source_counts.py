"""Rows and money by day: as the source counts them, as they were delivered, and as `raw` holds them.

The day is the first ten characters of the event time as the source writes it, so that no time zone can move a row between the
two sides of a comparison. Where a driver may write it otherwise than its server, only the sums over all days
must be equal. What follows from a difference is decided in `extraction.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isclose, isfinite

from clv_pipeline.contracts.source import SourceTable
from clv_pipeline.sources.values import trimmed
from clv_pipeline.warehouse.connection import Connection, quote_name

#: Sums of cents as floating-point numbers differ by less than this.
_HALF_A_CENT, _ROUNDING = 0.005, 1e-9


@dataclass(frozen=True)
class DayCount:
    """Rows of one day and the sum of their money in source currencies; `money` is None for a table without any."""

    rows: int
    money: float | None

    def __add__(self, other: "DayCount") -> "DayCount":
        return DayCount(self.rows + other.rows, None if self.money is None else self.money + (other.money or 0.0))

    def is_same(self, other: "DayCount") -> bool:
        """Return whether rows and money are equal; money that is no finite number is not compared."""
        if self.rows != other.rows:
            return False
        if self.money is None or other.money is None or not isfinite(self.money + other.money):
            return True
        return isclose(self.money, other.money, rel_tol=_ROUNDING, abs_tol=_HALF_A_CENT)


def money_column(table: SourceTable, returned: Iterable[str]) -> str | None:
    """Return the table's first money column among the contract columns that are returned."""
    there = set(returned)
    return next((c.name for c in table.columns if c.type == "money" and c.name in there), None)


def day_column(table: SourceTable, returned: Iterable[str]) -> str | None:
    """Return the column with the time of a row if it is returned."""
    return table.event_time if table.event_time in set(returned) else None


def day_of(returned: str | None) -> str:
    """Return the SQL of the day of a delivered row; a row without a time has the day ''."""
    return f"coalesce(left({quote_name(returned)}, 10), '')" if returned else "''"


def delivered(connection: Connection, table: SourceTable, columns: Mapping[str, str]) -> dict[str, DayCount]:
    """Count the registered batch `delivered` from its text; `columns` maps contract columns to returned ones."""
    day, money = day_column(table, columns), money_column(table, columns)
    amount = f"try_cast({trimmed(columns[money])} as double)" if money else None
    total = f"coalesce(sum({amount}) filter (where isfinite({amount})), 0)" if amount else "null"
    return _by_day(
        connection, f"select {day_of(columns[day] if day else None)}, count(*), {total} from delivered group by 1"
    )


def held(connection: Connection, table: SourceTable) -> dict[str, DayCount]:
    """Count `raw.<table>`."""
    money = money_column(table, table.column_names())
    total = f"coalesce(sum({money}), 0)::double" if money else "null"
    return _by_day(connection, f"select day_at_source, count(*), {total} from raw.{table.name} group by 1")


def _by_day(connection: Connection, query: str) -> dict[str, DayCount]:
    return {day: DayCount(rows, money) for day, rows, money in connection.execute(query).fetchall()}


def differing_days(
    at_source: Mapping[str, DayCount], in_raw: Mapping[str, DayCount], erased: Mapping[str, int]
) -> list[str]:
    """Return the days on which `raw` differs from the source, but for the rows of erased customers, which are not stored.

    >>> differing_days({"2024-05-01": DayCount(2, 9.0)}, {"2024-05-01": DayCount(1, 5.0)}, {"2024-05-01": 1})
    []
    >>> differing_days({"2024-05-01": DayCount(2, 9.0)}, {}, {})
    ['2024-05-01']
    """
    nothing = DayCount(0, 0.0)
    different = []
    for day in sorted({*at_source, *in_raw}):
        there, here, skipped = at_source.get(day, nothing), in_raw.get(day, nothing), erased.get(day, 0)
        is_same = there.rows == here.rows + skipped if skipped else there.is_same(here)
        if not is_same:
            different.append(day)
    return different


def largest_difference(at_source: Mapping[str, DayCount], in_raw: Mapping[str, DayCount], days: Iterable[str]) -> str:
    """Return the day that holds most of the rows that differ, with its share; empty where rows of one day only, or none, differ.

    >>> there = {"2024-05-01": DayCount(9, None), "2024-05-02": DayCount(2, None)}
    >>> largest_difference(there, {"2024-05-02": DayCount(1, None)}, there)
    '; 2024-05-01 holds 90% of the 10 rows that differ'
    """
    nothing = DayCount(0, None)
    rows = {day: abs(at_source.get(day, nothing).rows - in_raw.get(day, nothing).rows) for day in days}
    total_rows, worst = sum(rows.values()), max(rows, key=lambda day: rows[day], default="")
    if not total_rows or len(rows) < 2:
        return ""
    return f"; {worst or 'no date'} holds {rows[worst] / total_rows:.0%} of the {total_rows} rows that differ"


def same_in_total(at_source: Mapping[str, DayCount], in_raw: Mapping[str, DayCount], erased: Mapping[str, int]) -> bool:
    """Return whether `raw` has the rows and money of the source, whatever their days; see `differing_days`.

    >>> same_in_total({"2024-05-01": DayCount(2, 9.0)}, {"2024-04-30": DayCount(2, 9.0)}, {})
    True
    """
    return not differing_days({"": total(at_source)}, {"": total(in_raw)}, {"": sum(erased.values())})


def total(days: Mapping[str, DayCount]) -> DayCount:
    """Return the sum over all days.

    >>> total({"2024-05-01": DayCount(2, 9.0), "2024-05-02": DayCount(1, 1.5)})
    DayCount(rows=3, money=10.5)
    """
    counts = list(days.values())
    is_money = any(c.money is not None for c in counts)
    return DayCount(sum(c.rows for c in counts), sum(c.money or 0.0 for c in counts) if is_money else None)
