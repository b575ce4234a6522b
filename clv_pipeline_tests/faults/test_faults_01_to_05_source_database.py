"""Faults 1 to 5: the source database is down, dies half-way, refuses the login, hangs, or is written to meanwhile.

Each is a real PostgreSQL behind a line that can be cut. Only one night here runs to its end: the one whose connection
died once, from a database that others write to all the while.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.warehouse.connection import open_bundle_file
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.faults.company import Company, assert_blocked, assert_published, refusal_of
from clv_pipeline_tests.faults.database import Database, database_of, line_to, soon

PASSWORD = "top-secret-password"
LONG_NAME = "Zoë 🛒 李 " + "x" * 10_000
#: An answer of this many bytes is well within the orders, the first and largest table.
WITHIN_ORDERS = 200_000


@pytest.fixture
def database(company: Company, postgres_url: str) -> Database:
    return database_of(company, postgres_url)


def raw_rows(home: Home) -> list[tuple[str, int]]:
    with open_warehouse(home).connection() as connection:
        return connection.execute("select table_name, rows_held from raw.loads order by all").fetchall()


# ------------------------------------------------------------------------------------------------ 1: down


def test_fault_01_a_database_that_is_down_is_tried_three_times_with_growing_pauses(
    database: Database, yesterday: Home, caplog: pytest.LogCaptureFixture
) -> None:
    with line_to(database) as line:
        nobody_there = line.port
    before, started = raw_rows(yesterday), time.monotonic()
    assert_blocked(database.night(yesterday, nobody_there), "cannot be reached after 3 tries")
    tries = [r.getMessage().split(":")[0] for r in caplog.records if "not reachable" in r.getMessage()]
    assert tries == ["source not reachable (try 1 of 3)", "source not reachable (try 2 of 3)"]
    assert time.monotonic() - started > 3, "1 and 2 seconds of pause"
    assert raw_rows(yesterday) == before


def test_fault_01_a_server_that_takes_the_connection_and_says_nothing_is_down_too(
    database: Database, yesterday: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clv_pipeline.core.databases._LIBPQ_PATIENCE", {"connect_timeout": 2})
    with line_to(database, is_silent=True) as line:
        said = database.refusal(yesterday, line.port, connect_tries=2)
        assert "cannot be reached after 2 tries" in said and "timeout" in said
        assert line.connections == 2


# ------------------------------------------------------------------------------------------------ 2: dies half-way


@pytest.mark.chaos
def test_fault_02_a_connection_that_dies_at_every_attempt_is_red_and_leaves_no_partial_table(
    database: Database, yesterday: Home
) -> None:
    before = raw_rows(yesterday)
    with line_to(database, cut_after=WITHIN_ORDERS, cuts=100) as line:
        seen = database.night(yesterday, line.port)
        assert line.connections == 3
    assert_blocked(seen, "The connection was lost while reading orders")
    assert raw_rows(yesterday) == before


@dataclass
class Restarted:
    """The night whose connection died once while others wrote."""

    home: Home
    connections: int
    written: int


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Restarted]:
    company = Company(tmp_path_factory.mktemp("shop"))
    company.tables["customers"][1]["country"] = LONG_NAME
    database = database_of(company, postgres_url)
    # between orders and customers there is time for others to write
    database.select("customers", "select customers.* from customers, (select pg_sleep(1)) as slow")
    home = Home(tmp_path_factory.mktemp("restarted") / "home")
    is_over, written = threading.Event(), [0]

    def buy() -> None:
        """Enter a new customer with a first order, in one transaction, again and again."""
        with database.connect() as connection:
            while not is_over.wait(0.01):
                who = f"new{written[0]}"
                with connection.transaction():
                    connection.execute(
                        "insert into orders (order_id, customer_id, ordered_at, amount, status) "
                        "values (%(who)s, %(who)s, '2024-05-30', 10, 'paid')",
                        {"who": who},
                    )
                    connection.execute(
                        "insert into customers (customer_id, created_at, profiling_consent) "
                        "values (%(who)s, '2024-05-30', 'true')",
                        {"who": who},
                    )
                written[0] += 1

    buyer = threading.Thread(target=buy)
    buyer.start()
    try:
        with line_to(database, cut_after=WITHIN_ORDERS, cuts=1) as line:
            seen = database.night(home, line.port, CLV_MAX_UNKNOWN_CUSTOMER_SHARE="0")
    finally:
        is_over.set()
        buyer.join()
    assert_published(seen)
    yield Restarted(home, line.connections, written[0])


def test_fault_02_after_one_cut_the_extract_starts_again_by_itself_and_the_night_is_published(
    restarted: Restarted,
) -> None:
    assert restarted.connections == 2
    with open_warehouse(restarted.home).connection() as connection:
        ((rows, orders),) = connection.execute("select count(*), count(distinct order_id) from raw.orders").fetchall()
    assert rows == orders > 1000, "no row of the attempt that died is left beside those of the one that did not"


def test_fault_05_all_tables_are_of_one_moment_though_others_write(restarted: Restarted) -> None:
    """Orders and their customers come in one transaction each, so one snapshot holds both or neither."""
    with open_warehouse(restarted.home).connection() as connection:
        bought = connection.execute("select customer_id from raw.orders where customer_id like 'new%'").fetchall()
        entered = connection.execute("select customer_id from raw.customers where customer_id like 'new%'").fetchall()
    assert sorted(bought) == sorted(entered)
    assert 0 < len(bought) < restarted.written, "there was writing before and after the snapshot"


def test_fault_09_and_12_zeros_and_strange_names_come_whole_out_of_a_database(restarted: Restarted) -> None:
    with open_bundle_file(restarted.home.published / "clv.duckdb") as connection:
        rows = connection.execute("select customer_id, country from customer_clv order by 1 limit 2").fetchall()
    assert rows[0][0] == "00000"
    assert rows[1] == ("00001", LONG_NAME)


# ------------------------------------------------------------------------------------------------ 3: refused


@pytest.fixture
def guarded(database: Database) -> Iterator[str]:
    """Return a role that the server lets in by password only; its real one has expired."""
    role = "expired_reader"
    with database.connect() as connection:
        (found,) = connection.execute("show hba_file").fetchone() or ("",)
        rules = Path(str(found))
        before = rules.read_text()
        connection.execute(f"drop role if exists {role}")
        connection.execute(f"create role {role} login password '{PASSWORD}' valid until '2020-01-01'")  # type: ignore[arg-type]
        rules.write_text(f"local all {role} scram-sha-256\n{before}")
        connection.execute("select pg_reload_conf()")
        yield role
        rules.write_text(before)
        connection.execute("select pg_reload_conf()")
        connection.execute(f"drop role {role}")


def _is_refused(database: Database, role: str) -> bool:
    try:
        psycopg.connect(host=str(database.url.query["host"]), user=role, dbname="postgres", password="no").close()
    except psycopg.OperationalError:
        return True
    return False


def test_fault_03_an_expired_password_is_tried_once_and_told_to_nobody(
    database: Database, guarded: str, yesterday: Home, caplog: pytest.LogCaptureFixture
) -> None:
    assert soon(lambda: _is_refused(database, guarded)), "the server takes up the new rule"
    database.url = database.url.set(username=guarded, password=PASSWORD)
    with line_to(database) as line:
        seen = database.night(yesterday, line.port)
        assert line.connections == 1
    assert_blocked(seen, guarded, "refused the login", "there was no retry")
    assert PASSWORD not in seen.output + caplog.text
    # logs, the Dagster history with its events and tracebacks, the warehouse
    files = [path for path in yesterday.root.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []


# ------------------------------------------------------------------------------------------------ 4: hangs


def test_fault_04_a_query_that_hangs_is_stopped_by_the_server_and_its_connection_closed(
    database: Database, yesterday: Home
) -> None:
    database.select("customers", "select customers.* from customers, pg_sleep(600)")
    said = database.refusal(yesterday, statement_timeout_seconds=2)
    assert "customers (customers.sql) took longer than the statement timeout of 2 seconds" in said
    assert soon(lambda: database.backends("pg_sleep(600)") == 0)
    assert soon(lambda: database.backends("copy (") == 0), "the connection is closed, not only the query stopped"


def test_fault_04_a_table_that_somebody_locks_is_not_waited_for_without_end(
    database: Database, yesterday: Home
) -> None:
    with database.connect() as other, other.transaction():
        other.execute("lock table orders in access exclusive mode")
        said = database.refusal(yesterday, statement_timeout_seconds=1)
    assert "orders (orders.sql) took longer than the statement timeout of 1 seconds" in said


def test_fault_04_a_select_over_files_that_never_ends_is_stopped_too(company: Company, yesterday: Home) -> None:
    company.write()
    endless = "with recursive n as (select 1 as i union all select i + 1 from n) select max(i)::varchar from n"
    columns = ", ".join(f"({endless}) as {name}" for name in ("order_id", "customer_id", "ordered_at", "amount"))
    (company.folder / "orders.sql").write_text(f"select {columns}")
    said = str(refusal_of(company.folder, str(company.files), yesterday, statement_timeout_seconds=1))
    assert "orders (orders.sql) took longer than the statement timeout of 1 seconds" in said
