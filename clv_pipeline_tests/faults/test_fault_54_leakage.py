"""Fault 54: a row on or after as_of reaches a feature, a training row or a prediction. These tests fail then: a source
whose every row from a cutoff on was replaced, and whose CRM shows another today, must give the same bytes at that cutoff.

Two things are today's by design and left as they are: who was merged into whom, and who refused profiling.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import SOURCES_FOLDER
from clv_pipeline.demo_company.company import build_demo_company
from clv_pipeline.features.build import build_feature_table, build_labels
from clv_pipeline.features.families import KEYS
from clv_pipeline.features.plan import NightPlan, plan_training, write_night_plan
from clv_pipeline.modeling.candidates.catalogue import CANDIDATES, Task
from clv_pipeline.modeling.candidates.ensembles import predict
from clv_pipeline.modeling.data.dataset import feature_columns, load_labelled, scoring_batches
from clv_pipeline.warehouse.connection import Warehouse, columns_of, one_row
from clv_pipeline.warehouse.sql_models import load_layer
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.warehouse_builders import (
    build_features,
    clean_without_rules,
    extract_source,
    sql_model,
    write_source,
)

START, AS_OF, END = date(2025, 1, 1), date(2025, 9, 1), date(2025, 10, 15)
HORIZON_DAYS = 60
#: The training cutoffs planned for AS_OF that are attacked: the newest and the oldest.
TRAINING_CUTOFFS = (date(2025, 7, 3), date(2025, 4, 4))
#: Answers to younger touches may still come in, so the mutation turns them round.
ANSWER_DAYS = 14
MONEY = ("amount", "acquisition_cost", "spend", "cost")
FAMILIES = [m.name for m in load_layer("2_features") if "< population.as_of" in m.sql]

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Return the contract tables of a small demo company, every value as its database holds it."""
    path = tmp_path_factory.mktemp("company") / "shop.db"
    build_demo_company(f"sqlite:///{path}", customers=300, start=START, end=END)
    tables = {}
    with closing(sqlite3.connect(path)) as connection:
        for name in (path.stem for path in sorted((SOURCES_FOLDER / "demo").glob("*.sql"))):
            answer = connection.execute(
                (SOURCES_FOLDER / "demo" / f"{name}.sql").read_text(), {"since": "1900-01-01 00:00:00"}
            )
            tables[name] = pd.DataFrame(answer.fetchall(), columns=[c[0] for c in answer.description], dtype=object)
    _with_dates_of_answers(tables["campaign_touches"])
    _with_attributes(tables["customers"])
    # consent is what the CRM says today, whatever the cutoff: a record that is entered later may bring it
    tables["customers"] = tables["customers"].drop(columns="profiling_consent")
    return tables


def _with_dates_of_answers(touches: pd.DataFrame) -> None:
    """Give every other answer a date, three to 60 days after its touch; the other answers have none."""
    days = 3 + np.arange(len(touches)) % 58
    dated = touches["responded"].eq(1) & (np.arange(len(touches)) % 2 == 0)
    answered = (pd.to_datetime(touches["touched_at"]) + pd.to_timedelta(days, unit="D")).dt.strftime(
        "%Y-%m-%d %H:%M:%S"
    )
    touches["responded_at"] = answered.where(dated, None).astype(object)


def _with_attributes(customers: pd.DataFrame) -> None:
    number = np.arange(len(customers))
    customers["attribute_plan"] = np.array(["basic", "gold", "trial"], dtype=object)[number % 3]
    customers["attribute_seats"] = (number % 7).astype(str)


def mutated(tables: Tables, cutoff: date) -> Tables:
    """Return the company with another future: rows from the cutoff on deleted, falsified, and new ones put in."""
    rng = np.random.default_rng(cutoff.toordinal())
    buyers = _known_buyers(tables["orders"], cutoff)
    changed = {name: _another_future(frame.copy(), name, cutoff, buyers, rng) for name, frame in tables.items()}
    changed["customers"] = _another_today(changed["customers"], tables["orders"], cutoff)
    touches = changed["campaign_touches"]
    day = touches["touched_at"].str[:10]
    answered = touches["responded_at"].notna()
    not_yet = answered & (touches["responded_at"] >= str(cutoff))
    # half of the answers to come are never given, the others on another day
    never = not_yet & (np.arange(len(touches)) % 4 == 0)
    touches.loc[not_yet, "responded_at"] = f"{END} 12:00:00"
    touches.loc[never, ["responded", "responded_at"]] = [0, None]
    fresh = ~answered & (day >= str(cutoff - timedelta(days=ANSWER_DAYS))) & (day < str(cutoff))
    touches.loc[fresh, "responded"] = 1 - touches.loc[fresh, "responded"].fillna(0).astype(int)
    return changed


def _known_buyers(orders: pd.DataFrame, cutoff: date) -> np.ndarray:
    known = orders.loc[(orders["ordered_at"] < str(cutoff)) & orders["customer_id"].notna(), "customer_id"]
    return np.array(sorted(known.unique()), dtype=object)


def _another_future(
    frame: pd.DataFrame, name: str, cutoff: date, buyers: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    table = CONTRACT[name]
    time = table.event_time
    assert time is not None
    is_late = frame[time].notna() & (frame[time] >= str(cutoff))
    early, late = frame[~is_late], frame[is_late]
    if name != "customers":
        late = late[rng.random(len(late)) < 0.7].copy()
    for column in frame.columns.intersection(MONEY):
        late.loc[:, column] = [None if v is None else round(float(v) * 1000, 2) for v in late[column]]
    if "rate" in frame:
        late["rate"] = late["rate"].astype(float) * 3
    inserted = early.sample(min(300, len(early)), random_state=int(cutoff.toordinal()), replace=False).copy()
    # on the stroke of the cutoff, where a `<=` would see them, and a day later
    suffix = "" if table.column(time).type == "date" else " 00:00:00"
    inserted[time] = [f"{cutoff + timedelta(days=i % 2)}{suffix}" for i in range(len(inserted))]
    key = table.columns[0].name
    if name in ("marketing_spend", "fx_rates"):
        inserted = inserted.drop_duplicates([key, time])
    else:
        inserted[key] = [f"{value}-new" for value in inserted[key]]
    if name == "customers":
        inserted["merged_into"] = None
        late.loc[:, ["country", "acquisition_channel"]] = ["ZZ", "falsified"]
        late.loc[:, ["attribute_plan", "attribute_seats"]] = ["falsified", "99"]
    elif "customer_id" in frame:
        late["customer_id"] = rng.permutation(late["customer_id"].to_numpy())
        inserted["customer_id"] = rng.choice(buyers, len(inserted))
    return pd.concat([early, late, inserted], ignore_index=True)


def _another_today(customers: pd.DataFrame, orders: pd.DataFrame, cutoff: date) -> pd.DataFrame:
    """Change what a CRM overwrites, and enter buyers it did not know on the very day of the cutoff."""
    customers = customers.assign(
        region="moved", loyalty_tier="gold", birth_year=1990, gender="falsified", email="x@y.z"
    )
    once = ~customers["customer_id"].duplicated(keep=False)
    customers.loc[once, "updated_at"] = f"{END} 00:00:00"
    unknown = sorted(set(_known_buyers(orders, cutoff)) - set(customers["customer_id"]))
    entered = pd.DataFrame({"customer_id": unknown, "created_at": f"{cutoff} 00:00:00", "country": "ZZ"}, dtype=object)
    return pd.concat([customers, entered], ignore_index=True)


@dataclass(frozen=True)
class Versions:
    """The warehouse of the company as it was, and by cutoff the one whose future from there on is another."""

    original: Warehouse
    mutated: dict[date, Warehouse]


@pytest.fixture(scope="module")
def versions(company: Tables, tmp_path_factory: pytest.TempPathFactory) -> Versions:
    def run(name: str, tables: Tables) -> Warehouse:
        folder = tmp_path_factory.mktemp(name)
        source = write_source(
            folder,
            (SOURCES_FOLDER / "demo" / "source.toml").read_text(),
            **tables,
        )
        settings = source.settings(horizons=str(HORIZON_DAYS))
        warehouse = open_warehouse(Home(folder / "home"))
        # extracted as of the day after the last row, so that the clean tables hold the whole future
        extract_source(settings, warehouse, END + timedelta(days=1))
        with warehouse.transaction() as connection:
            clean_without_rules(connection, settings)
            plan = plan_training(connection, settings, AS_OF)
            assert set(TRAINING_CUTOFFS) <= plan.horizons[0].all_cutoffs
            write_night_plan(connection, settings, AS_OF, NightPlan(plan, "test"))
        build_features(warehouse, settings)
        return warehouse

    original = run("original", company)
    with original.transaction() as connection:
        build_labels(connection)
    return Versions(original, {c: run(f"after-{c}", mutated(company, c)) for c in (AS_OF, *TRAINING_CUTOFFS)})


def feature_names(warehouse: Warehouse) -> list[str]:
    with warehouse.connection() as connection:
        return [c for c in columns_of(connection, "features.customer_features") if c not in KEYS]


def bytes_of(warehouse: Warehouse, cutoff: date) -> dict[str, list[str]]:
    """Return every column of the feature rows of one cutoff to the last bit."""
    with warehouse.connection() as connection:
        query = "select * from features.customer_features where as_of = $cutoff order by customer_id"
        table = connection.sql(query, params={"cutoff": cutoff}).to_arrow_table()
    return {name: [repr(value) for value in table[name].to_pylist()] for name in table.column_names}


def differing(one: Warehouse, other: Warehouse, cutoff: date) -> list[str]:
    first, second = bytes_of(one, cutoff), bytes_of(other, cutoff)
    assert first.keys() == second.keys()
    return [name for name in first if first[name] != second[name]]


@pytest.mark.parametrize("cutoff", [AS_OF, *TRAINING_CUTOFFS], ids=str)
def test_the_future_changes_no_feature(versions: Versions, cutoff: date) -> None:
    known = bytes_of(versions.original, cutoff)["customer_id"]
    assert len(known) > 100
    assert differing(versions.original, versions.mutated[cutoff], cutoff) == []


@pytest.mark.parametrize("cutoff", [AS_OF, *TRAINING_CUTOFFS], ids=str)
def test_the_mutation_changes_the_future_and_only_the_future(versions: Versions, cutoff: date) -> None:
    tables = {
        "orders": "order_date, amount",
        "web_sessions": "session_date, page_views",
        "survey_responses": "response_date, nps_score",
        "social_interactions": "interaction_date, sentiment",
        "campaign_touches": "touch_date, cost",
    }
    for table, columns in tables.items():
        day = columns.split(",")[0]
        found = []
        for warehouse in (versions.original, versions.mutated[cutoff]):
            with warehouse.connection() as connection:
                query = f"select {{}} from (select customer_id, {columns} from clean.{table} where {day} {{}} $cutoff)"
                summary = "count(*), sum(hash(columns(*))::hugeint)"
                past = connection.execute(query.format(summary, "<"), {"cutoff": cutoff}).fetchall()
                future = connection.execute(query.format(summary, ">="), {"cutoff": cutoff}).fetchall()
                on_the_day = one_row(
                    connection, f"select count(*) from clean.{table} where {day} = $cutoff", {"cutoff": cutoff}
                )
                found.append((past, future, on_the_day))
        assert found[0][0] == found[1][0], f"the past of {table} was touched"
        assert found[0][1] != found[1][1], f"the future of {table} was left as it was"
        assert found[1][2] > (10,), f"no row of {table} on the cutoff's own day"


def test_features_of_past_cutoffs_are_the_same_in_a_later_run(versions: Versions) -> None:
    for cutoff in TRAINING_CUTOFFS:
        assert differing(versions.original, versions.mutated[AS_OF], cutoff) == []


def test_the_future_changes_no_prediction(versions: Versions) -> None:
    with versions.original.connection() as connection:
        columns = feature_columns(connection)
        rows = load_labelled(connection, columns, HORIZON_DAYS, half_life_days=365)
    assert len(rows) > 300
    assert rows.spend.sum() > 0
    for name in (
        "linear_regression",
        "count_times_value",
        "neural_net",
        "logistic_regression",
        "xgboost_classifier_on_btyd",
    ):
        candidate = next(c for c in CANDIDATES if c.name == name)
        pipeline = candidate.fit(Task(columns, HORIZON_DAYS, seed=7), candidate.search[0], rows)
        predicted = []
        for warehouse in (versions.original, versions.mutated[AS_OF]):
            with warehouse.connection() as connection:
                (batch,) = scoring_batches(connection, columns, 100_000)
            predicted.append((list(batch[0]["customer_id"]), predict(pipeline, batch[1])))
        assert predicted[0][0] == predicted[1][0]
        assert predicted[0][1].tobytes() == predicted[1][1].tobytes(), f"{name} predicts from the future"
        assert len(np.unique(predicted[0][1])) > 50, f"{name} predicts nothing in particular"


# ------------------------------------------------------------------------------------ the test of the test


def rebuilt(warehouse: Warehouse, folder: Path, model_name: str, leak: Callable[[str], str]) -> Warehouse:
    """Return a copy of a warehouse in which one feature table was built by a leaking version of its SQL."""
    home = Home(folder)
    shutil.copy(warehouse.path, home.warehouse)
    copy = open_warehouse(home)
    model = sql_model("2_features", model_name)
    leaking = replace(model, sql=leak(model.sql))
    assert leaking.sql != model.sql
    build_feature_table(copy, leaking)
    build_feature_table(copy, sql_model("2_features", "customer_features"))
    return copy


def assert_is_found(versions: Versions, folder: Path, model_name: str, leak: Callable[[str], str]) -> None:
    one = rebuilt(versions.original, folder / "one", model_name, leak)
    other = rebuilt(versions.mutated[AS_OF], folder / "other", model_name, leak)
    with one.connection() as connection:
        of_model = set(columns_of(connection, f"features.{model_name}")) - set(KEYS)
    found = set(differing(one, other, AS_OF))
    assert found
    assert found <= of_model


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_that_sees_the_cutoffs_own_day_is_found(versions: Versions, tmp_path: Path, family: str) -> None:
    assert_is_found(versions, tmp_path, family, lambda sql: sql.replace("< population.as_of", "<= population.as_of"))


def test_an_answer_that_may_have_come_later_is_found(versions: Versions, tmp_path: Path) -> None:
    assert_is_found(versions, tmp_path, "campaign_features", lambda sql: sql.replace("age > 14", "age > 0"))


def test_an_answer_that_is_seen_before_its_day_is_found(versions: Versions, tmp_path: Path) -> None:
    assert_is_found(
        versions,
        tmp_path,
        "campaign_features",
        lambda sql: sql.replace("response_date < as_of", "response_date <= as_of + 30"),
    )


def test_dates_of_answers_and_attributes_are_put_to_the_test(versions: Versions) -> None:
    with versions.original.connection() as connection:
        found = one_row(
            connection,
            "select count(*) filter (where campaign_response_recency_days < 15), count(distinct crm_attribute_plan), "
            "count(distinct crm_attribute_seats) from features.customer_features",
        )
    assert found[0] > 10
    assert found[1:] == (3, 7)


def test_a_crm_column_that_is_overwritten_is_found(versions: Versions, tmp_path: Path) -> None:
    assert_is_found(
        versions,
        tmp_path,
        "crm_features",
        lambda sql: sql.replace("customers.country as crm_country", "customers.region as crm_country"),
    )


def test_a_population_that_sees_the_cutoffs_own_day_is_found(versions: Versions, tmp_path: Path) -> None:
    def leak(sql: str) -> str:
        return sql.replace("first_seen_date < cutoffs.as_of", "first_seen_date <= cutoffs.as_of")

    one = rebuilt(versions.original, tmp_path / "one", "population", leak)
    other = rebuilt(versions.mutated[AS_OF], tmp_path / "other", "population", leak)
    assert "customer_id" in differing(one, other, AS_OF)


def test_every_family_is_put_to_the_test() -> None:
    inputs = sql_model("2_features", "customer_features").inputs - {"features.population"}
    # these are made from purchase_features alone
    inputs -= {"features.btyd_features"}
    assert {f"features.{name}" for name in FAMILIES} == inputs
