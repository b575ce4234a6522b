"""Open a source: any SQLAlchemy database or a folder of files, as batches of text columns inside one snapshot.

Everything arrives as text and is typed in `loading.py`, so that no driver's guess about decimals, time zones or
identifiers survives. Nothing is written here.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from clv_pipeline.core.databases import address_of, engine_of, masked
from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import ConfigurationError, SourceError, SourceInterrupted
from clv_pipeline.sources.database_reader import DatabaseReader
from clv_pipeline.sources.file_reader import FileReader
from clv_pipeline.sources.reading import STARTS_AGAIN, SourceReader
from clv_pipeline.warehouse.files import open_files

log = logging.getLogger(__name__)

#: PostgreSQL reports a refused login in these words whatever the driver; trying again would only lock the account.
_REFUSED = ("password", "authentication", "access denied", "login failed", "permission denied", "role ")


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
            f"The connection was lost before anything was read: {reason_of(error)}", next_step=STARTS_AGAIN
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
