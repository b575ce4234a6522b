"""Clean-table assets: each file of `sql/1_clean` is built, validated and reconciled before it replaces the old table."""

import dagster as dg

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.orchestration import checks, trends
from clv_pipeline.orchestration.resources import Pipeline
from clv_pipeline.orchestration.sql_assets import Step, sql_asset, sql_metadata
from clv_pipeline.quality.clean_report import CleanTableRejected
from clv_pipeline.quality.cleaning import build_clean_table, clean_parameters
from clv_pipeline.quality.plausibility import CHECKS
from clv_pipeline.warehouse.sql_models import SqlModel, build, load_layer


def _build_clean(context: dg.AssetExecutionContext, pipeline: Pipeline, model: SqlModel) -> Step:
    try:
        report = build_clean_table(pipeline.warehouse, model, pipeline.settings, pipeline.validator)
    except CleanTableRejected as error:
        yield from checks.of_clean_table(model, error.report)
        raise
    with pipeline.warehouse.connection() as connection:
        metadata = sql_metadata(connection, model)
    shown = {**metadata, **trends.of_dispositions(report), "dispositions": checks.dispositions_table(report)}
    yield dg.MaterializeResult(metadata=shown)
    yield from checks.of_clean_table(model, report)


def _build_lookup(context: dg.AssetExecutionContext, pipeline: Pipeline, model: SqlModel) -> Step:
    with pipeline.warehouse.transaction() as connection:
        build(connection, model, clean_parameters(pipeline.settings))
        yield dg.MaterializeResult(metadata=sql_metadata(connection, model))


def _specs(model: SqlModel) -> list[dg.AssetCheckSpec]:
    specs = checks.specs(model.table, *checks.CLEAN_CHECKS)
    return specs + checks.specs(model.table, *CHECKS, blocking=False) if model.name == "orders" else specs


clean_tables = [
    sql_asset(model, _build_clean, group="clean", checks=_specs(model))
    if model.name in CONTRACT
    else sql_asset(model, _build_lookup, group="clean")
    for model in load_layer("1_clean")
]
