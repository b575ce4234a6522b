"""Magento: base and order currency, bundles whose children repeat the money, credit memos, guests, times in UTC."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from clv_pipeline_tests.shops.made_up import D, Shop, Totals, purchases, script, table

_ZONE = ZoneInfo("Europe/Zurich")
_PRODUCTS = (("LAMP", D("50.0000"), D("31.2000")), ("RUG", D("25.0000"), D("11.5000")), ("CUP", D("8.4034"), D("3.1000")),
             ("SHIRT-M", D("33.6050"), D("14.0000")), ("KIT", D("100.0000"), D("55.0000")))  # fmt: skip
_STATES = (
    "complete",
    "complete",
    "processing",
    "complete",
    "canceled",
    "complete",
    "complete",
    "holded",
    "complete",
    "new",
)
_REVENUE = ("processing", "complete", "closed")
_TAX, _RATE = D("0.19"), D("0.9400")


def _four(value: Decimal) -> Decimal:
    return value.quantize(D("0.0001"), ROUND_HALF_UP)


def make() -> Shop:
    totals, orders, items, memos, memo_items, invoices, log = Totals(), [], [], [], [], [], []
    item_id = 0
    for p in purchases(7, count=44, people=12, products=5):
        state = _STATES[p.number * 7 % 10]
        is_guest = p.person >= 9 or (p.person == 2 and p.number % 2 == 1)
        who = ("email", f"guest{p.person}@m.example") if p.person >= 9 else ("id", str(101 + p.person))
        email = f"guest{p.person}@m.example" if p.person >= 9 else f"c{p.person}@m.example"
        rate = _RATE if p.number % 9 == 4 else D("1.0000")
        utc = p.at.replace(tzinfo=_ZONE).astimezone(UTC).replace(tzinfo=None)
        goods, taxes, discounts, sold = [], [], [], []
        for product, quantity in p.basket:
            sku, price, cost = _PRODUCTS[product]
            row_total = _four(price * quantity)
            discount = _four(row_total / 10) if p.number % 4 == 2 else D("0.0000")
            tax = _four((row_total - discount) * _TAX)
            item_id += 1
            parent = item_id
            kind = {"SHIRT-M": "configurable", "KIT": "bundle"}.get(sku, "simple")
            sold.append((parent, sku, price, discount / quantity, cost))
            goods.append(row_total - discount)
            taxes.append(tax)
            discounts.append(discount)
            items.append(
                _item(parent, p.number, None, kind, sku, quantity, price, row_total, discount, tax, cost, rate, utc)
            )
            # a configurable product's child has no money, a bundle's children have that of their parent once more
            children = {"SHIRT-M": [("SHIRT-M", D(0))], "KIT": [("LAMP", D(60)), ("RUG", D(40))]}.get(sku, [])
            for child, child_price in children:
                item_id += 1
                row = _four(child_price * quantity)
                items.append(
                    _item(
                        item_id,
                        p.number,
                        parent,
                        "simple",
                        child,
                        quantity,
                        child_price,
                        row,
                        D(0),
                        D(0),
                        D(0),
                        rate,
                        utc,
                    )
                )
        subtotal, discount, tax = (
            sum(values, D(0)) for values in ([g + d for g, d in zip(goods, discounts, strict=True)], discounts, taxes)
        )
        shipping = D("5.0000") if p.number % 2 else D("0.0000")
        total = subtotal - discount + tax + shipping
        has_memo = state in ("complete",) and p.number % 7 in (1, 4)
        is_all = has_memo and p.number % 7 == 1
        if is_all:
            state = "closed"
        status = {"new": "pending", "canceled": "canceled"}.get(state, state)
        orders.append(
            {
                "entity_id": p.number, "state": state, "status": status, "coupon_code": "TEN" if discount else None,
                "store_id": 1,
                "customer_id": None if is_guest else 101 + p.person, "base_discount_amount": -discount, "base_grand_total": total,
                "base_shipping_amount": shipping, "base_shipping_tax_amount": D(0), "base_subtotal": subtotal,
                "base_subtotal_incl_tax": subtotal + tax, "base_tax_amount": tax, "base_to_global_rate": D("1.0000"),
                "base_to_order_rate": rate, "discount_amount": -_four(discount * rate), "grand_total": _four(total * rate),
                "shipping_amount": _four(shipping * rate), "store_to_base_rate": D(0), "store_to_order_rate": D(0),
                "subtotal": _four(subtotal * rate), "subtotal_incl_tax": _four((subtotal + tax) * rate),
                "tax_amount": _four(tax * rate), "total_paid": _four(total * rate) if state in _REVENUE else None,
                "total_qty_ordered": sum(q for _, q in p.basket), "customer_is_guest": int(is_guest),
                "billing_address_id": 2 * p.number,
                "quote_id": 500 + p.number, "shipping_address_id": 2 * p.number + 1, "increment_id": f"{p.number:09d}",
                "base_currency_code": "EUR", "customer_email": email, "customer_firstname": "Eva", "customer_lastname": "Muster",
                "global_currency_code": "EUR", "order_currency_code": "EUR" if rate == 1 else "CHF", "store_currency_code": "EUR",
                "remote_ip": "203.0.113.9", "shipping_method": "flatrate_flatrate", "store_name": "Main Website",
                "created_at": utc, "updated_at": utc + timedelta(days=3), "total_item_count": len(p.basket),
            }
        )  # fmt: skip
        log.append((p.number, p.number, 0, "Order placed", status, utc, "order"))
        if state in _REVENUE:
            invoices.append(
                (p.number, 1, total, tax, discount, subtotal, shipping, p.number, 2, f"{p.number:09d}", utc)
            )
            totals.sale(who, p.at.date(), goods, discount=discount, tax=tax, shipping=shipping)
        if not has_memo:
            continue
        # what is known of a part return: one piece of the first line
        back = [(i, s, pr, d, q) for (i, s, pr, d, _), (_, q) in zip(sold, p.basket, strict=True)]
        back = back if is_all else [(*back[0][:4], 1)]
        later = utc + timedelta(days=12)
        rows, returned, back_tax = [], D(0), D(0)
        for item, sku, price, less, quantity in back:
            row, off = _four(price * quantity), _four(less * quantity)
            row_tax = _four((row - off) * _TAX)
            returned += row - off
            back_tax += row_tax
            rows.append((10 * p.number + len(rows), p.number, price, row_tax, row, off, _four(price * rate),
            _four(row_tax * rate),
                         _four(row * rate), _four(off * rate), quantity, 1, item, sku, sku))  # fmt: skip
        memo_items += rows
        back_shipping = shipping if is_all else D("0.0000")
        memos.append(
            {
                "entity_id": p.number, "store_id": 1, "adjustment_positive": D(0), "base_shipping_amount": back_shipping,
                "base_adjustment_negative": D(0), "base_subtotal": returned, "base_discount_amount": D(0),
                "base_grand_total": returned + back_tax + back_shipping, "base_tax_amount": back_tax,
                "grand_total": _four((returned + back_tax + back_shipping) * rate), "base_to_order_rate": rate,
                "order_id": p.number,
                "state": 2, "base_currency_code": "EUR", "order_currency_code": "EUR" if rate == 1 else "CHF",
                "increment_id": f"{p.number:09d}", "created_at": later, "updated_at": later,
            }
        )  # fmt: skip
        totals.refund(who, returned)
    sql = script(
        table(
            "sales_order",
            """entity_id integer primary key, state varchar(32), status varchar(32), coupon_code varchar(255), store_id smallint,
            customer_id integer, base_discount_amount decimal(20,4), base_grand_total decimal(20,4),
            base_shipping_amount decimal(20,4), base_shipping_tax_amount decimal(20,4), base_subtotal decimal(20,4),
            base_subtotal_incl_tax decimal(20,4), base_tax_amount decimal(20,4), base_to_global_rate decimal(20,4),
            base_to_order_rate decimal(20,4), discount_amount decimal(20,4), grand_total decimal(20,4),
            shipping_amount decimal(20,4), store_to_base_rate decimal(12,4), store_to_order_rate decimal(12,4),
            subtotal decimal(20,4), subtotal_incl_tax decimal(20,4), tax_amount decimal(20,4), total_paid decimal(20,4),
            total_qty_ordered decimal(12,4), customer_is_guest smallint, billing_address_id integer, quote_id integer,
            shipping_address_id integer, increment_id varchar(50), base_currency_code varchar(3), customer_email varchar(128),
            customer_firstname varchar(128), customer_lastname varchar(128), global_currency_code varchar(3),
            order_currency_code varchar(3), store_currency_code varchar(3), remote_ip varchar(45), shipping_method varchar(120),
            store_name varchar(255), created_at timestamp not null, updated_at timestamp not null, total_item_count smallint""",
            orders,
        ),
        table(
            "sales_order_item",
            """item_id integer primary key, order_id integer not null, parent_item_id integer, quote_item_id integer,
            store_id smallint,
            created_at timestamp, updated_at timestamp, product_id integer, product_type varchar(255), sku varchar(255),
            name varchar(255), qty_canceled decimal(12,4), qty_invoiced decimal(12,4), qty_ordered decimal(12,4),
            qty_refunded decimal(12,4), base_cost decimal(12,4), price decimal(12,4), base_price decimal(12,4),
            original_price decimal(12,4), tax_percent decimal(12,4), tax_amount decimal(20,4), base_tax_amount decimal(20,4),
            discount_percent decimal(12,4), discount_amount decimal(20,4), base_discount_amount decimal(20,4),
            row_total decimal(20,4), base_row_total decimal(20,4), price_incl_tax decimal(20,4),
            base_price_incl_tax decimal(20,4),
            row_total_incl_tax decimal(20,4), base_row_total_incl_tax decimal(20,4)""",
            items,
        ),
        table(
            "sales_creditmemo",
            """entity_id integer primary key, store_id smallint, adjustment_positive decimal(20,4),
            base_shipping_amount decimal(20,4),
            base_adjustment_negative decimal(20,4), base_subtotal decimal(20,4), base_discount_amount decimal(20,4),
            base_grand_total decimal(20,4), base_tax_amount decimal(20,4), grand_total decimal(20,4),
            base_to_order_rate decimal(20,4), order_id integer not null, creditmemo_status integer, state integer,
            base_currency_code varchar(3), order_currency_code varchar(3), increment_id varchar(50), created_at timestamp,
            updated_at timestamp""",
            memos,
        ),
        table(
            "sales_creditmemo_item",
            """entity_id integer primary key, parent_id integer not null, base_price decimal(12,4), base_tax_amount decimal(12,4),
            base_row_total decimal(12,4), base_discount_amount decimal(12,4), price decimal(12,4), tax_amount decimal(12,4),
            row_total decimal(12,4), discount_amount decimal(12,4), qty decimal(12,4), product_id integer, order_item_id integer,
            sku varchar(255), name varchar(255)""",
            memo_items,
        ),
        table(
            "sales_invoice",
            """entity_id integer primary key, store_id smallint, base_grand_total decimal(20,4), base_tax_amount decimal(20,4),
            base_discount_amount decimal(20,4), base_subtotal decimal(20,4), base_shipping_amount decimal(20,4), order_id integer,
            state integer, increment_id varchar(50), created_at timestamp""",
            invoices,
        ),
        table(
            "sales_order_grid",
            """entity_id integer primary key, status varchar(32), store_id smallint, store_name varchar(255), customer_id integer,
            base_grand_total decimal(20,4), base_total_paid decimal(20,4), grand_total decimal(20,4), increment_id varchar(50),
            base_currency_code varchar(3), order_currency_code varchar(255), shipping_name varchar(255),
            billing_name varchar(255),
            created_at timestamp, updated_at timestamp, customer_email varchar(255), customer_group varchar(255),
            subtotal decimal(20,4)""",
            [
                (o["entity_id"], o["status"], 1, "Main Website", o["customer_id"], o["base_grand_total"], o["base_grand_total"],
                 o["grand_total"], o["increment_id"], "EUR", o["order_currency_code"], "Eva Muster", "Eva Muster",
                 o["created_at"],
                 o["updated_at"], o["customer_email"], "General", o["subtotal"])
                for o in orders
            ],
        ),
        table(
            "sales_order_status_history",
            """entity_id integer primary key, parent_id integer, is_customer_notified integer, comment text, status varchar(32),
            created_at timestamp, entity_name varchar(32)""",
            log,
        ),
        table(
            "sales_order_address",
            """entity_id integer primary key, parent_id integer, address_type varchar(255), city varchar(255),
            country_id varchar(2),
            postcode varchar(255), email varchar(255)""",
            [(2 * o["entity_id"], o["entity_id"], "billing", "Basel", "CH", "4001", o["customer_email"]) for o in orders],
        ),
        table(
            "customer_entity",
            """entity_id integer primary key, website_id smallint, email varchar(255), group_id smallint,
            increment_id varchar(50),
            store_id smallint, created_at timestamp, updated_at timestamp, is_active smallint, firstname varchar(255),
            lastname varchar(255), dob date, gender smallint""",
            [
                (101 + i, 1, f"c{i}@m.example", 1, None, 1, "2022-11-03 10:00:00", "2024-01-02 10:00:00", 1, "Eva", "Muster",
                None, i % 3)
                for i in range(10)
            ],
        ),
        table(
            "customer_address_entity",
            "entity_id integer primary key, parent_id integer, city varchar(255), country_id varchar(255), postcode varchar(255)",
            [(i, 101 + i, "Basel", "CH", "4001") for i in range(10)],
        ),
        table(
            "quote",
            """entity_id integer primary key, store_id smallint, created_at timestamp, updated_at timestamp, is_active smallint,
            items_count integer, customer_id integer, customer_email varchar(255), grand_total decimal(20,4),
            base_grand_total decimal(20,4), subtotal decimal(20,4), base_subtotal decimal(20,4), reserved_order_id varchar(64)""",
            [(500 + i, 1, "2024-03-01 10:00:00", "2024-03-01 10:00:00", 1, 2, 101 + i % 9, f"c{i % 9}@m.example", 99, 99, 80,
            80, None)
             for i in range(80)],
        ),
        table(
            "quote_item",
            """item_id integer primary key, quote_id integer, product_id integer, sku varchar(255), name varchar(255),
            qty decimal(12,4),
            price decimal(12,4), base_price decimal(12,4), row_total decimal(20,4), base_row_total decimal(20,4)""",
            [(i, 500 + i % 80, 1, "LAMP", "Lamp", 1, 50, 50, 50, 50) for i in range(120)],
        ),
        table(
            "catalog_product_entity",
            """entity_id integer primary key, attribute_set_id smallint, type_id varchar(32), sku varchar(64),
            has_options smallint,
            created_at timestamp, updated_at timestamp""",
            [(1 + i, 4, "simple", sku, 0, "2022-10-01 10:00:00", "2023-10-01 10:00:00") for i, (sku, _,
            _) in enumerate(_PRODUCTS)],
        ),
        table("store", "store_id integer primary key, code varchar(32), website_id integer, name varchar(255), "
        "is_active smallint",
              [(0, "admin", 0, "Admin", 1), (1, "default", 1, "Default", 1)]),
        table("core_config_data", "config_id integer primary key, scope varchar(8), scope_id integer, path varchar(255), "
        "value text",
              [(1, "default", 0, "general/locale/timezone", "Europe/Zurich"), (2, "default", 0, "currency/options/base", "EUR")]),
        table("customer_log", "log_id integer primary key, customer_id integer, last_login_at timestamp, "
        "last_logout_at timestamp",
              [(i, 101 + i, "2024-04-02 10:00:00", None) for i in range(9)]),
        table("newsletter_subscriber", "subscriber_id integer primary key, customer_id integer, subscriber_email varchar(150)"),
    )  # fmt: skip
    answers = {
        "time_zone": "Europe/Zurich",
        "currency": "EUR",
        "revenue": list(_REVENUE),
        "not_revenue": ["new", "pending", "pending_payment", "payment_review", "holded", "canceled"],
    }
    traps = (
        "amounts exist in the base and in the order's currency",
        "children of bundles repeat their parent's money; quotes are carts",
        "base_row_total is before the discount and without tax; four decimals",
        "credit memos hold refunds with tax and postage; times are UTC; guests have only an address",
    )
    return Shop("sqlite", {"shop.sql": sql}, answers, totals, traps)


def _item(
    item: int, order: int, parent: int | None, kind: str, sku: str, quantity: int, price: Decimal, row: Decimal,
    discount: Decimal,
    tax: Decimal, cost: Decimal, rate: Decimal, at: datetime,
) -> dict[str, Any]:  # fmt: skip
    return {
        "item_id": item, "order_id": order, "parent_item_id": parent, "quote_item_id": item, "store_id": 1, "created_at": at,
        "updated_at": at, "product_id": 1 + next((i for i, (s, _, _) in enumerate(_PRODUCTS) if s == sku), 0),
        "product_type": kind,
        "sku": sku, "name": sku.capitalize(), "qty_canceled": 0, "qty_invoiced": quantity, "qty_ordered": quantity,
        "qty_refunded": 0,
        "base_cost": cost, "price": _four(price * rate), "base_price": price, "original_price": _four(price * rate),
        "tax_percent": D("19.0000"), "tax_amount": _four(tax * rate), "base_tax_amount": tax,
        "discount_percent": D("10.0000") if discount else D(0), "discount_amount": _four(discount * rate),
        "base_discount_amount": discount, "row_total": _four(row * rate), "base_row_total": row,
        "price_incl_tax": _four(price * rate * (1 + _TAX)), "base_price_incl_tax": _four(price * (1 + _TAX)),
        "row_total_incl_tax": _four(row * rate * (1 + _TAX)), "base_row_total_incl_tax": _four(row * (1 + _TAX)),
    }  # fmt: skip
