"""The company's own attributes of customers (`attribute_*`): how they are loaded, which are features, and what a model sees."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from clv_pipeline.contracts.warehouse import TABLES
from clv_pipeline.core.errors import SourceError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.build import build_feature_table
from clv_pipeline.features.drivers import driver_of
from clv_pipeline.features.wording import describe, phrases
from clv_pipeline.modeling.data.dataset import feature_columns, load_labelled
from clv_pipeline.publishing.lineage import build_lineage
from clv_pipeline.publishing.publishing import publish_parameters
from clv_pipeline.quality.cleaning import create_quarantine
from clv_pipeline.quality.remarks import remarks_on_attributes
from clv_pipeline.sources.extraction import extract
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Warehouse, columns_of, one_row
from clv_pipeline.warehouse.sql_models import build
from clv_pipeline_tests.conftest import AS_OF, STARTED_AT, FileSource, open_warehouse
from clv_pipeline_tests.made_up_rows import build_features_and_labels, company_with_signal, small_settings
from clv_pipeline_tests.warehouse_builders import clean_without_rules, extract_source, sql_model, write_source

ORDERS = "order_id,customer_id,ordered_at,amount\n1,c1,2024-05-01,10\n"
SINCE = "select * from customers where updated_at >= :since"


def load(source: FileSource, warehouse: Warehouse) -> list[str]:
    """Extract and return the warnings about customers."""
    loaded = extract(
        source.settings(),
        warehouse,
        as_of=AS_OF,
        run_id="run",
        started_at=STARTED_AT,
        progress=lambda table, rows: None,
    )
    (customers,) = (table for table in loaded if table.name == "customers")
    return list(customers.warnings)


def attributes_in(warehouse: Warehouse) -> dict[str, dict[str, str | None] | None]:
    with warehouse.connection() as connection:
        rows = connection.execute("select customer_id, attributes from raw.customers order by all").fetchall()
    return {customer: json.loads(text) if text else None for customer, text in rows}


def test_attributes_are_one_text_of_a_row_whatever_the_case_of_their_names(
    file_source: Callable[..., FileSource], warehouse: Warehouse
) -> None:
    rows = [
        "customer_id,Attribute_Plan,attribute_seats,shoe size,attribute_with blank",
        "c1, gold ,3,40,x",
        "c2,nan,,41,y",
        "c3,,,,",
    ]
    customers = "\n".join(rows) + "\n"
    warnings = load(file_source(orders=ORDERS, customers=customers), warehouse)
    assert attributes_in(warehouse) == {
        "c1": {"attribute_plan": "gold", "attribute_seats": "3"}, "c2": None, "c3": None,
    }  # fmt: skip
    assert [w for w in warnings if "not in the contract and is ignored" in w] == [
        f"customers: column '{name}' is not in the contract and is ignored"
        for name in ("attribute_with blank", "shoe size")
    ]


def test_an_attribute_that_is_returned_twice_is_refused(
    file_source: Callable[..., FileSource], warehouse: Warehouse
) -> None:
    select = "select customer_id, 'a' as attribute_plan, 'b' as \"ATTRIBUTE_PLAN \" from customers"
    source = file_source(
        orders=ORDERS, customers="customer_id\nc1\n", selects={"customers": select.replace("PLAN ", "PLAN")}
    )
    with pytest.raises(SourceError, match="attribute_plan"):
        load(source, warehouse)


def test_an_address_among_attributes_is_never_stored_and_counted(
    file_source: Callable[..., FileSource], warehouse: Warehouse
) -> None:
    customers = "customer_id,attribute_contact\nc1,ann@shop.example\nc2,phone\n"
    warnings = load(file_source(orders=ORDERS, customers=customers), warehouse)
    assert attributes_in(warehouse) == {"c1": None, "c2": {"attribute_contact": "phone"}}
    assert "customers.attribute_contact: 1 values are e-mail addresses or not UTF-8, and are not loaded" in warnings


def test_an_attribute_that_appears_or_is_gone_is_so_for_every_row_of_an_increment(
    file_source: Callable[..., FileSource], warehouse: Warehouse
) -> None:
    def night(header: str, *rows: str) -> dict[str, dict[str, str | None] | None]:
        customers = "\n".join([header, *rows]) + "\n"
        load(file_source(orders=ORDERS, customers=customers, selects={"customers": SINCE}), warehouse)
        return attributes_in(warehouse)

    old, new = "c1,2023-01-01,gold", "c2,2024-05-31,basic"
    plan = {"c1": {"attribute_plan": "gold"}, "c2": {"attribute_plan": "basic"}}
    assert night("customer_id,updated_at,attribute_plan", old, new) == plan
    both = night("customer_id,updated_at,attribute_plan,attribute_shop", f"{old},main", f"{new},side")
    assert both["c1"] == {"attribute_plan": "gold", "attribute_shop": "main"}
    assert night("customer_id,updated_at,attribute_plan", old, new) == plan


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, Settings]:
    """Return the warehouse of a company with attributes, cleaned, and with features."""
    folder = tmp_path_factory.mktemp("shop")
    company = company_with_signal(customers=150)
    buyers = sorted(company.orders["customer_id"].unique())
    customers = pd.DataFrame(
        {
            "customer_id": buyers,
            # one record of ten was entered long after the first order
            "created_at": ["2024-05-20" if i % 10 == 0 else "2022-01-01" for i in range(len(buyers))],
            "attribute_plan": [("gold", "basic", "trial")[i % 3] for i in range(len(buyers))],
            "attribute_seats": [str(i % 7) for i in range(len(buyers))],
            "attribute_gender": ["f" if i % 2 else "m" for i in range(len(buyers))],
            "attribute_note": [f"note {i}" for i in range(len(buyers))],
            "attribute_shop": ["main" for _ in buyers],
        }
    )
    orders = company.orders.assign(ordered_at=company.orders["ordered_at"].dt.strftime("%Y-%m-%d"))
    source = write_source(folder, 'time_zone = "UTC"\n', orders=orders, customers=customers)
    settings = small_settings(source=str(source.folder))
    warehouse = open_warehouse(Home(folder / "home"))
    extract_source(source.settings(), warehouse, date(2024, 6, 1))
    with warehouse.transaction() as connection:
        create_quarantine(connection)
        clean_without_rules(connection, settings)
    build_features_and_labels(warehouse, settings)
    return warehouse, settings


def test_numbers_are_numbers_texts_are_categories_and_only_facts_of_the_past_count(
    shop: tuple[Warehouse, Settings],
) -> None:
    with shop[0].connection() as connection:
        types = columns_of(connection, "features.customer_features")
        assert {n: t for n, t in types.items() if n.startswith("crm_attribute")} == {
            "crm_attribute_plan": "VARCHAR", "crm_attribute_seats": "DOUBLE",
        }  # fmt: skip
        wrong = """
            select count(*) from features.customer_features as f
            inner join clean.customers as c on f.customer_id = c.customer_id
            where (crm_attribute_plan is not null) <> (c.created_date < f.as_of)
                or crm_attribute_seats <> (c.attributes ->> 'attribute_seats')::double
        """
        assert one_row(connection, wrong) == (0,)
        assert one_row(
            connection, "select count(*) > 100 from features.customer_features where crm_attribute_seats > 0"
        ) == (True,)


def test_models_are_given_attributes_and_never_denied_ones(shop: tuple[Warehouse, Settings]) -> None:
    warehouse, _ = shop
    with warehouse.connection() as connection:
        columns = feature_columns(connection)
        assert "crm_attribute_plan" in columns.categorical
        assert "crm_attribute_seats" in columns.numeric
        assert not [name for name in columns.names if "gender" in name or "note" in name or "shop" in name]
        rows = load_labelled(connection, columns, 90, half_life_days=365)
    assert set(rows.features["crm_attribute_plan"].dropna()) == {"gold", "basic", "trial"}


def test_a_pattern_that_denies_the_attribute_takes_its_feature_away(shop: tuple[Warehouse, Settings]) -> None:
    warehouse, _ = shop
    with warehouse.connection() as connection:
        (model,) = (m for m in [sql_model("1_clean", "customer_attributes")])
        for pattern in ("plan", "attribute_plan", "crm_attribute_plan", "*plan"):
            query = f"select attribute from ({model.sql}) where refused_because = 'denied'"
            assert connection.execute(query, {"denied_features": [pattern]}).fetchall() == [("attribute_plan",)], (
                pattern
            )


def test_an_attribute_that_is_no_feature_is_named_with_the_reason_and_counts(shop: tuple[Warehouse, Settings]) -> None:
    warehouse, settings = shop
    with warehouse.connection() as connection:
        found = {r.subject: r.text for r in remarks_on_attributes(connection, settings)}
        (customers,) = one_row(connection, "select count(*) from clean.customers")
    taken = "attribute_plan, attribute_seats"
    assert found.keys() == {taken, "attribute_gender", "attribute_note", "attribute_shop"}
    assert f"({customers} different values of {customers} customers)" in found["attribute_note"]
    assert "everybody has the same value" in found["attribute_shop"]
    assert found[taken].startswith(f"customers: {taken} are taken for facts that do not change")


def test_a_set_that_is_gone_leaves_no_feature_of_it(shop: tuple[Warehouse, Settings], tmp_path: Path) -> None:
    warehouse, _ = shop
    with warehouse.connection() as connection:
        connection.execute("begin transaction")
        connection.execute("delete from clean.customer_attributes where attribute = 'attribute_plan'")
        connection.execute("commit")
    try:
        for name in ("crm_features", "customer_features"):
            build_feature_table(warehouse, sql_model("2_features", name))
        with warehouse.connection() as connection:
            names = columns_of(connection, "features.customer_features")
            assert {"crm_attribute_seats"} == {n for n in names if n.startswith("crm_attribute")}
    finally:
        with warehouse.transaction() as connection:
            query = sql_model("1_clean", "customer_attributes").sql
            connection.execute(
                f"create or replace table clean.customer_attributes as {query}", {"denied_features": ["*gender*"]}
            )
        for name in ("crm_features", "customer_features"):
            build_feature_table(warehouse, sql_model("2_features", name))


def test_a_feature_is_followed_back_to_the_column_of_the_source(shop: tuple[Warehouse, Settings]) -> None:
    warehouse, settings = shop
    with warehouse.transaction() as connection:
        # a published table that is made of all features, without a row
        model = sql_model("4_published", "feature_distributions")
        for name in model.inputs & TABLES.keys():
            tables.create_if_missing(connection, TABLES[name])
        build(connection, model, publish_parameters(settings))
        build_lineage(connection, settings, None)
        steps = connection.execute(
            "select table_name, column_name, from_table, from_column from published.column_lineage "
            "where from_column = 'attribute_plan' or column_name in ('attribute_plan', 'crm_attribute_plan') order by all"
        ).fetchall()
    assert steps == [
        ("features.crm_features", "crm_attribute_plan", "raw.customers", "attribute_plan"),
        ("features.customer_features", "crm_attribute_plan", "features.crm_features", "crm_attribute_plan"),
        ("raw.customers", "attribute_plan", "source source/customers.sql", "attribute_plan"),
    ]


def test_an_attribute_has_the_words_of_its_name_and_the_profile_as_its_driver() -> None:
    assert describe("crm_attribute_first_shop") == "first shop"
    assert phrases("crm_attribute_cost_centre", pd.Series([7.0]), "EUR") == ["cost centre 7"]
    assert phrases("crm_attribute_plan", pd.Series(["gold", float("nan")]), "EUR") == ["plan gold", "plan unknown"]
    assert driver_of("crm_attribute_plan") == "profile"
