"""The fourth question: what shall we do this week?"""

from typing import Any

from clv_pipeline.reporting import formats, labels
from clv_pipeline.reporting.questions.answer import Answer, Statement, listed
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

QUESTION = "What shall we do this week?"
#: Which segment to begin with: where money leaves first, then where it could be won.
_FIRST = ("churn_risk", "missed_opportunity", "new_customer", "high_value", "prospect")
_ACTIONS = """
select recommendations.segment, any_value(recommendations.action) as action, count(*) as customers,
    sum(recommendations.value_at_stake) as at_stake, any_value(segments.purchase_probability_mean) as probability
from recommendations inner join segments on recommendations.segment = segments.segment
group by recommendations.segment order by at_stake desc, recommendations.segment
"""
_ENTERED = """
select count(*) as customers, any_value(previous_as_of_date) as since from customer_clv_changes
where segment = $segment and previous_segment <> $segment
"""
_CHANNELS = """
select verdict, list(acquisition_channel order by new_buyers desc, acquisition_channel) as channels
from channel_value where verdict in ('pays_back', 'does_not') group by verdict order by verdict desc
"""


def answer(connection: Connection, run: dict[str, Any]) -> Answer:
    """Return the recommended actions by segment, the one to begin with, and which channels pay."""
    rows = records(connection, _ACTIONS)
    by_segment = {row["segment"]: row for row in rows}
    first = next((by_segment[s] for s in _FIRST if s in by_segment), None)
    if first is None:
        return Answer(QUESTION, Statement("No customer needs an action now.", ("recommendations",)))
    statements = [
        *_entered(connection, first["segment"]),
        *_channels(connection),
        Statement(
            "What these actions bring has not been measured here: the amounts are at stake, not promised. Leave a random part of "
            "each list alone, so that the difference can be seen.",
            ("recommendations",),
        ),
    ]
    return Answer(
        QUESTION,
        Statement(_headline(first, run), ("recommendations", "segments")),
        statements,
        _table(rows, str(run["currency"])),
    )


def _headline(first: dict[str, Any], run: dict[str, Any]) -> str:
    days = int(run["primary_horizon_days"])
    amount = formats.spoken_money(first["at_stake"], str(run["currency"]))
    return (
        f"Begin with the list '{_name(first)}': {formats.counted(first['customers'], 'customer')} of the segment "
        f"{labels.words(first['segment'])}. {labels.at_stake(first['segment'], amount, days)}, and "
        f"{formats.spoken_percent(first['probability'])} of them are expected to buy in {days} days."
    )


def _name(row: dict[str, Any]) -> str:
    return str(row["action"]).split(":")[0]


def _table(rows: list[dict[str, Any]], currency: str) -> Table:
    cells = [
        [
            f"{_name(row)} ({labels.words(row['segment'])})", formats.count(row["customers"]),
            formats.spoken_money(row["at_stake"]), labels.stake(row["segment"]),
        ]
        for row in rows
    ]  # fmt: skip
    return Table(["list (segment)", "customers", f"at stake, {currency}", "which is their"], cells, frozenset({1, 2}))


def _entered(connection: Connection, segment: str) -> list[Statement]:
    (row,) = records(connection, _ENTERED, {"segment": segment})
    if not row["customers"]:
        return []
    text = f"{formats.count(row['customers'])} of them joined that segment since {formats.long_day(row['since'])}."
    return [Statement(text, ("customer_clv_changes",))]


def _channels(connection: Connection) -> list[Statement]:
    texts = {
        "pays_back": "New customers pay back within a year, with 90 % certainty, when they come through {}.",
        "does_not": "Look at the money spent on {}: its new customers do not pay back within a year.",
    }
    found = records(connection, _CHANNELS)
    said = [texts[row["verdict"]].format(listed([labels.words(c) for c in row["channels"]])) for row in found]
    return [Statement(" ".join(said), ("channel_value",))] if said else []
