"""Measures of tonight's customers, dispositions and order times, for `source_checks.py`. Nothing is judged here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import hypot, log, pi, sqrt
from statistics import median

from clv_pipeline.quality.night_measures import FIGURE
from clv_pipeline.warehouse.connection import Connection, has_table, one_row

#: Names of the figures with the share of the order lines in one currency.
CURRENCY = "currency "
#: With fewer such days a weekday has no baseline.
_WEEKS_NEEDED = 4


@dataclass(frozen=True)
class OrderTimes:
    """The times of day of some orders: their circular mean and standard deviation in hours, and their number."""

    mean: float
    deviation: float
    orders: int


@dataclass(frozen=True)
class LastDay:
    """The orders of the last complete day beside those of the time before.

    hours: the hour of day of each of its orders. usual: the median orders of that weekday, over eight weeks. profile: hour ->
    share of the orders of eight weeks. small, large: its orders below the 1st and above the 99th percentile of a year.
    free: the share of its lines without a price; usually_free: that of the eight weeks before.
    """

    day: date
    hours: tuple[float, ...]
    usual: float
    profile: Mapping[int, float]
    small: int
    large: int
    free: float
    usually_free: float


@dataclass(frozen=True)
class AtStake:
    """What one plausibility check found: the share of the last year's money that is wrong if these are errors, and the texts."""

    check: str
    share: float
    texts: tuple[str, ...]


@dataclass(frozen=True)
class SourceFigures:
    """Tonight's figures, and those of the last published night under the same names in `before` (empty on a first night).

    `shares` is the share of the order lines by disposition; `kept` the number of customers of the last published night who
    are still there, of `published`; `times` has the orders of the last day, week, eight weeks and of the eight weeks before
    the last week.
    """

    figures: Mapping[str, float]
    before: Mapping[str, float]
    shares: Mapping[str, float]
    published: int
    kept: int
    times: Mapping[str, OrderTimes]
    last_day: LastDay
    at_stake: tuple[AtStake, ...] = ()


@dataclass(frozen=True)
class CustomerCounts:
    """Customers; those not profiled, and of these the ones who refused in no record; buyers, and those the CRM does not know.

    A guest who is known by an e-mail address alone is in no CRM and was asked by nobody: neither unclear nor unknown.
    """

    customers: int
    not_profiled: int
    unclear: int
    buyers: int
    unknown_buyers: int


def count_customers(connection: Connection) -> CustomerCounts:
    """Count `clean.customers`; without a customers table no buyer is unknown."""
    return CustomerCounts(
        *one_row(
            connection,
            """
            with guests as (
                select customer_id from clean.orders where customer_id is not null
                group by customer_id having bool_and(is_by_email)
            ),
            refusals as (
                select coalesce(surviving_customer_id, customers.customer_id) as customer_id
                from raw.customers
                left join clean.customer_identities on customers.customer_id = customer_identities.customer_id
                where not profiling_consent
            )
            select
                count(*),
                count(*) filter (where not has_profiling_consent),
                count(*) filter (
                    where not has_profiling_consent and customer_id not in (select customer_id from refusals)
                        and (has_crm_record or customer_id not in (select customer_id from guests))
                ),
                count(first_order_date),
                count(*) filter (
                    where not has_crm_record and customer_id not in (select customer_id from guests)
                        and (select is_provided from raw.loads where table_name = 'customers')
                )
            from clean.customers
            """,
        )
    )


def measure_source(connection: Connection, as_of: date, time_zone: str, before: Mapping[str, float]) -> SourceFigures:
    """Return the figures of tonight's clean tables."""
    counts = count_customers(connection)
    published, kept = _customers_kept(connection, as_of)
    times = {
        name: found
        for name, (first, last) in {"day": (1, 0), "week": (7, 0), "earlier": (63, 7), "eight_weeks": (56, 0)}.items()
        if (found := _order_times(connection, as_of, first, last, time_zone))
    }
    figures: dict[str, float] = {
        "customers": counts.customers,
        "not profiled": counts.not_profiled,
        "unclear consent": counts.unclear,
        "buyers": counts.buyers,
        "unknown buyers": counts.unknown_buyers,
    }
    if "eight_weeks" in times:
        figures["order hour"] = times["eight_weeks"].mean
    shares = connection.execute(
        "select disposition, sum(row_count)::double / (select count(*) from raw.orders) from clean.dispositions "
        "where table_name = 'orders' and disposition <> 'accepted' group by disposition"
    ).fetchall()
    figures |= {f"share {disposition}": share for disposition, share in shares}
    currencies = connection.execute(
        "select source_currency, count(*) / (select count(*) from clean.orders) from clean.orders group by source_currency"
    ).fetchall()
    figures |= {f"{CURRENCY}{currency}": share for currency, share in currencies}
    last_day = _last_day(connection, as_of, time_zone)
    return SourceFigures(figures, before, dict(shares), published, kept, times, last_day, _at_stake(connection))


def _at_stake(connection: Connection) -> tuple[AtStake, ...]:
    rows = connection.execute(
        "select check_name, sum(share_at_stake), list(remark order by subject) from clean.remarks "
        "where share_at_stake > 0 group by check_name order by check_name"
    ).fetchall()
    return tuple(AtStake(check, share, tuple(texts)) for check, share, texts in rows)


def _last_day(connection: Connection, as_of: date, time_zone: str) -> LastDay:
    parameters = {"zone": time_zone, "as_of": as_of}
    orders = """
        with orders as (
            select order_date, sum(amount)::double as value, min(timezone($zone, ordered_at)) as local_time
            from clean.orders where amount > 0 and order_date >= $as_of::date - 366 and order_date < $as_of
            group by order_id, customer_id, order_date
        )
    """
    days = connection.execute(
        f"{orders} select order_date, count(*) from orders where order_date >= $as_of::date - 57 "
        "and dayofweek(order_date) = dayofweek($as_of::date - 1) and order_date < $as_of::date - 1 group by 1",
        parameters,
    ).fetchall()
    profile = connection.execute(
        f"{orders} select hour(local_time), count(*)::double / sum(count(*)) over () from orders "
        "where order_date between $as_of::date - 57 and $as_of::date - 2 group by 1",
        parameters,
    ).fetchall()
    day = connection.execute(
        f"""
        {orders},
        usual as (
            select quantile_cont(value, 0.01) as low, quantile_cont(value, 0.99) as high from orders
            where order_date < $as_of::date - 1
        )
        select hour(local_time) + minute(local_time) / 60.0, value < low, value > high from orders cross join usual
        where order_date = $as_of::date - 1 order by 1
        """,
        parameters,
    ).fetchall()
    free, usually_free = one_row(
        connection,
        """
        select
            coalesce(avg((amount = 0)::integer) filter (where order_date = $as_of::date - 1), 0),
            coalesce(avg((amount = 0)::integer) filter (where order_date < $as_of::date - 1), 0)
        from clean.orders where order_date between $as_of::date - 57 and $as_of::date - 1
        """,
        {"as_of": as_of},
    )
    return LastDay(
        as_of - timedelta(days=1),
        tuple(float(hour) for hour, _, _ in day),
        float(median(count for _, count in days)) if len(days) >= _WEEKS_NEEDED else 0.0,
        dict(profile),
        sum(bool(small) for _, small, _ in day),
        sum(bool(large) for _, _, large in day),
        float(free),
        float(usually_free),
    )


def _customers_kept(connection: Connection, as_of: date) -> tuple[int, int]:
    """Return the number of customers of the last published night, and of those who are customers tonight."""
    if not has_table(connection, "scores.history"):
        return 0, 0
    published, kept = one_row(
        connection,
        """
        with last_night as (
            select distinct customer_id from scores.history
            where as_of_date = (select max(as_of_date) from scores.history where as_of_date < $as_of)
        ),
        known as (
            select customer_id from clean.customers
            union
            select customer_id from clean.customer_identities
        )
        select count(*), count(*) filter (where customer_id in (select customer_id from known)) from last_night
        """,
        {"as_of": as_of},
    )
    return published, kept


def _order_times(connection: Connection, as_of: date, first: int, last: int, time_zone: str) -> OrderTimes | None:
    """Return the times of the orders from `first` to `last` days before as_of; None where most have a day only."""
    hours, sine, cosine, timed, orders = one_row(
        connection,
        """
        with orders as (
            select min(timezone($zone, ordered_at)) as local_time from clean.orders
            where amount > 0 and order_date >= $as_of::date - $first::integer and order_date < $as_of::date - $last::integer
            group by order_id, customer_id, order_date
        ),
        hours as (select hour(local_time) + minute(local_time) / 60.0 as hour, local_time::time from orders)
        select
            degrees(atan2(avg(sin(radians(hour * 15))), avg(cos(radians(hour * 15))))) / 15,
            avg(sin(radians(hour * 15))), avg(cos(radians(hour * 15))), count(*) filter (where hour <> 0), count(*)
        from hours
        """,
        {"zone": time_zone, "as_of": as_of, "first": first, "last": last},
    )
    if not orders or timed < 0.8 * orders:
        return None
    return OrderTimes(float(hours) % 24, _circular_deviation(float(sine), float(cosine)), orders)


def _circular_deviation(sine: float, cosine: float) -> float:
    """Return the circular standard deviation in hours from the mean sine and cosine.

    >>> _circular_deviation(0.0, 1.0)
    0.0
    """
    length = min(max(hypot(sine, cosine), 1e-9), 1.0)
    return sqrt(2 * log(1 / length)) * 12 / pi


def figures_to_note(figures: Mapping[str, float]) -> Iterable[tuple[str, str, float]]:
    """Return the rows of `quality.night` that a later night compares with."""
    return [(FIGURE, name, value) for name, value in sorted(figures.items())]
