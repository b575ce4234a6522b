"""The rules that a cohort forecast must beat: chain ladder, and the last three months again."""

import numpy as np

from clv_pipeline.forecasts.triangle import QUARTER_PERIODS
from clv_pipeline.modeling.metrics import Array

#: Share of the last development factors that is left after each further period.
_TAIL = 0.9


def chain_ladder(spend: Array, position: int, periods: int) -> Array:
    """Return each cohort's spend in the periods from `position`, shape (position, periods), by chain ladder.

    The cumulative spend of a cohort grows by the ratio that older cohorts grew by at the same age; ages that none has
    reached grow by the mean of the last three ratios, less and less.

    >>> spend = np.array([[100.0, 50.0, 0.0], [0.0, 100.0, 0.0], [0.0, 0.0, 0.0]])
    >>> chain_ladder(spend, 2, 1).round(1)
    array([[67.5],
           [50. ]])
    """
    by_age = np.zeros((position, position + periods))
    for cohort in range(position):
        by_age[cohort, : position - cohort] = spend[cohort, cohort:position]
    so_far = np.cumsum(by_age, axis=1)
    factors = np.ones(position + periods)
    for age in range(1, position):
        old_enough = slice(0, position - age)
        factors[age] = so_far[old_enough, age].sum() / max(so_far[old_enough, age - 1].sum(), 1e-9)
    tail = factors[max(position - 3, 1) : position].mean() if position > 1 else 1.0
    factors[position:] = np.maximum(1 + (tail - 1) * _TAIL ** np.arange(1, periods + 1), 1.0)
    found = np.zeros((position, periods))
    for cohort in range(position):
        age = position - cohort
        grown = so_far[cohort, age - 1] * np.cumprod(factors[age : age + periods])
        found[cohort] = np.diff(grown, prepend=so_far[cohort, age - 1])
    return found


def last_three_months(spend: Array, position: int, periods: int) -> Array:
    """Return the mean of each cohort's last three periods, again and again: shape (position, periods).

    A cohort's first period, that of its first purchases, is left out; a cohort with no other has none.

    >>> last_three_months(np.array([[100.0, 50.0, 20.0], [0.0, 90.0, 10.0], [0.0, 0.0, 80.0]]), 3, 1)
    array([[35.],
           [10.],
           [ 0.]])
    """
    means = np.zeros(position)
    for cohort in range(position - 1):
        means[cohort] = spend[cohort, max(position - QUARTER_PERIODS, cohort + 1) : position].mean()
    return np.repeat(means[:, None], periods, axis=1)
