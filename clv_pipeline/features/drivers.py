"""Drivers of a prediction: what a customer does, in a fixed vocabulary, and the features that measure each.

Which features exist is decided in `sql/2_features`, their words are in `wording.py`; how much a driver adds to a prediction is
`interpretation/explanation.py`.
"""

import re

from clv_pipeline.features.families import BTYD, PURCHASE, family_of

OTHER = "other"
#: Features whose family is not their driver, by pattern: the first that matches.
_PURCHASE_DRIVERS = (
    ("season", r".*_one_year_ago$"),
    ("trend", r".*_trend_\d+d$"),
    ("returns", r"return"),
    ("recency", r"recency_"),
    ("tenure", r"tenure_"),
    ("assortment", r"distinct_|new_products_|last_category$"),
    ("profile", r"last_channel$"),
    ("order_value", r"monetary_|(gross_)?spend_|largest_|last_purchase_spend$|day_spend_|lines_per_|items_per_"),
    ("frequency", r"frequency$|purchase_days|orders$|order_lines$|items$|.*gap_"),
)
_FAMILY_DRIVERS = {
    "web": "web", "survey": "survey", "social": "social", "campaign": "campaigns", "crm": "profile",
}  # fmt: skip
#: Every driver; `other` has the features that belong to none of them.
DRIVERS = (*dict.fromkeys([*(driver for driver, _ in _PURCHASE_DRIVERS), *_FAMILY_DRIVERS.values()]), OTHER)

#: What is bad whenever there is any of it: more never raises a prediction.
BAD = r"return|social_(complaints|angry)_"
#: Silence, and the time between purchases: the longer, the lower the prediction; but where
#: customers buy by a rhythm, silence makes the next purchase due.
SILENCE = r"recency_|web_recency_"
_GAPS = r"(mean|last|longest)_gap_days$"
#: Answers and moods: the lower, the lower the prediction.
OPINIONS = r"survey_(last|mean|lowest)_(nps|csat)$|social_\w+_sentiment(_\d+d)?$"
#: What customers do more of the more they buy: more of it never lowers a prediction.
_ACTIVITY = (
    r"(purchase_days|spend)(_\d+d|_total|_per_30_days)?(_one_year_ago|_last_year)?$|frequency$|orders$|monetary_value$"
    r"|largest_day_spend$|last_purchase_spend$|web_(sessions|page_views|cart_additions|conversions)(_\d+d)?$"
    r"|campaign_responses(_\d+d)?$"
)


def driver_of(feature: str) -> str:
    """Return the driver that a feature measures.

    >>> [driver_of(name) for name in ("recency_in_gaps", "spend_90d_one_year_ago", "crm_country", "loyalty_points")]
    ['recency', 'season', 'profile', 'other']
    """
    family = family_of(feature)
    if family != PURCHASE:
        return _FAMILY_DRIVERS.get(family, OTHER)
    return next((driver for driver, pattern in _PURCHASE_DRIVERS if re.match(pattern, feature)), OTHER)


def is_behaviour(feature: str) -> bool:
    """Return whether a feature is a fact about the customer that a reason may name.

    The purchase models' expectations are another model's output, and spend before returns would credit what was sent back.

    >>> is_behaviour("spend_90d"), is_behaviour("btyd_spend_90d"), is_behaviour("gross_spend_total")
    (True, False, False)
    """
    return family_of(feature) != BTYD and not feature.startswith("gross_")


def direction(feature: str, *, has_rhythm: bool) -> int:
    """Return -1 where more of a feature must never raise a prediction, 1 where it must never lower it, 0 where it may do both.

    >>> direction("returned_90d", has_rhythm=True), direction("survey_last_nps", has_rhythm=False)
    (-1, 1)
    >>> direction("recency_days", has_rhythm=False), direction("recency_days", has_rhythm=True)
    (-1, 0)
    """
    if re.match(f"{BAD}|{_GAPS}", feature) or (re.match(SILENCE, feature) and not has_rhythm):
        return -1
    return 1 if re.match(f"{OPINIONS}|{_ACTIVITY}", feature) else 0
