"""The candidate models, one entry each: construction and tuned parameters. Fitting and evaluation happen elsewhere.

To add a model, add one entry to `CANDIDATES` and a case to its test.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor
from xgboost import XGBClassifier, XGBModel, XGBRegressor

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates import rules
from clv_pipeline.modeling.candidates.anchored import AnchoredClassifier, AnchoredRegressor
from clv_pipeline.modeling.candidates.ensembles import Fitted, ProductOf
from clv_pipeline.modeling.candidates.neural import ChanceNet, LognormalNet
from clv_pipeline.modeling.data import encoding, targets
from clv_pipeline.modeling.data.dataset import FeatureColumns, LabelledRows
from clv_pipeline.modeling.data.encoding import Link
from clv_pipeline.modeling.data.targets import Learn

_RFM = ("recency_days", "purchase_days", "monetary_value", "spend_90d", "spend_365d", "spend_total", "tenure_days")
Target = Literal["spend", "purchase"]
Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """Task of a model: the available features, the horizon, the seed."""

    columns: FeatureColumns
    horizon_days: int
    seed: int


@dataclass(frozen=True)
class Factor:
    """One pipeline of a model: its construction and its target."""

    build: Callable[[Task, Parameters], Pipeline]
    learn: Learn

    def fit(self, task: Task, parameters: Parameters, rows: LabelledRows) -> Pipeline:
        """Return the pipeline fitted to its target."""
        lesson = self.learn(rows)
        pipeline = self.build(task, parameters)
        if not is_rule(pipeline) and (not len(lesson.rows) or np.ptp(lesson.target) == 0):
            # a constant target (closed season, subscription) cannot rank customers: fall back to that constant
            value = lesson.target[0] if len(lesson.rows) else 0.0
            return _plain(rules.Constant(float(value))).fit(rows.features, rows.spend)
        features = rows.features.iloc[lesson.rows]
        if is_rule(pipeline) or lesson.weight is None:
            return pipeline.fit(features, lesson.target)
        weight = lesson.weight * _weight_of_money(pipeline, lesson.target)
        return pipeline.fit(features, lesson.target, model__sample_weight=weight)


@dataclass(frozen=True)
class Candidate:
    """One competing model: its factors (one pipeline, or several whose product is the prediction), and its parameter sets."""

    name: str
    target: Target
    factors: tuple[Factor, ...]
    search: Sequence[Parameters] = field(default=({},))
    is_baseline: bool = False

    def fit(self, task: Task, parameters: Parameters, rows: LabelledRows) -> Fitted:
        """Return the model fitted to the rows."""
        fitted = tuple(factor.fit(task, parameters, rows) for factor in self.factors)
        return fitted[0] if len(fitted) == 1 else ProductOf(fitted)

    def members(self, parameters: Parameters) -> "list[Member]":
        """Return the members of its weighted mean: only itself, unless it is a blend."""
        return [Member(self, parameters, 1.0)]


@dataclass(frozen=True)
class Member:
    """A candidate with its parameters and its weight in a mean."""

    candidate: Candidate
    parameters: Parameters
    weight: float


def is_rule(pipeline: Pipeline) -> bool:
    """Return whether it is fitted to at most a mean."""
    return isinstance(pipeline.named_steps["model"], DummyRegressor | DummyClassifier | rules.Rule)


def _weight_of_money(pipeline: Pipeline, target: metrics.Array) -> float:
    """Return the weight that makes a Tweedie loss grow the same trees in cents, euros and yen.

    Its gradients grow with money to the power of 2 - p, so the least weight of a leaf would mean less of it in yen.
    """
    power = pipeline.named_steps["model"].get_params().get("tweedie_variance_power", 2.0)
    return float(np.mean(target) ** (power - 2.0))


def _plain(model: BaseEstimator) -> Pipeline:
    return Pipeline([("model", model)])


def _linear_pipeline(task: Task, model: BaseEstimator) -> Pipeline:
    return Pipeline([("encode", encoding.linear_encoder(task.columns)), ("model", model)])


def _rfm_only(task: Task) -> Task:
    """Return the task with recency, frequency and monetary value only: without a penalty, a line through a hundred
    correlated features swings wildly outside the months it was fitted on."""
    return replace(task, columns=replace(task.columns, numeric=tuple(filter(task.columns.has, _RFM)), categorical=()))


def _tree_pipeline(task: Task, model: BaseEstimator) -> Pipeline:
    return Pipeline([("encode", encoding.tree_encoder(task.columns)), ("model", model)])


def _anchored_tree_pipeline(task: Task, anchor: str, link: Link, model: XGBModel, without: XGBModel) -> Pipeline:
    """Return trees that start from a buy-till-you-die column, or free ones where no such model could be fitted."""
    if not task.columns.has(anchor):
        return _tree_pipeline(task, without)
    return Pipeline([("encode", encoding.anchored_tree_encoder(task.columns, anchor, link)), ("model", model)])


def _settings(task: Task, parameters: Parameters) -> dict[str, Any]:
    common = {"tree_method": "hist", "random_state": task.seed, "n_jobs": 1, "max_bin": 128}
    return common | {"subsample": 0.8, "colsample_bytree": 0.5, "min_child_weight": 10} | dict(parameters)


def _boosted(task: Task, objective: str, parameters: Parameters) -> Pipeline:
    return _tree_pipeline(task, XGBRegressor(objective=objective, **_settings(task, parameters)))


def _anchored(task: Task, anchor: str, objective: str, parameters: Parameters) -> Pipeline:
    settings = _SMALL_STEPS | _settings(task, parameters) | {"objective": objective}
    return _anchored_tree_pipeline(task, anchor, "log", AnchoredRegressor(**settings), XGBRegressor(**settings))


def _anchored_chance(task: Task, parameters: Parameters) -> Pipeline:
    settings = _SMALL_STEPS | _settings(task, parameters) | {"objective": "binary:logistic"}
    anchor = f"btyd_purchase_probability_{task.horizon_days}d"
    return _anchored_tree_pipeline(task, anchor, "logit", AnchoredClassifier(**settings), XGBClassifier(**settings))


#: From a good start, few, small and well supported steps are enough; more steps only fit the total of the training months.
_SMALL_STEPS = {"n_estimators": 150, "max_depth": 3, "learning_rate": 0.03, "min_child_weight": 30}
#: Fewer, larger steps cost less than half of the small ones: measured, three sets make a training 8 % longer than two.
_SEARCH_OF_STEPS = (
    _SMALL_STEPS,
    _SMALL_STEPS | {"n_estimators": 250},
    _SMALL_STEPS | {"n_estimators": 60, "learning_rate": 0.1},
)
_TWEEDIE = {"tweedie_variance_power": 1.5}
_AMOUNT = {"n_estimators": 120, "max_depth": 3, "learning_rate": 0.05, "min_child_weight": 20}


def _rule(build: Callable[[Task], BaseEstimator], learn: Learn) -> tuple[Factor, ...]:
    return (Factor(lambda task, p: _plain(build(task)), learn),)


CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "zero",
        "spend",
        _rule(lambda task: DummyRegressor(strategy="constant", constant=0.0), targets.net_spend),
        is_baseline=True,
    ),
    Candidate("mean", "spend", _rule(lambda task: DummyRegressor(), targets.net_spend), is_baseline=True),
    Candidate(
        "trailing_spend",
        "spend",
        _rule(lambda task: rules.trailing_spend(task.columns, task.horizon_days), targets.net_spend),
        is_baseline=True,
    ),
    Candidate(
        "spend_rate",
        "spend",
        _rule(lambda task: rules.spend_rate(task.columns, task.horizon_days), targets.net_spend),
        is_baseline=True,
    ),
    Candidate(
        "btyd",
        "spend",
        _rule(lambda task: rules.column_rule(task.columns, f"btyd_spend_{task.horizon_days}d"), targets.net_spend),
    ),
    Candidate(
        "linear_regression",
        "spend",
        (Factor(lambda task, p: _linear_pipeline(_rfm_only(task), LinearRegression()), targets.net_spend),),
    ),
    Candidate(
        "elastic_net",
        "spend",
        (
            Factor(
                # the target is standardised, so that the penalty means the same for cents and for millions
                lambda task, p: _linear_pipeline(
                    task,
                    TransformedTargetRegressor(
                        ElasticNet(max_iter=300, tol=1e-2, precompute=True, **p), transformer=StandardScaler()
                    ),
                ),
                targets.net_spend,
            ),
        ),
        search=[{"alpha": a, "l1_ratio": 0.5} for a in (0.1, 0.05)],
    ),
    Candidate(
        "decision_tree",
        "spend",
        (
            Factor(
                lambda task, p: _tree_pipeline(task, DecisionTreeRegressor(random_state=task.seed, **p)),
                targets.net_spend,
            ),
        ),
        search=[{"max_depth": d, "min_samples_leaf": n} for d, n in ((4, 100), (6, 50))],
    ),
    Candidate(
        "random_forest",
        "spend",
        (
            Factor(
                lambda task, p: _tree_pipeline(
                    task, RandomForestRegressor(n_estimators=50, max_samples=0.3, random_state=task.seed, **p)
                ),
                targets.net_spend,
            ),
        ),
        search=[{"max_features": f, "min_samples_leaf": n} for f, n in ((0.2, 20), (0.3, 40))],
    ),
    Candidate(
        "gradient_boosting",
        "spend",
        (
            Factor(
                # the recipes of champions of earlier releases have no learning rate
                lambda task, p: _tree_pipeline(
                    task,
                    HistGradientBoostingRegressor(
                        loss="poisson", random_state=task.seed, **{"learning_rate": 0.05, **p}
                    ),
                ),
                targets.unweighted_spend,
            ),
        ),
        search=[
            {"max_iter": i, "max_leaf_nodes": n, "min_samples_leaf": m, "learning_rate": rate}
            for i, n, m, rate in ((150, 8, 100, 0.05), (100, 15, 50, 0.05), (60, 8, 100, 0.12))
        ],
    ),
    Candidate(
        "median_boosting",
        "spend",
        (
            Factor(
                lambda task, p: _tree_pipeline(
                    task,
                    HistGradientBoostingRegressor(
                        loss="quantile", quantile=0.5, max_iter=100, max_leaf_nodes=8, random_state=task.seed
                    ),
                ),
                targets.unweighted_spend,
            ),
        ),
    ),
    Candidate(
        "xgboost",
        "spend",
        (Factor(lambda task, p: _boosted(task, "reg:tweedie", p), targets.spend),),
        search=[
            {"n_estimators": n, "max_depth": d, "learning_rate": rate, "tweedie_variance_power": v}
            for n, d, rate, v in ((150, 4, 0.06, 1.5), (200, 3, 0.06, 1.3), (80, 3, 0.15, 1.3))
        ],
    ),
    Candidate(
        "xgboost_on_btyd",
        "spend",
        (
            Factor(
                lambda task, p: _anchored(task, f"btyd_spend_{task.horizon_days}d", "reg:tweedie", _TWEEDIE | dict(p)),
                targets.spend,
            ),
        ),
        search=_SEARCH_OF_STEPS,
    ),
    Candidate(
        "hurdle",
        "spend",
        (
            Factor(
                lambda task, p: _tree_pipeline(
                    task, XGBClassifier(**_settings(task, {"n_estimators": 200, "max_depth": 3, "learning_rate": 0.05}))
                ),
                targets.bought,
            ),
            Factor(lambda task, p: _boosted(task, "reg:gamma", _AMOUNT), targets.spend_of_buyers),
        ),
    ),
    Candidate(
        "hurdle_on_btyd",
        "spend",
        (
            Factor(lambda task, p: _anchored_chance(task, _SMALL_STEPS), targets.bought),
            Factor(
                lambda task, p: _anchored(
                    task, "btyd_purchase_value", "reg:tweedie", _AMOUNT | {"tweedie_variance_power": 1.9}
                ),
                targets.spend_of_buyers,
            ),
        ),
    ),
    Candidate(
        "count_times_value",
        "spend",
        (
            Factor(
                lambda task, p: _anchored(task, f"btyd_purchases_{task.horizon_days}d", "count:poisson", _SMALL_STEPS),
                targets.purchase_days,
            ),
            Factor(
                lambda task, p: _anchored(
                    task, "btyd_purchase_value", "reg:tweedie", _AMOUNT | {"tweedie_variance_power": 1.9}
                ),
                targets.spend_per_purchase_day,
            ),
        ),
    ),
    Candidate(
        "neural_net",
        "spend",
        (
            Factor(
                lambda task, p: _linear_pipeline(task, ChanceNet(alpha=p["alpha"], random_state=task.seed)),
                targets.bought,
            ),
            Factor(
                lambda task, p: _linear_pipeline(task, LognormalNet(alpha=p["alpha"], random_state=task.seed)),
                targets.spend_of_buyers,
            ),
        ),
        search=[{"alpha": a} for a in (1.0, 0.1)],
    ),
    Candidate("base_rate", "purchase", _rule(lambda task: DummyClassifier(), targets.bought), is_baseline=True),
    Candidate(
        "rate_so_far",
        "purchase",
        _rule(lambda task: rules.rate_probability(task.columns, task.horizon_days), targets.bought),
        is_baseline=True,
    ),
    Candidate(
        "btyd_probability",
        "purchase",
        _rule(
            lambda task: rules.column_probability(task.columns, f"btyd_purchase_probability_{task.horizon_days}d"),
            targets.bought,
        ),
    ),
    Candidate(
        "logistic_regression",
        "purchase",
        (Factor(lambda task, p: _linear_pipeline(task, LogisticRegression(max_iter=300, **p)), targets.bought),),
        search=[{"C": c} for c in (0.01, 0.1)],
    ),
    Candidate(
        "xgboost_classifier",
        "purchase",
        (Factor(lambda task, p: _tree_pipeline(task, XGBClassifier(**_settings(task, p))), targets.bought),),
        search=[
            {"n_estimators": n, "max_depth": d, "learning_rate": rate}
            for n, d, rate in ((200, 3, 0.05), (150, 4, 0.05), (75, 3, 0.12))
        ],
    ),
    Candidate(
        "xgboost_classifier_on_btyd",
        "purchase",
        (Factor(_anchored_chance, targets.bought),),
        search=_SEARCH_OF_STEPS,
    ),
)


def candidates_for(target: Target) -> list[Candidate]:
    """Return the candidates of one target, baselines first.

    >>> [candidate.name for candidate in candidates_for("purchase")][:3]
    ['base_rate', 'rate_so_far', 'btyd_probability']
    """
    return [c for c in CANDIDATES if c.target == target]
