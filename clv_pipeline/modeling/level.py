"""The level of a season: what all customers together will spend, learned from the same weeks a year before.

Models rank customers well and miss the season: on a gift wholesaler's autumn every one of them was 30-45 % too low. Where
there is enough history, the total is the buy-till-you-die total times last year's ratio of actual to expected, and
predictions are scaled to it. Nothing at or after the cutoff is looked at.
"""

from datetime import date, timedelta

from clv_pipeline.warehouse import Connection, one_row

#: 52 weeks, so that the same weekdays are compared.
YEAR = timedelta(days=364)
#: With less history before last year's window its expectation is too rough to measure a season by.
HISTORY_NEEDED = timedelta(days=150)
#: No season multiplies a whole company's revenue by more; beyond this the ratio is an accident of last year.
_LIMITS = (0.5, 2.0)


def cutoff_a_year_before(cutoff: date, history_start: date) -> date | None:
    """Return the cutoff whose window shows the season of `cutoff`, or None when the history is too short for it."""
    earlier = cutoff - YEAR
    return earlier if earlier - history_start >= HISTORY_NEEDED else None


def season_ratio(connection: Connection, cutoff: date, horizon_days: int) -> float | None:
    """Return actual over expected spend in the same weeks a year before, or None where that was not measured.

    Needs `features.btyd_features` and `features.population` at `cutoff` - 52 weeks, which `cutoff_a_year_before` gives.
    """
    expected, actual = one_row(
        connection,
        f"""
        with expected as (
            select customer_id, btyd_spend_{horizon_days:d}d as spend
            from features.btyd_features
            where as_of = $earlier
        )
        select
            (select sum(spend) from expected),
            (
                select sum(customer_day.net_spend)::double
                from features.customer_day
                inner join expected on customer_day.customer_id = expected.customer_id
                where order_date >= $earlier and order_date < $earlier + {horizon_days:d}
            )
        """,
        {"earlier": cutoff - YEAR},
    )
    if not expected or not actual or actual <= 0:
        return None
    return float(min(max(actual / expected, _LIMITS[0]), _LIMITS[1]))


def expected_total(connection: Connection, cutoff: date, horizon_days: int) -> float | None:
    """Return what the customers of `cutoff` are expected to spend together, or None without a measured season."""
    ratio = season_ratio(connection, cutoff, horizon_days)
    (total,) = one_row(
        connection,
        f"select sum(btyd_spend_{horizon_days:d}d) from features.btyd_features where as_of = $cutoff",
        {"cutoff": cutoff},
    )
    return None if ratio is None or total is None else float(total) * ratio


def level_factor(connection: Connection, cutoff: date, horizon_days: int, predicted_total: float) -> float:
    """Return what predictions at `cutoff` are multiplied by: 1 where no season was measured."""
    total = expected_total(connection, cutoff, horizon_days)
    return 1.0 if total is None or predicted_total <= 0 else total / predicted_total
