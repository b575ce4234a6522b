"""`clv doctor`: check that tonight's run can work. Each finding names what was checked and, if it failed, the next step.

Nothing is changed, and one failure never hides the other findings, not even one that is not ours.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.engines import Engine
from clv_pipeline.core.errors import PipelineError
from clv_pipeline.core.foreign_errors import net
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import RUNBOOK
from clv_pipeline.core.settings import OrderStatus, Settings
from clv_pipeline.diagnostics.alerts import are_set
from clv_pipeline.diagnostics.findings import Finding, warning
from clv_pipeline.quality.statuses import status_block
from clv_pipeline.reporting.formats import gigabytes
from clv_pipeline.sources.folder import SourceSelect, check_rule_columns, exclusion_condition, read_selects
from clv_pipeline.sources.hash_key import SET_KEY
from clv_pipeline.sources.loading import LoadReport, check_columns
from clv_pipeline.sources.readers import open_source

_FREE_BYTES = 2_000_000_000
_MORE = f"More: {RUNBOOK}#machine"
#: Far in the future, so that an incremental SELECT returns its columns and no rows.
_NO_ROWS_SINCE = "9000-01-01 00:00:00"


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for configuration, source, each SELECT, time zone, disk, schedule and alerts."""
    yield Finding("settings", True, f"source '{settings.name}' from {settings.source_folder}")
    yield from _rules(settings)
    yield from _source(settings)
    yield _time_zone(settings)
    yield _disk(settings)
    yield _rights(settings)
    yield _schedule(settings)
    yield are_set(settings)


def _rules(settings: Settings) -> Iterator[Finding]:
    try:
        for rule in settings.exclude:
            exclusion_condition(rule)
    except PipelineError as error:
        yield Finding("exclusion rules", False, error.what, error.advice)
    else:
        yield Finding(
            "exclusion rules", True, f"{len(settings.exclude)} exclude rules are valid conditions on contract columns"
        )


def _source(settings: Settings) -> Iterator[Finding]:
    if settings.source == "demo" and settings.source_url is None:
        yield Finding("source", True, "the embedded demo company, created on the first run")
        return
    try:
        with net(Home(settings.home), "clv_doctor", "source"):
            selects = read_selects(settings)
            with open_source(settings.source_url, tries=1, timeout_seconds=60) as source:
                engine, gaps = source.engine, source.gaps(" ".join(select.sql for select in selects.values()))
    except PipelineError as error:
        yield Finding("source", False, error.what, error.advice)
        return
    yield _reachable(engine)
    for gap in gaps:
        yield warning("snapshot", gap.text, gap.next_step)
    returned: dict[str, list[str]] = {}
    for name in CONTRACT:
        if name in selects:
            finding, returned[name] = _select(settings, selects[name])
            yield finding
        else:
            yield Finding(f"{name}.sql", True, "not provided: only its features are missing")
    yield _emails(settings, returned)
    yield _consent(returned)
    if settings.gross_margin is None:
        has_cost = "cost" in returned.get("orders", [])
        yield warning(
            "gross margin",
            "gross_margin is not set: margins with an order line without a cost stay empty" if has_cost else
            "gross_margin is not set: lifetime_margin and the margins of channels stay empty, and no ltv_to_cac is shown",
            "set gross_margin in source.toml to the share of spend that is margin, such as 0.45"
            + ("; it counts for lines without a cost alone." if has_cost else ", or return cost for each line in orders.sql."),
        )  # fmt: skip
    if "status" in returned.get("orders", []):
        yield _statuses(settings, selects["orders"])


def _reachable(engine: Engine) -> Finding:
    """Return what the engine guarantees, and what is not known of it."""
    untried = "" if engine.is_tried else f". What the project's tests ran against: {engine.tested}"
    return Finding(
        "source",
        True,
        f"reachable: {engine.name}. One moment for all tables: {engine.snapshot}. Statement timeout: {engine.timeout}{untried}",
    )


def _emails(settings: Settings, returned: dict[str, list[str]]) -> Finding:
    if settings.hash_key is not None:
        return Finding("e-mail hashing", True, "CLV_HASH_KEY is set: e-mail addresses are kept as keyed hashes only")
    tables = [name for name in ("orders", "customers") if "email" in returned.get(name, [])]
    if not tables:
        return Finding("e-mail hashing", True, "no e-mail addresses are returned, so that no CLV_HASH_KEY is needed")
    files = " and ".join(f"{name}.sql" for name in tables)
    refused = "the run is refused" if "orders" in tables else "it is not loaded at all"
    return Finding(
        "e-mail hashing",
        False,
        f"email is returned by {files}, and there is no CLV_HASH_KEY to hash it with: {refused}",
        f"set the key, or remove email from {files}. {SET_KEY}",
    )


def _consent(returned: dict[str, list[str]]) -> Finding:
    if "profiling_consent" in returned.get("customers", []):
        return Finding("consent", True, "customers.profiling_consent decides: only customers who say yes are profiled")
    return Finding("consent", True, "no profiling_consent is returned: every customer is profiled")


def _statuses(settings: Settings, select: SourceSelect) -> Finding:
    """Check that every status is classified; what is not is shown with its lines and money, ready to paste."""
    try:
        with (
            net(Home(settings.home), "clv_doctor", "statuses"),
            open_source(settings.source_url, tries=1, timeout_seconds=settings.statement_timeout_seconds) as source,
        ):
            found = source.count_by_value(select, "status", "amount")
    except PipelineError as error:
        return Finding("order statuses", False, error.what, error.advice)
    known = settings.order_status or OrderStatus()
    new = {status: count for status, count in found.items() if status not in {*known.revenue, *known.not_revenue}}
    if not new or set(found) == {""}:
        return Finding("order statuses", True, f"all {len(found)} are classified in [order_status]")
    return Finding(
        "order statuses",
        False,
        f"{len(new)} of {len(found)} are not classified: their orders are not accepted",
        f"decide and write into {settings.source_folder / 'source.toml'}:\n\n{status_block(new)}\n",
    )


def _select(settings: Settings, select: SourceSelect) -> tuple[Finding, list[str]]:
    """Check one SELECT over its own connection: a failing one would abort the transaction of the others.

    Returns the finding and the contract columns that the SELECT returns.
    """
    subject = f"{select.table.name}.sql"
    try:
        with (
            net(Home(settings.home), "clv_doctor", subject),
            open_source(settings.source_url, tries=1, timeout_seconds=60) as source,
        ):
            batches = source.read(select, _NO_ROWS_SINCE, 1)
            returned = next(iter(batches)).column_names
            # ends a COPY that may be running, before its connection is closed
            del batches
            columns = check_columns(select.table, returned, select.path.name, LoadReport())
            check_rule_columns(settings, select, columns)
    except PipelineError as error:
        return Finding(subject, False, error.what, error.advice), []
    missing = [c.name for c in select.table.columns if c.name not in columns]
    absent = f"; not returned: {', '.join(missing)}" if missing else ""
    how = "incremental" if select.is_incremental else "read in full"
    return Finding(subject, True, f"{how}{absent}"), list(columns)


def _time_zone(settings: Settings) -> Finding:
    now = datetime.now(UTC).astimezone(ZoneInfo(settings.time_zone))
    text = f"{settings.time_zone}, local time {now:%Y-%m-%d %H:%M}"
    if (settings.source_folder / "source.toml").exists():
        return Finding("time zone", True, text)
    return Finding(
        "time zone", False, f"{text} (assumed: there is no source.toml)", 'write time_zone = "..." into source.toml.'
    )


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(Home(settings.home).scratch).free
    text = f"{gigabytes(free)} free under {settings.home}"
    if free >= _FREE_BYTES:
        return Finding("disk", True, text)
    return Finding(
        "disk", False, text, f"free at least {gigabytes(_FREE_BYTES)}, or set CLV_HOME to a larger disk. {_MORE}"
    )


def _rights(settings: Settings) -> Finding:
    folder = Home(settings.home).published
    if os.access(folder, os.W_OK):
        return Finding("rights", True, f"{folder} can be written")
    return Finding("rights", False, f"{folder} cannot be written", f"give this user write permission there. {_MORE}")


def _schedule(settings: Settings) -> Finding:
    text = (
        f"set to every night at {settings.nightly_at} {settings.time_zone}; `clv status` shows whether anything runs it"
    )
    return Finding("schedule", True, text)
