"""Reasons are codes, declared once: SQL files yield no other, none is unused, and no sentence is repeated to join on."""

import ast
import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from clv_pipeline.contracts import reasons
from clv_pipeline.contracts.reasons import REASONS, Reason
from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.project_files import PROJECT, SQL_FOLDER
from clv_pipeline.warehouse.sql_models import SqlModel, load_layer

#: Modules that use reasons which no SQL file yields.
USERS = ("sources/loading.py", "quality/cleaning.py")


def literals(file: Path) -> set[str]:
    query = sqlglot.parse_one(file.read_text(), dialect="duckdb")
    return {literal.this for literal in query.find_all(exp.Literal) if literal.is_string}


@pytest.mark.parametrize("model", load_layer("1_clean"), ids=lambda m: m.name)
def test_a_clean_file_yields_declared_codes_and_no_disposition(model: SqlModel) -> None:
    assert bool(model.reasons) == (model.name in CONTRACT), "the rule sees no reason"
    assert model.reasons - REASONS.keys() == set()
    assert "disposition" not in model.sql
    # what a reason is made of beside codes: what loading found, or the reason so far
    beside = [a.this for a in sqlglot.parse_one(model.sql, dialect="duckdb").find_all(exp.Alias) if a.alias == "reason"]
    names = {column.name for value in beside if isinstance(value, exp.Case)
             for branch in [*value.args["ifs"], value.args.get("default")] if branch
             for column in [branch.args.get("true") or branch] if isinstance(column, exp.Column)}  # fmt: skip
    assert names <= {"unusable_key", "reason"}, "a reason that is neither a code nor what loading found"


def test_every_declared_code_is_used() -> None:
    in_sql = set().union(*map(literals, sorted(SQL_FOLDER.glob("[14]_*/*.sql"))))
    names = {
        node.id
        for module in USERS
        for node in ast.walk(ast.parse((PROJECT / "clv_pipeline" / module).read_text()))
        if isinstance(node, ast.Name)
    }
    in_python = {value.code for name, value in vars(reasons).items() if isinstance(value, Reason) and name in names}
    assert REASONS.keys() - in_sql - in_python == set()


def test_no_declared_text_stands_anywhere_else() -> None:
    here = Path(reasons.__file__)
    folders = (SQL_FOLDER, PROJECT / "clv_pipeline", PROJECT / "clv_pipeline_tests", PROJECT / "benchmarks")
    files = [f for folder in folders for f in sorted(folder.rglob("*")) if f.suffix in (".sql", ".py") and f != here]
    assert len(files) > 200
    contents = {file.relative_to(PROJECT): file.read_text() for file in files}
    repeated = [
        (str(file), reason.text)
        for file, content in contents.items()
        for reason in REASONS.values()
        if reason.text in content
    ]
    assert repeated == []


def test_codes_are_names_and_each_text_belongs_to_one_code() -> None:
    assert [code for code in REASONS if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", code)] == []
    texts = [reason.text for reason in REASONS.values()]
    assert sorted(set(texts)) == sorted(texts)
    declared = [value for value in vars(reasons).values() if isinstance(value, tuple)]
    assert sum(map(len, declared)) == len(REASONS), "a code is declared twice"
