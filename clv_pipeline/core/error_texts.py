"""The part of a library's error that may be shown: its type, and the message where that quotes no row.

Errors without such a part are masked as a whole in `foreign_errors.py`.
"""

import os
import re

#: Classes of errors about names, structure, files or the connection, by driver: their messages quote no row. Every other
#: class may quote one. Those of DuckDB and SQLite are exact: InvalidInputException is a ProgrammingError, and quotes values.
_ABOUT_NAMES = {
    "duckdb": {
        "BinderException", "CatalogException", "ConnectionException", "InterruptException", "IOException",
        "OutOfMemoryException", "ParserException", "PermissionException", "SyntaxException",
    },
    "psycopg": {"ProgrammingError", "OperationalError"},
    "psycopg2": {"ProgrammingError", "OperationalError"},
    "sqlite3": {"ProgrammingError", "OperationalError", "DatabaseError"},
    "sqlalchemy": {"NoSuchModuleError"},
}  # fmt: skip
#: The same for drivers that are not known here. Some of them report values under these classes, always in single quotes.
_PERHAPS_ABOUT_NAMES = {"ProgrammingError", "OperationalError", "IntegrityError"}
#: MySQL's numbers for an unknown database, column, table or function, a syntax error and a missing permission.
_MYSQL_ABOUT_NAMES = {1044, 1045, 1049, 1054, 1064, 1142, 1143, 1146, 1305}
#: From the first single quote to the last one, also where the value between them has a quote or a line break in it.
_LITERALS = re.compile(r"'(.*'|.*$)", re.DOTALL)
_EMAIL = re.compile(r"[^\s\"'(=]*@[^\s\"')]*")


def kind_of(error: BaseException) -> str:
    """Return the type of an error, and of one of the operating system what its number means."""
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__.lstrip('_')}."
    number = error.errno if isinstance(error, OSError) else None
    return f"{module}{kind.__qualname__}" + (f" ({os.strerror(number)})" if isinstance(number, int) else "")


def reason_of(error: BaseException) -> str:
    """Return the first line of a database's message if its class is about names or the connection, else the class alone.

    The other lines quote rows, and so do the messages of other classes.
    """
    cause = getattr(error, "orig", None) or error
    lines = _shown(cause).strip().splitlines()
    if lines:
        return _EMAIL.sub("***", lines[0])
    return f"{kind_of(cause)}; its text is not shown, because it may quote a row"


def _shown(cause: BaseException) -> str:
    """Return the part of a message that quotes no value of a row."""
    text, kind = str(cause), type(cause)
    driver = kind.__module__.split(".")[0].lstrip("_")
    kinds = {base.__name__ for base in kind.__mro__}
    if driver in ("psycopg", "psycopg2") and kinds & {"DataError", "IntegrityError"}:
        return _of_postgresql(cause, quotes_names="IntegrityError" in kinds)
    if driver == "sqlite3" and "IntegrityError" in kinds:
        return text if re.fullmatch(r"[A-Z ]+ constraint failed: [\w., ]+", text) else ""
    if driver in ("duckdb", "sqlite3"):
        return text if kind.__name__ in _ABOUT_NAMES[driver] else ""
    if driver in _ABOUT_NAMES:
        return text if kinds & _ABOUT_NAMES[driver] else ""
    if cause.args and isinstance(cause.args[0], int) and cause.args[0] in _MYSQL_ABOUT_NAMES:
        return text
    return _LITERALS.sub("'***'", text) if kinds & _PERHAPS_ABOUT_NAMES else ""


def _of_postgresql(cause: BaseException, *, quotes_names: bool) -> str:
    """Return the server's own sentence: it quotes names where a constraint is broken, and the value everywhere else."""
    said = getattr(getattr(cause, "diag", None), "message_primary", None) or ""
    return said if quotes_names else re.sub(r"[\"'].*", "***", said, flags=re.DOTALL)
