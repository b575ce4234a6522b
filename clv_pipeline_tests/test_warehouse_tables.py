"""The warehouse's tables: each is declared once, is written by its writers only, and is named nowhere by another name."""

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from clv_pipeline.contracts import warehouse
from clv_pipeline.contracts.explanation_tables import KNOWN_PREFIX
from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.contracts.table import Column, Table
from clv_pipeline.contracts.warehouse import BTYD_FEATURES, TABLES
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT, SQL_FOLDER
from clv_pipeline.core.settings import load_settings
from clv_pipeline.features.cutoffs import plan_horizons
from clv_pipeline.features.plan import NightPlan, read_night_plan, write_night_plan
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import SCHEMAS, Connection, columns_of
from clv_pipeline.warehouse.sql_models import load_layer
from clv_pipeline_tests.conftest import open_warehouse

PACKAGE = PROJECT / "clv_pipeline"
LAYERS = ("1_clean", "2_features", "3_training", "4_published")
_TABLE_NAME = re.compile(rf"\b(?:{'|'.join(SCHEMAS)})\.[a-z_]+\b(?!\()")
_WRITTEN = re.compile(
    rf"(?:insert into|create (?:or replace )?table(?: if not exists)?|update|delete from) +({_TABLE_NAME.pattern})"
)
_WRITING = {"create", "create_if_missing", "append", "replace"}
SQL_TABLES = {model.table for layer in LAYERS for model in load_layer(layer)}
#: Assets that are no tables: the model version, the bundle, its copy in another database.
NO_TABLES = {"training.champion", "published.bundle", "published.database"}
KNOWN = TABLES.keys() | SQL_TABLES | NO_TABLES | {f"raw.{name}" for name in CONTRACT}


def _strings(path: Path) -> Iterator[str]:
    """Yield the strings of a module but its docstrings, which may speak of tables as they please."""
    tree = ast.parse(path.read_text())
    with_docstring = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {id(n.body[0].value) for n in ast.walk(tree)
                  if isinstance(n, with_docstring) and n.body and isinstance(n.body[0], ast.Expr)}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_every_table_that_is_named_is_declared() -> None:
    texts = {path: list(_strings(path)) for path in PACKAGE.rglob("*.py")}
    texts |= {
        path: [re.sub(r"--.*", "", path.read_text())] for layer in LAYERS for path in (SQL_FOLDER / layer).glob("*.sql")
    }
    named = [(name, str(path.relative_to(PROJECT))) for path, found in texts.items() for text in found
             for name in _TABLE_NAME.findall(text)]  # fmt: skip
    assert sorted({(name, file) for name, file in named if name not in KNOWN}) == []
    assert len({name for name, _ in named}) > 50


def test_no_table_is_declared_twice() -> None:
    assert TABLES.keys() & SQL_TABLES == set()
    assert TABLES.keys() & {f"raw.{name}" for name in CONTRACT} == set()
    assert len(TABLES) > 25


def _writes(path: Path) -> Iterator[str]:
    """Yield the name of each table that a module writes: by `tables.py`, or in SQL of its own."""
    by_constant = {key: table.name for key, table in vars(warehouse).items() if isinstance(table, Table)}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _WRITING:
            names = [a.id for a in node.args if isinstance(a, ast.Name) and a.id in by_constant]
            yield from (by_constant[name] for name in names)
    for text in _strings(path):
        yield from _WRITTEN.findall(text)


def test_only_its_writers_write_a_table() -> None:
    written = {(name, str(path.relative_to(PACKAGE))) for path in PACKAGE.rglob("*.py") for name in _writes(path)}
    wrong = sorted((name, module) for name, module in written if name in TABLES and module not in TABLES[name].modules)
    assert wrong == []
    silent = sorted(t.name for t in TABLES.values() for m in t.modules if (t.name, m) not in written)
    # the table's writer walks over several tables in a loop
    walked = {name for name in TABLES if name.startswith(KNOWN_PREFIX) and name != "scores.known_nights"}
    assert set(silent) - walked <= {"training.tuning", "training.predictions", "training.trained_version",
                                    "training.permutation_importance", "training.partial_dependence",
                                    "training.source_ablation"}  # fmt: skip


def test_every_table_says_what_it_is() -> None:
    vague = [t.name for t in TABLES.values() if len(t.grain) < 3 or not t.assets or not t.modules]
    assert vague == []
    assert [(t.name, c.name) for t in TABLES.values() for c in t.columns if len(c.meaning) < 6] == []
    assert [m for t in TABLES.values() for m in t.modules if not (PACKAGE / m).exists()] == []


# --- writing ------------------------------------------------------------------------------------------------------------

FRUIT = Table(
    "quality.fruit", "fruit", ("quality/fruit",), ("nowhere.py",),
    (Column("name", "varchar", "its name"), Column("price", "decimal(18, 2)", "money")),
)  # fmt: skip


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with open_warehouse(Home(tmp_path)).connection() as opened:
        yield opened


def test_rows_frames_and_queries_get_the_declared_types(connection: Connection) -> None:
    tables.replace(connection, FRUIT, [("apple", 1)])
    tables.append(connection, FRUIT, pd.DataFrame({"price": [2.006], "name": ["pear"]}))
    tables.append(connection, FRUIT, "select $name as name, 3 as price", {"name": "plum"})
    tables.append(connection, FRUIT, [])
    assert columns_of(connection, FRUIT.name) == {"name": "VARCHAR", "price": "DECIMAL(18,2)"}
    rows = connection.execute("select name, price::varchar from quality.fruit order by price").fetchall()
    assert rows == [("apple", "1.00"), ("pear", "2.01"), ("plum", "3.00")]
    tables.replace(connection, FRUIT, [])
    assert connection.execute("from quality.fruit").fetchall() == []


def test_a_column_that_is_not_declared_is_refused(connection: Connection) -> None:
    tables.create(connection, FRUIT)
    with pytest.raises(duckdb.Error, match="colour"):
        tables.append(connection, FRUIT, pd.DataFrame({"name": ["pear"], "colour": ["green"]}))


def test_a_table_older_than_a_column_gets_it_and_keeps_its_rows(connection: Connection) -> None:
    connection.execute("create table quality.fruit as select 'apple' as name, true as is_ripe")
    tables.create_if_missing(connection, FRUIT)
    tables.create_if_missing(connection, FRUIT)
    tables.append(connection, FRUIT, [("pear", 2)])
    rows = connection.execute("select name, price::varchar from quality.fruit order by name").fetchall()
    assert rows == [("apple", None), ("pear", "2.00")]


def test_columns_of_horizons_stand_together_by_horizon(connection: Connection) -> None:
    names = [c.name for c in BTYD_FEATURES.columns_for([30, 90])]
    assert names[4:7] == ["btyd_purchases_30d", "btyd_spend_30d", "btyd_purchase_probability_30d"]
    assert names[7:10] == ["btyd_purchases_90d", "btyd_spend_90d", "btyd_purchase_probability_90d"]
    tables.create(connection, BTYD_FEATURES, [30, 90])
    assert list(columns_of(connection, BTYD_FEATURES.name)) == names
    assert BTYD_FEATURES.meaning_of("btyd_spend_45d") == "expected spend in 45 days"
    assert BTYD_FEATURES.meaning_of("btyd_shoes_45d") is None


# --- the plan -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "horizons"),
    [
        (date(2021, 1, 1), (30, 90, 365)),
        (date(2023, 6, 1), (30, 180)),
        (date(2024, 5, 1), (30, 365)),
        (date(2024, 5, 25), (30,)),
    ],
    ids=["long history", "some", "a quarter of it", "too short to judge"],
)
def test_the_plan_is_read_back_as_it_was_written(
    connection: Connection, first: date, horizons: tuple[int, ...]
) -> None:
    as_of = date(2024, 6, 1)
    connection.execute("create table clean.customers as select 'a' as customer_id")
    connection.execute("create table clean.orders as select $first::date as order_date, 1 as amount", {"first": first})
    training = plan_horizons(as_of, first, horizons, step_days=45, max_cutoffs=6, folds=2)
    for plan in (NightPlan(training, "a test", "20240531-a"), NightPlan(training, "there is no champion yet")):
        write_night_plan(connection, load_settings(), as_of, plan)
        assert read_night_plan(connection) == plan
    nothing = NightPlan(type(training)((), training.learned), None)
    write_night_plan(connection, load_settings(), as_of, nothing)
    assert read_night_plan(connection) == nothing
    assert not nothing.is_due
