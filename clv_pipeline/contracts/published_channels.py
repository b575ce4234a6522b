"""Published tables of acquisition channels: what a new buyer costs there, and what one is worth."""

from clv_pipeline.contracts.published_table import IDENTITY, PublishedTable

#: The assumption that every figure of a channel rests on.
ATTRIBUTION = (
    "each buyer counts for the one channel recorded with the customer; marketing spend counts for the month "
    "in which it was spent"
)
_COMMON = {
    "acquisition_channel": "channel recorded with the customers; unknown: none is recorded; other: channels of fewer "
    "than 5 buyers",
    "marketing_spend": "marketing spend on the channel; 0 where none is recorded",
    "recorded_cost": "sum of the acquisition costs recorded with the customers; another measure of the same cost, never "
    "added to "
    "marketing_spend",
    "cost_basis": "which cost the ratios use: marketing_spend, for all channels, where there is any marketing spend; "
    "else recorded_cost; "
    "none: the channel has no cost of that basis, and so no ratio",
    "attribution": "the assumption that says whose buyers and whose money these are; buyers who may not be profiled are "
    "not counted",
    "currency": IDENTITY["currency"],
}
_PAYBACK = {
    "payback_months": "month after the first purchase in which the margin so far first covers the cost of a new buyer: "
    "1 to 12; null if "
    "not within the months seen, or without a cost of the channel, or where the margin is unknown",
    "payback_months_low": "lower end of its 90 % interval",
    "payback_months_high": "upper end; null if the margin may not cover the cost within the months seen",
}
_MARGIN = (
    "less the cost of the goods, refunds netted: line by line, where a line has none with the setting gross_margin "
    "({gross_margin}); null where a line has neither"
)

CHANNEL_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "channel_cohorts",
        ("acquisition_channel", "cohort"),
        {
            **_COMMON,
            "row_kind": "cohort: one month; other: the channel's months with fewer than 5 new buyers together",
            "cohort": "name of the cohort: the month of the first purchases such as 2024-01, or other",
            "cohort_month_date": "month of the first purchases (its first day); null for other",
            "first_month_date": "first month of the row",
            "last_month_date": "last month of the row",
            "new_buyers": "customers whose first purchase was in the month; over all rows they sum to all buyers",
            "recorded_buyers": "new buyers with a recorded acquisition cost",
            "cost_per_new_buyer": "the cost of the basis divided by new_buyers; null without a cost or a buyer",
            "blended_cost_per_new_buyer": "the cost of all channels in the month divided by all its new buyers, those "
            "of free channels included; "
            "null for other",
            "margin_30d": f"net spend of the first 30 days per new buyer {_MARGIN}, and until every buyer of the row is "
            "that old",
            "margin_90d": "the same for 90 days",
            "margin_180d": "the same for 180 days",
            "margin_365d": "the same for 365 days",
            "margin_so_far": f"net spend per new buyer from the first purchase to as_of_date {_MARGIN}. Not comparable "
            "between rows of "
            "different age",
            "predicted_margin": "predicted spend of the primary horizon per new buyer, times the margin rate of each customer as "
            "in lifetime_margin of customer_clv; null where margins of lines are unknown",
            "predicted_margin_low": "lower end of its 90 % interval: other buyers of the same kind might have come, and "
            "totals are uncertain",
            "predicted_margin_high": "upper end",
            "lifetime_margin": "margin so far and discounted margin over the lifetime to come, per new buyer; null "
            "where margins of lines are unknown",
            "lifetime_margin_low": "lower end of its 90 % interval",
            "lifetime_margin_high": "upper end",
            **_PAYBACK,
            "youngest_days": "days since the latest first purchase of the row; null without a buyer",
            "maturity": "mature: every buyer had a year; maturing: 90 days; young: less; no_buyers: money without a buyer",
        },
    ),
    PublishedTable(
        "channel_value",
        ("acquisition_channel",),
        {
            **_COMMON,
            "new_buyers": "customers with a first purchase before as_of_date; over all rows they sum to all buyers",
            "cac_to_date": "cost of all months divided by all new buyers; null without a cost",
            "blended_cac": "all marketing spend (else all recorded costs) divided by all new buyers of all channels; "
            "the same in every row",
            "mature_buyers": "new buyers of the mature months: a year old, and not among the first three months of the data",
            "mature_from_date": "first of the mature months (its first day); null without one",
            "mature_to_date": "last of them (its first day)",
            "cac": "customer acquisition cost: cost of the mature months divided by their new buyers; null without a cost",
            "margin_12m_unpooled": f"net spend in the first 365 days per mature buyer {_MARGIN}; as measured",
            "margin_12m": "the same, drawn towards the mean of all channels as far as chance explains the difference: "
            "the best guess",
            "margin_12m_low": "lower end of its 90 % interval",
            "margin_12m_high": "upper end",
            "affordable_cac": "10th percentile of the 12-month margin per new buyer: a buyer who costs no more pays "
            "back within a year with 90 % "
            "certainty. Not a target: it assumes that more buyers would be like these",
            "lifetime_margin": "margin so far and discounted margin over the lifetime to come, per mature buyer, partly "
            "pooled; null where margins of lines are unknown",
            "lifetime_margin_low": "lower end of its 90 % interval, with the error of past totals",
            "lifetime_margin_high": "upper end",
            "ltv_to_cac": "lifetime_margin divided by cac; null without either",
            "ltv_to_cac_low": "lifetime_margin_low divided by cac",
            "ltv_to_cac_high": "lifetime_margin_high divided by cac",
            **_PAYBACK,
            "verdict": "pays_back: cac is at most affordable_cac; does_not: cac is above the 90th percentile of the "
            "12-month margin; unclear: "
            "between; too_early: no mature month; too_few: fewer than 30 buyers, or mature ones; no_cost: no cost "
            "recorded; no_margin: "
            "the margin of lines is unknown, for they have no cost, or not all, and gross_margin is not set",
            "statement": "the verdict in words",
        },
    ),
)
