"""`clv status`: the served bundle and its age, the champion, the disk space used. Read-only.

How the newest run went, and whether a next one will start, comes from Dagster's history, which only `orchestration/` may read;
the command line adds it.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from clv_pipeline.contracts.published import PUBLISHED
from clv_pipeline.core import clock
from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.diagnostics.findings import Finding, State, warning
from clv_pipeline.modeling.registry.registry import Registry
from clv_pipeline.publishing.serving import bundles, is_served_as_published, read_pointer
from clv_pipeline.reporting.formats import count, gigabytes, megabytes
from clv_pipeline.warehouse.connection import open_bundle_file, records

#: The exit code of `clv status` for what fails, the first that holds; 2 is a command that is mistyped.
EXIT_CODES = {State.RED: 3, State.NEVER_RUN: 5, State.STALE: 4, State.OTHER: 6}
_WARNS = 1


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0 if all is good, 1 if something warns, else the code of what fails.

    >>> exit_code([warning("served", "2 days old", ""), Finding("served", False, "9 days old", state=State.STALE)])
    4
    """
    bad = [finding for finding in findings if not finding.is_good]
    failing = {finding.state for finding in bad if not finding.is_warning}
    return next((code for state, code in EXIT_CODES.items() if state in failing), _WARNS if bad else 0)


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding each for the served bundle, the champion, and the disk."""
    home = Home(settings.home)
    yield from _served(home, settings)
    yield _champion(home)
    yield _disk(home)


def age_in_days(as_of: date, time_zone: str) -> int:
    """Return how many days ago `as_of` was in the business time zone; negative for a day to come."""
    return (clock.now().astimezone(ZoneInfo(time_zone)).date() - as_of).days


def is_too_old(as_of: date, settings: Settings) -> bool:
    """Return whether a bundle as of that day should not be used any more, because nights are missing."""
    return age_in_days(as_of, settings.time_zone) > settings.max_stale_days


def _served(home: Home, settings: Settings) -> Iterator[Finding]:
    file = home.published / "clv.duckdb"
    if not file.exists():
        yield Finding(
            "served",
            False,
            f"nothing is published in {home.published} yet",
            "`clv run` publishes.",
            state=State.NEVER_RUN,
        )
        return
    try:
        with open_bundle_file(file) as connection:
            (noted,) = records(connection, "select *, (select count(*) from customer_clv) as rows from clv_run")
    except (PublishError, duckdb.Error) as error:
        what = error.what if isinstance(error, PublishError) else f"{file} cannot be read: {reason_of(error)}"
        yield Finding("served", False, what, f"close what has it open for writing, or {_way_back(home)}")
        return
    # what an older release did not note is None
    run: dict[str, Any] = dict.fromkeys(PUBLISHED["clv_run"].columns) | noted
    run_id = run["run_id"]
    if not is_served_as_published(home.published, run_id):
        yield Finding("served", False, f"{file} differs from the bundle {run_id}: it was changed", _way_back(home))
        return
    yield _judged_by_age(run, settings)
    pointer = read_pointer(home.published)
    if pointer is None or pointer["run_id"] != run_id:
        said = f"names the run {pointer['run_id']}" if pointer else "is missing or cannot be read"
        yield Finding(
            "pointer",
            False,
            f"current.json {said}; the served bundle is {run_id}",
            f"`clv rollback {run_id}` writes it again.",
        )


def _judged_by_age(run: Mapping[str, Any], settings: Settings) -> Finding:
    """Judge the served bundle, a row of clv_run with `rows`, by its age.

    A night publishes its own day, so a bundle is 0 days old, or 1 until tonight's run has ended. From 2 days on a night is
    missing: a warning, until the bundle is older than `max_stale_days`, the age at which orders may not be published either.
    """
    as_of = run["as_of_date"]
    age = age_in_days(as_of, run["time_zone"])
    old = f"{age} day{'s' * (age != 1)} old"
    text = f"run {run['run_id']} of {run['source_name']}, as of {as_of}, {old}, {count(run['rows'])} customers"
    if run["acknowledged_checks"]:
        text += f"; acknowledged: {run['acknowledged_checks']}"
    if run["is_stale"]:
        newest = run["newest_order_date"]
        text += f"; STALE: the newest order is dated {newest}, {(as_of - newest).days} days before as_of"
    if age < 0:
        return Finding(
            "served", False, f"{text}; as_of is in the future, and no earlier night is served until then",
            "`clv rollback` serves the bundle before it; check this machine's clock and --as-of.",
        )  # fmt: skip
    if age > 1 and settings.as_of == as_of:
        return warning(
            "served", f"{text}; as_of is set to that day, so every night scores it again",
            "nothing to do for a demonstration or a study; else remove as_of from source.toml, and CLV_AS_OF.",
        )  # fmt: skip
    if age > 1:
        return Finding(
            "served", False, f"{text}; too old: nights are missing",
            "see `newest run` and `next run` below for the cause; `clv run` publishes a bundle now.",
            is_warning=not is_too_old(as_of, settings), state=State.STALE,
        )  # fmt: skip
    if run["is_stale"]:
        return warning("served", text, "restart what loads the orders into the source; the next run then reads them.")
    return Finding("served", True, text)


def _way_back(home: Home) -> str:
    return f"serve a complete bundle: clv rollback RUN_ID ({', '.join(bundles(home.published)) or 'there is none'})."


def _champion(home: Home) -> Finding:
    registry = Registry(home.models)
    champion_history, manifest = registry.champion_history(), registry.champion()
    if not champion_history:
        return Finding("champion", True, "none yet: the first run trains one")
    if manifest is None:
        return Finding(
            "champion",
            False,
            f"{champion_history[-1].version} cannot be used",
            "the next run trains a new one; or `clv promote VERSION`.",
        )
    models = "; ".join(f"{h.horizon_days} days: {h.spend.candidate}, {h.purchase.candidate}" for h in manifest.horizons)
    since = champion_history[-1].since.strftime("%Y-%m-%d %H:%M")
    return Finding("champion", True, f"{manifest.version}, champion since {since} UTC ({models})")


def _disk(home: Home) -> Finding:
    root = home.root.expanduser().absolute()
    parts = {path.name: _size(path) for path in sorted(root.iterdir()) if path.is_dir()}
    free = shutil.disk_usage(root).free
    each = ", ".join(f"{name} {megabytes(size)}" for name, size in parts.items())
    return Finding("disk", True, f"{megabytes(sum(parts.values()))} MB under {root} ({each}); {gigabytes(free)} free")


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue  # a run removed it meanwhile
    return total
