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
    cohort_kind=("varchar", "cohort: customers by the month of their first purchase; other: cohorts of fewer than 5 "
    "customers; "
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
    new_buyers=("double", "customers expected to buy for the first time in the month; null for existing_customers and "
    "prospects"),
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
_PER_BUYER = "decimal(18, 4)"
CHANNEL_GROUPS = declare(
    "scores.channel_groups", "acquisition channel and month of the first purchase, and one for a channel's mature months",
    "scores/channel_groups", "forecasts/channels.py",
    channel=("varchar", "channel of the customers; unknown: none is recorded; other: channels of fewer than 5 buyers"),
    row_kind=("varchar", "cohort: one month; other: months of fewer than 5 buyers; mature: all months that are a year old"),
    cohort_month_date=("date", "the month of a cohort (its first day); null for the other kinds"),
    first_month_date=("date", "first of the months"),
    last_month_date=("date", "last of the months"),
    new_buyers=("bigint", "customers whose first purchase was in these months"),
    youngest_days=("bigint", "days since the latest of these first purchases; null without a buyer"),
    marketing_spend=(_MONEY, "marketing spend on the channel in these months"),
    recorded_cost=(_MONEY, "sum of the acquisition costs recorded with these customers"),
    recorded_buyers=("bigint", "buyers with a recorded cost"),
    cost_basis=("varchar", "marketing_spend, recorded_cost, or none: which of the two the cost is"),
    cost=(_MONEY, "the cost of that basis; null without one"),
    spend_so_far=(_PER_BUYER, "net spend since the first purchase, per buyer"),
    spend_30d=(_PER_BUYER, "net spend in the first 30 days per buyer; null until every buyer is that old"),
    spend_90d=(_PER_BUYER, "the same in 90 days"),
    spend_180d=(_PER_BUYER, "the same in 180 days"),
    spend_365d=(_PER_BUYER, "the same in 365 days"),
    year_spend=(_PER_BUYER, "spend_365d, of a channel partly pooled with the others"),
    year_spend_low=(_PER_BUYER, "lower end of its 90 % interval"),
    year_spend_high=(_PER_BUYER, "upper end"),
    year_spend_p10=(_PER_BUYER, "10th percentile of its draws"),
    year_spend_p90=(_PER_BUYER, "90th percentile of its draws"),
    predicted_spend=(_PER_BUYER, "predicted spend of the primary horizon per buyer"),
    predicted_spend_low=(_PER_BUYER, "lower end of its 90 % interval"),
    predicted_spend_high=(_PER_BUYER, "upper end"),
    lifetime_spend=(_PER_BUYER, "spend so far and discounted spend over the lifetime to come, per buyer"),
    lifetime_spend_low=(_PER_BUYER, "lower end of its 90 % interval"),
    lifetime_spend_high=(_PER_BUYER, "upper end"),
    margin_so_far=(_PER_BUYER, "margin since the first purchase, per buyer; this and the margins that follow are null where no "
    "order line has a cost, and where the margin of a line is unknown"),
    margin_30d=(_PER_BUYER, "margin of the first 30 days per buyer; null until every buyer is that old"),
    margin_90d=(_PER_BUYER, "the same in 90 days"),
    margin_180d=(_PER_BUYER, "the same in 180 days"),
    margin_365d=(_PER_BUYER, "the same in 365 days"),
    year_margin=(_PER_BUYER, "margin_365d, of a channel partly pooled with the others"),
    year_margin_low=(_PER_BUYER, "lower end of its 90 % interval"),
    year_margin_high=(_PER_BUYER, "upper end"),
    year_margin_p10=(_PER_BUYER, "10th percentile of its draws"),
    year_margin_p90=(_PER_BUYER, "90th percentile of its draws"),
    predicted_margin=(_PER_BUYER, "predicted spend of the primary horizon times each customer's margin rate, per buyer"),
    predicted_margin_low=(_PER_BUYER, "lower end of its 90 % interval"),
    predicted_margin_high=(_PER_BUYER, "upper end"),
    lifetime_margin=(_PER_BUYER, "margin so far and discounted margin over the lifetime to come, per buyer"),
    lifetime_margin_low=(_PER_BUYER, "lower end of its 90 % interval"),
    lifetime_margin_high=(_PER_BUYER, "upper end"),
    payback_months=("integer", "month after the first purchase whose margin covers the cost; null: not in those seen, "
    "or no cost"),
    payback_low=("integer", "lower end of its 90 % interval"),
    payback_high=("integer", "upper end; null: not in the months seen"),
)  # fmt: skip
