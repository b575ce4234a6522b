"""The second target as a witness of the list of erased customers: its length and checksum are noted there, no identity.

Home and source folder remember the list too (`sources/tombstones.py`). Both can be lost, or restored from a backup that is too
old, in one accident; the target usually is another machine. A list that has more entries than the target noted counts as
complete: no checksum can tell which ones it has.
"""

import logging
from dataclasses import dataclass

import psycopg
import sqlalchemy as sa

from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import ConfigurationError, PrivacyError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.publishing.target_place import KEY_TEXT, TargetPlace, place_of
from clv_pipeline.sources.tombstones import Tombstones, read_tombstones, tombstones_file

log = logging.getLogger(__name__)

TABLE = "clv_erased_list"


@dataclass(frozen=True)
class _Noted:
    entries: int
    checksum: str


def ask_target(settings: Settings) -> None:
    """Compare the list with what the target noted, before a night reads anything.

    A target that cannot be reached says nothing: the night goes on, and publishing there asks again.

    Raises:
        ConfigurationError, PrivacyError: see `read_tombstones`; or the target knows of a longer or another list.
    """
    tombstones = read_tombstones(settings)
    try:
        place = place_of(settings)
        if place is None:
            return
        with place.engine.connect() as target:
            check_list(target, place, settings, settings.name, tombstones)
    except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
        log.warning("the target could not be asked for the list of erased customers: %s", reason_of(error))
    except ConfigurationError as error:
        log.warning("the target could not be asked for the list of erased customers: %s", error.what)


def check_list(
    target: sa.Connection, place: TargetPlace, settings: Settings, source: str, tombstones: Tombstones | None
) -> None:
    """Compare the list that this run has with the one that the target noted for the company `source`.

    Raises:
        PrivacyError: the list is gone, shorter, or has other entries.
    """
    noted = _noted(target, place, source)
    found = _Noted(len(tombstones.hashes), tombstones.checksum) if tombstones else _Noted(0, "")
    if noted is None or found == noted or found.entries > noted.entries:
        return
    path = tombstones_file(settings) or Home(settings.home).tombstones
    what = "is gone" if tombstones is None else f"has {found.entries} entries"
    other = " others" if found.entries == noted.entries else ""
    raise PrivacyError(
        f"The list of erased customers {path} {what}, and the target {place.where} notes that it had {noted.entries}{other}: "
        "they would come back",
        next_step=f"restore it from a backup. If it was made again on purpose, delete the row of '{source}' from "
        f"{_table(place).fullname} in the target.",
    )


def note_list(target: sa.Connection, place: TargetPlace, source: str, tombstones: Tombstones | None) -> None:
    """Note length and checksum of the list in the target; a longer list that is noted there stays."""
    if tombstones is None:
        return
    noted = _noted(target, place, source)
    found = _Noted(len(tombstones.hashes), tombstones.checksum)
    if noted == found or (noted is not None and noted.entries > found.entries):
        return
    table = _table(place)
    table.create(target, checkfirst=True)
    target.execute(sa.delete(table).where(table.c.source_name == source))
    target.execute(sa.insert(table).values(source_name=source, entries=found.entries, checksum=found.checksum))


def _table(place: TargetPlace) -> sa.Table:
    return sa.Table(
        f"{TABLE}{place.suffix}",
        sa.MetaData(schema=place.schema),
        sa.Column("source_name", KEY_TEXT, primary_key=True, comment="the company"),
        sa.Column("entries", sa.Integer(), nullable=False, comment="number of erased customers"),
        sa.Column(
            "checksum", sa.Text(), nullable=False, comment="keyed checksum of the list; it has no customer in it"
        ),
        comment="Witness of the list of erased customers: a run with a shorter list is blocked.",
    )


def _noted(target: sa.Connection, place: TargetPlace, source: str) -> _Noted | None:
    table, inspector = _table(place), sa.inspect(target)
    # MariaDB cannot be asked for the tables of a database that is not there
    if place.schema and not inspector.has_schema(place.schema):
        return None
    if not inspector.has_table(table.name, schema=place.schema):
        return None
    row = target.execute(
        sa.select(table.c.entries, table.c.checksum).where(table.c.source_name == source)
    ).one_or_none()
    return _Noted(*row) if row else None
