"""The orders of a source: statuses, the largest order and customer, times of day, pauses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from clv_pipeline.core.settings import OrderStatus
from clv_pipeline.diagnostics.profile.look import Look
from clv_pipeline.quality.statuses import statuses_of
from clv_pipeline.sources.loading import without_letters
from clv_pipeline.sources.source_counts import DayCount
from clv_pipeline.warehouse.connection import one_row, records

CountsAs = Literal["revenue", "not revenue", "not decided"]
#: Hours of the day that are counted together.
_HOURS = 6
#: Fewer orders with a time of day than this share: the source has days only.
_TIMED_SHARE = 0.8


@dataclass(frozen=True)
class StatusOfOrders:
    """Order lines of one status ("" for none) at the source, their money, and what [order_status] makes of them."""

    status: str
    count: DayCount
    counts_as: CountsAs


@dataclass(frozen=True)
class Largest:
    """The largest order, or the customer with the most money, of `clean.orders`.

    name: its number with letters masked; "" for a guest. share_of_money, share_of_orders: of everything sold.
    """

    name: str
    money: Decimal
    share_of_money: float
    share_of_orders: float
    day: date | None = None


@dataclass(frozen=True)
class OrderDays:
    """When orders are placed: the share of each part of the day (none where the source has days only), and the longest pause.

    pause_from, pause_to: the last day before it and the first day after it.
    """

    orders: int
    parts: Mapping[str, float]
    days: int
    pause_days: int
    pause_from: date | None
    pause_to: date | None


def statuses(look: Look) -> list[StatusOfOrders]:
    """Return the statuses of the orders, most lines first; nothing where no status is returned."""
    if "status" not in look.trial.read["orders"].columns:
        return []
    known = look.settings.order_status or OrderStatus()
    decided: dict[str, CountsAs] = dict.fromkeys(known.not_revenue, "not revenue")
    decided |= dict.fromkeys(known.revenue, "revenue")
    return [
        StatusOfOrders(status, count, decided.get(status, "not decided"))
        for status, count in statuses_of(look.connection).items()
    ]


def largest_order(look: Look) -> Largest | None:
    """Return the order with the most money, None where nothing was sold."""
    return _largest(look, "order_id, customer_id, order_date", "order_id", "order_date")


def largest_customer(look: Look) -> Largest | None:
    """Return the customer with the most money, None where no customer bought anything."""
    return _largest(look, "customer_id", "customer_id", "null::date", "where customer_id is not null")


def _largest(look: Look, key: str, name: str, day: str, where: str = "") -> Largest | None:
    rows = records(
        look.connection,
        f"""
        with sold as (select * from clean.orders where amount > 0),
        total as (select sum(amount) as money, count(distinct (order_id, customer_id, order_date)) as orders from sold)
        select
            any_value({name}) as name, any_value({day}) as day, sum(sold.amount) as money,
            (sum(sold.amount) / any_value(total.money))::double as share_of_money,
            (count(distinct (order_id, customer_id, order_date)) / any_value(total.orders))::double as share_of_orders
        from sold cross join total {where}
        group by {key} order by money desc, {key} limit 1
        """,
    )
    return Largest(**(rows[0] | {"name": without_letters(rows[0]["name"] or "")})) if rows else None


def order_days(look: Look) -> OrderDays:
    """Return the times of day and the longest pause of what was sold."""
    parts = look.connection.execute(
        f"""
        with orders as (
            select min(timezone($zone, ordered_at)) as local_time from clean.orders where amount > 0
            group by order_id, customer_id, order_date
        )
        select hour(local_time) // {_HOURS}, count(*), count(*) filter (where local_time::time <> '00:00') from orders
        group by all order by all
        """,
        {"zone": look.settings.time_zone},
    ).fetchall()
    orders, timed = sum(count for _, count, _ in parts), sum(count for *_, count in parts)
    days, pause, last, following = one_row(
        look.connection,
        """
        with days as (select distinct order_date as day from clean.orders where amount > 0),
        pauses as (select day, lead(day) over (order by day) as following from days),
        longest as (from pauses where following is not null order by following - day desc, day limit 1)
        select
            (select count(*) from days), (select following - day - 1 from longest), (select day from longest),
            (select following from longest)
        """,
    )
    is_timed = timed >= _TIMED_SHARE * orders
    shares = {f"{n * _HOURS:02}-{(n + 1) * _HOURS:02}": count / orders for n, count, _ in parts} if is_timed else {}
    return OrderDays(orders, shares, days, pause or 0, last, following)
