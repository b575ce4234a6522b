"""Checks of tonight's orders that need no earlier night: on a first night nothing else says that the figures may be wrong.

Each looks at `clean.orders` as it was just built and returns a remark with figure, limit and next step. A remark that a
published night already had is no warning any more (`cleaning.py`). Comparisons with earlier nights are in `night_checks.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from clv_pipeline.core.settings import Settings
from clv_pipeline.warehouse.connection import Connection, one_row, quote_text

#: A customer with more than this share of orders or money is a placeholder, a till, or a key account to know of.
_LARGEST_SHARE = 0.10
#: With few customers, the largest may have this many times the average share.
_TIMES_AVERAGE = 10
_GUEST_SHARE = 0.5
#: An order number of several customers, or of days further apart than this, is used again.
_SAME_ORDER_DAYS = 60
_REUSED_SHARE = 0.01
_EQUAL_LINES_SHARE = 0.01
_REPEATED_LINES, _REPEATED_DAY_SHARE = 3, 0.4
#: So many different amounts without a single decimal are not prices.
_DISTINCT_AMOUNTS = 50
#: Months and currencies with fewer orders have no reliable median.
_ENOUGH_ORDERS = 20
#: Factor between medians that no season explains.
_ORDER_OF_MAGNITUDE = 5.0
_CURRENCY_FACTOR = 20.0
#: Units per US dollar, roughly; a rate that is off by more than the factor below is inverted or of another currency.
_PER_DOLLAR = {
    "AED": 3.7, "AUD": 1.5, "BGN": 1.8, "BRL": 5.2, "CAD": 1.36, "CHF": 0.88, "CLP": 930, "CNY": 7.2, "CZK": 23, "DKK": 6.9,
    "EUR": 0.92, "GBP": 0.79, "HKD": 7.8, "HUF": 360, "IDR": 15800, "ILS": 3.7, "INR": 84, "ISK": 138, "JPY": 150, "KRW": 1350,
    "MXN": 18, "MYR": 4.5, "NOK": 10.7, "NZD": 1.65, "PHP": 57, "PLN": 4, "RON": 4.6, "SAR": 3.75, "SEK": 10.5, "SGD": 1.34,
    "THB": 35, "TWD": 32, "UAH": 40, "USD": 1, "VND": 25000, "ZAR": 18.5,
}  # fmt: skip
_RATE_FACTOR = 3.0
#: A rate that moves more than this from one day to the next is a typing error or two sources.
_RATE_JUMP = 0.3
#: A pause between order days of this many times the usual longest one, and at least this many days.
_PAUSE_TIMES, _PAUSE_DAYS = 3, 14
_MISSED_ORDERS = 25
#: Orders between 1 and 5 in the morning are an eighth of a shop's at most; a sixth would be a flat profile.
_NIGHT_SHARE = 0.25


#: What each check looks at, for the Dagster UI.
CHECKS = {
    "largest_customer": "Share of the orders and the money of the largest customer.",
    "guest_share": "Share of the orders that name no customer.",
    "reused_order_numbers": "Order numbers with lines of several customers, or of days far apart.",
    "equal_lines": "Equal lines of one order that have no line number and count as sales of their own.",
    "days_loaded_twice": "Days whose lines were loaded several times.",
    "empty_months": "Months without an order between months with orders.",
    "long_pause": "A pause between order days that is no accident.",
    "order_magnitude": "Median order of each month and currency, compared with the other months.",
    "currency_magnitude": "Median order of each currency in the reporting currency.",
    "exchange_rates": "Exchange rates: direction, jumps, contradictions, currencies without orders.",
    "orders_at_night": "Share of the orders between 1 and 5 in the morning, business time.",
    "whole_amounts": "Whether amounts have decimals, as prices do and cents or points do not.",
    "small_amounts": "Median amount of a line, which is hardly below one unit of a currency.",
}


@dataclass(frozen=True)
class Remark:
    """One finding: the check, what it is about (a month, a currency; may be empty), and the sentence for people."""

    check: str
    subject: str
    text: str


def remarks_on_orders(connection: Connection, settings: Settings) -> Iterator[Remark]:
    """Yield what is unusual about `clean.orders` and the temporary table `judged` it was made from."""
    yield from _largest_customer(connection)
    yield from _guests(connection)
    yield from _reused_numbers(connection)
    yield from _equal_lines(connection)
    yield from _days_loaded_twice(connection)
    yield from _empty_months(connection)
    yield from _long_pause(connection)
    yield from _months_of_another_magnitude(connection)
    yield from _currencies_of_another_magnitude(connection, settings.currency.upper())
    yield from _exchange_rates(connection, settings.currency.upper())
    yield from _orders_at_night(connection, settings.time_zone)
    yield from _unit_of_amounts(connection)


def _largest_customer(connection: Connection) -> Iterator[Remark]:
    customers, order_share, money_share = one_row(
        connection,
        """
        with buyers as (
            select customer_id, count(distinct (order_id, order_date)) as orders, sum(amount)::double as money
            from clean.orders where customer_id is not null and amount > 0 group by customer_id
        )
        select count(*), max(orders) / nullif(sum(orders), 0), max(money) / nullif(sum(money), 0) from buyers
        """,
    )
    limit = max(_LARGEST_SHARE, _TIMES_AVERAGE / max(customers, 1))
    share, of = max((order_share or 0.0, "orders"), (money_share or 0.0, "money"))
    if share > limit:
        yield Remark(
            "largest_customer",
            "",
            f"orders.customer_id: one customer has {share:.0%} of all {of} (limit {limit:.0%}). If this is a till, a "
            "marketplace or a placeholder for guests, return null for it in orders.sql",
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


def _equal_lines(connection: Connection) -> Iterator[Remark]:
    lines, equal, money = one_row(
        connection,
        """
        with copies as (
            select count(*) - 1 as more, any_value(source_amount) as each
            from judged where order_line_id is null and reason is null
            group by order_id, customer_id, ordered_at, product_id, quantity, source_amount, source_currency, status, channel
        )
        select (select count(*) from judged where reason is null), coalesce(sum(more), 0), coalesce(sum(more * each), 0)
        from copies
        """,
    )
    if equal > _EQUAL_LINES_SHARE * lines:
        yield Remark(
            "equal_lines",
            "",
            f"orders.order_line_id: {equal} lines (money {money:,.2f}) equal another line of their order and are counted as "
            "sales of their own, because there is no line number. Return order_line_id so that a line delivered twice is "
            "recognised",
        )


def _days_loaded_twice(connection: Connection) -> Iterator[Remark]:
    days, first, lines = one_row(
        connection,
        f"""
        with days as (
            select order_date, count(*) filter (where reason = 'delivered_twice') as twice, count(*) as lines
            from judged where order_date is not null group by order_date
        )
        select count(*), min(order_date), sum(twice) from days
        where twice >= {_REPEATED_LINES} and twice >= {_REPEATED_DAY_SHARE} * lines
        """,
    )
    if days:
        yield Remark(
            "days_loaded_twice",
            f"{first} {days}",
            f"orders: most lines of {days} days from {first} on were loaded several times; {lines} are counted once only. "
            "Check how the export is loaded",
        )


def _unit_of_amounts(connection: Connection) -> Iterator[Remark]:
    """Cents for whole units, or the other way round: amounts without any decimals, or hardly one unit large."""
    amounts, whole, middle = one_row(
        connection,
        "select count(distinct source_amount), count(*) filter (where source_amount <> trunc(source_amount)) = 0, "
        "median(source_amount)::double from clean.orders where source_amount > 0",
    )
    if amounts >= _DISTINCT_AMOUNTS and whole:
        yield Remark(
            "whole_amounts",
            "",
            "orders.amount: every amount is a whole number. Check that these are not cents, points or quantities",
        )
    if amounts and middle < 1:
        yield Remark(
            "small_amounts", "", f"orders.amount: the median line is {middle:.4f}. Check the unit of the amounts"
        )


def _empty_months(connection: Connection) -> Iterator[Remark]:
    empty = connection.execute(
        """
        with months as (select distinct date_trunc('month', order_date)::date as month from clean.orders where amount > 0),
        gaps as (select month, lead(month) over (order by month) as next from months)
        select strftime(month + interval 1 month, '%Y-%m'), date_diff('month', month, next) - 1
        from gaps where date_diff('month', month, next) > 1 order by month
        """
    ).fetchall()
    for first, months in empty:
        yield Remark(
            "empty_months",
            first,
            f"orders.ordered_at: no order in {months} month{'s' if months > 1 else ''} from {first} on, between months with "
            "orders. Check that the export is complete",
        )


def _long_pause(connection: Connection) -> Iterator[Remark]:
    """A pause of days that the company never made otherwise; the turn of a year is left out, when many close."""
    row = connection.execute(
        """
        with days as (
            select order_date, lead(order_date) over (order by order_date) as next
            from (select distinct order_date from clean.orders where amount > 0)
        ),
        pauses as (
            select order_date, next - order_date as days from days
            where next is not null and year(order_date) = year(next)
        ),
        ranked as (select *, row_number() over (order by days desc, order_date) as place from pauses)
        select
            first.order_date, first.days, coalesce(second.days, 1), (select count(*) from pauses),
            (
                select count(distinct (order_id, customer_id)) / 56.0 from clean.orders
                where amount > 0 and order_date between first.order_date - 55 and first.order_date
            )
        from ranked as first left join ranked as second on second.place = 2 where first.place = 1
        """
    ).fetchone()
    if row is None:
        return
    day, pause, usual, days, daily = row
    # a pause that chance does not make, of a company that sells on most days, or one of weeks
    is_no_accident = pause * daily >= _MISSED_ORDERS and pause >= 4
    if (pause >= _PAUSE_DAYS or is_no_accident) and pause >= _PAUSE_TIMES * usual and days >= 5 * _PAUSE_DAYS:
        yield Remark(
            "long_pause",
            f"{day}",
            f"orders.ordered_at: no order for {pause} days after {day}; the next longest pause is {usual} days. Check that "
            "the export is complete",
        )


def _months_of_another_magnitude(connection: Connection) -> Iterator[Remark]:
    rows = connection.execute(
        f"""
        with orders as (
            select source_currency, order_id, order_date, sum(source_amount)::double as value from clean.orders
            where source_amount > 0 group by source_currency, order_id, order_date
        ),
        months as (
            select source_currency, strftime(order_date, '%Y-%m') as month, median(value) as median, count(*) as orders
            from orders group by source_currency, month
        ),
        usual as (select source_currency, median(median) as median from months where orders >= {_ENOUGH_ORDERS} group by all)
        select month, source_currency, months.median, usual.median
        from months inner join usual using (source_currency)
        where orders >= {_ENOUGH_ORDERS}
            and greatest(months.median / usual.median, usual.median / months.median) > {_ORDER_OF_MAGNITUDE}
        order by month
        """
    ).fetchall()
    for month, currency, found, usual in rows:
        yield Remark(
            "order_magnitude",
            f"{month} {currency}",
            f"orders.amount: the median order of {month} in {currency} is {found:,.2f}, that of the other months {usual:,.2f} "
            f"(limit {_ORDER_OF_MAGNITUDE:g} times). Check the unit (cents, another currency) of that month",
        )


def _currencies_of_another_magnitude(connection: Connection, own: str) -> Iterator[Remark]:
    """The median order of each currency in the reporting currency; a wrong rate makes one a hundred times the other."""
    rows = connection.execute(
        f"""
        with orders as (
            select source_currency, order_id, order_date, sum(amount)::double as value from clean.orders
            where amount > 0 group by source_currency, order_id, order_date
        ),
        currencies as (
            select source_currency, median(value) as median from orders
            group by source_currency having count(*) >= {_ENOUGH_ORDERS}
        )
        select currencies.source_currency, currencies.median, own.median
        from currencies inner join currencies as own on own.source_currency = {quote_text(own)}
        where greatest(currencies.median / own.median, own.median / currencies.median) > {_CURRENCY_FACTOR}
        order by 1
        """
    ).fetchall()
    for currency, found, usual in rows:
        yield Remark(
            "currency_magnitude",
            currency,
            f"fx_rates.rate: the median order in {currency} is worth {found:,.2f} {own}, an order in {own} {usual:,.2f} (limit "
            f"{_CURRENCY_FACTOR:g} times). A rate is {own} per unit of {currency}, not the inverse",
        )


def _exchange_rates(connection: Connection, own: str) -> Iterator[Remark]:
    """Rates that are inverted, jump from day to day, or contradict each other on one day."""
    rows = connection.execute(
        """
        with rates as (
            select upper(currency) as currency, rate_date, max(rate)::double as rate, min(rate)::double as lowest
            from raw.fx_rates where rate > 0 and excluded_because is null group by all
        ),
        moves as (
            select *, abs(rate / lag(rate) over (partition by currency order by rate_date) - 1) as move from rates
        )
        select currency, median(rate), count(*) filter (where move > $jump), count(*) filter (where lowest < rate * 0.98)
        from moves group by currency order by currency
        """,
        {"jump": _RATE_JUMP},
    ).fetchall()
    used = {row[0] for row in connection.execute("select distinct source_currency from clean.orders").fetchall()}
    for currency, rate, jumps, contradictions in rows:
        what = (
            []
            if currency in used or currency == own
            else ["there are rates for it, but no order in it (orders.currency)"]
        )
        if currency in _PER_DOLLAR and own in _PER_DOLLAR:
            usual = _PER_DOLLAR[own] / _PER_DOLLAR[currency]
            if max(rate / usual, usual / rate) > _RATE_FACTOR:
                what.append(f"its median is {rate:.6g} {own} per unit, and about {usual:.3g} is usual")
        if jumps:
            what.append(f"it moves more than {_RATE_JUMP:.0%} from one day to the next {jumps} times")
        if contradictions:
            what.append(
                f"{contradictions} days have two rates that differ by more than 2%, of which the lower one is used"
            )
        if what:
            yield Remark(
                "exchange_rates",
                currency,
                f"fx_rates.rate: {currency}: {'; '.join(what)}. Check the direction and the source of the rates",
            )


def _orders_at_night(connection: Connection, time_zone: str) -> Iterator[Remark]:
    orders, timed, at_night = one_row(
        connection,
        f"""
        with orders as (
            select order_id, min(timezone({quote_text(time_zone)}, ordered_at)) as local_time
            from clean.orders where amount > 0 group by order_id, order_date
        )
        select
            count(*),
            count(*) filter (where local_time::time <> time '00:00:00'),
            count(*) filter (where hour(local_time) between 1 and 4)
        from orders
        """,
    )
    if orders >= 5 * _ENOUGH_ORDERS and timed > 0.8 * orders and at_night > _NIGHT_SHARE * orders:
        yield Remark(
            "orders_at_night",
            "",
            f"orders.ordered_at: {at_night / orders:.0%} of the orders are between 1 and 5 in the morning in {time_zone} (limit "
            f"{_NIGHT_SHARE:.0%}), which suggests another time zone. Check time_zone in source.toml, or return an offset",
        )
