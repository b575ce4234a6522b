"""Reasons are codes, declared once: SQL files yield no other, none is unused, and no sentence is repeated to join on."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from clv_pipeline.contracts import reasons
from clv_pipeline.contracts.reasons import REASONS, Reason
from clv_pipeline.settings import PROJECT, SQL_FOLDER
from clv_pipeline.sources.contract import CONTRACT

CLEAN_FILES = sorted((SQL_FOLDER / "1_clean").glob("*.sql"))
#: Modules that use reasons which no SQL file yields.
USERS = ("sources/door.py", "quality/cleaning.py")


def yielded(file: Path) -> Iterator[exp.Expression]:
    """Yield every value that an expression named `reason` of a SQL file can have."""
    query = sqlglot.parse_one(file.read_text(), dialect="duckdb")
    for alias in query.find_all(exp.Alias):
        if alias.alias == "reason":
            value = alias.this
            yield from _results(value) if isinstance(value, exp.Case) else (value,)


def _results(case: exp.Case) -> Iterator[exp.Expression]:
    yield from (branch.args["true"] for branch in case.args["ifs"])
    if default := case.args.get("default"):
        yield default


def literals(file: Path) -> set[str]:
    query = sqlglot.parse_one(file.read_text(), dialect="duckdb")
    return {literal.this for literal in query.find_all(exp.Literal) if literal.is_string}


@pytest.mark.parametrize("file", CLEAN_FILES, ids=lambda f: f.stem)
def test_a_clean_file_yields_declared_codes_and_no_disposition(file: Path) -> None:
    values = list(yielded(file))
    assert bool(values) == (file.stem in CONTRACT), "the rule sees no reason"
    codes = {value.this for value in values if isinstance(value, exp.Literal)}
    assert codes - REASONS.keys() == set()
    others = {value.name for value in values if not isinstance(value, exp.Literal)}
    assert others <= {"unusable_key", "reason"}, "a reason that is neither a code nor what loading found"
    assert "disposition" not in file.read_text()


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
