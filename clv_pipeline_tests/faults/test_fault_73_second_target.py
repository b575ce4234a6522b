"""Fault 73: the second target keeps other types, loses rows, belongs to somebody else, or stays on the bad run after a rollback.

On a real PostgreSQL and on SQLite. Whole nights and a rollback after them are in `cases/test_second_target.py`.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from clv_pipeline.contracts.published import CONTRACT_VERSION, PUBLISHED
from clv_pipeline.core.errors import ConfigurationError, PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.publishing.bundle import write_manifest
from clv_pipeline.publishing.database_target import publish_to_database
from clv_pipeline.publishing.serving import serve
from clv_pipeline.publishing.target_place import KEY_TEXT
from clv_pipeline.publishing.target_types import kind_of
from clv_pipeline.warehouse.connection import columns_of, open_bundle_file
from clv_pipeline_tests.conftest import run_clv_here
from clv_pipeline_tests.nights import served_run

OTHER_RUN = "20990101-other"
_NUMBER = count(1)


@dataclass(frozen=True)
class Target:
    """A place of its own in a database; `schema` is the setting."""

    url: str
    schema: str

    def settings(self, **overrides: Any) -> Settings:
        return load_settings(source="demo", publish_url=self.url, publish_schema=self.schema, **overrides)

    @property
    def environment(self) -> dict[str, str]:
        return {"CLV_PUBLISH_URL": self.url, "CLV_PUBLISH_SCHEMA": self.schema}

    def publish(self, bundle: Path) -> dict[str, int]:
        report = publish_to_database(bundle, self.settings())
        assert report is not None
        return report.row_counts

    def refused(self, bundle: Path) -> PublishError:
        """Return the error of a publication that is refused."""
        with pytest.raises(PublishError) as refused:
            publish_to_database(bundle, self.settings())
        assert "bundle is served" in refused.value.next_step or "CLV_PUBLISH" in refused.value.next_step
        return refused.value

    def table(self, name: str) -> str:
        return f"{name}_v2" if self.url.startswith("sqlite") else f"{self.schema}_v2.{name}"

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements, in which <name> is a table; return the rows of the last one."""
        with sa.create_engine(self.url, poolclass=sa.NullPool).begin() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(re.sub(r"<(\w+)>", lambda m: self.table(m[1]), statement))
            return [tuple(row) for row in result] if result.returns_rows else []

    def run_ids(self) -> list[str]:
        return [run_id for (run_id,) in self.sql("select run_id from <clv_run>")]

    def rows_of(self, table: str) -> int:
        return int(self.sql(f"select count(*) from <{table}>")[0][0])


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Target]:
    made = Target(postgres_url, f"fault_73_{next(_NUMBER)}")
    yield made
    made.sql(f"drop schema if exists {made.schema}_v2 cascade")


@pytest.fixture(params=["postgresql", "sqlite"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    if request.param == "sqlite":
        return Target(f"sqlite:///{tmp_path / 'bi.sqlite'}", "clv")
    made: Target = request.getfixturevalue("postgres")
    return made


#: Customers from this number on are left out: a publication of all costs three times as much and shows nothing more.
_LAST = "000200"


@pytest.fixture(scope="module")
def bundle(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the demo company's bundle with a part of its customers."""
    served = demo_run.published / "clv.duckdb"
    with open_bundle_file(served) as connection:
        tables = [name for name in PUBLISHED if "customer_id" in columns_of(connection, name)]
    return _changed(
        served,
        tmp_path_factory.mktemp("few") / "clv.duckdb",
        *(f"delete from {name} where customer_id >= '{_LAST}'" for name in tables),
    )


def _changed(bundle: Path, to: Path, *statements: str) -> Path:
    shutil.copyfile(bundle, to)
    with duckdb.connect(str(to)) as connection:
        for statement in statements:
            connection.execute(statement)
    return to


@pytest.fixture(scope="module")
def other(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle as another run of the same source would have it; its history is the same."""
    changes = (f"update {table} set run_id = '{OTHER_RUN}'" for table in ("clv_run", "customer_clv"))
    return _changed(bundle, tmp_path_factory.mktemp("other") / "clv.duckdb", *changes)


def _rows(bundle: Path, table: str) -> int:
    with open_bundle_file(bundle) as connection:
        return len(connection.execute(f"select 1 from {table}").fetchall())


def _sql_in(error: PublishError) -> list[str]:
    return re.findall(r"(alter table .*?|update .*?);", error.next_step)


# --- types, keys, comments ---------------------------------------------------------------------------------------------


def test_a_table_of_other_types_is_refused_by_name_and_the_advice_helps(
    target: Target, bundle: Path, other: Path
) -> None:
    target.publish(bundle)
    before = target.run_ids()
    columns = ", ".join(f"{c} text" for c in PUBLISHED["segments"].columns)
    key = ", ".join(PUBLISHED["segments"].key)
    target.sql("drop table <segments>", f"create table <segments> ({columns}, primary key ({key}))")
    error = target.refused(other)
    assert (
        f"segments{_ending(target)}.customers has the type text, the contract's is bigint, which does not" in error.what
    )
    assert "and" in error.what and "more" in error.what, "every column of it is of another type"
    assert target.run_ids() == before
    target.sql(*_sql_in(error))
    assert target.publish(other)["segments"] == _rows(other, "segments") == target.rows_of("segments")


def test_a_table_of_another_key_is_refused_by_name(target: Target, bundle: Path, other: Path) -> None:
    target.publish(bundle)
    columns = [f"{name} {sql_type}" for name, sql_type in _types(target, "segments").items()]
    target.sql("drop table <segments>", f"create table <segments> ({', '.join(columns)})")
    error = target.refused(other)
    assert (
        f"segments{_ending(target)} has no key, the contract's is {', '.join(PUBLISHED['segments'].key)}" in error.what
    )
    target.sql(*_sql_in(error))
    target.publish(other)
    assert target.run_ids() == [OTHER_RUN]


def _ending(target: Target) -> str:
    return "_v2" if target.url.startswith("sqlite") else ""


def _types(target: Target, table: str) -> dict[str, str]:
    engine = sa.create_engine(target.url, poolclass=sa.NullPool)
    schema = None if target.url.startswith("sqlite") else f"{target.schema}_v2"
    columns = sa.inspect(engine).get_columns(f"{table}{_ending(target)}", schema=schema)
    return {column["name"]: column["type"].compile(dialect=engine.dialect) for column in columns}


def test_types_of_an_older_release_are_widened_and_wider_ones_stay(postgres: Target, bundle: Path, other: Path) -> None:
    postgres.publish(bundle)
    postgres.sql(
        "delete from <customer_clv>",
        "alter table <customer_clv> alter historic_value type numeric(10, 2), alter lifetime_spend type integer, "
        "alter segment type varchar(20), alter customer_id type varchar(12), alter predicted_spend_90d type numeric(24, 4)",
        "create view <best> as select segment, predicted_spend_90d from <segments> cross join "
        "(select predicted_spend_90d from <customer_clv>) as customers",
    )
    postgres.publish(other)
    types = _types(postgres, "customer_clv")
    assert types["historic_value"] == types["lifetime_spend"] == "NUMERIC(18, 2)"
    assert types["segment"] == types["customer_id"] == "TEXT"
    assert types["predicted_spend_90d"] == "NUMERIC(24, 4)"
    assert postgres.rows_of("customer_clv") == _rows(other, "customer_clv")
    assert postgres.rows_of("best") > 0


def test_a_type_that_a_view_uses_is_named_with_the_view_as_the_reason(
    postgres: Target, bundle: Path, other: Path
) -> None:
    postgres.publish(bundle)
    postgres.sql(
        "alter table <customer_clv> alter historic_value type numeric(12, 2)",
        "create view <best> as select historic_value from <customer_clv>",
    )
    before = postgres.run_ids()
    error = postgres.refused(other)
    assert "customer_clv.historic_value has the type numeric(12, 2), the contract's is numeric(18, 2)" in error.what
    assert "a view or rule that uses it keeps it from being widened" in error.what
    assert postgres.run_ids() == before
    assert postgres.rows_of("best") == _rows(bundle, "customer_clv"), "the view is still there"
    postgres.sql("drop view <best>", *_sql_in(error))
    postgres.publish(other)


def test_a_comment_that_was_changed_there_comes_back_with_the_same_run(postgres: Target, bundle: Path) -> None:
    postgres.publish(bundle)
    postgres.sql("comment on column <customer_clv>.segment is 'something else'")
    assert postgres.publish(bundle) == {}, "no row was written for it"
    ((comment,),) = postgres.sql(
        "select col_description(attrelid, attnum) from pg_attribute where attrelid = "
        f"'{postgres.table('customer_clv')}'::regclass and attname = 'segment'"
    )
    assert comment == PUBLISHED["customer_clv"].columns["segment"]


@pytest.mark.parametrize(
    ("found", "wanted", "is_held"),
    [
        (mysql.TINYINT(display_width=1), sa.Boolean(), True),
        (mysql.TINYINT(display_width=4), sa.Boolean(), False),
        (mysql.BIGINT(display_width=20), sa.BigInteger(), True),
        (mysql.MEDIUMINT(), sa.Integer(), False),
        (mysql.DECIMAL(18, 2), sa.Numeric(18, 2), True),
        (mysql.DECIMAL(18, 1), sa.Numeric(18, 2), False),
        (mysql.DOUBLE(), sa.Double(), True),
        (mysql.FLOAT(), sa.Double(), False),
        (mysql.DATETIME(), sa.DateTime(timezone=True), True),
        (mysql.DATE(), sa.DateTime(timezone=True), False),
        (mysql.TEXT(collation="utf8mb4_bin"), sa.Text(), True),
        (mysql.LONGTEXT(), sa.Text(), True),
        (mysql.TINYTEXT(), sa.Text(), False),
        (mysql.ENUM("a", "b"), sa.Text(), False),
        (mysql.VARCHAR(255), KEY_TEXT, True),
        (mysql.VARCHAR(40), KEY_TEXT, False),
        (sa.types.NullType(), sa.Text(), False),
    ],
    ids=repr,
)
def test_types_as_mariadb_spells_them_are_understood(found: Any, wanted: Any, is_held: bool) -> None:
    there, contract = kind_of(found, mysql.dialect()), kind_of(wanted, mysql.dialect())
    assert (there.name == contract.name and there.holds(contract)) is is_held


# --- rows --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "delete from <customer_clv> where customer_id = (select max(customer_id) from <customer_clv>)",
        "update <customer_clv> set historic_value = historic_value + 1 "
        "where customer_id = (select max(customer_id) from <customer_clv> where historic_value > 0)",
        "delete from <customer_clv_history>",
    ],
)
def test_what_was_deleted_or_changed_there_comes_back_with_the_same_run(
    target: Target, bundle: Path, change: str
) -> None:
    target.publish(bundle)
    target.sql(change)
    assert target.publish(bundle), "nothing was written"
    table = re.findall(r"<(\w+)>", change)[0]
    assert target.rows_of(table) == _rows(bundle, table)
    assert target.publish(bundle) == {}, "it was not as published yet"


def test_nights_of_the_history_that_lost_rows_there_come_back_with_the_next_run(
    target: Target, bundle: Path, other: Path
) -> None:
    target.publish(bundle)
    target.sql("delete from <customer_clv_history> where customer_id = (select max(customer_id) from <customer_clv>)")
    target.publish(other)
    assert target.rows_of("customer_clv_history") == _rows(other, "customer_clv_history")


def test_a_trigger_that_leaves_out_rows_or_changes_money_is_refused(
    postgres: Target, bundle: Path, other: Path
) -> None:
    postgres.publish(bundle)
    before = postgres.run_ids()
    name = postgres.table("left_out")
    for body, says in (
        (
            "if new.customer_id < '000100' then return null; end if; return new;",
            "customer_clv has .* rows, the bundle ",
        ),
        (
            "new.historic_value := new.historic_value + 1; return new;",
            "the sum of customer_clv.historic_value is .* off that",
        ),
        ("new.lifetime_spend := null; return new;", "customer_clv.lifetime_spend has no sum, unlike in the bundle"),
    ):
        postgres.sql(
            f"create or replace function {name}() returns trigger language plpgsql as $$ begin {body} end $$",
            f"create or replace trigger left_out before insert on <customer_clv> for each row execute function {name}()",
        )
        error = postgres.refused(other)
        assert re.search(says, error.what), error.what
        assert "look for triggers" in error.next_step
        assert postgres.run_ids() == before
        assert postgres.rows_of("customer_clv") == _rows(bundle, "customer_clv"), "the old rows did not stay"


# --- whose it is -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", ["information_schema", "pg_catalog", "pg", "mysql", "performance_schema", "sys"])
def test_a_schema_that_is_the_databases_own_is_refused(schema: str) -> None:
    with pytest.raises(ConfigurationError, match=f"publish_schema.*'{schema}' belongs to the database itself"):
        load_settings(source="demo", publish_schema=schema)


@pytest.fixture(scope="module")
def shop_b(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle of another company."""
    return _changed(
        bundle, tmp_path_factory.mktemp("b") / "clv.duckdb", "update clv_run set source_name = 'Bob''s shop'"
    )


def test_another_source_is_refused_and_the_command_that_is_named_gives_it_away(
    target: Target, bundle: Path, shop_b: Path
) -> None:
    target.publish(bundle)
    assert target.sql("select * from <clv_owner>") == [("Demo company", CONTRACT_VERSION)]
    error = target.refused(shop_b)
    assert "belong to the source 'Demo company', and this run is of 'Bob's shop'" in error.what
    assert ("CLV_PUBLISH_SCHEMA=" if not _ending(target) else "CLV_PUBLISH_URL") in error.next_step
    assert target.sql("select source_name from <clv_run>") == [("Demo company",)]
    target.sql(*_sql_in(error))
    target.publish(shop_b)
    assert target.sql("select source_name from <clv_run>") == [("Bob's shop",)]
    assert "belong to the source 'Bob's shop'" in target.refused(bundle).what


def test_the_schema_that_is_named_for_another_source_can_be_used(postgres: Target, bundle: Path, shop_b: Path) -> None:
    postgres.publish(bundle)
    (schema,) = re.findall(r"CLV_PUBLISH_SCHEMA=(\w+)", postgres.refused(shop_b).next_step)
    assert schema == f"{postgres.schema}_bob_s_shop"
    own = Target(postgres.url, schema)
    own.publish(shop_b)
    assert own.run_ids() == postgres.run_ids()
    own.sql(f"drop schema {schema}_v2 cascade")


def test_a_target_of_a_release_that_noted_no_owner_belongs_to_the_source_of_its_run(
    target: Target, bundle: Path, other: Path, shop_b: Path
) -> None:
    target.publish(bundle)
    target.sql("drop table <clv_owner>")
    error = target.refused(shop_b)
    assert "belong to the source 'Demo company'" in error.what
    target.publish(other)
    assert target.sql("select source_name from <clv_owner>") == [("Demo company",)]
    target.sql("drop table <clv_owner>", *_sql_in(error))
    target.publish(shop_b)


def test_a_target_of_a_later_contract_is_refused(target: Target, bundle: Path) -> None:
    target.publish(bundle)
    final = CONTRACT_VERSION.partition("-")[0]
    if final == CONTRACT_VERSION:
        final = "v9"
    target.sql(f"update <clv_owner> set contract_version = '{final}'")
    error = target.refused(bundle)
    assert f"follow contract {final}, and this release writes {CONTRACT_VERSION}" in error.what


# --- rollback ----------------------------------------------------------------------------------------------------------


YESTERDAY, TONIGHT = "20260701-yesterday", "20260702-tonight"


@pytest.fixture
def home(bundle: Path, tmp_path: Path) -> Home:
    """Return a home with the bundles of two nights; tonight's has one more night in its history, and is served."""
    made = Home(tmp_path / "home")
    for run_id, as_of in ((YESTERDAY, date(2026, 7, 1)), (TONIGHT, date(2026, 7, 2))):
        folder = made.published / run_id
        folder.mkdir(parents=True)
        changes = [f"update {t} set run_id = '{run_id}', as_of_date = '{as_of}'" for t in ("clv_run", "customer_clv")]
        if run_id == TONIGHT:
            changes += [
                f"insert into {table} by name select * replace ({replaced}) from {table} where as_of_date = '2026-07-01'"
                for table, replaced in (
                    ("customer_clv_history", "as_of_date + 1 as as_of_date"),
                    ("predicted_totals", f"as_of_date + 1 as as_of_date, '{run_id}' as run_id"),
                )
            ]
        _changed(bundle, folder / "clv.duckdb", *changes)
        write_manifest(folder, run_id, as_of, "Demo company", {})
        serve(made.published, folder, as_of, "Demo company")
    return made


def _roll_back(home: Home, target: Target, *run_id: str) -> tuple[int, str]:
    # no source is named: a rollback reads none
    ran = run_clv_here("rollback", *run_id, "--home", str(home.root), **target.environment)
    return ran.returncode, " ".join((ran.stdout + ran.stderr).split())


def test_a_rollback_publishes_there_too_and_views_stay(target: Target, home: Home) -> None:
    target.publish(home.published / "clv.duckdb")
    target.sql("create view best as select customer_id, run_id from <customer_clv>")
    assert target.run_ids() == [TONIGHT]
    exit_code, said = _roll_back(home, target)
    assert exit_code == 0, said
    assert f"Served now: run {YESTERDAY}" in said
    assert re.search(r"The database \S+ has this run as well: [\d,]+ rows written", said)
    assert target.run_ids() == [YESTERDAY]
    assert target.sql("select distinct run_id from best") == [(YESTERDAY,)]
    for table in ("customer_clv", "customer_clv_history", "predicted_totals"):
        assert target.rows_of(table) == _rows(home.published / YESTERDAY / "clv.duckdb", table), table
    exit_code, said = _roll_back(home, target, YESTERDAY)
    assert "it was there already" in said
    target.sql("drop view best")


def test_a_target_that_is_away_leaves_the_rollback_here_and_says_so(postgres: Target, home: Home) -> None:
    postgres.publish(home.published / "clv.duckdb")
    exit_code, said = _roll_back(home, Target("postgresql+psycopg://u:s3cret@127.0.0.1:1/bi", postgres.schema))
    assert served_run(home) == YESTERDAY
    assert exit_code == 1
    assert f"Served now from the home: run {YESTERDAY}" in said
    assert "The database of CLV_PUBLISH_URL has the rows that it had" in said
    assert re.search(rf"`clv rollback [^`]*{YESTERDAY}[^`]*` publishes this run there", said)
    assert "s3cret" not in said
    assert postgres.run_ids() == [TONIGHT]
    # what the next step says
    exit_code, said = _roll_back(home, postgres, YESTERDAY)
    assert exit_code == 0, said
    assert postgres.run_ids() == [YESTERDAY] == [served_run(home)]


def test_a_rollback_makes_no_tables_where_the_source_never_published(target: Target, home: Home) -> None:
    """A schema that is set in source.toml is unknown to a rollback that names no source."""
    exit_code, said = _roll_back(home, target)
    assert exit_code == 1
    assert "The source 'Demo company' has never published to" in said
    assert "set CLV_SOURCE to its folder" in said
    engine = sa.create_engine(target.url, poolclass=sa.NullPool)
    assert f"{target.schema}_v2" not in sa.inspect(engine).get_schema_names()
    assert not sa.inspect(engine).has_table("clv_run_v2")


def test_a_bundle_of_an_older_release_empties_what_it_does_not_have(
    target: Target, bundle: Path, tmp_path: Path
) -> None:
    target.publish(bundle)
    older = _changed(
        bundle,
        tmp_path / "older.duckdb",
        f"update clv_run set run_id = '{OTHER_RUN}'",
        "drop table customer_orders",
        "alter table customer_clv drop column reason_3",
        "alter table predicted_totals drop column customers_in_history",
    )
    assert "customer_orders" not in target.publish(older)
    assert target.run_ids() == [OTHER_RUN]
    assert target.rows_of("customer_orders") == 0, "its rows are of another run"
    assert target.sql("select count(reason_3) from <customer_clv>") == [(0,)]
    assert target.publish(older) == {}
    target.publish(bundle)
    assert target.rows_of("customer_orders") == _rows(bundle, "customer_orders") > 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("update clv_run set contract_version = 'v1'", "is of contract v1, and this release writes"),
        ("alter table segments drop column segment", "The bundle's table segments has no segment, which is in its key"),
    ],
)
def test_a_bundle_that_this_release_cannot_publish_is_named(
    postgres: Target, bundle: Path, tmp_path: Path, change: str, says: str
) -> None:
    postgres.publish(bundle)
    before = postgres.run_ids()
    with pytest.raises(PublishError, match=says):
        postgres.publish(_changed(bundle, tmp_path / "older.duckdb", change))
    assert postgres.run_ids() == before
