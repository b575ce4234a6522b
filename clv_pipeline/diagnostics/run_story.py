"""`clv explain-run`: a run as about one screen: of a red one the first cause, then read, refused, changed, published, checks."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
from rich.console import Console
from rich.markup import escape

from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.diagnostics.run_record import STAGES, Cause, CheckOutcome, NotAccepted, RunRecord, changes, is_unusual
from clv_pipeline.publishing.serving import read_pointer
from clv_pipeline.reporting import formats
from clv_pipeline.warehouse.connection import open_bundle_file

#: A stage's name for people.
_STAGE = dict(zip(STAGES, ("read", "clean", "check", "features", "train", "score", "publish"), strict=True))
#: The text of a warning is cut here; the Dagster UI has all of it.
_LONGEST = 220
_MOST_LINES = 8
_COLOURS = {"success": "green", "failure": "red", "killed": "red", "canceled": "red"}


def print_story(console: Console, home: Home, run: RunRecord, before: RunRecord | None, ui_address: str) -> None:
    """Print what a run did, compared with the run before it; `ui_address` is empty where no Dagster UI is known."""
    _print_head(console, run, before)
    if run.is_red:
        _print_cause(console, home, run)
    _print_read(console, run, before)
    _print_lines(console, "Not accepted", _refused(run, before))
    if before:
        _print_lines(console, "Changed", changes(run, before) or _nothing_changed(run, before))
    _print_lines(console, "Published", _published(home, run, before))
    _print_lines(console, "Checks", _checks(run))
    if ui_address:
        console.print(f"In the Dagster UI: {ui_address}/runs/{run.run_id}", markup=False)


def _print_head(console: Console, run: RunRecord, before: RunRecord | None) -> None:
    colour = _COLOURS.get(run.status, "yellow")
    word = {"success": "green", "killed": "red: it was killed", "failure": "red"}.get(run.status, run.status)
    if run.is_green and run.asked:
        word += f", acknowledged: {', '.join(run.asked)}"
    console.print(f"[bold]{escape(run.job)}[/] {run.run_id}: [{colour}]{escape(word)}[/]")
    ended = f" to {_clock(run.ended_at, run.created_at)} UTC" if run.ended_at else " UTC, no end was noted"
    took = f", {_duration(run.seconds)}" if run.seconds is not None else ""
    facts = [f"{_clock(run.created_at)}{ended}{took}; as of {run.as_of or 'unknown'}; started by {run.started_by}"]
    if run.steps:
        slowest = max(run.steps, key=lambda step: step.seconds or 0.0)
        stages = ", ".join(
            f"{_STAGE.get(stage, stage)} {_duration(seconds)}" for stage, seconds in run.by_stage().items()
        )
        facts.append(f"{stages}; slowest: {slowest.name} {_duration(slowest.seconds)}")
    if before:
        state = "green" if before.is_green else f"itself red ({before.status}): figures are missing"
        facts.append(
            f"compared with {before.run_id[:8]} of {_clock(before.created_at)} UTC, as of {before.as_of or 'unknown'}, {state}"
        )
    else:
        facts.append("it is the first run of this home: there is none to compare with")
    for fact in facts:
        console.print(f"  {fact}", markup=False)


def _print_cause(console: Console, home: Home, run: RunRecord) -> None:
    console.print("[bold red]First cause[/]")
    running = [step.name for step in run.steps if step.seconds is None]
    unknown = "its process ended without an error message: it was killed, or the machine stopped"
    where = f", in the step {running[0]}" if running else ""
    cause = run.causes[0] if run.causes else Cause("the run", f"{unknown}{where}", "", "")
    console.print(f"  {cause.subject}: {cause.what}", markup=False)
    for segment in cause.guilty:
        if segment["text"] not in cause.what:
            console.print(f"  {segment['text']}", markup=False)
    if cause.next_step:
        console.print(f"  Next step: {cause.next_step}", markup=False)
        console.print(f"  More: {cause.runbook}", markup=False)
    elif not run.causes:
        console.print("  Next step: `clv run` heals what it left, and publishes.", markup=False)
    consequences = [f"{c.subject}: {c.what}"[:_LONGEST] for c in run.causes[1:]]
    left = run.planned - len(run.steps)
    if left > 0:
        consequences.append(f"{left} of {run.planned} steps did not begin")
    for line in consequences:
        console.print(f"  then: {line}", markup=False)
    served = read_pointer(home.published)
    text = f"run {served['run_id']}, as of {served['as_of_date']}" if served else "nothing: no run has published yet"
    console.print(f"  Served meanwhile: {text}", markup=False)


def _print_read(console: Console, run: RunRecord, before: RunRecord | None) -> None:
    console.print("[bold]Read[/]")
    if not run.tables:
        console.print("  nothing: it ended before the source was read", markup=False)
        return
    earlier = {each.name: each for each in before.tables} if before else {}
    lines = [("table", "rows at the source", "before", "", "money at the source", "before", "", "new tonight")]
    for each in run.tables:
        then = earlier.get(each.name)
        rows, rows_then = each.rows_at_source or each.rows, (then.rows_at_source or then.rows) if then else None
        money_then = then.money if then else None
        lines.append(
            (
                each.name, formats.count(rows), _if_known(rows_then), _difference(rows, rows_then),
                _if_known(each.money), _if_known(money_then), _difference(each.money, money_then), formats.count(each.new),
            )
        )  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            text.ljust(width) if n in (0, 3, 6) else text.rjust(width)
            for n, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        console.print(f"  {'  '.join(cell for cell in cells if cell)}".rstrip(), markup=False)


def _if_known(number: float | None) -> str:
    return "" if number is None else formats.count(round(number))


def _difference(now: float | None, before: float | None) -> str:
    """Return the difference, with a mark where it is unusual; nothing where there is none.

    >>> _difference(980, 1000), _difference(1010, 1000), _difference(5, None)
    ('-20 !', '+10', '')
    """
    if now is None or before is None or now == before:
        return ""
    return f"{formats.decimal(now - before, 0, signed=True)}{' !' if is_unusual(now, before) else ''}"


def _refused(run: RunRecord, before: RunRecord | None) -> Iterator[str]:
    """Yield the rows that were not accepted by reason: reasons that the run before did not have first, then the most rows."""
    then = {(r.table, r.disposition, r.reason): r for r in before.not_accepted} if before else {}
    rows = sorted(run.not_accepted, key=lambda r: (_key(r) in then, -r.rows))
    for row in rows[:_MOST_LINES]:
        earlier = then.get(_key(row))
        new = "new: " if before and before.not_accepted and not earlier else ""
        money = f" ({formats.money(Decimal(row.money))})" if row.money else ""
        was = f", {formats.count(earlier.rows)} before" if earlier else ""
        mark = " !" if earlier and row.rows > max(1.5 * earlier.rows, earlier.rows + 10) else ""
        yield f"{new}{row.table}: {formats.count(row.rows)} rows{money} {row.disposition}{was}{mark}: {row.reason}"
    if len(rows) > _MOST_LINES:
        yield f"and {len(rows) - _MOST_LINES} more reasons; data_quality has them"
    if not run.tables or not rows:
        yield "nothing that the run noted"


def _key(row: NotAccepted) -> tuple[str, str, str]:
    return row.table, row.disposition, row.reason


def _nothing_changed(run: RunRecord, before: RunRecord) -> list[str]:
    if not run.settings or not before.settings:
        return ["unknown: one of the two runs noted no settings"]
    return ["nothing: settings, code, SELECTs, columns of the source and model are the same"]


def _published(home: Home, run: RunRecord, before: RunRecord | None) -> Iterator[str]:
    if "run_id" not in run.published:
        yield "nothing; what was served before is still served"
        return
    name, then = str(run.published["run_id"]), before.published if before else {}
    served = read_pointer(home.published)
    state = (
        "served now"
        if served and served["run_id"] == name
        else f"not served now; {served['run_id']} is"
        if served
        else ""
    )
    yield f"bundle {name} ({state})"
    yield f"customers: {_number(run.published, then, 'customers')}"
    low, high = run.published.get("predicted spend, low"), run.published.get("predicted spend, high")
    interval = f", 90 % interval {formats.money_range(low, high)}" if low is not None and high is not None else ""
    yield f"predicted spend: {_number(run.published, then, 'predicted spend')}{interval}"
    champion = run.champion.get("version")
    if champion:
        yield f"champion: {champion}; trained tonight: {run.champion.get('why') or 'unknown'}"
    yield from _from_bundle(home, name, then)


def _number(now: Mapping[str, Any], then: Mapping[str, Any], name: str) -> str:
    value, earlier = now.get(name), then.get(name)
    if value is None:
        return "unknown"
    return formats.count(round(value)) + (f" ({formats.count(round(earlier))} before)" if earlier is not None else "")


def _from_bundle(home: Home, name: str, then: Mapping[str, Any]) -> Iterator[str]:
    """Yield what only the bundle's own tables tell: sizes of segments, and why scores changed."""
    try:
        sizes = _segments(home, name)
        earlier = _segments(home, str(then["run_id"])) if "run_id" in then else {}
        with open_bundle_file(home.published / name / "clv.duckdb") as connection:
            causes = connection.execute(
                "select cause, change from score_change_summary where change <> 0 order by abs(change) desc, cause limit 4"
            ).fetchall()
    except (PublishError, duckdb.Error):
        yield "segments and causes: the bundle is no longer kept, or an older release wrote it"
        return
    moved = {s: sizes.get(s, 0) - earlier.get(s, 0) for s in ({*sizes, *earlier} if earlier else ())}
    yield "segments: " + ", ".join(
        f"{segment} {formats.count(size)}"
        + (f" ({formats.decimal(moved[segment], 0, signed=True)})" if moved.get(segment) else "")
        for segment, size in sizes.items()
    )
    if causes:
        yield "scores changed because of: " + ", ".join(f"{c} {formats.money(m, digits=0)}" for c, m in causes)


def _segments(home: Home, name: str) -> dict[str, int]:
    with open_bundle_file(home.published / name / "clv.duckdb") as connection:
        return dict(
            connection.execute("select segment, customers from segments order by customers desc, segment").fetchall()
        )


def _checks(run: RunRecord) -> Iterator[str]:
    failed = [check for check in run.checks if check.is_failed]
    yield f"{run.checks_passed} passed, {len(run.checks) - len(failed)} warned, {len(failed)} failed"
    for check in sorted(run.checks, key=lambda c: (not c.is_failed, not c.guilty))[:_MOST_LINES]:
        word = "failed" if check.is_failed else "acknowledged" if check.is_acknowledged else "warned"
        # a failed check is the first cause, which is above in full
        said = (
            _cut(check)
            if not check.is_failed or not run.causes or check.says not in run.causes[0].what
            else "see above"
        )
        yield f"{word} {check.name}: {said}" + (f" [{check.runbook}]" if check.runbook else "")
    if len(run.checks) > _MOST_LINES:
        yield f"and {len(run.checks) - _MOST_LINES} more; the Dagster UI has them"


def _cut(check: CheckOutcome) -> str:
    """Return what a check says, cut; its guilty segment is kept whole."""
    text = check.says.replace(check.guilty, "").rstrip(" .") if check.guilty else check.says
    short = textwrap.shorten(text, _LONGEST, placeholder=" …")
    return f"{short}. {check.guilty}" if check.guilty else short


def _print_lines(console: Console, heading: str, lines: Iterable[str]) -> None:
    console.print(f"[bold]{heading}[/]")
    for line in lines:
        console.print(f"  {line}", markup=False)


def _clock(moment: datetime, day: datetime | None = None) -> str:
    is_same_day = day is not None and moment.date() == day.date()
    return f"{moment:%H:%M:%S}" if is_same_day else f"{moment:%Y-%m-%d %H:%M:%S}"


def _duration(seconds: float | None) -> str:
    """Return a duration for people.

    >>> _duration(3.21), _duration(75), _duration(None)
    ('3.2 s', '1 min 15 s', 'without an end')
    """
    if seconds is None:
        return "without an end"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)} min {formats.decimal(rest, 0)} s" if minutes else f"{formats.decimal(rest, 1)} s"
