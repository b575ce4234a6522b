"""Section on segments: each defined in words, with its size, its value and the action for it; best customers, first actions."""

from dataclasses import dataclass
from typing import Any

from clv_pipeline.reporting import formats, html, labels, plots
from clv_pipeline.reporting.answers import Statement
from clv_pipeline.reporting.html import Picture
from clv_pipeline.reporting.sections.common import LONGEST_LIST, Run, capital, run_of, statement, table_of
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

TABLES = ("segments", "recommendations")
_MEANINGS = {
    "high_value": "The customers who are expected to spend the most.",
    "churn_risk": "Valuable or recent customers who will probably not buy again soon.",
    "missed_opportunity": "Customers who spend much when they buy, but have not bought lately.",
    "new_customer": "Customers whose first purchase was recent.",
    "steady": "Customers who will probably buy again, at ordinary amounts.",
    "dormant": "Customers who will probably not buy, and have spent little.",
    "prospect": "Known people who have not bought yet.",
}
_SEGMENTS = "select * from segments order by predicted_spend_total desc, segment"
_ACTIONS = """
select segment, any_value(action order by action) as action, count(*) as customers, sum(value_at_stake) as value_at_stake
from recommendations group by segment
"""


@dataclass(frozen=True)
class SegmentCard:
    """One segment in words."""

    name: str
    meaning: str
    definition: str
    facts: list[tuple[str, str]]
    action: str


@dataclass(frozen=True)
class Segments:
    """All segments; lists of customers are the first of longer ones."""

    statements: list[Statement]
    cards: list[SegmentCard]
    picture: Picture
    table: Table
    best_customers: Table
    recommendations: Table


def of_bundle(connection: Connection) -> Segments:
    """Return the section."""
    run = run_of(connection)
    rows = records(connection, _SEGMENTS)
    actions = {row["segment"]: row for row in records(connection, _ACTIONS)}
    days = run.days
    return Segments(
        _statements(run, rows),
        [_card(run, row, actions.get(row["segment"])) for row in rows],
        html.drawn(
            f"Predicted spend by segment, next {days} days",
            _seen(run, rows),
            plots.horizontal_bars,
            [labels.words(row["segment"]) for row in rows],
            [float(row["predicted_spend_total"]) for row in rows],
            run.currency,
            tables=("segments",),
        ),
        table_of(
            connection,
            "select segment, customers, predicted_spend_total, predicted_spend_total_low, "
            "predicted_spend_total_high, predicted_spend_mean, predicted_spend_share, "
            "purchase_probability_mean, historic_value_total from segments order by predicted_spend_total desc, segment",
        ),
        table_of(
            connection,
            f"select customer_id, segment, predicted_spend_{days}d, purchase_probability_{days}d, historic_value, reason_1, "
            f"reason_2 from customer_clv order by predicted_spend_{days}d desc, customer_id limit {LONGEST_LIST}",
        ),
        table_of(
            connection,
            "select customer_id, action, why, value_at_stake from recommendations "
            f"order by priority limit {LONGEST_LIST}",
        ),
    )


def _statements(run: Run, rows: list[dict[str, Any]]) -> list[Statement]:
    customers = sum(int(row["customers"]) for row in rows)
    return [
        statement(
            f"{capital(formats.counted(customers, 'customer'))} in {formats.counted(len(rows), 'segment')}. A customer is in the "
            "first one whose definition holds, in this order: prospect, high value, churn risk, missed opportunity, new "
            f"customer, steady, dormant. Predicted spend is that of the next {run.days} days.",
            "segments",
        )
    ]


def _seen(run: Run, rows: list[dict[str, Any]]) -> str:
    parts = [f"{labels.words(str(row['segment']))} {run.money(row['predicted_spend_total'])}" for row in rows[:2]]
    return f"One bar per segment, the largest first: {', '.join(parts)}" + (" and so on." if len(rows) > 2 else ".")


def _card(run: Run, row: dict[str, Any], action: dict[str, Any] | None) -> SegmentCard:
    name = str(row["segment"])
    facts = [
        ("customers", formats.count(row["customers"])),
        (f"predicted, {run.days} days", run.money(row["predicted_spend_total"])),
        ("90 % interval", run.money_range(row["predicted_spend_total_low"], row["predicted_spend_total_high"])),
        ("share of all", formats.spoken_percent(row["predicted_spend_share"])),
        ("per customer", run.money(row["predicted_spend_mean"])),
        ("net spend to date", run.money(row["historic_value_total"])),
    ]
    todo = (
        f"{capital(str(action['action']))}. {labels.at_stake(name, run.money(action['value_at_stake']), run.days)}."
        if action
        else "No action of their own: they get what all customers get."
    )
    shown = [(what, value) for what, value in facts if value]
    return SegmentCard(capital(labels.words(name)), _MEANINGS.get(name, ""), str(row["definition"]), shown, todo)
