"""Reading a database behind SQLAlchemy; PostgreSQL rows come by COPY, every other database's through a server cursor."""

import io
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import SourceError
from clv_pipeline.sources.folder import SourceSelect
from clv_pipeline.sources.reading import BEGINNING, Days, Gap, TimeLimit, in_days, select_failed, text_field, too_slow
from clv_pipeline.sources.sessions import GRACE_SECONDS, engine_of_connection, gaps, is_over_time
from clv_pipeline.sources.source_counts import DayCount
from clv_pipeline.sources.structure import TableAtSource, tables_of_database

log = logging.getLogger(__name__)

_COPY_BATCH_BYTES = 16_000_000
#: From here on whole floating-point numbers are not exact.
_EXACT = 2**53
#: Type numbers of PostgreSQL: int8, int2, int4, float4, float8, numeric; and bytea.
_PG_NUMBERS, _PG_BYTEA = {20, 21, 23, 700, 701, 1700}, 17
#: Databases whose drivers and servers are known to write a time with the same day.
_SAME_DAYS = {"sqlite", "postgresql", "mysql", "mariadb"}
#: Type numbers of MySQL's protocol, whatever the driver: TIMESTAMP, BIT, and DATE and DATETIME.
_MYSQL_TIMESTAMP, _MYSQL_BIT, _MYSQL_DATES = 7, 16, (10, 12)


class DatabaseReader:
    """A database behind SQLAlchemy; PostgreSQL rows come by COPY, every other database's through a server cursor."""

    def __init__(self, connection: sa.Connection, timeout_seconds: int) -> None:
        self.engine = engine_of_connection(connection)
        self._connection = connection
        self._timeout_seconds = timeout_seconds

    @property
    def days_are_exact(self) -> bool:
        return self._connection.dialect.name in _SAME_DAYS

    def gaps(self, selects: str) -> list[Gap]:
        return gaps(self._connection, selects)

    def tables(self) -> list[TableAtSource]:
        with self._time_limit():
            return tables_of_database(self._connection)

    def read_apart(self, select: SourceSelect) -> pa.Table:
        with self._connection.begin_nested() if self._can_nest else nullcontext():
            return pa.concat_tables(self.read(select, BEGINNING, 50_000))

    def read(self, select: SourceSelect, since: str, batch_rows: int, days: Days | None = None) -> Iterator[pa.Table]:
        limit = self._time_limit()
        try:
            with limit:
                if self._connection.dialect.name == "postgresql" and self._connection.dialect.driver == "psycopg":
                    yield from self._copy(select, since, days)
                else:
                    yield from self._fetch(select, since, batch_rows, days)
        except (sa.exc.SQLAlchemyError, psycopg.Error, pa.ArrowException, OSError, ValueError) as error:
            if limit.over or is_over_time(error):
                raise too_slow(select, self._timeout_seconds) from None
            raise select_failed(select, error, lost=self._is_lost(error)) from None

    def _time_limit(self) -> TimeLimit:
        """Return a client-side stop for a SELECT, for servers that cannot stop it or no longer answer.

        Other drivers cut the line themselves (`sessions.connect_arguments`), or cannot.
        """
        driver = self._connection.connection.driver_connection
        if isinstance(driver, psycopg.Connection):
            return TimeLimit(self._timeout_seconds + GRACE_SECONDS, partial(_hang_up, driver.fileno()))
        return TimeLimit(self._timeout_seconds, getattr(driver, "interrupt", None))  # SQLite's driver has it

    def _is_lost(self, error: Exception) -> bool:
        if isinstance(error, sa.exc.DBAPIError):
            return error.connection_invalidated
        return isinstance(error, psycopg.Error) and self._is_closed()

    def count_by_day(self, select: SourceSelect, day: str | None, money: str | None) -> dict[str, DayCount] | None:
        rows = self._selected(select, *[name for name in (day, money) if name])
        query = _counted_by_day(rows, day, money, self._connection.dialect.name)
        try:
            # a SELECT that cannot be counted must not abort the snapshot's transaction
            with self._connection.begin_nested() if self._can_nest else nullcontext():
                found = self._connection.execute(query, _since(select, BEGINNING)).fetchall()
        except sa.exc.DBAPIError as error:
            if is_over_time(error):
                raise too_slow(select, self._timeout_seconds) from None
            if error.connection_invalidated:
                raise select_failed(select, error.orig or error, lost=True) from None
            log.warning("%s cannot be counted at the source: %s", select.table.name, reason_of(error))
            return None
        except sa.exc.SQLAlchemyError as error:
            log.warning("%s cannot be counted at the source: %s", select.table.name, type(error).__name__)
            return None
        return {
            str(which or ""): DayCount(int(count), float(total or 0) if money else None)
            for which, count, total in found
        }

    def count_by_value(self, select: SourceSelect, column: str, money: str) -> dict[str, DayCount]:
        rows = self._selected(select, column, money)
        total = sa.func.sum(sa.cast(rows.c[money], sa.Numeric(38, 6)))
        value = _told_apart(rows.c[column], self._connection.dialect.name).label("value_of_row")
        query = sa.select(value, sa.func.count(), total).group_by(value)
        try:
            found = self._connection.execute(query, _since(select, BEGINNING)).fetchall()
        except sa.exc.SQLAlchemyError as error:
            if is_over_time(error):
                raise too_slow(select, self._timeout_seconds) from None
            raise select_failed(select, error, lost=self._is_lost(error)) from None
        counts = {as_text(value) or "": DayCount(int(count), float(money or 0)) for value, count, money in found}
        return dict(sorted(counts.items(), key=lambda item: -item[1].rows))

    @property
    def _can_nest(self) -> bool:
        return self._connection.dialect.name == "postgresql"

    def _selected(self, select: SourceSelect, *columns: str) -> sa.Subquery:
        named: list[sa.ColumnClause[Any]] = [sa.column(name) for name in columns]
        return sa.text(select.for_sqlalchemy()).columns(*named).subquery("selected")

    def _is_closed(self) -> bool:
        driver = self._connection.connection.driver_connection
        return driver is None or bool(driver.closed)

    def _fetch(self, select: SourceSelect, since: str, batch_rows: int, days: Days | None) -> Iterator[pa.Table]:
        statement: sa.Executable = sa.text(select.for_sqlalchemy())
        if days:
            rows_of = self._selected(select, days.column)
            day = day_as_text(rows_of.c[days.column], self._connection.dialect.name)
            statement = sa.select(sa.text("*")).select_from(rows_of).where(day.in_(days.days))
        result = self._connection.execution_options(stream_results=True).execute(statement, _since(select, since))
        names, is_read = list(result.keys()), False
        readings = _readings(result, self._connection.dialect.name)
        try:
            yield _empty(names)
            while rows := result.fetchmany(batch_rows):
                columns = [
                    _text_column(name, values if read is None else tuple(map(read, values)))
                    for name, read, values in zip(names, readings, zip(*rows, strict=True), strict=True)
                ]
                yield pa.Table.from_arrays(
                    [texts for _, texts in columns], schema=pa.schema([field for field, _ in columns])
                )
            is_read = True
        finally:
            if not is_read:
                self._drop(result)

    def _drop(self, result: sa.CursorResult[Any]) -> None:
        """Close the connection of an answer that nobody reads to its end: pymysql would read a million rows in 3.9 s."""
        answer: Any = getattr(result.cursor, "_result", None)
        if hasattr(answer, "unbuffered_active"):
            answer.unbuffered_active = False
        if not self._connection.closed:
            self._connection.invalidate()

    def _copy(self, select: SourceSelect, since: str, days: Days | None) -> Iterator[pa.Table]:
        cursor = self._connection.connection.cursor()
        sql, parameters = select.for_psycopg(), _since(select, since) or None
        if days:
            which = in_days(days).replace("::varchar", "::text")
            sql = f"select * from ({sql}) as selected where {which.replace('%', '%%') if parameters else which}"
        cursor.execute(f"select * from ({sql}) as selected limit 0", parameters)
        types = [(column[0], column[1]) for column in cursor.description or ()]
        _refuse_binary(select, [name for name, number in types if number == _PG_BYTEA])
        schema = pa.schema([text_field(name, "number" if number in _PG_NUMBERS else "text") for name, number in types])
        yield schema.empty_table()
        with cursor.copy(f"copy ({sql}) to stdout (format csv)", parameters) as copy:
            rows: list[bytes] = []
            size = 0
            for row in copy:
                rows.append(bytes(row))
                size += len(rows[-1])
                if size >= _COPY_BATCH_BYTES:
                    yield _parse_csv(rows, schema)
                    rows, size = [], 0
            if rows:
                yield _parse_csv(rows, schema)


def _counted_by_day(rows: sa.Subquery, day: str | None, money: str | None, dialect: str) -> sa.Executable:
    """Return the query of the rows and the money of each day."""
    total = sa.func.sum(sa.cast(rows.c[money], sa.Numeric(38, 6))) if money else sa.null()
    if day is None:
        # a literal cannot be grouped by everywhere
        return sa.select(sa.literal_column("''"), sa.func.count(), total).select_from(rows)
    # labelled: BigQuery groups by the label, all others by the expression
    which = day_as_text(rows.c[day], dialect).label("day_of_row")
    return sa.select(which, sa.func.count(), total).select_from(rows).group_by(which)


def day_as_text(column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[str]:
    """Return the first ten characters of a time's text, as `read` delivers it; '' for none.

    Never a cast to a date: to Oracle a date has a time of day, and a column of text need not be one.
    """
    # literals, not parameters: select list and group by must be the same expression
    one: sa.ColumnElement[int] = sa.literal_column("1")
    ten: sa.ColumnElement[int] = sa.literal_column("10")
    text: sa.ColumnElement[Any]
    match dialect:
        case "sqlite":  # a date is a number to SQLite's cast
            text = sa.func.substr(column, one, ten)
        case "mysql" | "mariadb":
            # the year 0 is how MySQL writes that there is no date
            text = sa.func.nullif(sa.func.left(sa.cast(column, sa.CHAR), ten), sa.literal_column("'0000-00-00'"))
        case "mssql":  # style 23 is yyyy-mm-dd, of the time's own offset
            text = sa.func.convert(sa.literal_column("varchar(10)"), column, sa.literal_column("23"))
        case "oracle":
            text = sa.func.to_char(column, sa.literal_column("'YYYY-MM-DD'"))
        case _:
            text = sa.func.substr(sa.cast(column, sa.Text), one, ten)
    return sa.func.coalesce(text, sa.literal_column("''"))


def _told_apart(column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[Any]:
    """Return a column to group by, in which 'Paid' and 'paid' are two values: to most collations of MySQL they are one."""
    if dialect in ("mysql", "mariadb"):
        return sa.collate(sa.cast(column, mysql.CHAR(charset="utf8mb4")), "utf8mb4_bin")
    return column


def _readings(result: sa.CursorResult[Any], dialect: str) -> list[Callable[[Any], Any] | None]:
    """Return for each column what a driver's values still need to be what the server means; None for nothing.

    A TIMESTAMP of MySQL is an instant and comes without its zone, which is UTC in our session. A BIT is a number and comes as
    bytes. A date of the year 0 is none.
    """
    described = result.cursor.description if result.cursor else []
    if dialect not in ("mysql", "mariadb"):
        return [None] * len(described)
    special = {_MYSQL_TIMESTAMP: _instant, _MYSQL_BIT: _number_of_bits, **dict.fromkeys(_MYSQL_DATES, _date_or_none)}
    numbers: list[Any] = [column[1] for column in described]
    return [special.get(number) for number in numbers]


def _instant(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else _date_or_none(value)


def _number_of_bits(value: Any) -> Any:
    return int.from_bytes(value) if isinstance(value, bytes) else value


def _date_or_none(value: Any) -> Any:
    return None if isinstance(value, str) and value.startswith("0000-00-00") else value


def _since(select: SourceSelect, since: str) -> dict[str, str]:
    return {"since": since} if select.is_incremental else {}


def _text_column(name: str, values: tuple[Any, ...]) -> tuple[pa.Field, pa.Array]:
    """Return a column of a driver's values as exact text, with its kind at the source."""
    types = set(map(type, values)) - {type(None)}
    if types <= {str}:
        return text_field(name, "text"), pa.array(values, pa.string())
    is_number = all(issubclass(kind, (int, float, Decimal)) for kind in types)
    kind = "float" if is_number and float in types else "number" if is_number else "text"
    return text_field(name, kind), pa.array(map(as_text, values), pa.string())


def _refuse_binary(select: SourceSelect, columns: list[str]) -> None:
    for column in columns:
        raise SourceError(
            f"{select.table.name}: the SELECT ({select.path.name}) returns '{column}' as binary data",
            next_step=f"return text: `convert_from({column}, 'UTF8') as {column}`.",
        )


def as_text(value: Any) -> str | None:
    """Return a driver's value as exact text: no float rounding, no lost zone, no '.0' after a whole number.

    >>> as_text(12346.0), as_text(Decimal("1.50")), as_text(datetime(2024, 5, 30, 23, 30))
    ('12346', '1.50', '2024-05-30 23:30:00')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return str(value)


def _hang_up(descriptor: int) -> None:
    """Shut the socket down so that a blocked read fails immediately."""
    with socket.socket(fileno=socket.dup(descriptor)) as line:
        line.shutdown(socket.SHUT_RDWR)


def _empty(names: list[str]) -> pa.Table:
    return pa.schema([(name, pa.string()) for name in names]).empty_table()


def _parse_csv(rows: list[bytes], schema: pa.Schema) -> pa.Table:
    names = schema.names
    # a database without an encoding (SQL_ASCII) returns any bytes; such rows are quarantined
    text = b"".join(rows).decode("utf-8", errors="replace")
    # unquoted empty is PostgreSQL's null, quoted empty its empty string
    return pacsv.read_csv(
        io.BytesIO(text.encode()),
        read_options=pacsv.ReadOptions(column_names=names, block_size=2 * _COPY_BATCH_BYTES),
        parse_options=pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ).cast(schema)
