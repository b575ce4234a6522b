"""The expected total: its scale, the season of last year's weeks, and that no data from the cutoff on is used."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pytest

from clv_pipeline.features.cutoffs import HISTORY_NEEDED, YEAR, cutoff_a_year_before
from clv_pipeline.modeling.calibration.level import (
    ExpectedTotal,
    PastMean,
    expected_total,
    for_model,
    learned_season,
    scale_probability,
    scale_spend,
)
from clv_pipeline.warehouse.connection import Connection, Warehouse
from clv_pipeline_tests.made_up_rows import feature_rows

CUTOFF = date(2024, 6, 1)
LAST_YEAR = CUTOFF - YEAR


# --- scaling --------------------------------------------------------------------------------------------------------


def test_scaled_spend_sums_to_the_level_and_keeps_its_shape() -> None:
    predicted = np.array([0.0, 1.0, 2.0, 5.0])
    np.testing.assert_allclose(scale_spend(predicted, ExpectedTotal(spend=24.0)), [0, 3, 6, 15])
    np.testing.assert_array_equal(scale_spend(predicted, ExpectedTotal()), predicted)
    np.testing.assert_array_equal(scale_spend(np.zeros(3), ExpectedTotal(spend=24.0)), np.zeros(3))
    assert len(scale_spend(np.zeros(0), ExpectedTotal(spend=24.0))) == 0


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.97])
def test_scaled_probabilities_have_the_share_as_their_mean_and_keep_their_order(share: float) -> None:
    predicted = np.random.default_rng(1).beta(0.7, 2, 5_000)
    scaled = scale_probability(predicted, ExpectedTotal(buyers=share))
    assert scaled.mean() == pytest.approx(share, abs=1e-4)
    assert scaled.min() >= 0 and scaled.max() <= 1
    assert (np.diff(scaled[np.argsort(predicted, kind="stable")]) >= 0).all()


def test_everybodys_odds_change_by_one_factor() -> None:
    """Odds of 0.1, 0.5 and 2, put at the mean that odds three times as large have."""
    odds = np.array([0.1, 0.5, 2.0])
    wanted = 3 * odds / (1 + 3 * odds)
    scaled = scale_probability(odds / (1 + odds), ExpectedTotal(buyers=float(wanted.mean())))
    np.testing.assert_allclose(scaled, wanted, rtol=1e-5)


@pytest.mark.parametrize("predicted", [np.zeros(4), np.zeros(0)])
def test_a_share_that_no_factor_gives_leaves_probabilities_as_they_are(predicted: np.ndarray) -> None:
    np.testing.assert_array_equal(scale_probability(predicted, ExpectedTotal(buyers=0.4)), predicted)


def test_without_a_known_share_probabilities_stay() -> None:
    predicted = np.array([0.1, 0.8])
    np.testing.assert_array_equal(scale_probability(predicted, ExpectedTotal(spend=100.0)), predicted)


# --- the year before ------------------------------------------------------------------------------------------------


def test_the_season_is_that_of_the_same_weekdays_where_history_reaches_back() -> None:
    first = LAST_YEAR - HISTORY_NEEDED
    assert cutoff_a_year_before(CUTOFF, first) == LAST_YEAR
    assert LAST_YEAR.weekday() == CUTOFF.weekday()
    assert cutoff_a_year_before(CUTOFF, first + timedelta(days=1)) is None


# --- from the warehouse ---------------------------------------------------------------------------------------------


@pytest.fixture
def shop(warehouse: Warehouse) -> Iterator[Connection]:
    """Return two customers at the cutoff and four of last year; last year's came to 1.5 times what was expected."""
    with warehouse.transaction() as connection:
        connection.execute(
            """
            create table features.btyd_features as
            select as_of, customer_id, spend::double as btyd_spend_90d, chance::double as btyd_purchase_probability_90d,
                spend::double * 4 as btyd_spend_365d, chance::double as btyd_purchase_probability_365d
            from (values
                ($now, 'a', 60.0, 0.5), ($now, 'b', 40.0, 0.3),
                ($then, 'a', 50.0, 0.4), ($then, 'b', 30.0, 0.4), ($then, 'c', 20.0, 0.4), ($then, 'd', 0.0, 0.4)
            ) as rows (as_of, customer_id, spend, chance)
            """,
            {"now": CUTOFF, "then": LAST_YEAR},
        )
        connection.execute(
            """
            create table features.customer_day (
                customer_id varchar, order_date date, net_spend decimal(18, 2), is_purchase_day boolean,
                usual_spend decimal(18, 2)
            )
            """
        )
        connection.execute("create table features.purchase_models (as_of date, regularity integer)")
        add(connection, "a", LAST_YEAR, 100)
        add(connection, "b", LAST_YEAR + timedelta(days=89), 60)
        add(connection, "b", LAST_YEAR + timedelta(days=40), -10, is_purchase=False)
        # before, after, and by somebody who was no customer then
        add(connection, "c", LAST_YEAR - timedelta(days=1), 1000)
        add(connection, "c", LAST_YEAR + timedelta(days=90), 1000)
        add(connection, "new", LAST_YEAR + timedelta(days=5), 1000)
        yield connection


def add(
    connection: Connection, customer: str, day: date, spend: float, *, is_purchase: bool = True, times: int = 1000
) -> None:
    """Add purchases of so much in total: many small ones, so that chance explains next to nothing of a total."""
    connection.execute(
        "insert into features.customer_day select $1, $2, $3::decimal(18, 2), $4, null from range($5)",
        [customer, day, spend / times, is_purchase, times],
    )


def forget_last_year(connection: Connection) -> None:
    connection.execute("delete from features.btyd_features where as_of = ?", [LAST_YEAR])


def test_the_season_is_last_years_actual_over_expected(shop: Connection) -> None:
    level = expected_total(shop, CUTOFF, 90)
    assert level.season == pytest.approx(150 / 100, rel=0.04)
    assert level.spend == pytest.approx(100 * level.season)
    # half of last year's four bought where 0.4 was expected: odds of 1 and not of 2/3; now odds of 1 and of 3/7 are expected
    assert level.buyers == pytest.approx((1.5 / 2.5 + (4.5 / 7) / (1 + 4.5 / 7)) / 2, rel=0.01)


def test_without_last_years_rows_there_is_no_season(shop: Connection) -> None:
    forget_last_year(shop)
    level = expected_total(shop, CUTOFF, 90)
    assert (level.spend, level.buyers, level.season, level.carried) == (
        pytest.approx(100),
        pytest.approx(0.4),
        None,
        None,
    )


def test_a_season_measured_on_few_purchases_counts_less(shop: Connection) -> None:
    shop.execute("delete from features.customer_day")
    add(shop, "a", LAST_YEAR, 100, times=1)
    add(shop, "b", LAST_YEAR, 50, times=1)
    level = expected_total(shop, CUTOFF, 90)
    by_chance = (100**2 + 50**2) / 150**2
    assert level.season == pytest.approx(1.5 ** (0.0625 / (0.0625 + 2.5 * by_chance)))


def test_without_a_season_a_quarter_of_the_last_windows_error_is_carried_on(shop: Connection) -> None:
    forget_last_year(shop)
    last = CUTOFF - timedelta(days=90)
    shop.execute(
        "insert into features.btyd_features by name "
        "select $1 as as_of, 'a' as customer_id, 50.0 as btyd_spend_90d, 0.5 as btyd_purchase_probability_90d "
        "union all select $1, 'b', 50.0, 0.5",
        [last],
    )
    add(shop, "a", last + timedelta(days=3), 160)
    level = expected_total(shop, CUTOFF, 90)
    assert level.season is None
    assert level.carried == pytest.approx(1.6**0.25, rel=0.01)
    assert level.spend == pytest.approx(100 * level.carried)


def test_customers_who_pay_by_a_plan_are_told(shop: Connection) -> None:
    assert not expected_total(shop, CUTOFF, 90).is_plan
    shop.execute("insert into features.purchase_models values ($1, 32)", [CUTOFF])
    level = expected_total(shop, CUTOFF, 90)
    assert level.is_plan
    predicted, expectation = np.array([10.0, 10.0]), np.array([30.0, 0.0])
    np.testing.assert_allclose(scale_spend(predicted, level, expectation), [level.spend, 0.0])
    assert scale_probability(np.array([0.5, 0.5]), level, np.array([0.9, 1e-9]))[1] < 1e-6


def test_a_season_unlike_those_learned_from_gives_the_expectation_weight(shop: Connection) -> None:
    level = expected_total(shop, CUTOFF, 90)
    assert learned_season(shop, [LAST_YEAR], 90) == pytest.approx(1.5)
    assert for_model(level, 1.5).expectation_weight < 0.02, "this season was learned"
    assert for_model(level, 0.01).expectation_weight == 0.5, "the model keeps half of the shape"
    unlike = for_model(level, learned_season(shop, [], 90))
    assert unlike.expectation_weight == pytest.approx(abs(np.log(unlike.season)))
    predicted, expectation = np.array([10.0, 30.0]), np.array([20.0, 20.0])
    weight = unlike.expectation_weight
    shape = (1 - weight) * np.array([0.25, 0.75]) + weight * 0.5
    np.testing.assert_allclose(scale_spend(predicted, unlike, expectation), unlike.spend * shape)


def test_without_any_expectation_nothing_is_known(shop: Connection) -> None:
    shop.execute("delete from features.btyd_features")
    assert expected_total(shop, CUTOFF, 90) == ExpectedTotal()


@pytest.mark.parametrize(("spent", "season"), [(5_000, 2.0), (-125, 0.5)])
def test_a_season_beyond_half_or_twice_is_an_accident(shop: Connection, spent: float, season: float) -> None:
    add(shop, "d", LAST_YEAR + timedelta(days=3), spent, is_purchase=False)
    level = expected_total(shop, CUTOFF, 90)
    # within the limits, and shrunk a little by chance
    assert 0.5 <= level.season <= 2.0
    assert level.season == pytest.approx(season, abs=0.25)
    assert level.spend == pytest.approx(100 * level.season)


@pytest.mark.parametrize("spent", [-150, -900])
def test_a_year_in_which_everything_was_returned_shows_no_season(shop: Connection, spent: float) -> None:
    add(shop, "d", LAST_YEAR + timedelta(days=3), spent, is_purchase=False)
    level = expected_total(shop, CUTOFF, 90)
    assert (level.spend, level.buyers, level.season) == (pytest.approx(100.0), pytest.approx(0.4), None)


def test_a_horizon_longer_than_a_year_has_no_season(shop: Connection) -> None:
    """Last year's window would end after the cutoff."""
    level = expected_total(shop, CUTOFF, 365)
    assert (level.spend, level.buyers, level.season) == (pytest.approx(400.0), pytest.approx(0.4), None)


@pytest.mark.parametrize("horizon", [90, 365])
def test_rows_on_or_after_the_cutoff_change_nothing(shop: Connection, horizon: int) -> None:
    before = expected_total(shop, CUTOFF, horizon)
    for days in (0, 1, 200):
        for customer in "abcd":
            add(shop, customer, CUTOFF + timedelta(days=days), 9_999)
    assert expected_total(shop, CUTOFF, horizon) == before
    # the same row a day after last year's cutoff is seen, so the attack is one
    add(shop, "d", LAST_YEAR + timedelta(days=1), 30)
    if horizon == 90:
        assert expected_total(shop, CUTOFF, horizon) != before


# --- where nothing can be ranked ------------------------------------------------------------------------------------


def test_the_past_mean_is_that_of_all_windows_and_grows_with_customers_and_days() -> None:
    rows = feature_rows(400, seed=1, cutoffs=(CUTOFF, LAST_YEAR))
    mean = PastMean.of(rows, 90)
    assert (mean.spend, mean.buyers) == (pytest.approx(rows.spend.mean()), pytest.approx(rows.purchase.mean()))
    level = mean.total(1_000, 90)
    assert (level.spend, level.buyers, level.season) == (pytest.approx(1_000 * mean.spend), mean.buyers, None)
    longer = mean.total(1_000, 180)
    assert longer.spend == pytest.approx(2_000 * mean.spend)
    assert longer.buyers == pytest.approx(1 - (1 - mean.buyers) ** 2)


def test_where_returns_exceed_the_purchases_the_level_is_zero() -> None:
    assert PastMean(-3.0, 0.0, 90).total(10, 90) == ExpectedTotal(0.0, 0.0)
