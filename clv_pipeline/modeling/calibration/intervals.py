"""Prediction intervals: median, 90 % interval and interval if they buy per customer, and an interval for the total.

Learned from past windows that the models had not seen (conformal in spirit: measured errors, no assumed shape). A
customer spends nothing with the probability of no purchase; otherwise the conditional expectation times an error whose
quantiles were measured among past buyers of similar size. So one distribution gives the median and all ends, and it is
valid for small and large customers, for all customers and for buyers. Where few buyers were seen, the quantiles are
mixed with those of other companies.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.calibration.level import ExpectedTotal, scale_probability
from clv_pipeline.modeling.calibration.total_record import TotalRecord

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
#: Deviation of the log errors of other companies' buyers (.7 to 1.1 on Online Retail II and CDNOW), and the number of buyers
#: that they count as.
_ERRORS_DEVIATE_BY, _PRIOR_BUYERS = 0.9, 20
#: Pulls the slope of the log odds to 1, in customers.
_SLOPE_PRIOR = 2000.0
#: Share of the total's own error that every customer may have in common with all others: the errors among past buyers are
#: measured around the correct total.
_SHARED_ERROR = 0.5


@dataclass(frozen=True)
class PastWindow:
    """Predictions for a past window, scaled to its expected total, and the actual spend and purchases."""

    expected: Array
    probability: Array
    spend: Array
    purchase: Array


@dataclass(frozen=True)
class PredictionInterval:
    """Ends of the 90 % intervals and medians, in money, one entry per customer: of everybody, and if they buy.

    low and high always enclose the expected spend; if_buying_* are about those who will have bought.
    """

    typical: Array
    low: Array
    high: Array
    if_buying_low: Array
    if_buying_typical: Array
    if_buying_high: Array


@dataclass(frozen=True)
class Calibration:
    """Error distributions measured on past windows; plain lists, so that it can be saved as JSON."""

    #: factor of the log odds of a purchase
    slope: float
    #: log of the conditional spend at the middle of each size group, ascending
    sizes: list[float]
    #: for each group the quantiles 0, 0.01 ... 1 of log(actual spend / conditional spend) among its buyers
    errors: list[list[float]]
    #: how far past totals were off, separately with and without last year's season in the prediction
    with_season: TotalRecord
    without: TotalRecord

    def probability(self, probability: Array, level: ExpectedTotal) -> Array:
        """Return the calibrated probability of a purchase, shape (n,), its mean scaled to the expected share (or unchanged).

        >>> as_measured = Calibration(1.0, [0.0], [[0.0] * 101], TotalRecord(), TotalRecord())
        >>> as_measured.probability(np.array([0.1, 0.5]), ExpectedTotal(buyers=0.4)).round(3)
        array([0.163, 0.637])
        """
        mean = level.buyers if level.buyers is not None else float(probability.mean()) if len(probability) else None
        return scale_probability(_tilted(probability, self.slope), ExpectedTotal(buyers=mean))

    def interval(self, expected: Array, probability: Array, reach: float = 0.0) -> PredictionInterval:
        """Return medians and intervals from expected spend and the calibrated probability; money, each of shape (n,).

        reach: of the total's interval, as a logarithm (see `reach`). Half of it is added in quadrature to the errors of those
        who buy; a quarter for everybody, many of whom buy nothing whatever the total.

        >>> without_errors = Calibration(1.0, [0.0], [[0.0] * 101], TotalRecord(), TotalRecord())
        >>> without_errors.interval(expected=np.array([30.0, 95.0]), probability=np.array([0.3, 0.95])).typical
        array([  0., 100.])
        """
        nothing = 1 - probability
        if_buying = expected / np.maximum(probability, 1e-3)
        shared = reach * _SHARED_ERROR
        is_sure = nothing < _NOTHING_IS_AN_OUTLIER
        left = np.maximum(0.10 - nothing, 0.02)
        above = np.where(is_sure, left * 0.6, ABOVE)

        def spend(share: Array) -> Array:
            """Return the spend below which a share of comparable customers stays: zero, or a quantile among buyers."""
            among_buyers = np.clip((share - nothing) / np.maximum(1 - nothing, 1e-9), 0, 1)
            return np.where(share <= nothing, 0.0, self._quantile(if_buying, among_buyers, shared / 2))

        everybody = np.ones(len(expected))
        low = np.where(is_sure, spend(nothing + left * 0.4), 0.0)
        high = spend(1 - above)
        return PredictionInterval(
            typical=spend(0.5 * everybody),
            low=np.minimum(low, np.maximum(expected, 0.0)),
            high=np.maximum(high, expected),
            if_buying_low=self._quantile(if_buying, 0.05 * everybody, shared),
            if_buying_typical=self._quantile(if_buying, 0.5 * everybody, 0.0),
            if_buying_high=self._quantile(if_buying, 0.95 * everybody, shared),
        )

    def reach(self, level: ExpectedTotal) -> float:
        """Return the reach of the total's 90 % interval: the logarithm of its upper end over the total."""
        record = self.without if level.season is None else self.with_season
        return record.reach(knows_season=level.season is not None, variation=level.variation)

    def total(self, predicted: float, level: ExpectedTotal) -> tuple[float, float]:
        """Return the 90 % interval of a total in money, from the errors of past totals with or without a season, as this one.

        >>> unmeasured = Calibration(1.0, [0.0], [[0.0] * 101], TotalRecord(), TotalRecord())
        >>> [round(end) for end in unmeasured.total(1000.0, ExpectedTotal(season=1.2))]
        [726, 1377]
        """
        reach = self.reach(level)
        return predicted * float(np.exp(-reach)), predicted * float(np.exp(reach))

    def _quantile(self, if_buying: Array, share: Array, shared: float) -> Array:
        """Return the spend below which the given share of comparable buyers stays; `shared` widens it on both sides."""
        size = np.log(np.maximum(if_buying, _SMALLEST))
        errors = np.array([np.interp(share, _QUANTILES, group) for group in self.errors])
        # errors are interpolated between the middles of two groups, and constant beyond the outer ones
        place = np.interp(size, self.sizes, np.arange(len(self.sizes)))
        lower = np.minimum(place.astype(int), len(self.sizes) - 1)
        upper = np.minimum(lower + 1, len(self.sizes) - 1)
        customers = np.arange(len(size))
        share_of_upper = place - lower
        error = (1 - share_of_upper) * errors[lower, customers] + share_of_upper * errors[upper, customers]
        # the further from the median, the more of what customers have in common counts
        tail = shared * np.abs(2 * share - 1)
        wider = np.hypot(error, tail) - np.abs(error)
        return np.asarray(if_buying * np.exp(error + np.sign(share - 0.5) * wider))


def calibrate(windows: Sequence[PastWindow], with_season: TotalRecord, without: TotalRecord) -> Calibration:
    """Return the error distributions of the windows; where nobody bought in any of them, those of other companies.

    >>> purchase = np.tile([0.0, 1.0], 1000)
    >>> window = PastWindow(np.full(2000, 15.0), np.full(2000, 0.5), 20 * purchase, purchase)
    >>> len(calibrate([window], TotalRecord(), TotalRecord()).sizes)  # groups of buyers
    6
    """
    windows = [
        w for w in windows if (w.spend > 0).any() and w.expected.sum() > 0 and w.purchase.min() < w.purchase.max()
    ]
    slope = _slope(windows) if windows else 1.0
    sizes, errors = [np.zeros(0)], [np.zeros(0)]
    for window in windows:
        # the total is predicted elsewhere; only the errors around the correct total count here
        probability = scale_probability(
            _tilted(window.probability, slope), ExpectedTotal(buyers=float(window.purchase.mean()))
        )
        expected = window.expected * (max(float(window.spend.sum()), 0.0) / window.expected.sum())
        size = np.log(np.maximum(expected / np.maximum(probability, 1e-3), _SMALLEST))
        buyers = window.spend > 0
        sizes.append(size[buyers])
        errors.append(np.log(np.maximum(window.spend[buyers], _SMALLEST)) - size[buyers])
    size, error = np.concatenate(sizes), np.concatenate(errors)
    count = int(np.clip(len(size) // _BUYERS_A_GROUP, 1, _MOST_GROUPS))
    groups = np.array_split(np.argsort(size, kind="stable"), count)
    return Calibration(
        slope,
        [float(np.median(size[g])) if len(g) else 0.0 for g in groups],
        [[round(float(q), 6) for q in _error_quantiles(error[g])] for g in groups],
        with_season,
        without,
    )


def _error_quantiles(errors: Array) -> Array:
    """Return the quantiles of log errors, mixed with those of other companies, whose mean factor is 1."""
    others = norm.ppf(np.clip(_QUANTILES, 0.002, 0.998)) * _ERRORS_DEVIATE_BY - _ERRORS_DEVIATE_BY**2 / 2
    if not len(errors):
        return np.asarray(others)
    own = len(errors) / (len(errors) + _PRIOR_BUYERS)
    return np.asarray(own * np.quantile(errors, _QUANTILES) + (1 - own) * others)


def _slope(windows: Sequence[PastWindow]) -> float:
    """Return the slope of the log odds that maximises the likelihood of past outcomes, each window at its own total."""

    def cost(slope: float) -> float:
        total = _SLOPE_PRIOR * (slope - 1) ** 2
        for w in windows:
            tilted = scale_probability(_tilted(w.probability, slope), ExpectedTotal(buyers=float(w.purchase.mean())))
            total += metrics.log_loss(w.purchase, tilted) * len(w.purchase)
        return total

    return round(float(minimize_scalar(cost, bounds=(0.5, 2.0), method="bounded").x), 4)


def _tilted(probability: Array, slope: float) -> Array:
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.asarray(p**slope / (p**slope + (1 - p) ** slope), dtype=np.float64)
