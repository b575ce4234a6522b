"""Trees that start from an expectation: without signal they predict the expectation, with signal they correct it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clv_pipeline.modeling.candidates.anchored import AnchoredClassifier, AnchoredRegressor
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Task
from clv_pipeline.modeling.candidates.ensembles import predict
from clv_pipeline.modeling.data import targets
from clv_pipeline.modeling.data.encoding import Anchor
from clv_pipeline_tests.made_up_rows import COLUMNS, feature_rows

ROWS = feature_rows(600, seed=1)
TASK = Task(COLUMNS, 90, seed=7)
RANDOM = np.random.default_rng(1)
NOISE = RANDOM.standard_normal((500, 3))


def test_without_a_tree_a_regressor_predicts_its_anchor() -> None:
    expected = RANDOM.lognormal(3, 1, 500)
    x = np.column_stack([np.log(expected), NOISE])
    for objective in ("reg:tweedie", "count:poisson"):
        model = AnchoredRegressor(objective=objective, n_estimators=0).fit(x, expected * 3)
        np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5)


def test_without_a_tree_a_classifier_predicts_its_anchor() -> None:
    chance = RANDOM.uniform(0.01, 0.99, 500)
    x = np.column_stack([np.log(chance / (1 - chance)), NOISE])
    model = AnchoredClassifier(n_estimators=0).fit(x, (RANDOM.random(500) < 0.5).astype(int))
    np.testing.assert_allclose(model.predict_proba(x)[:, 1], chance, rtol=1e-4)


def test_where_the_truth_is_the_anchor_trees_change_little() -> None:
    expected = np.random.default_rng(2).lognormal(3, 1, 500)
    x = np.column_stack([np.log(expected), NOISE])
    model = AnchoredRegressor(objective="reg:tweedie", n_estimators=50, max_depth=3, learning_rate=0.03)
    predicted = model.fit(x, expected).predict(x)
    assert np.median(np.abs(predicted / expected - 1)) < 0.02


def test_what_the_anchor_misses_is_learned() -> None:
    """Half the customers spend twice what the anchor says."""
    expected = np.random.default_rng(3).lognormal(3, 1, 2_000)
    doubles = np.arange(2_000) % 2
    x = np.column_stack([np.log(expected), doubles])
    model = AnchoredRegressor(objective="reg:tweedie", n_estimators=200, max_depth=2, learning_rate=0.1)
    predicted = model.fit(x, expected * (1 + doubles)).predict(x)
    assert np.median(predicted[doubles == 1] / expected[doubles == 1]) == pytest.approx(2, rel=0.05)
    assert np.median(predicted[doubles == 0] / expected[doubles == 0]) == pytest.approx(1, rel=0.05)


def test_the_anchor_is_put_on_the_scale_of_the_link_and_the_middle_stands_in_for_the_unknown() -> None:
    column = pd.DataFrame({"btyd_spend_90d": [1.0, np.e, np.e**2, np.nan, 0.0]})
    anchor = Anchor("log").fit(column)
    # 0 is put at 0.1 cent, so the middle of the four known is (0 + 1) / 2
    np.testing.assert_allclose(anchor.transform(column)[:, 0], [0, 1, 2, 0.5, np.log(1e-3)])
    tonight = pd.DataFrame({"btyd_spend_90d": [np.nan, np.inf]})
    np.testing.assert_allclose(anchor.transform(tonight)[:, 0], [0.5, 0.5])
    odds = Anchor("logit").fit(pd.DataFrame({"p": [0.5, 0.8]})).transform(pd.DataFrame({"p": [0.5, 0.8, 0.0, 1.0]}))
    np.testing.assert_allclose(odds[:, 0], np.log([1, 4, 1 / 999, 999]), atol=1e-9)


def test_where_no_expectation_is_known_at_all_the_anchor_is_nothing() -> None:
    unknown = pd.DataFrame({"btyd_spend_90d": [np.nan, np.nan]})
    np.testing.assert_array_equal(Anchor("log").fit(unknown).transform(unknown), np.zeros((2, 1)))


@pytest.mark.parametrize(
    ("name", "anchor"),
    [("xgboost_on_btyd", "btyd_spend_90d"), ("xgboost_classifier_on_btyd", "btyd_purchase_probability_90d")],
)
def test_a_candidate_follows_its_anchor(name: str, anchor: str) -> None:
    """Whoever is expected to do more is predicted more, beyond what the trees alone would make of the column."""
    candidate = next(c for c in CANDIDATES if c.name == name)
    model = candidate.fit(TASK, candidate.search[0] | {"n_estimators": 1}, ROWS)
    known = ROWS.features[anchor].notna()
    predicted = predict(model, ROWS.features[known])
    assert np.corrcoef(np.log(predicted), np.log(ROWS.features.loc[known, anchor].astype(float)))[0, 1] > 0.95


# --- what is learned ------------------------------------------------------------------------------------------------


def test_lessons_by_hand() -> None:
    rows = replace(
        ROWS,
        features=ROWS.features.iloc[:4],
        customer_id=ROWS.customer_id[:4],
        as_of=np.array(["2024-06-01", "2024-06-01", "2023-06-02", "2024-06-01"], dtype="datetime64[D]"),
        spend=np.array([90.0, -20.0, 50.0, 0.0]),
        purchase=np.array([1.0, 1.0, 1.0, 0.0]),
        purchase_days=np.array([3.0, 1.0, 2.0, 0.0]),
        half_life_days=365,
    )
    np.testing.assert_allclose(rows.weight, [1, 1, 0.5, 1])
    for learn, target in (
        (targets.net_spend, [90, -20, 50, 0]),
        (targets.spend, [90, 0, 50, 0]),
        (targets.bought, [1, 1, 1, 0]),
        (targets.purchase_days, [3, 1, 2, 0]),
    ):
        everybody = learn(rows)
        np.testing.assert_array_equal(everybody.rows, [0, 1, 2, 3])
        np.testing.assert_allclose(everybody.target, target)
        np.testing.assert_allclose(everybody.weight, [1, 1, 0.5, 1])
    # a purchase that was sent back in full is worth a hundredth of the usual 70, not less than nothing
    of_buyers, per_day = targets.spend_of_buyers(rows), targets.spend_per_purchase_day(rows)
    np.testing.assert_array_equal(of_buyers.rows, [0, 1, 2])
    np.testing.assert_allclose(of_buyers.target, [90, 0.7, 50])
    np.testing.assert_allclose(of_buyers.weight, [1, 1, 0.5])
    np.testing.assert_allclose(per_day.target, [30, 0.275, 25])
    np.testing.assert_allclose(per_day.weight, [3, 1, 1])
