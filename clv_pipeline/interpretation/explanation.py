"""Reasons for a customer's score: an additive explanation of tonight's predicted spend, as text with amounts.

For any champion, a small surrogate XGBoost model is fitted to its predictions; the surrogate's SHAP contributions (they add
up to its prediction) are the reasons. Its fidelity to the champion is measured and published. Labels of features are in
`wording.py`, features in SQL.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from xgboost import DMatrix, XGBRegressor

from clv_pipeline.features.wording import describe as describe, phrases
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.data.dataset import FeatureColumns
from clv_pipeline.modeling.data.encoding import encoded_features, tree_encoder


@dataclass(frozen=True)
class Explainer:
    """A fitted additive model of the champion's predictions, in money."""

    columns: FeatureColumns
    encoder: ColumnTransformer
    model: XGBRegressor
    features: list[str]
    fidelity: float

    def contributions(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """Return the money that each feature adds or takes away, shape (customers, features in the order of `columns.names`)."""
        matrix = DMatrix(self.encoder.transform(features), nthread=1)
        raw = self.model.get_booster().predict(matrix, pred_contribs=True)[:, :-1]
        position = {name: i for i, name in enumerate(self.columns.names)}
        merged = np.zeros((len(features), len(position)))
        for encoded, feature in enumerate(self.features):
            merged[:, position[feature]] += raw[:, encoded]
        return merged


def fit_explainer(
    features: pd.DataFrame, predicted: NDArray[np.float64], columns: FeatureColumns, *, seed: int
) -> Explainer:
    """Fit the explainer to predictions; fidelity is its R2 on every fifth customer, which it was not fitted to."""
    held_out = np.arange(len(predicted)) % 5 == 4
    learned = ~held_out if held_out.any() else np.ones(len(predicted), dtype=bool)
    encoder = tree_encoder(columns)
    encoded = encoder.fit_transform(features)
    model = XGBRegressor(
        n_estimators=60, max_depth=4, learning_rate=0.15, tree_method="hist", max_bin=64, random_state=seed, n_jobs=1
    )  # fmt: skip
    model.fit(encoded[learned], predicted[learned])
    judged = held_out if held_out.any() else learned
    fidelity = metrics.r_squared(predicted[judged], model.predict(encoded[judged]).astype(np.float64))
    return Explainer(columns, encoder, model, encoded_features(encoder, columns), fidelity)


def top_reasons(
    features: pd.DataFrame, contributions: NDArray[np.float64], columns: FeatureColumns, count: int = 3
) -> list[list[str]]:
    """Return `count` lists, one entry per customer: the strongest reason, the second, ..., as text with a signed amount.

    >>> features = pd.DataFrame({"recency_days": [12.0], "orders": [3.0]})
    >>> top_reasons(features, np.array([[20.5, -1.25]]), FeatureColumns(("recency_days", "orders"), ()), count=2)
    [['last purchase 12 days ago: +20.50'], ['3 orders so far: -1.25']]
    """
    strongest = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :count]
    reasons = np.full(strongest.shape, "", dtype=object)
    for feature in np.unique(strongest):
        rows, places = np.nonzero(strongest == feature)
        name, moved = columns.names[feature], contributions[rows, feature]
        said = phrases(name, features[name].iloc[rows])
        reasons[rows, places] = [f"{words}: {m:+.2f}" if m else "" for words, m in zip(said, moved, strict=True)]
    return [list(reasons[:, place]) for place in range(strongest.shape[1])]
