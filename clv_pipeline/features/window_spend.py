"""Customer spend in a window of days [first, last): net spend, purchases, outlier limit.

The single definition used by expected totals, checks, scores and the evaluation of files. `sql/3_training/labels.sql` and
`sql/4_published/prediction_outcomes.sql` compute the same for many windows at once; a test compares them with this.
"""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from clv_pipeline.warehouse.connection import Connection, one_row

#: A purchase day beyond this multiple of the 99th percentile of purchase days is more likely a data-entry error than a real
#: purchase, unless the customer's earlier purchases were of that size too: it counts as that limit, so that it cannot
#: dominate a label, total or average. A key account, who regularly buys for so much, is not capped.
OUTLIER_MULTIPLE = 20


@dataclass(frozen=True)
class WindowSpend:
    """Customers known before a window and their spend in it; money in the reporting currency.

    total: net spend, with outliers capped if the caller asks for it. buyers: customers with a purchase in the window.
    outlier_limit: `OUTLIER_MULTIPLE` times the 99th percentile of purchase days; 0 if there is none. variation: how far the
    total might have come out by chance, as a variance of its logarithm; see `sampling_variance`.
    """

    customers: int
    buyers: int
    total: float
    outlier_limit: float
    variation: float


def window_spend(
    connection: Connection,
    first: date,
    last: date,
    *,
    known_before: date | None = None,
    among: str = "true",
    limit: float | None = None,
    cap_outliers: bool = False,
) -> WindowSpend:
    """Return the customers' spend in [first, last).

    known_before: only customers who had bought before this day; None for everybody. among: a SQL condition on customer_id.
    cap_outliers: count an outlier as the window's own limit; `limit` names the limit of another window instead.
    """
    own_limit = "outlier_limit" if limit is None else "$limit::decimal(18, 2)"
    counted = f"case when {_IS_OUTLIER.format(limit=own_limit)} then {own_limit} else net_spend end"
    counted = counted if cap_outliers or limit is not None else "net_spend"
    customers, buyers, total, found, squares = one_row(
        connection,
        f"""
        with customers as ({_by_customer(known_before, among)}),

        days as (
            select * from features.customer_day
            where order_date >= $first and order_date < $last and customer_id in (select customer_id from customers)
        ),

        limits as (
            select {OUTLIER_MULTIPLE:d} * quantile_disc(net_spend, 0.99) as outlier_limit from days where is_purchase_day
        ),

        counted as (select is_purchase_day, {counted} as spend from days cross join limits)

        select (select count(*) from customers), (select coalesce(sum(has_bought::int), 0) from customers),
            coalesce(sum(spend), 0)::double, coalesce((select outlier_limit from limits), 0)::double,
            -- whole cents: a sum of doubles differs in its last digits from run to run
            coalesce(sum(try((spend * 100)::hugeint * (spend * 100)::hugeint)) filter (where is_purchase_day), 0)::double
        from counted
        """,
        _parameters(first, last, known_before) | ({} if limit is None else {"limit": limit}),
    )
    return WindowSpend(
        int(customers), int(buyers), float(total), float(found), sampling_variance(float(total), float(squares) / 1e4)
    )


def sampling_variance(total: float, squares: float) -> float:
    """Return the variance of the logarithm of a total that chance explains: purchases come at random, each of its own size.

    squares: the sum of the squared purchases. Without any sales, that of a single purchase.

    >>> sampling_variance(100.0, squares=100.0)  # a hundred purchases of one euro
    0.01
    """
    return min(squares / total**2, 1.0) if total > 0 else 1.0


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


_IS_OUTLIER = f"net_spend > {{limit}} and net_spend > {OUTLIER_MULTIPLE:d} * coalesce(usual_spend, 0)"


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
