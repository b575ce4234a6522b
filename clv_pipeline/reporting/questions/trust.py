"""Can we trust it, were we right last time, and what do we not know?"""

from typing import Any

from clv_pipeline.reporting import formats, labels
from clv_pipeline.reporting.questions.answer import Answer, Statement, listed
from clv_pipeline.warehouse.connection import Connection, records

QUESTION = "Can we trust it? Were we right last time, and what do we not know?"
_UNKNOWN_SHOWN = 3
_CLOSED = """
select * from prediction_outcomes
where slice_kind = 'all' and is_closed and horizon_days = $days
order by is_backtest, as_of_date desc
"""
_SURE = """
select value, statement from model_quality
where row_kind = 'verdict' and metric = 'sure_enough_to_spend_money' and horizon_days = $days
"""
_UNKNOWN = "select statement, worth, measure from forecast_improvements where status = 'to_do' order by priority"


def answer(connection: Connection, run: dict[str, Any]) -> Answer:
    """Return how the newest finished window came out, how often totals were inside, and what is missing."""
    days = int(run["primary_horizon_days"])
    closed = records(connection, _CLOSED, {"days": days})
    statements = [
        *_verdict(connection, days),
        *_over_all(closed),
        *_order(closed),
        Statement(f"The predictions are {labels.basis(run['basis'])}.", ("clv_run",)),
        *_data(run),
        *_unknown(connection),
    ]
    return Answer(QUESTION, _newest(closed, str(run["currency"])), statements)


def _newest(closed: list[dict[str, Any]], currency: str) -> Statement:
    if not closed:
        return Statement(
            "Nobody can say yet: no predicted window is over, and none of the past could be tested.",
            ("prediction_outcomes",),
        )
    row = closed[0]
    actual, predicted = row["actual_spend"], row["expected_spend"]
    window = f"{row['horizon_days']} days from {formats.long_day(row['as_of_date'])}"
    how = (
        f"Tested on the {window}, which the models had not seen, the forecast was"
        if row["is_backtest"]
        else f"For the {window} we published a forecast of"
    )
    inside = {True: ", inside the 90 % range", False: ", outside the 90 % range", None: ""}[row["is_inside"]]
    off = "" if row["bias"] is None else f": {_off(float(row['bias']))}{inside}"
    text = f"{how} {formats.spoken_money(predicted, currency)}, and {formats.spoken_money(actual, currency)} came{off}."
    return Statement(text, ("prediction_outcomes",))


def _off(bias: float) -> str:
    """Return how far off a total was.

    >>> _off(-0.019).replace("\\xa0", " "), _off(0.2).replace("\\xa0", " "), _off(0.001)
    ('1.9 % too low', '20 % too high', 'exactly right')
    """
    if abs(bias) < 0.005:
        return "exactly right"
    return f"{formats.spoken_percent(abs(bias))} too {'high' if bias > 0 else 'low'}"


def _over_all(closed: list[dict[str, Any]]) -> list[Statement]:
    judged = [row for row in closed if row["is_inside"] is not None]
    if not judged:
        return []
    inside = sum(row["is_inside"] for row in judged)
    shares = [row["share_inside"] for row in judged if row["share_inside"] is not None]
    text = f"Of {formats.counted(len(judged), 'past total')}, {formats.count(inside)} came out inside the 90 % range"
    customers = (
        f", and so did {formats.spoken_percent(shares[0])} of the customers in the newest window" if shares else ""
    )
    few = " So few windows prove little." if len(judged) < 10 else ""
    return [Statement(f"{text}{customers}; right would be nine of ten.{few}", ("prediction_outcomes",))]


def _order(closed: list[dict[str, Any]]) -> list[Statement]:
    row = next((r for r in closed if r["gini"] is not None and r["baseline_gini"] is not None), None)
    if row is None:
        return []
    better = "better" if row["gini"] > row["baseline_gini"] else "no better"
    ours, rule = formats.decimal(row["gini"], 2), formats.decimal(row["baseline_gini"], 2)
    text = (
        f"Customers were put in a {better} order than by their spend of the {row['horizon_days']} days before: Gini {ours} "
        f"against {rule}, where 1 is perfect and 0 is chance."
    )
    return [Statement(text, ("prediction_outcomes",))]


def _verdict(connection: Connection, days: int) -> list[Statement]:
    rows = records(connection, _SURE, {"days": days})
    return [Statement(f"Verdict: {row['statement']}.", ("model_quality",)) for row in rows if row["statement"]]


def _data(run: dict[str, Any]) -> list[Statement]:
    remarks = []
    if run["is_stale"]:
        remarks.append(
            f"the data end on {formats.long_day(run['newest_order_date'])}, so that the figures are older than they look"
        )
    if run["acknowledged_checks"]:
        remarks.append(f"failed checks were acknowledged for this run ({run['acknowledged_checks']})")
    return [Statement(f"Take care: {listed(remarks)}.", ("clv_run",))] if remarks else []


def _unknown(connection: Connection) -> list[Statement]:
    rows = records(connection, _UNKNOWN)
    if not rows:
        return []
    said = " ".join(f"{row['statement'].rstrip('.')}{_worth(row)}." for row in rows[:_UNKNOWN_SHOWN])
    left = len(rows) - _UNKNOWN_SHOWN
    more = f" {formats.counted(left, 'more gap')} are listed below." if left > 1 else ""
    return [Statement(f"What we do not know: {said}{more}", ("forecast_improvements",))]


def _worth(row: dict[str, Any]) -> str:
    if row["worth"] is None or not str(row["measure"]).startswith("share of the net sales"):
        return ""
    return f" ({formats.spoken_percent(row['worth'])} of the sales of the last 365 days)"
