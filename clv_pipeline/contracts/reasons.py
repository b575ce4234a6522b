"""Reasons why a source row is not accepted: code, disposition and text, declared once.

`sql/1_clean` sets `reason` to a code, `quality/cleaning.py` looks the rest up. The conditions of a reason belong in the SQL.
"""

from dataclasses import dataclass
from typing import Literal

#: Disposition of a row. `created` rows are made from another table; the others add up to the rows of the source.
Disposition = Literal["accepted", "duplicate", "superseded", "excluded", "quarantined", "created"]

#: Longest value that is still taken for an identifier.
LONGEST_KEY = 500


@dataclass(frozen=True)
class Reason:
    """One reason: the code to join on, the disposition, the text to show, and whether the run warns of it."""

    code: str
    disposition: Disposition
    text: str
    warn: bool = False


KEY_NOT_UTF8 = Reason("key_not_utf8", "quarantined", "an identifier is not valid UTF-8", warn=True)
KEY_WITH_NUL = Reason("key_with_nul", "quarantined", "an identifier contains a NUL character", warn=True)
KEY_TOO_LONG = Reason(
    "key_too_long", "quarantined", f"an identifier is longer than {LONGEST_KEY} characters", warn=True
)
#: The text is only a default: the company's own words for the rule are shown.
EXCLUDED_BY_RULE = Reason("excluded_by_rule", "excluded", "excluded by a rule in source.toml")
ERASED_CUSTOMER = Reason("erased_customer", "excluded", "the customer was erased")
#: Cut here once, so that nothing after the door needs to know of as_of.
ON_OR_AFTER_AS_OF = Reason("on_or_after_as_of", "excluded", "dated on or after as_of: counted by a later night")
DELIVERED_TWICE = Reason("delivered_twice", "duplicate", "delivered more than once")
SUPERSEDED_LINE = Reason("superseded_line", "superseded", "an older version of an order line that changed")
UNKNOWN_STATUS = Reason("unknown_order_status", "quarantined", "the order status is unknown", warn=True)
EXCESSIVE_REFUND = Reason("excessive_refund", "quarantined", "refunded beyond what was bought", warn=True)
NO_EXCHANGE_RATE = Reason(
    "no_exchange_rate", "quarantined", "no exchange rate in the 5 days up to the order", warn=True
)

_OF_EVERY_TABLE = (
    KEY_NOT_UTF8,
    KEY_WITH_NUL,
    KEY_TOO_LONG,
    EXCLUDED_BY_RULE,
    ERASED_CUSTOMER,
    ON_OR_AFTER_AS_OF,
    DELIVERED_TWICE,
    Reason("missing_customer_id", "quarantined", "customer_id is missing"),
)
_OF_ORDERS = (
    SUPERSEDED_LINE,
    Reason("missing_order_id", "quarantined", "order_id is missing"),
    Reason("unreadable_ordered_at", "quarantined", "ordered_at is missing or unreadable"),
    Reason("early_ordered_at", "quarantined", "ordered_at is before the earliest date allowed"),
    Reason("future_ordered_at", "quarantined", "ordered_at is in the future"),
    Reason("unreadable_amount", "quarantined", "amount is missing or not a number"),
    Reason("positive_return_amount", "quarantined", "a negative quantity with a positive amount", warn=True),
    EXCESSIVE_REFUND,
    Reason("not_revenue_status", "excluded", "the order status does not count as revenue"),
    UNKNOWN_STATUS,
    NO_EXCHANGE_RATE,
)
_OF_CUSTOMERS = (
    Reason("superseded_record", "superseded", "an older version of the CRM record"),
    Reason("merged_record", "duplicate", "merged into another CRM record"),
    Reason("known_only_from_orders", "created", "has orders but no CRM record"),
)
_OF_WEB_SESSIONS = (
    Reason("missing_session_id", "quarantined", "session_id is missing"),
    Reason("unreadable_started_at", "quarantined", "started_at is missing or unreadable"),
    Reason("early_started_at", "quarantined", "started_at is before the earliest date allowed"),
    Reason("negative_session_count", "quarantined", "a count or the duration is negative"),
)
_OF_SURVEY_RESPONSES = (
    Reason("missing_response_id", "quarantined", "response_id is missing"),
    Reason("unreadable_responded_at", "quarantined", "responded_at is missing or unreadable"),
    Reason("early_responded_at", "quarantined", "responded_at is before the earliest date allowed"),
    Reason("out_of_range_nps_score", "quarantined", "nps_score is outside 0 to 10"),
    Reason("out_of_range_csat_score", "quarantined", "csat_score is outside 1 to 5"),
)
_OF_SOCIAL_INTERACTIONS = (
    Reason("missing_interaction_id", "quarantined", "interaction_id is missing"),
    Reason("unreadable_occurred_at", "quarantined", "occurred_at is missing or unreadable"),
    Reason("early_occurred_at", "quarantined", "occurred_at is before the earliest date allowed"),
    Reason("out_of_range_sentiment", "quarantined", "sentiment is outside -1 to 1"),
)
_OF_CAMPAIGN_TOUCHES = (
    Reason("missing_touch_id", "quarantined", "touch_id is missing"),
    Reason("unreadable_touched_at", "quarantined", "touched_at is missing or unreadable"),
    Reason("early_touched_at", "quarantined", "touched_at is before the earliest date allowed"),
    Reason("negative_cost", "quarantined", "cost is negative"),
    Reason("response_before_touch", "quarantined", "responded_at is before touched_at", warn=True),
)
_OF_MARKETING_SPEND = (
    Reason("missing_channel", "quarantined", "channel is missing"),
    Reason("unreadable_spend_date", "quarantined", "spend_date is missing or unreadable"),
    Reason("early_spend_date", "quarantined", "spend_date is before the earliest date allowed"),
    Reason("unreadable_spend", "quarantined", "spend is missing or not a number"),
    Reason("negative_spend", "quarantined", "spend is negative"),
    Reason("no_exchange_rate_for_spend", "quarantined", "no exchange rate in the 5 days up to the day"),
)
_OF_PRODUCTS = (
    Reason("missing_product_id", "quarantined", "product_id is missing"),
    Reason("superseded_product", "superseded", "an older version of the product"),
    Reason("contradictory_product", "quarantined", "records of one product contradict each other", warn=True),
    Reason("no_exchange_rate_for_cost", "quarantined", "no exchange rate in the 5 days up to as_of", warn=True),
)
_OF_SUBSCRIPTIONS = (
    Reason("missing_subscription_id", "quarantined", "subscription_id is missing"),
    Reason("unreadable_valid_from", "quarantined", "valid_from is missing or unreadable"),
    Reason("early_valid_from", "quarantined", "valid_from is before the earliest date allowed"),
    Reason("superseded_period", "superseded", "an older version of the price period"),
    Reason("unreadable_price", "quarantined", "the amount of the period is missing or not a number"),
    Reason("negative_price", "quarantined", "the amount of the period is negative"),
    Reason("ends_before_it_begins", "quarantined", "valid_to is before valid_from", warn=True),
    Reason("unknown_interval", "quarantined", "interval is none of day, week, month, quarter, year", warn=True),
    Reason("overlapping_period", "quarantined", "overlaps another price period of its subscription", warn=True),
    Reason("no_exchange_rate_for_price", "quarantined", "no exchange rate in the 5 days up to valid_from", warn=True),
)
_OF_SUBSCRIPTION_PAYMENTS = (
    Reason("missing_payment_id", "quarantined", "payment_id is missing"),
    Reason("superseded_payment", "superseded", "an older version of the payment"),
    Reason("unreadable_paid_at", "quarantined", "paid_at is missing or unreadable"),
    Reason("early_paid_at", "quarantined", "paid_at is before the earliest date allowed"),
    Reason("unreadable_payment", "quarantined", "the amount paid is missing or not a number"),
    Reason("unknown_subscription", "quarantined", "no row of subscriptions has its subscription_id", warn=True),
    Reason(
        "no_exchange_rate_for_payment", "quarantined", "no exchange rate in the 5 days up to the payment", warn=True
    ),
)

#: Every declared reason by its code.
REASONS: dict[str, Reason] = {
    reason.code: reason
    for reason in (
        *_OF_EVERY_TABLE, *_OF_ORDERS, *_OF_CUSTOMERS, *_OF_WEB_SESSIONS, *_OF_SURVEY_RESPONSES,
        *_OF_SOCIAL_INTERACTIONS, *_OF_CAMPAIGN_TOUCHES, *_OF_MARKETING_SPEND, *_OF_PRODUCTS,
        *_OF_SUBSCRIPTIONS, *_OF_SUBSCRIPTION_PAYMENTS,
    )
}  # fmt: skip
