"""The source contract: the columns that each SELECT of a source returns.

Only the shape of incoming tables belongs here. Rules about rows live in `sql/1_clean` and `quality/`.
"""

import re
from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "secret", "timestamp", "date", "money", "number", "rate", "integer", "boolean"]

#: How each contract type is stored in the warehouse. A `secret` is hashed on loading and stored as its hash; a `rate` is
#: above zero, and fine enough for the smallest currencies.
STORED_AS: dict[ColumnType, str] = {
    "text": "varchar",
    "secret": "varchar",
    "timestamp": "timestamptz",
    "date": "date",
    "money": "decimal(18,6)",
    "number": "decimal(18,6)",
    "rate": "decimal(20,10)",
    "integer": "bigint",
    "boolean": "boolean",
}


@dataclass(frozen=True)
class Column:
    """One contract column; `required` means the SELECT must return it, not that it is never null.

    `is_late`: the column joined the contract later; it is part of a row's hash only where the source returns it, so that a row
    that has not changed keeps its hash.
    """

    name: str
    type: ColumnType
    description: str
    required: bool = False
    is_late: bool = False

    @property
    def is_key(self) -> bool:
        """Whether this column identifies or joins rows."""
        return self.type == "text" and (self.required or self.name.endswith("_id"))


@dataclass(frozen=True)
class SourceTable:
    """One contract table: `grain` is the meaning of a row, `event_time` the column with the time of a row.

    `attribute_prefix`: columns whose names begin with it may be returned, too: the company's own attributes of a row.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    event_time: str | None
    required: bool = False
    attribute_prefix: str | None = None
    attribute_meaning: str = ""

    def is_attribute(self, name: str) -> bool:
        """Return whether a returned column is one of the company's own attributes.

        >>> CONTRACT["customers"].is_attribute("attribute_plan"), CONTRACT["orders"].is_attribute("attribute_plan")
        (True, False)
        """
        # a feature has its name: nothing that would have to be quoted
        return self.attribute_prefix is not None and bool(re.fullmatch(rf"{self.attribute_prefix}[a-z0-9_]+", name))

    @property
    def has_row_key(self) -> bool:
        """Whether a row has an identifier of its own, by which a newer version of it is known.

        >>> CONTRACT["orders"].has_row_key, CONTRACT["marketing_spend"].has_row_key
        (True, False)
        """
        return any(c.required and c.name.endswith("_id") for c in self.columns)

    def takes(self, name: str) -> bool:
        """Return whether a SELECT may return a column of this name, in lower case."""
        return name in self.column_names() or self.is_attribute(name)

    def column_names(self) -> list[str]:
        """Return the columns that a SELECT may return, in order; `is_attribute` tells which others."""
        return [c.name for c in self.columns]

    def column(self, name: str) -> Column:
        """Return a column by its name.

        >>> CONTRACT["orders"].column("amount").type
        'money'
        """
        return next(c for c in self.columns if c.name == name)


ORDERS = SourceTable(
    "orders",
    "order line",
    (
        Column("order_id", "text", "the order this line belongs to", required=True),
        Column("order_line_id", "text", "the line within its order; with it, a line delivered twice is recognised"),
        Column(
            "customer_id",
            "text",
            "the buyer; null is a guest order: the buyer is who has its email; without one its money is reported, not scored",
            required=True,
        ),
        Column("ordered_at", "timestamp", "when the order (or the return) happened", required=True),
        Column("product_id", "text", "the product bought"),
        Column("product_category", "text", "the product's category"),
        Column("quantity", "number", "number of units; negative for a return"),
        Column("amount", "money", "signed line value net of discount; a return is negative", required=True),
        Column("currency", "text", "ISO code; null means the source's currency"),
        Column("status", "text", "the source's order status, classified in [order_status] of source.toml"),
        Column("channel", "text", "sales channel"),
        Column("updated_at", "timestamp", "last change of the line at the source"),
        Column(
            "email",
            "secret",
            "the buyer's address: a guest joins the account that has it; hashed on loading with CLV_HASH_KEY",
            is_late=True,
        ),
        Column("discount", "money", "discount given on the line, already off amount; shown only", is_late=True),
        Column("tax", "money", "tax on the line, not in amount, same sign; shown only", is_late=True),
        Column("shipping", "money", "postage charged for the line, not in amount, same sign; shown only", is_late=True),
        Column(
            "cost", "money", "cost of the goods of the line, same sign as amount: margin = amount - cost", is_late=True
        ),
        Column("subscription_id", "text", "the subscription that the line belongs to", is_late=True),
    ),
    event_time="ordered_at",
    required=True,
)

CUSTOMERS = SourceTable(
    "customers",
    "customer",
    (
        Column("customer_id", "text", "the company's customer number", required=True),
        Column("created_at", "timestamp", "when the customer was entered in the CRM"),
        Column("country", "text", "country"),
        Column("region", "text", "region"),
        Column("birth_year", "integer", "year of birth (audits only, never a feature by default)"),
        Column("gender", "text", "gender (audits only, never a feature by default)"),
        Column("acquisition_channel", "text", "the channel that acquired the customer"),
        Column("acquisition_cost", "money", "cost of acquiring the customer"),
        Column("loyalty_tier", "text", "tier in the loyalty scheme today"),
        Column("email", "secret", "hashed on loading with CLV_HASH_KEY, never stored in plain text"),
        Column("profiling_consent", "boolean", "true, or the customer is kept out of features, training and scores"),
        Column("merged_into", "text", "the customer_id that this record was merged into"),
        Column("updated_at", "timestamp", "last change of the record at the source"),
    ),
    event_time="created_at",
    attribute_prefix="attribute_",
    attribute_meaning="a fact of your own about the customer that does not change after the record was entered (first shop, "
    "contract type, industry): a feature of the models. A value that changes later (points, last login, status) would tell "
    "them the future: leave it out",
)

WEB_SESSIONS = SourceTable(
    "web_sessions",
    "web session",
    (
        Column("session_id", "text", "the session", required=True),
        Column("customer_id", "text", "the customer, if known"),
        Column("started_at", "timestamp", "when the session began", required=True),
        Column("page_views", "integer", "pages viewed"),
        Column("duration_seconds", "integer", "length of the session"),
        Column("device", "text", "device class"),
        Column("traffic_source", "text", "source of the visit"),
        Column("cart_additions", "integer", "products put in the cart"),
        Column("converted", "boolean", "whether the session ended in an order"),
    ),
    event_time="started_at",
)

SURVEY_RESPONSES = SourceTable(
    "survey_responses",
    "survey response",
    (
        Column("response_id", "text", "the response", required=True),
        Column("customer_id", "text", "the customer who answered", required=True),
        Column("responded_at", "timestamp", "when the survey was answered", required=True),
        Column("nps_score", "integer", "would recommend, 0 to 10"),
        Column("csat_score", "integer", "satisfaction, 1 to 5"),
    ),
    event_time="responded_at",
)

SOCIAL_INTERACTIONS = SourceTable(
    "social_interactions",
    "social interaction",
    (
        Column("interaction_id", "text", "the interaction", required=True),
        Column("customer_id", "text", "the customer, if known"),
        Column("occurred_at", "timestamp", "when the interaction happened", required=True),
        Column("network", "text", "social network"),
        Column("kind", "text", "mention, comment, share, complaint ..."),
        Column("sentiment", "number", "-1 (angry) to 1 (delighted)"),
    ),
    event_time="occurred_at",
)

MARKETING_SPEND = SourceTable(
    "marketing_spend",
    "row of spend on a channel and day, such as a campaign",
    (
        Column("channel", "text", "marketing channel", required=True),
        Column("spend_date", "date", "the day the money was spent", required=True),
        Column("spend", "money", "money spent; all rows of a channel and day are added up"),
        Column("currency", "text", "ISO code; null means the source's currency"),
        Column(
            "campaign",
            "text",
            "campaign or ad group; equal rows that name one are one row delivered twice",
            is_late=True,
        ),
    ),
    event_time="spend_date",
)

CAMPAIGN_TOUCHES = SourceTable(
    "campaign_touches",
    "touch of one customer by one campaign",
    (
        Column("touch_id", "text", "the touch", required=True),
        Column("customer_id", "text", "who was touched", required=True),
        Column("touched_at", "timestamp", "when", required=True),
        Column("campaign", "text", "campaign name"),
        Column("channel", "text", "e-mail, post, app ..."),
        Column("cost", "money", "cost of the touch"),
        Column("responded", "boolean", "whether the customer responded"),
        Column(
            "responded_at", "timestamp", "when the customer responded, from when on the response counts", is_late=True
        ),
    ),
    event_time="touched_at",
)

FX_RATES = SourceTable(
    "fx_rates",
    "currency and day",
    (
        Column("currency", "text", "ISO code of the foreign currency", required=True),
        Column("rate_date", "date", "the day of the rate", required=True),
        Column("rate", "rate", "reporting currency per unit of the foreign currency, above 0", required=True),
    ),
    event_time="rate_date",
)

PRODUCTS = SourceTable(
    "products",
    "product",
    (
        Column("product_id", "text", "the product, as orders.product_id names it", required=True),
        Column("name", "text", "the product's name, shown where products are"),
        Column("category", "text", "category of the order lines of this product that have none of their own"),
        Column("cost", "money", "cost of one unit today, of the order lines that have no cost of their own"),
        Column("currency", "text", "ISO code; null means the source's currency"),
        Column("updated_at", "timestamp", "last change of the product at the source"),
    ),
    event_time=None,
)

SUBSCRIPTIONS = SourceTable(
    "subscriptions",
    "subscription and price period",
    (
        Column("subscription_id", "text", "the subscription", required=True),
        Column("customer_id", "text", "the subscriber", required=True),
        Column("valid_from", "date", "first day of this plan and price", required=True),
        Column("valid_to", "date", "the day from which it holds no more; null while it runs"),
        Column("renews_at", "date", "the day it renews next"),
        Column("plan", "text", "plan or product subscribed to"),
        Column("amount", "money", "price of one interval, net of discount and tax", required=True),
        Column("interval", "text", "day, week, month, quarter or year: what one amount pays for"),
        Column("cancelled_at", "timestamp", "when the subscriber cancelled; null if not"),
        Column("status", "text", "the source's status of the subscription"),
        Column("currency", "text", "ISO code; null means the source's currency"),
        Column("updated_at", "timestamp", "last change of the row at the source"),
    ),
    event_time="valid_from",
)

SUBSCRIPTION_PAYMENTS = SourceTable(
    "subscription_payments",
    "payment of a subscription",
    (
        Column("payment_id", "text", "the payment", required=True),
        Column("subscription_id", "text", "the subscription that it pays for", required=True),
        Column("paid_at", "timestamp", "when it was paid", required=True),
        Column("amount", "money", "money paid, net of tax; a refund is negative", required=True),
        Column("currency", "text", "ISO code; null means the source's currency"),
        Column("status", "text", "the source's status of the payment"),
        Column("updated_at", "timestamp", "last change of the payment at the source"),
    ),
    event_time="paid_at",
)

CONTRACT: dict[str, SourceTable] = {
    table.name: table
    for table in (
        ORDERS,
        CUSTOMERS,
        WEB_SESSIONS,
        SURVEY_RESPONSES,
        SOCIAL_INTERACTIONS,
        MARKETING_SPEND,
        CAMPAIGN_TOUCHES,
        FX_RATES,
        PRODUCTS,
        SUBSCRIPTIONS,
        SUBSCRIPTION_PAYMENTS,
    )
}
