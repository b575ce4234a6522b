"""Database URLs: create an engine, and show a URL without its credentials.

Reading and writing is in `sources/readers.py` and `publishing/database_target.py`.
"""

import re

import sqlalchemy as sa

from clv_pipeline.core.errors import ConfigurationError

#: DB-API's classes of errors about a value, and where in their message the value begins.
_ABOUT_A_VALUE = {"DataError": re.compile(r"[\"'].*"), "IntegrityError": re.compile(r"'.*")}
#: Treat a server that accepts the connection but never answers as down; detect a vanished one with keep-alives.
_LIBPQ_PATIENCE = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
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
        libpq = {k: v for k, v in _LIBPQ_PATIENCE.items() if k not in url.query}
        arguments = libpq if url.drivername in ("postgresql", "postgresql+psycopg", "postgresql+psycopg2") else {}
        return sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True, connect_args=arguments)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError, ValueError) as error:
        raise ConfigurationError(
            f"{called} cannot be used: {masked(str(error).replace(address, '***'))}",
            next_step="write it as dialect+driver://user@host/database and install that driver.",
        ) from None


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


def reason_of(error: BaseException) -> str:
    r"""Return the first line of the database's message, masked and without the value it is about; the other lines quote rows.

    >>> reason_of(ValueError("no route to reader:secret@db.example\nline 2: 'a row'"))
    'no route to ***@db.example'
    """
    cause = getattr(error, "orig", None) or error
    said = (str(cause).strip() or type(error).__name__).splitlines()[0]
    for kind in type(cause).__mro__:
        if kind.__name__ in _ABOUT_A_VALUE:
            said = _ABOUT_A_VALUE[kind.__name__].sub("***", said)
    return masked(said)
