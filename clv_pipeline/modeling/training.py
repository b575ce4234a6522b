"""The three steps of a training: tune every candidate, judge each on the untouched test window, fit and keep the champion.

Each step reads and writes the warehouse, so that each can be looked at, and run again, by itself. The parts (folds,
candidates, metrics, the champion rule, artefacts) have modules of their own.
"""

import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from typing import TypeVar

import numpy as np
import pandas as pd

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.artefacts import save_model
from clv_pipeline.modeling.blending import BLENDS, blend
from clv_pipeline.modeling.candidates import CANDIDATES, Candidate, Fitted, Target, Task, candidates_for, predict
from clv_pipeline.modeling.cutoffs import CutoffPlan
from clv_pipeline.modeling.dataset import FeatureColumns, LabelledRows, feature_columns, load_labelled, target_names
from clv_pipeline.modeling.level import expected_total
from clv_pipeline.modeling.registry import (
    HorizonModel,
    Manifest,
    Registry,
    code_fingerprint,
    library_versions,
    why_unfit,
)
from clv_pipeline.modeling.selection import FALLBACK, choose
from clv_pipeline.modeling.tuning import Tuned, at_level, tune
from clv_pipeline.settings import PROJECT, SQL_FOLDER, Settings
from clv_pipeline.warehouse import Connection, Warehouse, columns_of, one_row

log = logging.getLogger(__name__)
Progress = Callable[[str], None]
T = TypeVar("T")
R = TypeVar("R")
TARGETS: tuple[Target, ...] = ("spend", "flag")


def why_train(registry: Registry, connection: Connection, settings: Settings, as_of: date) -> str | None:
    """Return why tonight trains, or None when the champion is still good."""
    champion = registry.champion()
    if champion is None:
        return "there is no champion yet"
    if settings.force_training:
        return "a retraining was asked for"
    if [h.horizon_days for h in champion.horizons] != list(settings.horizons):
        return "the horizons changed"
    if champion.as_of > as_of:
        return f"the champion has seen data up to {champion.as_of}, after as_of {as_of}"
    if (as_of - champion.as_of).days >= settings.retrain_after_days:
        return f"the champion is of {champion.as_of}, {settings.retrain_after_days} days or older"
    try:
        built = set(columns_of(connection, "features.customer_features"))
    except Exception:  # no feature table yet: whatever the reason, training anew is the safe answer
        return "there are no feature tables yet"
    return why_unfit(champion, built)


def tune_candidates(
    warehouse: Warehouse, settings: Settings, plans: list[CutoffPlan], progress: Progress
) -> dict[int, list[Tuned]]:
    """Tune every candidate of every horizon on the temporal folds; write `training.tuning` and return it by horizon."""
    with warehouse.transaction() as connection:
        columns = feature_columns(connection)
        found: dict[int, list[Tuned]] = {}
        connection.execute(
            """
            create or replace table training.tuning (
                horizon_days integer, target varchar, candidate varchar, is_baseline boolean, parameters varchar,
                fold_score double, mean_absolute_bias double, tried integer, ran_out_of_time boolean,
                is_champion boolean
            )
            """
        )
        for plan in plans:
            rows = load_labelled(connection, columns, plan.horizon_days)
            task = Task(columns, plan.horizon_days, settings.seed)
            enough = _has_enough_history(connection, plan, settings)
            folds = plan.folds if enough else ()
            seconds = settings.tuning_seconds * settings.threads / sum(len(c.search) > 1 for c in CANDIDATES)
            totals = _season_totals(connection, plan)
            tune_one = partial(
                tune, task=task, rows=rows, folds=folds, totals=totals, seconds=seconds, progress=progress
            )
            tuned = side_by_side(tune_one, CANDIDATES, settings.threads)
            blends = [blend([t for t in tuned if t.candidate.target == target], rows, folds) for target in TARGETS]
            found[plan.horizon_days] = tuned + [b for b in blends if b]
            _write_tuning(connection, plan.horizon_days, found[plan.horizon_days])
    return found


def _season_totals(connection: Connection, plan: CutoffPlan) -> dict[date, float | None]:
    folds = (*plan.folds, plan.test) if plan.test else plan.folds
    return {f.validation: expected_total(connection, f.validation, plan.horizon_days) for f in folds}


def _has_enough_history(connection: Connection, plan: CutoffPlan, settings: Settings) -> bool:
    """A model needs a window to be judged on and enough buyers; else the rules that need no learning are published."""
    (buyers,) = one_row(
        connection, "select count(distinct customer_id) from features.customer_day where is_purchase_day"
    )
    return plan.test is not None and buyers >= settings.min_buyers


def _write_tuning(connection: Connection, horizon_days: int, tuned: list[Tuned]) -> None:
    champions = {choose([t for t in tuned if t.candidate.target == target]).candidate.name for target in TARGETS}
    for t in tuned:
        connection.execute(
            "insert into training.tuning values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                horizon_days, t.candidate.target, t.candidate.name, t.candidate.is_baseline,
                json.dumps(dict(t.parameters)), t.score if t.fold_scores else None,
                t.mean_absolute_bias if t.fold_scores else None, t.tried, t.ran_out_of_time,
                t.candidate.name in champions,
            ],
        )  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """One row of `training.tuning`, read back: a candidate with the parameters that tuning chose."""

    candidate: Candidate
    parameters: dict[str, object]
    is_champion: bool


def read_choices(connection: Connection, horizon_days: int, target: Target) -> list[Choice]:
    """Return the tuned candidates of one horizon and target in the order of `CANDIDATES`."""
    rows = connection.execute(
        "select candidate, parameters, is_champion from training.tuning where horizon_days = ? and target = ?",
        [horizon_days, target],
    ).fetchall()
    by_name = {name: (json.loads(parameters), is_champion) for name, parameters, is_champion in rows}
    return [Choice(c, *by_name[c.name]) for c in (*candidates_for(target), BLENDS[target]) if c.name in by_name]


def evaluate_candidates(warehouse: Warehouse, settings: Settings, plans: list[CutoffPlan]) -> pd.DataFrame:
    """Judge every tuned candidate on the test window of each horizon, which nothing so far has looked at.

    Writes `training.model_quality` (one row a horizon, candidate and metric) and `training.test_predictions` (one row a
    customer of the test window, by the champions); returns the former.
    """
    quality: list[dict[str, object]] = []
    predictions: list[pd.DataFrame] = []
    with warehouse.transaction() as connection:
        columns = feature_columns(connection)
        for plan in plans:
            if plan.test is None:
                continue
            rows = load_labelled(connection, columns, plan.horizon_days)
            learned, judged = rows.at(plan.test.train), rows.at((plan.test.validation,))
            task = Task(columns, plan.horizon_days, settings.seed)
            champion = pd.DataFrame(
                {"horizon_days": plan.horizon_days, "as_of": plan.test.validation, "actual_spend": judged.spend,
                 "actual_flag": judged.flag}
            )  # fmt: skip
            choices = [c for target in TARGETS for c in read_choices(connection, plan.horizon_days, target)]
            total = _season_totals(connection, plan)[plan.test.validation]
            judge_one = partial(
                _judge, task=task, learned=learned, judged=judged, total=total, plan=plan, settings=settings
            )
            for choice, (predicted, measured) in zip(
                choices, side_by_side(judge_one, choices, settings.threads), strict=True
            ):
                quality += measured
                if choice.is_champion:
                    champion[f"predicted_{choice.candidate.target}"] = predicted
            predictions.append(champion)
        _replace(connection, "training.model_quality", pd.DataFrame(quality, columns=_QUALITY_COLUMNS))
        empty = pd.DataFrame(columns=_TEST_COLUMNS).astype(float).astype({"as_of": "datetime64[us]"})
        _replace(connection, "training.test_predictions", pd.concat(predictions) if predictions else empty)
    return pd.DataFrame(quality, columns=_QUALITY_COLUMNS)


_TEST_COLUMNS = ["horizon_days", "as_of", "actual_spend", "actual_flag", "predicted_spend", "predicted_flag"]
_QUALITY_COLUMNS = [
    "horizon_days", "target", "candidate", "is_baseline", "is_champion", "test_window_start", "customers", "metric",
    "value", "low", "high",
]  # fmt: skip


def _judge(
    choice: Choice,
    *,
    task: Task,
    learned: LabelledRows,
    judged: LabelledRows,
    total: float | None,
    plan: CutoffPlan,
    settings: Settings,
) -> tuple[metrics.Array, list[dict[str, object]]]:
    model = choice.candidate.fit(task, choice.parameters, learned)
    predicted = at_level(choice.candidate, predict(model, judged.features), total)
    return predicted, _measure(choice, plan, judged, predicted, settings)


def side_by_side(work: Callable[[T], R], items: Sequence[T], threads: int) -> list[R]:
    """Return `work` of each item in order; the libraries let go of the interpreter while they fit."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def _measure(
    choice: Choice, plan: CutoffPlan, judged: LabelledRows, predicted: metrics.Array, settings: Settings
) -> list[dict[str, object]]:
    spend_target, flag_target = target_names(plan.horizon_days)
    is_spend = choice.candidate.target == "spend"
    estimates = metrics.measure(
        metrics.SPEND_METRICS if is_spend else metrics.PROBABILITY_METRICS,
        judged.spend if is_spend else judged.flag,
        predicted,
        samples=settings.bootstrap_samples,
        seed=settings.seed,
    )
    common = (
        plan.horizon_days, spend_target if is_spend else flag_target, choice.candidate.name,
        choice.candidate.is_baseline, choice.is_champion, plan.test.validation if plan.test else None, len(judged),
    )  # fmt: skip
    return [
        dict(zip(_QUALITY_COLUMNS, (*common, name, e.value, e.low, e.high), strict=True))
        for name, e in estimates.items()
    ]


def _replace(connection: Connection, table: str, frame: pd.DataFrame) -> None:
    connection.register("frame", frame)
    connection.execute(f"create or replace table {table} as select * from frame")
    connection.unregister("frame")


def fit_champions(
    warehouse: Warehouse, settings: Settings, plans: list[CutoffPlan], registry: Registry, as_of: date
) -> Manifest:
    """Fit each horizon's champions to all labelled windows, save them as a new version, and make it the champion."""
    with warehouse.connection() as connection:
        columns = feature_columns(connection)
        (data_fingerprint,) = one_row(connection, "select data_fingerprint from raw.extraction")
        code = code_fingerprint([PROJECT / "clv_pipeline", SQL_FOLDER])
        identity = sha256(f"{as_of} {data_fingerprint} {code} {settings.horizons} {settings.seed}".encode()).hexdigest()
        version = f"{as_of:%Y%m%d}-{identity[:8]}"
        folder = registry.new_folder(version)
        files: dict[str, str] = {}
        horizons: list[HorizonModel] = []
        for plan in plans:
            horizon = _fit_horizon(connection, settings, plan, columns)
            for target, model in horizon.fitted.items():
                files |= save_model(model, folder, f"{plan.horizon_days}d_{target}")
            horizons.append(horizon.model)
        manifest = Manifest(
            version, as_of, data_fingerprint, code, settings.seed, list(columns.numeric), list(columns.categorical),
            horizons, _champion_metrics(connection), library_versions(), files,
        )  # fmt: skip
    registry.write_manifest(manifest)
    registry.promote(version)
    return manifest


@dataclass(frozen=True)
class _FittedHorizon:
    model: HorizonModel
    fitted: dict[Target, Fitted]


def _fit_horizon(
    connection: Connection, settings: Settings, plan: CutoffPlan, columns: FeatureColumns
) -> _FittedHorizon:
    rows = load_labelled(connection, columns, plan.horizon_days).at(plan.final)
    task = Task(columns, plan.horizon_days, settings.seed)
    enough = _has_enough_history(connection, plan, settings)
    champions: dict[Target, Choice] = {}
    fitted: dict[Target, Fitted] = {}
    for target in TARGETS:
        choices = read_choices(connection, plan.horizon_days, target)
        champions[target] = next(
            c for c in choices if (c.is_champion if enough else c.candidate.name == FALLBACK[target])
        )
        fitted[target] = champions[target].candidate.fit(task, champions[target].parameters, rows)
    prospect_spend, prospect_probability = one_row(
        connection,
        """
        select coalesce(avg(labels.spend_total), 0)::double, coalesce(avg(labels.spend_flag::int), 0)::double
        from training.labels
        inner join features.customer_features using (as_of, customer_id)
        where labels.horizon_days = $horizon and customer_features.recency_days is null
        """,
        {"horizon": plan.horizon_days},
    )
    model = HorizonModel(
        plan.horizon_days, champions["spend"].candidate.name, champions["spend"].parameters,
        champions["flag"].candidate.name, champions["flag"].parameters, enough,
        not champions["spend"].candidate.is_baseline, max(prospect_spend, 0.0), prospect_probability,
    )  # fmt: skip
    return _FittedHorizon(model, fitted)


def _champion_metrics(connection: Connection) -> dict[str, float]:
    rows = connection.execute(
        "select target || ' ' || metric, value from training.model_quality where is_champion order by all"
    ).fetchall()
    return {name: float(value) for name, value in rows if value is not None and np.isfinite(value)}
