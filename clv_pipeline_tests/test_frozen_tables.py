"""Tables of contract v1 in the second target: left as they are, marked, and cleaned of erased customers."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.publishing.database_target import publish_to_database
from clv_pipeline.publishing.frozen_tables import erase_frozen, frozen_rows

_NUMBER = count(1)


class Database:
    """A target in which an older release has published, and its owner has a table of their own."""

    def __init__(self, url: str, schema: str = "") -> None:
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        self.schema = schema
        self.settings: Settings = load_settings(source="demo", publish_url=url, publish_schema=schema or "clv")

    def rows(self, *statements: str) -> list[tuple[Any, ...]]:
        with self.engine.begin() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []

    def make_v1(self) -> None:
        place = f"{self.schema}." if self.schema else ""
        self.rows(
            f"create table {place}customer_clv (customer_id varchar(40), segment varchar(40))",
            f"create table {place}recommendations (customer_id varchar(40), action varchar(40))",
            f"create table {place}segments (segment varchar(40), customers integer)",
            f"create table {place}clv_run (run_id varchar(40))",
            f"create table {place}orders (customer_id varchar(40))",
            *(
                f"insert into {place}{t} values ('000001', 'a'), ('000002', 'b')"
                for t in ("customer_clv", "recommendations")
            ),
            f"insert into {place}segments values ('a', 1)",
            f"insert into {place}clv_run values ('a run of last year')",
            f"insert into {place}orders values ('000001')",
        )

    def comments(self) -> dict[str, str | None]:
        found = sa.inspect(self.engine).get_multi_table_comment(schema=self.schema)
        return {name: comment["text"] for (_, name), comment in found.items()}


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    made = Database(postgres_url, f"frozen_{next(_NUMBER)}")
    made.rows(f"create schema {made.schema}")
    yield made
    made.rows(f"drop schema {made.schema} cascade", f"drop schema if exists {made.schema}_v2 cascade")


@pytest.fixture(scope="module")
def bundle(demo_run: Home) -> Path:
    return demo_run.published / "clv.duckdb"


def test_tables_of_v1_are_left_with_their_views_and_marked(postgres: Database, bundle: Path) -> None:
    postgres.make_v1()
    postgres.rows(f"create view {postgres.schema}.report as select segment from {postgres.schema}.customer_clv")
    publish_to_database(bundle, postgres.settings)
    assert postgres.rows(f"select run_id from {postgres.schema}.clv_run") == [("a run of last year",)]
    assert postgres.rows(f"select * from {postgres.schema}.report order by 1") == [("a",), ("b",)]
    assert postgres.rows(f"select count(*) > 1000 from {postgres.schema}_v2.customer_clv") == [(True,)]
    comments = postgres.comments()
    frozen = f"Frozen: contract v1, no longer written. The tables of the current contract are in the schema {postgres.schema}_v2."
    assert {name for name, text in comments.items() if text == frozen} == {
        "customer_clv", "recommendations", "segments", "clv_run",
    }  # fmt: skip
    assert comments["orders"] is None


def test_a_schema_that_was_never_published_to_is_not_touched(postgres: Database, bundle: Path) -> None:
    postgres.rows(f"create table {postgres.schema}.segments (customer_id text)")
    publish_to_database(bundle, postgres.settings)
    assert postgres.comments() == {"segments": None}
    assert (frozen_rows(postgres.settings, ["000001"]), erase_frozen(postgres.settings, ["000001"])) == (0, 0)


def test_tables_of_another_role_are_no_reason_for_a_red_night(
    postgres: Database, bundle: Path, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    postgres.make_v1()
    role = f"{postgres.schema}_writer"
    (database,) = postgres.rows("select current_database()")[0]
    postgres.rows(f"create role {role} login", f'grant create on database "{database}" to {role}')
    url = sa.make_url(postgres_url).set(username=role).render_as_string(hide_password=False)
    try:
        report = publish_to_database(
            bundle, load_settings(source="demo", publish_url=url, publish_schema=postgres.schema)
        )
        assert report is not None
        assert report.row_counts["clv_run"] == 1
        assert "could not be marked as frozen" in caplog.text
    finally:
        postgres.rows(f"drop owned by {role} cascade", f"drop role {role}")


@pytest.mark.parametrize("engine", ["postgresql", "sqlite"])
def test_an_erasure_reaches_them(engine: str, request: pytest.FixtureRequest, bundle: Path, tmp_path: Path) -> None:
    file = f"sqlite:///{tmp_path / 'bi.sqlite'}"
    there = Database(file) if engine == "sqlite" else request.getfixturevalue("postgres")
    there.make_v1()
    publish_to_database(bundle, there.settings)
    assert frozen_rows(there.settings, ["000001", "x"]) == 2
    assert erase_frozen(there.settings, ["000001", "x"]) == 2
    assert frozen_rows(there.settings, ["000001"]) == 0
    place = f"{there.schema}." if there.schema else ""
    assert there.rows(f"select customer_id from {place}recommendations") == [("000002",)]
    assert there.rows(f"select * from {place}orders") == [("000001",)], "a table of somebody else"
