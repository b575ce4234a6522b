"""`clv init NAME --url`: what it makes of schemas that nobody told it about, to the cent, and what it asks instead."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from pydantic import SecretStr

from clv_pipeline.cli import cli
from clv_pipeline.cli.onboarding import connect
from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.core.settings import load_settings
from clv_pipeline.onboarding.arithmetic import identities
from clv_pipeline.onboarding.catalogue import open_catalogue, without_our_own
from clv_pipeline.onboarding.drafts import draft_of
from clv_pipeline.onboarding.folder import write_folder
from clv_pipeline.onboarding.shops import classified, recognise_shop
from clv_pipeline.onboarding.words import concepts
from clv_pipeline.sources.structure import TableAtSource
from clv_pipeline_tests.conftest import RULES_RUN, run_clv
from clv_pipeline_tests.made_up_shops import Sale, cents, database, guess, sales, totals

#: An English shop: prices without tax, the discount of an order and the tax on top.
_PLAIN = """
create table customers (id integer primary key, email text, country text, created_at datetime);
create table orders (id integer primary key, customer_id int references customers (id), status text, created_at datetime,
    subtotal numeric, discount_total numeric, tax_total numeric, shipping_total numeric, total numeric, updated_at datetime);
create table order_items (id integer primary key, order_id int references orders (id), sku text, qty int, unit_price numeric);
"""


def _plain_rows(made: list[Sale]) -> dict[str, list[tuple[object, ...]]]:
    orders, items = [], []
    for sale in made:
        net = sale.goods - sale.discount
        tax = cents(net / 5)
        status = "cancelled" if sale.number % 10 == 0 else "paid"
        orders.append((sale.number, sale.customer, status, sale.written_at, sale.goods, sale.discount, tax, sale.postage,
                       net + tax + sale.postage, sale.written_at))  # fmt: skip
        items += [(len(items) + n, sale.number, f"S{x.product}", x.quantity, x.price) for n, x in enumerate(sale.lines)]
    people = [(number, f"p{number}@x.example", "Germany", "2022-01-01 10:00:00") for number in range(100, 115)]
    return {"customers": people, "orders": orders, "order_items": items}


@pytest.fixture
def plain_shop(tmp_path: Path) -> str:
    return database(tmp_path / "plain.sqlite", _PLAIN, _plain_rows(sales()))


def test_a_discount_of_the_order_is_shared_out_because_only_then_the_lines_add_up(plain_shop: str) -> None:
    found = guess(plain_shop)
    right = totals((s.customer, cents(s.goods - s.discount)) for s in sales() if s.number % 10)
    assert found.by_buyer("paid") == right
    assert "is orders.total in 100.0% of 60 orders" in " ".join(found.sql.replace("-- ", "").split())


def test_prices_with_tax_are_divided_by_the_rate_that_explains_the_tax(tmp_path: Path) -> None:
    made = sales()
    rates = {product: Decimal(7 if product % 3 == 0 else 19) for product in range(1, 21)}

    def net(sale: Sale) -> Decimal:
        kept = 1 - sale.discount / sale.goods
        return sum((x.value * kept / (1 + rates[x.product] / 100) for x in sale.lines), Decimal(0))

    address = database(
        tmp_path / "de.sqlite",
        "create table tblBestellungen (BestellNr integer primary key, KundenNr int, Bestelldatum text, Rabattbetrag numeric, "
        "Versandkosten numeric, MwStBetrag numeric, Gesamtbetrag numeric);"
        "create table tblBestellpositionen (PosNr integer primary key, BestellNr int, ArtikelNr text, Menge int, "
        "EinzelpreisBrutto numeric, MwStSatz numeric);",
        {
            "tblBestellungen": [
                (s.number, s.customer, s.written_at, s.discount, s.postage, cents(s.goods - s.discount - net(s)),
                 s.goods - s.discount + s.postage)
                for s in made
            ],
            "tblBestellpositionen": [
                (s.number * 10 + n, s.number, f"A{x.product}", x.quantity, x.price, rates[x.product])
                for s in made for n, x in enumerate(s.lines)
            ],
        },
    )  # fmt: skip
    found = guess(address)
    assert found.by_buyer() == totals((s.customer, cents(net(s))) for s in made)
    assert found.draft.orders.amount.tax_rate is not None


def test_a_share_and_a_percentage_of_discount_are_told_apart(tmp_path: Path) -> None:
    made = sales()
    shares = [Decimal(0), Decimal("0.05"), Decimal("0.1"), Decimal("0.25")]
    for name, factor in (("share", 1), ("percent", 100)):
        lines = [
            (s.number, x.product, x.price, x.quantity, shares[x.product % 4] * factor) for s in made for x in s.lines
        ]
        address = database(
            tmp_path / f"{name}.sqlite",
            "create table Orders (OrderID integer primary key, CustomerID int, OrderDate datetime, Freight numeric);"
            'create table "Order Details" (OrderID int references Orders (OrderID), ProductID int, UnitPrice numeric, '
            "Quantity int, Discount real, primary key (OrderID, ProductID));",
            {"Orders": [(s.number, s.customer, s.written_at, s.postage) for s in made], "Order Details": lines},
        )
        right = totals(
            (s.customer, cents(sum((x.value * (1 - shares[x.product % 4]) for x in s.lines), Decimal(0)))) for s in made
        )
        if name == "share":
            assert guess(address).by_buyer() == right
        else:
            # nothing but the size of the numbers says that 25 is not 25.00 in money: it is never said to be sure
            assert guess(address).draft.orders.amount.questions


def test_totals_with_a_code_for_each_part_are_read_by_their_code(tmp_path: Path) -> None:
    made = sales()
    parts = []
    for s in made:
        tax = cents((s.goods - s.discount) / 5)
        amounts = {"sub_total": s.goods, "coupon": -s.discount, "shipping": s.postage, "tax": tax}
        amounts["total"] = sum(amounts.values(), Decimal(0))
        parts += [(s.number, code, value) for code, value in amounts.items() if value]
    address = database(
        tmp_path / "coded.sqlite",
        "create table oc_order (order_id integer primary key, customer_id int, total numeric, date_added datetime);"
        "create table oc_order_product (order_product_id integer primary key, order_id int, product_id int, quantity int, "
        "price numeric, total numeric, tax numeric);"
        "create table oc_order_total (order_id int, code text, value numeric);",
        {
            "oc_order": [(s.number, s.customer, 0, s.written_at) for s in made],
            "oc_order_product": [
                (s.number * 10 + n, s.number, x.product, x.quantity, x.price, x.value, x.price / 5)
                for s in made for n, x in enumerate(s.lines)
            ],
            "oc_order_total": parts,
        },
    )  # fmt: skip
    assert guess(address).by_buyer() == totals((s.customer, cents(s.goods - s.discount)) for s in made)


def test_a_flat_export_with_signs_of_dollars_and_american_days(tmp_path: Path) -> None:
    made = sales()
    lines = ["Date,Category,Item,Qty,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,Customer ID"]
    for s in made:
        sign = "-" if s.number % 9 == 0 else ""
        lines += [
            f'{s.at:%m/%d/%Y},C,Item {x.product},{sign}{x.quantity},"{sign}${x.value:,.2f}",$0.00,"{sign}${x.value:,.2f}",'
            f'"{sign}${cents(x.value / 10):,.2f}",T{s.number},C{s.customer}'
            for x in s.lines
        ]
    (tmp_path / "items.csv").write_text("\n".join(lines))
    found = guess(str(tmp_path))
    assert found.by_buyer() == totals((f"C{s.customer}", -s.goods if s.number % 9 == 0 else s.goods) for s in made)
    assert {str(row["ordered_at"])[:10] for row in found.rows} == {f"{s.at:%Y-%m-%d}" for s in made}


def test_a_french_export_with_a_decimal_comma(tmp_path: Path) -> None:
    made = sales()
    lines = [
        "N° commande;Date commande;Code client;Référence article;Quantité;Prix unitaire TTC;Taux TVA;Montant HT;Montant TTC"
    ]
    for s in made:
        for x in s.lines:
            numbers = (x.price, 20, cents(x.value / Decimal("1.2")), x.value)
            told = ";".join(str(v).replace(".", ",") for v in numbers)
            lines.append(f"C{s.number};{s.at:%d/%m/%Y};CL{s.customer};A{x.product};{x.quantity};{told}")
    (tmp_path / "ventes.csv").write_text("\n".join(lines), encoding="utf-8")
    right = totals((f"CL{s.customer}", cents(x.value / Decimal("1.2"))) for s in made for x in s.lines)
    assert guess(str(tmp_path)).by_buyer() == right


def test_a_star_schema_is_read_by_its_calendar_and_its_people(tmp_path: Path) -> None:
    made = sales()
    days = sorted({s.at.date() for s in made})
    address = database(
        tmp_path / "star.sqlite",
        "create table dim_date (date_key integer primary key, full_date date, year int);"
        "create table dim_customer (customer_key integer primary key, customer_id text, country text, is_current int);"
        "create table fact_sales (sales_key integer primary key, date_key int, customer_key int, product_key int, "
        "order_number text, quantity int, unit_price numeric, net_amount numeric);"
        "create table agg_sales_monthly (year int, sales_amount numeric, quantity int);",
        {
            "dim_date": [(int(f"{d:%Y%m%d}"), f"{d:%Y-%m-%d}", d.year) for d in days],
            # a person has a key for each version
            "dim_customer": [(n + 1000 * v, f"C{n}", "Spain", v) for n in range(100, 115) for v in (0, 1)],
            "fact_sales": [
                (s.number * 10 + n, int(f"{s.at:%Y%m%d}"), s.customer + 1000 * (s.number % 2), x.product, f"SO{s.number}",
                 x.quantity, x.price, x.value)
                for s in made for n, x in enumerate(s.lines)
            ],
        },
    )  # fmt: skip
    found = guess(address)
    assert found.by_buyer() == totals((f"C{s.customer}", s.goods) for s in made)
    assert {row["ordered_at"] for row in found.rows} == {f"{d:%Y-%m-%d}" for d in days}
    assert found.draft.time_zone.value == "Europe/Madrid"


def test_fields_of_an_order_that_stand_on_its_first_line_only_are_those_of_all(tmp_path: Path) -> None:
    made = sales()
    lines = [
        "order number,buyer email,created at,discount amount,taxes,shipping,total,item sku,item quantity,item price"
    ]
    for s in made:
        for n, x in enumerate(s.lines):
            total = s.goods - s.discount + s.postage
            head = f"{s.discount},0,{s.postage},{total}" if n == 0 else ",,,"
            lines.append(
                f"{s.number},b{s.customer}@x.example,{s.written_at},{head},S{x.product},{x.quantity},{x.price}"
            )
    (tmp_path / "export.csv").write_text("\n".join(lines))
    found = guess(str(tmp_path))
    assert found.by_buyer() == totals((f"b{s.customer}@x.example", cents(s.goods - s.discount)) for s in made)
    assert found.draft.maps_email


def _with_refunds(tmp_path: Path, script: str, table: str, rows: list[tuple[object, ...]]) -> str:
    return database(tmp_path / "refunds.sqlite", _PLAIN + script, {**_plain_rows(sales()), table: rows})


def test_refunded_items_are_negative_lines_at_the_time_of_the_refund(tmp_path: Path) -> None:
    first = {s.number: s.lines[0] for s in sales() if s.number % 7 == 0}
    rows = [
        (n, number, f"S{x.product}", x.quantity, x.value, "2024-06-01 09:00:00")
        for n, (number, x) in enumerate(first.items())
    ]
    script = (
        "create table order_refund_items (id integer primary key, order_id int references orders (id), sku text, quantity int, "
        "net_amount numeric, created_at datetime);"
    )
    found = guess(_with_refunds(tmp_path, script, "order_refund_items", rows))
    refunds = [row for row in found.rows if Decimal(row["amount"] or 0) < 0]
    assert sum(cents(Decimal(row["amount"] or 0)) for row in refunds) == -sum(x.value for x in first.values())
    assert {row["ordered_at"] for row in refunds} == {"2024-06-01 09:00:00"}
    assert {row["order_id"] for row in refunds} == set(map(str, first))


def test_of_a_refunded_sum_with_tax_and_postage_only_the_goods_count(tmp_path: Path) -> None:
    whole = {row[0]: row for row in _plain_rows(sales())["orders"] if int(str(row[0])) % 7 == 0}
    rows = [(n, number, row[8], "2024-06-01 09:00:00") for n, (number, row) in enumerate(whole.items())]
    script = (
        "create table refunds (id integer primary key, order_id int references orders (id), amount numeric, "
        "refunded_at datetime);"
    )
    found = guess(_with_refunds(tmp_path, script, "refunds", rows))
    refunded = sum(cents(Decimal(row["amount"] or 0)) for row in found.rows if Decimal(row["amount"] or 0) < 0)
    assert refunded == -sum(s.goods - s.discount for s in sales() if s.number in whole)
    assert "contain tax and postage?" in found.questions


def test_refunds_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    script = "create table credit_notes (id integer primary key, reference text, value numeric);"
    found = guess(_with_refunds(tmp_path, script, "credit_notes", [(1, "by phone", 10), (2, "by phone", 12)]))
    assert "refunds are not read, and may be in credit_notes (2 rows)" in found.questions


def test_guests_are_known_by_their_address(tmp_path: Path) -> None:
    rows = _plain_rows(sales())
    rows["orders"] = [
        (r[0], None if int(str(r[0])) % 5 == 0 else r[1], *r[2:], f"g{r[1]}@x.example") for r in rows["orders"]
    ]
    script = _PLAIN.replace(
        "updated_at datetime);\ncreate table order_items", "updated_at datetime, email text);\ncreate table order_items"
    )
    found = guess(database(tmp_path / "guests.sqlite", script, rows))
    right = totals(
        (f"g{s.customer}@x.example" if s.number % 5 == 0 else s.customer, cents(s.goods - s.discount))
        for s in sales() if s.number % 10
    )  # fmt: skip
    assert found.by_buyer("paid") == right
    assert found.draft.maps_email
    assert "email" in next(o for o in found.draft.optional if o.name == "customers").statement.active()


def test_an_address_that_joins_nobody_is_not_read(plain_shop: str) -> None:
    found = guess(plain_shop)
    assert not found.draft.maps_email
    assert "-- , c.email as email" in found.draft.files["customers.sql"]


def test_orders_with_a_rate_of_their_own_are_converted(tmp_path: Path) -> None:
    rows = _plain_rows(sales())
    rows["orders"] = [
        (*r, "USD" if int(str(r[0])) % 3 == 0 else "EUR", 1.25 if int(str(r[0])) % 3 == 0 else 1)
        for r in rows["orders"]
    ]
    script = _PLAIN.replace(
        "updated_at datetime);\ncreate table order_items",
        "updated_at datetime, currency text, conversion_rate numeric);\ncreate table order_items",
    )
    found = guess(database(tmp_path / "rates.sqlite", script, rows))
    # dollars for one euro
    right = totals(
        (s.customer, cents((s.goods - s.discount) / (Decimal("1.25") if s.number % 3 == 0 else 1))) for s in sales()
    )
    assert found.by_buyer() == right
    assert found.draft.currency.value == "EUR"
    assert "currency" not in found.draft.orders.statement.active()


def test_tests_deleted_lines_and_parts_of_bundles_are_left_out(tmp_path: Path) -> None:
    made = sales()
    orders = [
        (s.number, s.customer, s.written_at, s.goods + s.postage, s.postage, int(s.number % 11 == 0)) for s in made
    ]
    items: list[tuple[object, ...]] = []
    for s in made:
        for x in s.lines:
            items.append((len(items) + 1, s.number, None, x.product, x.quantity, x.price, 0))
            if x.product % 2:
                items.append((len(items) + 1, s.number, len(items), x.product, x.quantity, x.price, 0))
        if s.number % 8 == 0:
            items.append((len(items) + 1, s.number, None, 1, 1, Decimal(50), 1))
    address = database(
        tmp_path / "flags.sqlite",
        "create table orders (orderId integer primary key, userId int, placedAt datetime, grandTotal numeric, "
        "shippingFee numeric, isTest int);"
        "create table orderItems (orderItemId integer primary key, orderId int, parentItemId int, productId int, qty int, "
        "itemPrice numeric, isDeleted int);",
        {"orders": orders, "orderItems": items},
    )
    assert guess(address).by_buyer() == totals((s.customer, s.goods) for s in made if s.number % 11)


def test_whole_numbers_are_cents_only_where_they_end_like_prices_and_that_is_asked(tmp_path: Path) -> None:
    made = sales()
    prices = {product: 1000 + 100 * product - 1 for product in range(1, 21)}
    address = database(
        tmp_path / "cents.sqlite",
        "create table purchases (id integer primary key, customer_id int, bought_at datetime);"
        "create table purchase_lines (id integer primary key, purchase_id int, product_id int, quantity int, unit_amount int);",
        {
            "purchases": [(s.number, s.customer, s.written_at) for s in made],
            "purchase_lines": [
                (s.number * 10 + n, s.number, x.product, x.quantity, prices[x.product])
                for s in made for n, x in enumerate(s.lines)
            ],
        },
    )  # fmt: skip
    found = guess(address)
    right = totals((s.customer, Decimal(x.quantity * prices[x.product]) / 100) for s in made for x in s.lines)
    assert found.by_buyer() == right
    assert "in cents?" in found.questions


def test_what_the_company_itself_buys_is_no_order(tmp_path: Path) -> None:
    script = (
        "create table purchase_orders (id integer primary key, supplier_id int, user_id int, order_date datetime, total numeric);"
        "create table purchase_order_lines (id integer primary key, purchase_order_id int, product_id int, quantity int, "
        "unit_price numeric);"
    )
    rows = {
        **_plain_rows(sales()),
        "purchase_orders": [(n, 1, 1, "2023-05-05 10:00:00", 900) for n in range(200)],
        "purchase_order_lines": [(n, n, 1, 90, 10) for n in range(200)],
    }
    found = guess(database(tmp_path / "purchasing.sqlite", script + _PLAIN, rows))
    assert found.draft.orders.model.lines.name == "order_items"
    assert found.draft.orders.model.orders.name == "orders"


def test_equal_lines_of_one_order_stay_two(tmp_path: Path) -> None:
    lines = [
        "invoice,customer,date,product,qty,price",
        *(f"I{n % 40},C{n % 7},2024-01-0{n % 40 % 7 + 1},P1,1,5.00" for n in range(80)),
    ]
    (tmp_path / "lines.csv").write_text("\n".join(lines))
    found = guess(str(tmp_path))
    assert len(found.rows) == 80
    assert "order_line_id" not in found.draft.orders.statement.active(), "a product is not the number of a line"


@pytest.fixture
def duckdb_shop(tmp_path: Path) -> str:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute('create schema "Sales"')
        connection.execute(
            'create table "Sales"."SalesHeader" ("SalesID" integer primary key, "CustomerID" integer, "OrderDate" timestamp, '
            '"SubTotal" decimal(18, 2), "TaxAmt" decimal(18, 2), "TotalDue" decimal(18, 2), "IsVoid" boolean)'
        )
        connection.execute(
            'create table "Sales"."SalesDetail" ("SalesID" integer references "Sales"."SalesHeader" ("SalesID"), '
            '"DetailID" integer, '
            '"ProductID" integer, "OrderQty" integer, "UnitPrice" decimal(18, 2), "LineTotal" decimal(18, 2), '
            'primary key ("SalesID", "DetailID"))'
        )
        for s in sales():
            tax = cents(s.goods / 10)
            values = [s.number, s.customer, s.written_at, s.goods, tax, s.goods + tax, s.number % 6 == 0]
            connection.execute('insert into "Sales"."SalesHeader" values (?, ?, ?, ?, ?, ?, ?)', values)
            for n, x in enumerate(s.lines):
                line = [s.number, n, x.product, x.quantity, x.price, x.value]
                connection.execute('insert into "Sales"."SalesDetail" values (?, ?, ?, ?, ?, ?)', line)
    return str(path)


def test_a_schema_of_a_duckdb_file(duckdb_shop: str) -> None:
    found = guess(duckdb_shop)
    assert found.by_buyer() == totals((s.customer, s.goods) for s in sales() if s.number % 6)
    assert '"Sales"."SalesDetail" as l' in found.sql


def test_a_schema_of_postgresql_with_a_reserved_name(postgres_url: str) -> None:
    url = sa.make_url(postgres_url)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("drop database if exists onboarding_test")
        connection.exec_driver_sql("create database onboarding_test")
    url = url.set(database="onboarding_test")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("create schema store")
        connection.exec_driver_sql(
            'create table store."order" (id uuid primary key default gen_random_uuid(), number int unique, "userId" int, '
            '"createdAt" timestamptz, voided boolean not null default false, "grandTotal" numeric(12, 2), picture bytea)'
        )
        connection.exec_driver_sql(
            'create table store.order_line (id serial primary key, order_id uuid references store."order" (id), "productId" int, '
            "qty int, price numeric(12, 2))"
        )
        for s in sales():
            connection.execute(
                sa.text(
                    'insert into store."order" (number, "userId", "createdAt", voided, "grandTotal") values (:n, :u, :at, :v, :t)'
                ),
                {"n": s.number, "u": s.customer, "at": s.at, "v": s.number % 6 == 0, "t": s.goods},
            )
            for x in s.lines:
                connection.execute(
                    sa.text('insert into store.order_line (order_id, "productId", qty, price) '
                            'select id, :p, :q, :price from store."order" where number = :n'),
                    {"p": x.product, "q": x.quantity, "price": x.price, "n": s.number},
                )  # fmt: skip
    found = guess(url.render_as_string(hide_password=False))
    assert found.by_buyer() == totals((s.customer, s.goods) for s in sales() if s.number % 6)
    assert 'store."order" as o' in found.sql


# ------------------------------------------------------------------------------------------------ what is not guessed


def test_only_statuses_of_a_shop_that_is_known_are_classified() -> None:
    spree = recognise_shop({"spree_orders": ["number", "state", "item_total"]})
    assert classified(spree, ["complete", "canceled"]) == (["complete"], ["canceled"])
    assert classified(spree, ["complete", "on hold"]) is None
    assert recognise_shop({"orders": ["number", "state", "item_total"]}) is None


def test_other_statuses_are_written_as_a_comment_with_counts_and_money(plain_shop: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["init", str(tmp_path / "acme"), "--url", plain_shop, "--yes"])
    assert result.exit_code == 0, result.output
    settings = load_settings(source=str(tmp_path / "acme"))
    assert settings.order_status is None
    toml = (tmp_path / "acme" / "source.toml").read_text()
    assert '# revenue = ["paid", "cancelled"]' in toml
    paid = sum(len(s.lines) for s in sales() if s.number % 10)
    assert f"{paid} lines" in toml
    assert "which statuses are revenue" in result.output
    newest = max(f"{s.at:%Y-%m-%d}" for s in sales())
    assert f"its newest order is of {newest}" in toml


def test_a_name_that_says_nothing_is_asked_about_and_not_called_sure(tmp_path: Path) -> None:
    made = sales()
    address = database(
        tmp_path / "unclear.sqlite",
        "create table orders (id integer primary key, customer_id int, created_at datetime, total numeric, rebate numeric, "
        "discount numeric);"
        "create table order_lines (id integer primary key, order_id int, product_id int, qty int, price numeric);",
        {
            # nothing adds up to this total
            "orders": [(s.number, s.customer, s.written_at, s.goods * 3 + s.number, 1, s.discount) for s in made],
            "order_lines": [
                (s.number * 10 + n, s.number, x.product, x.quantity, x.price) for s in made for n, x in enumerate(s.lines)
            ],
        },
    )  # fmt: skip
    found = guess(address)
    assert found.draft.orders.amount.confidence == "low"
    assert "No formula adds up to a total of the order" in found.questions
    assert "-- a guess:" in found.sql


def test_a_source_without_orders_is_refused_with_a_way_on(tmp_path: Path) -> None:
    address = database(
        tmp_path / "none.sqlite", "create table weather (day date, degrees numeric);", {"weather": [("2024-01-01", 3)]}
    )
    result = CliRunner().invoke(cli, ["init", str(tmp_path / "acme"), "--url", address, "--yes"])
    assert "No table of the source looks like orders" in str(result.exception)
    assert not (tmp_path / "acme").exists()


def test_concepts_are_the_same_in_every_spelling() -> None:
    for name in ("customer_id", "CustomerID", "kundennr", "strKundenNr", "cod_cliente", "numero client", "custid"):
        assert concepts(name) >= {"customer", "id"}, name
    for name in ("UnitPrice", "einzelpreis", "prix_unitaire", "precio", "curUnitPrice"):
        assert "price" in concepts(name), name


def test_arithmetic_believes_nothing_that_holds_in_few_orders(plain_shop: str) -> None:
    with open_catalogue(SecretStr(plain_shop), tries=1, timeout_seconds=30) as catalogue:
        draft = draft_of(catalogue)
    assert draft
    found = identities(draft.orders.data)
    assert found[0].share == 1
    assert found[0].discount is not None
    assert all(identity.share >= 0.75 for identity in found)


# ------------------------------------------------------------------------------------------------ the folder


def test_a_person_is_asked_what_data_cannot_tell(plain_shop: str, tmp_path: Path) -> None:
    @cli.command("ask", hidden=True)
    def ask() -> None:
        connect(str(tmp_path / "acme"), plain_shop, str(tmp_path / "acme"), asks=True)

    try:
        result = CliRunner().invoke(cli, ["ask"], input="Nowhere/Here\nEurope/Vienna\nchf\ny\nn\n0.4\n")
    finally:
        cli.commands.pop("ask")
    assert result.exit_code == 0, result.output
    assert "'Nowhere/Here' is not a zone" in result.output
    settings = load_settings(source=str(tmp_path / "acme"))
    assert (settings.time_zone, settings.currency, settings.gross_margin) == ("Europe/Vienna", "CHF", 0.4)
    assert settings.order_status
    assert (settings.order_status.revenue, settings.order_status.not_revenue) == (["paid"], ["cancelled"])
    assert "lines, " in result.output, "what is at stake stands beside each choice"


def test_the_folder_names_its_source_so_that_nothing_else_is_needed(plain_shop: str, tmp_path: Path) -> None:
    CliRunner().invoke(cli, ["init", str(tmp_path / "acme"), "--url", plain_shop, "--yes"], catch_exceptions=False)
    settings = load_settings(source=str(tmp_path / "acme"))
    assert settings.source_url
    assert settings.source_url.get_secret_value() == plain_shop


def test_an_address_with_a_password_is_in_no_file_and_never_printed(
    tmp_path: Path, plain_shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clv_pipeline.onboarding.folder import source_toml

    with open_catalogue(SecretStr(plain_shop), tries=1, timeout_seconds=30) as catalogue:
        draft = draft_of(catalogue)
    assert draft
    toml = source_toml(draft, tmp_path / "acme", "postgresql://reader:topsecret@db.example/shop")
    assert "topsecret" not in toml
    assert "CLV_SOURCE_URL" in toml


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://reader:topsecret@db.example/shop",
        "mysql://reader@db.example/shop?password=topsecret",
        "reader:topsecret@db/shop",
    ],
)
def test_a_secret_in_source_toml_is_refused_without_repeating_it(tmp_path: Path, address: str) -> None:
    (tmp_path / "source.toml").write_text(f'source_url = "{address}"\n')
    with pytest.raises(ConfigurationError, match="holds a password or a token") as refused:
        load_settings(source=str(tmp_path))
    assert "topsecret" not in str(refused.value)
    assert "CLV_SOURCE_URL" in refused.value.next_step


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("files", "{folder}/files"),
        ("sqlite:///shop.sqlite", "sqlite:///{folder}/shop.sqlite"),
        ("/data/files", "/data/files"),
        ("postgresql://reader@db.example/shop", "postgresql://reader@db.example/shop"),
    ],
)
def test_a_relative_address_is_relative_to_source_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, read: str
) -> None:
    monkeypatch.delenv("CLV_SOURCE_URL", raising=False)
    (tmp_path / "source.toml").write_text(f'source_url = "{written}"\n')
    settings = load_settings(source=str(tmp_path))
    assert settings.source_url
    assert settings.source_url.get_secret_value() == read.format(folder=tmp_path.resolve())


def test_the_environment_wins_over_the_address_in_source_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source.toml").write_text('source_url = "files"\n')
    monkeypatch.setenv("CLV_SOURCE_URL", "/other")
    settings = load_settings(source=str(tmp_path))
    assert settings.source_url
    assert settings.source_url.get_secret_value() == "/other"


class _Unwritable(dict[str, str]):
    """Files of which the second cannot be written."""

    def items(self):  # type: ignore[no-untyped-def]
        yield "source.toml", "name = 'x'"
        raise KeyboardInterrupt


def test_an_interrupt_leaves_no_half_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "acme", _Unwritable())
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_as_it_is(plain_shop: str, tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    result = CliRunner().invoke(cli, ["init", str(tmp_path / "acme"), "--url", plain_shop, "--yes"])
    assert "exists already" in str(result.exception)
    assert list((tmp_path / "acme").iterdir()) == []


def test_a_known_layout_comes_before_any_guess(tmp_path: Path, file_source: Callable[..., object]) -> None:
    files = Path(__file__).parent / "cases" / "layouts" / "shopify" / "files"
    result = CliRunner().invoke(
        cli, ["init", str(tmp_path / "acme"), "--url", str(files), "--yes"], catch_exceptions=False
    )
    assert "Recognised: Shopify" in result.output
    assert "export CLV_HASH_KEY" in result.output, "its guests are known by their addresses"
    settings = load_settings(source=str(tmp_path / "acme"))
    assert settings.source_url
    assert settings.source_url.get_secret_value() == str(files)


def test_a_company_is_connected_and_run_with_two_commands(tmp_path: Path) -> None:
    rows = _plain_rows(sales(150))
    script = _PLAIN.replace("status text, ", "")
    rows["orders"] = [(*row[:2], *row[3:]) for row in rows["orders"]]
    database(tmp_path / "shop.sqlite", script, rows)
    source, home = str(tmp_path / "acme"), str(tmp_path / "home")
    started = run_clv("init", source, "--url", f"sqlite:///{tmp_path / 'shop.sqlite'}", "--yes")
    assert started.returncode == 0, started.stdout + started.stderr
    assert f"clv run --source {source}" in started.stdout
    finished = run_clv(
        "run", "--source", source, "--home", home, "--as-of", "2024-02-10", "--acknowledge", "freshness", **RULES_RUN
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    with duckdb.connect(str(Path(home) / "published" / "clv.duckdb"), read_only=True) as bundle:
        (spent,) = bundle.sql("select sum(historic_value) from customer_clv").fetchall()[0]
    assert spent == sum(cents(s.goods - s.discount) for s in sales(150) if f"{s.at:%Y-%m-%d}" < "2024-02-10")


def test_what_the_pipeline_published_into_the_same_database_is_no_source() -> None:
    def named(schema: str | None, name: str) -> TableAtSource:
        return TableAtSource(schema, name, is_view=False, columns={})

    shop = [named(None, "orders"), named(None, "customer_orders"), named("erp", "cohorts")]
    ours = [named("clv_v2", name) for name in ("clv_run", "clv_owner", "customer_orders", "cohorts")]
    assert without_our_own([*shop, *ours]) == shop
