"""The tables of a source: rows, days, what is accepted of them and why the rest is not."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from clv_pipeline.contracts.source import CONTRACT, SourceTable
from clv_pipeline.diagnostics.profile.look import Look
from clv_pipeline.warehouse.connection import Connection, one_row


@dataclass(frozen=True)
class TableProfile:
    """One contract table that was read.

    accepted: None where no rule judges its rows. first_day, last_day: of rows from `earliest_date` to today, in the business
    time zone; None where no row has one. newest_days: the age of the newest row in days. not_returned: contract columns.
    """

    name: str
    rows: int
    accepted: int | None
    first_day: date | None
    last_day: date | None
    newest_days: int | None
    is_incremental: bool
    not_returned: tuple[str, ...]


@dataclass(frozen=True)
class NotAccepted:
    """Rows of one table that are not accepted for one reason, and their money in the currencies of the source."""

    table: str
    disposition: str
    reason: str
    rows: int
    money: Decimal | None


def profile_tables(look: Look) -> list[TableProfile]:
    """Return the tables that were read, in the order of the contract."""
    return [_profile(look, CONTRACT[name]) for name in CONTRACT if name in look.trial.read]


def _profile(look: Look, table: SourceTable) -> TableProfile:
    read, report = look.trial.read[table.name], look.reports.get(table.name)
    first, last = _span(look, table, look.connection) if table.event_time else (None, None)
    return TableProfile(
        table.name,
        read.rows_held,
        report.rows_with("accepted") if report else None,
        first,
        last,
        (look.as_of - last).days if last else None,
        read.is_incremental,
        tuple(name for name in table.column_names() if name not in read.columns),
    )


def _span(look: Look, table: SourceTable, connection: Connection) -> tuple[date | None, date | None]:
    event = table.event_time
    assert event is not None
    day = event if table.column(event).type == "date" else f"timezone($zone, {event})::date"
    zone = {} if table.column(event).type == "date" else {"zone": look.settings.time_zone}
    first, last = one_row(
        connection,
        f"with days as (select {day} as day from raw.{table.name}) "
        "select min(day), max(day) from days where day between $earliest::date and $as_of::date",
        {"earliest": look.settings.earliest_date, "as_of": look.as_of, **zone},
    )
    return first, last


def not_accepted(look: Look) -> list[NotAccepted]:
    """Return the rows that are not accepted, by table and reason, most rows first within a table."""
    found = [
        NotAccepted(name, d.disposition, d.reason, d.rows, d.money)
        for name, report in look.reports.items()
        for d in report.dispositions
        if d.disposition not in ("accepted", "created")
    ]
    places = list(CONTRACT)
    return sorted(found, key=lambda row: (places.index(row.table), -row.rows, row.reason))
