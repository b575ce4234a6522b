"""Published tables that plan ahead: cohorts and their forecast, the revenue forecast, acquisition channels."""

from clv_pipeline.contracts.published_table import IDENTITY, PublishedTable

FORECAST_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "cohorts",
        ("cohort_month_date", "months_since"),
        {
            "cohort_month_date": "month of the customers' first purchase (its first day)",
            "months_since": "months since then",
            "customers": "customers in the cohort",
            "active_customers": "number of them who bought in that month",
            "active_share": "active_customers divided by customers",
            "net_spend": "net spend of the cohort in that month",
            "net_spend_so_far": "net spend up to that month",
        },
    ),
    PublishedTable(
        "channel_value",
        ("acquisition_channel",),
        {
            "acquisition_channel": "channel that acquired the customers",
            "customers": "customers acquired",
            "buyers": "number of them with a purchase",
            "marketing_spend": "marketing spend on the channel to date; null when unknown",
            "historic_value": "net spend of its customers to date",
            "predicted_spend": "their predicted spend, primary horizon",
            "acquisition_cost_per_buyer": "CAC: recorded acquisition cost, else marketing spend, per buyer",
            "value_per_buyer": "(historic value + predicted spend) x gross margin, per buyer; null without the setting "
            "gross_margin, as are the two columns after it",
            "ltv_to_cac": "value_per_buyer divided by acquisition_cost_per_buyer",
            "payback_months": "months of margin needed to pay back the acquisition cost",
            "currency": IDENTITY["currency"],
        },
    ),
)
