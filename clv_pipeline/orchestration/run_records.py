"""Reader of what one run did: Dagster's history becomes a `RunRecord`. What is shown of it is in `diagnostics/run_story.py`.

The history outlives the warehouse, which the next night overwrites, and a kill, which leaves the events until then. It is part of
`clv backup`, and `clv forget` searches it as it does every file of a home.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.errors import ConfigurationError, nearest
from clv_pipeline.core.home import Home
from clv_pipeline.diagnostics.run_record import (
    STAGES,
    Cause,
    CheckOutcome,
    NotAccepted,
    RunRecord,
    Step,
    TableRead,
)
from clv_pipeline.orchestration.history import LOOK_BACK, failures_of, publishes, status_of
from clv_pipeline.orchestration.resources import ACKNOWLEDGE_TAG, AS_OF_TAG, CODE_TAG, SETTINGS_TAG, STARTED_BY_TAG
from clv_pipeline.orchestration.sql_assets import asset_key

LATEST = "latest"
#: So many runs are named where one is not known.
_NAMED = 5
_SHORTEST_PREFIX = 4
#: Steps whose name is not that of their asset.
_STAGE_OF_STEP = {"extract": "raw", "customers": "published", "publish": "published"}
_EVENTS = {
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
}
_BUNDLE = asset_key("published.bundle")


def read_run(home: Home, reference: str) -> tuple[RunRecord, RunRecord | None]:
    """Return a run, and the one to compare it with: the last green one before it, else the one before it.

    reference: a run's number or the beginning of it, the name of the bundle that it published, or `latest`.

    Raises:
        ConfigurationError: there is no such run, or none at all; the message names the nearest ones.
    """
    if not (home.dagster / "dagster.yaml").exists():
        raise ConfigurationError("There is no run in this home yet", next_step="`clv run` makes one.")
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        records = [r for r in instance.get_run_records(limit=LOOK_BACK * 10) if publishes(r.dagster_run)]
        chosen = _chosen(instance, records, reference)
        earlier = records[records.index(chosen) + 1 :]
        green = next((r for r in earlier if r.dagster_run.status is dg.DagsterRunStatus.SUCCESS), None)
        before = green or next(iter(earlier), None)
        return _record(home, instance, chosen), _record(home, instance, before) if before else None


def _chosen(instance: dg.DagsterInstance, records: Sequence[dg.RunRecord], reference: str) -> dg.RunRecord:
    if not records:
        raise ConfigurationError("There is no run in this home yet", next_step="`clv run` makes one.")
    if reference == LATEST:
        return records[0]
    numbers = {r.dagster_run.run_id: r for r in records}
    if len(reference) >= _SHORTEST_PREFIX:
        found = [number for number in numbers if number.startswith(reference)]
        if len(found) == 1:
            return numbers[found[0]]
    bundles = _bundles(instance)
    if bundles.get(reference) in numbers:
        return numbers[bundles[reference]]
    listed = "; ".join(_named(r) for r in records[:_NAMED])
    raise ConfigurationError(
        f"There is no run '{reference}' in this home{nearest(reference, [*numbers, *bundles])}",
        next_step=f"name one of the newest: {listed}; or `latest`.",
    )


def _named(record: dg.RunRecord) -> str:
    run = record.dagster_run
    return f"{run.run_id[:8]} ({record.create_timestamp:%Y-%m-%d %H:%M} UTC, {run.status.value.lower()})"


def _bundles(instance: dg.DagsterInstance) -> dict[str, str]:
    """Return the name of each published bundle -> the run that published it last."""
    found: dict[str, str] = {}
    for record in instance.fetch_materializations(_BUNDLE, limit=LOOK_BACK * 10).records:
        materialization = record.asset_materialization
        if materialization and "run_id" in materialization.metadata:
            found.setdefault(str(materialization.metadata["run_id"].value), record.event_log_entry.run_id)
    return found


def _record(home: Home, instance: dg.DagsterInstance, record: dg.RunRecord) -> RunRecord:
    run = record.dagster_run
    logs = [entry for entry in instance.all_logs(run.run_id, of_type=_EVENTS) if entry.dagster_event]
    events = [entry.dagster_event for entry in logs if entry.dagster_event]
    made = {asset: metadata for asset, metadata in map(_made, events) if asset}
    checks = [
        e.asset_check_evaluation_data for e in events if e.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]
    bad = [_outcome(check) for check in checks if not check.passed]
    snapshot = run.execution_plan_snapshot_id and instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
    return RunRecord(
        run.run_id,
        run.job_name,
        status_of(home, run),
        run.tags.get("dagster/schedule_name") or run.tags.get(STARTED_BY_TAG, "the Dagster UI"),
        record.create_timestamp.astimezone(UTC),
        datetime.fromtimestamp(record.end_time, UTC) if record.end_time else None,
        str(made.get("features/cutoffs", made.get("raw/orders", {})).get("as_of") or run.tags.get(AS_OF_TAG, "")),
        len(snapshot.step_keys_to_execute) if snapshot else 0,
        steps=tuple(_steps(logs)),
        tables=tuple(_tables(made)),
        not_accepted=tuple(_not_accepted(made, checks)),
        causes=tuple(
            {
                f.message: Cause(f.subject, f.what, f.next_step, f.runbook, f.guilty)
                for f in (failures_of(events, run.tags) if run.is_failure else [])
            }.values()
        ),
        checks=tuple(sorted(bad, key=lambda check: not check.is_failed)),
        checks_passed=sum(check.passed for check in checks),
        settings=json.loads(run.tags.get(SETTINGS_TAG, "{}")),
        code=run.tags.get(CODE_TAG, ""),
        published=made.get("published/clv_run", {}) | made.get("published/bundle", {}),
        champion=made.get("training/champion", {})
        | {"why": made.get("features/cutoffs", {}).get("training is due", "")},
        asked=tuple(filter(None, run.tags.get(ACKNOWLEDGE_TAG, "").split(","))),
    )


def _made(event: dg.DagsterEvent) -> tuple[str, dict[str, Any]]:
    """Return the asset that an event materializes, and its metadata as plain values; no name for another event."""
    if event.event_type is not dg.DagsterEventType.ASSET_MATERIALIZATION or event.asset_key is None:
        return "", {}
    return event.asset_key.to_user_string(), _plain(event.materialization.metadata)


def _plain(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, Any]:
    return {label: entry.value for label, entry in metadata.items()}


def _steps(logs: Iterable[dg.EventLogEntry]) -> Iterable[Step]:
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    for entry in logs:
        event = entry.dagster_event
        assert event is not None
        if event.step_key and event.event_type is dg.DagsterEventType.STEP_START:
            began.setdefault(event.step_key, entry.timestamp)
        elif event.step_key and event.event_type in (
            dg.DagsterEventType.STEP_SUCCESS,
            dg.DagsterEventType.STEP_FAILURE,
        ):
            ended[event.step_key] = entry.timestamp
    for step, since in began.items():
        name = step.replace("__", "/")
        stage = _STAGE_OF_STEP.get(step, name.split("/")[0])
        yield Step(name, stage if stage in STAGES else "scores", ended[step] - since if step in ended else None)


def _tables(made: Mapping[str, Mapping[str, Any]]) -> Iterable[TableRead]:
    for name in CONTRACT:
        found = made.get(f"raw/{name}", {})
        if found.get("provided by the source"):
            yield TableRead(
                name,
                int(found["dagster/row_count"]),
                found.get("rows at the source"),
                found.get("money at the source"),
                int(found["rows delivered tonight"]),
                int(found["rows new tonight"]),
                tuple(found.get("columns returned", ())),
                str(found.get("SELECT", "")),
            )


def _not_accepted(
    made: Mapping[str, Mapping[str, Any]], checks: Iterable[dg.AssetCheckEvaluation]
) -> Iterable[NotAccepted]:
    """Yield the rows by reason, of clean tables that were replaced and of those that were not: their checks count as well."""
    counted: dict[str, Mapping[str, Any]] = {
        check.asset_key.to_user_string(): _plain(check.metadata)
        for check in checks
        if check.check_name == "reconciliation"
    }
    counted |= {asset: metadata for asset, metadata in made.items() if asset.startswith("clean/")}
    for asset, metadata in counted.items():
        for record in getattr(metadata.get("dispositions"), "records", ()):
            row = record.data
            if row["disposition"] not in ("accepted", "created"):
                yield NotAccepted(
                    asset.split("/")[1], row["disposition"], row["reason"], int(row["rows"]), str(row["money"])
                )


def _outcome(check: dg.AssetCheckEvaluation) -> CheckOutcome:
    said = _plain(check.metadata)
    texts = (said[label] for label in ("message", "warnings", "what broke") if said.get(label))
    guilty = said.get("guilty segment") or {}
    return CheckOutcome(
        f"{check.asset_key.to_user_string()} {check.check_name}",
        check.severity is dg.AssetCheckSeverity.ERROR,
        str(next(texts, "")),
        str(guilty.get("text", "")) if isinstance(guilty, Mapping) else "",
        str(said.get("what to do", "")),
        bool(said.get("acknowledged for this run")),
    )
