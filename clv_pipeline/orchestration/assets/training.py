"""Training assets: labels, tuning, evaluation, interpretation, champion. On nights without a training they only show results."""

from collections.abc import Callable, Sequence
from functools import partial

import dagster as dg

from clv_pipeline.contracts.warehouse import TABLES
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.build import LABEL_PARAMETERS
from clv_pipeline.features.plan import NightPlan, current_extraction, read_night_plan
from clv_pipeline.interpretation import champion as interpretation
from clv_pipeline.interpretation.fairness import audit_fairness
from clv_pipeline.modeling.registry.registry import Manifest
from clv_pipeline.modeling.training import training
from clv_pipeline.next_purchases import fitting
from clv_pipeline.orchestration import checks, pictures, trends
from clv_pipeline.orchestration.resources import Pipeline
from clv_pipeline.orchestration.sql_assets import (
    OWNERS,
    Metadata,
    Step,
    asset_key,
    sql_asset,
    sql_metadata,
    table_metadata,
)
from clv_pipeline.orchestration.steps import asset
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection
from clv_pipeline.warehouse.sql_models import SqlModel, build, load_layer

#: Function of a step on a night with a training; returns additional metadata.
Work = Callable[[dg.AssetExecutionContext, Pipeline, NightPlan], Metadata]
Draw = Callable[[Connection, Settings], Metadata]


def _build_training(context: dg.AssetExecutionContext, pipeline: Pipeline, model: SqlModel) -> Step:
    with pipeline.warehouse.transaction() as connection:
        if read_night_plan(connection).is_due:
            build(connection, model, LABEL_PARAMETERS)
        yield dg.MaterializeResult(metadata=sql_metadata(connection, model))


training_tables = [
    sql_asset(model, _build_training, group="training", also=["features.cutoffs"]) for model in load_layer("3_training")
]


def _plan(pipeline: Pipeline) -> NightPlan:
    with pipeline.warehouse.connection() as connection:
        return read_night_plan(connection)


def _reigning(pipeline: Pipeline, plan: NightPlan) -> Manifest | None:
    return pipeline.registry.manifest(plan.reigning_version) if plan.reigning_version else None


def _training_asset(
    table: str, description: str, *, after: Sequence[str], work: Work, draw: Draw | None = None
) -> dg.AssetsDefinition:
    """Return the asset of a table that a training writes; on other nights it shows the existing table and pictures."""
    written = [declared for declared in TABLES.values() if table.replace(".", "/") in declared.assets]

    @asset(
        key=asset_key(table),
        description=description,
        deps=[asset_key(name) for name in after],
        group_name="training",
        kinds={"scikitlearn", "xgboost"},
        owners=OWNERS,
    )
    def train(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
        plan = _plan(pipeline)
        added = work(context, pipeline, plan) if plan.is_due else {}
        with pipeline.warehouse.transaction() as connection:
            for declared in written:  # a warehouse may be older than a table
                tables.create_if_missing(connection, declared)
            shown = table_metadata(connection, table)
            if draw:
                drawn = partial(draw, connection, pipeline.settings)
                shown |= pictures.kept_or_drawn(context, plan.is_due, drawn)
        return dg.MaterializeResult(metadata=shown | added | {"trained tonight": plan.is_due})

    return train


def _tune(context: dg.AssetExecutionContext, pipeline: Pipeline, plan: NightPlan) -> Metadata:
    horizons, reigning = plan.training.horizons, _reigning(pipeline, plan)
    training.tune_candidates(pipeline.warehouse, pipeline.settings, horizons, reigning, context.log.debug)
    return {}


def _judge(context: dg.AssetExecutionContext, pipeline: Pipeline, plan: NightPlan) -> Metadata:
    training.evaluate_candidates(pipeline.warehouse, pipeline.settings, plan.training.horizons)
    return {}


def _interpret(context: dg.AssetExecutionContext, pipeline: Pipeline, plan: NightPlan) -> Metadata:
    scopes = interpretation.interpret_champions(pipeline.warehouse, pipeline.settings, plan.training.horizons[0])
    return {"scope": "; ".join(map(str, scopes)) or "nothing: there is no test window"}


def _ablate(context: dg.AssetExecutionContext, pipeline: Pipeline, plan: NightPlan) -> Metadata:
    interpretation.ablate_sources(pipeline.warehouse, pipeline.settings, plan.training.horizons[0])
    return {}


training_assets = [
    _training_asset(
        "training.tuning",
        "One row per (horizon, candidate): the parameters that scored best on temporal folds, and the chosen champions.",
        after=["training.labels", "features.customer_features"],
        work=_tune,
    ),
    _training_asset(
        "training.model_quality",
        "One row per (horizon, candidate, metric) on a later, untouched window, with intervals.",
        after=["training.tuning"],
        work=_judge,
        draw=pictures.of_test_window,
    ),
    _training_asset(
        "training.permutation_importance",
        "One row per target and feature, and per source as a whole: the ranking skill lost on the test window when it is "
        "shuffled.",
        after=["training.model_quality"],
        work=_interpret,
        draw=pictures.of_what_drives_predictions,
    ),
    _training_asset(
        "training.source_ablation",
        "One row per (source left out, metric): one fixed model on the test window with and without the source.",
        after=["training.permutation_importance"],
        work=_ablate,
        draw=pictures.of_sources,
    ),
]


@asset(
    key=["training", "fairness_audit"],
    deps=[asset_key("training.model_quality"), asset_key("clean.customers")],
    group_name="training",
    kinds={"python", "duckdb"},
    owners=OWNERS,
)
def fairness_audit(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per (attribute, group, metric): predictions of the test window by groups that models do not see."""
    audit_fairness(pipeline.warehouse, pipeline.settings)
    with pipeline.warehouse.connection() as connection:
        return dg.MaterializeResult(metadata=table_metadata(connection, "training.fairness_audit"))


def _fit_next_purchases(context: dg.AssetExecutionContext, pipeline: Pipeline, plan: NightPlan) -> Metadata:
    with pipeline.warehouse.connection() as connection:
        as_of = current_extraction(connection).as_of
    days = plan.training.learned[pipeline.settings.primary_horizon]
    ranker = fitting.fit_next_purchases(pipeline.warehouse, pipeline.settings, as_of, days)
    verdicts = {row["kind"]: row["statement"] for row in ranker.quality if row["row_kind"] == "verdict"}
    return {"level": ranker.level or f"none: {ranker.why_none}", "verdicts": verdicts}


next_purchase_ranker = _training_asset(
    "training.next_purchase_ranker",
    "One row per file of the ranker of next purchases, which the model version that this training makes will keep.",
    after=["training.model_quality", "clean.orders", "clean.customers"],
    work=_fit_next_purchases,
)


@asset(
    key=["training", "champion"],
    deps=[asset_key("training.model_quality"), asset_key("training.next_purchase_ranker")],
    group_name="training",
    kinds={"scikitlearn", "xgboost"},
    owners=OWNERS,
    check_specs=checks.specs("training.champion", checks.CHALLENGER, blocking=False),
)
def champion(context: dg.AssetExecutionContext, pipeline: Pipeline):  # type: ignore[no-untyped-def]
    """The model version that scores: fitted to every window that is over, saved without pickle, hashed."""
    plan = _plan(pipeline)
    if plan.is_due:
        with pipeline.warehouse.connection() as connection:
            as_of = current_extraction(connection).as_of
            ranker = fitting.read_fitted(connection)
        reigning = _reigning(pipeline, plan)
        training.fit_champions(
            pipeline.warehouse, pipeline.settings, plan.training, pipeline.registry, as_of, reigning, ranker
        )
    manifest = pipeline.registry.champion()
    assert manifest is not None
    with pipeline.warehouse.connection() as connection:
        verdicts = training.verdicts(connection)
    return dg.MaterializeResult(
        metadata={
            **trends.of_champion(manifest),
            "version": manifest.version,
            "trained tonight": plan.is_due,
            "fitted as of": manifest.as_of.isoformat(),
            "champions": {
                f"{h.horizon_days}d": f"{h.spend.candidate}, {h.purchase.candidate}" for h in manifest.horizons
            },
            "verdicts": verdicts,
            "test metrics": manifest.test_metrics,
        },
        check_results=[checks.of_champion(verdicts if plan.is_due else {})],
    )
