"""A whole night of a shop as it is exported: accounts, guests with an address, costs and discounts by line, a refund."""

from decimal import Decimal

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.warehouse.connection import open_bundle_file, records
from clv_pipeline_tests.conftest import RULES_RUN, run_clv_here
from clv_pipeline_tests.nights import without_pictures
from clv_pipeline_tests.test_guests import hashed
from clv_pipeline_tests.warehouse_builders import write_source

ORDERS = """order_id,line,customer,email,placed,net,cost,discount,tax,postage,subscription
1001,1,501,ann@shop.example,2024-03-01 10:00,40.00,25.00,5.00,7.60,4.90,
1001,2,501,ann@shop.example,2024-03-01 10:00,10.00,4.00,0,1.90,0,
1002,1,,Ann@Shop.example,2024-04-02 11:00,20.00,12.00,0,3.80,4.90,
1002,R1,,Ann@Shop.example,2024-04-20 11:00,-5.00,-3.00,0,-0.95,0,
1003,1,,guest@shop.example,2024-04-05 12:00,30.00,18.00,0,5.70,4.90,
1004,1,,guest@shop.example,2024-05-30 12:00,12.50,8.00,0,2.38,4.90,sub-1
1005,1,502,,2024-05-31 13:00,100.00,70.00,0,19.00,0,
1006,1,,,2024-05-31 14:00,7.00,5.00,0,1.33,0,
"""
SELECT = """select order_id, line as order_line_id, customer as customer_id, email, placed as ordered_at, net as amount, cost,
discount, tax, postage as shipping, subscription as subscription_id from orders"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("guests")
    source = write_source(
        folder,
        'time_zone = "Europe/Berlin"\n',
        orders=ORDERS,
        customers="customer_id,email,created_at\n501,ann@shop.example,2024-02-01\n502,dee@shop.example,2024-02-01\n",
    )
    (source.folder / "orders.sql").write_text(SELECT)
    with without_pictures():
        ran = run_clv_here(
            "run", "--source", str(source.folder), "--url", str(source.files), "--as-of", "2024-06-01", "--horizons", "90",
            "--home", str(folder / "home"), **RULES_RUN, CLV_HASH_KEY="a key for tests",
        )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert "1 lines of 1 subscriptions (12.50) count as purchases" in " ".join(ran.stdout.split())
    return Home(folder / "home")


def published(home: Home, query: str) -> list[tuple[object, ...]]:
    with open_bundle_file(home.published / "clv.duckdb") as connection:
        return [tuple(row.values()) for row in records(connection, query)]


def test_accounts_and_guests_to_the_cent(home: Home) -> None:
    found = published(home, "select customer_id, historic_value, purchase_days, is_in_crm from customer_clv")
    assert set(found) == {
        ("501", Decimal("65.00"), 2, True),
        ("502", Decimal("100.00"), 1, True),
        (hashed("guest@shop.example"), Decimal("42.50"), 2, False),
    }


def test_the_margin_of_each_day_and_what_is_shown_beside_it(home: Home) -> None:
    found = published(
        home,
        "select order_date::varchar as day, net_spend, net_margin, discount, tax, shipping from customer_orders "
        "where customer_id = '501' order by day",
    )
    assert found == [
        ("2024-03-01", Decimal("50.00"), Decimal("21.00"), Decimal("5.00"), Decimal("9.50"), Decimal("4.90")),
        ("2024-04-02", Decimal("20.00"), Decimal("8.00"), Decimal("0.00"), Decimal("3.80"), Decimal("4.90")),
        ("2024-04-20", Decimal("-5.00"), Decimal("-2.00"), Decimal("0.00"), Decimal("-0.95"), Decimal("0.00")),
    ]


def test_the_run_says_where_margins_come_from(home: Home) -> None:
    # 73.50 of 207.50: the guest without an address is in no customer's margin
    found = published(home, "select margin_source, margin_covered_share, margin_rate from clv_run")
    assert found == [("cost", Decimal("1.0000"), Decimal("0.3542"))]


def test_the_dispositions_name_guests_and_subscriptions(home: Home) -> None:
    found = published(
        home,
        "select reason, row_count, source_money from data_quality where table_name = 'orders' and row_kind = 'part'",
    )
    assert {
        ("accepted guests whose email names the customer", 4, Decimal("57.50")),
        ("accepted guests: no customer, not scored", 1, Decimal("7.00")),
        ("accepted lines of subscriptions, which count as purchases", 1, Decimal("12.50")),
    } <= set(found)
