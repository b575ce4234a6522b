"""A training end to end on made-up companies: what is tuned, judged, chosen, saved, and when it is due again."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clv_pipeline.core.errors import ArtefactError, HistoryError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.cutoffs import TrainingPlan
from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.calibration.level import expected_total
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Task, candidates_for
from clv_pipeline.modeling.candidates.ensembles import predict
from clv_pipeline.modeling.data.dataset import feature_columns, load_labelled, target_name, target_names
from clv_pipeline.modeling.data.prospects import Prospects
from clv_pipeline.modeling.registry.registry import Manifest, Recipe, Registry, library_versions, why_unfit
from clv_pipeline.modeling.training import records, training
from clv_pipeline.modeling.training.blending import BLENDS
from clv_pipeline.modeling.training.champion_rule import FALLBACK, RULE, Contender, decide
from clv_pipeline.modeling.training.lab import UNFITTED, Lab
from clv_pipeline.modeling.training.retraining import reigning_champion, why_train
from clv_pipeline.modeling.training.training import REIGNING, TARGETS
from clv_pipeline.modeling.training.tuning import TunedCandidate, scale_to_total
from clv_pipeline.scoring.scoring import score_customers
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.made_up_rows import (
    AS_OF,
    FIRST_DAY,
    MadeUpCompany,
    build_features_and_labels,
    company_of_noise,
    company_with_signal,
    orders_since,
    small_settings,
    with_prospects,
    write_company,
)

Table = pd.DataFrame


@dataclass(frozen=True)
class Trained:
    """A company in its warehouse and what the three steps of a training made of it."""

    home: Home
    warehouse: Warehouse
    settings: Settings
    plan: TrainingPlan
    tuned: dict[int, list[TunedCandidate]]
    quality: Table
    manifest: Manifest | None

    @property
    def registry(self) -> Registry:
        return Registry(self.home.models)

    def table(self, query: str) -> Table:
        with self.warehouse.connection() as connection:
            return connection.execute(query).df()


def train(root: Path, company: MadeUpCompany, as_of: date = AS_OF, *, keep: bool = True, **overrides: Any) -> Trained:
    """Take a company through everything up to the champion (with `keep`, else up to the judgement)."""
    home = Home(root)
    warehouse, settings = open_warehouse(home), small_settings(**overrides)
    with warehouse.connection():
        write_company(warehouse, settings, company, as_of)
        plan = build_features_and_labels(warehouse, settings, as_of)
        registry = Registry(home.models)
        tuned = training.tune_candidates(warehouse, settings, plan.horizons, None, lambda text: None)
        quality = training.evaluate_candidates(warehouse, settings, plan.horizons)
        manifest = training.fit_champions(warehouse, settings, plan, registry, as_of, None) if keep else None
    return Trained(home, warehouse, settings, plan, tuned, quality, manifest)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A company of 500 customers whose history tells who will buy, at two horizons, and at one that is longer than that."""
    company = with_prospects(company_with_signal(500), 60, FIRST_DAY)
    return train(tmp_path_factory.mktemp("shop"), company, horizons=(30, 90, 365), max_parameter_sets=10)


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A small company, to train more than once."""
    return train(tmp_path_factory.mktemp("kiosk"), company_with_signal(200), horizons=(30,))


@pytest.fixture(scope="module")
def lottery(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A company whose customers are all alike: there is nothing to learn."""
    return train(tmp_path_factory.mktemp("lottery"), company_of_noise(400), horizons=(90,), keep=False)


def copy_of(trained: Trained, root: Path) -> Trained:
    """Return the company with a home of its own, to be spoilt."""
    home = Home(root / "copy")
    shutil.copytree(trained.home.root, home.root)
    return replace(trained, home=home, warehouse=open_warehouse(home))


def train_again(trained: Trained, **changes: Any) -> Trained:
    """Go through the three steps once more, on the features that are there; `changes` are made to each horizon's plan."""
    settings = trained.settings
    plan = replace(trained.plan, horizons=tuple(replace(p, **changes) for p in trained.plan.horizons))
    reigning = reigning_champion(trained.registry, AS_OF)
    tuned = training.tune_candidates(trained.warehouse, settings, plan.horizons, reigning, lambda text: None)
    quality = training.evaluate_candidates(trained.warehouse, settings, plan.horizons)
    manifest = training.fit_champions(trained.warehouse, settings, plan, trained.registry, AS_OF, reigning)
    return replace(trained, plan=plan, tuned=tuned, quality=quality, manifest=manifest)


def kept(trained: Trained) -> Manifest:
    assert trained.manifest is not None
    return trained.manifest


def on_test_window(trained: Trained, horizon: int, metric: str) -> Table:
    found = trained.quality.query("horizon_days == @horizon and metric == @metric")
    return pd.DataFrame(found.set_index("candidate"))


EVERYBODY = [*CANDIDATES, *(BLENDS[target] for target in TARGETS)]


# --- what is written ------------------------------------------------------------------------------------------------


def test_every_candidate_of_every_horizon_is_tuned_and_one_a_target_is_champion(shop: Trained) -> None:
    table = shop.table("select * from training.tuning")
    champions = shop.table("select horizon_days, target from training.champions order by all")
    assert champions.to_numpy().tolist() == [[30, "purchase"], [30, "spend"], [90, "purchase"], [90, "spend"]]
    assert sorted(table["horizon_days"].unique()) == [30, 90]
    for horizon, tuned in table.groupby("horizon_days"):
        assert list(tuned["candidate"]) == [c.name for c in EVERYBODY]
        assert list(tuned["is_baseline"]) == [c.is_baseline for c in EVERYBODY]
        assert list(tuned["tried"]) == [len(c.search) for c in EVERYBODY]
        assert np.isfinite(tuned[["fold_score", "mean_absolute_bias"]].to_numpy()).all()
        assert sorted(tuned.query("is_challenger")["target"]) == ["purchase", "spend"]
        assert list(tuned["recipe"]) == list(tuned["candidate"])
        for row, choice in zip(tuned.itertuples(), shop.tuned[int(horizon)], strict=True):
            assert json.loads(str(row.parameters)) == dict(choice.parameters)
            if choice.candidate.name in {b.name for b in BLENDS.values()}:
                members = {c.name for c in CANDIDATES if c.target == choice.candidate.target and not c.is_baseline}
                assert set(choice.parameters["members"]) <= members
            else:
                assert dict(choice.parameters) in [dict(p) for p in choice.candidate.search]


def test_every_parameter_set_is_kept_with_its_score_and_what_it_explains(shop: Trained) -> None:
    for horizon, tuned in shop.tuned.items():
        sets = shop.table(f"select * from training.parameter_sets where horizon_days = {horizon}")
        assert len(sets) == sum(t.tried for t in tuned)
        for t in tuned:
            name = target_name(horizon, t.candidate.target)
            found = sets[(sets["candidate"] == t.candidate.name) & (sets["target"] == name)]
            assert list(found["parameter_set"]) == list(range(1, t.tried + 1))
            (chosen,) = found[found["is_chosen"]].itertuples()
            assert json.loads(str(chosen.parameters)) == dict(t.parameters)
            assert chosen.fold_score == found["fold_score"].max() == pytest.approx(t.score)
            shown, other = ("r_squared", "roc_auc") if t.candidate.target == "spend" else ("roc_auc", "r_squared")
            assert found[shown].notna().all() and found[other].isna().all()


def test_the_linear_models_of_the_evaluation_leave_their_coefficients(shop: Trained) -> None:
    found = shop.table("select distinct horizon_days, candidate from training.linear_coefficients order by all")
    names = ["elastic_net", "linear_regression", "logistic_regression"]
    assert found.to_numpy().tolist() == [[horizon, name] for horizon in (30, 90) for name in names]


def test_models_and_baselines_are_judged_side_by_side_on_the_test_window(shop: Trained) -> None:
    assert [plan.horizon_days for plan in shop.plan.horizons] == [30, 90]
    for plan in shop.plan.horizons:
        assert plan.test is not None
        judged = shop.quality.query("horizon_days == @plan.horizon_days and row_kind == 'model'")
        assert set(judged["candidate"]) == {c.name for c in EVERYBODY}
        assert set(judged["test_window_start"]) == {plan.test.validation}
        for target, names in zip(
            target_names(plan.horizon_days), (metrics.SPEND_METRICS, metrics.PROBABILITY_METRICS), strict=True
        ):
            of_target = judged[judged["target"] == target]
            assert not of_target.duplicated(["candidate", "metric"]).any()
            assert set(of_target["metric"]) == set(names)
            assert of_target.groupby("is_baseline")["candidate"].nunique().gt(1).all()
    written = shop.table("select * from training.model_quality")
    assert len(written) == len(shop.quality)
    np.testing.assert_array_equal(written["value"], shop.quality["value"])


def test_each_interval_contains_its_value(shop: Trained) -> None:
    measured = shop.quality.query("row_kind == 'model'")
    quality = measured[measured["value"].notna()]
    assert len(quality) > 0.9 * len(measured)
    outside = quality[(quality["value"] < quality["low"]) | (quality["value"] > quality["high"])]
    assert outside[["candidate", "metric", "low", "value", "high"]].to_dict("records") == []
    assert (quality["high"] >= quality["low"]).all()


def test_the_champions_predictions_are_kept_and_their_metrics_are_those_published(shop: Trained) -> None:
    predictions = shop.table("select * from training.test_predictions")
    for horizon, rows in predictions.groupby("horizon_days"):
        champions = shop.quality[shop.quality["is_champion"] & (shop.quality["horizon_days"] == horizon)]
        champions = champions.set_index("metric")["value"]
        actual, predicted = rows["actual_spend"].to_numpy(), rows["predicted_spend"].to_numpy()
        assert metrics.wape(actual, predicted) == pytest.approx(champions["wape"])
        assert metrics.normalised_gini(actual, predicted) == pytest.approx(champions["normalised_gini"])
        flags, chances = rows["actual_purchase"].to_numpy(), rows["purchase_probability"].to_numpy()
        published = shop.quality.query("horizon_days == @horizon and row_kind == 'published'").set_index("metric")[
            "value"
        ]
        assert metrics.log_loss(flags, chances) == pytest.approx(published["probability_log_loss"])
        # calibrated on the folds, it is about as good as the champion's own
        assert published["probability_log_loss"] < 1.05 * champions["log_loss"]
        assert ((chances >= 0) & (chances <= 1)).all()
        low, typical, high = (rows[name].to_numpy() for name in ("low", "typical_spend", "high"))
        assert ((low <= typical) & (typical <= high)).all()
        found = metrics.coverage(actual, predicted, low, high)
        assert {f"interval_{name}": value for name, value in found.items()} == pytest.approx(
            {name: value for name, value in published.items() if str(name).startswith("interval_")}
        )
        assert 0.8 < found["coverage"] <= 1


def test_labels_and_customers_of_the_test_window_are_those_of_the_source(shop: Trained) -> None:
    """Against the raw rows, without the package's SQL: who had bought before the window, and what came in it."""
    orders = shop.table("select customer_id, ordered_at::date as day, amount::double as amount from raw.orders")
    for plan in shop.plan.horizons:
        assert plan.test is not None
        start = pd.Timestamp(plan.test.validation)
        before = orders[(orders["day"] < start) & (orders["amount"] > 0)]["customer_id"].unique()
        window = orders[(orders["day"] >= start) & (orders["day"] < start + pd.Timedelta(days=plan.horizon_days))]
        spent = window.groupby("customer_id")["amount"].sum().reindex(sorted(before), fill_value=0.0)
        kept_rows = shop.table(f"select * from training.test_predictions where horizon_days = {plan.horizon_days}")
        np.testing.assert_allclose(np.sort(kept_rows["actual_spend"]), np.sort(spent), atol=1e-6)
        assert set(shop.quality.query(f"horizon_days == {plan.horizon_days}")["customers"]) == {len(before)}


# --- the champion ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("horizon", [30, 90])
def test_where_there_is_signal_the_champion_is_a_model_that_beats_every_baseline(shop: Trained, horizon: int) -> None:
    assert set(shop.table("from training.champions")["ranking"]) == {"rankable"}
    gini = on_test_window(shop, horizon, "normalised_gini")
    loss = on_test_window(shop, horizon, "log_loss")
    assert not gini.query("is_champion")["is_baseline"].any()
    assert not loss.query("is_champion")["is_baseline"].any()
    assert gini.query("is_champion")["value"].item() > gini.query("is_baseline")["value"].max() + 0.02
    assert loss.query("is_champion")["value"].item() < 0.8 * loss.query("is_baseline")["value"].min()


def test_where_there_is_nothing_to_learn_nothing_is_claimed(lottery: Trained) -> None:
    """Skill on customers who are all alike would be a leak."""
    gini = on_test_window(lottery, 90, "normalised_gini")["value"]
    assert gini.abs().max() < 0.15
    tuning = lottery.table("select * from training.tuning").set_index("candidate")
    champion_gini = on_test_window(lottery, 90, "normalised_gini").query("is_champion")
    baselines = gini[[c.name for c in candidates_for("spend") if c.is_baseline]]
    assert champion_gini["value"].item() < baselines.max() + 0.10
    loss = on_test_window(lottery, 90, "log_loss")
    assert loss.query("is_champion")["value"].item() < loss.loc["base_rate", "value"] + 0.02
    assert not tuning["beats_chance"].fillna(False).any()
    assert set(lottery.table("from training.champions")["ranking"]) == {"not rankable"}
    assert on_test_window(lottery, 90, "roc_auc")["value"].between(0.4, 0.6).all()


@pytest.mark.parametrize("trained", ["shop", "kiosk", "lottery"])
def test_the_challenger_is_the_one_the_folds_name(trained: str, request: pytest.FixtureRequest) -> None:
    """The model with the best mean score of the folds, or the blend; no baseline, and the test window has no say."""
    found: Trained = request.getfixturevalue(trained)
    table = found.table("select * from training.tuning")
    for (_horizon, _target), tuned in table.groupby(["horizon_days", "target"]):
        models = tuned.query("not is_baseline and mean_absolute_bias < 0.9")
        challenger = models.query("is_challenger")
        is_best = challenger["fold_score"].item() == models["fold_score"].max()
        assert is_best or challenger["candidate"].item().startswith("blend")


@pytest.mark.parametrize("trained", ["shop", "kiosk", "lottery"])
def test_the_champion_is_the_one_the_rule_names_on_the_kept_predictions(
    trained: str, request: pytest.FixtureRequest
) -> None:
    found: Trained = request.getfixturevalue(trained)
    champions = found.table("from training.champions").set_index(["horizon_days", "target"])
    tuning = found.table("from training.tuning")
    predictions = found.table("select * from training.predictions where role = 'test' order by customer_id")
    for (horizon, target), verdict in champions.iterrows():
        rows = predictions[(predictions["horizon_days"] == horizon) & (predictions["target"] == target)]
        actual = rows.groupby("candidate")["actual"].apply(lambda v: v.to_numpy()).iloc[0]
        everybody = {n: Contender(str(n), r["predicted"].to_numpy()) for n, r in rows.groupby("candidate")}
        entries = tuning[(tuning["horizon_days"] == horizon) & (tuning["target"] == target)]
        challenger = entries.query("is_challenger")["candidate"].item()
        baselines = [everybody[name] for name in entries.query("is_baseline")["candidate"]]
        draws = metrics.bootstrap_draws(len(actual), found.settings.bootstrap_samples, found.settings.seed)
        again = decide(target, actual, everybody[challenger], None, baselines, draws)
        assert (verdict["candidate"], verdict["reason"]) == (again.champion, again.reason)


# --- the test window stays unseen -----------------------------------------------------------------------------------


def test_tuning_does_not_look_at_the_test_window(kiosk: Trained, tmp_path: Path) -> None:
    """Whatever happens from the test window's first day on, tuning comes out the same."""
    kiosk = copy_of(kiosk, tmp_path)
    (plan,) = kiosk.plan.horizons
    assert plan.test is not None and plan.folds
    before = kiosk.table("select * from training.tuning")
    since = plan.test.validation - timedelta(days=plan.horizon_days)
    with kiosk.warehouse.transaction() as connection:
        changed = connection.execute(
            "update training.labels set spend_total = 9999 - 3 * spend_total, has_purchase = not has_purchase where as_of > $1",
            [since],
        ).fetchall()
        assert changed[0][0] > 100
        # the level is made from the days themselves
        changed = connection.execute(
            "update features.customer_day set net_spend = 9999, is_purchase_day = not is_purchase_day where order_date >= $1",
            [plan.test.validation],
        ).fetchall()
        assert changed[0][0] > 50
    assert since >= max(plan.folds[0].validation, *plan.folds[0].train)
    training.tune_candidates(kiosk.warehouse, kiosk.settings, kiosk.plan.horizons, None, lambda text: None)
    pd.testing.assert_frame_equal(kiosk.table("select * from training.tuning"), before)
    assert before["fold_score"].nunique() > len(CANDIDATES) / 2


def test_the_judged_models_learned_nothing_after_the_test_windows_first_day(kiosk: Trained) -> None:
    """Fitted again by hand to the training windows alone, the champion gives the kept predictions of the test window."""
    (plan,) = kiosk.plan.horizons
    assert plan.test is not None
    with kiosk.warehouse.connection() as connection:
        columns = feature_columns(connection)
        rows = load_labelled(connection, columns, plan.horizon_days, kiosk.settings.recency_half_life_days)
        choices = records.read_choices(connection, plan.horizon_days, "spend")
        champions = records.champions(connection, plan.horizon_days)
        level = expected_total(connection, plan.test.validation, plan.horizon_days)
    champion = next(c for c in choices if c.candidate.name == champions["spend"])
    task = Task(columns, plan.horizon_days, kiosk.settings.seed)
    learned = rows.at(plan.test.train)
    assert learned.as_of.max() + np.timedelta64(plan.horizon_days, "D") <= np.datetime64(plan.test.validation)
    model = champion.candidate.fit(task, champion.parameters, learned)
    predicted = predict(model, rows.at((plan.test.validation,)).features)
    features = rows.at((plan.test.validation,)).features
    again = scale_to_total(champion.candidate, predicted, level, features, plan.horizon_days)
    kept_rows = kiosk.table("select predicted_spend from training.test_predictions")
    np.testing.assert_array_equal(kept_rows["predicted_spend"], again)


# --- repeatable -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kiosk_again(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The kiosk trained on another machine: fewer threads, other batches."""
    another_machine = {"threads": 1, "batch_rows": 777, "memory_limit": "2GB"}
    return train(tmp_path_factory.mktemp("again"), company_with_signal(200), horizons=(30,), **another_machine)


def test_the_same_input_gives_the_same_tables(kiosk: Trained, kiosk_again: Trained) -> None:
    for table in ("tuning", "predictions", "champions", "model_quality", "test_predictions"):
        pd.testing.assert_frame_equal(
            kiosk.table(f"from training.{table}"), kiosk_again.table(f"from training.{table}")
        )


def test_the_same_input_gives_the_same_version_and_metrics(kiosk: Trained, kiosk_again: Trained) -> None:
    first, again = kept(kiosk), kept(kiosk_again)
    assert replace(first, files={}) == replace(again, files={})
    assert first.files.keys() == again.files.keys()
    spend, purchase = target_names(30)
    expected = {f"{spend} {name}" for name in metrics.SPEND_METRICS}
    expected |= {f"{purchase} {name}" for name in metrics.PROBABILITY_METRICS} | {f"{spend} interval_coverage"}
    assert expected <= first.test_metrics.keys()


def test_the_same_input_gives_the_same_model_files(kiosk: Trained, kiosk_again: Trained) -> None:
    assert kept(kiosk).files == kept(kiosk_again).files


def test_other_data_is_another_version(kiosk: Trained, shop: Trained) -> None:
    assert kept(kiosk).version != kept(shop).version
    assert kept(kiosk).data_fingerprint != kept(shop).data_fingerprint
    assert kept(kiosk).version.startswith(f"{AS_OF:%Y%m%d}-")


# --- the version that is kept ---------------------------------------------------------------------------------------


def test_the_version_holds_both_champions_of_each_horizon_and_loads(shop: Trained) -> None:
    manifest = kept(shop)
    champions = shop.table("from training.champions").set_index(["horizon_days", "target"])["candidate"]
    with shop.warehouse.connection() as connection:
        columns = feature_columns(connection)
        rows = {p.horizon_days: load_labelled(connection, columns, p.horizon_days, 365) for p in shop.plan.horizons}
    assert manifest.columns == columns
    assert manifest.learned == {30: 30, 90: 90, 365: 90}
    assert shop.registry.champion() == manifest
    for plan, horizon in zip(shop.plan.horizons, manifest.horizons, strict=False):
        assert horizon.has_enough_history
        assert horizon.calibration is not None
        assert horizon.spend.candidate == champions[plan.horizon_days, "spend"]
        assert horizon.purchase.candidate == champions[plan.horizon_days, "purchase"]
        for target in TARGETS:
            loaded = shop.registry.load(manifest, f"{plan.horizon_days}d_{target}")
            predicted = predict(loaded, rows[plan.horizon_days].features)
            assert np.isfinite(predicted).all() and predicted.std() > 0
    on_disk = {p.name for p in (shop.registry.folder / manifest.version).iterdir()}
    assert on_disk == {"manifest.json", *manifest.files}


def test_prospects_are_expected_to_spend_what_their_like_spent(shop: Trained) -> None:
    """Known but without a purchase at a cutoff: their later mean, from labels joined by hand."""
    for horizon in kept(shop).horizons:
        mean, high, share, if_buying = shop.table(
            f"""
            select avg(spend_total)::double, quantile_cont(spend_total::double, 0.95), avg(has_purchase::int),
                quantile_cont(greatest(spend_total, 0)::double, 0.5) filter (where has_purchase)
            from training.labels
            where horizon_days = {horizon.learned_days} and not exists (
                from features.customer_day where customer_day.customer_id = labels.customer_id
                and is_purchase_day and order_date < labels.as_of
            )
            """
        ).iloc[0]
        prospects = horizon.prospects
        assert prospects.spend == pytest.approx(mean)
        assert prospects.high == pytest.approx(max(high, mean))
        assert prospects.probability == pytest.approx(share)
        assert prospects.if_buying_typical == pytest.approx(if_buying, abs=0.01)
        assert prospects.if_buying_low < if_buying < prospects.if_buying_high
        assert 0 < prospects.probability < 1


MONEY = (
    "predicted_spend", "typical_spend", "predicted_spend_low", "predicted_spend_high",
    "spend_if_buying_low", "spend_if_buying_typical", "spend_if_buying_high",
)  # fmt: skip
SAID = (*MONEY, "purchase_probability")


def check_monotone(scores: Table) -> None:
    for name in SAID:
        short, long, longest = (scores[f"{name}_{days}d"] for days in (30, 90, 365))
        assert short.notna().all() and (short >= 0).all(), name
        assert (long >= short).all() and (longest >= long).all(), name


def test_a_longer_horizon_never_expects_less_of_anybody(shop: Trained) -> None:
    report = score_customers(shop.warehouse, shop.settings, shop.registry, kept(shop), lambda done: None)
    scores = shop.table("select * from scores.customer_scores")
    assert report.customers == len(scores) > 500
    check_monotone(scores)
    for name in ("predicted_spend", "predicted_spend_high", "purchase_probability"):
        assert (scores[f"{name}_90d"] > scores[f"{name}_30d"]).mean() > 0.3
    # of who buys with a rhythm 90 days tell whether they are alive: where a year adds a chance, it is in the score
    growing = shop.table(
        """
        select purchase_probability_365d > purchase_probability_90d as is_more from scores.customer_scores
        inner join features.btyd_features using (customer_id, as_of)
        where btyd_purchase_probability_365d > btyd_purchase_probability_90d + 0.01
            and purchase_probability_90d > purchase_probability_30d
        """
    )
    assert len(growing) > 20
    assert growing["is_more"].mean() > 0.3
    for name in ("predicted_spend", "predicted_spend_high"):
        assert (scores[f"{name}_365d"] > scores[f"{name}_90d"]).mean() > 0.3


def test_what_is_typical_lies_between_the_ends_and_the_total_between_its_own(shop: Trained) -> None:
    report = score_customers(shop.warehouse, shop.settings, shop.registry, kept(shop), lambda done: None)
    scores = shop.table("select * from scores.customer_scores where score_status <> 'no_purchase_yet'")
    for days in (30, 90, 365):
        assert (scores[f"predicted_spend_low_{days}d"] <= scores[f"typical_spend_{days}d"]).all()
        assert (scores[f"typical_spend_{days}d"] <= scores[f"predicted_spend_high_{days}d"]).all()
        assert (scores[f"typical_spend_{days}d"] == 0).any()
    # of everybody, prospects too: the total that is published beside it
    calibration = kept(shop).horizons[0].calibration
    with shop.warehouse.connection() as connection:
        level = expected_total(connection, AS_OF, 30)
    assert (report.total_low, report.total_high) == pytest.approx(calibration.total(report.predicted_total, level))
    assert report.total_low < report.predicted_total < report.total_high
    run = shop.table("from scores.run").iloc[0]
    assert report.season is not None and float(run["season_factor"]) == pytest.approx(report.season, abs=1e-4)
    assert float(run["predicted_total_low"]) == pytest.approx(report.total_low, abs=0.01)
    assert float(run["predicted_total_high"]) == pytest.approx(report.total_high, abs=0.01)


def test_a_champion_without_season_has_the_wider_interval(shop: Trained) -> None:
    """A fixed rule is not put at the level, so the season that is known is not in its total."""
    first, *others = kept(shop).horizons
    rule = replace(kept(shop), horizons=[replace(first, spend=replace(first.spend, is_baseline=True)), *others])
    report = score_customers(shop.warehouse, shop.settings, shop.registry, rule, lambda done: None)
    assert report.season is None
    with shop.warehouse.connection() as connection:
        level = expected_total(connection, AS_OF, 30)
    assert level.season is not None and first.calibration.with_season.windows > 0
    expected = first.calibration.total(report.predicted_total, replace(level, season=None))
    assert (report.total_low, report.total_high) == pytest.approx(expected)
    assert shop.table("from scores.run")["season_factor"].isna().all()


def test_each_learned_horizon_sums_to_its_level(shop: Trained) -> None:
    score_customers(shop.warehouse, shop.settings, shop.registry, kept(shop), lambda done: None)
    with shop.warehouse.connection() as connection:
        level = expected_total(connection, AS_OF, 30)
    scores = shop.table("select * from scores.customer_scores where score_status <> 'no_purchase_yet'")
    assert level.spend is not None and level.buyers is not None
    assert float(scores["predicted_spend_30d"].sum()) == pytest.approx(level.spend, rel=1e-3)
    assert float(scores["purchase_probability_30d"].mean()) == pytest.approx(level.buyers, abs=1e-3)


def test_a_longer_horizon_never_expects_less_of_prospects_either(shop: Trained) -> None:
    """Prospects entered just before as_of have a past at the short horizon only, so the means cross."""
    short, long, longest = kept(shop).horizons
    crossed = replace(
        kept(shop),
        horizons=[
            replace(short, prospects=Prospects(12.0, 50.0, 0.4, 5.0, 20.0, 80.0)),
            replace(long, prospects=Prospects(3.0, 20.0, 0.1, 4.0, 21.0, 70.0)),
            replace(longest, prospects=Prospects(3.0, 20.0, 0.1, 4.0, 21.0, 70.0)),
        ],
    )
    score_customers(shop.warehouse, shop.settings, shop.registry, crossed, lambda done: None)
    scores = shop.table("select * from scores.customer_scores where score_status = 'no_purchase_yet'")
    assert len(scores) > 0
    check_monotone(scores)
    assert set(scores["predicted_spend_90d"].astype(float)) == {12.0}


def test_the_next_order_is_expected_of_tonight_only_and_is_no_feature(shop: Trained) -> None:
    rows = shop.table(
        """
        select as_of = (select max(as_of) from features.cutoffs) as is_tonight, expected_next_order_date > as_of as is_later,
            btyd_probability_alive
        from features.btyd_features
        """
    )
    assert rows.query("not is_tonight")["is_later"].isna().all()
    tonight = rows.query("is_tonight")["is_later"]
    assert tonight.notna().mean() > 0.3
    assert tonight.dropna().all()
    assert "expected_next_order_date" not in shop.table("from features.customer_features limit 1").columns


# --- a horizon longer than the history can show ---------------------------------------------------------------------


def test_a_horizon_that_is_not_learned_grows_with_the_buy_till_you_die_expectation(shop: Trained) -> None:
    """Where no level is known, a year is the learned 90 days times the ratio of the two expectations of each customer."""
    _, learned, extended = kept(shop).horizons
    assert (extended.horizon_days, extended.learned_days) == (365, 90)
    assert (extended.spend, extended.calibration) == (learned.spend, learned.calibration)
    score_customers(shop.warehouse, shop.settings, shop.registry, kept(shop), lambda done: None)
    scores = shop.table(
        """
        select predicted_spend_90d::double as short, predicted_spend_365d::double as long,
            predicted_spend_90d = predicted_spend_30d as is_raised, btyd_purchases_365d / btyd_purchases_90d as growth
        from scores.customer_scores
        inner join features.btyd_features using (customer_id, as_of)
        """
    )
    ratio = (scores["long"] / scores["short"] / scores["growth"])[(scores["short"] > 1) & ~scores["is_raised"]]
    assert len(ratio) > 100
    # what is left is the level, one factor for all but the few whose 90 days were raised to their 30, and the weight of the
    # expectation in a season unlike those that were learned
    assert (ratio / ratio.median()).between(0.9, 1.1).mean() > 0.9
    assert (ratio < 1.1 * ratio.median()).mean() > 0.98


def test_a_primary_horizon_that_is_not_learned_is_marked_on_every_customer(tmp_path: Path) -> None:
    young = orders_since(company_with_signal(250), AS_OF - timedelta(days=200))
    trained = train(tmp_path, young, horizons=(90,))
    assert trained.plan.learned == {90: 49}
    assert trained.registry.champion() == kept(trained)
    assert kept(trained).learned == {90: 49}
    assert set(trained.quality["horizon_days"]) == {49}
    report = score_customers(trained.warehouse, trained.settings, trained.registry, kept(trained), lambda done: None)
    assert report.by_status.keys() <= {"new_customer", "single_purchase", "repeat_customer"}
    scores = trained.table("from scores.customer_scores")
    assert set(scores["basis_90d"]) == {"extended"}
    assert scores["primary_spend"].gt(0).mean() > 0.5
    assert scores["primary_probability"].between(0, 1).all()
    assert {c for c in scores if c.startswith(MONEY)} == {f"{name}_90d" for name in MONEY}


# --- a champion that is there already -------------------------------------------------------------------------------


def with_champion(trained: Trained, root: Path, spend: Recipe, purchase: Recipe, as_of: date = AS_OF) -> Trained:
    """Return the company with other champions in its registry, as an earlier training might have left them."""
    found = copy_of(trained, root)
    (horizon,) = kept(found).horizons
    found.registry.new_folder("earlier")
    earlier = replace(
        kept(found), version="earlier", as_of=as_of, horizons=[replace(horizon, spend=spend, purchase=purchase)]
    )
    found.registry.write_manifest(earlier)
    found.registry.promote("earlier")
    return found


def test_trained_again_on_the_same_data_the_champion_stays_what_it_is(kiosk: Trained, tmp_path: Path) -> None:
    again = train_again(copy_of(kiosk, tmp_path))
    (before,), (after,) = kept(kiosk).horizons, kept(again).horizons
    assert (after.spend, after.purchase) == (before.spend, before.purchase)
    assert kept(again).files == kept(kiosk).files
    verdicts = again.table("from training.champions")
    assert sorted(verdicts["target"]) == ["purchase", "spend"]
    assert verdicts["reason"].str.contains("score").all()


def test_the_champion_so_far_competes_under_its_own_name_and_the_verdict_is_recorded(
    kiosk: Trained, tmp_path: Path
) -> None:
    """A model of little use is replaced; what is nearly as good as the challenger stays, as the recipe that it is."""
    poor, good = (
        Recipe("decision_tree", {"max_depth": 1, "min_samples_leaf": 100}, False),
        kept(kiosk).horizons[0].purchase,
    )
    other = (
        next(m for m in good.parameters["members"] if m != "btyd_probability") if "members" in good.parameters else ""
    )
    near = Recipe(other, good.parameters["members"][other]["parameters"], False) if other else good
    found = train_again(with_champion(kiosk, tmp_path, poor, near))
    tuning = found.table(f"select * from training.tuning where candidate = '{REIGNING}'").set_index("target")
    assert tuning.loc["spend", "recipe"] == "decision_tree"
    assert json.loads(tuning.loc["spend", "parameters"]) == poor.parameters
    assert not tuning["is_challenger"].any()
    windows = found.table(f"select distinct target, role from training.predictions where candidate = '{REIGNING}'")
    assert ("spend", "fold") in set(windows.itertuples(index=False, name=None))
    assert ("spend", "test") in set(windows.itertuples(index=False, name=None))
    verdicts = found.table("from training.champions").set_index("target")
    assert f"{REIGNING}: score" in verdicts.loc["spend", "reason"]
    (horizon,) = kept(found).horizons
    for target, recipe, earlier in (("spend", horizon.spend, poor), ("purchase", horizon.purchase, near)):
        if verdicts.loc[target, "candidate"] == REIGNING:
            assert recipe == earlier
            assert "the champion stays" in verdicts.loc[target, "reason"]
        else:
            assert recipe.candidate == verdicts.loc[target, "candidate"]
    judged = found.quality.query("is_champion")
    assert not judged.duplicated(["target", "metric"]).any(), "one champion a target"
    assert set(judged.groupby("target")["candidate"].first()) <= set(verdicts["candidate"])


def test_a_rule_that_stood_in_for_a_champion_defends_nothing(kiosk: Trained, tmp_path: Path) -> None:
    """A company that outgrows `min_buyers` is scored by a model, though no model beats its rule beyond the noise."""
    spend, purchase = Recipe(RULE["spend"], {}, True), Recipe(RULE["purchase"], {}, True)
    found = train_again(with_champion(kiosk, tmp_path, spend, purchase))
    assert set(found.table("from training.tuning")["candidate"]) == {c.name for c in EVERYBODY}
    (horizon,) = kept(found).horizons
    assert not horizon.spend.is_baseline and not horizon.purchase.is_baseline
    assert found.table("from training.champions")["reason"].str.startswith("there was no champion").all()


def test_a_champion_that_knows_the_future_does_not_compete(kiosk: Trained, tmp_path: Path) -> None:
    """In a run for a past date its parameters would bring in what came after."""
    recipe = Recipe("decision_tree", {"max_depth": 1, "min_samples_leaf": 100}, False)
    found = with_champion(kiosk, tmp_path, recipe, recipe, as_of=AS_OF + timedelta(days=1))
    reigning = reigning_champion(found.registry, AS_OF)
    assert reigning is None
    training.tune_candidates(found.warehouse, found.settings, found.plan.horizons, reigning, lambda text: None)
    assert set(found.table("from training.tuning")["candidate"]) == {c.name for c in EVERYBODY}


# --- too little to learn from ---------------------------------------------------------------------------------------


def check_fallback(trained: Trained) -> None:
    (horizon,) = kept(trained).horizons
    assert not horizon.has_enough_history
    assert horizon.basis == "prior"
    assert (horizon.spend.candidate, horizon.purchase.candidate) == (FALLBACK["spend"], FALLBACK["purchase"])
    champions = trained.table("from training.champions")
    assert set(champions["candidate"]) == set(FALLBACK.values())
    assert champions["reason"].str.contains("the purchase models with their prior are used").all()
    assert set(trained.table("from training.tuning")["candidate"]) == {c.name for c in UNFITTED}
    report = score_customers(trained.warehouse, trained.settings, trained.registry, kept(trained), lambda done: None)
    # who only sent something back has not bought yet
    assert "repeat_customer" in report.by_status
    scores = trained.table("select * from scores.customer_scores")
    assert scores["primary_spend"].gt(0).any()
    assert scores["primary_probability"].between(0, 1).all()
    days = horizon.horizon_days
    buyers = scores[scores["score_status"] != "no_purchase_yet"]
    assert set(buyers[f"basis_{days}d"]) == {"prior"}
    assert (buyers[f"spend_if_buying_high_{days}d"] >= 2 * buyers[f"spend_if_buying_typical_{days}d"]).all()
    assert report.total_low < report.predicted_total < report.total_high
    assert report.total_high > 1.3 * report.predicted_total, "little is known, and the interval says so"


def test_with_few_buyers_the_rules_that_need_no_learning_are_used(kiosk: Trained, tmp_path: Path) -> None:
    few = copy_of(kiosk, tmp_path)
    settings = few.settings.model_copy(update={"min_buyers": 5_000})
    check_fallback(train_again(replace(few, settings=settings)))


def test_enough_buyers_is_exactly_the_setting(kiosk: Trained) -> None:
    (buyers,) = kiosk.table("select count(distinct customer_id) from features.customer_day where is_purchase_day").iloc[
        0
    ]
    for least, enough in ((int(buyers), True), (int(buyers) + 1, False)):
        settings = kiosk.settings.model_copy(update={"min_buyers": least})
        with kiosk.warehouse.connection() as connection:
            lab = Lab.of(connection, settings, kiosk.plan.horizons[0], feature_columns(connection))
            assert lab.has_enough_history is enough


def test_without_a_tuning_fold_the_blend_challenges_and_the_test_window_judges_it(
    kiosk: Trained, tmp_path: Path
) -> None:
    """Two windows: one to learn from, one to judge on, none to choose by."""
    copied = copy_of(kiosk, tmp_path)
    shutil.rmtree(copied.home.models)
    judged = train_again(copied, folds=())
    assert set(judged.quality["candidate"]) == {c.name for c in EVERYBODY}
    challengers = set(judged.table("select candidate from training.tuning where is_challenger")["candidate"])
    assert challengers == {b.name for b in BLENDS.values()}
    baselines = {c.name for c in CANDIDATES if c.is_baseline}
    assert set(judged.quality.query("is_champion")["candidate"]) <= challengers | baselines
    (horizon,) = kept(judged).horizons
    assert horizon.has_enough_history
    assert horizon.calibration.with_season.windows == 0
    assert horizon.calibration.without.windows >= 1


def test_what_an_earlier_training_judged_does_not_stay_when_nothing_can_be_judged(
    kiosk: Trained, tmp_path: Path
) -> None:
    """Where there is no test window any more, the predictions of an older one must not be shown beside tonight's."""
    spoilt = copy_of(kiosk, tmp_path)
    assert len(spoilt.table("select * from training.test_predictions")) > 0
    train_again(spoilt, test=None, folds=())
    assert len(spoilt.table("select * from training.predictions")) == 0
    assert len(spoilt.table("select * from training.model_quality")) == 0
    assert len(spoilt.table("select * from training.test_predictions")) == 0


def test_a_horizon_longer_than_the_history_is_refused_with_a_next_step(kiosk: Trained) -> None:
    with pytest.raises(HistoryError, match="longer than the history") as refused:
        build_features_and_labels(kiosk.warehouse, kiosk.settings.model_copy(update={"horizons": (5_000,)}))
    assert "--horizons" in refused.value.next_step


# --- when it is due -------------------------------------------------------------------------------------------------


@pytest.fixture
def why(kiosk: Trained) -> Callable[..., str | None]:
    """Return `why(as_of=..., <setting>=...)`: why a training is due for the kiosk and its champion."""

    def ask(as_of: date = AS_OF, registry: Registry | None = None, **settings: object) -> str | None:
        with kiosk.warehouse.connection() as connection:
            changed = kiosk.settings.model_copy(update=settings)
            return why_train(registry or kiosk.registry, connection, changed, as_of)

    return ask


def test_a_fresh_champion_is_kept(why: Callable[..., str | None]) -> None:
    assert why() is None
    assert why(AS_OF + timedelta(days=6)) is None
    assert why(AS_OF + timedelta(days=29), retrain_after_days=30) is None


def test_the_first_night_trains(why: Callable[..., str | None], tmp_path: Path) -> None:
    assert why(registry=Registry(tmp_path / "none")) == "there is no champion yet"


def test_an_old_champion_is_replaced(why: Callable[..., str | None]) -> None:
    assert "7 days or older" in (why(AS_OF + timedelta(days=7)) or "")
    assert "30 days or older" in (why(AS_OF + timedelta(days=30), retrain_after_days=30) or "")


def test_other_horizons_and_a_wish_train(why: Callable[..., str | None]) -> None:
    assert why(horizons=(30, 90)) == "the horizons changed"
    assert why(horizons=(31,)) == "the horizons changed"
    assert why(force_training=True) == "a retraining was requested"


def test_a_setting_that_shapes_the_model_trains_the_same_night_and_is_named(why: Callable[..., str | None]) -> None:
    assert why(min_buyers=50) == "settings that shape the model changed: min_buyers"
    assert why(net_refunds=False, seed=8) == "settings that shape the model changed: net_refunds, seed"
    assert why(threads=1, high_value_share=0.1, keep_models=2) is None


def test_a_training_that_was_cut_short_is_done_again(kiosk: Trained) -> None:
    with kiosk.warehouse.connection() as connection:
        assert records.trained_version(connection) == kept(kiosk).version
        connection.execute("begin transaction")
        records.create_tuning(connection)
        reason = why_train(kiosk.registry, connection, kiosk.settings, AS_OF) or ""
        assert "the last training was interrupted" in reason
        connection.execute("rollback")


def test_tables_of_an_earlier_release_are_made_again(kiosk: Trained) -> None:
    with kiosk.warehouse.connection() as connection:
        assert records.tables_of_another_release(connection) == []
        connection.execute("begin transaction")
        connection.execute("alter table training.model_quality drop column row_kind")
        reason = why_train(kiosk.registry, connection, kiosk.settings, AS_OF) or ""
        assert "tables of the last training lack columns of this release: training.model_quality" in reason
        connection.execute("rollback")


def test_a_champion_that_has_seen_the_future_is_not_used(why: Callable[..., str | None]) -> None:
    """A run for a past date must not be scored by a model that knows what came after."""
    reason = why(AS_OF - timedelta(days=1)) or ""
    assert "was trained on data up to 2024-06-01" in reason


def test_an_attribute_that_is_gone_or_of_another_kind_tonight_trains_and_is_named(
    kiosk: Trained, tmp_path: Path
) -> None:
    shutil.copytree(kiosk.registry.folder, tmp_path / "models")
    registry = Registry(tmp_path / "models")
    manifest = kept(kiosk)
    registry.write_manifest(replace(manifest, numeric_features=[*manifest.numeric_features, "crm_attribute_seats"]))

    def why(*attributes: tuple[str, str]) -> str | None:
        with kiosk.warehouse.connection() as connection:
            connection.execute("begin transaction")
            connection.execute("delete from clean.customer_attributes")
            for name, kind in attributes:
                connection.execute(
                    "insert into clean.customer_attributes by name "
                    "select $a as attribute, 'crm_' || $a as feature, $k as kind, 9 as customers, 2 as distinct_values",
                    {"a": name, "k": kind},
                )
            found = why_train(registry, connection, kiosk.settings, AS_OF)
            connection.execute("rollback")
            return found

    assert why(("attribute_seats", "number")) is None
    assert why(("attribute_new", "category"), ("attribute_seats", "number")) is None
    assert why() == "it needs the feature 'crm_attribute_seats', which is no longer built"
    assert "customers.attribute_seats is a text now" in (why(("attribute_seats", "category")) or "")


def test_a_feature_that_is_no_longer_built_is_named(kiosk: Trained, tmp_path: Path) -> None:
    manifest = kept(kiosk)
    built = set(manifest.columns.names)
    assert why_unfit(manifest, built | {"a_new_feature"}) is None
    gone = manifest.numeric_features[3]
    assert f"'{gone}'" in (why_unfit(manifest, built - {gone}) or "")
    with kiosk.warehouse.connection() as connection:
        connection.execute("begin transaction")
        connection.execute(f"alter table features.customer_features drop column {gone}")
        assert f"'{gone}'" in (why_train(kiosk.registry, connection, kiosk.settings, AS_OF) or "")
        connection.execute("rollback")
        connection.execute("begin transaction")
        connection.execute("drop table features.customer_features")
        assert "no feature tables" in (why_train(kiosk.registry, connection, kiosk.settings, AS_OF) or "")
        connection.execute("rollback")


def test_other_libraries_are_refused_by_name(kiosk: Trained, why: Callable[..., str | None], tmp_path: Path) -> None:
    manifest = kept(kiosk)
    built = set(manifest.columns.names)
    assert manifest.libraries == library_versions()
    for name, now in library_versions().items():
        other = replace(manifest, libraries={**manifest.libraries, name: "0.1.0"})
        assert why_unfit(other, built) == f"it was fitted with {name} 0.1.0, now {now} is installed"
        patched = ".".join([*now.split(".")[:2], "999"])
        assert why_unfit(replace(manifest, libraries={**manifest.libraries, name: patched}), built) is None
        unknown = {library: v for library, v in manifest.libraries.items() if library != name}
        assert name in (why_unfit(replace(manifest, libraries=unknown), built) or "")
    registry = Registry(tmp_path / "models")
    registry.new_folder("old")
    registry.write_manifest(replace(manifest, version="old", libraries={**manifest.libraries, "numpy": "0.1.0"}))
    registry.promote("old")
    assert "numpy 0.1.0" in (why(registry=registry) or "")


# --- the registry ---------------------------------------------------------------------------------------------------


def test_the_registry_lists_versions_and_promotes_one(kiosk: Trained, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    assert registry.champion() is None
    assert registry.versions() == []
    made = [replace(kept(kiosk), version=v, as_of=d) for v, d in (("b", date(2024, 1, 2)), ("a", date(2024, 3, 1)))]
    for manifest in reversed(made):
        registry.new_folder(manifest.version)
        registry.write_manifest(manifest)
    registry.new_folder("half written")
    assert registry.versions() == made
    assert registry.champion() is None
    registry.promote("b")
    assert registry.champion() == made[0]
    registry.promote("a")
    assert Registry(registry.folder).champion() == made[1]


def test_a_version_that_is_not_there_is_not_promoted(kiosk: Trained) -> None:
    for name in ("20990101-deadbeef", "", ".."):
        with pytest.raises(ArtefactError, match="no model version"):
            kiosk.registry.promote(name)
    assert kiosk.registry.champion() == kept(kiosk)


def test_no_customer_is_in_the_model_folder(kiosk: Trained) -> None:
    customers = set(kiosk.table("select distinct customer_id from raw.orders")["customer_id"])
    for path in (kiosk.registry.folder / kept(kiosk).version).iterdir():
        content = path.read_bytes()
        assert not [c for c in customers if c.encode() in content], path.name
