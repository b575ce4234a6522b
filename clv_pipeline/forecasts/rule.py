"""The forecast at one date on a grid of periods, from what was known then: cohorts, customers to come, baselines.

The rule is that of the night: the purchase models' expectation times last year's season or, where none is known, a quarter of
the error of the last three months. The night itself takes the customers' scores for the horizon (`night.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

from clv_pipeline.features.cutoffs import HISTORY_NEEDED
from clv_pipeline.features.window_spend import sampling_variance
from clv_pipeline.forecasts.expectations import Expectation
from clv_pipeline.forecasts.triangle import QUARTER_PERIODS, YEAR_PERIODS, Triangle
from clv_pipeline.modeling.calibration.level import CARRIED_ON, LIMITS, SEASONS_DIFFER_BY, WITH_THE_FIT
from clv_pipeline.modeling.metrics import Array

#: Cohorts of the first so many periods may be older than the data: they tell nothing about new customers.
CENSORED_PERIODS = 3

#: Returns the expectation at a position of the grid for so many periods after it; None where no model can be fitted.
Expect = Callable[[int, int], Expectation | None]


@dataclass(frozen=True)
class CohortForecast:
    """Expected spend, in money, of the cohorts (c) known at a position, by period after it (k).

    spend: shape (c, k). size: shape (c,), see `Expectation`. season: shape (k,); None where no season is known.
    """

    spend: Array
    size: Array
    season: Array | None


def forecast_cohorts(
    triangle: Triangle, expect: Expect, position: int, periods: int, first_order: date
) -> CohortForecast | None:
    """Return the forecast of the cohorts before `position`; None where no purchase model can be fitted."""
    expected = expect(position, periods)
    if expected is None:
        return None
    season = season_at(triangle, expect, position, periods, first_order)
    if season is not None:
        return CohortForecast(expected.spend * season, expected.size, season)
    earlier = position - QUARTER_PERIODS
    past = expect(earlier, QUARTER_PERIODS) if earlier > 0 else None
    carried = 1.0
    if past is not None:
        known = slice(0, earlier), slice(earlier, position)
        carried = _ratio(triangle, known, float(past.spend[:, :QUARTER_PERIODS].sum())) ** CARRIED_ON
    return CohortForecast(expected.spend * carried, expected.size, None)


def season_at(triangle: Triangle, expect: Expect, position: int, periods: int, first_order: date) -> Array | None:
    """Return last year's ratio of actual to expected spend in each of the periods, shape (k,); None if unknown."""
    last_year = position - YEAR_PERIODS
    if last_year <= 0 or triangle.boundaries[last_year] - first_order < HISTORY_NEEDED:
        return None
    expected = expect(last_year, periods)
    if expected is None:
        return None
    ratios = [
        _ratio(triangle, (slice(0, last_year), slice(last_year + k, last_year + k + 1)), float(total))
        for k, total in enumerate(expected.spend.sum(axis=0)[:periods])
    ]
    return np.array(ratios)


def _ratio(triangle: Triangle, known: tuple[slice, slice], expected: float) -> float:
    """Return actual over expected spend of cohorts and periods that are over, shrunk by what chance explains of it."""
    return shrunk_ratio(float(triangle.capped[known].sum()), float(triangle.squares[known].sum()), expected)


def shrunk_ratio(actual: float, squares: float, expected: float) -> float:
    """Return the ratio of two sums of money within the limits of a season, the nearer to 1 the more chance is in it.

    squares: sum of the squared purchases of the actual sum.

    >>> round(shrunk_ratio(150.0, 0.0, 100.0), 3), round(shrunk_ratio(150.0, 150.0 * 4, 100.0), 3)
    (1.5, 1.217)
    """
    if actual <= 0 or expected <= 0:
        return 1.0
    known = SEASONS_DIFFER_BY**2 / (SEASONS_DIFFER_BY**2 + WITH_THE_FIT * sampling_variance(actual, squares))
    return float(np.clip(actual / expected, *LIMITS) ** known)


@dataclass(frozen=True)
class NewCustomers:
    """Customers who will have bought for the first time by period (k): how many, and their spend; shape (k,)."""

    customers: Array
    spend: Array


def forecast_new_customers(
    triangle: Triangle, position: int, periods: int, season: Array | None, first_share: float = 1.0
) -> NewCustomers:
    """Return the customers to come: their number, and each spending as recent cohorts did at the same age.

    season: shape (k,), of the customers already known; half of it, as a logarithm, counts here too. first_share: the part of
    the first period that is to come.
    """
    share = np.ones(periods)
    share[0] = first_share
    customers = _acquisitions(triangle, position, periods) * share
    spend = np.convolve(customers, spend_by_age(triangle, position, periods))[:periods]
    return NewCustomers(customers, spend if season is None else spend * np.sqrt(season))


def _acquisitions(triangle: Triangle, position: int, periods: int) -> Array:
    """Return the first purchases per period.

    With last year's months known: half way, as a logarithm, between them and the last quarter in their rhythm. Else: half way
    between the last quarter and the last year. Cohorts that may be older than the data count for neither.
    """
    counts = triangle.customers
    recent = counts[max(position - QUARTER_PERIODS, min(CENSORED_PERIODS, position - 1), 0) : position]
    quarter = float(recent.mean()) if len(recent) else 0.0
    before = position - YEAR_PERIODS - QUARTER_PERIODS
    if before < CENSORED_PERIODS:
        year = counts[max(position - YEAR_PERIODS, min(CENSORED_PERIODS, position - 1), 0) : position]
        return np.full(periods, np.sqrt(quarter * float(year.mean())) if len(year) else 0.0)
    last_year = np.resize(counts[position - YEAR_PERIODS : position], periods).astype(np.float64)
    growth = quarter / max(float(counts[before : before + QUARTER_PERIODS].mean()), 1.0)
    return last_year * np.sqrt(np.clip(growth, LIMITS[0] ** 2, LIMITS[1] ** 2))


def spend_by_age(triangle: Triangle, position: int, periods: int) -> Array:
    """Return the spend per customer by period since the first purchase, shape (k,), from the cohorts of the last year.

    An age that no such cohort has reached counts as the oldest one that has been.
    """
    found = np.zeros(periods)
    for age in range(periods):
        cohorts = [
            c for c in range(max(position - YEAR_PERIODS - age, CENSORED_PERIODS), position - age) if triangle.customers[c] > 0
        ]
        if cohorts:
            found[age] = sum(triangle.spend[c, c + age] for c in cohorts) / sum(triangle.customers[c] for c in cohorts)
        elif age:
            found[age] = found[age - 1]
    return found
