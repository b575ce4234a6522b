"""Prediction intervals: coverage on a fresh draw, typical spend, slope, the total's interval; by hand and by simulation."""

import json
from dataclasses import asdict, replace
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import t as student_t

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.calibration.intervals import Calibration, PastWindow, calibrate
from clv_pipeline.modeling.calibration.level import ExpectedTotal
from clv_pipeline.modeling.calibration.total_record import PastTotal, TotalRecord, record_of

CUSTOMERS = 20_000


def window(seed: int, customers: int = CUSTOMERS) -> PastWindow:
    """Return zero-inflated lognormal customers with the true chance and expectation of each; half of them buy.

    The fewer buy, the larger the share of buyers among those outside: of all customers it stays the same.
    """
    generator = np.random.default_rng(seed)
    chance = generator.beta(1.2, 1.2, customers)
    if_buying = generator.lognormal(4, 1, customers)
    purchase = (generator.random(customers) < chance).astype(float)
    spend = purchase * if_buying * generator.lognormal(-(0.6**2) / 2, 0.6, customers)
    return PastWindow(chance * if_buying, chance, spend, purchase)


def tilted(chance: np.ndarray, factor: float) -> np.ndarray:
    """Return probabilities whose log odds are multiplied."""
    return 1 / (1 + ((1 - chance) / chance) ** factor)


def learned(*windows: PastWindow) -> Calibration:
    """Return the calibration of windows, without a record of past totals."""
    return calibrate(windows, TotalRecord(), TotalRecord())


@pytest.fixture(scope="module")
def taught() -> Calibration:
    return learned(window(1), window(2))


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
        return replace(made, spend=made.purchase * made.expected / made.probability * noise)

    found = learned(uneven(1))
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
    found = learned(*windows)
    assert found.slope > 1.2 if factor < 1 else found.slope < 0.85
    fresh = window(3)
    wrong = tilted(fresh.probability, factor)
    right = found.probability(wrong, ExpectedTotal(buyers=float(fresh.purchase.mean())))
    # the prior holds some of it back
    off_before, off_after = (abs(metrics.calibration_slope(fresh.purchase, p) - 1) for p in (wrong, right))
    assert off_after < 0.6 * off_before
    assert metrics.log_loss(fresh.purchase, right) < metrics.log_loss(fresh.purchase, wrong)


def test_a_few_customers_do_not_bend_the_slope() -> None:
    few = window(1, customers=150)
    found = learned(replace(few, probability=tilted(few.probability, 0.6)))
    assert 1 < found.slope < 1.15


def test_the_mean_probability_is_the_level_and_without_one_it_stays(taught: Calibration) -> None:
    chance = window(7).probability
    assert taught.probability(chance, ExpectedTotal(buyers=0.2)).mean() == pytest.approx(0.2, abs=1e-4)
    steeper = replace(taught, slope=1.6)
    assert steeper.probability(chance, ExpectedTotal()).mean() == pytest.approx(chance.mean(), abs=1e-4)
    assert len(taught.probability(np.zeros(0), ExpectedTotal())) == 0


# --- the total ------------------------------------------------------------------------------------------------------


SEASON = ExpectedTotal(season=1.2)


def test_the_interval_of_the_total_contains_the_truth_and_the_prediction(taught: Calibration) -> None:
    fresh = window(8)
    low, high = taught.total(float(fresh.expected.sum()), SEASON)
    assert low < fresh.spend.sum() < high
    assert low < fresh.expected.sum() < high
    assert taught.total(2_000.0, SEASON) == pytest.approx(2 * np.array(taught.total(1_000.0, SEASON)))


def test_worse_totals_in_the_past_make_it_wider_and_more_windows_narrower() -> None:
    def reach(error: float, windows: int) -> float:
        past = [PastTotal(date(2020, 1, 1) + timedelta(days=90 * n), error, 0.0, True) for n in range(windows)]
        return record_of(past, 90, knows_season=True).reach(knows_season=True, variation=0.0)

    assert reach(0.0, 2) < reach(0.3, 2) < reach(0.7, 2)
    assert reach(0.02, 8) < reach(0.02, 2)
    assert reach(0.02, 12) < np.log(1.15), "a company that was never off is not told of a factor"


@pytest.mark.parametrize(("knows_season", "prior", "counts_as"), [(True, 0.15, 1.5), (False, 0.30, 4.0)])
def test_the_interval_of_the_total_by_hand(*, knows_season: bool, prior: float, counts_as: float) -> None:
    """One window came out at twice what was predicted; one that knew more or less of the season is not counted."""
    past = [
        PastTotal(date(2023, 1, 1), float(np.log(2)), 0.04, knows_season),
        PastTotal(date(2023, 4, 1), 3.0, 0.0, not knows_season),
    ]
    record = record_of(past, 90, knows_season=knows_season)
    level = (counts_as * prior**2 + np.log(2) ** 2 - 0.04) / (counts_as + 1)
    expected = student_t.ppf(0.95, 5) * np.sqrt(level + 0.01)
    assert record.reach(knows_season=knows_season, variation=0.01) == pytest.approx(expected, rel=1e-5)


def test_overlapping_windows_count_by_the_days_they_do_not_share() -> None:
    past = [PastTotal(date(2023, 1, 1) + timedelta(days=30 * n), 0.1, 0.0, False) for n in range(4)]
    assert record_of(past, 90, knows_season=False).windows == pytest.approx(2.0)
    assert record_of(past, 30, knows_season=False).windows == pytest.approx(4.0)


def test_few_purchases_make_the_interval_of_the_total_wide(taught: Calibration) -> None:
    few, many = (taught.reach(ExpectedTotal(variation=1 / purchases)) for purchases in (10, 10_000))
    assert few > many + 0.15


def test_without_a_season_the_interval_of_the_total_is_wider(taught: Calibration) -> None:
    low, high = taught.total(1_000.0, SEASON)
    lowest, highest = taught.total(1_000.0, ExpectedTotal())
    assert lowest < low < high < highest


# --- one distribution -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reach", [0.0, 0.5])
def test_the_mean_lies_inside_the_interval_however_few_buy(taught: Calibration, reach: float) -> None:
    chance = np.geomspace(0.0005, 0.999, 2_000)
    expected = chance * np.geomspace(5, 5_000, 2_000)
    found = taught.interval(expected, chance, reach)
    assert ((found.low <= expected) & (expected <= found.high)).all()
    assert ((found.low <= found.typical) & (found.typical <= found.high)).all()
    assert (found.if_buying_low <= found.if_buying_typical).all()
    assert (found.if_buying_typical <= found.if_buying_high).all()
    assert (found.if_buying_low > 0).all()


def test_nine_in_ten_buyers_lie_inside_the_interval_if_they_buy_where_few_do_too(taught: Calibration) -> None:
    generator = np.random.default_rng(11)
    chance = np.full(20_000, 0.03)
    if_buying = generator.lognormal(4, 1, 20_000)
    spend = if_buying * generator.lognormal(-(0.6**2) / 2, 0.6, 20_000)
    found = taught.interval(chance * if_buying, chance)
    assert 0.87 <= ((spend >= found.if_buying_low) & (spend <= found.if_buying_high)).mean() <= 0.93


def test_an_unsure_total_makes_every_interval_wider(taught: Calibration) -> None:
    fresh = window(4, customers=500)
    sure, unsure = (taught.interval(fresh.expected, fresh.probability, reach) for reach in (0.0, 0.6))
    assert (unsure.if_buying_low <= sure.if_buying_low).all() and (unsure.if_buying_high >= sure.if_buying_high).all()
    assert unsure.if_buying_high.sum() > 1.03 * sure.if_buying_high.sum()
    np.testing.assert_array_equal(unsure.if_buying_typical, sure.if_buying_typical)


# --- saved, and too little to learn from ----------------------------------------------------------------------------


def test_it_is_saved_as_json_and_is_the_same_again() -> None:
    found = calibrate([window(1)], TotalRecord(2.0, 0.01), TotalRecord(1.0, 0.04))
    saved = json.loads(json.dumps(asdict(found)))
    records = {name: TotalRecord(**saved[name]) for name in ("with_season", "without")}
    assert Calibration(**saved | records) == found


def test_where_nobody_bought_the_errors_are_those_of_other_companies() -> None:
    made = window(1, customers=500)
    nobody = replace(made, spend=np.zeros(500), purchase=np.zeros(500))
    others = learned()
    assert learned(nobody) == others
    assert learned(replace(made, expected=np.zeros(500))) == others
    assert learned(nobody, made) == learned(made) != others
    found = others.interval(np.array([10.0]), np.array([0.5]))
    # as widely spread as in companies that were measured: a factor of about four to each side
    assert 2 < found.if_buying_high[0] / found.if_buying_typical[0] < 8
    assert found.if_buying_low[0] < 20 < found.if_buying_high[0]


def test_a_handful_of_buyers_is_enough_to_say_something() -> None:
    made = window(1, customers=12)
    assert 0 < made.purchase.sum() < 12
    found = learned(made)
    assert len(found.sizes) == 1
    outlook = found.interval(made.expected, found.probability(made.probability, ExpectedTotal()))
    assert (outlook.low <= outlook.high).all() and np.isfinite(outlook.high).all()
