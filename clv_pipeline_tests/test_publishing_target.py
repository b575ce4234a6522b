"""The database as a second target, on a real PostgreSQL, MariaDB and SQLite: readers, grants, views, lost connections, runs."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import duckdb
import psycopg
import pytest
import sqlalchemy as sa
from psycopg import errors
from psycopg.rows import scalar_row
from sqlalchemy.dialects import mssql, mysql, oracle

from clv_pipeline.contracts.published import PUBLISHED
from clv_pipeline.core.errors import ConfigurationError, PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.orchestration.dagster_home import prepare_dagster_home
from clv_pipeline.orchestration.history import failures_of
from clv_pipeline.publishing import target_place
from clv_pipeline.publishing.database_target import publish_to_database, published_tables
from clv_pipeline.warehouse.connection import open_bundle_file
from clv_pipeline_tests.mariadb import execute

#: How often the torn-read test publishes; `make chaos` asks for 500.
PUBLICATIONS = int(os.environ.get("CLV_TEST_PUBLICATIONS", "25"))
OTHER_RUN = "20990101-other"
_NUMBER = count(1)


@dataclass(frozen=True)
class Target:
    """Schemas of its own in the test's PostgreSQL: `schema` has the tables of today, `setting` those of contract v1."""

    url: str
    setting: str

    @property
    def schema(self) -> str:
        return f"{self.setting}_v2"

    def settings(self, **overrides: Any) -> Settings:
        return load_settings(source="demo", publish_url=self.url, publish_schema=self.setting, **overrides)

    def publish(self, served: Path, **named: Any) -> dict[str, int]:
        report = publish_to_database(served, self.settings(), **named)
        assert report is not None
        return report.row_counts

    def connect(self, **named: Any) -> psycopg.Connection[Any]:
        address = self.url.replace("+psycopg", "")
        return psycopg.connect(address, options=f"-c search_path={self.schema} -c timezone=UTC", **named)

    def execute(self, statement: str) -> None:
        with self.connect(autocommit=True) as connection:
            connection.execute(statement.encode())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    def run_ids(self) -> set[str]:
        """Return every run_id that any of the tables shows."""
        tables = ("customer_clv", "clv_run")
        return {run_id for t in tables for (run_id,) in self.rows(f"select distinct run_id from {t}")}


@pytest.fixture
def target(postgres_url: str) -> Iterator[Target]:
    made = Target(postgres_url, f"clv_{next(_NUMBER)}")
    yield made
    made.execute(f"drop schema if exists {made.schema}, {made.setting} cascade")


@pytest.fixture(scope="module")
def bundle(demo_run: Home) -> Path:
    return demo_run.published / "clv.duckdb"


def _changed(bundle: Path, to: Path, *statements: str) -> Path:
    shutil.copyfile(bundle, to)
    with duckdb.connect(str(to)) as connection:
        for statement in statements:
            connection.execute(statement)
    return to


@pytest.fixture(scope="module")
def other(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle as another run would have it: another run_id, other money, fewer customers."""
    return _changed(
        bundle,
        tmp_path_factory.mktemp("other") / "clv.duckdb",
        f"update clv_run set run_id = '{OTHER_RUN}'",
        f"update customer_clv set run_id = '{OTHER_RUN}', historic_value = historic_value + 1",
        "delete from customer_clv where customer_id = (select max(customer_id) from customer_clv)",
    )


def _run_id(bundle: Path) -> str:
    with open_bundle_file(bundle) as connection:
        ((run_id,),) = connection.execute("select run_id from clv_run").fetchall()
    return str(run_id)


def _as_text(column: str, sql_type: str) -> str:
    """Return SQL that both databases spell the same: one writes the double 1 as 1.0."""
    return f"{column}::numeric(38, 9)::text" if sql_type == "DOUBLE" else f"{column}::text"


def _content(bundle: Path, table: str) -> list[tuple[Any, ...]]:
    with open_bundle_file(bundle) as connection:
        columns = [
            _as_text(name, sql_type) for name, sql_type, *_ in connection.execute(f"describe {table}").fetchall()
        ]
        return connection.execute(f"select {', '.join(columns)} from {table} order by all").fetchall()


# --- what arrives ------------------------------------------------------------------------------------------------------


def test_every_table_arrives_with_all_its_rows(target: Target, bundle: Path) -> None:
    counts = target.publish(bundle)
    assert counts.keys() == PUBLISHED.keys()
    for table, rows in counts.items():
        there = _content(bundle, table)
        assert rows == len(there), table
        with open_bundle_file(bundle) as connection:
            described = connection.execute(f"describe {table}").fetchall()
        columns = ", ".join(_as_text(name, sql_type) for name, sql_type, *_ in described)
        here = target.rows(f"select {columns} from {table}")
        # the two databases sort text differently
        assert sorted(here, key=repr) == sorted(there, key=repr), table
    assert counts["customer_clv"] > 1000


def test_columns_have_the_contracts_types_keys_and_descriptions(target: Target, bundle: Path) -> None:
    target.publish(bundle)
    types = dict(
        target.rows(
            "select table_name || '.' || column_name, "
            "data_type || coalesce('(' || numeric_precision || ',' || numeric_scale || ')', '') "
            f"from information_schema.columns where table_schema = '{target.schema}'"
        )
    )
    assert types["customer_clv.customer_id"] == "text"
    assert types["customer_clv.predicted_spend_90d"] == "numeric(18,2)"
    assert types["customer_clv.purchase_probability_90d"] == "numeric(5,4)"
    assert types["customer_clv.as_of_date"] == "date"
    assert types["customer_clv.scored_at"] == "timestamp with time zone"
    assert types["customer_clv.is_in_crm"] == "boolean"
    for name, table in PUBLISHED.items():
        key = target.rows(
            "select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey) "
            f"where i.indisprimary and i.indrelid = '{target.schema}.{name}'::regclass"
        )
        assert {row[0] for row in key} == set(table.key), name
        silent = target.rows(
            f"select attname from pg_attribute where attrelid = '{target.schema}.{name}'::regclass and attnum > 0 "
            "and coalesce(col_description(attrelid, attnum), '') = ''"
        )
        assert silent == [], name


def test_the_same_run_published_again_changes_nothing(target: Target, bundle: Path) -> None:
    assert target.publish(bundle)
    versions = "select xmin::text, ctid::text, customer_id from customer_clv order by customer_id"
    before = target.rows(versions)
    assert target.publish(bundle) == {}
    assert target.rows(versions) == before


def test_an_erasure_replaces_the_rows_of_the_same_run(target: Target, bundle: Path, tmp_path: Path) -> None:
    target.publish(bundle)
    erased = _changed(bundle, tmp_path / "clv.duckdb", "delete from customer_clv where customer_id = '000001'")
    assert target.publish(erased, again=True)["customer_clv"] == len(_content(bundle, "customer_clv")) - 1
    assert target.rows("select count(*) from customer_clv where customer_id = '000001'") == [(0,)]


def test_text_that_postgresql_cannot_hold_does_not_stop_the_rest(target: Target, bundle: Path, tmp_path: Path) -> None:
    odd = _changed(
        bundle,
        tmp_path / "clv.duckdb",
        "update customer_clv set country = 'a' || chr(0) || 'b', acquisition_channel = '', reason_2 = null, "
        "reason_1 = 'quote \" comma , line\n\\N \\. end 李🛒' where customer_id = '000001'",
    )
    target.publish(odd)
    assert target.rows(
        "select country, acquisition_channel, reason_2, reason_1 from customer_clv where customer_id = '000001'"
    ) == [("a\ufffdb", "", None, 'quote " comma , line\n\\N \\. end 李🛒')]


def test_without_an_address_nothing_is_published(bundle: Path) -> None:
    assert publish_to_database(bundle, load_settings(source="demo")) is None


# --- readers -----------------------------------------------------------------------------------------------------------

#: Reads until its standard input is closed; prints how often it read, and everything that was not one whole run.
_READER = """
import json, sys, threading, time, psycopg
address, schema, isolation = sys.argv[1:]
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
customers = f"select coalesce(string_agg(distinct run_id, '+'), 'EMPTY') from {schema}.customer_clv"
run = f"select coalesce(string_agg(run_id, '+'), 'EMPTY') from {schema}.clv_run"
seen, broken = {}, []
with psycopg.connect(address) as connection:
    connection.isolation_level = psycopg.IsolationLevel[isolation]
    print("reading", flush=True)
    while not stop.is_set():
        time.sleep(0.005)
        with connection.transaction():
            if isolation == "REPEATABLE_READ":
                pair = connection.execute(customers).fetchone() + connection.execute(run).fetchone()
            else:
                # here every statement sees what is committed when it begins: one query is the unit that must be whole
                pair = connection.execute(f"select ({customers}), ({run})").fetchone()
        seen[pair[0]] = seen.get(pair[0], 0) + 1
        if pair[0] != pair[1] or "EMPTY" in pair[0] or "+" in pair[0]:
            broken.append(pair)
print(json.dumps({"seen": seen, "broken": broken}))
"""


@contextmanager
def _reader(target: Target, isolation: str) -> Iterator[Callable[[], dict[str, Any]]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _READER, target.url.replace("+psycopg", ""), target.schema, isolation],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        yield lambda: json.loads(process.communicate(timeout=60)[0])
    finally:
        process.kill()
        process.wait(timeout=10)


def test_no_reader_ever_sees_a_mix_or_an_empty_table(target: Target, bundle: Path, other: Path) -> None:
    target.publish(bundle)
    with _reader(target, "REPEATABLE_READ") as repeatable, _reader(target, "READ_COMMITTED") as committed:
        for publication in range(PUBLICATIONS):
            assert target.publish(bundle if publication % 2 else other)
        found = {"repeatable read": repeatable(), "read committed": committed()}
    for isolation, result in found.items():
        assert result["broken"] == [], isolation
        assert result["seen"].keys() == {_run_id(bundle), OTHER_RUN}, isolation
        assert sum(result["seen"].values()) > PUBLICATIONS, f"{isolation}: too few reads prove nothing"


def test_an_idle_reader_neither_blocks_nor_is_disturbed(target: Target, bundle: Path, other: Path) -> None:
    target.publish(bundle)
    with target.connect(row_factory=scalar_row) as idle:
        idle.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert idle.execute("select run_id from clv_run").fetchone() == _run_id(bundle)
        started = time.monotonic()
        target.publish(other)
        assert time.monotonic() - started < 30, "it waited for the idle reader until the lock timeout"
        assert idle.execute("select distinct run_id from customer_clv").fetchall() == [_run_id(bundle)]
        idle.rollback()
        assert idle.execute("select distinct run_id from customer_clv").fetchall() == [OTHER_RUN]


# --- what others have built on the tables ------------------------------------------------------------------------------


def test_grants_and_dependent_views_are_kept(target: Target, bundle: Path, other: Path) -> None:
    target.publish(bundle)
    target.execute("drop role if exists analyst; create role analyst")
    target.execute(f"grant usage on schema {target.schema} to analyst; grant select on customer_clv to analyst")
    target.execute("create view best as select customer_id, run_id from customer_clv where value_tier = 'A'")
    tables = "select relname, oid::bigint from pg_class where relnamespace = current_schema()::regnamespace order by 1"
    before = target.rows(tables)
    target.publish(other)
    assert target.rows(tables) == before, "a table or view was made again"
    assert target.rows("select distinct run_id from best") == [(OTHER_RUN,)]
    with target.connect() as connection:
        connection.execute("set role analyst")
        assert connection.execute("select distinct run_id from customer_clv").fetchall() == [(OTHER_RUN,)]
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("select * from clv_run")
    target.execute("drop owned by analyst; drop role analyst")


def test_a_column_new_in_the_contract_is_added_and_an_old_one_stays(target: Target, bundle: Path, other: Path) -> None:
    target.publish(bundle)
    target.execute("alter table customer_clv drop column reason_3")
    target.execute("alter table customer_clv add column predicted_spend_30d numeric(18,2) default 1")
    target.execute("comment on column customer_clv.segment is 'an older description'")
    target.execute("create view every_customer as select customer_id, segment from customer_clv")
    target.publish(other)
    assert target.rows("select count(*) > 0 from customer_clv where reason_3 <> ''") == [(True,)]
    assert target.rows("select count(predicted_spend_30d) from every_customer join customer_clv using (customer_id)")
    comments = dict(
        target.rows(
            "select attname, col_description(attrelid, attnum) from pg_attribute "
            f"where attrelid = '{target.schema}.customer_clv'::regclass and attnum > 0 and not attisdropped"
        )
    )
    assert comments["reason_3"] == PUBLISHED["customer_clv"].columns["reason_3"]
    assert comments["segment"] == PUBLISHED["customer_clv"].columns["segment"]
    assert "predicted_spend_30d" in comments


def _readme_sql() -> str:
    section = (PROJECT / "README.md").read_text().split("## A read-only role for BI", 1)[1].split("\n## ", 1)[0]
    (sql,) = re.findall(r"```sql\n(.*?)```", section, flags=re.DOTALL)
    return str(sql)


@pytest.fixture
def readme_target(postgres_url: str) -> Iterator[Target]:
    made = Target(postgres_url, "clv")
    made.execute("drop schema if exists clv_v2 cascade; drop role if exists bi_reader")
    yield made
    made.execute("drop owned by bi_reader; drop schema clv_v2 cascade; drop role bi_reader")


def test_the_readmes_role_reads_everything_and_writes_nothing(readme_target: Target, bundle: Path, other: Path) -> None:
    readme_target.execute(_readme_sql())
    readme_target.publish(bundle)
    readme_target.execute("drop table cohorts")
    readme_target.publish(other)
    with readme_target.connect(user="bi_reader", autocommit=True) as reader:
        for table in PUBLISHED:
            assert reader.execute(f"select count(*) from clv_v2.{table}".encode()).fetchone() is not None, table
        # the role's read-only default is a convenience that it may switch off; its rights are what holds
        reader.execute("set default_transaction_read_only = off")
        for statement in (
            "insert into clv_v2.segments (segment) values ('x')",
            "update clv_v2.customer_clv set segment = 'x'",
            "delete from clv_v2.clv_run",
            "truncate clv_v2.clv_run",
            "drop table clv_v2.clv_run",
            "alter table clv_v2.clv_run add column x int",
            "create table clv_v2.mine (x int)",
            "create table public.mine (x int)",
            "grant select on clv_v2.clv_run to public",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                reader.execute(statement.encode())
                if statement.startswith("grant"):
                    # PostgreSQL only warns about a grant by somebody who may not grant
                    raise errors.InsufficientPrivilege
    assert readme_target.rows("select has_table_privilege('public', 'clv_v2.clv_run', 'select')") == [(False,)]
    assert readme_target.run_ids() == {OTHER_RUN}


# --- when it fails -----------------------------------------------------------------------------------------------------


def _waiting_publisher(target: Target) -> int:
    """Return the backend that waits for a row of `clv_run`, the last table: all others are replaced by then."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = target.rows(
            f"select pid from pg_stat_activity where wait_event_type = 'Lock' and query like 'DELETE FROM {target.schema}.%'"
        )
        if found:
            return int(found[0][0])
        time.sleep(0.05)
    raise AssertionError("the publisher never came to the locked row")


def test_a_connection_lost_in_the_middle_leaves_the_old_rows(target: Target, bundle: Path, other: Path) -> None:
    target.publish(bundle)
    raised: list[BaseException] = []

    def publish() -> None:
        try:
            target.publish(other)
        except BaseException as error:
            raised.append(error)

    with target.connect() as holder:
        holder.execute("select * from clv_run for update")
        publisher = threading.Thread(target=publish)
        publisher.start()
        backend = _waiting_publisher(target)
        assert target.rows(f"select pg_terminate_backend({backend})") == [(True,)]
        publisher.join(timeout=60)
    (error,) = raised
    assert isinstance(error, PublishError)
    assert "terminating connection" in error.what or "connection" in error.what.lower()
    assert "the bundle is served" in error.next_step
    assert target.run_ids() == {_run_id(bundle)}
    assert len(target.rows("select 1 from customer_clv")) == len(_content(bundle, "customer_clv"))
    target.publish(other)
    assert target.run_ids() == {OTHER_RUN}


def test_a_writer_that_holds_a_row_does_not_keep_the_run_waiting(
    target: Target, bundle: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_place, "_LOCK_TIMEOUT", "1s")
    target.publish(bundle)
    with target.connect() as holder:
        holder.execute("select * from segments for update")
        with pytest.raises(PublishError, match="lock timeout"):
            target.publish(other)
    assert target.run_ids() == {_run_id(bundle)}


def test_a_refused_row_is_named_by_rule_and_not_by_its_content(target: Target, bundle: Path, other: Path) -> None:
    target.publish(bundle)
    target.execute("alter table customer_clv add constraint no_prospects check (segment <> 'prospect') not valid")
    with pytest.raises(PublishError) as error:
        target.publish(other)
    assert "no_prospects" in str(error.value)
    assert not re.search(r"\b\d{6}\b", str(error.value)), "the message quotes a customer"
    assert target.run_ids() == {_run_id(bundle)}


def test_a_first_publication_that_fails_leaves_no_table_behind(target: Target, bundle: Path) -> None:
    target.execute(f"create schema {target.schema}")
    target.execute("create table clv_run (run_id text primary key check (run_id = 'never'))")
    with pytest.raises(PublishError):
        target.publish(bundle)
    assert target.rows(f"select tablename from pg_tables where schemaname = '{target.schema}'") == [("clv_run",)]


def test_a_role_without_rights_is_told_so(target: Target, bundle: Path) -> None:
    target.execute("drop role if exists stranger; create role stranger login")
    url = sa.make_url(target.url).set(username="stranger").render_as_string(hide_password=False)
    with pytest.raises(PublishError, match="permission denied") as error:
        Target(url, target.setting).publish(bundle)
    assert "the bundle is served" in str(error.value)
    target.execute("drop role stranger")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://clv:s3cret-word@127.0.0.1:1/bi",
        "postgresql+psycopg://clv:s3cret-word@no-such-host.invalid/bi",
        "postgresql+psycopg://127.0.0.1:1/bi?password=s3cret-word",
        "postgresql+psycopg://clv:s3cret-word@with@at@127.0.0.1:1/bi",
        "nonsense+driver://clv:s3cret-word@h/bi",
        "postgresql+psycopg//clv:s3cret-word@h/bi",
    ],
)
def test_no_message_holds_the_password(bundle: Path, url: str) -> None:
    with pytest.raises((PublishError, ConfigurationError)) as error:
        publish_to_database(bundle, load_settings(source="demo", publish_url=url))
    assert "s3cret" not in str(error.value)
    assert "s3cret" not in repr(load_settings(source="demo", publish_url=url))
    assert error.value.__suppress_context__ or error.value.__context__ is None


# --- configuration -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", ['clv"; drop table orders', "clv.x", "Clv", "", "1clv", "c" * 61, "clv\n", "ćlv"])
def test_a_schema_that_is_no_plain_name_is_refused(schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLV_PUBLISH_SCHEMA", schema)
    with pytest.raises(ConfigurationError, match="publish_schema"):
        load_settings(source="demo")


@pytest.mark.parametrize("key", ["publish_url", "source_url", "hash_key"])
def test_a_secret_in_a_file_is_refused_without_being_shown(tmp_path: Path, key: str) -> None:
    (tmp_path / "source.toml").write_text(f'{key} = "postgresql+psycopg://u:s3cret-word@h/d"\n')
    with pytest.raises(ConfigurationError) as error:
        load_settings(source=str(tmp_path))
    assert key in str(error.value)
    assert f"CLV_{key.upper()}" in error.value.next_step
    assert "s3cret" not in str(error.value)


# --- other databases ---------------------------------------------------------------------------------------------------


def _sqlite_rows(file: Path, query: str) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(f"sqlite:///{file}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query).fetchall()]


def test_sqlite_holds_the_same_rows(bundle: Path, other: Path, tmp_path: Path) -> None:
    settings = load_settings(source="demo", publish_url=f"sqlite:///{tmp_path / 'bi.sqlite'}")
    first = publish_to_database(bundle, settings)
    assert first is not None
    assert first.row_counts == {name: len(_content(bundle, name)) for name in PUBLISHED}
    again = publish_to_database(bundle, settings)
    assert again is not None
    assert again.row_counts == {}
    publish_to_database(other, settings)
    money = "select round(sum(historic_value), 2) from customer_clv_v2"
    with open_bundle_file(other) as connection:
        ((expected,),) = connection.execute("select sum(historic_value)::double from customer_clv").fetchall()
    assert _sqlite_rows(tmp_path / "bi.sqlite", money) == [(pytest.approx(expected),)]
    assert _sqlite_rows(tmp_path / "bi.sqlite", "select distinct run_id from customer_clv_v2") == [(OTHER_RUN,)]


def test_mariadb_holds_the_same_rows_and_keys_that_differ_in_case_only(
    mariadb_url: str, bundle: Path, other: Path, tmp_path: Path
) -> None:
    """The server's own character set is latin1, whose collation takes 'A1' and 'a1' for one key."""
    twins = _changed(
        bundle,
        tmp_path / "clv.duckdb",
        f"update clv_run set run_id = '{OTHER_RUN}x'",
        "update customer_clv set customer_id = 'A1', country = '🛒 李' "
        "where customer_id = (select min(customer_id) from customer_clv)",
        "update customer_clv set customer_id = 'a1' "
        "where customer_id = (select max(customer_id) from customer_clv where customer_id <> 'A1')",
    )
    for published in (bundle, bundle, other, twins):
        publish_to_database(published, load_settings(source="demo", publish_url=mariadb_url, publish_schema="clv_test"))
        with open_bundle_file(published) as connection:
            for table in PUBLISHED:
                assert (
                    execute(mariadb_url, f"select count(*) from clv_test_v2.{table}")
                    == connection.execute(f"select count(*) from {table}").fetchall()
                ), table
    found = execute(
        mariadb_url, "select customer_id, country from clv_test_v2.customer_clv where customer_id in ('A1', 'a1')"
    )
    assert sorted(found)[0] == ("A1", "🛒 李")
    assert len(found) == 2


def test_a_failure_in_sqlite_leaves_it_as_it_was(bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "bi.sqlite"
    engine = sa.create_engine(f"sqlite:///{file}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table clv_run_v2 (run_id text primary key check (run_id = 'never'))")
    before = file.read_bytes()
    with pytest.raises(PublishError, match="could not be published"):
        publish_to_database(bundle, load_settings(source="demo", publish_url=f"sqlite:///{file}"))
    assert file.read_bytes() == before
    assert _run_id(bundle), "a result left half-read would keep the bundle from being opened again"


@pytest.mark.parametrize("dialect", [mysql.dialect(), mssql.dialect(), oracle.dialect()], ids=lambda d: d.name)
def test_keys_have_a_length_where_a_database_needs_one(bundle: Path, dialect: Any) -> None:
    with open_bundle_file(bundle) as connection:
        tables = {t.name: t for t in published_tables(connection, "clv")}
    ddl = str(sa.schema.CreateTable(tables["customer_clv"]).compile(dialect=dialect))
    assert re.search(r"customer_id N?VARCHAR2?\(255( CHAR)?\)", ddl), ddl


# --- a whole run -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = tmp_path_factory.mktemp("target") / "home"
    shutil.copytree(demo_run.root, root)
    return Home(root)


def _latest(home: Home) -> dict[str, Any]:
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["published", "database"]))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_a_run_without_a_target_says_so(demo_run: Home) -> None:
    assert _latest(demo_run) == {"target": "no target configured"}


def _materialise(home: Home, **environment: str) -> tuple[bool, list[str]]:
    """Run the nightly job's last asset alone, as the UI does; return whether it succeeded and what it said."""
    from clv_pipeline.orchestration.definitions import defs
    from clv_pipeline.orchestration.resources import current_settings

    current_settings.cache_clear()
    with mock.patch.dict(os.environ, {"CLV_HOME": str(home.root), "CLV_SOURCE": "demo", **environment}):
        prepare_dagster_home(home)
        with dg.DagsterInstance.get() as instance:
            result = defs.resolve_job_def("nightly").execute_in_process(
                instance=instance, raise_on_error=False, asset_selection=[dg.AssetKey(["published", "database"])]
            )
    current_settings.cache_clear()
    return result.success, [failure.message for failure in failures_of(list(result.all_events), {})]


def test_a_target_that_fails_makes_the_run_red_and_the_next_one_heals(
    finished: Home, target: Target, capfd: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql+psycopg://clv:s3cret-word@127.0.0.1:1/bi"
    succeeded, messages = _materialise(finished, CLV_PUBLISH_URL=url)
    assert not succeeded
    assert "could not be published to postgresql+psycopg://127.0.0.1:1/bi" in messages[0]
    assert "the bundle is served" in messages[0]
    served = finished.published / "clv.duckdb"
    assert served.read_bytes() == (finished.published / _run_id(served) / "clv.duckdb").read_bytes()
    written = b"".join(f.read_bytes() for f in finished.root.rglob("*") if f.is_file())
    assert b"s3cret-word" not in written + "".join(capfd.readouterr()).encode()

    succeeded, messages = _materialise(finished, CLV_PUBLISH_URL=target.url, CLV_PUBLISH_SCHEMA=target.setting)
    assert succeeded, messages
    assert target.run_ids() == {_run_id(served)}
    shown = _latest(finished)
    assert shown["run_id"] in target.run_ids()
    assert shown["rows"]["clv_run"] == 1
