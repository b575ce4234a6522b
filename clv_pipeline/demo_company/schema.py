"""The demo company's own tables, named and typed as a web shop's operational database would have them.

Only tables belong here: no rows, no behaviour, and none of our contract's names (the SELECTs in sql/0_sources/demo
translate). Surrogate keys are primary; business keys are not unique, because in real life they are not.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

# without microseconds SQLite's text timestamps compare correctly with 'YYYY-MM-DD HH:MM:SS'
_TO_THE_SECOND = sqlite.DATETIME(truncate_microseconds=True)  # type: ignore[no-untyped-call]
LOCAL_TIME = sa.DateTime().with_variant(_TO_THE_SECOND, "sqlite")

METADATA = sa.MetaData()

CRM_CONTACT = sa.Table(
    "crm_contact",
    METADATA,
    sa.Column("contact_id", sa.Integer, primary_key=True),
    sa.Column("customer_no", sa.Text, nullable=False),
    sa.Column("first_name", sa.Text),
    sa.Column("last_name", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("country_code", sa.Text),
    sa.Column("state_region", sa.Text),
    sa.Column("birth_year", sa.Integer),
    sa.Column("sex", sa.Text),
    sa.Column("source_code", sa.Text),
    sa.Column("acquisition_cost_cents", sa.Integer),
    sa.Column("loyalty_level", sa.Integer),
    sa.Column("profiling_ok", sa.Text),
    sa.Column("is_staff", sa.Text),
    sa.Column("merged_into_no", sa.Text),
    sa.Column("created_ts", LOCAL_TIME),
    sa.Column("changed_ts", LOCAL_TIME),
)

ARTICLE_CATEGORY = sa.Table(
    "article_category",
    METADATA,
    sa.Column("category_id", sa.Integer, primary_key=True),
    sa.Column("label", sa.Text, nullable=False),
)

ARTICLE = sa.Table(
    "article",
    METADATA,
    sa.Column("sku", sa.Text, primary_key=True),
    sa.Column("category_id", sa.Integer, nullable=False),
    sa.Column("list_price_cents", sa.Integer, nullable=False),
)

SHOP_ORDER = sa.Table(
    "shop_order",
    METADATA,
    sa.Column("order_no", sa.Text, primary_key=True),
    sa.Column("customer_no", sa.Text),
    sa.Column("ordered_ts", LOCAL_TIME, nullable=False),
    sa.Column("channel_code", sa.Text),
    sa.Column("currency_code", sa.Text),
)

SHOP_ORDER_LINE = sa.Table(
    "shop_order_line",
    METADATA,
    sa.Column("line_key", sa.Integer, primary_key=True),
    sa.Column("order_no", sa.Text, nullable=False),
    sa.Column("line_no", sa.Integer, nullable=False),
    sa.Column("sku", sa.Text),
    sa.Column("qty", sa.Integer),
    sa.Column("unit_price_cents", sa.Integer),
    sa.Column("discount_cents", sa.Integer),
    sa.Column("state_code", sa.Text),
    sa.Column("changed_ts", LOCAL_TIME, nullable=False),
)

SHOP_RETURN = sa.Table(
    "shop_return",
    METADATA,
    sa.Column("return_key", sa.Integer, primary_key=True),
    sa.Column("order_no", sa.Text, nullable=False),
    sa.Column("line_no", sa.Integer, nullable=False),
    sa.Column("customer_no", sa.Text),
    sa.Column("sku", sa.Text),
    sa.Column("qty", sa.Integer),
    sa.Column("refund_cents", sa.Integer),
    sa.Column("channel_code", sa.Text),
    sa.Column("currency_code", sa.Text),
    sa.Column("returned_ts", LOCAL_TIME, nullable=False),
    sa.Column("changed_ts", LOCAL_TIME, nullable=False),
)

WEB_VISIT = sa.Table(
    "web_visit",
    METADATA,
    sa.Column("visit_id", sa.Integer, primary_key=True),
    sa.Column("customer_no", sa.Text),
    sa.Column("started_ts", LOCAL_TIME, nullable=False),
    sa.Column("pages", sa.Integer),
    sa.Column("seconds", sa.Integer),
    sa.Column("device_code", sa.Text),
    sa.Column("referrer_code", sa.Text),
    sa.Column("cart_adds", sa.Integer),
    sa.Column("has_ordered", sa.Text),
)

FEEDBACK = sa.Table(
    "feedback",
    METADATA,
    sa.Column("feedback_id", sa.Integer, primary_key=True),
    sa.Column("customer_no", sa.Text),
    sa.Column("given_ts", LOCAL_TIME, nullable=False),
    sa.Column("recommend_score", sa.Integer),
    sa.Column("stars", sa.Integer),
)

SOCIAL_EVENT = sa.Table(
    "social_event",
    METADATA,
    sa.Column("event_id", sa.Integer, primary_key=True),
    sa.Column("customer_no", sa.Text),
    sa.Column("occurred_ts", LOCAL_TIME, nullable=False),
    sa.Column("network_code", sa.Text),
    sa.Column("kind", sa.Text),
    sa.Column("polarity_percent", sa.Integer),
)

MAILING = sa.Table(
    "mailing",
    METADATA,
    sa.Column("mailing_id", sa.Integer, primary_key=True),
    sa.Column("title", sa.Text),
    sa.Column("medium_code", sa.Text),
    sa.Column("unit_cost_cents", sa.Integer),
)

MAILING_RECIPIENT = sa.Table(
    "mailing_recipient",
    METADATA,
    sa.Column("recipient_id", sa.Integer, primary_key=True),
    sa.Column("mailing_id", sa.Integer, nullable=False),
    sa.Column("customer_no", sa.Text, nullable=False),
    sa.Column("sent_ts", LOCAL_TIME, nullable=False),
    sa.Column("has_clicked", sa.Text),
    sa.Column("changed_ts", LOCAL_TIME, nullable=False),
)

AD_SPEND = sa.Table(
    "ad_spend",
    METADATA,
    sa.Column("source_code", sa.Text, primary_key=True),
    sa.Column("spend_day", sa.Date, primary_key=True),
    sa.Column("spend_cents", sa.Integer),
)

EXCHANGE_RATE = sa.Table(
    "exchange_rate",
    METADATA,
    sa.Column("currency_code", sa.Text, primary_key=True),
    sa.Column("rate_day", sa.Date, primary_key=True),
    sa.Column("units_per_eur", sa.Numeric(12, 6, asdecimal=False), nullable=False),
)
