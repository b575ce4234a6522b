"""Permutation importance: the loss of ranking skill when a feature's values are shuffled among customers.

Input are rows and a predict function; no model is fitted and no table is read here. Correlated features share their
importance, so each source's features are also shuffled together.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clv_pipeline.features.families import family_of
from clv_pipeline.interpretation.explanation import fit_surrogate
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates.catalogue import Target
from clv_pipeline.modeling.data.dataset import FeatureColumns, LabelledRows

Predict = Callable[[pd.DataFrame], metrics.Array]
#: The metric whose loss is measured, by target.
METRIC: dict[Target, str] = {"spend": "normalised_gini", "purchase": "roc_auc"}
#: Groups are predicted together up to this many rows: on few rows the fixed cost of a prediction dominates.
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Group:
    """Columns that are shuffled together: one feature, or (feature None) all of a source family."""

    feature: str | None
    source_family: str
    columns: tuple[str, ...]


def features_that_move_most(
    features: pd.DataFrame, predicted: metrics.Array, columns: FeatureColumns, *, count: int, seed: int
) -> list[str]:
    """Return the `count` features with the largest contributions to the predictions, largest first.

    Cheap: it uses the small surrogate model, not the champion itself.

    >>> x = pd.DataFrame({"orders": np.arange(100.0), "recency_days": np.ones(100)})
    >>> columns = FeatureColumns(("recency_days", "orders"), ())
    >>> features_that_move_most(x, 10 * np.arange(100.0), columns, count=1, seed=7)
    ['orders']
    """
    contributions = fit_surrogate(features, predicted, columns, seed=seed).contributions(features).features
    order = np.argsort(-np.abs(contributions).mean(axis=0), kind="stable")[:count]
    return [columns.names[position] for position in order]


def groups_of(features: Iterable[str], columns: FeatureColumns) -> list[Group]:
    """Return a group for each of the features, then one for each source family with all its columns.

    >>> groups_of(["web_sessions"], FeatureColumns(("recency_days", "web_sessions"), ("web_last_device",)))[-1].columns
    ('web_sessions', 'web_last_device')
    """
    by_family: dict[str, tuple[str, ...]] = {}
    for name in columns.names:
        by_family[family_of(name)] = (*by_family.get(family_of(name), ()), name)
    single = [Group(name, family_of(name), (name,)) for name in features]
    return single + [Group(None, family, names) for family, names in by_family.items()]


def permutation_importance(
    predict: Predict,
    rows: LabelledRows,
    groups: list[Group],
    *,
    target: Target = "spend",
    repeats: int,
    samples: int,
    seed: int,
) -> list[metrics.Estimate]:
    """Return for each group how much of the target's `METRIC` shuffling it costs: mean over `repeats`, interval over customers.

    All groups are shuffled in the same orders and evaluated on the same bootstrap draws, so that they are comparable.

    >>> x, spend = pd.DataFrame({"orders": [0.0, 1.0, 2.0, 3.0]}), np.array([0.0, 10.0, 20.0, 30.0])
    >>> ids, as_of = np.array(list("abcd"), dtype=object), np.full(4, "2024-06-01", dtype="datetime64[D]")
    >>> rows = LabelledRows(x, ids, as_of, spend, np.sign(spend), np.sign(spend), half_life_days=365)
    >>> model, groups = lambda features: features["orders"].to_numpy(), [Group("orders", "purchase", ("orders",))]
    >>> round(permutation_importance(model, rows, groups, repeats=200, samples=20, seed=7)[0].value, 1)
    1.0
    """
    customers = len(rows)
    # of outcomes 0 and 1 the ROC-AUC is (1 + normalised Gini) / 2, so it loses half of what the Gini does
    actual, of_gini = (rows.spend, 1.0) if target == "spend" else (rows.purchase, 0.5)
    generator = np.random.default_rng(seed)
    order = np.concatenate([generator.permutation(customers) for _ in range(repeats)])
    stacked = rows.features.iloc[np.tile(np.arange(customers), repeats)].reset_index(drop=True)
    draws = metrics.bootstrap_draws(customers, samples, seed)
    # how often each customer counts: once for the estimate itself, then as often as drawn
    weights = np.column_stack([np.ones(customers), *(np.bincount(d, minlength=customers) for d in draws)])
    perfect = ginis_of_draws(actual, actual, weights)
    perfect[perfect <= 0] = np.nan
    whole = ginis_of_draws(actual, predict(rows.features), weights)
    at_once = max(1, _ROWS_AT_ONCE // len(stacked))
    found = []
    for start in range(0, len(groups), at_once):
        batch = [
            stacked.assign(**{name: _taken(rows.features[name], order) for name in group.columns})
            for group in groups[start : start + at_once]
        ]
        predicted = predict(pd.concat(batch, ignore_index=True)).reshape(len(batch), repeats, customers)
        for by_repeat in predicted:
            shuffled_ginis = [ginis_of_draws(actual, p, weights) for p in by_repeat]
            drops = of_gini * (whole - np.mean(shuffled_ginis, axis=0)) / perfect
            found.append(metrics.estimate(float(drops[0]), drops[1:]))
    return found


def _taken(values: pd.Series, order: NDArray[np.int64]) -> pd.Series:
    # pandas would make another type of text columns than the one the encoders were fitted on
    return pd.Series(values.to_numpy()[order], dtype=values.dtype)


def ginis_of_draws(actual: metrics.Array, order_by: metrics.Array, weights: metrics.Array) -> metrics.Array:
    """Return the Gini of each column of weights, shape (customers, draws): how often each customer counts; nan without money.

    Over that of the perfect order it is `metrics.normalised_gini`, for all draws from one sort: seven times faster.

    >>> spend, weights = np.array([0.0, 10.0, 90.0]), np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 0.0]])
    >>> ginis_of_draws(spend, order_by=spend, weights=weights).round(3)
    array([0.6  , 0.333])
    """
    order = np.argsort(order_by, kind="stable")
    _, first_of_ties = np.unique(order_by[order], return_index=True)
    counts = np.add.reduceat(weights[order], first_of_ties)
    money = np.add.reduceat(weights[order] * actual[order, None], first_of_ties)
    mean_ranks = np.cumsum(counts, axis=0) - (counts - 1) / 2
    total, n = money.sum(axis=0), counts.sum(axis=0)
    total[total <= 0] = np.nan
    return np.asarray(2 * np.einsum("ij,ij->j", mean_ranks, money) / (n * total) - (n + 1) / n)
