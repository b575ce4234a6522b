"""The warehouse tables of forecasts: cohorts, revenue, their record on past dates, and margins of acquisition channels."""

from clv_pipeline.contracts.table import declare

_MONEY = "decimal(18, 2)"
_MONTH = {
    "month_date": ("date", "the calendar month (its first day)"),
    "from_date": ("date", "first day of it that is forecast"),
    "to_date": ("date", "its last day"),
}
_SEASON = ("double", "season of the month, from last year; null with less than a year of sales")
_IN_HORIZON = (_MONEY, "the part of the spend that falls into the primary horizon")

COHORT_FORECAST = declare(
    "scores.cohort_forecast", "group of customers and month from tonight on", "scores/revenue_forecast", "forecasts/night.py",
    cohort_kind=("varchar", "cohort: customers by the month of their first purchase; other: cohorts of fewer than 5 customers; "
                 "prospects: customers who have not bought"),
    cohort_month_date=("date", "month of the first purchase (its first day); null for other and prospects"),
    **_MONTH,
    spend_in_horizon=_IN_HORIZON,
    spend=(_MONEY, "expected net spend in the month from from_date on"),
    spend_low=(_MONEY, "lower end of its 90 % interval"),
    spend_high=(_MONEY, "upper end"),
    ahead=(_MONEY, "expected net spend from tonight to the end of the month"),
    ahead_low=(_MONEY, "lower end of its 90 % interval"),
    ahead_high=(_MONEY, "upper end"),
    season_factor=_SEASON,
)  # fmt: skip
REVENUE_FORECAST = declare(
    "scores.revenue_forecast", "part of the revenue and month from tonight on", "scores/revenue_forecast", "forecasts/night.py",
    row_kind=("varchar", "existing_customers, prospects, new_customers or total"),
    **_MONTH,
    new_buyers=("double", "customers expected to buy for the first time in the month; null for existing_customers and prospects"),
    spend_in_horizon=_IN_HORIZON,
    spend=(_MONEY, "expected net spend in the month from from_date on"),
    spend_low=(_MONEY, "lower end of its 90 % interval"),
    spend_high=(_MONEY, "upper end"),
    ahead=(_MONEY, "expected net spend from tonight to the end of the month"),
    ahead_low=(_MONEY, "lower end of its 90 % interval"),
    ahead_high=(_MONEY, "upper end"),
    season_factor=_SEASON,
)  # fmt: skip
FORECAST_RECORD = declare(
    "scores.forecast_record", "subject, method, past date and number of months ahead", "scores/revenue_forecast",
    "forecasts/night.py",
    subject=("varchar", "cohorts, existing_customers, new_customers or revenue"),
    method=("varchar", "forecast, or the baseline: chain_ladder, last_three_months, last_year"),
    forecast_date=("date", "the date of the forecast; nothing from then on was known to it"),
    months=("integer", "months ahead, of a twelfth of 52 weeks each"),
    knows_season=("boolean", "whether the forecast knew last year's season"),
    cells=("integer", "cohorts, or 1 for a total"),
    actual=(_MONEY, "net spend in these months"),
    predicted=(_MONEY, "what the method said"),
    absolute_error=(_MONEY, "sum of the absolute errors of the cohorts, or of the total"),
    inside=("integer", "cells whose 90 % interval held what came; null for a baseline"),
)  # fmt: skip
