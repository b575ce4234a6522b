"""The money of the last year of orders: what a finding can do to a total is measured as a share of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from clv_pipeline.warehouse.connection import Connection, one_row

#: Where fewer orders are usual in a gap, the gap may be chance (as in a company with an order a week).
MISSED_ORDERS = 25


@dataclass(frozen=True)
class LastYear:
    """Sales of the year that ends with the newest order, in the reporting currency; `days` is less for a younger company.

    money: (month, source currency) -> sales, the month as `2024-05`.
    """

    newest: date
    days: int
    orders: int
    money: Mapping[tuple[str, str], float]

    def share_of(self, money: float) -> float:
        """Return some money as a share of the year's; 0 without sales."""
        total = sum(self.money.values())
        return money / total if total > 0 else 0.0

    def share_if_off(self, month: str | None, currency: str, factor: float) -> float:
        """Return the error of the year's total if a currency's amounts (of a month, or all) are `factor` times the right ones.

        Amounts that are too large can make up the whole total (1.0); with amounts that are too small it is what is missing.

        >>> year = LastYear(date(2024, 5, 31), 365, 40, {("2024-04", "EUR"): 100.0, ("2024-05", "EUR"): 900.0})
        >>> round(year.share_if_off("2024-05", "EUR", 10.0), 2)
        0.81
        """
        found = sum(v for (m, c), v in self.money.items() if c == currency and month in (None, m))
        return self.share_of(abs(found - found / factor)) if factor > 0 else 0.0

    def days_between(self, first: date, last: date) -> int:
        """Return how many days from `first` to `last` are in the year."""
        begin = self.newest - timedelta(days=self.days - 1)
        return max((min(last, self.newest) - max(first, begin)).days + 1, 0)

    def share_if_lost(self, days: int) -> float:
        """Return the sales that are missing if so many days were like the others, as a share of what is there.

        0 where so few orders are usual that none may be chance.

        >>> round(LastYear(date(2024, 5, 31), 365, 400, {}).share_if_lost(29), 3)
        0.086
        """
        share = days / max(self.days - days, 1)
        return share if share * self.orders >= MISSED_ORDERS else 0.0


def last_year_of_orders(connection: Connection) -> LastYear:
    """Return the last year of `clean.orders`; without an order it has no money."""
    oldest, newest = one_row(connection, "select min(order_date), max(order_date) from clean.orders where amount > 0")
    if newest is None:
        return LastYear(date.min, 0, 0, {})
    (orders,) = one_row(
        connection,
        "select count(distinct (order_id, customer_id)) from clean.orders where amount > 0 and order_date > $newest::date - 365",
        {"newest": newest},
    )
    rows = connection.execute(
        """
        select strftime(order_date, '%Y-%m') as month, source_currency, sum(amount)::double from clean.orders
        where amount > 0 and order_date > $newest::date - 365
        group by month, source_currency
        """,
        {"newest": newest},
    ).fetchall()
    money = {(month, currency): value for month, currency, value in rows}
    return LastYear(newest, min(365, (newest - oldest).days + 1), orders, money)
