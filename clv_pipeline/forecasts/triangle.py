"""Cohort triangle: net spend by period of the first purchase and period of the spend, from `features.customer_day`.

Expectations of models do not belong here.

                period  0    1    2    3          a period is [boundaries[p], boundaries[p + 1]); everything before
    cohort 0           [x]  [x]  [x]  [x]         boundaries[1] is in period 0
    cohort 1                [x]  [x]  [x]
    cohort 2                     [x]  [x]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from clv_pipeline.features.window_spend import OUTLIER_MULTIPLE
from clv_pipeline.modeling.metrics import Array
from clv_pipeline.warehouse.connection import Connection

#: Periods of a year and of a quarter: a period is a month, or a twelfth of 52 weeks.
YEAR_PERIODS, QUARTER_PERIODS = 12, 3


@dataclass(frozen=True)
class Triangle:
    """Spend of cohorts by period, in money; c cohorts and p periods, both from the same boundaries.

    spend, capped (outliers count as the limit of their period), squares (of the capped purchases): shape (p, p), zero before
    the cohort's own period. customers: shape (p,), those whose first purchase was in the period. without_cohort: shape (p,),
    spend of customers who never bought, and returns before a first purchase.
    """

    boundaries: tuple[date, ...]
    spend: Array
    capped: Array
    squares: Array
    customers: Array
    without_cohort: Array

    @property
    def periods(self) -> int:
        return len(self.boundaries) - 1


def read_triangle(connection: Connection, boundaries: Sequence[date]) -> Triangle:
    """Return the triangle of the periods between the boundaries (ascending), from the spend before the last one."""
    periods = len(boundaries) - 1
    rows = connection.execute(
        f"""
        with bounds as (select unnest($bounds::date[]) as bound, generate_subscripts($bounds::date[], 1) - 1 as period),

        days as (
            select customer_day.customer_id, bounds.period, customer_day.is_purchase_day, customer_day.net_spend,
                coalesce(customer_day.usual_spend, 0) as usual_spend
            from features.customer_day
            asof inner join bounds on customer_day.order_date >= bounds.bound
            where customer_day.order_date < $last::date
        ),

        firsts as (
            select customer_id, min(period) as cohort from days where is_purchase_day group by customer_id
        ),

        limits as (
            select period, {OUTLIER_MULTIPLE:d} * quantile_disc(net_spend, 0.99) as outlier_limit
            from days
            where is_purchase_day
            group by period
        ),

        counted as (
            select days.period, firsts.cohort, days.is_purchase_day, days.net_spend,
                case
                    when days.net_spend > limits.outlier_limit
                        and days.net_spend > {OUTLIER_MULTIPLE:d} * days.usual_spend then limits.outlier_limit
                    else days.net_spend
                end as capped
            from days
            left join firsts on days.customer_id = firsts.customer_id and days.period >= firsts.cohort
            left join limits on days.period = limits.period
        )

        select cohort, period, sum(net_spend)::double as spend, sum(capped)::double as capped,
            coalesce(sum(try((capped * 100)::hugeint * (capped * 100)::hugeint)) filter (where is_purchase_day), 0)::double
                / 1e4 as squares,
            (select count(*) from firsts where firsts.cohort = counted.cohort and counted.period = counted.cohort)
                as customers
        from counted
        group by cohort, period
        order by cohort, period
        """,
        {"bounds": [date.min, *boundaries[1:-1]], "last": boundaries[-1]},
    ).fetchall()
    spend, capped, squares = (np.zeros((periods, periods)) for _ in range(3))
    customers, without_cohort = np.zeros(periods), np.zeros(periods)
    for cohort, period, *values, members in rows:
        if cohort is None:
            without_cohort[period] += values[0]
            continue
        spend[cohort, period], capped[cohort, period], squares[cohort, period] = values
        customers[cohort] += members
    return Triangle(tuple(boundaries), spend, capped, squares, customers, without_cohort)


def after(day: date, periods: int) -> date:
    """Return the day so many twelfths of 52 weeks later, or earlier if negative.

    >>> print(after(date(2024, 6, 1), 12), after(date(2024, 6, 1), -12))
    2025-05-31 2023-06-03
    """
    days = round(abs(periods) * 91 / 3)
    return day + timedelta(days=days if periods > 0 else -days)


def grid_until(as_of: date, first_order: date, most: int) -> list[date]:
    """Return the boundaries of at most so many periods of a twelfth of 52 weeks before as_of, ascending.

    The first is the day of the first order, so that the first period may be short, or long where there are too many.

    >>> [str(day) for day in grid_until(date(2024, 6, 1), date(2024, 4, 20), most=48)]
    ['2024-04-20', '2024-05-02', '2024-06-01']
    """
    found = [day for day in (after(as_of, -number) for number in range(most)) if day > first_order]
    return [first_order, *reversed(found)]
