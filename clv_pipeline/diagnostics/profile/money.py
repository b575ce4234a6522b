"""The money of the accepted orders by year, and every currency with its rate: figures to compare with the books."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from clv_pipeline.diagnostics.profile.look import Look
from clv_pipeline.warehouse.connection import records

_BESIDE = ("discount", "tax", "shipping", "cost")


@dataclass(frozen=True)
class YearOfMoney:
    """Accepted lines of one calendar year of the business time zone; money in the reporting currency, returns negative.

    customers: those with a line; guests are none. sales + returns = net.
    """

    year: int
    first_day: date
    last_day: date
    lines: int
    orders: int
    customers: int
    sales: Decimal
    returns: Decimal
    net: Decimal


@dataclass(frozen=True)
class CurrencyOfOrders:
    """Order lines in one currency (in capitals) as delivered; `rate` is the median to the reporting currency, None without."""

    code: str
    lines: int
    money: Decimal
    accepted: Decimal
    rate: Decimal | None


@dataclass(frozen=True)
class ShownAmounts:
    """Discount, tax, postage and cost of the accepted lines, in the reporting currency: name -> (sum, share of lines with it)."""

    totals: Mapping[str, tuple[Decimal, float]]


def money_by_year(look: Look) -> list[YearOfMoney]:
    """Return the years of `clean.orders`, oldest first."""
    rows = records(
        look.connection,
        """
        select
            year(order_date) as year, min(order_date) as first_day, max(order_date) as last_day, count(*) as lines,
            count(distinct (order_id, customer_id, order_date)) as orders, count(distinct customer_id) as customers,
            sum(greatest(amount, 0)) as sales, sum(least(amount, 0)) as returns, sum(amount) as net
        from clean.orders group by year(order_date) order by year
        """,
    )
    return [YearOfMoney(**row) for row in rows]


def currencies(look: Look) -> list[CurrencyOfOrders]:
    """Return the currencies of `raw.orders`, those with the most lines first; rows of exclude rules do not count."""
    rows = records(
        look.connection,
        """
        with delivered as (
            select upper(coalesce(currency, $own)) as code, count(*) as lines, coalesce(sum(amount), 0) as money
            from raw.orders where excluded_because is null group by code
        ),
        accepted as (select source_currency as code, sum(amount) as accepted from clean.orders group by code),
        rates as (select currency as code, median(rate)::decimal(20, 6) as rate from clean.exchange_rates group by code)
        select
            code, lines, money, coalesce(accepted, 0) as accepted, case when code = upper($own) then 1 else rate end as rate
        from delivered left join accepted using (code) left join rates using (code)
        order by lines desc, code
        """,
        {"own": look.settings.currency},
    )
    return [CurrencyOfOrders(**row) for row in rows]


def shown_amounts(look: Look) -> ShownAmounts:
    """Return what is known of the lines beside their amounts; a column without a value is left out."""
    columns = ", ".join(f"sum({name}) as {name}, count({name}) / count(*) as {name}_share" for name in _BESIDE)
    (row,) = records(look.connection, f"select {columns} from clean.orders")
    return ShownAmounts({name: (row[name], row[f"{name}_share"]) for name in _BESIDE if row[f"{name}_share"]})
