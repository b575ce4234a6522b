"""Parts that several sections of the report share: the run, statements, heat maps. What a section shows is its own module."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from clv_pipeline.contracts.published import PUBLISHED
from clv_pipeline.reporting import formats, tables
from clv_pipeline.reporting.answers import Statement
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

#: Longest list of customers, features or suggestions in a report; the tables have all of them.
LONGEST_LIST = 15
_HEAT_LEVELS = 6


@dataclass(frozen=True)
class Run:
    """What every section needs to know of the run."""

    as_of: date
    days: int
    currency: str
    values: dict[str, Any]

    def money(self, value: formats.Number | None, *, signed: bool = False) -> str:
        """Return an amount in prose."""
        return formats.spoken_money(value, self.currency, signed=signed)

    def money_range(self, low: formats.Number | None, high: formats.Number | None) -> str:
        """Return an interval in prose; empty where one end is missing."""
        return formats.spoken_range(low, high, self.currency)


@dataclass(frozen=True)
class HeatCell:
    """One cell of a heat map; `level` is 0 (no colour) to 6, `is_expected` marks a forecast."""

    text: str
    level: int = 0
    is_expected: bool = False


@dataclass(frozen=True)
class HeatMap:
    """Coloured cells under headings; each row begins with its name."""

    caption: str
    header: Sequence[str]
    rows: Sequence[tuple[str, Sequence[HeatCell]]]


def run_of(connection: Connection) -> Run:
    """Return the run of a bundle; what an older release did not note of it is None."""
    (noted,) = records(connection, "select * from clv_run")
    values: dict[str, Any] = dict.fromkeys(PUBLISHED["clv_run"].columns) | noted
    return Run(values["as_of_date"], int(values["primary_horizon_days"]), str(values["currency"]), values)


def table_of(connection: Connection, query: str, **parameters: object) -> Table:
    """Return the rows of a query as a table."""
    return tables.of_records(records(connection, query, parameters or None))


def statement(text: str, *sources: str) -> Statement:
    """Return a statement with the tables that it is from.

    >>> statement("Customers are few.", "segments")
    Statement(text='Customers are few.', tables=('segments',))
    """
    return Statement(text, sources)


def heat_levels(values: Sequence[float]) -> list[int]:
    """Return the level of each value, 1 to 6, so that each level has about as many cells.

    >>> heat_levels([1, 2, 3, 4, 5, 6, 6])
    [1, 2, 3, 4, 5, 6, 6]
    >>> heat_levels([7.0])
    [1]
    """
    known = sorted(set(values))
    step = len(known) / _HEAT_LEVELS
    return [1 + min(int(bisect_left(known, value) / step), _HEAT_LEVELS - 1) for value in values]


def capital(text: str) -> str:
    """Return a text with a capital at its beginning.

    >>> capital("churn risk")
    'Churn risk'
    """
    return text[:1].upper() + text[1:]
