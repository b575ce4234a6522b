"""Published assets: customers first, then all other published tables and the bundle in one step, then the database copy."""

import dagster as dg

from clv_pipeline.contracts.table import Table
from clv_pipeline.contracts.warehouse import TABLES
from clv_pipeline.core.errors import PublishError
from clv_pipeline.orchestration import checks, pictures, trends
from clv_pipeline.orchestration.resources import Pipeline, run_acknowledged
from clv_pipeline.orchestration.sql_assets import (
    OWNERS,
    Metadata,
    asset_key,
    sql_metadata,
    sql_spec,
    table_metadata,
)
from clv_pipeline.orchestration.steps import asset, multi_asset
from clv_pipeline.publishing import publishing
from clv_pipeline.publishing.database_target import publish_to_database
from clv_pipeline.quality.night_checks import SEGMENT_CHANGES, CheckResult
from clv_pipeline.quality.outcome_checks import PAST_TOTALS, judge_past_totals, past_windows
from clv_pipeline.warehouse.sql_models import load_layer

_MODELS = load_layer("4_published")
_OF_CUSTOMERS = [m for m in _MODELS if m.name in publishing.CUSTOMER_MODELS]
_OTHERS = [m for m in _MODELS if m.name not in publishing.CUSTOMER_MODELS]
_PYTHON_TABLES = [table for name, table in TABLES.items() if name.startswith("published.")]
_BUNDLE = asset_key("published.bundle")
#: Tables whose assets show numbers of the night beside their rows.
_TRENDS = {"clv_run": trends.of_run, "prediction_outcomes": trends.of_outcomes}


def _python_spec(table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(table.name),
        description=f"One row per {table.grain}.",
        deps=[asset_key("published.customer_clv"), asset_key("training.champion")],
        group_name="published",
        kinds={"python", "duckdb"},
        owners=OWNERS,
    )


@multi_asset(
    name="customers",
    specs=[
        sql_spec(model, group="published", also=["scores.customer_scores"] if model.name == "customer_clv" else [])
        for model in _OF_CUSTOMERS
    ],
    check_specs=checks.specs("published.customer_clv", SEGMENT_CHANGES),
)
def customer_clv(context: dg.AssetExecutionContext, pipeline: Pipeline):  # type: ignore[no-untyped-def]
    """The thresholds of the segments, and every customer with scores, segment and reasons."""

    def judge() -> tuple[Metadata, list[CheckResult]]:
        judged = publishing.build_customer_clv(
            pipeline.warehouse, _MODELS, pipeline.settings, run_acknowledged(context)
        )
        with pipeline.warehouse.connection() as connection:
            shown = {model.name: sql_metadata(connection, model) for model in _OF_CUSTOMERS}
            shown["customer_clv"] |= pictures.of_segments(connection)
        return shown, judged

    with pipeline.warehouse.connection():
        yield from checks.materialized_and_judged("published.customer_clv", judge, several=True)


@multi_asset(
    name="publish",
    specs=[
        *(sql_spec(model, group="published") for model in _OTHERS),
        *map(_python_spec, _PYTHON_TABLES),
        dg.AssetSpec(
            _BUNDLE,
            description="The published bundle: every table of the contract as a DuckDB file and Parquet, report and "
            "manifest; written, audited, swapped in.",
            deps=[asset_key(table) for table in sorted({m.table for m in _MODELS} | {t.name for t in _PYTHON_TABLES})],
            group_name="published",
            kinds={"duckdb", "parquet"},
            owners=OWNERS,
        ),
    ],
    check_specs=[
        *checks.specs("published.bundle", checks.AUDIT),
        *checks.specs("published.bundle", PAST_TOTALS, blocking=False),
    ],
)
def published_tables(context: dg.AssetExecutionContext, pipeline: Pipeline):  # type: ignore[no-untyped-def]
    """Every other published table and the bundle, in one step: they are published together or not at all."""
    with pipeline.warehouse.connection() as connection:
        try:
            made = publishing.publish(pipeline.warehouse, _MODELS, pipeline.settings, pipeline.home)
        except PublishError as error:
            yield checks.of_audit(error, {})
            raise
        judged = judge_past_totals(past_windows(connection), made.as_of)
        pipeline.registry.remove_old(pipeline.settings.keep_models)
        for model in _OTHERS:
            numbers = _TRENDS[model.name](connection) if model.name in _TRENDS else {}
            yield dg.MaterializeResult(
                asset_key=asset_key(model.table), metadata={**sql_metadata(connection, model), **numbers}
            )
        for table in _PYTHON_TABLES:
            yield dg.MaterializeResult(asset_key=asset_key(table.name), metadata=table_metadata(connection, table.name))
    yield dg.MaterializeResult(
        asset_key=_BUNDLE,
        metadata={
            "run_id": made.run_id,
            "folder": dg.MetadataValue.path(str(made.folder)),
            "is served": made.is_served,
            **trends.of_bundle(made),
            "rows": made.row_counts,
        },
    )
    yield checks.of_audit(None, made.row_counts)
    yield from checks.of_judgements("published.bundle", [judged])


@asset(
    key=["published", "database"],
    deps=[asset_key("published.bundle")],
    group_name="published",
    kinds={"sqlalchemy"},
    owners=OWNERS,
)
def published_database(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """The served bundle's tables in the database of CLV_PUBLISH_URL, replaced in one transaction; nothing without one."""
    report = publish_to_database(pipeline.home.published / "clv.duckdb", pipeline.settings)
    if report is None:
        return dg.MaterializeResult(metadata={"target": "no target configured"})
    return dg.MaterializeResult(
        metadata={
            "target": report.where,
            "run_id": report.run_id,
            "rows": report.row_counts or "unchanged: the target already has this run",
        }
    )
