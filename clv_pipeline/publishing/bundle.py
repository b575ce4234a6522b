"""A bundle on disk: one folder with the published tables as a DuckDB file and Parquet, a report, and a manifest of hashes.

Which bundle is served is `serving.py`; whether one may be is `audit.py`.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from clv_pipeline.contracts.published import CONTRACT_VERSION, PUBLISHED
from clv_pipeline.core.home import remove_at_once, replace_folder, write_durably
from clv_pipeline.publishing.serving import BUNDLE_VERSION, read_manifest, what_is_damaged
from clv_pipeline.reporting.bundle_report import write_report
from clv_pipeline.warehouse.connection import (
    Connection,
    Warehouse,
    columns_of,
    quote_text,
    row_count,
)

#: The file format that current BI drivers can open; DuckDB 2.0's default is newer.
_STORAGE_VERSION = "v1.2.0"


@dataclass(frozen=True)
class Bundle:
    """One published run; `is_served` is false when a newer as_of stays served."""

    run_id: str
    folder: Path
    as_of: date
    is_served: bool
    row_counts: dict[str, int]


def write_files(connection: Connection, folder: Path, relations: Mapping[str, str]) -> dict[str, int]:
    """Write each table, in the order of its key, from the relation with its rows."""
    parquet = folder / "parquet"
    parquet.mkdir()
    database = folder / "clv.duckdb"
    connection.execute(f"attach {quote_text(str(database))} as bundle (storage_version {quote_text(_STORAGE_VERSION)})")
    counts = {}
    for name, relation in relations.items():
        connection.execute(
            f"create table bundle.{name} as select * from {relation} order by {_order(connection, name, relation)}"
        )
        file = quote_text(str(parquet / f"{name}.parquet"))
        # in the order in which the rows were written
        connection.execute(f"copy (select * from bundle.{name}) to {file} (format parquet)")
        counts[name] = row_count(connection, f"bundle.{name}")
    connection.execute("checkpoint bundle")
    connection.execute("detach bundle")
    return counts


def _order(connection: Connection, name: str, relation: str) -> str:
    """Return the key of the contract; an older release had tables, and keys, that this one does not have."""
    key = PUBLISHED[name].key if name in PUBLISHED else ()
    return ", ".join(key) if key and set(key) <= columns_of(connection, relation).keys() else "all"


def write_manifest(
    folder: Path,
    run_id: str,
    as_of: date,
    source: str,
    counts: dict[str, int],
    versions: tuple[str, int] = (CONTRACT_VERSION, BUNDLE_VERSION),
) -> None:
    """Write manifest.json: the identity of the bundle, its row counts, and the hash of every file in the folder.

    versions: of the contract, and of the bundle's layout.
    """
    files = {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    content = {
        "run_id": run_id,
        "as_of_date": as_of.isoformat(),
        "source_name": source,
        "contract_version": versions[0],
        "schema_version": versions[1],
        "row_counts": counts,
        "sha256": files,
    }
    write_durably(folder / "manifest.json", (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())


def seal(beside: Path, final: Path) -> Path:
    """Flush every file and give the folder its final name; a complete bundle is never replaced.

    A run_id identifies its inputs, so repeating a run gives the same bundle.
    """
    if what_is_damaged(final) is None:
        shutil.rmtree(beside)
        return final
    if final.exists():
        remove_at_once(final)
    os.replace(_flushed(beside), final)
    return final


def rewrite_bundle(warehouse: Warehouse, folder: Path, erased: list[str]) -> int:
    """Rewrite a published bundle without the rows of erased customers; return the number of rows removed.

    It keeps its run_id and its place among the others. Sums over customers stay as published.
    """
    manifest = read_manifest(folder)
    assert manifest is not None
    made = (folder / "manifest.json").stat()
    beside = folder.with_name(f".building-{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    with warehouse.connection() as connection:
        connection.execute(f"attach {quote_text(str(folder / 'clv.duckdb'))} as old (read_only)")
        # a bundle may be older than a table of the contract
        relations = {name: _without(connection, f"old.main.{name}", erased) for name in manifest["row_counts"]}
        counts = write_files(connection, beside, relations)
        connection.execute("detach old")
    write_report(beside)
    as_of, source = date.fromisoformat(manifest["as_of_date"]), manifest["source_name"]
    write_manifest(
        beside, folder.name, as_of, source, counts, (manifest["contract_version"], manifest["schema_version"])
    )
    os.utime(beside / "manifest.json", ns=(made.st_atime_ns, made.st_mtime_ns))
    replace_folder(_flushed(beside), folder)
    return int(sum(manifest["row_counts"].values()) - sum(counts.values()))


def _without(connection: Connection, relation: str, erased: list[str]) -> str:
    if "customer_id" in columns_of(connection, relation):
        ids = ", ".join(quote_text(customer_id) for customer_id in erased)
        return f"(select * from {relation} where customer_id not in ({ids}))"
    if relation.endswith(".clv_run"):
        customers = _without(connection, relation.replace(".clv_run", ".customer_clv"), erased)
        return f"(select * replace ((select count(*) from {customers}) as customers) from {relation})"
    return relation


def _flushed(folder: Path) -> Path:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    return folder
