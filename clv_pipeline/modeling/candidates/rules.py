"""Fixed rules (baselines) that every model must beat: they are fitted to at most a mean. No tuning belongs here."""

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from clv_pipeline.modeling.data.dataset import FeatureColumns


class Rule:
    """Marker class: the estimator learns nothing from the training rows."""


class Constant(Rule, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict one value: if every training row has the same target, no model can do better.

    >>> Constant(3.0).predict(pd.DataFrame(index=["C1", "C2"]))
    array([3., 3.])
    """

    def __init__(self, value: float) -> None:
        self.value = value

    def fit(self, x: pd.DataFrame, y: NDArray[np.float64]) -> Self:
        self.is_fitted_ = True
        return self

    def predict(self, x: pd.DataFrame) -> NDArray[np.float64]:
        return np.full(len(x), self.value)


class ColumnRule(Rule, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict `factor` times one feature: last period's spend again, or the spend rate to date, extrapolated.

    constant: the feature's value if it is the same for all customers and so not given to models; else None.

    >>> ColumnRule("spend_90d", factor=2.0).predict(pd.DataFrame({"spend_90d": [10.0, -5.0, np.nan]}))
    array([20.,  0.,  0.])
    """

    def __init__(self, column: str, factor: float, constant: float | None = None) -> None:
        self.column = column
        self.factor = factor
        self.constant = constant

    def fit(self, x: pd.DataFrame, y: NDArray[np.float64]) -> Self:
        self.is_fitted_ = True
        return self

    def predict(self, x: pd.DataFrame) -> NDArray[np.float64]:
        return np.maximum(np.nan_to_num(_values(x, self.column, self.constant)), 0) * self.factor


def _values(x: pd.DataFrame, column: str, constant: float | None) -> NDArray[np.float64]:
    """Return a feature of each row, or its constant value; KeyError if neither is known."""
    return x[column].to_numpy(dtype=np.float64) if constant is None else np.full(len(x), constant)


def column_rule(columns: FeatureColumns, column: str, factor: float = 1.0) -> ColumnRule:
    """Return the rule on a feature that exists; see `FeatureColumns.has` for the error.

    >>> column_rule(FeatureColumns((), (), {"spend_90d": 0.0}), "spend_90d").predict(pd.DataFrame(index=["C1", "C2"]))
    array([0., 0.])
    """
    return ColumnRule(column, factor, columns.constant_of(column))


def trailing_window(horizon_days: int) -> int:
    """Return the days of the widest window of the features, `spend_<days>d`, that is not longer than a horizon.

    >>> trailing_window(135)
    90
    """
    return max((w for w in (30, 60, 90, 180, 365) if w <= horizon_days), default=30)


def trailing_spend(columns: FeatureColumns, horizon_days: int) -> ColumnRule:
    """Return the rule 'last period's spend again': the widest window not longer than the horizon, extrapolated to the horizon.

    >>> rule = trailing_spend(FeatureColumns(("spend_90d",), ()), horizon_days=135)
    >>> rule.column, rule.factor
    ('spend_90d', 1.5)
    """
    window = trailing_window(horizon_days)
    return column_rule(columns, f"spend_{window}d", horizon_days / window)


def spend_rate(columns: FeatureColumns, horizon_days: int) -> ColumnRule:
    """Return the rule 'the customer's spend per day since the first purchase', extrapolated to the horizon.

    >>> spend_rate(FeatureColumns(("spend_per_30_days",), ()), horizon_days=90).factor
    3.0
    """
    return column_rule(columns, "spend_per_30_days", horizon_days / 30)


class RateProbability(Rule, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Probability of a purchase if the customer keeps buying at the rate to date: 1 - exp(-rate x horizon).

    constant: as in `ColumnRule`, of the feature `RATE`.

    >>> x = pd.DataFrame({"purchase_days_per_30_days": [0.0, 1.0]})
    >>> RateProbability(horizon_days=30).predict_proba(x)[:, 1].round(3)
    array([0.   , 0.632])
    """

    RATE = "purchase_days_per_30_days"

    def __init__(self, horizon_days: int, constant: float | None = None) -> None:
        self.horizon_days = horizon_days
        self.constant = constant

    def fit(self, x: pd.DataFrame, y: NDArray[np.float64]) -> Self:
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, x: pd.DataFrame) -> NDArray[np.float64]:
        rate = np.nan_to_num(_values(x, self.RATE, self.constant))
        probability = 1 - np.exp(-rate * self.horizon_days / 30)
        return np.column_stack([1 - probability, probability])


class ColumnProbability(Rule, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predict a probability that is itself a feature, such as the buy-till-you-die probability of a purchase.

    constant: as in `ColumnRule`.

    >>> x = pd.DataFrame({"btyd_purchase_probability_90d": [0.25, np.nan]})
    >>> ColumnProbability("btyd_purchase_probability_90d").predict_proba(x)[:, 1]
    array([0.25, 0.  ])
    """

    def __init__(self, column: str, constant: float | None = None) -> None:
        self.column = column
        self.constant = constant

    def fit(self, x: pd.DataFrame, y: NDArray[np.float64]) -> Self:
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, x: pd.DataFrame) -> NDArray[np.float64]:
        probability = np.clip(np.nan_to_num(_values(x, self.column, self.constant)), 0, 1)
        return np.column_stack([1 - probability, probability])


def rate_probability(columns: FeatureColumns, horizon_days: int) -> RateProbability:
    """Return the rule on the rate to date; see `FeatureColumns.has` for the error.

    >>> rate_probability(FeatureColumns((RateProbability.RATE,), ()), horizon_days=90).horizon_days
    90
    """
    return RateProbability(horizon_days, columns.constant_of(RateProbability.RATE))


def column_probability(columns: FeatureColumns, column: str) -> ColumnProbability:
    """Return the rule on a feature that exists; see `FeatureColumns.has` for the error.

    >>> column_probability(FeatureColumns((), (), {"web_conversion_share": 0.5}), "web_conversion_share").constant
    0.5
    """
    return ColumnProbability(column, columns.constant_of(column))
