"""Why a customer has the score: an additive explanation of tonight's predicted spend, in words and money.

Whatever the champion is, a small XGBoost model learns to repeat its predictions, and its exact contributions (they add
up to its prediction) are the reasons. How well it repeats them is measured and published as its fidelity. What features
mean in words is here too; what they are is SQL.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from xgboost import DMatrix, XGBRegressor

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.dataset import FeatureColumns
from clv_pipeline.modeling.encoding import encoded_features, for_trees

_WORDS = {
    "recency_days": "last purchase {} days ago",
    "tenure_days": "customer for {} days",
    "frequency": "{} repeat purchases",
    "purchase_days": "{} purchase days so far",
    "monetary_value": "{} spent on an average purchase day",
    "spend_total": "{} spent so far",
    "gross_spend_total": "{} spent so far before returns",
    "spend_90d_one_year_ago": "{} spent in the same 90 days last year",
    "purchase_days_90d_one_year_ago": "{} purchases in the same 90 days last year",
    "spend_per_30_days": "{} spent a month on average",
    "spend_per_30_days_last_year": "{} spent a month over the last year",
    "purchase_days_per_30_days": "{} purchases a month on average",
    "spend_trend_90d": "spend changed by {} against the 90 days before",
    "purchase_trend_90d": "purchases changed by {} against the 90 days before",
    "recency_in_gaps": "silent for {} times the usual gap",
    "mean_gap_days": "{} days between purchases on average",
    "last_gap_days": "{} days between the last two purchases",
    "return_share": "{} of spend returned",
    "largest_day_spend": "largest purchase {}",
    "last_purchase_spend": "last purchase {}",
    "distinct_products": "{} different products bought",
    "crm_age_days": "in the CRM for {} days",
    "crm_acquisition_cost": "acquisition cost {}",
    "survey_last_nps": "last NPS answer {}",
}
_UNITS = {"spend": "spent", "purchase_days": "purchase days", "returned": "returned"}
_WINDOW = re.compile(r"^(.*)_(\d+)d$")
_MONEY = re.compile(r"spend|monetary|returned|cost")


@dataclass(frozen=True)
class Explainer:
    """A fitted additive model of the champion's predictions, in money."""

    columns: FeatureColumns
    encoder: ColumnTransformer
    model: XGBRegressor
    features: list[str]
    fidelity: float

    def contributions(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """Return money added or taken by each feature, shape (customers, features in the order of `columns.names`)."""
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
    """Fit the explainer to predictions; fidelity is its R2 on every fifth customer, which it did not learn from."""
    held_out = np.arange(len(predicted)) % 5 == 4
    learned = ~held_out if held_out.any() else np.ones(len(predicted), dtype=bool)
    encoder = for_trees(columns)
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
    """Return `count` lists, one entry a customer: the strongest reason, the second, ..., as words and signed money."""
    strongest = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :count]
    phrases = {i: _phrases(name, features[name]) for i, name in enumerate(columns.names) if (strongest == i).any()}
    rows = np.arange(len(features))
    return [
        [
            f"{phrases[feature][row]}: {contributions[row, feature]:+.2f}" if contributions[row, feature] else ""
            for row, feature in zip(rows, strongest[:, place], strict=True)
        ]
        for place in range(min(count, strongest.shape[1]))
    ]


def _phrases(feature: str, values: pd.Series) -> list[str]:
    template = _template(feature)
    if values.dtype == object:
        return [template.format(v) if isinstance(v, str) else f"no {describe(feature)}" for v in values]
    form = "{:.2f}" if _MONEY.search(feature) and "days" not in feature else "{:.4g}"
    if feature.endswith("_share"):
        form = "{:.0%}"
    return [template.format(form.format(v)) if v == v else f"no {describe(feature)}" for v in values]


def _template(feature: str) -> str:
    if feature in _WORDS:
        return _WORDS[feature]
    window = _WINDOW.match(feature)
    if window:
        return f"{{}} {_UNITS.get(window[1], window[1].replace('_', ' '))} in the last {window[2]} days"
    return f"{feature.replace('_', ' ')} {{}}"


def describe(feature: str) -> str:
    """Return a feature's name in words: 'web cart additions in the last 30 days'."""
    if feature in _WORDS:
        return feature.replace("_", " ").replace(" days", "")
    window = _WINDOW.match(feature)
    if window:
        return f"{window[1].replace('_', ' ')} in the last {window[2]} days"
    return feature.replace("_", " ")
