"""Faults 6, 9, 10, 12, 18-24, 26, 28 and 29: bad rows of every kind in one night, which is published anyway.

Each bad row is quarantined with its reason and counted; the scores are those of the same night without any of them. What
blocks a night is tested in test_faults_08_to_26_blocked.py.
"""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from clv_pipeline.contracts.reasons import REASONS
from clv_pipeline.core.errors import QualityError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.publishing.publishing import build_customer_clv
from clv_pipeline.warehouse.connection import open_bundle_file
from clv_pipeline.warehouse.sql_models import load_layer
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.faults.company import (
    YESTERDAY,
    Company,
    Night,
    assert_published,
    dispositions,
    healthy,
    night,
    order,
)
from clv_pipeline_tests.nights import copy_of

RULES = """
[[exclude]]
table = "orders"
reason = "test order"
where = "customer_id like 'TEST%'"
[[exclude]]
table = "orders"
reason = "bot order"
where = "product_id = 'bot'"
"""
LONG_NAME = "Zoë 🛒 李 " + "x" * 10_000
NOT_UTF8 = "M\udcfcnchen"  # written as the one byte that Latin-1 has for it
UNKNOWN = [f"{number:05d}" for number in range(150, 155)]
GUESTS, TESTS, BOTS = 4, 3, 2
#: Columns that may differ: the run is another one (its reasons are fitted over everybody's CRM records, of which some are
#: spoilt), and the customers with a spoilt CRM record have another one.
OF_THE_RUN = {
    "run_id",
    "model_version",
    *(f"reason_{place}{of}" for place in (1, 2, 3) for of in ("", "_driver", "_effect")),
}
OF_THE_CRM = {"country", "acquisition_channel", "is_in_crm"}


def spoil(company: Company) -> None:
    """Put rows of every fault into a healthy company, none of which may change what a good customer is worth."""
    orders, customers = company.tables["orders"], company.tables["customers"]
    twice = [dict(row) for row in orders[100:105]]
    older = [
        row | {"amount": float(row["amount"]) * 10, "updated_at": "2022-12-31 00:00:00"} for row in orders[200:203]
    ]
    abroad = next(row for row in orders if row["ordered_at"].startswith("2024-05-25"))
    abroad["currency"] = "USD"
    company.tables["fx_rates"] = [{"currency": "USD", "rate_date": "2024-05-20", "rate": "1"}]
    day = "2024-05-01"
    bad = [
        order("00001", day, "9.00", status="weird"),
        *(order("00001", day, amount) for amount in ("NaN", "inf", "-Infinity")),
        order("00001", "1970-01-01", "999.00"),
        order("00001", "2099-12-31", "999.00"),
        order("00001", day, "999.00", currency="XAU"),
        order("0000\udcfc", day, "999.00"),
        order("00001", day, "999.00", product_id="p\x00q"),
        order("00001" * 101, day, "999.00"),
        order("never-bought", day, "-10.00"),
        order("never-bought", day, "-99999.00"),
        order("never-bought", day, "-0.01"),
        *(order(None, day, "55.00") for _ in range(GUESTS)),
        *(order("TEST1", day, "999.00") for _ in range(TESTS)),
        *(order("00001", day, "999.00", product_id="bot") for _ in range(BOTS)),
    ]
    for number, row in enumerate(bad):
        row["order_id"] = f"bad{number:02d}"
    orders += [*twice, *older, *bad]
    for row in orders:
        row |= {"order_line_id": "1", "shoe_size": 43}
    customers += [dict(customers[3]), dict(customers[3])]
    customers[1]["country"], customers[2]["country"] = LONG_NAME, NOT_UTF8
    # without a column of consents: with one, nobody without a record is profiled
    company.tables["customers"] = [
        {name: value for name, value in row.items() if name != "profiling_consent"}
        for row in customers
        if row["customer_id"] not in UNKNOWN
    ]
    company.toml += RULES


@pytest.fixture(scope="module")
def bad_night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    folder = tmp_path_factory.mktemp("bad_rows")
    company = Company(folder, healthy(until=YESTERDAY))
    spoil(company)
    seen = night(company, Home(folder / "home"), YESTERDAY, is_drawn=True)
    assert_published(seen)
    return seen


@pytest.fixture(scope="module")
def found(bad_night: Night) -> dict[tuple[str, str, str], int]:
    """Return (disposition, reason code, reason) -> order lines."""
    return dispositions(bad_night.home)


def customer_rows(home: Home) -> dict[str, dict[str, Any]]:
    with open_bundle_file(home.published / "clv.duckdb") as connection:
        rows = connection.sql("select * from customer_clv").to_arrow_table().to_pylist()
    return {row["customer_id"]: row for row in rows}


def warnings_of(seen: Night) -> str:
    """Return the checks that the run's summary warns of, in one line."""
    return " ".join(seen.output.split()).partition("; warnings: ")[2]


def test_no_bad_row_changes_what_any_customer_is_worth(bad_night: Night, yesterday: Home) -> None:
    good, seen = customer_rows(yesterday), customer_rows(bad_night.home)
    assert seen.keys() == good.keys()
    for customer, row in good.items():
        other = {c for c in row if row[c] != seen[customer][c]}
        spoilt = OF_THE_CRM if customer in {*UNKNOWN, "00001", "00002"} else set()
        assert other <= OF_THE_RUN | spoilt, f"{customer}: {other}"


def test_fault_06_a_column_that_nobody_asked_for_is_a_warning_of_the_run(bad_night: Night) -> None:
    assert "raw/orders contract" in warnings_of(bad_night)
    assert "raw/customers contract" in warnings_of(bad_night), "a value that was no text"


def test_fault_09_zeros_survive_to_parquet_and_duckdb(bad_night: Night) -> None:
    (file,) = bad_night.home.published.glob("*/parquet/customer_clv.parquet")
    in_parquet = pq.read_table(file, columns=["customer_id"])
    assert str(in_parquet.schema.field("customer_id").type) == "string"
    ids = {f"{number:05d}" for number in range(160)}
    assert set(in_parquet["customer_id"].to_pylist()) == set(customer_rows(bad_night.home)) == ids


#: (test name, disposition, reason code, reason, lines)
SET_ASIDE = [
    *(
        (name, disposition, code, REASONS[code].text, lines)
        for name, disposition, code, lines in (
            ("10_unknown_status", "quarantined", "unknown_order_status", 1),
            ("12_bytes_that_are_no_text", "quarantined", "key_not_utf8", 1),
            ("12_nul", "quarantined", "key_with_nul", 1),
            ("12_a_key_without_end", "quarantined", "key_too_long", 1),
            ("18_delivered_twice", "duplicate", "delivered_twice", 5),
            ("19_an_older_amount", "superseded", "superseded_line", 3),
            ("23_not_a_number", "quarantined", "unreadable_amount", 3),
            ("24_refunds", "quarantined", "excessive_refund", 3),
            ("26_a_currency_without_any_rate", "quarantined", "no_exchange_rate", 1),
            ("28_1970", "quarantined", "early_ordered_at", 1),
            ("28_the_future", "quarantined", "future_ordered_at", 1),
        )
    ),
    ("29_tests", "excluded", "excluded_by_rule", "test order", TESTS),
    ("29_bots", "excluded", "excluded_by_rule", "bot order", BOTS),
]


@pytest.mark.parametrize(
    ("disposition", "code", "reason", "lines"), [s[1:] for s in SET_ASIDE], ids=[f"fault_{s[0]}" for s in SET_ASIDE]
)
def test_what_is_set_aside_is_counted_with_its_reason_and_published(
    bad_night: Night, found: dict[tuple[str, str, str], int], disposition: str, code: str, reason: str, lines: int
) -> None:
    assert found[disposition, code, reason] == lines
    with open_bundle_file(bad_night.home.published / "clv.duckdb") as connection:
        shown = connection.execute(
            "select row_count from data_quality "
            "where table_name = 'orders' and (disposition, reason_code, reason) = ($disposition, $code, $reason)",
            {"disposition": disposition, "code": code, "reason": reason},
        ).fetchall()
    assert shown == [(lines,)]


def test_nothing_else_is_set_aside(found: dict[tuple[str, str, str], int]) -> None:
    expected = {(disposition, code, reason) for _, disposition, code, reason, _ in SET_ASIDE}
    assert found.keys() - expected == {("accepted", "", "")}


def test_fault_10_an_unknown_status_is_a_warning_of_the_run(bad_night: Night) -> None:
    assert "clean/orders quarantine" in warnings_of(bad_night)


def test_fault_12_strange_names_pass_intact_and_bytes_that_are_none_become_null(bad_night: Night) -> None:
    rows = customer_rows(bad_night.home)
    assert rows["00001"]["country"] == LONG_NAME
    assert rows["00002"]["country"] is None
    assert rows["00002"]["is_in_crm"]


def test_fault_20_a_customer_who_stands_there_three_times_is_one(bad_night: Night, yesterday: Home) -> None:
    copies = ("duplicate", "delivered_twice", REASONS["delivered_twice"].text)
    assert dispositions(bad_night.home, "customers")[copies] == 2
    worth = [sum(row["historic_value"] for row in customer_rows(home).values()) for home in (bad_night.home, yesterday)]
    assert worth[0] == worth[1] > 0


def test_fault_20_a_customer_who_gets_doubled_on_the_way_blocks_before_anything_is_published(
    bad_night: Night, tmp_path: Path
) -> None:
    home = copy_of(bad_night.home, tmp_path)
    warehouse, models = open_warehouse(home), load_layer("4_published")
    total = "select sum(historic_value) from published.customer_clv"
    with warehouse.transaction() as connection:
        connection.execute("insert into clean.customers from clean.customers where customer_id = '00003'")
        before = connection.execute(total).fetchall()
    with pytest.raises(QualityError, match=r"published\.customer_clv\.historic_value: .* a join multiplies rows"):
        build_customer_clv(warehouse, models, load_settings(source="demo", home=home.root))
    with warehouse.connection() as connection:
        assert connection.execute(total).fetchall() == before, "the old table stands"


def test_fault_21_unknown_customers_are_made_from_their_orders_and_flagged(bad_night: Night) -> None:
    rows = customer_rows(bad_night.home)
    assert [c for c in sorted(rows) if not rows[c]["is_in_crm"]] == UNKNOWN
    created = ("created", "known_only_from_orders", REASONS["known_only_from_orders"].text)
    assert dispositions(bad_night.home, "customers")[created] == len(UNKNOWN)


def test_fault_22_guests_have_no_score_and_their_money_is_shown(bad_night: Night) -> None:
    with open_bundle_file(bad_night.home.published / "clv.duckdb") as connection:
        shown = connection.execute(
            "select row_count, source_money from data_quality where reason = 'accepted guests: no customer, not scored'"
        ).fetchall()
    assert shown == [(GUESTS, 55 * GUESTS)]
