"""Prediction intervals: coverage on a fresh draw, typical spend, slope, the total's interval; by hand and by simulation."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.stats import t as student_t

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.calibration.intervals import Calibration, PastWindow, calibrate
from clv_pipeline.modeling.calibration.level import ExpectedTotal

CUSTOMERS = 20_000


def window(seed: int, customers: int = CUSTOMERS) -> PastWindow:
    """Return zero-inflated lognormal customers with the true chance and expectation of each; half of them buy.

    The fewer buy, the larger the share of buyers among those outside: of all customers it stays the same.
    """
    generator = np.random.default_rng(seed)
    chance = generator.beta(1.2, 1.2, customers)
    if_buying = generator.lognormal(4, 1, customers)
    flag = (generator.random(customers) < chance).astype(float)
    spend = flag * if_buying * generator.lognormal(-(0.6**2) / 2, 0.6, customers)
    return PastWindow(chance * if_buying, chance, spend, flag, knows_season=True)


def tilted(chance: np.ndarray, factor: float) -> np.ndarray:
    """Return probabilities whose log odds are multiplied."""
    return 1 / (1 + ((1 - chance) / chance) ** factor)


@pytest.fixture(scope="module")
def taught() -> Calibration:
    found = calibrate([window(1), window(2)])
    assert found is not None
    return found


# --- intervals of customers -----------------------------------------------------------------------------------------


def test_on_a_fresh_draw_nine_in_ten_customers_lie_inside_and_buyers_nearly_so(taught: Calibration) -> None:
    fresh = window(3)
    probability = taught.probability(fresh.probability, ExpectedTotal())
    outlook = taught.interval(fresh.expected, probability)
    found = metrics.coverage(fresh.spend, fresh.expected, outlook.low, outlook.high)
    assert 0.88 <= found["coverage"] <= 0.95
    assert found["coverage_of_buyers"] >= 0.85
    assert found["lowest_decile_coverage"] >= 0.80


def test_small_and_large_customers_have_errors_of_their_own() -> None:
    """Where small customers are ten times as unsteady as large ones, each decile is covered all the same."""
    generator = np.random.default_rng(5)

    def uneven(seed: int) -> PastWindow:
        made = window(seed)
        sigma = np.where(made.expected / made.probability < np.exp(4), 1.2, 0.3)
        noise = np.exp(sigma * generator.standard_normal(CUSTOMERS) - sigma**2 / 2)
        return replace(made, spend=made.flag * made.expected / made.probability * noise)

    found = calibrate([uneven(1)])
    assert found is not None
    fresh = uneven(2)
    outlook = found.interval(fresh.expected, found.probability(fresh.probability, ExpectedTotal()))
    inside = (fresh.spend >= outlook.low - 0.005) & (fresh.spend <= outlook.high + 0.005)
    is_large, buys = fresh.expected / fresh.probability > np.exp(4), fresh.spend > 0
    for size in (is_large, ~is_large):
        assert 0.85 <= inside[size & buys].mean() <= 0.97


def test_typical_is_nothing_where_no_purchase_is_likelier_and_the_median_elsewhere(taught: Calibration) -> None:
    chance = np.array([0.05, 0.30, 0.499, 0.70, 0.95])
    if_buying = np.full(5, 60.0)
    outlook = taught.interval(chance * if_buying, chance)
    np.testing.assert_array_equal(outlook.typical[:3], 0)
    # the median of everybody is the quantile among buyers that leaves half of everybody below it
    generator = np.random.default_rng(9)
    for place in (3, 4):
        spend = (generator.random(200_000) < chance[place]) * 60.0 * generator.lognormal(-0.18, 0.6, 200_000)
        assert outlook.typical[place] == pytest.approx(np.median(spend), rel=0.06)


def test_the_ends_lie_around_what_is_typical(taught: Calibration) -> None:
    fresh = window(4)
    outlook = taught.interval(fresh.expected, fresh.probability)
    assert (outlook.low >= 0).all()
    assert (outlook.low <= outlook.typical).all()
    assert (outlook.typical <= outlook.high).all()
    assert np.isfinite(outlook.high).all()
    assert (outlook.low > 0).any()


def test_more_expected_is_never_less_at_the_upper_end(taught: Calibration) -> None:
    for chance in (0.1, 0.3, 0.6, 0.9, 0.97):
        expected = np.geomspace(0.01, 1e5, 4_000)
        high = taught.interval(expected, np.full(4_000, chance)).high
        assert (np.diff(high) >= 0).all(), chance


def test_nothing_at_all_is_expected_of_a_customer_without_a_chance(taught: Calibration) -> None:
    outlook = taught.interval(np.array([0.0]), np.array([0.0]))
    assert (outlook.typical[0], outlook.low[0], outlook.high[0]) == (0, 0, 0)


# --- the slope of the probability -----------------------------------------------------------------------------------


def test_right_probabilities_are_left_as_they_are(taught: Calibration) -> None:
    assert taught.slope == pytest.approx(1, abs=0.05)
    chance = window(6).probability
    np.testing.assert_allclose(taught.probability(chance, ExpectedTotal()), chance, atol=0.02)


@pytest.mark.parametrize("factor", [0.6, 1.5])
def test_probabilities_too_timid_or_too_bold_are_drawn_to_the_right_slope(factor: float) -> None:
    windows = [replace(w, probability=tilted(w.probability, factor)) for w in (window(1), window(2))]
    found = calibrate(windows)
    assert found is not None
    assert found.slope > 1.2 if factor < 1 else found.slope < 0.85
    fresh = window(3)
    wrong = tilted(fresh.probability, factor)
    right = found.probability(wrong, ExpectedTotal(buyers=float(fresh.flag.mean())))
    # the prior holds some of it back
    off_before, off_after = (abs(metrics.calibration_slope(fresh.flag, p) - 1) for p in (wrong, right))
    assert off_after < 0.6 * off_before
    assert metrics.log_loss(fresh.flag, right) < metrics.log_loss(fresh.flag, wrong)


def test_a_few_customers_do_not_bend_the_slope() -> None:
    few = window(1, customers=150)
    found = calibrate([replace(few, probability=tilted(few.probability, 0.6))])
    assert found is not None
    assert 1 < found.slope < 1.15


def test_the_mean_probability_is_the_level_and_without_one_it_stays(taught: Calibration) -> None:
    chance = window(7).probability
    assert taught.probability(chance, ExpectedTotal(buyers=0.2)).mean() == pytest.approx(0.2, abs=1e-4)
    steeper = replace(taught, slope=1.6)
    assert steeper.probability(chance, ExpectedTotal()).mean() == pytest.approx(chance.mean(), abs=1e-4)
    assert len(taught.probability(np.zeros(0), ExpectedTotal())) == 0


# --- the total ------------------------------------------------------------------------------------------------------


def off_by(factor: float, seed: int) -> PastWindow:
    made = window(seed, customers=3_000)
    return replace(made, expected=made.expected * factor)


def test_the_interval_of_the_total_contains_the_truth_and_the_prediction(taught: Calibration) -> None:
    fresh = window(8)
    low, high = taught.total(float(fresh.expected.sum()), knows_season=True)
    assert low < fresh.spend.sum() < high
    assert low < fresh.expected.sum() < high
    assert taught.total(2_000.0, knows_season=True) == pytest.approx(
        2 * np.array(taught.total(1_000.0, knows_season=True))
    )


def test_worse_totals_in_the_past_make_it_wider_and_more_windows_narrower() -> None:
    reaches = []
    for factor in (1.0, 1.3, 2.0):
        found = calibrate([off_by(factor, 1), off_by(1 / factor, 2)])
        assert found is not None
        low, high = found.total(1_000.0, knows_season=True)
        reaches.append(high / low)
    assert reaches == sorted(reaches)
    assert reaches[2] > 2 * reaches[0]
    many = calibrate([off_by(1.0, seed) for seed in range(8)])
    assert many is not None
    low, high = many.total(1_000.0, knows_season=True)
    assert high / low < reaches[0]


@pytest.mark.parametrize(("knows_season", "prior"), [(True, 0.15), (False, 0.35)])
def test_the_interval_of_the_total_by_hand(knows_season: bool, prior: float) -> None:
    """Two windows of the prior, one that came out at twice what was predicted, and one that knew more or less: not counted."""
    made = window(1, customers=3_000)
    exact = replace(made, expected=made.expected * (made.spend.sum() / made.expected.sum()) / 2)
    other = replace(exact, expected=exact.expected / 5, knows_season=not knows_season)
    found = calibrate([replace(exact, knows_season=knows_season), other])
    assert found is not None
    reach = student_t.ppf(0.95, 3) * np.sqrt((2 * prior**2 + np.log(2) ** 2) / 3)
    assert found.total(1_000.0, knows_season=knows_season) == pytest.approx(1_000.0 * np.exp([-reach, reach]))


def test_without_a_season_the_interval_of_the_total_is_wider(taught: Calibration) -> None:
    low, high = taught.total(1_000.0, knows_season=True)
    lowest, highest = taught.total(1_000.0, knows_season=False)
    assert lowest < low < high < highest


# --- saved, and too little to learn from ----------------------------------------------------------------------------


def test_it_is_saved_as_json_and_is_the_same_again(taught: Calibration) -> None:
    again = Calibration(**json.loads(json.dumps(asdict(taught))))
    assert again == taught
    fresh = window(3)
    np.testing.assert_array_equal(
        again.interval(fresh.expected, fresh.probability).high, taught.interval(fresh.expected, fresh.probability).high
    )


def test_where_nobody_bought_nothing_is_claimed() -> None:
    made = window(1, customers=500)
    nobody = replace(made, spend=np.zeros(500), flag=np.zeros(500))
    assert calibrate([nobody]) is None
    assert calibrate([]) is None
    assert calibrate([replace(made, expected=np.zeros(500))]) is None
    assert calibrate([nobody, made]) == calibrate([made])


def test_a_handful_of_buyers_is_enough_to_say_something() -> None:
    made = window(1, customers=12)
    assert 0 < made.flag.sum() < 12
    found = calibrate([made])
    assert found is not None
    assert len(found.sizes) == 1
    outlook = found.interval(made.expected, found.probability(made.probability, ExpectedTotal()))
    assert (outlook.low <= outlook.high).all() and np.isfinite(outlook.high).all()
