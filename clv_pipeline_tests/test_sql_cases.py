"""Every SQL model against the case of its name in `sql_cases/`: tiny inputs, expected rows.

A case is a plain SQL file named `<layer>.<model>.sql`, made of queries under marker comments:

    -- parameters                        optional: one row that overrides parameters such as $time_zone
    -- given <layer>.<table>             rows of an input table; columns left out are null, tables left out are empty
    -- expect <what> [where <condition>] the rows the model must give (all, or those that meet the condition),
                                         compared in the columns named here, whatever their order

To add a case, copy one. A clean model's rows have columns that its table has not: `reason` (a code), `excluded_because`, and
here also the `disposition` that the reason means.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pytest

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.build import LABEL_PARAMETERS
from clv_pipeline.publishing.publishing import publish_parameters
from clv_pipeline.quality.cleaning import DISPOSITION, clean_parameters
from clv_pipeline.warehouse.connection import Connection, Warehouse, columns_of
from clv_pipeline.warehouse.sql_models import SqlModel, build, load_layer
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.warehouse_builders import empty_company

CASES = Path(__file__).with_name("sql_cases")
MODELS = {m.table: m for layer in ("1_clean", "2_features", "3_training", "4_published") for m in load_layer(layer)}
_MARKER = re.compile(r"^-- (given|parameters|expect)\b *(.*)$")


@dataclass(frozen=True)
class Expected:
    """One `-- expect` section: what it shows, which rows it speaks of, the query of the rows it wants."""

    what: str
    condition: str
    query: str


@dataclass
class Case:
    """One parsed case file."""

    table: str
    parameters: str | None = None
    given: dict[str, str] = field(default_factory=dict)
    expected: list[Expected] = field(default_factory=list)


@cache
def read_case(path: Path) -> Case:
    case = Case(path.stem)
    sections: list[tuple[str, str, list[str]]] = []
    for line in path.read_text().splitlines():
        if marker := _MARKER.match(line):
            sections.append((marker[1], marker[2].strip(), []))
        elif sections:
            sections[-1][2].append(line)
    for kind, title, lines in sections:
        query = "\n".join(lines).strip().rstrip(";")
        if kind == "given":
            case.given[title] = query
        elif kind == "parameters":
            case.parameters = query
        else:
            what, _, condition = title.partition(" where ")
            case.expected.append(Expected(what, condition or "true", query))
    return case


CASE_FILES = sorted(CASES.glob("*.sql"))
EXPECTATIONS = [
    pytest.param(path, expected, id=f"{path.stem}: {expected.what}")
    for path in CASE_FILES
    for expected in read_case(path).expected
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Warehouse]:
    """Return a maker of the warehouse of a case, its model built; made once a case."""
    empty, settings = empty_company(tmp_path_factory.mktemp("empty"))

    @cache
    def make(path: Path) -> Warehouse:
        home = Home(tmp_path_factory.mktemp(path.stem))
        shutil.copy(empty.path, home.warehouse)
        warehouse = open_warehouse(home)
        case = read_case(path)
        with warehouse.transaction() as connection:
            for table, query in case.given.items():
                _give(connection, table, query)
            model = MODELS[case.table]
            if model.layer == "clean" and model.name in CONTRACT:
                model = replace(model, sql=f"select *, {DISPOSITION} as disposition from ({model.sql})")
            build(connection, model, _parameters(connection, case, settings))
        return warehouse

    return make


def _give(connection: Connection, table: str, query: str) -> None:
    schema, name = table.split(".")
    exists = connection.execute(
        "select 1 from information_schema.tables where table_schema = ? and table_name = ?", [schema, name]
    ).fetchall()
    verb = f"insert into {table} by name" if exists else f"create table {table} as"
    connection.execute(f"{verb} {query}")
    if schema == "raw" and name in CONTRACT:
        connection.execute(f"update {table} set row_hash = md5(to_json({name})::varchar) where row_hash is null")


def _parameters(connection: Connection, case: Case, settings: Settings) -> dict[str, object]:
    parameters: dict[str, object] = {"first_cutoff": "1900-01-01", "last_cutoff": "2100-01-01"}
    parameters |= clean_parameters(settings) | LABEL_PARAMETERS | publish_parameters(settings)
    if case.parameters:
        result = connection.execute(case.parameters)
        parameters |= dict(zip([c[0] for c in result.description], result.fetchall()[0], strict=True))
    return parameters


def _as_text(sql_type: str, column: str) -> str:
    value = f"{column}::{sql_type}"
    return f"round({value}, 6)::varchar" if sql_type in ("DOUBLE", "FLOAT") else f"{value}::varchar"


@pytest.mark.parametrize(("path", "expected"), EXPECTATIONS)
def test_case(built: Callable[[Path], Warehouse], path: Path, expected: Expected) -> None:
    with built(path).connection() as connection:
        types = columns_of(connection, path.stem)
        named = list(columns_of(connection, f"({expected.query})"))
        assert not set(named) - set(types), f"{path.stem} has no column {set(named) - set(types)}"
        selected = ", ".join(_as_text(types[c], c) for c in named)
        got = connection.execute(f"select {selected} from {path.stem} where {expected.condition} order by all")
        want = f"select {selected} from ({expected.query}) order by all"
        assert [named, *got.fetchall()] == [named, *connection.execute(want).fetchall()]


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_every_model_has_a_case(model: SqlModel) -> None:
    assert CASES / f"{model.table}.sql" in CASE_FILES, f"copy a case to sql_cases/{model.table}.sql"


@pytest.mark.parametrize("path", CASE_FILES, ids=lambda path: path.stem)
def test_every_case_tests_a_model_and_gives_tables_that_exist(path: Path) -> None:
    case = read_case(path)
    assert case.table in MODELS
    assert case.expected
    assert set(case.given) <= MODELS[case.table].inputs | {f"raw.{name}" for name in CONTRACT}
