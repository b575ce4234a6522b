"""The models that compete, one entry each: how it is built, what is tuned. Fitting and judging happen elsewhere.

To add a model, add one entry to `CANDIDATES` and a case to its test.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor

from clv_pipeline.modeling import baselines, encoding
from clv_pipeline.modeling.dataset import FeatureColumns, LabelledRows

_RFM = ("recency_days", "purchase_days", "monetary_value", "spend_90d", "spend_365d", "spend_total", "tenure_days")
Target = Literal["spend", "flag"]
Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """What a model is built for: the features there are, the horizon, the seed."""

    columns: FeatureColumns
    horizon_days: int
    seed: int


@dataclass(frozen=True)
class MeanOf:
    """Several fitted pipelines as one model: errors that they do not share cancel out in the mean."""

    members: tuple[Pipeline, ...]


Fitted: TypeAlias = "Pipeline | MeanOf"


@dataclass(frozen=True)
class Candidate:
    """One competing model: `build` returns an unfitted scikit-learn pipeline, `search` the parameter sets to try."""

    name: str
    target: Target
    build: Callable[[Task, Parameters], Pipeline]
    search: Sequence[Parameters] = field(default=({},))
    is_baseline: bool = False
    #: Tweedie and Poisson losses take no negative money; a net return counts as zero while learning, never while judged
    needs_non_negative: bool = False

    def fit(self, task: Task, parameters: Parameters, rows: LabelledRows) -> Fitted:
        """Return the model fitted to the rows."""
        target = rows.spend if self.target == "spend" else rows.flag
        if self.needs_non_negative:
            target = np.maximum(target, 0)
        # where everybody did the same (a closed season, a subscription) there is nothing to tell customers apart by
        pipeline = self.build(task, parameters) if self.is_baseline or np.ptp(target) > 0 else _constant(self.target)
        pipeline.fit(rows.features, target)
        return pipeline


def predict(model: Fitted, features: pd.DataFrame) -> NDArray[np.float64]:
    """Return the expected spend in money (never negative), or the purchase probability where it is a classifier."""
    if isinstance(model, MeanOf):
        return np.asarray(np.mean([predict(member, features) for member in model.members], axis=0), dtype=np.float64)
    if hasattr(model, "predict_proba"):
        probabilities = np.asarray(model.predict_proba(features), dtype=np.float64)
        buys = np.flatnonzero(np.asarray(model.classes_) == 1)
        return probabilities[:, buys[0]] if len(buys) else np.zeros(len(features))
    return np.maximum(np.asarray(model.predict(features), dtype=np.float64), 0)


def _constant(target: Target) -> Pipeline:
    return _plain(DummyRegressor() if target == "spend" else DummyClassifier(strategy="prior"))


def _plain(model: BaseEstimator) -> Pipeline:
    return Pipeline([("model", model)])


def _on_lines(task: Task, model: BaseEstimator) -> Pipeline:
    return Pipeline([("encode", encoding.for_lines(task.columns)), ("model", model)])


def _rfm_only(task: Task) -> Task:
    """Return the task with recency, frequency and monetary value only: without a penalty, a line through a hundred
    correlated features swings wildly outside the months it was fitted on."""
    return replace(task, columns=FeatureColumns(tuple(c for c in _RFM if c in task.columns.numeric), ()))


def _on_trees(task: Task, model: BaseEstimator) -> Pipeline:
    return Pipeline([("encode", encoding.for_trees(task.columns)), ("model", model)])


def _xgboost(task: Task, parameters: Parameters) -> dict[str, Any]:
    common = {"tree_method": "hist", "random_state": task.seed, "n_jobs": 1, "max_bin": 128}
    return common | {"subsample": 0.8, "colsample_bytree": 0.5, "min_child_weight": 10} | dict(parameters)


CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "zero", "spend", lambda task, p: _plain(DummyRegressor(strategy="constant", constant=0.0)), is_baseline=True
    ),
    Candidate("mean", "spend", lambda task, p: _plain(DummyRegressor(strategy="mean")), is_baseline=True),
    Candidate(
        "trailing_spend", "spend", lambda task, p: _plain(baselines.trailing_spend(task.horizon_days)), is_baseline=True
    ),
    Candidate("spend_rate", "spend", lambda task, p: _plain(baselines.spend_rate(task.horizon_days)), is_baseline=True),
    Candidate(
        "btyd", "spend", lambda task, p: _plain(baselines.ColumnRule(f"btyd_spend_{task.horizon_days}d", factor=1.0))
    ),
    Candidate("linear_regression", "spend", lambda task, p: _on_lines(_rfm_only(task), LinearRegression())),
    Candidate(
        "elastic_net",
        "spend",
        lambda task, p: _on_lines(task, ElasticNet(max_iter=300, tol=1e-2, precompute=True, **p)),
        search=[{"alpha": a, "l1_ratio": r} for a in (1.0, 5.0) for r in (0.2, 0.8)],
    ),
    Candidate(
        "decision_tree",
        "spend",
        lambda task, p: _on_trees(task, DecisionTreeRegressor(random_state=task.seed, **p)),
        search=[{"max_depth": d, "min_samples_leaf": n} for d, n in ((4, 100), (6, 100), (8, 50))],
    ),
    Candidate(
        "random_forest",
        "spend",
        lambda task, p: _on_trees(
            task,
            RandomForestRegressor(n_estimators=60, max_samples=0.3, random_state=task.seed, **p),
        ),
        search=[{"max_features": f, "min_samples_leaf": n} for f, n in ((0.2, 20), (0.3, 40))],
    ),
    Candidate(
        "gradient_boosting",
        "spend",
        lambda task, p: _on_trees(
            task, HistGradientBoostingRegressor(loss="poisson", learning_rate=0.05, random_state=task.seed, **p)
        ),
        search=[
            {"max_iter": i, "max_leaf_nodes": n, "min_samples_leaf": m}
            for i, n, m in ((100, 15, 50), (150, 8, 100), (200, 6, 200))
        ],
        needs_non_negative=True,
    ),
    Candidate(
        "xgboost",
        "spend",
        lambda task, p: _on_trees(task, XGBRegressor(objective="reg:tweedie", **_xgboost(task, p))),
        search=[
            {"n_estimators": n, "max_depth": d, "learning_rate": r, "tweedie_variance_power": v}
            for n, d, r, v in ((150, 4, 0.06, 1.5), (200, 3, 0.06, 1.3), (250, 5, 0.03, 1.5), (150, 4, 0.06, 1.2))
        ],
        needs_non_negative=True,
    ),
    Candidate("base_rate", "flag", lambda task, p: _plain(DummyClassifier(strategy="prior")), is_baseline=True),
    Candidate(
        "rate_so_far", "flag", lambda task, p: _plain(baselines.RateProbability(task.horizon_days)), is_baseline=True
    ),
    Candidate(
        "btyd_probability",
        "flag",
        lambda task, p: _plain(baselines.ColumnProbability(f"btyd_purchase_probability_{task.horizon_days}d")),
    ),
    Candidate(
        "logistic_regression",
        "flag",
        lambda task, p: _on_lines(task, LogisticRegression(max_iter=300, **p)),
        search=[{"C": c} for c in (0.01, 0.1)],
    ),
    Candidate(
        "xgboost_classifier",
        "flag",
        lambda task, p: _on_trees(task, XGBClassifier(objective="binary:logistic", **_xgboost(task, p))),
        search=[
            {"n_estimators": n, "max_depth": d, "learning_rate": r}
            for n, d, r in ((150, 4, 0.05), (200, 3, 0.05), (250, 5, 0.03))
        ],
    ),
)


def candidates_for(target: Target) -> list[Candidate]:
    """Return the candidates of one target, baselines first."""
    return [c for c in CANDIDATES if c.target == target]
