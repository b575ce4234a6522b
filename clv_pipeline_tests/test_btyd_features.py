"""Which buy-till-you-die model a cutoff gets: by the rhythm of what its customers had bought before it, and nothing later."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from clv_pipeline.home import Home
from clv_pipeline.modeling.btyd_features import build_btyd_features
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.made_up_rows import (
    AS_OF,
    MadeUpCompany,
    build_features_and_labels,
    company_with_rhythm,
    small_settings,
    write_company,
)


def models_of(folder: Path, company: MadeUpCompany) -> tuple[dict[str, str], pd.DataFrame]:
    """Return the name of each cutoff's model, and the quantities of all cutoffs."""
    warehouse, settings = open_warehouse(Home(folder)), small_settings(horizons=(90,))
    write_company(warehouse, settings, company)
    build_features_and_labels(warehouse, settings)
    models = build_btyd_features(warehouse, settings)
    with warehouse.connection() as connection:
        return models, connection.sql("from features.btyd_features order by as_of, customer_id").df()


@pytest.mark.parametrize(("stages", "expected"), [(1, "mbg_nbd"), (4, "mbg_cnbd_k")])
def test_the_rhythm_of_the_customers_decides_the_model(tmp_path: Path, stages: int, expected: str) -> None:
    models, _ = models_of(tmp_path, company_with_rhythm(stages))
    assert len(models) >= 2
    assert set(models.values()) == {expected}


def test_with_a_rhythm_somebody_who_is_overdue_is_less_alive(tmp_path: Path) -> None:
    """Two with five purchases a month apart, the last one 5 and 75 days ago: a random buyer may well pause that long."""
    alive = {}
    for stages in (1, 4):
        company = company_with_rhythm(stages)
        ends = {"due": AS_OF - timedelta(days=5), "overdue": AS_OF - timedelta(days=75)}
        rows = [
            {"customer_id": name, "amount": 30.0, "product_category": "any", "order_id": f"{name}{n}",
             "ordered_at": pd.Timestamp(end - timedelta(days=30 * n), tz="UTC")}
            for name, end in ends.items() for n in range(5)
        ]  # fmt: skip
        company = replace(company, orders=pd.concat([company.orders, pd.DataFrame(rows)], ignore_index=True))
        _, quantities = models_of(tmp_path / str(stages), company)
        tonight = quantities[quantities["as_of"] == pd.Timestamp(AS_OF)].set_index("customer_id")
        alive[stages] = tonight["btyd_probability_alive"]
        assert alive[stages]["due"] > 0.8
    assert alive[4]["overdue"] < 0.5 * alive[1]["overdue"]


def test_what_comes_on_or_after_a_cutoff_has_no_part_in_its_choice(tmp_path: Path) -> None:
    """A history at random whose future is as regular as can be gives every cutoff the models that it had."""
    company = company_with_rhythm(1)
    later = pd.DataFrame(
        {"customer_id": customer, "amount": 30.0, "product_category": "any", "order_id": f"later {customer} {n}",
         "ordered_at": pd.Timestamp(AS_OF + timedelta(days=7 * n), tz="UTC")}
        for customer in company.orders["customer_id"].unique() for n in range(40)
    )  # fmt: skip
    seen = models_of(tmp_path / "before", company)
    with_future = models_of(tmp_path / "after", replace(company, orders=pd.concat([company.orders, later])))
    assert with_future[0] == seen[0]
    pd.testing.assert_frame_equal(with_future[1], seen[1])
