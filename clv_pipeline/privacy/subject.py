"""All data about one customer: find and export every row, under all of their merged customer IDs."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clv_pipeline.core import clock
from clv_pipeline.core.errors import PrivacyError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.publishing.serving import bundles
from clv_pipeline.sources.tombstones import read_tombstones
from clv_pipeline.sources.values import customer_number
from clv_pipeline.warehouse.connection import (
    Connection,
    Warehouse,
    columns_of,
    has_table,
    one_row,
    open_bundle_file,
    records,
    tables_of,
)

#: Columns that identify a row's customer.
ID_COLUMNS = ("customer_id", "merged_into", "surviving_customer_id")
#: The table whose rows name a subscription and no customer, and the query of the subscriptions that are nobody's but theirs.
PAYMENTS = "raw.subscription_payments"
SUBSCRIPTIONS_OF = (
    "select subscription_id from raw.subscriptions where subscription_id is not null group by subscription_id "
    "having bool_and(coalesce(list_contains($ids, customer_id), false))"
)


@dataclass(frozen=True)
class SubjectExport:
    """Result of an export: the file, the customer's numbers, and row counts by table."""

    file: Path
    customer_ids: list[str]
    row_counts: dict[str, int]


def warehouses_of(settings: Settings) -> list[Warehouse]:
    """Return the home's warehouses that exist: that of the runs, and that of the backtests."""
    home = Home(settings.home)
    of_backtests = Warehouse(
        home.backtest, scratch=home.scratch, writable_folders=[], memory_limit=settings.memory_limit,
        threads=settings.threads,
    )  # fmt: skip
    return [warehouse for warehouse in (Warehouse.of(settings), of_backtests) if warehouse.path.exists()]


def same_person(connection: Connection, customer_id: str) -> list[str]:
    """Return every customer_id of the person: the one given, those merged with it, and the one they were merged into; and the
    hashes of the e-mail addresses.

    Given an address, the accounts that have it in the CRM are the person's, too. Given a number, an address that another
    account has as well stays that account's.
    """
    ids = _with_merged(connection, {customer_id})
    addresses = _addresses(connection)
    accounts = connection.execute(
        f"with addresses as ({addresses}) select distinct customer_id from addresses where email = $id and is_in_crm",
        {"id": customer_id},
    ).fetchall()
    ids = _with_merged(connection, ids | {number for (number,) in accounts})
    own = connection.execute(
        f"""
        with addresses as ({addresses})
        select email from addresses group by email
        having bool_or(list_contains($ids, customer_id)) and (email = $id or bool_and(list_contains($ids, customer_id)))
        """,
        {"id": customer_id, "ids": sorted(ids)},
    ).fetchall()
    return sorted(_with_merged(connection, ids | {address for (address,) in own}))


def _with_merged(connection: Connection, ids: set[str]) -> set[str]:
    """Return the numbers with those of the same customers in `clean.customer_identities`."""
    if not has_table(connection, "clean.customer_identities"):
        return ids
    rows = connection.execute(
        """
        with survivors as (
            select unnest($ids::varchar[]) as customer_id
            union
            select surviving_customer_id from clean.customer_identities where list_contains($ids, customer_id)
        )
        select customer_id from survivors
        union
        select customer_identities.customer_id from clean.customer_identities
        inner join survivors on customer_identities.surviving_customer_id = survivors.customer_id
        """,
        {"ids": sorted(ids)},
    ).fetchall()
    return {number for (number,) in rows}


def _addresses(connection: Connection) -> str:
    """Return the query of the addresses of customers in `raw`: customer_id, email, is_in_crm."""
    parts = [
        f"select distinct customer_id, email, {table == 'raw.customers'} as is_in_crm from {table} "
        "where customer_id is not null and email is not null"
        for table in ("raw.customers", "raw.orders")
        if has_table(connection, table) and "email" in columns_of(connection, table)
    ]
    return " union all ".join(parts) or "select '' as customer_id, '' as email, false as is_in_crm where false"


def export_subject(settings: Settings, customer_id: str, file: Path) -> SubjectExport:
    """Write all data about a customer as JSON, readable by this user only.

    Raises:
        PrivacyError: there is no data, or the file exists already.
    """
    home = Home(settings.home)
    held: dict[str, list[dict[str, Any]]] = {}
    customer_id = customer_number(customer_id, settings.hash_key.get_secret_value() if settings.hash_key else None)
    ids = [customer_id]
    for warehouse in warehouses_of(settings):
        with warehouse.connection() as connection:
            ids = sorted({*ids, *same_person(connection, customer_id)})
            place = warehouse.path.parent.name
            held |= {f"{place} {table}": rows for table, rows in _rows_of(connection, ids).items()}
    for run_id in bundles(home.published):
        with open_bundle_file(home.published / run_id / "clv.duckdb") as connection:
            held |= {f"bundle {run_id} {table}": rows for table, rows in _rows_of(connection, ids).items()}
    tombstones = read_tombstones(settings)
    is_erased = tombstones is not None and tombstones.names(customer_id)
    if not held and not is_erased:
        raise PrivacyError(
            f"There is no data about customer '{customer_id}'", next_step="check the number; leading zeros count."
        )
    content = {
        "customer_ids": ids, "exported_at": clock.now().isoformat(timespec="seconds"), "is_erased": is_erased,
        "held": held,
    }  # fmt: skip
    _write_privately(file, json.dumps(content, indent=2, default=str, ensure_ascii=False) + "\n")
    return SubjectExport(file, ids, {table: len(rows) for table, rows in held.items()})


def whose(connection: Connection, table: str) -> str | None:
    """Return the SQL condition for rows about one of the customers `$ids`; None if no column identifies a customer."""
    columns = columns_of(connection, table)
    tests = [f"list_contains($ids, {c})" for c in ID_COLUMNS if c in columns]
    if table == PAYMENTS and has_table(connection, "raw.subscriptions"):
        tests = [f"subscription_id in ({SUBSCRIPTIONS_OF})"]
    if table == "raw.orders" and "email" in columns:
        tests.append("customer_id is null and list_contains($ids, email)")
    if table == "clean.email_identities":
        tests.append("list_contains($ids, email_hash)")
    if table == "clean.quarantine":
        # quarantined rows are stored as JSON text
        tests = [f"list_contains($ids, json_extract_string(record, '$.{c}'))" for c in ID_COLUMNS]
    return f"coalesce({' or '.join(tests)}, false)" if tests else None


def rows_held(connection: Connection, ids: list[str]) -> dict[str, int]:
    """Return the row count of these customers for each table that has any."""
    conditions = {table: whose(connection, table) for table in tables_of(connection)}
    counts = {
        table: int(one_row(connection, f"select count(*) from {table} where {condition}", {"ids": ids})[0])
        for table, condition in conditions.items()
        if condition
    }
    return {table: count for table, count in counts.items() if count}


def _rows_of(connection: Connection, ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    return {
        table: records(connection, f"select * from {table} where {whose(connection, table)} order by all", {"ids": ids})
        for table in rows_held(connection, ids)
    }


def _write_privately(file: Path, text: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise PrivacyError(
            f"{file} cannot be written: {error.strerror}", next_step="choose another --to FILE."
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
