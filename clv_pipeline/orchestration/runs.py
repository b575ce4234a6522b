"""Running the nightly job in this process, and the Dagster home that keeps its history for the UI.

What that history says afterwards is read in `history.py`.
"""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import uuid4

import dagster as dg

from clv_pipeline.home import Home
from clv_pipeline.orchestration.history import failures_of
from clv_pipeline.run_lock import hold, holder_of

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
    with dg.DagsterInstance.get() as instance:
        _fail_dead_runs(instance, home)
    return folder


def _fail_dead_runs(instance: dg.DagsterInstance, home: Home) -> None:
    """Mark runs whose process is gone as failed: one that seems to run for ever would hold the queue for ever."""
    holder = holder_of(home)
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        if holder is None or run.run_id != holder.run_id:
            instance.report_run_failed(run, "The process of this run ended without a word; it was probably killed.")


def run_nightly(home: Home, *, as_of: date | None, retrain: bool, acknowledged: tuple[str, ...]) -> RunOutcome:
    """Execute the job that the schedule launches, in this process, into the same history.

    `acknowledged` names the checks that may be red in this run.

    Raises:
        BusyError: a run, a rollback or a promotion is under way in this home.
    """
    run_id = str(uuid4())
    with hold(home, "clv run", run_id):
        prepare_dagster_home(home)
        return _execute(run_id, as_of, retrain, acknowledged)


def _execute(run_id: str, as_of: date | None, retrain: bool, acknowledged: tuple[str, ...]) -> RunOutcome:
    # imported here: the code location reads the settings of the process, which the command line has just set
    from clv_pipeline.orchestration.definitions import defs
    from clv_pipeline.orchestration.resources import ACKNOWLEDGE_TAG, AS_OF_TAG

    tags = {AS_OF_TAG: as_of.isoformat() if as_of else "", ACKNOWLEDGE_TAG: ",".join(acknowledged)}
    job = defs.resolve_job_def("retrain" if retrain else "nightly")
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_id=run_id,
            run_config={"loggers": {"console": {"config": {}}}},
            tags={name: value for name, value in tags.items() if value},
        )
        errors = [failure.message for failure in failures_of(list(result.all_events))]
        evaluations = [e.asset_check_evaluation_data for e in result.all_events if e.event_type_value == _CHECK]
    return RunOutcome(
        result.run_id,
        result.success,
        list(dict.fromkeys(errors)),
        sum(e.passed for e in evaluations),
        [f"{e.asset_key.to_user_string()} {e.check_name}" for e in evaluations if not e.passed],
    )


_CHECK = "ASSET_CHECK_EVALUATION"
