"""Erasure: delete a customer from warehouse, history, bundles and second target, block re-import, search for leftovers.

Finding a person's rows is in `subject.py`, blocking re-import in `tombstones.py`, searching for leftovers in `traces.py`.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.errors import ConfigurationError, PrivacyError, PublishError
from clv_pipeline.core.home import Home, clear_leftovers
from clv_pipeline.core.run_lock import hold
from clv_pipeline.core.settings import Settings
from clv_pipeline.privacy.subject import (
    PAYMENTS,
    SUBSCRIPTIONS_OF,
    rows_held,
    same_person,
    warehouses_of,
    whose,
)
from clv_pipeline.privacy.traces import find_traces
from clv_pipeline.publishing.bundle import rewrite_bundle
from clv_pipeline.publishing.database_target import publish_to_database
from clv_pipeline.publishing.frozen_tables import erase_frozen, frozen_rows
from clv_pipeline.publishing.serving import bundles, serve_again
from clv_pipeline.reporting.formats import number_format
from clv_pipeline.sources.tombstones import open_tombstones
from clv_pipeline.sources.values import customer_number
from clv_pipeline.warehouse.connection import (
    Connection,
    Warehouse,
    columns_of,
    has_table,
    one_row,
    open_bundle_file,
    tables_of,
)


@dataclass(frozen=True)
class Erasure:
    """Result of an erasure: the person's numbers, rows removed by place, and a text for each place that could not be cleaned."""

    customer_ids: list[str]
    removed: dict[str, int]
    left: list[str]


@dataclass(frozen=True)
class ErasurePlan:
    """What an erasure would remove: the person's numbers, and the rows about them by place."""

    customer_ids: list[str]
    rows: dict[str, int]


def plan_erasure(settings: Settings, customer_id: str) -> ErasurePlan:
    """Return what `forget` would remove, and change nothing.

    Raises:
        PrivacyError: there is no data about this customer, and they were not erased before.
        ConfigurationError: CLV_HASH_KEY is missing or not the one of the tombstones.
        BusyError: a run is under way.
    """
    home = Home(settings.home)
    tombstones = open_tombstones(settings)
    with hold(home, "clv forget"):
        ids = _numbers(settings, customer_number(customer_id, tombstones.key))
        rows = {
            f"bundle {name}": _rows_in_bundle(home.published / name / "clv.duckdb", ids)
            for name in bundles(home.published)
        }
        rows |= {_place(warehouse): sum(_rows(warehouse, ids).values()) for warehouse in warehouses_of(settings)}
        rows |= {
            f"backtest {file.parent.name}/{file.name}": _rows_in_parquet(pq.read_table(file), ids)
            for file in home.backtest.parent.glob("*/*.parquet")
        }
        rows["frozen tables of CLV_PUBLISH_URL"] = frozen_rows(settings, ids)
    rows = {place: count for place, count in rows.items() if count}
    if not rows and not any(map(tombstones.names, ids)):
        raise _nobody(customer_id)
    return ErasurePlan(ids, rows)


def forget(settings: Settings, customer_id: str) -> Erasure:
    """Remove a customer, under every number that was merged with this one, from every file of the home.

    It may be interrupted anywhere and run again: the tombstone is written first, and the warehouse, which has the person's
    other numbers, is cleaned last. Models leave the customer out from the next fit.

    Raises:
        PrivacyError: there is no data about this customer, and they were not erased before.
        ConfigurationError: CLV_HASH_KEY is missing or not the one of the tombstones.
        BusyError: a run is under way.
    """
    home = Home(settings.home)
    tombstones = open_tombstones(settings)
    customer_id = customer_number(customer_id, tombstones.key)
    with hold(home, "clv forget"):
        clear_leftovers(home.published)
        warehouses, ids = warehouses_of(settings), _numbers(settings, customer_id)
        held = [name for name in bundles(home.published) if _rows_in_bundle(home.published / name / "clv.duckdb", ids)]
        is_here = held or tombstones.names(customer_id) or any(_rows(w, ids) for w in warehouses)
        if not is_here and not frozen_rows(settings, ids):
            raise _nobody(customer_id)
        tombstones.add(ids, sorted(set().union(*(_subscriptions(w, ids) for w in warehouses))))
        with number_format(settings.number_format):
            removed = {
                f"bundle {name}": rewrite_bundle(Warehouse.of(settings), home.published / name, ids) for name in held
            }
        serve_again(home.published)
        removed["frozen tables of CLV_PUBLISH_URL"], left = _clean_target(settings, home, ids)
        for warehouse in warehouses:
            removed[_place(warehouse)] = _clean_warehouse(warehouse, ids)
        for file in home.backtest.parent.glob("*/*.parquet"):
            removed[f"backtest {file.parent.name}/{file.name}"] = _clean_parquet(file, ids)
        clear_leftovers(home.published)
        shutil.rmtree(home.scratch)
        if home.failures.exists():  # texts of unexpected errors may quote any row
            shutil.rmtree(home.failures)
        left += find_traces(home, ids)
    return Erasure(ids, {place: rows for place, rows in removed.items() if rows}, left)


def _nobody(customer_id: str) -> PrivacyError:
    return PrivacyError(
        f"There is no data about customer '{customer_id}'", next_step="check the number; leading zeros count."
    )


def _place(warehouse: Warehouse) -> str:
    return f"{warehouse.path.parent.name} {warehouse.path.name}"


def _numbers(settings: Settings, customer_id: str) -> list[str]:
    return sorted({customer_id}.union(*(_known_numbers(w, customer_id) for w in warehouses_of(settings))))


def _known_numbers(warehouse: Warehouse, customer_id: str) -> list[str]:
    with warehouse.connection() as connection:
        return same_person(connection, customer_id)


def _rows_in_bundle(bundle: Path, ids: list[str]) -> int:
    with open_bundle_file(bundle) as connection:
        return sum(rows_held(connection, ids).values())


def _rows(warehouse: Warehouse, ids: list[str]) -> dict[str, int]:
    with warehouse.connection() as connection:
        return rows_held(connection, ids)


def _clean_target(settings: Settings, home: Home, ids: list[str]) -> tuple[int, list[str]]:
    """Copy the served bundle to the target again, and clean its frozen tables; return their rows, and what is left."""
    served = home.published / "clv.duckdb"
    try:
        if served.exists():
            publish_to_database(served, settings, again=True)
        return erase_frozen(settings, ids), []
    except (PublishError, ConfigurationError) as error:
        return 0, [f"the database of CLV_PUBLISH_URL: {error.what}"]


def _clean_warehouse(warehouse: Warehouse, ids: list[str]) -> int:
    """Delete the person's rows and rewrite the file, because deleted bytes stay in a DuckDB file."""
    with warehouse.transaction() as connection:
        _note_erased_rows(connection, ids)
        # payments first: they are found by the subscriptions
        places = sorted(tables_of(connection), key=lambda table: table != PAYMENTS)
        removed = sum(_delete(connection, table, ids) for table in places)
        _forget_addresses(connection, ids)
        if has_table(connection, "raw.loads"):
            for name in (n for n in CONTRACT if has_table(connection, f"raw.{n}")):
                connection.execute(
                    f"update raw.loads set rows_held = (select count(*) from raw.{name}) where table_name = $name",
                    {"name": name},
                )
    warehouse.rebuild()
    warehouse.set_aside.unlink(missing_ok=True)
    return removed


def _note_erased_rows(connection: Connection, ids: list[str]) -> None:
    """Count the rows by day that the source still has, so that the next night does not take them for a difference."""
    if not has_table(connection, "raw.source_counts"):
        return
    for name, table in CONTRACT.items():
        if not has_table(connection, f"raw.{name}"):  # a warehouse of an earlier release
            continue
        if "customer_id" in table.column_names():
            condition = "list_contains($ids, customer_id)"
        elif f"raw.{name}" == PAYMENTS:
            condition = f"subscription_id in ({SUBSCRIPTIONS_OF})"
        else:
            continue
        if name == "orders" and "email" in columns_of(connection, "raw.orders"):
            condition += " or customer_id is null and list_contains($ids, email)"
        connection.execute(
            f"""
            with gone as (
                select day_at_source as day, count(*) as rows_gone from raw.{name}
                where {condition} group by day_at_source
            )
            update raw.source_counts set rows_erased = rows_erased + rows_gone from gone
            where table_name = $name and source_counts.day = gone.day
            """,
            {"ids": ids, "name": name},
        )


def _subscriptions(warehouse: Warehouse, ids: list[str]) -> list[str]:
    with warehouse.connection() as connection:
        if not has_table(connection, "raw.subscriptions"):
            return []
        return [row[0] for row in connection.execute(SUBSCRIPTIONS_OF, {"ids": ids}).fetchall()]


def _forget_addresses(connection: Connection, ids: list[str]) -> None:
    """Remove erased addresses from the rows of other customers who used them; such a table is read in full again, because its
    rows now differ from the source's.
    """
    for table in tables_of(connection):
        for column in sorted({"email", "email_hash"} & columns_of(connection, table).keys()):
            (changed,) = one_row(
                connection, f"update {table} set {column} = null where list_contains($ids, {column})", {"ids": ids}
            )
            if changed and table.startswith("raw."):
                connection.execute(
                    "update raw.loads set fingerprint = '' where table_name = $name",
                    {"name": table.removeprefix("raw.")},
                )


def _delete(connection: Connection, table: str, ids: list[str]) -> int:
    condition = whose(connection, table)
    return int(one_row(connection, f"delete from {table} where {condition}", {"ids": ids})[0]) if condition else 0


def _clean_parquet(file: Path, ids: list[str]) -> int:
    table = pq.read_table(file)
    removed = _rows_in_parquet(table, ids)
    if removed:
        pq.write_table(table.filter(pc.invert(_is_about(table, ids))), file)
    return removed


def _rows_in_parquet(table: pa.Table, ids: list[str]) -> int:
    return int(pc.sum(_is_about(table, ids)).as_py() or 0) if "customer_id" in table.column_names else 0


def _is_about(table: pa.Table, ids: list[str]) -> pa.ChunkedArray:
    return pc.is_in(table["customer_id"].cast(pa.string()), pa.array(ids, pa.string()))
