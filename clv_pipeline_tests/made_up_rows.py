"""Made-up customers for the tests of the models: frames of features, and small companies written into a warehouse.

No test is here. A company's orders go through the package's own SQL: clean tables, features, labels.
"""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.contracts.warehouse import LOADS
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.btyd_features import build_btyd_features
from clv_pipeline.features.build import build_feature_table, build_labels
from clv_pipeline.features.cutoffs import TrainingPlan
from clv_pipeline.features.plan import NightPlan, plan_training, write_night_plan
from clv_pipeline.modeling.data.dataset import FeatureColumns, LabelledRows
from clv_pipeline.quality.cleaning import accepted_rows, clean_parameters, create_quarantine
from clv_pipeline.sources.loading import create_raw_table
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse
from clv_pipeline.warehouse.sql_models import build, load_layer

AS_OF = date(2024, 6, 1)
FIRST_DAY = date(2022, 12, 1)
_CATEGORIES = ("books", "garden", "toys")

#: A company big enough to train on and small enough to train on in seconds.
SMALL = {
    "time_zone": "UTC",
    "max_cutoffs": 1,
    "tuning_folds": 1,
    "max_parameter_sets": 1,
    "bootstrap_samples": 20,
    "min_buyers": 100,
    "threads": 2,
}


def small_settings(**overrides: object) -> Settings:
    """Return settings for a training of a few seconds."""
    return Settings(**{**SMALL, **overrides})  # type: ignore[arg-type]


# --- frames of features --------------------------------------------------------------------------------------------

COLUMNS = FeatureColumns(
    numeric=(
        "recency_days", "purchase_days", "monetary_value", "spend_90d", "spend_365d", "spend_total", "tenure_days",
        "spend_30d", "spend_per_30_days", "purchase_days_per_30_days", "mean_gap_days", "survey_last_nps",
        "btyd_spend_90d", "btyd_purchases_90d", "btyd_purchase_probability_90d", "btyd_purchase_value",
    ),
    categorical=("last_category", "web_last_device"),
)  # fmt: skip


def feature_rows(customers: int, seed: int, *, cutoffs: tuple[date, ...] = (AS_OF,)) -> LabelledRows:
    """Return rows with missing values, a column that is nearly empty, a rare category, one outlier customer, net returns."""
    generator = np.random.default_rng(seed)
    purchase_days = generator.geometric(0.35, customers)
    recency = generator.integers(1, 400, customers)
    tenure = recency + np.where(purchase_days > 1, generator.integers(1, 400, customers), 0)
    value = generator.lognormal(3.5, 1.0, customers)
    value[0] = 5e6
    total = value * purchase_days
    # a rough expectation to start from, unknown for some: at a cutoff where no model could be fitted it is
    chance = np.where(generator.random(customers) < 0.05, np.nan, 0.8 * np.exp(-recency / 250))
    frame = pd.DataFrame(
        {
            "recency_days": recency,
            "purchase_days": purchase_days,
            "monetary_value": value,
            "spend_90d": np.where(recency <= 90, value, 0),
            "spend_365d": np.minimum(total, 3 * value),
            "spend_total": total,
            "tenure_days": tenure,
            "spend_30d": np.where(recency <= 30, value, 0),
            "spend_per_30_days": total / np.maximum(tenure, 30) * 30,
            "purchase_days_per_30_days": purchase_days / np.maximum(tenure, 30) * 30,
            "mean_gap_days": np.where(purchase_days > 1, tenure / purchase_days, np.nan),
            "survey_last_nps": np.where(
                generator.random(customers) < 0.1, generator.integers(0, 11, customers), np.nan
            ),
            "btyd_spend_90d": chance * value,
            "btyd_purchases_90d": chance,
            "btyd_purchase_probability_90d": chance,
            "btyd_purchase_value": np.where(np.isnan(chance), np.nan, value),
        },
        dtype=np.float32,
    )
    frame["last_category"] = _some_missing(generator.choice(_CATEGORIES, customers, p=[0.6, 0.39, 0.01]), generator)
    frame["web_last_device"] = _some_missing(generator.choice(["phone", "desktop"], customers), generator)
    alive = generator.random(customers) < np.exp(-recency / 150)
    spend = np.where(alive, value * generator.lognormal(0, 0.5, customers), 0).round(2)
    returned = generator.random(customers) < 0.03
    spend[returned] = -value[returned].round(2)
    spend[0] = 4e6
    as_of = np.array(cutoffs, dtype="datetime64[D]")[np.arange(customers) % len(cutoffs)]
    purchase = (alive & ~returned).astype(np.float64)
    days = purchase * generator.integers(1, 4, customers)
    return LabelledRows(frame[COLUMNS.names], _ids(customers), as_of, spend, purchase, days, half_life_days=365)


def _ids(customers: int) -> NDArray[np.object_]:
    return np.array([f"C{i:05d}" for i in range(customers)], dtype=object)


def _some_missing(values: NDArray[np.str_], generator: np.random.Generator) -> pd.Series:
    found = values.astype(object)
    found[generator.random(len(found)) < 0.1] = np.nan
    return pd.Series(found, dtype=object)


# --- companies -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MadeUpCompany:
    """The order lines, CRM records and other tables of a company, in the columns of the contract that it has."""

    orders: pd.DataFrame
    customers: pd.DataFrame | None = None
    others: dict[str, pd.DataFrame] = field(default_factory=dict)


def company_with_signal(customers: int = 800, seed: int = 3) -> MadeUpCompany:
    """Some buy every few weeks for good, some oftener until they stop, some only once: history tells who will buy."""
    generator = np.random.default_rng(seed)
    length = (AS_OF - FIRST_DAY).days
    rows = []
    for customer in range(customers):
        first = int(generator.integers(0, length - 30))
        kind = generator.choice(["loyal", "stopped", "once"], p=[0.35, 0.45, 0.2])
        gap = {"loyal": 35.0, "stopped": 18.0, "once": 1e9}[kind] * generator.lognormal(0, 0.6)
        last = length if kind == "loyal" else first + generator.exponential(60.0)
        amount = generator.lognormal(3.6, 0.9) * (1.5 if kind == "loyal" else 1.0)
        day = float(first)
        while day < min(last, length):
            rows.append((f"C{customer:05d}", int(day), amount * generator.lognormal(0, 0.25), kind))
            day += max(gap * generator.lognormal(0, 0.4), 1)
    return MadeUpCompany(_as_orders(rows, generator))


def company_of_noise(customers: int = 800, seed: int = 5) -> MadeUpCompany:
    """Everybody buys at the same rate for amounts from one distribution: history tells nothing about anybody."""
    generator = np.random.default_rng(seed)
    length = (AS_OF - FIRST_DAY).days
    rows = []
    for customer in range(customers):
        days = np.unique(generator.integers(0, length, generator.poisson(length / 60)))
        rows += [(f"C{customer:05d}", int(d), generator.lognormal(3.5, 0.6), "any") for d in days]
    return MadeUpCompany(_as_orders(rows, generator))


def company_with_rhythm(stages: int, customers: int = 300, seed: int = 7) -> MadeUpCompany:
    """Each wait for the next purchase is the sum of so many random stages, the more the more regular; they leave by chance."""
    generator = np.random.default_rng(seed)
    length = (AS_OF - FIRST_DAY).days
    rows = []
    for customer in range(customers):
        day, wait, leaves = generator.uniform(0, length - 100), generator.gamma(4, 8), generator.beta(1, 8)
        while day < length:
            rows.append((f"C{customer:05d}", int(day), generator.lognormal(3.5, 0.3), "any"))
            if generator.random() < leaves:
                break
            day += generator.gamma(stages, wait / stages)
    return MadeUpCompany(_as_orders(rows, generator))


def with_prospects(company: MadeUpCompany, prospects: int, created: date, refusing: int = 0) -> MadeUpCompany:
    """Return the company with a CRM: its buyers, and people who have bought nothing; the last `refusing` buyers object."""
    buyers = sorted(company.orders["customer_id"].unique())
    records = [(c, FIRST_DAY, i < len(buyers) - refusing) for i, c in enumerate(buyers)]
    records += [(f"P{i:05d}", created, True) for i in range(prospects)]
    frame = pd.DataFrame(records, columns=["customer_id", "created_at", "profiling_consent"])
    frame["created_at"] = pd.to_datetime(frame["created_at"]).dt.tz_localize("UTC")
    return MadeUpCompany(company.orders, frame)


def _as_orders(rows: list[tuple[str, int, float, str]], generator: np.random.Generator) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount", "product_category"])
    frame["amount"] = frame["amount"].round(2)
    returned = frame[generator.random(len(frame)) < 0.03].assign(
        amount=lambda f: -f["amount"], day=lambda f: f["day"] + 7
    )
    frame = pd.concat([frame, returned], ignore_index=True)
    frame = frame[frame["day"] < (AS_OF - FIRST_DAY).days].reset_index(drop=True)
    frame["order_id"] = [f"O{i:06d}" for i in range(len(frame))]
    frame["ordered_at"] = pd.Timestamp(FIRST_DAY, tz="UTC") + pd.to_timedelta(frame.pop("day"), unit="D")
    return frame


def orders_since(company: MadeUpCompany, first: date) -> MadeUpCompany:
    """Return the company as if it had begun on `first`."""
    return MadeUpCompany(company.orders[company.orders["ordered_at"] >= pd.Timestamp(first, tz="UTC")])


def write_company(warehouse: Warehouse, settings: Settings, company: MadeUpCompany, as_of: date = AS_OF) -> None:
    """Fill `raw` with the company and build `clean` from it with the package's SQL (without the table rules)."""
    with warehouse.transaction() as connection:
        for table in CONTRACT.values():
            create_raw_table(connection, table)
        tables.create(connection, LOADS)
        _insert(connection, "raw.orders", company.orders)
        if company.customers is not None:
            _insert(connection, "raw.customers", company.customers)
        for name, rows in company.others.items():
            _insert(connection, f"raw.{name}", rows)
        connection.execute(
            """
            create or replace table raw.extraction as
            select $as_of::date as as_of, 'run' as run_id, $as_of::timestamp as started_at, 'made up' as source_name,
                'UTC' as time_zone, 'EUR' as currency,
                (select md5(string_agg(orders::varchar, '' order by order_id)) from raw.orders) as data_fingerprint
            """,
            {"as_of": as_of},
        )
        create_quarantine(connection)
        for model in load_layer("1_clean"):
            build(connection, model, clean_parameters(settings))
            if model.name in CONTRACT:
                connection.execute(f"create or replace table {model.table} as {accepted_rows(model.table)}")


def _insert(connection: Connection, table: str, frame: pd.DataFrame) -> None:
    connection.register("frame", frame)
    connection.execute(f"insert into {table} by name select *, md5(frame::varchar) as row_hash from frame")
    connection.unregister("frame")
    tables.append(
        connection,
        LOADS,
        "select $name as table_name, true as is_provided, $columns as columns_returned",
        {"name": table.removeprefix("raw."), "columns": list(frame.columns)},
    )


def build_features_and_labels(warehouse: Warehouse, settings: Settings, as_of: date = AS_OF) -> TrainingPlan:
    """Build everything that training and scoring read; return the plan."""
    with warehouse.transaction() as connection:
        plan = plan_training(connection, settings, as_of)
        write_night_plan(connection, settings, as_of, NightPlan(plan, "a test"))
    for model in load_layer("2_features"):
        if "features.btyd_features" in model.inputs:
            build_btyd_features(warehouse, settings)
        build_feature_table(warehouse, model)
    with warehouse.transaction() as connection:
        build_labels(connection)
    return plan
