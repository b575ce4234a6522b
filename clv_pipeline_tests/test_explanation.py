"""Reasons that add up and can be read, and scoring end to end: every eligible customer has one row."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from clv_pipeline.core.errors import ArtefactError, QualityError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.drivers import DRIVERS, driver_of, is_behaviour
from clv_pipeline.features.families import KEYS
from clv_pipeline.features.wording import describe, in_words, phrases
from clv_pipeline.interpretation.explanation import Contributions, Explainer, fit_explainer, top_drivers
from clv_pipeline.modeling.calibration.level import PastMean
from clv_pipeline.modeling.data.dataset import FeatureColumns
from clv_pipeline.modeling.metrics import r_squared
from clv_pipeline.modeling.registry.registry import Manifest, Recipe, Registry
from clv_pipeline.modeling.training import training
from clv_pipeline.scoring import scoring
from clv_pipeline.scoring.scoring import ScoringReport, score_customers
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.made_up_rows import (
    AS_OF,
    COLUMNS,
    FIRST_DAY,
    build_features_and_labels,
    company_with_signal,
    feature_rows,
    small_settings,
    with_prospects,
    write_company,
)

Floats = NDArray[np.float64]


def unrelated_features(customers: int) -> pd.DataFrame:
    """Return made-up rows with each column shuffled by itself, so that it is known which feature did what."""
    frame = feature_rows(customers + 1, seed=20).features.iloc[1:]
    generator = np.random.default_rng(20)
    return pd.DataFrame({n: frame[n].to_numpy()[generator.permutation(customers)] for n in frame}).astype(frame.dtypes)


FEATURES = unrelated_features(1_500)


def additive(features: pd.DataFrame) -> Floats:
    """Return a score in money that is a sum over features: recency, spend, and one category."""
    recency = -0.2 * features["recency_days"].to_numpy(dtype=np.float64)
    spend = 20 * np.log1p(features["spend_365d"].to_numpy(dtype=np.float64))
    category = np.where(features["last_category"] == "garden", 60.0, 0.0)
    return np.asarray(150 + recency + spend + category)


@pytest.fixture(scope="module")
def explainer() -> Explainer:
    return fit_explainer(FEATURES, additive(FEATURES), COLUMNS, seed=7, has_rhythm=False)


# --- contributions --------------------------------------------------------------------------------------------------


def test_contributions_and_a_constant_add_up_to_the_surrogates_prediction(explainer: Explainer) -> None:
    found = explainer.contributions(FEATURES)
    assert found.features.shape == (len(FEATURES), len(explainer.columns.names))
    base = explainer.predict(FEATURES) - found.features.sum(axis=1) - found.at_reference
    np.testing.assert_allclose(base, base[0], atol=0.01)
    assert explainer.predict(FEATURES).std() > 20
    assert base[0] == pytest.approx(additive(FEATURES).mean(), rel=0.05)


def test_the_explainer_repeats_an_additive_function(explainer: Explainer) -> None:
    assert r_squared(additive(FEATURES), explainer.predict(FEATURES)) > 0.9
    again = fit_explainer(FEATURES, additive(FEATURES), COLUMNS, seed=7, has_rhythm=False)
    np.testing.assert_array_equal(again.contributions(FEATURES).features, explainer.contributions(FEATURES).features)


def test_what_there_is_nothing_to_explain_by_stays_rough() -> None:
    noise = np.random.default_rng(0).normal(100, 20, len(FEATURES))
    fitted = fit_explainer(FEATURES, noise, COLUMNS, seed=7, has_rhythm=False)
    assert r_squared(noise, fitted.predict(FEATURES)) < 0.8


def test_contributions_go_to_the_features_that_matter(explainer: Explainer) -> None:
    contributions = pd.DataFrame(explainer.contributions(FEATURES).features, columns=explainer.columns.names)
    share = contributions.abs().sum() / contributions.abs().sum().sum()
    assert set(share.nlargest(3).index) == {"recency_days", "spend_365d", "last_category"}
    assert share.nlargest(3).sum() > 0.8
    assert np.corrcoef(contributions["recency_days"], -FEATURES["recency_days"])[0, 1] > 0.95
    garden = FEATURES["last_category"] == "garden"
    gap = contributions.loc[garden, "last_category"].mean() - contributions.loc[~garden, "last_category"].mean()
    assert gap == pytest.approx(60, rel=0.15)


def test_only_behaviour_is_explained_whatever_the_purchase_models_say(explainer: Explainer) -> None:
    assert [name for name in explainer.columns.names if name.startswith("btyd_")] == []
    changed = FEATURES.assign(btyd_spend_90d=1e6)
    np.testing.assert_array_equal(explainer.contributions(changed).features, explainer.contributions(FEATURES).features)


def test_a_category_has_one_contribution_however_many_columns_encode_it(explainer: Explainer) -> None:
    assert explainer.features.count("last_category") >= 3
    assert set(explainer.features) == set(explainer.columns.names)
    contributions = explainer.contributions(FEATURES.iloc[:10]).features
    assert contributions.shape[1] == len(set(explainer.columns.names))
    together = explainer.contributions(FEATURES).features
    np.testing.assert_allclose(explainer.contributions(FEATURES.iloc[40:45]).features, together[40:45], atol=1e-4)


# --- signs ----------------------------------------------------------------------------------------------------------


SIGNED = FeatureColumns(("recency_days", "returned_90d", "return_share", "survey_last_nps", "spend_90d"), ())


def signed_rows(customers: int = 2_000) -> tuple[pd.DataFrame, Floats]:
    """Return features and predictions which praise returns, silence and bad answers where customers spend little."""
    generator = np.random.default_rng(3)
    returned = np.where(generator.random(customers) < 0.3, generator.gamma(2, 30, customers), 0.0)
    frame = pd.DataFrame(
        {
            "recency_days": generator.integers(1, 400, customers).astype(float),
            "returned_90d": returned,
            "return_share": np.where(returned > 0, generator.random(customers), 0.0),
            "survey_last_nps": np.where(
                generator.random(customers) < 0.5, np.nan, generator.integers(0, 11, customers)
            ),
            "spend_90d": generator.gamma(2, 50, customers),
        }
    )
    nps = frame["survey_last_nps"].fillna(5).to_numpy()
    small = frame["spend_90d"].to_numpy() < 40
    value = frame["spend_90d"].to_numpy() - 0.2 * frame["recency_days"].to_numpy() + 4 * nps - 0.3 * returned
    return frame, np.asarray(value + small * (0.5 * frame["recency_days"].to_numpy() + returned - 8 * nps))


@pytest.fixture(scope="module")
def signed() -> tuple[pd.DataFrame, Explainer]:
    frame, value = signed_rows()
    return frame, fit_explainer(frame, value, SIGNED, seed=7, has_rhythm=False)


def test_a_return_never_has_a_positive_effect(signed: tuple[pd.DataFrame, Explainer]) -> None:
    frame, explainer = signed
    found = pd.DataFrame(explainer.contributions(frame).features, columns=explainer.columns.names)
    assert found[["returned_90d", "return_share"]].max().max() <= 0
    assert (found.loc[frame["returned_90d"] > 0, ["returned_90d", "return_share"]].sum(axis=1) < 0).mean() > 0.5
    assert found.loc[frame["returned_90d"] == 0, ["returned_90d", "return_share"]].abs().max().max() == 0


@pytest.mark.parametrize(("feature", "sign"), [("recency_days", -1), ("survey_last_nps", 1)])
def test_the_sign_of_silence_and_of_answers_is_that_of_the_distance_from_the_average(
    signed: tuple[pd.DataFrame, Explainer], feature: str, sign: int
) -> None:
    frame, explainer = signed
    effect = explainer.contributions(frame).features[:, explainer.columns.names.index(feature)]
    above = sign * (frame[feature] - explainer.reference[feature]).to_numpy()
    assert effect[above < 0].max() <= 0 <= effect[above > 0].min()
    assert np.abs(effect).max() > 1


def test_a_rhythm_lets_silence_raise_a_prediction() -> None:
    frame, value = signed_rows()
    recency = frame["recency_days"].to_numpy()
    effects = [
        fit_explainer(frame, value + recency, SIGNED, seed=7, has_rhythm=rhythm).contributions(frame).features[:, 0]
        for rhythm in (True, False)
    ]
    assert np.corrcoef(effects[0], recency)[0, 1] > 0.9
    assert np.abs(effects[1]).max() == 0


# --- drivers --------------------------------------------------------------------------------------------------------


def told(
    effects: list[list[float]], frame: pd.DataFrame, columns: FeatureColumns, count: int = 5
) -> list[list[tuple[str, float, str]]]:
    """Return each customer's (driver, effect, fact), the strongest first."""
    found = top_drivers(frame, Contributions(np.array(effects), np.zeros(len(frame))), columns, count, "EUR")
    return [
        list(zip(*(values[row].tolist() for values in (found.drivers, found.effects, found.facts)), strict=True))
        for row in range(len(frame))
    ]


def test_drivers_by_hand() -> None:
    columns = FeatureColumns(("recency_days", "spend_90d", "return_share", "mean_gap_days"), ("last_category",))
    frame = pd.DataFrame(
        {
            "recency_days": [12.0, np.nan], "spend_90d": [1080.5, 0.0], "return_share": [0.25, np.nan],
            "mean_gap_days": [np.nan, 10.0], "last_category": pd.Series(["toys", np.nan], dtype=object),
        }
    )  # fmt: skip
    first, second = told([[3.0, -40.256, 1.0, 0.0, 20.0], [-1.0, 0.0, 2.0, 0.0, -3.5]], frame, columns, 3)
    assert first == [
        ("order_value", -40.26, "1,080.50 EUR spent in the last 90 days"),
        ("assortment", 20.0, "last purchase in toys"),
        ("recency", 3.0, "last purchase 12 days ago"),
    ]
    assert second == [
        ("assortment", -3.5, "category of the last purchase unknown"),
        ("returns", 2.0, "share of spend returned unknown"),
        ("recency", -1.0, "days since the last purchase unknown"),
    ]


def test_a_drivers_fact_is_its_strongest_feature_of_the_same_sign() -> None:
    columns = FeatureColumns(("spend_90d", "largest_day_spend", "monetary_value"), ())
    frame = pd.DataFrame({"spend_90d": [10.0], "largest_day_spend": [20.0], "monetary_value": [30.0]})
    assert told([[-7.0, 4.0, 5.0]], frame, columns) == [
        [("order_value", 2.0, "30.00 EUR spent on an average purchase day")]
    ]


def test_what_is_not_named_is_in_the_rest_to_the_cent() -> None:
    columns = FeatureColumns(("recency_days", "tenure_days", "loyalty_points"), ())
    frame = pd.DataFrame({"recency_days": [5.0], "tenure_days": [50.0], "loyalty_points": [1.0]})
    found = top_drivers(frame, Contributions(np.array([[2.004, 0.256, 1.0]]), np.array([0.5])), columns, 1, "EUR")
    assert found.effects.tolist() == [[2.0]]
    assert found.rest.tolist() == [1.76]


def test_every_feature_that_is_built_has_a_driver(shop: "Shop") -> None:
    built = [f for f in shop.table("describe features.customer_features")["column_name"] if f not in KEYS]
    assert [f for f in built if driver_of(f) == "other" and not f.startswith("btyd_")] == []
    assert {driver_of(f) for f in built} == set(DRIVERS)


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ("web_cart_additions_30d", "items put in the web cart in the last 30 days"),
        ("spend_90d", "spend in the last 90 days"),
        ("spend_90d_one_year_ago", "spend in the 90 days from this day last year"),
        ("btyd_spend_365d", "spend expected in 365 days from the purchase rhythm"),
        ("survey_last_csat", "last satisfaction answer"),
        ("recency_days", "days since the last purchase"),
        ("loyalty_points", "loyalty points"),
        ("newsletter_clicks_30d", "newsletter clicks in the last 30 days"),
    ],
)
def test_a_feature_in_words(feature: str, words: str) -> None:
    assert describe(feature) == words


@pytest.mark.parametrize(
    ("feature", "value", "phrase"),
    [
        ("btyd_probability_alive", 0.8312, "probability of still being active 83%"),
        ("btyd_purchases_90d", 2.41, "2.4 purchases expected in 90 days from the purchase rhythm"),
        ("btyd_purchases_90d", 1.0, "1 purchase expected in 90 days from the purchase rhythm"),
        ("btyd_spend_90d", 31.816, "spend of 31.82 EUR expected in 90 days from the purchase rhythm"),
        ("btyd_purchase_probability_90d", 0.056, "5.6% probability of a purchase in 90 days from the purchase rhythm"),
        ("btyd_purchase_value", 72.04, "purchases expected to be worth 72.04 EUR each"),
        ("returned_total", 11140.34, "returned 11,140.34 EUR so far"),
        ("returned_90d", 0.0, "returned 0.00 EUR in the last 90 days"),
        ("spend_trend_90d", 120.0, "spend changed by +120.00 EUR compared with the 90 days before"),
        ("purchase_trend_90d", -1.0, "purchases changed by -1 compared with the 90 days before"),
        ("recency_days", 1.0, "last purchase 1 day ago"),
        ("items", 16636.0, "16,636 items bought so far"),
        ("return_share", 0.0, "0% of spend returned"),
        ("web_seconds_90d", 270.0, "4.5 minutes on the website in the last 90 days"),
        ("survey_last_nps", np.nan, "no NPS answer"),
        ("web_sessions_30d", np.nan, "no recorded web visit"),
        ("social_mean_sentiment_90d", np.nan, "no social media contact in the last 90 days"),
        ("last_category", "garden", "last purchase in garden"),
        ("loyalty_points", 1234.0, "loyalty points 1,234"),
        ("newsletter_clicks_30d", 3.0, "3 newsletter clicks in the last 30 days"),
    ],
)
def test_a_value_in_words(feature: str, value: float | str, phrase: str) -> None:
    assert phrases(feature, pd.Series([value]), "EUR") == [phrase]


@pytest.mark.parametrize(
    ("feature", "value", "shown"),
    [
        ("spend_90d", 120.5, "120.50"),
        ("return_share", 0.25, "25%"),
        ("purchase_days_per_30_days", 0.0666, "0.067"),
        ("last_category", "garden", "garden"),
        ("survey_last_nps", np.nan, "none"),
    ],
)
def test_a_value_alone_has_the_format_of_its_feature(feature: str, value: float | str, shown: str) -> None:
    assert in_words(feature, value) == shown


# --- scoring --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shop:
    """A trained company with prospects and customers who refused to be profiled."""

    warehouse: Warehouse
    settings: Settings
    registry: Registry
    manifest: Manifest

    def score(self, manifest: Manifest | None = None, **overrides: Any) -> ScoringReport:
        settings = self.settings.model_copy(update=overrides)
        return score_customers(self.warehouse, settings, self.registry, manifest or self.manifest, lambda done: None)

    def table(self, query: str) -> pd.DataFrame:
        with self.warehouse.connection() as connection:
            return connection.execute(query).df()


PROSPECTS, REFUSING = 40, 15


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    home = Home(tmp_path_factory.mktemp("shop"))
    warehouse, settings = open_warehouse(home), small_settings(horizons=(60,))
    company = with_prospects(company_with_signal(300), PROSPECTS, FIRST_DAY + timedelta(days=300), REFUSING)
    write_company(warehouse, settings, company)
    plan = build_features_and_labels(warehouse, settings)
    registry = Registry(home.models)
    training.tune_candidates(warehouse, settings, plan.horizons, None, lambda text: None)
    training.evaluate_candidates(warehouse, settings, plan.horizons)
    return Shop(warehouse, settings, registry, training.fit_champions(warehouse, settings, plan, registry, AS_OF, None))


def test_every_eligible_customer_has_one_row_and_nobody_else(shop: Shop) -> None:
    report = shop.score()
    scores = shop.table("select * from scores.customer_scores")
    buyers = shop.table("select distinct customer_id from raw.orders where amount > 0 order by all")["customer_id"]
    refused = set(shop.table("select customer_id from raw.customers where not profiling_consent")["customer_id"])
    prospects = {f"P{i:05d}" for i in range(PROSPECTS)}
    assert len(refused) == REFUSING
    assert list(scores["customer_id"]) == sorted((set(buyers) - refused) | prospects)
    assert report.customers == len(scores)
    once = shop.table(
        "select customer_id from raw.orders where amount > 0 group by customer_id having count(distinct ordered_at) = 1"
    )
    single = len(set(once["customer_id"]) - refused)
    assert report.by_status == {
        "no_purchase_yet": PROSPECTS, "single_purchase": single, "repeat_customer": len(buyers) - REFUSING - single
    }  # fmt: skip
    assert set(scores.query("score_status == 'single_purchase'")["customer_id"]) == set(once["customer_id"]) - refused
    assert set(scores.query("score_status == 'no_purchase_yet'")["customer_id"]) == prospects
    assert set(scores["model_version"]) == {shop.manifest.version}
    assert set(scores["as_of"].dt.date) == {AS_OF}


def test_a_customer_won_in_the_last_30_days_is_new_whatever_was_bought(shop: Shop) -> None:
    shop.score()
    oldest, single = (
        shop.table(f"select min(customer_id) from scores.customer_scores where score_status = '{s}'").iloc[0, 0]
        for s in ("repeat_customer", "single_purchase")
    )
    tenures = {oldest: 30, single: 31}
    with shop.warehouse.connection() as connection:
        connection.execute("create table raw.kept_purchases as from features.purchase_features")
        for customer, days in tenures.items():
            connection.execute(
                "update features.purchase_features set tenure_days = ? where customer_id = ? and as_of = ?",
                [days, customer, AS_OF],
            )
    try:
        assert shop.score().by_status["new_customer"] == 1
        statuses = shop.table("from scores.customer_scores").set_index("customer_id")["score_status"]
        assert (statuses[oldest], statuses[single]) == ("new_customer", "single_purchase")
    finally:
        with shop.warehouse.connection() as connection:
            connection.execute("create or replace table features.purchase_features as from raw.kept_purchases")
            connection.execute("drop table raw.kept_purchases")


def test_scores_can_be_published(shop: Shop) -> None:
    report = shop.score()
    scores = shop.table("select * from scores.customer_scores")
    # of prospects no lifetime is known
    lifetime = ["lifetime_spend", "lifetime_discount", "predicted_orders_60d", "expected_order_value"]
    assert scores.drop(columns=lifetime).notna().all().all()
    is_buyer = scores["score_status"] != "no_purchase_yet"
    assert (scores[lifetime].notna().all(axis=1) == is_buyer).all()
    assert (scores["lifetime_spend"] >= scores["predicted_spend_60d"])[is_buyer].all()
    assert scores["predicted_spend_60d"].ge(0).all()
    assert scores["purchase_probability_60d"].between(0, 1).all()
    assert scores["primary_spend"].equals(scores["predicted_spend_60d"])
    assert float(scores["primary_spend"].sum()) == pytest.approx(report.predicted_total, abs=0.01)
    types = dict(
        zip(*shop.table("describe scores.customer_scores")[["column_name", "column_type"]].T.values, strict=True)
    )
    assert types["predicted_spend_60d"] == "DECIMAL(18,2)"
    assert types["purchase_probability_60d"] == "DECIMAL(5,4)"


def test_the_totals_are_plausible(shop: Shop) -> None:
    """The company is in a steady state, so the next 60 days look like the last."""
    report = shop.score()
    orders = shop.table(
        "select order_date as day, amount::double as amount from clean.orders "
        "inner join clean.customers using (customer_id) where has_profiling_consent"
    )
    last = orders[orders["day"] >= pd.Timestamp(AS_OF) - pd.Timedelta(days=60)]["amount"].sum()
    assert report.trailing_total == pytest.approx(last)
    assert 0.5 < report.predicted_total / report.trailing_total < 1.5


def test_prospects_get_the_past_mean_of_their_like_and_no_driver(shop: Shop) -> None:
    shop.score()
    prospects = shop.table("select * from scores.customer_scores where score_status = 'no_purchase_yet'")
    (horizon,) = shop.manifest.horizons
    np.testing.assert_allclose(prospects["predicted_spend_60d"].astype(float), horizon.prospects.spend, atol=0.005)
    np.testing.assert_allclose(
        prospects["purchase_probability_60d"].astype(float), horizon.prospects.probability, atol=0.00005
    )
    explained = set(shop.table("select customer_id from scores.customer_reasons")["customer_id"])
    assert explained and not explained & set(prospects["customer_id"])


def test_scored_customers_have_five_drivers_and_the_rest(shop: Shop) -> None:
    report = shop.score()
    reasons = shop.table("from scores.customer_reasons order by customer_id, rank")
    assert report.fidelity > 0.5
    by_customer = reasons.groupby("customer_id")
    assert len(by_customer) == report.customers - PROSPECTS
    assert (by_customer["rank"].agg(list).map(tuple) == (1, 2, 3, 4, 5, 6)).all()
    assert set(reasons.query("rank == 6")["driver"]) == {"other"}
    named = reasons.query("rank < 6")
    assert set(named["driver"]) <= set(DRIVERS) - {"other"}
    assert not named.duplicated(["customer_id", "driver"]).any()
    assert not named["fact"].str.contains(r"\bnan\b|\bNone\b|_|\{|\}|\binf\b|rhythm|expected").any()
    sizes = named["effect"].astype(float).abs()
    assert (sizes.groupby(named["customer_id"]).diff().dropna() <= 0.011).all()


def test_orders_and_their_value_make_the_predicted_spend(shop: Shop) -> None:
    shop.score()
    scores = shop.table("from scores.customer_scores where score_status <> 'no_purchase_yet'").astype(
        {"predicted_orders_60d": float, "expected_order_value": float, "primary_spend": float}
    )
    assert (scores["predicted_orders_60d"] >= scores["purchase_probability_60d"].astype(float) - 0.0001).all()
    product = scores["predicted_orders_60d"] * scores["expected_order_value"]
    np.testing.assert_allclose(product, scores["primary_spend"], atol=0.02, rtol=0.01)


def test_no_feature_that_is_built_speaks_jargon(shop: Shop) -> None:
    """Names and phrases of everything in the feature table hold no column name, no model's name, no open bracket."""
    built = [f for f in shop.table("describe features.customer_features")["column_name"] if f not in KEYS]
    assert len(built) > 90
    for feature in built:
        said = [describe(feature), *phrases(feature, pd.Series([0.0, 1.0, 2.5, np.nan]), "EUR")]
        for text in said:
            assert not re.search(r"_|btyd|recency|frequency|monetary|\[|\{|\bnan\b", text), (feature, text)
        assert len(describe(feature)) <= 60, f"{feature}: too long for the axis of a chart"


def test_importance_names_every_feature_once(shop: Shop) -> None:
    shop.score()
    importance = shop.table("select * from scores.feature_importance")
    assert list(importance["feature"]) == [n for n in shop.manifest.columns.names if is_behaviour(n)]
    assert importance["mean_contribution"].ge(0).all()
    assert importance["mean_contribution"].gt(0).any()
    assert list(importance["description"]) == [describe(name) for name in importance["feature"]]


def test_small_batches_give_the_same_scores(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = (
        "select customer_id, score_status, predicted_spend_60d, typical_spend_60d, predicted_spend_low_60d, "
        "predicted_spend_high_60d, purchase_probability_60d from scores.customer_scores"
    )
    whole = shop.score()
    at_once = shop.table(wanted)
    told: list[int] = []
    monkeypatch.setattr(scoring, "_SCORED_AT_ONCE", 100)
    in_parts = score_customers(shop.warehouse, shop.settings, shop.registry, shop.manifest, told.append)
    assert len(told) >= 3
    assert told == sorted(told) and told[-1] == whole.customers - PROSPECTS
    pd.testing.assert_frame_equal(shop.table(wanted), at_once)
    assert (at_once["predicted_spend_60d"] > 0).mean() > 0.5
    assert replace(in_parts, fidelity=whole.fidelity) == whole


def test_the_same_night_twice_gives_the_same_rows(shop: Shop) -> None:
    found = []
    for _ in range(2):
        shop.score()
        found.append([shop.table(f"from scores.{t}") for t in ("customer_scores", "feature_importance", "run")])
    for first, again in zip(*found, strict=True):
        pd.testing.assert_frame_equal(first, again)


@pytest.fixture
def spoil(shop: Shop) -> Any:
    """Return `spoil(sql)`, which changes tonight's feature rows; they are put back after the test."""
    with shop.warehouse.connection() as connection:
        connection.execute("create or replace table raw.kept as from features.customer_features")

    def change(sql: str) -> None:
        with shop.warehouse.connection() as connection:
            connection.execute(sql)

    yield change
    change("create or replace table features.customer_features as from raw.kept")
    change("drop table raw.kept")


TONIGHT = "role = 'score' and recency_days is not null"
Spoil = Callable[[str], None]


def test_a_buyer_without_a_feature_row_is_an_error_not_a_prospect(shop: Shop, spoil: Spoil) -> None:
    shop.score()
    before = shop.table("from scores.customer_scores")
    spoil(
        "delete from features.customer_features where customer_id in "
        f"(select customer_id from features.customer_features where {TONIGHT} order by all limit 7) and role = 'score'"
    )
    with pytest.raises(QualityError, match="customer_scores: 7 of"):
        shop.score()
    pd.testing.assert_frame_equal(shop.table("from scores.customer_scores"), before)


def test_a_customer_with_two_feature_rows_is_an_error(shop: Shop, spoil: Spoil) -> None:
    spoil(
        "insert into features.customer_features select * from features.customer_features "
        f"where {TONIGHT} order by customer_id limit 3"
    )
    with pytest.raises(QualityError, match="customer_scores"):
        shop.score()


@pytest.fixture
def all_alike(shop: Shop, spoil: Spoil) -> Iterator[None]:
    """Make tonight's buyers the same in every feature, and leave the prospects out."""
    names = ", ".join(f"{name} = null" for name in shop.manifest.columns.names if name != "recency_days")
    spoil(f"update features.customer_features set recency_days = 1, {names} where {TONIGHT}")
    spoil("delete from features.population where role = 'score' and customer_id like 'P%'")
    yield
    spoil(
        "insert into features.population by name "
        "select as_of, role, customer_id from raw.kept where role = 'score' and customer_id like 'P%'"
    )


@pytest.mark.usefixtures("all_alike")
def test_scores_that_are_all_equal_are_refused(shop: Shop) -> None:
    with pytest.raises(QualityError, match="every predicted_spend_60d is"):
        shop.score()


@pytest.mark.usefixtures("all_alike")
def test_scores_that_are_all_equal_are_published_at_the_past_mean_where_nothing_can_be_ranked(shop: Shop) -> None:
    (horizon,) = shop.manifest.horizons
    unranked = replace(horizon, ranking="not rankable", past_mean=PastMean(2.5, 0.1, 60))
    report = shop.score(replace(shop.manifest, horizons=[unranked]))
    assert (report.ranking, report.totals.is_rough, report.season) == ("not rankable", True, None)
    assert report.predicted_total == pytest.approx(2.5 * report.customers)
    chances = shop.table("select distinct purchase_probability_60d::double as chance from scores.customer_scores")
    assert chances["chance"].tolist() == [pytest.approx(0.1)]


def test_a_model_file_that_was_changed_stops_the_night_and_leaves_the_scores(shop: Shop) -> None:
    shop.score()
    before = shop.table("from scores.customer_scores")
    name = min(shop.manifest.files)
    wrong = replace(shop.manifest, files={**shop.manifest.files, name: "0" * 64})
    with pytest.raises(ArtefactError, match=re.escape(name)):
        shop.score(wrong)
    pd.testing.assert_frame_equal(shop.table("from scores.customer_scores"), before)


@pytest.mark.parametrize(
    ("change", "basis"),
    [
        ({}, "learned"),
        ({"has_enough_history": False}, "prior"),
        ({"learned_days": 30}, "extended"),
        ({"spend": Recipe("spend_rate", {}, is_baseline=True)}, "rule"),
    ],
    ids=["learned", "prior", "extended", "rule"],
)
def test_the_basis_is_that_of_the_horizon_and_the_status_that_of_the_customer(
    shop: Shop, change: dict[str, object], basis: str
) -> None:
    (horizon,) = shop.manifest.horizons
    assert horizon.basis == "learned"
    assert replace(horizon, **change).basis == basis
    if basis in ("learned", "prior"):
        shop.score(replace(shop.manifest, horizons=[replace(horizon, **change)]))
        scores = shop.table("from scores.customer_scores")
        is_buyer = scores["score_status"] != "no_purchase_yet"
        assert set(scores["basis_60d"][is_buyer]) == {basis}
        assert set(scores["basis_60d"][~is_buyer]) == {"rule"}


def test_a_night_on_which_nobody_has_bought_yet(shop: Shop, spoil: Spoil) -> None:
    """Prospects only: everybody has a row, and there is nothing to explain."""
    spoil(f"delete from features.customer_features where {TONIGHT}")
    spoil("create or replace table raw.population as from features.population")
    spoil("delete from features.population where role = 'score' and customer_id not like 'P%'")
    try:
        report = shop.score()
        assert report.by_status == {"no_purchase_yet": PROSPECTS}
        assert np.isnan(report.fidelity)
    finally:
        spoil("create or replace table features.population as from raw.population")
        spoil("drop table raw.population")
