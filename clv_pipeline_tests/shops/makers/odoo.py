"""Odoo: sections and postage among the lines of an order, times in UTC, refunds as credit notes beside all invoices and bills."""

from datetime import UTC, timedelta
from decimal import ROUND_HALF_UP
from typing import Any
from zoneinfo import ZoneInfo

from clv_pipeline_tests.shops.made_up import D, Shop, Totals, cents, purchases, script, table

_ZONE = ZoneInfo("Europe/Brussels")
_PRICES = (D("320.00"), D("70.50"), D("12.90"), D("1799.00"), D("8.25"))
_STATES = ("sale", "sale", "draft", "sale", "sale", "cancel", "sale", "sent", "sale", "sale", "sale")
_TAX = D("0.21")
_DELIVERY = 9
_RATE = D("1.085")


class _Books:
    """Invoices, credit notes and bills with their lines."""

    def __init__(self) -> None:
        self.moves: list[dict[str, Any]] = []
        self.move_lines: list[dict[str, Any]] = []
        self.relations: list[tuple[int, int]] = []
        self.move = self.move_line = 0

    def add(
        self,
        kind: str,
        partner: int,
        day: Any,
        parts: list[tuple[int | None, int, Any, Any, Any]],
        rate: Any,
        **more: Any,
    ) -> int:
        """Add an invoice, credit note or bill; a part is (sale line, product, quantity, unit price, subtotal)."""
        self.move += 1
        sign = -1 if kind in ("out_refund", "in_invoice") else 1
        net = sum((part[4] for part in parts), D(0))
        tax = cents(net * _TAX)
        self.moves.append(
            {
                "id": self.move,
                "name": f"{'RINV' if kind == 'out_refund' else 'BILL' if kind == 'in_invoice' else 'INV'}/{self.move:05d}",
                "move_type": kind, "state": "posted", "payment_state": "paid", "date": day, "invoice_date": day,
                "partner_id": partner, "commercial_partner_id": partner, "company_id": 1, "currency_id": 1 if rate == 1 else 2,
                "amount_untaxed": net, "amount_tax": tax, "amount_total": net + tax, "amount_residual": D(0),
                "amount_untaxed_signed": sign * cents(net / rate), "amount_total_signed": sign * cents((net + tax) / rate),
                "create_date": f"{day} 09:00:00", "write_date": f"{day} 09:00:00",
            }
            | more
        )  # fmt: skip
        for sale_line, product, quantity, unit, subtotal in parts:
            self.move_line += 1
            self.move_lines.append(
                {
                    "id": self.move_line, "move_id": self.move, "move_name": f"INV/{self.move:05d}", "parent_state": "posted",
                    "date": day,
                    "partner_id": partner, "company_id": 1, "currency_id": 1 if rate == 1 else 2, "product_id": product,
                    "display_type": "product", "quantity": quantity, "price_unit": unit, "discount": D(0),
                    "price_subtotal": subtotal,
                    "price_total": cents(subtotal * (1 + _TAX)), "balance": -sign * cents(subtotal / rate),
                    "debit": cents(subtotal / rate) if sign < 0 else D(0), "credit": cents(subtotal / rate) if sign > 0 else D(0),
                    "amount_currency": -sign * subtotal, "account_id": 40, "name": f"Product {product}",
                }
            )  # fmt: skip
            if sale_line:
                self.relations.append((self.move_line, sale_line))
        for kind_of_line, amount, account in (("tax", tax, 45), ("payment_term", net + tax, 12)):
            self.move_line += 1
            self.move_lines.append(
                {
                    "id": self.move_line, "move_id": self.move, "move_name": f"INV/{self.move:05d}", "parent_state": "posted",
                    "date": day,
                    "partner_id": partner, "company_id": 1, "currency_id": 1 if rate == 1 else 2, "display_type": kind_of_line,
                    "quantity": D(0), "price_unit": D(0), "price_subtotal": D(0), "price_total": D(0),
                    "balance": cents(amount / rate), "account_id": account, "name": kind_of_line,
                }
            )  # fmt: skip
        return self.move


def make() -> Shop:
    totals, books, orders, lines = Totals(), _Books(), [], []
    line = 0

    for p in purchases(10, count=43, people=12, products=5):
        state = _STATES[p.number * 3 % 11]
        partner = 20 + p.person
        # an order in dollars: the company's currency is amount / currency_rate
        rate = _RATE if p.number % 8 == 5 else D(1)
        utc = p.at.replace(tzinfo=_ZONE).astimezone(UTC).replace(tzinfo=None)
        rows, goods, untaxed, taxes, discounts = [], [], D(0), D(0), D(0)
        for product, quantity in p.basket:
            line += 1
            off = D("15.00") if p.number % 6 == 1 else D("0.00")
            subtotal = cents(_PRICES[product] * quantity * (1 - off / 100))
            tax = cents(subtotal * _TAX)
            goods.append(subtotal)
            discounts += _PRICES[product] * quantity - subtotal
            rows.append((line, product + 1, quantity, _PRICES[product], subtotal))
            lines.append(
                _line(
                    line,
                    p.number,
                    partner,
                    state,
                    utc,
                    product + 1,
                    quantity,
                    _PRICES[product],
                    off,
                    subtotal,
                    tax,
                    rate,
                )
            )
            untaxed, taxes = untaxed + subtotal, taxes + tax
        shipping = D("9.95") if p.number % 3 == 0 else D(0)
        if shipping:
            line += 1
            tax = cents(shipping * _TAX)
            lines.append(
                _line(line, p.number, partner, state, utc, _DELIVERY, 1, shipping, D(0), shipping, tax, rate)
                | {"is_delivery": True}
            )
            untaxed, taxes = untaxed + shipping, taxes + tax
        if p.number % 5 == 0:
            line += 1
            lines.append(
                _line(line, p.number, partner, state, utc, None, 0, D(0), D(0), D(0), D(0), rate)
                | {"display_type": "line_section", "name": "Furniture"}
            )
        orders.append(
            {
                "id": p.number, "name": f"S{p.number:05d}", "state": state, "date_order": utc,
                "create_date": utc - timedelta(hours=1),
                "write_date": utc + timedelta(days=1), "partner_id": partner, "partner_invoice_id": partner,
                "partner_shipping_id": 60 if p.person == 3 else partner, "company_id": 1, "currency_id": 1 if rate == 1 else 2,
                "currency_rate": rate, "pricelist_id": 1, "user_id": 2, "team_id": 1, "amount_untaxed": untaxed,
                "amount_tax": taxes,
                "amount_total": untaxed + taxes, "invoice_status": "invoiced" if state == "sale" else "no", "locked": False,
                "require_signature": True, "origin": None, "client_order_ref": None,
            }
        )  # fmt: skip
        if state != "sale":
            continue
        day = p.at.date()
        who = ("id", str(partner))
        totals.sale(
            who,
            day,
            [money / rate for money in goods],
            discount=discounts / rate,
            tax=taxes / rate,
            shipping=shipping / rate,
        )
        invoice = books.add("out_invoice", partner, day, list(rows), rate, invoice_origin=f"S{p.number:05d}")
        if p.number % 9 in (2, 7):
            back = list(rows) if p.number % 9 == 2 else [(*rows[0][:2], 1, rows[0][3], cents(rows[0][4] / rows[0][2]))]
            later = day + timedelta(days=10)
            more = {
                "reversed_entry_id": invoice,
                "invoice_origin": f"S{p.number:05d}",
                "ref": f"Reversal of: INV/{invoice:05d}",
            }
            books.add("out_refund", partner, later, back, rate, **more)
            totals.refund(who, sum((cents(part[4] / rate) for part in back), D(0)))
        if p.number % 10 == 6:
            # a credit note that nobody posted is none
            books.add("out_refund", partner, day + timedelta(days=3), list(rows[:1]), rate, state="draft", name="/")
    for i in range(12):
        books.add("in_invoice", 50, f"2023-{i + 1:02d}-15", [(None, 1, 10, D("150.00"), D("1500.00"))], D(1))
    sql = _script(orders, lines, books)
    answers = {
        "time_zone": "Europe/Brussels",
        "currency": "EUR",
        "revenue": ["sale", "done"],
        "not_revenue": ["draft", "sent", "cancel"],
    }
    traps = (
        "among the lines are sections without a product, and postage (is_delivery)",
        "price_subtotal is net of a discount in percent; orders in dollars have a currency_rate",
        "date_order is UTC without saying so",
        "refunds are posted credit notes (account_move out_refund); invoices repeat the orders, bills are purchases",
    )
    return Shop("postgresql", {"shop.sql": sql}, answers, totals, traps)


def _script(
    orders: list[dict[str, Any]],
    lines: list[dict[str, Any]],
    books: _Books,
) -> str:
    partners = [
        _partner(20 + i, f"Customer {i}", f"c{i}@o.example", is_company=i < 4, customer_rank=1) for i in range(13)
    ] + [
        _partner(1, "My Company", "info@o.example", is_company=True, customer_rank=0),
        _partner(50, "Wood supplier", "wood@o.example", is_company=True, customer_rank=0),
        _partner(60, "Customer 3, warehouse", None, is_company=False, customer_rank=0)
        | {"parent_id": 23, "type": "delivery"},
    ]
    return script(
        table(
            "res_currency", "id integer primary key, name varchar, symbol varchar, rounding numeric, active boolean",
            [(1, "EUR", "EUR", D("0.01"), True), (2, "USD", "$", D("0.01"), True)],
        ),
        table("res_currency_rate", "id integer primary key, name date, currency_id integer, company_id integer, rate numeric",
              [(1, "2022-01-01", 2, 1, _RATE)]),
        table("res_company", "id integer primary key, name varchar, partner_id integer, currency_id integer, email varchar",
              [(1, "My Company", 1, 1, "info@o.example")]),
        table(
            "res_partner",
            """id integer primary key, company_id integer, create_date timestamp, name varchar, parent_id integer, lang varchar,
            tz varchar, vat varchar, type varchar, street varchar, city varchar, zip varchar, country_id integer, email varchar,
            phone varchar, active boolean, is_company boolean, commercial_partner_id integer, customer_rank integer,
            supplier_rank integer, write_date timestamp""",
            partners,
        ),
        table("res_users", "id integer primary key, login varchar, partner_id integer, active boolean", [(2, "admin", 1, True)]),
        table("res_country", "id integer primary key, name jsonb, code varchar(2)", [(20, '{"en_US": "Belgium"}', "BE")]),
        table(
            "sale_order",
            """id integer primary key, name varchar not null, state varchar, date_order timestamp not null, create_date timestamp,
            write_date timestamp, partner_id integer not null references res_partner (id), partner_invoice_id integer,
            partner_shipping_id integer, company_id integer, currency_id integer references res_currency (id),
            currency_rate numeric,
            pricelist_id integer, user_id integer, team_id integer, amount_untaxed numeric, amount_tax numeric,
            amount_total numeric,
            invoice_status varchar, locked boolean, require_signature boolean, origin varchar, client_order_ref varchar""",
            orders,
        ),
        table(
            "sale_order_line",
            """id integer primary key, order_id integer not null references sale_order (id), sequence integer, company_id integer,
            currency_id integer, order_partner_id integer, salesman_id integer, product_id integer, product_uom integer,
            state varchar, display_type varchar, name text not null, product_uom_qty numeric not null,
            price_unit numeric not null,
            discount numeric, price_subtotal numeric, price_total numeric, price_reduce_taxexcl numeric,
            price_reduce_taxinc numeric, qty_delivered numeric, qty_invoiced numeric, qty_to_invoice numeric,
            untaxed_amount_invoiced numeric, untaxed_amount_to_invoice numeric, is_downpayment boolean, is_expense boolean,
            is_delivery boolean, invoice_status varchar, create_date timestamp, write_date timestamp, price_tax double precision,
            customer_lead double precision""",
            lines,
        ),
        table(
            "account_move",
            """id integer primary key, name varchar, ref varchar, move_type varchar not null, state varchar not null,
            payment_state varchar, date date not null, invoice_date date, partner_id integer, commercial_partner_id integer,
            company_id integer, currency_id integer, invoice_origin varchar, reversed_entry_id integer, amount_untaxed numeric,
            amount_tax numeric, amount_total numeric, amount_residual numeric, amount_untaxed_signed numeric,
            amount_total_signed numeric, create_date timestamp, write_date timestamp""",
            books.moves,
        ),
        table(
            "account_move_line",
            """id integer primary key, move_id integer not null references account_move (id), move_name varchar,
            parent_state varchar,
            date date, partner_id integer, company_id integer, currency_id integer, account_id integer, product_id integer,
            display_type varchar not null, name varchar, quantity numeric, price_unit numeric, discount numeric,
            price_subtotal numeric, price_total numeric, debit numeric, credit numeric, balance numeric,
            amount_currency numeric""",
            books.move_lines,
        ),
        table(
            "sale_order_line_invoice_rel",
            """invoice_line_id integer not null references account_move_line (id),
            order_line_id integer not null references sale_order_line (id)""",
            books.relations,
        ),
        table("product_category", "id integer primary key, name varchar, complete_name varchar, parent_id integer",
              [(1, "All", "All", None), (2, "Office", "All / Office", 1), (3, "Deliveries", "All / Deliveries", 1)]),
        table(
            "product_template",
            """id integer primary key, name jsonb not null, categ_id integer references product_category (id), type varchar,
            list_price numeric, sale_ok boolean, purchase_ok boolean, active boolean, default_code varchar,
            create_date timestamp""",
            [(1 + i, f'{{"en_US": "Desk {i}"}}', 2, "consu", price + 5, True, True, True, f"FURN_{i}", "2022-10-01")
             for i, price in enumerate(_PRICES)]
            + [(_DELIVERY, '{"en_US": "Standard delivery"}', 3, "service", 10, True, False, True, "Delivery_007", "2022-10-01")],
        ),
        table(
            "product_product",
            """id integer primary key, product_tmpl_id integer references product_template (id), default_code varchar,
            active boolean,
            barcode varchar, standard_price jsonb""",
            [(1 + i, 1 + i, f"FURN_{i}", True, None, f'{{"1": {price / 2}}}') for i, price in enumerate(_PRICES)]
            + [(_DELIVERY, _DELIVERY, "Delivery_007", True, None, None)],
        ),
        table(
            "purchase_order",
            """id integer primary key, name varchar, state varchar, date_order timestamp, partner_id integer, company_id integer,
            currency_id integer, amount_untaxed numeric, amount_tax numeric, amount_total numeric""",
            [(i, f"P{i:05d}", "purchase", f"2023-{i:02d}-10 10:00:00", 50, 1, 1, 1500, 315, 1815) for i in range(1, 13)],
        ),
        table(
            "purchase_order_line",
            """id integer primary key, order_id integer, product_id integer, product_qty numeric, price_unit numeric,
            price_subtotal numeric, price_total numeric, partner_id integer, state varchar""",
            [(i, i, 1, 10, 150, 1500, 1815, 50, "purchase") for i in range(1, 13)],
        ),
        table("crm_lead", "id integer primary key, name varchar, partner_id integer, expected_revenue numeric, "
        "create_date timestamp",
              [(i, "Lead", 20 + i % 12, 900, "2024-01-05 10:00:00") for i in range(1, 40)]),
        table("mail_message", "id integer primary key, model varchar, res_id integer, body text, date timestamp",
              [(i, "sale.order", 1 + i % 43, "Quotation sent", "2024-01-05 10:00:00") for i in range(1, 120)]),
        table("stock_picking", "id integer primary key, name varchar, partner_id integer, origin varchar, state varchar, "
        "date_done timestamp",
              [(o["id"], f"WH/OUT/{o['id']:05d}", o["partner_id"], o["name"], "done", o["write_date"])
               for o in orders if o["state"] == "sale"]),
        table("ir_config_parameter", "id integer primary key, key varchar, value text", [(1, "web.base.url",
        "http://o.example")]),
        table("ir_translation", "id integer primary key, lang varchar, src text, value text"),
    )  # fmt: skip


def _line(
    number: int, order: int, partner: int, state: str, at: Any, product: int | None, quantity: int, unit: Any, off: Any,
    subtotal: Any,
    tax: Any, rate: Any,
) -> dict[str, Any]:  # fmt: skip
    piece = (subtotal / quantity).quantize(D("0.01"), ROUND_HALF_UP) if quantity else D(0)
    is_sale = state == "sale"
    return {
        "id": number, "order_id": order, "sequence": 10, "company_id": 1, "currency_id": 1 if rate == 1 else 2,
        "order_partner_id": partner, "salesman_id": 2, "product_id": product, "product_uom": 1 if product else None,
        "state": state,
        "name": f"Product {product}", "product_uom_qty": quantity, "price_unit": unit, "discount": off,
        "price_subtotal": subtotal,
        "price_total": subtotal + tax, "price_reduce_taxexcl": piece, "price_reduce_taxinc": cents(piece * (1 + _TAX)),
        "qty_delivered": quantity if is_sale else 0, "qty_invoiced": quantity if is_sale else 0, "qty_to_invoice": 0,
        "untaxed_amount_invoiced": subtotal if is_sale else D(0), "untaxed_amount_to_invoice": D(0), "is_downpayment": False,
        "is_expense": False, "is_delivery": False, "invoice_status": "invoiced" if is_sale else "no", "create_date": at,
        "write_date": at, "price_tax": tax, "customer_lead": D(0),
    }  # fmt: skip


def _partner(number: int, name: str, email: str | None, *, is_company: bool, customer_rank: int) -> dict[str, Any]:
    return {
        "id": number, "create_date": "2022-12-01 08:00:00", "name": name, "lang": "en_US", "type": "contact", "city": "Gent",
        "zip": "9000", "country_id": 20, "email": email, "active": True, "is_company": is_company,
        "commercial_partner_id": number,
        "customer_rank": customer_rank, "supplier_rank": 1 - customer_rank, "write_date": "2023-12-01 08:00:00",
    }  # fmt: skip
