"""Section on channels: whether a new buyer of each pays back, what one costs, and what one is worth."""

from dataclasses import dataclass
from typing import Any

from clv_pipeline.reporting import formats, html, labels, plots
from clv_pipeline.reporting.answers import Statement
from clv_pipeline.reporting.html import Picture
from clv_pipeline.reporting.questions.answer import listed
from clv_pipeline.reporting.sections.common import Run, capital, run_of, statement
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

TABLES = ("channel_value",)
#: Verdict -> its name and the mark that it is shown with, in the order of the report.
_VERDICTS = {
    "does_not": ("does not pay back", "bad"),
    "unclear": ("unclear", "warn"),
    "pays_back": ("pays back", "good"),
    "too_early": ("too early to say", "none"),
    "too_few": ("too few buyers", "none"),
    "no_cost": ("no cost recorded", "none"),
    "no_margin": ("margin unknown", "none"),
}


@dataclass(frozen=True)
class Verdict:
    """The channels that have one verdict."""

    name: str
    mark: str
    channels: str
    reason: str


@dataclass(frozen=True)
class Channels:
    """Verdicts, then figures; the picture is None where no margin is known."""

    statements: list[Statement]
    verdicts: list[Verdict]
    picture: Picture | None
    table: Table
    attribution: str


def of_bundle(connection: Connection) -> Channels:
    """Return the section."""
    run = run_of(connection)
    rows = records(connection, "select * from channel_value order by acquisition_channel")
    return Channels(
        _statements(run, rows),
        _verdicts(rows),
        _picture(run, rows),
        _table(rows),
        capital(str(rows[0]["attribution"])) if rows else "",
    )


def _statements(run: Run, rows: list[dict[str, Any]]) -> list[Statement]:
    if not rows:
        return [statement("Nobody has bought yet.", "channel_value")]
    if [row["acquisition_channel"] for row in rows] == ["unknown"]:
        return [
            statement(
                "No channel is recorded with the customers, so channels cannot be compared; the one row below is all buyers.",
                "channel_value",
            )
        ]
    found = []
    if all(row["margin_12m"] is None for row in rows):
        found.append(
            statement(
                "No margin is shown: no month is a year old, or lines have no cost and the setting gross_margin is missing.",
                "channel_value",
            )
        )
    costly = [row for row in rows if row["cac"] is not None]
    if costly:
        cheapest, dearest = (pick(costly, key=lambda row: row["cac"]) for pick in (min, max))
        found.append(
            statement(
                f"A new buyer costs between {run.money(cheapest['cac'])} ({_name(cheapest)}) and {run.money(dearest['cac'])} "
                f"({_name(dearest)}).",
                "channel_value",
            )
        )
    valued = [row for row in rows if row["margin_12m"] is not None]
    if valued:
        best = max(valued, key=lambda row: row["margin_12m"])
        found.append(
            statement(
                f"A buyer of {_name(best)} brings the most margin in the first 12 months: {run.money(best['margin_12m'])} "
                f"({run.money_range(best['margin_12m_low'], best['margin_12m_high'])}).",
                "channel_value",
            )
        )
    return found


def _name(row: dict[str, Any]) -> str:
    return labels.words(str(row["acquisition_channel"]))


def _verdicts(rows: list[dict[str, Any]]) -> list[Verdict]:
    found = []
    for verdict, (name, mark) in _VERDICTS.items():
        group = [row for row in rows if row["verdict"] == verdict]
        if group:
            found.append(Verdict(name, mark, listed([_name(row) for row in group]), str(group[0]["statement"])))
    return found


def _picture(run: Run, rows: list[dict[str, Any]]) -> Picture | None:
    bars: list[plots.Bar] = [
        (_name(row), float(row["margin_12m"]), float(row["margin_12m_low"]), float(row["margin_12m_high"]))
        for row in sorted(rows, key=lambda row: -(row["margin_12m"] or 0))
        if None not in (row["margin_12m"], row["margin_12m_low"], row["margin_12m_high"])
    ]
    if not bars:
        return None
    return html.drawn(
        "Margin of a new buyer in the first 12 months, by channel",
        f"From {bars[0][0]} with {run.money(bars[0][1])} to {bars[-1][0]} with {run.money(bars[-1][1])}; the thin lines are 90 % "
        "intervals.",
        plots.bars_with_intervals,
        bars,
        f"margin per new buyer, {run.currency}",
        tables=("channel_value",),
    )


def _table(rows: list[dict[str, Any]]) -> Table:
    return Table(
        [
            "channel", "verdict", "new buyers", "cost per new buyer", "affordable cost", "margin, 12 months",
            "lifetime margin", "lifetime margin / cost", "pays back",
        ],
        [
            [
                _name(row),
                _VERDICTS[row["verdict"]][0],
                formats.count(row["new_buyers"]),
                formats.money(row["cac"]),
                formats.money(row["affordable_cac"], digits=0),
                _estimate(row, "margin_12m"),
                _estimate(row, "lifetime_margin"),
                formats.decimal(row["ltv_to_cac"], 1),
                _payback(row),
            ]
            for row in rows
        ],
        frozenset(range(2, 8)),
    )  # fmt: skip


def _estimate(row: dict[str, Any], name: str) -> str:
    return formats.estimate(*(formats.money(row[f"{name}{end}"], digits=0) for end in ("", "_low", "_high")))


def _payback(row: dict[str, Any]) -> str:
    """Return in words when a buyer has earned back what one cost.

    >>> _payback({"payback_months": 1, "payback_months_low": 1, "payback_months_high": 1})
    'in the first month'
    >>> _payback({"payback_months": 4, "payback_months_low": 3, "payback_months_high": None})
    'in month 4 (3 or later)'
    """
    month, low, high = (row[f"payback_months{end}"] for end in ("", "_low", "_high"))
    if month is None:
        return ""
    when = "in the first month" if month == 1 else f"in month {month}"
    if high is None:
        return f"{when} ({low} or later)" if low is not None else when
    return when if low == high else f"{when} ({low} to {high})"
