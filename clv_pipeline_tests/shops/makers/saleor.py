"""Saleor: Django tables in PostgreSQL. Net and gross prices side by side, drafts, returns as fulfilments,
orders without an account."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP
from zoneinfo import ZoneInfo

from clv_pipeline_tests.shops.made_up import D, Shop, Totals, cents, purchases, script, table

_ZONE = ZoneInfo("America/Chicago")
_PRICES = (D("24.99"), D("9.50"), D("75.00"), D("3.33"), D("149.90"))
_STATUSES = (
    "fulfilled", "fulfilled", "unfulfilled", "canceled", "fulfilled", "partially fulfilled", "fulfilled", "draft", "fulfilled",
    "unconfirmed", "fulfilled", "expired", "fulfilled",
)  # fmt: skip
_REVENUE = ("unfulfilled", "partially fulfilled", "fulfilled", "partially_returned", "returned")
_TAX = D("0.0825")


def _uuid(kind: int, number: int) -> str:
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


def make() -> Shop:
    totals = Totals()
    orders, lines, fulfillments, fulfilled, payments, transactions, events, discounts = [], [], [], [], [], [], [], []
    line = fulfillment = 0
    for p in purchases(9, count=47, people=13, products=5):
        status = _STATUSES[p.number * 5 % 13]
        is_guest = p.person >= 10 or (p.person == 1 and p.number % 3 == 0)
        email = f"User{p.person}@s.example" if p.number % 4 == 0 else f"user{p.person}@s.example"
        who = ("email", email.lower()) if p.person >= 10 else ("id", str(1 + p.person))
        back = {1: "all", 6: "one"}.get(p.number % 10) if status == "fulfilled" else None
        if back:
            status = "returned" if back == "all" else "partially_returned"
        # a voucher of 10 % of the whole order is spread over the unit prices
        share = D("0.90") if p.number % 6 == 2 else D(1)
        at, order = _local(p.at), _uuid(0xA, p.number)
        rows, goods, gross, undiscounted = [], [], D(0), D(0)
        for product, quantity in p.basket:
            line += 1
            unit = (_PRICES[product] * share).quantize(D("0.001"), ROUND_HALF_UP)
            unit_gross = (unit * (1 + _TAX)).quantize(D("0.001"), ROUND_HALF_UP)
            full = _PRICES[product]
            full_gross = (full * (1 + _TAX)).quantize(D("0.001"), ROUND_HALF_UP)
            goods.append(cents(unit * quantity))
            gross += cents(unit_gross * quantity)
            undiscounted += full * quantity
            rows.append((_uuid(0xB, line), product, quantity, unit, unit_gross, goods[-1]))
            lines.append(
                {
                    "id": _uuid(0xB, line), "created_at": at, "order_id": order, "variant_id": 300 + product,
                    "product_name": f"Product {product}", "variant_name": "M", "translated_product_name": "",
                    "translated_variant_name": "", "product_sku": f"SKU-{product}",
                    "product_variant_id": f"UHJvZHVjdDoz{product}",
                    "is_shipping_required": True, "is_gift_card": False, "quantity": quantity,
                    "quantity_fulfilled": quantity if status == "fulfilled" else 0, "is_gift": False, "currency": "USD",
                    "unit_discount_amount": full - unit, "unit_discount_value": D(0), "unit_price_net_amount": unit,
                    "unit_price_gross_amount": unit_gross, "total_price_net_amount": goods[-1],
                    "total_price_gross_amount": cents(unit_gross * quantity), "undiscounted_unit_price_net_amount": full,
                    "undiscounted_unit_price_gross_amount": full_gross, "undiscounted_total_price_net_amount": full * quantity,
                    "undiscounted_total_price_gross_amount": cents(full_gross * quantity), "base_unit_price_amount": full,
                    "undiscounted_base_unit_price_amount": full, "tax_rate": _TAX, "tax_class_name": "Default",
                }
            )  # fmt: skip
        net, shipping = sum(goods, D(0)), D("6.00") if p.number % 2 else D(0)
        shipping_gross = cents(shipping * (1 + _TAX))
        is_paid = status in _REVENUE
        orders.append(
            {
                "id": order, "number": p.number, "created_at": at, "updated_at": at + timedelta(days=4), "status": status,
                "authorize_status": "full" if is_paid else "none", "charge_status": "full" if is_paid else "none",
                "user_id": None if is_guest else 1 + p.person, "language_code": "en", "tracking_client_id": "",
                "billing_address_id": 1 + p.person, "shipping_address_id": 1 + p.person, "user_email": email,
                "origin": "checkout",
                "currency": "USD", "shipping_method_name": "Default", "channel_id": 1, "shipping_price_net_amount": shipping,
                "shipping_price_gross_amount": shipping_gross, "base_shipping_price_amount": shipping, "shipping_tax_rate": _TAX,
                "total_net_amount": net + shipping, "total_gross_amount": gross + shipping_gross,
                "undiscounted_total_net_amount": undiscounted + shipping,
                "undiscounted_total_gross_amount": cents(undiscounted * (1 + _TAX)) + shipping_gross,
                "total_charged_amount": gross + shipping_gross if is_paid else D(0), "total_authorized_amount": D(0),
                "subtotal_net_amount": net, "subtotal_gross_amount": gross, "voucher_code": "TEN" if share < 1 else None,
                "display_gross_prices": False, "customer_note": "", "metadata": "{}", "private_metadata": "{}",
            }
        )  # fmt: skip
        if share < 1:
            discounts.append((_uuid(0xD, p.number), "voucher", "percentage", 10, undiscounted - net, "USD", order, at))
        events.append((p.number, at, "placed", order, None if is_guest else 1 + p.person, "{}"))
        if is_paid:
            payments.append(
                (p.number, "mirumee.payments.dummy", True, at, "fully-charged", gross + shipping_gross, "USD", order)
            )
            transactions.append((p.number, at, "capture", True, gross + shipping_gross, "USD", p.number))
            who_day = p.at.date()
            tax = gross + shipping_gross - net - shipping
            totals.sale(who, who_day, goods, discount=undiscounted - net, tax=tax, shipping=shipping)
        if status in ("fulfilled", "partially fulfilled", "partially_returned"):
            fulfillment += 1
            sent = rows if status == "fulfilled" else rows[-1:]
            fulfillments.append((fulfillment, 1, order, "fulfilled", "", at + timedelta(days=1), None, None))
            fulfilled += [(1000 * fulfillment + i, r[0], fulfillment, r[2]) for i, r in enumerate(sent)]
        if back:
            fulfillment += 1
            returned = [(r, r[2]) for r in rows] if back == "all" else [(rows[0], 1)]
            money = sum((cents(r[3] * n) for r, n in returned), D(0))
            paid_back = sum((cents(r[4] * n) for r, n in returned), D(0)) + (shipping_gross if back == "all" else 0)
            kind = "refunded_and_returned" if back == "all" else "refunded"
            later = at + timedelta(days=9)
            fulfillments.append(
                (fulfillment, 2, order, kind, "", later, shipping_gross if back == "all" else None, paid_back)
            )
            fulfilled += [(1000 * fulfillment + i, r[0], fulfillment, n) for i, (r, n) in enumerate(returned)]
            transactions.append((500 + p.number, later, "refund", True, paid_back, "USD", p.number))
            totals.refund(who, money)
    user = [
        {
            "id": 1 + i, "email": f"user{i}@s.example", "first_name": "Sam", "last_name": "Buyer", "is_staff": False,
            "is_active": True,
            "is_confirmed": True, "password": "x", "date_joined": "2022-12-10 10:00:00+00",
            "updated_at": "2023-12-10 10:00:00+00",
            "default_billing_address_id": 1 + i, "note": None, "language_code": "en", "number_of_orders": 3,
        }
        for i in range(10)
    ] + [{"id": 90, "email": "staff@s.example", "is_staff": True, "is_active": True, "password": "x",
    "date_joined": "2022-10-01"}]  # fmt: skip
    money = "numeric(12,3)"
    sql = script(
        table(
            "account_user",
            """id integer primary key, email varchar(254) unique, first_name varchar(256), last_name varchar(256),
            is_staff boolean not null, is_active boolean not null, is_confirmed boolean, password varchar(128),
            date_joined timestamptz not null, updated_at timestamptz, last_login timestamptz, default_billing_address_id integer,
            default_shipping_address_id integer, note text, language_code varchar(35), number_of_orders integer""",
            user,
        ),
        table(
            "account_address",
            """id integer primary key, first_name varchar(256), last_name varchar(256), city varchar(256),
            postal_code varchar(20),
            country varchar(2), phone varchar(128)""",
            [(1 + i, "Sam", "Buyer", "Chicago", "60601", "US", "") for i in range(13)],
        ),
        table(
            "channel_channel",
            "id integer primary key, name varchar(250), is_active boolean, slug varchar(255), currency_code varchar(3)",
            [(1, "Default channel", True, "default-channel", "USD")],
        ),
        table(
            "order_order",
            f"""id uuid primary key, number integer unique, use_old_id boolean, created_at timestamptz not null,
            updated_at timestamptz, expired_at timestamptz, status varchar(32) not null, authorize_status varchar(32),
            charge_status varchar(32), user_id integer references account_user (id), language_code varchar(35),
            tracking_client_id varchar(36), billing_address_id integer, shipping_address_id integer, user_email varchar(254),
            origin varchar(32), currency varchar(3) not null, shipping_method_name varchar(255),
            channel_id integer references channel_channel (id), shipping_price_net_amount {money},
            shipping_price_gross_amount {money}, base_shipping_price_amount {money}, shipping_tax_rate numeric(5,4),
            total_net_amount {money}, total_gross_amount {money}, undiscounted_total_net_amount {money},
            undiscounted_total_gross_amount {money}, total_charged_amount {money}, total_authorized_amount {money},
            subtotal_net_amount {money}, subtotal_gross_amount {money}, voucher_id integer, voucher_code varchar(255),
            display_gross_prices boolean, customer_note text, metadata jsonb, private_metadata jsonb""",
            orders,
        ),
        table(
            "order_orderline",
            f"""id uuid primary key, old_id integer, created_at timestamptz, order_id uuid not null references order_order (id),
            variant_id integer, product_name varchar(386), variant_name varchar(255), translated_product_name varchar(386),
            translated_variant_name varchar(255), product_sku varchar(255), product_variant_id varchar(255),
            is_shipping_required boolean, is_gift_card boolean, quantity integer not null, quantity_fulfilled integer,
            is_gift boolean, currency varchar(3), unit_discount_amount {money}, unit_discount_value {money},
            unit_price_net_amount {money}, unit_price_gross_amount {money}, total_price_net_amount {money},
            total_price_gross_amount {money}, undiscounted_unit_price_net_amount {money},
            undiscounted_unit_price_gross_amount {money}, undiscounted_total_price_net_amount {money},
            undiscounted_total_price_gross_amount {money}, base_unit_price_amount {money},
            undiscounted_base_unit_price_amount {money}, tax_rate numeric(5,4), tax_class_name varchar(255)""",
            lines,
        ),
        table(
            "order_fulfillment",
            f"""id integer primary key, fulfillment_order integer, order_id uuid not null references order_order (id),
            status varchar(32), tracking_number varchar(255), created_at timestamptz, shipping_refund_amount {money},
            total_refund_amount {money}""",
            fulfillments,
        ),
        table(
            "order_fulfillmentline",
            """id integer primary key, order_line_id uuid references order_orderline (id),
            fulfillment_id integer references order_fulfillment (id), quantity integer""",
            fulfilled,
        ),
        table(
            "order_orderevent",
            "id integer primary key, date timestamptz, type varchar(255), order_id uuid, user_id integer, parameters jsonb",
            events,
        ),
        table(
            "discount_orderdiscount",
            f"""id uuid primary key, type varchar(64), value_type varchar(10), value {money}, amount_value {money},
            currency varchar(3), order_id uuid, created_at timestamptz""",
            discounts,
        ),
        table(
            "payment_payment",
            f"""id integer primary key, gateway varchar(255), is_active boolean, created_at timestamptz,
            charge_status varchar(20),
            captured_amount {money}, currency varchar(3), order_id uuid""",
            payments,
        ),
        table(
            "payment_transaction",
            f"""id integer primary key, created_at timestamptz, kind varchar(25), is_success boolean, amount {money},
            currency varchar(3), payment_id integer""",
            transactions,
        ),
        table(
            "checkout_checkout",
            f"""token uuid primary key, created_at timestamptz, last_change timestamptz, user_id integer, email varchar(254),
            currency varchar(3), total_net_amount {money}, total_gross_amount {money}, channel_id integer""",
            [(_uuid(0xC, i), "2024-04-03 10:00+00", "2024-04-03 10:00+00", 1 + i % 10, None, "USD", 50, 54,
            1) for i in range(60)],
        ),
        table(
            "checkout_checkoutline",
            f"""id uuid primary key, checkout_id uuid, variant_id integer, quantity integer, total_price_net_amount {money},
            total_price_gross_amount {money}, currency varchar(3), created_at timestamptz""",
            [(_uuid(0xE, i), _uuid(0xC, i % 60), 300, 2, 50, 54, "USD", "2024-04-03 10:00+00") for i in range(90)],
        ),
        table(
            "product_category", "id integer primary key, name varchar(250), slug varchar(255), lft integer, rght integer, "
            "tree_id integer",
            [(1, "Accessories", "accessories", 1, 2, 1), (2, "Apparel", "apparel", 1, 2, 2)],
        ),
        table(
            "product_product",
            """id integer primary key, name varchar(250), slug varchar(255), category_id integer references product_category (id),
            created_at timestamptz, updated_at timestamptz""",
            [(200 + i, f"Product {i}", f"product-{i}", 1 + i % 2, "2022-11-01", "2023-11-01") for i in range(5)],
        ),
        table(
            "product_productvariant",
            """id integer primary key, sku varchar(255), name varchar(255), product_id integer references product_product (id),
            created_at timestamptz""",
            [(300 + i, f"SKU-{i}", "M", 200 + i, "2022-11-01") for i in range(5)],
        ),
        table(
            "product_productvariantchannellisting",
            f"""id integer primary key, variant_id integer, channel_id integer, currency varchar(3), price_amount {money},
            cost_price_amount {money}""",
            [(1 + i, 300 + i, 1, "USD", price + 1, cents(price / 2)) for i, price in enumerate(_PRICES)],
        ),
        table("product_producttranslation", "id integer primary key, language_code varchar(35), product_id integer, "
        "name varchar(255)",
              [(1 + i, "de", 200 + i, f"Produkt {i}") for i in range(5)]),
        table("site_sitesettings", "id integer primary key, site_id integer, header_text varchar(200)", [(1, 1, "Shop")]),
        table("django_migrations", "id integer primary key, app varchar(255), name varchar(255), applied timestamptz",
              [(i, "order", f"{i:04d}_auto", "2022-11-01") for i in range(1, 100)]),
        table("app_app", "id integer primary key, name varchar(60), is_active boolean, created_at timestamptz"),
        table("warehouse_stock", "id integer primary key, product_variant_id integer, quantity integer, "
        "quantity_allocated integer",
              [(1 + i, 300 + i, 40, 0) for i in range(5)]),
    )  # fmt: skip
    answers = {
        "time_zone": "America/Chicago",
        "currency": "USD",
        "revenue": list(_REVENUE),
        "not_revenue": ["draft", "unconfirmed", "canceled", "expired"],
    }
    traps = (
        "net and gross amounts stand side by side; undiscounted and base prices, too",
        "orders without a user have an address, which may be that of an account",
        "a return is a fulfilment with the status refunded; its total has tax and postage in it",
        "drafts are in the same table as orders; checkouts are carts",
    )
    return Shop("postgresql", {"shop.sql": sql}, answers, totals, traps)


def _local(at: datetime) -> datetime:
    return at.replace(tzinfo=_ZONE)
