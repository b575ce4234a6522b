"""The calendar and the clock of `clean.orders`: gaps, days loaded twice, orders at night; see `plausibility.py`."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise

from clv_pipeline.quality.last_year import MISSED_ORDERS, LastYear
from clv_pipeline.sources.remarks import Remark
from clv_pipeline.warehouse.connection import Connection, one_row, quote_text

_REPEATED_LINES, _REPEATED_DAY_SHARE = 3, 0.4
#: A pause between order days of this many times the usual longest one, and at least this many days.
_PAUSE_TIMES, _PAUSE_DAYS = 3, 14
#: Orders between 1 and 5 in the morning are an eighth of a shop's at most; a sixth would be a flat profile.
_NIGHT_SHARE = 0.25
#: With fewer orders the share at night is chance.
_TIMED_ORDERS = 100


def remarks_on_days(connection: Connection, time_zone: str, year: LastYear) -> Iterator[Remark]:
    """Yield what is unusual about the days and the times of day of the orders."""
    yield from _days_loaded_twice(connection)
    yield from _empty_months(connection, year)
    yield from _long_pause(connection, year)
    yield from _orders_at_night(connection, time_zone)


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


def _empty_months(connection: Connection, year: LastYear) -> Iterator[Remark]:
    """Months without an order between months with orders.

    A season has no orders at stake: it is a month that is empty in another year as well. A shop that closes for one month once
    risks a twelfth of a year, which warns; so does a closed season as soon as two of them are in the history.
    """
    rows = connection.execute(
        "select distinct date_trunc('month', order_date)::date as month from clean.orders where amount > 0 order by month"
    ).fetchall()
    gaps = [
        [n for n in range(_number_of(before) + 1, _number_of(after))]
        for before, after in pairwise(month for (month,) in rows)
    ]
    empty = {month for gap in gaps for month in gap}
    for gap in filter(None, gaps):
        first, months = _first_day(gap[0]), len(gap)
        days = sum(
            year.days_between(_first_day(n), _first_day(n + 1) - timedelta(days=1))
            for n in gap
            if not any((n - other) % 12 == 0 for other in empty - {n})
        )
        yield Remark(
            "empty_months",
            f"{first:%Y-%m}",
            f"orders.ordered_at: no order in {months} month{'s' if months > 1 else ''} from {first:%Y-%m} on, between months "
            "with orders. Check that the export is complete",
            year.share_if_lost(days),
        )


def _number_of(month: date) -> int:
    return month.year * 12 + month.month - 1


def _first_day(month: int) -> date:
    """Return the first day of a month by its number.

    >>> _first_day(_number_of(date(2024, 2, 17)))
    datetime.date(2024, 2, 1)
    """
    return date(month // 12, month % 12 + 1, 1)


def _long_pause(connection: Connection, year: LastYear) -> Iterator[Remark]:
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
    is_no_accident = pause * daily >= MISSED_ORDERS and pause >= 4
    if (pause >= _PAUSE_DAYS or is_no_accident) and pause >= _PAUSE_TIMES * usual and days >= 5 * _PAUSE_DAYS:
        yield Remark(
            "long_pause",
            f"{day}",
            f"orders.ordered_at: no order for {pause} days after {day}; the next longest pause is {usual} days. Check that "
            "the export is complete",
            year.share_if_lost(year.days_between(day + timedelta(days=1), day + timedelta(days=pause - 1))),
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
    if orders >= _TIMED_ORDERS and timed > 0.8 * orders and at_night > _NIGHT_SHARE * orders:
        yield Remark(
            "orders_at_night",
            "",
            f"orders.ordered_at: {at_night / orders:.0%} of the orders are between 1 and 5 in the morning in {time_zone} (limit "
            f"{_NIGHT_SHARE:.0%}), which suggests another time zone. Check time_zone in source.toml, or return an offset",
        )
