"""Building warehouses for tests with the package's own steps: extraction, cleaning, features. No assertions here."""

from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.btyd_features import build_btyd_features
from clv_pipeline.features.build import build_feature_table, build_labels
from clv_pipeline.features.cutoffs import TrainingPlan
from clv_pipeline.features.plan import NightPlan, write_night_plan
from clv_pipeline.quality.clean_report import CleanReport
from clv_pipeline.quality.cleaning import accepted_rows, build_clean_table, clean_parameters, create_quarantine
from clv_pipeline.quality.expectations import Validator
from clv_pipeline.sources.extraction import extract
from clv_pipeline.warehouse.connection import Connection, Warehouse
from clv_pipeline.warehouse.sql_models import SqlModel, build, load_layer
from clv_pipeline_tests.conftest import FileSource, open_warehouse


def sql_model(layer_folder: str, name: str) -> SqlModel:
    return next(m for m in load_layer(layer_folder) if m.name == name)


def write_source(folder: Path, toml: str, **tables: str | pd.DataFrame) -> FileSource:
    """Write a source of CSV texts or frames (as Parquet), each read by `select * from <table>`."""
    source = FileSource(folder / "source", folder / "files")
    source.folder.mkdir(parents=True)
    source.files.mkdir()
    (source.folder / "source.toml").write_text(toml)
    for name, table in tables.items():
        if isinstance(table, str):
            (source.files / f"{name}.csv").write_text(table)
        else:
            table.astype("string").to_parquet(source.files / f"{name}.parquet", index=False)
        (source.folder / f"{name}.sql").write_text(f"select * from {name}")
    return source


def extract_source(settings: Settings, warehouse: Warehouse, as_of: date, started_at: datetime | None = None) -> None:
    started = started_at or datetime.combine(as_of, datetime.min.time(), UTC)
    extract(settings, warehouse, as_of=as_of, run_id="test", started_at=started, progress=lambda table, rows: None)


def build_lookups(warehouse: Warehouse, settings: Settings) -> None:
    """Build the clean tables that the others look things up in, products among them, unjudged."""
    with warehouse.transaction() as connection:
        for model in load_layer("1_clean"):
            if model.name in CONTRACT and model.name != "products":
                continue
            if "clean.customers" in model.inputs:
                continue
            build(connection, model, clean_parameters(settings))
            if model.name == "products":
                connection.execute(f"create or replace table {model.table} as {accepted_rows(model.table)}")


def clean_everything(
    warehouse: Warehouse, settings: Settings, validator: Validator, only: tuple[str, ...] = tuple(CONTRACT)
) -> dict[str, CleanReport]:
    """Build the clean tables as a run does, or some of them; return the report of each contract table."""
    build_lookups(warehouse, settings)
    return {
        model.name: build_clean_table(warehouse, model, settings, validator)
        for model in load_layer("1_clean")
        if model.name in only
    }


def clean_without_rules(connection: Connection, settings: Settings) -> None:
    """Build every clean table with the columns a run gives it, but judge nothing."""
    create_quarantine(connection)
    for model in load_layer("1_clean"):
        build(connection, model, clean_parameters(settings))
        if model.name in CONTRACT:
            connection.execute(f"create or replace table {model.table} as {accepted_rows(model.table)}")


def build_features(warehouse: Warehouse, settings: Settings) -> None:
    for model in load_layer("2_features"):
        if "features.btyd_features" in model.inputs:
            build_btyd_features(warehouse, settings)
        build_feature_table(warehouse, model)


def empty_company(folder: Path) -> tuple[Warehouse, Settings]:
    """Return a warehouse in which every table up to `training` exists, with the types a real run gives it, and no row."""
    orders = "order_id,customer_id,ordered_at,amount\n1,a,2024-05-01,1\n"
    settings = write_source(folder, "", orders=orders).settings()
    warehouse = open_warehouse(Home(folder / "home"))
    extract_source(settings, warehouse, date(2024, 6, 1))
    with warehouse.transaction() as connection:
        clean_without_rules(connection, settings)
        nothing = NightPlan(TrainingPlan((), {days: days for days in settings.horizons}), None)
        write_night_plan(connection, settings, date(2024, 6, 1), nothing)
    build_features(warehouse, settings)
    with warehouse.transaction() as connection:
        build_labels(connection)
        tables = connection.execute("select table_schema, table_name from information_schema.tables").fetchall()
        for schema, table in tables:
            connection.execute(f"delete from {schema}.{table}")
    return warehouse, settings
