"""Hardening: connections to the warehouse or to a bundle refuse outside access for any SQL, and servers listen locally."""

import ast
from pathlib import Path

import duckdb
import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT
from clv_pipeline.core.settings import load_settings
from clv_pipeline.warehouse.connection import Connection, Warehouse, one_row, open_bundle_file
from clv_pipeline.warehouse.files import open_files
from clv_pipeline_tests.conftest import open_warehouse

SECRET = "nobody's business"


def refused(connection: Connection, *statements: str) -> None:
    for statement in statements:
        with pytest.raises(duckdb.Error, match=r"(?i)permission|not allowed|disabled|locked|read-only|cannot") as error:
            connection.execute(statement).fetchall()
        assert SECRET not in str(error.value)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a file that this process may read and no connection may."""
    file = tmp_path / "elsewhere" / "outside.csv"
    file.parent.mkdir()
    file.write_text(f"a\n{SECRET}\n")
    return file


@pytest.fixture
def inside(home: Home) -> Path:
    file = home.published / "inside.csv"
    file.write_text("a\n1\n")
    return file


def test_the_warehouse_reaches_its_own_folders_and_nothing_else(home: Home, inside: Path, outside: Path) -> None:
    with open_warehouse(home).connection() as connection:
        assert connection.execute(f"select a from read_csv('{inside}')").fetchall() == [(1,)]
        for path in (outside, outside.with_name("new.csv")):
            refused(
                connection,
                f"select * from read_text('{path}')",
                f"copy (select 1) to '{path}'",
                f"attach '{path}' as other",
                f"select * from glob('{path.parent}/*')",
            )
        refused(connection, f"select * from read_text('{home.published}/../../elsewhere/{outside.name}')")
        refused(connection, "select * from read_csv('https://example.com/a.csv')")


def test_no_extension_is_installed_or_loaded(home: Home) -> None:
    with open_warehouse(home).connection() as connection:
        refused(connection, "install httpfs", "load httpfs", "install spatial from community")
        for setting in ("autoinstall_known_extensions", "autoload_known_extensions", "enable_external_access"):
            assert one_row(connection, f"select current_setting('{setting}')") == (False,)


def test_the_configuration_is_locked(home: Home) -> None:
    with open_warehouse(home).connection() as connection:
        refused(
            connection,
            "set enable_external_access = true",
            "set allowed_directories = ['/']",
            "set memory_limit = '100GB'",
            "set lock_configuration = false",
            "set autoinstall_known_extensions = true",
        )


def test_the_limits_of_the_settings_hold(home: Home) -> None:
    settings = load_settings(source="demo", home=home.root, memory_limit="300MB", threads=1)
    with Warehouse.of(settings).connection() as connection:
        assert one_row(connection, "select current_setting('memory_limit'), current_setting('threads')") == (
            "286.1 MiB",
            1,
        )


def test_a_bundle_is_read_only_and_a_folder_of_files_shows_itself_only(home: Home, inside: Path, outside: Path) -> None:
    bundle = home.published / "clv.duckdb"
    with duckdb.connect(str(bundle)) as made:
        made.execute("create table clv_run as select 1 as a")
    with open_bundle_file(bundle) as connection:
        refused(connection, "create table t as select 1", "delete from clv_run", *_ways_out(outside))
    with open_files(inside.parent) as files:
        assert files.connection.execute("select a from inside").fetchall() == [("1",)]
        refused(files.connection, *_ways_out(outside))


def _ways_out(outside: Path) -> list[str]:
    return [f"select * from read_text('{outside}')", "set enable_external_access = true", "install httpfs"]


_STARTS = {"orchestration/ui.py": 'bind(("127.0.0.1", port))', "dashboard/launch.py": '"server.address": "127.0.0.1"'}


def test_every_server_that_the_package_starts_is_bound_to_loopback() -> None:
    """Also read from the running UI, in test_dagster_ui.py."""
    addresses = {
        node.value
        for path in (PROJECT / "clv_pipeline").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert "127.0.0.1" in addresses
    assert addresses & {"0.0.0.0", "[::]"} == set()
    started = {name: (PROJECT / "clv_pipeline" / name).read_text() for name in _STARTS}
    assert {name: sign in started[name] for name, sign in _STARTS.items()} == dict.fromkeys(_STARTS, True)
