"""Forecasts by month: sums that hold to the cent, nothing from the future, honest intervals and records."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from clv_pipeline.contracts.warehouse import CUSTOMER_SCORES, PURCHASE_MODELS, RUN
from clv_pipeline.core.home import Home
from clv_pipeline.features.btyd_features import fit_models, history_on
from clv_pipeline.forecasts.baselines import chain_ladder, last_three_months
from clv_pipeline.forecasts.expectations import expectation_on
from clv_pipeline.forecasts.intervals import cohort_intervals
from clv_pipeline.forecasts.months import cents_by_share, months_ahead
from clv_pipeline.forecasts.night import forecast_night
from clv_pipeline.forecasts.record import expectations_of, past_forecasts, record_rows
from clv_pipeline.forecasts.rule import forecast_cohorts
from clv_pipeline.forecasts.triangle import after, grid_until, read_triangle
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, one_row
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.warehouse_builders import sql_model

AS_OF = date(2024, 6, 15)
_DAYS = """
    create or replace table features.customer_day (
        customer_id varchar, order_date date, net_spend decimal(18, 2), is_purchase_day boolean, usual_spend decimal(18, 2),
        gap_days bigint
    )
"""


def give_days(connection: Connection, days: pd.DataFrame) -> None:
    """Write purchases of customer_id, order_date and net_spend."""
    connection.execute(_DAYS)
    connection.register("days", days.assign(order_date=pd.to_datetime(days["order_date"])))
    connection.execute(
        """
        insert into features.customer_day
        select customer_id, order_date::date, net_spend, net_spend > 0, null,
            date_diff('day', lag(order_date) over (partition by customer_id order by order_date), order_date)
        from days
        """
    )
    connection.unregister("days")


def random_shop(seed: int = 1, customers: int = 400, days: int = 700, december: float = 1.0) -> pd.DataFrame:
    """Return the purchases of a shop whose customers come all the time, buy at random, and leave at random."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        day = float(generator.integers(0, days))
        leaves = day + generator.exponential(250.0)
        each = float(generator.gamma(4.0, 10.0))
        while day < min(leaves, days):
            when = AS_OF - timedelta(days=days - int(day))
            rows.append((f"c{number}", when, round(each * generator.uniform(0.5, 1.5), 2)))
            rate = 30.0 / december if when.month == 12 else 30.0
            day += 1 + generator.exponential(rate)
    return pd.DataFrame(rows, columns=["customer_id", "order_date", "net_spend"])


def give_scores(
    connection: Connection, *, prospects: int = 0, season: float | None = None, fitted: bool = True
) -> None:
    """Score the buyers with odd amounts of money, and as many prospects with one each; fit the purchase models if wanted."""
    tables.create(connection, CUSTOMER_SCORES, [90])
    connection.execute(
        "insert into scores.customer_scores by name select customer_id, (10 + row_number() over (order by customer_id) % 7 "
        "* 3.337)::decimal(18, 2) as primary_spend, 'repeat_customer' as score_status from features.customer_day "
        "where is_purchase_day and order_date < $as_of group by customer_id order by customer_id",
        {"as_of": AS_OF},
    )
    connection.execute(
        "insert into scores.customer_scores by name select 'p' || range as customer_id, 1.01 as primary_spend, "
        "'no_purchase_yet' as score_status from range($count)",
        {"count": prospects},
    )
    tables.create(connection, RUN)
    connection.execute(
        "insert into scores.run by name select $as_of as as_of, 90 as primary_horizon_days, $season as season_factor, "
        "'EUR' as currency, 1.0 as predicted_total_low, 2.0 as predicted_total_high",
        {"as_of": AS_OF, "season": season},
    )
    tables.create(connection, PURCHASE_MODELS)
    history = history_on(connection, AS_OF)
    models = fit_models(history) if fitted and len(history.repeats) else []
    if models:
        payload = "[" + ", ".join(pd.Series(model.to_dict()).to_json() for model in models) + "]"
        tables.append(connection, PURCHASE_MODELS, [(AS_OF, "a", 1, payload, 1, 1)])


@pytest.fixture
def shop(warehouse: Warehouse) -> Iterator[Connection]:
    with warehouse.connection() as connection:
        give_days(connection, random_shop())
        give_scores(connection, prospects=8)
        yield connection


@pytest.fixture(scope="module")
def forecast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Return the same shop after its forecast, for tests that only read."""
    warehouse = open_warehouse(Home(tmp_path_factory.mktemp("forecast")))
    with warehouse.connection() as connection:
        give_days(connection, random_shop())
        give_scores(connection, prospects=8)
        forecast_night(warehouse)
        yield connection


def rows_of(connection: Connection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query).fetchall()


# --- money within the horizon -------------------------------------------------------------------------------------------


def test_the_months_of_a_cohort_sum_to_its_customers_scores_to_the_cent(forecast: Connection) -> None:
    by_cohort = """
        with firsts as (
            select customer_id, date_trunc('month', min(order_date))::date as month from features.customer_day
            where is_purchase_day group by customer_id
        )
        select month, sum(primary_spend) from firsts inner join scores.customer_scores using (customer_id)
        group by month order by month
    """
    months = """
        select cohort_month_date, sum(spend_in_horizon) from scores.cohort_forecast where cohort_kind = 'cohort'
        group by cohort_month_date order by cohort_month_date
    """
    found, scored = dict(rows_of(forecast, months)), dict(rows_of(forecast, by_cohort))
    assert found == {month: scored[month] for month in found}
    assert len(found) > 10


def test_existing_customers_and_prospects_sum_to_the_predicted_total(forecast: Connection) -> None:
    (total,) = one_row(forecast, "select sum(primary_spend) from scores.customer_scores")
    parts = "select sum(spend_in_horizon) from scores.revenue_forecast where row_kind in ('existing_customers', 'prospects')"
    assert one_row(forecast, parts) == (total,)
    assert one_row(forecast, "select sum(spend_in_horizon) from scores.cohort_forecast") == (total,)
    prospects = "select sum(spend)::double, max(month_date) from scores.revenue_forecast where row_kind = 'prospects'"
    assert rows_of(forecast, prospects) == [(pytest.approx(8.08), date(2024, 9, 1))]


def test_small_cohorts_are_one_group(warehouse: Warehouse, shop: Connection) -> None:
    shop.execute(
        "delete from features.customer_day where customer_id in (select customer_id from features.customer_day "
        "group by customer_id having min(order_date) between date '2023-03-01' and date '2023-03-27')"
    )
    give_scores(shop)
    forecast_night(warehouse)
    shown = {month for (month,) in rows_of(shop, "select distinct cohort_month_date from scores.cohort_forecast")}
    assert date(2023, 3, 1) not in shown
    found = rows_of(
        shop, "select count(*), sum(spend_in_horizon) > 0 from scores.cohort_forecast where cohort_kind = 'other'"
    )
    assert found == [(13, True)]


def test_where_small_cohorts_are_too_few_together_the_smallest_other_one_joins_them(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        rows = [
            (f"{month}-{n}", date(2024, month, 3), 9.0)
            for month, count in ((2, 8), (3, 6), (4, 2))
            for n in range(count)
        ]
        give_days(connection, pd.DataFrame(rows, columns=["customer_id", "order_date", "net_spend"]))
        give_scores(connection, fitted=False)
        forecast_night(warehouse)
        published = sql_model("4_published", "cohorts").sql.replace("$left_censored_days", "180")
        sizes = rows_of(connection, f"select distinct row_kind, cohort, customers from ({published}) order by all")
    expected = [("2024-02", 8), ("other", 8)]
    assert sizes == [(kind, *cohort) for kind in ("actual", "forecast") for cohort in expected]


def test_a_young_company_expects_new_customers_who_spend(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        give_days(connection, random_shop(days=50))
        give_scores(connection)
        forecast_night(warehouse)
        new = one_row(connection, "select min(new_buyers) > 0, min(spend) > 0 from scores.revenue_forecast "
                                  "where row_kind = 'new_customers'")  # fmt: skip
    assert new == (True, True)


def test_each_kind_covers_the_rest_of_the_month_and_twelve_whole_ones(forecast: Connection) -> None:
    for kind in ("existing_customers", "new_customers", "total"):
        months = rows_of(
            forecast,
            f"select from_date, to_date from scores.revenue_forecast where row_kind = '{kind}' order by month_date",
        )
        assert (months[0], months[-1], len(months)) == (
            (date(2024, 6, 15), date(2024, 6, 30)), (date(2025, 6, 1), date(2025, 6, 30)), 13,
        )  # fmt: skip


def test_every_interval_holds_its_figure_and_the_sums_are_surer_than_their_months(forecast: Connection) -> None:
    for table in ("cohort_forecast", "revenue_forecast"):
        broken = (
            f"select count(*) from scores.{table} where not spend between spend_low and spend_high "
            "or not ahead between ahead_low and ahead_high"
        )
        assert one_row(forecast, broken) == (0,)
    summed, together = one_row(
        forecast,
        "select sum(spend_high) / sum(spend), max(ahead_high) / max(ahead) from scores.revenue_forecast "
        "where row_kind = 'existing_customers' and month_date < '2024-12-01'",
    )
    assert together < summed


def test_the_total_is_the_sum_of_its_parts(forecast: Connection) -> None:
    parts = "select month_date, sum(spend) from scores.revenue_forecast where row_kind {} 'total' group by 1 order by 1"
    assert rows_of(forecast, parts.format("<>")) == rows_of(forecast, parts.format("="))


# --- the future -----------------------------------------------------------------------------------------------------------


def test_orders_from_tonight_on_change_nothing(warehouse: Warehouse, shop: Connection) -> None:
    forecast_night(warehouse)
    everything = "select * from scores.revenue_forecast order by row_kind, month_date"
    before = rows_of(shop, everything), rows_of(shop, "select * from scores.forecast_record order by all")
    shop.execute("insert into features.customer_day select 'c1', $1, 99999, true, null, 5", [AS_OF])
    forecast_night(warehouse)
    assert before == (rows_of(shop, everything), rows_of(shop, "select * from scores.forecast_record order by all"))


def test_a_past_date_is_forecast_from_what_was_known_then(shop: Connection) -> None:
    (first,) = one_row(shop, "select min(order_date) from features.customer_day")
    grid = grid_until(AS_OF, first, 48)
    position = len(grid) - 1 - 6

    def predicted() -> list[float]:
        triangle = read_triangle(shop, grid)
        found = past_forecasts(triangle, expectations_of(shop, triangle), [position], first)
        return [row.predicted for row in record_rows(triangle, found)]

    before = predicted()
    shop.execute("update features.customer_day set net_spend = net_spend * 3 where order_date >= $1", [grid[position]])
    assert predicted() == before
    assert len(before) == 2 * (3 + 3 + 2)


# --- season -----------------------------------------------------------------------------------------------------------------


def test_a_december_of_last_year_is_expected_again(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        give_days(connection, random_shop(customers=900, december=4.0))
        give_scores(connection, season=1.0)
        assert forecast_night(warehouse)["season is measured"]
        factors = dict(
            rows_of(
                connection,
                "select month_date, season_factor from scores.revenue_forecast where row_kind = 'existing_customers'",
            )
        )
    assert max(factors, key=lambda month: factors[month]) == date(2024, 12, 1)
    assert factors[date(2024, 12, 1)] > 1.2


def test_with_less_than_a_year_of_sales_there_is_no_season(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        give_days(connection, random_shop(days=300))
        give_scores(connection)
        forecast_night(warehouse)
        assert one_row(connection, "select count(season_factor) from scores.revenue_forecast") == (0,)


def test_with_a_year_but_no_measured_season_half_of_the_rhythm_of_sales_is_used(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        give_days(connection, random_shop(customers=900, days=420, december=4.0))
        give_scores(connection)
        assert not forecast_night(warehouse)["season is measured"]
        december, usual = one_row(
            connection,
            "select max(season_factor) filter (where month(month_date) = 12), median(season_factor) "
            "from scores.revenue_forecast where row_kind = 'total'",
        )
    assert 1.1 < december / usual < 2.0


# --- companies with little -------------------------------------------------------------------------------------------------


def test_where_nobody_has_bought_there_is_no_forecast(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        give_days(connection, random_shop().iloc[:0])
        give_scores(connection, prospects=3)
        forecast_night(warehouse)
        assert one_row(connection, "select count(*) from scores.revenue_forecast") == (0,)


def test_without_a_purchase_model_spend_is_spread_evenly_over_the_days(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        days = pd.DataFrame(
            {
                "customer_id": [f"c{n}" for n in range(9)],
                "order_date": [AS_OF - timedelta(days=50)] * 9,
                "net_spend": 9.0,
            }
        )
        give_days(connection, days)
        give_scores(connection, fitted=False)
        shop_total = one_row(connection, "select sum(primary_spend)::double from scores.customer_scores")[0]
        forecast_night(warehouse)
        july = one_row(
            connection,
            "select spend::double from scores.revenue_forecast where row_kind = 'existing_customers' "
            "and month_date = '2024-07-01'",
        )[0]
        assert july == pytest.approx(shop_total * 31 / 90, abs=0.02)
        assert one_row(connection, "select count(*) from scores.forecast_record") == (0,)


# --- parts ------------------------------------------------------------------------------------------------------------------


def test_the_triangle_has_every_purchase_once(forecast: Connection) -> None:
    (first, total, buyers) = one_row(
        forecast,
        "select min(order_date), sum(net_spend)::double, count(distinct customer_id) from features.customer_day",
    )
    triangle = read_triangle(forecast, grid_until(AS_OF, first, 48))
    assert triangle.spend.sum() + triangle.without_cohort.sum() == pytest.approx(total)
    assert triangle.customers.sum() == buyers
    assert not np.tril(triangle.spend, -1).any()


def test_expectations_are_those_of_the_models_summed(forecast: Connection) -> None:
    cutoff = after(AS_OF, -6)
    ends = [after(cutoff, 1), after(cutoff, 3)]
    expected = expectation_on(forecast, cutoff, [date(2022, 1, 1), date(2023, 6, 1)], ends)
    history = history_on(forecast, cutoff)
    models = fit_models(history)
    past = history.repeats, history.recency, history.age
    quarter = np.mean([m.expected_purchases((ends[1] - cutoff).days, *past) for m in models], axis=0)
    assert expected is not None
    assert expected.spend.shape == (2, 2)
    assert expected.spend.sum() == pytest.approx(float(quarter.sum()) * history.mean_value.mean(), rel=0.1)


def test_on_a_random_shop_the_forecast_is_nearer_than_both_baselines_and_inside_its_interval(
    forecast: Connection,
) -> None:
    (first,) = one_row(forecast, "select min(order_date) from features.customer_day")
    triangle = read_triangle(forecast, grid_until(AS_OF, first, 48))
    positions = [triangle.periods - 3 * number for number in (1, 2, 3, 4)]
    past = past_forecasts(triangle, expectations_of(forecast, triangle), positions, first)
    rows = pd.DataFrame([vars(row) for row in record_rows(triangle, past)])
    rows = rows[(rows["subject"] == "cohorts") & (rows["months"] == 3)]
    errors = rows.groupby("method")["absolute_error"].sum()
    assert errors["forecast"] < min(errors["chain_ladder"], errors["last_three_months"])
    ours = rows[rows["method"] == "forecast"]
    assert 0.8 < ours["inside"].sum() / ours["cells"].sum() <= 1


def test_without_a_record_the_interval_of_a_cohort_is_the_normal_one(forecast: Connection) -> None:
    triangle = read_triangle(forecast, [date(2023, 1, 1), date(2024, 1, 1), AS_OF])
    intervals = cohort_intervals(triangle, [])
    assert (intervals.low["month"], intervals.high["so_far"]) == (pytest.approx(1.645), pytest.approx(1.645))


def test_the_error_of_the_last_quarter_is_carried_into_the_horizon_only(forecast: Connection) -> None:
    """Purchases of the last quarter doubled: a quarter of that, as a logarithm, is expected to go on for a quarter."""
    (first,) = one_row(forecast, "select min(order_date) from features.customer_day")
    grid = grid_until(AS_OF, after(AS_OF, -11), 48)
    triangle = read_triangle(forecast, grid)
    expect = expectations_of(forecast, triangle)
    position = triangle.periods
    found = forecast_cohorts(triangle, expect, position, 12, first)
    plain = expect(position, 12)
    assert found is not None and plain is not None and found.season is None
    ratio = found.spend.sum(axis=0) / plain.spend.sum(axis=0)
    np.testing.assert_allclose(ratio[3:], 1.0)
    np.testing.assert_allclose(ratio[:3], ratio[0])
    assert ratio[0] != pytest.approx(1.0, abs=1e-6)


def test_baselines_of_a_cohort_that_has_only_its_first_month_are_nothing_or_what_others_did() -> None:
    spend = np.array([[100.0, 50.0, 25.0, 0.0], [0.0, 100.0, 50.0, 0.0], [0.0, 0.0, 100.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(last_three_months(spend, 3, 2)[:, 0], [37.5, 50.0, 0.0])
    np.testing.assert_allclose(chain_ladder(spend, 3, 1)[2], 50.0)


@pytest.mark.parametrize("total", [0.0, 0.01, 1234.57])
def test_cents_sum_to_their_total(total: float) -> None:
    shares = np.random.default_rng(3).random(13)
    found = cents_by_share(total, shares)
    assert round(float(found.sum()), 2) == total
    np.testing.assert_allclose(found, total * shares / shares.sum(), atol=0.01)


def test_a_long_horizon_has_all_its_months() -> None:
    months = months_ahead(date(2024, 12, 31), date(2026, 12, 31))
    assert (months[0].columns, months[-1].columns[2], len(months)) == (
        (date(2024, 12, 1), date(2024, 12, 31), date(2024, 12, 31)), date(2026, 12, 31), 25,
    )  # fmt: skip


def test_where_no_past_date_could_be_tested_the_quality_says_so(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        give_days(connection, random_shop(days=60))
        give_scores(connection)
        forecast_night(warehouse)
        rows = rows_of(
            connection, f"select row_kind, windows, statement from ({sql_model('4_published', 'forecast_quality').sql})"
        )
    assert [row[:2] for row in rows] == [("no_window", 0)]
    assert str(rows[0][2]).startswith("not tested")
