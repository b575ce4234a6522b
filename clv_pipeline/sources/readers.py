"""Reading a source: any SQLAlchemy database or a folder of files, as batches of text columns inside one snapshot.

Everything arrives as text and is typed in `loading.py`, so that no driver's guess about decimals, time zones or
identifiers survives. Nothing is written here.
"""

import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv
import sqlalchemy as sa
from pydantic import SecretStr

from clv_pipeline.core.databases import address_of, engine_of, masked
from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import ConfigurationError, SourceError, SourceInterrupted
from clv_pipeline.sources.folder import SourceSelect
from clv_pipeline.warehouse.connection import Connection, quote_name
from clv_pipeline.warehouse.files import open_files

log = logging.getLogger(__name__)

#: PostgreSQL reports a refused login in these words whatever the driver; trying again would only lock the account.
_REFUSED = ("password", "authentication", "access denied", "login failed", "permission denied", "role ")
_COPY_BATCH_BYTES = 16_000_000
_STARTS_AGAIN = (
    "nothing was loaded; the step retries automatically, and tomorrow's run starts over if the retries fail."
)
#: How long after its statement timeout a server may stay silent before the connection is cut from this side.
_GRACE_SECONDS = 5


class SourceReader(Protocol):
    """An open source: every `read` sees the same snapshot."""

    def read(self, select: SourceSelect, since: str, batch_rows: int) -> Iterator[pa.Table]:
        """Yield batches whose columns are all text (null stays null); at least one, perhaps empty."""
        ...

    def orders_by_day(self, select: SourceSelect, since: str) -> list[tuple[str, int, str]]:
        """Return day, lines and money of the orders as counted by the source itself, in its own time zone."""
        ...


@contextmanager
def open_source(url: SecretStr | None, *, tries: int, timeout_seconds: int) -> Iterator[SourceReader]:
    """Open a database URL, or a folder or file of CSV and Parquet, for reading in one snapshot.

    Raises:
        ConfigurationError: there is no URL, or it is neither a database URL nor an existing path.
        SourceError: the database cannot be reached or refuses the login (which is not tried again).
    """
    if url is None or not url.get_secret_value():
        raise ConfigurationError(
            "No source given: there is no database URL and no folder of files",
            next_step="set CLV_SOURCE_URL, or pass --url postgresql+psycopg://user@host/db or --url FOLDER.",
        )
    address = url.get_secret_value()
    if "://" not in address:
        path = Path(address).expanduser()
        if not path.exists():
            raise ConfigurationError(
                f"The source {masked(address)} does not exist",
                next_step="pass a database URL or an existing folder of files.",
            )
        with open_files(path) as files:
            yield FileReader(files, timeout_seconds)
        return
    engine = _engine(address)
    try:
        connection = _connect(engine, tries)
        try:
            _begin_snapshot(connection, timeout_seconds)
            yield DatabaseReader(connection, timeout_seconds)
        except SourceInterrupted:
            # invalidate it: rolling back a dead connection raises and hides the original error
            connection.invalidate()
            raise
        finally:
            connection.close()
    finally:
        engine.dispose()


class _TimeLimit:
    """Stops a SELECT that takes too long; `over` is true if that happened."""

    def __init__(self, seconds: int, stop: Callable[[], None]) -> None:
        self.over = False
        self._stop = stop
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> "_TimeLimit":
        self._timer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.over = True
        self._stop()


class FileReader:
    """Files seen through DuckDB views; the SELECTs are DuckDB SQL."""

    def __init__(self, connection: Connection, timeout_seconds: int) -> None:
        self._connection = connection
        self._timeout_seconds = timeout_seconds

    def read(self, select: SourceSelect, since: str, batch_rows: int) -> Iterator[pa.Table]:
        limit = _TimeLimit(self._timeout_seconds, self._connection.interrupt)
        parameters = {"since": since} if select.is_incremental else {}
        try:
            with limit:
                yield from self._read(select, parameters, batch_rows)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise (_too_slow(select, self._timeout_seconds) if limit.over else _select_failed(select, error)) from None

    def _read(self, select: SourceSelect, parameters: dict[str, str], batch_rows: int) -> Iterator[pa.Table]:
        names = [row[0] for row in self._connection.execute(f"describe {select.for_duckdb()}", parameters).fetchall()]
        as_text = ", ".join(f"{quote_name(n)}::varchar as {quote_name(n)}" for n in names)
        reader = self._connection.sql(
            f"select {as_text} from ({select.for_duckdb()})", params=parameters
        ).to_arrow_reader(batch_rows)
        yield reader.schema.empty_table()
        for batch in reader:
            yield pa.Table.from_batches([batch])

    def orders_by_day(self, select: SourceSelect, since: str) -> list[tuple[str, int, str]]:
        query = (
            "select left(ordered_at::varchar, 10), count(*), sum(try_cast(amount::varchar as decimal(18, 2)))::varchar "
            f"from ({select.for_duckdb()}) group by 1"
        )
        try:
            return self._connection.execute(query, {"since": since} if select.is_incremental else {}).fetchall()
        except duckdb.Error as error:
            raise _select_failed(select, error) from None


class DatabaseReader:
    """A database behind SQLAlchemy; PostgreSQL rows come by COPY, every other database's through a server cursor."""

    def __init__(self, connection: sa.Connection, timeout_seconds: int) -> None:
        self._connection = connection
        self._timeout_seconds = timeout_seconds

    def read(self, select: SourceSelect, since: str, batch_rows: int) -> Iterator[pa.Table]:
        limit = self._time_limit()
        try:
            with limit:
                if self._connection.dialect.name == "postgresql" and self._connection.dialect.driver == "psycopg":
                    yield from self._copy(select, since)
                else:
                    yield from self._fetch(select, since, batch_rows)
        except (sa.exc.SQLAlchemyError, psycopg.Error, pa.ArrowException, OSError, ValueError) as error:
            if limit.over or "statement timeout" in str(error):
                raise _too_slow(select, self._timeout_seconds) from None
            raise _select_failed(select, error, lost=self._is_lost(error)) from None

    def _time_limit(self) -> _TimeLimit:
        """Return a client-side stop for a SELECT, for servers that cannot stop it or no longer answer."""
        driver = self._connection.connection.driver_connection
        if isinstance(driver, psycopg.Connection):
            return _TimeLimit(self._timeout_seconds + _GRACE_SECONDS, partial(_hang_up, driver.fileno()))
        stop = getattr(driver, "interrupt", None)  # SQLite's driver has it
        return _TimeLimit(self._timeout_seconds, stop or (lambda: None))

    def _is_lost(self, error: Exception) -> bool:
        if isinstance(error, sa.exc.DBAPIError):
            return error.connection_invalidated
        return isinstance(error, psycopg.Error) and self._is_closed()

    def orders_by_day(self, select: SourceSelect, since: str) -> list[tuple[str, int, str]]:
        ordered_at: sa.ColumnClause[Any] = sa.column("ordered_at")
        amount: sa.ColumnClause[Any] = sa.column("amount")
        orders = sa.text(select.for_sqlalchemy()).columns(ordered_at, amount).subquery("orders_as_selected")
        # a date is a number to SQLite's cast
        is_sqlite = self._connection.dialect.name == "sqlite"
        day = sa.func.substr(orders.c.ordered_at, 1, 10) if is_sqlite else sa.cast(orders.c.ordered_at, sa.Date)
        query = sa.select(day, sa.func.count(), sa.func.sum(sa.cast(orders.c.amount, sa.Numeric(18, 2)))).group_by(day)
        try:
            found = self._connection.execute(query, {"since": since} if select.is_incremental else {}).fetchall()
        except sa.exc.DBAPIError as error:
            raise _select_failed(select, error.orig or error, lost=error.connection_invalidated) from None
        except sa.exc.SQLAlchemyError as error:
            raise _select_failed(select, error) from None
        return [(str(day), int(lines), str(money)) for day, lines, money in found]

    def _is_closed(self) -> bool:
        driver = self._connection.connection.driver_connection
        return driver is None or bool(driver.closed)

    def _fetch(self, select: SourceSelect, since: str, batch_rows: int) -> Iterator[pa.Table]:
        statement = sa.text(select.for_sqlalchemy())
        result = self._connection.execution_options(stream_results=True).execute(
            statement, {"since": since} if select.is_incremental else {}
        )
        names = list(result.keys())
        yield _empty(names)
        while rows := result.fetchmany(batch_rows):
            columns = [pa.array([as_text(v) for v in column], pa.string()) for column in zip(*rows, strict=True)]
            yield pa.Table.from_arrays(columns, names=names)

    def _copy(self, select: SourceSelect, since: str) -> Iterator[pa.Table]:
        cursor = self._connection.connection.cursor()
        query = f"copy ({select.for_psycopg()}) to stdout (format csv, header)"
        parameters = {"since": since} if select.is_incremental else None
        with cursor.copy(query, parameters) as copy:
            header: list[str] | None = None
            rows: list[bytes] = []
            size = 0
            for row in copy:
                if header is None:
                    header = pacsv.read_csv(io.BytesIO(bytes(row) + b"\n")).column_names
                    yield _empty(header)
                    continue
                rows.append(bytes(row))
                size += len(rows[-1])
                if size >= _COPY_BATCH_BYTES:
                    yield _parse_csv(rows, header)
                    rows, size = [], 0
            if rows and header is not None:
                yield _parse_csv(rows, header)


def as_text(value: Any) -> str | None:
    """Return a driver's value as exact text: no float rounding, no lost zone."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value)


def _hang_up(descriptor: int) -> None:
    """Shut the socket down so that a blocked read fails immediately."""
    with socket.socket(fileno=socket.dup(descriptor)) as line:
        line.shutdown(socket.SHUT_RDWR)


def _empty(names: list[str]) -> pa.Table:
    return pa.schema([(name, pa.string()) for name in names]).empty_table()


def _parse_csv(rows: list[bytes], names: list[str]) -> pa.Table:
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
    )


def _engine(address: str) -> sa.Engine:
    engine = engine_of(address, called="The source URL")
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        raise ConfigurationError(
            f"The SQLite file {engine.url.database} does not exist",
            next_step="check the path in CLV_SOURCE_URL or --url.",
        )
    return engine


def _connect(engine: sa.Engine, tries: int) -> sa.Connection:
    where = address_of(engine.url)
    for attempt in range(1, tries + 1):
        try:
            return engine.connect()
        except sa.exc.DBAPIError as error:
            reason = reason_of(error)
            if any(word in str(error.orig).lower() for word in _REFUSED):
                raise SourceError(
                    f"The source {where} refused the login: {reason}",
                    next_step="check user, password and permissions in CLV_SOURCE_URL; there was no retry.",
                ) from None
            if attempt == tries:
                raise SourceError(
                    f"The source {where} cannot be reached after {tries} tries: {reason}",
                    next_step="check that the database runs and that host and port in CLV_SOURCE_URL are right.",
                ) from None
            log.warning("source not reachable (try %d of %d): %s", attempt, tries, reason)
            time.sleep(2 ** (attempt - 1))
    raise AssertionError("unreachable")


def _begin_snapshot(connection: sa.Connection, timeout_seconds: int) -> None:
    """Start one read-only transaction that sees every table at the same moment, if the database supports it.

    Raises:
        SourceInterrupted: the connection was lost.
    """
    try:
        _begin_reading(connection, timeout_seconds)
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise SourceInterrupted(
            f"The connection was lost before anything was read: {reason_of(error)}", next_step=_STARTS_AGAIN
        ) from None


def _begin_reading(connection: sa.Connection, timeout_seconds: int) -> None:
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        connection.exec_driver_sql(f"set statement_timeout = {timeout_seconds * 1000:d}")
    elif dialect in ("mysql", "mariadb"):
        connection.execution_options(isolation_level="REPEATABLE READ")
    elif dialect == "sqlite":
        driver = connection.connection.driver_connection
        assert driver is not None
        # bytes that are not text must not end the run; such rows are quarantined
        driver.text_factory = partial(str, encoding="utf-8", errors="replace")
        connection.exec_driver_sql("pragma query_only = on")
        connection.exec_driver_sql("begin")


def _select_failed(select: SourceSelect, error: BaseException, *, lost: bool = False) -> SourceError:
    reason = reason_of(error)
    if lost:
        return SourceInterrupted(
            f"The connection was lost while reading {select.table.name}: {reason}",
            next_step=_STARTS_AGAIN,
        )
    return SourceError(
        f"The SELECT for {select.table.name} ({select.path.name}) failed at the source: {reason}",
        next_step=f"run {select.path} in a SQL client of that database and fix it.",
    )


def _too_slow(select: SourceSelect, timeout_seconds: int) -> SourceError:
    return SourceError(
        f"The SELECT for {select.table.name} ({select.path.name}) took longer than the statement timeout of "
        f"{timeout_seconds} seconds and was stopped",
        next_step=f"look at what slows it down (locks, missing indexes), make {select.path} lighter, "
        "or raise CLV_STATEMENT_TIMEOUT_SECONDS.",
    )
