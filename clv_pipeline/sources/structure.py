"""The tables and columns of an open source: what its own catalogue says, never a row."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy.engine.reflection import ObjectKind

from clv_pipeline.warehouse.connection import Connection

#: Schemas that belong to the engine itself.
_SYSTEM_SCHEMAS = (
    "information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys", "guest", "INFORMATION_SCHEMA",
)  # fmt: skip
#: Tables that belong to the engine or to its extensions.
_SYSTEM_TABLES = ("sqlite_", "pg_stat_statements", "spatial_ref_sys", "geometry_columns", "sysdiagrams")
#: Engines where other schemas are parts of one database; elsewhere they are databases of somebody else.
_MANY_SCHEMAS = ("postgresql", "mssql", "snowflake", "oracle")


@dataclass(frozen=True)
class ForeignKey:
    """Columns of a table that name a row of another one; `schema` is None for the default one."""

    columns: tuple[str, ...]
    schema: str | None
    table: str
    to_columns: tuple[str, ...]


@dataclass(frozen=True)
class TableAtSource:
    """One table or view: `columns` are name -> type in lower case; `schema` is None where it need not be written."""

    schema: str | None
    name: str
    is_view: bool
    columns: dict[str, str]
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()

    @property
    def full_name(self) -> str:
        """The name as people write it: schema.table where the schema is needed."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


def tables_of_database(connection: sa.Connection) -> list[TableAtSource]:
    """Return the tables and views that this login sees, without the engine's own."""
    inspector = sa.inspect(connection)
    default = inspector.default_schema_name
    schemas: list[str | None] = [None]
    if connection.dialect.name in _MANY_SCHEMAS:
        others = [
            s for s in inspector.get_schema_names() if s not in _SYSTEM_SCHEMAS and not s.startswith(("pg_", "db_"))
        ]
        schemas += [s for s in others if s != default]
    with warnings.catch_warnings():
        # of a type that SQLAlchemy does not know, or whose length it cannot read, the values say what it holds
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        return [table for schema in schemas for table in _tables_of_schema(inspector, schema)]


def _tables_of_schema(inspector: sa.Inspector, schema: str | None) -> Iterator[TableAtSource]:
    views = {*inspector.get_view_names(schema)}
    columns = inspector.get_multi_columns(schema=schema, kind=ObjectKind.ANY)
    primary = inspector.get_multi_pk_constraint(schema=schema, kind=ObjectKind.TABLE)
    foreign = inspector.get_multi_foreign_keys(schema=schema, kind=ObjectKind.TABLE)
    unique = inspector.get_multi_unique_constraints(schema=schema, kind=ObjectKind.TABLE)
    for key, found in sorted(columns.items(), key=lambda item: str(item[0][1])):
        name = key[1]
        if name.startswith(_SYSTEM_TABLES):
            continue
        yield TableAtSource(
            schema,
            name,
            name in views,
            {c["name"]: str(_type_name(c["type"])).lower() for c in found},
            tuple(_columns_of(primary.get(key))),
            tuple(
                ForeignKey(
                    tuple(f["constrained_columns"]),
                    f["referred_schema"],
                    f["referred_table"],
                    tuple(f["referred_columns"]),
                )
                for f in foreign.get(key) or ()
            ),
            tuple(tuple(str(c) for c in u["column_names"]) for u in unique.get(key) or ()),
        )


def _columns_of(key: Any) -> tuple[str, ...]:
    return tuple((key or {}).get("constrained_columns") or ())


def _type_name(kind: sa.types.TypeEngine[object]) -> str:
    try:
        return str(kind)
    except sa.exc.CompileError:
        return type(kind).__name__


def tables_of_files(connection: Connection) -> list[TableAtSource]:
    """Return the views of a folder, or the tables and views of a DuckDB file."""
    rows = connection.execute(
        "select schema_name, table_name, false as is_view from duckdb_tables() where not internal and not temporary "
        "union all select schema_name, view_name, true from duckdb_views() where not internal and not temporary "
        "order by schema_name, table_name"
    ).fetchall()
    return [_table_of_files(connection, schema, name, is_view) for schema, name, is_view in rows]


def _table_of_files(connection: Connection, schema: str, name: str, is_view: bool) -> TableAtSource:
    asked = {"schema": schema, "name": name}
    columns = connection.execute(
        "select column_name, lower(data_type) from duckdb_columns() where schema_name = $schema and table_name = $name "
        "order by column_index",
        asked,
    ).fetchall()
    try:
        keys = connection.execute(
            "select constraint_type, constraint_column_names, referenced_table, referenced_column_names "
            "from duckdb_constraints() where schema_name = $schema and table_name = $name",
            asked,
        ).fetchall()
    except duckdb.Error:
        keys = []
    return TableAtSource(
        None if schema == "main" else schema,
        name,
        is_view,
        dict(columns),
        next((tuple(own) for kind, own, _, _ in keys if kind == "PRIMARY KEY"), ()),
        tuple(
            ForeignKey(tuple(own), None, to, tuple(theirs)) for kind, own, to, theirs in keys if kind == "FOREIGN KEY"
        ),
        tuple(tuple(own) for kind, own, _, _ in keys if kind == "UNIQUE"),
    )
