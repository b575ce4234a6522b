"""Intervals of forecasts from the errors of past ones: of totals, and of cohorts.

A total's interval is that of `modeling/calibration/total_record.py`, for each lead. A cohort's adds the chance in its own
purchases, and is widened until past cohorts were inside as often as promised.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv_pipeline.features.window_spend import sampling_variance
from clv_pipeline.forecasts.rule import CohortForecast, NewCustomers
from clv_pipeline.forecasts.triangle import Triangle
from clv_pipeline.modeling.calibration.level import WITH_THE_FIT
from clv_pipeline.modeling.calibration.total_record import PastTotal, record_of
from clv_pipeline.modeling.metrics import Array

#: A cohort of fewer customers is not shown alone.
SMALLEST_COHORT = 5
#: Deviation of the logarithm of a total per year ahead that no record of nearer months shows.
_DRIFT_PER_YEAR = 0.15
_NORMAL_95 = 1.645
#: Deviations that an end is away at least: 1.2 is the end of an 80 % interval.
_LEAST = 1.2
#: Number of past cohorts that the normal distribution counts as, next to those of the record.
_NORMAL_COHORTS = 100.0


@dataclass(frozen=True)
class PastForecast:
    """A forecast as it would have been made at a position of the grid, for as many periods as are over since."""

    position: int
    cohorts: CohortForecast
    new: NewCustomers
    periods: int

    @property
    def knows_season(self) -> bool:
        return self.cohorts.knows_season


@dataclass(frozen=True)
class Parts:
    """Sums of money by period (k): of customers known then, of those who came later, of both; shape (k,) each."""

    existing: Array
    new: Array

    @property
    def total(self) -> Array:
        return self.existing + self.new


def predicted_parts(past: PastForecast) -> Parts:
    return Parts(past.cohorts.spend.sum(axis=0)[: past.periods], past.new.spend[: past.periods])


def actual_parts(triangle: Triangle, past: PastForecast) -> Parts:
    """Return what was spent since a past forecast by those known then, and by those who came later."""
    periods = slice(past.position, past.position + past.periods)
    known = triangle.spend[: past.position, periods].sum(axis=0)
    return Parts(known, triangle.spend[past.position :, periods].sum(axis=0))


@dataclass(frozen=True)
class TotalIntervals:
    """Past errors of the totals of one part of the revenue: existing, new or total.

    errors: by (kind, period) with kind month or so_far: the totals that were expected, oldest first.
    """

    errors: dict[tuple[str, int], list[PastTotal]]

    def reach(self, kind: str, period: int, days: int, *, knows_season: bool, variation: float) -> float:
        """Return the logarithm of the upper end of the 90 % interval over the total: period 0 is the first one.

        kind: month, for one period; so_far, for all up to it. days: from the start to the period's end. variation: variance of
        the logarithm that chance alone explains. A lead without a record has that of the longest lead which has one.
        """
        known = [p for k, p in self.errors if k == kind and p <= period and self.errors[k, p]]
        totals = self.errors[kind, max(known)] if known else []
        length = days if kind == "so_far" else days // (period + 1)
        drift = (_DRIFT_PER_YEAR * days / 365) ** 2
        record = record_of(totals, max(length, 1), knows_season=knows_season)
        return record.reach(knows_season=knows_season, variation=variation + drift)


def total_intervals(
    triangle: Triangle, past: Sequence[PastForecast], part: str, by: int | None = None
) -> TotalIntervals:
    """Return the record of a part of the revenue from the forecasts (oldest first) whose periods were over by a position."""
    errors: dict[tuple[str, int], list[PastTotal]] = {}
    for forecast in past:
        predicted, actual = (getattr(p, part) for p in (predicted_parts(forecast), actual_parts(triangle, forecast)))
        start = triangle.boundaries[forecast.position]
        over = forecast.periods if by is None else min(forecast.periods, by - forecast.position)
        for period in range(max(over, 0)):
            for kind, first in (("month", period), ("so_far", 0)):
                said, came = predicted[first : period + 1].sum(), actual[first : period + 1].sum()
                if said > 0 and came > 0:
                    columns = slice(forecast.position + first, forecast.position + period + 1)
                    chance = WITH_THE_FIT * _variation(triangle, columns)
                    error = PastTotal(start, float(np.log(came / said)), chance, forecast.knows_season)
                    errors.setdefault((kind, period), []).append(error)
    return TotalIntervals(errors)


def _variation(triangle: Triangle, columns: slice) -> float:
    return sampling_variance(float(triangle.capped[:, columns].sum()), float(triangle.squares[:, columns].sum()))


def variation_of(spend: float, size: float) -> float:
    """Return the variance of the logarithm of a sum of purchases of a mean size (weighted by money), at most 1."""
    return min(WITH_THE_FIT * size / spend, 1.0) if spend > 0 else 1.0


@dataclass(frozen=True)
class CohortIntervals:
    """How many deviations the ends of a cohort's 90 % interval are away, from the cohorts of past forecasts.

    low and high: by kind, month or so_far.
    """

    totals: TotalIntervals
    low: dict[str, float]
    high: dict[str, float]

    def bounds(
        self, kind: str, spend: Array, size: Array, period: int, days: int, *, knows_season: bool
    ) -> tuple[Array, Array]:
        """Return both ends for cohorts' spend, shape (c,), in a period or up to it; never below 0 or beyond the spend."""
        deviation = _deviation(self.totals, kind, spend, size, period, days, knows_season=knows_season)
        return np.maximum(spend - self.low[kind] * deviation, 0.0), spend + self.high[kind] * deviation


def _deviation(
    totals: TotalIntervals, kind: str, spend: Array, size: Array, period: int, days: int, *, knows_season: bool
) -> Array:
    """Return the standard deviation of cohorts' spend, shape (c,): the total's error and the chance in their purchases."""
    common = totals.reach(kind, period, days, knows_season=knows_season, variation=0.0) / _NORMAL_95
    return np.sqrt((spend * common) ** 2 + WITH_THE_FIT * size * spend)


def cohort_intervals(triangle: Triangle, past: Sequence[PastForecast], by: int | None = None) -> CohortIntervals:
    """Return the intervals that the cohorts of past forecasts (oldest first), over by a position, show to be needed."""
    totals = total_intervals(triangle, past, "existing", by)
    low, high = {}, {}
    for kind in ("month", "so_far"):
        found = []
        for forecast in past:
            over = forecast.periods if by is None else min(forecast.periods, by - forecast.position)
            # only what was known then: the record grows with each forecast
            earlier = total_intervals(triangle, past, "existing", forecast.position)
            found += [_standardised(triangle, forecast, earlier, kind, period) for period in range(max(over, 0))]
        residuals = np.concatenate([np.zeros(0), *found])
        low[kind], high[kind] = _ends(residuals)
    return CohortIntervals(totals, low, high)


def _standardised(triangle: Triangle, past: PastForecast, totals: TotalIntervals, kind: str, period: int) -> Array:
    """Return (actual - predicted) / deviation of the cohorts that are large enough to be shown."""
    spend, actual, size, days = cohort_cells(triangle, past, kind, period)
    deviation = _deviation(totals, kind, spend, size, period, days, knows_season=past.knows_season)
    return np.asarray((actual - spend)[deviation > 0] / deviation[deviation > 0])


def cohort_cells(triangle: Triangle, past: PastForecast, kind: str, period: int) -> tuple[Array, Array, Array, int]:
    """Return predicted and actual spend of the cohorts, their sizes of purchases, shape (c,), and days to the period's end."""
    shown = triangle.customers[: past.position] >= SMALLEST_COHORT
    first = period if kind == "month" else 0
    spend = past.cohorts.spend[shown, first : period + 1].sum(axis=1)
    columns = slice(past.position + first, past.position + period + 1)
    actual = triangle.spend[: past.position, columns][shown].sum(axis=1)
    days = (triangle.boundaries[past.position + period + 1] - triangle.boundaries[past.position]).days
    return spend, actual, past.cohorts.size[shown], days


def _ends(residuals: Array) -> tuple[float, float]:
    """Return the distance of the lower and the upper end in deviations, drawn to the normal's where cohorts are few."""
    weight = len(residuals) / (len(residuals) + _NORMAL_COHORTS)
    own = (-float(np.quantile(residuals, 0.05)), float(np.quantile(residuals, 0.95))) if len(residuals) else (0.0, 0.0)
    low, high = (weight * end + (1 - weight) * _NORMAL_95 for end in own)
    # errors of one date are much alike: a few lucky dates do not make an interval narrow
    return max(low, _LEAST), max(high, _LEAST)
