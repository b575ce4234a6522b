"""Fault 72: engines beyond PostgreSQL and SQLite. What is guaranteed of MariaDB is seen on a real server; what is said of engines
without one here are their statements, and the name of the missing package.

The first two are the case `source_faults/52-mariadb-statement-timeout`: `sleep(29)` and a table locked for 28 s, at a statement
timeout of 4 seconds, ran to their end.
"""

import re
import shlex
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from clv_pipeline.core import engines
from clv_pipeline.core.databases import engine_of
from clv_pipeline.core.errors import ConfigurationError, SourceError, SourceInterrupted
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.diagnostics.doctor import Examination, examine_source
from clv_pipeline.publishing.target_place import place_of
from clv_pipeline.sources import sessions
from clv_pipeline.sources.extraction import extract
from clv_pipeline.sources.folder import read_selects
from clv_pipeline.sources.readers import open_source
from clv_pipeline.sources.reading import BEGINNING
from clv_pipeline.sources.sessions import begin_reading
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import AS_OF, STARTED_AT
from clv_pipeline_tests.faults.database import soon
from clv_pipeline_tests.mariadb import execute, new_database

COLUMNS = "order_id, customer_id, ordered_at, amount"
#: Wider than what a server collects before it sends anything.
WIDTH = "repeat('x', 20000) as nothing"
WIDE = f"select {COLUMNS}, {WIDTH} from orders"
SLOW = f"select {COLUMNS}, sleep(29) as nothing from orders"


_PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}


def _read(settings: Settings, warehouse: Warehouse, progress: Callable[[str, int], None] = lambda *_: None) -> None:
    extract(settings, warehouse, as_of=AS_OF, run_id="r", started_at=STARTED_AT, progress=progress)


class Shop:
    """A database of a real MariaDB with some orders, and the SELECTs that read it."""

    def __init__(self, server: str, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.url = new_database(server)
        folder.mkdir()
        (folder / "source.toml").write_text('time_zone = "Europe/Berlin"\ncurrency = "EUR"\n')
        self.execute(
            "create table orders (order_id varchar(20), customer_id varchar(20), ordered_at datetime, amount decimal(18,2))",
            "insert into orders values ('1', 'C1', '2024-05-01 10:00:00', 10), ('2', 'C2', '2024-05-02 10:00:00', 20)",
        )
        self.select("orders", f"select {COLUMNS} from orders")

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        return execute(self.url, *statements)

    def fill(self, rows: int) -> None:
        self.execute(f"insert into orders select concat('n', seq), 'C3', '2024-05-03', 1 from seq_1_to_{rows}")

    def select(self, table: str, sql: str) -> None:
        (self.folder / f"{table}.sql").write_text(sql)

    def read(
        self, warehouse: Warehouse, *, progress: Callable[[str, int], None] = lambda *_: None, **settings: Any
    ) -> None:
        named = {"source": str(self.folder), "source_url": self.url, "connect_tries": 1} | settings
        _read(load_settings(**named), warehouse, progress)

    def refusal(self, warehouse: Warehouse, **settings: Any) -> str:
        with pytest.raises(SourceError) as refused:
            self.read(warehouse, **settings)
        return str(refused.value)

    def doctor(self, home: Home, **settings: Any) -> Examination:
        named = {"source": str(self.folder), "source_url": self.url, "home": home.root} | settings
        return examine_source(load_settings(**named), lambda what, rows: None)

    def running(self) -> list[str]:
        """Return the statements that other connections are at."""
        rows = self.execute("select info from information_schema.processlist where id <> connection_id()")
        return [str(info) for (info,) in rows if info]


@pytest.fixture
def shop(mariadb_url: str, tmp_path: Path) -> Shop:
    return Shop(mariadb_url, tmp_path / "selects")


@contextmanager
def locked(shop: Shop, seconds: float, *statements: str) -> Iterator[None]:
    """Let somebody else hold a lock until the end, and at most so long."""
    is_over, is_locked = threading.Event(), threading.Event()

    def hold() -> None:
        with sa.create_engine(shop.url, poolclass=sa.NullPool).connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            is_locked.set()
            is_over.wait(seconds)

    holder = threading.Thread(target=hold)
    holder.start()
    assert is_locked.wait(20)
    try:
        yield
    finally:
        is_over.set()
        holder.join()


# ------------------------------------------------------------------------------------------------ long and locked


def test_fault_72_a_select_that_takes_longer_is_stopped_and_its_connection_closed(
    shop: Shop, warehouse: Warehouse
) -> None:
    shop.select("orders", SLOW)
    started = time.monotonic()
    said = shop.refusal(warehouse, statement_timeout_seconds=4)
    assert 3 < time.monotonic() - started < 12
    assert "orders (orders.sql) took longer than the statement timeout of 4 seconds and was stopped" in said
    assert soon(lambda: shop.running() == [])


@pytest.mark.parametrize(
    "statements",
    [
        ("lock tables orders write",),
        ("set autocommit = 0", "alter table orders add column more int, lock = exclusive", "lock tables orders write"),
    ],
    ids=["locked by hand", "locked after a change"],
)
def test_fault_72_a_locked_table_is_not_waited_for_without_end(
    shop: Shop, warehouse: Warehouse, statements: tuple[str, ...]
) -> None:
    with locked(shop, 28, *statements):
        started = time.monotonic()
        said = shop.refusal(warehouse, statement_timeout_seconds=4)
        assert 3 < time.monotonic() - started < 12
    assert "took longer than the statement timeout of 4 seconds and was stopped" in said
    assert "locks" in said


def test_fault_72_counting_at_the_source_has_the_same_limit(shop: Shop, warehouse: Warehouse) -> None:
    """The rows come at once, and only the query that counts them by day takes its time."""
    counts = "select count(*) from information_schema.processlist where info like concat('%day_of', '_row%')"
    shop.select("orders", f"select {COLUMNS} from orders where sleep(if(({counts}) > 0, 29, 0)) = 0")
    said = shop.refusal(warehouse, statement_timeout_seconds=2)
    assert "took longer than the statement timeout of 2 seconds" in said


@pytest.mark.parametrize("number", [1969, 3024, 1205])
def test_fault_72_what_mysql_calls_its_time_limits_is_told_as_one(number: int) -> None:
    assert sessions.is_over_time(RuntimeError(number, "in whatever language the server speaks"))
    assert not sessions.is_over_time(RuntimeError(2013, "Lost connection to MySQL server during query"))


# ------------------------------------------------------------------------------------------------ lost and silent


def test_fault_72_a_connection_that_dies_half_way_keeps_nothing_and_may_be_tried_again(
    shop: Shop, warehouse: Warehouse
) -> None:
    shop.fill(3000)
    shop.select("orders", WIDE)

    def cut(table: str, rows: int) -> None:
        for (number,) in shop.execute("select id from information_schema.processlist where id <> connection_id()"):
            shop.execute(f"kill {number}")

    with pytest.raises(SourceInterrupted, match="The connection was lost while reading orders"):
        shop.read(warehouse, progress=cut, batch_rows=100)
    with warehouse.connection() as connection:
        assert connection.execute("select * from duckdb_tables() where schema_name = 'raw'").fetchall() == []


def test_fault_72_a_server_that_takes_the_connection_and_says_nothing_is_down(
    shop: Shop, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_HANDSHAKE_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = sa.make_url(shop.url).set(port=silent.getsockname()[1]).render_as_string(hide_password=False)
        assert "cannot be reached after 1 tries" in shop.refusal(warehouse, source_url=url)


def test_fault_72_a_login_that_needs_one_more_package_names_it(
    shop: Shop, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.execute("install plugin if not exists ed25519 soname 'auth_ed25519'")
    shop.execute("create or replace user modern@'127.0.0.1' identified via ed25519 using password('topsecret')")
    monkeypatch.setitem(sys.modules, "nacl", None)
    url = sa.make_url(shop.url).set(username="modern", password="topsecret").render_as_string(hide_password=False)
    said = shop.refusal(warehouse, source_url=url)
    assert "'pynacl' package is required" in said
    assert "topsecret" not in said


def test_fault_72_a_server_that_falls_silent_is_left(
    shop: Shop, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that stops nothing itself: one that hangs, or lies behind a line that was cut without a word."""
    monkeypatch.setattr(sessions, "_begin_mysql", lambda connection, seconds: None)
    monkeypatch.setattr(sessions, "GRACE_SECONDS", 1)
    shop.select("orders", SLOW)
    started = time.monotonic()
    assert "took longer than the statement timeout of 1 seconds" in shop.refusal(warehouse, statement_timeout_seconds=1)
    assert time.monotonic() - started < 12


def test_fault_72_an_answer_that_nobody_reads_on_is_not_read_to_its_end(shop: Shop, warehouse: Warehouse) -> None:
    """The loader refuses the first batch; pymysql alone would then read the other rows, which come every half second."""
    shop.fill(200)
    shop.select("orders", f"select order_id, customer_id, ordered_at, sleep(0.5) as slow, {WIDTH} from orders")
    started = time.monotonic()
    assert "lacks the contract column 'amount'" in shop.refusal(warehouse, batch_rows=1)
    assert time.monotonic() - started < 20


def test_fault_72_doctor_does_not_wait_for_a_select_longer_than_a_run_would(shop: Shop, home: Home) -> None:
    shop.fill(200)
    shop.select("orders", f"select {COLUMNS}, sleep(0.5) as slow, {WIDTH} from orders")
    started = time.monotonic()
    seen = shop.doctor(home, statement_timeout_seconds=2)
    assert time.monotonic() - started < 20
    assert seen.profile is not None
    assert seen.profile.not_looked_at["orders"] == "its SELECT is refused"
    assert any("statement timeout" in point.text for point in seen.profile.points)


def test_fault_72_rows_are_streamed_not_collected(shop: Shop) -> None:
    """Of 60 MB a hundred rows at a time are in memory."""
    shop.fill(3000)
    shop.select("orders", WIDE)
    settings = load_settings(source=str(shop.folder), source_url=shop.url)
    select = read_selects(settings)["orders"]
    with open_source(settings.source_url, tries=1, timeout_seconds=60) as source:
        tracemalloc.start()
        rows = sum(batch.num_rows for batch in source.read(select, BEGINNING, 100))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert rows == 3002
    assert most < 20_000_000


# ------------------------------------------------------------------------------------------------ values

TYPES = {
    "order_id": "bigint unsigned", "order_line_id": "binary(16)", "customer_id": "varchar(40) character set utf8mb4",
    "ordered_at": "timestamp null", "updated_at": "datetime(6)", "amount": "decimal(18,2)", "quantity": "double",
    "product_id": "enum('big', 'small')", "status": "varchar(20) character set latin1",
}  # fmt: skip


def test_fault_72_values_of_mysql_types_arrive_as_what_they_are(shop: Shop, warehouse: Warehouse) -> None:
    """The server's own zone is +03:00: a TIMESTAMP is an instant all the same, and a DATETIME is local time in Berlin."""
    shop.execute(
        "drop table orders",
        f"create table orders ({', '.join(f'{name} {kind}' for name, kind in TYPES.items())})",
        "set time_zone = '+00:00'",
        "insert into orders values (18446744073709551615, 'sixteen bytes ..', 'Zoë 🛒 李', '2024-05-30 22:30:00', "
        "'2024-05-30 23:30:00.123456', 999999999999.99, 0.1e0 + 0.2e0, 'big', 'bezahlt für')",
        "insert into orders values (1, 'sixteen bytes .!', '00123', '2024-10-27 00:30:00', null, -0.01, null, null, '')",
    )
    shop.select("orders", f"select {', '.join(TYPES)} from orders")
    shop.read(warehouse)
    with warehouse.connection() as connection:
        rows = connection.execute(
            "select order_id, customer_id, ordered_at::varchar, day_at_source, updated_at::varchar, amount, quantity, "
            "product_id, status from raw.orders order by 1"
        ).fetchall()
    assert rows == [
        ("1", "00123", "2024-10-27 00:30:00+00", "2024-10-27", None, Decimal("-0.01"), None, None, None),
        (
            "18446744073709551615", "Zoë 🛒 李", "2024-05-30 22:30:00+00", "2024-05-30", "2024-05-30 21:30:00.123456+00",
            Decimal("999999999999.99"), Decimal("0.3"), "big", "bezahlt für",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["bit(1)", "tinyint(1)", "boolean", "varchar(5)"])
def test_fault_72_a_consent_may_have_any_type_that_mysql_has_for_one(
    shop: Shop, warehouse: Warehouse, kind: str
) -> None:
    shop.execute(
        f"create table customers (customer_id varchar(9), created_at date, profiling_consent {kind})",
        "set sql_mode = ''",
        "insert into customers values ('C1', '2024-01-01', 1), ('C2', '0000-00-00', 0), ('C3', null, null)",
    )
    shop.select("customers", "select * from customers")
    shop.read(warehouse)
    with warehouse.connection() as connection:
        rows = connection.execute(
            "select customer_id, strftime(timezone('Europe/Berlin', created_at), '%Y-%m-%d'), profiling_consent "
            "from raw.customers order by 1"
        ).fetchall()
    assert rows == [("C1", "2024-01-01", True), ("C2", None, False), ("C3", None, None)]


def test_fault_72_an_order_without_a_date_is_the_same_to_both_counts(shop: Shop, warehouse: Warehouse) -> None:
    shop.execute("set sql_mode = ''", "insert into orders values ('3', 'C3', '0000-00-00 00:00:00', 30)")
    shop.read(warehouse)
    with warehouse.connection() as connection:
        counted = connection.execute(
            "select day, rows_counted, money from raw.source_counts where table_name = 'orders' order by 1"
        ).fetchall()
    assert counted == [("", 1, 30.0), ("2024-05-01", 1, 10.0), ("2024-05-02", 1, 20.0)]


def test_fault_72_doctor_tells_statuses_apart_that_a_collation_does_not(shop: Shop, home: Home) -> None:
    shop.execute("alter table orders add column status varchar(20)", "update orders set status = 'paid'")
    shop.execute("update orders set status = 'PAID' where order_id = '1'")
    shop.select("orders", f"select {COLUMNS}, status from orders")
    profile = shop.doctor(home).profile
    assert profile is not None
    assert {status.status for status in profile.statuses} == {"paid", "PAID"}


def test_fault_72_an_increment_is_read_from_the_look_back_on(shop: Shop, warehouse: Warehouse) -> None:
    shop.execute("alter table orders add column updated_at timestamp null", "update orders set updated_at = ordered_at")
    shop.select("orders", f"select {COLUMNS}, updated_at from orders where updated_at >= :since")
    shop.read(warehouse)
    shop.execute("insert into orders values ('3', 'C3', '2024-05-20 10:00:00', 30, '2024-05-20 10:00:00')")
    shop.read(warehouse)
    shop.read(warehouse)
    with warehouse.connection() as connection:
        loaded = connection.execute(
            "select rows_delivered, rows_held, is_incremental from raw.loads where table_name = 'orders'"
        ).fetchall()
    assert loaded == [(1, 3, True)]


# ------------------------------------------------------------------------------------------------ what is claimed


def test_fault_72_doctor_says_what_the_engine_guarantees_and_names_tables_without_a_snapshot(
    shop: Shop, home: Home
) -> None:
    shop.execute("create table old_orders like orders", "alter table old_orders engine = MyISAM")
    shop.execute("create table not_asked_for (n int) engine = Aria")
    (source,) = shop.doctor(home).findings
    assert "MariaDB" in source.text
    assert engines.MARIADB.snapshot in source.text
    assert engines.MARIADB.timeout in source.text
    shop.select("orders", f"select {COLUMNS} from orders union all select {COLUMNS} from old_orders")
    _, outside = shop.doctor(home).findings
    assert outside.is_warning
    assert "old_orders is a table of MyISAM" in outside.text
    assert "alter table old_orders engine = InnoDB" in outside.next_step


def test_fault_72_doctor_claims_no_snapshot_of_files(shop: Shop, home: Home, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(f"{COLUMNS.replace(' ', '')}\n1,C1,2024-05-01,10\n")
    shop.url = str(tmp_path)
    (source,) = shop.doctor(home).findings
    assert "One moment for all tables: none" in source.text


class Recorded:
    """A connection to a server that is not here, and what it is told."""

    def __init__(self, dialect: str, driver: str, answer: int = 0) -> None:
        self.dialect = SimpleNamespace(name=dialect, driver=driver, is_mariadb=False)
        self.connection = SimpleNamespace(driver_connection=SimpleNamespace(timeout=0))
        self.told: list[str] = []
        self.answer = answer

    def exec_driver_sql(self, statement: str) -> Any:
        self.told.append(statement)
        return SimpleNamespace(scalar=lambda: self.answer)

    def rollback(self) -> None:
        self.told.append("rollback")

    def execution_options(self, **options: str) -> None:
        self.told.append(str(options))


def test_fault_72_mysql_has_its_own_name_for_the_limit() -> None:
    server: Any = Recorded("mysql", "pymysql")
    begin_reading(server, 4)
    assert server.told[0] == (
        "set session max_execution_time = 4000, lock_wait_timeout = 4, innodb_lock_wait_timeout = 4, time_zone = '+00:00'"
    )
    assert server.told[-1] == "start transaction with consistent snapshot, read only"


def test_fault_72_snowflake_is_given_the_limit_of_a_statement() -> None:
    server: Any = Recorded("snowflake", "snowflake")
    begin_reading(server, 4)
    assert server.told == ["alter session set statement_timeout_in_seconds = 4"]


@pytest.mark.parametrize("allows", [True, False])
def test_fault_72_sql_server_reads_a_snapshot_only_where_its_database_allows_it(allows: bool) -> None:
    server: Any = Recorded("mssql", "pyodbc", answer=int(allows))
    begin_reading(server, 4)
    assert ("{'isolation_level': 'SNAPSHOT'}" in server.told) == allows
    assert server.told[-1] == "set lock_timeout 4000"
    assert server.connection.driver_connection.timeout == 4
    assert [bool(gap.next_step) for gap in sessions.gaps(server, "")] == [True] * (not allows)


def test_fault_72_the_readme_has_the_table_that_the_code_has() -> None:
    assert engines.as_markdown() in (PROJECT / "README.md").read_text()


def test_fault_72_nothing_untried_is_said_to_be_tested() -> None:
    tried = {engine.name for engine in engines.ENGINES if engine.is_tried}
    assert tried == {"PostgreSQL", "SQLite", "DuckDB file", "CSV and Parquet files", "MariaDB"}
    assert [e.name for e in engines.ENGINES if not e.is_tried and re.match("a server|files", e.tested)] == []


# ------------------------------------------------------------------------------------------------ addresses


@pytest.mark.parametrize(
    ("address", "package"),
    [
        ("mysql://reader:topsecret@db/shop", "pymysql[rsa]"),
        ("mariadb://reader:topsecret@db/shop", "pymysql[rsa]"),
        ("mysql+mysqldb://reader:topsecret@db/shop", "mysqlclient"),
        ("mssql://reader:topsecret@db/shop", "pymssql"),
        ("mssql://reader:topsecret@db/shop?driver=ODBC+Driver+18+for+SQL+Server", "pyodbc"),
        ("snowflake://reader:topsecret@account/shop/public?warehouse=wh", "snowflake-sqlalchemy"),
        ("bigquery://project/dataset", "sqlalchemy-bigquery"),
        ("oracle://reader:topsecret@db/shop", "oracledb"),
    ],
)
def test_fault_72_a_missing_driver_is_named_for_source_and_second_target(
    address: str, package: str, monkeypatch: pytest.MonkeyPatch, shop_folder: Path, warehouse: Warehouse
) -> None:
    # not there, whatever this machine has
    for module in (
        "pymysql",
        "MySQLdb",
        "pymssql",
        "pyodbc",
        "snowflake.sqlalchemy",
        "sqlalchemy_bigquery",
        "oracledb",
    ):
        monkeypatch.setitem(sys.modules, module, None)
    settings = load_settings(source=str(shop_folder), source_url=address, publish_url=address)
    for use in (
        lambda: extract(settings, warehouse, as_of=AS_OF, run_id="r", started_at=STARTED_AT, progress=lambda *_: None),
        lambda: place_of(settings),
    ):
        with pytest.raises(ConfigurationError) as refused:
            use()
        assert f"needs the package {package}" in refused.value.what
        assert f"`pip install {shlex.quote(package)}`" in refused.value.next_step
        assert "topsecret" not in str(refused.value)


@pytest.fixture
def shop_folder(tmp_path: Path) -> Path:
    (tmp_path / "orders.sql").write_text("select * from orders")
    (tmp_path / "source.toml").write_text('time_zone = "Europe/Berlin"\ncurrency = "EUR"\n')
    return tmp_path


def test_fault_72_postgres_is_postgresql(postgres_url: str) -> None:
    short = re.sub(r"^postgresql\+psycopg", "postgres", postgres_url)
    with engine_of(short, called="CLV_SOURCE_URL").connect() as connection:
        assert connection.scalar(sa.text("select 1")) == 1


def test_fault_72_a_dialect_that_finds_no_credentials_is_refused_without_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_credentials(*arguments: Any, **named: Any) -> None:
        raise RuntimeError("the key of reader@project.example is not there")

    monkeypatch.setattr(sa, "create_engine", no_credentials)
    with pytest.raises(ConfigurationError, match="CLV_PUBLISH_URL cannot be used: RuntimeError") as refused:
        engine_of("bigquery://project/dataset", called="CLV_PUBLISH_URL")
    assert "project.example" not in str(refused.value)


def test_fault_72_a_duckdb_file_is_read_by_our_own_duckdb_unless_somebody_writes_to_it(
    shop_folder: Path, warehouse: Warehouse
) -> None:
    file = shop_folder / "shop.db"
    write = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); "
    rows = "c.execute(\"create table orders as select 1 order_id, 'C1' customer_id, date '2024-05-01' ordered_at, 9.5 amount\")"
    subprocess.run([sys.executable, "-c", write + rows, file], check=True)
    settings = load_settings(source=str(shop_folder), source_url=f"duckdb:///{file}")
    with subprocess.Popen([sys.executable, "-c", write + "print(1, flush=True); input()", file], **_PIPES) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(SourceError, match=r"The DuckDB file .*shop\.db cannot be opened: .*lock"):
            _read(settings, warehouse)
        writer.communicate(b"\n")
    _read(settings, warehouse)
    with warehouse.connection() as connection:
        assert connection.execute("select order_id, amount from raw.orders").fetchall() == [("1", Decimal("9.5"))]


def test_fault_72_a_duckdb_file_is_a_source_and_no_second_target(shop_folder: Path) -> None:
    settings = load_settings(source=str(shop_folder), publish_url="duckdb:////somewhere/shop.duckdb")
    with pytest.raises(ConfigurationError, match="CLV_PUBLISH_URL is a DuckDB file"):
        place_of(settings)
