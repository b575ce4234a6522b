"""Published tables that explain a customer's score, and why it changed."""

from clv_pipeline.contracts.published_table import IDENTITY, PublishedTable

EXPLANATION_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "customer_reasons",
        ("customer_id", "rank"),
        {
            "customer_id": "the company's customer number, as text",
            "rank": "1 to 5: the strongest drivers; 6: the other drivers together; 7: what no driver explains",
            "driver": "season, trend, returns, recency, tenure, assortment, profile, order_value, frequency, web, survey, "
            "social or campaigns; other: all other drivers together; unexplained: what the surrogate model that finds the "
            "reasons leaves (small where clv_run.reasons_fidelity is near 1)",
            "effect": "amount added to clv_run.average_predicted_spend; with it, a customer's effects add up to the predicted "
            "spend of the primary horizon. It describes the prediction, and is not the effect of an action",
            "fact": "what the customer did or did not do; for a driver of several facts, the strongest",
            "text": "fact and effect with the currency, ready to show",
            "currency": IDENTITY["currency"],
        },
    ),
)
