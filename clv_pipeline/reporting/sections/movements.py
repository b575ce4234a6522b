"""Section on movements: from last year's customers and spend to this year's, and how customers moved between value tiers."""

from dataclasses import dataclass
from typing import Any

from clv_pipeline.reporting import formats, html, plots
from clv_pipeline.reporting.answers import Statement
from clv_pipeline.reporting.html import Picture
from clv_pipeline.reporting.sections.common import HeatCell, HeatMap, Run, run_of, statement
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

TABLES = ("base_movements", "tier_transitions")
_STEPS = {
    "opening": "period before",
    "new": "new customers",
    "reactivated": "returned after a pause",
    "grown": "spent more",
    "unchanged": "spent the same",
    "shrunk": "spent less",
    "lapsed": "stopped buying",
    "returns_only": "returns only",
    "other": "groups too small to show",
    "closing": "current period",
}
_TIERS = """
select tier_before, tier_now, customers, share_of_tier_before, actual_spend_before, actual_spend_now
from tier_transitions where comparison = 'actual_spend' and row_kind = 'move'
"""
_TIER_NAMES = {"A": "A: top 5 %", "B": "B: next 15 %", "C": "C: next 30 %", "D": "D: the rest", None: "no purchase yet"}


@dataclass(frozen=True)
class Movements:
    """The bridge of spend, and the moves between tiers; each None where nothing was bought in both periods."""

    statements: list[Statement]
    bridge: Picture | None
    table: Table
    tiers_statement: Statement | None
    tiers: HeatMap | None


def of_bundle(connection: Connection) -> Movements:
    """Return the section."""
    run = run_of(connection)
    rows = records(connection, "select * from base_movements order by position")
    steps = {row["step"]: row for row in rows}
    moves = records(connection, _TIERS)
    if not steps.get("opening") or not steps.get("closing") or not steps["opening"]["spend_before"]:
        text = "There are no two periods with purchases to compare yet."
        return Movements([statement(text, "base_movements")], None, Table([], []), None, None)
    return Movements(
        _statements(run, steps),
        _bridge(run, rows),
        _table(rows),
        _tiers_statement(moves),
        _tiers(moves),
    )


def _statements(run: Run, steps: dict[str, dict[str, Any]]) -> list[Statement]:
    before, now = steps["opening"], steps["closing"]
    change = float(now["spend_now"]) / float(before["spend_before"]) - 1
    days = int(now["period_days"])
    text = (
        f"In the {days} days to {formats.long_day(now['now_end_date'])}, {formats.counted(now['customers'], 'customer')} bought "
        f"for {run.money(now['spend_now'])}; in the {days} days before it was {formats.counted(before['customers'], 'customer')} "
        f"and {run.money(before['spend_before'])}: {formats.spoken_percent(change, signed=True)}."
    )
    gains = [row for row in steps.values() if row["row_kind"] == "change" and row["spend_change"] > 0]
    losses = [row for row in steps.values() if row["row_kind"] == "change" and row["spend_change"] < 0]
    found = [statement(text, "base_movements")]
    for name, group in (("gain", sorted(gains, key=_size)), ("loss", sorted(losses, key=_size))):
        if group:
            largest = group[-1]
            found.append(
                statement(
                    f"The largest {name}: {formats.counted(largest['customers'], 'customer')} "
                    f"({_STEPS[largest['step']]}) changed the spend by {run.money(largest['spend_change'], signed=True)}.",
                    "base_movements",
                )
            )
    if days < 365:
        found.append(
            statement("The history is shorter than two years, so the periods are different seasons.", "base_movements")
        )
    return found


def _size(row: dict[str, Any]) -> float:
    return abs(float(row["spend_change"]))


def _bridge(run: Run, rows: list[dict[str, Any]]) -> Picture:
    shown = [row for row in rows if row["row_kind"] == "balance" or row["spend_change"]]
    values = [
        float(row["spend_before"] if row["step"] == "opening" else row["spend_now"] if row["step"] == "closing" else
              row["spend_change"])
        for row in shown
    ]  # fmt: skip
    return html.drawn(
        f"From the spend of the {rows[0]['period_days']} days before to that of the last {rows[0]['period_days']}",
        f"From {run.money(values[0])} to {run.money(values[-1])}; the bars between them add up to the difference.",
        plots.bridge,
        [_STEPS[row["step"]] for row in shown],
        values,
        f"net spend, {run.currency}",
        tables=("base_movements",),
    )


def _table(rows: list[dict[str, Any]]) -> Table:
    return Table(
        ["step", "customers", "spend before", "spend now", "change", "change in % of before"],
        [
            [
                _STEPS[row["step"]],
                formats.count(row["customers"]),
                formats.money(row["spend_before"], digits=0),
                formats.money(row["spend_now"], digits=0),
                formats.decimal(row["spend_change"], 0, signed=True),
                formats.percent(row["change_share"], signed=True),
            ]
            for row in rows
        ],
        frozenset(range(1, 6)),
    )


def _tiers_statement(moves: list[dict[str, Any]]) -> Statement | None:
    of_best = {row["tier_now"]: row for row in moves if row["tier_before"] == "A"}
    stayed, fell = of_best.get("A"), of_best.get("D")
    if not stayed:
        return None
    size = sum(row["customers"] for row in of_best.values())
    text = (
        f"Of the {formats.counted(size, 'customer')} who were the best 5 % by spend in the period before (tier A), "
        f"{formats.spoken_percent(stayed['share_of_tier_before'])} still are"
    )
    if fell:
        text += f", and {formats.spoken_percent(fell['share_of_tier_before'])} fell into the lowest tier"
    return statement(f"{text}.", "tier_transitions")


def _tiers(moves: list[dict[str, Any]]) -> HeatMap | None:
    shares = {(row["tier_before"], row["tier_now"]): row for row in moves}
    before = [tier for tier in _TIER_NAMES if any(b == tier for b, _ in shares)]
    now = [tier for tier in _TIER_NAMES if any(n == tier for _, n in shares)]
    if not shares:
        return None
    return HeatMap(
        "Share of each tier before, in rows, that is in each tier of today, in columns",
        ["tier before", *(_TIER_NAMES[tier] for tier in now)],
        [(_TIER_NAMES[b], [_tier_cell(shares.get((b, n))) for n in now]) for b in before],
    )


def _tier_cell(row: dict[str, Any] | None) -> HeatCell:
    if row is None:
        return HeatCell("")
    share = float(row["share_of_tier_before"])
    return HeatCell(formats.percent(share, digits=0), 1 + min(int(share * 8), 5))
