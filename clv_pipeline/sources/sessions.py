"""The session in which a database is read, engine by engine: one read-only snapshot, a statement timeout, and their errors.

What each engine guarantees is said in `core/engines.py`; the rows are read in `database_reader.py`.
"""

import re
from functools import partial
from typing import Any

import sqlalchemy as sa

from clv_pipeline.core.engines import MARIADB, Engine, engine_of_dialect
from clv_pipeline.sources.reading import Gap

#: How long after its statement timeout a server may stay silent before the connection is cut from this side.
GRACE_SECONDS = 5
#: How long a server may take to answer a login.
_HANDSHAKE_SECONDS = 10
#: Numbers of MariaDB and MySQL: max_statement_time and max_execution_time exceeded, lock wait timeout exceeded; and of their
#: drivers: the connection was lost, which is a timeout where the text says so.
_MYSQL_OVER_TIME, _MYSQL_LOST = {1969, 3024, 1205}, 2013
#: How other drivers and servers say that a statement or its wait for a lock took too long.
_OVER_TIME = (
    "statement timeout", "query timeout expired", "lock request time out", "connection timed out",
    "statement or warehouse timeout",
)  # fmt: skip


def cut_silence(engine: sa.Engine, timeout_seconds: int) -> None:
    """Let the driver cut a connection on which the server stays silent, where it can: also one that never says who it is."""

    @sa.event.listens_for(engine, "do_connect")
    def set_arguments(dialect: sa.Dialect, record: object, positional: object, named: dict[str, Any]) -> None:
        match dialect.driver:
            case "pymysql":
                named["read_timeout"] = _HANDSHAKE_SECONDS
            case "mysqldb":
                named["read_timeout"] = timeout_seconds + GRACE_SECONDS
            case "pymssql":
                named["timeout"] = timeout_seconds

    @sa.event.listens_for(engine, "connect")
    def set_patience(driver: Any, record: object) -> None:
        # pymysql has no other way to allow a SELECT more time than the login
        if hasattr(driver, "_read_timeout"):
            driver._read_timeout = timeout_seconds + GRACE_SECONDS


def engine_of_connection(connection: sa.Connection) -> Engine:
    """Return the engine behind a connection; a MariaDB server is one whatever the address calls it."""
    if getattr(connection.dialect, "is_mariadb", False):
        return MARIADB
    return engine_of_dialect(connection.dialect.name)


def begin_reading(connection: sa.Connection, timeout_seconds: int) -> None:
    """Start one read-only transaction that sees every table at the same moment, as far as the engine has one.

    Raises:
        sqlalchemy.exc.DBAPIError: the server refuses, or the connection was lost.
    """
    match connection.dialect.name:
        case "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            connection.exec_driver_sql(f"set statement_timeout = {timeout_seconds * 1000:d}")
        case "mysql" | "mariadb":
            _begin_mysql(connection, timeout_seconds)
        case "sqlite":
            driver = connection.connection.driver_connection
            assert driver is not None
            # bytes that are not text must not end the run; such rows are quarantined
            driver.text_factory = partial(str, encoding="utf-8", errors="replace")
            connection.exec_driver_sql("pragma query_only = on")
            connection.exec_driver_sql("begin")
        case "mssql":
            _begin_sql_server(connection, timeout_seconds)
        case "snowflake":
            connection.exec_driver_sql(f"alter session set statement_timeout_in_seconds = {timeout_seconds:d}")


def _begin_mysql(connection: sa.Connection, timeout_seconds: int) -> None:
    is_mariadb = engine_of_connection(connection) is MARIADB
    limit = (
        f"max_statement_time = {timeout_seconds:d}"
        if is_mariadb
        else f"max_execution_time = {timeout_seconds * 1000:d}"
    )
    waits = f"lock_wait_timeout = {timeout_seconds:d}, innodb_lock_wait_timeout = {timeout_seconds:d}"
    # the server's own zone would be read as the source's: a TIMESTAMP is an instant, and `database_reader.py` writes it as one
    connection.exec_driver_sql(f"set session {limit}, {waits}, time_zone = '+00:00'")
    connection.exec_driver_sql("set session transaction isolation level repeatable read")
    connection.exec_driver_sql("start transaction with consistent snapshot, read only")


def _begin_sql_server(connection: sa.Connection, timeout_seconds: int) -> None:
    driver: Any = connection.connection.driver_connection
    if connection.dialect.driver == "pyodbc":
        driver.timeout = timeout_seconds
    allows_snapshot = _allows_snapshot(connection)
    # an isolation level is set between transactions only
    connection.rollback()
    if allows_snapshot:
        connection.execution_options(isolation_level="SNAPSHOT")
    connection.exec_driver_sql(f"set lock_timeout {timeout_seconds * 1000:d}")


def _allows_snapshot(connection: sa.Connection) -> bool:
    asked = "select snapshot_isolation_state from sys.databases where name = db_name()"
    return bool(connection.exec_driver_sql(asked).scalar() == 1)


def gaps(connection: sa.Connection, selects: str) -> list[Gap]:
    """Return what no snapshot holds: a database that allows none, or tables whose storage engine has none.

    selects: the text of the SELECTs; a table that no word of it names is not meant.
    """
    match connection.dialect.name:
        case "mysql" | "mariadb":
            asked = (
                "select table_name, engine from information_schema.tables where table_type = 'BASE TABLE' "
                "and table_schema not in ('mysql', 'information_schema', 'performance_schema', 'sys') "
                "and engine <> 'InnoDB' order by table_name"
            )
            words = set(re.findall(r"\w+", selects.lower()))
            return [
                Gap(
                    f"{table} is a table of {engine}, which has no snapshot: what is written to it during a night is half read",
                    f"`alter table {table} engine = InnoDB`, or run the night when nobody writes.",
                )
                for table, engine in connection.exec_driver_sql(asked)
                if table.lower() in words
            ]
        case "mssql" if not _allows_snapshot(connection):
            return [
                Gap(
                    "the database does not allow the isolation level snapshot: tables are of the moments when they are read",
                    "have an administrator run `alter database ... set allow_snapshot_isolation on`.",
                )
            ]
    return []


def is_over_time(error: BaseException) -> bool:
    """Return whether a server or its driver ended a statement because of its time limit, or of that for a lock."""
    cause = getattr(error, "orig", None) or error
    number = cause.args[0] if cause.args else None
    text = str(cause).lower()
    if number in _MYSQL_OVER_TIME:
        return True
    if number == _MYSQL_LOST:
        return "timed out" in text
    return any(words in text for words in _OVER_TIME)
