"""Published tables that explain a customer's score, and why it changed."""

from clv_pipeline.contracts.explanation_tables import CAUSES
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
    PublishedTable(
        "score_changes",
        ("customer_id",),
        {
            "customer_id": "the company's customer number, as text; without a row the score did not change by a cent",
            "previous_as_of_date": "the published night before, which this one is compared with",
            "previous_predicted_spend": "predicted spend of that night, primary horizon",
            "predicted_spend": "predicted spend now, primary horizon",
            "change": "predicted_spend less previous_predicted_spend; the columns after it add up to it",
            **{cause: f"part of the change: {meaning}" for cause, meaning in CAUSES.items()},
            "main_cause": "the cause of the largest part; of equal parts the first in the order of the columns",
            "text": "change and main cause in words",
            "currency": IDENTITY["currency"],
        },
    ),
    PublishedTable(
        "score_change_summary",
        ("cause",),
        {
            "cause": "cause of a change, as in score_changes; customer_added, customer_removed and score_unchanged for customers "
            "without a change to split; other: causes with fewer than 5 customers, together",
            "row_kind": "cause; customer_added: has a score now but had none; customer_removed: had one (erased, consent "
            "withdrawn, merged); score_unchanged; other",
            "customers": "customers with a part of this cause; one customer may have several",
            "main_cause_customers": "customers for whom it is the main cause",
            "change": "sum of its parts; all rows add up to the difference of predicted_spend_total between the two nights",
            "tier_moves_by_own_score": "customers with this main cause whose value tier changed, and would have with "
            "the limits of the night before",
            "tier_moves_by_threshold": "customers with this main cause whose value tier changed only because the limits moved",
            "previous_as_of_date": "the published night before",
            "as_of_date": IDENTITY["as_of_date"],
            "currency": IDENTITY["currency"],
        },
    ),
)
