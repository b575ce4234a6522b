"""What one run read, refused, changed and published, as Dagster's history tells it: see `orchestration/run_records.py`.

Nothing personal is in a record: counts, sums, names of columns, and the sentences of checks. A run that was killed has what it
had noted until then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

#: Stages of a run in their order: the layer of its assets.
STAGES = ("raw", "clean", "quality", "features", "training", "scores", "published")


@dataclass(frozen=True)
class Cause:
    """One failure: the asset (with its check) or the run, the problem, the next step, the runbook's section, guilty segments."""

    subject: str
    what: str
    next_step: str
    runbook: str
    guilty: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Step:
    """One step that began; `seconds` is None if it never ended."""

    name: str
    stage: str
    seconds: float | None


@dataclass(frozen=True)
class TableRead:
    """One source table as it was read; rows and money at the source are None where nobody counted them."""

    name: str
    rows: int
    rows_at_source: int | None
    money: float | None
    delivered: int
    new: int
    columns: tuple[str, ...]
    select: str


@dataclass(frozen=True)
class NotAccepted:
    """Rows of a table that were not accepted, for one reason, and their money where the table has any."""

    table: str
    disposition: str
    reason: str
    rows: int
    money: str


@dataclass(frozen=True)
class CheckOutcome:
    """A check that warned or failed."""

    name: str
    is_failed: bool
    says: str
    guilty: str
    runbook: str
    is_acknowledged: bool


@dataclass(frozen=True)
class RunRecord:
    """One run. status: Dagster's word, or killed. planned: its steps; `steps` are those that began.

    settings: those that change results, by name. code: a hash of the release and its SQL. published: numbers of the bundle by
    name, with its name as `run_id`; empty on a night that published nothing. champion: version, and why it was trained.
    asked: the checks that were acknowledged for it.
    """

    run_id: str
    job: str
    status: str
    started_by: str
    created_at: datetime
    ended_at: datetime | None
    as_of: str
    planned: int
    steps: tuple[Step, ...] = ()
    tables: tuple[TableRead, ...] = ()
    not_accepted: tuple[NotAccepted, ...] = ()
    causes: tuple[Cause, ...] = ()
    checks: tuple[CheckOutcome, ...] = ()
    checks_passed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    published: Mapping[str, Any] = field(default_factory=dict)
    champion: Mapping[str, Any] = field(default_factory=dict)
    asked: tuple[str, ...] = ()

    @property
    def is_green(self) -> bool:
        return self.status == "success"

    @property
    def is_red(self) -> bool:
        return self.status in ("failure", "canceled", "killed")

    @property
    def seconds(self) -> float | None:
        """The time from creation to end; of a killed run, what its steps took."""
        if self.ended_at:
            return (self.ended_at - self.created_at).total_seconds()
        return sum(step.seconds or 0.0 for step in self.steps) if self.steps else None

    def by_stage(self) -> dict[str, float]:
        """Return stage -> seconds of its steps, in the order of the stages."""
        found = {stage: 0.0 for stage in STAGES}
        for step in self.steps:
            found[step.stage] = found.get(step.stage, 0.0) + (step.seconds or 0.0)
        return {stage: seconds for stage, seconds in found.items() if any(s.stage == stage for s in self.steps)}


# --- what changed ------------------------------------------------------------------------------------------------------------


def changes(now: RunRecord, before: RunRecord) -> list[str]:
    """Return what is different between two runs, a line each: settings, code, SELECTs, columns of the source, the model."""
    found = [
        f"setting {name}: {_shown(before.settings.get(name))} -> {_shown(now.settings.get(name))}"
        for name in sorted({*now.settings, *before.settings})
        if now.settings and before.settings and now.settings.get(name) != before.settings.get(name)
    ]
    if now.code and before.code and now.code != before.code:
        found.append("code: another release, or its SQL was changed")
    earlier = {table.name: table for table in before.tables}
    for table in now.tables:
        found += _changes_of(table, earlier[table.name]) if table.name in earlier else []
    version, version_before = now.champion.get("version"), before.champion.get("version")
    if version and version_before and version != version_before:
        why = now.champion.get("why") or "it was promoted"
        found.append(f"model: {version_before} -> {version}, {why}")
    return found


def _changes_of(now: TableRead, before: TableRead) -> Iterable[str]:
    if now.select and before.select and now.select != before.select:
        yield f"SELECT of {now.name}: its SQL was changed"
    elif bool(now.select) != bool(before.select):
        yield f"{now.name}: {'new: it has a SELECT now' if now.select else 'gone: it has no SELECT any more'}"
    appeared, vanished = (
        sorted(set(a) - set(b)) for a, b in ((now.columns, before.columns), (before.columns, now.columns))
    )
    if appeared and before.columns:
        yield f"{now.name}: columns appeared: {', '.join(appeared)}"
    if vanished and now.columns:
        yield f"{now.name}: columns vanished: {', '.join(vanished)}"


def _shown(value: object) -> str:
    """Return a value of a setting, cut if it is long.

    >>> _shown(None), _shown(2.5), len(_shown("x" * 200))
    ('(not set)', '2.5', 60)
    """
    text = "(not set)" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def is_unusual(now: float, before: float) -> bool:
    """Return whether a number of rows is worth a mark: it fell, or rose by a fifth; tables grow night by night.

    >>> is_unusual(1010, 1000), is_unusual(980, 1000), is_unusual(1300, 1000), is_unusual(5, 0)
    (False, True, True, True)
    """
    if not before:
        return bool(now)
    return now < 0.99 * before or now > 1.2 * before
