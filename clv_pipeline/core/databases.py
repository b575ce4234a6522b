"""Database URLs: create an engine, and show a URL without its credentials.

Reading and writing is in `sources/readers.py` and `publishing/database_target.py`; which engines there are in `engines.py`.
"""

import logging
import re

import sqlalchemy as sa

from clv_pipeline.core.engines import driver_name, package_of, pip_install
from clv_pipeline.core.error_texts import kind_of
from clv_pipeline.core.errors import ConfigurationError, PipelineError

# both log, with the server's text, what fails while a broken COPY or connection is closed
for noisy in ("psycopg", "sqlalchemy.pool"):
    logging.getLogger(noisy).setLevel(logging.CRITICAL)

#: Treat a server that accepts the connection but never answers as down; detect a vanished one with keep-alives.
_LIBPQ_PATIENCE = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
#: The same for the drivers of other engines, which have no keep-alives to set: seconds until a connection is given up.
_CONNECT_TIMEOUT = {
    "pymysql": "connect_timeout",
    "mysqldb": "connect_timeout",
    "pymssql": "login_timeout",
    "pyodbc": "timeout",
}
#: What a package needs that pip does not bring.
_ALSO_NEEDED = {"pyodbc": ", and Microsoft's ODBC driver for SQL Server; pymssql needs none"}
_CREDENTIALS = re.compile(r"[^\s\"']*@")


def engine_of(address: str, *, called: str) -> sa.Engine:
    """Return an engine without a pool; it connects on first use and shows no bound value in its errors.

    >>> engine_of("postgresql+psycopg://reader:secret@db.example/shop", called="CLV_SOURCE_URL").url.host
    'db.example'

    Raises:
        ConfigurationError: the address is not a database URL, or its driver is not installed; `called` names it.
    """
    try:
        url = sa.make_url(address)
        _check_credentials_end(url, called)
        url = url.set(drivername=driver_name(url.drivername, {name.lower() for name in url.query}))
        _check_is_no_file(url, called)
        arguments = {name: value for name, value in _patience_of(url).items() if name not in url.query}
        return sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True, connect_args=arguments)
    except PipelineError:
        raise
    except (sa.exc.NoSuchModuleError, ImportError) as error:
        raise _no_driver(url, called, error) from None
    except (sa.exc.ArgumentError, ValueError) as error:
        # a ValueError quotes the part it cannot read, which may be one of the password
        reason = "a part of it cannot be read" if isinstance(error, ValueError) else str(error).replace(address, "***")
        raise ConfigurationError(
            f"{called} cannot be used: {masked(reason)}",
            next_step="write it as dialect+driver://user@host/database and install that driver.",
        ) from None
    except Exception as error:  # some dialects look for credentials before there is anything to connect to
        raise ConfigurationError(
            f"{called} cannot be used: {kind_of(error)}",
            next_step="check what this dialect needs; BigQuery: a service account's file in GOOGLE_APPLICATION_CREDENTIALS.",
        ) from None


def _patience_of(url: sa.URL) -> dict[str, int]:
    if url.get_backend_name() == "postgresql":
        return _LIBPQ_PATIENCE
    seconds = _CONNECT_TIMEOUT.get(url.drivername.partition("+")[2])
    return {seconds: _LIBPQ_PATIENCE["connect_timeout"]} if seconds else {}


def _no_driver(url: sa.URL, called: str, error: Exception) -> ConfigurationError:
    """Return the error for a driver that is not there, with the package that brings it."""
    package = package_of(url.drivername)
    if package is None:
        return ConfigurationError(
            f"{called} cannot be used: {masked(str(error))}",
            next_step="write it as dialect+driver://user@host/database and install the package with that dialect and driver.",
        )
    return ConfigurationError(
        f"{called} cannot be used: {url.drivername} needs the package {package}, which cannot be loaded: {masked(str(error))}",
        next_step=f"`{pip_install(package)}` where `clv` is installed{_ALSO_NEEDED.get(package, '')}.",
    )


def _check_is_no_file(url: sa.URL, called: str) -> None:
    """Refuse a DuckDB file where a database is needed: a source that is one is opened in `sources/readers.py`.

    Raises:
        ConfigurationError: it is one.
    """
    if url.get_backend_name() == "duckdb":
        raise ConfigurationError(
            f"{called} is a DuckDB file, and needs a database with a server, or SQLite",
            next_step="remove it: what is published is a DuckDB file already, published/clv.duckdb of the home.",
        )


def _check_credentials_end(url: sa.URL, called: str) -> None:
    """Refuse an address with a second @: the driver would take the rest of the password for a host, and name it.

    Raises:
        ConfigurationError: host or database has an @.
    """
    if url.host and "@" in f"{url.host}{url.database}":
        raise ConfigurationError(
            f"{called} has an @ after the one that ends user and password",
            next_step="write each @, / and : of the password percent-encoded: %40, %2F and %3A.",
        )


def address_of(url: sa.URL) -> str:
    """Return the URL without credentials. Passwords can also be in the query string or in a mistyped host.

    >>> address_of(sa.make_url("postgresql://reader:secret@db.example:5432/shop"))
    'postgresql://db.example:5432/shop'
    """
    host = (url.host or "").rsplit("@", 1)[-1]
    port = f":{url.port}" if url.port else ""
    return f"{url.drivername}://{host}{port}/{url.database or ''}"


def masked(text: str) -> str:
    """Return `text` without the part before an @, which may have credentials.

    >>> masked("could not connect to reader:secret@db.example")
    'could not connect to ***@db.example'
    """
    return _CREDENTIALS.sub("***@", text)
