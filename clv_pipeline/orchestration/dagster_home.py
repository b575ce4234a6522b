"""The Dagster home of a CLV_HOME: its configuration, and repair of damaged run histories. Its UI is started in `ui.py`.

Runs that a kill left open are marked as failed. The history only reports past runs and nothing else reads it; a corrupt
history file must not stop the nightly run.
"""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import RemoteRepositoryOrigin
from dagster._core.workspace.load import location_origins_from_yaml_paths

from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import WORKSPACE
from clv_pipeline.core.run_lock import holder_of

log = logging.getLogger(__name__)

_DAGSTER_YAML = """\
# Written by clv: local history, no telemetry, one run at a time because the warehouse has one writer.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
"""
#: As many as a page of runs may show.
_RUNS_OF_THE_FIRST_PAGE = 100
#: Without these Dagster opens nothing; the events of a single run are a file each, which only that run's page reads.
_HISTORY_FILES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


def prepare_dagster_home(home: Home) -> Path:
    """Make the Dagster home of a CLV_HOME, point DAGSTER_HOME at it, and return it.

    A damaged history file is renamed to `<name>.damaged`, and a new one is started.
    """
    folder = home.dagster
    configuration = folder / "dagster.yaml"
    if not configuration.exists() or configuration.read_text() != _DAGSTER_YAML:
        configuration.write_text(_DAGSTER_YAML)
    for file in damaged_history(home):
        aside = file.with_name(f"{file.name}.damaged")
        log.warning("%s is damaged. It is renamed to %s, and a new run history is started.", file, aside)
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        os.replace(file, aside)
    os.environ["DAGSTER_HOME"] = str(folder)
    with dg.DagsterInstance.get() as instance:
        _fail_dead_runs(instance, home)
        for run in instance.get_runs(limit=_RUNS_OF_THE_FIRST_PAGE):
            if run.remote_job_origin is None:
                name_code_location(instance, run.run_id)
    return folder


def name_code_location(instance: dg.DagsterInstance, run_id: str) -> None:
    """Name the code location of a run of `clv run`: the timeline, which is the UI's first page, leaves runs without one out."""
    run = instance.get_run_by_id(run_id)
    if run is not None and run.remote_job_origin is None:
        (location,) = location_origins_from_yaml_paths([str(WORKSPACE)])
        repository = RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME)
        instance.run_storage.replace_job_origin(run, repository.get_job_origin(run.job_name))


def damaged_history(home: Home) -> list[Path]:
    """Return the files of the run history that SQLite cannot read to the end."""
    return [file for name in _HISTORY_FILES if (file := home.dagster / name).exists() and not _is_whole(file)]


def _is_whole(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(file)) as connection:
            return connection.execute("pragma quick_check(1)").fetchall() == [("ok",)]
    except sqlite3.OperationalError:
        return True  # locked, or no permission to read it: that does not mean damage
    except sqlite3.DatabaseError:
        return False


def _fail_dead_runs(instance: dg.DagsterInstance, home: Home) -> None:
    """Mark runs whose process is gone as failed: a run left in STARTED would block the queue."""
    holder = holder_of(home)
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        if holder is None or run.run_id != holder.run_id:
            instance.report_run_failed(
                run, "The process of this run ended without an error message; it was probably killed."
            )
