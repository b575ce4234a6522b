"""The second publication target: the tables of a bundle copied into any SQLAlchemy database, all in one transaction.

Nothing is ever dropped, renamed or truncated: grants and dependent views stay, readers see the old run or the new one
and never an empty table, and an idle reader blocks nothing. The contents of the tables are decided in `publishing.py`.
"""

import io
import re
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv
import sqlalchemy as sa

from clv_pipeline.contracts.published import PUBLISHED
from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.settings import Settings
from clv_pipeline.publishing.erased_list import check_list, note_list
from clv_pipeline.publishing.frozen_tables import mark_frozen
from clv_pipeline.publishing.target_place import key_text, place_of, prepare_transaction
from clv_pipeline.sources.tombstones import read_tombstones
from clv_pipeline.warehouse.connection import Connection, columns_of, one_row, open_bundle_file, quote_text, row_count

_BATCH_ROWS = 20_000
#: Key of a table's `info`: its name in the bundle.
_NAME = "published as"
_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "VARCHAR": sa.Text(),
    "DATE": sa.Date(),
    "TIMESTAMP WITH TIME ZONE": sa.DateTime(timezone=True),
    "INTEGER": sa.Integer(),
    "BIGINT": sa.BigInteger(),
    "DOUBLE": sa.Double(),
    "BOOLEAN": sa.Boolean(),
}

#: To most collations of MySQL and MariaDB 'A1' and 'a1' are one key, and some character sets have no emoji.
_MYSQL: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


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
        PrivacyError: the target knows of a longer list of erased customers; not for `again`, which is how one gets longer.
    """
    place = place_of(settings)
    if place is None:
        return None
    tombstones = read_tombstones(settings)
    with open_bundle_file(served) as bundle:
        # `clv forget` names no source: the bundle knows whose it is
        run_id, source = one_row(bundle, "select run_id, source_name from clv_run")
        tables = published_tables(bundle, place.schema, place.suffix)
        row_counts: dict[str, int] = {}
        try:
            with place.engine.begin() as target:
                prepare_transaction(target)
                if not again:
                    check_list(target, place, settings, source, tombstones)
                if again or not _holds(target, tables, run_id):
                    changed = _create_missing(target, tables)
                    same = [] if again else _same_nights(target, tables, bundle, changed)
                    for table in tables:
                        is_history = PUBLISHED[table.info[_NAME]].is_history
                        _replace_rows(target, table, bundle, kept=same if is_history else [])
                    row_counts = {t.info[_NAME]: row_count(bundle, t.info[_NAME]) for t in tables}
                note_list(target, place, source, tombstones)
        except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
            raise PublishError(
                f"Run {run_id} could not be published to {place.where}: {reason_of(error)}",
                next_step="fix the database, the permissions or CLV_PUBLISH_URL, then materialise published/database again "
                "(or run again); the rows in the database are unchanged, and the bundle is served.",
            ) from None
    mark_frozen(place)
    return TargetReport(place.where, run_id, row_counts)


def published_tables(bundle: Connection, schema: str | None, suffix: str = "") -> list[sa.Table]:
    """Return the published tables as a bundle has them: its columns, types and descriptions, the contract's keys.

    suffix: the end of each table's name where there are no schemas; `info` has the name without it.
    """
    metadata = sa.MetaData(schema=schema)
    described = {
        (table, column): text
        for table, column, text in bundle.execute(
            "select table_name, column_name, description from column_dictionary"
        ).fetchall()
    }
    return [
        sa.Table(
            f"{name}{suffix}",
            metadata,
            *(
                sa.Column(
                    column,
                    _type_of(name, column, columns),
                    nullable=column not in table.key,
                    comment=described.get((name, column)),
                )
                for column in columns
            ),
            sa.PrimaryKeyConstraint(*table.key),
            info={_NAME: name},
            **_MYSQL,
        )
        for name, table in PUBLISHED.items()
        for columns in [columns_of(bundle, name)]
    ]


def _type_of(table: str, column: str, columns: Mapping[str, str]) -> sa.types.TypeEngine[Any]:
    sql_type, key = columns[column], PUBLISHED[table].key
    if sql_type == "VARCHAR" and column in key:
        return key_text(sum(columns[name] == "VARCHAR" for name in key))
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", sql_type):
        return sa.Numeric(int(decimal[1]), int(decimal[2]))
    if sql_type not in _TYPES:
        raise PublishError(
            f"{table}.{column} has the type {sql_type}, which is not supported in target databases",
            next_step=f"cast it in sql/4_published/{table}.sql to one of: DECIMAL, {', '.join(_TYPES)}.",
        )
    return _TYPES[sql_type]


def _existing(target: sa.Connection, schema: str | None) -> dict[str, dict[str, str | None]]:
    """Return table -> column -> comment of what is in the schema."""
    inspector = sa.inspect(target)
    # to MySQL and MariaDB a schema that is not there is an error, not an empty one
    if schema and not inspector.has_schema(schema):
        return {}
    tables = inspector.get_multi_columns(schema=schema)
    return {name: {c["name"]: c.get("comment") for c in columns} for (_, name), columns in tables.items()}


def _holds(target: sa.Connection, tables: list[sa.Table], run_id: str) -> bool:
    if not {t.name for t in tables} <= _existing(target, tables[0].schema).keys():
        return False
    run = next(t for t in tables if t.info[_NAME] == "clv_run")
    return target.execute(sa.select(run.c.run_id)).scalars().all() == [run_id]


def _create_missing(target: sa.Connection, tables: list[sa.Table]) -> set[str]:
    """Make the schema, tables and columns that are not there, and bring the columns' comments up to date.

    Return the names of the tables that were made or got a column.
    """
    changed = set()
    schema = tables[0].schema
    if schema and not sa.inspect(target).has_schema(schema):
        target.execute(sa.schema.CreateSchema(schema))
    existing = _existing(target, schema)
    for table in tables:
        if table.name not in existing:
            table.create(target)
            changed.add(table.name)
            continue
        comments = existing[table.name]
        for column in table.columns:
            if column.name not in comments:
                _add_column(target, table, column)
                changed.add(table.name)
            if target.dialect.supports_comments and comments.get(column.name) != column.comment:
                target.execute(sa.schema.SetColumnComment(column))
    return changed


def _add_column(target: sa.Connection, table: sa.Table, column: sa.Column[Any]) -> None:
    name = target.dialect.identifier_preparer.format_table(table)
    target.exec_driver_sql(f"alter table {name} add {sa.schema.CreateColumn(column).compile(dialect=target.dialect)}")


def _same_nights(
    target: sa.Connection, tables: list[sa.Table], bundle: Connection, changed: Collection[str]
) -> list[date]:
    """Return the nights whose history the target has as the bundle has it: of the same run, with as many customers.

    Their rows are left alone, so that a night costs the same however long the history is.
    """
    by_name = {table.info[_NAME]: table for table in tables}
    totals = by_name["predicted_totals"]
    if {totals.name, *(t.name for name, t in by_name.items() if PUBLISHED[name].is_history)} & set(changed):
        return []
    columns = ("as_of_date", "horizon_days", "run_id", "customers_in_history")
    there = {tuple(row) for row in target.execute(sa.select(*(totals.c[name] for name in columns)))}
    of_bundle = bundle.execute(
        f"select {', '.join(columns)} from predicted_totals order by as_of_date, horizon_days"
    ).fetchall()
    different = {row[0] for row in of_bundle if row not in there}
    return sorted({row[0] for row in of_bundle} - different)


def _replace_rows(target: sa.Connection, table: sa.Table, bundle: Connection, kept: list[date]) -> None:
    """Delete the table's rows and write the bundle's, but for those of the `kept` nights.

    Text without NUL, which PostgreSQL cannot store: it becomes the replacement character.
    """
    columns = ", ".join(
        f"replace({c.name}, chr(0), chr(65533)) as {c.name}" if isinstance(c.type, sa.Text) else c.name
        for c in table.columns
    )
    copies = target.dialect.name == "postgresql" and target.dialect.driver == "psycopg"
    target.execute(sa.delete(table).where(table.c.as_of_date.not_in(kept)) if kept else sa.delete(table))
    nights = ", ".join(quote_text(str(night)) for night in kept)
    others = f" where as_of_date not in ({nights})" if kept else ""
    # closed at once if the target fails: a half-read result would keep DuckDB from opening the file again
    with bundle.sql(f"select {columns} from {table.info[_NAME]}{others}").to_arrow_reader(_BATCH_ROWS) as batches:
        (_copy if copies else _insert)(target, table, batches)


def _copy(target: sa.Connection, table: sa.Table, batches: pa.RecordBatchReader) -> None:
    preparer = target.dialect.identifier_preparer
    columns = ", ".join(preparer.format_column(c) for c in table.columns)
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


def _insert(target: sa.Connection, table: sa.Table, batches: pa.RecordBatchReader) -> None:
    for batch in batches:
        target.execute(sa.insert(table), batch.to_pylist())
