"""Record of the forecast on past dates, out of time, next to its baselines: WAPE, bias, coverage.

Each past date is forecast as the night would have done it then; its interval knows only what was over by that date.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from clv_pipeline.features.window_spend import sampling_variance
from clv_pipeline.forecasts.baselines import chain_ladder, last_three_months
from clv_pipeline.forecasts.expectations import Expectation, expectation_on
from clv_pipeline.forecasts.intervals import (
    PastForecast,
    actual_parts,
    cohort_cells,
    cohort_intervals,
    predicted_parts,
    total_intervals,
)
from clv_pipeline.forecasts.rule import Expect, forecast_cohorts, forecast_new_customers
from clv_pipeline.forecasts.triangle import QUARTER_PERIODS, YEAR_PERIODS, Triangle, after
from clv_pipeline.modeling.calibration.level import WITH_THE_FIT
from clv_pipeline.modeling.metrics import Array
from clv_pipeline.warehouse.connection import Connection

#: Leads of the record, in periods.
LEADS = (3, 6, 12)
#: With less history before a past date there is nothing to forecast from.
LEAST_PERIODS = 3


def expectations_of(connection: Connection, triangle: Triangle) -> Expect:
    """Return the function that computes the expectation of a position of the grid, once, for a year."""
    known: dict[int, Expectation | None] = {}

    def expect(position: int, periods: int) -> Expectation | None:
        if position not in known:
            cutoff, cohorts = triangle.boundaries[position], triangle.boundaries[:position]
            known[position] = expectation_on(
                connection, cutoff, cohorts, boundaries_after(triangle.boundaries, position)
            )
        return known[position]

    return expect


def boundaries_after(boundaries: Sequence[date], position: int) -> list[date]:
    """Return the ends of a year's periods from a position; beyond the grid, of twelfths of 52 weeks."""
    inside = list(boundaries[position + 1 : position + 1 + YEAR_PERIODS])
    return [*inside, *(after(boundaries[-1], k) for k in range(1, YEAR_PERIODS + 1 - len(inside)))]


def past_forecasts(
    triangle: Triangle, expect: Expect, positions: Sequence[int], first_order: date
) -> list[PastForecast]:
    """Return the forecasts of past positions, oldest first, without those that no model can be fitted at."""
    found = []
    for position in sorted(positions):
        periods = min(YEAR_PERIODS, triangle.periods - position)
        if position < LEAST_PERIODS or periods < 1:
            continue
        cohorts = forecast_cohorts(triangle, expect, position, YEAR_PERIODS, first_order)
        if cohorts is not None:
            new = forecast_new_customers(triangle, position, YEAR_PERIODS, cohorts.season)
            found.append(PastForecast(position, cohorts, new, periods))
    return found


@dataclass(frozen=True)
class RecordRow:
    """One subject (cohorts, existing_customers, new_customers or revenue), method, past date and lead.

    absolute_error: over cohorts, or of the total. inside: of `cells` intervals, those that held the actual spend; None for
    the baselines, which have none.
    """

    subject: str
    method: str
    forecast_date: date
    months: int
    knows_season: bool
    cells: int
    actual: float
    predicted: float
    absolute_error: float
    inside: int | None


def record_rows(triangle: Triangle, past: Sequence[PastForecast]) -> Iterator[RecordRow]:
    """Yield the record of every past forecast for the leads that are over."""
    for forecast in past:
        for lead in (lead for lead in LEADS if lead <= forecast.periods):
            yield from _of_cohorts(triangle, past, forecast, lead)
            yield from _of_totals(triangle, past, forecast, lead)


def _of_cohorts(
    triangle: Triangle, past: Sequence[PastForecast], forecast: PastForecast, lead: int
) -> Iterator[RecordRow]:
    position = forecast.position
    actual = triangle.spend[:position, position : position + lead].sum(axis=1)
    intervals = cohort_intervals(triangle, [p for p in past if p.position < position], by=position)
    spend, shown_actual, size, days = cohort_cells(triangle, forecast, "so_far", lead - 1)
    low, high = intervals.bounds("so_far", spend, size, lead - 1, days, knows_season=forecast.knows_season)
    inside = int(((shown_actual >= low) & (shown_actual <= high)).sum())
    methods = {
        "forecast": forecast.cohorts.spend[:, :lead],
        "chain_ladder": chain_ladder(triangle.spend, position, lead),
        "last_three_months": last_three_months(triangle.spend, position, lead),
    }
    for method, predicted in methods.items():
        is_ours = method == "forecast"
        yield RecordRow(
            "cohorts", method, triangle.boundaries[position], lead, forecast.knows_season and is_ours, len(spend),
            float(actual.sum()), float(predicted.sum()), float(np.abs(predicted.sum(axis=1) - actual).sum()),
            inside if is_ours else None,
        )  # fmt: skip


def _of_totals(
    triangle: Triangle, past: Sequence[PastForecast], forecast: PastForecast, lead: int
) -> Iterator[RecordRow]:
    position, start = forecast.position, triangle.boundaries[forecast.position]
    days = (triangle.boundaries[position + lead] - start).days
    predicted, actual = predicted_parts(forecast), actual_parts(triangle, forecast)
    earlier = [p for p in past if p.position < position]
    for subject, part in (("existing_customers", "existing"), ("new_customers", "new"), ("revenue", "total")):
        said, came = (float(getattr(p, part)[:lead].sum()) for p in (predicted, actual))
        variation = _chance(triangle, position, said)
        reach = total_intervals(triangle, earlier, part, position).reach(
            "so_far", lead - 1, days, knows_season=forecast.knows_season, variation=variation
        )
        inside = int(said * np.exp(-reach) <= came <= said * np.exp(reach))
        yield RecordRow(
            subject, "forecast", start, lead, forecast.knows_season, 1, came, said, abs(said - came), inside
        )
    came = float(actual.total[:lead].sum())
    for method, said in _revenue_baselines(triangle.spend, position, lead).items():
        yield RecordRow("revenue", method, start, lead, False, 1, came, said, abs(said - came), None)


def _chance(triangle: Triangle, position: int, spend: float) -> float:
    """Return the variance of the logarithm of a sum of spend that chance explains, from the purchases of the last quarter."""
    last = slice(max(position - QUARTER_PERIODS, 0), position)
    total, squares = float(triangle.capped[:, last].sum()), float(triangle.squares[:, last].sum())
    return (
        min(WITH_THE_FIT * sampling_variance(total, squares) * total / spend, 1.0) if spend > 0 and total > 0 else 1.0
    )


def _revenue_baselines(spend: Array, position: int, lead: int) -> dict[str, float]:
    found = {"last_three_months": float(spend[:, position - QUARTER_PERIODS : position].sum()) / QUARTER_PERIODS * lead}
    if position >= YEAR_PERIODS:
        found["last_year"] = float(spend[:, position - YEAR_PERIODS : position - YEAR_PERIODS + lead].sum())
    return found
