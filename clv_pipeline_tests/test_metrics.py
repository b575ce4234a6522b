"""Each metric against a value computed by hand, by brute force over all orders of ties, or by another library."""

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn import metrics as reference

from clv_pipeline.modeling import metrics

Floats = NDArray[np.float64]

#: Two ties in the prediction, a customer who returned more than was bought.
ACTUAL = np.array([120.0, 0.0, 35.5, -20.0, 80.0, 0.0, 10.0])
PREDICTED = np.array([90.0, 5.0, 30.0, 5.0, 30.0, 0.0, 30.0])


def heavy_tailed(customers: int, seed: int) -> tuple[Floats, Floats]:
    """Return actual money (many zeros, some net returns) and a noisy prediction without ties."""
    generator = np.random.default_rng(seed)
    typical = generator.lognormal(3, 1, customers)
    actual = np.where(generator.random(customers) < 0.5, typical * generator.lognormal(0, 0.5, customers), 0)
    actual[generator.random(customers) < 0.05] *= -0.5
    return actual, typical * generator.lognormal(0, 0.3, customers)


def orders_that_agree(predicted: Floats) -> list[list[int]]:
    """Return every order of the customers, lowest prediction first, that equal predictions leave open."""
    customers = range(len(predicted))
    return [list(o) for o in permutations(customers) if (np.diff(predicted[list(o)]) >= 0).all()]


def gini_of_order(actual: Floats) -> float:
    """Return 1 - 2 x the area under the Lorenz curve of customers in the order given, by the trapezoid rule."""
    curve = np.concatenate([[0.0], np.cumsum(actual) / actual.sum()])
    return float(1 - 2 * np.sum((curve[1:] + curve[:-1]) / 2) / len(actual))


# --- the size of errors ---------------------------------------------------------------------------------------------


def test_errors_by_hand() -> None:
    actual, predicted = np.array([10.0, 0.0, -5.0, 95.0]), np.array([4.0, 1.0, 0.0, 105.0])
    assert metrics.mean_absolute_error(actual, predicted) == pytest.approx((6 + 1 + 5 + 10) / 4)
    assert metrics.median_absolute_error(actual, predicted) == pytest.approx(5.5)
    assert metrics.root_mean_squared_error(actual, predicted) == pytest.approx(np.sqrt((36 + 1 + 25 + 100) / 4))
    assert metrics.wape(actual, predicted) == pytest.approx(22 / 100)
    assert metrics.total_bias(actual, predicted) == pytest.approx(0.10)
    assert metrics.brier(np.array([1.0, 0.0]), np.array([0.8, 0.4])) == pytest.approx((0.04 + 0.16) / 2)


@pytest.mark.parametrize("seed", range(4))
def test_errors_agree_with_scikit_learn(seed: int) -> None:
    actual, predicted = heavy_tailed(500, seed)
    assert metrics.r_squared(actual, predicted) == pytest.approx(reference.r2_score(actual, predicted))
    assert metrics.mean_absolute_error(actual, predicted) == pytest.approx(
        reference.mean_absolute_error(actual, predicted)
    )
    assert metrics.median_absolute_error(actual, predicted) == pytest.approx(
        reference.median_absolute_error(actual, predicted)
    )
    assert metrics.root_mean_squared_error(actual, predicted) == pytest.approx(
        reference.root_mean_squared_error(actual, predicted)
    )


def test_total_bias_has_the_sign_of_the_prediction() -> None:
    actual = np.array([50.0, 50.0])
    assert metrics.total_bias(actual, np.array([30.0, 50.0])) == pytest.approx(-0.2)
    assert metrics.total_bias(actual, np.array([0.0, 120.0])) == pytest.approx(0.2)
    assert metrics.total_bias(actual, np.array([100.0, 0.0])) == 0


# --- rank -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_spearman_agrees_with_scipy_with_and_without_ties(seed: int) -> None:
    actual, predicted = heavy_tailed(300, seed)
    for p in (predicted, predicted.round(-1)):
        assert metrics.spearman(actual, p) == pytest.approx(spearmanr(actual, p).statistic)


def test_gini_of_the_perfect_order_is_one_and_of_its_reverse_minus_one() -> None:
    actual, _ = heavy_tailed(200, 1)
    assert metrics.normalised_gini(actual, actual) == pytest.approx(1)
    assert metrics.normalised_gini(actual, np.exp(actual / actual.max())) == pytest.approx(1)
    assert metrics.normalised_gini(actual, -actual) == pytest.approx(-1)


def test_gini_of_a_constant_is_zero_whatever_the_order_of_rows() -> None:
    actual = np.sort(heavy_tailed(200, 2)[0])
    assert metrics.normalised_gini(actual, np.full(200, 7.0)) == pytest.approx(0, abs=1e-12)
    assert metrics.normalised_gini(actual[::-1], np.zeros(200)) == pytest.approx(0, abs=1e-12)


def test_gini_with_ties_is_the_mean_over_all_orders_of_the_ties() -> None:
    orders = orders_that_agree(PREDICTED)
    assert len(orders) == 2 * 6
    over_orders = np.mean([gini_of_order(ACTUAL[o]) for o in orders])
    expected = over_orders / gini_of_order(np.sort(ACTUAL))
    assert metrics.normalised_gini(ACTUAL, PREDICTED) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_gini_of_yes_or_no_outcomes_is_twice_the_auc_less_one(seed: int) -> None:
    generator = np.random.default_rng(seed)
    actual = (generator.random(400) < 0.3).astype(float)
    predicted = (actual * 0.3 + generator.random(400)).round(1)
    assert metrics.normalised_gini(actual, predicted) == pytest.approx(2 * metrics.roc_auc(actual, predicted) - 1)


def area_by_pairs(actual: Floats, predicted: Floats) -> float:
    gaps = predicted[actual == 1][:, None] - predicted[actual == 0][None, :]
    return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))


def test_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    generator = np.random.default_rng(0)
    actual = (generator.random(150) < 0.4).astype(float)
    predicted = (actual * 0.2 + generator.random(150)).round(1)
    assert metrics.roc_auc(actual, predicted) == pytest.approx(area_by_pairs(actual, predicted))


# --- the top --------------------------------------------------------------------------------------------------------


def test_capture_by_hand() -> None:
    actual = np.array([100.0, 50.0, 30.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    predicted = np.array([2.0, 9.0, 3.0, 8.0, 1.0, 0.0, 0.5, 0.4, 0.3, 0.2])
    assert metrics.top_decile_capture(actual, predicted) == pytest.approx(50 / 100)
    assert metrics.top_fifth_capture(actual, predicted) == pytest.approx(50 / 150)
    assert metrics.top_decile_capture(actual, actual) == 1
    assert metrics.top_fifth_capture(actual, actual) == 1


@pytest.mark.parametrize(
    ("capture", "customers"), [(metrics.top_decile_capture, 1), (metrics.top_fifth_capture, 1)], ids=["decile", "fifth"]
)
def test_capture_with_ties_is_the_mean_over_all_orders_of_the_ties(
    capture: Callable[[Floats, Floats], float], customers: int
) -> None:
    predicted = np.array([5.0, 30.0, 30.0, 5.0, 30.0, 0.0, 30.0])
    found = [ACTUAL[o][-customers:].sum() for o in orders_that_agree(predicted)]
    assert capture(ACTUAL, predicted) == pytest.approx(np.mean(found) / ACTUAL.max())


def test_capture_of_a_constant_is_the_share_that_chance_would_catch() -> None:
    actual = np.sort(heavy_tailed(500, 3)[0])
    best = np.sort(actual)[-50:].sum()
    assert metrics.top_decile_capture(actual, np.ones(500)) == pytest.approx(50 * actual.mean() / best)
    assert metrics.top_decile_capture(actual[::-1], np.ones(500)) == pytest.approx(50 * actual.mean() / best)


# --- the level of deciles -------------------------------------------------------------------------------------------


def test_decile_wape_by_hand() -> None:
    actual = np.repeat(np.arange(10.0), 2)
    assert metrics.decile_wape(actual, actual + np.tile([-0.25, 0.25], 10)) == pytest.approx(0)
    assert metrics.decile_wape(actual, actual * 1.2) == pytest.approx(0.2)
    half_high_half_low = np.where(actual >= 5, actual * 1.1, actual * 0.9)
    assert metrics.total_bias(actual, half_high_half_low) == pytest.approx(0.1 * (70 - 20) / 90)
    assert metrics.decile_wape(actual, half_high_half_low) == pytest.approx(0.1)


@pytest.mark.parametrize("seed", range(3))
def test_decile_wape_agrees_with_a_loop(seed: int) -> None:
    actual, predicted = heavy_tailed(400, seed)
    order = sorted(range(400), key=lambda i: predicted[i])
    wrong = 0.0
    for decile in range(10):
        members = order[decile * 40 : (decile + 1) * 40]
        wrong += abs(sum(predicted[i] for i in members) - sum(actual[i] for i in members))
    assert metrics.decile_wape(actual, predicted) == pytest.approx(wrong / actual.sum())


# --- probabilities --------------------------------------------------------------------------------------------------


def test_log_loss_agrees_with_scikit_learn() -> None:
    generator = np.random.default_rng(1)
    predicted = generator.uniform(0.01, 0.99, 300)
    actual = (generator.random(300) < predicted).astype(float)
    assert metrics.log_loss(actual, predicted) == pytest.approx(reference.log_loss(actual, predicted))
    assert metrics.brier(actual, predicted) == pytest.approx(reference.brier_score_loss(actual, predicted))


def test_log_loss_of_a_certain_and_wrong_forecast_is_large_but_finite() -> None:
    wrong = metrics.log_loss(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert wrong == pytest.approx(-np.log(1e-6), rel=1e-6)
    assert metrics.log_loss(np.array([1.0, 0.0]), np.array([1.0, 0.0])) == pytest.approx(1e-6, rel=1e-3)


def test_calibration_slope_by_hand() -> None:
    """Predicted log odds twice as large as the true ones, or half as large, have a slope of one half, or two."""
    generator = np.random.default_rng(2)
    log_odds = generator.normal(0, 1.2, 40_000)
    actual = (generator.random(40_000) < 1 / (1 + np.exp(-log_odds))).astype(float)
    for factor in (1.0, 2.0, 0.5):
        predicted = 1 / (1 + np.exp(-factor * log_odds))
        assert metrics.calibration_slope(actual, predicted) == pytest.approx(1 / factor, rel=0.05)


@pytest.mark.parametrize(("actual", "predicted"), [([1.0, 1.0], [0.2, 0.4]), ([0.0, 1.0], [0.3, 0.3])])
def test_a_slope_of_one_class_or_one_probability_is_undefined(actual: list[float], predicted: list[float]) -> None:
    assert np.isnan(metrics.calibration_slope(np.array(actual), np.array(predicted)))


# --- deviance and coverage ------------------------------------------------------------------------------------------


def test_tweedie_deviance_agrees_with_scikit_learn_and_takes_no_negative_money() -> None:
    actual, predicted = heavy_tailed(300, 1)
    expected = reference.mean_tweedie_deviance(np.maximum(actual, 0), predicted, power=1.5)
    assert metrics.tweedie_deviance(actual, predicted) == pytest.approx(expected)
    assert metrics.tweedie_deviance(np.array([4.0, 9.0]), np.array([4.0, 9.0])) == pytest.approx(0)
    assert np.isfinite(metrics.tweedie_deviance(np.array([5.0]), np.array([0.0])))


def test_coverage_by_hand() -> None:
    """Ten customers, one a decile: the two best predicted and a buyer in the middle lie outside their intervals."""
    predicted = np.arange(10.0)[::-1]
    actual = np.array([50.0, -3.0, 8.0, 0.0, 30.0, 0.0, 0.0, 0.0, 0.0, 10.004])
    low = np.array([0.0, 1.0, 8.0, *[0.0] * 7])
    high = np.array([40.0, 9.0, 8.0, *[10.0] * 7])
    found = metrics.coverage(actual, predicted, low, high)
    # 50 above 40, a net return counts as nothing and is below 1, 30 above 10; half a cent above 10 is rounding
    assert found["coverage"] == pytest.approx(7 / 10)
    assert found["coverage_of_buyers"] == pytest.approx(2 / 4)
    assert (found["coverage_of_top_decile"], found["lowest_decile_coverage"]) == (0, 0)
    assert found["highest_decile_coverage"] == 1
    nobody = metrics.coverage(np.zeros(10), predicted, low * 0, high)
    assert nobody["coverage"] == 1
    assert np.isnan(nobody["coverage_of_buyers"])


# --- all of them ----------------------------------------------------------------------------------------------------

_ALL = {**metrics.SPEND_METRICS, **metrics.PROBABILITY_METRICS}


@pytest.mark.parametrize(
    ("name", "actual", "predicted"),
    [
        ("r_squared", [4.0, 4.0], [3.0, 5.0]),
        ("wape", [0.0, 0.0], [1.0, 0.0]),
        ("wape", [5.0, -9.0], [1.0, 0.0]),
        ("total_bias", [0.0, 0.0], [1.0, 0.0]),
        ("total_bias", [5.0, -9.0], [1.0, 0.0]),
        ("spearman", [1.0, 1.0, 1.0], [1.0, 2.0, 3.0]),
        ("spearman", [1.0, 2.0, 3.0], [1.0, 1.0, 1.0]),
        ("normalised_gini", [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]),
        ("normalised_gini", [5.0, -9.0, 1.0], [1.0, 2.0, 3.0]),
        ("normalised_gini", [3.0, 3.0, 3.0], [1.0, 2.0, 3.0]),
        ("normalised_gini", [3.0], [1.0]),
        ("top_decile_capture", [0.0, -1.0, 0.0], [1.0, 2.0, 3.0]),
        ("top_fifth_capture", [0.0, -1.0, 0.0], [1.0, 2.0, 3.0]),
        ("decile_wape", [0.0, -1.0, 0.0], [1.0, 2.0, 3.0]),
        ("roc_auc", [1.0, 1.0], [0.2, 0.4]),
        ("roc_auc", [0.0, 0.0], [0.2, 0.4]),
    ],
)
def test_undefined_is_nan(name: str, actual: list[float], predicted: list[float]) -> None:
    assert np.isnan(_ALL[name](np.array(actual), np.array(predicted)))


@pytest.mark.parametrize(
    # a median looks past the few who returned, and a Tweedie deviance takes no negative money
    "name",
    [name for name in metrics.SPEND_METRICS if name not in ("median_absolute_error", "tweedie_deviance")],
)
def test_net_returns_are_money_like_any_other(name: str) -> None:
    actual, predicted = heavy_tailed(300, 4)
    assert actual.min() < 0
    value = metrics.SPEND_METRICS[name](actual, predicted)
    assert np.isfinite(value)
    # what a customer sent back must count: hiding it changes the figure
    assert value != pytest.approx(metrics.SPEND_METRICS[name](np.maximum(actual, 0), predicted), abs=1e-9)


@pytest.mark.parametrize("name", _ALL)
@pytest.mark.parametrize("kind", ["constant", "rounded", "no ties"])
def test_the_order_of_rows_does_not_matter(name: str, kind: str) -> None:
    actual, predicted = heavy_tailed(300, 6)
    if name in metrics.PROBABILITY_METRICS:
        actual, predicted = (actual > 0).astype(float), predicted / (predicted + 20)
    predicted = {"constant": np.full(300, 0.5), "rounded": predicted.round(1), "no ties": predicted}[kind]
    by_money, by_chance = np.argsort(actual), np.random.default_rng(0).permutation(300)
    value = _ALL[name](actual[by_money], predicted[by_money])
    assert value == pytest.approx(_ALL[name](actual[by_chance], predicted[by_chance]), nan_ok=True, abs=1e-9)


# --- intervals ------------------------------------------------------------------------------------------------------


def test_a_90_percent_interval_covers_the_truth_about_nine_times_in_ten() -> None:
    covered = 0
    for study in range(200):
        actual = np.random.default_rng(study).exponential(10, 150)
        found = metrics.measure(
            {"mae": metrics.mean_absolute_error}, actual, np.zeros(150), samples=100, seed=study + 1_000
        )
        covered += found["mae"].low <= 10 <= found["mae"].high
    assert 0.82 <= covered / 200 <= 0.96


def test_an_interval_is_the_quantiles_of_the_draws_and_contains_the_value() -> None:
    actual, predicted = heavy_tailed(300, 7)
    found = metrics.measure(metrics.SPEND_METRICS, actual, predicted, samples=80, seed=5)
    draws = metrics.bootstrap_draws(300, 80, 5)
    assert found.keys() == metrics.SPEND_METRICS.keys()
    for name in ("wape", "normalised_gini", "spearman"):
        values = [metrics.SPEND_METRICS[name](actual[d], predicted[d]) for d in draws]
        assert (found[name].low, found[name].high) == pytest.approx(tuple(np.quantile(values, [0.05, 0.95])))
    for name, estimate in found.items():
        assert estimate.value == _ALL[name](actual, predicted)
        assert estimate.low < estimate.value < estimate.high, name


def test_a_larger_sample_has_a_narrower_interval() -> None:
    few = metrics.measure(metrics.SPEND_METRICS, *heavy_tailed(100, 8), samples=60, seed=1)["spearman"]
    many = metrics.measure(metrics.SPEND_METRICS, *heavy_tailed(4_000, 8), samples=60, seed=1)["spearman"]
    assert many.high - many.low < (few.high - few.low) / 3


def test_the_seed_decides_the_interval() -> None:
    actual, predicted = heavy_tailed(200, 9)
    first, again, other = (
        metrics.measure(metrics.SPEND_METRICS, actual, predicted, samples=40, seed=seed) for seed in (3, 3, 4)
    )
    assert first == again
    assert first["wape"].value == other["wape"].value
    assert (first["wape"].low, first["wape"].high) != (other["wape"].low, other["wape"].high)


def test_draws_are_with_replacement_and_paired_by_seed() -> None:
    draws = metrics.bootstrap_draws(50, 30, 7)
    assert len(draws) == 30
    assert all(len(d) == 50 and d.min() >= 0 and d.max() < 50 for d in draws)
    assert all(len(np.unique(d)) < 50 for d in draws)
    assert len({tuple(d) for d in draws}) == 30
    np.testing.assert_array_equal(draws, metrics.bootstrap_draws(50, 30, 7))


def test_two_models_are_measured_on_the_same_draws() -> None:
    actual, predicted = heavy_tailed(200, 10)
    one = metrics.measure({"bias": metrics.total_bias}, actual, predicted, samples=50, seed=2)["bias"]
    twice = metrics.measure({"bias": metrics.total_bias}, actual, 2 * predicted, samples=50, seed=2)["bias"]
    assert twice.low + 1 == pytest.approx(2 * (one.low + 1))
    assert twice.high + 1 == pytest.approx(2 * (one.high + 1))


def test_a_metric_that_is_never_defined_has_no_interval() -> None:
    found = metrics.measure(metrics.SPEND_METRICS, np.zeros(20), np.arange(20.0), samples=20, seed=0)
    assert np.isnan([found["wape"].value, found["wape"].low, found["wape"].high]).all()
    assert found["mean_absolute_error"].value == pytest.approx(9.5)


def test_draws_without_a_buyer_do_not_spoil_the_interval() -> None:
    actual = np.zeros(20)
    actual[3] = 1
    found = metrics.measure(metrics.PROBABILITY_METRICS, actual, np.linspace(0, 1, 20), samples=60, seed=0)["roc_auc"]
    draws = metrics.bootstrap_draws(20, 60, 0)
    assert any(actual[d].max() == 0 for d in draws)
    assert found.low <= found.value <= found.high
