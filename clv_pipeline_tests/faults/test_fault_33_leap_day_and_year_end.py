"""Fault 33: 29 February and the turn of the year. A window is a number of days, whatever the calendar does."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from clv_pipeline.features.build import build_feature_table, build_labels
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import FileSource
from clv_pipeline_tests.warehouse_builders import clean_without_rules, extract_source, sql_model

#: Days before as_of on which a customer bought once, for 1, 2, 4 ...; day 0 is as_of itself, which is not seen yet.
AGES = (-30, -29, 0, 1, 30, 31, 90, 91, 365, 366)
WINDOWS = (30, 90, 365)
HORIZON = 30


@pytest.mark.parametrize("as_of", [date(2024, 2, 29), date(2024, 3, 1), date(2024, 12, 31), date(2025, 1, 1)], ids=str)
def test_fault_33_features_and_labels_hold_exactly_their_days(
    file_source: Callable[..., FileSource], warehouse: Warehouse, as_of: date
) -> None:
    spent = {age: 2**n for n, age in enumerate(AGES)}
    lines = [f"{n},c1,{as_of - timedelta(days=age)} 23:30:00,{spent[age]}" for n, age in enumerate(AGES)]
    orders = "order_id,customer_id,ordered_at,amount\n" + "\n".join(lines) + "\n"
    settings = file_source(orders=orders).settings()
    extract_source(settings, warehouse, as_of + timedelta(days=HORIZON))
    with warehouse.transaction() as connection:
        clean_without_rules(connection, settings)
        connection.execute(
            "create table features.cutoffs as select $as_of::date as as_of, 'train' as role, 10000 as customers_per_10000",
            {"as_of": as_of},
        )
        connection.execute(f"create table features.horizons as select {HORIZON} as learned_days")
    for name in ("population", "customer_day", "purchase_features"):
        build_feature_table(warehouse, sql_model("2_features", name))
    with warehouse.transaction() as connection:
        build_labels(connection)
        columns = ", ".join(f"spend_{days}d" for days in WINDOWS)
        (windows,) = connection.execute(f"select {columns} from features.purchase_features").fetchall()
        label = connection.execute("select spend_total, purchase_days from training.labels").fetchall()
    assert windows == tuple(sum(spent[age] for age in AGES if 1 <= age <= days) for days in WINDOWS)
    assert label == [(spent[0] + spent[-29], 2)]
