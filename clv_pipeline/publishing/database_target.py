"""The second publication target: the tables of a bundle copied into any SQLAlchemy database, all in one transaction.

Nothing is ever dropped, renamed or truncated: grants and dependent views stay, readers see the old run or the new one
and never an empty table, and an idle reader blocks nothing. The contents of the tables are decided in `publishing.py`.
"""

import io
import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv
import sqlalchemy as sa

from clv_pipeline.contracts.published import PUBLISHED
from clv_pipeline.core.databases import address_of, engine_of
from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.settings import Settings
from clv_pipeline.warehouse.connection import Connection, columns_of, one_row, open_bundle_file

_BATCH_ROWS = 20_000
#: A new column needs a short exclusive lock; waiting longer would queue every new reader behind our lock request.
_LOCK_TIMEOUT = "30s"
_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "VARCHAR": sa.Text(),
    "DATE": sa.Date(),
    "TIMESTAMP WITH TIME ZONE": sa.DateTime(timezone=True),
    "INTEGER": sa.Integer(),
    "BIGINT": sa.BigInteger(),
    "DOUBLE": sa.Double(),
    "BOOLEAN": sa.Boolean(),
}
#: These databases cannot index text of unlimited length.
_KEY_TEXT = sa.Text().with_variant(sa.String(255), "mysql", "mariadb", "mssql", "oracle")


@dataclass(frozen=True)
class TargetReport:
    """Result in the target: rows by table, none if it already had the run; `where` has no credentials."""

    where: str
    run_id: str
    row_counts: dict[str, int]


def publish_to_database(served: Path, settings: Settings, *, again: bool = False) -> TargetReport | None:
    """Copy the tables of the bundle file `served` to the target; None when no target is configured.

    A target that already has that run is left unchanged, unless `again` (the bundle was changed by an erasure).

    Raises:
        ConfigurationError: the URL cannot be used.
        PublishError: the database refused; its rows are unchanged, and the bundle is served anyway.
    """
    if settings.publish_url is None:
        return None
    engine = engine_of(settings.publish_url.get_secret_value(), called="CLV_PUBLISH_URL")
    where = address_of(engine.url)
    schema = None if engine.dialect.name == "sqlite" else settings.publish_schema
    with open_bundle_file(served) as bundle:
        (run_id,) = one_row(bundle, "select run_id from clv_run")
        tables = published_tables(bundle, schema)
        try:
            with engine.begin() as target:
                _prepare_transaction(target)
                if not again and _holds(target, tables, run_id):
                    return TargetReport(where, run_id, {})
                _create_missing(target, tables)
                return TargetReport(where, run_id, {t.name: _replace_rows(target, t, bundle) for t in tables})
        except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
            raise PublishError(
                f"Run {run_id} could not be published to {where}: {reason_of(error)}",
                next_step="fix the database, the permissions or CLV_PUBLISH_URL, then materialise published/database again "
                "(or run again); the rows in the database are unchanged, and the bundle is served.",
            ) from None


def published_tables(bundle: Connection, schema: str | None) -> list[sa.Table]:
    """Return the published tables as a bundle has them: its columns, types and descriptions, the contract's keys."""
    metadata = sa.MetaData(schema=schema)
    described = {
        (table, column): text
        for table, column, text in bundle.execute(
            "select table_name, column_name, description from column_dictionary"
        ).fetchall()
    }
    return [
        sa.Table(
            name,
            metadata,
            *(
                sa.Column(
                    column,
                    _type_of(name, column, sql_type),
                    nullable=column not in table.key,
                    comment=described.get((name, column)),
                )
                for column, sql_type in columns_of(bundle, name).items()
            ),
            sa.PrimaryKeyConstraint(*table.key),
        )
        for name, table in PUBLISHED.items()
    ]


def _type_of(table: str, column: str, sql_type: str) -> sa.types.TypeEngine[Any]:
    if sql_type == "VARCHAR" and column in PUBLISHED[table].key:
        return _KEY_TEXT
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", sql_type):
        return sa.Numeric(int(decimal[1]), int(decimal[2]))
    if sql_type not in _TYPES:
        raise PublishError(
            f"{table}.{column} has the type {sql_type}, which is not supported in target databases",
            next_step=f"cast it in sql/4_published/{table}.sql to one of: DECIMAL, {', '.join(_TYPES)}.",
        )
    return _TYPES[sql_type]


def _prepare_transaction(target: sa.Connection) -> None:
    if target.dialect.name == "postgresql":
        target.exec_driver_sql(f"set local lock_timeout = '{_LOCK_TIMEOUT}'")
        # a second publication waits here for the first, instead of seeing its rows
        target.exec_driver_sql("select pg_advisory_xact_lock(hashtext('clv_pipeline'))")
    elif target.dialect.name == "sqlite":
        # the driver would begin a transaction only before the first row, and create tables outside it
        target.exec_driver_sql("begin immediate")


def _existing(target: sa.Connection, schema: str | None) -> dict[str, dict[str, str | None]]:
    """Return table -> column -> comment of what is in the schema."""
    tables = sa.inspect(target).get_multi_columns(schema=schema)
    return {name: {c["name"]: c.get("comment") for c in columns} for (_, name), columns in tables.items()}


def _holds(target: sa.Connection, tables: list[sa.Table], run_id: str) -> bool:
    if not {t.name for t in tables} <= _existing(target, tables[0].schema).keys():
        return False
    run = next(t for t in tables if t.name == "clv_run")
    return target.execute(sa.select(run.c.run_id)).scalars().all() == [run_id]


def _create_missing(target: sa.Connection, tables: list[sa.Table]) -> None:
    """Make the schema, tables and columns that are not there, and bring the columns' comments up to date."""
    schema = tables[0].schema
    if schema and not sa.inspect(target).has_schema(schema):
        target.execute(sa.schema.CreateSchema(schema))
    existing = _existing(target, schema)
    for table in tables:
        if table.name not in existing:
            table.create(target)
            continue
        comments = existing[table.name]
        for column in table.columns:
            if column.name not in comments:
                _add_column(target, table, column)
            if target.dialect.supports_comments and comments.get(column.name) != column.comment:
                target.execute(sa.schema.SetColumnComment(column))


def _add_column(target: sa.Connection, table: sa.Table, column: sa.Column[Any]) -> None:
    name = target.dialect.identifier_preparer.format_table(table)
    target.exec_driver_sql(f"alter table {name} add {sa.schema.CreateColumn(column).compile(dialect=target.dialect)}")


def _replace_rows(target: sa.Connection, table: sa.Table, bundle: Connection) -> int:
    """Delete the table's rows and write the bundle's; return the row count.

    Text without NUL, which PostgreSQL cannot store: it becomes the replacement character.
    """
    columns = ", ".join(
        f"replace({c.name}, chr(0), chr(65533)) as {c.name}" if isinstance(c.type, sa.Text) else c.name
        for c in table.columns
    )
    copies = target.dialect.name == "postgresql" and target.dialect.driver == "psycopg"
    target.execute(sa.delete(table))
    # closed at once if the target fails: a half-read result would keep DuckDB from opening the file again
    with bundle.sql(f"select {columns} from {table.name}").to_arrow_reader(_BATCH_ROWS) as batches:
        return (_copy if copies else _insert)(target, table, batches)


def _copy(target: sa.Connection, table: sa.Table, batches: pa.RecordBatchReader) -> int:
    preparer = target.dialect.identifier_preparer
    columns = ", ".join(preparer.format_column(c) for c in table.columns)
    rows = 0
    cursor = cast(psycopg.Cursor[Any], target.connection.cursor())
    with (
        closing(cursor),
        cursor.copy(
            f"copy {preparer.format_table(table)} ({columns}) from stdin (format csv, encoding 'UTF8')"
        ) as copy,
    ):
        for batch in batches:
            text = io.BytesIO()
            # quotes every text and leaves null bare, because COPY distinguishes null from empty text that way
            pacsv.write_csv(batch, text, pacsv.WriteOptions(include_header=False))
            copy.write(text.getvalue())
            rows += batch.num_rows
    return rows


def _insert(target: sa.Connection, table: sa.Table, batches: pa.RecordBatchReader) -> int:
    rows = 0
    for batch in batches:
        target.execute(sa.insert(table), batch.to_pylist())
        rows += batch.num_rows
    return rows
