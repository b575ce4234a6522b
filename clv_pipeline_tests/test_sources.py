"""Reading a source: readers, loading and extraction on real PostgreSQL, MariaDB, SQLite, DuckDB, CSV and Parquet.

What the clean rules then make of readable rows is tested in test_quality; the command around it in test_cli.
"""

import hashlib
import logging
import sqlite3
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.errors import ConfigurationError, PipelineError, SourceError, SourceInterrupted
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import ExcludeRule, Settings, load_settings
from clv_pipeline.sources import database_reader, extraction
from clv_pipeline.sources.extraction import ExtractedTable, extract
from clv_pipeline.sources.folder import exclusion_condition, read_selects
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import AS_OF, STARTED_AT, FileSource
from clv_pipeline_tests.mariadb import IS_MARIADB_HERE, new_database

KINDS = ("postgresql", "mariadb", "sqlite", "duckdb", "csv", "parquet")
TRIED_HERE = [kind for kind in KINDS if kind != "mariadb" or IS_MARIADB_HERE]
BERLIN = 'time_zone = "Europe/Berlin"\n'

#: How each kind of source holds a value; SQLite has no decimal, timestamp or boolean, so it holds their text.
TYPES: dict[str, dict[str, Any]] = {
    "postgresql": {
        "text": "text", "numeric": "numeric(18,2)", "double": "double precision", "instant": "timestamptz",
        "local": "timestamp", "integer": "integer", "boolean": "boolean", "date": "date",
    },
    "mariadb": {
        "text": "longtext", "numeric": "decimal(18,2)", "double": "double", "instant": "timestamp(6) null",
        "local": "datetime(6)", "integer": "integer", "boolean": "tinyint(1)", "date": "date",
    },
    "duckdb": {
        "text": "varchar", "numeric": "decimal(18,2)", "double": "double", "instant": "timestamptz", "local": "timestamp",
        "integer": "integer", "boolean": "boolean", "date": "date",
    },
    "sqlite": {
        "text": "text", "numeric": "text", "double": "real", "instant": "text", "local": "text",
        "integer": "integer", "boolean": "text", "date": "text",
    },
    "parquet": {
        "text": pa.string(), "numeric": pa.decimal128(18, 2), "double": pa.float64(),
        "instant": pa.timestamp("us", tz="UTC"), "local": pa.timestamp("us"), "integer": pa.int64(),
        "boolean": pa.bool_(), "date": pa.date32(),
    },
}  # fmt: skip

Row = dict[str, Any]
_SCHEMA_NUMBER = count(1)


@dataclass
class Source:
    """One source of one kind: a folder of SELECTs and the database or files they read."""

    kind: str
    folder: Path
    url: str
    files: Path

    def settings(self, **overrides: Any) -> Settings:
        return load_settings(**{"source": str(self.folder), "source_url": self.url} | overrides)

    def select(self, table: str, sql: str) -> None:
        (self.folder / f"{table}.sql").write_text(sql)

    def write(self, table: str, columns: dict[str, str], rows: Sequence[Row], *, sql: str | None = None) -> None:
        """Replace a table and its SELECT (every column, unless `sql` is given)."""
        ordered = [[row.get(name) for name in columns] for row in rows]
        writers = {
            "postgresql": self._write_server, "mariadb": self._write_server, "sqlite": self._write_sqlite,
            "duckdb": self._write_duckdb, "csv": self._write_csv, "parquet": self._write_parquet,
        }  # fmt: skip
        writers[self.kind](table, columns, ordered)
        self.select(table, sql or f"select {', '.join(columns)} from {table}")

    def execute(self, statement: str) -> None:
        """Run one statement and commit it, on a connection of its own."""
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def _write_server(self, table: str, columns: dict[str, str], rows: list[list[Any]]) -> None:
        types = ", ".join(f"{name} {TYPES[self.kind][kind]}" for name, kind in columns.items())
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"drop table if exists {table}")
            connection.exec_driver_sql(f"create table {table} ({types})")
            if rows:
                places = ", ".join(["%s"] * len(columns))
                if self.kind == "mariadb":
                    # its driver writes a time without its zone
                    connection.exec_driver_sql("set time_zone = '+00:00'")
                connection.exec_driver_sql(f"insert into {table} values ({places})", [tuple(row) for row in rows])

    def _write_duckdb(self, table: str, columns: dict[str, str], rows: list[list[Any]]) -> None:
        types = ", ".join(f"{name} {TYPES['duckdb'][kind]}" for name, kind in columns.items())
        with duckdb.connect(self.url) as connection:
            connection.execute(f"create or replace table {table} ({types})")
            for row in rows:
                connection.execute(f"insert into {table} values ({', '.join('?' * len(columns))})", row)

    def _write_sqlite(self, table: str, columns: dict[str, str], rows: list[list[Any]]) -> None:
        types = ", ".join(f"{name} {TYPES['sqlite'][kind]}" for name, kind in columns.items())
        values = [[_sqlite_value(v) for v in row] for row in rows]
        with closing(sqlite3.connect(self.files / "shop.sqlite")) as connection, connection:
            connection.execute(f"drop table if exists {table}")
            connection.execute(f"create table {table} ({types})")
            connection.executemany(f"insert into {table} values ({', '.join('?' * len(columns))})", values)

    def _write_csv(self, table: str, columns: dict[str, str], rows: list[list[Any]]) -> None:
        lines = [",".join(columns), *(",".join(_csv_value(v) for v in row) for row in rows)]
        (self.files / f"{table}.csv").write_bytes(("\n".join(lines) + "\n").encode())

    def _write_parquet(self, table: str, columns: dict[str, str], rows: list[list[Any]]) -> None:
        schema = pa.schema([(name, TYPES["parquet"][kind]) for name, kind in columns.items()])
        records = [dict(zip(columns, row, strict=True)) for row in rows]
        pq.write_table(pa.Table.from_pylist(records, schema), self.files / f"{table}.parquet")


def _sqlite_value(value: Any) -> Any:
    if isinstance(value, bool):
        return "Y" if value else "N"
    return str(value) if isinstance(value, Decimal | datetime | date) else value


def _csv_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return '"' + value.replace('"', '""') + '"' if isinstance(value, str) else str(value)


@pytest.fixture
def make_source(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Source]:
    """Return a maker of empty sources of one kind."""
    number = count(1)

    def make(kind: str, *, toml: str = BERLIN) -> Source:
        root = tmp_path / f"{kind}_{next(number)}"
        folder, files = root / "selects", root / "files"
        folder.mkdir(parents=True)
        files.mkdir()
        (folder / "source.toml").write_text(toml)
        if kind == "postgresql":
            url = _new_schema(request.getfixturevalue("postgres_url"))
        elif kind == "mariadb":
            url = new_database(request.getfixturevalue("mariadb_url"))
        elif kind == "duckdb":
            url = str(files / "shop.duckdb")
        else:
            url = f"sqlite:///{files / 'shop.sqlite'}" if kind == "sqlite" else str(files)
        return Source(kind, folder, url, files)

    return make


def _new_schema(address: str) -> str:
    schema = f"sources_{next(_SCHEMA_NUMBER)}"
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"create schema {schema}")
    url = sa.make_url(address).update_query_dict({"options": f"-csearch_path={schema}"})
    return url.render_as_string(hide_password=False)


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest, make_source: Callable[..., Source]) -> Source:
    return make_source(request.param)


def night(
    settings: Settings,
    warehouse: Warehouse,
    *,
    started_at: datetime = STARTED_AT,
    progress: Callable[[str, int], None] = lambda table, rows: None,
) -> dict[str, ExtractedTable]:
    tables = extract(settings, warehouse, as_of=AS_OF, run_id="run", started_at=started_at, progress=progress)
    return {table.name: table for table in tables}


def raw(warehouse: Warehouse, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    with warehouse.connection() as connection:
        return connection.execute(f"select {columns} from raw.{table} order by all").fetchall()


ORDER_COLUMNS = {"order_id": "text", "customer_id": "text", "ordered_at": "local", "amount": "numeric"}
CHANGED_COLUMNS = ORDER_COLUMNS | {"updated_at": "local"}
SINCE = "select order_id, customer_id, ordered_at, amount, updated_at from orders where updated_at >= :since"


def order(order_id: str, *, amount: str = "10.00", customer: str = "C1", at: str = "2024-05-01 10:00:00") -> Row:
    return {
        "order_id": order_id, "customer_id": customer, "ordered_at": datetime.fromisoformat(at),
        "amount": Decimal(amount), "updated_at": datetime.fromisoformat(at),
    }  # fmt: skip


CSV_HEAD = "order_id,customer_id,ordered_at,amount\n"
ONE_ORDER = CSV_HEAD + "1,C1,2024-05-01,10.00\n"


# ------------------------------------------------------------------------------------------------ same data everywhere

MANY_ORDER_COLUMNS = {
    "order_id": "text", "order_line_id": "text", "customer_id": "text", "ordered_at": "instant", "product_id": "text",
    "quantity": "double", "amount": "numeric", "status": "text", "updated_at": "local",
}  # fmt: skip
MANY_CUSTOMER_COLUMNS = {
    "customer_id": "text", "created_at": "local", "country": "text", "region": "text", "birth_year": "integer",
    "gender": "text", "acquisition_cost": "numeric", "profiling_consent": "boolean",
}  # fmt: skip
LONG_NAME = "Llanfair" * 1_250
TEXTS = [
    "Zoë 🛒 李", 'say "hi", he said', "two\nlines", "comma, semicolon; tab\t.", "it's", "\\N", "null", LONG_NAME, "%s :since",
]  # fmt: skip


def many_orders() -> list[Row]:
    """Lines whose values a careless reader would change: cents, zeros, zones, clock changes."""
    start = datetime(2024, 3, 30, 22, 15, tzinfo=UTC)
    rows: list[Row] = [
        {"order_id": "00123", "customer_id": "007", "amount": Decimal("999999999999.99"), "quantity": 0.1 + 0.2},
        {"order_id": "00124", "customer_id": None, "amount": Decimal("-0.01"), "quantity": -1.0},
        {"order_id": "00125", "customer_id": "1e5", "amount": Decimal("0.30"), "quantity": None},
        {"order_id": "00126", "customer_id": "true", "amount": Decimal("123456789012.34"), "quantity": 1e-05},
        {"order_id": "00127", "customer_id": "NaN", "amount": None, "quantity": 1e6},
    ]
    for position, row in enumerate(rows):
        row |= {
            "order_line_id": f"{position:02d}",
            "product_id": TEXTS[position],
            "status": "" if position % 2 else None,
            # every hour of the night when Berlin's clocks go forward
            "ordered_at": start + timedelta(hours=position),
            "updated_at": datetime(2024, 10, 26, 23, 30) + timedelta(minutes=position, microseconds=123_456),
        }
    return rows


def many_customers() -> list[Row]:
    return [
        {
            "customer_id": f"{position:04d}",
            "created_at": datetime(2023, 1, 1, 8) + timedelta(days=40 * position),
            "country": ["DE", "", None][position % 3],
            "region": text,
            "birth_year": [1985, None][position % 2],
            "gender": None,
            "acquisition_cost": Decimal("0.10") * position,
            "profiling_consent": [True, False, None][position % 3],
        }
        for position, text in enumerate(TEXTS)
    ]


@pytest.fixture
def same_data(make_source: Callable[..., Source]) -> Iterator[tuple[str, Source]]:
    def sources() -> Iterator[tuple[str, Source]]:
        for kind in TRIED_HERE:
            made = make_source(kind)
            made.write("orders", MANY_ORDER_COLUMNS, many_orders())
            made.write("customers", MANY_CUSTOMER_COLUMNS, many_customers())
            yield kind, made

    return sources()


def test_the_same_data_becomes_the_same_raw_rows_from_every_kind_of_source(
    same_data: Iterator[tuple[str, Source]], warehouse: Warehouse
) -> None:
    seen: dict[str, tuple[Any, Any]] = {}
    for kind, made in same_data:
        night(made.settings(), warehouse)
        seen[kind] = (raw(warehouse, "orders"), raw(warehouse, "customers"))
    assert [len(part) for part in seen["csv"]] == [5, len(TEXTS)]
    for kind in TRIED_HERE:
        assert seen[kind] == seen["csv"], kind


def test_values_arrive_exactly(source: Source, warehouse: Warehouse) -> None:
    source.write("orders", MANY_ORDER_COLUMNS, many_orders())
    source.write("customers", MANY_CUSTOMER_COLUMNS, many_customers())
    night(source.settings(), warehouse)
    lines = raw(warehouse, "orders", "order_id, customer_id, amount, quantity, status, product_id")
    assert [line[:5] for line in lines] == [
        ("00123", "007", Decimal("999999999999.99"), Decimal("0.300000"), None),
        ("00124", None, Decimal("-0.01"), Decimal("-1.000000"), None),
        ("00125", "1e5", Decimal("0.30"), None, None),
        ("00126", "true", Decimal("123456789012.34"), Decimal("0.000010"), None),
        ("00127", None, None, Decimal("1000000.000000"), None),
    ]
    assert [line[5] for line in lines] == TEXTS[:5]
    people = raw(warehouse, "customers", "customer_id, region, country, birth_year, gender, profiling_consent")
    assert [person[1] for person in people] == TEXTS
    assert [person[2:] for person in people[:3]] == [
        ("DE", 1985, None, True), (None, None, None, False), (None, 1985, None, None),
    ]  # fmt: skip


def test_stored_times_with_a_zone_are_that_instant_and_without_one_local_time(
    source: Source, warehouse: Warehouse
) -> None:
    source.write("orders", MANY_ORDER_COLUMNS, many_orders())
    night(source.settings(), warehouse)
    times = raw(
        warehouse, "orders", "order_id, strftime(ordered_at, '%m-%d %H:%M'), strftime(updated_at, '%m-%d %H:%M:%S.%f')"
    )
    assert [t[1] for t in times] == ["03-30 22:15", "03-30 23:15", "03-31 00:15", "03-31 01:15", "03-31 02:15"]
    # 23:30 in Berlin on the summer side of 27 October is 21:30 UTC
    assert times[0][2] == "10-26 21:30:00.123456"


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2024-01-15 12:00:00", "2024-01-15 11:00:00"),
        ("2024-07-15 12:00:00", "2024-07-15 10:00:00"),
        ("2024-07-15", "2024-07-14 22:00:00"),
        ("2024-07-15T12:00:00Z", "2024-07-15 12:00:00"),
        ("2024-07-15 12:00:00+00", "2024-07-15 12:00:00"),
        ("2024-07-15 12:00:00.5-05:30", "2024-07-15 17:30:00"),
        ("2024-07-15T12:00:00+0200", "2024-07-15 10:00:00"),
        # the day clocks go forward: one minute before, the hour that does not exist, one minute after
        ("2024-03-31 01:59:00", "2024-03-31 00:59:00"),
        ("2024-03-31 02:30:00", "2024-03-31 01:30:00"),
        ("2024-03-31 03:00:00", "2024-03-31 01:00:00"),
        # the day clocks go back: before, and after the hour that comes twice
        ("2024-10-27 01:59:00", "2024-10-26 23:59:00"),
        ("2024-10-27 03:00:00", "2024-10-27 02:00:00"),
        (" 2024-02-29 23:30:00 ", "2024-02-29 22:30:00"),
        ("", None),
    ],
)
def test_a_time_as_text_is_read_in_the_zone_of_the_source(
    file_source: Callable[..., FileSource], warehouse: Warehouse, written: str, utc: str | None
) -> None:
    made = file_source(orders=f"{CSV_HEAD}1,C1,{written},10.00\n")
    night(made.settings(), warehouse)
    assert raw(warehouse, "orders", "strftime(ordered_at, '%Y-%m-%d %H:%M:%S')") == [(utc,)]


def test_the_hour_that_comes_twice_keeps_its_date(file_source: Callable[..., FileSource], warehouse: Warehouse) -> None:
    made = file_source(orders=f"{CSV_HEAD}1,C1,2024-10-27 02:30:00,10.00\n")
    night(made.settings(), warehouse)
    (read,) = raw(warehouse, "orders", "strftime(ordered_at, '%Y-%m-%d %H:%M')")[0]
    assert read in ("2024-10-27 00:30", "2024-10-27 01:30")


@pytest.mark.parametrize(
    ("spelling", "meaning"),
    [("Y", True), ("n", False), ("TRUE", True), ("f", False), ("1", True), ("0", False), (" yes ", True), ("", None)],
)
def test_booleans_in_their_usual_spellings(
    file_source: Callable[..., FileSource], warehouse: Warehouse, spelling: str, meaning: bool | None
) -> None:
    made = file_source(orders=ONE_ORDER, customers=f"customer_id,profiling_consent\nC1,{spelling}\n")
    night(made.settings(), warehouse)
    assert raw(warehouse, "customers", "profiling_consent") == [(meaning,)]


@pytest.mark.parametrize("kind", ["sqlite", "parquet"])
def test_nul_inside_text_passes_intact(make_source: Callable[..., Source], warehouse: Warehouse, kind: str) -> None:
    made = make_source(kind)
    made.write("orders", ORDER_COLUMNS, [order("a\x00b"), order("a")])
    night(made.settings(), warehouse)
    assert raw(warehouse, "orders", "order_id") == [("a",), ("a\x00b",)]


def test_bad_utf8_is_set_aside_or_named_and_never_kept_silently(
    file_source: Callable[..., FileSource], warehouse: Warehouse
) -> None:
    made = file_source(orders=ONE_ORDER, customers="")
    (made.files / "customers.csv").write_bytes("customer_id,region\nC1,M\xfcnchen\nC2,Berlin\n".encode("latin-1"))
    try:
        night(made.settings(), warehouse)
    except SourceError as error:
        assert "customers" in str(error)
        assert "utf" in str(error).lower() or "unicode" in str(error).lower()
    else:
        assert ("C2", "Berlin") in raw(warehouse, "customers", "customer_id, region")


def test_float_cents_do_not_drift(make_source: Callable[..., Source], warehouse: Warehouse) -> None:
    made = make_source("sqlite")
    values = [0.1 + 0.2, 0.07 * 100, 19.99 * 3, 1.005 * 1000, -0.1 - 0.2]
    columns = ORDER_COLUMNS | {"amount": "double"}
    made.write("orders", columns, [order(f"{n}") | {"amount": value} for n, value in enumerate(values)])
    night(made.settings(), warehouse)
    assert raw(warehouse, "orders", "order_id, amount") == [
        ("0", Decimal("0.30")), ("1", Decimal("7.00")), ("2", Decimal("59.97")), ("3", Decimal("1005.00")),
        ("4", Decimal("-0.30")),
    ]  # fmt: skip


def test_a_row_of_one_null_is_still_a_row(source: Source, warehouse: Warehouse) -> None:
    source.write("orders", ORDER_COLUMNS, [order("1")])
    rows: list[Row] = [{"customer_id": "C1", "country": "DE"}, {"customer_id": None, "country": "AT"}]
    source.write("customers", {"customer_id": "text", "country": "text"}, rows, sql="select customer_id from customers")
    assert night(source.settings(), warehouse)["customers"].rows_delivered == 2
    assert sorted(raw(warehouse, "customers", "customer_id"), key=str) == [("C1",), (None,)]


# ------------------------------------------------------------------------------------------------ batches


def test_small_batches_give_what_one_batch_gives(
    source: Source, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [order(f"{n:03d}", amount=f"{n}.10", customer=TEXTS[n % 5]) for n in range(20)]
    source.write("orders", ORDER_COLUMNS, [*rows, rows[3], rows[3]])
    whole = night(source.settings(), warehouse)["orders"]
    in_one = raw(warehouse, "orders")
    # PostgreSQL's rows are batched by bytes, every other source's by number
    monkeypatch.setattr(database_reader, "_COPY_BATCH_BYTES", 200)
    batched = night(source.settings(batch_rows=3), warehouse)["orders"]
    assert raw(warehouse, "orders") == in_one
    assert batched == whole
    assert whole.rows_held == 22


@pytest.mark.parametrize("kind", ["sqlite", "csv"])
def test_small_batches_give_what_one_batch_gives_on_an_incremental_night_too(
    make_source: Callable[..., Source], home: Home, tmp_path: Path, kind: str
) -> None:
    made = make_source(kind)
    held = []
    for batch_rows in (1, 100):
        other = Home(tmp_path / f"home_{batch_rows}")
        warehouse = Warehouse(
            other.warehouse, scratch=other.scratch, writable_folders=[], memory_limit="1GB", threads=2
        )
        made.write("orders", CHANGED_COLUMNS, [order("1", at="2024-05-20 10:00:00")], sql=SINCE)
        night(made.settings(batch_rows=batch_rows), warehouse)
        twice = order("2", at="2024-05-21 10:00:00")
        made.write("orders", CHANGED_COLUMNS, [order("1", at="2024-05-20 10:00:00"), twice, twice], sql=SINCE)
        night(made.settings(batch_rows=batch_rows), warehouse)
        held.append(raw(warehouse, "orders", "order_id"))
    assert held[0] == held[1]


# ------------------------------------------------------------------------------------------------ incremental


def first_night(source: Source, warehouse: Warehouse) -> dict[str, ExtractedTable]:
    rows = [
        order("old", at="2024-01-10 10:00:00"),
        order("just before the look-back", at="2024-05-17 11:59:59"),
        order("at the look-back", at="2024-05-17 12:00:00"),
        order("newest", at="2024-05-31 12:00:00"),
    ]
    source.write("orders", CHANGED_COLUMNS, rows, sql=SINCE)
    return night(source.settings(), warehouse)


def changed_rows() -> list[Row]:
    """The rows of the first night: one changed as it should be, two without a word of it, and one new."""
    return [
        order("old", at="2024-01-10 10:00:00", amount="99.00"),
        order("just before the look-back", at="2024-05-17 11:59:59", amount="99.00"),
        order("at the look-back", at="2024-05-17 12:00:00"),
        order("newest", at="2024-05-31 12:00:00", amount="12.00") | {"updated_at": datetime(2024, 6, 1, 9)},
        order("new", at="2024-06-01 20:00:00"),
    ]


def test_the_second_night_reads_the_look_back_and_adds_what_is_new_or_changed(
    source: Source, warehouse: Warehouse
) -> None:
    first = first_night(source, warehouse)["orders"]
    assert (first.is_incremental, first.rows_delivered, first.rows_loaded) == (True, 4, 4)
    source.write("orders", CHANGED_COLUMNS, changed_rows(), sql=SINCE)
    second = night(source.settings(), warehouse, started_at=STARTED_AT + timedelta(days=1))["orders"]
    assert (second.rows_delivered, second.rows_loaded, second.rows_held) == (3, 2, 5)
    assert raw(warehouse, "orders", "order_id, amount") == [
        ("at the look-back", Decimal(10)), ("just before the look-back", Decimal(99)), ("new", Decimal(10)),
        ("newest", Decimal(12)), ("old", Decimal(99)),
    ]  # fmt: skip
    (warning,) = second.warnings
    assert "2 days differ at the source from what was loaded" in warning
    assert "(2024-01-10, 2024-05-17); they were read again" in warning


def test_the_same_night_again_adds_nothing(source: Source, warehouse: Warehouse) -> None:
    first_night(source, warehouse)
    before = raw(warehouse, "orders")
    again = night(source.settings(), warehouse)["orders"]
    assert (again.rows_delivered, again.rows_loaded) == (2, 0)
    assert raw(warehouse, "orders") == before


def test_the_look_back_is_a_setting(make_source: Callable[..., Source], warehouse: Warehouse) -> None:
    made = make_source("sqlite")
    first_night(made, warehouse)
    assert night(made.settings(lookback_days=0), warehouse)["orders"].rows_delivered == 1
    assert night(made.settings(lookback_days=365), warehouse)["orders"].rows_delivered == 4


def test_a_row_dated_in_the_future_does_not_hide_the_rows_to_come(
    make_source: Callable[..., Source], warehouse: Warehouse
) -> None:
    made = make_source("sqlite")
    rows = [order("1", at="2024-05-31 12:00:00"), order("future", at="2099-01-01 00:00:00")]
    made.write("orders", CHANGED_COLUMNS, rows, sql=SINCE)
    night(made.settings(), warehouse)
    made.write("orders", CHANGED_COLUMNS, [*rows, order("next", at="2024-06-02 09:00:00")], sql=SINCE)
    night(made.settings(), warehouse, started_at=STARTED_AT + timedelta(days=2))
    assert ("next",) in raw(warehouse, "orders", "order_id")


def test_a_changed_select_loads_everything_again(source: Source, warehouse: Warehouse) -> None:
    first_night(source, warehouse)
    source.write("orders", CHANGED_COLUMNS, changed_rows(), sql=f"{SINCE} and 1 = 1")
    second = night(source.settings(), warehouse)["orders"]
    assert (second.rows_delivered, second.rows_loaded, second.rows_held) == (5, 5, 5)
    assert ("old", Decimal(99)) in raw(warehouse, "orders", "order_id, amount")


def test_another_address_loads_everything_again(
    make_source: Callable[..., Source], source: Source, warehouse: Warehouse
) -> None:
    first_night(source, warehouse)
    other = make_source(source.kind)
    other.write("orders", CHANGED_COLUMNS, [order("theirs", at="2024-02-01 10:00:00")], sql=SINCE)
    night(source.settings(source_url=other.url), warehouse)
    assert raw(warehouse, "orders", "order_id") == [("theirs",)]


def test_a_raw_table_without_a_column_that_loading_adds_is_loaded_in_full(
    source: Source, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(extraction, "added_columns", lambda table: ("excluded_because", "row_hash"))
        first_night(source, warehouse)
    with warehouse.connection() as connection:
        connection.execute("alter table raw.orders drop column unusable_key")
    second = night(source.settings(), warehouse)["orders"]
    assert (second.is_incremental, second.rows_delivered, second.rows_loaded, second.rows_held) == (True, 4, 4, 4)
    assert raw(warehouse, "orders", "distinct unusable_key") == [(None,)]


@pytest.mark.parametrize("change", ["exclude", "time_zone"])
def test_a_changed_rule_in_source_toml_loads_everything_again(
    make_source: Callable[..., Source], warehouse: Warehouse, change: str
) -> None:
    made = make_source("sqlite")
    first_night(made, warehouse)
    rule = ExcludeRule(table="orders", reason="old order", where="order_id = 'old'")
    changed = made.settings(exclude=[rule]) if change == "exclude" else made.settings(time_zone="UTC")
    assert night(changed, warehouse)["orders"].rows_loaded == 4
    row = next(r for r in raw(warehouse, "orders", "order_id, excluded_because, ordered_at::varchar") if r[0] == "old")
    assert row[1:] == (
        ("old order", "2024-01-10 09:00:00+00") if change == "exclude" else (None, "2024-01-10 10:00:00+00")
    )


def test_an_optional_table_that_is_gone_leaves_no_old_rows(
    make_source: Callable[..., Source], warehouse: Warehouse
) -> None:
    made = make_source("sqlite")
    made.write("orders", ORDER_COLUMNS, [order("1")])
    made.write("customers", {"customer_id": "text"}, [{"customer_id": "C1"}])
    assert night(made.settings(), warehouse)["customers"].rows_held == 1
    (made.folder / "customers.sql").unlink()
    tables = night(made.settings(), warehouse)
    assert (tables["customers"].is_provided, tables["customers"].rows_held) == (False, 0)
    assert set(tables) == set(CONTRACT)


@pytest.mark.parametrize("kind", ["postgresql", "csv", "parquet"])
@pytest.mark.parametrize("condition", ["updated_at::timestamp >= :since", "updated_at::timestamp >= :since::timestamp"])
def test_double_colon_casts_survive_beside_since(
    make_source: Callable[..., Source], warehouse: Warehouse, kind: str, condition: str
) -> None:
    made = make_source(kind)
    sql = f"select order_id::varchar as order_id, customer_id, ordered_at, amount, updated_at from orders where {condition}"
    made.write("orders", CHANGED_COLUMNS, [order("1", at="2024-01-01 10:00:00"), order("2")], sql=sql)
    assert night(made.settings(), warehouse)["orders"].is_incremental
    assert night(made.settings(), warehouse)["orders"].rows_delivered == 1
    assert raw(warehouse, "orders", "order_id") == [("1",), ("2",)]


@pytest.mark.parametrize("condition", ["", " and updated_at >= :since"], ids=["in full", "incremental"])
def test_a_percent_sign_in_a_select_stays_one(source: Source, warehouse: Warehouse, condition: str) -> None:
    # to MySQL || is `or`
    order_id = "concat(order_id, ' 5 %')" if source.kind == "mariadb" else "order_id || ' 5 %'"
    sql = (
        f"select {order_id} as order_id, customer_id, ordered_at, amount, '%s %(x)s %%' as status, updated_at "
        f"from orders where customer_id like 'C%'{condition}"
    )
    source.write("orders", CHANGED_COLUMNS, [order("1"), order("2", customer="D1")], sql=sql)
    night(source.settings(), warehouse)
    assert raw(warehouse, "orders", "order_id, status") == [("1 5 %", "%s %(x)s %%")]


@pytest.mark.parametrize("condition", ["", " and updated_at >= :since"], ids=["in full", "incremental"])
def test_a_colon_inside_a_text_or_a_comment_is_no_parameter(
    source: Source, warehouse: Warehouse, condition: str
) -> None:
    sql = (
        "-- `updated_at >= :since` makes it incremental, :other does not\n"
        "select order_id, customer_id, ordered_at, amount, 'is :paid at 10:30 :since' as status, updated_at\n"
        f"from orders where 1 = 1{condition}"
    )
    source.write("orders", CHANGED_COLUMNS, [order("1")], sql=sql)
    assert night(source.settings(), warehouse)["orders"].is_incremental == bool(condition)
    assert raw(warehouse, "orders", "status") == [("is :paid at 10:30 :since",)]


@pytest.mark.parametrize(
    "ending", [";\n", "\n-- that is all\n", " -- that is all"], ids=["semicolon", "comment", "same line"]
)
def test_a_select_may_end_in_a_semicolon_or_a_comment(source: Source, warehouse: Warehouse, ending: str) -> None:
    source.write("orders", ORDER_COLUMNS, [order("1")], sql=f"select * from orders{ending}")
    assert night(source.settings(), warehouse)["orders"].rows_held == 1


def test_an_unknown_parameter_is_named(file_source: Callable[..., FileSource]) -> None:
    made = file_source(orders=ONE_ORDER, selects={"orders": "select * from orders where ordered_at < :until"})
    with pytest.raises(ConfigurationError, match=r"orders\.sql uses the unknown parameter :until"):
        read_selects(made.settings())


# ------------------------------------------------------------------------------------------------ all or nothing


@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "sqlite"])
def test_all_tables_are_read_in_one_snapshot(
    make_source: Callable[..., Source], warehouse: Warehouse, kind: str
) -> None:
    made = make_source(kind)
    made.write("orders", ORDER_COLUMNS, [order("1", customer="C1"), order("2", customer="C2")])
    made.write("customers", {"customer_id": "text"}, [{"customer_id": "C1"}, {"customer_id": "C2"}])
    if kind == "sqlite":
        made.execute("pragma journal_mode = wal")
    committed: list[int] = []

    def write_in_between(table: str, rows: int) -> None:
        if table == "orders" and not committed:
            made.execute("delete from customers where customer_id = 'C1'")
            made.execute("insert into customers values ('C3')")
            made.execute("insert into orders select '3', 'C3', ordered_at, amount from orders where order_id = '1'")
            committed.append(rows)

    night(made.settings(), warehouse, progress=write_in_between)
    assert committed == [2]
    assert raw(warehouse, "orders", "customer_id") == [("C1",), ("C2",)]
    assert raw(warehouse, "customers", "customer_id") == [("C1",), ("C2",)]
    night(made.settings(), warehouse)
    assert raw(warehouse, "orders", "customer_id") == [("C1",), ("C2",), ("C3",)]
    assert raw(warehouse, "customers", "customer_id") == [("C2",), ("C3",)]


def everything_in_raw(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    return {table: raw(warehouse, table) for table in [*CONTRACT, "loads", "extraction"]}


def test_a_failing_second_table_leaves_yesterdays_raw_untouched(source: Source, warehouse: Warehouse) -> None:
    source.write("orders", ORDER_COLUMNS, [order("1")])
    source.write("customers", {"customer_id": "text"}, [{"customer_id": "C1"}])
    night(source.settings(), warehouse)
    before = everything_in_raw(warehouse)
    source.write("orders", ORDER_COLUMNS, [order("1", amount="77.00"), order("2")])
    source.select("customers", "select customer_id, no_such_column from customers")
    with pytest.raises(SourceError, match=r"customers \(customers\.sql\) failed at the source: .*no_such_column"):
        night(source.settings(), warehouse, started_at=STARTED_AT + timedelta(days=1))
    assert everything_in_raw(warehouse) == before


def test_a_connection_lost_half_way_keeps_nothing_and_says_that_trying_again_may_work(
    make_source: Callable[..., Source], warehouse: Warehouse
) -> None:
    made = make_source("postgresql")
    made.write("orders", ORDER_COLUMNS, [order("1")])
    made.write("customers", {"customer_id": "text"}, [{"customer_id": "C1"}])
    night(made.settings(), warehouse)
    before = everything_in_raw(warehouse)
    made.write("orders", ORDER_COLUMNS, [order("1"), order("2")])

    def cut(table: str, rows: int) -> None:
        made.execute("select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'")

    with pytest.raises(SourceInterrupted, match="connection was lost while reading orders"):
        night(made.settings(), warehouse, progress=cut)
    assert everything_in_raw(warehouse) == before
    assert night(made.settings(), warehouse)["orders"].rows_held == 2


def test_a_query_that_hangs_is_stopped_by_the_timeout(make_source: Callable[..., Source], warehouse: Warehouse) -> None:
    made = make_source("postgresql")
    made.write("orders", ORDER_COLUMNS, [order("1")], sql="select orders.* from orders, pg_sleep(60)")
    with pytest.raises(
        SourceError, match=r"orders\.sql\) took longer than the statement timeout of 1 seconds"
    ) as caught:
        night(made.settings(statement_timeout_seconds=1), warehouse)
    assert not isinstance(caught.value, SourceInterrupted)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "sqlite"])
def test_the_source_is_never_written_to(make_source: Callable[..., Source], warehouse: Warehouse, kind: str) -> None:
    made = make_source(kind)
    made.write("orders", ORDER_COLUMNS, [order("1")])
    made.select("orders", "delete from orders returning order_id, customer_id, ordered_at, amount")
    with pytest.raises(SourceError):
        night(made.settings(), warehouse)
    made.select("orders", "select * from orders")
    assert night(made.settings(), warehouse)["orders"].rows_held == 1


def test_a_select_over_files_sees_nothing_outside_their_folder(
    file_source: Callable[..., FileSource], warehouse: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere.csv").write_text(ONE_ORDER)
    sql = f"select * from read_csv('{tmp_path / 'elsewhere.csv'}')"
    made = file_source(orders=ONE_ORDER, selects={"orders": sql})
    with pytest.raises(SourceError, match=r"orders\.sql\) failed"):
        night(made.settings(), warehouse)


def test_an_empty_orders_table_blocks_and_keeps_yesterdays(source: Source, warehouse: Warehouse) -> None:
    source.write("orders", ORDER_COLUMNS, [order("1")])
    night(source.settings(), warehouse)
    before = everything_in_raw(warehouse)
    source.write("orders", ORDER_COLUMNS, [])
    with pytest.raises(SourceError, match="orders: the source returned no row"):
        night(source.settings(), warehouse)
    assert everything_in_raw(warehouse) == before


def test_an_optional_table_that_is_suddenly_empty_blocks(
    make_source: Callable[..., Source], warehouse: Warehouse
) -> None:
    made = make_source("sqlite")
    made.write("orders", ORDER_COLUMNS, [order("1")])
    made.write("customers", {"customer_id": "text"}, [{"customer_id": f"C{n}"} for n in range(50)])
    night(made.settings(), warehouse)
    before = everything_in_raw(warehouse)
    made.write("customers", {"customer_id": "text"}, [])
    with pytest.raises(PipelineError, match="customers"):
        night(made.settings(), warehouse)
    assert everything_in_raw(warehouse) == before


# ------------------------------------------------------------------------------------------------ e-mail

EMAIL = "alice.arden@example.com"
EMAILS = f"customer_id,email,region\nC1, {EMAIL.upper()} ,Zanzibar-on-Sea\nC2,,Kent\n"


def bytes_below(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("key", [None, "a long and secret key"])
def test_email_is_hashed_with_the_key_absent_without_and_nowhere_in_clear(
    file_source: Callable[..., FileSource], home: Home, warehouse: Warehouse, key: str | None
) -> None:
    made = file_source(orders=ONE_ORDER, customers=EMAILS)
    night(made.settings(hash_key=key), warehouse)
    hashed = hashlib.sha256(f"{key}{EMAIL}".encode()).hexdigest() if key else None
    assert raw(warehouse, "customers", "customer_id, email") == [("C1", hashed), ("C2", None)]
    everything = bytes_below(home.root)
    assert b"Zanzibar-on-Sea" in everything, "text of this table can be found in the bytes at all"
    assert b"alice.arden" not in everything.lower()
    assert b"a long and secret key" not in everything


def test_a_changed_key_hashes_anew_also_what_is_loaded_by_increments(
    make_source: Callable[..., Source], warehouse: Warehouse
) -> None:
    made = make_source("sqlite")
    made.write("orders", ORDER_COLUMNS, [order("1")])
    people: list[Row] = [
        {"customer_id": "C1", "email": EMAIL, "updated_at": datetime(2023, 1, 1)},
        {"customer_id": "C2", "email": None, "updated_at": datetime(2024, 5, 30)},
    ]
    columns = {"customer_id": "text", "email": "text", "updated_at": "local"}
    made.write("customers", columns, people, sql="select * from customers where updated_at >= :since")
    seen = []
    for key in ("first", "second", None):
        night(made.settings(hash_key=key), warehouse)
        seen.append(dict(raw(warehouse, "customers", "customer_id, email"))["C1"])
    assert seen == [
        hashlib.sha256(f"first{EMAIL}".encode()).hexdigest(),
        hashlib.sha256(f"second{EMAIL}".encode()).hexdigest(),
        None,
    ]


# ------------------------------------------------------------------------------------------------ columns


def test_an_unknown_column_is_ignored_with_a_warning(
    file_source: Callable[..., FileSource], warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    made = file_source(orders=CSV_HEAD.replace("amount", "amount,shoe_size") + "1,C1,2024-05-01,10.00,43\n")
    night(made.settings(), warehouse)
    assert "orders: column 'shoe_size' is not in the contract and is ignored" in caplog.text
    assert raw(warehouse, "orders", "order_id, amount") == [("1", Decimal("10.00"))]
    with warehouse.connection() as connection, pytest.raises(Exception, match="shoe_size"):
        connection.execute("select shoe_size from raw.orders")


def test_the_case_of_column_names_does_not_matter(source: Source, warehouse: Warehouse) -> None:
    sql = 'select order_id as "ORDER_ID", customer_id as "Customer_Id", ordered_at, amount as "AMOUNT" from orders'
    source.write("orders", ORDER_COLUMNS, [order("1", amount="12.34")], sql=sql)
    night(source.settings(), warehouse)
    assert raw(warehouse, "orders", "order_id, customer_id, amount") == [("1", "C1", Decimal("12.34"))]


def test_a_missing_required_column_names_the_nearest_one(source: Source, warehouse: Warehouse) -> None:
    sql = "select order_id, customer_id, ordered_at, amount as amounts from orders"
    source.write("orders", ORDER_COLUMNS, [order("1")], sql=sql)
    with pytest.raises(SourceError) as caught:
        night(source.settings(), warehouse)
    assert "orders: the SELECT (orders.sql) lacks the contract column 'amount' (nearest: 'amounts')" in str(
        caught.value
    )
    assert "as amount" in caught.value.next_step


def test_a_file_not_named_after_a_table_names_the_nearest_one(file_source: Callable[..., FileSource]) -> None:
    made = file_source(orders=ONE_ORDER, costumers="customer_id\n1\n")
    with pytest.raises(ConfigurationError, match=r"costumers\.sql is not named after a contract table.*'customers'"):
        read_selects(made.settings())


def test_a_folder_without_orders_is_refused(file_source: Callable[..., FileSource]) -> None:
    made = file_source(customers="customer_id\n1\n")
    with pytest.raises(ConfigurationError, match=r"has no orders\.sql"):
        read_selects(made.settings())


def test_a_select_in_another_encoding_is_a_clear_error(file_source: Callable[..., FileSource]) -> None:
    made = file_source(orders=ONE_ORDER)
    (made.folder / "orders.sql").write_bytes("-- M\xfcnchen\nselect * from orders".encode("latin-1"))
    with pytest.raises(PipelineError, match=r"orders\.sql"):
        read_selects(made.settings())


# ------------------------------------------------------------------------------------------------ values that cannot be read


@pytest.mark.parametrize("amount", ["1.234,56", "12,50", "€12.50", "12.50 EUR", "abc", "99999999999999999.00"])
def test_an_amount_that_is_no_plain_number_blocks_naming_column_count_and_example(
    file_source: Callable[..., FileSource], warehouse: Warehouse, amount: str
) -> None:
    good = "".join(f"{n},C1,2024-05-01,10.00\n" for n in range(2, 1000))
    made = file_source(orders=f'{CSV_HEAD}{good}1000,C1,2024-05-01,"{amount}"\n1001,C1,2024-05-01,"{amount}"\n')
    with pytest.raises(SourceError) as caught:
        night(made.settings(), warehouse)
    shown = amount.replace("abc", "xxx")  # any other word than a currency may be somebody's name
    assert f"orders.amount: 2 values cannot be read as money, for example '{shown}'" in str(caught.value)
    assert "orders.sql" in caught.value.next_step


def test_the_count_of_unreadable_amounts_does_not_depend_on_the_batches(
    file_source: Callable[..., FileSource], warehouse: Warehouse
) -> None:
    bad = "".join(f'{n},C1,2024-05-01,"1.234,56"\n' for n in range(9))
    made = file_source(orders=CSV_HEAD + bad)
    with pytest.raises(SourceError, match="9 values cannot be read as money"):
        night(made.settings(batch_rows=3), warehouse)


@pytest.mark.parametrize("spelling", ["NaN", "inf", "-Infinity", "nan", "", "NULL"])
def test_nan_and_infinity_become_null(
    file_source: Callable[..., FileSource], warehouse: Warehouse, spelling: str
) -> None:
    head = "order_id,customer_id,ordered_at,amount,quantity\n"
    made = file_source(orders=f"{head}1,C1,2024-05-01,{spelling},{spelling}\n2,C1,2024-05-01,5,1\n")
    tables = night(made.settings(), warehouse)
    assert raw(warehouse, "orders", "order_id, amount, quantity") == [("1", None, None), ("2", Decimal(5), Decimal(1))]
    assert tables["orders"].rows_held == 2


def test_float_nan_and_infinity_from_databases_become_null(
    make_source: Callable[..., Source], warehouse: Warehouse
) -> None:
    for kind in ("postgresql", "parquet"):
        made = make_source(kind)
        rows = [order(f"{n}") | {"amount": v} for n, v in enumerate([float("nan"), float("inf"), float("-inf"), 1.5])]
        made.write("orders", ORDER_COLUMNS | {"amount": "double"}, rows)
        night(made.settings(), warehouse)
        assert [r[1] for r in raw(warehouse, "orders", "order_id, amount")] == [None, None, None, Decimal("1.50")], kind


def people(bad: int, of: int) -> str:
    rows = [f"C{n},{'unknown' if n < bad else 1980}" for n in range(of)]
    return "customer_id,birth_year\n" + "\n".join(rows) + "\n"


def test_a_few_unreadable_values_become_null_with_a_warning(
    file_source: Callable[..., FileSource], warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    made = file_source(orders=ONE_ORDER, customers=people(2, 200))
    with caplog.at_level(logging.WARNING):
        night(made.settings(batch_rows=50), warehouse)
    assert "customers.birth_year: 2 unreadable values became null" in caplog.text
    years = [year for (year,) in raw(warehouse, "customers", "birth_year")]
    assert (years.count(None), years.count(1980)) == (2, 198)


def test_many_unreadable_values_mean_a_changed_type_and_block(
    file_source: Callable[..., FileSource], warehouse: Warehouse
) -> None:
    made = file_source(orders=ONE_ORDER, customers=people(3, 200))
    with pytest.raises(SourceError) as caught:
        night(made.settings(batch_rows=50), warehouse)
    assert "customers.birth_year: 3 values cannot be read as integer, for example 'xxxxxxx'" in str(caught.value)
    assert night(made.settings(max_unreadable_share=0.02), warehouse)["customers"].rows_held == 200


def test_a_date_column_in_another_format_blocks(file_source: Callable[..., FileSource], warehouse: Warehouse) -> None:
    made = file_source(orders=f"{CSV_HEAD}1,C1,31.12.2023,10.00\n2,C1,01.02.2024,10.00\n")
    with pytest.raises(SourceError, match=r"orders\.ordered_at: 2 values cannot be read as timestamp, for example '"):
        night(made.settings(), warehouse)


# ------------------------------------------------------------------------------------------------ exclusions


@pytest.mark.parametrize(
    ("where", "excluded"),
    [
        ("customer_id like 'TEST%'", ["1"]),
        ("amount > 1000 and channel = 'staff'", ["3"]),
        ("lower(channel) in ('staff', 'bot') or customer_id = 'TEST1'", ["1", "2", "3"]),
        ("ordered_at < '2024-01-01'", ["4"]),
    ],
)
def test_a_plain_condition_marks_its_rows_with_the_reason(
    file_source: Callable[..., FileSource], warehouse: Warehouse, where: str, excluded: list[str]
) -> None:
    orders = (
        "order_id,customer_id,ordered_at,amount,channel\n1,TEST1,2024-05-01,10,web\n2,C1,2024-05-01,10,Bot\n"
        "3,C1,2024-05-01,2000,staff\n4,C1,2023-05-01,10,web\n"
    )
    toml = f'{BERLIN}[[exclude]]\ntable = \'orders\'\nreason = "it\'s not business"\nwhere = "{where}"\n'
    made = file_source(orders=orders, toml=toml)
    assert night(made.settings(), warehouse)["orders"].rows_held == 4
    marked = raw(warehouse, "orders", "order_id, excluded_because")
    assert {order_id for order_id, why in marked if why == "it's not business"} == set(excluded)
    assert {why for order_id, why in marked if order_id not in excluded} == {None}


def test_an_unusable_key_has_its_code_beside_what_the_company_excludes(
    file_source: Callable[..., FileSource], warehouse: Warehouse
) -> None:
    ids = {"1": "C1", "2": "M\ufffdnchen", "3": "C\x001", "4": "x" * 501, "5": "x" * 500}
    orders = CSV_HEAD + "".join(f"{order_id},{who},2024-05-01,10.00\n" for order_id, who in ids.items())
    toml = f"{BERLIN}[[exclude]]\ntable = 'orders'\nreason = 'odd order'\nwhere = \"order_id in ('1', '2')\"\n"
    night(file_source(orders=orders, toml=toml).settings(), warehouse)
    assert raw(warehouse, "orders", "order_id, excluded_because, unusable_key") == [
        ("1", "odd order", None),
        ("2", "odd order", "key_not_utf8"),
        ("3", None, "key_with_nul"),
        ("4", None, "key_too_long"),
        ("5", None, None),
    ]


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        ("customer_id in (select customer_id from raw.customers)", "sub-query"),
        ("exists (select 1)", "sub-query"),
        ("amount > (select 1 union select 2)", "sub-query"),
        ("shoe_size > 43", "no column 'shoe_size'"),
        ("amuont > 43", r"no column 'amuont' \(nearest: 'amount'\)"),
        ('orders"; drop table x', "is not one SQL condition|no column"),
        ("1 = 1; drop table raw.orders", "is not one SQL condition"),
        ("amount > ", "is not one SQL condition"),
        ("", "is not one SQL condition"),
        ("true) or (true", "is not one SQL condition"),
    ],
)
def test_anything_but_one_plain_condition_is_rejected(where: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        exclusion_condition(ExcludeRule(table="orders", reason="my reason", where=where))
    assert "[[exclude]] 'my reason' in source.toml" in str(caught.value)


def test_a_condition_on_an_unknown_table_names_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown table 'order' \(nearest: 'orders'\)"):
        exclusion_condition(ExcludeRule(table="order", reason="r", where="amount > 1"))


@pytest.mark.parametrize("where", ["amount = 'staff'", "elsewhere.amount > 1", "no_such_function(amount) > 1"])
def test_a_condition_the_warehouse_cannot_evaluate_names_the_rule(
    file_source: Callable[..., FileSource], warehouse: Warehouse, where: str
) -> None:
    toml = f"{BERLIN}[[exclude]]\ntable = 'orders'\nreason = 'staff order'\nwhere = \"{where}\"\n"
    with pytest.raises(PipelineError, match="staff order"):
        night(file_source(orders=ONE_ORDER, toml=toml).settings(), warehouse)


# ------------------------------------------------------------------------------------------------ addresses and secrets


def everything_said(error: BaseException, caplog: pytest.LogCaptureFixture) -> str:
    return "".join(traceback.format_exception(error)) + caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://reader:topsecret@127.0.0.1:1/shop",
        "postgresql+psycopg://127.0.0.1:1/shop?user=reader&password=topsecret",
        "postgresql+psycopg://reader:pre@topsecret@127.0.0.1:1/shop",
        "postgresql+psycopg://reader:topsecret@127.0.0.1:port/shop",
        "postgres://reader:topsecret@127.0.0.1:1/shop",
        "mysql://reader:topsecret@127.0.0.1:1/shop",
        "mariadb://reader:topsecret@127.0.0.1:port/shop",
        "mssql://reader:topsecret@127.0.0.1/shop",
        "snowflake://reader:topsecret@account/shop",
        "bigquery://reader:topsecret@project/dataset",
        "duckdb:///nowhere/shop.duckdb?motherduck_token=topsecret",
        "nosuchdatabase://reader:topsecret@127.0.0.1/shop",
        "mssql+nosuchdriver://reader:topsecret@127.0.0.1/shop",
        pytest.param(
            "sqlite:////nowhere/topsecret@x.sqlite?password=topsecret",
            # SQLAlchemy says that SQLite takes no such argument
            marks=pytest.mark.filterwarnings("ignore:Query string argument"),
        ),
        "reader:topsecret@127.0.0.1/shop",
        "://reader:topsecret@",
    ],
)
def test_a_password_is_in_no_error_and_no_log(
    file_source: Callable[..., FileSource], warehouse: Warehouse, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    folder = file_source(orders=ONE_ORDER).folder
    settings = load_settings(source=str(folder), source_url=url, connect_tries=1)
    assert "topsecret" not in repr(settings)
    with caplog.at_level(logging.DEBUG), pytest.raises(PipelineError) as caught:
        night(settings, warehouse)
    said = everything_said(caught.value, caplog).replace("/nowhere/topsecret@x.sqlite", "")
    assert "topsecret" not in said
    assert caught.value.next_step


def test_a_password_is_not_in_the_error_of_a_failing_select_nor_in_the_warehouse(
    make_source: Callable[..., Source], home: Home, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    made = make_source("postgresql")
    made.url = sa.make_url(made.url).set(password="topsecret").render_as_string(hide_password=False)
    made.write("orders", ORDER_COLUMNS, [order("1")])
    with caplog.at_level(logging.DEBUG):
        night(made.settings(), warehouse)
        made.select("orders", "select broken from orders")
        with pytest.raises(SourceError) as caught:
            night(made.settings(), warehouse)
    assert "topsecret" not in everything_said(caught.value, caplog)
    assert b"topsecret" not in bytes_below(home.root)


def test_a_database_that_is_down_is_tried_again_a_bounded_number_of_times(
    file_source: Callable[..., FileSource], warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    made = file_source(orders=ONE_ORDER)
    settings = load_settings(
        source=str(made.folder), source_url="postgresql+psycopg://reader@127.0.0.1:1/shop", connect_tries=2
    )
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:1/shop cannot be reached after 2 tries"):
        night(settings, warehouse)
    assert [r.getMessage().split(":")[0] for r in caplog.records] == ["source not reachable (try 1 of 2)"]


def test_a_refused_login_is_not_tried_again(
    make_source: Callable[..., Source], warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    made = make_source("postgresql")
    made.write("orders", ORDER_COLUMNS, [order("1")])
    nobody = sa.make_url(made.url).set(username="nobody_here", password="topsecret")
    with pytest.raises(SourceError, match="refused the login") as caught:
        night(made.settings(source_url=nobody.render_as_string(hide_password=False)), warehouse)
    assert "nobody_here" in str(caught.value)
    assert "topsecret" not in everything_said(caught.value, caplog)
    assert not caplog.records, "no second try"


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (None, "No source given"),
        ("", "No source given"),
        ("sqlite:////nowhere/shop.sqlite", r"SQLite file /nowhere/shop\.sqlite does not exist"),
        ("/nowhere/files", "/nowhere/files does not exist"),
    ],
)
def test_an_address_that_leads_nowhere_says_so(
    file_source: Callable[..., FileSource], warehouse: Warehouse, url: str | None, complaint: str
) -> None:
    made = file_source(orders=ONE_ORDER)
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        night(load_settings(source=str(made.folder), source_url=url), warehouse)
    assert "--url" in caught.value.next_step or "folder" in caught.value.next_step


def test_an_empty_folder_and_a_file_that_is_not_what_its_ending_says(
    file_source: Callable[..., FileSource], warehouse: Warehouse, tmp_path: Path
) -> None:
    made = file_source(orders=ONE_ORDER)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="No CSV or Parquet file"):
        night(load_settings(source=str(made.folder), source_url=str(tmp_path / "empty")), warehouse)
    (made.files / "orders.parquet").write_bytes(b"PAR1 half a file")
    with pytest.raises(SourceError, match=r"2 files could be the table 'orders': orders\.csv, orders\.parquet"):
        night(made.settings(), warehouse)
    (made.files / "orders.csv").unlink()
    with pytest.raises(SourceError, match=r"orders\.parquet cannot be read as Parquet"):
        night(made.settings(), warehouse)


# --------------------------------------------------------------------------- counted at the source (faults 35 and 65)


def test_fault_65_a_select_that_returns_other_rows_each_time_is_red_with_both_counts(
    make_source: Callable[..., Source], warehouse: Warehouse
) -> None:
    made = make_source("sqlite")
    made.write("orders", ORDER_COLUMNS, [order(f"{n}") for n in range(200)])
    made.select("orders", "select * from orders where random() % 2 = 0")
    with pytest.raises(
        SourceError, match=r"orders: 1 days differ .* rows \([\d,.]+\) at the source, \d+ rows \([\d,.]+\) loaded"
    ):
        night(made.settings(), warehouse)


def test_fault_35_a_line_deleted_at_an_incremental_source_is_gone_the_same_night(
    source: Source, warehouse: Warehouse
) -> None:
    first_night(source, warehouse)
    left = [row for row in changed_rows()[2:] if row["order_id"] != "new"]
    source.write("orders", CHANGED_COLUMNS, left, sql=SINCE)
    second = night(source.settings(), warehouse, started_at=STARTED_AT + timedelta(days=1))["orders"]
    assert raw(warehouse, "orders", "order_id") == [("at the look-back",), ("newest",)]
    (warning,) = second.warnings
    assert "2 days differ at the source from what was loaded" in warning
    with warehouse.connection() as connection:
        loads = connection.execute(
            "select rows_held, rows_at_source from raw.loads where table_name = 'orders'"
        ).fetchall()
    assert loads == [(2, 2)]


def test_fault_65_what_the_source_counts_is_kept_by_day(source: Source, warehouse: Warehouse) -> None:
    source.write("orders", ORDER_COLUMNS, [order("1", at="2024-05-30 10:00:00"), order("2", at="2024-05-31 10:00:00")])
    night(source.settings(), warehouse)
    counted = raw(warehouse, "source_counts", "table_name, day, rows_counted, money, rows_erased")
    assert counted == [("orders", "2024-05-30", 1, 10.0, 0), ("orders", "2024-05-31", 1, 10.0, 0)]
