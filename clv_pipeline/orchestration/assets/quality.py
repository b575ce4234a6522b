"""The nightly data checks as an asset: tonight's measures, compared with the nights published before."""

import dagster as dg

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.orchestration import checks
from clv_pipeline.orchestration.resources import Pipeline, run_acknowledged
from clv_pipeline.orchestration.sql_assets import OWNERS, Metadata, asset_key, table_metadata
from clv_pipeline.orchestration.steps import asset
from clv_pipeline.quality.judging import judge_tonight
from clv_pipeline.quality.night_checks import NIGHT_CHECKS, CheckResult


@asset(
    key=["quality", "night"],
    deps=[*(asset_key(f"raw.{name}") for name in CONTRACT), asset_key("clean.orders"), asset_key("clean.customers")],
    group_name="quality",
    kinds={"python", "duckdb"},
    owners=OWNERS,
    check_specs=checks.specs("quality.night", *NIGHT_CHECKS),
)
def night(context: dg.AssetExecutionContext, pipeline: Pipeline):  # type: ignore[no-untyped-def]
    """One row per measure of tonight: rows, orders, order values, past months; compared with the nights published before."""

    def judge() -> tuple[Metadata, list[CheckResult]]:
        with pipeline.warehouse.transaction() as connection:
            judged = judge_tonight(connection, pipeline.settings, run_acknowledged(context))
            return table_metadata(connection, "quality.night"), judged

    yield from checks.materialized_and_judged("quality.night", judge)
