"""The only place that opens DuckDB: hardened connections that begin, commit or roll back, and always close.

Tables are defined in other packages; this module names none.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import DamageError, PipelineError, PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.core.machine_limits import explained
from clv_pipeline.core.settings import Settings

Connection = duckdb.DuckDBPyConnection

#: One schema for each stage of the pipeline, in order.
SCHEMAS = ("raw", "clean", "quality", "features", "training", "scores", "published")
_LOCK_WAIT_SECONDS = 20


class Warehouse:
    """One private DuckDB file; every use opens it, works inside one transaction, and closes it again."""

    def __init__(self, path: Path, *, scratch: Path, writable_folders: list[Path], memory_limit: str, threads: int):
        self.path = path
        #: written when corruption was detected: DuckDB can open a file whose pages are unreadable
        self.damage_mark = path.with_suffix(".damaged")
        #: where a damaged file is kept until the run after its detection
        self.set_aside = path.with_name("set_aside.duckdb")
        self._memory_limit = memory_limit
        self._folders = [path.parent, scratch, *writable_folders]
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "threads": str(threads),
            "temp_directory": str(scratch),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }

    @classmethod
    def of(cls, settings: Settings) -> "Warehouse":
        """Return the warehouse of the home that the settings name."""
        home = Home(settings.home)
        return cls(
            home.warehouse,
            scratch=home.scratch,
            writable_folders=[home.published],
            memory_limit=settings.memory_limit,
            threads=settings.threads,
        )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection inside a transaction: committed on success, rolled back on any exception, then closed."""
        with self.connection() as connection:
            try:
                connection.execute("begin transaction")
                yield connection
                connection.execute("commit")
            except BaseException:
                _roll_back(connection)
                raise

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Yield a connection with no transaction of its own (for reading, and for building other files)."""
        try:
            with self.explained(self.path.parent):
                connection = self._open()
                try:
                    yield connection
                finally:
                    connection.close()
        except DamageError:
            self.damage_mark.touch()
            raise

    @contextmanager
    def explained(self, folder: Path) -> Iterator[None]:
        """Turn machine errors while writing in `folder` into errors with a next step; see `machine_limits.py`."""
        needed = 2 * self.path.stat().st_size if self.path.exists() else 0
        with explained(folder, memory_limit=self._memory_limit, needed_bytes=needed):
            yield

    def rebuild(self) -> None:
        """Rewrite the file from its rows: until then deleted bytes stay in a DuckDB file."""
        beside = self.path.with_name(f".{self.path.name}.new")
        beside.unlink(missing_ok=True)
        with self.connection() as connection:
            (name,) = one_row(connection, "select current_database()")
            connection.execute(f"attach {quote_text(str(beside))} as rebuilt")
            connection.execute(f"copy from database {quote_name(name)} to rebuilt")
            connection.execute("detach rebuilt")
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(beside, self.path)
        # a WAL left behind by the old file's last connection
        self.path.with_name(f"{self.path.name}.wal").unlink(missing_ok=True)

    def _open(self) -> Connection:
        deadline = time.monotonic() + _LOCK_WAIT_SECONDS
        while True:
            try:
                connection = duckdb.connect(str(self.path), config=self._config)
                break
            except duckdb.IOException as error:
                if "lock" not in str(error).lower():
                    raise
                if time.monotonic() > deadline:
                    raise PipelineError(
                        f"The warehouse {self.path} is open in another process: {reason_of(error)}",
                        next_step="wait for that run to end, or stop the process named above, then run again.",
                    ) from None
                time.sleep(0.5)
        if not _is_hardened(connection):
            harden(connection, self._folders)
            for schema in SCHEMAS:
                connection.execute(f"create schema if not exists {schema}")
        return connection


def _roll_back(connection: Connection) -> None:
    try:
        connection.execute("rollback")
    except duckdb.Error:
        # the failing statement may have ended the transaction already; the first error is the one to show
        return


def _is_hardened(connection: Connection) -> bool:
    """Return whether another connection of this process has the same file open: they share its settings and schemas."""
    return bool(one_row(connection, "select current_setting('lock_configuration')")[0])


def harden(connection: Connection, folders: list[Path], relative_names: list[str] | None = None) -> None:
    """Lock a connection: UTC, files in `folders` and those in `relative_names` only, no network, no later change of this."""
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    if relative_names:
        connection.execute(f"set allowed_paths = [{', '.join(quote_text(name) for name in relative_names)}]")
    allowed = ", ".join(quote_text(f"{folder}/") for folder in folders)
    connection.execute(f"set allowed_directories = [{allowed}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


@contextmanager
def open_scratch() -> Iterator[Connection]:
    """Yield a connection to a database in memory that can reach no file; what is written to it ends with it."""
    with duckdb.connect(":memory:") as connection:
        harden(connection, [])
        yield connection


@contextmanager
def open_bundle_file(path: Path, *, memory_limit: str | None = None) -> Iterator[Connection]:
    """Yield a read-only connection to a published file; nothing else is reachable from it.

    `memory_limit`, such as 256MB, is for readers that live next to others; by default it is DuckDB's own.

    Raises:
        PublishError: the file is damaged, or another process has it open for writing.
    """
    try:
        config: dict[str, Any] = {"memory_limit": memory_limit} if memory_limit else {}
        connection = duckdb.connect(str(path), read_only=True, config=config)
    except duckdb.Error as error:
        raise PublishError(
            f"{path} cannot be opened: {reason_of(error)}",
            next_step="close the tool that has it open for writing; if it is damaged, run `clv rollback RUN_ID`.",
        ) from None
    try:
        if not _is_hardened(connection):
            harden(connection, [path.parent])
        yield connection
    finally:
        connection.close()


def quote_name(name: str) -> str:
    """Return `name` as a quoted SQL identifier.

    >>> print(quote_name('the "main" order'))
    "the ""main"" order"
    """
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Return `text` as a quoted SQL string.

    >>> print(quote_text("O'Neill"))
    'O''Neill'
    """
    return "'" + text.replace("'", "''") + "'"


def columns_of(connection: Connection, relation: str) -> dict[str, str]:
    """Return column name -> SQL type of a table, view or parenthesised query."""
    return {row[0]: row[1] for row in connection.execute(f"describe select * from {relation}").fetchall()}


def tables_of(connection: Connection) -> list[str]:
    """Return every table as `<schema>.<name>`, in a bundle as `<name>`."""
    rows = connection.execute(
        "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' order by all"
    ).fetchall()
    return [name if schema == "main" else f"{schema}.{name}" for schema, name in rows]


def has_table(connection: Connection, table: str) -> bool:
    """Return whether `<schema>.<name>` exists."""
    schema, name = table.split(".")
    return bool(
        connection.execute(
            "select 1 from information_schema.tables where table_schema = ? and table_name = ?", [schema, name]
        ).fetchall()
    )


def one_row(connection: Connection, query: str, parameters: Mapping[str, object] | None = None) -> tuple[Any, ...]:
    """Return the only row of a query, and leave no result open on the connection."""
    (row,) = connection.execute(query, parameters).fetchall()
    return tuple(row)


def records(connection: Connection, query: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
    """Return each row of a query as column name -> value."""
    cursor = connection.execute(query, parameters)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def row_count(connection: Connection, relation: str) -> int:
    """Return the number of rows of a table, view or parenthesised query."""
    return int(one_row(connection, f"select count(*) from {relation}")[0])
