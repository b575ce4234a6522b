"""Recovery before a run: a damaged or missing warehouse is recreated, and the score history is restored from the bundles.

Everything else in the warehouse is rebuilt from the source. Published files are repaired by `serving.py`.
"""

import logging
import os
from pathlib import Path

from clv_pipeline.contracts.warehouse import HISTORY
from clv_pipeline.core.errors import DamageError
from clv_pipeline.publishing.serving import bundles, read_manifest, what_is_damaged
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, row_count

log = logging.getLogger(__name__)


def recover(warehouse: Warehouse, published: Path, source_name: str) -> None:
    """Move a damaged warehouse file away, and add the nights that are only in the bundles to the score history.

    The moved file is kept until the next run begins.
    """
    warehouse.set_aside.unlink(missing_ok=True)
    damage = _damage(warehouse)
    if damage:
        log.warning("%s It is moved to %s, and a new one is built from the source.", damage, warehouse.set_aside)
        os.replace(warehouse.path, warehouse.set_aside)
        _log_of(warehouse).unlink(missing_ok=True)
    warehouse.damage_mark.unlink(missing_ok=True)
    newest = next((name for name in bundles(published) if _is_of(published / name, source_name)), None)
    if newest:
        with warehouse.transaction() as connection:
            _restore_history(connection, published / newest)


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


def _log_of(warehouse: Warehouse) -> Path:
    return warehouse.path.with_name(f"{warehouse.path.name}.wal")


def _is_of(bundle: Path, source_name: str) -> bool:
    manifest = read_manifest(bundle)
    return manifest is not None and manifest["source_name"] == source_name and what_is_damaged(bundle) is None


def _restore_history(connection: Connection, bundle: Path) -> None:
    tables.create_if_missing(connection, HISTORY)
    held = row_count(connection, HISTORY.name)
    tables.append(
        connection,
        HISTORY,
        "select * from read_parquet($file) where as_of_date not in (select as_of_date from scores.history)",
        {"file": str(bundle / "parquet" / "customer_clv_history.parquet")},
    )
    restored = row_count(connection, HISTORY.name) - held
    if restored:
        log.warning("%d rows of the score history were restored from the bundle %s", restored, bundle.name)
