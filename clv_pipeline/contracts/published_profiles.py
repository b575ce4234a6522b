"""Published tables that describe customers: features and how they go together, best customers, RFM scores, products."""

from clv_pipeline.contracts.published_table import IDENTITY, PublishedTable

_PREDICTED = "expected net spend in the primary horizon"
_CLEAR = (
    "whether the difference is still there when it is considered how many values were compared: if no value made a difference, "
    "at least one would be marked in at most 10 of 100 companies. False is not proof of no difference"
)
_LEFT_OUT = (
    "true: fewer than 100 customers began after the first 180 days of the data, so customers who may have bought before it are "
    "counted too, and what seems to be their first order may not be"
)

PROFILE_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "feature_distributions",
        ("feature", "position"),
        {
            "feature": "the feature, as models see it; one that nobody has a value of is left out, as are denied features",
            "position": "order of the bins of a feature",
            "source_family": "the source family of the feature: purchase, btyd, web, survey, social, campaign, crm",
            "description": "readable label of the feature",
            "row_kind": "number: values from bin_low to below bin_high; zero: exactly 0, where that is common; category: one "
            "value; missing: not known for the customer (no web visit, only one purchase ...), which is not zero; other: all "
            "bins with fewer than 5 customers and all rarer categories",
            "bin_low": "lower end of the bin, included; null: the lowest values, whatever they are. In the feature's own unit: "
            "days, pieces, share (0 to 1) or money",
            "bin_high": "upper end of the bin, not included; null: no upper end",
            "category": "the value of a category; null for the other kinds",
            "customers": "customers in the bin; the bins of a feature add up to clv_run.customers",
            "customer_share": "share of all customers",
            "smallest": "smallest value in the bin; null for categories and missing values",
            "largest": "largest value in the bin",
            "currency": "ISO code of the values of those features that are money",
            "as_of_date": IDENTITY["as_of_date"],
        },
    ),
    PublishedTable(
        "feature_pairs",
        ("position",),
        {
            "position": "order of the rows",
            "row_kind": "cell: a cell of the heat map of purchase days and recency; no_purchase: customers who have not bought "
            "yet; other: cells with fewer than 5 customers; correlation: two features, without a cell. Exclude correlation from "
            "sums",
            "feature": "the first feature; purchase_days in the heat map",
            "other_feature": "the second feature: recency_days in the heat map; predicted_spend or a feature in a correlation",
            "description": "readable label of the first feature",
            "other_description": "readable label of the second",
            "from_purchase_days": "purchase days from; null for the other kinds",
            "to_purchase_days": "purchase days up to, included; null: no upper end",
            "from_recency_days": "days since the last purchase from; null for the other kinds",
            "to_recency_days": "days since the last purchase up to, included; null: no upper end",
            "customers": "customers in the cell (the cells add up to clv_run.customers); of a correlation, those with both "
            "values known",
            "predicted_spend": _PREDICTED
            + " of all customers in the cell; the cells add up to clv_run.predicted_spend_total",
            "predicted_spend_low": "lower end of its 90 % interval: the error of the company's total and the chance of these "
            "customers together; null where that of the total is unknown. On past windows of three data sets 90 to 100 % of such "
            "cells were inside",
            "predicted_spend_high": "upper end",
            "predicted_spend_per_customer": "predicted_spend divided by customers",
            "predicted_spend_per_customer_low": "lower end of its 90 % interval",
            "predicted_spend_per_customer_high": "upper end",
            "correlation": "Spearman's rank correlation, -1 to 1: whether customers high in one are high in the other, in any "
            "shape. Not a cause, and not the size of an effect; with predicted_spend it is partly so by construction, since the "
            "prediction is made of the features. Correlations with predicted_spend are of all features, those among features of "
            "one per kind of behaviour",
            "correlation_low": "lower end of its 90 % interval (Fisher, Bonett and Wright)",
            "correlation_high": "upper end",
            "horizon_days": "length of the predicted window in days",
            "currency": IDENTITY["currency"],
        },
    ),
    PublishedTable(
        "best_customer_profile",
        ("best_by", "attribute", "position"),
        {
            "best_by": "what makes a customer one of the best 10 %. predicted_spend: tonight's prediction, of all customers "
            "compared; it favours whoever bought lately. spend_in_first_year: net spend from the day after the first purchase "
            "day to the end of the first 365 days, of customers who have had that time",
            "attribute": "what was known at or before the first order: acquisition_channel and country (CRM), "
            "first_order_channel, first_category (with the largest amount), first_order_value (before returns, in quarters of "
            "these customers), first_order_lines, first_order_month, first_order_weekday, visited_before_first_order (a web "
            "visit linked to the customer on an earlier day), contacted_before_first_order (a campaign on an earlier day). Age, "
            "gender and other denied features are never compared",
            "position": "order of the values of an attribute",
            "row_kind": "value: one value; unknown: customers without one; other: values with fewer than 20 customers together",
            "group_name": "the value; null for unknown and other",
            "customers": "customers with the value; those of one attribute add up to all customers compared",
            "best_customers": "number of them among the best",
            "share_of_best": "share of the best who have the value",
            "share_of_others": "share of all others who have the value",
            "ratio": "share_of_best divided by share_of_others, with half a customer added to each count: above 1, the best "
            "have the value more often. It does not say that the value makes customers good, nor that more of them would be as "
            "good",
            "ratio_low": "lower end of its 90 % interval (Katz, Walter), of this row alone",
            "ratio_high": "upper end",
            "comparisons": "rows compared in this way under the same best_by: of so many, one in ten looks different at 90 % by "
            "chance",
            "is_clear": _CLEAR,
            "is_with_left_censored": _LEFT_OUT,
            "horizon_days": "length of the predicted window in days",
            "currency": "ISO code of the amounts in group_name",
        },
    ),
    PublishedTable(
        "rfm_scores",
        ("customer_id",),
        {
            "customer_id": "the customer",
            "as_of_date": IDENTITY["as_of_date"],
            "recency_days": "days since the last purchase; null if there is none",
            "purchase_days": "number of days with a purchase (frequency)",
            "historic_value": "net spend before as_of_date (monetary)",
            "recency_score": "1 to {rfm_groups}, the highest = bought most recently; null without a purchase, as are all scores "
            "and cut points. The number of groups is the setting rfm_groups; with cut points of the company's own (setting "
            "rfm_recency_cuts) it is their number plus one",
            "frequency_score": "1 to {rfm_groups}, the highest = most purchase days; own cut points: setting rfm_frequency_cuts",
            "monetary_score": "1 to {rfm_groups}, the highest = highest net spend; own cut points: setting rfm_monetary_cuts",
            "rfm_cell": "the three scores side by side, such as 545. It describes the past; for what a customer will do use "
            "predicted spend",
            "recency_above_days": "the customer's recency group: more days than this; null: the most recent group",
            "recency_up_to_days": "the customer's recency group: up to so many days; null: no limit. Cut points are quantiles "
            "of all who bought, and customers with equal values are in one group, so groups differ in size and a score may not "
            "occur",
            "frequency_above": "the customer's frequency group: more purchase days than this; null: no limit",
            "frequency_up_to": "the customer's frequency group: up to so many; null: no limit",
            "monetary_above": "the customer's monetary group: more net spend than this; null: no limit",
            "monetary_up_to": "the customer's monetary group: up to this; null: no limit",
            "currency": IDENTITY["currency"],
        },
    ),
    PublishedTable(
        "product_value",
        ("row_kind", "position"),
        {
            "row_kind": "first_purchase: what customers bought on the day of their first purchase; bought_most: what they "
            "bought at all. The table is empty where the source names no products, or none has 20 customers",
            "position": "order of the rows of a kind: by customers among the best (first_purchase) or their spend (bought_most)",
            "item_kind": "category; product, where the source has no category; unknown: lines without either; other: all items "
            "with fewer than 20 customers",
            "item": "category or product number; null for unknown and other",
            "item_name": "the item for people: the product's name where products.sql returns one (with its number where two "
            "products have the same name), else item",
            "customers": "customers who bought the item (first_purchase: on their first purchase day). One customer may be in "
            "several rows, so do not add them up",
            "best_customers": "number of them among the best: the 10 % of buyers with the highest predicted spend",
            "best_customer_share": "share of the best who bought the item",
            "other_customer_share": "share of all others who bought it",
            "net_spend": "net spend on the item, returns deducted; the rows of bought_most add up to the net spend of all who "
            "ever bought; null for first_purchase",
            "net_margin": "net_spend less the cost of the goods, line by line; lines without a cost count with the setting "
            "gross_margin ({gross_margin}); null where one has neither, and for first_purchase",
            "best_spend": "net spend of the best on it; null for first_purchase",
            "best_spend_share": "its share of all spend of the best; null for first_purchase",
            "other_spend_share": "its share of all spend of the others; null for first_purchase",
            "best_day_share": "share of the purchase days of the best on which they bought it; null for first_purchase, unknown "
            "and other",
            "other_day_share": "the same of all others",
            "ratio": "first_purchase: best_customer_share divided by other_customer_share, with half a customer added to each "
            "count; bought_most: best_day_share divided by other_day_share, so that it does not matter how often somebody buys. "
            "Above 1: more typical of the best. Not a cause: selling the item to others need not make them like these. Where "
            "the best have large orders of many items, most items have a ratio above 1: compare items with each other, not with "
            "1",
            "ratio_low": "lower end of its 90 % interval (Walter; for days, that of a ratio of sums over customers), of this "
            "row alone; with the best drawn at random it covered 87 (days) and 91 (first purchases) of 100",
            "ratio_high": "upper end; null, as the ratio, in bought_most with fewer than 5 buyers among the best or among the "
            "others. Shares of spend have no interval: on retail spend it covered too rarely",
            "comparisons": "items of this kind that were compared",
            "is_clear": _CLEAR,
            "predicted_spend_per_customer": _PREDICTED + ", mean of the customers who bought the item",
            "predicted_spend_per_customer_low": "lower end of its 90 % interval; null where that of the total is unknown",
            "predicted_spend_per_customer_high": "upper end",
            "year_customers": "first_purchase: customers whose first purchase is at least 365 days ago; null for bought_most",
            "typical_first_year_spend": "their typical net spend in the first 365 days, first day included: the geometric mean "
            "(of 1 + spend), which is below the arithmetic mean and is not decided by a few very large customers. Null under 20 "
            "customers and for bought_most",
            "typical_first_year_spend_of_others": "the same for customers who bought other items first",
            "first_year_ratio": "typical_first_year_spend divided by that of the others (both plus 1)",
            "first_year_ratio_low": "lower end of its 90 % interval (normal, of logarithms); of customers drawn at random it "
            "covered 88 to 90 of 100 comparisons",
            "first_year_ratio_high": "upper end",
            "is_with_left_censored": _LEFT_OUT + "; false for bought_most",
            "horizon_days": "length of the predicted window in days",
            "currency": IDENTITY["currency"],
        },
    ),
)
