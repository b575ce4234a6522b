"""Running the nightly job in this process, and the Dagster home that keeps its history for the UI."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg

from clv_pipeline.home import Home

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
#: Which process executes a run, so that one that was killed can be told from one that works.
_PID_TAG = "clv/pid"


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: the messages of failed steps, and each asset check's name and result."""

    run_id: str
    succeeded: bool
    errors: list[str]
    checks_passed: int
    checks_failed: list[str]


def prepare_dagster_home(home: Home) -> Path:
    """Make the Dagster home of a CLV_HOME, point DAGSTER_HOME at it, and return it."""
    folder = home.dagster
    configuration = folder / "dagster.yaml"
    if not configuration.exists() or configuration.read_text() != _DAGSTER_YAML:
        configuration.write_text(_DAGSTER_YAML)
    os.environ["DAGSTER_HOME"] = str(folder)
    with _instance() as instance:
        _fail_dead_runs(instance)
    return folder


def _fail_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs whose process is gone as failed: one that seems to run for ever would hold the queue for ever."""
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        pid = run.tags.get(_PID_TAG)
        if pid and not _is_alive(int(pid)):
            instance.report_run_failed(run, "The process of this run ended without a word; it was probably killed.")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def run_nightly(home: Home, *, as_of: date | None, retrain: bool) -> RunOutcome:
    """Execute the job that the schedule launches, in this process, into the same history."""
    prepare_dagster_home(home)
    # imported here: the code location reads the settings of the process, which the command line has just set
    from clv_pipeline.orchestration.definitions import defs
    from clv_pipeline.orchestration.resources import AS_OF_TAG

    job = defs.resolve_job_def("retrain" if retrain else "nightly")
    with _instance() as instance:
        result = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {}}}},
            tags={_PID_TAG: str(os.getpid())} | ({AS_OF_TAG: as_of.isoformat()} if as_of else {}),
        )
        errors = [_message(event) for event in result.all_events if event.is_step_failure or event.is_run_failure]
        evaluations = [e.asset_check_evaluation_data for e in result.all_events if e.event_type_value == _CHECK]
    return RunOutcome(
        result.run_id,
        result.success,
        list(dict.fromkeys(e for e in errors if e)),
        sum(e.passed for e in evaluations),
        [f"{e.asset_key.to_user_string()} {e.check_name}" for e in evaluations if not e.passed],
    )


_CHECK = "ASSET_CHECK_EVALUATION"


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.get() as instance:
        yield instance


def _message(event: dg.DagsterEvent) -> str:
    """Return what the user should read of a failed step: our own message, or the cause of an unexpected error."""
    if not event.is_step_failure:
        return ""
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    cause = failure.error
    while cause and cause.cause:
        cause = cause.cause
    return f"unexpected: {cause.message.strip()}" if cause else "unexpected error"
