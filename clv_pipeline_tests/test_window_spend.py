"""Customer spend in a window: one definition in Python, and the SQL of labels and outcomes agrees with it."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clv_pipeline.contracts.warehouse import (
    HISTORY,
    JUDGED_TOTALS,
    JUDGED_WINDOWS,
    NIGHT_TOTALS,
    OUTCOMES,
    RUN,
)
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


#: Days before as_of on which somebody's order has three zeros too many; and the customer whose orders are all that large.
SLIPS, KEY_ACCOUNT = (25, 100, 150), "key account"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Return a company with features and labels, three data-entry errors, and a key account."""
    made = open_warehouse(Home(tmp_path_factory.mktemp("windows")))
    company, settings = company_with_signal(1_500), small_settings(horizons=(DAYS,))

    def order_of(customer: str, days: int) -> pd.DataFrame:
        order = company.orders.iloc[[0]].assign(customer_id=customer, amount=1e6, order_id=f"{customer} {days}")
        return order.assign(ordered_at=pd.Timestamp(AS_OF, tz="UTC") - pd.Timedelta(days=days))

    buyers = company.orders["customer_id"].unique()
    slips = [order_of(str(customer), days) for customer, days in zip(buyers, SLIPS, strict=False)]
    account = [order_of(KEY_ACCOUNT, 45 * n) for n in range(1, 12)]
    write_company(made, settings, MadeUpCompany(pd.concat([company.orders, *slips, *account], ignore_index=True)))
    build_features_and_labels(made, settings)
    return made


def test_a_window_holds_its_first_day_and_not_its_last(tmp_path: Path) -> None:
    with open_warehouse(Home(tmp_path)).transaction() as connection:
        connection.execute(
            """
            create table features.customer_day as
            select customer_id, order_date::date as order_date, net_spend::decimal(18, 2) as net_spend,
                net_spend > 0 as is_purchase_day, null::decimal(18, 2) as usual_spend
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
        assert window_spend(connection, first, last, limit=6.0).total == -12.0
        nobody = window_spend(connection, date(2020, 1, 1), date(2020, 2, 1), known_before=date(2020, 1, 1))
        assert (nobody.customers, nobody.buyers, nobody.total, nobody.outlier_limit) == (0, 0, 0.0, 0.0)


def _cutoffs(connection: Connection) -> list[date]:
    return [c for (c,) in connection.execute("select distinct as_of from training.labels order by 1").fetchall()]


def test_labels_are_what_was_spent_in_their_windows_and_only_errors_are_capped(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        cutoffs = _cutoffs(connection)
        assert len(cutoffs) >= 3
        capped = accounts = 0
        for cutoff in cutoffs:
            last = cutoff + timedelta(days=DAYS)
            labels = connection.execute(
                """
                select customer_id, spend_total::double as spend, has_purchase as has_bought from training.labels
                where as_of = $1 and horizon_days = $2 order by customer_id
                """,
                [cutoff, DAYS],
            ).df()
            happened = spend_by_customer(connection, cutoff, last, known_before=cutoff)
            known = labels[labels["customer_id"].isin(happened["customer_id"])].reset_index(drop=True)
            found = window_spend(connection, cutoff, last, known_before=cutoff, cap_outliers=True)
            assert found.total == pytest.approx(known["spend"].sum())
            lost = happened["spend"] - known["spend"]
            is_error = lost > 0
            # a day of a million counts as the limit, so that this much is lost
            assert lost[is_error].to_numpy() == pytest.approx(
                np.full(is_error.sum(), 1e6 - found.outlier_limit), abs=0.01
            )
            pd.testing.assert_frame_equal(known[~is_error], happened[~is_error])
            account = happened[happened["customer_id"] == KEY_ACCOUNT]
            accounts += int((account["spend"] >= 1e6).sum())
            capped += int(is_error.sum())
    assert capped >= 2, "nobody was beyond the limit: the cap was not seen"
    assert accounts >= 3, "the key account bought in no window"


def test_chance_explains_more_of_a_total_of_few_purchases(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        cutoff = _cutoffs(connection)[0]
        found = window_spend(connection, cutoff, cutoff + timedelta(days=DAYS))
        rows = connection.execute(
            "select net_spend::double from features.customer_day where is_purchase_day and order_date between $1 and $2",
            [cutoff, cutoff + timedelta(days=DAYS - 1)],
        ).fetchall()
    days = np.array(rows)[:, 0]
    assert found.variation == pytest.approx(min((days**2).sum() / found.total**2, 1.0))


def test_outcomes_are_what_was_spent_in_their_windows(warehouse: Warehouse) -> None:
    with warehouse.connection() as connection:
        connection.execute("begin transaction")
        tables.create(connection, HISTORY)
        for table in (RUN, NIGHT_TOTALS, OUTCOMES, JUDGED_WINDOWS, JUDGED_TOTALS):
            tables.create(connection, table)
        connection.execute("insert into scores.run (as_of) values ($1)", [AS_OF])
        for cutoff in _cutoffs(connection):
            connection.execute(
                """
                insert into scores.history
                    (as_of_date, customer_id, horizon_days, predicted_spend, purchase_probability, score_status)
                select $1, customer_id, $2, 1, 0.5, 'scored' from features.customer_day where order_date < $1 and is_purchase_day
                group by customer_id
                """,
                [cutoff, DAYS],
            )
        build(connection, sql_model("4_published", "prediction_outcomes"), {})
        outcomes = connection.execute(
            """
            select as_of_date, customers, actual_spend::double, actual_buyers
            from published.prediction_outcomes where slice_kind = 'all' order by as_of_date
            """
        ).fetchall()
        connection.execute("rollback")
        assert len(outcomes) >= 3
        for as_of, customers, spend, buyers in outcomes:
            happened = window_spend(connection, as_of, as_of + timedelta(days=DAYS), known_before=as_of)
            assert (customers, spend, buyers) == (happened.customers, pytest.approx(happened.total), happened.buyers)
