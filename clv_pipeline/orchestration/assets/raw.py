"""Source-table assets: read in one snapshot, loaded into `raw`."""

from collections.abc import Mapping
from hashlib import sha256

import dagster as dg

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.orchestration import checks
from clv_pipeline.orchestration.resources import Pipeline, run_as_of, run_started_at
from clv_pipeline.orchestration.sql_assets import OWNERS, Metadata, table_metadata
from clv_pipeline.orchestration.steps import multi_asset
from clv_pipeline.publishing.erased_list import ask_target
from clv_pipeline.sources.extraction import extract
from clv_pipeline.sources.folder import read_selects
from clv_pipeline.warehouse.connection import Connection, records


@multi_asset(
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
    check_specs=[s for name in CONTRACT for s in checks.specs(f"raw.{name}", checks.CONTRACT_CHECK, blocking=False)],
    retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
)
def raw_tables(context: dg.AssetExecutionContext, pipeline: Pipeline):  # type: ignore[no-untyped-def]
    """All source tables in one snapshot; only an interrupted source is read again."""
    settings = pipeline.settings_with_source()
    ask_target(settings)
    tables = extract(
        settings,
        pipeline.warehouse,
        as_of=run_as_of(context, settings),
        run_id=context.run.run_id,
        started_at=run_started_at(context),
        progress=lambda table, rows: context.log.debug(f"{table}: {rows:,} rows"),
    )
    selects = {name: sha256(select.sql.encode()).hexdigest()[:12] for name, select in read_selects(settings).items()}
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
                    **_at_source(connection, table.name, selects),
                },
                check_results=[checks.of_extracted_table(table)],
            )


def _at_source(connection: Connection, table: str, selects: Mapping[str, str]) -> Metadata:
    """Return what the source counted itself, the columns that it returned, and a hash of the SELECT, as far as they are known."""
    (load,) = records(connection, "select * from raw.loads where table_name = $name", {"name": table})
    (extraction,) = records(connection, "select as_of from raw.extraction")
    known = {
        "rows at the source": load["rows_at_source"],
        "money at the source": load["money_at_source"],
        "columns returned": load["columns_returned"],
        "SELECT": selects.get(table),
        "as_of": extraction["as_of"].isoformat(),
    }
    return {name: value for name, value in known.items() if value is not None}
