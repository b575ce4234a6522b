"""Publishing, on a finished run: the bundle, its contract, its sums; the results of a failed audit and of a backfill."""

import copy
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from clv_pipeline.contracts.published import PUBLISHED, as_markdown
from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.modeling.registry.registry import Registry
from clv_pipeline.publishing import publishing, serving
from clv_pipeline.publishing.audit import audit
from clv_pipeline.reporting import formats
from clv_pipeline.reporting.bundle_report import write_report
from clv_pipeline.warehouse.connection import Connection, open_bundle_file
from clv_pipeline.warehouse.sql_models import SqlModel, load_layer
from clv_pipeline_tests.changed_settings import that_change_nothing
from clv_pipeline_tests.conftest import RULES_RUN, SMALL_RUN, open_warehouse, run_clv, run_clv_here
from clv_pipeline_tests.pages import assert_inert, tags_of

DEMO_AS_OF = date(2026, 7, 1)


def _served(home: Home) -> dict[str, str]:
    served = serving.current(home.published)
    assert served is not None
    return served


def _bundle(home: Home) -> Path:
    return home.published / _served(home)["run_id"]


def _contents(folder: Path) -> dict[str, str]:
    """Return the hash of every file below a folder."""
    files = (f for f in sorted(folder.rglob("*")) if f.is_file())
    return {str(f.relative_to(folder)): sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.fixture
def finished(demo_run: Home, tmp_path: Path) -> Home:
    """Return a copy of the demo run's home, to be changed."""
    shutil.copytree(demo_run.root, tmp_path / "copy")
    return Home(tmp_path / "copy")


@pytest.fixture
def published(demo_run: Home) -> Iterator[Connection]:
    """Return a read-only connection to what the demo run serves."""
    with open_bundle_file(demo_run.published / "clv.duckdb") as connection:
        yield connection


@contextmanager
def _warehouse(home: Home) -> Iterator[Connection]:
    with open_warehouse(home).connection() as connection:
        yield connection


def _one(connection: Connection, query: str) -> tuple[object, ...]:
    (row,) = connection.execute(query).fetchall()
    return tuple(row)


# --- the bundle --------------------------------------------------------------------------------------------------------


def test_the_manifest_names_every_file_with_its_hash(demo_run: Home) -> None:
    bundle = _bundle(demo_run)
    manifest = json.loads((bundle / "manifest.json").read_text())
    found = _contents(bundle)
    del found["manifest.json"]
    assert manifest["sha256"] == found
    assert {"clv.duckdb", "report.html", "model_card.md"} <= found.keys()
    assert {name for name in found if name.startswith("parquet/")} == {f"parquet/{name}.parquet" for name in PUBLISHED}
    assert manifest["run_id"] == bundle.name
    assert manifest["as_of_date"] == DEMO_AS_OF.isoformat()
    assert manifest["contract_version"] == "v2-draft"


def test_what_is_served_is_the_bundle_and_nothing_half_built_is_left(demo_run: Home) -> None:
    bundle = _bundle(demo_run)
    assert (demo_run.published / "clv.duckdb").read_bytes() == (bundle / "clv.duckdb").read_bytes()
    assert {p.name for p in demo_run.published.iterdir()} == {"clv.duckdb", "current.json", bundle.name}
    assert list(demo_run.published.rglob("*.wal")) == []
    assert list(demo_run.scratch.iterdir()) == []


def test_the_file_holds_exactly_the_tables_of_the_contract(published: Connection) -> None:
    tables = {r[0] for r in published.execute("select table_name from information_schema.tables").fetchall()}
    assert tables == set(PUBLISHED)


def test_a_prediction_is_followed_back_through_the_model_to_the_source(published: Connection) -> None:
    rows = published.execute("select table_name, column_name, from_table, from_column from column_lineage").fetchall()
    sources: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for table, column, from_table, from_column in rows:
        sources.setdefault((table, column), set()).add((from_table, from_column))
    seen, ahead = set(), [("published.customer_clv", "predicted_spend_90d")]
    while ahead:
        node = ahead.pop()
        if node not in seen:
            seen.add(node)
            ahead += sources.get(node, set())
    ((version,),) = published.execute("select model_version from clv_run").fetchall()
    chain = {
        ("scores.customer_scores", "predicted_spend_90d"),
        (f"model {version}", "spend_90d"),
        ("features.btyd_features", "btyd_spend_90d"),
        ("features.customer_features", "web_recency_days"),
        ("features.web_features", "web_recency_days"),
        ("clean.web_sessions", "session_date"),
        ("raw.web_sessions", "started_at"),
        ("raw.orders", "amount"),
    }
    assert chain <= seen, chain - seen
    assert {table for table, _ in seen} >= {"source shop_order_line", "source web_visit"}, [
        n for n in seen if n[0].startswith("source ")
    ]
    # the demo company has no table of products
    ends = ("source ", "raw.extraction", "raw.loads", "raw.products")
    dead_ends = {table for table, _ in seen if not table.startswith(ends)} - {table for table, _ in sources}
    assert dead_ends == set(), "no way back from these"


def test_nearly_every_published_column_is_in_the_lineage(published: Connection) -> None:
    columns = published.execute("select 'published.' || table_name, column_name from column_dictionary").fetchall()
    known = set(published.execute("select distinct table_name, column_name from column_lineage").fetchall())
    # the others count rows, or say what a setting or the contract says
    unknown = sorted(set(columns) - known)
    assert [name for name in unknown if name[0] == "published.customer_clv"] == []
    assert len(unknown) < 0.15 * len(columns), unknown


def test_what_customers_buy_next_is_of_scored_customers_and_of_the_versions_own_ranker(
    demo_run: Home, published: Connection
) -> None:
    ((version,),) = published.execute("select model_version from clv_run").fetchall()
    files = Registry(demo_run.models).manifest(version).files
    assert {"next_purchases.json"} <= files.keys()
    (customers, strangers, unknown) = _one(
        published,
        "select count(distinct customer_id), count(*) filter (customer_id not in (select customer_id from customer_clv)), "
        "count(*) filter (item not in ('Kitchen', 'Garden', 'Toys', 'Books', 'Electronics', 'Sport', 'Home textiles', 'Beauty')) "
        "from next_purchases",
    )
    assert (customers > 500, strangers, unknown) == (True, 0, 0)
    said = published.execute(
        "select kind, customers > 0, statement from next_purchase_quality where row_kind = 'status' order by kind"
    ).fetchall()
    assert [(kind, has_lists) for kind, has_lists, _ in said] == [("again", True), ("new_to_them", True)]
    for kind, _, statement in said:
        (method,) = _one(published, f"select distinct method from next_purchases where kind = '{kind}'")
        assert statement == f"The list is ordered by {method}."


def test_the_parquet_files_equal_the_tables(demo_run: Home, published: Connection) -> None:
    manifest = json.loads((_bundle(demo_run) / "manifest.json").read_text())
    with duckdb.connect() as files:
        files.execute("set TimeZone = 'UTC'")
        for name in PUBLISHED:
            file = _bundle(demo_run) / "parquet" / f"{name}.parquet"
            there = files.execute(f"select * from read_parquet('{file}')")
            in_file, file_columns = there.fetchall(), [c[0] for c in there.description or []]
            here = published.execute(f"select * from {name}")
            assert file_columns == [c[0] for c in here.description or []], name
            assert in_file == here.fetchall(), f"{name}: other rows, or in another order"
            assert len(in_file) == manifest["row_counts"][name], name


def test_the_file_is_in_the_format_that_todays_drivers_open_and_stays_as_it_is_when_read(demo_run: Home) -> None:
    served = demo_run.published / "clv.duckdb"
    before = served.read_bytes()
    with open_bundle_file(served) as connection:
        # the storage version of the file, as DuckDB itself reads it
        (tags,) = _one(connection, "select tags::varchar from duckdb_databases() where not internal")
        assert "v1.2" in str(tags), tags
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("create table intruder (i integer)")
    assert served.read_bytes() == before
    assert not served.with_name("clv.duckdb.wal").exists()


# --- the customer base -------------------------------------------------------------------------------------------------


#: Sums over the rows of a table, and what they must equal to the cent.
RECONCILED = {
    "deciles of all time": ("base_deciles where period = 'all_time'", "sum(net_spend)", "sum(historic_value) from customer_clv"),
    "deciles of a year": (
        "base_deciles where period = 'last_365_days'", "sum(net_spend)", "sum(historic_value_365d) from customer_clv"
    ),
    "customers of the deciles": ("base_deciles where period = 'all_time'", "sum(customers)", "customers from clv_run"),
    "layers": (
        "base_layers", "sum(case when row_kind <> 'forecast' then net_spend end)", "sum(historic_value) from customer_clv",
    ),
    "forecast layers": (
        "base_layers where row_kind = 'forecast'", "sum(net_spend)",
        "sum(net_spend) from cohorts where row_kind = 'forecast'",
    ),
    "reasons": (
        "customer_reasons, clv_run where customer_id in (select customer_id from customer_clv)",
        "sum(effect) + any_value(average_predicted_spend) * count(distinct customer_id)",
        "predicted_spend_total from clv_run",
    ),
    "orders": ("customer_orders", "sum(net_spend)", "sum(historic_value) from customer_clv"),
    "forecast": (
        "revenue_forecast where row_kind in ('existing_customers', 'prospects')", "sum(net_spend_in_horizon)",
        "predicted_spend_total from clv_run",
    ),
    "bridge of money": (
        "base_movements", "sum(case when step = 'opening' then spend_before else spend_change end)",
        "spend_now from base_movements where step = 'closing'",
    ),
    "bridge of customers": (
        "base_movements", "sum(case when step = 'opening' then customers else customer_change end)",
        "customers from base_movements where step = 'closing'",
    ),
    "closing balance": (
        "base_movements where step = 'closing'", "sum(spend_now)", "sum(historic_value_365d) from customer_clv"
    ),
    "cells": ("feature_pairs where row_kind <> 'correlation'", "sum(predicted_spend)", "predicted_spend_total from clv_run"),
    "customers of the cells": ("feature_pairs where row_kind <> 'correlation'", "sum(customers)", "customers from clv_run"),
    "transitions": ("tier_transitions where comparison = 'actual_spend'", "sum(customers)", "customers from clv_run"),
    "money of the transitions": (
        "tier_transitions where comparison = 'actual_spend'", "sum(actual_spend_now)",
        "sum(historic_value_365d) from customer_clv",
    ),
    "products": (
        "product_value where row_kind = 'bought_most'", "sum(net_spend)",
        "sum(historic_value) from customer_clv where purchase_days > 0",
    ),
    "cohorts": ("cohort_comparison where age_days = 30", "sum(customers)", "count(*) from customer_clv where purchase_days > 0"),
    "histograms": (
        "feature_distributions where feature = 'recency_days'", "sum(customers)", "customers from clv_run"
    ),
    "scores": ("rfm_scores", "count(recency_score)", "count(*) from customer_clv where purchase_days > 0"),
}  # fmt: skip


@pytest.mark.parametrize("what", RECONCILED)
def test_the_tables_of_the_customer_base_add_up(published: Connection, what: str) -> None:
    table, total, expected = RECONCILED[what]
    assert _one(published, f"select {total} from {table}") == _one(published, f"select {expected}")


def test_cells_of_few_customers_are_pooled(published: Connection) -> None:
    balances = "and row_kind <> 'balance' and customers > 0"
    for name in (
        "base_deciles",
        "base_movements",
        "cohort_comparison",
        "tier_transitions",
        "feature_distributions",
        "feature_pairs",
    ):
        few = f"select count(*) from {name} where customers < 5 and row_kind <> 'other' {balances}"
        assert _one(published, few) == (0,), name


# --- the contract ------------------------------------------------------------------------------------------------------


def test_the_page_on_the_published_tables_is_the_contract_as_it_is() -> None:
    assert (PROJECT / "docs" / "published_tables.md").read_text() == as_markdown(), "run `make docs`"


def test_every_eligible_customer_has_one_row(demo_run: Home, published: Connection) -> None:
    customers = {r[0] for r in published.execute("select customer_id from customer_clv").fetchall()}
    rows, distinct = _one(published, "select count(*), count(distinct customer_id) from customer_clv")
    assert rows == distinct == len(customers)
    with _warehouse(demo_run) as warehouse:
        eligible = warehouse.execute(
            "select customer_id from clean.customers where has_profiling_consent and first_seen_date < date '2026-07-01'"
        ).fetchall()
    assert customers == {r[0] for r in eligible}
    assert len(customers) > 1000


def test_every_key_is_unique_and_never_null(published: Connection) -> None:
    for name, table in PUBLISHED.items():
        key = ", ".join(table.key)
        rows, keys = _one(published, f"select count(*), count(distinct ({key})) from {name}")
        (nulls,) = _one(
            published, f"select count(*) from {name} where {' or '.join(f'{c} is null' for c in table.key)}"
        )
        assert (rows, nulls) == (keys, 0), name


def test_probabilities_are_probabilities_and_money_is_decimal(published: Connection) -> None:
    columns = published.execute("select table_name, column_name, data_type from information_schema.columns").fetchall()
    of = {(t, c): kind for t, c, kind in columns}
    money = re.compile(r"(spend|value|cost)(_\d+d|_total|_mean|_so_far|_per_buyer)?$|_at_stake$")
    for (table, column), kind in of.items():
        if column.startswith("purchase_probability"):
            assert kind == "DECIMAL(5,4)", (table, column)
            (broken,) = _one(
                published, f"select count(*) from {table} where not coalesce({column} between 0 and 1, false)"
            )
            assert broken == 0, (table, column)
        if money.search(column) and (table, column) not in {
            ("segment_thresholds", "value"),
            ("model_quality", "value"),
            ("fairness_audit", "value"),
            ("partial_dependence", "value"),
            ("next_purchase_quality", "value"),
        }:
            assert kind == "DECIMAL(18,2)", f"{table}.{column} is {kind}"
        if table in ("customer_clv", "customer_clv_history", "segments", "recommendations", "channel_value"):
            assert kind not in ("DOUBLE", "FLOAT"), f"{table}.{column} is {kind}"
    for column in (
        "historic_value",
        "lifetime_spend",
        "lifetime_margin",
        "predicted_spend_90d",
        "average_purchase_value",
    ):
        assert of["customer_clv", column] == "DECIMAL(18,2)"


def test_every_column_is_in_the_dictionary_with_its_type(published: Connection) -> None:
    described = published.execute(
        "select table_name, column_name, data_type, description from column_dictionary"
    ).fetchall()
    found = {(t, c): kind for t, c, kind, _ in described}
    actual = {
        (table, row[0]): row[1] for table in PUBLISHED for row in published.execute(f"describe {table}").fetchall()
        if table != "column_dictionary"
    }  # fmt: skip
    assert {key: kind for key, kind in found.items() if key[0] != "column_dictionary"} == actual
    for table, column, _, description in described:
        assert len(description or "") >= 4, (table, column)


def test_no_row_of_a_customer_holds_a_null_that_is_not_explained(published: Connection) -> None:
    may_be_null = {r[0] for r in published.execute(
        "select column_name from column_dictionary where table_name = 'customer_clv' and description like '%null %'"
    ).fetchall()}  # fmt: skip
    for column, *_ in published.execute("describe customer_clv").fetchall():
        (nulls,) = _one(published, f"select count(*) from customer_clv where {column} is null")
        assert nulls == 0 or column in may_be_null, f"{nulls} rows have no {column}"
    (unexplained,) = _one(
        published, "select count(*) from customer_clv where score_status <> 'no_purchase_yet' and reason_3 is null"
    )
    assert unexplained == 0


def test_the_sums_agree(published: Connection) -> None:
    customers, predicted, historic = _one(
        published, "select count(*), sum(predicted_spend_90d), sum(historic_value) from customer_clv"
    )
    assert _one(published, "select customers, predicted_spend_total from clv_run") == (customers, predicted)
    assert _one(
        published, "select sum(customers), sum(predicted_spend_total), sum(historic_value_total) from segments"
    ) == (customers, predicted, historic)
    (share,) = _one(published, "select sum(predicted_spend_share) from segments")
    assert abs(Decimal(str(share)) - 1) < Decimal("0.001")
    assert _one(published, "select sum(predicted_spend), sum(historic_value) from customer_clv_history") == (
        predicted, historic,
    )  # fmt: skip
    by_segment = published.execute(
        "select segment, count(*), sum(predicted_spend_90d) from customer_clv group by segment order by segment"
    ).fetchall()
    assert by_segment == published.execute(
        "select segment, customers, predicted_spend_total from segments order by segment"
    ).fetchall()  # fmt: skip
    assert len(by_segment) > 3


def test_what_is_typical_lies_between_the_ends_and_the_total_between_its_own(published: Connection) -> None:
    (customers, outside) = _one(
        published,
        "select count(*), count(*) filter (where not (0 <= predicted_spend_low_90d "
        "and predicted_spend_low_90d <= typical_spend_90d and typical_spend_90d <= predicted_spend_high_90d)) "
        "from customer_clv",
    )
    assert customers != 0 and outside == 0
    assert _one(
        published,
        "select predicted_spend_total_low < predicted_spend_total, predicted_spend_total < predicted_spend_total_high "
        "from clv_run",
    ) == (True, True)


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("predicted_spend_90d = predicted_spend_high_90d + 1", "predicted_spend_90d"),
        ("typical_spend_90d = predicted_spend_high_90d + 1", "typical_spend_90d"),
        ("spend_if_buying_low_90d = spend_if_buying_typical_90d + 1", "spend_if_buying_typical_90d"),
        ("lifetime_spend = predicted_spend_90d - 0.01", "lifetime_spend"),
    ],
)
def test_a_customer_whose_figures_contradict_each_other_is_not_published(
    demo_run: Home, tmp_path: Path, change: str, column: str
) -> None:
    shutil.copy((demo_run.published / "clv.duckdb").resolve(), tmp_path / "clv.duckdb")
    with duckdb.connect(str(tmp_path / "clv.duckdb")) as bundle:
        counts = {name: bundle.table(name).count("*").fetchall()[0][0] for name in PUBLISHED}
        bundle.execute(
            f"update customer_clv set {change} where customer_id = "
            "(select min(customer_id) from customer_clv where score_status = 'repeat_customer' and predicted_spend_90d > 1)"
        )
    (said,) = audit(tmp_path / "clv.duckdb", counts)
    assert said.startswith(f"customer_clv.{column}: 1 rows break")


def test_historic_value_is_the_net_of_the_clean_orders(demo_run: Home, published: Connection) -> None:
    found = dict(published.execute("select customer_id, historic_value from customer_clv").fetchall())
    with _warehouse(demo_run) as warehouse:
        # midnight in Berlin on 1 July is 22:00 UTC the day before
        net = dict(
            warehouse.execute(
                "select customer_id, sum(amount)::decimal(18, 2) from clean.orders "
                "where ordered_at < timestamptz '2026-06-30 22:00:00+00' and customer_id is not null group by customer_id"
            ).fetchall()
        )
    assert found == {customer: net.get(customer, Decimal(0)) for customer in found}
    assert sum(found.values()) > 0


def test_every_row_says_as_of_when_by_which_run_and_model(demo_run: Home, published: Connection) -> None:
    (row,) = published.execute(
        "select distinct as_of_date, run_id, model_version, currency, scored_at::varchar from customer_clv"
    ).fetchall()
    assert row[0] == DEMO_AS_OF
    assert row[1] == _served(demo_run)["run_id"]
    assert row[2] == json.loads((demo_run.models / "champion.json").read_text())["version"]
    assert row[3:] == ("EUR", "2026-06-30 22:00:00+00")


def test_data_quality_accounts_for_every_source_row_and_its_money(published: Connection) -> None:
    dispositions = published.execute(
        "select table_name, sum(row_count) filter (where row_kind = 'source'), "
        "sum(row_count) filter (where disposition in ('accepted', 'duplicate', 'superseded', 'excluded', 'quarantined')), "
        "sum(source_money) filter (where row_kind = 'source'), "
        "sum(source_money) filter (where disposition in ('accepted', 'duplicate', 'superseded', 'excluded', 'quarantined')) "
        "from data_quality group by table_name having count(*) filter (where disposition = 'accepted') > 0"
    ).fetchall()
    assert len(dispositions) >= 6
    for table, at_the_source, accounted, money_at_the_source, money_accounted in dispositions:
        assert at_the_source == accounted, table
        assert money_at_the_source == money_accounted, table
        assert (money_at_the_source is not None) == (table in ("orders", "marketing_spend")), table


# --- the report --------------------------------------------------------------------------------------------------------


def test_the_report_reaches_for_nothing_outside(demo_run: Home) -> None:
    page = (_bundle(demo_run) / "report.html").read_text()
    assert_inert(page)
    pictures = [a for tag, a in tags_of(page) if tag == "svg"]
    assert len(pictures) >= 2
    assert all(a.get("aria-label") and a["role"] == "img" for a in pictures)
    assert f"as of {DEMO_AS_OF}" in page


def test_the_report_shows_shares_and_chances_in_percent(demo_run: Home, published: Connection) -> None:
    page = (_bundle(demo_run) / "report.html").read_text()
    query = "select predicted_spend_share, purchase_probability_mean from segments where segment = 'high_value'"
    for share in (Decimal(str(value)) for value in _one(published, query)):
        assert 0 < share < 1
        assert re.search(f'<td class="n" data-label="[^"]+">{share:.1%}</td>', page)


def test_report_and_model_card_say_which_season_is_in_the_total(demo_run: Home, published: Connection) -> None:
    (factor,) = _one(published, "select season_factor from clv_run")
    for page in ("report.html", "model_card.md"):
        said = f"Seasonal adjustment of the predicted total: a factor of {factor:.2f}, from the same weeks last year."
        assert said in (_bundle(demo_run) / page).read_text()
    assert formats.season(None) == formats.season(float("nan")) != formats.season(factor)


def test_names_from_the_source_are_inert_in_the_report(finished: Home) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    bundle = _bundle(finished)
    changed = bundle / "clv.duckdb"
    with duckdb.connect(str(changed)) as connection:
        connection.execute("update customer_clv set customer_id = ? || customer_id, reason_1 = ?", [attack, attack])
        connection.execute("update recommendations set customer_id = ? || customer_id, why = ?", [attack, attack])
        connection.execute("update channel_value set acquisition_channel = ? || acquisition_channel", [attack])
        connection.execute("update clv_run set source_name = ?", [attack])
        connection.execute("update data_quality set reason = ? || reason", [attack])
        connection.execute("update segments set segment = ? || segment", [attack])
        connection.execute("update feature_importance set description = ? || description", [attack])
    write_report(bundle)
    page = (bundle / "report.html").read_text()
    assert_inert(page)
    assert "&lt;script&gt;" in page


# --- audit, swap, history ----------------------------------------------------------------------------------------------


def _models(**sql: str) -> list[SqlModel]:
    """Return the published models, some with another query."""
    found = [replace(m, sql=sql[m.name].format(sql=m.sql)) if m.name in sql else m for m in load_layer("4_published")]
    assert {m.name for m in found} >= sql.keys()
    return found


@pytest.fixture
def demo_settings() -> Settings:
    return load_settings(source="demo")


@pytest.mark.parametrize(
    ("table", "broken_sql", "named"),
    [
        ("segments", "with s as ({sql}) select * from s union all select * from s", ["segments", "distinct keys"]),
        (
            "recommendations",
            "with s as ({sql}) select * replace (case when priority = 1 then null else customer_id end as customer_id) from s",
            ["recommendations", "null"],
        ),
        ("cohorts", "with s as ({sql}) select *, 1 as mystery from s", ["cohorts", "mystery", "contract"]),
        (
            "clv_run",
            "with s as ({sql}) select * replace (customers + 1 as customers) from s",
            ["customer_clv", "scored"],
        ),
    ],
)
def test_a_failed_audit_leaves_what_was_served(
    finished: Home, demo_settings: Settings, table: str, broken_sql: str, named: list[str]
) -> None:
    before = _contents(finished.published)
    with pytest.raises(PublishError) as error:
        publishing.publish(open_warehouse(finished), _models(**{table: broken_sql}), demo_settings, finished)
    for word in named:
        assert word in str(error.value)
    assert "yesterday's bundle is still served" in str(error.value)
    assert _contents(finished.published) == before
    assert [p.name for p in finished.published.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("purchase_probability_90d", "7.5", "between 0 and 1"),
        ("predicted_spend_90d", "-1", ">= 0"),
        ("predicted_spend_low_90d", "-1", ">= 0"),
        ("typical_spend_90d", "-1", ">= 0"),
        ("segment", "null", "is not null"),
        ("historic_value", "null", "is not null"),
    ],
)
def test_an_impossible_score_fails_the_audit(
    finished: Home, demo_settings: Settings, column: str, value: str, named: str
) -> None:
    before = _contents(finished.published)
    with open_warehouse(finished).transaction() as connection:
        connection.execute(
            f"update published.customer_clv set {column} = {value} "
            "where customer_id = (select min(customer_id) from published.customer_clv)"
        )
    with pytest.raises(PublishError, match=f"customer_clv.{column}: 1 rows break .*{re.escape(named)}"):
        publishing.publish(open_warehouse(finished), _models(), demo_settings, finished)
    assert _contents(finished.published) == before


def test_publishing_again_changes_no_byte(finished: Home, demo_settings: Settings) -> None:
    before = _contents(finished.published)
    bundle = publishing.publish(open_warehouse(finished), _models(), demo_settings, finished)
    assert bundle.is_served
    after = _contents(finished.published)
    # a DuckDB file has block addresses of its own; everything else is the same
    parts = {name for name in before if not name.endswith(("clv.duckdb", "manifest.json"))}
    assert {n: after[n] for n in parts} == {n: before[n] for n in parts}
    assert after.keys() == before.keys()


def test_a_newer_as_of_of_another_source_is_no_reason_to_keep_serving_it(tmp_path: Path) -> None:
    folder = tmp_path / "20240101-x"
    folder.mkdir()
    _write_clv_run(folder / "clv.duckdb", "20240101-x", "2024-01-01", "b")
    _write_clv_run(tmp_path / "newer.duckdb", "20250101-y", "2025-01-01", "a")
    for source, served in (("a", "20250101-y"), ("b", "20240101-x")):
        shutil.copyfile(tmp_path / "newer.duckdb", tmp_path / "clv.duckdb")
        assert serving.serve(tmp_path, folder, date(2024, 1, 1), source) is (served == folder.name)
        pointer = serving.current(tmp_path)
        assert pointer is not None
        assert pointer["run_id"] == served


def _write_clv_run(path: Path, run_id: str, as_of: str, source: str) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create table clv_run as select ? as run_id, ?::date as as_of_date, ? as source_name",
            [run_id, as_of, source],
        )


@pytest.fixture(scope="module")
def backfilled(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, str]]:
    """Return a home where the demo run was followed by a backfill two weeks earlier, and what was there before."""
    root = tmp_path_factory.mktemp("backfill") / "home"
    shutil.copytree(demo_run.root, root)
    home = Home(root)
    before = _contents(home.published)
    ran = run_clv_here("run", "--home", str(root), "--as-of", "2026-06-17", **RULES_RUN)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return home, before


@pytest.mark.chaos
def test_a_backfill_publishes_beside_and_swaps_nothing(backfilled: tuple[Home, dict[str, str]]) -> None:
    home, before = backfilled
    after = _contents(home.published)
    assert {name: after.get(name) for name in before} == before
    (new,) = {p.name for p in home.published.iterdir() if p.is_dir()} - {_served(home)["run_id"]}
    manifest = json.loads((home.published / new / "manifest.json").read_text())
    assert manifest["as_of_date"] == "2026-06-17"
    assert new.startswith("20260617-")
    assert _served(home)["as_of_date"] == DEMO_AS_OF.isoformat()


@pytest.mark.chaos
def test_the_history_holds_one_row_a_customer_day_and_horizon(backfilled: tuple[Home, dict[str, str]]) -> None:
    home, _ = backfilled
    with _warehouse(home) as connection:
        counts = connection.execute(
            "select as_of_date, count(*), count(distinct (customer_id, horizon_days)) from scores.history group by 1 order by 1"
        ).fetchall()
    assert [row[0] for row in counts] == [date(2026, 6, 17), DEMO_AS_OF]
    assert all(rows == keys for _, rows, keys in counts)


@pytest.mark.chaos
def test_a_rerun_of_the_same_day_is_accepted_and_replaces_its_own_history_only(
    backfilled: tuple[Home, dict[str, str]], tmp_path: Path
) -> None:
    home = copy.copy(backfilled[0])
    shutil.copytree(home.root, tmp_path / "again")
    home = Home(tmp_path / "again")
    with _warehouse(home) as connection:
        earlier = connection.execute(
            "select * from scores.history where as_of_date = '2026-06-17' order by all"
        ).fetchall()
    ran = run_clv_here("run", "--home", str(home.root), **RULES_RUN)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert _served(home)["as_of_date"] == DEMO_AS_OF.isoformat()
    with _warehouse(home) as connection:
        rows, keys = _one(
            connection,
            "select count(*), count(distinct (customer_id, as_of_date, horizon_days)) from scores.history",
        )
        assert rows == keys
        assert connection.execute(
            "select * from scores.history where as_of_date = '2026-06-17' order by all"
        ).fetchall() == earlier  # fmt: skip
        (bundle_rows,) = _one(connection, "select count(*) from published.customer_clv_history")
    assert bundle_rows == rows
    assert all(f.stat().st_size > 0 for f in home.published.rglob("*.parquet"))


@pytest.mark.chaos
def test_the_same_input_in_another_home_gives_the_same_bytes(demo_run: Home, tmp_path: Path) -> None:
    others = {name: value for name, value in that_change_nothing().items() if name != "CLV_PUBLISH_URL"}
    ran = run_clv("run", "--home", str(tmp_path / "other"), TZ="Pacific/Auckland", **SMALL_RUN, **others)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    other = Home(tmp_path / "other")
    one, two = _bundle(demo_run), _bundle(other)
    assert one.name == two.name
    parquet = _contents(one / "parquet")
    assert _contents(two / "parquet") == parquet
    assert len(parquet) == len(PUBLISHED)
    for page in ("report.html", "model_card.md"):
        assert (one / page).read_bytes() == (two / page).read_bytes(), page
