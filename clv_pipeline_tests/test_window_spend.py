"""Customer spend in a window: one definition in Python, and the SQL of labels and outcomes agrees with it."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from clv_pipeline.contracts.warehouse import HISTORY, RUN
from clv_pipeline.core.home import Home
from clv_pipeline.features.window_spend import OUTLIER_MULTIPLE, spend_by_customer, window_spend
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse
from clv_pipeline.warehouse.sql_models import build
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.made_up_rows import (
    AS_OF,
    MadeUpCompany,
    build_features_and_labels,
    company_with_signal,
    small_settings,
    write_company,
)
from clv_pipeline_tests.warehouse_builders import sql_model

DAYS = 60


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Return a company with features and labels; one of its customers spends a fortune in every window."""
    made = open_warehouse(Home(tmp_path_factory.mktemp("windows")))
    company, settings = company_with_signal(400), small_settings(horizons=(DAYS,))
    fortune = company.orders.iloc[[0]].assign(amount=1e7)
    rich = [fortune.assign(order_id=f"rich {n}", ordered_at=pd.Timestamp(AS_OF, tz="UTC") - pd.Timedelta(days=20 * n))
            for n in range(1, 20)]  # fmt: skip
    write_company(made, settings, MadeUpCompany(pd.concat([company.orders, *rich], ignore_index=True)))
    build_features_and_labels(made, settings)
    return made


def test_a_window_holds_its_first_day_and_not_its_last(tmp_path: Path) -> None:
    with open_warehouse(Home(tmp_path)).transaction() as connection:
        connection.execute(
            """
            create table features.customer_day as
            select customer_id, order_date::date as order_date, net_spend::decimal(18, 2) as net_spend,
                net_spend > 0 as is_purchase_day
            from (values
                ('old', '2024-01-01', 10), ('old', '2024-03-01', 5), ('old', '2024-03-31', 100),
                ('new', '2024-03-02', 7),
                ('returner', '2024-02-28', 20), ('returner', '2024-03-30', -20),
                ('silent', '2024-02-29', 1),
                ('only returns', '2024-03-05', -3)
            ) as rows (customer_id, order_date, net_spend)
            """
        )
        first, last = date(2024, 3, 1), date(2024, 3, 31)
        rows = spend_by_customer(connection, first, last, known_before=first)
        assert rows.to_numpy().tolist() == [["old", 5.0, True], ["returner", -20.0, False], ["silent", 0.0, False]]
        known = window_spend(connection, first, last, known_before=first)
        assert (known.customers, known.buyers, known.total, known.outlier_limit) == (3, 1, -15.0, OUTLIER_MULTIPLE * 5)
        everybody = window_spend(connection, first, last)
        assert (everybody.customers, everybody.buyers, everybody.total) == (5, 2, -11.0)
        some = window_spend(connection, first, last, among="customer_id in ('old', 'new')")
        assert (some.customers, some.total) == (2, 12.0)
        assert window_spend(connection, first, last, cap=6.0).total == -12.0
        nobody = window_spend(connection, date(2020, 1, 1), date(2020, 2, 1), known_before=date(2020, 1, 1))
        assert (nobody.customers, nobody.buyers, nobody.total, nobody.outlier_limit) == (0, 0, 0.0, 0.0)


def _cutoffs(connection: Connection) -> list[date]:
    return [c for (c,) in connection.execute("select distinct as_of from training.labels order by 1").fetchall()]


def test_labels_are_what_was_spent_in_their_windows_up_to_the_outlier_limit(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        cutoffs = _cutoffs(connection)
        assert len(cutoffs) >= 3
        capped = 0
        for cutoff in cutoffs:
            last = cutoff + timedelta(days=DAYS)
            labels = connection.execute(
                """
                select customer_id, spend_total::double as spend, spend_flag as has_bought from training.labels
                where as_of = $1 and horizon_days = $2 order by customer_id
                """,
                [cutoff, DAYS],
            ).df()
            happened = spend_by_customer(connection, cutoff, last, known_before=cutoff)
            known = labels[labels["customer_id"].isin(happened["customer_id"])].reset_index(drop=True)
            limit = window_spend(connection, cutoff, last, known_before=cutoff).outlier_limit
            pd.testing.assert_frame_equal(known, happened.assign(spend=happened["spend"].clip(upper=limit)))
            total = window_spend(connection, cutoff, last, known_before=cutoff, cap_outliers=True).total
            assert total == pytest.approx(known["spend"].sum())
            capped += int((happened["spend"] > limit).sum())
    assert capped >= 2, "nobody was beyond the limit: the cap was not seen"


def test_outcomes_are_what_was_spent_in_their_windows(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        connection.execute("begin transaction")
        tables.create(connection, HISTORY)
        tables.create(connection, RUN)
        connection.execute("insert into scores.run (as_of) values ($1)", [AS_OF])
        for cutoff in _cutoffs(connection):
            connection.execute(
                """
                insert into scores.history (as_of_date, customer_id, horizon_days, predicted_spend, score_status)
                select $1, customer_id, $2, 1, 'scored' from features.customer_day where order_date < $1 and is_purchase_day
                group by customer_id
                """,
                [cutoff, DAYS],
            )
        build(connection, sql_model("4_published", "prediction_outcomes"), {})
        outcomes = connection.execute(
            """
            select as_of_date, sum(customers), sum(actual_spend)::double, sum(actual_buyers)
            from published.prediction_outcomes group by as_of_date order by as_of_date
            """
        ).fetchall()
        connection.execute("rollback")
        assert len(outcomes) >= 3
        for as_of, customers, spend, buyers in outcomes:
            happened = window_spend(connection, as_of, as_of + timedelta(days=DAYS), known_before=as_of)
            assert (customers, spend, buyers) == (happened.customers, pytest.approx(happened.total), happened.buyers)
