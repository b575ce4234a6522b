"""The rows of the second target: written from a bundle, and compared with it afterwards, in counts and sums."""

import io
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from typing import Any, cast

import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv
import sqlalchemy as sa

from clv_pipeline.publishing.target_structure import Difference
from clv_pipeline.warehouse.connection import Connection, quote_name, quote_text

_BATCH_ROWS = 20_000
#: Key of a table's `info`: its name in the bundle.
NAME = "published as"
#: Where decimals are binary fractions a sum is right to this share of itself, or to half a cent.
_ROUNDING = Decimal("1e-9")
_HALF_A_CENT = Decimal("0.005")


def different_rows(
    target: sa.Connection, tables: Sequence[sa.Table], bundle: Connection
) -> dict[str, list[Difference]]:
    """Return, by table of the bundle, how the number of rows and the sums of its decimal columns differ from the bundle's.

    Sums of customers and money would show a value that somebody changed there, and a row that a trigger left out.
    """
    quote, found = target.dialect.identifier_preparer, {}
    totals = _totals_of_bundle(bundle, tables)
    for table in tables:
        sums = [f"sum({quote.format_column(column)})" for column in _decimals(table)]
        query = f"select {', '.join(['count(*)', *sums])} from {quote.format_table(table)}"
        there = tuple(target.exec_driver_sql(query).one())
        if differences := _compared(target.dialect, table, there, totals[table.info[NAME]]):
            found[table.info[NAME]] = differences
    return found


def _totals_of_bundle(bundle: Connection, tables: Sequence[sa.Table]) -> dict[str, tuple[Any, ...]]:
    """Return table -> number of rows and sums: in one query, because each costs more than most tables have to add up."""
    queries = [
        f"select {quote_text(table.info[NAME])}, count(*), "
        f"[{', '.join(f'sum({quote_name(column.name)})::varchar' for column in _decimals(table))}]::varchar[] "
        f"from {quote_name(table.info[NAME])}"
        for table in tables
    ]
    rows = bundle.execute(" union all ".join(queries)).fetchall() if queries else []
    return {name: (count, *(None if total is None else Decimal(total) for total in sums)) for name, count, sums in rows}


def _decimals(table: sa.Table) -> list[sa.Column[Any]]:
    return [column for column in table.columns if isinstance(column.type, sa.Numeric) and column.type.scale is not None]


def _compared(dialect: sa.Dialect, table: sa.Table, there: tuple[Any, ...], here: tuple[Any, ...]) -> list[Difference]:
    if there[0] != here[0]:
        return [Difference(f"{table.name} has {there[0]:,} rows, the bundle {here[0]:,}")]
    differences = []
    for column, found, wanted in zip(_decimals(table), there[1:], here[1:], strict=True):
        if (found is None) != (wanted is None):
            differences.append(Difference(f"{column} has {'no' if found is None else 'a'} sum, unlike in the bundle"))
        elif found is not None:
            off = abs(Decimal(found) - wanted)
            if off > (0 if dialect.supports_native_decimal else max(_HALF_A_CENT, abs(wanted) * _ROUNDING)):
                differences.append(Difference(f"the sum of {column} is {off:,.2f} off that of the bundle"))
    return differences


def replace_rows(target: sa.Connection, table: sa.Table, bundle: Connection, kept: list[date]) -> None:
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
    with bundle.sql(f"select {columns} from {table.info[NAME]}{others}").to_arrow_reader(_BATCH_ROWS) as batches:
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
