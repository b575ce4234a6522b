"""Shopify's export of orders and of customers: order fields on the first row of an order only,
no customer number in the orders."""

from decimal import Decimal
from typing import Any

from clv_pipeline_tests.shops.made_up import D, Purchase, Shop, Totals, csv_text, purchases

_PRODUCTS = (
    ("Mug - Blue", "MUG-B", D("12.50")), ("Tea", "TEA-100", D("9.75")), ("Lamp", "LAMP", D("100.00")),
    ("Rug - Red / Large", "RUG-RL", D("240.25")), ("Candle", "", D("6.25")),
)  # fmt: skip
_PEOPLE = tuple(
    f"{name}@shop.example" for name in ("ann", "bob", "cat", "dee", "eve", "fay", "gus", "hal", "ivy", "jon")
)
_SUMMER = ((3, 12), (11, 5))  # 2023; in 2024 it began on 10 March
_TAX = D("0.08")


def make() -> Shop:
    totals, rows = Totals(), []
    for p in purchases(5, count=44, people=10, products=5):
        status, goods_back = _fate(p)
        email: str | None = _PEOPLE[p.person]
        if p.number % 7 == 0:
            email = _PEOPLE[p.person].capitalize()
        lines = [(_PRODUCTS[product], quantity) for product, quantity in p.basket]
        if p.number == 12:
            lines = [lines[0], lines[0]]  # the same line twice is two lines
        if p.number == 23:
            email = None  # at the till
        listed = sum((price * quantity for (_, _, price), quantity in lines), D(0))
        discount = (
            D("3.00") if p.number % 6 == 1 else (listed / 10 // D("0.25") * D("0.25")) if p.number % 6 == 4 else D(0)
        )
        subtotal = listed - discount
        shipping = D("5.90") if p.number % 3 == 0 and goods_back in (None, "all") else D(0)
        extra: list[tuple[tuple[str, str, Decimal], int]] = []
        if p.number == 19:
            extra = [(("Gift Card - $50.00", "", D("50.00")), 1)]
        if p.number == 31:
            extra = [(("Tip", "", D("4.00")), 1)]
        tax = subtotal * _TAX
        subtotal_shown = subtotal + sum((item[2] * n for item, n in extra), D(0))
        total = subtotal_shown + shipping + tax
        back = {None: D(0), "all": total, "first": lines[0][0][2] * (1 + _TAX)}[goods_back]
        first = {
            "Name": f"#{1000 + p.number}", "Email": email, "Financial Status": status, "Paid at": _stamp(p),
            "Fulfillment Status": "unfulfilled" if status in ("pending", "voided") else "fulfilled", "Accepts Marketing": "no",
            "Currency": "USD", "Subtotal": f"{subtotal_shown:.2f}", "Shipping": f"{shipping:.2f}", "Taxes": f"{tax:.2f}",
            "Total": f"{total:.2f}", "Discount Code": "SAVE" if discount else None, "Discount Amount": f"{discount:.2f}",
            "Shipping Method": "Standard", "Billing Country": "US", "Shipping Country": "US",
            "Cancelled at": _stamp(p) if status == "voided" else None, "Refunded Amount": f"{back:.2f}",
            "Payment Method": "bogus" if p.number == 28 else "Shopify Payments", "Outstanding Balance": "0.00",
            "Id": 5400000000000 + p.number, "Risk Level": "Low", "Source": "pos" if p.number == 23 else "web",
            "Tax 1 Name": "Sales tax 8%", "Tax 1 Value": f"{tax:.2f}",
        }  # fmt: skip
        for number, ((name, sku, price), quantity) in enumerate([*lines, *extra]):
            row: dict[str, Any] = dict(first) if number == 0 else {"Name": first["Name"], "Email": email}
            rows.append(
                row
                | {
                    "Created at": _stamp(p), "Lineitem quantity": quantity, "Lineitem name": name,
                    "Lineitem price": f"{price:.2f}",
                    "Lineitem sku": sku, "Lineitem requires shipping": "true", "Lineitem taxable": "true",
                    "Lineitem fulfillment status": first["Fulfillment Status"], "Lineitem discount": "0.00",
                    "Vendor": "Own brand",
                }
            )  # fmt: skip
        if p.number == 28 or status in ("pending", "voided"):
            continue
        who = ("email", email.lower()) if email else None
        share = subtotal / listed
        goods = [price * quantity * share for (_, _, price), quantity in lines]
        totals.sale(who, p.at.date(), goods, discount=discount, tax=tax, shipping=shipping)
        if goods_back:
            totals.refund(who, subtotal if goods_back == "all" else lines[0][0][2])
    orders = csv_text(
        """Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,
        Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,
        Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,
        Lineitem fulfillment status,Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,
        Billing City,Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,
        Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,Shipping Province,
        Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,
        Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,Id,Tags,Risk Level,Source,
        Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,
        Tax 5 Name,Tax 5 Value,Phone,Receipt Number,Duties,Billing Province Name,Shipping Province Name,Payment ID,
        Payment Terms Name,Next Payment Due At,Payment References""",
        rows,
    )
    customers = csv_text(
        """Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,
        Default Address Address1,Default Address Address2,Default Address City,Default Address Province Code,
        Default Address Country Code,Default Address Zip,Default Address Phone,Phone,Accepts SMS Marketing,
        Total Spent,Total Orders,Note,Tax Exempt,Tags""",
        [
            {
                "Customer ID": f"'60431250{i:05d}", "First Name": email.split("@")[0].capitalize(), "Last Name": "Doe",
                "Email": email,
                "Accepts Email Marketing": "yes" if i % 2 else "no", "Default Address City": "Boston",
                "Default Address Province Code": "MA", "Default Address Country Code": "US", "Accepts SMS Marketing": "no",
                "Total Spent": "999.99", "Total Orders": 4, "Tax Exempt": "no", "Tags": "vip" if i < 2 else None,
            }
            for i, email in enumerate(_PEOPLE)
        ],
    )  # fmt: skip
    answers = {
        "time_zone": "America/New_York",
        "currency": "USD",
        "revenue": ["paid", "partially_paid", "partially_refunded", "refunded"],
        "not_revenue": ["pending", "authorized", "voided", "expired"],
    }
    traps = (
        "status, currency, discount and totals stand on the first row of an order only",
        "a discount is of the order, the refunded amount has tax and postage in it",
        "e-mail addresses in two spellings are one customer; a till sale has none; customers_export has numbers that orders lack",
        "a test order, a gift card sold, a tip, the same line twice, times with their offset",
    )
    return Shop("csv", {"orders_export.csv": orders, "customers_export.csv": customers}, answers, totals, traps)


def _fate(p: Purchase) -> tuple[str, str | None]:
    """Return the financial status and which goods came back."""
    if p.number % 13 == 5:
        return "voided", None
    if p.number % 13 == 9:
        return "pending", None
    if p.number % 11 == 3:
        return "refunded", "all"
    if p.number % 11 == 8 and p.number not in (19, 31):
        return "partially_refunded", "first"
    return "paid", None


def _stamp(p: Purchase) -> str:
    """Return the shop's local time with its offset in New York."""
    begins, ends = ((3, 10), (11, 3)) if p.at.year == 2024 else _SUMMER
    is_summer = begins <= (p.at.month, p.at.day) < ends
    return f"{p.at} {'-0400' if is_summer else '-0500'}"
