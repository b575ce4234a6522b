"""The predicted total compared with actual sales: the trailing period, and like-for-like sales to customers known at the time.

The trailing period includes customers acquired in it, peaks and cohorts that have since died out; a prediction covers only the
customers known tonight. So it is also compared with sales to customers known at the time. No model affects these figures:
the predictions are scaled to the buy-till-you-die expectation, which therefore cannot be used to check them.
"""

from datetime import date, timedelta

from clv_pipeline.features.window_spend import window_spend
from clv_pipeline.quality.score_checks import Totals
from clv_pipeline.warehouse.connection import Connection, one_row

_RECENT_DAYS = 28
#: 52 weeks, so that the same weekdays are compared.
_YEAR = timedelta(days=364)


def measure_totals(connection: Connection, as_of: date, days: int, *, is_rough: bool) -> Totals:
    """Return the total of `scores.customer_scores` for a horizon of `days` and what it is compared with."""
    horizon, recent = timedelta(days=days), timedelta(days=min(_RECENT_DAYS, days))
    # cap outliers so that one order cannot decide the comparison
    limit = window_spend(connection, as_of - horizon, as_of).outlier_limit

    def sold(first: date, last: date, known_before: date) -> float:
        return window_spend(connection, first, last, known_before=known_before, limit=limit).total

    (predicted,) = one_row(
        connection, f"select coalesce(sum(predicted_spend_{days:d}d), 0)::double from scores.customer_scores"
    )
    known = sold(as_of - horizon, as_of, as_of - horizon)
    like_for_like = {
        f"the {days} days before, customers known then": known,
        f"the {recent.days} days before, extrapolated": sold(as_of - recent, as_of, as_of - recent)
        * (horizon / recent),
    }
    then = as_of - _YEAR
    earlier = sold(then - horizon, then, then - horizon)
    if earlier > 0 and days <= _YEAR.days:
        like_for_like["as a year ago"] = known * sold(then, then + horizon, then) / earlier
    trailing = sold(as_of - horizon, as_of, as_of)
    return Totals(predicted, trailing, {name: value for name, value in like_for_like.items() if value > 0}, is_rough)
