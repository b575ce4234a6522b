"""Recovery before a run: a damaged, missing or foreign warehouse is recreated, and its history is restored from the bundles.

Everything else in the warehouse is rebuilt from the source. Published files are repaired by `serving.py`.
"""

import logging
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from clv_pipeline.contracts.table import Table
from clv_pipeline.contracts.warehouse import HISTORY, NIGHT_TOTALS, OUTCOMES
from clv_pipeline.core.errors import DamageError
from clv_pipeline.publishing.serving import bundles, read_manifest, what_is_damaged
from clv_pipeline.scoring.kept_nights import kept_nights
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, columns_of, has_table, quote_text

log = logging.getLogger(__name__)


def recover(warehouse: Warehouse, published: Path, source_name: str) -> None:
    """Move a damaged or foreign warehouse file away, and add the nights that are only in the bundles to the score history.

    The moved file is kept until the next run begins.
    """
    warehouse.set_aside.unlink(missing_ok=True)
    newest = next((name for name in bundles(published) if _is_of(published / name, source_name)), None)
    damage = _damage(warehouse) or (_of_another_source(warehouse, source_name) if newest else None)
    if damage:
        log.warning("%s It is moved to %s, and a new one is built from the source.", damage, warehouse.set_aside)
        os.replace(warehouse.path, warehouse.set_aside)
        _log_of(warehouse).unlink(missing_ok=True)
    warehouse.damage_mark.unlink(missing_ok=True)
    if newest:
        with warehouse.transaction() as connection:
            _restore_history(connection, published / newest)
            tables.create_if_missing(connection, NIGHT_TOTALS)
            tables.create_if_missing(connection, OUTCOMES)
            _restore_rows(connection, NIGHT_TOTALS, published / newest / "parquet" / "predicted_totals.parquet")
            _restore_rows(connection, OUTCOMES, published / newest / "parquet" / "prediction_outcomes.parquet")


def _damage(warehouse: Warehouse) -> str | None:
    if not warehouse.path.exists():
        # the log of a file that is gone would be replayed into the new one
        _log_of(warehouse).unlink(missing_ok=True)
        return None
    if warehouse.damage_mark.exists():
        return f"{warehouse.path} was found to be damaged by the previous run."
    try:
        with warehouse.connection() as connection:
            tables.create_if_missing(connection, HISTORY)
            # read this table in full: it is the only one that cannot be rebuilt from the source
            connection.execute("select count(columns(*)) from scores.history").fetchall()
    except DamageError as error:
        return f"{error.what}."
    return None


def _of_another_source(warehouse: Warehouse, source_name: str) -> str | None:
    """Return why a warehouse is not that of a home which has bundles of its source: its scores are of another one."""
    if not warehouse.path.exists():
        return None
    with warehouse.connection() as connection:
        found = (
            connection.execute("select source_name from scores.run").fetchall()
            if has_table(connection, "scores.run")
            else []
        )
    others = [name for (name,) in found if name != source_name]
    return f"{warehouse.path} is a warehouse of '{others[0]}', not of '{source_name}'." if others else None


def _log_of(warehouse: Warehouse) -> Path:
    return warehouse.path.with_name(f"{warehouse.path.name}.wal")


def _is_of(bundle: Path, source_name: str) -> bool:
    manifest = read_manifest(bundle)
    return manifest is not None and manifest["source_name"] == source_name and what_is_damaged(bundle) is None


def _restore_history(connection: Connection, bundle: Path) -> None:
    """Add the nights of the bundle that the history lacks, if it keeps them: an older release kept every night."""
    tables.create_if_missing(connection, HISTORY)
    file = {"file": str(bundle / "parquet" / "customer_clv_history.parquet")}
    published = _nights(connection, "select distinct as_of_date from read_parquet($file)", file)
    held = _nights(connection, "select distinct as_of_date from scores.history")
    missing = sorted({*kept_nights(published | held)} & published - held)
    if missing:
        tables.append(
            connection,
            HISTORY,
            "select * from read_parquet($file) where list_contains($missing, as_of_date)",
            file | {"missing": missing},
        )
        log.warning("%d nights of the score history were restored from the bundle %s", len(missing), bundle.name)


def _restore_rows(connection: Connection, table: Table, file: Path) -> None:
    """Add the totals or outcomes of the nights that the table lacks; a bundle of an older release has none of this shape."""
    names = ", ".join(table.column_names())
    if (
        not file.exists()
        or not set(table.column_names()) <= columns_of(connection, f"read_parquet({quote_text(str(file))})").keys()
    ):
        return
    condition = "is_closed and not is_backtest" if table is OUTCOMES else "true"
    tables.append(
        connection,
        table,
        f"""
        select {names} from read_parquet($file)
        where {condition} and (as_of_date, horizon_days) not in (select (as_of_date, horizon_days) from {table.name})
        """,
        {"file": str(file)},
    )


def _nights(connection: Connection, query: str, parameters: Mapping[str, object] | None = None) -> set[date]:
    return {night for (night,) in connection.execute(query, parameters).fetchall()}
