"""Tonight's scores, why they changed, forecasts and next purchases, as assets; with the checks on the scores' total and order."""

import dagster as dg

from clv_pipeline.forecasts.channels import value_channels
from clv_pipeline.forecasts.night import forecast_night
from clv_pipeline.next_purchases.scoring import score_next_purchases
from clv_pipeline.orchestration import checks, trends
from clv_pipeline.orchestration.resources import Pipeline, run_acknowledged
from clv_pipeline.orchestration.sql_assets import OWNERS, Metadata, asset_key, lineage_metadata, table_metadata
from clv_pipeline.orchestration.steps import asset
from clv_pipeline.publishing.lineage import columns_of_scores
from clv_pipeline.quality.judging import raise_unacknowledged
from clv_pipeline.quality.night_checks import PREDICTED_TOTAL, CheckResult
from clv_pipeline.quality.score_checks import RANKING, judge_predicted_total, judge_ranking
from clv_pipeline.score_changes.attribution import write_score_changes
from clv_pipeline.scoring import scoring


@asset(
    key=["scores", "customer_scores"],
    deps=[asset_key("training.champion"), asset_key("features.customer_features")],
    group_name="scores",
    kinds={"xgboost", "duckdb"},
    owners=OWNERS,
    check_specs=[
        *checks.specs("scores.customer_scores", PREDICTED_TOTAL),
        *checks.specs("scores.customer_scores", RANKING, blocking=False),
    ],
)
def customer_scores(context: dg.AssetExecutionContext, pipeline: Pipeline):  # type: ignore[no-untyped-def]
    """One row per eligible customer: predicted spend and purchase probability for each horizon, with reasons."""

    def judge() -> tuple[Metadata, list[CheckResult]]:
        with pipeline.warehouse.transaction() as connection:
            total = judge_predicted_total(report.totals, pipeline.settings)
            found = [total, judge_ranking(report.ranking)]
            judged = raise_unacknowledged(connection, found, run_acknowledged(context))
            metadata = table_metadata(connection, "scores.customer_scores") | trends.of_scores(connection)
        return metadata | shown, judged

    manifest = pipeline.registry.champion()
    assert manifest is not None
    report = scoring.score_customers(
        pipeline.warehouse,
        pipeline.settings,
        pipeline.registry,
        manifest,
        lambda done: context.log.debug(f"{done:,} customers scored"),
    )
    shown: Metadata = {
        "status": report.by_status,
        "dagster/column_lineage": lineage_metadata(columns_of_scores(manifest)),
    }
    yield from checks.materialized_and_judged("scores.customer_scores", judge)


@asset(
    key=["scores", "score_changes"],
    deps=[asset_key("scores.customer_scores"), asset_key("features.customer_features")],
    group_name="scores",
    kinds={"xgboost", "duckdb"},
    owners=OWNERS,
)
def score_changes(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per customer whose score changed since the published night before: the change split by cause."""
    manifest = pipeline.registry.champion()
    assert manifest is not None
    write_score_changes(pipeline.warehouse, pipeline.settings, pipeline.registry, manifest)
    with pipeline.warehouse.connection() as connection:
        return dg.MaterializeResult(metadata=table_metadata(connection, "scores.score_changes"))


@asset(
    key=["scores", "revenue_forecast"],
    deps=[asset_key("scores.customer_scores"), asset_key("features.customer_day"), asset_key("features.btyd_features")],
    group_name="scores",
    kinds={"python", "duckdb"},
    owners=OWNERS,
)
def revenue_forecast(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """Cohorts and revenue by month from tonight on, with intervals, and the record of such forecasts on past dates."""
    shown = forecast_night(pipeline.warehouse)
    with pipeline.warehouse.connection() as connection:
        return dg.MaterializeResult(metadata={**table_metadata(connection, "scores.revenue_forecast"), **shown})


@asset(
    key=["scores", "channel_groups"],
    deps=[
        asset_key(name)
        for name in ("scores.revenue_forecast", "features.customer_margins", "clean.customers", "clean.marketing_spend")
    ],
    group_name="scores",
    kinds={"python", "duckdb"},
    owners=OWNERS,
)
def channel_groups(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """Buyers by acquisition channel and month: what they cost, have spent and will spend, with intervals."""
    shown = value_channels(pipeline.warehouse, pipeline.settings)
    with pipeline.warehouse.connection() as connection:
        return dg.MaterializeResult(metadata={**table_metadata(connection, "scores.channel_groups"), **shown})


@asset(
    key=["scores", "next_purchases"],
    deps=[asset_key(table) for table in ("scores.customer_scores", "clean.orders", "clean.customers")],
    group_name="scores",
    kinds={"xgboost", "duckdb"},
    owners=OWNERS,
)
def next_purchases(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per customer, kind and rank: what the customer may buy next, with its probability and the facts behind it."""
    manifest = pipeline.registry.champion()
    assert manifest is not None
    why = score_next_purchases(pipeline.warehouse, pipeline.settings, pipeline.registry, manifest)
    with pipeline.warehouse.connection() as connection:
        shown = table_metadata(connection, "scores.next_purchases")
    return dg.MaterializeResult(metadata=shown | {"why there are none": why or "there are lists"})
