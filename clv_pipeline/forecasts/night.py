"""Tonight's forecast: the customers' scores, spread over calendar months, carried on by the purchase models, and summed.

In money of the primary horizon the months of a cohort sum to its customers' predicted spend, to the cent. No row is of a
single customer: shares are computed by distinct purchase history and summed by cohort in matrix products.
"""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from clv_pipeline.btyd import PurchaseModel, model_from_dict
from clv_pipeline.contracts.warehouse import COHORT_FORECAST, FORECAST_RECORD, REVENUE_FORECAST
from clv_pipeline.features.btyd_features import PurchaseHistory, history_on, purchase_value
from clv_pipeline.features.cutoffs import YEAR
from clv_pipeline.forecasts.expectations import SpendShape, expectation_on, spend_shape
from clv_pipeline.forecasts.intervals import (
    SMALLEST_COHORT,
    CohortIntervals,
    PastForecast,
    cohort_intervals,
    total_intervals,
    variation_of,
)
from clv_pipeline.forecasts.months import ForecastMonth, cents_by_share, months_ahead
from clv_pipeline.forecasts.record import expectations_of, past_forecasts, record_rows
from clv_pipeline.forecasts.rule import (
    Expect,
    NewCustomers,
    Season,
    forecast_new_customers,
    rhythm_of,
    season_at,
    shrunk_ratio,
)
from clv_pipeline.forecasts.triangle import (
    QUARTER_PERIODS,
    YEAR_PERIODS,
    Triangle,
    after,
    grid_until,
    read_triangle,
)
from clv_pipeline.modeling.metrics import Array
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, one_row

#: Periods before tonight that the forecast looks at, and past dates of its record, a quarter apart.
_PERIODS, _PAST_DATES = 48, 4
#: Customers to come are forecast for this many periods: a year and the rest of a month.
_NEW_PERIODS = YEAR_PERIODS + 2
#: A month of last year of which fewer days are over tells no season.
_SEASON_DAYS = 10


@dataclass(frozen=True)
class Night:
    """Identity of tonight's forecast.

    season: that of the predicted total, None if it has none. carried: the factor for the last window's error in it.
    """

    as_of: date
    horizon_end: date
    season: float | None
    carried: float | None
    first_order: date

    @property
    def level(self) -> float:
        """The factor of the predicted total that belongs to the horizon alone."""
        return self.season or self.carried or 1.0


@dataclass(frozen=True)
class Groups:
    """Forecast of the groups of customers (g) by month (m), in money; the last group may be the prospects.

    kinds: (cohort_kind, cohort_month) of each group. in_horizon, spend: shape (g, m). size: shape (g,), see `Expectation`.
    """

    kinds: list[tuple[str, date | None]]
    in_horizon: Array
    spend: Array
    size: Array


def forecast_night(warehouse: Warehouse) -> dict[str, Any]:
    """Write `scores.cohort_forecast`, `scores.revenue_forecast` and `scores.forecast_record`; return what to show of them."""
    with warehouse.transaction() as connection:
        for table in (COHORT_FORECAST, REVENUE_FORECAST, FORECAST_RECORD):
            tables.create(connection, table)
        night = _night(connection)
        if night is None:
            return {"forecast": "none: nobody has bought yet"}
        months = months_ahead(night.as_of, night.horizon_end)
        season = _season(connection, night, months)
        groups = _groups(connection, night, months, season)
        triangle = read_triangle(connection, grid_until(night.as_of, night.first_order, _PERIODS))
        expect = expectations_of(connection, triangle)
        positions = [triangle.periods - QUARTER_PERIODS * number for number in range(1, _PAST_DATES + 1)]
        past = past_forecasts(triangle, expect, positions, night.first_order)
        intervals = cohort_intervals(triangle, past)
        new = _new_customers(triangle, expect, night, months)
        tables.append(connection, COHORT_FORECAST, _cohort_rows(groups, months, season, intervals))
        revenue = _revenue_rows(groups, new, months, season, triangle, past)
        tables.append(connection, REVENUE_FORECAST, revenue)
        record = pd.DataFrame([astuple(row) for row in record_rows(triangle, past)])
        if len(record):
            record.columns = FORECAST_RECORD.column_names()
            tables.append(connection, FORECAST_RECORD, record)
    return {
        "months": len(months),
        "past dates": len(past),
        "season is measured": season is not None and season.is_measured,
    }


def _night(connection: Connection) -> Night | None:
    (first,) = one_row(connection, "select min(order_date) from features.customer_day where is_purchase_day")
    as_of, days, *level = one_row(
        connection, "select as_of, primary_horizon_days, season_factor, carried_factor from scores.run"
    )
    if first is None or first >= as_of:
        return None
    season, carried = (None if factor is None else float(factor) for factor in level)
    return Night(as_of, as_of + timedelta(days=days), season, carried, first)


def _season(connection: Connection, night: Night, months: Sequence[ForecastMonth]) -> Season | None:
    """Return the season of each month; measured exactly where the predicted total has one. None without a year of sales."""
    last_year = night.as_of - YEAR
    if last_year <= night.first_order:
        return None
    ends = [min(month.end - YEAR, night.as_of) for month in months]
    # the same month of last year may not be over; a month that ends on the same day as the one before has no days
    over = [end for end, before in zip(ends, [last_year, *ends[:-1]], strict=True) if end > before]
    triangle = read_triangle(connection, [night.first_order, last_year, *over])
    days = np.array(
        [(end - start).days for end, start in zip(over, [last_year, *over[:-1]], strict=True)], dtype=np.float64
    )
    expected = expectation_on(connection, last_year, [night.first_order], over) if night.season is not None else None
    if expected is None:
        factors = rhythm_of(triangle.capped[:, 1:].sum(axis=0), triangle.squares[:, 1:].sum(axis=0), days)
    else:
        actual = zip(triangle.capped[0, 1:], triangle.squares[0, 1:], expected.spend[0], strict=True)
        factors = np.array([shrunk_ratio(*map(float, each)) for each in actual])
    known = [factor for factor, length in zip(factors, days, strict=True) if length >= _SEASON_DAYS or len(over) == 1]
    # the last month may be the first one's, a year later
    return Season(np.resize(known, len(months)), is_measured=expected is not None)


def _groups(connection: Connection, night: Night, months: Sequence[ForecastMonth], season: Season | None) -> Groups:
    """Return the forecast of cohorts, of small ones pooled, and of prospects."""
    history = history_on(connection, night.as_of)
    spend, prospects = _scores(connection, history)
    kinds, group = _cohorts(history, night.as_of)
    pieces, month_of = _pieces(night, months)
    factors = np.ones(len(months)) if season is None else season.factors
    shape = spend_shape(_models(connection, night.as_of), history, group, [(end - night.as_of).days for end in pieces])
    share, growth = _shares(shape, pieces, night, factors[month_of])
    weight = shape.weights(spend, len(kinds))
    inside, beyond = weight @ share, weight @ growth / night.level
    by_month = np.eye(len(months))[month_of]
    in_horizon, later = inside @ by_month, beyond @ by_month
    totals = weight.sum(axis=1)
    value = purchase_value(history)
    weighted = shape.weights(spend * value, len(kinds)).sum(axis=1)
    size = np.divide(2.0 * weighted, totals, out=np.zeros(len(kinds)), where=totals > 0)
    if prospects > 0:
        kinds = [*kinds, ("prospects", None)]
        days = np.array([month.days_until(night.horizon_end) for month in months]) * factors
        in_horizon = np.vstack([in_horizon, prospects * days / days.sum()])
        later = np.vstack([later, np.zeros(len(months))])
        totals = np.append(totals, prospects)
        size = np.append(size, 2.0 * float(value.mean()))
    exact = np.array([cents_by_share(total, row) for total, row in zip(totals, in_horizon, strict=True)])
    exact = exact.reshape(len(kinds), len(months))
    return Groups(kinds, exact, np.round(exact + later, 2), size)


def _scores(connection: Connection, history: PurchaseHistory) -> tuple[Array, float]:
    """Return the predicted spend of each buyer of the history, shape (n,), and that of all prospects."""
    frame = connection.execute(
        "select customer_id, score_status, primary_spend::double as spend from scores.customer_scores"
    ).df()
    is_prospect = frame["score_status"] == "no_purchase_yet"
    of_buyers = frame[~is_prospect].set_index("customer_id")["spend"]
    spend = of_buyers.reindex(history.customer_id).to_numpy(np.float64)
    assert len(of_buyers) == len(spend) and np.isfinite(spend).all(), "the buyers scored are not those of customer_day"
    return spend, round(float(frame.loc[is_prospect, "spend"].sum()), 2)


def _cohorts(history: PurchaseHistory, as_of: date) -> tuple[list[tuple[str, date | None]], np.ndarray]:
    """Return the groups of buyers, oldest first and the small ones pooled at the end, and each buyer's, shape (n,)."""
    first = np.datetime64(as_of, "D") - history.age.astype("timedelta64[D]")
    month, cohort = np.unique(first.astype("datetime64[M]"), return_inverse=True)
    sizes = np.bincount(cohort)
    is_shown = sizes >= SMALLEST_COHORT
    if 0 < sizes[~is_shown].sum() < SMALLEST_COHORT and is_shown.any():
        # too few even together: the smallest other cohort joins them, as in `sql/4_published/cohorts.sql`
        is_shown[np.argmin(np.where(is_shown, sizes, sizes.max() + 1))] = False
    place = np.where(is_shown, np.cumsum(is_shown) - 1, int(is_shown.sum()))
    shown = month[is_shown].astype("datetime64[D]").astype(object)
    kinds: list[tuple[str, date | None]] = [("cohort", day) for day in shown]
    return kinds if is_shown.all() else [*kinds, ("other", None)], place[cohort]


def _models(connection: Connection, as_of: date) -> list[PurchaseModel]:
    found = connection.execute("select parameters from features.purchase_models where as_of = $as_of", {"as_of": as_of})
    models = [model_from_dict(payload) for (parameters,) in found.fetchall() for payload in json.loads(parameters)]
    return [model for model in models if isinstance(model, PurchaseModel)]


def _pieces(night: Night, months: Sequence[ForecastMonth]) -> tuple[list[date], np.ndarray]:
    """Return the ends of the months and of the horizon, ascending, and the month of each piece before such an end."""
    ends = sorted({night.horizon_end, *(month.end for month in months)})
    month_of = np.searchsorted(np.array([month.end for month in months], dtype="datetime64[D]"),
                               np.array(ends, dtype="datetime64[D]"))  # fmt: skip
    return ends, month_of


def _shares(shape: SpendShape, pieces: Sequence[date], night: Night, season: Array) -> tuple[Array, Array]:
    """Return what a unit of a customer's predicted spend is in each piece, by distinct history, shape (d, pieces).

    The first is within the horizon, where a row sums to 1; the second beyond it, before the season of the horizon is taken
    out. season: shape (pieces,).
    """
    starts = [night.as_of, *pieces[:-1]]
    days = np.array([(end - start).days for start, end in zip(starts, pieces, strict=True)], dtype=np.float64)
    is_inside = np.array([end <= night.horizon_end for end in pieces])
    # who is expected to buy nothing at all spreads evenly
    has_any = shape.purchases[:, is_inside].sum(axis=1, keepdims=True) > 0
    purchases = np.where(has_any, shape.purchases, days)
    seasonal = purchases * season
    inside = np.where(is_inside, seasonal, 0.0)
    share = inside / inside.sum(axis=1, keepdims=True)
    beyond = np.where(is_inside, 0.0, seasonal) / purchases[:, is_inside].sum(axis=1, keepdims=True)
    return share, beyond


def _new_customers(triangle: Triangle, expect: Expect, night: Night, months: Sequence[ForecastMonth]) -> NewCustomers:
    """Return the customers to come and their spend by month: the grid's periods, spread evenly over their days."""
    position = triangle.periods
    season = season_at(triangle, expect, position, YEAR_PERIODS, night.first_order)
    periods = max(_NEW_PERIODS, (night.horizon_end - night.as_of).days // 30 + 2)
    found = forecast_new_customers(triangle, position, periods, season)
    grid = [(after(night.as_of, k) - night.as_of).days for k in range(periods + 1)]
    ends = [0, *((month.end - night.as_of).days for month in months)]

    def by_month(values: Array) -> Array:
        return np.diff(np.interp(ends, grid, np.concatenate([[0.0], np.cumsum(values)])))

    return NewCustomers(by_month(found.customers), by_month(found.spend))


def _cohort_rows(
    groups: Groups, months: Sequence[ForecastMonth], season: Season | None, intervals: CohortIntervals
) -> pd.DataFrame:
    rows, ahead = [], np.cumsum(groups.spend, axis=1)
    knows_season = season is not None and season.is_measured
    for number, month in enumerate(months):
        days, period = (month.end - months[0].start).days, min(number, YEAR_PERIODS - 1)
        ends = [
            intervals.bounds(kind, values[:, number], groups.size, period, days, knows_season=knows_season)
            for kind, values in (("month", groups.spend), ("so_far", ahead))
        ]
        for place, (kind, cohort) in enumerate(groups.kinds):
            in_horizon, spend = groups.in_horizon[place, number], groups.spend[place, number]
            month_ends, ahead_ends = ([float(end[place]) for end in pair] for pair in ends)
            rows.append(
                (kind, cohort, *month.columns, in_horizon, spend, *month_ends, ahead[place, number], *ahead_ends,
                 None if season is None else season.factors[number])
            )  # fmt: skip
    frame = pd.DataFrame(rows, columns=COHORT_FORECAST.column_names())
    # what prospects would spend later is in the customers to come
    return frame[(frame["cohort_kind"] != "prospects") | (frame["spend_in_horizon"] > 0)]


def _revenue_rows(
    groups: Groups, new: NewCustomers, months: Sequence[ForecastMonth], season: Season | None, triangle: Triangle,
    past: Sequence[PastForecast],
) -> list[tuple[object, ...]]:  # fmt: skip
    is_prospect = np.array([kind == "prospects" for kind, _ in groups.kinds])
    existing, prospects = groups.spend[~is_prospect].sum(axis=0), groups.spend[is_prospect].sum(axis=0)
    inside = {
        "existing_customers": groups.in_horizon[~is_prospect].sum(axis=0), "prospects": prospects,
        "total": groups.in_horizon.sum(axis=0),
    }  # fmt: skip
    # first purchases include those of today's prospects
    to_come = np.round(np.maximum(new.spend - prospects, 0.0), 2)
    parts = {
        "existing_customers": (existing, "existing"), "prospects": (prospects, "new"), "new_customers": (to_come, "new"),
        "total": (existing + prospects + to_come, "total"),
    }  # fmt: skip
    size = float((groups.size * groups.in_horizon.sum(axis=1)).sum() / max(groups.in_horizon.sum(), 0.01))
    knows_season = season is not None and season.is_measured
    rows: list[tuple[object, ...]] = []
    for name, (spend, part) in parts.items():
        record = total_intervals(triangle, past, part)
        ahead = np.cumsum(spend)
        for number, month in enumerate(months):
            if name == "prospects" and not spend[number]:
                continue
            period, days = min(number, YEAR_PERIODS - 1), (month.end - months[0].start).days
            money: list[float] = []
            for kind, value in (("month", spend[number]), ("so_far", ahead[number])):
                chance = variation_of(float(value), size)
                reach = record.reach(kind, period, days, knows_season=knows_season, variation=chance)
                money += [float(value), float(value * np.exp(-reach)), float(value * np.exp(reach))]
            buyers = float(new.customers[number]) if name in ("new_customers", "total") else None
            factor = None if season is None else float(season.factors[number])
            in_horizon = float(inside[name][number]) if name in inside else 0.0
            rows.append((name, *month.columns, buyers, round(in_horizon, 2), *np.round(money, 2).tolist(), factor))
    return rows
