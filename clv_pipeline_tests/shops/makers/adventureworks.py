"""AdventureWorks: several schemas, purchases beside sales, statuses that are numbers, stores and persons as customers."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from clv_pipeline_tests.shops.made_up import D, Shop, Totals, purchases, script, table

_STATUSES = (5, 5, 5, 5, 6, 5, 5, 4, 5, 5, 3, 5, 1, 2)
_REVENUE = (2, 3, 5)
_PRICES = (D("2024.9940"), D("20.1865"), D("28.8404"), D("5.7000"), D("419.4589"), D("183.9382"), D("8.9900"))
_COSTS = (D("1898.0944"), D("13.0863"), D("29.0807"), D("3.3963"), D("199.8519"), D("96.7964"), D("3.3623"))
_NAMES = (
    "Road-650 Red",
    "Sport-100 Helmet",
    "Long-Sleeve Jersey",
    "Mountain Socks",
    "LL Road Frame",
    "HL Fork",
    "AWC Cap",
)


def make() -> Shop:
    totals, headers, details, history = Totals(), [], [], []
    number = 0
    for p in purchases(4, count=46, people=13, products=7):
        order, who, status = 43658 + p.number, 29825 + p.person, _STATUSES[p.number % 14]
        goods, discount = [], Decimal(0)
        for product, quantity in p.basket:
            number += 1
            share = D("0.02") if quantity > 2 else D("0.40") if number % 11 == 0 else D(0)
            line = (_PRICES[product] * (1 - share) * quantity).quantize(D("0.000001"), ROUND_HALF_UP)
            goods.append(line)
            discount += _PRICES[product] * share * quantity
            details.append(
                (
                    order,
                    number,
                    "4911-403C-98",
                    quantity,
                    product + 707,
                    1,
                    _PRICES[product],
                    share,
                    line,
                    f"d{number:08d}",
                    p.at,
                )
            )
            history.append((number, product + 707, order, number, p.at, "S", quantity, _COSTS[product], p.at))
        subtotal = sum(goods, Decimal(0)).quantize(D("0.0001"), ROUND_HALF_UP)
        tax, freight = ((subtotal * share).quantize(D("0.0001"), ROUND_HALF_UP) for share in (D("0.08"), D("0.025")))
        day = p.at.date()
        headers.append(
            {
                "SalesOrderID": order, "RevisionNumber": 8, "OrderDate": day, "DueDate": day + timedelta(days=12),
                "ShipDate": day + timedelta(days=7) if status == 5 else None, "Status": status, "OnlineOrderFlag": p.person >= 4,
                "SalesOrderNumber": f"SO{order}", "AccountNumber": f"10-4020-{who:06d}", "CustomerID": who,
                "SalesPersonID": 279 if p.person < 4 else None, "TerritoryID": 1 + p.person % 3, "BillToAddressID": 985,
                "ShipToAddressID": 985, "ShipMethodID": 5, "CreditCardID": 16281, "CreditCardApprovalCode": "105041Vi84182",
                # amounts are in dollars whatever this says
                "CurrencyRateID": 4 if p.person == 6 else None, "SubTotal": subtotal, "TaxAmt": tax, "Freight": freight,
                "TotalDue": subtotal + tax + freight, "rowguid": f"h{order:08d}", "ModifiedDate": day + timedelta(days=7),
            }
        )  # fmt: skip
        if status in _REVENUE:
            totals.sale(("id", str(who)), day, goods, discount=discount, tax=tax, shipping=freight)
    sql = script(
        *(f"create schema {name};" for name in ("Sales", "Person", "Production", "Purchasing", "HumanResources")),
        table(
            "Sales.SalesOrderHeader",
            """SalesOrderID integer primary key, RevisionNumber tinyint not null, OrderDate timestamp not null,
            DueDate timestamp not null, ShipDate timestamp, Status tinyint not null, OnlineOrderFlag boolean not null,
            SalesOrderNumber varchar, PurchaseOrderNumber varchar, AccountNumber varchar, CustomerID integer not null,
            SalesPersonID integer, TerritoryID integer, BillToAddressID integer not null, ShipToAddressID integer not null,
            ShipMethodID integer not null, CreditCardID integer, CreditCardApprovalCode varchar, CurrencyRateID integer,
            SubTotal decimal(19,4) not null, TaxAmt decimal(19,4) not null, Freight decimal(19,4) not null,
            TotalDue decimal(19,4) not null, Comment varchar, rowguid varchar not null, ModifiedDate timestamp not null""",
            headers,
        ),
        table(
            "Sales.SalesOrderDetail",
            """SalesOrderID integer not null references Sales.SalesOrderHeader (SalesOrderID),
            SalesOrderDetailID integer not null,
            CarrierTrackingNumber varchar, OrderQty smallint not null, ProductID integer not null,
            SpecialOfferID integer not null,
            UnitPrice decimal(19,4) not null, UnitPriceDiscount decimal(19,4) not null, LineTotal decimal(38,6) not null,
            rowguid varchar not null, ModifiedDate timestamp not null, primary key (SalesOrderID, SalesOrderDetailID)""",
            details,
        ),
        table(
            "Sales.Customer",
            """CustomerID integer primary key, PersonID integer, StoreID integer, TerritoryID integer, AccountNumber varchar,
            rowguid varchar, ModifiedDate timestamp""",
            [
                (29825 + i, 1045 + i, 292 + i if i < 4 else None, 1 + i % 3, f"AW{29825 + i:08d}", f"c{i}", "2022-09-12")
                for i in range(16)
            ],
        ),
        table(
            "Sales.Store",
            "BusinessEntityID integer primary key, Name varchar, SalesPersonID integer, rowguid varchar, ModifiedDate timestamp",
            [(292 + i, f"Store {i}", 279, f"s{i}", "2022-09-12") for i in range(4)],
        ),
        table(
            "Sales.SalesTerritory",
            """TerritoryID integer primary key, Name varchar, CountryRegionCode varchar, "Group" varchar, SalesYTD decimal(19,4),
            SalesLastYear decimal(19,4), CostYTD decimal(19,4), CostLastYear decimal(19,4)""",
            [(i, f"Territory {i}", "US", "North America", D("7887186.7882"), D("3298694.4938"), 0, 0) for i in (1, 2, 3)],
        ),
        table(
            "Sales.CurrencyRate",
            """CurrencyRateID integer primary key, CurrencyRateDate timestamp, FromCurrencyCode varchar, ToCurrencyCode varchar,
            AverageRate decimal(19,4), EndOfDayRate decimal(19,4), ModifiedDate timestamp""",
            [(4, "2023-05-31", "USD", "CAD", D("1.4641"), D("1.4683"), "2023-05-31")],
        ),
        table(
            "Sales.ShoppingCartItem",
            """ShoppingCartItemID integer primary key, ShoppingCartID varchar, Quantity integer, ProductID integer,
            DateCreated timestamp, ModifiedDate timestamp""",
            [(2, "14951", 3, 707, "2024-05-09 17:54:07", "2024-05-09 17:54:07"), (4, "20621", 4, 708, "2024-05-09",
            "2024-05-09")],
        ),
        table(
            "Sales.SpecialOffer",
            """SpecialOfferID integer primary key, Description varchar, DiscountPct decimal(10,4), Type varchar, Category varchar,
            StartDate timestamp, EndDate timestamp, MinQty integer, MaxQty integer""",
            [(1, "No Discount", 0, "No Discount", "No Discount", "2022-01-01", "2030-01-01", 0, None)],
        ),
        table(
            "Person.Person",
            """BusinessEntityID integer primary key, PersonType varchar, NameStyle boolean, Title varchar, FirstName varchar,
            MiddleName varchar, LastName varchar, Suffix varchar, EmailPromotion integer, rowguid varchar,
            ModifiedDate timestamp""",
            [(1045 + i, "IN", False, None, "Jon", "V", f"Yang{i}", None, i % 3, f"p{i}", "2022-09-12") for i in range(16)],
        ),
        table(
            "Person.EmailAddress",
            "BusinessEntityID integer, EmailAddressID integer, EmailAddress varchar, rowguid varchar, ModifiedDate timestamp",
            [(1045 + i, 1 + i, f"jon{i}@adventure-works.example", f"e{i}", "2022-09-12") for i in range(16)],
        ),
        table(
            "Person.Address",
            """AddressID integer primary key, AddressLine1 varchar, AddressLine2 varchar, City varchar, StateProvinceID integer,
            PostalCode varchar, rowguid varchar, ModifiedDate timestamp""",
            [(985, "1970 Napa Ct.", None, "Bothell", 79, "98011", "a1", "2022-09-12")],
        ),
        table(
            "Production.Product",
            """ProductID integer primary key, Name varchar, ProductNumber varchar, MakeFlag boolean, Color varchar,
            SafetyStockLevel smallint, StandardCost decimal(19,4), ListPrice decimal(19,4), ProductSubcategoryID integer,
            SellStartDate timestamp, SellEndDate timestamp, ModifiedDate timestamp""",
            [
                (707 + i, name, f"PN-{i}", True, None, 100, _COSTS[i], _PRICES[i] + 10, 1 + i % 3, "2022-05-30", None,
                "2024-02-08")
                for i, name in enumerate(_NAMES)
            ],
        ),
        table(
            "Production.ProductSubcategory",
            "ProductSubcategoryID integer primary key, ProductCategoryID integer, Name varchar, ModifiedDate timestamp",
            [(1, 1, "Road Bikes", "2022-04-30"), (2, 2, "Helmets", "2022-04-30"), (3, 2, "Jerseys", "2022-04-30")],
        ),
        table(
            "Production.ProductCategory",
            "ProductCategoryID integer primary key, Name varchar, ModifiedDate timestamp",
            [(1, "Bikes", "2022-04-30"), (2, "Clothing", "2022-04-30")],
        ),
        table(
            "Production.TransactionHistory",
            """TransactionID integer primary key, ProductID integer, ReferenceOrderID integer, ReferenceOrderLineID integer,
            TransactionDate timestamp, TransactionType varchar, Quantity integer, ActualCost decimal(19,4),
            ModifiedDate timestamp""",
            history,
        ),
        table(
            "Purchasing.PurchaseOrderHeader",
            """PurchaseOrderID integer primary key, RevisionNumber tinyint, Status tinyint, EmployeeID integer, VendorID integer,
            ShipMethodID integer, OrderDate timestamp, ShipDate timestamp, SubTotal decimal(19,4), TaxAmt decimal(19,4),
            Freight decimal(19,4), TotalDue decimal(19,4), ModifiedDate timestamp""",
            [(i, 4, 4, 258, 1580, 3, "2023-04-16", "2023-04-25", D("201.04"), D("16.0832"), D("5.026"), D("222.1492"),
            "2023-04-25")
             for i in range(1, 30)],
        ),
        table(
            "Purchasing.PurchaseOrderDetail",
            """PurchaseOrderID integer, PurchaseOrderDetailID integer, DueDate timestamp, OrderQty smallint, ProductID integer,
            UnitPrice decimal(19,4), LineTotal decimal(19,4), ReceivedQty decimal(8,2), RejectedQty decimal(8,2),
            StockedQty decimal(9,2), ModifiedDate timestamp""",
            [(1 + i // 3, i, "2023-04-30", 4, 707 + i % 7, D("50.26"), D("201.04"), 3, 0, 3, "2023-04-23") for i in range(80)],
        ),
        table(
            "HumanResources.Employee",
            """BusinessEntityID integer primary key, NationalIDNumber varchar, LoginID varchar, JobTitle varchar, BirthDate date,
            Gender varchar, HireDate date, ModifiedDate timestamp""",
            [(279, "716374314", "adventure-works/tsvi0", "Sales Representative", "1974-01-18", "M", "2021-05-31", "2022-06-30")],
        ),
        table("ErrorLog", "ErrorLogID integer primary key, ErrorTime timestamp, UserName varchar, ErrorMessage varchar"),
    )  # fmt: skip
    answers = {
        "time_zone": "America/Los_Angeles",
        "currency": "USD",
        "revenue": [str(s) for s in _REVENUE],
        "not_revenue": ["1", "4", "6"],
    }
    traps = (
        "six schemas; Purchasing has orders, too, which the company placed",
        "LineTotal has six decimals and is net of UnitPriceDiscount, which is a fraction",
        "Status is a number: 4 is rejected, 6 cancelled, 1 in process",
        "amounts are in dollars although some orders name a currency rate",
        "TransactionHistory repeats every sale at cost",
    )
    return Shop("duckdb", {"shop.sql": sql}, answers, totals, traps)
