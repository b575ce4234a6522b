"""Section on data quality: what of each source table is used, and why the rest is not."""

from dataclasses import dataclass
from typing import Any

from clv_pipeline.reporting import formats, labels
from clv_pipeline.reporting.answers import Statement
from clv_pipeline.reporting.sections.common import run_of, statement, table_of
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

TABLES = ("data_quality", "forecast_improvements")
_KINDS = ("accepted", "duplicate", "superseded", "excluded", "quarantined")
_ROWS = """
select table_name, if(row_kind = 'source', 'source', disposition) as kind, sum(row_count)::bigint as row_count
from data_quality
where row_kind = 'source' or (row_kind = 'disposition' and disposition <> 'created')
group by all order by all
"""
_REASONS = """
select table_name,
    case row_kind when 'source' then 'at the source' when 'part' then 'of which' else disposition end as disposition,
    reason, row_count, source_money
from data_quality
where row_kind <> 'read'
order by table_name, row_kind <> 'source', row_kind = 'part', data_quality.disposition, reason
"""
_IMPROVEMENTS = """
select statement, worth, measure, money_at_stake, next_step from forecast_improvements
where status = 'to_do' order by priority
"""


@dataclass(frozen=True)
class DataQuality:
    """Rows by table and disposition, all reasons, and what would improve the forecasts."""

    statements: list[Statement]
    rows: Table
    reasons: Table
    improvements: Table


def of_bundle(connection: Connection) -> DataQuality:
    """Return the section."""
    counts: dict[str, dict[str, int]] = {}
    for row in records(connection, _ROWS):
        counts.setdefault(row["table_name"], {})[row["kind"]] = row["row_count"]
    return DataQuality(
        _statements(connection, counts),
        Table(
            ["table", "at the source", *_KINDS],
            [
                [
                    labels.words(name),
                    *(formats.count(of.get(kind, 0 if len(of) > 1 else None)) for kind in ("source", *_KINDS)),
                ]
                for name, of in counts.items()
            ],
            frozenset(range(1, 2 + len(_KINDS))),
        ),
        table_of(connection, _REASONS),
        _improvements(run_of(connection).currency, records(connection, _IMPROVEMENTS)),
    )


def _statements(connection: Connection, counts: dict[str, dict[str, int]]) -> list[Statement]:
    run = run_of(connection)
    orders = counts.get("orders", {})
    found = []
    if orders.get("source"):
        found.append(
            statement(
                f"Of {formats.counted(orders['source'], 'order line')} at the source, "
                f"{formats.spoken_percent(orders.get('accepted', 0) / orders['source'])} are used. The others are delivered "
                "twice, replaced by a newer version, excluded by a rule, or cannot be used.",
                "data_quality",
            )
        )
    quarantined = int(run.values["quarantined_rows"])
    found.append(
        statement(
            f"{formats.counted(quarantined, 'row')} of all tables cannot be used and {'was' if quarantined == 1 else 'were'} "
            "quarantined."
            if quarantined
            else "No row had to be quarantined.",
            "clv_run",
        )
    )
    found.append(statement(_newest(run.values), "clv_run"))
    return found


def _improvements(currency: str, rows: list[dict[str, Any]]) -> Table:
    return Table(
        ["what is missing", "worth", "at stake", "what to do"],
        [
            [row["statement"], _worth(row), formats.spoken_money(row["money_at_stake"], currency), row["next_step"]]
            for row in rows
        ],
    )


def _worth(row: dict[str, Any]) -> str:
    """Return a measured worth with its measure.

    >>> _worth({"worth": 0.1499, "measure": "share of the net sales"}).replace("\xa0", " ")
    '15 % of the net sales'
    """
    if row["worth"] is None:
        return ""
    measure = str(row["measure"]).split(";")[0]
    of = measure.removeprefix("share ")
    return (
        f"{formats.spoken_percent(row['worth'])} {of}"
        if of != measure
        else f"{formats.decimal(row['worth'])} {measure}"
    )


def _newest(run: dict[str, Any]) -> str:
    text = (
        f"The newest order is of {formats.long_day(run['newest_order_date'])}"
        if run["newest_order_date"]
        else "There is no order"
    )
    late = ": later than usual, so the figures may lack recent orders" if run["is_stale"] else ""
    checks = run["acknowledged_checks"]
    return f"{text}{late}." + (f" Published although these checks failed: {checks}." if checks else "")
