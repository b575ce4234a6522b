"""Prediction intervals: median and 90 % interval per customer, and an interval for the total.

Learned from past windows that the models had not seen (conformal in spirit: measured errors, no assumed shape). A
customer spends nothing with the probability of no purchase; otherwise the conditional expectation times an error whose
quantiles were measured among past buyers of similar size. So one distribution gives the median and both ends, and it is
valid for small and large customers, for all customers and for buyers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import t as student_t

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.calibration.level import ExpectedTotal, scale_probability

Array = metrics.Array

#: Share of customers who may spend more than the upper end. Buyers are fewer than customers, so the share of buyers above
#: it is larger; a nominal 10 % for all customers would leave a quarter of the buyers outside.
ABOVE = 0.065
#: If no purchase is less likely than this, zero is treated as an outlier and excluded from the interval.
_NOTHING_IS_AN_OUTLIER = 0.10
_BUYERS_A_GROUP = 150
_MOST_GROUPS = 10
_QUANTILES = np.linspace(0, 1, 101)
_SMALLEST = 0.01
#: Pulls the slope of the log odds to 1, in customers.
_SLOPE_PRIOR = 2000.0
#: Prior error of the log of a total, and the number of windows it counts as. With last year's season
#: in the prediction it is little; without, two real companies were off by .34 (nine windows, one of them after a peak;
#: by .41 in the six of them that docs/accuracy.md does not report).
_TOTAL_PRIOR = {True: 0.15, False: 0.35}
_TOTAL_PRIOR_WINDOWS = 2


@dataclass(frozen=True)
class PastWindow:
    """Predictions for a past window, scaled to its expected total, and the actual spend and purchases."""

    expected: Array
    probability: Array
    spend: Array
    flag: Array
    #: whether the expected total included last year's season
    knows_season: bool


@dataclass(frozen=True)
class PredictionInterval:
    """Typical (median) spend and the ends of the 90 % interval, in money, one entry per customer."""

    typical: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Calibration:
    """Error distributions measured on past windows; plain lists, so that it can be saved as JSON."""

    #: factor of the log odds of a purchase
    slope: float
    #: log of the conditional spend at the middle of each size group, ascending
    sizes: list[float]
    #: for each group the quantiles 0, 0.01 ... 1 of log(actual spend / conditional spend) among its buyers
    errors: list[list[float]]
    #: log(actual total / predicted total) of each window, separately with and without last year's season in the prediction
    totals_with_season: list[float]
    totals_without: list[float]

    def probability(self, probability: Array, level: ExpectedTotal) -> Array:
        """Return the calibrated probability of a purchase, shape (n,), its mean scaled to the expected share (or unchanged).

        >>> as_measured = Calibration(1.0, [0.0], [[0.0] * 101], [], [])
        >>> as_measured.probability(np.array([0.1, 0.5]), ExpectedTotal(buyers=0.4)).round(3)
        array([0.163, 0.637])
        """
        mean = level.buyers if level.buyers is not None else float(probability.mean()) if len(probability) else None
        return scale_probability(_tilted(probability, self.slope), ExpectedTotal(buyers=mean))

    def interval(self, expected: Array, probability: Array) -> PredictionInterval:
        """Return typical spend and interval from expected spend and the calibrated probability; money, each of shape (n,).

        >>> without_errors = Calibration(1.0, [0.0], [[0.0] * 101], [], [])
        >>> without_errors.interval(expected=np.array([30.0, 95.0]), probability=np.array([0.3, 0.95])).typical
        array([  0., 100.])
        """
        nothing = 1 - probability
        if_buying = expected / np.maximum(probability, 1e-3)
        is_sure = nothing < _NOTHING_IS_AN_OUTLIER
        left = np.maximum(0.10 - nothing, 0.02)
        above = np.where(is_sure, left * 0.6, ABOVE)
        return PredictionInterval(
            typical=self._quantile(if_buying, nothing, np.full(len(expected), 0.5)),
            low=np.where(is_sure, self._quantile(if_buying, nothing, nothing + left * 0.4), 0.0),
            high=self._quantile(if_buying, nothing, 1 - above),
        )

    def total(self, predicted: float, *, knows_season: bool) -> tuple[float, float]:
        """Return the 90 % interval of the total in money, from the errors of past totals with or without a season, as this one.

        >>> unmeasured = Calibration(1.0, [0.0], [[0.0] * 101], [], [])
        >>> [round(end) for end in unmeasured.total(1000.0, knows_season=True)]
        [645, 1550]
        """
        off = self.totals_with_season if knows_season else self.totals_without
        windows = _TOTAL_PRIOR_WINDOWS + len(off)
        squares = _TOTAL_PRIOR_WINDOWS * _TOTAL_PRIOR[knows_season] ** 2 + float(np.sum(np.square(off)))
        reach = float(student_t.ppf(0.95, windows)) * float(np.sqrt(squares / windows))
        return predicted * float(np.exp(-reach)), predicted * float(np.exp(reach))

    def _quantile(self, if_buying: Array, nothing: Array, share: Array) -> Array:
        """Return the spend below which the given share of comparable customers stays: zero, or a quantile among buyers."""
        among_buyers = np.clip((share - nothing) / np.maximum(1 - nothing, 1e-9), 0, 1)
        size = np.log(np.maximum(if_buying, _SMALLEST))
        errors = np.array([np.interp(among_buyers, _QUANTILES, group) for group in self.errors])
        # errors are interpolated between the middles of two groups, and constant beyond the outer ones
        place = np.interp(size, self.sizes, np.arange(len(self.sizes)))
        lower = np.minimum(place.astype(int), len(self.sizes) - 1)
        upper = np.minimum(lower + 1, len(self.sizes) - 1)
        customers = np.arange(len(size))
        share_of_upper = place - lower
        error = (1 - share_of_upper) * errors[lower, customers] + share_of_upper * errors[upper, customers]
        return np.where(share <= nothing, 0.0, if_buying * np.exp(error))


def calibrate(windows: Sequence[PastWindow]) -> Calibration | None:
    """Return the error distributions of the windows, or None if nobody bought in any of them.

    >>> flag = np.tile([0.0, 1.0], 1000)
    >>> window = PastWindow(np.full(2000, 15.0), np.full(2000, 0.5), 20 * flag, flag, knows_season=False)
    >>> found = calibrate([window])
    >>> len(found.sizes), np.exp(found.totals_without).round(3)  # groups of buyers; actual total / predicted total
    (6, array([0.667]))
    """
    windows = [w for w in windows if (w.spend > 0).any() and w.expected.sum() > 0 and w.flag.min() < w.flag.max()]
    if not windows:
        return None
    slope = _slope(windows)
    sizes, errors = [], []
    for window in windows:
        # the total is predicted elsewhere; only the errors around the correct total count here
        probability = scale_probability(
            _tilted(window.probability, slope), ExpectedTotal(buyers=float(window.flag.mean()))
        )
        expected = window.expected * (max(float(window.spend.sum()), 0.0) / window.expected.sum())
        size = np.log(np.maximum(expected / np.maximum(probability, 1e-3), _SMALLEST))
        buyers = window.spend > 0
        sizes.append(size[buyers])
        errors.append(np.log(np.maximum(window.spend[buyers], _SMALLEST)) - size[buyers])
    size, error = np.concatenate(sizes), np.concatenate(errors)
    count = int(np.clip(len(size) // _BUYERS_A_GROUP, 1, _MOST_GROUPS))
    groups = np.array_split(np.argsort(size, kind="stable"), count)
    totals: dict[bool, list[float]] = {True: [], False: []}
    for window in windows:
        off = np.log(max(float(window.spend.sum()), _SMALLEST) / window.expected.sum())
        totals[window.knows_season].append(float(off))
    return Calibration(
        slope,
        [float(np.median(size[g])) for g in groups],
        [[round(float(q), 6) for q in np.quantile(error[g], _QUANTILES)] for g in groups],
        totals[True],
        totals[False],
    )


def _slope(windows: Sequence[PastWindow]) -> float:
    """Return the slope of the log odds that maximises the likelihood of past outcomes, each window at its own total."""

    def cost(slope: float) -> float:
        total = _SLOPE_PRIOR * (slope - 1) ** 2
        for w in windows:
            tilted = scale_probability(_tilted(w.probability, slope), ExpectedTotal(buyers=float(w.flag.mean())))
            total += metrics.log_loss(w.flag, tilted) * len(w.flag)
        return total

    return round(float(minimize_scalar(cost, bounds=(0.5, 2.0), method="bounded").x), 4)


def _tilted(probability: Array, slope: float) -> Array:
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.asarray(p**slope / (p**slope + (1 - p) ** slope), dtype=np.float64)
