"""Accuracy metrics, one function each, and bootstrap intervals. No model and no table is used here.

`actual` and `predicted` are 1-d float arrays of money (or 0/1 and a probability) with one entry per customer. A metric that
is undefined on the data (no spread, one class) is nan.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

Array = NDArray[np.float64]
Metric = Callable[[Array, Array], float]


def r_squared(actual: Array, predicted: Array) -> float:
    """Return 1 - squared error over the squared error of the actual mean: 1 at best, below 0 if the mean is better.

    >>> r_squared(np.array([0.0, 10, 20]), np.array([0.0, 15, 15]))
    0.75
    """
    spread = float(np.sum((actual - actual.mean()) ** 2))
    return 1 - float(np.sum((actual - predicted) ** 2)) / spread if spread > 0 else np.nan


def mean_absolute_error(actual: Array, predicted: Array) -> float:
    """Return the mean absolute error of a customer, in money.

    >>> mean_absolute_error(np.array([0.0, 10, 90]), np.array([5.0, 15, 70]))
    10.0
    """
    return float(np.mean(np.abs(actual - predicted)))


def median_absolute_error(actual: Array, predicted: Array) -> float:
    """Return the median absolute error of a customer, in money.

    >>> median_absolute_error(np.array([0.0, 10, 90]), np.array([5.0, 15, 70]))
    5.0
    """
    return float(np.median(np.abs(actual - predicted)))


def root_mean_squared_error(actual: Array, predicted: Array) -> float:
    """Return the root of the mean squared error of a customer, in money.

    >>> root_mean_squared_error(np.array([0.0, 10]), np.array([1.0, 17]))
    5.0
    """
    return float(np.sqrt(np.mean((actual - predicted) ** 2)))


def wape(actual: Array, predicted: Array) -> float:
    """Return the sum of absolute errors over the actual total.

    >>> wape(np.array([0.0, 100]), np.array([20.0, 80]))
    0.4
    """
    total = float(actual.sum())
    return float(np.abs(actual - predicted).sum()) / total if total > 0 else np.nan


def total_bias(actual: Array, predicted: Array) -> float:
    """Return predicted total over actual total, minus 1; +0.1 is 10 % too high.

    >>> total_bias(np.array([0.0, 100]), np.array([30.0, 120]))
    0.5
    """
    total = float(actual.sum())
    return float(predicted.sum()) / total - 1 if total > 0 else np.nan


def spearman(actual: Array, predicted: Array) -> float:
    """Return the rank correlation, -1 to 1, ties at their mean rank; nan if all values on one side are equal.

    >>> round(spearman(np.array([1.0, 2, 3]), np.array([10.0, 20, 15])), 3)
    0.5
    """
    a, p = rankdata(actual), rankdata(predicted)
    if a.std() == 0 or p.std() == 0:
        return np.nan
    return float(np.corrcoef(a, p)[0, 1])


def normalised_gini(actual: Array, predicted: Array) -> float:
    """Return the Gini of the actual money when customers are ordered by prediction, over the Gini of the perfect order.

    Customers with equal predictions share their money evenly, so a constant prediction scores 0.

    >>> spend = np.array([0.0, 10, 90])
    >>> [round(normalised_gini(spend, order), 3) for order in (spend, np.ones(3), -spend)]
    [1.0, 0.0, -1.0]
    """
    perfect = _gini(actual, actual)
    return _gini(actual, predicted) / perfect if perfect > 0 else np.nan


def _gini(actual: Array, order_by: Array) -> float:
    total = float(actual.sum())
    if total <= 0:
        return np.nan
    # mean rank of ties = every order of equal predictions, averaged
    ranks = rankdata(order_by)
    n = len(actual)
    return float(2 * np.sum(ranks * actual) / (n * total) - (n + 1) / n)


def top_decile_capture(actual: Array, predicted: Array) -> float:
    """Return the actual money of the decile with the highest predictions over that of the best possible decile.

    >>> top_decile_capture(np.array([100.0, *[50.0] * 9]), np.arange(10.0))
    0.5
    """
    return _top_share(actual, predicted, 0.10)


def top_fifth_capture(actual: Array, predicted: Array) -> float:
    """Return the actual money of the fifth with the highest predictions over that of the best possible fifth.

    >>> top_fifth_capture(np.array([60.0, 40, *[10.0] * 8]), np.array([9.0, *range(9)]))
    0.7
    """
    return _top_share(actual, predicted, 0.20)


def _top_share(actual: Array, predicted: Array, share: float) -> float:
    best = float(np.sort(actual)[-_count(actual, share) :].sum())
    return _top_money(actual, predicted, share) / best if best > 0 else np.nan


def top_decile_share(actual: Array, predicted: Array) -> float:
    """Return the share of all actual money in the highest predicted decile.

    >>> top_decile_share(np.array([55.0, *[5.0] * 9]), np.array([9.0, *range(9)]))
    0.55
    """
    total = float(actual.sum())
    return _top_money(actual, predicted, 0.1) / total if total > 0 else np.nan


def top_fifth_share(actual: Array, predicted: Array) -> float:
    """Return the share of all actual money in the highest predicted fifth.

    >>> top_fifth_share(np.array([60.0, *[5.0] * 8, 0.0]), np.array([9.0, *range(9)]))
    0.6
    """
    total = float(actual.sum())
    return _top_money(actual, predicted, 0.2) / total if total > 0 else np.nan


def _count(actual: Array, share: float) -> int:
    return max(1, round(share * len(actual)))


def _top_money(actual: Array, predicted: Array, share: float) -> float:
    """Return the actual money of the highest predicted share; equal predictions at the border share the last places."""
    count = _count(actual, share)
    border = np.partition(predicted, -count)[-count]
    above, at_border = predicted > border, predicted == border
    places = count - int(above.sum())
    return float(actual[above].sum() + places * actual[at_border].mean())


def decile_wape(actual: Array, predicted: Array) -> float:
    """Return the sum over predicted deciles of |predicted - actual| money, over the actual total: is the level right everywhere?

    >>> round(decile_wape(np.full(10, 10.0), np.arange(5.0, 15)), 3)
    0.25
    """
    total = float(actual.sum())
    if total <= 0:
        return np.nan
    # equal predictions share their money evenly, so that the order of rows does not matter
    _, group = np.unique(predicted, return_inverse=True)
    shared = (np.bincount(group, weights=actual) / np.bincount(group))[group]
    parts = np.array_split(np.argsort(predicted, kind="stable"), 10)
    return sum(abs(float(predicted[p].sum() - shared[p].sum())) for p in parts) / total


def roc_auc(actual: Array, predicted: Array) -> float:
    """Return the probability that a buyer is ranked above a non-buyer, half of it where they are tied; `actual` is 0/1.

    From the ranks: that is 20 times as fast as the curve of scikit-learn, and it is computed a hundred times per candidate.

    >>> roc_auc(np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.8]))
    0.875
    """
    buyers = actual > 0
    count = int(buyers.sum())
    if count in (0, len(actual)):
        return np.nan
    above = rankdata(predicted)[buyers].sum() - count * (count + 1) / 2
    return float(above / (count * (len(actual) - count)))


def log_loss(actual: Array, predicted: Array) -> float:
    """Return the mean negative log likelihood of 0/1 outcomes, in nats.

    >>> round(log_loss(np.array([1.0, 0]), np.array([0.5, 0.5])), 3)
    0.693
    """
    p = np.clip(predicted, 1e-6, 1 - 1e-6)
    return float(-np.mean(actual * np.log(p) + (1 - actual) * np.log(1 - p)))


def brier(actual: Array, predicted: Array) -> float:
    """Return the mean squared error of the probability, 0 to 1; 0 at best.

    >>> round(brier(np.array([1.0, 0]), np.array([0.8, 0.4])), 3)
    0.1
    """
    return float(np.mean((actual - predicted) ** 2))


def tweedie_deviance(actual: Array, predicted: Array) -> float:
    """Return the mean Tweedie deviance of power 1.5 (a count of gamma amounts): proper for means, calm about large orders.

    >>> tweedie_deviance(np.array([4.0]), np.array([4.0])), tweedie_deviance(np.array([4.0]), np.array([1.0]))
    (0.0, 4.0)
    """
    a, p = np.maximum(actual, 0), np.maximum(predicted, 1e-3)
    return float(np.mean(2 * (-4 * np.sqrt(a) + 2 * a / np.sqrt(p) + 2 * np.sqrt(p))))


def calibration_slope(actual: Array, predicted: Array) -> float:
    """Return the slope of a logistic regression of 0/1 outcomes on the predicted log odds: 1 is right, below 1 is overconfident.

    >>> bought = np.array([1.0, 0, 0, 0, 0, 1, 1, 1, 1, 0])
    >>> [round(calibration_slope(bought, np.repeat([low, 1 - low], 5)), 2) for low in (0.2, 0.01)]
    [1.0, 0.3]
    """
    if actual.min() == actual.max():
        return np.nan
    p = np.clip(predicted, 1e-6, 1 - 1e-6)
    log_odds = np.log(p / (1 - p)).reshape(-1, 1)
    if np.ptp(log_odds) == 0:
        return np.nan
    return float(LogisticRegression(C=1e6).fit(log_odds, actual).coef_[0, 0])


def coverage_of_buyers(actual: Array, low: Array, high: Array) -> float:
    """Return the share of buyers inside an interval, half a cent of rounding included; nan if nobody bought.

    >>> coverage_of_buyers(np.array([0.0, 10, 50]), np.array([5.0, 5, 5]), np.array([20.0, 20, 40]))
    0.5
    """
    buyers = actual > 0
    inside = (actual >= low - 0.005) & (actual <= high + 0.005)
    return float(inside[buyers].mean()) if buyers.any() else float("nan")


def coverage(actual: Array, predicted: Array, low: Array, high: Array) -> dict[str, float]:
    """Return the share of customers inside their interval: of all, of buyers, and of the worst predicted deciles.

    Half a cent of rounding is inside; a net return below zero counts as nothing spent.

    >>> actual, predicted, high = np.array([0.0, 10, 50]), np.array([1.0, 9, 30]), np.array([5.0, 20, 40])
    >>> coverage(actual, predicted, np.zeros(3), high)["coverage_of_buyers"]
    0.5
    """
    spent = np.maximum(actual, 0)
    inside = (spent >= low - 0.005) & (spent <= high + 0.005)
    deciles = [float(inside[t].mean()) for t in np.array_split(np.argsort(-predicted, kind="stable"), 10) if len(t)]
    return {
        "coverage": float(inside.mean()),
        "coverage_of_buyers": coverage_of_buyers(actual, low, high),
        "coverage_of_top_decile": deciles[0],
        "lowest_decile_coverage": min(deciles),
        "highest_decile_coverage": max(deciles),
    }


SPEND_METRICS: Mapping[str, Metric] = {
    "normalised_gini": normalised_gini,
    "spearman": spearman,
    "top_decile_capture": top_decile_capture,
    "top_fifth_capture": top_fifth_capture,
    "top_decile_share": top_decile_share,
    "top_fifth_share": top_fifth_share,
    "r_squared": r_squared,
    "mean_absolute_error": mean_absolute_error,
    "median_absolute_error": median_absolute_error,
    "root_mean_squared_error": root_mean_squared_error,
    "wape": wape,
    "decile_wape": decile_wape,
    "tweedie_deviance": tweedie_deviance,
    "total_bias": total_bias,
}
PROBABILITY_METRICS: Mapping[str, Metric] = {"roc_auc": roc_auc, "log_loss": log_loss, "brier": brier}


@dataclass(frozen=True)
class Estimate:
    """A metric, or any other figure, with the 90 % interval of its bootstrap distribution over customers."""

    value: float
    low: float
    high: float


def measure(
    metrics: Mapping[str, Metric], actual: Array, predicted: Array, *, samples: int, seed: int
) -> dict[str, Estimate]:
    """Return each metric with its interval; customers are the unit that is drawn again, with replacement.

    >>> measure({"wape": wape}, np.full(50, 100.0), np.full(50, 80.0), samples=20, seed=7)
    {'wape': Estimate(value=0.2, low=0.2, high=0.2)}
    """
    draws = bootstrap_draws(len(actual), samples, seed)
    found = {}
    for name, metric in metrics.items():
        values = np.array([metric(actual[d], predicted[d]) for d in draws])
        found[name] = estimate(metric(actual, predicted), values)
    return found


def difference(metric: Metric, actual: Array, one: Array, other: Array, draws: Sequence[NDArray[np.int64]]) -> Estimate:
    """Return metric(one) - metric(other) with its 90 % interval; each draw takes the same customers for both.

    >>> actual, draws = np.array([0.0, 10, 90]), bootstrap_draws(customers=3, samples=20, seed=7)
    >>> difference(mean_absolute_error, actual, actual + 5, actual + 2, draws)
    Estimate(value=3.0, low=3.0, high=3.0)
    """
    drawn = np.array([metric(actual[d], one[d]) - metric(actual[d], other[d]) for d in draws])
    return estimate(metric(actual, one) - metric(actual, other), drawn)


def estimate(value: float, drawn: Array) -> Estimate:
    """Return a value with the interval from its bootstrap draws.

    >>> estimate(50.0, np.arange(101.0))
    Estimate(value=50.0, low=5.0, high=95.0)
    """
    low, high = np.nanquantile(drawn, [0.05, 0.95]) if np.isfinite(drawn).any() else (np.nan, np.nan)
    # some metrics are biased under resampling (errors of sums grow); the interval must still contain its value
    return Estimate(value, float(np.fmin(low, value)), float(np.fmax(high, value)))


def bootstrap_draws(customers: int, samples: int, seed: int) -> list[NDArray[np.int64]]:
    """Return `samples` index arrays of length `customers`; the same seed pairs the draws of two models.

    >>> [draw.shape for draw in bootstrap_draws(customers=1000, samples=2, seed=7)]
    [(1000,), (1000,)]
    """
    generator = np.random.default_rng(seed)
    return [generator.integers(0, customers, customers) for _ in range(samples)]
