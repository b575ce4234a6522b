"""`clv init NAME --url` with exports whose rows are no plain lines: blank fields below the first line, transactions, loads."""

import csv
from decimal import Decimal
from pathlib import Path

from click.testing import CliRunner

from clv_pipeline.cli import cli
from clv_pipeline.cli.onboarding import connect
from clv_pipeline.core.settings import load_settings
from clv_pipeline_tests.made_up_shops import Sale, cents, database, guess, sales, totals


def _write(path: Path, rows: list[dict[str, object]]) -> str:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return str(path.parent)


def _first_lines(path: Path, *, refunded: bool = False, on_all: bool = False) -> str:
    """Write an export with the fields of an order on its first line, or on all; every seventh order is refunded as a whole."""
    rows: list[dict[str, object]] = []
    for sale in sales():
        net = sale.goods - sale.discount
        total = net + cents(net / 5) + sale.postage
        refund = total if refunded and sale.number % 7 == 0 else Decimal(0)
        head = {
            "Email": f"b{sale.customer}@x.example", "Created at": sale.written_at, "Financial Status": "paid",
            "Shipping": sale.postage, "Taxes": cents(net / 5), "Discount Amount": sale.discount, "Total": total,
            "Amount Refunded": refund,
        }  # fmt: skip
        for number, line in enumerate(sale.lines):
            item = {
                "Lineitem sku": f"S{line.product}",
                "Lineitem quantity": line.quantity,
                "Lineitem price": line.price,
            }
            rows.append(
                {"Order ID": sale.number, **(head if number == 0 or on_all else dict.fromkeys(head, "")), **item}
            )
    return _write(path / "export" / "orders.csv", rows)


def _buyer(sale: Sale) -> str:
    return f"b{sale.customer}@x.example"


def test_every_line_of_an_order_has_the_fields_of_its_first_line(tmp_path: Path) -> None:
    found = guess(_first_lines(tmp_path))
    assert len(found.rows) == sum(len(s.lines) for s in sales())
    assert found.by_buyer("paid") == totals((_buyer(s), cents(s.goods - s.discount)) for s in sales())
    assert not found.draft.missing_lines


def test_a_refund_on_the_first_line_is_one_refund_of_the_goods(tmp_path: Path) -> None:
    found = guess(_first_lines(tmp_path, refunded=True))
    kept = ((_buyer(s), cents(s.goods - s.discount) if s.number % 7 else Decimal(0)) for s in sales())
    assert found.by_buyer() == totals(kept)
    refunds = [row for row in found.rows if row["order_line_id"] == "refund"]
    assert len(refunds) == len([s for s in sales() if s.number % 7 == 0])


def test_a_refund_of_the_order_that_stands_on_each_line_is_taken_once(tmp_path: Path) -> None:
    found = guess(_first_lines(tmp_path, refunded=True, on_all=True))
    kept = sum(s.goods - s.discount for s in sales() if s.number % 7)
    assert abs(sum(Decimal(row["amount"] or 0) for row in found.rows) - kept) < Decimal("0.01")


def test_rows_that_are_not_read_are_counted_with_the_reason(tmp_path: Path) -> None:
    rows = [
        {"order_no": s.number, "customer_no": s.customer, "ordered_at": "" if s.number % 6 == 0 else s.written_at, "sku": "A",
         "quantity": 1, "price": s.goods}
        for s in sales()
    ]  # fmt: skip
    found = guess(_write(tmp_path / "flat" / "orders.csv", rows))
    (said,) = found.draft.missing_lines
    assert said == "10 of 60 rows of orders are not read: 10 rows were never placed: they have no ordered_at"


def _transactions(path: Path) -> str:
    """Write transactions as a payment service does: sales, refunds that name their sale, payouts, and a fee of each sale."""
    rows: list[dict[str, object]] = []
    for s in sales():
        tax = cents(s.goods / 5)
        gross = s.goods + tax + s.postage
        sale = {
            "Date": f"{s.at:%d/%m/%Y}", "Time": f"{s.at:%H:%M:%S}",
            "Type": "Express Payment", "Status": "Completed", "Currency": "EUR",
            "Gross": f"{gross:,}", "Fee": -cents(gross / 30), "Net": f"{gross - cents(gross / 30):,}",
            "From Email": _buyer(s),
            "To Email": "us@x.example", "Transaction ID": f"T{s.number}", "Shipping Amount": s.postage, "Sales Tax": tax,
            "Reference Txn ID": "", "Invoice Number": f"I{s.number}" if s.number % 20 == 0 else "",
        }  # fmt: skip
        rows.append(sale)
        back = {"Gross": f"{-gross:,}", "Net": f"{-gross:,}", "Fee": 0, "From Email": "us@x.example"}
        if s.number % 7 == 0:
            rows.append(
                sale | back | {"Type": "Payment Refund", "Transaction ID": f"R{s.number}", "Reference Txn ID": f"T{s.number}",
                               "Shipping Amount": -s.postage, "Sales Tax": -tax}
            )  # fmt: skip
        if s.number % 10 == 0:
            payout = {"Type": "Withdrawal", "Transaction ID": f"W{s.number}", "Shipping Amount": "", "Sales Tax": ""}
            rows.append(sale | back | payout)
    return _write(path / "payments" / "transactions.csv", rows)


def test_the_type_of_a_transaction_is_asked_and_its_refund_belongs_to_the_buyer_of_the_sale(tmp_path: Path) -> None:
    found = guess(_transactions(tmp_path))
    assert set(found.draft.statuses) == {
        f"{kind} / Completed" for kind in ("Express Payment", "Payment Refund", "Withdrawal")
    }
    assert "dated by Date, which has days only: Time beside it is not read" in found.questions
    assert found.draft.order_status is None, "nothing is taken as a sale without a person"
    assert found.by_buyer("Express Payment / Completed") == totals((_buyer(s), s.goods) for s in sales())
    refunded = totals((_buyer(s), -s.goods) for s in sales() if s.number % 7 == 0)
    assert found.by_buyer("Payment Refund / Completed") == refunded


def test_an_identifier_that_most_rows_lack_numbers_no_orders(tmp_path: Path) -> None:
    found = guess(_transactions(tmp_path))
    assert found.draft.orders.fields.guesses["order_id"].sql == 'l."Transaction ID"'


def test_a_person_chooses_the_amount_by_its_totals_of_sales(tmp_path: Path) -> None:
    address = _transactions(tmp_path)

    @cli.command("ask", hidden=True)
    def ask() -> None:
        connect(str(tmp_path / "acme"), address, str(tmp_path / "acme"), asks=True)

    try:
        result = CliRunner().invoke(cli, ["ask"], input="\n\ny\ny\nn\n2\n\n")
    finally:
        cli.commands.pop("ask")
    assert result.exit_code == 0, result.output
    gross = sum(s.goods + cents(s.goods / 5) + s.postage for s in sales() if s.number % 7 and s.at.year == 2023)
    assert f"2023: {gross:,.2f}" in result.output
    assert "sure: transactions.Gross; chosen by a person" in (tmp_path / "acme" / "orders.sql").read_text()
    settings = load_settings(source=str(tmp_path / "acme"))
    assert settings.order_status
    assert settings.order_status.not_revenue == ["Withdrawal / Completed"]


def test_the_time_of_a_load_is_not_that_of_an_order(tmp_path: Path) -> None:
    keys = sorted({f"{s.at:%Y%m%d}" for s in sales()})
    address = database(
        tmp_path / "dwh.sqlite",
        "create table dim_date (date_key integer primary key, full_date text);"
        "create table fact_sales (sale_key integer primary key, receipt_no text, client_no int, date_key int, sku text, "
        "units int, net_amount numeric, processed_at text, loaded_at text);",
        {
            "dim_date": [(int(key), f"{key[:4]}-{key[4:6]}-{key[6:]}") for key in keys],
            "fact_sales": [
                (
                    n,
                    f"R{s.number}",
                    s.customer,
                    int(f"{s.at:%Y%m%d}"),
                    "A",
                    1,
                    s.goods,
                    "2025-01-01 02:00:00",
                    s.written_at,
                )
                for n, s in enumerate(sales())
            ],
        },
    )
    found = guess(address)
    assert {row["ordered_at"] for row in found.rows} == {f"{s.at:%Y-%m-%d}" for s in sales()}


def test_a_total_of_the_line_is_taken_before_units_times_a_rounded_price(tmp_path: Path) -> None:
    orders, items = [], []
    for s in sales():
        values = [x.value - cents(x.value / 10) * (s.number % 3 == 0) for x in s.lines]
        net = sum(values, Decimal(0))
        orders.append((s.number, s.customer, s.written_at, cents(net / 5), net + cents(net / 5)))
        items += [
            (len(items) + n, s.number, f"S{x.product}", x.quantity, cents(value / x.quantity), value, x.value - value)
            for n, (x, value) in enumerate(zip(s.lines, values, strict=True))
        ]
    address = database(
        tmp_path / "shop.sqlite",
        "create table orders (id integer primary key, customer_id int, created_on_utc text, order_tax numeric, "
        "order_total numeric);"
        "create table order_items (id integer primary key, order_id int references orders (id), sku text, quantity int,"
        " unit_price_excl_tax numeric, price_excl_tax numeric, discount_amount_excl_tax numeric);",
        {"orders": orders, "order_items": items},
    )
    found = guess(address)
    assert sum(Decimal(row["amount"] or 0) for row in found.rows) == sum(row[5] for row in items)
    assert all(row["quantity"] for row in found.rows), "units are read, though the amount needs none"
    assert all(str(row["ordered_at"]).endswith("Z") for row in found.rows), "a time that is called UTC is UTC"


def test_a_cost_that_is_called_cents_is_divided_by_100(tmp_path: Path) -> None:
    address = database(
        tmp_path / "shop.sqlite",
        "create table products (id integer primary key, name text, purchase_price_cents int);"
        "create table sales (id integer primary key, order_no text, customer_no int, sold_at text, "
        "product_id int references products (id), quantity int, price_cents int);",
        {
            "products": [(number, f"P{number}", number * 210) for number in range(1, 21)],
            "sales": [
                (s.number * 10 + n, f"O{s.number}", s.customer, s.written_at, x.product, x.quantity, int(x.price * 100))
                for s in sales()
                for n, x in enumerate(s.lines)
            ],
        },
    )
    found = guess(address)
    assert found.by_buyer() == totals((s.customer, s.goods) for s in sales())
    assert "p.purchase_price_cents / 100.0 as cost" in found.draft.files["products.sql"]
