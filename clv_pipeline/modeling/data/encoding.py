"""Encoders of feature frames for scikit-learn pipelines, fitted on training rows only."""

from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from clv_pipeline.modeling.data.dataset import FeatureColumns

Link = Literal["log", "logit"]
#: The smallest expectation and probability that an anchor starts from.
_SMALLEST = 1e-3
#: A category of fewer of the training rows has no column of its own.
_FREQUENT_SHARE = 0.01


class Winsoriser(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Clip each column to quantiles of the training rows: one order of a million must not bend a regression line.

    >>> Winsoriser(low=0.0, high=0.5).fit_transform(np.array([[1.0], [2.0], [1e6]])).ravel()
    array([1., 2., 2.])
    """

    def __init__(self, low: float = 0.001, high: float = 0.999) -> None:
        self.low = low
        self.high = high

    def fit(self, x: NDArray[np.float64], y: object = None) -> Self:
        values = np.asarray(x, dtype=np.float64)
        self.bounds_ = np.nanquantile(values, [self.low, self.high], axis=0)
        self.n_features_in_ = values.shape[1]
        return self

    def transform(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(np.asarray(x, dtype=np.float64), self.bounds_[0], self.bounds_[1])


class FillUnknown(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Set columns that were null in every training row to zero: the source is newer than the training window.

    >>> FillUnknown().fit_transform(pd.DataFrame({"web_sessions": [np.nan, np.nan], "survey_last_nps": [9.0, np.nan]}))
    array([[ 0.,  9.],
           [ 0., nan]], dtype=float32)
    """

    def fit(self, x: pd.DataFrame, y: object = None) -> Self:
        self.unknown_ = np.isnan(np.asarray(x, dtype=np.float32)).all(axis=0)
        self.n_features_in_ = x.shape[1]
        return self

    def transform(self, x: pd.DataFrame) -> NDArray[np.float32]:
        values = np.array(x, dtype=np.float32)
        values[:, self.unknown_] = 0
        return values


class FrequentCategories(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """One column for each category that 1 % of the training rows have, one for the rest together if there was a rest.

    Does what scikit-learn's OneHotEncoder does with `handle_unknown="infrequent_if_exist"` and `min_frequency=0.01`, which
    looks at every value in Python: two to four times slower, and models that are fitted side by side wait for each other.

    >>> x = pd.DataFrame({"crm_country": ["DE"] * 60 + ["AT"] * 60 + ["LI"]}, dtype=object)
    >>> FrequentCategories().fit_transform(x)[[0, 60, 120]]
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """

    def fit(self, x: pd.DataFrame, y: object = None) -> Self:
        self.frequent_: list[NDArray[np.object_]] = []
        self.has_rest_: list[bool] = []
        for name in x:
            counts = x[name].value_counts(dropna=False)
            frequent = counts.index[counts >= _FREQUENT_SHARE * len(x)]
            missing = [np.nan] if frequent.hasnans else []
            self.frequent_.append(np.array([*sorted(frequent.dropna()), *missing], dtype=object))
            self.has_rest_.append(len(frequent) < len(counts))
        self.n_features_in_ = x.shape[1]
        return self

    def transform(self, x: pd.DataFrame) -> NDArray[np.float32]:
        blocks = []
        for name, frequent, has_rest in zip(x, self.frequent_, self.has_rest_, strict=True):
            block = np.zeros((len(x), len(frequent) + 1), dtype=np.float32)
            # -1, which is a category that is not frequent, is the last column
            block[np.arange(len(x)), pd.Index(frequent, dtype=object).get_indexer(pd.Index(x[name], dtype=object))] = 1
            blocks.append(block if has_rest else block[:, :-1])
        return np.hstack(blocks)


class Anchor(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Transform one column of expectations to the scale of the link; missing values become the training rows' median.

    >>> Anchor("log").fit_transform(pd.DataFrame({"btyd_spend_90d": [1.0, np.nan, 1.0]})).ravel()
    array([0., 0., 0.])
    """

    def __init__(self, link: Link = "log") -> None:
        self.link = link

    def fit(self, x: pd.DataFrame, y: object = None) -> Self:
        values = self._on_link(x)
        known = values[np.isfinite(values)]
        self.middle_ = float(np.median(known)) if len(known) else 0.0
        self.n_features_in_ = 1
        return self

    def transform(self, x: pd.DataFrame) -> NDArray[np.float64]:
        values = self._on_link(x)
        return np.where(np.isfinite(values), values, self.middle_)

    def _on_link(self, x: pd.DataFrame) -> NDArray[np.float64]:
        values = np.asarray(x, dtype=np.float64)
        if self.link == "log":
            return np.log(np.maximum(values, _SMALLEST))
        chance = np.clip(values, _SMALLEST, 1 - _SMALLEST)
        return np.log(chance / (1 - chance))


def tree_encoder(columns: FeatureColumns) -> ColumnTransformer:
    """Return an encoder for tree models, which take missing numbers as they are."""
    return ColumnTransformer(
        [
            ("numeric", FillUnknown(), list(columns.numeric)),
            ("category", FrequentCategories(), list(columns.categorical)),
        ]
    )


def anchored_tree_encoder(columns: FeatureColumns, anchor: str, link: Link) -> ColumnTransformer:
    """Return `tree_encoder` with the anchor of `anchored.py` as an additional first column."""
    return ColumnTransformer(
        [
            ("anchor", Anchor(link), [anchor]),
            ("numeric", FillUnknown(), list(columns.numeric)),
            ("category", FrequentCategories(), list(columns.categorical)),
        ]
    )


def linear_encoder(columns: FeatureColumns) -> ColumnTransformer:
    """Return an encoder for linear models: impute with an indicator, clip, scale, one-hot."""
    numeric = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("clip", Winsoriser()),
            ("scale", StandardScaler()),
        ]
    )
    return ColumnTransformer(
        [("numeric", numeric, list(columns.numeric)), ("category", FrequentCategories(), list(columns.categorical))]
    )


def encoded_features(encoder: ColumnTransformer, columns: FeatureColumns) -> list[str]:
    """Return for each output column of a fitted `tree_encoder` encoder the feature it stems from."""
    names = list(columns.numeric)
    if columns.categorical:
        one_hot = encoder.named_transformers_["category"]
        for feature, frequent, has_rest in zip(columns.categorical, one_hot.frequent_, one_hot.has_rest_, strict=True):
            names += [feature] * (len(frequent) + has_rest)
    return names
