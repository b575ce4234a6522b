"""The queries of docs/questions.md and docs/bi_tools.md: each runs on a bundle as it stands, and answers."""

import re
from collections.abc import Iterator

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT
from clv_pipeline.warehouse.connection import Connection, open_bundle_file

QUERIES = [
    query
    for name in ("questions.md", "bi_tools.md")
    for query in re.findall(r"```sql\n(.*?)```", (PROJECT / "docs" / name).read_text(), flags=re.DOTALL)
]
#: A first night has no night before.
EMPTY_ON_THE_FIRST_NIGHT = {"score_changes"}


@pytest.fixture(scope="module")
def bundle(demo_run: Home) -> Iterator[Connection]:
    with open_bundle_file(demo_run.published / "clv.duckdb") as connection:
        yield connection


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: re.findall(r"from (\w+)", query)[0])
def test_a_question_is_answered(bundle: Connection, query: str) -> None:
    rows = bundle.execute(query).fetchall()
    table = re.findall(r"from (\w+)", query)[0]
    assert rows or table in EMPTY_ON_THE_FIRST_NIGHT
    assert len(QUERIES) > 14
