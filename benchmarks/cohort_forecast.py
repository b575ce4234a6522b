"""Cohort revenue six months ahead from past dates: the forecast of the nights against chain ladder and the last three months.

At each date, a month's first day, only earlier orders are known. Every cohort (month of the first purchase) is forecast, and
WAPE is the sum of the cohorts' absolute errors over what they spent. The interval knows only earlier dates.

    .venv/bin/python -m benchmarks.cohort_forecast --source online_retail_ii --url FOLDER --dates 2011-02-01,2011-04-01,2011-06-01
"""

import argparse
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np

from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.demo_company.company import with_demo_source
from clv_pipeline.evaluation.backtest import ingest
from clv_pipeline.forecasts.record import RecordRow, expectations_of, past_forecasts, record_rows
from clv_pipeline.forecasts.triangle import read_triangle
from clv_pipeline.warehouse.connection import Connection, Warehouse, one_row

MONTHS = 6
METHODS = ("forecast", "chain_ladder", "last_three_months")
#: Without dates given: every second month from so many after the first order on.
FIRST, STEP = 14, 2


def month_starts(first: date, last: date) -> list[date]:
    """Return the first days of the months from `first` until `last`, both included where they are such days."""
    found = [first.replace(day=1)]
    while True:
        years, month = divmod(found[-1].month, 12)
        following = date(found[-1].year + years, month + 1, 1)
        if following > last:
            return found
        found.append(following)


def evaluated(connection: Connection, as_of: date, dates: list[date]) -> list[RecordRow]:
    """Return the record of the cohorts at the dates, six months ahead."""
    (first,) = one_row(connection, "select min(order_date) from features.customer_day where is_purchase_day")
    months = month_starts(first, as_of)
    triangle = read_triangle(connection, months)
    positions = [months.index(day) for day in dates] or list(range(FIRST, triangle.periods - MONTHS + 1, STEP))
    past = past_forecasts(triangle, expectations_of(connection, triangle), positions, first)
    return [row for row in record_rows(triangle, past) if row.subject == "cohorts" and row.months == MONTHS]


def main() -> None:
    """Print one line a date and one for the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="demo")
    parser.add_argument("--url")
    parser.add_argument("--customers", type=int, help="customers of the demo company")
    parser.add_argument("--dates", default="", help="first days of months, separated by commas")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Home(Path(name))
        settings = load_settings(
            source=given.source, source_url=given.url, home=home.root, demo_customers=given.customers
        )
        settings = with_demo_source(settings, home)
        as_of = settings.as_of or date.today()
        warehouse = Warehouse.of(settings)
        ingest(warehouse, settings, as_of, lambda step: None)
        with warehouse.connection() as connection:
            rows = evaluated(connection, as_of, [date.fromisoformat(day) for day in given.dates.split(",") if day])
    for day in sorted({row.forecast_date for row in rows}):
        of_day = {row.method: row for row in rows if row.forecast_date == day}
        parts = [f"{method} WAPE {_wape(row):.3f} bias {_bias(row):+.0%}" for method, row in sorted(of_day.items())]
        ours = of_day["forecast"]
        season = "season known" if ours.knows_season else "no season known"
        sys.stdout.write(f"{day}: {'; '.join(parts)}; inside {ours.inside} of {ours.cells}; {season}\n")
    for method in METHODS:
        found = [row for row in rows if row.method == method]
        sys.stdout.write(f"{method}: mean WAPE {np.mean([_wape(row) for row in found]) if found else np.nan:.3f}\n")


def _wape(row: RecordRow) -> float:
    return row.absolute_error / row.actual if row.actual > 0 else float("nan")


def _bias(row: RecordRow) -> float:
    return row.predicted / row.actual - 1 if row.actual > 0 else float("nan")


if __name__ == "__main__":
    main()
