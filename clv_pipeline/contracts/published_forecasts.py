"""Published tables that plan ahead: cohorts and their forecast, the revenue forecast, the record of both."""

from clv_pipeline.contracts.published_channels import CHANNEL_TABLES
from clv_pipeline.contracts.published_table import IDENTITY, PublishedTable

_SEASON = (
    "last year's ratio of actual to expected spend in the same month, applied to the row: 1 is an ordinary month. With "
    "a year "
    "of orders but less than about 17 months (clv_run.season_factor is null then) half of the rhythm of last year's "
    "sales. Null "
    "for actual rows, and with less than a year of orders: the forecast is then flat over the year"
)
_MONTH = {
    "month_date": "the calendar month (its first day)",
    "from_date": "first day of the month that the row covers: the first forecast month begins at as_of_date",
    "to_date": "last day of the month that the row covers; the last actual month ends on the day before as_of_date",
}

FORECAST_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "cohorts",
        ("row_kind", "cohort", "month_date"),
        {
            "row_kind": "actual: what was spent before as_of_date; forecast: what is expected from then on. A month "
            "that is under way "
            "has one row of each: add them for the whole month",
            "cohort_kind": "cohort: customers by the month of their first purchase; other: cohorts of fewer than 5 customers "
            "together (joined by the smallest other one where even these are fewer than 5), and in actual rows also "
            "spend that "
            "belongs to no cohort (returns before the first purchase in the data, customers without a purchase); prospects: "
            "known customers who have not bought, forecast within the primary horizon only",
            "cohort": "name of the cohort: its month such as 2024-01, or other, or prospects",
            **_MONTH,
            "cohort_month_date": "month of the customers' first purchase (its first day); null for other and prospects",
            "months_since": "calendar months from the first purchase to month_date; null for other and prospects",
            "customers": "customers in the cohort",
            "active_customers": "number of them who bought in that month; null for forecast rows, see predicted_orders "
            "in customer_clv",
            "active_share": "active_customers divided by customers",
            "net_spend": "net spend of the cohort in the row's days; in forecast rows the expected one: within the "
            "primary horizon the "
            "customers' predicted spend, spread over the months, and beyond it carried on by the purchase models and "
            "the season. "
            "Actual rows sum to all net sales of profiled customers before as_of_date",
            "net_spend_low": "lower end of the 90 % interval of net_spend; null for actual rows",
            "net_spend_high": "upper end; ends of several rows must not be added: use net_spend_so_far_low and _high, "
            "or revenue_forecast",
            "net_spend_in_horizon": "the part of net_spend that falls into the primary horizon: over all forecast rows "
            "it sums to "
            "clv_run.predicted_spend_total; 0 beyond it; null for actual rows",
            "spend_per_customer": "net_spend divided by customers, whether active or not",
            "net_spend_so_far": "net spend from the first purchase to the end of the row, forecast included",
            "net_spend_so_far_low": "lower end of its 90 % interval; null for actual rows",
            "net_spend_so_far_high": "upper end",
            "spend_per_customer_so_far": "net_spend_so_far divided by customers",
            "season_factor": _SEASON,
            "is_complete": "true if the calendar month is over; a month that is not must not be compared with whole ones",
            "is_left_censored": "true if the cohort's month begins less than 180 days after the first orders in the data: its "
            "customers may have bought before, so its size, age and first months are not those of new customers; null for other "
            "and prospects",
            "currency": IDENTITY["currency"],
        },
    ),
    PublishedTable(
        "revenue_forecast",
        ("row_kind", "month_date"),
        {
            "row_kind": "actual: net sales of the last 24 months; the others are forecasts: existing_customers: who had "
            "bought before as_of_date; "
            "prospects: known customers who have not bought, within the primary horizon; new_customers: everybody else who "
            "will buy for the first time, and after the horizon today's prospects too; total: the sum of these three",
            **_MONTH,
            "new_buyers": "customers who bought for the first time in the month; in new_customers and total rows those "
            "expected, today's "
            "prospects included: half way between last year's same months and the last quarter, with less than 18 "
            "months of data "
            "between the last quarter and the last year. No change of marketing is assumed. Null for the other kinds",
            "net_spend": "net sales in the row's days; expected ones in forecast rows. New customers are assumed to "
            "spend at each age as the cohorts "
            "of the last year did. Without guests and customers who may not be profiled: see unattributed_spend",
            "net_spend_low": "lower end of the 90 % interval of the month, from the errors of past forecasts as many "
            "months ahead; null for actual rows",
            "net_spend_high": "upper end; ends of several months must not be added: use the cumulative ones",
            "net_spend_in_horizon": "the part of net_spend that falls into the primary horizon: existing_customers and "
            "prospects together sum to "
            "clv_run.predicted_spend_total (the row kind total repeats that sum); 0 for new_customers, whom that total "
            "leaves out; null for actual rows",
            "cumulative_spend": "net_spend of the row kind from as_of_date to the end of the month; null for actual rows",
            "cumulative_low": "lower end of the 90 % interval of cumulative_spend; read a quarter or a year here",
            "cumulative_high": "upper end",
            "season_factor": _SEASON + "; new customers get half of it, as a logarithm",
            "unattributed_spend": "net sales of the month that are in no other column: guests without a customer "
            "number, and customers who may "
            "not be profiled; not forecast; null for forecast rows",
            "is_complete": "true if the calendar month is over",
            "is_beyond_horizon": "true if all of the row's days are after the primary horizon: there the customers' "
            "scores are carried on by the "
            "purchase models; a row that the horizon ends in is false; null for actual rows",
            "currency": IDENTITY["currency"],
        },
    ),
    PublishedTable(
        "forecast_quality",
        ("subject", "method", "months", "window_name"),
        {
            "row_kind": "window: one past date; all: the mean of the past dates; no_window: nothing could be tested, "
            "see statement",
            "subject": "cohorts: each cohort's spend over the months; existing_customers, new_customers, revenue (their "
            "sum): totals as in "
            "revenue_forecast",
            "method": "forecast: the rule of cohorts and revenue_forecast; baselines: chain_ladder (cohorts grow as "
            "older ones did at the same "
            "age), last_three_months (the last three months again), last_year (the same months of last year again)",
            "months": "length of the forecast in months of a twelfth of 52 weeks: 3, 6 or 12",
            "window_name": "the past date as text, or all",
            "forecast_date": "the past date that was forecast from, knowing nothing from that day on; null for all",
            "windows": "number of past dates; they overlap where months are more than 3",
            "windows_with_season": "number of them at which last year's season was known",
            "cells": "cohorts, or totals, that were compared",
            "actual_spend": "net spend in these months",
            "predicted_spend": "what the method expected",
            "wape": "sum of the absolute errors divided by the actual spend (of a total: its absolute relative error); "
            "for all, the mean over "
            "past dates. 0 is perfect",
            "bias": "predicted_spend divided by actual_spend, minus 1: 0.10 is 10 % too much",
            "coverage": "share of cells whose 90 % interval, made from earlier dates only, held what came; near 0.9 is "
            "right; null for baselines",
            "statement": "why nothing could be tested; null otherwise",
            "currency": IDENTITY["currency"],
        },
    ),
    *CHANNEL_TABLES,
)
