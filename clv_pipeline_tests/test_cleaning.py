"""Clean tables: every row and every cent is accounted for, and a table that breaks a rule leaves the old one in place."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from clv_pipeline.contracts.reasons import REASONS, Reason
from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.core.settings import Settings
from clv_pipeline.quality import expectations
from clv_pipeline.quality.clean_report import CleanReport, CleanTableRejected, DispositionCount
from clv_pipeline.quality.cleaning import build_clean_table
from clv_pipeline.quality.expectations import Validator
from clv_pipeline.quality.night_measures import measure
from clv_pipeline.warehouse.connection import Warehouse, one_row, row_count
from clv_pipeline.warehouse.sql_models import SqlModel, load_layer
from clv_pipeline_tests.conftest import AS_OF, STARTED_AT, FileSource
from clv_pipeline_tests.warehouse_builders import build_lookups, clean_everything, extract_source, sql_model

TOML = """
time_zone = "Europe/Berlin"
currency = "EUR"
order_status = {revenue = ["paid", "returned"], not_revenue = ["cancelled"]}
[[exclude]]
table = "orders"
reason = "test order"
where = "customer_id like 'TEST%'"
"""
CLEAN_TABLES = [m.name for m in load_layer("1_clean") if m.name in CONTRACT]
MakeSource = Callable[..., FileSource]
ORDERS = sql_model("1_clean", "orders")
BUYERS = ("orders", "customers")


@pytest.fixture(scope="module")
def validator() -> Validator:
    """One for all tests, as one for all tables of a run: importing Great Expectations takes seconds."""
    return Validator()


def csv(header: str, rows: list[list[Any]]) -> str:
    lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
    return "\n".join([header, *lines]) + "\n"


ORDER_HEADER = "order_id,order_line_id,customer_id,ordered_at,amount,currency,status,updated_at"


def order_rows(count: int, *, customers: int = 20) -> list[list[Any]]:
    """Return orderly order lines, one a day and more."""
    start = datetime(2023, 6, 1, 12)
    return [
        [f"o{i}", "1", f"c{i % customers}", start + timedelta(days=i % 300), f"{i % 90 + 1}.50", "EUR", "paid", None]
        for i in range(count)
    ]


@pytest.fixture
def loaded(file_source: MakeSource, warehouse: Warehouse) -> Callable[..., Settings]:
    """Return a maker that extracts CSV tables into the warehouse and builds what cleaning looks things up in."""

    def load(*, toml: str = TOML, limits: dict[str, float] | None = None, **tables: str) -> Settings:
        settings = file_source(toml=toml, **tables).settings(**(limits or {}))
        extract_source(settings, warehouse, AS_OF, STARTED_AT)
        build_lookups(warehouse, settings)
        return settings

    return load


def query(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    with warehouse.connection() as connection:
        return connection.execute(sql).fetchall()


def dispositions(report: CleanReport) -> dict[tuple[str, str], int]:
    """Return (disposition, reason code) -> rows; of an exclude rule, its own words stand for the code."""
    return {
        (d.disposition, d.reason if d.reason_code == "excluded_by_rule" else d.reason_code): d.rows
        for d in report.dispositions
    }


# ------------------------------------------------------------------------------- rows and money add up (I4)


def dirty_orders(rng: np.random.Generator) -> tuple[list[list[Any]], Counter[tuple[str, str]], dict[str, Decimal]]:
    """Return order lines with faults at random, how many rows must meet which disposition, and the money by disposition."""
    rows = order_rows(400)
    expected: Counter[tuple[str, str]] = Counter()
    money: dict[str, Decimal] = {"accepted": Decimal(0), "duplicate": Decimal(0), "excluded": Decimal(0)}
    money["quarantined"] = Decimal(0)
    repeated: list[list[Any]] = []
    faults: dict[str, tuple[str, str, int, Any]] = {
        "no order": ("quarantined", "missing_order_id", 0, None),
        "no time": ("quarantined", "unreadable_ordered_at", 3, None),
        "no amount": ("quarantined", "unreadable_amount", 4, "NaN"),
        "too early": ("quarantined", "early_ordered_at", 3, "1970-01-01 00:00:00"),
        "future": ("quarantined", "future_ordered_at", 3, "2099-12-31 00:00:00"),
        "status": ("quarantined", "unknown_order_status", 6, "odd"),
        "currency": ("quarantined", "no_exchange_rate", 5, "USD"),
        "cancelled": ("excluded", "not_revenue_status", 6, "cancelled"),
        "test": ("excluded", "test order", 2, "TEST1"),
        "guest": ("accepted", "", 2, None),
        "return": ("accepted", "", 4, "-7.25"),
    }
    kinds = rng.choice(["fine", "twice", *faults], len(rows), p=[0.7, 0.08, *[0.02] * len(faults)])
    for i, (row, kind) in enumerate(zip(rows, kinds, strict=True)):
        disposition, reason = "accepted", ""
        if kind in faults:
            disposition, reason, column, value = faults[kind]
            row[column] = value
            row[1] = f"line {i}"
        if kind == "return":
            row[3] = datetime(2024, 5, 31, 12)  # by then everybody has bought something
        if kind == "twice":
            repeated.append(list(row))
            expected["duplicate", "delivered_twice"] += 1
            money["duplicate"] += Decimal(row[4])
        expected[disposition, reason] += 1
        money[disposition] += Decimal(0) if row[4] == "NaN" else Decimal(row[4])
    everything = rows + repeated
    return [everything[i] for i in rng.permutation(len(everything))], expected, money


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_order_line_and_every_cent_has_one_disposition(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator, seed: int
) -> None:
    rows, expected, money = dirty_orders(np.random.default_rng(seed))
    settings = loaded(orders=csv(ORDER_HEADER, rows), limits={"max_rejected_share": 0.5})
    report = build_clean_table(warehouse, ORDERS, settings, validator)
    assert dispositions(report) == dict(expected)
    assert sum(d.rows for d in report.dispositions) == report.raw_rows == len(rows)
    found_money: Counter[str] = Counter()
    for d in report.dispositions:
        found_money[d.disposition] += d.money or Decimal(0)  # type: ignore[assignment]
    assert dict(found_money) == {
        disposition: total for disposition, total in money.items() if disposition in found_money
    }
    assert query(warehouse, "select sum(source_amount), count(*) from clean.orders") == [
        (money["accepted"], expected["accepted", ""])
    ]
    assert query(warehouse, "select sum(amount) from raw.orders") == [(sum(money.values()),)]


def test_orders_that_all_lost_their_customer_are_refused_with_where_to_look(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    settings = loaded(orders=csv(ORDER_HEADER, [[*row[:2], None, *row[3:]] for row in order_rows(50)]))
    with pytest.raises(CleanTableRejected, match=r"clean\.orders\.lines_with_customer") as refused:
        build_clean_table(warehouse, ORDERS, settings, validator)
    assert "clean.quarantine where table_name = 'orders'" in refused.value.next_step


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_of_every_table_add_up(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    settings = loaded(**dirty_company(rng), limits={"max_rejected_share": 0.9, "max_unknown_customer_share": 1.0})
    for name, report in clean_everything(warehouse, settings, validator).items():
        assert report.raw_rows == sum(d.rows for d in report.dispositions if d.disposition != "created") > 0
        assert report.rows == report.rows_with("accepted") + report.rows_with("created")
        assert report.rows_with("duplicate") > 0, name
        assert report.rows_with("quarantined") > 0, name
        kept = f"select count(*) from clean.quarantine where table_name = '{name}'"
        assert query(warehouse, kept) == [(report.rows_with("quarantined") + report.rows_with("excluded"),)]
        noted = (
            "select disposition, reason_code, reason, row_count from clean.dispositions "
            f"where table_name = '{name}' order by all"
        )
        assert query(warehouse, noted) == sorted(
            (d.disposition, d.reason_code, d.reason, d.rows) for d in report.dispositions
        )
        assert {d.reason for d in report.dispositions if d.disposition != "accepted"} <= {
            "test order", *(r.text for r in REASONS.values())
        }  # fmt: skip


def dirty_company(rng: np.random.Generator) -> dict[str, str]:
    """Return every optional table with repeats, empty keys and impossible values at random places."""

    def some(values: list[Any], count: int = 60) -> list[Any]:
        return [values[i] for i in rng.integers(0, len(values), count)]

    def spoiled(rows: list[list[Any]], *faults: tuple[int, Any]) -> list[list[Any]]:
        for column, value in faults:
            rows[int(rng.integers(0, len(rows) // 2))][column] = value
        return rows + [list(rows[i]) for i in rng.integers(len(rows) // 2, len(rows), 8)]

    times = [f"2024-0{m}-{d:02d} {h:02d}:30:00" for m in (1, 2, 3, 4) for d in (1, 15, 28) for h in (0, 12, 23)]
    who = [f"c{i}" for i in range(20)]
    orders, _, _ = dirty_orders(rng)
    crm = [[f"c{i}", t, "DE", None] for i, t in enumerate(some(times, 40))]
    sessions = [
        [f"s{i}", c, t, n] for i, (c, t, n) in enumerate(zip(some(who), some(times), some([1, 2]), strict=True))
    ]
    answers = [[f"r{i}", c, t, n] for i, (c, t, n) in enumerate(zip(some(who), some(times), some([0, 9]), strict=True))]
    posts = [[f"p{i}", c, t, n] for i, (c, t, n) in enumerate(zip(some(who), some(times), some([-1, 1]), strict=True))]
    touches = [[f"t{i}", c, t, n] for i, (c, t, n) in enumerate(zip(some(who), some(times), some([0, 2]), strict=True))]
    spend = [["search", date(2024, 1, 1) + timedelta(days=i), 5, "brand"] for i in range(60)]
    products = [[f"p{i}", f"rose {i}", i] for i in range(60)]
    subscribed = [[f"s{i}", c, "2024-01-01", 9, "month"] for i, c in enumerate(some(who))]
    paid = [[f"p{i}", f"s{i}", t, 9] for i, t in enumerate(some(times))]
    return {
        "orders": csv(ORDER_HEADER, orders),
        "customers": csv("customer_id,created_at,country,merged_into", spoiled(crm, (0, None), (3, "c1"))),
        "web_sessions": csv("session_id,customer_id,started_at,page_views", spoiled(sessions, (0, None), (3, -1))),
        "survey_responses": csv("response_id,customer_id,responded_at,nps_score", spoiled(answers, (1, None), (3, 99))),
        "social_interactions": csv(
            "interaction_id,customer_id,occurred_at,sentiment", spoiled(posts, (0, None), (3, 5))
        ),
        "campaign_touches": csv("touch_id,customer_id,touched_at,cost", spoiled(touches, (1, None), (3, -1))),
        "marketing_spend": csv("channel,spend_date,spend,campaign", spoiled(spend, (0, None), (2, -1))),
        "products": csv("product_id,name,cost", spoiled(products, (0, None), (2, -1))),
        "subscriptions": csv(
            "subscription_id,customer_id,valid_from,amount,interval", spoiled(subscribed, (1, None), (4, "moon"))
        ),
        "subscription_payments": csv(
            "payment_id,subscription_id,paid_at,amount", spoiled(paid, (0, None), (1, "nobody's"))
        ),
    }


def test_quarantine_keeps_the_row_and_why(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    rows = order_rows(40)
    rows[3][6], rows[5][2], rows[7][6] = "odd", "TEST9", "cancelled"
    settings = loaded(orders=csv(ORDER_HEADER, rows))
    build_clean_table(warehouse, ORDERS, settings, validator)
    kept = query(
        warehouse,
        "select disposition, reason_code, record ->> 'excluded_because', record ->> 'order_id', record ->> 'source_amount' "
        "from clean.quarantine order by 4",
    )
    assert kept == [
        ("quarantined", "unknown_order_status", None, "o3", "4.5"),
        ("excluded", "excluded_by_rule", "test order", "o5", "6.5"),
        ("excluded", "not_revenue_status", None, "o7", "8.5"),
    ]
    # tonight's quarantine replaces yesterday's
    rows[3][6] = "paid"
    settings = loaded(orders=csv(ORDER_HEADER, rows))
    build_clean_table(warehouse, ORDERS, settings, validator)
    assert query(warehouse, "select count(*) from clean.quarantine") == [(2,)]


def test_superseded_rows_are_no_rejects_but_older_order_lines_are_kept(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    rows = order_rows(40)
    for row in rows:
        row[7] = "2024-05-02"
    older = [[*row[:4], "1000.00", *row[5:7], "2024-05-01"] for row in rows]
    customers = [[f"c{i}", "2023-01-01", country, at] for i in range(20) for country, at in (("DE", 2), ("AT", 1))]
    settings = loaded(
        orders=csv(ORDER_HEADER, rows + older),
        customers=csv("customer_id,created_at,country,updated_at", [[*c[:3], f"2024-05-0{c[3]}"] for c in customers]),
        limits={"max_rejected_share": 0.0},
    )
    reports = clean_everything(warehouse, settings, validator, only=BUYERS)
    assert dispositions(reports["orders"]) == {("accepted", ""): 40, ("superseded", "superseded_line"): 40}
    assert [d.money for d in reports["orders"].dispositions] == [sum(Decimal(row[4]) for row in rows), 40_000]
    assert dispositions(reports["customers"]) == {("accepted", ""): 20, ("superseded", "superseded_record"): 20}
    assert ["are superseded" in warning for report in reports.values() for warning in report.warnings] == [True, True]
    kept = "select table_name, disposition, reason_code, count(*), sum((record ->> 'source_amount')::int) from clean.quarantine"
    assert query(warehouse, f"{kept} group by all") == [("orders", "superseded", "superseded_line", 40, 40_000)]


def test_orders_with_an_unusable_key_are_in_no_measure_of_the_night(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    nights = []
    for key in ("open", "open\ufffd"):
        rows = [*order_rows(40), [key, "1", "c1", "2024-05-20 12:00:00", "5.00", "EUR", "cancelled", None]]
        settings = loaded(orders=csv(ORDER_HEADER, rows))
        build_clean_table(warehouse, ORDERS, settings, validator)
        with warehouse.connection() as connection:
            nights.append(measure(connection, AS_OF, settings.time_zone, ["cancelled"]))
    usable, unusable = nights
    open_day = date(2024, 5, 20)
    assert usable.newest_order == open_day
    assert unusable.newest_order == date(2023, 7, 10)
    assert unusable.orders == {day: count for day, count in usable.orders.items() if day != open_day}
    assert usable.orders[open_day] == 1


def test_an_undeclared_reason_is_an_error_that_names_file_and_code_whether_or_not_a_row_has_it(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    settings = loaded(orders=csv(ORDER_HEADER, order_rows(40)))
    assert "unknown_order_status" in ORDERS.reasons
    misspelt = replace(ORDERS, reasons=ORDERS.reasons - {"unknown_order_status"} | {"unknown_orders_status"})
    with pytest.raises(
        ConfigurationError,
        match=r"sql/1_clean/orders\.sql yields the reason 'unknown_orders_status'.*nearest: 'unknown_order_status'",
    ):
        build_clean_table(warehouse, misspelt, settings, validator)


def test_what_was_kept_before_reasons_had_codes_is_replaced(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    rows = order_rows(40)
    rows[3][6] = "odd"
    settings = loaded(orders=csv(ORDER_HEADER, rows))
    with warehouse.transaction() as connection:
        connection.execute(
            "create table clean.quarantine (table_name varchar, disposition varchar, reason varchar, record varchar)"
        )
        connection.execute(
            "create table clean.dispositions "
            "(table_name varchar, disposition varchar, reason varchar, row_count bigint, source_money decimal(38, 2))"
        )
        connection.execute("insert into clean.quarantine values ('orders', 'quarantined', 'a sentence', '{}')")
        connection.execute("insert into clean.dispositions values ('orders', 'quarantined', 'a sentence', 1, 1)")
    build_clean_table(warehouse, ORDERS, settings, validator)
    assert query(warehouse, "select reason_code from clean.quarantine") == [("unknown_order_status",)]
    assert query(warehouse, "select reason_code, row_count from clean.dispositions order by all") == [
        ("", 39), ("unknown_order_status", 1)
    ]  # fmt: skip


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS.keys())
def test_only_reasons_that_warn_are_warnings(reason: Reason) -> None:
    count = DispositionCount(reason.disposition, reason.code, reason.text, 3, None)
    report = CleanReport("clean.orders", 0, 3, [count], [], [])
    assert report.warnings == ([f"3 rows: {reason.text}"] if reason.warn else [])


def test_merged_customers_do_not_multiply_revenue(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    customers = [[f"c{i}", "2023-01-01", None, "2023-01-01"] for i in range(20)]
    customers[0][2], customers[1][2] = "c1", "c2"  # a chain
    customers[5][2], customers[6][2] = "c6", "c5"  # a circle
    customers += [
        list(customers[0]),
        ["c0", "2023-01-01", "c3", "2022-01-01"],
        list(customers[2]),
    ]  # repeats, old versions
    rows = order_rows(100)
    settings = loaded(
        orders=csv(ORDER_HEADER, rows),
        customers=csv("customer_id,created_at,merged_into,updated_at", customers),
    )
    clean_everything(warehouse, settings, validator, only=BUYERS)
    assert query(warehouse, "select count(*), sum(amount) from clean.orders") == [
        (100, sum(Decimal(row[4]) for row in rows))
    ]
    of_chain = sum(Decimal(row[4]) for row in rows if row[2] in ("c0", "c1", "c2"))
    assert query(warehouse, "select sum(amount) from clean.orders where customer_id = 'c2'") == [(of_chain,)]
    assert query(warehouse, "select count(*), count(distinct customer_id) from clean.customers") == [(18, 18)]
    joined = "select count(*), sum(amount) from clean.orders inner join clean.customers using (customer_id)"
    assert query(warehouse, joined) == [(100, sum(Decimal(row[4]) for row in rows))]


def test_empty_optional_tables_pass(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    settings = loaded(orders=csv(ORDER_HEADER, order_rows(20)))
    reports = clean_everything(warehouse, settings, validator)
    assert {name for name, r in reports.items() if r.rows == 0} == set(CLEAN_TABLES) - {"orders", "customers"}
    assert all(r.passed for report in reports.values() for r in report.rules)


# ----------------------------------------------------------------------------------------- suites that block


def test_every_clean_table_answers_at_least_ten_expectations(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    settings = loaded(orders=csv(ORDER_HEADER, order_rows(20)))
    reports = clean_everything(warehouse, settings, validator)
    assert sorted(reports) == sorted(CLEAN_TABLES)
    for name, report in reports.items():
        rules = {(r.rule, r.column) for r in report.rules}
        assert len(rules) >= 10, f"{name} has {len(rules)} expectations"
        assert len(rules) == len(report.rules), f"{name} states a rule twice"


def without_rule(model: SqlModel, *passages: str) -> SqlModel:
    """Return the model with a line of its SQL taken out, so that bad rows get through to the suite."""
    sql = model.sql
    for passage in passages:
        assert passage in sql
        sql = sql.replace(passage, "")
    return replace(model, sql=sql)


NULL_AMOUNT = "when amount is null then 'unreadable_amount'"
NO_RATE = "when rate is null then 'no_exchange_rate'"


@pytest.mark.parametrize(
    ("column", "value", "passages", "words"),
    [
        (4, None, [NULL_AMOUNT], "clean.orders.amount: 3 of 40 values break 'values to not be null'"),
        (5, "EURO", [NO_RATE], "clean.orders.source_currency: 3 of 40 values break 'values to match regex"),
    ],
    ids=["a null amount", "a currency that is none"],
)
def test_a_broken_rule_leaves_the_old_table_and_says_what_broke(
    loaded: Callable[..., Settings],
    warehouse: Warehouse,
    validator: Validator,
    column: int,
    value: Any,
    passages: list[str],
    words: str,
) -> None:
    rows = order_rows(40)
    settings = loaded(orders=csv(ORDER_HEADER, rows))
    build_clean_table(warehouse, ORDERS, settings, validator)
    everything = "select * from clean.orders order by order_id", "select * from clean.dispositions order by all"
    before = [query(warehouse, sql) for sql in everything]

    for row in rows[:3]:
        row[column] = value
    settings = loaded(orders=csv(ORDER_HEADER, rows))
    with pytest.raises(CleanTableRejected) as caught:
        build_clean_table(warehouse, without_rule(ORDERS, *passages), settings, validator)
    assert [query(warehouse, sql) for sql in everything] == before
    assert "clean.orders was not replaced" in str(caught.value)
    assert words in str(caught.value)
    assert next(r.unexpected for r in caught.value.report.rules if not r.passed) == 3
    # with its rules the model sets the same rows aside, and the table is replaced
    report = build_clean_table(warehouse, ORDERS, settings, validator)
    assert (report.rows, report.rows_with("quarantined")) == (37, 3)


def test_lost_rows_and_lost_money_block(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    settings = loaded(orders=csv(ORDER_HEADER, order_rows(40)))
    losing = replace(
        ORDERS,
        sql=ORDERS.sql.replace(
            "order by summed.order_date", "where summed.order_id <> 'o3'\norder by summed.order_date"
        ),
    )
    with pytest.raises(CleanTableRejected, match="40 raw rows but 39 classified ones") as caught:
        build_clean_table(warehouse, losing, settings, validator)
    assert "raw money" in str(caught.value)
    shrinking = replace(ORDERS, sql=ORDERS.sql.replace("as source_amount", "- 1 as source_amount"))
    with pytest.raises(CleanTableRejected, match=r"raw money 840\.00 but classified money 800\.00"):
        build_clean_table(warehouse, shrinking, settings, validator)
    left = "select count(*) from information_schema.tables where table_schema = 'clean' and table_name like 'orders%'"
    assert query(warehouse, left) == [(0,)]


def test_too_many_rejected_rows_block_with_counts(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    rows = order_rows(40)
    for row in rows[:5]:
        row[6] = "odd"
    rows[5][4] = None
    settings = loaded(orders=csv(ORDER_HEADER, rows))
    with pytest.raises(CleanTableRejected) as caught:
        build_clean_table(warehouse, ORDERS, settings, validator)
    message = str(caught.value)
    assert "6 of 40 rows are quarantined, more than max_rejected_share 10% allows" in message
    assert f"{REASONS['unknown_order_status'].text} (5 rows (17.50))" in message
    assert f"{REASONS['unreadable_amount'].text} (1 rows" in message
    settings = settings.model_copy(update={"max_rejected_share": 0.15})
    assert build_clean_table(warehouse, ORDERS, settings, validator).rows == 34


def test_too_many_unknown_customers_are_a_warning_with_counts(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    customers = csv("customer_id,created_at", [[f"c{i}", "2023-01-01"] for i in range(15)])
    settings = loaded(orders=csv(ORDER_HEADER, order_rows(40)), customers=customers)
    (warning,) = clean_everything(warehouse, settings, validator, only=BUYERS)["customers"].warnings
    assert "5 of 20 buyers are not in the customers table (limit 20%)" in warning
    settings = settings.model_copy(update={"max_unknown_customer_share": 0.25})
    assert clean_everything(warehouse, settings, validator, only=BUYERS)["customers"].warnings == []


def test_without_a_crm_nobody_is_unknown(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    settings = loaded(orders=csv(ORDER_HEADER, order_rows(40)))
    report = clean_everything(warehouse, settings, validator, only=BUYERS)["customers"]
    assert (report.rows, report.rows_with("created")) == (20, 20)


def test_batches_give_the_same_results_as_one(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = order_rows(5_000)
    for row in rows[100::1000]:
        row[4] = None
    settings = loaded(orders=csv(ORDER_HEADER, rows))
    model = without_rule(ORDERS, NULL_AMOUNT)

    def results() -> list[expectations.RuleResult]:
        with pytest.raises(CleanTableRejected) as caught:
            build_clean_table(warehouse, model, settings, validator)
        return caught.value.report.rules

    batches: list[int] = []
    real = expectations._frames
    monkeypatch.setattr(expectations, "_frames", lambda *a: (batches.append(len(f)) or f for f in real(*a)))
    in_one = results()
    assert batches == [5_000]
    batches.clear()
    monkeypatch.setattr(expectations, "_BATCH_ROWS", 2_000)
    assert results() == in_one
    assert len(batches) > 1
    assert sum(batches) == 5_000
    broken = [r for r in in_one if not r.passed]
    assert [(r.column, r.checked, r.unexpected) for r in broken] == [
        ("amount", 5_000, 5),
        ("source_amount", 5_000, 5),
    ]


def test_the_old_table_of_one_cannot_be_lost_by_the_failure_of_another(
    loaded: Callable[..., Settings], warehouse: Warehouse, validator: Validator
) -> None:
    customers = csv("customer_id,created_at", [[f"c{i}", "2023-01-01"] for i in range(20)])
    settings = loaded(orders=csv(ORDER_HEADER, order_rows(40)), customers=customers)
    clean_everything(warehouse, settings, validator, only=BUYERS)
    broken = csv("customer_id,created_at", [["\ufffd", "2023-01-01"]])
    settings = loaded(orders=csv(ORDER_HEADER, order_rows(60)), customers=broken)
    with pytest.raises(CleanTableRejected, match=r"clean\.customers was not replaced"):
        clean_everything(warehouse, settings, validator, only=BUYERS)
    with warehouse.connection() as connection:
        assert row_count(connection, "clean.orders") == 60
        assert row_count(connection, "clean.customers") == 20
        assert one_row(connection, "select count(*) from clean.customers where has_crm_record") == (20,)
