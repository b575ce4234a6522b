"""Subscriptions and their payments: what belongs to an erased customer leaves and stays out, and strangers are counted."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.privacy.erasure import forget
from clv_pipeline.privacy.subject import rows_held
from clv_pipeline.quality.remarks import remarks_on_subscriptions
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import FileSource, open_warehouse
from clv_pipeline_tests.warehouse_builders import clean_without_rules, extract_source

KEY = "a-key-for-tests"
NIGHT = date(2024, 6, 1)
ORDERS = "order_id,customer_id,ordered_at,amount\n1,gone,2024-05-01,10\n2,stays,2024-05-01,10\n"
SUBSCRIPTIONS = """subscription_id,customer_id,valid_from,amount,interval,updated_at
s1,gone,2024-01-01,10,month,2024-01-01
s2,stays,2024-01-01,10,month,2024-01-01
handed over,gone,2023-01-01,10,month,2023-01-01
handed over,stays,2024-01-01,10,month,2024-01-01
s3,a stranger,2024-01-01,10,month,2024-01-01
"""
PAYMENTS = """payment_id,subscription_id,paid_at,amount
p1,s1,2024-02-01,10
p2,s2,2024-02-01,10
p3,handed over,2024-02-01,10
"""


@pytest.fixture
def night(tmp_path: Path, file_source: Callable[..., FileSource]) -> Callable[..., tuple[Settings, Warehouse]]:
    """Return `night(subscriptions, payments)`: extract and clean them, an increment of subscriptions from the second night on."""
    home = Home(tmp_path / "home")

    def run(subscriptions: str = SUBSCRIPTIONS, payments: str = PAYMENTS) -> tuple[Settings, Warehouse]:
        selects = {"subscriptions": "select * from subscriptions where updated_at >= :since"}
        source = file_source(
            orders=ORDERS, subscriptions=subscriptions, subscription_payments=payments, selects=selects
        )
        settings, warehouse = source.settings(home=home.root, hash_key=KEY), open_warehouse(home)
        extract_source(settings, warehouse, NIGHT)
        with warehouse.transaction() as connection:
            clean_without_rules(connection, settings)
        return settings, warehouse

    return run


def _payments(warehouse: Warehouse) -> list[str]:
    with warehouse.connection() as connection:
        rows = connection.execute("select payment_id from raw.subscription_payments order by payment_id").fetchall()
        return [payment for (payment,) in rows]


def test_an_export_and_an_erasure_find_the_payments_of_a_customers_subscriptions(
    night: Callable[..., tuple[Settings, Warehouse]],
) -> None:
    settings, warehouse = night()
    with warehouse.connection() as connection:
        held = rows_held(connection, ["gone"])
    assert held["raw.subscription_payments"] == held["clean.subscription_payments"] == 1
    assert held["raw.subscriptions"] == 2
    forget(settings, "gone")
    # what was handed over to another customer is that one's
    assert _payments(warehouse) == ["p2", "p3"]


def test_payments_of_the_erased_stay_out_though_their_subscription_is_no_longer_delivered(
    night: Callable[..., tuple[Settings, Warehouse]],
) -> None:
    settings, _ = night()
    forget(settings, "gone")
    _, warehouse = night(payments=PAYMENTS + "p4,s1,2024-03-01,10\n")
    assert _payments(warehouse) == ["p2", "p3"]
    with warehouse.connection() as connection:
        counted = connection.execute(
            "select rows_erased from raw.loads where table_name = 'subscription_payments'"
        ).fetchall()
    assert counted == [(2,)]


def test_payments_of_a_subscription_that_the_erased_began_later_stay_out_for_good(
    night: Callable[..., tuple[Settings, Warehouse]],
) -> None:
    settings, _ = night()
    forget(settings, "gone")
    later = SUBSCRIPTIONS + "s9,gone,2024-05-01,10,month,2024-05-25\n"
    night(later, PAYMENTS + "p9,s9,2024-05-02,10\n")
    without = "\n".join(line for line in later.splitlines() if "gone" not in line) + "\n"
    _, warehouse = night(without, PAYMENTS + "p9,s9,2024-05-02,10\np10,s9,2024-05-20,10\n")
    assert _payments(warehouse) == ["p2", "p3"]


def test_subscribers_whom_nobody_knows_are_counted(night: Callable[..., tuple[Settings, Warehouse]]) -> None:
    _, warehouse = night()
    with warehouse.connection() as connection:
        (remark,) = remarks_on_subscriptions(connection)
    assert remark.text.startswith("subscriptions.customer_id: 1 of 3 subscribers are in neither")
