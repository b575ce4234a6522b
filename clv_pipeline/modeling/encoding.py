"""Turning feature frames into numbers inside scikit-learn pipelines, fitted on training rows only."""

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from clv_pipeline.modeling.anchored import Anchor, Link
from clv_pipeline.modeling.dataset import FeatureColumns


class Winsoriser(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Clip each column to quantiles of the training rows: one order of a million must not bend a regression line."""

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
    """Set columns that were null in every training row to zero: a source newer than the window taught the model nothing."""

    def fit(self, x: pd.DataFrame, y: object = None) -> Self:
        self.unknown_ = np.isnan(np.asarray(x, dtype=np.float32)).all(axis=0)
        self.n_features_in_ = x.shape[1]
        return self

    def transform(self, x: pd.DataFrame) -> NDArray[np.float32]:
        values = np.array(x, dtype=np.float32)
        values[:, self.unknown_] = 0
        return values


def _categories() -> OneHotEncoder:
    # a category never seen in training, or rarer than 1 %, goes into one common column
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=0.01, sparse_output=False, dtype=np.float32
    )


def for_trees(columns: FeatureColumns) -> ColumnTransformer:
    """Return an encoder for tree models, which take missing numbers as they are."""
    return ColumnTransformer(
        [("numeric", FillUnknown(), list(columns.numeric)), ("category", _categories(), list(columns.categorical))]
    )


def for_anchored_trees(columns: FeatureColumns, anchor: str, link: Link) -> ColumnTransformer:
    """Return `for_trees` with the anchor of `anchored.py` as an additional first column."""
    return ColumnTransformer(
        [
            ("anchor", Anchor(link), [anchor]),
            ("numeric", FillUnknown(), list(columns.numeric)),
            ("category", _categories(), list(columns.categorical)),
        ]
    )


def for_lines(columns: FeatureColumns) -> ColumnTransformer:
    """Return an encoder for linear models: impute with an indicator, clip, scale, one-hot."""
    numeric = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("clip", Winsoriser()),
            ("scale", StandardScaler()),
        ]
    )
    return ColumnTransformer(
        [("numeric", numeric, list(columns.numeric)), ("category", _categories(), list(columns.categorical))]
    )


def encoded_features(encoder: ColumnTransformer, columns: FeatureColumns) -> list[str]:
    """Return for each output column of a fitted `for_trees` encoder the feature it stems from."""
    names = list(columns.numeric)
    if columns.categorical:
        one_hot = encoder.named_transformers_["category"]
        per_feature = zip(columns.categorical, one_hot.categories_, one_hot.infrequent_categories_, strict=True)
        for feature, categories, rare in per_feature:
            rare_count = 0 if rare is None else len(rare)
            names += [feature] * (len(categories) - rare_count + (rare_count > 0))
    return names
