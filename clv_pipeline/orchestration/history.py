"""Reader of the run history: outcome of the newest night, its failures, and whether a next one will start.

Runs are started in `runs.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.events import JobFailureData
from dagster_shared.error import SerializableErrorInfo

from clv_pipeline.core import clock
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import RUNBOOK
from clv_pipeline.core.run_lock import holder_of
from clv_pipeline.core.settings import Settings
from clv_pipeline.diagnostics.findings import Finding, State, warning
from clv_pipeline.diagnostics.status import age_in_days
from clv_pipeline.orchestration.dagster_home import damaged_history
from clv_pipeline.orchestration.failure_fields import from_metadata, from_tags
from clv_pipeline.orchestration.scheduler import Scheduler, scheduler_of
from clv_pipeline.orchestration.schedules import next_tick
from clv_pipeline.orchestration.sql_assets import asset_key
from clv_pipeline.publishing.serving import bundle_dates, read_pointer

#: How many runs to look back for one that publishes; somebody may have materialized single assets in the UI since.
LOOK_BACK = 100
_HOW_TO_SCHEDULE = (
    "`clv ui` runs the schedule as long as it is open (start it as a service), or let cron start `clv run`."
)


@dataclass(frozen=True)
class Failure:
    """One failure: an asset, with its check if one failed; the problem; the next step and the runbook's section.

    These two are empty for an unexpected error. guilty: the guilty segments of its failed checks, as fields.
    """

    subject: str
    what: str
    next_step: str = ""
    runbook: str = ""
    guilty: tuple[dict[str, Any], ...] = ()

    @property
    def advice(self) -> str:
        return f"{self.next_step} More: {self.runbook}" if self.next_step else ""

    @property
    def message(self) -> str:
        """The text for the user."""
        return f"{self.what}\n  Next step: {self.advice}" if self.next_step else self.what


@dataclass(frozen=True)
class NewestRun:
    """The newest run that publishes; `ended_at` is None while it is queued or running."""

    run_id: str
    job_name: str
    status: str
    created_at: datetime
    ended_at: datetime | None
    failures: list[Failure]

    @property
    def is_red(self) -> bool:
        return self.status in ("failure", "canceled", "killed")


def about_runs(home: Home, settings: Settings) -> Iterator[Finding]:
    """Yield a finding for the newest run, with its failures, and one for the next run: whether anything will start it."""
    damaged = damaged_history(home)
    if damaged:
        text = f"unknown, because {', '.join(map(str, damaged))} is damaged"
        for subject in ("newest run", "next run"):
            yield Finding(subject, False, text, "`clv run` renames it and starts a new history.")
        return
    run = newest_run(home)
    yield _about(run) if run else Finding("newest run", True, "no run yet")
    yield _next_run(home, settings)


def _next_run(home: Home, settings: Settings) -> Finding:
    """Judge whether a next run will start by itself.

    A live scheduler with the schedule on is proof. Companies that start `clv run` by cron have none; there the nights decide:
    yesterday's and the one before it have bundles, so something makes them. One bundle proves nothing: a person made it.
    """
    scheduler, now = scheduler_of(home), clock.now()
    if scheduler.is_alive(now) and scheduler.is_switched_on:
        return Finding("next run", True, f"{next_tick(now):%Y-%m-%d %H:%M} {settings.time_zone}, by the scheduler")
    text, next_step = _no_schedule(scheduler, now)
    pointer = read_pointer(home.published)
    nights = bundle_dates(home.published, pointer["source_name"] if pointer else settings.name)
    is_recent = bool(nights) and age_in_days(max(nights), settings.time_zone) <= 1
    if is_recent and max(nights) - timedelta(days=1) in nights:
        return Finding("next run", True, f"{text}, but nights arrive: something else starts them, such as cron")
    if is_recent or settings.as_of:
        return warning("next run", f"{text}, and nothing else is known to start the next run", next_step)
    return Finding("next run", False, f"{text}, and no night has arrived{_since(nights)}", next_step)


def _no_schedule(scheduler: Scheduler, now: datetime) -> tuple[str, str]:
    """Return why the schedule starts nothing, and the next step."""
    if scheduler.is_alive(now):
        return (
            "the schedule is switched off in the Dagster UI",
            f"switch it on there, under Automation. {_HOW_TO_SCHEDULE}",
        )
    if scheduler.last_heartbeat is None:
        return "no scheduler has run here", _HOW_TO_SCHEDULE
    return (
        f"no scheduler is running (the last one until {scheduler.last_heartbeat:%Y-%m-%d %H:%M} UTC)",
        _HOW_TO_SCHEDULE,
    )


def _since(nights: set[date]) -> str:
    return f" since that of {max(nights)}" if nights else " yet"


def _about(run: NewestRun) -> Finding:
    name, when = f"{run.job_name} {run.run_id}", f"{run.ended_at or run.created_at:%Y-%m-%d %H:%M} UTC"
    if not run.is_red:
        return Finding("newest run", True, f"{name}: {run.status}, {when}")
    first = run.failures[0] if run.failures else Failure("the run", "its process ended without an error message")
    more = f" (and {len(run.failures) - 1} more)" if len(run.failures) > 1 else ""
    return Finding(
        "newest run",
        False,
        f"{name} failed ({run.status}, {when}): {first.subject}: {first.what}{more}",
        f"{first.advice or 'run again.'} What it read, refused and changed: `clv explain-run {run.run_id[:8]}`.",
        state=State.RED,
    )


def newest_run(home: Home) -> NewestRun | None:
    """Return the outcome of a home's newest run that publishes, or None before the first one.

    A run of other assets, started in the UI, says nothing about the night: a green one must not hide a red night. Where no
    run publishes, it is the newest of any kind.
    """
    if not (home.dagster / "dagster.yaml").exists():
        return None
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        records = instance.get_run_records(limit=LOOK_BACK)
        if not records:
            return None
        record = next((r for r in records if publishes(r.dagster_run)), records[0])
        run = record.dagster_run
        return NewestRun(
            run.run_id,
            run.job_name,
            status_of(home, run),
            record.create_timestamp.astimezone(UTC),
            datetime.fromtimestamp(record.end_time, UTC) if record.end_time else None,
            _failures(instance, run) if run.is_failure else [],
        )


def publishes(run: dg.DagsterRun) -> bool:
    """Return whether a run includes the bundle; one without a selection includes every asset."""
    return not run.asset_selection or asset_key("published.bundle") in run.asset_selection


def status_of(home: Home, run: dg.DagsterRun) -> str:
    """Return Dagster's word for the state of a run, or 'killed' if its process is gone without a final status."""
    holder = holder_of(home)
    if run.status == dg.DagsterRunStatus.STARTED and (holder is None or holder.run_id != run.run_id):
        return "killed"
    return run.status.value.lower()


def _failures(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[Failure]:
    kinds = {
        dg.DagsterEventType.STEP_FAILURE,
        dg.DagsterEventType.RUN_FAILURE,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    }
    events = [e.dagster_event for e in instance.all_logs(run.run_id, of_type=kinds) if e.dagster_event]
    return failures_of(events, run.tags)


def failures_of(events: list[dg.DagsterEvent], tags: Mapping[str, str]) -> list[Failure]:
    """Return the failures among the events of one run: its steps, or the run itself (from its tags) if no step failed."""
    checks = _failed_checks(events)
    failures = []
    for event in events:
        if event.is_step_failure:
            asset = (event.step_key or "").replace("__", "/")
            failures.append(_failure_of_step(asset + checks.get(asset, ""), event))
    return failures or [_failure_of_run(event, tags) for event in events if event.is_run_failure]


def _failed_checks(events: list[dg.DagsterEvent]) -> dict[str, str]:
    """Return asset -> the names of the checks it failed, in brackets."""
    names: dict[str, list[str]] = {}
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR:
                names.setdefault(evaluation.asset_key.to_user_string(), []).append(evaluation.check_name)
    return {asset: f" (check {', '.join(failed)})" for asset, failed in names.items()}


def _failure_of_step(subject: str, event: dg.DagsterEvent) -> Failure:
    """Return the fields of our own error; of another, which no step of ours raises, the type alone."""
    data = event.step_failure_data
    metadata = data.user_failure_data.metadata if data.user_failure_data else {}
    fields = from_metadata({name: str(entry.value) for name, entry in metadata.items()})
    return Failure(subject, *fields) if fields else _foreign(subject, data.error)


def _failure_of_run(event: dg.DagsterEvent, tags: Mapping[str, str]) -> Failure:
    details, fields = event.event_specific_data, from_tags(tags)
    if fields:
        return Failure("the run", *fields)
    if isinstance(details, JobFailureData):
        return _foreign("the run", details.error)
    return Failure("the run", event.message or "unexpected error")


def _foreign(subject: str, error: SerializableErrorInfo | None) -> Failure:
    while error and error.cause:
        error = error.cause
    if error and error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
        what = "it was interrupted, by Ctrl-C or a signal"
        return Failure(subject, what, "`clv run` heals what it left.", f"{RUNBOOK}#interrupted")
    return Failure(subject, f"unexpected {error.cls_name}" if error and error.cls_name else "unexpected error")
