"""Published tables about customers: scores, segments, actions."""

from clv_pipeline.contracts.published_table import IDENTITY, SEGMENT, WINDOW, PublishedTable

_REASON = {
    "reason_{}": "{} of the customer's reasons: what the customer did, and the amount it adds to or subtracts from the average "
    "customer's predicted spend, with the currency; null where there are fewer reasons",
    "reason_{}_driver": "driver of the {} reason, as in customer_reasons; null where there are fewer reasons",
    "reason_{}_effect": "amount of the {} reason; null where there are fewer reasons",
}

CUSTOMER_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "customer_clv",
        ("customer_id",),
        {
            "customer_id": "the company's customer number, as text; of a guest without an account the keyed hash of the e-mail "
            "address (64 characters), which is nobody's number in other systems",
            **IDENTITY,
            **SEGMENT,
            "predicted_spend_{h}d": "expected (mean) net spend in the {h} days from as_of_date: for totals, ranking, budgets",
            "typical_spend_{h}d": "median predicted spend (half of comparable customers spend less); "
            "0 where a purchase is less likely than none",
            "predicted_spend_low_{h}d": "lower end of the customer's 90 % prediction interval, at most predicted_spend",
            "predicted_spend_high_{h}d": "upper end of the customer's 90 % prediction interval, at least predicted_spend",
            "spend_if_buying_low_{h}d": "lower end of the 90 % interval of the spend if the customer buys in the {h} days",
            "spend_if_buying_typical_{h}d": "median spend if the customer buys in the {h} days",
            "spend_if_buying_high_{h}d": "upper end of the 90 % interval of the spend if the customer buys in the {h} days",
            "purchase_probability_{h}d": "probability of at least one purchase in the {h} days from as_of_date, 0 to 1",
            "basis_{h}d": "what the prediction of the {h} days rests on: learned (models fitted to past windows of this "
            "length); "
            "extended (to shorter ones, carried on by the purchase models); prior (the purchase models with the prior of other "
            "companies: too few buyers or too short a history); rule (a fixed rule, or the average of earlier prospects)",
            "predicted_orders_{h}d": "expected number of days with a purchase in the {h} days from as_of_date; null without a "
            "purchase or a purchase model",
            "expected_order_value": "predicted spend of the primary horizon divided by predicted orders: what a day with a "
            "purchase is expected to be worth, net of returns; null where predicted orders are",
            "lifetime_spend": "expected net spend of the next {lifetime_days} days, undiscounted, never less than in the "
            "longest "
            "horizon; null without a purchase or a purchase model",
            "lifetime_margin": "lifetime_spend, discounted by {discount_rate} per year, times the customer's margin rate: the "
            "own one so far, drawn towards the company's the less was spent (table clv_run has it, and its source); where no "
            "order line has a cost, the setting gross_margin ({gross_margin}); null where lifetime_spend is, and without either",
            "historic_value": "net spend to date, before as_of_date",
            "historic_value_365d": "net spend in the 365 days before as_of_date",
            "purchase_days": "number of days with a purchase to date; the lines of subscriptions count as purchases, and what "
            "contracts promise is not in any prediction",
            "average_purchase_value": "mean spend per purchase day, before returns; null without a purchase",
            "first_order_date": "day of the first order; null without one",
            "last_order_date": "day of the last purchase before as_of_date; null without one",
            "recency_days": "days since the last purchase; null without one",
            "probability_alive": "probability of still being a customer, from the purchase rhythm; "
            "null without a purchase or a model",
            "expected_next_order_date": "median date of the next order, if the customer is still active; "
            "null where probability_alive is null, or beyond {lifetime_days} days",
            "country": "country in the CRM; null when unknown",
            "acquisition_channel": "channel that acquired the customer; null when unknown",
            "is_in_crm": "false for a customer known only from orders",
            **{
                name.format(place): meaning.format(order)
                for place, order in ((1, "strongest"), (2, "second"), (3, "third"))
                for name, meaning in _REASON.items()
            },
        },
    ),
    PublishedTable(
        "customer_clv_history",
        ("as_of_date", "customer_id", "horizon_days"),
        {
            "as_of_date": "as_of_date of the run that made the prediction; the row of predicted_totals of that date and "
            "horizon_days has what is the same for all customers of the night: currency, model_version, run_id, scored_at and "
            "segment_definition",
            "customer_id": "the company's customer number, as text",
            **SEGMENT,
            **WINDOW,
            "predicted_spend": "expected net spend in the window, in the currency of that night's predicted_totals",
            "predicted_spend_low": "lower end of the 90 % interval of the spend; null in rows of older releases",
            "predicted_spend_high": "upper end; null in rows of older releases",
            "baseline_spend": "what a fixed rule predicts, which prediction_outcomes compares with: the net spend of as "
            "many days "
            "before that as_of_date again, never below 0; null in rows of older releases",
            "baseline_probability": "probability of a purchase if the customer went on at the rate since the first purchase; "
            "null in rows of older releases",
            "historic_value": "net spend before that as_of_date, in the same currency",
            "updated_at": IDENTITY["updated_at"],
        },
        is_history=True,
    ),
    PublishedTable(
        "customer_clv_changes",
        ("customer_id",),
        {
            "customer_id": "the company's customer number, as text",
            "change": "added, changed or removed since previous_as_of_date; "
            "the only value given for a customer who withdrew consent",
            "previous_as_of_date": "the earlier as_of_date that this run is compared with",
            "previous_segment": "segment at previous_as_of_date",
            "segment": "segment now",
            "previous_value_tier": "value tier at previous_as_of_date",
            "value_tier": "value tier now",
            "previous_predicted_spend": "predicted spend at previous_as_of_date, primary horizon",
            "predicted_spend": "predicted spend now, primary horizon",
        },
    ),
    PublishedTable(
        "customer_orders",
        ("customer_id", "order_date"),
        {
            "customer_id": "the company's customer number, as text",
            "order_date": "day of the order or the return (business time zone), before as_of_date",
            "orders": "orders of that day; 0 on a day with returns only. Lines of a subscription count like other purchases",
            "net_spend": "spend of that day less its returns; the days of a customer add up to historic_value in customer_clv",
            "returned": "returns of that day, as a positive amount, already taken off net_spend",
            "net_margin": "net_spend less the cost of the goods, line by line, returns with their cost deducted; lines without a "
            "cost count with the setting gross_margin ({gross_margin}); null where a line has neither. What acquisition and "
            "contacts cost is not in it",
            "discount": "discount of that day, already off net_spend; null where the source gives none. Shown only: no "
            "prediction and no margin uses discount, tax or shipping",
            "tax": "tax of that day, not in net_spend, returns deducted where the source gives theirs; null where it gives none",
            "shipping": "postage charged that day, not in net_spend; null where the source gives none",
            "main_category": "category with the largest amount of that day; null where the source gives none",
            "currency": IDENTITY["currency"],
        },
    ),
    PublishedTable(
        "segments",
        ("segment",),
        {
            "segment": SEGMENT["segment"],
            "definition": "which customers are in it, in this run; a customer is in the first of prospect, high_value, "
            "churn_risk, missed_opportunity, new_customer, steady and dormant whose definition holds",
            "customers": "customers in the segment",
            "predicted_spend_total": "sum of predicted spend, primary horizon",
            "predicted_spend_total_low": "lower end of its 90 % interval: that of clv_run.predicted_spend_total, wider by "
            "what chance makes of fewer customers; null where that one is unknown",
            "predicted_spend_total_high": "upper end",
            "predicted_spend_mean": "mean predicted spend, primary horizon",
            "predicted_spend_share": "share of all predicted spend, 0 to 1",
            "purchase_probability_mean": "mean purchase probability, primary horizon",
            "lifetime_spend_total": "sum of lifetime_spend in customer_clv; null where no customer has one",
            "lifetime_margin_total": "sum of lifetime_margin; null where the margin is unknown",
            "historic_value_total": "net spend to date",
            "historic_value_365d_total": "net spend in the 365 days before as_of_date",
            "currency": IDENTITY["currency"],
            "as_of_date": IDENTITY["as_of_date"],
        },
    ),
    PublishedTable(
        "segment_thresholds",
        ("threshold",),
        {
            "threshold": "name of the threshold",
            "value": "its value in this run",
            "meaning": "the segment or value tier that it defines",
        },
    ),
    PublishedTable(
        "recommendations",
        ("customer_id",),
        {
            "priority": "1 has the highest value at stake",
            "customer_id": "the company's customer number, as text",
            "segment": SEGMENT["segment"],
            "action": "the recommended action",
            "why": "the reason for the action",
            "value_at_stake": "the amount that the action can win or keep",
            "currency": IDENTITY["currency"],
            "as_of_date": IDENTITY["as_of_date"],
        },
    ),
)
