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
#: What an older release wrote beside each customer of a night; it is the same for all of them, and belongs to the night's totals.
_OF_THE_NIGHT = ("currency", "model_version", "run_id", "scored_at", "segment_definition")
#: Columns of `predicted_totals` that bundles of an older release lack.
_LATER = {"scored_at", "segment_definition"}


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
    if newest is None and not warehouse.path.exists():
        return
    with warehouse.transaction() as connection:
        tables.create_if_missing(connection, HISTORY)
        tables.create_if_missing(connection, NIGHT_TOTALS)
        tables.create_if_missing(connection, OUTCOMES)
        _move_to_totals(connection, HISTORY.name)
        for column in columns_of(connection, HISTORY.name).keys() - {*HISTORY.column_names()}:
            connection.execute(f"alter table scores.history drop column {column}")
        if newest:
            parquet = published / newest / "parquet"
            _restore_rows(connection, NIGHT_TOTALS, parquet / "predicted_totals.parquet")
            _restore_rows(connection, OUTCOMES, parquet / "prediction_outcomes.parquet")
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
    relation = f"read_parquet({quote_text(str(bundle / 'parquet' / 'customer_clv_history.parquet'))})"
    published = _nights(connection, f"select distinct as_of_date from {relation}")
    held = _nights(connection, "select distinct as_of_date from scores.history")
    missing = sorted({*kept_nights(published | held)} & published - held)
    if missing:
        names = ", ".join(columns_of(connection, relation).keys() & {*HISTORY.column_names()})
        tables.append(
            connection,
            HISTORY,
            f"select {names} from {relation} where list_contains($missing, as_of_date)",
            {"missing": missing},
        )
        _move_to_totals(connection, relation)
        log.warning("%d nights of the score history were restored from the bundle %s", len(missing), bundle.name)


def _move_to_totals(connection: Connection, relation: str) -> None:
    """Give the nights of a score history of an older release their totals, as far as they lack them.

    Their totals are of the scores that are left of them. A history of this release has nothing to move.
    """
    there = columns_of(connection, relation).keys()
    if not {"run_id", "model_version", "currency"} <= there:
        return
    found = ", ".join(f"{f'any_value({name})' if name in there else 'null'} as {name}" for name in _OF_THE_NIGHT)
    connection.execute(
        f"""
        create or replace temp table nights_of_history as
        select as_of_date, horizon_days, count(*) as customers, sum(predicted_spend) as predicted_spend, {found}
        from {relation} where as_of_date in (select as_of_date from scores.history) group by as_of_date, horizon_days
        """
    )
    connection.execute(
        """
        update scores.night_totals set
            scored_at = coalesce(night_totals.scored_at, nights.scored_at),
            segment_definition = coalesce(night_totals.segment_definition, nights.segment_definition)
        from nights_of_history as nights
        where night_totals.as_of_date = nights.as_of_date and night_totals.horizon_days = nights.horizon_days
        """
    )
    tables.append(
        connection,
        NIGHT_TOTALS,
        """
        from nights_of_history
        where (as_of_date, horizon_days) not in (select (as_of_date, horizon_days) from scores.night_totals)
        """,
    )
    connection.execute("drop table nights_of_history")


def _restore_rows(connection: Connection, table: Table, file: Path) -> None:
    """Add the totals or outcomes of the nights that the table lacks; a bundle of an older release may have none of this shape."""
    if not file.exists():
        return
    there = columns_of(connection, f"read_parquet({quote_text(str(file))})").keys()
    if {*table.column_names()} - there - _LATER:
        return
    names = ", ".join(name for name in table.column_names() if name in there)
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
