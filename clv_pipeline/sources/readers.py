"""Open a source: any SQLAlchemy database, a DuckDB file or a folder of files, as batches of text columns inside one snapshot.

Everything arrives as text and is typed in `loading.py`, so that no driver's guess about decimals, time zones or
identifiers survives. Nothing is written here.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from clv_pipeline.core.databases import address_of, engine_of, masked
from clv_pipeline.core.engines import DUCKDB, FILES
from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import ConfigurationError, SourceError, SourceInterrupted
from clv_pipeline.sources.database_reader import DatabaseReader
from clv_pipeline.sources.file_reader import FileReader
from clv_pipeline.sources.reading import STARTS_AGAIN, SourceReader
from clv_pipeline.sources.sessions import begin_reading, cut_silence
from clv_pipeline.warehouse.files import is_duckdb_file, open_database_file, open_files

log = logging.getLogger(__name__)

#: PostgreSQL reports a refused login in these words whatever the driver; trying again would only lock the account.
_REFUSED = ("password", "authentication", "access denied", "login failed", "permission denied", "role ")


@contextmanager
def open_source(url: SecretStr | None, *, tries: int, timeout_seconds: int) -> Iterator[SourceReader]:
    """Open a database URL, a DuckDB file, or a folder or file of CSV and Parquet, in one snapshot where the engine has one.

    Raises:
        ConfigurationError: there is no URL, or it is neither a database URL nor an existing path.
        SourceError: the database cannot be reached or refuses the login (which is not tried again).
    """
    if url is None or not url.get_secret_value():
        raise ConfigurationError(
            "No source given: there is no database URL and no folder of files",
            next_step="set CLV_SOURCE_URL, or pass --url postgresql://user@host/db or --url FOLDER.",
        )
    address = url.get_secret_value()
    if (path := _path_of(address)) is not None:
        if not path.exists():
            raise ConfigurationError(
                f"The source {masked(str(path))} does not exist",
                next_step="pass a database URL, a DuckDB file or an existing folder of files.",
            )
        is_database = is_duckdb_file(path)
        with (open_database_file if is_database else open_files)(path) as files:
            yield FileReader(files, timeout_seconds, DUCKDB if is_database else FILES)
        return
    engine = _engine(address, timeout_seconds)
    try:
        connection = _connect(engine, tries)
        try:
            _begin_snapshot(connection, timeout_seconds)
            yield DatabaseReader(connection, timeout_seconds)
        except BaseException:
            # close it hard: a dead connection cannot be rolled back, and a driver would first read an answer to its end
            connection.invalidate()
            raise
        finally:
            connection.close()
    finally:
        engine.dispose()


def _path_of(address: str) -> Path | None:
    """Return the path that an address is, None if it is one of a server; duckdb:///shop.duckdb is read by our own DuckDB."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return Path(address).expanduser()
    return Path(rest.removeprefix("/").partition("?")[0]) if scheme == "duckdb" else None


def _engine(address: str, timeout_seconds: int) -> sa.Engine:
    engine = engine_of(address, called="The source URL")
    cut_silence(engine, timeout_seconds)
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
        except RuntimeError as error:
            # what pymysql raises where a way to log in needs one more package, which it names
            raise SourceError(
                f"The driver cannot log in to the source {where}: {masked(str(error))}",
                next_step="install the package that it names where `clv` is installed, or log in another way.",
            ) from None
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
    """Start to read; see `sessions.begin_reading`.

    Raises:
        SourceInterrupted: the connection was lost.
        SourceError: the server refuses a read-only transaction with a time limit.
    """
    try:
        begin_reading(connection, timeout_seconds)
    except sa.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise SourceInterrupted(
                f"The connection was lost before anything was read: {reason_of(error)}", next_step=STARTS_AGAIN
            ) from None
        raise SourceError(
            f"The source {address_of(connection.engine.url)} refused to begin a read-only transaction with a time limit: "
            f"{reason_of(error)}",
            next_step="check that the server's version is still maintained, and that the role may read.",
        ) from None
