"""The last assets: tonight's scores, what BI reads, the bundle, the database target. Those before are in `assets.py`."""

import dagster as dg

from clv_pipeline.core.errors import PublishError
from clv_pipeline.orchestration import checks, pictures
from clv_pipeline.orchestration.resources import Pipeline, red_on_error, run_acknowledged
from clv_pipeline.orchestration.sql_assets import OWNERS, Step, asset_key, sql_asset, sql_metadata, table_metadata
from clv_pipeline.publishing import publishing
from clv_pipeline.publishing.database_target import publish_to_database
from clv_pipeline.quality.judging import raise_unacknowledged
from clv_pipeline.quality.night_checks import PREDICTED_TOTAL, SEGMENT_CHANGES, NightRejected
from clv_pipeline.quality.score_checks import judge_predicted_total
from clv_pipeline.scoring import scoring
from clv_pipeline.warehouse.sql_models import SqlModel, load_layer

_PUBLISHED_MODELS = load_layer("4_published")


@dg.asset(
    key=["scores", "customer_scores"],
    deps=[asset_key("training.champion"), asset_key("features.customer_features")],
    group_name="scores",
    kinds={"xgboost", "duckdb"},
    owners=OWNERS,
    check_specs=checks.specs("scores.customer_scores", PREDICTED_TOTAL),
)
def customer_scores(context: dg.AssetExecutionContext, pipeline: Pipeline):  # type: ignore[no-untyped-def]
    """One row per eligible customer: predicted spend and purchase probability for each horizon, with reasons."""
    with red_on_error():
        manifest = pipeline.registry.champion()
        assert manifest is not None
        report = scoring.score_customers(
            pipeline.warehouse,
            pipeline.settings,
            pipeline.registry,
            manifest,
            lambda done: context.log.debug(f"{done:,} customers scored"),
        )
        try:
            with pipeline.warehouse.transaction() as connection:
                total = judge_predicted_total(report.totals, pipeline.settings)
                judged = raise_unacknowledged(connection, [total], run_acknowledged(context))
                metadata = table_metadata(connection, "scores.customer_scores")
        except NightRejected as error:
            yield from checks.of_judgements("scores.customer_scores", error.judgements)
            raise
    yield dg.MaterializeResult(
        metadata={
            **metadata,
            "predicted total": report.predicted_total,
            "trailing total": report.trailing_total,
            "status": report.by_status,
            "fidelity of the reasons (R2)": report.fidelity,
        }
    )
    yield from checks.of_judgements("scores.customer_scores", judged)


def _build_customer_clv(context: dg.AssetExecutionContext, pipeline: Pipeline, model: SqlModel) -> Step:
    try:
        judged = publishing.build_customer_clv(
            pipeline.warehouse, _PUBLISHED_MODELS, pipeline.settings, run_acknowledged(context)
        )
    except NightRejected as error:
        yield from checks.of_judgements("published.customer_clv", error.judgements)
        raise
    with pipeline.warehouse.connection() as connection:
        yield dg.MaterializeResult(metadata=sql_metadata(connection, model) | pictures.of_segments(connection))
    yield from checks.of_judgements("published.customer_clv", judged)


customer_clv = sql_asset(
    next(m for m in _PUBLISHED_MODELS if m.name == "customer_clv"),
    _build_customer_clv,
    group="published",
    also=["scores.customer_scores"],
    checks=[SEGMENT_CHANGES],
)


@dg.asset(
    key=["published", "bundle"],
    deps=[
        asset_key("published.customer_clv"),
        asset_key("clean.marketing_spend"),
        asset_key("training.model_quality"),
        asset_key("training.source_ablation"),
        asset_key("training.fairness_audit"),
    ],
    group_name="published",
    kinds={"duckdb", "parquet"},
    owners=OWNERS,
    check_specs=checks.specs("published.bundle", checks.AUDIT),
)
def bundle(context: dg.AssetExecutionContext, pipeline: Pipeline):  # type: ignore[no-untyped-def]
    """The published bundle: every table of the contract, Parquet, report and manifest; built beside, audited, swapped."""
    with red_on_error():
        try:
            made = publishing.publish(pipeline.warehouse, _PUBLISHED_MODELS, pipeline.settings, pipeline.home)
        except PublishError as error:
            yield checks.of_audit(error, {})
            raise
        pipeline.registry.remove_old(pipeline.settings.keep_models)
    yield dg.MaterializeResult(
        metadata={
            "run_id": made.run_id,
            "folder": dg.MetadataValue.path(str(made.folder)),
            "is served": made.is_served,
            "rows": made.row_counts,
        }
    )
    yield checks.of_audit(None, made.row_counts)


@dg.asset(
    key=["published", "database"],
    deps=[asset_key("published.bundle")],
    group_name="published",
    kinds={"sqlalchemy"},
    owners=OWNERS,
)
def published_database(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """The served bundle's tables in the database of CLV_PUBLISH_URL, replaced in one transaction; nothing without one."""
    with red_on_error():
        report = publish_to_database(pipeline.home.published / "clv.duckdb", pipeline.settings)
    if report is None:
        return dg.MaterializeResult(metadata={"target": "no target configured"})
    return dg.MaterializeResult(
        metadata={
            "target": report.where,
            "run_id": report.run_id,
            "rows": report.row_counts or "unchanged: the target holds this run already",
        }
    )
