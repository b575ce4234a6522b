"""The third question: why are the best customers the best?"""

from decimal import Decimal
from typing import Any

from clv_pipeline.reporting import formats, labels
from clv_pipeline.reporting.questions.answer import Answer, Statement, listed
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

QUESTION = "Why are they the best?"
#: Below this share of explained differences the reasons are rough.
FAITHFUL = Decimal("0.8")
#: Drivers that are named in a sentence bring at least this share of the difference.
_WORTH_NAMING = 0.1
_EFFECTS = """
with best as (select customer_id, predicted_spend_{days}d as spend from customer_clv where segment = 'high_value')

select
    customer_reasons.driver,
    (sum(customer_reasons.effect) / (select count(*) from best))::double as effect,
    (select avg(spend) from best)::double as mean_spend
from customer_reasons
inner join best on customer_reasons.customer_id = best.customer_id
where customer_reasons.driver not in ('other', 'unexplained')
group by customer_reasons.driver
order by abs(sum(customer_reasons.effect)) desc, customer_reasons.driver
"""
_PROFILE = """
select attribute, group_name, share_of_best, share_of_others, is_with_left_censored from best_customer_profile
where best_by = 'predicted_spend' and row_kind = 'value' and is_clear and ratio > 1
order by ratio_low desc, attribute, position limit 2
"""


def answer(connection: Connection, run: dict[str, Any]) -> Answer:
    """Return what lifts the high value customers above the average customer, and what they were like at their first order."""
    rows = records(connection, _EFFECTS.format(days=int(run["primary_horizon_days"])))
    average, currency = run["average_predicted_spend"], str(run["currency"])
    if not rows or average is None:
        text = "No reasons can be given: no model tells one customer from another."
        return Answer(QUESTION, Statement(text, ("customer_reasons",)))
    difference = rows[0]["mean_spend"] - float(average)
    named = [labels.driver(r["driver"]) for r in rows if r["effect"] > _WORTH_NAMING * difference]
    headline = f"Above all because of {listed(named)}." if named else "No single reason stands out."
    statements = [
        Statement(
            f"A customer who has bought before is expected to spend {formats.spoken_money(average, currency)} on average, a "
            f"high value customer {formats.spoken_money(rows[0]['mean_spend'], currency)}. The table divides the difference.",
            ("customer_reasons", "clv_run"),
        ),
        *_profile(connection),
        _fidelity(run["reasons_fidelity"]),
    ]
    return Answer(QUESTION, Statement(headline, ("customer_reasons",)), statements, _table(rows, difference, currency))


def _table(rows: list[dict[str, Any]], difference: float, currency: str) -> Table:
    """Return the drivers with at least one percent of the difference; the others are added up, so that the sum holds."""
    shown = [row for row in rows if abs(row["effect"]) >= 0.01 * abs(difference)]
    rest = difference - sum(row["effect"] for row in shown)
    cells = [[labels.driver(row["driver"]), formats.decimal(row["effect"], 2, signed=True)] for row in shown]
    cells += [
        [labels.driver("other"), formats.decimal(rest, 2, signed=True)],
        ["together", formats.decimal(difference, 2, signed=True)],
    ]
    return Table(["reason", f"{currency} per high value customer"], cells, frozenset({1}))


def _profile(connection: Connection) -> list[Statement]:
    clear = records(connection, _PROFILE)
    if not clear:
        return []
    found = "; ".join(_group(row) for row in clear)
    return [Statement(f"They began differently: {found}.", ("best_customer_profile",))]


def _group(row: dict[str, Any]) -> str:
    best, others = formats.spoken_percent(row["share_of_best"]), formats.spoken_percent(row["share_of_others"])
    words = labels.first_order(str(row["attribute"]), str(row["group_name"]))
    return f"{best} of the best 10 %, and {others} of the others, {words}"


def _fidelity(share: Any) -> Statement:
    explained = formats.spoken_percent(share)
    rough = share is not None and share < FAITHFUL
    text = (
        f"These reasons are rough: they explain only {explained} of the differences between the predictions."
        if rough
        else f"These reasons explain {explained} of the differences between the predictions."
    )
    return Statement(f"{text} They say what the prediction rests on, not what an action would change.", ("clv_run",))
