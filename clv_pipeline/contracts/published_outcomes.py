"""Published tables that check earlier predictions against what happened, and name what would improve them."""

from clv_pipeline.contracts.published_table import WINDOW, PublishedTable

OUTCOME_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "prediction_outcomes",
        ("as_of_date", "horizon_days", "predicted_decile"),
        {
            "as_of_date": "as_of_date of the run that made the prediction",
            "horizon_days": WINDOW["horizon_days"],
            "predicted_decile": "1 to 10; 1 is the 10 % of the customers with the highest predicted spend",
            "customers": "customers in the decile",
            "predicted_spend": "their predicted spend",
            "actual_spend": "their actual net spend in the window, which is over",
            "predicted_buyers": "sum of their purchase probabilities",
            "actual_buyers": "number of them who bought",
        },
    ),
)
