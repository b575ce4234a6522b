"""Customer spend in a window of days [first, last): net spend, purchases, outlier threshold.

The single definition used by expected totals, checks, scores and the evaluation of files. `sql/3_training/labels.sql` and
`sql/4_published/prediction_outcomes.sql` compute the same for many windows at once; a test compares them with this.
"""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from clv_pipeline.warehouse.connection import Connection, one_row

#: A value beyond this multiple of the 99th percentile is more likely a data-entry error than a real purchase: it is capped,
#: so that it cannot dominate a label, total or average.
OUTLIER_MULTIPLE = 20


@dataclass(frozen=True)
class WindowSpend:
    """Customers known before a window and their spend in it; money in the reporting currency.

    total: net spend, capped per customer if the caller asks for it. buyers: customers with a purchase in the window.
    outlier_limit: `OUTLIER_MULTIPLE` times the 99th percentile of positive spend; 0 if nobody spent.
    """

    customers: int
    buyers: int
    total: float
    outlier_limit: float


def window_spend(
    connection: Connection,
    first: date,
    last: date,
    *,
    known_before: date | None = None,
    among: str = "true",
    cap: float | None = None,
    cap_outliers: bool = False,
) -> WindowSpend:
    """Return the customers' spend in [first, last).

    known_before: only customers who had bought before this day; None for everybody. among: a SQL condition on customer_id.
    cap: maximum spend per customer; with `cap_outliers`, beyond the window's own outlier limit.
    """
    capped = "spend"
    if cap is not None:
        capped = "least(spend, $cap::decimal(18, 2))"
    elif cap_outliers:
        capped = "least(spend, outlier_limit)"
    customers, buyers, total, limit = one_row(
        connection,
        f"""
        with customers as ({_by_customer(known_before, among)}),

        limits as (
            select {OUTLIER_MULTIPLE:d} * quantile_disc(spend, 0.99) as outlier_limit from customers where spend > 0
        )

        select count(*), coalesce(sum(has_bought::int), 0), coalesce(sum({capped}), 0)::double,
            coalesce(any_value(outlier_limit), 0)::double
        from customers
        cross join limits
        """,
        _parameters(first, last, known_before) | ({} if cap is None else {"cap": cap}),
    )
    return WindowSpend(int(customers), int(buyers), float(total), float(limit))


def spend_by_customer(connection: Connection, first: date, last: date, known_before: date) -> pd.DataFrame:
    """Return customer_id, spend and has_bought in [first, last): one row per customer with an earlier purchase, sorted.

    spend: net of returns, in the reporting currency, so it may be negative; 0 for those who did nothing. known_before: the
    customer had bought before this day.
    """
    return connection.execute(
        f"""
        select customer_id, spend::double as spend, has_bought from ({_by_customer(known_before, "true")})
        order by customer_id
        """,
        _parameters(first, last, known_before),
    ).df()


def _by_customer(known_before: date | None, among: str) -> str:
    having = "min(order_date) filter (where is_purchase_day) < $known_before" if known_before else "true"
    return f"""
        select customer_id,
            coalesce(sum(net_spend) filter (where order_date >= $first), 0) as spend,
            coalesce(bool_or(is_purchase_day) filter (where order_date >= $first), false) as has_bought
        from features.customer_day
        where order_date < $last and {among}
        group by customer_id
        having {having}
    """


def _parameters(first: date, last: date, known_before: date | None) -> dict[str, object]:
    days: dict[str, object] = {"first": first, "last": last}
    return days | {"known_before": known_before} if known_before else days
