"""The fixed rules that every model must beat: they learn nothing but, at most, a mean. No tuning belongs here."""

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin


class Rule:
    """Marks what learns nothing from the rows."""


class Constant(Rule, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict one value: where every training row has the same target, no model can say more."""

    def __init__(self, value: float) -> None:
        self.value = value

    def fit(self, x: pd.DataFrame, y: NDArray[np.float64]) -> Self:
        self.is_fitted_ = True
        return self

    def predict(self, x: pd.DataFrame) -> NDArray[np.float64]:
        return np.full(len(x), self.value)


class ColumnRule(Rule, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict `factor` times one feature: last period's spend again, or the spend rate so far carried on."""

    def __init__(self, column: str, factor: float) -> None:
        self.column = column
        self.factor = factor

    def fit(self, x: pd.DataFrame, y: NDArray[np.float64]) -> Self:
        self.is_fitted_ = True
        return self

    def predict(self, x: pd.DataFrame) -> NDArray[np.float64]:
        values = x[self.column].to_numpy(dtype=np.float64) if self.column in x else np.zeros(len(x))
        return np.maximum(np.nan_to_num(values), 0) * self.factor


def trailing_spend(horizon_days: int) -> ColumnRule:
    """Last period's spend again: the widest window not longer than the horizon, carried on for the horizon."""
    window = max((w for w in (30, 60, 90, 180, 365) if w <= horizon_days), default=30)
    return ColumnRule(f"spend_{window}d", horizon_days / window)


def spend_rate(horizon_days: int) -> ColumnRule:
    """The customer's spend per day since the first purchase, carried on for the horizon."""
    return ColumnRule("spend_per_30_days", horizon_days / 30)


class RateProbability(Rule, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Chance of at least one purchase if the customer went on buying at the rate so far: 1 - exp(-rate x horizon)."""

    def __init__(self, horizon_days: int) -> None:
        self.horizon_days = horizon_days

    def fit(self, x: pd.DataFrame, y: NDArray[np.float64]) -> Self:
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, x: pd.DataFrame) -> NDArray[np.float64]:
        column = "purchase_days_per_30_days"
        rate = np.nan_to_num(x[column].to_numpy(dtype=np.float64)) if column in x else np.zeros(len(x))
        probability = 1 - np.exp(-rate * self.horizon_days / 30)
        return np.column_stack([1 - probability, probability])


class ColumnProbability(Rule, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predict a probability that is itself a feature, such as the buy-till-you-die chance of a purchase."""

    def __init__(self, column: str) -> None:
        self.column = column

    def fit(self, x: pd.DataFrame, y: NDArray[np.float64]) -> Self:
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, x: pd.DataFrame) -> NDArray[np.float64]:
        values = x[self.column].to_numpy(dtype=np.float64) if self.column in x else np.zeros(len(x))
        probability = np.clip(np.nan_to_num(values), 0, 1)
        return np.column_stack([1 - probability, probability])
