"""PrestaShop: prices with and without tax, vouchers of the whole order, order currency with a rate, credit slips, guests."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from clv_pipeline_tests.shops.made_up import D, Shop, Totals, purchases, script, table

_GROSS = (D("19.90"), D("34.90"), D("12.50"), D("89.00"), D("6.40"))
_STATE_NAMES = {
    1: "Awaiting check payment", 2: "Payment accepted", 3: "Processing in progress", 4: "Shipped", 5: "Delivered", 6: "Canceled",
    7: "Refunded", 8: "Payment error", 9: "On backorder (paid)", 10: "Awaiting bank wire payment",
}  # fmt: skip
_STATES = (5, 5, 4, 5, 6, 2, 5, 8, 3, 10, 5, 5)
_REVENUE = (2, 3, 4, 5, 7, 9)
_TAX, _RATE = D("1.2"), D("1.085000")


def _six(value: Decimal) -> Decimal:
    return value.quantize(D("0.000001"), ROUND_HALF_UP)


def make() -> Shop:
    totals, orders, details, slips, slip_details, customers, history, rules = Totals(), [], [], [], [], [], [], []
    for i in range(10):
        customers.append(_customer(10 + i, f"client{i}@p.example", is_guest=False))
    line = 0
    for p in purchases(8, count=46, people=13, products=5):
        state = _STATES[p.number * 5 % 12]
        is_guest = p.person >= 10 or (p.person == 0 and p.number % 4 == 0)
        email = f"client{p.person}@p.example"
        customer = 10 + p.person
        if is_guest:
            # every guest order makes a customer of its own
            customer = 100 + p.number
            customers.append(_customer(customer, email.upper() if p.number % 2 else email, is_guest=True))
        rate = _RATE if p.number % 7 == 2 else D("1.000000")
        all_back = state == 5 and p.number % 9 == 1
        one_back = state == 5 and p.number % 9 in (4, 7)
        if all_back:
            state = 7
        goods, gross, sold = [], D(0), []
        for product, quantity in p.basket:
            line += 1
            unit_gross = _GROSS[product] * rate
            unit = _six(unit_gross / _TAX)
            total = _six(unit_gross / _TAX * quantity)
            goods.append(total)
            gross += unit_gross * quantity
            sold.append((line, unit, unit_gross, quantity, total))
            back = quantity if all_back else 1 if one_back and len(sold) == 1 else 0
            details.append(
                {
                    "id_order_detail": line, "id_order": p.number, "id_order_invoice": p.number, "id_warehouse": 0, "id_shop": 1,
                    "product_id": 1 + product, "product_attribute_id": 0, "product_name": f"Product {product}",
                    "product_quantity": quantity, "product_quantity_refunded": back, "product_quantity_return": 0,
                    "product_price": unit,
                    "reduction_percent": D("0.00"), "reduction_amount": D(0), "product_reference": f"demo_{product}",
                    "tax_rate": D("20.000"), "total_price_tax_incl": _six(unit_gross * quantity), "total_price_tax_excl": total,
                    "unit_price_tax_incl": _six(unit_gross), "unit_price_tax_excl": unit, "purchase_supplier_price": D(0),
                    "original_product_price": unit, "original_wholesale_price": _six(unit / 2),
                    "total_refunded_tax_excl": _six(unit * back), "total_refunded_tax_incl": _six(unit_gross * back),
                }
            )  # fmt: skip
        net = sum(goods, D(0))
        off = _six(D("5.00") / _TAX) if p.number % 5 == 3 and not (all_back or one_back) else D(0)
        shipping = D("4.08") if p.number % 3 else D(0)
        orders.append(_order(p.number, customer, state, rate, p.at, net, gross, off, shipping))
        history.append((p.number, 1, p.number, state, p.at))
        if off:
            rules.append((p.number, p.number, 1, p.number, "WELCOME", D("5.00"), off, 0))
        who = ("email", email) if p.person >= 10 else ("id", str(10 + p.person))
        if state in _REVENUE:
            share = (net - off) / net / rate
            totals.sale(
                who, p.at.date(), [money * share for money in goods], discount=off / rate, shipping=shipping / rate,
                tax=(gross - off * _TAX - net + off) / rate + shipping / rate * (_TAX - 1),
            )  # fmt: skip
        if all_back or one_back:
            returned = sold if all_back else [(*sold[0][:3], 1, sold[0][1])]
            money, money_gross = sum((r[4] for r in returned), D(0)), sum((r[2] * r[3] for r in returned), D(0))
            at = p.at + timedelta(days=8)
            postage = shipping if all_back else D(0)
            slips.append(
                (
                    p.number, rate, customer, p.number, money, _six(money_gross), postage, _six(postage * _TAX), int(all_back),
                    _six(money_gross), _six(postage * _TAX), 0 if all_back else 1, 0, at, at,
                )
            )  # fmt: skip
            slip_details += [
                (p.number, r[0], r[3], r[1], _six(r[2]), r[4], _six(r[2] * r[3]), r[4], _six(r[2] * r[3]))
                for r in returned
            ]
            totals.refund(who, money / rate)
    sql = script(
        table(
            "ps_orders",
            """id_order integer primary key, reference varchar(9), id_shop_group integer, id_shop integer, id_carrier integer,
            id_lang integer, id_customer integer not null, id_cart integer, id_currency integer, id_address_delivery integer,
            id_address_invoice integer, current_state integer, secure_key varchar(32), payment varchar(255),
            conversion_rate decimal(13,6), module varchar(255), total_discounts decimal(20,6),
            total_discounts_tax_incl decimal(20,6), total_discounts_tax_excl decimal(20,6), total_paid decimal(20,6),
            total_paid_tax_incl decimal(20,6), total_paid_tax_excl decimal(20,6), total_paid_real decimal(20,6),
            total_products decimal(20,6), total_products_wt decimal(20,6), total_shipping decimal(20,6),
            total_shipping_tax_incl decimal(20,6), total_shipping_tax_excl decimal(20,6), carrier_tax_rate decimal(10,3),
            total_wrapping decimal(20,6), invoice_number integer, delivery_number integer, invoice_date datetime,
            delivery_date datetime, valid integer, date_add datetime, date_upd datetime""",
            orders,
        ),
        table(
            "ps_order_detail",
            """id_order_detail integer primary key, id_order integer not null, id_order_invoice integer, id_warehouse integer,
            id_shop integer, product_id integer, product_attribute_id integer, product_name text, product_quantity integer,
            product_quantity_refunded integer, product_quantity_return integer, product_price decimal(20,6),
            reduction_percent decimal(5,2), reduction_amount decimal(20,6), product_reference varchar(64), tax_rate decimal(10,3),
            total_price_tax_incl decimal(20,6), total_price_tax_excl decimal(20,6), unit_price_tax_incl decimal(20,6),
            unit_price_tax_excl decimal(20,6), purchase_supplier_price decimal(20,6), original_product_price decimal(20,6),
            original_wholesale_price decimal(20,6), total_refunded_tax_excl decimal(20,6),
            total_refunded_tax_incl decimal(20,6)""",
            details,
        ),
        table(
            "ps_order_slip",
            """id_order_slip integer primary key, conversion_rate decimal(13,6), id_customer integer, id_order integer,
            total_products_tax_excl decimal(20,6), total_products_tax_incl decimal(20,6), total_shipping_tax_excl decimal(20,6),
            total_shipping_tax_incl decimal(20,6), shipping_cost integer, amount decimal(20,6),
            shipping_cost_amount decimal(20,6),
            partial integer, order_slip_type integer, date_add datetime, date_upd datetime""",
            slips,
        ),
        table(
            "ps_order_slip_detail",
            """id_order_slip integer not null, id_order_detail integer not null, product_quantity integer,
            unit_price_tax_excl decimal(20,6), unit_price_tax_incl decimal(20,6), total_price_tax_excl decimal(20,6),
            total_price_tax_incl decimal(20,6), amount_tax_excl decimal(20,6), amount_tax_incl decimal(20,6)""",
            slip_details,
        ),
        table(
            "ps_customer",
            """id_customer integer primary key, id_shop_group integer, id_shop integer, id_gender integer,
            id_default_group integer,
            id_lang integer, company varchar(255), firstname varchar(255), lastname varchar(255), email varchar(255),
            passwd varchar(255), birthday date, newsletter integer, optin integer, secure_key varchar(32), active integer,
            is_guest integer, deleted integer, date_add datetime, date_upd datetime""",
            customers,
        ),
        table(
            "ps_order_state",
            """id_order_state integer primary key, invoice integer, send_email integer, color varchar(32), unremovable integer,
            hidden integer, logable integer, delivery integer, shipped integer, paid integer, pdf_invoice integer,
            deleted integer""",
            [(s, int(s in _REVENUE), 1, "#34209E", 1, 0, int(s in (2, 3, 4, 5, 9)), 0, 0, int(s in _REVENUE), 0,
            0) for s in _STATE_NAMES],
        ),
        table(
            "ps_order_state_lang",
            "id_order_state integer, id_lang integer, name varchar(64), template varchar(64)",
            [(s, lang, name, "") for s, name in _STATE_NAMES.items() for lang in (1, 2)],
        ),
        table(
            "ps_order_history",
            "id_order_history integer primary key, id_employee integer, id_order integer, id_order_state integer, "
            "date_add datetime",
            history,
        ),
        table(
            "ps_order_cart_rule",
            """id_order_cart_rule integer primary key, id_order integer, id_cart_rule integer, id_order_invoice integer,
            name varchar(254), value decimal(20,6), value_tax_excl decimal(20,6), free_shipping integer""",
            rules,
        ),
        table(
            "ps_order_payment",
            """id_order_payment integer primary key, order_reference varchar(9), id_currency integer, amount decimal(20,6),
            payment_method varchar(255), conversion_rate decimal(13,6), date_add datetime""",
            [(o["id_order"], o["reference"], o["id_currency"], o["total_paid"], "Card", o["conversion_rate"], o["date_add"])
             for o in orders if o["valid"]],
        ),
        table(
            "ps_cart",
            """id_cart integer primary key, id_carrier integer, id_lang integer, id_currency integer, id_customer integer,
            id_guest integer, date_add datetime, date_upd datetime""",
            [(i, 1, 1, 1, 10 + i % 10, i, "2024-02-01 10:00:00", "2024-02-01 10:00:00") for i in range(1, 90)],
        ),
        table(
            "ps_cart_product",
            """id_cart integer, id_product integer, id_address_delivery integer, id_shop integer, id_product_attribute integer,
            quantity integer, date_add datetime""",
            [(i, 1 + i % 5, 1, 1, 0, 2, "2024-02-01 10:00:00") for i in range(1, 90)],
        ),
        table(
            "ps_product",
            """id_product integer primary key, id_supplier integer, id_category_default integer, price decimal(20,6),
            wholesale_price decimal(20,6), reference varchar(64), active integer, date_add datetime, date_upd datetime""",
            [(1 + i, 0, 3 + i % 2, _six(gross / _TAX), _six(gross / _TAX / 2), f"demo_{i}", 1, "2022-11-01", "2023-11-01")
             for i, gross in enumerate(_GROSS)],
        ),
        table("ps_product_lang", "id_product integer, id_shop integer, id_lang integer, name varchar(128), description text",
              [(1 + i, 1, lang, f"Product {i}", None) for i in range(5) for lang in (1, 2)]),
        table("ps_category_lang", "id_category integer, id_shop integer, id_lang integer, name varchar(128)",
              [(c, 1, lang, name) for c, name in ((3, "Clothes"), (4, "Art")) for lang in (1, 2)]),
        table(
            "ps_currency", "id_currency integer primary key, name varchar(64), iso_code varchar(3), "
            "conversion_rate decimal(13,6)",
            [(1, "Euro", "EUR", D(1)), (2, "US Dollar", "USD", _RATE)],
        ),
        table("ps_address", "id_address integer primary key, id_country integer, id_customer integer, city varchar(64)",
              [(c["id_customer"], 8, c["id_customer"], "Lyon") for c in customers]),
        table("ps_guest", "id_guest integer primary key, id_operating_system integer, id_customer integer, "
        "accept_language varchar(8)",
              [(i, 1, None, "fr") for i in range(1, 70)]),
        table("ps_connections", "id_connections integer primary key, id_guest integer, id_page integer, date_add datetime",
              [(i, i, 1, "2024-02-01 10:00:00") for i in range(1, 70)]),
        table("ps_configuration", "id_configuration integer primary key, name varchar(254), value text",
              [(1, "PS_TIMEZONE", "Europe/Paris"), (2, "PS_CURRENCY_DEFAULT", "1")]),
        table("ps_log", "id_log integer primary key, severity integer, message text, date_add datetime"),
        table("ps_employee", "id_employee integer primary key, lastname varchar(255), firstname varchar(255), email varchar(255)",
              [(1, "Owner", "Jean", "jean@p.example")]),
    )  # fmt: skip
    answers = {
        "time_zone": "Europe/Paris",
        "currency": "EUR",
        # by number or by name, whichever the SELECT returns
        "revenue": [str(s) for s in _REVENUE] + [_STATE_NAMES[s] for s in _REVENUE],
        "not_revenue": [str(s) for s in (1, 6, 8, 10)] + [_STATE_NAMES[s] for s in (1, 6, 8, 10)],
    }
    traps = (
        "prices are kept with and without tax, six decimals",
        "a voucher is of the whole order: total_discounts_tax_excl",
        "an order in dollars has dollars in its lines; conversion_rate leads to the shop's currency",
        "refunds are in ps_order_slip and its details; refunded orders keep their lines",
        "every guest order makes a customer; their e-mail address is the same",
    )
    return Shop("sqlite", {"shop.sql": sql}, answers, totals, traps)


def _customer(number: int, email: str, *, is_guest: bool) -> dict[str, Any]:
    return {
        "id_customer": number, "id_shop_group": 1, "id_shop": 1, "id_gender": 1 + number % 2, "id_default_group": 3, "id_lang": 1,
        "firstname": "Jean", "lastname": "Client", "email": email, "passwd": "x", "newsletter": number % 2, "optin": 0,
        "active": 1,
        "is_guest": int(is_guest), "deleted": 0, "date_add": "2022-12-05 11:00:00", "date_upd": "2022-12-05 11:00:00",
    }  # fmt: skip


def _order(
    number: int,
    customer: int,
    state: int,
    rate: Decimal,
    at: Any,
    net: Decimal,
    gross: Decimal,
    off: Decimal,
    shipping: Decimal,
) -> dict[str, Any]:
    off_gross, shipping_gross = _six(off * _TAX), _six(shipping * _TAX)
    paid = gross - off_gross + shipping_gross
    is_valid = state in (2, 3, 4, 5, 9)
    return {
        "id_order": number, "reference": f"REF{number:06d}", "id_shop_group": 1, "id_shop": 1, "id_carrier": 1, "id_lang": 1,
        "id_customer": customer, "id_cart": number, "id_currency": 1 if rate == 1 else 2, "id_address_delivery": customer,
        "id_address_invoice": customer, "current_state": state, "secure_key": "x", "payment": "Card", "conversion_rate": rate,
        "module": "ps_checkout", "total_discounts": off_gross, "total_discounts_tax_incl": off_gross,
        "total_discounts_tax_excl": off,
        "total_paid": paid, "total_paid_tax_incl": paid, "total_paid_tax_excl": net - off + shipping,
        "total_paid_real": paid if is_valid else D(0), "total_products": net, "total_products_wt": gross,
        "total_shipping": shipping_gross, "total_shipping_tax_incl": shipping_gross, "total_shipping_tax_excl": shipping,
        "carrier_tax_rate": D("20.000"), "total_wrapping": D(0), "invoice_number": number if is_valid else 0,
        "delivery_number": number if state in (4, 5) else 0, "invoice_date": at, "delivery_date": at, "valid": int(is_valid),
        "date_add": at, "date_upd": at + timedelta(days=2),
    }  # fmt: skip
