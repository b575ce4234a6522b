"""Everything held about one customer: under which numbers, and every row, in a form that can be handed over."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clv_pipeline import clock
from clv_pipeline.errors import PrivacyError
from clv_pipeline.home import Home
from clv_pipeline.privacy.tombstones import read_tombstones
from clv_pipeline.serving import bundles
from clv_pipeline.settings import Settings
from clv_pipeline.warehouse import Connection, Warehouse, columns_of, has_table, open_bundle_file, tables_of

#: Columns that say whose a row is.
ID_COLUMNS = ("customer_id", "merged_into", "surviving_customer_id")


@dataclass(frozen=True)
class SubjectExport:
    """What was written: where, the customer's numbers, and how many rows of which table."""

    file: Path
    customer_ids: list[str]
    row_counts: dict[str, int]


def same_person(connection: Connection, customer_id: str) -> list[str]:
    """Return every customer_id of the person: the one given, those merged with it, and the one they were merged into."""
    if not has_table(connection, "clean.customer_identities"):
        return [customer_id]
    rows = connection.execute(
        """
        with survivor as (
            select coalesce(max(surviving_customer_id), $id) as customer_id
            from clean.customer_identities
            where customer_id = $id
        )
        select $id union select customer_id from survivor
        union select i.customer_id from clean.customer_identities as i
        inner join survivor on i.surviving_customer_id = survivor.customer_id
        """,
        {"id": customer_id},
    ).fetchall()
    return sorted(row[0] for row in rows)


def export_subject(settings: Settings, customer_id: str, file: Path) -> SubjectExport:
    """Write all that is held about a customer as JSON, readable by this user only.

    Raises:
        PrivacyError: nothing is held, or the file exists already.
    """
    home = Home(settings.home)
    held: dict[str, list[dict[str, Any]]] = {}
    ids = [customer_id]
    if home.warehouse.exists():
        with Warehouse.of(settings).connection() as connection:
            ids = same_person(connection, customer_id)
            held |= {f"warehouse {table}": rows for table, rows in _rows_of(connection, ids).items()}
    for run_id in bundles(home.published):
        with open_bundle_file(home.published / run_id / "clv.duckdb") as connection:
            held |= {f"bundle {run_id} {table}": rows for table, rows in _rows_of(connection, ids).items()}
    tombstones = read_tombstones(home.tombstones, settings.hash_key)
    is_erased = tombstones is not None and tombstones.names(customer_id)
    if not held and not is_erased:
        raise PrivacyError(
            f"Nothing is held about customer '{customer_id}'", next_step="check the number; leading zeros count."
        )
    content = {
        "customer_ids": ids, "exported_at": clock.now().isoformat(timespec="seconds"), "is_erased": is_erased,
        "held": held,
    }  # fmt: skip
    _write_privately(file, json.dumps(content, indent=2, default=str, ensure_ascii=False) + "\n")
    return SubjectExport(file, ids, {table: len(rows) for table, rows in held.items()})


def _rows_of(connection: Connection, ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for table in tables_of(connection):
        columns = columns_of(connection, table)
        tests = [f"list_contains($ids, {c})" for c in ID_COLUMNS if c in columns]
        if table == "clean.quarantine":
            # rows set aside are kept as JSON text
            tests = [f"list_contains($ids, json_extract_string(record, '$.{c}'))" for c in ID_COLUMNS]
        if not tests:
            continue
        cursor = connection.execute(f"select * from {table} where {' or '.join(tests)} order by all", {"ids": ids})
        names = [d[0] for d in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        if rows:
            found[table] = rows
    return found


def _write_privately(file: Path, text: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise PrivacyError(f"{file} cannot be written: {error.strerror}", next_step="name another --to FILE.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
