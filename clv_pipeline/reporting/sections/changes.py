"""Section on what changed since the last report: the predicted total by cause, and customers who moved between segments."""

from dataclasses import dataclass
from typing import Any

from clv_pipeline.reporting import formats, html, labels, plots
from clv_pipeline.reporting.answers import Statement
from clv_pipeline.reporting.html import Picture
from clv_pipeline.reporting.sections.common import LONGEST_LIST, Run, run_of, statement
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

TABLES = ("score_change_summary", "customer_clv_changes", "predicted_totals")
_CAUSES = {
    "time_passed": "time passed",
    "new_orders": "new orders",
    "web": "web visits",
    "survey": "survey answers",
    "social": "social media",
    "level_and_season": "level and season",
    "not_split": "not split",
    "customer_added": "customers added",
    "customer_removed": "customers removed",
    "score_unchanged": "scores without a change",
    "other": "causes with few customers",
}
_TOTALS = """
select as_of_date, predicted_spend from predicted_totals
where horizon_days = $days and as_of_date in ($previous, $now) order by as_of_date
"""
_MOVES = f"""
select previous_segment, segment, count(*) as customers, sum(predicted_spend - previous_predicted_spend) as change
from customer_clv_changes
where change = 'changed' and segment <> previous_segment
group by previous_segment, segment having count(*) >= 5
order by customers desc, previous_segment, segment limit {LONGEST_LIST}
"""
_MOVED = (
    "select count(*) as customers from customer_clv_changes where change = 'changed' and segment <> previous_segment"
)


@dataclass(frozen=True)
class Changes:
    """The change of the total, its causes, moves between segments; nothing but a statement on the first night."""

    statements: list[Statement]
    picture: Picture | None
    causes: Table
    moves: Table


def of_bundle(connection: Connection) -> Changes:
    """Return the section."""
    run = run_of(connection)
    causes = records(connection, "select * from score_change_summary order by abs(change) desc, cause")
    if not causes:
        text = "This is the first report with these scores: there is nothing to compare with yet."
        return Changes([statement(text, "score_change_summary")], None, Table([], []), Table([], []))
    return Changes(
        _statements(connection, run, causes),
        _picture(run, causes),
        _causes(causes),
        _moves(records(connection, _MOVES)),
    )


def _statements(connection: Connection, run: Run, causes: list[dict[str, Any]]) -> list[Statement]:
    previous, change = causes[0]["previous_as_of_date"], sum(row["change"] for row in causes)
    totals = records(connection, _TOTALS, {"days": run.days, "previous": previous, "now": run.as_of})
    now = run.values["predicted_spend_total"]
    before = totals[0]["predicted_spend"] if len(totals) == 2 else now - change
    text = (
        f"Since the report of {formats.long_day(previous)}, the predicted spend of the next {run.days} days went from "
        f"{run.money(before)} to {run.money(now)} ({run.money(change, signed=True)})."
    )
    split = [row for row in causes if row["row_kind"] == "cause" and row["change"]]
    found = [statement(text, "score_change_summary", "predicted_totals")]
    if split:
        largest = split[0]
        found.append(
            statement(
                f"The largest part is {_cause(largest)}: {run.money(largest['change'], signed=True)}, spread over "
                f"{formats.counted(largest['customers'], 'customer')}.",
                "score_change_summary",
            )
        )
    ((moved,),) = connection.execute(_MOVED).fetchall()
    found.append(
        statement(f"{formats.counted(moved, 'customer')} moved to another segment.", "customer_clv_changes")
        if moved
        else statement("Nobody moved to another segment.", "customer_clv_changes")
    )
    return found


def _cause(row: dict[str, Any]) -> str:
    return _CAUSES.get(row["cause"], labels.words(row["cause"]))


def _picture(run: Run, causes: list[dict[str, Any]]) -> Picture | None:
    shown = [row for row in causes if row["change"]]
    if not shown:
        return None
    first = shown[0]
    return html.drawn(
        f"Why the predicted total changed since {formats.day(first['previous_as_of_date'])}",
        f"One bar per cause, the largest first: {_cause(first)} {run.money(first['change'], signed=True)}.",
        plots.changes,
        [_cause(row) for row in shown],
        [float(row["change"]) for row in shown],
        f"change of predicted spend, {run.currency}",
        tables=("score_change_summary",),
    )


def _causes(causes: list[dict[str, Any]]) -> Table:
    return Table(
        ["cause", "customers", "main cause for", "change", "tier moves", "tier moves by the limits alone"],
        [
            [
                _cause(row),
                formats.count(row["customers"]),
                formats.count(row["main_cause_customers"]),
                formats.decimal(row["change"], 2, signed=True),
                formats.count(row["tier_moves_by_own_score"]),
                formats.count(row["tier_moves_by_threshold"]),
            ]
            for row in causes
        ],
        frozenset(range(1, 6)),
    )


def _moves(moves: list[dict[str, Any]]) -> Table:
    return Table(
        ["from", "to", "customers", "change of their predicted spend"],
        [
            [
                labels.words(row["previous_segment"]),
                labels.words(row["segment"]),
                formats.count(row["customers"]),
                formats.decimal(row["change"], 0, signed=True),
            ]
            for row in moves
        ],
        frozenset((2, 3)),
    )
