"""Published tables about what customers buy next, and how good these suggestions are."""

from clv_pipeline.contracts.published_table import IDENTITY, WINDOW, PublishedTable

_KIND = (
    "again: ranked among what the customer has bought; new_to_them: ranked among what the customer has never bought, at the "
    "level of item_level"
)
_METHOD = (
    "learned_ranker: gradient boosting on the customer's own orders of the item, its trend, and what is bought together; "
    "own_frequency: by the number of the customer's orders of the item; popularity: by its buyers of the last 60 days"
)

NEXT_PURCHASE_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "next_purchases",
        ("customer_id", "kind", "rank"),
        {
            "customer_id": "the customer; only those who have bought before and may be profiled",
            "kind": _KIND,
            "rank": "place in the customer's list of this kind, 1 to 5; a customer with fewer items has a shorter list",
            "item": "the suggested category or product. Never one that fewer than 20 customers have bought, that was not sold "
            "in the last 60 days, or that the setting denied_categories names",
            "item_name": "the item for people: the product's name where products.sql returns one (with its number where two "
            "products have the same name), else item",
            "item_level": "category where the source gives categories, else product",
            "step": "repeat: the same again; step_up: a larger or better version: for a category, the customer pays there at "
            "least a sixth less per unit than is usual (usual_price at least 1.2 times compared_price); for a product that is "
            "new to them, its usual price is 1.2 to 3 times that of the own product it is bought together with; new: neither. "
            "Null where a price that decides it is unknown. Judged by prices alone: the pipeline knows no sizes or qualities",
            "because": "the facts behind the suggestion. Orders count as sold, also where the item came back; support counts the "
            "customers who bought both, among at most 20,000 customers",
            "method": f"what ordered the list. {_METHOD}. A baseline where the learned ranker is not better on the test window "
            "(next_purchase_quality)",
            "horizon_days": WINDOW["horizon_days"],
            "probability": "probability that the customer buys the item at least once in the window, 0 to 1: the customer's "
            "purchase_probability times the share of comparable suggestions that were bought by customers who bought "
            "anything, in earlier windows. Probabilities of a list do not add up to anything: a customer may buy several",
            "probability_low": "lower end of the 90 % interval of that share, from how far shares were off in the test window, "
            "times purchase_probability, whose own error is not in it; null where no window was tested",
            "probability_high": "upper end",
            "popularity_probability": "the probability if only popularity counted, equal for all customers: the share of the "
            "customers known before the last horizon_days who bought the item in them",
            "expected_spend": "probability times the expected net spend on the item in a window in which it is bought, in "
            "currency. Part of the customer's predicted spend, not in addition to it: lowered where a customer's rows would "
            "together exceed that",
            "expected_spend_low": "the same for probability_low",
            "expected_spend_high": "the same for probability_high",
            "expected_margin": "expected_spend times the customer's margin rate, the same for every item: as for lifetime_margin "
            "in customer_clv; null without a cost of the order lines and without the setting gross_margin ({gross_margin})",
            "expected_margin_low": "the same for probability_low",
            "expected_margin_high": "the same for probability_high",
            "usual_price": "median price per unit of the item in the last 365 days, in currency; null without quantities",
            "compared_price": "what usual_price is compared with for step: for a category the customer's own median price per "
            "unit there, for a new product the usual price of the own product named in because; null if there is none",
            "currency": IDENTITY["currency"],
            "model_version": IDENTITY["model_version"],
            "as_of_date": IDENTITY["as_of_date"],
        },
    ),
    PublishedTable(
        "next_purchase_quality",
        ("row_kind", "kind", "method", "metric"),
        {
            "row_kind": "method: the figure of a method; difference: that of the method minus the baseline's (own_frequency for "
            "again, popularity for new_to_them), the same customers drawn for both; verdict: whether the learned ranker is "
            "better than the baseline and so orders the list, 1 for yes and 0 for no, with the reason; status: whether there "
            "are lists tonight, and if not, why",
            "kind": _KIND,
            "method": f"{_METHOD}; item_neighbours: by what customers who bought the same items bought; ease: a linear model "
            "of what is bought together; ease_with_popularity: both. In a status row what orders the list, none without lists",
            "metric": "recall_at_5 and recall_at_10: share of what the customer bought that is among the first 5 or 10, of the "
            "most that could be (1 by itself where there are no more items than places); ndcg_at_5 and ndcg_at_10: the same "
            "with more weight on the first places, 1 at best; log_loss: of the probability given that the customer buys "
            "anything, lower is better; customers_with_a_list in status rows",
            "value": "the mean over customers; what the customer bought counts only items that could be suggested that day",
            "interval_low": "lower end of the 90 % bootstrap interval over customers; null in verdict and status rows",
            "interval_high": "upper end",
            "customers": "customers who bought something of the kind in the test window; in a status row those with a list",
            "statement": "the verdict or the status in words; null for the other kinds of row",
            "item_level": "category or product; null where nothing can be suggested",
            "horizon_days": "length of the test window in days",
            "test_window_start_date": "first day of the test window, which the ranker that was measured had not seen; null "
            "where nothing was measured",
            "model_version": IDENTITY["model_version"],
        },
    ),
)
