"""The second publication target: the tables of a bundle copied into any SQLAlchemy database, all in one transaction.

Nothing is ever dropped, renamed or truncated: grants and dependent views stay, readers see the old run or the new one
and never an empty table, and an idle reader blocks nothing. Before the transaction ends, what is there is compared with the
bundle. The contents of the tables are decided in `publishing.py`.
"""

import logging
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from clv_pipeline.contracts.published import CONTRACT_VERSION, PUBLISHED
from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.settings import Settings
from clv_pipeline.publishing.erased_list import check_list, note_list
from clv_pipeline.publishing.frozen_tables import mark_frozen
from clv_pipeline.publishing.target_owner import check_owner, note_owner, owner_of
from clv_pipeline.publishing.target_place import TargetPlace, place_of, prepare_transaction
from clv_pipeline.publishing.target_rows import NAME, different_rows, replace_rows
from clv_pipeline.publishing.target_structure import Structure, bring_up_to_date, refusal, structure_of
from clv_pipeline.publishing.target_types import type_of
from clv_pipeline.sources.tombstones import read_tombstones
from clv_pipeline.warehouse.connection import Connection, one_row, open_bundle_file, row_count

log = logging.getLogger(__name__)

#: To most collations of MySQL and MariaDB 'A1' and 'a1' are one key, and some character sets have no emoji.
_MYSQL: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


@dataclass(frozen=True)
class TargetReport:
    """Result in the target: rows by table, none if it already had the run; `where` has no credentials."""

    where: str
    run_id: str
    row_counts: dict[str, int]


def publish_to_database(
    served: Path, settings: Settings, *, again: bool = False, only_ours: bool = False
) -> TargetReport | None:
    """Copy the tables of the bundle file `served` to the target; None when no target is configured.

    A target that already has that run, row for row by count and sum, is left unchanged, unless `again` (the bundle was changed by
    an erasure). With `only_ours`, a place in which the bundle's source has never published is refused.

    Raises:
        ConfigurationError: the URL cannot be used.
        PublishError: the database refused, has tables of others, or did not store what was written; its rows are unchanged,
            and the bundle is served anyway.
        PrivacyError: the target knows of a longer list of erased customers; not for `again`, which is how one gets longer.
    """
    place = place_of(settings)
    if place is None:
        return None
    tombstones = read_tombstones(settings)
    with open_bundle_file(served) as bundle:
        # `clv forget` names no source: the bundle knows whose it is
        run_id, source, version = one_row(bundle, "select run_id, source_name, contract_version from clv_run")
        _check_version(run_id, version)
        tables = published_tables(bundle, place.schema, place.suffix)
        try:
            with place.engine.begin() as target:
                prepare_transaction(target)
                if not again:
                    check_list(target, place, settings, source, tombstones)
                existing = structure_of(target, place.schema)
                owner = owner_of(target, place, existing)
                if only_ours and owner is None:
                    raise _not_ours(place, source)
                check_owner(place, owner, source, settings.publish_schema)
                is_there = not again and _holds(target, tables, existing, run_id, source, version)
                changed = bring_up_to_date(target, place, tables, existing)
                note_owner(target, place, owner, source)
                row_counts: dict[str, int] = {}
                if not is_there or changed or _has_lost_rows(target, place, tables, bundle, run_id):
                    _write(
                        target, place, tables, bundle, [] if again else _same_nights(target, tables, bundle, changed)
                    )
                    _empty_others(target, place, tables, existing)
                    row_counts = {t.info[NAME]: row_count(bundle, t.info[NAME]) for t in tables}
                note_list(target, place, source, tombstones)
        except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
            raise PublishError(
                f"Run {run_id} could not be published to {place.where}: {reason_of(error)}",
                next_step="fix the database, the permissions or CLV_PUBLISH_URL, then materialise published/database again "
                "(or run again); the rows in the database are unchanged, and the bundle is served.",
                anchor="second_target",
            ) from None
    mark_frozen(place)
    return TargetReport(place.where, run_id, row_counts)


def published_tables(bundle: Connection, schema: str | None, suffix: str = "") -> list[sa.Table]:
    """Return the published tables as a bundle has them: its columns, types and descriptions, the contract's keys.

    suffix: the end of each table's name where there are no schemas; `info` has the name without it.

    Raises:
        PublishError: the bundle is of an older release, in which a table had another key.
    """
    metadata = sa.MetaData(schema=schema)
    described = {
        (table, column): text
        for table, column, text in bundle.execute(
            "select table_name, column_name, description from column_dictionary"
        ).fetchall()
    }
    # a bundle of an older release, served again by a rollback, has fewer of them
    in_bundle = _columns_of(bundle)
    for name in PUBLISHED.keys() & in_bundle.keys():
        if missing := set(PUBLISHED[name].key) - in_bundle[name].keys():
            raise PublishError(
                f"The bundle's table {name} has no {', '.join(sorted(missing))}, which is in its key: an older release made it",
                next_step="serve a bundle of this release, or publish this one with the release that made it.",
                anchor="second_target",
            )
    return [
        sa.Table(
            f"{name}{suffix}",
            metadata,
            *(
                sa.Column(
                    column,
                    type_of(name, column, in_bundle[name]),
                    nullable=column not in table.key,
                    comment=described.get((name, column)),
                )
                for column in in_bundle[name]
            ),
            sa.PrimaryKeyConstraint(*table.key),
            info={NAME: name},
            **_MYSQL,
        )
        for name, table in PUBLISHED.items()
        if name in in_bundle
    ]


def _columns_of(bundle: Connection) -> dict[str, dict[str, str]]:
    """Return table -> column -> SQL type, all in one query."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for table, column, sql_type in bundle.execute(
        "select table_name, column_name, data_type from information_schema.columns order by table_name, ordinal_position"
    ).fetchall():
        found[table][column] = sql_type
    return found


def _check_version(run_id: str, version: str) -> None:
    if version.partition("-")[0] != CONTRACT_VERSION.partition("-")[0]:
        raise PublishError(
            f"Run {run_id} is of contract {version}, and this release writes {CONTRACT_VERSION} to a target",
            next_step="serve a bundle of this release, or publish this one with the release that made it.",
            anchor="second_target",
        )


def _not_ours(place: TargetPlace, source: str) -> PublishError:
    return PublishError(
        f"The source '{source}' has never published to {place.named}, so nothing was published there now",
        next_step="if source.toml sets publish_schema, set CLV_SOURCE to its folder and run the same command again.",
        anchor="second_target",
    )


def _holds(
    target: sa.Connection, tables: list[sa.Table], existing: Structure, run_id: str, source: str, version: str
) -> bool:
    run = next(t for t in tables if t.info[NAME] == "clv_run")
    columns = ("run_id", "source_name", "contract_version")
    if not {t.name for t in tables} <= existing.keys() or not set(columns) <= existing[run.name].columns.keys():
        return False
    rows = target.execute(sa.select(*(run.c[name] for name in columns)))
    return [tuple(row) for row in rows] == [(run_id, source, version)]


def _has_lost_rows(
    target: sa.Connection, place: TargetPlace, tables: list[sa.Table], bundle: Connection, run_id: str
) -> bool:
    different = [d.what for of_table in different_rows(target, tables, bundle).values() for d in of_table]
    if different:
        log.warning("%s no longer has run %s as published (%s): it is written again", place.named, run_id, different[0])
    return bool(different)


def _write(
    target: sa.Connection, place: TargetPlace, tables: list[sa.Table], bundle: Connection, same_nights: list[date]
) -> None:
    """Replace every table's rows by the bundle's, but for the history of `same_nights`, and compare what is there then.

    Raises:
        PublishError: it is not what the bundle has.
    """
    for table in tables:
        replace_rows(target, table, bundle, kept=same_nights if PUBLISHED[table.info[NAME]].is_history else [])
    different = different_rows(target, tables, bundle)
    # rows of nights that were left alone had been deleted or changed there
    history = [t for t in tables if same_nights and t.info[NAME] in different and PUBLISHED[t.info[NAME]].is_history]
    for table in history:
        replace_rows(target, table, bundle, kept=[])
        del different[table.info[NAME]]
    different |= different_rows(target, history, bundle)
    if different:
        raise refusal(place, [d for of_table in different.values() for d in of_table])


def _empty_others(target: sa.Connection, place: TargetPlace, tables: list[sa.Table], existing: Structure) -> None:
    """Delete the rows of the contract's tables that the bundle does not have: they are of another run."""
    for name in PUBLISHED.keys() - {table.info[NAME] for table in tables}:
        if f"{name}{place.suffix}" in existing:
            target.execute(sa.delete(sa.table(f"{name}{place.suffix}", schema=place.schema)))


def _same_nights(
    target: sa.Connection, tables: list[sa.Table], bundle: Connection, changed: Collection[str]
) -> list[date]:
    """Return the nights whose history the target has as the bundle has it: of the same run, with as many customers.

    Their rows are left alone, so that a night costs the same however long the history is.
    """
    by_name = {table.info[NAME]: table for table in tables}
    columns = ("as_of_date", "horizon_days", "run_id", "customers_in_history")
    totals = by_name.get("predicted_totals")
    if totals is None or not set(columns) <= set(totals.c.keys()):
        return []  # a bundle of an older release
    if {totals.name, *(t.name for name, t in by_name.items() if PUBLISHED[name].is_history)} & set(changed):
        return []
    there = {tuple(row) for row in target.execute(sa.select(*(totals.c[name] for name in columns)))}
    of_bundle = bundle.execute(
        f"select {', '.join(columns)} from predicted_totals order by as_of_date, horizon_days"
    ).fetchall()
    different = {row[0] for row in of_bundle if row not in there}
    return sorted({row[0] for row in of_bundle} - different)
