"""The assets, stage by stage; each body is one call to a room's door and the metadata of what it did.

From source to champion; scores and what is published are in `published_assets.py`.
"""

import dagster as dg

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.features.btyd_features import build_btyd_features
from clv_pipeline.features.build import LABEL_PARAMETERS, build_feature_table
from clv_pipeline.features.plan import NightPlan, current_extraction, read_night_plan, write_night_plan
from clv_pipeline.interpretation import champion as interpretation
from clv_pipeline.interpretation.fairness import audit_fairness
from clv_pipeline.modeling.registry.registry import Manifest
from clv_pipeline.modeling.training import training
from clv_pipeline.modeling.training.retraining import plan_night
from clv_pipeline.orchestration import checks, pictures
from clv_pipeline.orchestration.published_assets import bundle, customer_clv, customer_scores, published_database
from clv_pipeline.orchestration.resources import (
    RETRAIN_TAG,
    Pipeline,
    red_on_error,
    run_acknowledged,
    run_as_of,
    run_started_at,
)
from clv_pipeline.orchestration.sql_assets import OWNERS, Step, asset_key, sql_asset, sql_metadata, table_metadata
from clv_pipeline.privacy.consent import remove_refused
from clv_pipeline.quality.cleaning import CleanTableRejected, build_clean_table, clean_parameters
from clv_pipeline.quality.judging import judge_tonight
from clv_pipeline.quality.night_checks import NightRejected
from clv_pipeline.sources.extraction import extract
from clv_pipeline.warehouse.sql_models import SqlModel, build, load_layer


@dg.multi_asset(
    name="extract",
    specs=[
        dg.AssetSpec(
            ["raw", name],
            description=f"One row per {table.grain}, as delivered by the source, in the types of the contract.",
            group_name="raw",
            kinds={"sqlalchemy", "duckdb"},
            owners=OWNERS,
        )
        for name, table in CONTRACT.items()
    ],
    check_specs=[dg.AssetCheckSpec(checks.CONTRACT_CHECK, asset=["raw", name]) for name in CONTRACT],
    retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
)
def raw_tables(context: dg.AssetExecutionContext, pipeline: Pipeline):  # type: ignore[no-untyped-def]
    """All source tables in one snapshot; only a source that was lost half-way is read again."""
    with red_on_error():
        settings = pipeline.settings_with_source()
        tables = extract(
            settings,
            pipeline.warehouse,
            as_of=run_as_of(context, settings),
            run_id=context.run.run_id,
            started_at=run_started_at(context),
            progress=lambda table, rows: context.log.debug(f"{table}: {rows:,} rows"),
        )
    with pipeline.warehouse.connection() as connection:
        for table in tables:
            metadata = table_metadata(connection, f"raw.{table.name}")
            yield dg.MaterializeResult(
                asset_key=["raw", table.name],
                metadata={
                    **metadata,
                    "provided by the source": table.is_provided,
                    "incremental": table.is_incremental,
                    "rows delivered tonight": table.rows_delivered,
                    "rows new tonight": table.rows_loaded,
                },
                check_results=[checks.of_extracted_table(table)],
            )


def _build_clean(context: dg.AssetExecutionContext, pipeline: Pipeline, model: SqlModel) -> Step:
    try:
        report = build_clean_table(pipeline.warehouse, model, pipeline.settings, pipeline.validator)
    except CleanTableRejected as error:
        yield from checks.of_clean_table(model, error.report)
        raise
    with pipeline.warehouse.connection() as connection:
        metadata = sql_metadata(connection, model)
    yield dg.MaterializeResult(metadata={**metadata, "fates": checks.fates_table(report)})
    yield from checks.of_clean_table(model, report)


def _build_lookup(context: dg.AssetExecutionContext, pipeline: Pipeline, model: SqlModel) -> Step:
    with pipeline.warehouse.transaction() as connection:
        build(connection, model, clean_parameters(pipeline.settings))
        yield dg.MaterializeResult(metadata=sql_metadata(connection, model))


clean_tables = [
    sql_asset(model, _build_clean, group="clean", checks=checks.CLEAN_CHECKS)
    if model.name in CONTRACT
    else sql_asset(model, _build_lookup, group="clean")
    for model in load_layer("1_clean")
]


@dg.asset(
    key=["quality", "night"],
    deps=[*(asset_key(f"raw.{name}") for name in CONTRACT), asset_key("clean.orders")],
    group_name="quality",
    kinds={"python", "duckdb"},
    owners=OWNERS,
    check_specs=checks.specs("quality.night", *checks.NIGHT_CHECKS),
)
def night(context: dg.AssetExecutionContext, pipeline: Pipeline):  # type: ignore[no-untyped-def]
    """One row per measure of tonight: rows, orders, order values, past months; compared with the nights published before."""
    with red_on_error():
        acknowledged = run_acknowledged(context)
        try:
            with pipeline.warehouse.transaction() as connection:
                judged = judge_tonight(connection, pipeline.settings, acknowledged)
                metadata = table_metadata(connection, "quality.night")
        except NightRejected as error:
            yield from checks.of_judgements("quality.night", error.judgements)
            raise
    yield dg.MaterializeResult(metadata=metadata)
    yield from checks.of_judgements("quality.night", judged)


@dg.asset(
    key=["features", "cutoffs"],
    deps=[asset_key("clean.customers"), asset_key("clean.orders"), asset_key("quality.night")],
    group_name="features",
    kinds={"python", "duckdb"},
    owners=OWNERS,
)
def cutoffs(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per date that features are built as of: tonight's to score, and past ones when a training is due."""
    settings = pipeline.settings.model_copy(update={"force_training": RETRAIN_TAG in context.run.tags})
    with red_on_error(), pipeline.warehouse.transaction() as connection:
        removed = remove_refused(connection)
        as_of = current_extraction(connection).as_of
        plan = plan_night(pipeline.registry, connection, settings, as_of)
        write_night_plan(connection, settings, as_of, plan)
        return dg.MaterializeResult(
            metadata={
                **table_metadata(connection, "features.cutoffs"),
                "training is due": plan.why or "no: the champion is still good",
                "horizon learned for each horizon": {
                    str(days): shorter for days, shorter in plan.training.learned.items()
                },
                "as_of": as_of.isoformat(),
                "rows of earlier runs removed for lack of consent": removed,
            }
        )


def _build_features(context: dg.AssetExecutionContext, pipeline: Pipeline, model: SqlModel) -> Step:
    build_feature_table(pipeline.warehouse, model, pipeline.settings.denied_features)
    with pipeline.warehouse.connection() as connection:
        yield dg.MaterializeResult(metadata=sql_metadata(connection, model))


feature_tables = [sql_asset(model, _build_features, group="features") for model in load_layer("2_features")]


@dg.asset(
    key=["features", "btyd_features"],
    deps=[asset_key(f"features.{name}") for name in ("customer_day", "purchase_features", "cutoffs")],
    group_name="features",
    kinds={"python", "duckdb"},
    owners=OWNERS,
)
def btyd_features(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per (as_of, customer_id) who has bought: buy-till-you-die expectations from what came before as_of."""
    models = build_btyd_features(pipeline.warehouse, pipeline.settings)
    with pipeline.warehouse.connection() as connection:
        metadata = table_metadata(connection, "features.btyd_features")
    return dg.MaterializeResult(metadata={**metadata, "model of each cutoff": models})


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


@dg.asset(
    key=["training", "tuning"],
    deps=[asset_key("training.labels"), asset_key("features.customer_features")],
    group_name="training",
    kinds={"scikitlearn", "xgboost"},
    owners=OWNERS,
)
def tuning(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per (horizon, candidate): the parameters that scored best on temporal folds, and the champions chosen."""
    with red_on_error():
        plan = _plan(pipeline)
        if plan.is_due:
            training.tune_candidates(
                pipeline.warehouse,
                pipeline.settings,
                plan.training.horizons,
                _reigning(pipeline, plan),
                context.log.debug,
            )
        with pipeline.warehouse.connection() as connection:
            metadata = table_metadata(connection, "training.tuning")
        return dg.MaterializeResult(metadata=metadata | {"trained": plan.is_due})


@dg.asset(
    key=["training", "model_quality"],
    deps=[asset_key("training.tuning")],
    group_name="training",
    kinds={"scikitlearn", "xgboost"},
    owners=OWNERS,
)
def model_quality(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per (horizon, candidate, metric) on a later window that nothing has looked at, with intervals."""
    with red_on_error():
        plan = _plan(pipeline)
        if plan.is_due:
            training.evaluate_candidates(pipeline.warehouse, pipeline.settings, plan.training.horizons)
        with pipeline.warehouse.connection() as connection:
            metadata = table_metadata(connection, "training.model_quality")
            shown = pictures.kept_or_drawn(
                context, plan.is_due, lambda: pictures.of_test_window(connection, pipeline.settings)
            )
            return dg.MaterializeResult(metadata=metadata | shown)


@dg.asset(
    key=["training", "fairness_audit"],
    deps=[asset_key("training.model_quality"), asset_key("clean.customers")],
    group_name="training",
    kinds={"python", "duckdb"},
    owners=OWNERS,
)
def fairness_audit(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per (attribute, group, metric): how the predictions of the test window treat groups that models do not see."""
    audit_fairness(pipeline.warehouse, pipeline.settings)
    with pipeline.warehouse.connection() as connection:
        return dg.MaterializeResult(metadata=table_metadata(connection, "training.fairness_audit"))


@dg.asset(
    key=["training", "permutation_importance"],
    deps=[asset_key("training.model_quality")],
    group_name="training",
    kinds={"scikitlearn", "xgboost"},
    owners=OWNERS,
)
def permutation_importance(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per feature, and per source as a whole: the ranking skill lost on the test window when it is shuffled."""
    with red_on_error():
        interpretation.create_tables(pipeline.warehouse)
        plan = _plan(pipeline)
        looked = (
            interpretation.interpret_champion(pipeline.warehouse, pipeline.settings, plan.training.horizons[0])
            if plan.is_due
            else None
        )
        with pipeline.warehouse.connection() as connection:
            metadata = table_metadata(connection, "training.permutation_importance")
            shown = pictures.kept_or_drawn(
                context, plan.is_due, lambda: pictures.of_what_drives_predictions(connection, pipeline.settings)
            )
    return dg.MaterializeResult(metadata=metadata | shown | {"looked at tonight": str(looked or "nothing")})


@dg.asset(
    key=["training", "source_ablation"],
    deps=[asset_key("training.permutation_importance")],
    group_name="training",
    kinds={"xgboost"},
    owners=OWNERS,
)
def source_ablation(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per (source left out, metric): how one fixed model does on the test window with and without the source."""
    with red_on_error():
        plan = _plan(pipeline)
        if plan.is_due:
            interpretation.ablate_sources(pipeline.warehouse, pipeline.settings, plan.training.horizons[0])
        with pipeline.warehouse.connection() as connection:
            metadata = table_metadata(connection, "training.source_ablation")
            shown = pictures.kept_or_drawn(context, plan.is_due, lambda: pictures.of_sources(connection))
            return dg.MaterializeResult(metadata=metadata | shown)


@dg.asset(
    key=["training", "champion"],
    deps=[asset_key("training.model_quality")],
    group_name="training",
    kinds={"scikitlearn", "xgboost"},
    owners=OWNERS,
    check_specs=[dg.AssetCheckSpec(checks.CHALLENGER, asset=["training", "champion"])],
)
def champion(context: dg.AssetExecutionContext, pipeline: Pipeline):  # type: ignore[no-untyped-def]
    """The model version that scores: fitted to every window that is over, saved without pickle, hashed."""
    with red_on_error():
        plan = _plan(pipeline)
        if plan.is_due:
            with pipeline.warehouse.connection() as connection:
                as_of = current_extraction(connection).as_of
            training.fit_champions(
                pipeline.warehouse,
                pipeline.settings,
                plan.training,
                pipeline.registry,
                as_of,
                _reigning(pipeline, plan),
            )
        manifest = pipeline.registry.champion()
        assert manifest is not None
        with pipeline.warehouse.connection() as connection:
            verdicts = training.verdicts(connection)
    return dg.MaterializeResult(
        metadata={
            "version": manifest.version,
            "trained tonight": plan.is_due,
            "fitted as of": manifest.as_of.isoformat(),
            "champions": {f"{h.horizon_days}d": f"{h.spend.candidate}, {h.flag.candidate}" for h in manifest.horizons},
            "verdicts": verdicts,
            "test metrics": manifest.test_metrics,
        },
        check_results=[checks.of_champion(verdicts if plan.is_due else {})],
    )


ALL_ASSETS = [
    raw_tables, *clean_tables, night, cutoffs, *feature_tables, btyd_features, *training_tables, tuning, model_quality,
    fairness_audit, permutation_importance, source_ablation, champion, customer_scores, customer_clv, bundle,
    published_database,
]  # fmt: skip
