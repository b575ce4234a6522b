"""Checks of tonight's orders that need no earlier night: on a first night nothing else says that the figures may be wrong.

Each looks at `clean.orders` as it was just built and returns a remark with figure, limit and next step. A remark that a
published night already had is no warning any more (`sources/remarks.py`). Comparisons with earlier nights are in
`night_checks.py`.

Severity: a remark states the share of the last year's money that is wrong if the finding is an error, where that can be known.
On a night without a published one before it, more than a fifth blocks (`judge_plausibility` in `source_checks.py`), until it is
acknowledged. Below that, or without such a share, it warns: order numbers used again and days loaded twice do not change sums,
guests' money is published as theirs, and the unit of amounts or the time zone is only a suspicion.
"""

from collections.abc import Iterator

from clv_pipeline.core.settings import Settings
from clv_pipeline.quality.last_year import LastYear, last_year_of_orders
from clv_pipeline.quality.line_remarks import LINE_CHECKS, remarks_on_lines
from clv_pipeline.quality.plausible_amounts import remarks_on_amounts
from clv_pipeline.quality.plausible_days import remarks_on_days
from clv_pipeline.sources.remarks import Remark
from clv_pipeline.warehouse.connection import Connection, one_row

#: A customer with more than this share of orders or money is a placeholder, a till, or a key account to know of.
_LARGEST_SHARE = 0.10
#: With few customers, the largest may have this many times the average share.
_TIMES_AVERAGE = 10
_GUEST_SHARE = 0.5
#: An order number of several customers, or of days further apart than this, is used again.
_SAME_ORDER_DAYS = 60
_REUSED_SHARE = 0.01
_EQUAL_LINES_SHARE = 0.01
#: A few equal lines are sales, as a till writes them; so many may be a second delivery.
_EQUAL_LINES = 25


#: What each check looks at, for the Dagster UI.
CHECKS = {
    "largest_customer": "No customer has so large a share of the orders or the money that it may be a till or a placeholder.",
    "guest_share": "Most orders name a customer: what guests spend cannot be predicted.",
    "reused_order_numbers": "An order number has lines of one customer and of days close together: it was not used again.",
    "equal_lines": "Few lines without a line number are equal to another line of their order: each counts as a sale.",
    "days_loaded_twice": "No day has most of its lines several times, as if the source had loaded it twice.",
    "empty_months": "No month without an order lies between months with orders.",
    "long_pause": "No pause between order days is far longer than the others: the export is complete.",
    "order_magnitude": "The median order of each month and currency is of the size of the other months': no change of unit.",
    "currency_magnitude": "Median orders of all currencies are of one size once converted: the rates fit the amounts.",
    "exchange_rates": "Exchange rates have the right direction, and do not jump or contradict each other.",
    "orders_at_night": "Few orders lie between 1 and 5 in the morning: the time zone of the source is as declared.",
    "whole_amounts": "Amounts have decimals, as prices do; whole ones may be cents or points.",
    "small_amounts": "The median amount of a line is not far below one unit of its currency: the unit of the amounts is right.",
    **LINE_CHECKS,
}


def remarks_on_orders(connection: Connection, settings: Settings) -> Iterator[Remark]:
    """Yield what is unusual about `clean.orders` and the temporary table `judged` it was made from."""
    year = last_year_of_orders(connection)
    yield from _largest_customer(connection)
    yield from _guests(connection)
    yield from _reused_numbers(connection)
    yield from _equal_lines(connection, year)
    yield from remarks_on_days(connection, settings.time_zone, year)
    yield from remarks_on_amounts(connection, settings.currency.upper(), year)
    yield from remarks_on_lines(connection, settings)


def _largest_customer(connection: Connection) -> Iterator[Remark]:
    """At stake is what one customer has of both orders and money: a key account rarely has a fifth of the orders, a till does."""
    customers, order_share, money_share, share_of_both, is_address = one_row(
        connection,
        """
        with buyers as (
            select customer_id, count(distinct (order_id, order_date)) as orders, sum(amount)::double as money,
                bool_and(is_by_email) as is_address
            from clean.orders where customer_id is not null and amount > 0 group by customer_id
        ),
        shares as (
            select orders / sum(orders) over () as orders, money / sum(money) over () as money, is_address from buyers
        )
        select count(*), max(orders), max(money), max(least(orders, money)), max_by(is_address, greatest(orders, money))
        from shares
        """,
    )
    limit = max(_LARGEST_SHARE, _TIMES_AVERAGE / max(customers, 1))
    share, of = max((order_share or 0.0, "orders"), (money_share or 0.0, "money"))
    if share > limit:
        yield Remark(
            "largest_customer",
            "",
            f"orders.customer_id: one customer has {share:.0%} of all {of} (limit {limit:.0%}). If this is a till, a "
            "marketplace or a placeholder for guests, return null for it in orders.sql"
            + (", as email" if is_address else ""),
            share_of_both,
        )


def _guests(connection: Connection) -> Iterator[Remark]:
    orders, guests = one_row(
        connection,
        "select count(distinct (order_id, order_date)), "
        "count(distinct (order_id, order_date)) filter (where customer_id is null) from clean.orders where amount > 0",
    )
    if guests > _GUEST_SHARE * orders:
        yield Remark(
            "guest_share",
            "",
            f"orders.customer_id: {guests} of {orders} orders ({guests / orders:.0%}, limit {_GUEST_SHARE:.0%}) name no "
            "customer and are not scored. Check that orders.sql returns the column that identifies the buyer",
        )


def _reused_numbers(connection: Connection) -> Iterator[Remark]:
    orders, reused = one_row(
        connection,
        """
        with numbers as (
            select
                count(distinct customer_id) + bool_or(customer_id is null)::integer as buyers,
                max(order_date) - min(order_date) as days
            from clean.orders where amount > 0 group by order_id
        )
        select count(*), count(*) filter (where buyers > 1 or days > $days) from numbers
        """,
        {"days": _SAME_ORDER_DAYS},
    )
    if reused > _REUSED_SHARE * orders:
        yield Remark(
            "reused_order_numbers",
            "",
            f"orders.order_id: {reused} of {orders} order numbers have lines of several customers or of days more than "
            f"{_SAME_ORDER_DAYS} apart; they are counted as different orders. Return shop or year as part of order_id",
        )


def _equal_lines(connection: Connection, year: LastYear) -> Iterator[Remark]:
    lines, equal, money, last_year_money = one_row(
        connection,
        """
        with copies as (
            select
                count(*) - 1 as more, any_value(source_amount) as each, any_value(amount)::double as each_converted,
                any_value(order_date) as day
            from judged where order_line_id is null and reason is null
            group by order_id, customer_id, ordered_at, product_id, quantity, source_amount, source_currency, status, channel
        )
        select (select count(*) from judged where reason is null), coalesce(sum(more), 0), coalesce(sum(more * each), 0),
            coalesce(sum(more * each_converted) filter (where day > $newest::date - 365), 0)
        from copies
        """,
        {"newest": year.newest},
    )
    if equal > _EQUAL_LINES_SHARE * lines:
        yield Remark(
            "equal_lines",
            "",
            f"orders.order_line_id: {equal} lines (money {money:,.2f}) equal another line of their order and are counted as "
            "sales of their own, because there is no line number. Return order_line_id so that a line delivered twice is "
            "recognised",
            year.share_of(last_year_money) if equal >= _EQUAL_LINES else None,
        )
