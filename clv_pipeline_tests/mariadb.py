"""A real MariaDB server of the test's own, in a temporary folder on a free port of 127.0.0.1. No test is here."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

_BIN = os.get_exec_path()
#: Debian installs servers where only root looks: in the `sbin` next to a `bin`.
_PATH = os.pathsep.join([*_BIN, *(str(Path(folder).with_name("sbin")) for folder in _BIN)])
MARIADBD, INSTALL = shutil.which("mariadbd", path=_PATH), shutil.which("mariadb-install-db", path=_PATH)
IS_MARIADB_HERE = bool(MARIADBD and INSTALL) or os.environ.get("CI") == "true"
_PATIENCE_SECONDS = 120
_NUMBER = count(1)


@contextmanager
def running_mariadb(folder: Path) -> Iterator[str]:
    """Start a server whose data, socket and log are in `folder`; yield the URL of its administrator, who has no password."""
    assert MARIADBD and INSTALL, "CI=true: a MariaDB server must be there"
    data = f"--datadir={folder / 'data'}"
    with (folder / "install.log").open("w") as log:
        # a server that root starts refuses to run as root unless it is told so
        rights = [INSTALL, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run([*rights, *_as_this_user()], stdout=log, stderr=log, check=True, timeout=_PATIENCE_SECONDS)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    # a socket's path is short: pytest's folders are not
    socket_folder = tempfile.mkdtemp(prefix="clv_mariadb_")
    arguments = [
        MARIADBD, "--no-defaults", data, f"--socket={socket_folder}/s", "--bind-address=127.0.0.1", f"--port={port}",
        f"--pid-file={folder / 'server.pid'}", "--skip-log-bin", "--skip-name-resolve", "--innodb-buffer-pool-size=32M",
        "--innodb-flush-log-at-trx-commit=0", "--default-time-zone=+03:00", *_as_this_user(),
    ]  # fmt: skip
    url = f"mariadb+pymysql://root@127.0.0.1:{port}/"
    with (folder / "server.log").open("w") as log, subprocess.Popen(arguments, stdout=log, stderr=log) as server:
        try:
            _wait(url, server, folder / "server.log")
            yield url
        finally:
            server.terminate()
            server.wait(_PATIENCE_SECONDS)
            shutil.rmtree(socket_folder)


def _as_this_user() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _wait(url: str, server: subprocess.Popen[Any], log: Path) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            engine.connect().close()
            return
        except sa.exc.OperationalError:
            time.sleep(0.1)
    raise AssertionError(f"MariaDB did not start: {log.read_text()[-2000:]}")


def new_database(server_url: str) -> str:
    """Create an empty database on the server and return its URL."""
    name = f"shop_{next(_NUMBER)}"
    execute(server_url, f"create database {name} character set utf8mb4")
    return sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)


def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements and commit them, on a connection of its own; return the rows of the last one."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


@pytest.fixture(scope="session")
def mariadb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a real MariaDB server that lives as long as the test session; its clock is in another zone than UTC."""
    if not IS_MARIADB_HERE:
        pytest.skip("no MariaDB server on this machine (CI=true makes it required)")
    with running_mariadb(tmp_path_factory.mktemp("mariadb")) as url:
        yield url
