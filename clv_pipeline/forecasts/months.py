"""Calendar months from a date on, and money split into cents that sum to a total."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from clv_pipeline.modeling.metrics import Array


@dataclass(frozen=True)
class ForecastMonth:
    """A calendar month, of which the days [start, end) are forecast; `month` is its first day."""

    month: date
    start: date
    end: date

    @property
    def columns(self) -> tuple[date, date, date]:
        """Return the month, the first and the last day that is forecast."""
        return self.month, self.start, self.end - timedelta(days=1)

    def days_until(self, horizon_end: date) -> int:
        """Return the days of the month that are before the end of the horizon."""
        return max((min(self.end, horizon_end) - self.start).days, 0)


def months_ahead(as_of: date, horizon_end: date) -> list[ForecastMonth]:
    """Return the rest of the month of as_of and the months after it: twelve whole ones, and more up to the horizon's end.

    >>> months = months_ahead(date(2024, 6, 15), date(2024, 9, 13))
    >>> print(len(months), *months[0].columns, *months[-1].columns)
    13 2024-06-01 2024-06-15 2024-06-30 2025-06-01 2025-06-01 2025-06-30
    >>> len(months_ahead(date(2024, 6, 1), date(2024, 8, 30)))
    12
    """
    found: list[ForecastMonth] = []
    start = as_of
    same = date(as_of.year + 1, as_of.month, 1)
    last = max(horizon_end, same if as_of.day == 1 else _next(same))
    while start < last:
        first = start.replace(day=1)
        found.append(ForecastMonth(first, start, _next(first)))
        start = _next(first)
    return found


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def cents_by_share(total: float, shares: Array) -> Array:
    """Return a total in money as shares, shape (m,), in whole cents that sum to it: the largest remainders are rounded up.

    >>> cents_by_share(1.0, np.array([1.0, 1.0, 1.0]))
    array([0.34, 0.33, 0.33])
    """
    cents = round(total * 100)
    whole = float(shares.sum())
    wanted = shares / whole * cents if whole > 0 else np.zeros(len(shares))
    found = np.floor(wanted)
    missing = int(cents - found.sum())
    largest = np.argsort(-(wanted - found), kind="stable")[:missing]
    found[largest] += 1
    if whole <= 0:
        found[0] = cents
    return found / 100
