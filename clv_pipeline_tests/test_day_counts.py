"""The day of a row is the same where the source counts it and where it is read, or a difference of days alone is no error."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql, sqlite
from sqlalchemy.engine.default import DefaultDialect

from clv_pipeline.core.errors import SourceError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.sources import database_reader
from clv_pipeline.sources.database_reader import DatabaseReader, day_as_text
from clv_pipeline.sources.extraction import ExtractedTable, extract
from clv_pipeline.sources.source_counts import DayCount
from clv_pipeline.warehouse.connection import Warehouse

Counts = dict[str, DayCount] | None


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (sqlite.dialect(), "coalesce(substr(ordered_at, 1, 10), '')"),
        (postgresql.dialect(), "coalesce(substr(CAST(ordered_at AS TEXT), 1, 10), '')"),
        (mysql.dialect(), "coalesce(nullif(left(CAST(ordered_at AS CHAR), 10), '0000-00-00'), '')"),
        (mssql.dialect(), "coalesce(convert(varchar(10), ordered_at, 23), '')"),
        (oracle.dialect(), "coalesce(to_char(ordered_at, 'YYYY-MM-DD'), '')"),
        (DefaultDialect(), "coalesce(substr(CAST(ordered_at AS TEXT), 1, 10), '')"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_no_database_casts_a_time_to_its_own_idea_of_a_date(dialect: sa.Dialect, expected: str) -> None:
    compiled = day_as_text(sa.column("ordered_at"), dialect.name).compile(dialect=dialect)
    assert (str(compiled), compiled.params) == (expected, {})


@pytest.fixture
def extracted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ExtractedTable]:
    """Return a function that extracts five orders from a database whose days are not known to be those of its driver.

    counted: changes what the database counts. select: the SELECT.
    """
    monkeypatch.setattr(database_reader, "_SAME_DAYS", set())
    with sqlite3.connect(tmp_path / "shop.sqlite") as shop:
        shop.execute(
            "create table orders (order_id text, customer_id text, ordered_at text, updated_at text, amount text)"
        )
        days = [f"2024-05-{n:02d} 23:30:00" for n in range(1, 6)]
        shop.executemany("insert into orders values (?, 'c', ?, ?, '10.00')", [(f"o{d}", d, d) for d in days])
    source = tmp_path / "source"
    source.mkdir()
    (source / "source.toml").write_text('time_zone = "Europe/Berlin"\ncurrency = "EUR"\n')
    count = DatabaseReader.count_by_day

    def run(counted: Callable[[Counts], Counts], select: str = "select * from orders") -> ExtractedTable:
        def count_by_day(reader: DatabaseReader, *arguments: Any) -> Counts:
            return counted(count(reader, *arguments))

        monkeypatch.setattr(DatabaseReader, "count_by_day", count_by_day)
        (source / "orders.sql").write_text(select)
        url, home = f"sqlite:///{tmp_path / 'shop.sqlite'}", Home(tmp_path / "home").root
        settings = load_settings(source=str(source), source_url=url, home=home)
        tables = extract(
            settings, Warehouse.of(settings), as_of=date(2024, 6, 1), run_id="r", started_at=datetime(2024, 6, 1, tzinfo=UTC),
            progress=lambda table, rows: None,
        )  # fmt: skip
        return next(table for table in tables if table.name == "orders")

    return run


def a_day_later(counts: Counts) -> Counts:
    """Return the counts as a server in another time zone than its driver has them."""
    assert counts is not None
    return {f"{date.fromisoformat(day) + timedelta(days=1)}": count for day, count in counts.items()}


def one_more(counts: Counts) -> Counts:
    assert counts is not None
    return counts | {"2024-05-05": DayCount(2, 20.0)}


@pytest.mark.parametrize("select", ["select * from orders", "select * from orders where updated_at >= :since"])
def test_rows_on_other_days_are_a_warning_if_none_is_missing(
    extracted: Callable[..., ExtractedTable], select: str
) -> None:
    for _ in range(2):
        table = extracted(a_day_later, select)
        assert table.rows_held == 5
        (warning,) = table.warnings
        assert "2 days have other rows at the source than loaded, but rows and money are the same in total" in warning


@pytest.mark.parametrize("select", ["select * from orders", "select * from orders where updated_at >= :since"])
def test_a_row_that_is_missing_is_an_error_whatever_the_days(
    extracted: Callable[..., ExtractedTable], select: str
) -> None:
    assert extracted(a_day_later, select).rows_held == 5
    with pytest.raises(SourceError, match="orders: 1 days differ between the source and what was loaded from it"):
        extracted(one_more, select)


def test_where_days_are_known_to_be_the_same_a_difference_of_days_is_an_error(
    extracted: Callable[..., ExtractedTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_reader, "_SAME_DAYS", {"sqlite"})
    with pytest.raises(SourceError, match="orders: 2 days differ"):
        extracted(a_day_later)
