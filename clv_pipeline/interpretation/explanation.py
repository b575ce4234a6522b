"""Reasons for a customer's score: what the average customer's predicted spend plus, or minus, each driver makes of it.

For any champion, a small surrogate XGBoost model is fitted to its predictions, on behaviour only: the purchase models'
expectations are functions of recency, frequency, tenure and value, which it has itself. It is monotone where sense demands it
(`features/drivers.py`). Features whose sign a reader takes for granted (returns, complaints, silence, answers) are explained by
what the prediction changes against a reference value, so that a return never adds to it; the others by SHAP contributions at
that reference. Both add up to the surrogate's prediction. Labels of features are in `features/wording.py`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from xgboost import DMatrix, XGBRegressor

from clv_pipeline.features.drivers import (
    BAD,
    DRIVERS,
    OPINIONS,
    OTHER,
    SILENCE,
    direction,
    driver_of,
    is_behaviour,
)
from clv_pipeline.features.wording import describe as describe, phrases
from clv_pipeline.modeling.data.dataset import FeatureColumns
from clv_pipeline.modeling.data.encoding import encoded_features, tree_encoder

Array = NDArray[np.float64]
#: Customers, and values of a feature, among which the reference of a feature is looked for.
_REFERENCE_CUSTOMERS, _REFERENCE_VALUES = 1_000, 12


@dataclass(frozen=True)
class Contributions:
    """Money that each feature adds or takes away, shape (n, features in the order of the explainer's columns).

    at_reference: SHAP contributions of the features that are explained against a reference, shape (n,): they are of a
    customer at the reference, so they belong to no driver.
    """

    features: Array
    at_reference: Array


@dataclass(frozen=True)
class Explainer:
    """A fitted additive model of the champion's predictions, in money, on behaviour features.

    reference: the value against which a feature is explained, for those with one.
    """

    columns: FeatureColumns
    encoder: ColumnTransformer
    model: XGBRegressor
    features: list[str]
    reference: dict[str, float]

    def predict(self, features: pd.DataFrame) -> Array:
        """Return the surrogate's predictions in money, shape (n,)."""
        return self._predict(self.encoder.transform(features[self.columns.names]))

    def contributions(self, features: pd.DataFrame) -> Contributions:
        """Return the contributions of these customers' features; with a constant they add up to the surrogate's predictions."""
        position = {name: i for i, name in enumerate(self.columns.names)}
        encoded = self.encoder.transform(features[self.columns.names])
        merged = np.zeros((len(features), len(position)))
        predicted = self._predict(encoded) if self.reference else np.zeros(len(features))
        for name, value in self.reference.items():
            place = self.features.index(name)
            rows = np.flatnonzero(np.isfinite(encoded[:, place]) & (encoded[:, place] != value))
            encoded[rows, place] = value
            now = self._predict(encoded[rows])
            merged[rows, position[name]] = predicted[rows] - now
            predicted[rows] = now
        raw = self.model.get_booster().predict(DMatrix(encoded, nthread=1), pred_contribs=True)[:, :-1]
        at_reference = np.zeros(len(features))
        for column, feature in enumerate(self.features):
            if feature in self.reference:
                at_reference += raw[:, column]
            else:
                merged[:, position[feature]] += raw[:, column]
        return Contributions(merged, at_reference)

    def _predict(self, encoded: NDArray[np.float32]) -> Array:
        if not len(encoded):
            return np.zeros(0)
        return self.model.get_booster().inplace_predict(encoded).astype(np.float64)


def fit_surrogate(
    features: pd.DataFrame,
    predicted: Array,
    columns: FeatureColumns,
    *,
    seed: int,
    direction_of: Callable[[str], int] = lambda feature: 0,
) -> Explainer:
    """Fit the surrogate to predictions in money, shape (n,).

    direction_of: -1 or 1 for a feature of which more must never raise, or lower, the prediction; nothing has a reference yet.
    """
    encoder = tree_encoder(columns)
    encoded = encoder.fit_transform(features[columns.names])
    names = encoded_features(encoder, columns)
    model = XGBRegressor(
        n_estimators=60, max_depth=4, learning_rate=0.15, tree_method="hist", max_bin=64, random_state=seed, n_jobs=1,
        monotone_constraints=tuple(map(direction_of, names)),
    )  # fmt: skip
    return Explainer(columns, encoder, model.fit(encoded, predicted), names, {})


def fit_explainer(
    features: pd.DataFrame, predicted: Array, columns: FeatureColumns, *, seed: int, has_rhythm: bool
) -> Explainer:
    """Fit the surrogate to behaviour alone, monotone where sense demands it, and choose the references.

    has_rhythm: whether customers buy by a rhythm, so that a longer silence may make the next purchase due.
    """
    numeric, categorical = (tuple(filter(is_behaviour, names)) for names in (columns.numeric, columns.categorical))
    behaviour = FeatureColumns(numeric, categorical, columns.constant)
    fitted = fit_surrogate(
        features, predicted, behaviour, seed=seed, direction_of=partial(direction, has_rhythm=has_rhythm)
    )
    some = fitted.encoder.transform(features[behaviour.names].iloc[:_REFERENCE_CUSTOMERS])
    reference = {
        name: 0.0 if re.match(BAD, name) else _reference(fitted.model, some, fitted.features.index(name))
        for name in behaviour.numeric
        if re.match(f"{BAD}|{OPINIONS}", name) or (re.match(SILENCE, name) and not has_rhythm)
    }
    return replace(fitted, reference=reference)


def _reference(model: XGBRegressor, encoded: NDArray[np.float32], place: int) -> float:
    """Return the average customer's value of a feature: the one that, set for all, leaves the mean prediction as it is."""
    known = encoded[np.isfinite(encoded[:, place])]
    if not len(known):
        return 0.0
    values = np.unique(np.quantile(known[:, place], np.linspace(0.02, 0.98, _REFERENCE_VALUES), method="nearest"))
    mean = model.predict(known).mean()
    distances = []
    for value in values:
        changed = known.copy()
        changed[:, place] = value
        distances.append(abs(model.predict(changed).mean() - mean))
    return float(values[int(np.argmin(distances))])


@dataclass(frozen=True)
class TopDrivers:
    """The strongest drivers of n customers, the strongest first: arrays of shape (n, count), and the rest's money, shape (n,).

    facts: what the customer did, in words, without the amount.
    """

    drivers: NDArray[np.object_]
    effects: Array
    facts: NDArray[np.object_]
    rest: Array


def top_drivers(
    features: pd.DataFrame, contributions: Contributions, columns: FeatureColumns, count: int, currency: str
) -> TopDrivers:
    """Return the `count` strongest drivers of each customer, or as many as there are; effects in cents.

    The fact of a driver is its strongest feature of the same sign.

    >>> features = pd.DataFrame({"recency_days": [12.0], "spend_90d": [30.0]})
    >>> columns = FeatureColumns(("recency_days", "spend_90d"), ())
    >>> found = top_drivers(features, Contributions(np.array([[20.5, -1.25]]), np.zeros(1)), columns, 5, "EUR")
    >>> found.drivers[0].tolist(), found.effects[0].tolist()
    (['recency', 'order_value'], [20.5, -1.25])
    >>> found.facts[0].tolist()
    ['last purchase 12 days ago', '30.00 EUR spent in the last 90 days']
    """
    of_feature = np.array([driver_of(name) for name in columns.names], dtype=object)
    there = [driver for driver in DRIVERS if driver != OTHER and (of_feature == driver).any()]
    sums = np.column_stack(
        [np.zeros((len(features), 0)), *(contributions.features[:, of_feature == d].sum(axis=1) for d in there)]
    )
    strongest = np.argsort(-np.abs(sums), axis=1, kind="stable")[:, :count]
    effects = np.round(np.take_along_axis(sums, strongest, axis=1), 2) + 0.0
    facts = np.full(strongest.shape, "", dtype=object)
    for number, driver in enumerate(there):
        rows, places = np.nonzero(strongest == number)
        facts[rows, places] = _facts(
            features.iloc[rows], contributions.features[rows], np.sign(sums[rows, number]), columns,
            np.flatnonzero(of_feature == driver), currency,
        )  # fmt: skip
    names = np.array(there, dtype=object)[strongest] if there else strongest.astype(object)
    total = contributions.features.sum(axis=1) + contributions.at_reference
    return TopDrivers(names, effects, facts, np.round(total - effects.sum(axis=1), 2) + 0.0)


def _facts(
    features: pd.DataFrame,
    contributions: Array,
    sign: Array,
    columns: FeatureColumns,
    places: NDArray[np.int64],
    currency: str,
) -> list[str]:
    """Return the phrase of each customer's strongest feature, among those at `places`, that has the sign of their sum."""
    chosen = places[np.argmax(contributions[:, places] * sign[:, None], axis=1)]
    facts = np.full(len(features), "", dtype=object)
    for place in np.unique(chosen):
        rows = np.flatnonzero(chosen == place)
        facts[rows] = phrases(columns.names[place], features[columns.names[place]].iloc[rows], currency)
    return list(facts)
