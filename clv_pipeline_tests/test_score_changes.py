"""Why a score changed: nights with one injected cause each, parts that add up to the cent, and nights without a known past."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from clv_pipeline.contracts.explanation_tables import CAUSES
from clv_pipeline.contracts.warehouse import HISTORY
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.modeling.registry.registry import Manifest, Registry
from clv_pipeline.modeling.training import training
from clv_pipeline.score_changes.attribution import write_score_changes
from clv_pipeline.score_changes.known import remember_what_was_known
from clv_pipeline.score_changes.steps import EVENTS
from clv_pipeline.scoring.scoring import score_customers
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.made_up_rows import (
    AS_OF,
    FIRST_DAY,
    MadeUpCompany,
    build_features_and_labels,
    company_with_signal,
    small_settings,
    with_prospects,
    write_company,
)

TONIGHT = AS_OF + timedelta(days=1)
Change = Callable[[MadeUpCompany], MadeUpCompany]


@dataclass(frozen=True)
class Shop:
    """A company after one published night, of which everything is known."""

    warehouse: Warehouse
    settings: Settings
    registry: Registry
    manifest: Manifest
    company: MadeUpCompany

    def night(self, change: Change) -> pd.DataFrame:
        """Run the night after it on a changed company; return the changes of the scores, by customer."""
        write_company(self.warehouse, self.settings, change(self.company), TONIGHT)
        build_features_and_labels(self.warehouse, self.settings, TONIGHT)
        return self.scored_by(self.manifest)

    def scored_by(self, manifest: Manifest) -> pd.DataFrame:
        score_customers(self.warehouse, self.settings, self.registry, manifest, lambda done: None)
        return self.changes(manifest)

    def changes(self, manifest: Manifest | None = None, **settings: object) -> pd.DataFrame:
        tonight = self.settings.model_copy(update=settings)
        write_score_changes(self.warehouse, tonight, self.registry, manifest or self.manifest)
        found = self.table("from scores.score_changes order by customer_id").set_index("customer_id")
        return found.astype(dict.fromkeys(["previous_spend", "predicted_spend", *CAUSES], float))

    def table(self, query: str) -> pd.DataFrame:
        with self.warehouse.connection() as connection:
            return connection.execute(query).df()


#: Each kind of news is about customers of its own, so that one night can have them all.
KINDS = ("new_orders", "returns", "web", "survey", "social", "campaigns", "corrections")
_EACH = 12


def customers_of(company: MadeUpCompany, kind: str) -> list[str]:
    """Return the customers of one kind of news: some who bought lately, none of them of another kind."""
    last = company.orders.groupby("customer_id")["ordered_at"].max()
    lately = sorted(last.nlargest(_EACH * len(KINDS)).index)
    return lately[KINDS.index(kind) :: len(KINDS)]


def events(company: MadeUpCompany, news: str, table: str, day: date, **columns: object) -> MadeUpCompany:
    """Return the company with one more row of a table for each customer of a kind of news, dated at noon of a day."""
    customers = customers_of(company, news)
    rows = pd.DataFrame(
        {"customer_id": customers, **{name: [value] * len(customers) for name, value in columns.items()}}
    )
    at = pd.Timestamp(day, tz="UTC") + pd.Timedelta(hours=12)
    key, time = {
        "orders": ("order_id", "ordered_at"), "web_sessions": ("session_id", "started_at"),
        "survey_responses": ("response_id", "responded_at"), "social_interactions": ("interaction_id", "occurred_at"),
        "campaign_touches": ("touch_id", "touched_at"),
    }[table]  # fmt: skip
    rows[key], rows[time] = [f"{news}{i}" for i in range(len(rows))], at
    if table == "orders":
        return replace(company, orders=pd.concat([company.orders, rows], ignore_index=True))
    others = company.others | {table: pd.concat([company.others[table], rows], ignore_index=True)}
    return replace(company, others=others)


def with_every_source(company: MadeUpCompany) -> MadeUpCompany:
    """Return the company with visits, answers, contacts and campaigns that go with purchases, so that the model uses them."""
    generator = np.random.default_rng(11)
    buyers = company.orders[company.orders["amount"] > 0]
    some = buyers[generator.random(len(buyers)) < 0.8].reset_index(drop=True)
    at = some["ordered_at"] - pd.to_timedelta(generator.integers(1, 15, len(some)), unit="D")
    ids = [f"r{i:06d}" for i in range(len(some))]
    customers = some["customer_id"]
    return replace(
        company,
        others={
            "web_sessions": pd.DataFrame(
                {"session_id": ids, "customer_id": customers, "started_at": at, "page_views": 5}
            ),
            "survey_responses": pd.DataFrame(
                {
                    "response_id": ids,
                    "customer_id": customers,
                    "responded_at": at,
                    "nps_score": generator.integers(0, 11, len(some)),
                }
            ),
            "social_interactions": pd.DataFrame(
                {
                    "interaction_id": ids,
                    "customer_id": customers,
                    "occurred_at": at,
                    "sentiment": 0.5,
                    "kind": "comment",
                }
            ),
            "campaign_touches": pd.DataFrame(
                {
                    "touch_id": ids,
                    "customer_id": customers,
                    "touched_at": at,
                    "responded": generator.random(len(some)) < 0.5,
                }
            ),
        },
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    home = Home(tmp_path_factory.mktemp("shop"))
    warehouse, settings = open_warehouse(home), small_settings(horizons=(60,))
    company = with_every_source(with_prospects(company_with_signal(300), 30, FIRST_DAY + timedelta(days=300)))
    write_company(warehouse, settings, company)
    plan = build_features_and_labels(warehouse, settings)
    registry = Registry(home.models)
    training.tune_candidates(warehouse, settings, plan.horizons, None, lambda text: None)
    training.evaluate_candidates(warehouse, settings, plan.horizons)
    manifest = training.fit_champions(warehouse, settings, plan, registry, AS_OF, None)
    score_customers(warehouse, settings, registry, manifest, lambda done: None)
    with warehouse.transaction() as connection:
        tables.create(connection, HISTORY)
        tables.append(
            connection,
            HISTORY,
            "select as_of as as_of_date, customer_id, 60 as horizon_days, primary_spend as predicted_spend, score_status "
            "from scores.customer_scores",
        )
        remember_what_was_known(connection, settings)
    return Shop(warehouse, settings, registry, manifest, company)


@pytest.fixture
def quiet(shop: Shop) -> pd.DataFrame:
    """Return the changes of a night without news."""
    return shop.night(lambda company: company)


def test_a_night_without_news_changes_scores_by_the_time_that_passed(quiet: pd.DataFrame) -> None:
    assert len(quiet) > 150
    assert (quiet["main_cause"] == "time_passed").mean() >= 0.99
    assert (quiet[[*EVENTS, "corrections", "model", "settings", "not_split"]] == 0).all().all()


def everything(company: MadeUpCompany) -> MadeUpCompany:
    """Return the company with every kind of news, each about customers of its own."""
    earlier = AS_OF - timedelta(days=40)
    company = events(company, "new_orders", "orders", AS_OF, amount=300.0)
    company = events(company, "returns", "orders", AS_OF, amount=-20.0)
    company = events(company, "web", "web_sessions", AS_OF, page_views=9)
    company = events(company, "survey", "survey_responses", AS_OF, nps_score=0)
    company = events(company, "social", "social_interactions", AS_OF, sentiment=-1.0, kind="complaint")
    company = events(company, "campaigns", "campaign_touches", AS_OF, responded=True)
    return events(company, "corrections", "orders", earlier, amount=900.0)


@pytest.fixture(scope="module")
def eventful(shop: Shop) -> pd.DataFrame:
    return shop.night(everything)


@pytest.mark.parametrize("kind", KINDS)
def test_news_changes_only_whom_it_is_about_and_by_its_own_cause(shop: Shop, eventful: pd.DataFrame, kind: str) -> None:
    mine = eventful.index.isin(customers_of(shop.company, kind))
    assert mine.sum() >= _EACH - 2
    assert (eventful[kind][~mine] == 0).all()
    assert (eventful[kind][mine] != 0).mean() > (0.9 if kind in ("new_orders", "returns", "corrections") else 0.3)
    others = [cause for cause in (*KINDS, "model", "settings", "not_split") if cause != kind]
    assert (eventful.loc[mine, others] == 0).all().all(), "another cause has a part of a change it did not make"
    if kind in ("new_orders", "corrections"):
        assert (eventful["main_cause"][mine] == kind).mean() >= 0.8


def test_the_parts_add_up_to_the_change_to_the_cent(eventful: pd.DataFrame) -> None:
    assert len(eventful) > 200
    parts = eventful[list(CAUSES)].sum(axis=1).round(2)
    np.testing.assert_array_equal(parts, (eventful["predicted_spend"] - eventful["previous_spend"]).round(2))


def test_a_night_run_again_compares_with_the_night_before_not_with_itself(shop: Shop, eventful: pd.DataFrame) -> None:
    with shop.warehouse.transaction() as connection:
        remember_what_was_known(connection, shop.settings)
    pd.testing.assert_frame_equal(shop.changes(), eventful)
    nights = shop.table("select distinct known_on from scores.known_orders order by known_on")["known_on"]
    assert [day.date() for day in nights] == [AS_OF, TONIGHT]
    with shop.warehouse.transaction() as connection:
        connection.execute("delete from scores.known_nights where known_on = $1", [TONIGHT])


def test_without_the_rows_of_the_night_before_a_change_is_not_split(shop: Shop, eventful: pd.DataFrame) -> None:
    with shop.warehouse.connection() as connection:
        connection.execute("create or replace table raw.kept as from scores.known_nights")
        connection.execute("delete from scores.known_nights")
    try:
        changes = shop.changes()
    finally:
        with shop.warehouse.connection() as connection:
            connection.execute("insert into scores.known_nights from raw.kept")
            connection.execute("drop table raw.kept")
    assert set(changes["main_cause"]) == {"not_split"}
    np.testing.assert_array_equal(
        changes["not_split"], (changes["predicted_spend"] - changes["previous_spend"]).round(2)
    )


def test_a_setting_that_changes_data_takes_the_place_of_time_and_corrections(shop: Shop, quiet: pd.DataFrame) -> None:
    changes = shop.changes(lifetime_days=700)
    assert (changes["main_cause"] == "settings").mean() >= 0.99
    assert (changes[["time_passed", "corrections"]] == 0).all().all()


def test_a_model_whose_attribute_is_gone_tonight_cannot_split_a_change(shop: Shop, eventful: pd.DataFrame) -> None:
    before = shop.manifest
    wide = replace(before, numeric_features=[*before.numeric_features, "crm_attribute_seats"])
    shop.registry.write_manifest(wide)
    try:
        changes = shop.changes()
    finally:
        shop.registry.write_manifest(before)
    assert set(changes["main_cause"]) == {"not_split"}


def test_another_model_is_the_cause_where_nothing_else_changed(shop: Shop, quiet: pd.DataFrame) -> None:
    primary = shop.manifest.horizons[0]
    raised = replace(shop.manifest, horizons=[replace(primary, prospects=replace(primary.prospects, spend=50.0))])
    shutil.copytree(shop.registry.folder / shop.manifest.version, shop.registry.folder / "another")
    changes = shop.scored_by(replace(raised, version="another"))
    prospects = changes[changes.index.str.startswith("P")]
    assert len(prospects) == 30
    assert set(prospects["main_cause"]) == {"model"}
    np.testing.assert_allclose(prospects["model"], 50 - primary.prospects.spend, atol=0.011)


def test_sales_of_last_year_that_were_corrected_move_the_season_of_all_others(shop: Shop) -> None:
    """The season is last year's, so the correction is the cause for its customers, and the season for the others."""
    changes = shop.night(
        lambda company: events(company, "corrections", "orders", TONIGHT - timedelta(days=350), amount=900.0)
    )
    is_other = ~changes.index.isin(customers_of(shop.company, "corrections"))
    others = changes[is_other & (changes["previous_spend"] > 5) & ~changes.index.str.startswith("P")]
    assert len(others) > 100
    assert (others["level_and_season"] > 0).mean() > 0.95
    assert (others["main_cause"] == "level_and_season").mean() > 0.9


def test_refused_customers_are_not_among_the_known_rows(shop: Shop) -> None:
    assert shop.company.customers is not None
    refused = sorted(shop.company.customers["customer_id"])[:5]
    with shop.warehouse.transaction() as connection:
        connection.execute(
            "update clean.customers set has_profiling_consent = false where list_contains($ids, customer_id)",
            {"ids": refused},
        )
        remember_what_was_known(connection, shop.settings)
    kept = shop.table("select customer_id from scores.known_orders where known_on = (select as_of from scores.run)")
    assert len(kept) > 100
    assert not set(refused) & set(kept["customer_id"])
