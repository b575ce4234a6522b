"""WooCommerce with its own order tables: refunds are orders of their own, guests are customer 0, dates are in UTC."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from clv_pipeline_tests.shops.made_up import D, Purchase, Shop, Totals, cents, purchases, script, table

Rows: TypeAlias = list[tuple[Any, ...]]
_ZONE = ZoneInfo("Europe/Madrid")
_PRICES = (D("40.00"), D("12.95"), D("7.49"), D("129.00"), D("18.33"))
_STATUSES = (
    *("wc-completed",) * 5,
    "wc-processing",
    "wc-cancelled",
    "wc-completed",
    "wc-failed",
    "wc-on-hold",
    "wc-completed",
)
_REVENUE = ("wc-completed", "wc-processing", "wc-refunded")
_TAX = D("0.21")


def make() -> Shop:
    totals = Totals()
    orders, addresses, operational, items, meta, stats, lookup, coupons = [], [], [], [], [], [], [], []
    clock = {"item": 0, "meta": 0}

    def add_item(order: int, name: str, kind: str, values: dict[str, object]) -> int:
        clock["item"] += 1
        items.append((clock["item"], name, kind, order))
        for key, value in values.items():
            clock["meta"] += 1
            meta.append((clock["meta"], clock["item"], key, str(value)))
        return clock["item"]

    number = 100
    for p in purchases(6, count=44, people=12, products=5):
        number += 1
        order = number
        user, email, status, back = _fate(p)
        is_revenue = status in _REVENUE
        lines = [(product, quantity, _PRICES[product] * quantity) for product, quantity in p.basket]
        listed = sum((money for _, _, money in lines), D(0))
        # a coupon of 10 % is taken off each line, in cents
        off = [cents(money / 10) if p.number % 5 == 0 else D(0) for _, _, money in lines]
        goods = [money - less for (_, _, money), less in zip(lines, off, strict=True)]
        net, shipping = sum(goods, D(0)), D("4.90") if listed < 100 else D(0)
        taxes = [cents(money * _TAX) for money in goods]
        shipping_tax = cents(shipping * _TAX)
        tax = sum(taxes, D(0)) + shipping_tax
        total = net + shipping + tax
        gmt = _gmt(p.at)
        orders.append(
            (
                order, status, "EUR", "shop_order", tax, total, user, email if p.number % 3 else email.capitalize(), gmt,
                gmt + timedelta(days=3), 0, "stripe", "Credit card", f"ch_{order}", "203.0.113.7", "Mozilla/5.0", "",
            )
        )  # fmt: skip
        addresses.append(
            (2 * order, order, "billing", "Ana", f"Buyer{p.person}", "Calle Mayor 1", "Madrid", "28013", "ES", email)
        )
        operational.append((order, order, "checkout", "9.1.2", 0, 1, gmt, sum(off, D(0)), D(0), shipping_tax, shipping))
        customer = p.person + 1 if user or p.person >= 9 else 13
        stats.append(
            (
                order, 0, p.at, gmt, p.at if is_revenue else None, p.at + timedelta(days=2) if status == "wc-completed" else None,
                sum(q for _, q, _ in lines), total, tax, shipping, net, 1, status, customer,
            )
        )  # fmt: skip
        sold = []
        for (product, quantity, money), kept, tax_of_line, less in zip(lines, goods, taxes, off, strict=True):
            values = {
                "_product_id": 11 + product, "_variation_id": 0, "_qty": quantity, "_tax_class": "", "_line_subtotal": money,
                "_line_subtotal_tax": cents(money * _TAX), "_line_total": kept, "_line_tax": tax_of_line,
            }  # fmt: skip
            item = add_item(order, f"Product {product}", "line_item", values)
            sold.append((item, product, kept / quantity, cents(kept / quantity * _TAX)))
            share = cents(shipping * quantity / sum(q for _, q, _ in lines))
            gross = kept + tax_of_line + share
            lookup.append(
                (item, order, 11 + product, 0, customer, p.at, quantity, kept, gross, less, tax_of_line, share, D(0))
            )
        if shipping:
            add_item(
                order, "Flat rate", "shipping", {"method_id": "flat_rate", "cost": shipping, "total_tax": shipping_tax}
            )
        add_item(
            order,
            "ES-IVA-1",
            "tax",
            {"rate_id": 1, "tax_amount": sum(taxes, D(0)), "shipping_tax_amount": shipping_tax},
        )
        if any(off):
            add_item(order, "welcome10", "coupon", {"discount_amount": sum(off, D(0)), "discount_amount_tax": D(0)})
            coupons.append((order, 900, p.at, sum(off, D(0))))
        if is_revenue:
            who = ("email", email) if p.person >= 9 else ("id", str(2 + p.person))
            totals.sale(who, p.at.date(), goods, discount=sum(off, D(0)), tax=tax, shipping=shipping)
        all_back, one_back = back == "all", back == "one"
        if back:
            number += 1
            day = p.at + timedelta(days=5)
            item, product, unit, unit_tax = sold[0]
            back = -total if all_back else -(cents(unit) + unit_tax)
            back_tax = D(0) if all_back else -unit_tax
            orders.append(
                (number, "wc-completed", "EUR", "shop_order_refund", back_tax, back, None, None, _gmt(day), _gmt(day), order,
                "", "", "",
                 "", "", "")
            )  # fmt: skip
            stats.append(
                (number, order, day, _gmt(day), None, None, 0 if all_back else -1, back, back_tax, 0, back - back_tax, 1,
                 "wc-completed", customer)
            )  # fmt: skip
            if one_back:
                values = {
                    "_product_id": 11 + product, "_variation_id": 0, "_qty": -1, "_line_subtotal": -cents(unit),
                    "_line_total": -cents(unit), "_line_tax": -unit_tax, "_refunded_item_id": item,
                }  # fmt: skip
                returned = add_item(number, f"Product {product}", "line_item", values)
                lookup.append(
                    (returned, number, 11 + product, 0, customer, day, -1, -cents(unit), back, 0, -unit_tax, 0, 0)
                )
            # a refund of the whole order has no items, only what was paid
            totals.refund(who, net if all_back else cents(unit))
    _add_orders_never_placed(number, orders, add_item)
    sql = _script(orders, addresses, operational, items, meta, stats, lookup, coupons)
    answers = {
        "time_zone": "Europe/Madrid",
        "currency": "EUR",
        "revenue": list(_REVENUE),
        "not_revenue": [
            "wc-pending", "wc-on-hold", "wc-cancelled", "wc-failed", "wc-checkout-draft", "trash", "auto-draft",
        ],
    }  # fmt: skip
    traps = (
        "refunds are rows of wp_wc_orders with a parent and a status of their own; a full one has no items and all that was paid",
        "guests are customer_id 0, some with the address of an account; customer numbers of the lookup tables are others",
        "the lines' money is text in itemmeta, or net revenue in wp_wc_order_product_lookup; both have the coupon taken off",
        "date_created_gmt is UTC, date_created is local",
    )
    return Shop("sqlite", {"shop.sql": sql}, answers, totals, traps)


def _fate(p: Purchase) -> tuple[int, str, str, str | None]:
    """Return the user (0 is a guest), the address, the status, and which goods come back."""
    # people 9 to 11 never register; person 1 sometimes forgets to log in
    is_guest = p.person >= 9 or (p.person == 1 and p.number % 2 == 0)
    status = _STATUSES[p.number * 3 % len(_STATUSES)]
    back = None
    if status in _REVENUE and p.number % 12 == 5:
        status, back = "wc-refunded", "all"
    elif status in _REVENUE and p.number % 8 == 3:
        back = "one"
    return 0 if is_guest else 2 + p.person, f"buyer{p.person}@w.example", status, back


def _add_orders_never_placed(
    number: int, orders: Rows, add_item: Callable[[int, str, str, dict[str, object]], int]
) -> None:
    # an order in the bin, and one that a visitor never placed
    for status, total in (("trash", D("55.00")), ("wc-checkout-draft", D("20.00")), ("auto-draft", D(0))):
        number += 1
        at = datetime(2024, 5, 20, 9, 0)
        orders.append(
            (
                number,
                status,
                "EUR",
                "shop_order",
                D(0),
                total,
                0,
                "buyer0@w.example",
                at,
                at,
                0,
                "",
                "",
                "",
                "203.0.113.7",
                "",
                "",
            )
        )
        add_item(
            number,
            "Product 0",
            "line_item",
            {"_product_id": 11, "_qty": 1, "_line_subtotal": total, "_line_total": total},
        )


def _script(
    orders: Rows,
    addresses: Rows,
    operational: Rows,
    items: Rows,
    meta: Rows,
    stats: Rows,
    lookup: Rows,
    coupons: Rows,
) -> str:
    people = [(1, "admin", "owner@w.example")] + [(2 + i, f"buyer{i}", f"buyer{i}@w.example") for i in range(9)]
    posts = [(11 + i, 1, "2022-11-01", f"Product {i}", "publish", "product", 0) for i in range(5)]
    posts += [(order[0], 1, order[8], "", "draft", "shop_order_placehold", order[10]) for order in orders]
    return script(
        table(
            "wp_wc_orders",
            """id integer primary key, status varchar(20), currency varchar(10), type varchar(20), tax_amount decimal(26,8),
            total_amount decimal(26,8), customer_id integer, billing_email varchar(320), date_created_gmt datetime,
            date_updated_gmt datetime, parent_order_id integer, payment_method varchar(100), payment_method_title text,
            transaction_id varchar(100), ip_address varchar(100), user_agent text, customer_note text""",
            orders,
        ),
        table(
            "wp_wc_order_addresses",
            """id integer primary key, order_id integer not null, address_type varchar(20), first_name text, last_name text,
            address_1 text, city text, postcode text, country text, email varchar(320)""",
            addresses,
        ),
        table(
            "wp_wc_order_operational_data",
            """id integer primary key, order_id integer, created_via varchar(100), woocommerce_version varchar(20),
            prices_include_tax tinyint(1), coupon_usages_are_counted tinyint(1), date_paid_gmt datetime,
            discount_total_amount decimal(26,8), discount_tax_amount decimal(26,8), shipping_tax_amount decimal(26,8),
            shipping_total_amount decimal(26,8)""",
            operational,
        ),
        table("wp_wc_orders_meta", "id integer primary key, order_id integer, meta_key varchar(255), meta_value text"),
        table(
            "wp_woocommerce_order_items",
            "order_item_id integer primary key, order_item_name text, order_item_type varchar(200), order_id integer not null",
            items,
        ),
        table(
            "wp_woocommerce_order_itemmeta",
            "meta_id integer primary key, order_item_id integer not null, meta_key varchar(255), meta_value text",
            meta,
        ),
        table(
            "wp_wc_order_stats",
            """order_id integer primary key, parent_id integer, date_created datetime, date_created_gmt datetime,
            date_paid datetime,
            date_completed datetime, num_items_sold integer, total_sales double, tax_total double, shipping_total double,
            net_total double, returning_customer tinyint(1), status varchar(20), customer_id integer""",
            stats,
        ),
        table(
            "wp_wc_order_product_lookup",
            """order_item_id integer, order_id integer, product_id integer, variation_id integer, customer_id integer,
            date_created datetime, product_qty integer, product_net_revenue double, product_gross_revenue double,
            coupon_amount double, tax_amount double, shipping_amount double, shipping_tax_amount double""",
            lookup,
        ),
        table(
            "wp_wc_order_coupon_lookup",
            "order_id integer, coupon_id integer, date_created datetime, discount_amount double",
            coupons,
        ),
        table(
            "wp_wc_customer_lookup",
            """customer_id integer primary key, user_id integer, username varchar(60), first_name varchar(255),
            last_name varchar(255),
            email varchar(100), date_last_active datetime, date_registered datetime, country char(2), postcode varchar(20),
            city varchar(100), state varchar(100)""",
            [
                (i + 1, 2 + i if i < 9 else None, f"buyer{i}" if i < 9 else "", "Ana", f"Buyer{i}",
                f"buyer{min(i, 11)}@w.example",
                 "2024-05-01 10:00:00", "2022-12-01 10:00:00" if i < 9 else None, "ES", "28013", "Madrid", "M")
                for i in range(12)
            ]
            + [(13, None, "", "Ana", "Buyer1", "buyer1@w.example", "2024-05-01 10:00:00", None, "ES", "28013", "Madrid", "M")],
        ),
        table(
            "wp_users",
            """ID integer primary key, user_login varchar(60), user_pass varchar(255), user_nicename varchar(50),
            user_email varchar(100), user_url varchar(100), user_registered datetime, user_activation_key varchar(255),
            user_status integer, display_name varchar(250)""",
            [(i, login, "$P$B", login, email, "", "2022-12-01 10:00:00", "", 0, login) for i, login, email in people],
        ),
        table(
            "wp_usermeta",
            "umeta_id integer primary key, user_id integer, meta_key varchar(255), meta_value text",
            [(i, i, "wp_capabilities", 'a:1:{s:8:"customer";b:1;}') for i, _, _ in people],
        ),
        table(
            "wp_posts",
            """ID integer primary key, post_author integer, post_date datetime, post_title text, post_status varchar(20),
            post_type varchar(20), post_parent integer""",
            posts,
        ),
        table(
            "wp_postmeta",
            "meta_id integer primary key, post_id integer, meta_key varchar(255), meta_value text",
            [(i + 1, 11 + i, "_price", str(price)) for i, price in enumerate(_PRICES)],
        ),
        table(
            "wp_wc_product_meta_lookup",
            """product_id integer primary key, sku varchar(100), min_price decimal(19,4), max_price decimal(19,4),
            stock_quantity double, total_sales integer""",
            [(11 + i, f"SKU{i}", price, price, 30, 40) for i, price in enumerate(_PRICES)],
        ),
        table(
            "wp_options", "option_id integer primary key, option_name varchar(191), option_value text, autoload varchar(20)",
            [(1, "woocommerce_currency", "EUR", "yes"), (2, "timezone_string", "Europe/Madrid", "yes")],
        ),
        table(
            "wp_woocommerce_sessions",
            "session_id integer primary key, session_key char(32), session_value text, session_expiry integer",
            [(1, "abc", "a:0:{}", 1717000000)],
        ),
        table(
            "wp_comments",
            """comment_ID integer primary key, comment_post_ID integer, comment_author text, comment_date datetime,
            comment_content text, comment_type varchar(20)""",
            [(i, order[0], "WooCommerce", order[8], "Order status changed.", "order_note") for i, order in enumerate(orders,
            start=1)],
        ),
        table(
            "wp_actionscheduler_actions",
            "action_id integer primary key, hook varchar(191), status varchar(20), scheduled_date_gmt datetime",
            [(i, "wc-admin_import_orders", "complete", "2024-05-01 10:00:00") for i in range(1, 60)],
        ),
        table("wp_terms", "term_id integer primary key, name varchar(200), slug varchar(200)", [(1, "Uncategorized",
        "uncategorized")]),
        table("wp_woocommerce_tax_rates", "tax_rate_id integer primary key, tax_rate_country varchar(2), tax_rate varchar(8)",
              [(1, "ES", "21.0000")]),
    )  # fmt: skip


def _gmt(local: datetime) -> datetime:
    return local.replace(tzinfo=_ZONE).astimezone(UTC).replace(tzinfo=None)
