"""`clv init NAME --from LAYOUT`: write a known layout for a source, with what the source itself says about zone and currency."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlglot
from pydantic import SecretStr
from sqlglot import exp

from clv_pipeline.core.errors import ConfigurationError, SourceError
from clv_pipeline.onboarding.catalogue import ad_hoc
from clv_pipeline.onboarding.folder import write_known_folder
from clv_pipeline.onboarding.layouts import (
    DUCKDB,
    Layout,
    WrittenLayout,
    layouts_of,
    missing_tables,
    recognise,
    sqlglot_name,
    write_layout,
)
from clv_pipeline.sources.readers import open_source
from clv_pipeline.sources.reading import SourceReader

#: Zones tried in this order: the first whose offsets are those of every time that was seen. The days of two zones with the same
#: offsets are the same, so that the name matters little.
_ZONES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix", "America/Toronto",
    "America/Halifax", "America/Sao_Paulo", "America/Mexico_City", "America/Bogota", "Europe/London", "Europe/Berlin",
    "Europe/Helsinki", "Europe/Istanbul", "Africa/Johannesburg", "Africa/Lagos", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata",
    "Asia/Bangkok", "Asia/Singapore", "Asia/Tokyo", "Australia/Brisbane", "Australia/Sydney", "Australia/Adelaide",
    "Australia/Perth", "Pacific/Auckland", "Asia/Jerusalem", "Europe/Moscow", "America/Argentina/Buenos_Aires",
    "Pacific/Honolulu", "UTC",
)  # fmt: skip
_WITH_OFFSET = re.compile(r"^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2}) ?([+-]\d{2}):?(\d{2})$")


@dataclass(frozen=True)
class KnownSource:
    """A source folder written from a layout: what it is, and what the source said about itself."""

    layout: Layout
    written: WrittenLayout
    facts: Mapping[str, str]


def write_known_source(name: str, folder: Path, url: SecretStr | None, *, timeout_seconds: int) -> KnownSource:
    """Write a layout into a folder for the tables at an address; without one for the usual names of its usual variant.

    Raises:
        ConfigurationError: there is no such layout, the tables are not its, or the folder holds a source already.
        SourceError: the source cannot be opened.
    """
    variants = layouts_of(name)
    if url is None:
        return KnownSource(variants[0], write_layout(variants[0], folder), {})
    with open_source(url, tries=1, timeout_seconds=timeout_seconds) as reader:
        tables = {table.full_name: tuple(table.columns) for table in reader.tables()}
        layout = recognise(tables, among=variants)
        if layout is None:
            raise ConfigurationError(
                f"No {name} export or schema is among the tables here: {missing_tables(variants, tables)}",
                next_step="check the address in --url, or write the folder without it and name your tables in its SELECTs.",
            )
        facts = facts_at_source(layout, reader, tables)
        dialect = reader.engine.dialect
    address = url.get_secret_value()
    return KnownSource(
        layout, write_known_folder(layout, folder, address, tables=tables, dialect=dialect, facts=facts), facts
    )


def facts_at_source(layout: Layout, reader: SourceReader, tables: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return what the source itself says: `time_zone` and `currency`, each only where it is told and valid."""
    found = layout.found_in(tables) or {}
    told: dict[str, str] = {}
    for fact, sql in layout.facts.items():
        values = _values(reader, sql, found)
        match fact:
            case "offsets":
                zone = zone_of_offsets(values)
                told |= {"time_zone": zone} if zone else {}
            case "time_zone" if values and _is_zone(values[0]):
                told[fact] = values[0]
            case "currency" if values and re.fullmatch(r"[A-Za-z]{3}", values[0]):
                told[fact] = values[0].upper()
    return told


def zone_of_offsets(times: Iterable[str]) -> str | None:
    """Return the first usual zone in which every time has the offset that it is written with, None if there is none.

    >>> zone_of_offsets(["2024-01-31 23:30:00 -0500", "2024-03-10 12:00:00 -0400"])
    'America/New_York'
    """
    read = [match.groups() for text in times if (match := _WITH_OFFSET.match(text.strip()))]
    moments = {datetime.fromisoformat(f"{day}T{clock}{hours}:{minutes}") for day, clock, hours, minutes in read}
    if not moments:
        return None
    return next(
        (z for z in _ZONES if all(m.astimezone(ZoneInfo(z)).utcoffset() == m.utcoffset() for m in moments)), None
    )


def _values(reader: SourceReader, sql: str, found: Mapping[str, list[str]]) -> list[str]:
    """Return the first column of a query over the usual names, nothing where the source has not what it asks for."""
    query = sqlglot.parse_one(sql, read=DUCKDB)
    for table in query.find_all(exp.Table):
        if table.name not in found:
            return []
        # a table of files keeps its usual name as an alias: columns are never qualified by it
        table.replace(
            exp.to_table(found[table.name][0]) if "." in found[table.name][0] else _named(found[table.name][0])
        )
    text = query.sql(dialect=sqlglot_name(reader.engine.dialect))
    try:
        column = reader.read_apart(ad_hoc(text, "facts")).column(0)
    except SourceError:
        return []
    return [str(value) for value in column.to_pylist() if value]


def _named(name: str) -> exp.Table:
    return exp.table_(name, quoted=True)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True
