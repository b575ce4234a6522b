"""Acquisition channels: groups that hide nobody and lose nothing, one cost basis, honest intervals."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from clv_pipeline.contracts.warehouse import REVENUE_FORECAST
from clv_pipeline.core.settings import Settings
from clv_pipeline.forecasts.channels import value_channels
from clv_pipeline.publishing.publishing import publish_parameters
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, one_row
from clv_pipeline.warehouse.sql_models import build
from clv_pipeline_tests.test_forecasts import AS_OF, give_days, give_scores, rows_of
from clv_pipeline_tests.warehouse_builders import sql_model

SETTINGS = Settings(gross_margin=0.5)
FIRST = date(2022, 1, 1)


def buyers(channel: str, month: date, count: int, each: float = 20.0) -> list[tuple[str, str, date, float]]:
    """Return customers of a channel who buy in the month, and once more 100 days later."""
    found = []
    for number in range(count):
        day = month + timedelta(days=number % 25)
        name = f"{channel}-{month}-{number}"
        found += [(name, channel, day, each + number % 7), (name, channel, day + timedelta(days=100), each)]
    return [row for row in found if row[2] < AS_OF]


def give(
    connection: Connection, rows: list[tuple[str, str, date, float]], spend: list[tuple[str, date, float]],
    costs: dict[str, float] | None = None,
) -> None:  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customer_id", "channel", "order_date", "net_spend"])
    give_days(connection, frame.drop(columns="channel"))
    give_scores(connection, fitted=False)
    connection.execute("update scores.customer_scores set lifetime_spend = 3 * primary_spend, lifetime_discount = 0.5")
    tables.create(connection, REVENUE_FORECAST)
    connection.execute(
        "create or replace table features.company_margin as select 'gross_margin' as margin_source, true as is_complete, "
        "0.5 as margin_rate"
    )
    connection.execute(
        "create or replace table clean.customers "
        "(customer_id varchar, acquisition_channel varchar, acquisition_cost decimal(18, 2))"
    )
    connection.execute(
        "create or replace table clean.marketing_spend (channel varchar, spend_date date, spend decimal(18, 2))"
    )
    people = frame[["customer_id", "channel"]].drop_duplicates()
    connection.register("people", people.assign(cost=people["channel"].map(costs or {}).astype(float)))
    connection.execute("insert into clean.customers select customer_id, nullif(channel, ''), cost from people")
    connection.unregister("people")
    if spend:
        connection.executemany("insert into clean.marketing_spend values (?, ?, ?)", spend)


@pytest.fixture
def shop(warehouse: Warehouse) -> Iterator[Connection]:
    """Return a shop with a rich and a poor channel, a tiny one, one without a name, and money for nobody."""
    rows = buyers("poor", FIRST, 5)  # the first month of the data
    for month in pd.date_range("2022-06-01", "2024-06-01", freq="MS").date:
        rows += buyers("rich", month, 12, 60.0) + buyers("poor", month, 9)
    rows += buyers("tiny", date(2023, 1, 1), 4) + buyers("", date(2023, 3, 1), 6)
    rows += buyers("sparse", date(2022, 7, 1), 8) + buyers("sparse", date(2023, 2, 1), 2)
    spend = [("rich", date(2023, 1, 5), 500.0), ("poor", date(2023, 1, 5), 100.0), ("nobody", date(2023, 1, 5), 30.0)]
    spend += [("tiny", date(2023, 1, 5), 7.0), ("rich", AS_OF, 9999.0)]
    with warehouse.connection() as connection:
        give(connection, rows, spend, costs={"rich": 11.0})
        yield connection


def value(warehouse: Warehouse, connection: Connection, settings: Settings = SETTINGS) -> None:
    value_channels(warehouse, settings)
    for name in ("channel_cohorts", "channel_value"):
        build(connection, sql_model("4_published", name), publish_parameters(settings))


def test_buyers_and_money_are_all_there_once(warehouse: Warehouse, shop: Connection) -> None:
    value(warehouse, shop)
    everybody = one_row(shop, "select count(*) from clean.customers")[0], one_row(
        shop, f"select sum(spend) from clean.marketing_spend where spend_date < '{AS_OF}'"
    )[0]  # fmt: skip
    for table in ("channel_cohorts", "channel_value"):
        assert one_row(shop, f"select sum(new_buyers), sum(marketing_spend) from published.{table}") == everybody


def test_no_row_has_one_to_four_buyers(warehouse: Warehouse, shop: Connection) -> None:
    value(warehouse, shop)
    small = "select acquisition_channel, new_buyers from published.{} where new_buyers between 1 and 4"
    assert rows_of(shop, small.format("channel_cohorts")) == rows_of(shop, small.format("channel_value")) == []
    # four buyers of a channel are the channel other, which the next smallest channel, that of no name, joins
    names = "select new_buyers from published.channel_value where acquisition_channel = 'other'"
    assert rows_of(shop, names) == [(10,)]
    # the two of February joined the eight of July: otherwise the difference to the channel would show them
    assert rows_of(
        shop, "select cohort, new_buyers from published.channel_cohorts where acquisition_channel = 'sparse'"
    ) == [("other", 10)]


def test_a_margin_is_null_until_every_buyer_is_that_old(warehouse: Warehouse, shop: Connection) -> None:
    value(warehouse, shop)
    margins = dict(
        (row[0], row[1:])
        for row in rows_of(
            shop,
            "select cohort, margin_30d is null, margin_90d is null, margin_180d is null, margin_365d is null, maturity "
            "from published.channel_cohorts where acquisition_channel = 'rich'",
        )
    )
    assert margins["2024-06"] == (True, True, True, True, "young")
    assert margins["2024-04"] == (False, True, True, True, "young")
    assert margins["2023-12"] == (False, False, False, True, "maturing")
    assert margins["2023-05"] == (False, False, False, False, "mature")


def test_margins_are_those_of_the_days(warehouse: Warehouse, shop: Connection) -> None:
    value(warehouse, shop)
    found = one_row(
        shop,
        "select margin_90d::double, margin_180d::double, margin_so_far::double from published.channel_cohorts "
        "where acquisition_channel = 'rich' and cohort = '2023-01'",
    )
    first = np.mean([60 + number % 7 for number in range(12)])
    assert found == pytest.approx((first / 2, (first + 60) / 2, (first + 60) / 2), abs=0.01)


def test_mature_months_are_a_year_old_and_not_the_first_of_the_data(warehouse: Warehouse, shop: Connection) -> None:
    value(warehouse, shop)
    poor = one_row(
        shop, "select mature_from_date, mature_to_date, mature_buyers from published.channel_value "
        "where acquisition_channel = 'poor'"
    )  # fmt: skip
    assert poor == (date(2022, 6, 1), date(2023, 6, 1), 9 * 13)


def test_money_without_a_buyer_and_buyers_without_money_are_rows_that_say_so(
    warehouse: Warehouse, shop: Connection
) -> None:
    value(warehouse, shop)
    found = {
        row[0]: row[1:]
        for row in rows_of(
            shop,
            "select acquisition_channel, new_buyers, marketing_spend::double, cac, cost_basis, verdict "
            "from published.channel_value",
        )
    }
    assert found["nobody"] == (0, 30.0, None, "marketing_spend", "too_few")
    assert found["sparse"] == (10, 0.0, None, "none", "too_few")
    (words,) = one_row(shop, "select statement from published.channel_value where acquisition_channel = 'nobody'")
    assert words == "money was spent on the channel, and no buyer is recorded with it"


def test_one_basis_of_costs_for_all_channels(warehouse: Warehouse, shop: Connection) -> None:
    value(warehouse, shop)
    bases = "select distinct cost_basis from published.channel_value where cost_basis <> 'none'"
    assert rows_of(shop, bases) == [("marketing_spend",)]
    shop.execute("delete from clean.marketing_spend")
    value(warehouse, shop)
    assert rows_of(shop, bases) == [("recorded_cost",)]
    (cac,) = one_row(shop, "select cac from published.channel_value where acquisition_channel = 'rich'")
    assert float(cac) == 11.0


def test_payback_is_the_month_in_which_the_margin_covers_the_cost(warehouse: Warehouse, shop: Connection) -> None:
    # half of about 63, and half of 60 more after 100 days: 40 is covered in the fourth month, 70 never, 30 in the first
    shop.execute("delete from clean.marketing_spend")
    for month, each in (("2022-09-01", 40.0), ("2022-10-01", 70.0), ("2022-11-01", 30.0)):
        shop.execute("insert into clean.marketing_spend values ('rich', ?, ?)", [month, 12 * each])
    value(warehouse, shop)
    months = "select cohort, payback_months from published.channel_cohorts where cohort in ('2022-09', '2022-10', '2022-11') "
    found = dict(rows_of(shop, months + "and acquisition_channel = 'rich'"))
    assert found == {"2022-09": 4, "2022-10": None, "2022-11": 1}


def test_a_channel_is_drawn_towards_the_mean_of_all_and_keeps_its_place(warehouse: Warehouse, shop: Connection) -> None:
    value(warehouse, shop)
    rows = {
        row[0]: [float(figure) for figure in row[1:]]
        for row in rows_of(
            shop,
            "select acquisition_channel, margin_12m_unpooled, margin_12m, margin_12m_low, affordable_cac, margin_12m_high "
            "from published.channel_value where margin_12m is not null",
        )
    }
    rich, poor = rows["rich"], rows["poor"]
    assert poor[0] <= poor[1] < rich[1] <= rich[0]
    for _, pooled, low, affordable, high in (rich, poor):
        assert low < affordable < pooled < high


def test_without_a_gross_margin_there_is_no_margin_and_no_ratio(warehouse: Warehouse, shop: Connection) -> None:
    value(warehouse, shop, SETTINGS.model_copy(update={"gross_margin": None}))
    counted = ", ".join(
        f"count({column})"
        for column in ("margin_12m", "lifetime_margin", "ltv_to_cac", "affordable_cac", "payback_months")
    )
    assert one_row(shop, f"select {counted} from published.channel_value") == (0, 0, 0, 0, 0)
    verdicts = dict(rows_of(shop, "select acquisition_channel, verdict from published.channel_value"))
    assert verdicts["rich"] == "no_margin"


def test_the_draws_depend_on_the_seed_alone(warehouse: Warehouse, shop: Connection) -> None:
    everything = "select * from scores.channel_groups order by channel, row_kind, first_month_date"
    found = []
    for seed in (7, 7, 8):
        value_channels(warehouse, Settings(gross_margin=0.5, seed=seed))
        found.append(rows_of(shop, everything))
    assert found[0] == found[1] != found[2]


def test_the_interval_of_a_year_holds_the_truth_as_often_as_it_says(warehouse: Warehouse) -> None:
    """Twenty channels of one true mean: about 18 of their own intervals hold it, and pooled none is far from it."""
    generator = np.random.default_rng(5)
    rows = buyers("first", FIRST, 5)
    for number in range(20):
        for member in range(60):
            day = date(2022, 8, 1) + timedelta(days=int(generator.integers(0, 200)))
            rows.append(
                (f"{number}-{member}", f"channel {number:02d}", day, round(float(generator.gamma(1.5, 20.0)), 2))
            )
    with warehouse.connection() as connection:
        give(connection, rows, [])
        value_channels(warehouse, SETTINGS)
        ends = rows_of(
            connection,
            "select spend_365d::double, year_spend::double, year_spend_low::double, year_spend_high::double "
            "from scores.channel_groups where row_kind = 'mature' and new_buyers > 0",
        )
    assert len(ends) == 20
    assert np.mean([low <= 30 <= high for _, _, low, high in ends]) >= 0.85
    own, pooled = np.array([row[0] for row in ends]), np.array([row[1] for row in ends])
    assert pooled.std() < own.std() / 2


def test_nobody_at_all_is_no_error(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        give(connection, [], [])
        assert value_channels(warehouse, SETTINGS) == {"channels": 0}
