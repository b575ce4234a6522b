"""Record of past totals: how far the expected totals of past windows were from the actual ones, and what follows for tonight's.

Every past window that is over counts, not only those that models were tested on: an expected total needs no model. A
company whose totals were always near gets a narrow interval; one without a record gets that of other companies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from scipy.stats import t as student_t

from clv_pipeline.modeling.calibration.level import WITH_THE_FIT, closed_cutoffs, expected_total, spend_at
from clv_pipeline.warehouse.connection import Connection

#: Deviation of the logarithm of other companies' totals, with and without last year's season in the prediction, and the
#: number of windows that it counts as: more without a season, for a record of spring and summer knows no December.
_OTHERS, _OTHERS_WINDOWS = {True: 0.15, False: 0.30}, {True: 1.5, False: 4.0}
#: Degrees of freedom of the interval without any window.
_FREEDOM = 4.0


@dataclass(frozen=True)
class TotalRecord:
    """Number of past windows (overlapping ones count by the days they do not share) and the variance of their log errors.

    The variance is without what chance explains of each; without a window it is 0.
    """

    windows: float = 0.0
    variance: float = 0.0

    def reach(self, *, knows_season: bool, variation: float) -> float:
        """Return the logarithm of the upper end of a total's 90 % interval over the total.

        variation: variance of the logarithm of the total that chance alone explains.

        >>> round(TotalRecord().reach(knows_season=False, variation=0.0), 2)
        0.64
        >>> round(TotalRecord(windows=10, variance=0.03**2).reach(knows_season=False, variation=0.001), 2)
        0.29
        """
        others = _OTHERS_WINDOWS[knows_season]
        level = (others * _OTHERS[knows_season] ** 2 + self.windows * self.variance) / (others + self.windows)
        return float(student_t.ppf(0.95, _FREEDOM + self.windows) * np.sqrt(level + variation))


@dataclass(frozen=True)
class PastTotal:
    """Logarithm of actual over expected total of one window, and the variance of it that chance explains."""

    cutoff: date
    error: float
    variation: float
    knows_season: bool


def past_totals(connection: Connection, by: date, horizon_days: int) -> list[PastTotal]:
    """Return the errors of the windows that are over by a day, oldest first; each total as expected at its own cutoff."""
    found = []
    for cutoff in closed_cutoffs(connection, by, horizon_days):
        expected, happened = (
            expected_total(connection, cutoff, horizon_days),
            spend_at(connection, cutoff, horizon_days),
        )
        if expected.spend and expected.spend > 0 and happened.total > 0:
            error = float(np.log(happened.total / expected.spend))
            found.append(PastTotal(cutoff, error, WITH_THE_FIT * happened.variation, expected.season is not None))
    return found


def over_by(totals: Sequence[PastTotal], by: date, horizon_days: int) -> list[PastTotal]:
    """Return the totals of windows that were over by a day."""
    return [total for total in totals if total.cutoff + timedelta(days=horizon_days) <= by]


def record_of(totals: Sequence[PastTotal], horizon_days: int, *, knows_season: bool) -> TotalRecord:
    """Return the record of the totals that were expected with (or without) a season.

    >>> june, july = (PastTotal(date(2024, month, 1), 0.2, 0.01, False) for month in (6, 7))
    >>> record_of([june, july], 60, knows_season=False)
    TotalRecord(windows=1.5, variance=0.03)
    """
    chosen = [t for t in totals if t.knows_season is knows_season]
    windows, earlier = 0.0, None
    for total in chosen:
        apart = horizon_days if earlier is None else (total.cutoff - earlier) / timedelta(days=1)
        windows += min(apart / horizon_days, 1.0)
        earlier = total.cutoff
    variance = float(np.mean([max(t.error**2 - t.variation, 0.0) for t in chosen])) if chosen else 0.0
    return TotalRecord(windows, round(variance, 6))
