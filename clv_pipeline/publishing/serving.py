"""The served bundle: swap, rollback, and retention of old bundles. Writing a bundle is in `bundle.py`.

A bundle's manifest has its identity and the hashes of its files; every read is verified against it.
"""

import hashlib
import json
import logging
import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import PublishError, nearest
from clv_pipeline.core.home import Home, remove_at_once, write_durably
from clv_pipeline.core.home_state import read_state
from clv_pipeline.warehouse.connection import one_row, open_bundle_file

log = logging.getLogger(__name__)
#: The layout of a bundle's folder; manifests without a version are of version 1, whose tables may have other columns.
BUNDLE_VERSION = 2
#: run_id, as_of_date and source_name of a bundle.
Identity = dict[str, str]


def current(published: Path) -> Identity | None:
    """Return run_id, as_of_date and source_name of the served bundle, or None before the first run.

    Read from the served file itself; `current.json`, written after it for people and scripts, is used as a fallback when
    the file cannot be opened because it is damaged or a tool has it open for writing.
    """
    served = published / "clv.duckdb"
    if not served.exists():
        return None
    try:
        with open_bundle_file(served) as connection:
            run_id, as_of, source = one_row(connection, "select run_id, as_of_date::varchar, source_name from clv_run")
        return {"run_id": run_id, "as_of_date": as_of, "source_name": source}
    except PublishError as error:
        log.warning("%s", error.what)
        return _by_pointer(published)
    except duckdb.Error as error:
        log.warning("%s cannot be read: %s", served, reason_of(error))
        return _by_pointer(published)


def _by_pointer(published: Path) -> Identity | None:
    pointer = read_pointer(published)
    return {name: pointer[name] for name in ("run_id", "as_of_date", "source_name")} if pointer else None


def read_pointer(published: Path) -> dict[str, Any] | None:
    """Return the contents of `current.json`, with `served_before` (run_ids, oldest first); None if it cannot be read."""
    try:
        pointer = json.loads((published / "current.json").read_text())
        date.fromisoformat(pointer["as_of_date"])
        return {"served_before": [], **pointer} if pointer["run_id"] and pointer["source_name"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_manifest(bundle: Path) -> dict[str, Any] | None:
    """Return the manifest of a bundle, or None if there is no readable one; one without a version is of version 1."""
    try:
        manifest = {"schema_version": 1, **json.loads((bundle / "manifest.json").read_text())}
        date.fromisoformat(manifest["as_of_date"])
        return manifest if manifest["run_id"] == bundle.name and manifest["sha256"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def what_is_damaged(bundle: Path) -> str | None:
    """Return the first file of a bundle that differs from its manifest, or None for a complete bundle."""
    manifest = read_manifest(bundle)
    if manifest is None:
        return "manifest.json is missing or cannot be read"
    for name, expected in manifest["sha256"].items():
        if not (bundle / name).is_file():
            return f"{name} is missing"
        if _sha256(bundle / name) != expected:
            return f"{name} is not the file that was published"
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_served_as_published(published: Path, run_id: str) -> bool:
    """Return whether the served file has the hash in the manifest of `run_id`."""
    manifest = read_manifest(published / run_id)
    return manifest is not None and manifest["sha256"].get("clv.duckdb") == _sha256(published / "clv.duckdb")


def bundles(published: Path) -> list[str]:
    """Return the run_ids of the bundles that have a readable manifest, the newest as_of (then the last made) first."""
    found = []
    for path in published.glob("[!.]*/manifest.json"):
        manifest = read_manifest(path.parent)
        if manifest:
            found.append((manifest["as_of_date"], path.stat().st_mtime_ns, manifest["run_id"]))
    return [run_id for _, _, run_id in sorted(found, reverse=True)]


def newest_as_of(published: Path, source: str) -> date | None:
    """Return the newest as_of that has a bundle of this source, or None before the first one."""
    return max(bundle_dates(published, source), default=None)


def bundle_dates(published: Path, source: str) -> set[date]:
    """Return the as_of of every bundle of this source."""
    manifests = [read_manifest(published / run_id) or {} for run_id in bundles(published)]
    return {date.fromisoformat(m["as_of_date"]) for m in manifests if m.get("source_name") == source}


def serve(published: Path, folder: Path, as_of: date, source: str) -> bool:
    """Serve the bundle in `folder`, unless a newer as_of of the same source is served."""
    served = current(published)
    if served and served["source_name"] == source and date.fromisoformat(served["as_of_date"]) > as_of:
        return False
    _swap(published, folder, as_of, source)
    return True


def serve_again(published: Path) -> None:
    """Copy the file of the served bundle again: an erasure has rewritten the bundle."""
    served = current(published)
    if served and (published / served["run_id"]).is_dir():
        _swap(published, published / served["run_id"], date.fromisoformat(served["as_of_date"]), served["source_name"])


def _swap(published: Path, folder: Path, as_of: date, source: str) -> None:
    """Point `clv.duckdb` and `current.json` at a bundle: a reader sees the old file or the new one, whole."""
    before = _served_before(published, folder.name)
    beside = published / ".clv.duckdb.new"
    beside.unlink(missing_ok=True)
    shutil.copyfile(folder / "clv.duckdb", beside)
    # a tool that opened it for writing would change what others read, and leave a WAL that fits no later file
    beside.chmod(0o444)
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    (published / "clv.duckdb.wal").unlink(missing_ok=True)
    os.replace(beside, published / "clv.duckdb")
    pointer = {
        "run_id": folder.name, "as_of_date": as_of.isoformat(), "source_name": source, "served_before": before
    }  # fmt: skip
    write_durably(published / "current.json", (json.dumps(pointer, indent=2, sort_keys=True) + "\n").encode())


def _served_before(published: Path, run_id: str) -> list[str]:
    """Return the run_ids whose bundles were served before `run_id`, the latest last; a rollback drops the later ones."""
    pointer, served = read_pointer(published), current(published)
    past = [*pointer["served_before"], pointer["run_id"]] if pointer else []
    if served:
        # a kill between the two writes leaves the file one step ahead of the pointer
        past = [*_until(past, served["run_id"]), served["run_id"]]
    return [earlier for earlier in _until(past, run_id) if (published / earlier).is_dir()]


def _until(past: list[str], run_id: str) -> list[str]:
    return past[: past.index(run_id)] if run_id in past else past


def roll_back(home: Home, run_id: str | None = None) -> Identity:
    """Serve the previous bundle, or the one named, and return its identity. The next run publishes as usual.

    The caller holds the home's lock, as `rollback.py` does.

    Raises:
        PublishError: there is no such bundle of the home's source, or its files differ from its manifest.
    """
    published = home.published
    known = _own_bundles(home)
    chosen = run_id or _previous(published, known)
    if chosen not in known:
        raise PublishError(
            f"There is no bundle '{chosen}' in {published}{nearest(chosen, known)}",
            next_step=f"name one of these: {', '.join(known) or 'none yet; `clv run` makes one'}.",
        )
    manifest, damage = read_manifest(published / chosen), what_is_damaged(published / chosen)
    if manifest is None or damage:
        raise PublishError(
            f"The bundle '{chosen}' is damaged: {damage}",
            next_step=f"name another one: {', '.join(name for name in known if name != chosen) or 'there is none'}; "
            "the served bundle is unchanged.",
        )
    as_of, source = date.fromisoformat(manifest["as_of_date"]), str(manifest["source_name"])
    _swap(published, published / chosen, as_of, source)
    return {"run_id": chosen, "as_of_date": as_of.isoformat(), "source_name": source}


def _own_bundles(home: Home) -> list[str]:
    """Return the bundles that the home's source may serve: its own, of a layout that this release knows."""
    state = read_state(home)
    manifests = {run_id: read_manifest(home.published / run_id) or {} for run_id in bundles(home.published)}
    return [
        run_id
        for run_id, manifest in manifests.items()
        if manifest.get("schema_version", 1) <= BUNDLE_VERSION
        and (state is None or manifest.get("source_name") == state.source_name)
    ]


def _previous(published: Path, known: list[str]) -> str:
    served = current(published)
    before = [run_id for run_id in (_served_before(published, served["run_id"]) if served else []) if run_id in known]
    if not before:
        raise PublishError(
            f"No bundle in {published} is known to have been served before this one",
            next_step=f"name one: clv rollback RUN_ID (available: {', '.join(known) or 'none'}).",
        )
    return before[-1]


def remove_old_bundles(published: Path, keep: int, just_made: str) -> list[str]:
    """Remove all bundles but the `keep` newest, and never the served one, the one `clv rollback` goes back to, or `just_made`."""
    served = current(published)
    needed = {just_made}
    if served:
        needed |= {served["run_id"], *_served_before(published, served["run_id"])[-1:]}
    removed = [run_id for run_id in bundles(published)[keep:] if run_id not in needed]
    for run_id in removed:
        try:
            remove_at_once(published / run_id)
        except OSError as error:
            log.warning("the old bundle %s could not be removed: %s", run_id, reason_of(error))
    return removed
