"""What will the next days bring, and is that normal for the season?"""

from datetime import date, timedelta
from typing import Any

from clv_pipeline.reporting import formats
from clv_pipeline.reporting.questions.answer import Answer, Statement
from clv_pipeline.warehouse.connection import Connection, records

#: A season within so many percent of an ordinary one is called ordinary.
_ORDINARY = 0.05
#: Days by which the last month may end before the horizon: 90 days are hardly ever three months.
_GRACE = timedelta(days=3)
_TOTALS = """
select month_date, from_date, to_date, net_spend, cumulative_spend, cumulative_low, cumulative_high
from revenue_forecast where row_kind = 'total' order by month_date
"""
_ACTUAL = "select month_date, net_spend from revenue_forecast where row_kind = 'actual' and is_complete"


def answer(connection: Connection, run: dict[str, Any]) -> Answer:
    """Return what the known customers will spend, the season of it, and what all customers will, next to a year before."""
    days, currency = int(run["primary_horizon_days"]), str(run["currency"])
    total = formats.spoken_money(run["predicted_spend_total"], currency)
    customers = formats.count(run["customers"])
    statements = [
        Statement(f"{_range(run)} {_season(run['season_factor'])}", ("clv_run",)),
        *_all_sales(connection, run["as_of_date"] + timedelta(days=days), currency),
    ]
    return Answer(
        f"What will the next {days} days bring, and is that normal for the season?",
        Statement(f"The {customers} customers known today are expected to spend {total} in {days} days.", ("clv_run",)),
        statements,
    )


def _range(run: dict[str, Any]) -> str:
    reach = formats.spoken_range(
        run["predicted_spend_total_low"], run["predicted_spend_total_high"], str(run["currency"])
    )
    if not reach:
        return "How far off that may be is not known: no past total could be checked."
    return f"With 90 % certainty it will be {reach}. Customers who are won from now on come on top."


def _season(factor: Any) -> str:
    """Return the season of the predicted days in a sentence.

    >>> _season(0.56).replace("\\xa0", " ")[:93]
    'These weeks are a weak season: a year ago they brought 44 % less than the customers were expe'
    """
    if factor is None or formats.is_missing(factor):
        return (
            "Whether that is normal for the season is not known: it takes 17 months of orders, a horizon of at most one year "
            "and a model that ranks customers. The range is wide for that reason."
        )
    change = float(factor) - 1
    if abs(change) < _ORDINARY:
        return (
            f"These weeks are an ordinary season: a year ago they brought within {formats.spoken_percent(_ORDINARY)} of "
            "what the customers were expected to spend from their own rhythm."
        )
    kind, more = ("strong", "more") if change > 0 else ("weak", "less")
    return (
        f"These weeks are a {kind} season: a year ago they brought {formats.spoken_percent(abs(change))} {more} than the "
        "customers were expected to spend from their own rhythm. The forecast allows for it."
    )


def _all_sales(connection: Connection, end: date, currency: str) -> list[Statement]:
    totals = records(connection, _TOTALS)
    if not totals:
        return []
    # the first end of a month that is not before the horizon's: earlier, all sales could be less than those to known customers
    last = next((row for row in totals if row["to_date"] >= end - _GRACE), totals[-1])
    by_then = (
        f"All sales, with those to new customers, are forecast at {formats.spoken_money(last['cumulative_spend'], currency)} "
        f"by the end of {formats.month(last['month_date'])} "
        f"({formats.spoken_range(last['cumulative_low'], last['cumulative_high'], currency)})."
    )
    whole = [row for row in totals if row["from_date"] == row["month_date"] <= last["month_date"]]
    against = _against_last_year(whole, {r["month_date"]: r["net_spend"] for r in records(connection, _ACTUAL)})
    return [Statement(f"{by_then} {against}".rstrip(), ("revenue_forecast",))]


def _against_last_year(ahead: list[dict[str, Any]], actual: dict[date, Any]) -> str:
    """Compare the whole months ahead, and the newest whole months, with the same months a year before."""
    before = [_year_before(row["month_date"]) for row in ahead]
    if not ahead or not set(before) <= actual.keys() or sum(actual[m] for m in before) <= 0:
        return ""
    change = float(sum(r["net_spend"] for r in ahead)) / float(sum(actual[m] for m in before)) - 1
    months = _months(ahead[0]["month_date"], ahead[-1]["month_date"])
    recent = sorted(actual)[-3:]
    then = [_year_before(month) for month in recent]
    text = f"For {months} that is {_more(change)} the same months a year before"
    if set(then) <= actual.keys() and sum(actual[m] for m in then) > 0:
        lately = float(sum(actual[m] for m in recent)) / float(sum(actual[m] for m in then)) - 1
        text += f"; the last {len(recent)} whole months brought {_more(lately)} theirs"
    return f"{text}."


def _months(first: date, last: date) -> str:
    """Return the months from `first` to `last`.

    >>> _months(date(2026, 7, 1), date(2026, 9, 1)), _months(date(2026, 12, 1), date(2027, 1, 1))
    ('July to September 2026', 'December 2026 to January 2027')
    """
    if first == last:
        return formats.month(first)
    begin = formats.month(first).removesuffix(f" {last.year}")
    return f"{begin} to {formats.month(last)}"


def _more(change: float) -> str:
    if abs(change) < 0.005:
        return "as much as"
    return f"{formats.spoken_percent(abs(change))} {'more' if change > 0 else 'less'} than"


def _year_before(month: date) -> date:
    return month.replace(year=month.year - 1)
