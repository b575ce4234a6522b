"""Model interpretation on the untouched test window, for the first horizon: permutation importance, dependence, ablation.

This module reads the window, fits the models as they were evaluated, and writes the tables. Importance, dependence and
ablation are computed in the modules of these names. On nights without a training the tables stay unchanged.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from clv_pipeline.contracts.warehouse import PARTIAL_DEPENDENCE, PERMUTATION_IMPORTANCE, SOURCE_ABLATION
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.cutoffs import CutoffPlan, Fold
from clv_pipeline.features.families import family_of
from clv_pipeline.features.wording import describe, describe_family, in_words
from clv_pipeline.interpretation import ablation
from clv_pipeline.interpretation.partial_dependence import evaluation_grid, partial_dependence
from clv_pipeline.interpretation.permutation import (
    Predict,
    features_that_move_most,
    groups_of,
    permutation_importance,
)
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates.catalogue import Task
from clv_pipeline.modeling.candidates.ensembles import predict
from clv_pipeline.modeling.data.dataset import LabelledRows, feature_columns, load_labelled
from clv_pipeline.modeling.training.records import champions, read_choices
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse

#: Limits that keep a run short for any number of customers: a blend needs up to 75 microseconds for each predicted row.
_SHUFFLED_CUSTOMERS, _SHUFFLED_FEATURES, _SHUFFLES = 1_500, 25, 3
_DEPENDENCE_CUSTOMERS, _DEPENDENCE_FEATURES = 500, 8
#: The fixed model ranks as well from these as from twice as many.
_ABLATION_ROWS = 14_000


@dataclass(frozen=True)
class ImportanceScope:
    """Scope of the permutation importance: features shuffled, features in total, customers, repeats."""

    features: int
    of_features: int
    customers: int
    times: int

    def __str__(self) -> str:
        return (
            f"the {self.features} of {self.of_features} features that change predictions most, "
            f"each shuffled {self.times} times among {self.customers} customers"
        )


def interpret_champion(warehouse: Warehouse, settings: Settings, plan: CutoffPlan) -> ImportanceScope | None:
    """Replace `training.permutation_importance` and `training.partial_dependence` for the spend champion.

    Returns the scope, or None when the history is too short for a test window and the tables are empty.
    """
    with warehouse.transaction() as connection:
        tables.create(connection, PERMUTATION_IMPORTANCE)
        tables.create(connection, PARTIAL_DEPENDENCE)
        if plan.test is None:
            return None
        task, learned, judged = _rows(connection, settings, plan, plan.test)
        name = champions(connection, plan.horizon_days)["spend"]
        champion = next(c for c in read_choices(connection, plan.horizon_days, "spend") if c.candidate.name == name)
        expected: Predict = partial(predict, champion.candidate.fit(task, champion.parameters, learned))
        shuffled = some(judged, _SHUFFLED_CUSTOMERS, settings.seed)
        importance = _importance(expected, shuffled, task, settings)
        tables.append(connection, PERMUTATION_IMPORTANCE, importance)
        moving = importance[importance["feature"].notna() & (importance["mean_drop"] > 0)]
        top = moving.sort_values("mean_drop", ascending=False, kind="stable")["feature"][:_DEPENDENCE_FEATURES]
        few = some(judged, _DEPENDENCE_CUSTOMERS, settings.seed).features
        level = _level(connection, plan.horizon_days, expected(judged.features))
        for feature in top:
            curve = _dependence(expected, few, feature, level, task, settings)
            tables.append(connection, PARTIAL_DEPENDENCE, curve)
    features = int(importance["feature"].notna().sum())
    return ImportanceScope(features, len(task.columns.names), len(shuffled), _SHUFFLES)


def ablate_sources(warehouse: Warehouse, settings: Settings, plan: CutoffPlan) -> None:
    """Replace `training.source_ablation`: the gain of one fixed model from each source family.

    It is empty without a test window, and where there are too few buyers to fit a model.
    """
    with warehouse.transaction() as connection:
        tables.create(connection, SOURCE_ABLATION)
        if plan.test is None:
            return
        task, learned, judged = _rows(connection, settings, plan, plan.test)
        choices = read_choices(connection, plan.horizon_days, "spend")
        fixed = next((c for c in choices if c.candidate.name == ablation.MODEL), None)
        if fixed is None:  # too few buyers to fit a model
            return
        differences = ablation.ablate(
            fixed.candidate,
            fixed.parameters,
            task,
            some(learned, _ABLATION_ROWS, settings.seed),
            judged,
            samples=settings.bootstrap_samples,
            threads=settings.threads,
        )
        rows = [
            (plan.horizon_days, d.left_out, _describe_left_out(d.left_out), d.metric, d.with_source,
             d.without_source, d.difference.value, d.difference.low, d.difference.high)
            for d in differences
        ]  # fmt: skip
        tables.append(connection, SOURCE_ABLATION, rows)


def _describe_left_out(left_out: str) -> str:
    return "everything but purchases" if left_out == ablation.ALL_BUT_PURCHASES else describe_family(left_out)


def some(rows: LabelledRows, count: int, seed: int) -> LabelledRows:
    """Return `count` rows drawn at random, in their order; all of them where there are not more."""
    if len(rows) <= count:
        return rows
    drawn = np.sort(np.random.default_rng(seed).choice(len(rows), count, replace=False))
    return rows.take(drawn)


def _rows(
    connection: Connection, settings: Settings, plan: CutoffPlan, test: Fold
) -> tuple[Task, LabelledRows, LabelledRows]:
    columns = feature_columns(connection)
    rows = load_labelled(connection, columns, plan.horizon_days, settings.recency_half_life_days)
    return Task(columns, plan.horizon_days, settings.seed), rows.at(test.train), rows.at((test.validation,))


def _importance(expected: Predict, rows: LabelledRows, task: Task, settings: Settings) -> pd.DataFrame:
    predicted = expected(rows.features)
    strongest = features_that_move_most(
        rows.features, predicted, task.columns, count=_SHUFFLED_FEATURES, seed=settings.seed
    )
    groups = groups_of(strongest, task.columns)
    drops = permutation_importance(
        expected, rows, groups, repeats=_SHUFFLES, samples=settings.bootstrap_samples, seed=settings.seed
    )
    found = [
        ("source" if group.feature is None else "feature", task.horizon_days, group.feature, group.source_family,
         f"{describe_family(group.source_family)}, all together" if group.feature is None else describe(group.feature),
         drop.value, drop.low, drop.high)
        for group, drop in zip(groups, drops, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(found, columns=[c.name for c in PERMUTATION_IMPORTANCE.columns])


def _dependence(
    expected: Predict, features: pd.DataFrame, feature: str, level: float, task: Task, settings: Settings
) -> pd.DataFrame:
    grid = evaluation_grid(features[feature])
    curve = partial_dependence(
        expected, features, feature, grid, samples=settings.bootstrap_samples, seed=settings.seed
    )
    found = [
        (task.horizon_days, feature, family_of(feature), describe(feature), position, in_words(feature, value),
         None if isinstance(value, str) or value != value else value,
         level * at.value, level * at.low, level * at.high)
        for position, (value, at) in enumerate(zip(grid, curve, strict=True), start=1)
    ]  # fmt: skip
    return pd.DataFrame(found, columns=[c.name for c in PARTIAL_DEPENDENCE.columns])


def _level(connection: Connection, horizon_days: int, expected: metrics.Array) -> float:
    """Return the factor that scaled the champion's predictions in its evaluation: the season, if one was measured."""
    # summed here, in a fixed order: a sum of doubles over the database's threads differs in its last digits
    judged = connection.execute(
        "select predicted_spend from training.test_predictions where horizon_days = $horizon order by customer_id",
        {"horizon": horizon_days},
    ).fetchnumpy()["predicted_spend"]
    return float(np.mean(judged) / expected.mean()) if expected.mean() > 0 else 1.0
