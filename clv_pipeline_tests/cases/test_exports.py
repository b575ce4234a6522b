"""Real export layouts and public bug reports, each a whole night on its own files; the READMEs say what is right and why.

Inputs and values are not to be changed.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.warehouse.connection import open_bundle_file, records
from clv_pipeline_tests.conftest import RULES_RUN, open_warehouse, run_clv_here
from clv_pipeline_tests.nights import without_pictures

EXPORTS = Path(__file__).with_name("exports")


@dataclass(frozen=True)
class Ran:
    """How the night of an export ended."""

    home: Home
    exit_code: int
    said: str

    def rows(self, table: str) -> list[dict[str, Any]]:
        with open_bundle_file(self.home.published / "clv.duckdb") as connection:
            return records(connection, f"select * from {table}")

    def tables(self) -> list[str]:
        with open_bundle_file(self.home.published / "clv.duckdb") as connection:
            found = connection.execute("select table_name from information_schema.tables where table_schema = 'main'")
            return [name for (name,) in found.fetchall()]

    def customers(self) -> dict[str, dict[str, Any]]:
        assert self.exit_code == 0, self.said
        return {row["customer_id"]: row for row in self.rows("customer_clv")}


def run(
    export: str,
    root: Path,
    *,
    source: str = "source",
    files: Path | None = None,
    stale_data: str = "block",
    as_of: str = "2024-06-01",
    horizons: str = "90",
) -> Ran:
    """Run a night without fitting models."""
    folder = EXPORTS / export
    home = Home(root / source / "home")
    arguments = ["--source", str(folder / source), "--url", str(files or folder / "files"), "--as-of", as_of]
    arguments += ["--horizons", horizons]
    with without_pictures():
        ran = run_clv_here("run", "--home", str(home.root), *arguments, **RULES_RUN, CLV_STALE_DATA=stale_data)
    return Ran(home, ran.returncode, ran.stdout + ran.stderr)


def hashed(name: str) -> str:
    return md5(f"{name}@shop.example".encode()).hexdigest()


def test_a_timestamp_that_ends_in_utc(tmp_path: Path) -> None:
    ran = run("01-utc-suffix", tmp_path)
    for who in "nzu":
        row = ran.customers()[who]
        assert (row["first_order_date"], row["last_order_date"], row["recency_days"]) == (
            date(2024, 2, 29), date(2024, 4, 30), 32,
        )  # fmt: skip
    # a cohort of three is not shown alone: their first purchases are in the row of small cohorts
    february = [r for r in ran.rows("cohorts") if r["row_kind"] == "actual" and r["month_date"] == date(2024, 2, 1)]
    assert [(r["cohort"], r["active_customers"]) for r in february] == [("other", 3)]


def test_an_offset_after_a_blank(tmp_path: Path) -> None:
    customers = run("02-offset-after-space", tmp_path).customers()
    for who in "zs":
        row = customers[who]
        found = row["first_order_date"], row["last_order_date"], row["historic_value"]
        assert found == (date(2024, 2, 29), date(2024, 4, 30), Decimal("50.00"))


def test_equal_lines_of_one_order_are_two_sales(tmp_path: Path) -> None:
    customers = run("03-equal-lines", tmp_path).customers()
    values = {who: str(customers[who]["historic_value"]) for who in ("ann", "bob", "cem")}
    assert values == {"ann": "33.00", "bob": "15.00", "cem": "12.50"}


def test_a_refund_with_tax(tmp_path: Path) -> None:
    customers = run("04-refund-with-tax", tmp_path).customers()
    values = {who: customers[who]["historic_value"] for who in ("full", "part", "keep")}
    assert values["full"] <= 0
    assert (values["part"], values["keep"]) == (Decimal("40.00"), Decimal("160.00"))
    assert customers["full"]["predicted_spend_90d"] < customers["keep"]["predicted_spend_90d"]


def test_guests_with_the_number_zero(tmp_path: Path) -> None:
    ran = run("06-guest-number-zero", tmp_path)
    assert "0" not in ran.customers()
    assert "orders.customer_id: 240 rows have a placeholder, read as a guest, not one customer: '0' (240)" in ran.said


def test_more_back_than_bought(tmp_path: Path) -> None:
    customers = run("13-more-back-than-bought", tmp_path).customers()
    values = {who: str(customers[who]["historic_value"]) for who in ("neg", "zero", "keep", "late", "same")}
    assert values == {"neg": "0.00", "zero": "0.00", "keep": "90.00", "late": "55.00", "same": "0.00"}
    assert all(
        row["predicted_spend_90d"] >= 0 and row["lifetime_spend"] >= row["predicted_spend_90d"]
        for row in customers.values()
    )
    for who in ("neg", "zero", "same"):
        assert (customers[who]["segment"], customers[who]["value_tier"]) != ("high_value", "A")


def test_customer_numbers_that_became_decimals(tmp_path: Path) -> None:
    ran = run("14-float-customer-numbers", tmp_path)
    # the export is two weeks old
    assert "check freshness" in ran.said
    assert "orders.customer_id: delivered as floating-point numbers (such as 12346.0), read without '.0'" in ran.said
    customers = run("14-float-customer-numbers", tmp_path, stale_data="publish").customers()
    assert len(customers) == 20
    assert all(row["is_in_crm"] for row in customers.values() if row["purchase_days"])


def test_a_european_excel_export(tmp_path: Path) -> None:
    ran = run("16-european-excel", tmp_path)
    assert ran.exit_code == 1
    assert "UTF-8" in ran.said
    assert "customers.country" in ran.said
    for file in (EXPORTS / "16-european-excel" / "files").iterdir():
        encoding = "cp1252" if file.name == "kunden.csv" else "utf-8"
        (tmp_path / file.name).write_bytes(file.read_bytes().decode(encoding).encode())
    customers = run("16-european-excel", tmp_path, files=tmp_path).customers()
    assert (customers["0042"]["historic_value"], customers["0042"]["purchase_days"]) == (Decimal("1299.90"), 2)
    assert customers["0043"]["first_order_date"] == date(2023, 12, 31)
    assert customers["0043"]["country"] == "Österreich"


def test_an_exclude_rule_that_cannot_match(tmp_path: Path) -> None:
    ran = run("19-rule-that-cannot-match", tmp_path)
    assert ran.exit_code == 1
    assert "'test order'" in ran.said
    assert "channel" in ran.said
    folder = EXPORTS / "19-rule-that-cannot-match"
    doctor = run_clv_here(
        "doctor", "--source", str(folder / "source"), "--url", str(folder / "files"), "--home", str(tmp_path / "home")
    )
    assert "'test order'" in doctor.stdout


def test_a_first_night_that_is_blocked_can_be_looked_at(tmp_path: Path) -> None:
    ran = run("20-blocked-first-night", tmp_path)
    assert ran.exit_code == 1
    assert "usd 15" in " ".join(ran.said.split())
    with open_warehouse(ran.home).connection() as connection:
        kept = connection.execute("select count(*) from clean.quarantine where table_name = 'orders'").fetchall()
    assert kept == [(15,)]


def test_shopify(tmp_path: Path) -> None:
    customers = run("21-shopify", tmp_path).customers()
    values = {who: str(customers[hashed(who)]["historic_value"]) for who in ("ann", "bob", "cat", "dee", "eve")}
    assert values == {"ann": "111.97", "bob": "100.00", "cat": "12.50", "dee": "12.50", "eve": "0.00"}
    assert customers[hashed("ann")]["purchase_days"] == 3
    assert len(customers) == 5


@pytest.mark.parametrize("source", ["source_naive", "source_naive2"])
def test_a_first_try_at_shopify_is_red_with_a_reason(tmp_path: Path, source: str) -> None:
    ran = run("21-shopify", tmp_path, source=source)
    assert ran.exit_code == 1
    assert "Next step:" in ran.said
    if source == "source_naive2":
        assert "'test order'" in ran.said
        assert "does not return 'channel'" in ran.said


def test_woocommerce(tmp_path: Path) -> None:
    customers = run("22-woocommerce", tmp_path).customers()
    guest = "g" + md5(b"guest@w.example").hexdigest()
    values = {who: str(customers[who]["historic_value"]) for who in ("7", guest, "8", "9")}
    assert values == {"7": "80.00", guest: "30.00", "8": "100.00", "9": "70.00"}
    assert (customers["7"]["purchase_days"], customers[guest]["purchase_days"], customers["9"]["purchase_days"]) == (
        3,
        2,
        1,
    )
    assert len(customers) == 4


def test_magento(tmp_path: Path) -> None:
    customers = run("24-magento", tmp_path).customers()
    found = {who: (str(row["historic_value"]), row["first_order_date"]) for who, row in customers.items()}
    assert found == {
        "101": ("47.50", date(2023, 11, 20)),
        "102": ("100.00", date(2023, 12, 5)),
        "103": ("0.00", date(2024, 1, 15)),
        "104": ("25.21", date(2024, 4, 10)),
    }


def test_events_of_ga4(tmp_path: Path) -> None:
    ran = run("25-ga4-events", tmp_path)
    assert ran.exit_code == 0, ran.said
    with open_warehouse(ran.home).connection() as connection:
        sessions = {row["session_id"]: row for row in records(connection, "select * from clean.web_sessions")}
        features = connection.execute(
            "select customer_id, web_sessions, web_recency_days from features.web_features "
            "where as_of = date '2024-06-01' and customer_id in ('c1', 'c2') order by 1"
        ).fetchall()
    first, second = sessions["p1.1717225200"], sessions["p2.1717225200"]
    assert (first["customer_id"], first["session_date"], first["page_views"]) == ("c1", date(2024, 5, 29), 2)
    assert (first["duration_seconds"], first["cart_additions"], first["is_converted"]) == (85, 1, True)
    assert (second["customer_id"], second["session_date"]) == ("c2", date(2024, 5, 30))
    assert (second["page_views"], second["duration_seconds"]) == (1, 4)
    assert features == [("c1", 1, 3), ("c2", 2, 1)]
    # the fifth session began on as_of, which a later night counts
    assert len(sessions) == 4


def test_two_shops_whose_order_numbers_begin_at_1001(tmp_path: Path) -> None:
    ran = run("27-two-shops-one-number", tmp_path)
    assert len(ran.customers()) == 30
    assert sum(row["historic_value"] for row in ran.customers().values()) == 3000
    assert "order numbers have lines of several customers" in ran.said
