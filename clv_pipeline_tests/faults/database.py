"""The company's tables in a real PostgreSQL, and a line to it that can be cut, counted and silenced. No test is here."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from clv_pipeline.core.home import Home
from clv_pipeline_tests.faults.company import TONIGHT, Company, Night, Row, refusal_of, run_night

_SCHEMA_NUMBER = count(1)
_TYPES = {"ordered_at": "timestamp", "amount": "numeric(18,2)", "updated_at": "timestamp", "started_at": "timestamp"}


@dataclass
class Database:
    """One schema of a PostgreSQL server that holds the company's tables; `url` logs in over its socket."""

    company: Company
    url: sa.URL
    schema: str

    def connect(self) -> psycopg.Connection[Any]:
        """Return a second connection, as somebody else's of the same server; it commits each statement."""
        host = str(self.url.query["host"])
        options = f"-csearch_path={self.schema}"
        return psycopg.connect(
            host=host, user=self.url.username, dbname=self.url.database, options=options, autocommit=True
        )

    def write(self) -> None:
        """Replace every table and every SELECT by what the company holds now."""
        self.company.write()
        with self.connect() as connection:
            connection.execute(f"drop schema if exists {self.schema} cascade; create schema {self.schema}")
            for name, rows in self.company.tables.items():
                _copy(connection, name, rows)

    def select(self, table: str, sql: str) -> None:
        (self.company.folder / f"{table}.sql").write_text(sql)

    def night(self, home: Home, port: int | None = None, as_of: str = TONIGHT, **settings: str) -> Night:
        """Run the whole job on the database, through `port` of this machine where one is given."""
        folder, url = str(self.company.folder), self._url(port)
        return run_night(home, "--source", folder, "--url", url, "--as-of", as_of, **settings)

    def refusal(self, home: Home, port: int | None = None, **settings: Any) -> str:
        """Return what the extraction says that refuses the database, without the rest of the job."""
        return str(refusal_of(self.company.folder, self._url(port), home, **settings))

    def _url(self, port: int | None) -> str:
        url = self.address(port) if port else self.url
        options = {"options": f"-csearch_path={self.schema}"}
        return url.update_query_dict(options).render_as_string(hide_password=False)

    def address(self, port: int) -> sa.URL:
        return self.url.set(host="127.0.0.1", port=port).difference_update_query(["host"])

    def backends(self, doing: str) -> int:
        """Return how many other connections of the server run a query that holds these words."""
        with self.connect() as connection:
            found = connection.execute(
                "select count(*) from pg_stat_activity where query like %s and pid <> pg_backend_pid()", [f"%{doing}%"]
            ).fetchone()
        assert found is not None
        return int(found[0])


def _copy(connection: psycopg.Connection[Any], name: str, rows: list[Row]) -> None:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    typed = ", ".join(f"{c} {_TYPES.get(c, 'text')}" for c in columns)
    connection.execute(f"create table {name} ({typed})")  # type: ignore[arg-type]
    with connection.cursor().copy(f"copy {name} from stdin") as copy:  # type: ignore[arg-type]
        for row in rows:
            copy.write_row([row.get(c) for c in columns])


def database_of(company: Company, postgres_url: str) -> Database:
    """Return the company in a new schema of the server."""
    made = Database(company, sa.make_url(postgres_url), f"company_{next(_SCHEMA_NUMBER)}")
    made.write()
    return made


class Line:
    """A port of this machine that leads to the server's socket; `cut_after` bytes of an answer it dies, `cuts` times.

    With `is_silent` it takes connections and never answers, as a server does that hangs.
    """

    def __init__(self, server: Path, *, cut_after: int = 0, cuts: int = 0, is_silent: bool = False) -> None:
        self.server = server
        self.connections = 0
        self.cut_after = cut_after
        self.cuts_left = cuts
        self.is_silent = is_silent
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []

    def work(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(client)
            if self.is_silent:
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self.server))
            self._open.append(server)
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_answer: bool = False) -> None:
        passed = 0
        with suppress(OSError):
            while block := source.recv(65_536):
                passed += len(block)
                if is_answer and self.cuts_left and passed > self.cut_after:
                    self.cuts_left -= 1
                    break
                target.sendall(block)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for end in (self._listener, *self._open):
            end.close()


@contextmanager
def line_to(database: Database, *, cut_after: int = 0, cuts: int = 0, is_silent: bool = False) -> Iterator[Line]:
    """Yield a working `Line` to the server of a database."""
    server = Path(str(database.url.query["host"])) / ".s.PGSQL.5432"
    line = Line(server, cut_after=cut_after, cuts=cuts, is_silent=is_silent)
    threading.Thread(target=line.work, daemon=True).start()
    try:
        yield line
    finally:
        line.close()


def soon(is_so: Any, seconds: float = 20) -> bool:
    """Return whether something becomes so within some seconds: a server lets go a moment after its client."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
