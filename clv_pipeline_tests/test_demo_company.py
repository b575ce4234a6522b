"""The demo company: same rows by seed, SELECTs that keep the contract, planted faults, and behaviour worth learning.

What the pipeline then does with these rows is tested room by room elsewhere.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.core.project_files import SOURCES_FOLDER
from clv_pipeline.core.settings import read_source_toml
from clv_pipeline.demo_company.company import build_demo_company
from clv_pipeline.demo_company.dirt import ODD_NAMES, PlantedFaults

FOLDER = SOURCES_FOLDER / "demo"
FIRST_NIGHT = "1900-01-01 00:00:00"
CUSTOMERS = 4_000
#: Contract tables that a web shop has no data for, or keeps elsewhere.
NOT_IN_DEMO = {"products", "subscriptions", "subscription_payments"}
REVENUE = ("paid", "shipped", "returned")

#: AUC points that behaviour must add to purchase history; of five seeds the worst added 0.030, the best 0.044.
LEAST_AUC_GAIN = 0.02


@dataclass(frozen=True)
class Company:
    """The built company: its file, what was planted, and every SELECT's answer on the first night."""

    path: Path
    planted: PlantedFaults
    tables: dict[str, pd.DataFrame]


def select(path: Path, table: str, since: str = FIRST_NIGHT) -> pd.DataFrame:
    sql = (FOLDER / f"{table}.sql").read_text()
    with closing(sqlite3.connect(path)) as connection:
        return pd.read_sql_query(sql, connection, params={"since": since} if ":since" in sql else None)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    path = tmp_path_factory.mktemp("demo") / "shop.db"
    planted = build_demo_company(f"sqlite:///{path}", customers=CUSTOMERS)
    return Company(path, planted, {name: select(path, name) for name in CONTRACT if name not in NOT_IN_DEMO})


@pytest.fixture(scope="module")
def orders(company: Company) -> pd.DataFrame:
    return company.tables["orders"]


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def small(path: Path, seed: int) -> PlantedFaults:
    return build_demo_company(
        f"sqlite:///{path}", customers=300, seed=seed, start=date(2025, 1, 1), end=date(2025, 12, 1)
    )


# ------------------------------------------------------------------------------------------------ building


def test_same_seed_same_rows_and_another_seed_other_rows(tmp_path: Path) -> None:
    assert small(tmp_path / "a.db", 1) == small(tmp_path / "b.db", 1)
    small(tmp_path / "c.db", 2)
    assert dump(tmp_path / "a.db") == dump(tmp_path / "b.db")
    assert dump(tmp_path / "a.db") != dump(tmp_path / "c.db")


def test_rebuilding_replaces_the_company_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    small(path, 1)
    first = dump(path)
    small(path, 1)
    assert dump(path) == first
    assert [p.name for p in tmp_path.iterdir()] == ["shop.db"]


def test_a_build_that_breaks_off_leaves_the_old_company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shop.db"
    small(path, 1)
    before = path.read_bytes()
    monkeypatch.setattr("clv_pipeline.demo_company.events.post_socially", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        small(path, 2)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["shop.db"]


def test_another_database_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table ledger (amount integer)")
    with pytest.raises(ConfigurationError, match="ledger"):
        small(path, 1)
    path.write_text("not a database, and long enough to be looked at " * 30)
    with pytest.raises(ConfigurationError, match="not a SQLite database"):
        small(path, 1)


@pytest.mark.parametrize(("customers", "end"), [(10, date(2026, 7, 1)), (500, date(2024, 2, 1))])
def test_too_small_a_company_is_refused(tmp_path: Path, customers: int, end: date) -> None:
    with pytest.raises(ConfigurationError, match="cannot be built"):
        build_demo_company(f"sqlite:///{tmp_path / 'x.db'}", customers=customers, end=end)


# ------------------------------------------------------------------------------------------------ contract


def test_there_is_one_select_for_each_contract_table_that_a_web_shop_has() -> None:
    assert {path.stem for path in FOLDER.glob("*.sql")} == set(CONTRACT) - NOT_IN_DEMO


@pytest.mark.parametrize("table", [name for name in CONTRACT if name not in NOT_IN_DEMO])
def test_each_select_returns_contract_columns_in_their_order(company: Company, table: str) -> None:
    rows = company.tables[table]
    returned = set(rows.columns)
    assert list(rows.columns) == [name for name in CONTRACT[table].column_names() if name in returned]
    assert len(rows) > 0
    for column in returned - {"currency"}:
        assert rows[column].notna().any(), f"{column} is always null"


def test_source_toml_knows_every_clean_status(orders: pd.DataFrame) -> None:
    status = read_source_toml(FOLDER)["order_status"]
    assert set(status["revenue"]) == set(REVENUE)
    assert set(orders["status"]) - set(status["revenue"]) - set(status["not_revenue"]) == {"X9", "ZZ"}


def test_selects_read_only_what_changed_since(company: Company, orders: pd.DataFrame) -> None:
    since = "2026-06-15 00:00:00"
    for table in ("orders", "web_sessions", "survey_responses", "social_interactions", "campaign_touches"):
        assert 0 < len(select(company.path, table, since)) < len(company.tables[table]) / 5
    changed = orders[orders["updated_at"] >= since]
    assert len(select(company.path, "orders", since)) == len(changed)


def test_customer_and_product_numbers_keep_their_zeros(company: Company, orders: pd.DataFrame) -> None:
    assert "000123" in set(company.tables["customers"]["customer_id"])
    assert orders["product_id"].str.fullmatch(r"\d{5}").all()


def test_every_time_lies_in_the_period_and_exists_on_local_clocks(company: Company) -> None:
    for name, rows in company.tables.items():
        event_time = CONTRACT[name].event_time
        assert event_time is not None
        times = pd.to_datetime(rows[event_time])
        usual = times[(times.dt.year > 1970) & (times.dt.year < 2099)]
        assert usual.max() < pd.Timestamp(2026, 7, 1), name
        assert not (usual.dt.hour == 2).any(), name
        usual.dt.tz_localize("Europe/Berlin")  # raises when a clock change skipped or repeated it
        if "updated_at" in rows:
            assert pd.to_datetime(rows["updated_at"]).max() < pd.Timestamp(2026, 7, 1), name


def test_every_foreign_order_finds_a_rate_at_most_five_days_old(company: Company, orders: pd.DataFrame) -> None:
    rates = pd.to_datetime(company.tables["fx_rates"]["rate_date"])
    assert rates.min() <= pd.Timestamp(2024, 1, 1)
    assert pd.Series(sorted(rates.unique())).diff().max() <= pd.Timedelta(days=5)
    foreign = orders["currency"].ne("EUR").mean()
    assert 0.02 < foreign < 0.15
    assert set(orders["currency"]) == {"EUR", "CHF", "GBP"}


# ------------------------------------------------------------------------------------------------ planted faults


def test_every_kind_of_fault_is_planted(company: Company) -> None:
    assert all(getattr(company.planted, field.name) > 0 for field in fields(PlantedFaults))


def test_planted_order_faults_are_found_in_the_orders(company: Company, orders: pd.DataFrame) -> None:
    planted, on_file = company.planted, set(company.tables["customers"]["customer_id"])
    key = ["order_id", "order_line_id"]
    year = pd.to_datetime(orders["ordered_at"]).dt.year
    sold = orders[~orders["order_line_id"].str.startswith("R")]
    returns = orders[orders["order_line_id"].str.startswith("R")]
    versions = sold.drop_duplicates().groupby(key)["updated_at"].nunique()
    age = pd.to_datetime(sold["updated_at"]) - pd.to_datetime(sold["ordered_at"])
    is_late = (age >= pd.Timedelta(days=3)) & (sold["status"] != "returned") & (year[sold.index] > 1970)
    per_order = orders.drop_duplicates("order_id")
    is_orphan = per_order["customer_id"].notna() & ~per_order["customer_id"].isin(on_file)
    found = {
        "duplicate_lines": orders.duplicated().sum(),
        "corrected_lines": (versions > 1).sum(),
        "late_lines": sold[is_late].drop_duplicates(key).shape[0],
        "unknown_state_lines": orders["status"].isin(["X9", "ZZ"]).sum(),
        "null_price_lines": orders["amount"].isna().sum(),
        "epoch_orders": (year == 1970).sum(),
        "future_orders": (year == 2099).sum(),
        "returned_lines": returns["order_id"].isin(sold["order_id"]).sum(),
        "returns_without_order": (~returns["order_id"].isin(sold["order_id"])).sum(),
        "test_orders": per_order["customer_id"].str.startswith("TEST").sum(),
        "staff_orders": (per_order["channel"] == "staff").sum(),
        "guest_orders": per_order["customer_id"].isna().sum(),
        "orphan_orders": is_orphan.sum(),
        "cancelled_orders": (per_order["status"] == "cancelled").sum(),
        "open_orders": (per_order["status"] == "open").sum(),
    }
    assert found == {name: getattr(planted, name) for name in found}
    assert (returns["amount"] < 0).all()
    assert (returns["quantity"] < 0).all()
    assert 0.003 < is_orphan.mean() < 0.03
    assert 0.03 < per_order["customer_id"].isna().mean() < 0.05


def test_planted_contact_faults_are_found_in_the_customers(company: Company, orders: pd.DataFrame) -> None:
    customers = company.tables["customers"]
    per_number = customers.drop_duplicates("customer_id").set_index("customer_id")
    merged_into = per_number["merged_into"].dropna()
    found = {
        "duplicate_contacts": customers["customer_id"].duplicated().sum(),
        "customers_without_consent": (per_number["profiling_consent"] == 0).sum(),
        "merged_contacts": len(merged_into),
        "merge_chains": merged_into.isin(merged_into.index).sum(),
        "odd_names": per_number["region"].isin(ODD_NAMES).sum(),
    }
    assert found == {name: getattr(company.planted, name) for name in found}
    buyers = set(orders["customer_id"])
    assert set(merged_into.index) | set(merged_into) <= buyers, "both numbers of a merged customer have orders"
    assert customers.duplicated().sum() == 0, "a contact entered twice differs in something"


def test_planted_faults_of_other_tables_are_found(company: Company) -> None:
    sessions, answers = company.tables["web_sessions"], company.tables["survey_responses"]
    assert (answers["nps_score"] > 10).sum() == company.planted.impossible_scores
    assert sessions["customer_id"].str.startswith("V").sum() == company.planted.unknown_visitor_sessions
    assert sessions["customer_id"].isna().mean() > 0.1


# ------------------------------------------------------------------------------------------------ behaviour


@pytest.fixture(scope="module")
def mart(company: Company) -> Iterator[duckdb.DuckDBPyConnection]:
    """Accepted purchases and behaviour, cleaned just enough to learn from."""
    with duckdb.connect() as connection:
        for name, rows in company.tables.items():
            connection.register(name, rows)
        connection.execute(f"""
            create table purchase as
            select customer_id, order_id, cast(ordered_at as timestamp) as bought_at, sum(amount) as amount
            from (select distinct on (order_id, order_line_id) * from orders order by updated_at desc)
            where customer_id is not null and amount is not null and status in {REVENUE}
              and amount > 0 and channel <> 'staff' and customer_id not like 'TEST%'
              and year(cast(ordered_at as timestamp)) between 2000 and 2090
            group by all
        """)
        yield connection


HISTORY = ["recency", "orders_ever", "orders_90", "orders_365", "spend_ever", "spend_365", "tenure", "mean_gap"]
BEHAVIOUR = [
    "visits_30", "visits_90", "carts_30", "visit_recency", "nps", "nps_age", "complaints", "sentiment", "clicks_90",
    "touches_90", "click_recency",
]  # fmt: skip


def examples(mart: duckdb.DuckDBPyConnection, cutoff: str) -> pd.DataFrame:
    """One row per buyer so far: purchase history, behaviour before the cutoff, and purchases in the 90 days after."""
    return mart.execute(
        """
        with c as (select cast($cutoff as timestamp) as t),
        history as (
            select
                customer_id,
                date_diff('day', max(bought_at), any_value(t)) as recency,
                count(*) as orders_ever,
                count(*) filter (bought_at >= t - interval 90 day) as orders_90,
                count(*) filter (bought_at >= t - interval 365 day) as orders_365,
                sum(amount) as spend_ever,
                sum(amount) filter (bought_at >= t - interval 365 day) as spend_365,
                date_diff('day', min(bought_at), any_value(t)) as tenure,
                date_diff('day', min(bought_at), max(bought_at)) / nullif(count(*) - 1, 0) as mean_gap
            from purchase, c where bought_at < t group by 1
        ),
        label as (
            select customer_id, count(*) as orders_next, sum(amount) as spend_next
            from purchase, c where bought_at >= t and bought_at < t + interval 90 day group by 1
        ),
        web as (
            select
                customer_id,
                count(*) filter (cast(started_at as timestamp) >= t - interval 30 day) as visits_30,
                count(*) filter (cast(started_at as timestamp) >= t - interval 90 day) as visits_90,
                sum(cart_additions) filter (cast(started_at as timestamp) >= t - interval 30 day) as carts_30,
                date_diff('day', max(cast(started_at as timestamp)), any_value(t)) as visit_recency
            from web_sessions, c where cast(started_at as timestamp) < t group by 1
        ),
        survey as (
            select
                customer_id,
                arg_max(nps_score, responded_at) as nps,
                date_diff('day', max(cast(responded_at as timestamp)), any_value(t)) as nps_age
            from survey_responses, c where cast(responded_at as timestamp) < t and nps_score <= 10 group by 1
        ),
        social as (
            select customer_id, count(*) filter (kind = 'complaint') as complaints, avg(sentiment) as sentiment
            from social_interactions, c
            where cast(occurred_at as timestamp) between t - interval 90 day and t group by 1
        ),
        mail as (
            select
                customer_id,
                count(*) filter (cast(touched_at as timestamp) >= t - interval 90 day) as touches_90,
                count(*) filter (responded and cast(touched_at as timestamp) >= t - interval 90 day) as clicks_90,
                date_diff('day', max(cast(touched_at as timestamp)) filter (responded), any_value(t)) as click_recency
            from campaign_touches, c where cast(touched_at as timestamp) < t - interval 7 day group by 1
        )
        select * from history
        left join label using (customer_id) left join web using (customer_id) left join survey using (customer_id)
        left join social using (customer_id) left join mail using (customer_id)
        order by customer_id
        """,
        {"cutoff": cutoff},
    ).df()


def auc(train: pd.DataFrame, test: pd.DataFrame, columns: list[str]) -> float:
    model = HistGradientBoostingClassifier(max_iter=120, learning_rate=0.06, max_leaf_nodes=12, random_state=0)
    with threadpool_limits(1):  # on a busy machine waiting threads cost more than they gain
        model.fit(train[columns].astype(float), train["orders_next"].notna())
    return float(roc_auc_score(test["orders_next"].notna(), model.predict_proba(test[columns].astype(float))[:, 1]))


def test_behaviour_predicts_purchases_beyond_purchase_history(mart: duckdb.DuckDBPyConnection) -> None:
    train = pd.concat([examples(mart, cutoff) for cutoff in ("2025-03-01", "2025-06-01", "2025-09-01", "2025-12-01")])
    test = examples(mart, "2026-04-01")
    purchases_only = auc(train, test, HISTORY)
    with_behaviour = auc(train, test, HISTORY + BEHAVIOUR)
    assert purchases_only > 0.7
    assert with_behaviour > purchases_only + LEAST_AUC_GAIN


def test_each_signal_points_its_way_among_recent_buyers(mart: duckdb.DuckDBPyConnection) -> None:
    cutoffs = ("2025-03-01", "2025-06-01", "2025-09-01", "2025-12-01", "2026-04-01")
    seen = pd.concat([examples(mart, cutoff) for cutoff in cutoffs], ignore_index=True)
    seen = seen[seen["recency"] <= 60]
    goes_quiet = seen["orders_next"].isna()

    def quiet_share(rows: "pd.Series[bool]") -> float:
        return float(goes_quiet[rows.fillna(False).astype(bool)].mean())

    def quieter(sign: "pd.Series[bool]", otherwise: "pd.Series[bool]", at_least: float) -> bool:
        return quiet_share(sign) > quiet_share(otherwise) + at_least

    has_complained = seen["complaints"].fillna(0) > 0
    has_fresh_answer = seen["nps_age"] < 90
    was_mailed = seen["touches_90"] > 0
    has_cart = seen["carts_30"].fillna(0) > 1
    assert quieter(has_complained, ~has_complained, 0.02)
    assert quieter(has_fresh_answer & (seen["nps"] <= 4), has_fresh_answer & (seen["nps"] >= 9), 0.10)
    assert quieter(was_mailed & (seen["clicks_90"] == 0), was_mailed & (seen["clicks_90"] > 0), 0.02)
    assert quieter(~has_cart, has_cart, 0.05)


def test_the_company_has_the_shape_of_a_real_shop(mart: duckdb.DuckDBPyConnection, company: Company) -> None:
    for cutoff in ("2025-06-01", "2026-01-01", "2026-04-01"):
        assert 0.53 < examples(mart, cutoff)["orders_next"].isna().mean() < 0.70
    per_buyer = mart.execute("select count(*) as orders, sum(amount) as spend from purchase group by customer_id").df()
    assert 5 < per_buyer["orders"].mean() < 8
    top_fifth = per_buyer["spend"].nlargest(len(per_buyer) // 5).sum() / per_buyer["spend"].sum()
    assert 0.6 < top_fifth < 0.8
    on_file = company.tables["customers"]["customer_id"].drop_duplicates()
    assert 0.05 < (~on_file.isin(company.tables["orders"]["customer_id"])).mean() < 0.12
    per_month = mart.execute("select month(bought_at) as month, count(*) as orders from purchase group by 1").df()
    by_month = per_month.set_index("month")["orders"]
    assert by_month[12] > 1.2 * by_month[10]
