"""`clv status`: the served bundle and its age, the champion, the disk space used. Read-only.

How the newest run went comes from Dagster's history, which only `orchestration/` may read; the command line adds it.
"""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from clv_pipeline.core import clock
from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.diagnostics.findings import Finding
from clv_pipeline.modeling.registry.registry import Registry
from clv_pipeline.publishing.serving import bundles, is_served_as_published, read_pointer
from clv_pipeline.reporting.formats import count, gigabytes, megabytes
from clv_pipeline.warehouse.connection import open_bundle_file, records


def look(settings: Settings) -> Iterator[Finding]:
    """Yield a finding each for the served bundle, the champion, and the disk."""
    home = Home(settings.home)
    yield from _served(home, settings)
    yield _champion(home)
    yield _disk(home)


def age_in_days(as_of: date, settings: Settings) -> int:
    """Return how many days ago `as_of` was, in the business time zone."""
    return (clock.now().astimezone(ZoneInfo(settings.time_zone)).date() - as_of).days


def _served(home: Home, settings: Settings) -> Iterator[Finding]:
    file = home.published / "clv.duckdb"
    if not file.exists():
        yield Finding("served", False, f"nothing is published in {home.published} yet", "`clv run` publishes.")
        return
    try:
        with open_bundle_file(file) as connection:
            (run,) = records(connection, "select *, (select count(*) from customer_clv) as rows from clv_run")
    except (PublishError, duckdb.Error) as error:
        what = error.what if isinstance(error, PublishError) else f"{file} cannot be read: {reason_of(error)}"
        yield Finding("served", False, what, f"close what has it open for writing, or {_way_back(home)}")
        return
    run_id, as_of = run["run_id"], run["as_of_date"]
    if not is_served_as_published(home.published, run_id):
        yield Finding("served", False, f"{file} differs from the bundle {run_id}: it was changed", _way_back(home))
        return
    age = age_in_days(as_of, settings)
    text = f"run {run_id} of {run['source_name']}, as of {as_of}, {age} days old, {count(run['rows'])} customers"
    if run["acknowledged_checks"]:
        text += f"; acknowledged: {run['acknowledged_checks']}"
    if run["is_stale"]:
        newest = run["newest_order_date"]
        text += f"; STALE: the newest order is dated {newest}, {(as_of - newest).days} days before as_of"
    yield Finding("served", True, text)
    pointer = read_pointer(home.published)
    if pointer is None or pointer["run_id"] != run_id:
        said = f"names the run {pointer['run_id']}" if pointer else "is missing or cannot be read"
        yield Finding(
            "pointer",
            False,
            f"current.json {said}; the served bundle is {run_id}",
            f"`clv rollback {run_id}` writes it again.",
        )


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
    models = "; ".join(f"{h.horizon_days} days: {h.spend.candidate}, {h.flag.candidate}" for h in manifest.horizons)
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
