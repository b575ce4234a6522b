"""The ends of nights, read from the run history and told: by `clv run`, by the sensor of `clv ui`, by `clv status`.

Each of them looks at every run that has ended since the last look, so that a run that was killed is told by the next one.
What is news is decided in `alerts/`. Nothing here can fail a run.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._core.events import JobFailureData

from clv_pipeline.alerts import outbox
from clv_pipeline.alerts.delivery import ways_out
from clv_pipeline.alerts.message import Problem, Served
from clv_pipeline.alerts.news import About, NightEnd, tell_of_age, tell_of_night
from clv_pipeline.alerts.outbox import ALL_TRIES, ONE_TRY, Outbox
from clv_pipeline.core import clock
from clv_pipeline.core.commands import clv_program
from clv_pipeline.core.error_texts import kind_of
from clv_pipeline.core.errors import BusyError, PipelineError
from clv_pipeline.core.home import Home
from clv_pipeline.core.home_state import full_place_of
from clv_pipeline.core.project_files import RUNBOOK
from clv_pipeline.core.run_lock import dead_holder_of, holder_of
from clv_pipeline.core.settings import Settings
from clv_pipeline.diagnostics.status import age_in_days, is_too_old
from clv_pipeline.orchestration.failure_fields import from_tags
from clv_pipeline.orchestration.history import LOOK_BACK, Failure, failures_of, publishes
from clv_pipeline.orchestration.resources import AS_OF_TAG, current_settings
from clv_pipeline.publishing.serving import read_manifest, read_pointer
from clv_pipeline.quality.night_checks import FRESHNESS

log = logging.getLogger(__name__)
#: A run that no process holds and whose last event is as old as this was killed before it had the lock of its home; it writes
#: events before it has it, and after.
_SILENCE = timedelta(seconds=60)
#: How long to wait for a process that delivers just now, for a caller with one try and one with more.
_WAIT_SECONDS = (2.0, 20.0)
#: What ended so long ago is no news, for instance where the settings of alerts were missing for a while.
_OLD = timedelta(days=7)
_DONE = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
#: The column of the contract that a nightly check is about.
_ABOUT = {
    "order_volume": "orders.ordered_at", "guest_orders": "orders.customer_id", "freshness": "orders.ordered_at",
    "order_value": "orders.amount", "past_months": "orders.amount", "consent": "customers.profiling_consent",
    "unknown_customers": "customers.customer_id", "customer_keys": "customers.customer_id",
    "dispositions": "orders.order_line_id", "currencies": "orders.currency",
}  # fmt: skip
_KILLED = Problem(
    "killed", "the run", "its process ended without an error message; it was probably killed",
    "look at the machine's log of that hour (memory, restarts), then `clv run`.", f"{RUNBOOK}#interrupted",
)  # fmt: skip
_STALE = "restart what loads the orders into the source; the next `clv run` then reads them."
_ACKNOWLEDGED = "nothing, if the figures are right; else `clv rollback` serves the bundle before."
_CANCELED = Problem(
    "canceled",
    "the run",
    "somebody ended it in the Dagster UI",
    "start it again there, or `clv run`.",
    f"{RUNBOOK}#interrupted",
)


def tell_of_nights(settings: Settings, *, tries: int = ALL_TRIES, patient: bool = False, also_age: bool = True) -> None:
    """Tell of every run that has ended since the last look, and of a served bundle that is too old; deliver what waits.

    tries: to deliver each message. patient: leave an address alone for a while that has just failed, for a caller that comes
    back every half minute. also_age: not before a run that may publish. Where nobody is to be told, nothing is read or written.
    """
    ways, home = ways_out(settings), Home(settings.home)
    if not ways or not home.alerts.parent.exists():
        return
    try:
        with outbox.kept(home, _WAIT_SECONDS[tries > ONE_TRY]) as is_free:
            if not is_free:
                return  # whoever delivers now tells the rest at its next look
            known = outbox.read(home)
            found = _looked(known, home, settings, also_age=also_age)
            if found != known:
                outbox.write(home, found)
            left = outbox.empty(home, found, ways, clock.now(), tries=tries, patient=patient)
            if left != found:
                outbox.write(home, left)
    except Exception as error:  # whatever it is, a night does not become red of it
        log.warning(
            "Alerts are not sent: %s. Next step: check that %s can be written, then `clv test-alert`.",
            error.what if isinstance(error, PipelineError) else kind_of(error), home.alerts,
        )  # fmt: skip


def tell_of_refused_start(settings: Settings, error: PipelineError) -> None:
    """Tell of a run that could not start, of which the run history knows nothing. A home in use is no news: its run is."""
    ways = ways_out(settings)
    if not ways or isinstance(error, BusyError):
        return
    home, now = Home(settings.home), clock.now().replace(microsecond=0)
    day = settings.as_of or now.astimezone(ZoneInfo(settings.time_zone)).date()
    problem = _of_failure(Failure("the start of the run", error.what, error.next_step, error.runbook))
    try:
        with outbox.kept(home, _WAIT_SECONDS[True]) as is_free:
            if is_free:
                # what the run history has is told first
                known = _looked(outbox.read(home), home, settings, also_age=False)
                about = _about(home, settings)
                night = NightEnd("", day, now, is_red=True, what=(_placed(problem, about),))
                told = known.with_alert(*tell_of_night(known.told, night, about), ways)
                outbox.write(home, told)
                outbox.write(home, outbox.empty(home, told, ways, now, tries=ALL_TRIES, patient=False))
    except Exception as failed:
        log.warning("The alert is not sent: %s. Next step: check that %s can be written.", kind_of(failed), home.alerts)


def night_sensor() -> dg.SensorDefinition:
    """Return the sensor with which `clv ui` tells of every night, however it was started and however it ended."""

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells CLV_ALERT_URL and CLV_ALERT_COMMAND of red, stale, recovered and acknowledged nights, once each.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        tell_of_nights(current_settings(), patient=True)
        return dg.SkipReason("every run that has ended was looked at")

    return alerts


def _looked(known: Outbox | None, home: Home, settings: Settings, *, also_age: bool) -> Outbox:
    """Return the outbox with what is news. At the first look only the newest run can be: what was before, somebody knows."""
    found, ways, about, now = known or Outbox(), ways_out(settings), _about(home, settings), clock.now()
    if (home.dagster / "dagster.yaml").exists():
        with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
            ended = [r for r in _ended(instance, home) if r.dagster_run.run_id not in found.runs]
            if known is None:
                for record in ended[:-1]:
                    found = found.with_run(record.dagster_run.run_id)
                ended = ended[-1:]
            for record in ended:
                night = _night_of(instance, record, home, settings, about)
                told, alert = tell_of_night(found.told, night, about)
                found = found.with_run(night.run_id).with_alert(told, alert if now - night.when < _OLD else None, ways)
    # a day that is set by hand is as old as asked
    if also_age and about.served and settings.as_of is None and is_too_old(about.served.as_of, settings):
        found = found.with_alert(*tell_of_age(found.told, _too_old(about, settings), now, about), ways)
    return found


def _about(home: Home, settings: Settings) -> About:
    pointer = read_pointer(home.published)
    served = None
    if pointer:
        as_of = date.fromisoformat(pointer["as_of_date"])
        served = Served(pointer["run_id"], as_of, age_in_days(as_of, settings.time_zone))
    program = clv_program()
    # a reader is somewhere else
    return About(
        settings.name, full_place_of(settings), program if program == "clv" else str(Path(program).absolute()), served
    )


def _too_old(about: About, settings: Settings) -> Problem:
    assert about.served is not None
    return Problem(
        "age", "served", f"what is served is {about.served.age_days} days old: nights are missing",
        about.pasteable("`clv status` shows why; `clv run` publishes a bundle now."),
        f"{RUNBOOK}#alerts",
        value=float(about.served.age_days), limit=f"max_stale_days {settings.max_stale_days}",
    )  # fmt: skip


# --- the run history -----------------------------------------------------------------------------------------------------


def _ended(instance: dg.DagsterInstance, home: Home) -> list[dg.RunRecord]:
    """Return the runs that publish and have ended, in the order of their ends; a killed one ended with its last event."""
    records = [r for r in instance.get_run_records(limit=LOOK_BACK) if publishes(r.dagster_run)]
    ended = [r for r in records if r.dagster_run.status in _DONE or _is_killed(instance, r, home)]
    return sorted(ended, key=lambda record: _end_of(instance, record))


def _end_of(instance: dg.DagsterInstance, record: dg.RunRecord) -> datetime:
    if record.end_time:
        return datetime.fromtimestamp(record.end_time, UTC)
    return _last_event(instance, record.dagster_run) or record.create_timestamp.astimezone(UTC)


def _is_killed(instance: dg.DagsterInstance, record: dg.RunRecord, home: Home) -> bool:
    run = record.dagster_run
    if run.status not in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING):
        return False
    holder, dead = holder_of(home), dead_holder_of(home)
    if holder and holder.run_id == run.run_id:
        return False
    if dead and dead.run_id == run.run_id:
        return True
    last = _last_event(instance, run)
    return last is not None and clock.now() - last > _SILENCE


def _last_event(instance: dg.DagsterInstance, run: dg.DagsterRun) -> datetime | None:
    newest = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    return datetime.fromtimestamp(newest[0].timestamp, UTC) if newest else None


def _night_of(
    instance: dg.DagsterInstance, record: dg.RunRecord, home: Home, settings: Settings, about: About
) -> NightEnd:
    run = record.dagster_run
    when = _end_of(instance, record).replace(microsecond=0)
    as_of = _as_of(record, settings)
    if run.status is not dg.DagsterRunStatus.SUCCESS:
        is_canceled = run.status is dg.DagsterRunStatus.CANCELED
        problems = [_CANCELED] if is_canceled else _problems(instance, run) or [_KILLED]
        return NightEnd(run.run_id, as_of, when, is_red=True, what=tuple(_placed(p, about) for p in problems))
    evaluations = [
        e.asset_check_evaluation_data for e in _events(instance, run, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    ]
    acknowledged = [e for e in evaluations if _value(e, "acknowledged for this run") is True]
    stale = [e for e in evaluations if e.check_name == FRESHNESS and not e.passed]
    bundle, is_served = _bundle(instance, run)
    manifest = read_manifest(home.published / bundle) if bundle else None
    said = {e.check_name: _placed(replace(_of_check(e), next_step=_STALE), about) for e in stale}
    said |= {e.check_name: _placed(replace(_of_check(e), next_step=_ACKNOWLEDGED), about) for e in acknowledged}
    return NightEnd(
        run.run_id,
        date.fromisoformat(manifest["as_of_date"]) if manifest else as_of,
        when,
        is_red=False,
        what=tuple(said.values()),
        acknowledged=tuple(sorted(e.check_name for e in acknowledged)),
        is_stale=bool(stale),
        is_served=is_served,
    )


def _as_of(record: dg.RunRecord, settings: Settings) -> date:
    tagged = record.dagster_run.tags.get(AS_OF_TAG)
    if tagged:
        return date.fromisoformat(tagged)
    return settings.as_of or record.create_timestamp.astimezone(ZoneInfo(settings.time_zone)).date()


def _bundle(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str, bool]:
    """Return the run_id of the bundle that a run published, and whether it was served then."""
    for event in _events(instance, run, dg.DagsterEventType.ASSET_MATERIALIZATION):
        made = event.step_materialization_data.materialization
        if made.asset_key.path == ["published", "bundle"]:
            return str(made.metadata["run_id"].value), bool(made.metadata["is served"].value)
    return "", True


def _events(instance: dg.DagsterInstance, run: dg.DagsterRun, *kinds: dg.DagsterEventType) -> list[dg.DagsterEvent]:
    return [e.dagster_event for e in instance.all_logs(run.run_id, of_type=set(kinds)) if e.dagster_event]


# --- what failed ---------------------------------------------------------------------------------------------------------


def _problems(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[Problem]:
    """Return the failed checks of each failed step, or its error where none of its checks says why."""
    kinds = (
        dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    )  # fmt: skip
    events = _events(instance, run, *kinds)
    failed: dict[str, list[dg.AssetCheckEvaluation]] = {}
    for event in events:
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR:
                failed.setdefault(event.step_key or "", []).append(evaluation)
    problems = []
    for event in events:
        if event.is_step_failure:
            (failure,) = failures_of([event], run.tags)
            checks = failed.get(event.step_key or "", [])
            problems += _with_guilty([p for e in checks for p in _of_failed_check(e, failure)], failure)
    if not problems and any(e.is_run_failure and _has_no_reason(e) for e in events) and not from_tags(run.tags):
        return [_KILLED]
    return problems or [_of_failure(failure) for failure in failures_of(events, run.tags)]


def _with_guilty(checks: list[Problem], failure: Failure) -> list[Problem]:
    """Return the failed checks of a step, with the guilty segments of its error where none of them has its own; or the error."""
    if not checks:
        return [_of_failure(failure)]
    if any(check.guilty for check in checks):
        return checks
    return [replace(checks[0], guilty=failure.guilty), *checks[1:]]


def _has_no_reason(event: dg.DagsterEvent) -> bool:
    """Return whether a run was marked as failed without an error and without a failed step, as `dagster_home.py` does."""
    details = event.event_specific_data
    return not (isinstance(details, JobFailureData) and details.error)


def _of_failed_check(evaluation: dg.AssetCheckEvaluation, failure: Failure) -> Iterator[Problem]:
    problem = replace(_of_check(evaluation), next_step=failure.next_step)
    problem = replace(problem, runbook=failure.runbook if problem.limit is None else problem.runbook)
    rules = evaluation.metadata.get("rules")
    if not isinstance(rules, dg.TableMetadataValue):
        yield problem
        return
    table = evaluation.asset_key.to_user_string().replace("/", ".")
    for row in (record.data for record in rules.records):
        if row["unexpected"]:
            # from the fields, because the sentence of the rule has examples
            yield replace(
                problem, table=table, column=str(row["column"]), rule=str(row["rule"]), count=int(str(row["unexpected"])),
                message=f"{table}.{row['column']}: {row['unexpected']} of {row['checked']} values break '{row['rule']}'",
            )  # fmt: skip


def _of_check(evaluation: dg.AssetCheckEvaluation) -> Problem:
    table, _, column = _ABOUT.get(evaluation.check_name, "").partition(".")
    message = next((m for label in ("message", "what broke", "warnings") if (m := _value(evaluation, label))), "")
    guilty = _value(evaluation, "guilty segment")
    value = _value(evaluation, "value")
    return Problem(
        evaluation.check_name,
        evaluation.asset_key.to_user_string(),
        str(message),
        runbook=str(_value(evaluation, "what to do") or ""),
        table=table or None,
        column=column or None,
        value=float(value) if isinstance(value, int | float) else None,
        limit=_text(_value(evaluation, "limit")),
        baseline=_text(_value(evaluation, "baseline")),
        guilty=({"check": evaluation.check_name, **guilty},) if isinstance(guilty, dict) else (),
    )


def _value(evaluation: dg.AssetCheckEvaluation, label: str) -> Any:
    metadata: Mapping[str, Any] = evaluation.metadata
    return metadata[label].value if label in metadata else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _of_failure(failure: Failure) -> Problem:
    name = failure.runbook.rpartition("#")[2] or "unexpected"
    return Problem(name, failure.subject, failure.what, failure.next_step, failure.runbook, guilty=failure.guilty)


def _placed(problem: Problem, about: About) -> Problem:
    return replace(problem, next_step=about.pasteable(problem.next_step))
