"""Interpretation of both champions on the untouched test window, for the first horizon: importance, dependence, ablation.

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
    METRIC,
    Predict,
    features_that_move_most,
    groups_of,
    permutation_importance,
)
from clv_pipeline.modeling.calibration.level import change_of_odds
from clv_pipeline.modeling.candidates.catalogue import Target, Task
from clv_pipeline.modeling.candidates.ensembles import predict
from clv_pipeline.modeling.data.dataset import LabelledRows, feature_columns, load_labelled, target_name
from clv_pipeline.modeling.training.records import champions, read_choices
from clv_pipeline.modeling.training.training import TARGETS
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse


@dataclass(frozen=True)
class Effort:
    """Work for one champion, which keeps a run short for any number of customers: a blend needs up to 75 microseconds for
    each predicted row. Customers, features and repeats of the importance, then customers and features of the dependence."""

    shuffled_customers: int
    shuffled_features: int
    shuffles: int
    dependence_customers: int
    dependence_features: int


#: The probability costs a quarter of the spend: fewer features matter for it, and its metric needs fewer repeats.
_EFFORT: dict[Target, Effort] = {"spend": Effort(1_500, 25, 3, 500, 8), "purchase": Effort(1_500, 12, 1, 300, 6)}
#: The fixed model ranks as well from these as from twice as many.
_ABLATION_ROWS = 14_000


@dataclass(frozen=True)
class ImportanceScope:
    """Scope of one target's permutation importance: features shuffled, features in total, customers, repeats."""

    target: str
    features: int
    of_features: int
    customers: int
    times: int

    def __str__(self) -> str:
        return (
            f"{self.target}: the {self.features} of {self.of_features} features that change predictions most, "
            f"each shuffled {self.times} times among {self.customers} customers"
        )


def interpret_champions(warehouse: Warehouse, settings: Settings, plan: CutoffPlan) -> list[ImportanceScope]:
    """Replace `training.permutation_importance` and `training.partial_dependence`, for the champions of both targets.

    Returns the scopes; none when the history is too short for a test window and the tables are empty.
    """
    with warehouse.transaction() as connection:
        tables.create(connection, PERMUTATION_IMPORTANCE)
        tables.create(connection, PARTIAL_DEPENDENCE)
        if plan.test is None:
            return []
        task, learned, judged = _rows(connection, settings, plan, plan.test)
        return [_interpret(connection, settings, target, task, learned, judged) for target in TARGETS]


def _interpret(
    connection: Connection, settings: Settings, target: Target, task: Task, learned: LabelledRows, judged: LabelledRows
) -> ImportanceScope:
    """Fit one target's champion as it was evaluated, and append its importance and dependence to the tables."""
    effort, days = _EFFORT[target], task.horizon_days
    name = champions(connection, days)[target]
    champion = next(c for c in read_choices(connection, days, target) if c.candidate.name == name)
    expected: Predict = partial(predict, champion.candidate.fit(task, champion.parameters, learned))
    shuffled = some(judged, effort.shuffled_customers, settings.seed)
    importance = _importance(expected, shuffled, target, task, settings)
    tables.append(connection, PERMUTATION_IMPORTANCE, importance)
    moving = importance[importance["feature"].notna() & (importance["mean_drop"] > 0)]
    top = moving.sort_values("mean_drop", ascending=False, kind="stable")["feature"][: effort.dependence_features]
    few = some(judged, effort.dependence_customers, settings.seed).features
    as_judged = _as_judged(connection, target, days, expected, judged)
    for feature in top:
        tables.append(connection, PARTIAL_DEPENDENCE, _dependence(as_judged, few, feature, target, task, settings))
    features = int(importance["feature"].notna().sum())
    return ImportanceScope(target_name(days, target), features, len(task.columns.names), len(shuffled), effort.shuffles)


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


def _importance(expected: Predict, rows: LabelledRows, target: Target, task: Task, settings: Settings) -> pd.DataFrame:
    effort = _EFFORT[target]
    strongest = features_that_move_most(
        rows.features, expected(rows.features), task.columns, count=effort.shuffled_features, seed=settings.seed
    )
    groups = groups_of(strongest, task.columns)
    drops = permutation_importance(
        expected, rows, groups, target=target, repeats=effort.shuffles, samples=settings.bootstrap_samples,
        seed=settings.seed,
    )  # fmt: skip
    found = [
        (target_name(task.horizon_days, target), "source" if group.feature is None else "feature", task.horizon_days,
         group.feature, group.source_family,
         f"{describe_family(group.source_family)}, all together" if group.feature is None else describe(group.feature),
         METRIC[target], drop.value, drop.low, drop.high)
        for group, drop in zip(groups, drops, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(found, columns=[c.name for c in PERMUTATION_IMPORTANCE.columns])


def _dependence(
    expected: Predict, features: pd.DataFrame, feature: str, target: Target, task: Task, settings: Settings
) -> pd.DataFrame:
    grid = evaluation_grid(features[feature])
    curve = partial_dependence(
        expected, features, feature, grid, samples=settings.bootstrap_samples, seed=settings.seed
    )
    found = [
        (target_name(task.horizon_days, target), task.horizon_days, feature, family_of(feature), describe(feature),
         position, in_words(feature, value), None if isinstance(value, str) or value != value else value,
         at.value, at.low, at.high)
        for position, (value, at) in enumerate(zip(grid, curve, strict=True), start=1)
    ]  # fmt: skip
    return pd.DataFrame(found, columns=[c.name for c in PARTIAL_DEPENDENCE.columns])


def _as_judged(
    connection: Connection, target: Target, horizon_days: int, expected: Predict, judged: LabelledRows
) -> Predict:
    """Return the champion's predictions at the level of its evaluation, with the season, if one was measured.

    One factor of the spend, or of the odds of a purchase, which keeps a probability between 0 and 1.
    """
    column = "predicted_spend" if target == "spend" else "purchase_probability"
    # summed here, in a fixed order: a sum of doubles over the database's threads differs in its last digits
    level = float(np.mean(connection.execute(
        f"select {column} from training.test_predictions where horizon_days = $horizon order by customer_id",
        {"horizon": horizon_days},
    ).fetchnumpy()[column]))  # fmt: skip
    predicted = expected(judged.features)
    if target == "spend":
        factor = level / float(predicted.mean()) if predicted.mean() > 0 else 1.0
        return lambda features: factor * expected(features)
    at_level = change_of_odds(predicted, level)
    return lambda features: at_level(expected(features))
