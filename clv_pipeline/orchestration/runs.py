"""Run the nightly job in this process. Its history is read in `history.py`."""

from dataclasses import dataclass
from datetime import date
from uuid import uuid4

import dagster as dg

from clv_pipeline.alerts.outbox import ONE_TRY
from clv_pipeline.core.errors import PipelineError
from clv_pipeline.core.home import Home
from clv_pipeline.core.run_lock import hold
from clv_pipeline.core.settings import Settings
from clv_pipeline.orchestration.dagster_home import prepare_dagster_home
from clv_pipeline.orchestration.history import Failure, failures_of
from clv_pipeline.orchestration.night_reports import tell_of_nights, tell_of_refused_start
from clv_pipeline.orchestration.progress import live_display


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of a run: failures, the number of passed checks, and (name, message) of each that warns."""

    run_id: str
    succeeded: bool
    failures: list[Failure]
    checks_passed: int
    checks_failed: list[tuple[str, str]]


def run_nightly(settings: Settings, *, retrain: bool, acknowledged: tuple[str, ...]) -> RunOutcome:
    """Execute the job that the schedule launches, in this process, into the same history; tell of how it ended.

    `acknowledged` names the checks acknowledged for this run.

    Raises:
        BusyError: a run, a rollback or a promotion is under way in this home.
    """
    home, run_id = Home(settings.home), str(uuid4())
    try:
        with hold(home, "clv run", run_id):
            prepare_dagster_home(home)
            # a run that was killed is told before this one begins, which may take hours
            tell_of_nights(settings, tries=ONE_TRY, also_age=False)
            outcome = _execute(run_id, settings.as_of, retrain, acknowledged)
    except PipelineError as error:
        tell_of_refused_start(settings, error)
        raise
    tell_of_nights(settings)
    return outcome


def _execute(run_id: str, as_of: date | None, retrain: bool, acknowledged: tuple[str, ...]) -> RunOutcome:
    # imported here: the code location reads the settings of the process, which the command line has just set
    from clv_pipeline.orchestration.definitions import defs
    from clv_pipeline.orchestration.resources import ACKNOWLEDGE_TAG, AS_OF_TAG, STARTED_BY_TAG

    tags = {
        AS_OF_TAG: as_of.isoformat() if as_of else "",
        ACKNOWLEDGE_TAG: ",".join(acknowledged),
        STARTED_BY_TAG: "the command line",
    }
    job = defs.resolve_job_def("retrain" if retrain else "nightly")
    with dg.DagsterInstance.get() as instance:
        with live_display():
            result = job.execute_in_process(
                instance=instance,
                raise_on_error=False,
                run_id=run_id,
                run_config={"loggers": {"console": {"config": {}}}},
                tags={name: value for name, value in tags.items() if value},
            )
        # several assets may fail for one reason, which is reported once
        run = instance.get_run_by_id(run_id)
        found = failures_of(list(result.all_events), run.tags if run else {})
        failures = {failure.message: failure for failure in found}
        evaluations = [e.asset_check_evaluation_data for e in result.all_events if e.event_type_value == _CHECK]
    return RunOutcome(
        result.run_id,
        result.success,
        list(failures.values()),
        sum(e.passed for e in evaluations),
        [(f"{e.asset_key.to_user_string()} {e.check_name}", _message(e)) for e in evaluations if _warns(e)],
    )


def _warns(evaluation: dg.AssetCheckEvaluation) -> bool:
    return not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.WARN


def _message(evaluation: dg.AssetCheckEvaluation) -> str:
    """Return what a check says, from the metadata that `checks.py` gives it."""
    said = (
        evaluation.metadata[label].value
        for label in ("message", "warnings", "what broke")
        if label in evaluation.metadata
    )
    return str(next(said, ""))


_CHECK = "ASSET_CHECK_EVALUATION"
