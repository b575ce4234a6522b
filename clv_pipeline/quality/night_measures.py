"""Measures of a night, and the stored measures of published nights: the baseline of later ones.

Aggregates only: counts, sums and medians. Limits are in `night_checks.py`. Only data before as_of is measured, so that a
backfilled night gives the same measures as a run at its own time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.contracts.warehouse import GOOD_NIGHTS, NIGHT
from clv_pipeline.quality.segment_counts import remember_segments
from clv_pipeline.sources.remarks import MEASURE
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, has_table, one_row

#: A year and the weeks before its first day, so that the same day last year has its own baseline.
_DAYS_LOOKED_AT = 365 + 63
#: The checks compare with the same weekday of eight weeks.
_DAYS_COMPARED = 63
FIGURE = "figure"
#: The checks that this run's user acknowledged, and those that needed it.
_ASKED, _ACKNOWLEDGED = "asked_to_acknowledge", "acknowledged"


@dataclass(frozen=True)
class Median:
    """The median value of the orders of a few days, in the reporting currency, and the number of those orders."""

    value: float
    orders: int


@dataclass(frozen=True)
class MonthOfOrders:
    """The order lines of one month at the source and their money, in source currency."""

    lines: int
    money: float


@dataclass(frozen=True)
class DayOfOrders:
    """The orders of one day, and how many of them have a customer; the others are guest orders."""

    orders: int
    with_customer: int


@dataclass(frozen=True)
class OutlierOrder:
    """The largest order of the last year, with the 99th percentile of all of them and their total."""

    value: float
    percentile_99: float
    total: float
    orders: int


@dataclass(frozen=True)
class Night:
    """The numbers of one night; `orders` counts by day from the first day of the history or of a good year.

    `buyers` has the accepted orders of the last eight weeks and a day, by day.
    """

    as_of: date
    orders: dict[date, int]
    buyers: dict[date, DayOfOrders]
    newest_order: date | None
    rows: dict[str, int]
    medians: dict[str, Median]
    outlier: OutlierOrder | None


@dataclass(frozen=True)
class GoodNight:
    """The stored measures of a published night; `acknowledged` names the checks that its user acknowledged."""

    as_of: date
    rows: dict[str, int]
    medians: dict[str, Median]
    months: dict[str, MonthOfOrders]
    acknowledged: frozenset[str] = field(default_factory=frozenset)
    figures: dict[str, float] = field(default_factory=dict)


def measure(connection: Connection, as_of: date, time_zone: str, not_revenue: Sequence[str]) -> Night:
    """Return the numbers of tonight from the raw and clean tables; `not_revenue` are the statuses of orders yet unpaid."""
    # count unpaid orders too: recent ones are often still open. Quarantined rows do not count
    days = connection.execute(
        """
        with orders as (
            select order_date as day, order_id from clean.orders where amount > 0
            union
            select timezone($zone, ordered_at)::date as day, order_id from raw.orders
            where amount > 0 and excluded_because is null and unusable_key is null
                and list_contains($not_revenue, status)
        )
        select day, count(distinct order_id) from orders
        where day < $as_of and day >= $as_of::date - $days::integer
        group by day
        """,
        {"zone": time_zone, "as_of": as_of, "days": _DAYS_LOOKED_AT, "not_revenue": list(not_revenue)},
    ).fetchall()
    (newest,) = one_row(
        connection,
        "select max(timezone($zone, ordered_at)::date) from raw.orders "
        "where excluded_because is null and unusable_key is null and timezone($zone, ordered_at)::date < $as_of "
        # a date of 1970 is broken: the first clean order is the earliest plausible date
        "and timezone($zone, ordered_at)::date >= (select min(order_date) from clean.orders)",
        {"zone": time_zone, "as_of": as_of},
    )
    return Night(
        as_of, dict(days), _buyers(connection, as_of), newest, _rows(connection, as_of, time_zone),
        _medians(connection, as_of), _outlier(connection, as_of),
    )  # fmt: skip


def _buyers(connection: Connection, as_of: date) -> dict[date, DayOfOrders]:
    days = connection.execute(
        """
        select order_date, count(distinct order_id), count(distinct order_id) filter (where customer_id is not null)
        from clean.orders where amount > 0 and order_date >= $first and order_date < $as_of
        group by order_date
        """,
        {"first": as_of - timedelta(days=57), "as_of": as_of},
    ).fetchall()
    return {day: DayOfOrders(orders, with_customer) for day, orders, with_customer in days}


def _rows(connection: Connection, as_of: date, time_zone: str) -> dict[str, int]:
    """Return rows before as_of of each table that the source provides; rows without a time count as old."""
    provided = connection.execute("select table_name from raw.loads where is_provided order by 1").fetchall()
    counts = {}
    for (name,) in provided:
        time = CONTRACT[name].event_time or "null"
        (counts[name],) = one_row(
            connection,
            f"select count(*) from raw.{name} "
            f"where coalesce({time}::timestamptz < timezone($zone, $as_of::timestamp), true)",
            {"zone": time_zone, "as_of": as_of},
        )
    return counts


def _medians(connection: Connection, as_of: date) -> dict[str, Median]:
    """Return the median order value of the last day and week, and of the eight weeks before each and up to as_of."""
    windows = {"day": (1, 0), "before_day": (57, 1), "week": (7, 0), "before_week": (63, 7), "eight_weeks": (56, 0)}
    found = {}
    for name, (first, last) in windows.items():
        value, orders = one_row(
            connection,
            """
            with orders as (
                select order_id, sum(amount) as value from clean.orders
                where amount > 0 and order_date >= $first and order_date < $last group by order_id
            )
            select coalesce(median(value), 0)::double, count(*) from orders
            """,
            {"first": as_of - timedelta(days=first), "last": as_of - timedelta(days=last)},
        )
        found[name] = Median(value, orders)
    return found


def _outlier(connection: Connection, as_of: date) -> OutlierOrder | None:
    largest, percentile, total, orders = one_row(
        connection,
        """
        with orders as (
            select order_id, sum(amount) as value from clean.orders
            where amount > 0 and order_date >= $as_of::date - 365 and order_date < $as_of group by order_id
        )
        select max(value)::double, quantile_disc(value, 0.99)::double, sum(value)::double, count(*) from orders
        """,
        {"as_of": as_of},
    )
    return OutlierOrder(largest, percentile, total, orders) if orders else None


def months_of_orders(connection: Connection, until: date, time_zone: str) -> dict[str, MonthOfOrders]:
    """Return month (`2024-05`) -> the order lines at the source before `until`: `raw` holds what the source has tonight."""
    rows = connection.execute(
        "with days as (select timezone($zone, ordered_at)::date as day, amount from raw.orders) "
        "select strftime(day, '%Y-%m') as month, count(*), coalesce(sum(amount), 0)::double from days "
        "where day < $until group by month order by month",
        {"until": until, "zone": time_zone},
    ).fetchall()
    return {month: MonthOfOrders(lines, money) for month, lines, money in rows}


def note(
    connection: Connection,
    night: Night,
    months: dict[str, MonthOfOrders],
    figures: Iterable[tuple[str, str, float]],
    asked: Iterable[str],
) -> None:
    """Write tonight's measures to `quality.night`, one row per measure; they become a baseline once the run is published."""
    rows: list[tuple[str, str, float]] = [("rows", table, count) for table, count in night.rows.items()]
    for name, median in night.medians.items():
        rows += [("median_order_value", name, median.value), ("orders", name, median.orders)]
    for month, found in months.items():
        rows += [("month_lines", month, found.lines), ("month_money", month, found.money)]
    if night.newest_order:
        rows.append(("days_since_newest_order", "", (night.as_of - night.newest_order).days))
    rows += figures
    rows += [(_ASKED, check, 1) for check in asked]
    remarks = connection.execute(
        "select check_name, subject from raw.remarks union select check_name, subject from clean.remarks order by all"
    ).fetchall()
    rows += [(f"{MEASURE}{check}", subject, 1) for check, subject in remarks]
    tables.replace(connection, NIGHT, rows)


def note_stale(connection: Connection) -> None:
    """Mark tonight as stale; it is published anyway because `stale_data = "publish"`."""
    tables.append(connection, NIGHT, [("is_stale", "", 1)])


def note_acknowledged(connection: Connection, checks: Iterable[str]) -> None:
    """Mark tonight as an incident: these checks would have blocked it."""
    for check in checks:
        tables.append(
            connection,
            NIGHT,
            "select $measure as measure, $check as subject, 1 as value "
            "where not exists (from quality.night where measure = $measure and subject = $check)",
            {"measure": _ACKNOWLEDGED, "check": check},
        )


def asked_to_acknowledge(connection: Connection) -> list[str]:
    """Return the checks that tonight's user acknowledged: an input of the run like any other."""
    if not has_table(connection, "quality.night"):
        return []
    asked = connection.execute(
        "select subject from quality.night where measure = $measure order by subject", {"measure": _ASKED}
    )
    return [check for (check,) in asked.fetchall()]


def remember_good_night(connection: Connection, source: str, as_of: date, run_id: str) -> None:
    """Store tonight's measures, replacing those of an earlier run of the same as_of."""
    tables.create_if_missing(connection, GOOD_NIGHTS)
    night = {"source": source, "as_of": as_of}
    connection.execute("delete from quality.good_nights where source_name = $source and as_of = $as_of", night)
    tables.append(
        connection,
        GOOD_NIGHTS,
        "select $source as source_name, $as_of as as_of, $run_id as run_id, measure, subject, value from quality.night",
        night | {"run_id": run_id},
    )
    remember_segments(connection, source, as_of)


def good_nights_before(connection: Connection, source: str, as_of: date) -> list[GoodNight]:
    """Return the published nights of a source before as_of that a check may compare with, oldest first.

    Those are the nights of the last nine weeks; before them the last one, the last one that was no incident, and the last
    one on which each check was acknowledged. So a night costs the same however many were published.
    """
    tables.create_if_missing(connection, GOOD_NIGHTS)
    rows = connection.execute(
        """
        with earlier as (
            select as_of, measure, subject, value from quality.good_nights
            where source_name = $source and as_of < $as_of
        ),
        nights as (
            select as_of, bool_or(measure = $acknowledged) as is_incident from earlier group by as_of
        ),
        compared as (
            select as_of from nights where as_of >= $as_of::date - $days::integer
            union
            select max(as_of) from nights
            union
            select max(as_of) from nights where not is_incident
            union
            select max(as_of) from earlier where measure = $acknowledged group by subject
        )
        select as_of, measure, subject, value from earlier where as_of in (select as_of from compared)
        order by as_of, measure, subject, value
        """,
        {"source": source, "as_of": as_of, "acknowledged": _ACKNOWLEDGED, "days": _DAYS_COMPARED},
    ).fetchall()
    nights: dict[date, dict[tuple[str, str], float]] = {}
    for day, kind, subject, value in rows:
        nights.setdefault(day, {})[kind, subject] = value
    return [_good_night(day, values) for day, values in sorted(nights.items())]


def _good_night(as_of: date, values: dict[tuple[str, str], float]) -> GoodNight:
    def of(measure: str) -> dict[str, float]:
        return {subject: value for (kind, subject), value in values.items() if kind == measure}

    orders, money = of("orders"), of("month_money")
    return GoodNight(
        as_of,
        {table: int(rows) for table, rows in of("rows").items()},
        {name: Median(value, int(orders[name])) for name, value in of("median_order_value").items()},
        {month: MonthOfOrders(int(lines), money[month]) for month, lines in of("month_lines").items()},
        frozenset(of(_ACKNOWLEDGED)),
        of(FIGURE),
    )
