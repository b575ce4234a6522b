"""Choice of the buy-till-you-die model of a cutoff: by the regularity of earlier purchases, and nothing later."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.features.btyd_features import build_btyd_features
from clv_pipeline.features.build import build_feature_table
from clv_pipeline.features.plan import NightPlan, plan_training, write_night_plan
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.made_up_rows import AS_OF, MadeUpCompany, company_with_rhythm, small_settings, write_company
from clv_pipeline_tests.warehouse_builders import sql_model

#: Five purchases a month apart, the last one so many days ago.
REGULARS = {"due": 5, "overdue": 75}
Found = tuple[dict[str, str], pd.DataFrame]


def orders(customer: str, days: list[date]) -> pd.DataFrame:
    frame = pd.DataFrame({"ordered_at": pd.to_datetime(days).tz_localize("UTC")})
    return frame.assign(
        customer_id=customer, amount=30.0, product_category="any", order_id=[f"{customer} {day}" for day in days]
    )


def company_with(stages: int, *more: pd.DataFrame) -> MadeUpCompany:
    regulars = [
        orders(name, [AS_OF - timedelta(days=ago + 30 * n) for n in range(5)]) for name, ago in REGULARS.items()
    ]
    company = company_with_rhythm(stages)
    return MadeUpCompany(pd.concat([company.orders, *regulars, *more], ignore_index=True))


def quantities_of(folder: Path, company: MadeUpCompany, **changed: int) -> Found:
    """Return the name of each cutoff's model, and the quantities of all cutoffs."""
    warehouse, settings = open_warehouse(Home(folder)), small_settings(horizons=(90,), **changed)
    write_company(warehouse, settings, company)
    with warehouse.transaction() as connection:
        plan = plan_training(connection, settings, AS_OF)
        write_night_plan(connection, settings, AS_OF, NightPlan(plan, "a test"))
    for name in ("customer_day", "population", "purchase_features"):
        build_feature_table(warehouse, sql_model("2_features", name))
    models = build_btyd_features(warehouse, settings)
    with warehouse.connection() as connection:
        return models, connection.sql("from features.btyd_features order by as_of, customer_id").df()


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return quantities_of(tmp_path_factory.mktemp("random"), company_with(1))


@pytest.fixture(scope="module")
def regular(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return quantities_of(tmp_path_factory.mktemp("regular"), company_with(4))


def test_the_rhythm_of_the_customers_decides_the_model(random: Found, regular: Found) -> None:
    assert len(random[0]) == len(regular[0]) >= 2
    assert set(random[0].values()) == {"mbg_nbd + pareto_nbd"}
    assert set(regular[0].values()) == {"mbg_cnbd_k"}


def test_where_others_keep_their_rhythm_somebody_overdue_is_less_alive(random: Found, regular: Found) -> None:
    alive = [
        found[found["as_of"] == pd.Timestamp(AS_OF)].set_index("customer_id")["btyd_probability_alive"]
        for _, found in (random, regular)
    ]
    assert min(alive[0]["due"], alive[1]["due"]) > 0.8
    assert alive[1]["overdue"] < 0.5 * alive[0]["overdue"]


def test_what_comes_on_or_after_a_cutoff_has_no_part_in_its_choice(random: Found, tmp_path: Path) -> None:
    """A history at random whose future is as regular as can be: every cutoff keeps the model that it had."""
    customers = company_with(1).orders["customer_id"].unique()
    later = [orders(customer, [AS_OF + timedelta(days=7 * n) for n in range(40)]) for customer in customers]
    models, quantities = quantities_of(tmp_path, company_with(1, *later))
    assert models == random[0]
    pd.testing.assert_frame_equal(quantities, random[1])


def test_where_buyers_are_few_one_small_purchase_is_no_sign_of_large_ones(tmp_path: Path) -> None:
    """Somebody who spent 10 % of what others do: shrunk to their mean where it is known well, not twofold where it is not."""
    small = orders("small", [AS_OF - timedelta(days=20)]).assign(amount=3.0)
    values = []
    for name, least in (("many", 10), ("few", 1_000_000)):
        _, rows = quantities_of(tmp_path / name, company_with(1, small), min_buyers=least)
        tonight = rows[rows["as_of"] == pd.Timestamp(AS_OF)].set_index("customer_id")
        values.append(float(tonight.loc["small", "btyd_purchase_value"]))
    assert values[0] > 6.0
    assert values[1] == pytest.approx(6.0)
