"""Guests known by an e-mail address: whose orders they are, what is left of an erased one, and what is refused without a key."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from clv_pipeline.core.errors import SourceError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.privacy.erasure import forget, plan_erasure
from clv_pipeline.privacy.subject import export_subject, same_person
from clv_pipeline.quality.line_remarks import remarks_on_lines
from clv_pipeline.quality.plausibility import remarks_on_orders
from clv_pipeline.quality.source_measures import count_customers
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import AS_OF, open_warehouse, run_clv_here
from clv_pipeline_tests.warehouse_builders import clean_without_rules, extract_source, write_source

KEY = "a key for tests"
CUSTOMERS = """customer_id,email,created_at,profiling_consent
7,Ann@shop.example,2024-01-01,true
8,bob@shop.example,2024-01-01,false
9,family@shop.example,2024-02-01,true
10,family@shop.example,2024-01-15,true
11,late@shop.example,2024-06-01,true
"""
#: As a shop exports them: accounts with their address, guests with the address alone, blanks and capitals as people type them.
ORDERS = """order_id,order_line_id,customer_id,email,ordered_at,amount
o1,1,7,ann@shop.example,2024-02-01,10.00
o2,1,, ANN@shop.example ,2024-02-02,20.01
o3,1,ann@shop.example,,2024-02-03,30.02
o4,1,,bob@shop.example,2024-02-04,40.03
o5,1,,family@shop.example,2024-02-05,50.04
o6,1,,guest@shop.example,2024-02-06,60.05
o7,1,Guest@shop.example,guest@shop.example,2024-02-07,70.06
o8,1,12,cat@shop.example,2024-02-08,80.07
o9,1,,cat@shop.example,2024-02-09,90.08
o10,1,,late@shop.example,2024-02-10,1.09
o11,1,,noreply@shop.example,2024-02-11,2.10
o12,1,,,2024-02-12,3.11
o13,1,,no address,2024-02-13,4.12
"""


def hashed(address: str) -> str:
    return sha256(f"{KEY}{address}".encode()).hexdigest()


def load(folder: Path, key: str | None = KEY, as_of: date = AS_OF, **tables: str) -> tuple[Settings, Warehouse]:
    """Extract and clean a small shop into the home `folder`/home."""
    source = write_source(folder, 'time_zone = "UTC"\n', **tables)
    settings = source.settings(home=folder / "home", hash_key=key)
    warehouse = open_warehouse(Home(folder / "home"))
    fill(settings, warehouse, as_of)
    return settings, warehouse


def fill(settings: Settings, warehouse: Warehouse, as_of: date = AS_OF) -> None:
    extract_source(settings, warehouse, as_of)
    with warehouse.transaction() as connection:
        clean_without_rules(connection, settings)


def rows(warehouse: Warehouse, query: str) -> list[tuple[Any, ...]]:
    with warehouse.connection() as connection:
        return connection.execute(query).fetchall()


def money(warehouse: Warehouse) -> dict[str | None, Decimal]:
    return dict(rows(warehouse, "select customer_id, sum(amount) from clean.orders group by customer_id"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Warehouse]]:
    yield load(tmp_path_factory.mktemp("shop"), orders=ORDERS, customers=CUSTOMERS)


def test_guests_join_the_account_of_their_address_to_the_cent(shop: tuple[Settings, Warehouse]) -> None:
    assert money(shop[1]) == {
        "7": Decimal("60.03"),
        "8": Decimal("40.03"),
        # of two accounts the older one
        "10": Decimal("50.04"),
        hashed("guest@shop.example"): Decimal("130.11"),
        "12": Decimal("170.15"),
        # its account is entered on as_of
        hashed("late@shop.example"): Decimal("1.09"),
        # nobody's address, and none
        None: Decimal("9.33"),
    }


def test_a_guest_has_the_consent_of_the_account_and_without_one_none(shop: tuple[Settings, Warehouse]) -> None:
    consents = dict(
        rows(
            shop[1], "select customer_id, has_profiling_consent from clean.customers where first_order_date is not null"
        )
    )
    assert consents == {
        "7": True, "8": False, "10": True, "12": False,
        hashed("guest@shop.example"): False, hashed("late@shop.example"): False,
    }  # fmt: skip


def test_guests_are_neither_unknown_buyers_nor_unclear_consents(shop: tuple[Settings, Warehouse]) -> None:
    with shop[1].connection() as connection:
        counts = count_customers(connection)
    # the buyer 12 and the address that is a customer number have no record in the CRM
    assert (counts.unknown_buyers, counts.unclear, counts.buyers) == (2, 2, 6)


def test_ambiguous_addresses_are_counted(shop: tuple[Settings, Warehouse]) -> None:
    with shop[1].connection() as connection:
        (remark,) = remarks_on_lines(connection, shop[0])
    assert remark.check == "shared_addresses"
    assert (
        "1 addresses of orders without a customer_id (1 lines, money 50.04) belong to several accounts" in remark.text
    )


def test_placeholders_are_named_without_the_companys_name(shop: tuple[Settings, Warehouse]) -> None:
    remarks = " ".join(text for (text,) in rows(shop[1], "select remark from raw.remarks"))
    assert "orders.email: 1 rows have a placeholder, read as a guest, not one customer: 'noreply' (1)" in remarks
    assert "shop.example" not in remarks


def test_no_address_is_stored(shop: tuple[Settings, Warehouse]) -> None:
    shop[1].path.read_bytes()
    with shop[1].connection() as connection:
        connection.execute("checkpoint")
    assert b"shop.example" not in shop[1].path.read_bytes()


def test_the_address_of_a_till_is_no_silent_best_customer(tmp_path: Path) -> None:
    lines = [f"o{i},1,,till@shop.example,2024-02-01,10" for i in range(60)]
    lines += [f"p{i},1,,someone{i}@shop.example,2024-02-01,10" for i in range(140)]
    settings, warehouse = load(
        tmp_path, orders="order_id,order_line_id,customer_id,email,ordered_at,amount\n" + "\n".join(lines)
    )
    with warehouse.connection() as connection:
        # what remarks on amounts look at is not the point here
        connection.execute("create or replace temp table judged as select *, null as reason from clean.orders")
        (remark,) = [r for r in remarks_on_orders(connection, settings) if r.check == "largest_customer"]
    assert remark.share_at_stake == pytest.approx(0.3)
    assert "return null for it in orders.sql, as email" in remark.text


def test_what_comes_on_or_after_as_of_changes_no_identity(tmp_path: Path) -> None:
    future = AS_OF + timedelta(days=3)
    later_orders = "".join(
        f"{order}\n"
        for order in (
            f"x1,1,99,guest@shop.example,{future},5",
            f"x2,1,98,cat@shop.example,{AS_OF},5",
            f"x3,1,Bob@shop.example,ann@shop.example,{AS_OF},5",
        )
    )
    header, *records = CUSTOMERS.splitlines()
    before = "\n".join([f"{header},updated_at", *(f"{record},2024-03-01" for record in records)])
    after = "\n".join([before, f"97,guest@shop.example,{AS_OF},true,", f"7,guest@shop.example,2024-01-01,true,{AS_OF}"])
    _, as_it_was = load(tmp_path / "was", orders=ORDERS, customers=before)
    _, another_future = load(tmp_path / "is", orders=ORDERS + later_orders, customers=after)
    known = (
        "select * from clean.email_identities where email_hash in (select email from raw.orders where ordered_at < '2024-06-01') "
        "order by all"
    )
    assert len(rows(as_it_was, known)) == 6
    assert rows(another_future, known) == rows(as_it_was, known)
    assert money(another_future) == money(as_it_was)


def test_without_a_key_an_email_of_orders_is_refused_with_the_line_that_sets_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"orders\.email: e-mail addresses are stored only as keyed hashes") as told:
        load(tmp_path, key=None, orders=ORDERS)
    line = """export CLV_HASH_KEY="$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))')\""""
    assert f"\n{line}\n" in told.value.next_step


def test_a_person_is_found_under_each_number_and_address(shop: tuple[Settings, Warehouse]) -> None:
    with shop[1].connection() as connection:
        ann = ["7", hashed("ann@shop.example")]
        assert same_person(connection, "7") == same_person(connection, ann[1]) == sorted(ann)
        family = hashed("family@shop.example")
        # by the address both accounts; by the number of one the address stays the other's
        assert same_person(connection, family) == sorted(["9", "10", family])
        assert same_person(connection, "9") == ["9"]
        assert same_person(connection, "12") == sorted(["12", hashed("cat@shop.example")])


def test_an_export_has_the_orders_of_the_guest(shop: tuple[Settings, Warehouse], tmp_path: Path) -> None:
    export_subject(shop[0], "ann@shop.example", tmp_path / "ann.json")
    held = json.loads((tmp_path / "ann.json").read_text())["held"]
    assert sorted(row["order_id"] for row in held["warehouse raw.orders"]) == ["o1", "o2", "o3"]


@pytest.mark.parametrize("by", ["7", "ANN@shop.example", hashed("ann@shop.example")])
def test_an_erased_account_comes_back_neither_by_number_nor_as_a_guest(tmp_path: Path, by: str) -> None:
    settings, warehouse = load(tmp_path, orders=ORDERS, customers=CUSTOMERS)
    assert plan_erasure(settings, by).customer_ids == sorted(["7", hashed("ann@shop.example")])
    done = forget(settings, by)
    assert done.left == []
    # the records and their address under another number come back tonight
    (tmp_path / "files" / "customers.csv").write_text(CUSTOMERS + "70,ann@shop.example,2024-01-01,true\n")
    fill(settings, warehouse)
    assert rows(warehouse, "select order_id from raw.orders where order_id in ('o1', 'o2', 'o3')") == []
    assert {"7", hashed("ann@shop.example")}.isdisjoint(money(warehouse))
    assert rows(warehouse, "select email, profiling_consent from raw.customers where customer_id = '70'") == [
        (None, False)
    ]
    assert money(warehouse)["10"] == Decimal("50.04")


def test_an_erased_guest_leaves_no_trace(tmp_path: Path) -> None:
    settings, warehouse = load(tmp_path, orders=ORDERS, customers=CUSTOMERS)
    done = forget(settings, "guest@shop.example")
    assert (done.customer_ids, done.left) == ([hashed("guest@shop.example")], [])
    fill(settings, warehouse)
    assert rows(warehouse, "select count(*) from raw.orders where order_id in ('o6', 'o7')") == [(0,)]


def test_an_erased_address_is_taken_from_the_orders_of_others(tmp_path: Path) -> None:
    # somebody else has ordered once with the address of Ann
    orders = ORDERS + "o14,1,9,ann@shop.example,2024-02-14,5.00\n"
    settings, warehouse = load(tmp_path, orders=orders, customers=CUSTOMERS)
    assert forget(settings, "ann@shop.example").left == []
    for _ in range(2):
        assert rows(warehouse, "select customer_id, email from raw.orders where order_id = 'o14'") == [("9", None)]
        fill(settings, warehouse)


def test_the_command_erases_a_guest(tmp_path: Path) -> None:
    load(tmp_path, orders=ORDERS, customers=CUSTOMERS)
    ran = run_clv_here(
        "forget", "--yes", "guest@shop.example", "--source", str(tmp_path / "source"), "--home", str(tmp_path / "home"),
        CLV_HASH_KEY=KEY,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert "guest@" not in ran.stdout
