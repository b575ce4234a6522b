"""Folders of .sql files as Dagster assets: description, dependencies and column lineage come from the files themselves."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from clv_pipeline.contracts.published import PUBLISHED, description_of
from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.contracts.warehouse import TABLES
from clv_pipeline.features.wording import describe
from clv_pipeline.orchestration.resources import Pipeline, current_settings
from clv_pipeline.orchestration.steps import multi_asset
from clv_pipeline.warehouse.connection import Connection, columns_of, row_count
from clv_pipeline.warehouse.sql_models import SqlModel, column_lineage

OWNERS = ["team:data"]
Metadata = dict[str, Any]
Step = Iterable[dg.MaterializeResult[Any] | dg.AssetCheckResult]
Body = Callable[[dg.AssetExecutionContext, Pipeline, SqlModel], Step]


def asset_key(table: str) -> dg.AssetKey:
    """Return the asset `layer/name` of the table `layer.name`.

    >>> asset_key("features.web_features").to_user_string()
    'features/web_features'
    """
    return dg.AssetKey(table.split("."))


def writers_of(table: str) -> set[dg.AssetKey]:
    """Return the assets whose steps write a table; none for one that holds earlier nights, which no step must wait for.

    >>> [key.to_user_string() for key in writers_of("features.btyd_features")], writers_of("scores.history")
    (['features/btyd_features'], set())
    """
    if table not in TABLES:
        return {asset_key(table)}
    written = () if TABLES[table].is_history else TABLES[table].assets
    return {dg.AssetKey(asset.split("/")) for asset in written}


def sql_spec(model: SqlModel, *, group: str, also: Sequence[str] = ()) -> dg.AssetSpec:
    """Return the spec of one SQL model: its description and dependencies, and `also` those on further tables."""
    deps = set().union(*(writers_of(table) for table in {*model.inputs, *also})) - {asset_key(model.table)}
    return dg.AssetSpec(
        asset_key(model.table),
        description=model.description,
        deps=sorted(deps),
        group_name=group,
        kinds={"sql", "duckdb"},
        owners=OWNERS,
    )


def sql_asset(
    model: SqlModel, body: Body, *, group: str, also: Sequence[str] = (), checks: Sequence[dg.AssetCheckSpec] = ()
) -> dg.AssetsDefinition:
    """Return the asset that builds one SQL model by `body`; `also` names tables it needs beyond those it reads."""

    @multi_asset(
        name="__".join(asset_key(model.table).path),
        specs=[sql_spec(model, group=group, also=also)],
        check_specs=list(checks) or None,
    )
    def build_table(context: dg.AssetExecutionContext, pipeline: Pipeline):  # type: ignore[no-untyped-def]
        # keep one connection open for the whole step: reopening the file for each query costs more than the query
        with pipeline.warehouse.connection():
            yield from body(context, pipeline, model)

    return build_table


def table_metadata(connection: Connection, table: str) -> Metadata:
    """Return name, row count and schema of a warehouse table in the form the Dagster UI shows."""
    schema = dg.TableSchema(
        [dg.TableColumn(name, kind, _meaning(table, name)) for name, kind in columns_of(connection, table).items()]
    )
    return {
        "dagster/table_name": table,
        "dagster/row_count": row_count(connection, table),
        "dagster/column_schema": dg.MetadataValue.table_schema(schema),
    }


def _meaning(table: str, column: str) -> str | None:
    """Return the meaning of a column, if a contract or a feature label has it."""
    layer, name = table.split(".")
    if table in TABLES and layer != "published":
        return TABLES[table].meaning_of(column)
    if layer == "raw" and column in CONTRACT[name].column_names():
        return CONTRACT[name].column(column).description
    if name.endswith("_features") and column not in ("as_of", "customer_id"):
        return describe(column)
    return description_of(name, column, current_settings()) if layer == "published" and name in PUBLISHED else None


def sql_metadata(connection: Connection, model: SqlModel) -> Metadata:
    """Return `table_metadata` and the lineage of each column."""
    built = columns_of(connection, model.table)
    sources = {column: found for column, found in column_lineage(connection, model).items() if column in built}
    return {**table_metadata(connection, model.table), "dagster/column_lineage": lineage_metadata(sources)}


def lineage_metadata(sources: Mapping[str, Iterable[tuple[str, str]]]) -> dg.MetadataValue:
    """Return column -> (table, column) pairs in the form the Dagster UI shows, without tables that are no asset."""
    deps = {
        column: [
            dg.TableColumnDep(asset_key(table), name)
            for table, name in sorted(found)
            if writers_of(table) == {asset_key(table)}
        ]
        for column, found in sources.items()
    }
    return dg.MetadataValue.column_lineage(dg.TableColumnLineage({c: d for c, d in deps.items() if d}))
