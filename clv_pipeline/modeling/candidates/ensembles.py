"""Ensembles of fitted models: a single pipeline, a weighted mean, a product of factors. Nothing is fitted here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class MeanOf:
    """A weighted mean of models of one quantity: errors that they do not share cancel out. The weights sum to one."""

    members: "tuple[Fitted, ...]"
    weights: tuple[float, ...]


@dataclass(frozen=True)
class ProductOf:
    """A product of factors: probability of a purchase times spend of buyers, or purchases times value per purchase."""

    members: "tuple[Fitted, ...]"


Fitted: TypeAlias = Pipeline | MeanOf | ProductOf


def weighted_mean(predictions: Sequence[NDArray[np.float64]], weights: Sequence[float]) -> NDArray[np.float64]:
    """Return the prediction of a `MeanOf` from its members' predictions; each array has one entry per row.

    >>> weighted_mean([np.array([10.0, 0.0]), np.array([20.0, 4.0])], weights=[0.5, 0.5])
    array([15.,  2.])
    """
    return np.asarray(np.average(predictions, axis=0, weights=weights), dtype=np.float64)


def predict(model: Fitted, features: pd.DataFrame) -> NDArray[np.float64]:
    """Return the expected spend in money (never negative), or the purchase probability where it is a classifier; shape (n,).

    >>> from clv_pipeline.modeling.candidates.rules import Constant
    >>> x, y = pd.DataFrame({"orders": [1.0, 2.0]}), np.ones(2)
    >>> members = tuple(Pipeline([("rule", Constant(value))]).fit(x, y) for value in (10.0, 30.0))
    >>> predict(MeanOf(members, weights=(0.75, 0.25)), x), predict(ProductOf(members), x)
    (array([15., 15.]), array([300., 300.]))
    """
    if isinstance(model, MeanOf):
        return weighted_mean([predict(member, features) for member in model.members], model.weights)
    if isinstance(model, ProductOf):
        return np.asarray(np.prod([predict(member, features) for member in model.members], axis=0), dtype=np.float64)
    if hasattr(model, "predict_proba"):
        probabilities = np.asarray(model.predict_proba(features), dtype=np.float64)
        buys = np.flatnonzero(np.asarray(model.classes_) == 1)
        return probabilities[:, buys[0]] if len(buys) else np.zeros(len(features))
    return np.maximum(np.asarray(model.predict(features), dtype=np.float64), 0)
