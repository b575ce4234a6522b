"""`clv doctor`: check that tonight's run can work, and show what the source holds before the first run.

Nothing is changed, and one failure never hides the other findings, not even one that is not ours. What was not looked at is
never called ok. The profile of the source is made in `profile/`.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from clv_pipeline.core.engines import Engine
from clv_pipeline.core.errors import PipelineError
from clv_pipeline.core.foreign_errors import net
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import RUNBOOK
from clv_pipeline.core.settings import Settings
from clv_pipeline.diagnostics.alerts import are_set
from clv_pipeline.diagnostics.findings import Finding, warning
from clv_pipeline.diagnostics.profile.profile import Profile, profile_source
from clv_pipeline.publishing.erased_list import ask_target
from clv_pipeline.reporting.formats import gigabytes
from clv_pipeline.sources.extraction import Progress

_FREE_BYTES = 2_000_000_000
_MORE = f"More: {RUNBOOK}#machine"


@dataclass(frozen=True)
class Examination:
    """What came of looking at the source: lines, and its profile; None where nothing could be read, `not_looked_at` says why."""

    findings: list[Finding] = field(default_factory=list)
    profile: Profile | None = None
    not_looked_at: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield a finding each for settings, time zone, disk, rights, schedule and alerts, none of which reads the source."""
    yield Finding("settings", True, f"source '{settings.name}' from {settings.source_folder}")
    yield _time_zone(settings)
    yield _disk(settings)
    yield _rights(settings)
    yield _schedule(settings)
    yield are_set(settings)


def examine_source(settings: Settings, progress: Progress) -> Examination:
    """Read the source once and return what is known of it then; the embedded demo company has an address once it is made up."""
    if settings.source == "demo" and settings.source_url is None:
        return Examination(not_looked_at="the embedded demo company is made up on the first run")
    try:
        with net(Home(settings.home), "clv_doctor", "source"):
            ask_target(settings)
            profile = profile_source(settings, progress)
    except PipelineError as error:
        return Examination([Finding("source", False, error.what, error.advice)], None, "it cannot be read")
    gaps = [warning("snapshot", gap.text, gap.next_step) for gap in profile.gaps]
    return Examination([_reachable(profile.engine), *gaps], profile)


def _reachable(engine: Engine) -> Finding:
    """Return what the engine guarantees, and what is not known of it."""
    untried = "" if engine.is_tried else f". What the project's tests ran against: {engine.tested}"
    return Finding(
        "source",
        True,
        f"reachable: {engine.name}. One moment for all tables: {engine.snapshot}. Statement timeout: {engine.timeout}{untried}",
    )


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
