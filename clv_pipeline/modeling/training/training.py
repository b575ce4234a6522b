"""The three steps of a training: tune every candidate, evaluate each on the untouched test window, fit and store the champion.

Each step reads and writes the warehouse, so that each can be inspected and repeated separately. The parts (folds,
candidates, metrics, the champion rule, calibration, artefacts) have their own modules; the tables are in `records.py`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import pandas as pd

from clv_pipeline.core.parallel import run_in_threads
from clv_pipeline.core.run_identity import code_fingerprint, model_version
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.cutoffs import CutoffPlan, Fold, TrainingPlan
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.calibration.level import PastMean, learned_season
from clv_pipeline.modeling.calibration.rankability import beat_chance
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Candidate, Target
from clv_pipeline.modeling.candidates.ensembles import Fitted
from clv_pipeline.modeling.data.dataset import (
    FeatureColumns,
    feature_columns,
    target_names,
)
from clv_pipeline.modeling.data.prospects import read_prospects
from clv_pipeline.modeling.registry.artefacts import save_files, save_model
from clv_pipeline.modeling.registry.registry import (
    HorizonModel,
    Manifest,
    Recipe,
    Registry,
    library_versions,
)
from clv_pipeline.modeling.training import records
from clv_pipeline.modeling.training.blending import BLENDS, blend
from clv_pipeline.modeling.training.champion_rule import RULE, Contender, Verdict, choose, decide
from clv_pipeline.modeling.training.judged_windows import create_judged_windows, write_judged_windows
from clv_pipeline.modeling.training.lab import Lab
from clv_pipeline.modeling.training.linear_coefficients import Row, write_coefficients
from clv_pipeline.modeling.training.published_quality import (
    calibration_by,
    judged_windows,
    published_quality,
    windows_by,
)
from clv_pipeline.modeling.training.records import Choice
from clv_pipeline.modeling.training.test_window import predict_test
from clv_pipeline.modeling.training.tuning import TunedCandidate, fold_outcomes, tune
from clv_pipeline.modeling.training.verdict import verdict_rows
from clv_pipeline.warehouse.connection import Connection, Warehouse, has_table, one_row

log = logging.getLogger(__name__)
Progress = Callable[[str], None]
TARGETS: tuple[Target, ...] = ("spend", "purchase")
#: The name under which the reigning champion competes again, with its current parameters.
REIGNING = "champion_so_far"


def tune_candidates(
    warehouse: Warehouse, settings: Settings, plans: Sequence[CutoffPlan], reigning: Manifest | None, progress: Progress
) -> dict[int, list[TunedCandidate]]:
    """Tune every candidate of every horizon on the temporal folds; write `training.tuning` and return it by horizon.

    The reigning champion competes with its current parameters, so that it is evaluated on the same windows as all others.
    """
    found: dict[int, list[TunedCandidate]] = {}
    with warehouse.transaction() as connection:
        columns = feature_columns(connection)
        records.create_tuning(connection)
        for plan in plans:
            lab = Lab.of(connection, settings, plan, columns)
            found[plan.horizon_days], challengers, again = _tune_horizon(lab, settings, reigning, progress)
            records.add_tuning(connection, plan.horizon_days, found[plan.horizon_days], challengers, again)
            for tuned in found[plan.horizon_days]:
                for fold, predicted in zip(plan.folds, tuned.fold_predictions, strict=False):
                    judged = lab.rows.at((fold.validation,))
                    records.add_predictions(connection, plan.horizon_days, tuned.candidate, "fold", judged, predicted)
    return found


def _tune_horizon(
    lab: Lab, settings: Settings, champion: Manifest | None, progress: Progress
) -> tuple[list[TunedCandidate], list[str], list[str]]:
    """Return all tuned candidates, the challengers' names, and the reigning champions' names."""
    folds = lab.plan.folds
    tune_one = partial(
        tune, task=lab.task, rows=lab.rows, folds=folds, levels=lab.levels, max_sets=settings.max_parameter_sets,
        progress=progress,
    )  # fmt: skip
    tuned = run_in_threads(tune_one, lab.candidates, settings.threads)
    if lab.has_enough_history:
        blends = [blend([t for t in tuned if t.candidate.target == target], lab.rows, folds) for target in TARGETS]
        tuned = _with_chance([*tuned, *blends], lab, folds)
    challengers = [_challenger(lab, tuned, target, settings) for target in TARGETS]
    reigning = _reigning(champion, lab.plan.horizon_days) if lab.has_enough_history else []
    # a champion that is also the challenger is fitted once, under its own name
    again = [c.candidate.name for r in reigning for c in challengers if _is_same(r, c)]
    others = [r for r in reigning if not any(_is_same(r, c) for c in challengers)]
    everybody = tuned + run_in_threads(tune_one, others, settings.threads)
    return everybody, [c.candidate.name for c in challengers], [*again, *(r.name for r in others)]


def _with_chance(tuned: Sequence[TunedCandidate], lab: Lab, folds: tuple[Fold, ...]) -> list[TunedCandidate]:
    """Return the candidates with the result of the test whether the folds' customers can be ranked."""
    if not folds:
        return list(tuned)
    beats: dict[tuple[Target, str], bool] = {}
    for target in TARGETS:
        models = [t for t in tuned if t.candidate.target == target and not t.candidate.is_baseline]
        actual = fold_outcomes(target, lab.rows, folds)
        found = beat_chance([t.fold_predictions for t in models], actual, lab.task.seed)
        beats |= {(target, t.candidate.name): beat for t, beat in zip(models, found, strict=True)}
    return [replace(t, beats_chance=beats.get((t.candidate.target, t.candidate.name))) for t in tuned]


def _challenger(lab: Lab, tuned: Sequence[TunedCandidate], target: Target, settings: Settings) -> TunedCandidate:
    """Return the challenger of one target; with a short history, what needs no fitting to past windows."""
    of_target = [t for t in tuned if t.candidate.target == target]
    if not lab.has_enough_history:
        return next(t for t in of_target if t.candidate.name == lab.fallback(target))
    actual = fold_outcomes(target, lab.rows, lab.plan.folds)
    draws = [metrics.bootstrap_draws(len(a), settings.bootstrap_samples, settings.seed) for a in actual]
    return choose(of_target, actual, draws)


def _reigning(champion: Manifest | None, horizon_days: int) -> list[Candidate]:
    """Return the champion's candidates of a horizon under the name `REIGNING`, with their own parameter set only.

    What predicted while there was too little history for a model defends no place.
    """
    recipes = [
        recipe
        for h in (champion.horizons if champion else [])
        if h.learned_days == horizon_days and h.has_enough_history
        for recipe in (h.spend, h.purchase)
    ]
    known = {c.name: c for c in (*CANDIDATES, *BLENDS.values()) if not c.is_baseline}
    return [
        replace(known[r.candidate], name=REIGNING, search=[r.parameters]) for r in recipes[:2] if r.candidate in known
    ]


def _is_same(reigning: Candidate, challenger: TunedCandidate) -> bool:
    recipe = replace(challenger.candidate, name=REIGNING, search=reigning.search)
    return recipe == reigning and dict(reigning.search[0]) == dict(challenger.parameters)


def evaluate_candidates(warehouse: Warehouse, settings: Settings, plans: Sequence[CutoffPlan]) -> pd.DataFrame:
    """Evaluate every tuned candidate on the test window of each horizon, which no earlier step has used.

    Writes `training.model_quality` (one row per horizon, candidate and metric), `training.champions` (the verdicts),
    `training.test_predictions` (one row per customer of the test window, by the champions) and
    `training.linear_coefficients`; returns the first.
    """
    quality: list[dict[str, object]] = []
    coefficients: list[Row] = []
    with warehouse.transaction() as connection:
        columns = feature_columns(connection)
        records.create_evaluation(connection)
        create_judged_windows(connection)
        for plan in plans:
            lab = Lab.after_tuning(connection, settings, plan, columns)
            choices = [c for target in TARGETS for c in records.read_choices(connection, plan.horizon_days, target)]
            predicted, coefficients_of_horizon = predict_test(lab, choices, settings)
            coefficients += coefficients_of_horizon
            for choice, values in predicted:
                if plan.test:
                    records.add_predictions(
                        connection,
                        plan.horizon_days,
                        choice.candidate,
                        "test",
                        lab.rows.at((plan.test.validation,)),
                        values,
                    )
            for target in TARGETS:
                verdict = _verdict(
                    lab, target, [(c, p) for c, p in predicted if c.candidate.target == target], settings
                )
                records.add_champion(connection, plan.horizon_days, target, verdict, lab.ranking)
            if plan.test:
                quality += _quality(connection, lab, predicted, settings)
                judged = judged_windows(connection, lab)
                write_judged_windows(connection, lab, judged)
                quality += published_quality(connection, lab, judged)
                quality += verdict_rows(connection, lab, settings)
        write_coefficients(connection, coefficients)
        return records.write_quality(connection, quality)


def _verdict(
    lab: Lab, target: Target, predicted: Sequence[tuple[Choice, metrics.Array]], settings: Settings
) -> Verdict:
    challenger = next(c.candidate.name for c, _ in predicted if c.is_challenger)
    reigning = next((c.candidate.name for c, _ in predicted if c.is_reigning), None)
    if lab.plan.test is None or not lab.has_enough_history:
        return Verdict(challenger, _without_a_model(lab, challenger))
    judged = lab.rows.at((lab.plan.test.validation,))
    contenders = {c.candidate.name: Contender(c.candidate.name, p) for c, p in predicted}
    return decide(
        target,
        judged.spend if target == "spend" else judged.purchase,
        contenders[challenger],
        contenders[reigning] if reigning else None,
        [contenders[c.candidate.name] for c, _ in predicted if c.candidate.is_baseline],
        metrics.bootstrap_draws(len(judged), settings.bootstrap_samples, settings.seed),
    )


def _without_a_model(lab: Lab, chosen: str) -> str:
    why = "the history is too short" if lab.has_enough_buyers else "there are too few buyers (setting min_buyers)"
    what = "a fixed rule is" if chosen in RULE.values() else "the purchase models with their prior are"
    return f"{why} to fit and evaluate a model: {what} used"


def _quality(
    connection: Connection, lab: Lab, predicted: Sequence[tuple[Choice, metrics.Array]], settings: Settings
) -> list[dict[str, object]]:
    """Return the metrics of every candidate on the test window, with bootstrap intervals."""
    assert lab.plan.test is not None
    judged = lab.rows.at((lab.plan.test.validation,))
    champions = records.champions(connection, lab.plan.horizon_days)
    found: list[dict[str, object]] = []
    for choice, values in predicted:
        is_spend = choice.candidate.target == "spend"
        estimates = metrics.measure(
            metrics.SPEND_METRICS if is_spend else metrics.PROBABILITY_METRICS,
            judged.spend if is_spend else judged.purchase,
            values,
            samples=settings.bootstrap_samples,
            seed=settings.seed,
        )
        name = choice.candidate.name
        target = target_names(lab.plan.horizon_days)[0 if is_spend else 1]
        common: tuple[records.RowKind, int, str, str, bool, bool] = (
            "model",
            lab.plan.horizon_days,
            target,
            name,
            choice.candidate.is_baseline,
            name == champions[choice.candidate.target],
        )
        found += records.quality_rows(common, lab.plan.test.validation, len(judged), estimates)
    return found


def verdicts(connection: Connection) -> dict[str, str]:
    """Return the reason for each champion, by target; empty before the first training."""
    if not has_table(connection, "training.champions"):
        return {}
    rows = connection.execute("select horizon_days, target, reason from training.champions order by all").fetchall()
    return {target_names(days)[0 if target == "spend" else 1]: reason for days, target, reason in rows}


def fit_champions(
    warehouse: Warehouse,
    settings: Settings,
    plan: TrainingPlan,
    registry: Registry,
    as_of: date,
    reigning: Manifest | None,
    more_files: Mapping[str, bytes] | None = None,
) -> Manifest:
    """Fit each horizon's champions to all labelled windows, save them as a new version, and make it the champion.

    more_files: name -> content of files that other rooms keep with the version.
    """
    with warehouse.connection() as connection:
        columns = feature_columns(connection)
        (data_fingerprint,) = one_row(connection, "select data_fingerprint from raw.extraction")
        code = code_fingerprint(settings)
        version = model_version(as_of, settings, data_fingerprint, code, reigning.version if reigning else None)
        folder = registry.new_folder(version)
        files = save_files(more_files or {}, folder)
        by_learned: dict[int, HorizonModel] = {}
        for horizon in plan.horizons:
            model, fitted = _fit_horizon(connection, settings, horizon, columns, as_of)
            by_learned[horizon.horizon_days] = model
            for target, pipeline in fitted.items():
                files |= save_model(pipeline, folder, f"{horizon.horizon_days}d_{target}")
        horizons = [replace(by_learned[plan.learned[days]], horizon_days=days) for days in settings.horizons]
        manifest = Manifest(
            version, as_of, data_fingerprint, code, settings.that_change("data", "model"), list(columns.numeric),
            list(columns.categorical), horizons, records.champion_metrics(connection), library_versions(), files,
            settings.name,
        )  # fmt: skip
    registry.write_manifest(manifest)
    registry.promote(version)
    with warehouse.transaction() as connection:
        records.note_trained_version(connection, version)
    return manifest


def _fit_horizon(
    connection: Connection, settings: Settings, plan: CutoffPlan, columns: FeatureColumns, as_of: date
) -> tuple[HorizonModel, dict[Target, Fitted]]:
    lab = Lab.after_tuning(connection, settings, plan, columns)
    rows = lab.rows.at(plan.final)
    names = records.champions(connection, plan.horizon_days)
    recipes: dict[Target, Recipe] = {}
    fitted: dict[Target, Fitted] = {}
    for target in TARGETS:
        choice = next(
            c for c in records.read_choices(connection, plan.horizon_days, target) if c.candidate.name == names[target]
        )
        fitted[target] = choice.candidate.fit(lab.task, choice.parameters, rows)
        recipes[target] = Recipe(choice.recipe, dict(choice.parameters), choice.candidate.is_baseline)
    calibration = calibration_by(lab, windows_by(connection, lab), as_of)
    model = HorizonModel(
        plan.horizon_days, plan.horizon_days, recipes["spend"], recipes["purchase"], lab.has_enough_history, calibration,
        read_prospects(connection, plan.horizon_days),
        lab.ranking, PastMean.of(rows, plan.horizon_days) if lab.ranking == "not rankable" else None,
        learned_season(connection, plan.final, plan.horizon_days),
    )  # fmt: skip
    return model, fitted
