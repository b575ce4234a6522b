"""Model interpretation: importance, dependence and ablation on simulated truths, and the tables of a trained company."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.cutoffs import CutoffPlan
from clv_pipeline.interpretation import ablation, champion as interpretation
from clv_pipeline.interpretation.partial_dependence import evaluation_grid, partial_dependence
from clv_pipeline.interpretation.permutation import (
    Group,
    features_that_move_most,
    ginis_of_draws,
    groups_of,
    permutation_importance,
)
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Task
from clv_pipeline.modeling.data.dataset import FeatureColumns, LabelledRows, target_names
from clv_pipeline.modeling.training import training
from clv_pipeline.reporting import drawing, plots
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.made_up_rows import (
    COLUMNS,
    build_features_and_labels,
    company_with_signal,
    feature_rows,
    small_settings,
    write_company,
)

ROWS = feature_rows(600, seed=4)
#: The outlier of the made-up rows would be the whole Gini.
ORDINARY = replace(ROWS, spend=np.maximum(ROWS.spend, 0)).take(np.arange(1, len(ROWS)))


def by_recent_spend(features: pd.DataFrame) -> metrics.Array:
    """Predict from one feature alone."""
    return features["spend_90d"].to_numpy(dtype=np.float64)


def importance(predict: Callable[[pd.DataFrame], metrics.Array], groups: list[Group]) -> dict[str, metrics.Estimate]:
    found = permutation_importance(predict, ORDINARY, groups, repeats=3, samples=100, seed=1)
    return dict(zip((f"{g.source_family} {g.feature or 'all'}" for g in groups), found, strict=True))


# --- permutation importance -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("places", [0, 3], ids=["with many ties", "with few"])
def test_the_gini_of_all_draws_at_once_is_the_gini_of_each(places: int) -> None:
    generator = np.random.default_rng(3)
    actual = np.where(generator.random(300) < 0.5, 0, generator.lognormal(3, 1, 300))
    actual[:4] = -20
    predicted = (actual * generator.lognormal(0, 1, 300) / 20).round(places)
    draws = metrics.bootstrap_draws(300, 20, 5)
    weights = np.column_stack([np.bincount(d, minlength=300) for d in draws]).astype(np.float64)
    at_once = ginis_of_draws(actual, predicted, weights) / ginis_of_draws(actual, actual, weights)
    one_by_one = [metrics.normalised_gini(actual[d], predicted[d]) for d in draws]
    np.testing.assert_allclose(at_once, one_by_one)


def test_only_what_the_model_uses_is_important() -> None:
    found = importance(by_recent_spend, groups_of(["spend_90d", "recency_days", "last_category"], COLUMNS))
    whole = metrics.normalised_gini(ORDINARY.spend, by_recent_spend(ORDINARY.features))
    used = found["purchase spend_90d"]
    # shuffled, the only feature tells nothing: nearly the whole Gini is lost
    assert used.value == pytest.approx(whole, abs=0.1)
    assert whole > 0.3
    assert 0 < used.low < used.value < used.high
    for name in ("purchase recency_days", "purchase last_category", "web all", "survey all"):
        assert (found[name].low, found[name].value, found[name].high) == (0, 0, 0), name


def test_copies_share_their_credit_and_their_source_does_not() -> None:
    """A model that takes the mean of two copies loses little with either of them, and all of its skill with both."""

    def by_copies(features: pd.DataFrame) -> metrics.Array:
        return np.asarray((features["spend_90d"] + features["web_copy"]) / 2, dtype=np.float64)

    rows = replace(ORDINARY, features=ORDINARY.features.assign(web_copy=ORDINARY.features["spend_90d"]))
    both = Group(None, "web", ("spend_90d", "web_copy"))
    groups = [Group(n, "web", (n,)) for n in both.columns] + [both]
    first, second, together = permutation_importance(by_copies, rows, groups, repeats=3, samples=20, seed=1)
    assert first.value == second.value
    assert abs(first.value) < 0.5 * together.value
    assert together.low > 0.2


def test_a_source_is_shuffled_with_all_its_features_and_only_once() -> None:
    groups = groups_of(["spend_90d"], COLUMNS)
    assert groups[0] == Group("spend_90d", "purchase", ("spend_90d",))
    sources = {g.source_family: set(g.columns) for g in groups[1:]}
    assert all(g.feature is None for g in groups[1:])
    assert set().union(*sources.values()) == set(COLUMNS.names)
    assert sources["web"] == {"web_last_device"}
    assert len(groups) == 1 + len(sources) == 5


def test_importance_is_repeatable_and_leaves_the_rows_alone() -> None:
    before = ORDINARY.features.copy()
    groups = groups_of(COLUMNS.names, COLUMNS)
    assert importance(by_recent_spend, groups) == importance(by_recent_spend, groups)
    pd.testing.assert_frame_equal(ORDINARY.features, before)


def test_shuffled_rows_have_the_types_that_models_were_fitted_on() -> None:
    seen: list[pd.Series] = []

    def look(features: pd.DataFrame) -> metrics.Array:
        seen.append(features.dtypes)
        return by_recent_spend(features)

    importance(look, groups_of(["last_category", "spend_90d"], COLUMNS))
    for types in seen:
        pd.testing.assert_series_equal(types, ORDINARY.features.dtypes)


def test_the_importance_for_the_probability_is_the_area_under_the_curve_that_is_lost() -> None:
    groups = [Group("spend_90d", "purchase", ("spend_90d",))]
    (found,) = permutation_importance(
        by_recent_spend, ORDINARY, groups, target="purchase", repeats=1, samples=20, seed=1
    )
    order = np.random.default_rng(1).permutation(len(ORDINARY))
    scores = by_recent_spend(ORDINARY.features)
    lost = metrics.roc_auc(ORDINARY.purchase, scores) - metrics.roc_auc(ORDINARY.purchase, scores[order])
    assert found.value == pytest.approx(lost)
    assert found.low < found.value < found.high


def test_without_any_money_importance_is_undefined() -> None:
    rows = replace(ORDINARY, spend=np.zeros(len(ORDINARY)))
    (found,) = permutation_importance(
        by_recent_spend, rows, [Group("spend_90d", "purchase", ("spend_90d",))], repeats=1, samples=20, seed=1
    )
    assert np.isnan([found.value, found.low, found.high]).all()


def test_the_features_worth_shuffling_are_those_that_move_predictions() -> None:
    predicted = 100.0 * ORDINARY.features["purchase_days"].to_numpy(dtype=np.float64)
    found = features_that_move_most(ORDINARY.features, predicted, COLUMNS, count=3, seed=7)
    assert found[0] == "purchase_days"
    assert len(found) == 3


# --- partial dependence -----------------------------------------------------------------------------------------------


def test_the_grid_of_a_number_is_its_quantiles_and_then_none() -> None:
    spend = evaluation_grid(pd.Series(np.arange(1000), dtype=np.float32))
    assert len(spend) == 12
    assert spend == sorted(spend)
    assert (spend[0], spend[-1]) == pytest.approx((20, 979), abs=1)
    answers = evaluation_grid(pd.Series([9, 7, 7, np.nan, 10], dtype=np.float32))
    assert answers[:3] == [7.0, 9.0, 10.0]
    assert np.isnan(answers[3])
    assert len(answers) == 4


def test_the_grid_of_a_category_is_what_is_not_rare_most_frequent_first() -> None:
    values = pd.Series(["b"] * 150 + ["a"] * 50 + ["rare"] + [np.nan], dtype=object)
    assert evaluation_grid(values) == ["b", "a"]
    assert evaluation_grid(pd.Series(["b", "a", np.nan], dtype=object))[:2] == ["a", "b"]


def test_the_dependence_is_the_mean_prediction_with_everything_else_as_it_is() -> None:
    def additive(features: pd.DataFrame) -> metrics.Array:
        garden = np.where(features["last_category"] == "garden", 60.0, 0.0)
        return np.asarray(2 * features["purchase_days"].fillna(-5) + garden + features["tenure_days"], dtype=np.float64)

    features = ORDINARY.features
    curve = partial_dependence(additive, features, "purchase_days", [1.0, 4.0, np.nan], samples=50, seed=1)
    rest = additive(features.assign(purchase_days=np.float32(0))).mean()
    assert [at.value - rest for at in curve] == pytest.approx([2, 8, -10])
    assert all(at.low < at.value < at.high for at in curve)
    garden, toys, none = partial_dependence(
        additive, features, "last_category", ["garden", "toys", np.nan], samples=50, seed=1
    )
    assert garden.value - toys.value == pytest.approx(60)
    assert none == toys


# --- what each source adds --------------------------------------------------------------------------------------------

XGBOOST = next(c for c in CANDIDATES if c.name == ablation.MODEL)


def rows_with_sources(customers: int, seed: int) -> LabelledRows:
    """Return rows whose spend is told by a purchase feature and a web feature; the survey and the CRM tell nothing."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {n: generator.random(customers) for n in ("spend_90d", "web_sessions", "survey_last_nps")}, dtype=np.float32
    ).assign(crm_age_days=np.float32(1))
    spend = np.exp(2 * frame["spend_90d"] + 2 * frame["web_sessions"]).to_numpy(dtype=np.float64)
    spend = spend * generator.lognormal(0, 0.4, customers)
    return LabelledRows(
        features=frame,
        customer_id=np.arange(customers).astype(str).astype(object),
        as_of=np.repeat(np.datetime64("2024-01-01"), customers),
        spend=spend,
        purchase=np.ones(customers),
        purchase_days=np.ones(customers),
        half_life_days=365,
    )


@cache
def differences() -> dict[tuple[str, str], ablation.Difference]:
    task = Task(FeatureColumns(("spend_90d", "web_sessions", "survey_last_nps", "crm_age_days"), ()), 90, 7)
    found = ablation.ablate(
        XGBOOST, XGBOOST.search[0], task, rows_with_sources(800, 1), rows_with_sources(500, 2), samples=60, threads=2
    )
    return {(d.left_out, d.metric): d for d in found}


def test_a_source_that_tells_something_helps_and_others_do_not() -> None:
    found = differences()
    assert {left_out for left_out, _ in found} == {"web", "survey", "crm", ablation.ALL_BUT_PURCHASES}
    assert {metric for _, metric in found} == set(ablation.METRICS)
    assert found["web", "normalised_gini"].difference.low > 0.1
    assert found["web", "root_mean_squared_error"].difference.high < 0, "less error is better"
    assert found[ablation.ALL_BUT_PURCHASES, "spearman"].difference.low > 0.1
    assert abs(found["survey", "normalised_gini"].difference.value) < 0.02
    for d in found.values():
        assert d.difference.value == pytest.approx(d.with_source - d.without_source)
        assert d.difference.low <= d.difference.value <= d.difference.high


def test_a_source_that_no_tree_can_use_makes_no_difference_at_all() -> None:
    """Nothing is drawn by lot, so only the features tell two fits apart; both are judged on the same customers."""
    for metric in ablation.METRICS:
        made = differences()["crm", metric].difference
        assert (made.low, made.value, made.high) == (0, 0, 0), metric


def test_sources_that_a_company_does_not_have_are_not_left_out() -> None:
    none = FeatureColumns(("spend_90d",), ("last_category",))
    rhythm = FeatureColumns(("spend_90d", "btyd_spend_90d"), ())
    web = FeatureColumns(("spend_90d", "btyd_spend_90d", "web_sessions"), ())
    two = FeatureColumns(("spend_90d", "btyd_spend_90d", "web_sessions"), ("crm_country",))
    assert ablation.families_to_leave_out(none) == {}
    assert ablation.families_to_leave_out(rhythm) == {"btyd": ("btyd",)}
    assert list(ablation.families_to_leave_out(web)) == ["btyd", "web"]
    assert ablation.families_to_leave_out(two)[ablation.ALL_BUT_PURCHASES] == ("web", "crm")


# --- the tables of a company ------------------------------------------------------------------------------------------


TABLES = ("permutation_importance", "partial_dependence", "source_ablation")


@dataclass(frozen=True)
class Shop:
    """A company that was tuned and judged, and looked into."""

    home: Home
    settings: Settings
    plan: CutoffPlan

    @property
    def warehouse(self) -> Warehouse:
        return open_warehouse(self.home)

    def look(self, plan: CutoffPlan) -> list[interpretation.ImportanceScope]:
        interpretation.ablate_sources(self.warehouse, self.settings, plan)
        return interpretation.interpret_champions(self.warehouse, self.settings, plan)

    def tables(self) -> list[pd.DataFrame]:
        with self.warehouse.connection() as connection:
            return [connection.execute(f"from training.{name}").df() for name in TABLES]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    home, settings = Home(tmp_path_factory.mktemp("shop")), small_settings(horizons=(60,))
    warehouse = open_warehouse(home)
    write_company(warehouse, settings, company_with_signal(300))
    plans = build_features_and_labels(warehouse, settings).horizons
    training.tune_candidates(warehouse, settings, plans, None, lambda text: None)
    training.evaluate_candidates(warehouse, settings, plans)
    shop = Shop(home, settings, plans[0])
    shop.look(shop.plan)
    return shop


@pytest.fixture
def copy_of_shop(shop: Shop, tmp_path: Path) -> Shop:
    """Return the shop with a home of its own, to be changed."""
    shutil.copytree(shop.home.root, tmp_path / "copy")
    return replace(shop, home=Home(tmp_path / "copy"))


SPEND, PURCHASE = target_names(60)


def test_the_tables_hold_features_and_sources_with_intervals_around_their_values(shop: Shop) -> None:
    both, dependence_of_both, ablated = shop.tables()
    for target, metric, features, curves in ((SPEND, "normalised_gini", 25, 8), (PURCHASE, "roc_auc", 12, 6)):
        found, dependence = (table[table["target"] == target] for table in (both, dependence_of_both))
        assert found["feature"].notna().sum() == features
        assert set(found["metric"]) == {metric}
        assert set(found.query("row_kind == 'source'")["source_family"]) == {"purchase", "btyd"}
        assert found["mean_drop"].between(found["low"], found["high"]).all()
        assert found["mean_drop"].max() > 0.02
        assert dependence["prediction"].between(dependence["low"], dependence["high"]).all()
        moving = found.query("row_kind == 'feature' and mean_drop > 0")
        assert len(moving) >= 3
        # the curve of a feature that loses nothing when it is shuffled is flat
        top = moving.nlargest(curves, "mean_drop")["feature"]
        assert list(dict.fromkeys(dependence["feature"])) == list(top)
        for _, curve in dependence.groupby("feature"):
            assert list(curve["position"]) == list(range(1, len(curve) + 1))
    assert set(ablated["left_out"]) == {"btyd"}
    assert set(ablated["metric"]) == set(ablation.METRICS)
    for table in shop.tables():
        assert set(table["horizon_days"]) == {60}
        assert not table["description"].str.contains("_").any()


def test_dependence_of_the_probability_is_between_0_and_1_and_of_the_spend_is_money(shop: Shop) -> None:
    _, dependence, _ = shop.tables()
    of = dependence.groupby("target")
    assert of["low"].min()[PURCHASE] > 0 and of["high"].max()[PURCHASE] < 1
    assert of["prediction"].max()[SPEND] > 1


def test_dependence_is_at_the_level_that_was_judged(shop: Shop, copy_of_shop: Shop) -> None:
    """Where a season was measured, predictions were scaled to it before they were judged."""
    with copy_of_shop.warehouse.transaction() as connection:
        connection.execute(
            "update training.test_predictions set predicted_spend = 3 * predicted_spend, purchase_probability = 0.9"
        )
    copy_of_shop.look(shop.plan)
    (unchanged, before, _), (importance, after, _) = shop.tables(), copy_of_shop.tables()
    is_spend = before["target"] == SPEND
    np.testing.assert_allclose(after["prediction"][is_spend], 3 * before["prediction"][is_spend])
    odds = [table["prediction"][~is_spend] / (1 - table["prediction"][~is_spend]) for table in (before, after)]
    assert (odds[1] > 1.5 * odds[0]).all()
    assert (after["high"][~is_spend] < 1).all()
    pd.testing.assert_frame_equal(importance, unchanged)


def test_looking_again_gives_the_same_tables(shop: Shop, copy_of_shop: Shop) -> None:
    looked = copy_of_shop.look(shop.plan)
    assert [scope.target for scope in looked] == [SPEND, PURCHASE]
    assert all(scope.features < scope.of_features for scope in looked)
    for first, again in zip(shop.tables(), copy_of_shop.tables(), strict=True):
        pd.testing.assert_frame_equal(first, again)


def test_without_a_test_window_the_tables_are_there_and_empty(shop: Shop, copy_of_shop: Shop) -> None:
    assert copy_of_shop.look(replace(shop.plan, test=None)) == []
    assert [list(t.columns) for t in copy_of_shop.tables()] == [list(t.columns) for t in shop.tables()]
    assert [len(t) for t in copy_of_shop.tables()] == [0, 0, 0]


def test_some_rows_are_drawn_without_repeats_and_in_order() -> None:
    few = interpretation.some(ORDINARY, 100, seed=1)
    assert len(few) == 100
    assert few.features.index.is_monotonic_increasing and few.features.index.is_unique
    np.testing.assert_array_equal(few.spend, ORDINARY.spend[few.features.index - 1])
    assert interpretation.some(ORDINARY, len(ORDINARY), seed=1) is ORDINARY


# --- pictures and words -----------------------------------------------------------------------------------------------


def test_a_panel_of_numbers_of_categories_and_of_both_can_be_drawn() -> None:
    """Values come from the source: what looks like a formula to the plotting library is text."""
    numbers = [("spend", str(i), True, 1.0 + i, 0.5, 20.0) for i in range(12)]
    categories = [("category", name, False, 1.0, 0.5, 2.0) for name in ("$5 off $_{10", "a very long name indeed")]
    none = [("spend", "none", False, 1.0, 0.5, 2.0)]
    pictures = {
        drawing.to_png(plots.dependence(points, "EUR")) for points in (numbers, categories, numbers + none + categories)
    }
    assert len(pictures) == 3
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


def test_the_report_says_in_words_what_a_source_adds(demo_run: Home) -> None:
    (page,) = (p.read_text() for p in demo_run.published.glob("*/report.html"))
    section = page[page.index('<section id="drivers"') : page.index('<section id="data_quality"')]
    assert '<th scope="col" class="n">Gini</th>' in section
    signed = r"(?:0\.000|[+-]0\.(?!000)\d{3})"
    for source in ("web", "surveys", "purchase rhythm", "everything but purchases"):
        row = (
            rf'<th scope="row">{source}</th><td data-label="[^"]+">(helps|hurts|no clear effect)</td>'
            rf'<td class="n" data-label="Gini">{signed} \[{signed}, {signed}\]</td>'
        )
        assert re.search(row, section), source
    # the contributions; importance by feature and by source, and the dependence, for each of two targets
    assert section.count("<svg") == 7
    for name in ("Predicted spend", "Purchase probability"):
        assert f'aria-label="{name}: importance by feature.' in section
        assert f'aria-label="{name} by value of a feature.' in section
