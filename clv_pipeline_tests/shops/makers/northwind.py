"""Northwind as its SQLite variants have it: a table name with a blank, a discount that is a fraction, no status, no refunds."""

from datetime import timedelta

from clv_pipeline_tests.shops.made_up import D, Shop, Totals, purchases, script, table

_CUSTOMERS = (
    "ALFKI",
    "ANATR",
    "ANTON",
    "AROUT",
    "BERGS",
    "BLAUS",
    "BLONP",
    "BOLID",
    "BONAP",
    "BOTTM",
    "BSBEV",
    "CACTU",
)
_PRICES = (D("18"), D("19"), D("10"), D("22"), D("21.35"), D("25.5"), D("30"), D("62.5"))
_DISCOUNTS = (D("0"), D("0.05"), D("0"), D("0.15"), D("0"), D("0.25"), D("0.1"))


def make() -> Shop:
    totals, orders, details = Totals(), [], []
    for p in purchases(2, count=45, people=12, products=8):
        number, who = 10247 + p.number, _CUSTOMERS[p.person]
        freight = D("3.25") + D("0.93") * (p.number % 9)
        day, shipped = p.at.date(), None if p.number % 15 == 0 else p.at.date() + timedelta(days=6)
        orders.append(
            (
                number, who, 1 + p.number % 9, day, day + timedelta(days=28), shipped, 1 + p.number % 3, freight,
                f"Company {who}",
                "Obere Str. 57", "Berlin", None, "12209", "Germany",
            )
        )  # fmt: skip
        goods, discount = [], D(0)
        for line, (product, quantity) in enumerate(p.basket):
            # what the list says today is not what was paid: early orders had lower prices
            price = _PRICES[product] * (D("0.8") if p.number <= 15 else D(1))
            share = _DISCOUNTS[(p.number + line) % 7]
            details.append((number, product + 1, price, 5 * quantity, share))
            goods.append(price * 5 * quantity * (1 - share))
            discount += price * 5 * quantity * share
        totals.sale(("id", who), day, goods, discount=discount, shipping=freight)
    sql = script(
        table(
            "Customers",
            "CustomerID text primary key, CompanyName text, ContactName text, ContactTitle text, Address text, City text, "
            "Region text, "
            "PostalCode text, Country text, Phone text, Fax text",
            [
                (c, f"Company {c}", "Maria Anders", "Owner", "Obere Str. 57", "Berlin", None, "12209", "Germany",
                "030-0074321", None)
                for c in (*_CUSTOMERS, "PARIS")
            ],
        ),
        table(
            "Orders",
            "OrderID integer primary key, CustomerID text references Customers (CustomerID), EmployeeID integer, "
            "OrderDate datetime, "
            "RequiredDate datetime, ShippedDate datetime, ShipVia integer, Freight numeric default 0, ShipName text, "
            "ShipAddress text, "
            "ShipCity text, ShipRegion text, ShipPostalCode text, ShipCountry text",
            orders,
        ),
        table(
            '"Order Details"',
            "OrderID integer not null references Orders (OrderID), ProductID integer not null references Products (ProductID), "
            "UnitPrice numeric not null default 0, Quantity integer not null default 1, Discount real not null default 0, "
            'primary key ("OrderID", "ProductID")',
            details,
        ),
        table(
            "Products",
            "ProductID integer primary key, ProductName text, SupplierID integer, CategoryID integer, QuantityPerUnit text, "
            "UnitPrice numeric, UnitsInStock integer, UnitsOnOrder integer, ReorderLevel integer, Discontinued text default '0'",
            [
                (i + 1, f"Product {i + 1}", 1 + i % 2, 1 + i % 3, "10 boxes x 20 bags", price, 39, 0, 10, "0")
                for i, price in enumerate(_PRICES)
            ],
        ),
        table(
            "Categories",
            "CategoryID integer primary key, CategoryName text, Description text, Picture blob",
            [(1, "Beverages", "Soft drinks", None), (2, "Condiments", "Sauces", None), (3, "Confections", "Desserts", None)],
        ),
        table(
            "Suppliers",
            "SupplierID integer primary key, CompanyName text not null, ContactName text, ContactTitle text, Address text, "
            "City text, "
            "Region text, PostalCode text, Country text, Phone text, Fax text, HomePage text",
            [
                (1, "Exotic Liquids", "Charlotte", "Manager", "49 Gilbert St.", "London", None, "EC1", "UK", "171", None, None),
                (2, "Cajun Delights", "Shelley", "Manager", "P.O. Box 78934", "New Orleans", "LA", "70117", "USA", "100", None,
                None),
            ],
        ),
        table(
            "Employees",
            "EmployeeID integer primary key, LastName text, FirstName text, Title text, BirthDate date, HireDate date, "
            "City text, "
            "Country text, ReportsTo integer, Notes text",
            [
                (i, "Davolio", "Nancy", "Sales Representative", "1968-12-08", "1992-05-01", "Seattle", "USA", 2, None)
                for i in range(1, 10)
            ],
        ),
        table(
            "Shippers",
            "ShipperID integer primary key, CompanyName text not null, Phone text",
            [(i, f"Shipper {i}", None) for i in (1, 2, 3)],
        ),
        table("Regions", "RegionID integer primary key, RegionDescription text not null", [(1, "Eastern"), (2, "Western")]),
        table(
            "Territories", "TerritoryID text primary key, TerritoryDescription text not null, RegionID integer not null",
            [("01581", "Westboro", 1), ("98004", "Bellevue", 2)],
        ),
        table("EmployeeTerritories", "EmployeeID integer not null, TerritoryID text not null", [(1, "01581"), (2, "98004")]),
        table("CustomerCustomerDemo", "CustomerID text not null, CustomerTypeID text not null"),
        table("CustomerDemographics", "CustomerTypeID text primary key, CustomerDesc text"),
    )  # fmt: skip
    answers = {"time_zone": "America/Los_Angeles", "currency": "USD"}
    traps = (
        "a line is UnitPrice x Quantity x (1 - Discount) of Order Details; Products.UnitPrice is today's list price",
        "Freight is of the order; orders without ShippedDate are revenue; there is no status",
    )
    return Shop("sqlite", {"shop.sql": sql}, answers, totals, traps)
