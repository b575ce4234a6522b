"""Shops that we know by their tables: which of their statuses are revenue, whether they keep times in UTC, and money in cents.

Only a set of statuses of a known shop is classified without asking; words that merely sound like it are for the company to decide.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Shop:
    """A known shop: a table whose name ends so and that has these columns."""

    name: str
    table: str
    columns: tuple[str, ...]
    revenue: frozenset[str]
    not_revenue: frozenset[str]
    is_utc: bool = False
    is_in_cents: bool = False


def _shop(
    name: str, table: str, columns: str, revenue: str, not_revenue: str, *, is_utc: bool = False, cents: bool = False
) -> Shop:
    return Shop(
        name, table, tuple(columns.split()), frozenset(revenue.split(",")), frozenset(not_revenue.split(",")), is_utc, cents
    )


SHOPS = (
    _shop("Olist", "orders_dataset", "order_id order_purchase_timestamp order_estimated_delivery_date",
          "delivered,shipped,invoiced,processing,approved", "created,canceled,unavailable"),
    _shop("Magento", "sales_order", "increment_id base_grand_total",
          "processing,complete,closed", "new,pending,pending_payment,payment_review,holded,canceled,fraud,pending_paypal,paypal_canceled_reversal,paypal_reversed",
          is_utc=True),
    _shop("WooCommerce", "wc_orders", "id status type currency",
          "wc-processing,wc-completed,wc-refunded", "wc-pending,wc-on-hold,wc-cancelled,wc-failed,wc-checkout-draft,checkout-draft,auto-draft,trash"),
    _shop("WooCommerce", "wc_order_stats", "order_id net_total",
          "wc-processing,wc-completed,wc-refunded", "wc-pending,wc-on-hold,wc-cancelled,wc-failed,wc-checkout-draft,checkout-draft,auto-draft,trash"),
    _shop("PrestaShop", "orders", "id_order current_state total_paid_tax_excl", "2,3,4,5,9,7", "1,6,8,10,11,12,13,14"),
    _shop("Saleor", "order_order", "id status total_gross_amount",
          "unfulfilled,partially fulfilled,partially_fulfilled,fulfilled,returned,partially_returned", "draft,unconfirmed,canceled,cancelled,expired", is_utc=True),
    _shop("Odoo", "sale_order", "name state partner_id amount_untaxed", "sale,done", "draft,sent,cancel", is_utc=True),
    _shop("Spree", "spree_orders", "number state item_total", "complete,resumed,returned,awaiting_return",
          "cart,address,delivery,payment,confirm,canceled", is_utc=True),
    _shop("Solidus", "spree_orders", "number state item_total guest_token", "complete,resumed,returned,awaiting_return",
          "cart,address,delivery,payment,confirm,canceled", is_utc=True),
    _shop("Medusa", "order", "id display_id currency_code", "completed,pending,archived", "canceled,requires_action,draft", is_utc=True, cents=True),
    _shop("OpenCart", "order", "order_id order_status_id store_id", "2,3,5,15,Processing,Shipped,Complete,Processed",
          "0,1,7,8,10,14,16,Pending,Canceled,Denied,Failed,Expired,Voided"),
    _shop("BigCommerce", "orders", "status_id subtotal_ex_tax total_inc_tax",
          "2,3,4,9,10,11,14,Shipped,Partially Shipped,Refunded,Awaiting Pickup,Awaiting Shipment,Completed,Awaiting Fulfillment,Partially Refunded",
          "0,1,5,6,7,12,Incomplete,Pending,Cancelled,Declined,Awaiting Payment,Manual Verification Required", is_utc=True),
    _shop("AdventureWorks", "SalesOrderHeader", "SalesOrderID SubTotal TotalDue", "2,3,5", "1,4,6"),
    _shop("Shopify", "orders_export", "name lineitem_price", "paid,partially_paid,partially_refunded,refunded", "pending,authorized,voided,expired"),
)  # fmt: skip


def recognise_shop(tables: Mapping[str, Collection[str]]) -> Shop | None:
    """Return the shop that these tables (name -> columns) belong to, None if it is not known."""
    for shop in SHOPS:
        for name, columns in tables.items():
            there = {column.lower() for column in columns}
            if _ends(name, shop.table) and {c.lower() for c in shop.columns} <= there:
                return shop
    return None


def _ends(name: str, table: str) -> bool:
    own, known = name.lower(), table.lower()
    return own == known or own.endswith((f"_{known}", f".{known}"))


def classified(shop: Shop | None, statuses: Collection[str]) -> tuple[list[str], list[str]] | None:
    """Return the statuses that are revenue and those that are not, None unless the shop has all of them.

    >>> classified(SHOPS[0], ["delivered", "canceled"])
    (['delivered'], ['canceled'])
    >>> classified(SHOPS[0], ["delivered", "gold"])
    """
    if shop is None or not statuses:
        return None
    revenue = {s.lower() for s in shop.revenue}
    others = {s.lower() for s in shop.not_revenue}
    if not all(status.lower() in revenue | others for status in statuses):
        return None
    return [s for s in statuses if s.lower() in revenue], [s for s in statuses if s.lower() in others]
