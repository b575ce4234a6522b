"""Partial dependence: mean predicted spend or purchase probability if all customers had the same value of one feature.

Input are rows and a predict function; no model is fitted and no table is read here. It shows the effect of one feature in
the model while the others stay unchanged, not what would happen to a customer.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clv_pipeline.interpretation.permutation import Predict
from clv_pipeline.modeling import metrics

_NUMBERS = 12
_CATEGORIES = 12
#: The tails are left out: training has hardly any customers there.
_TAIL = 0.02
#: A value, or the lack of one, that fewer customers share is not shown.
_RARE = 0.01


def evaluation_grid(values: pd.Series) -> list[float | str]:
    """Return the grid of a feature: quantiles of a number, categories from the most frequent, then nan.

    >>> evaluation_grid(pd.Series([2.0, 1.0, 2.0])), evaluation_grid(pd.Series(["AT", "DE", "DE"], dtype=object))
    ([1.0, 2.0], ['DE', 'AT'])
    """
    known = values.dropna()
    grid: list[float | str]
    if values.dtype == object:
        shares = known.value_counts(normalize=True).sort_index().sort_values(ascending=False, kind="stable")
        grid = [str(name) for name in shares.index[shares >= _RARE][:_CATEGORIES]]
    elif known.nunique() <= _NUMBERS:
        grid = sorted(float(v) for v in known.unique())
    else:
        quantiles = np.quantile(known, np.linspace(_TAIL, 1 - _TAIL, _NUMBERS), method="nearest")
        grid = [float(v) for v in np.unique(quantiles)]
    return [*grid, np.nan] if values.isna().mean() >= _RARE else grid


def partial_dependence(
    predict: Predict, features: pd.DataFrame, feature: str, grid: list[float | str], *, samples: int, seed: int
) -> list[metrics.Estimate]:
    """Return the mean prediction, as `predict` gives it, at each value of the grid, with its interval over customers.

    >>> features = pd.DataFrame({"recency_days": [1.0, 9.0], "orders": [1.0, 3.0]})
    >>> spend = lambda x: 100 / x["recency_days"].to_numpy() + x["orders"].to_numpy()
    >>> [at.value for at in partial_dependence(spend, features, "recency_days", [1.0, 10.0], samples=20, seed=7)]
    [102.0, 12.0]
    """
    customers = len(features)
    stacked = features.iloc[np.tile(np.arange(customers), len(grid))].reset_index(drop=True)
    values = pd.Series(np.repeat(np.array(grid, dtype=object), customers), dtype=features[feature].dtype)
    predicted = predict(stacked.assign(**{feature: values})).reshape(len(grid), customers)
    draws = metrics.bootstrap_draws(customers, samples, seed)
    return [metrics.estimate(float(p.mean()), _means(p, draws)) for p in predicted]


def _means(values: metrics.Array, draws: list[NDArray[np.int64]]) -> metrics.Array:
    return np.array([values[d].mean() for d in draws])
