"""Known exports and schemas: recognised by their columns, and right to the cent by customer and day as `--from` writes them.

The exports are in `cases/layouts`, `cases/exports` and `shops`; their READMEs and expected.json say what is right and why.
"""

import csv
import json
import re
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
import sqlglot
from pydantic import SecretStr

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.core.settings import load_settings
from clv_pipeline.onboarding.known_source import KnownSource, write_known_source, zone_of_offsets
from clv_pipeline.onboarding.layouts import LAYOUTS, NAMES, layouts_of, recognise, write_layout
from clv_pipeline.quality.cleaning import accepted_rows, clean_parameters, create_quarantine
from clv_pipeline.sources.folder import exclusion_condition, read_selects
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline.warehouse.sql_models import build, load_layer
from clv_pipeline_tests.cases.test_exports import EXPORTS
from clv_pipeline_tests.conftest import RULES_RUN, run_clv_here
from clv_pipeline_tests.mariadb import new_database
from clv_pipeline_tests.shops.made_up import FOLDER as SHOPS
from clv_pipeline_tests.warehouse_builders import extract_source

CASES = Path(__file__).parent / "cases" / "layouts"
KEY = "a key for tests"
#: What the tests give where an export has a currency without its rate.
FX_RATES = """
-- One row per currency and day: made up.
select currency, day as rate_date, rate
from (values ('EUR', 0.9), ('USD', 0.9), ('ISK', 0.0066)) as rates (currency, rate),
    range(date '2024-01-01', date '2024-06-03', interval 1 day) as days (day)
"""


@dataclass(frozen=True)
class Connected:
    """A source that `--from` wrote, and the warehouse with its cleaned rows; `made` is None where the folder was there."""

    folder: KnownSource | None
    warehouse: Warehouse

    @property
    def made(self) -> KnownSource:
        assert self.folder is not None
        return self.folder

    def money(self) -> dict[tuple[str, str], Decimal]:
        """Return (customer, day) -> net money; a guest's customer is the hash of the address, nobody is ''."""
        rows = self.rows(
            "select coalesce(customer_id, ''), order_date::varchar, sum(amount) from clean.orders group by all"
        )
        return {(customer, day): amount for customer, day, amount in rows}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.connection() as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def connect(tmp_path: Path, warehouse: Warehouse) -> Callable[..., Connected]:
    """Return `connect(layout, url, as_of)`: write the folder, load through the door, clean without judging."""

    def made(
        layout: str, url: Path | str, as_of: str = "2024-06-01", *, fx: bool = False, again: bool = False
    ) -> Connected:
        folder, known = tmp_path / "source", None
        if not again:
            shutil.rmtree(folder, ignore_errors=True)
            known = write_known_source(layout, folder, SecretStr(str(url)), timeout_seconds=60)
            if fx:
                (folder / "fx_rates.sql").write_text(FX_RATES)
        settings = load_settings(source=str(folder), source_url=str(url), hash_key=KEY)
        extract_source(settings, warehouse, date.fromisoformat(as_of))
        with warehouse.transaction() as connection:
            create_quarantine(connection)
            for model in (
                m for m in load_layer("1_clean") if m.name not in CONTRACT or m.name in ("orders", "web_sessions")
            ):
                build(connection, model, clean_parameters(settings))
                if model.name in CONTRACT:
                    connection.execute(f"create or replace table {model.table} as {accepted_rows(model.table)}")
        return Connected(known, warehouse)

    return made


def known_by(customer: str) -> str:
    """Return how a customer of `right.csv` is stored: an address as its keyed hash."""
    return sha256(f"{KEY}{customer}".encode()).hexdigest() if "@" in customer else customer


def right(case: str) -> dict[tuple[str, str], Decimal]:
    with (CASES / case / "right.csv").open() as file:
        return {(known_by(row["customer"]), row["date"]): Decimal(row["amount"]) for row in csv.DictReader(file)}


def as_parquet(case: Path, folder: Path) -> Path:
    """Write `events.jsonl` as BigQuery exports it: a Parquet file for each day, with nested records."""
    value = "struct(string_value varchar, int_value bigint, float_value double, double_value double)"
    types = dict(layouts_of("ga4")[0].table("events").types) | {
        "event_date": "varchar", "event_timestamp": "bigint", "event_name": "varchar", "user_id": "varchar",
        "user_pseudo_id": "varchar", "event_params": f"struct(key varchar, value {value})[]",
    }  # fmt: skip
    folder.mkdir()
    with duckdb.connect() as connection:
        events = f"select * from read_json('{case / 'events.jsonl'}', columns = {types!r})"
        for day in ("20240530", "20240531"):
            connection.execute(f"copy ({events} where event_date = '{day}') to '{folder / f'events_{day}.parquet'}'")
        late = f"copy ({events} where event_date > '20240531') to '{folder / 'events_20240601.parquet'}'"
        connection.execute(late)
    return folder


def as_duckdb(script: Path, file: Path) -> Path:
    with duckdb.connect(str(file)) as connection:
        connection.execute(script.read_text())
    return file


# ------------------------------------------------------------------------------------------------ to the cent


@pytest.mark.parametrize(
    ("case", "layout", "variant", "zone", "currency"),
    [
        ("shopify", "shopify", "export", "Europe/Berlin", "EUR"),
        ("woocommerce_export", "woocommerce", "export", None, "EUR"),
        ("magento", "magento", "database", "Europe/Zurich", "EUR"),
        ("stripe_export", "stripe", "export", None, "EUR"),
        ("stripe_tables", "stripe", "tables", None, "EUR"),
    ],
)
def test_an_export_is_right_by_customer_and_day(
    connect: Callable[..., Connected], case: str, layout: str, variant: str, zone: str | None, currency: str
) -> None:
    found = connect(layout, CASES / case / "files", fx=case == "stripe_tables")
    assert (found.made.layout.variant, found.made.facts.get("time_zone"), found.made.facts["currency"]) == (
        variant, zone, currency,
    )  # fmt: skip
    assert found.money() == right(case)


def test_the_database_of_woocommerce_is_right_by_customer_and_day(
    connect: Callable[..., Connected], tmp_path: Path
) -> None:
    case = "woocommerce_database"
    found = connect("woocommerce", as_duckdb(CASES / case / "shop.sql", tmp_path / "shop.duckdb"), fx=True)
    assert found.made.facts == {"time_zone": "Europe/Madrid", "currency": "EUR"}
    assert found.money() == right(case)
    assert found.rows("select product_id, name from raw.products order by all") == [
        ("31", "Lamp"),
        ("32", "Lamp - Red"),
    ]
    assert "s30_wc_orders: of the same kind as s3_wc_orders, not read" in found.made.written.notes


def test_events_of_ga4_are_orders_and_sessions(connect: Callable[..., Connected], tmp_path: Path) -> None:
    files = as_parquet(CASES / "ga4", tmp_path / "events")
    with_zone = connect("ga4", files, "2024-06-02")
    assert with_zone.made.facts == {"currency": "USD"}
    (tmp_path / "source" / "fx_rates.sql").write_text(FX_RATES)
    found = connect("ga4", files, "2024-06-02", again=True)
    assert found.money() == right("ga4")
    lines = found.rows("select product_id, amount from raw.orders where order_id = 'T3' and amount > 0 order by all")
    assert lines == [("A", Decimal("3.33")), ("B", Decimal("3.34")), ("C", Decimal("3.33"))]
    sessions = found.rows(
        "select session_id, customer_id, session_date::varchar, page_views, duration_seconds, device, traffic_source, "
        "cart_additions, is_converted from clean.web_sessions order by all"
    )
    assert len(sessions) == 7
    assert sessions[:2] == [
        ("p1.100", "u1", "2024-05-29", 1, 59, "mobile", "newsletter", 1, True),
        ("p2.100", "u2", "2024-05-30", 1, 4, "desktop", "google", 0, True),
    ]


@pytest.mark.parametrize(
    ("export", "layout", "values"),
    [
        (
            "21-shopify", "shopify",
            {"ann@shop.example": "111.97", "bob@shop.example": "100.00", "cat@shop.example": "12.50", "dee@shop.example": "12.50",
             "eve@shop.example": "0.00", "": "20.00"},
        ),
        ("22-woocommerce", "woocommerce", {"7": "80.00", "guest@w.example": "30.00", "8": "100.00", "9": "70.00"}),
        ("24-magento", "magento", {"101": "47.50", "102": "100.00", "103": "0.00", "104": "25.21", "guest@m.example": "10.00"}),
    ],
)  # fmt: skip
def test_the_exports_of_the_cases_are_right_by_customer(
    connect: Callable[..., Connected], export: str, layout: str, values: dict[str, str]
) -> None:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for (customer, _), amount in connect(layout, EXPORTS / export / "files").money().items():
        totals[customer] += amount
    assert totals == {known_by(customer): Decimal(amount) for customer, amount in values.items()}


def test_the_sessions_of_the_case_of_ga4_are_right_beside_orders_of_the_shop_s_own(
    connect: Callable[..., Connected], tmp_path: Path
) -> None:
    files = EXPORTS / "25-ga4-events" / "files"
    tables = {
        "events": ["event_timestamp", "event_name", "event_params", "user_pseudo_id", "user_id"],
        "orders": ["order_id"],
    }
    layout = recognise(tables)
    assert layout is not None
    assert layout.name == "ga4"
    folder = tmp_path / "source"
    write_layout(layout, folder, tables=tables, facts={"time_zone": "America/Los_Angeles"}, only=["web_sessions"])
    (folder / "orders.sql").write_text((EXPORTS / "25-ga4-events" / "source" / "orders.sql").read_text())
    found = connect("ga4", files, again=True)
    sessions = found.rows(
        "select session_id, customer_id, session_date::varchar, page_views, duration_seconds, cart_additions, is_converted "
        "from clean.web_sessions order by session_date, session_id limit 2"
    )
    assert sessions == [
        ("p1.1717225200", "c1", "2024-05-29", 2, 85, 1, True), ("p2.1717225200", "c2", "2024-05-30", 1, 4, 0, False),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ shops made by others


def shop_url(shop: str, engine: str, folder: Path, mariadb: str | None = None) -> str:
    if engine == "csv":
        return str(SHOPS / shop)
    script = (SHOPS / shop / "shop.sql").read_text()
    if engine == "sqlite":
        script = script.replace("tinyint(1)", "tinyint")
        with sqlite3.connect(folder / "shop.sqlite") as connection:
            connection.executescript(script)
        return f"sqlite:///{folder / 'shop.sqlite'}"
    assert mariadb is not None
    url = new_database(mariadb)
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as server:
        server.exec_driver_sql("set time_zone = '+00:00'")
        for statement in filter(str.strip, script.split(";\n")):
            server.exec_driver_sql(statement.replace("%", "%%"))
    return url


def is_right(found: Connected, shop: str) -> None:
    want = json.loads((SHOPS / shop / "expected.json").read_text())
    totals: dict[str, list[Any]] = defaultdict(lambda: [Decimal(0), set()])
    for (customer, _), amount in found.money().items():
        totals[customer][0] += amount
    assert {customer: total for customer, (total, _) in totals.items() if customer} == {
        known_by(row["customer"]): Decimal(row["net"]) for row in want["customers"]
    }
    assert totals[""][0] == Decimal(want["unknown_buyers"])
    days = found.rows("select customer_id, count(distinct order_date) from clean.orders where amount > 0 group by all")
    assert {c: n for c, n in days if c} == {
        known_by(row["customer"]): row["purchase_days"] for row in want["customers"]
    }


@pytest.mark.parametrize(
    ("shop", "engine"), [("shopify", "csv"), ("olist", "csv"), ("woocommerce", "sqlite"), ("magento", "sqlite")]
)
def test_a_shop_is_right_by_customer(connect: Callable[..., Connected], tmp_path: Path, shop: str, engine: str) -> None:
    is_right(connect(shop, shop_url(shop, engine, tmp_path)), shop)


@pytest.mark.parametrize("shop", ["woocommerce", "magento"])
def test_a_shop_on_a_real_mariadb_is_right_by_customer(
    connect: Callable[..., Connected], tmp_path: Path, shop: str, mariadb_url: str
) -> None:
    found = connect(shop, shop_url(shop, "mariadb", tmp_path, mariadb_url))
    is_right(found, shop)
    assert "first_value" not in (tmp_path / "source" / "orders.sql").read_text()


def test_reviews_of_olist_are_answers_of_the_person(connect: Callable[..., Connected]) -> None:
    found = connect("olist", SHOPS / "olist")
    unknown = found.rows("select count(*) from raw.survey_responses anti join raw.customers using (customer_id)")
    answers = found.rows("select count(*), min(csat_score), max(csat_score) from raw.survey_responses")
    assert unknown == [(0,)]
    assert answers[0][0] == 48
    assert 1 <= answers[0][1] <= answers[0][2] <= 5


# ------------------------------------------------------------------------------------------------ exports are never quite alike


def rewritten(case: str, folder: Path, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> Path:
    """Write the CSV files of a case with their rows changed."""
    folder.mkdir(exist_ok=True)
    for file in (CASES / case / "files").glob("*.csv"):
        with file.open(newline="") as old, (folder / file.name).open("w", newline="") as new:
            rows = change(list(csv.DictReader(old)))
            writer = csv.DictWriter(new, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


def test_files_may_be_called_anything(connect: Callable[..., Connected], tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for number, file in enumerate(sorted((CASES / "shopify" / "files").glob("*.csv"))):
        shutil.copy(file, files / f"Bestellungen 2024 ({number}).csv")
    assert connect("shopify", files).money() == right("shopify")


def test_an_older_export_without_optional_columns_has_what_can_be_known(
    connect: Callable[..., Connected], tmp_path: Path
) -> None:
    gone = ("Refunded Amount", "Payment Method", "Source", "Lineitem discount", "Tax 1 Name", "Cancelled at", "Duties")
    files = rewritten(
        "shopify", tmp_path / "old", lambda rows: [{k: v for k, v in row.items() if k not in gone} for row in rows]
    )
    found = connect("shopify", files)
    changed = {
        # a part refund is not known without its amount, and a full one is dated like its order
        ("bob@d.example", "2024-02-10"): "100.00", ("fay@d.example", "2024-05-03"): "60.00",
        ("bob@d.example", "2024-02-28"): "0.00", ("bob@d.example", "2024-02-29"): None,
        # a test order is not known without its gateway, nor untaxed postage without the rate: 1.90 x 11.90 / 16.90 is 1.34
        ("tester@d.example", "2024-04-04"): "5000.00", ("eve@d.example", "2024-05-02"): "10.56",
    }  # fmt: skip
    want = right("shopify") | {(known_by(who), day): Decimal(v) for (who, day), v in changed.items() if v}
    del want[known_by("bob@d.example"), "2024-02-29"]
    assert found.money() == want
    assert any("no column" in note and "Refunded Amount" in note for note in found.made.written.notes)


def test_a_column_that_is_gone_tomorrow_does_not_end_the_night(
    connect: Callable[..., Connected], tmp_path: Path
) -> None:
    files = tmp_path / "files"
    shutil.copytree(CASES / "shopify" / "files", files)
    connect("shopify", files)
    shutil.rmtree(files)
    rewritten("shopify", files, lambda rows: [{k: v for k, v in row.items() if k != "Duties"} for row in rows])
    assert connect("shopify", files, again=True).money() == right("shopify")


@pytest.mark.parametrize(
    ("case", "layout"),
    [
        ("shopify", "shopify"),
        ("woocommerce_export", "woocommerce"),
        ("magento", "magento"),
        ("stripe_export", "stripe"),
    ],
)
def test_line_numbers_do_not_depend_on_the_order_of_the_rows(
    connect: Callable[..., Connected], tmp_path: Path, case: str, layout: str
) -> None:
    lines = "select order_id, order_line_id, amount, quantity from raw.orders order by all"
    tonight = connect(layout, CASES / case / "files").rows(lines)
    reversed_rows = rewritten(case, tmp_path / "files", lambda rows: rows[::-1])
    assert connect(layout, reversed_rows).rows(lines) == tonight
    assert len({line[:2] for line in tonight}) == len(tonight)


def test_optional_tables_that_are_absent_are_left_out_with_a_note(
    connect: Callable[..., Connected], tmp_path: Path
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    shutil.copy(CASES / "stripe_export" / "files" / "unified_payments.csv", files)
    found = connect("stripe", files)
    assert sorted(file.name for file in found.made.written.files) == ["customers.sql", "orders.sql", "source.toml"]
    assert "subscriptions: not written, because there is no table like subscriptions" in found.made.written.notes
    # without invoices the tax is not known
    assert found.money()["cus_A1", "2024-01-31"] == Decimal("119.00")


def test_ga4_without_ecommerce_has_the_parameters_of_its_purchases(
    connect: Callable[..., Connected], tmp_path: Path
) -> None:
    files = as_parquet(CASES / "ga4", tmp_path / "all")
    few = tmp_path / "few"
    few.mkdir()
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select event_timestamp, event_name, event_params, user_pseudo_id, user_id "
            f"from '{files}/events_20240531.parquet') to '{few}/events.parquet'"
        )
    money = connect("ga4", few, "2024-06-02").rows("select order_id, amount from raw.orders where amount <> 0")
    assert money == [("T4", Decimal("25.50"))]


# ------------------------------------------------------------------------------------------------ what is told


def test_shopify_products_have_titles_of_their_first_row_and_costs(connect: Callable[..., Connected]) -> None:
    found = connect("shopify", CASES / "shopify" / "files")
    assert found.rows("select product_id, name, category, cost from raw.products order by all") == [
        ("LAMP", "Lampe", "Licht", Decimal(20)),
        ("RUG-RG", "Teppich - Rot / Gross", "Textil", Decimal(12)),
        ("RUG-RK", "Teppich - Rot / Klein", "Textil", Decimal(9)),
        ("Tee", "Tee", "Tee", None),
    ]
    shown = found.rows(
        "select sum(discount), sum(tax), sum(shipping) from raw.orders where order_id in ('#1002', '#1015')"
    )
    assert shown == [(Decimal("12.90"), Decimal("10.33"), Decimal(0))]


def test_stripe_s_subscriptions_and_their_payments(connect: Callable[..., Connected]) -> None:
    found = connect("stripe", CASES / "stripe_export" / "files")
    assert found.rows(
        "select subscription_id, customer_id, valid_from::varchar, valid_to::varchar, renews_at::varchar, amount, currency, "
        "status from raw.subscriptions order by all"
    ) == [
        ("sub_1", "cus_A1", "2024-01-31", None, "2024-06-30", Decimal(100), "EUR", "active"),
        ("sub_2", "cus_B", "2023-05-01", "2024-05-01", None, Decimal(120), "USD", "canceled"),
    ]
    assert found.rows("select subscription_id, amount from raw.subscription_payments order by all") == [
        ("sub_1", Decimal(-50)), ("sub_1", Decimal(100)), ("sub_1", Decimal(100)),
    ]  # fmt: skip
    assert found.rows("select distinct subscription_id from raw.orders where order_id = 'ch_02'") == [("sub_1",)]
    assert found.rows("select customer_id from raw.customers where merged_into = 'cus_A1'") == [("cus_A2",)]


def test_cost_of_a_bundle_is_that_of_its_parts(connect: Callable[..., Connected]) -> None:
    found = connect("magento", CASES / "magento" / "files")
    costs = found.rows(
        "select product_id, quantity, cost from raw.orders where product_id in ('KIT', 'MUG') and amount > 0"
    )
    assert sorted(costs) == [
        ("KIT", Decimal(1), Decimal(36)), ("MUG", Decimal(3), Decimal(6)), ("MUG", Decimal(5), Decimal(10)),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ the layouts themselves


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.name}-{layout.variant}")
def test_a_layout_is_written_without_an_address_and_can_be_read(layout: Any, tmp_path: Path) -> None:
    written = write_layout(layout, tmp_path / "shop")
    settings = load_settings(source=str(tmp_path / "shop"))
    assert settings.name == "Shop"
    assert set(read_selects(settings)) >= {"orders"}
    assert not set(settings.order_status.revenue) & set(settings.order_status.not_revenue)
    for rule in settings.exclude:
        exclusion_condition(rule)
    for file in written.files:
        if file.name != "source.toml":
            text = file.read_text()
            assert text.startswith("-- One row per ")
            sqlglot.parse_one(text, read="duckdb")
            assert "md5" not in text
    marked = {"time_zone", "currency"} if layout.name != "olist" else set()
    decisions = re.findall(r"(?m)^(\w+) = .*# DECIDE", (tmp_path / "shop" / "source.toml").read_text())
    assert set(decisions) == marked


@pytest.mark.parametrize("dialect", ["mysql", "postgresql", "sqlite", "snowflake", "bigquery"])
def test_every_select_is_a_statement_in_other_dialects(tmp_path: Path, dialect: str) -> None:
    written_in = {"postgresql": "postgres"}.get(dialect, dialect)
    for layout in (
        found for found in LAYOUTS if not found.has_several_files or (found.name, dialect) == ("ga4", "bigquery")
    ):
        tables = {f"shop_{table.name}": table.columns() for table in layout.tables}
        written = write_layout(layout, tmp_path / f"{layout.name}-{layout.variant}", tables=tables, dialect=dialect)
        for file in written.files:
            if file.suffix == ".sql":
                assert sqlglot.parse_one(file.read_text(), read=written_in), file


def test_the_statements_for_bigquery_say_what_those_for_files_say(tmp_path: Path) -> None:
    (layout,) = layouts_of("ga4")
    files = as_parquet(CASES / "ga4", tmp_path / "files")
    rows: dict[str, dict[str, list[str]]] = {"duckdb": {}, "bigquery": {}}
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"create table events as select * from '{files}/*.parquet'")
        columns = [row[0] for row in connection.execute("describe events").fetchall()]
        for dialect, found in rows.items():
            write_layout(layout, tmp_path / dialect, tables={"events": columns}, dialect=dialect)
            for name in ("orders", "web_sessions"):
                (sql,) = sqlglot.transpile(
                    (tmp_path / dialect / f"{name}.sql").read_text(), read=dialect, write="duckdb"
                )
                column = {"orders": "ordered_at", "web_sessions": "started_at"}[name]
                money = ", amount::decimal(18, 2) as amount" if name == "orders" else ""
                told = connection.execute(f"select * replace ({column}::timestamp as {column}{money}) from ({sql})")
                found[name] = sorted(map(repr, told.fetchall()))
    assert len(rows["duckdb"]["orders"]) == 13
    assert rows["bigquery"] == rows["duckdb"]


def test_the_days_of_ga4_in_bigquery_are_one_wildcard(tmp_path: Path) -> None:
    (layout,) = layouts_of("ga4")
    columns = ["event_timestamp", "event_name", "event_params", "user_pseudo_id", "user_id", "device", "traffic_source"]
    days = {f"events_2024053{n}": columns for n in range(2)} | {"events_intraday_20240601": columns}
    write_layout(layout, tmp_path / "shop", tables=days, dialect="bigquery")
    sql = (tmp_path / "shop" / "web_sessions.sql").read_text()
    assert "from `events_*` where regexp_contains(_table_suffix, r'^[0-9]{8}$')" in sql


def test_every_name_has_a_layout_and_no_other_is_accepted() -> None:
    assert set(NAMES) == {"shopify", "woocommerce", "stripe", "magento", "ga4", "olist"}
    with pytest.raises(ConfigurationError, match=r"There is no layout 'shopfy' .nearest: 'shopify'"):
        layouts_of("shopfy")


def test_tables_of_nobody_are_not_recognised() -> None:
    assert recognise({"orders": ["order_id", "customer_id", "amount"], "customers": ["id", "email"]}) is None


def test_a_source_that_is_another_says_what_is_missing(tmp_path: Path) -> None:
    url = SecretStr(str(CASES / "woocommerce_export" / "files"))
    with pytest.raises(
        ConfigurationError, match=r"no table like orders_export .nearest: .*lacks Name, Financial Status"
    ):
        write_known_source("shopify", tmp_path / "shop", url, timeout_seconds=60)
    assert not (tmp_path / "shop").exists()


def test_the_zone_of_offsets_needs_all_of_them() -> None:
    winter, summer = "2024-01-10 12:00:00 +0100", "2024-07-10 12:00:00 +0200"
    assert zone_of_offsets([winter, summer, "no time"]) == "Europe/Berlin"
    assert zone_of_offsets([winter, "2024-07-10 12:00:00 +0900"]) is None
    assert zone_of_offsets(["2024-01-10 12:00:00"]) is None


def test_init_from_a_layout_writes_says_and_leads_on(tmp_path: Path) -> None:
    folder = tmp_path / "our_shop"
    said = run_clv_here("init", str(folder), "--from", "shopify", "--url", str(CASES / "shopify" / "files"))
    assert said.returncode == 0, said.stderr
    assert "time_zone = Europe/Berlin, as the source says" in said.stdout
    assert f"clv doctor --source {folder}\n" in said.stdout
    assert "export CLV_HASH_KEY=" in said.stdout
    toml = (folder / "source.toml").read_text()
    assert 'currency = "EUR"   # as the source says' in toml
    assert f'source_url = "{CASES / "shopify" / "files"}"' in toml
    without = run_clv_here("init", str(tmp_path / "second"), "--from", "magento")
    assert "time_zone in source.toml is a guess: decide it" in without.stdout
    assert "export CLV_SOURCE_URL='...'" in without.stdout


def test_events_beside_the_orders_of_the_shop_are_its_visits_and_no_orders(tmp_path: Path) -> None:
    files, folder = EXPORTS / "25-ga4-events" / "files", tmp_path / "shop"
    assert run_clv_here("init", str(folder), "--url", str(files), "--yes").returncode == 0
    assert "purchase" not in (folder / "orders.sql").read_text()
    assert "ga_session_id" in (folder / "web_sessions.sql").read_text()


def test_a_night_of_the_shopify_case_as_init_writes_it(tmp_path: Path) -> None:
    files = str(EXPORTS / "21-shopify" / "files")
    source, home = str(tmp_path / "shop"), str(tmp_path / "home")
    assert run_clv_here("init", source, "--from", "shopify", "--url", files).returncode == 0
    ran = run_clv_here(
        "run", "--source", source, "--url", files, "--home", home, "--as-of", "2024-06-01", "--horizons", "90",
        **RULES_RUN, CLV_HASH_KEY=KEY,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    with duckdb.connect(f"{home}/published/clv.duckdb", read_only=True) as connection:
        rows = connection.execute("select customer_id, historic_value::varchar from customer_clv").fetchall()
    assert dict(rows) == {
        known_by(f"{who}@shop.example"): value
        for who, value in {"ann": "111.97", "bob": "100.00", "cat": "12.50", "dee": "12.50", "eve": "0.00"}.items()
    }
