"""Writing the tables of `contracts/warehouse.py`: create with the declared columns and types, fill by column name."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from clv_pipeline.contracts.table import Table
from clv_pipeline.warehouse.connection import Connection, columns_of

#: The rows of a table: a frame with its columns, values in the order of its columns, or a query that returns its columns.
Rows = pd.DataFrame | Iterable[Sequence[object]] | str


def create(connection: Connection, table: Table, horizons: Sequence[int] = ()) -> None:
    """Create the table, empty; it replaces an older one."""
    connection.execute(f"create or replace table {table.name} ({_declared(table, horizons)})")


def create_if_missing(connection: Connection, table: Table) -> None:
    """Create the table if it does not exist; an older table without a declared column gets that column, null."""
    connection.execute(f"create table if not exists {table.name} ({_declared(table)})")
    there = columns_of(connection, table.name)
    for column in (c for c in table.columns if c.name not in there):
        connection.execute(f"alter table {table.name} add column {column.name} {column.type}")


def append(connection: Connection, table: Table, rows: Rows, parameters: Mapping[str, object] | None = None) -> None:
    """Add rows to the table; `parameters` are those of a query."""
    if isinstance(rows, str):
        connection.execute(f"insert into {table.name} by name {rows}", parameters)
    elif isinstance(rows, pd.DataFrame):
        connection.register("rows_to_append", rows)
        connection.execute(f"insert into {table.name} by name select * from rows_to_append")
        connection.unregister("rows_to_append")
    else:
        values = [list(row) for row in rows]
        if values:
            # by name: in an older table a new column is at the end
            names, marks = ", ".join(c.name for c in table.columns), ", ".join("?" * len(table.columns))
            connection.executemany(f"insert into {table.name} ({names}) values ({marks})", values)


def replace(
    connection: Connection,
    table: Table,
    rows: Rows,
    parameters: Mapping[str, object] | None = None,
    horizons: Sequence[int] = (),
) -> None:
    """Create the table with exactly these rows."""
    create(connection, table, horizons)
    append(connection, table, rows, parameters)


def _declared(table: Table, horizons: Sequence[int] = ()) -> str:
    return ", ".join(f"{column.name} {column.type}" for column in table.columns_for(horizons))
