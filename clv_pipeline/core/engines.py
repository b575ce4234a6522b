"""Database engines: what each guarantees as a source, and the package with its driver. `clv doctor` and README read it here.

The statements behind the guarantees are in `sources/sessions.py`; nothing is connected here.
`python -m clv_pipeline.core.engines` writes the table of the README.
"""

import shlex
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Engine:
    """One kind of source.

    url: how its address is written. package: what has to be installed for that address; empty where the pipeline brings it.
    snapshot, timeout: the guarantee in words, which begin with "none" where there is none. tested: what the tests of this
    project ran against; `is_tried` says whether that was a real server or file. dialect: SQLAlchemy's name.
    """

    name: str
    dialect: str
    url: str
    package: str
    snapshot: str
    timeout: str
    batches: str
    tested: str
    is_tried: bool = True


_BY_FETCHING = "server-side cursor, `CLV_BATCH_ROWS` rows at a time"
_STATEMENTS_ONLY = "statements and messages only, no server"

FILES = Engine(
    name="CSV and Parquet files",
    dialect="",
    url="FOLDER",
    package="",
    snapshot="none: each file is read when its table's turn comes, so deliver before the night",
    timeout="the SELECT is interrupted here",
    batches="`CLV_BATCH_ROWS` rows at a time",
    tested="files",
)
DUCKDB = Engine(
    name="DuckDB file",
    dialect="duckdb",
    url="duckdb:////path/shop.duckdb (or the path alone)",
    package="",
    snapshot="the file, which nobody else can write while it is read",
    timeout="the SELECT is interrupted here",
    batches="`CLV_BATCH_ROWS` rows at a time",
    tested="files",
)
POSTGRESQL = Engine(
    name="PostgreSQL",
    dialect="postgresql",
    url="postgresql://reader@host/shop (or postgres://)",
    package="",
    snapshot="one read-only transaction at repeatable read",
    timeout="`statement_timeout`, waits for locks included; 5 s later the connection is cut",
    batches="COPY, 16 MB at a time",
    tested="a server",
)
SQLITE = Engine(
    name="SQLite",
    dialect="sqlite",
    url="sqlite:////path/shop.sqlite",
    package="",
    snapshot="one read transaction",
    timeout="the SELECT is interrupted here",
    batches=_BY_FETCHING,
    tested="files",
)
MARIADB = Engine(
    name="MariaDB",
    dialect="mariadb",
    url="mariadb://reader@host/shop",
    package="pymysql[rsa]",
    snapshot="one read-only transaction `with consistent snapshot`, of InnoDB tables only",
    timeout="`max_statement_time`, waits for locks included; 5 s later the connection is cut",
    batches=_BY_FETCHING,
    tested="a server (10.11)",
)
MYSQL = Engine(
    name="MySQL",
    dialect="mysql",
    url="mysql://reader@host/shop",
    package="pymysql[rsa]",
    snapshot=MARIADB.snapshot,
    timeout="`max_execution_time`, and `lock_wait_timeout` for locks; 5 s later the connection is cut",
    batches=_BY_FETCHING,
    tested="MariaDB in its place; its own timeout as a statement only",
    is_tried=False,
)
SQL_SERVER = Engine(
    name="SQL Server",
    dialect="mssql",
    url="mssql://reader@host/shop",
    package="pymssql",
    snapshot="isolation level `snapshot`, where the database allows it",
    timeout="the driver's (pymssql, pyodbc), and `lock_timeout` for locks",
    batches="the driver's, `CLV_BATCH_ROWS` rows at a time",
    tested=_STATEMENTS_ONLY,
    is_tried=False,
)
SNOWFLAKE = Engine(
    name="Snowflake",
    dialect="snowflake",
    url="snowflake://reader@account/shop/schema?warehouse=wh",
    package="snowflake-sqlalchemy",
    snapshot="none across statements: each table is of the moment when it is read",
    timeout="`statement_timeout_in_seconds`",
    batches="the driver's, `CLV_BATCH_ROWS` rows at a time",
    tested=_STATEMENTS_ONLY,
    is_tried=False,
)
BIGQUERY = Engine(
    name="BigQuery",
    dialect="bigquery",
    url="bigquery://project/dataset",
    package="sqlalchemy-bigquery",
    snapshot=SNOWFLAKE.snapshot,
    timeout="none: set a default for query jobs in the project",
    batches="the driver's, `CLV_BATCH_ROWS` rows at a time",
    tested=_STATEMENTS_ONLY,
    is_tried=False,
)
OTHER = Engine(
    name="any other SQLAlchemy dialect",
    dialect="",
    url="dialect+driver://reader@host/shop",
    package="its own",
    snapshot="none that is asked for",
    timeout="none that is asked for",
    batches="the driver's, `CLV_BATCH_ROWS` rows at a time",
    tested="nothing",
    is_tried=False,
)
ENGINES = (POSTGRESQL, SQLITE, DUCKDB, FILES, MARIADB, MYSQL, SQL_SERVER, SNOWFLAKE, BIGQUERY, OTHER)

#: The driver that is meant where an address names none. SQLAlchemy's own choice for MySQL needs a C compiler, and the one for
#: SQL Server needs Microsoft's ODBC driver, which is named in the address: such an address is left as it is.
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql", "mssql": "pymssql"}
#: The package of a driver, or of a dialect that has one only.
_PACKAGES = {
    "pymysql": "pymysql[rsa]", "mysqldb": "mysqlclient", "mysqlconnector": "mysql-connector-python",
    "mariadbconnector": "mariadb",
    "pymssql": "pymssql", "pyodbc": "pyodbc", "psycopg2": "psycopg2-binary", "oracle": "oracledb", "oracledb": "oracledb",
    "snowflake": "snowflake-sqlalchemy", "bigquery": "sqlalchemy-bigquery",
}  # fmt: skip


def engine_of_dialect(dialect: str) -> Engine:
    """Return the engine that SQLAlchemy calls so, `OTHER` if it is not known here.

    >>> engine_of_dialect("mssql").name
    'SQL Server'
    """
    return next((engine for engine in ENGINES if dialect and engine.dialect == dialect), OTHER)


def driver_name(scheme: str, options: set[str]) -> str:
    """Return SQLAlchemy's name for the first part of an address, with the driver that is meant where none is named.

    options: the names in the query of the address.

    >>> driver_name("postgres", set()), driver_name("mysql+mysqldb", set())
    ('postgresql+psycopg', 'mysql+mysqldb')
    >>> driver_name("mssql", set()), driver_name("mssql", {"driver"})
    ('mssql+pymssql', 'mssql+pyodbc')
    """
    dialect, _, driver = scheme.partition("+")
    dialect = "postgresql" if dialect == "postgres" else dialect
    if dialect == "mssql" and options & {"driver", "odbc_connect"}:
        driver = driver or "pyodbc"
    driver = driver or _DRIVERS.get(dialect, "")
    return f"{dialect}+{driver}" if driver else dialect


def package_of(drivername: str) -> str | None:
    """Return the package to install for SQLAlchemy's name of a driver, None if none is known.

    >>> package_of("mysql+pymysql"), package_of("mysql+mysqldb"), package_of("nosuchdatabase")
    ('pymysql[rsa]', 'mysqlclient', None)
    """
    dialect, _, driver = drivername.partition("+")
    return _PACKAGES.get(driver or dialect)


def pip_install(package: str) -> str:
    """Return the command that installs a package, as a shell takes it.

    >>> pip_install("pymysql[rsa]")
    "pip install 'pymysql[rsa]'"
    """
    return f"pip install {shlex.quote(package)}"


def as_markdown() -> str:
    """Return the table of the README."""
    head = (
        "source",
        "`CLV_SOURCE_URL`",
        "install",
        "one moment for all tables",
        "statement timeout",
        "read in",
        "tested on",
    )
    rows = [
        (
            engine.name, f"`{engine.url}`" if " (" not in engine.url else _code_before_note(engine.url),
            f"`{pip_install(engine.package)}`" if engine.package not in ("", "its own") else engine.package or "nothing",
            engine.snapshot, engine.timeout, engine.batches, engine.tested,
        )
        for engine in ENGINES
    ]  # fmt: skip
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _code_before_note(url: str) -> str:
    address, _, note = url.partition(" (")
    return f"`{address}` ({note}"


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
