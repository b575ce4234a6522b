"""Margins from the cost of order lines: where they come from, whom a rate belongs to, and what channels are worth by them."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clv_pipeline.core.settings import Settings
from clv_pipeline.features.build import build_feature_table
from clv_pipeline.forecasts.channels import value_channels
from clv_pipeline.publishing.publishing import publish_parameters
from clv_pipeline.quality.line_remarks import remarks_on_lines
from clv_pipeline.warehouse.connection import Connection, Warehouse, records
from clv_pipeline.warehouse.sql_models import build
from clv_pipeline_tests.test_channels import SETTINGS, give
from clv_pipeline_tests.test_guests import load, rows
from clv_pipeline_tests.warehouse_builders import sql_model

HEADER = "order_id,order_line_id,customer_id,ordered_at,amount,cost\n"
#: Half of the spend of a is margin, a fifth of b's; c's lines have no cost.
WITH_COSTS = "1,1,a,2024-01-01,100,50\n2,1,a,2024-02-01,100,50\n3,1,b,2024-01-01,100,80\n4,1,b,2024-02-01,100,80\n"
WITHOUT = "5,1,c,2024-01-01,100,\n"


def margins(folder: Path, lines: str, gross_margin: float | None) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the company's row and each customer's rate."""
    _, warehouse = load(folder, orders=HEADER + lines)
    for name in ("customer_day", "customer_day_money", "company_margin", "customer_margins"):
        build_feature_table(warehouse, sql_model("2_features", name), (), gross_margin)
    with warehouse.connection() as connection:
        (company,) = records(connection, "select * from features.company_margin")
        rates = connection.execute("select customer_id, margin_rate from features.customer_margins").fetchall()
    return company, dict(rates)


@pytest.mark.parametrize(
    ("lines", "gross_margin", "source", "share", "is_complete", "rate"),
    [
        (WITH_COSTS, None, "cost", "1.0000", True, 0.35),
        (WITH_COSTS, 0.9, "cost", "1.0000", True, 0.35),
        (WITH_COSTS + WITHOUT, 0.9, "mixed", "0.8000", True, 0.46),
        (WITH_COSTS + WITHOUT, None, "cost", "0.8000", False, 0.35),
        (WITHOUT, 0.9, "gross_margin", "0.0000", True, 0.9),
        (WITHOUT, None, "none", "0.0000", False, None),
    ],
)
def test_where_margins_come_from(
    tmp_path: Path,
    lines: str,
    gross_margin: float | None,
    source: str,
    share: str,
    is_complete: bool,
    rate: float | None,
) -> None:
    company, _ = margins(tmp_path, lines, gross_margin)
    assert (company["margin_source"], company["covered_share"], company["is_complete"]) == (
        source,
        Decimal(share),
        is_complete,
    )
    assert company["margin_rate"] == (None if rate is None else pytest.approx(rate))


def test_rates_that_never_vary_from_day_to_day_are_the_customers_own(tmp_path: Path) -> None:
    company, rates = margins(tmp_path, WITH_COSTS, None)
    assert company["credibility_spend"] == 0
    assert rates == {"a": pytest.approx(0.5), "b": pytest.approx(0.2)}


def test_rates_that_differ_by_chance_alone_are_the_companys(tmp_path: Path) -> None:
    # everybody has a good and a bad day
    lines = "".join(f"{c}{i},1,{c},2024-0{i}-01,100,{90 if i % 2 else 30}\n" for c in "abcd" for i in (1, 2))
    company, rates = margins(tmp_path, lines, None)
    assert company["credibility_spend"] is None
    assert list(rates.values()) == pytest.approx([0.4] * 4)


def test_a_customer_without_a_cost_has_no_rate_of_the_own(tmp_path: Path) -> None:
    assert set(margins(tmp_path, WITH_COSTS + WITHOUT, None)[1]) == {"a", "b"}


def test_a_return_takes_its_margin_back(tmp_path: Path) -> None:
    company, _ = margins(tmp_path, WITH_COSTS + "1,R1,a,2024-03-01,-100,50\n", None)
    # 50 + 20 + 20 of 300
    assert company["margin_rate"] == pytest.approx(0.3)


def test_costs_in_part_without_a_gross_margin_are_named_with_the_share(tmp_path: Path) -> None:
    settings, warehouse = load(tmp_path, orders=HEADER + WITH_COSTS + WITHOUT)
    with warehouse.connection() as connection:
        (remark,) = remarks_on_lines(connection, settings)
        assert "1 of 5 sold lines have no cost (20% of the money)" in remark.text
        assert list(remarks_on_lines(connection, settings.model_copy(update={"gross_margin": 0.4}))) == []


def test_costs_above_the_prices_are_named(tmp_path: Path) -> None:
    settings, warehouse = load(tmp_path, orders=HEADER + "1,1,a,2024-01-01,100,150\n")
    with warehouse.connection() as connection:
        (remark,) = remarks_on_lines(connection, settings)
    assert "the goods cost more (150.00) than they were sold for (100.00)" in remark.text


def test_lines_of_subscriptions_are_named_with_count_and_money(tmp_path: Path) -> None:
    header = "order_id,customer_id,ordered_at,amount,subscription_id\n"
    orders = f"{header}1,a,2024-01-01,9,s1\n2,a,2024-02-01,9.5,s1\n3,b,2024-02-01,7,\n"
    settings, warehouse = load(tmp_path, orders=orders)
    with warehouse.connection() as connection:
        (remark,) = remarks_on_lines(connection, settings)
    assert "2 lines of 1 subscriptions (18.50) count as purchases" in remark.text
    assert rows(warehouse, "select count(*), count(subscription_id) from clean.orders") == [(3, 2)]


def channel_values(
    warehouse: Warehouse, connection: Connection, settings: Settings, margin_source: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return both tables of channels for a shop in which every buyer spends 100, of which 30 are margin."""
    # the first months of the data are no mature ones
    bought = [(f"old{i}", "web", date(2022, 1, 1), 100.0) for i in range(5)]
    bought += [(f"c{i}", "web", date(2022, 9, 1) + timedelta(days=i % 25), 100.0) for i in range(50)]
    give(connection, bought, [("web", date(2022, 9, 1), 1000.0)])
    connection.execute(
        "create or replace table features.customer_day_money as "
        "select customer_id, order_date, 70.00 as cost, net_spend as spend_with_cost from features.customer_day"
    )
    connection.execute(
        "create or replace table features.company_margin as select $source as margin_source, true as is_complete, 0.3::double "
        "as margin_rate", {"source": margin_source},
    )  # fmt: skip
    connection.execute(
        "create or replace table features.customer_margins as select 'c0' as customer_id, 0.8::double as margin_rate"
    )
    value_channels(warehouse, settings)
    for name in ("channel_cohorts", "channel_value"):
        build(connection, sql_model("4_published", name), publish_parameters(settings))
    return (
        records(connection, "select * from published.channel_cohorts where cohort = '2022-09'"),
        records(connection, "select * from published.channel_value"),
    )


def test_margins_of_channels_are_those_of_their_lines(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        cohorts, channels = channel_values(warehouse, connection, SETTINGS, "cost")
        assert [row["margin_365d"] for row in cohorts] == [Decimal("30.00")]
        assert [row["margin_so_far"] for row in cohorts] == [Decimal("30.00")]
        (channel,) = channels
        assert (channel["margin_12m_unpooled"], channel["affordable_cac"]) == (Decimal("30.00"), Decimal("30.00"))
        # 1000 for 50 buyers are 20 each, and the first order brings 30
        assert (channel["cac"], channel["payback_months"], channel["verdict"]) == (Decimal("20.00"), 1, "pays_back")


def test_predicted_margins_of_channels_use_each_customers_rate(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        cohorts, _ = channel_values(warehouse, connection, SETTINGS, "cost")
        spent = connection.execute(
            "select sum(primary_spend::double * if(customer_id = 'c0', 0.8, 0.3)) / 50 from scores.customer_scores "
            "where customer_id like 'c%'"
        ).fetchall()
    assert [float(row["predicted_margin"]) for row in cohorts] == pytest.approx([spent[0][0]], abs=0.006)


def test_with_the_setting_alone_margins_of_channels_are_shares_of_the_spend(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        cohorts, (channel,) = channel_values(warehouse, connection, SETTINGS, "gross_margin")
        assert [row["margin_365d"] for row in cohorts] == [Decimal("50.00")]
        assert channel["margin_12m"] == Decimal("50.00")
        assert connection.execute("select count(margin_365d) from scores.channel_groups").fetchall() == [(0,)]
