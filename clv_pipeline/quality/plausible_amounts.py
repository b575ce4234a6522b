"""Amounts, currencies and exchange rates of `clean.orders` that need no earlier night to look wrong; see `plausibility.py`."""

from collections.abc import Iterator

from clv_pipeline.quality.last_year import LastYear
from clv_pipeline.sources.remarks import Remark
from clv_pipeline.warehouse.connection import Connection, one_row, quote_text

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


def remarks_on_amounts(connection: Connection, currency: str, year: LastYear) -> Iterator[Remark]:
    """Yield what is unusual about amounts and rates; `currency` is the reporting currency, in capitals."""
    yield from _months_of_another_magnitude(connection, year)
    yield from _currencies_of_another_magnitude(connection, currency, year)
    yield from _exchange_rates(connection, currency, year)
    yield from _unit_of_amounts(connection)


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


def _months_of_another_magnitude(connection: Connection, year: LastYear) -> Iterator[Remark]:
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
            year.share_if_off(month, currency, found / usual),
        )


def _currencies_of_another_magnitude(connection: Connection, own: str, year: LastYear) -> Iterator[Remark]:
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
            year.share_if_off(None, currency, found / usual),
        )


def _exchange_rates(connection: Connection, own: str, year: LastYear) -> Iterator[Remark]:
    """Rates that are inverted, jump from day to day, or contradict each other on one day; a share is known of the first only."""
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
        at_stake = None
        what = (
            []
            if currency in used or currency == own
            else ["there are rates for it, but no order in it (orders.currency)"]
        )
        if currency in _PER_DOLLAR and own in _PER_DOLLAR:
            usual = _PER_DOLLAR[own] / _PER_DOLLAR[currency]
            if max(rate / usual, usual / rate) > _RATE_FACTOR:
                what.append(f"its median is {rate:.6g} {own} per unit, and about {usual:.3g} is usual")
                at_stake = year.share_if_off(None, currency, rate / usual)
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
                at_stake,
            )
