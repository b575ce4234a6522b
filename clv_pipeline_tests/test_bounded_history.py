"""The score history is bounded: which nights it keeps, in every order of publishing, and what is restored and copied of it."""

import json
import random
import re
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from clv_pipeline.contracts.warehouse import GOOD_NIGHTS, HISTORY
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.publishing.database_target import publish_to_database
from clv_pipeline.publishing.recovery import recover
from clv_pipeline.quality.night_measures import good_nights_before
from clv_pipeline.scoring.kept_nights import DAILY_NIGHTS, kept_nights, other_nights
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, columns_of
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.nights import copy_of, nights_in_history, publish_night, published_rows, served_run

LATEST = date(2026, 7, 1)
YEAR = [LATEST - timedelta(days=n) for n in range(400)]


@pytest.fixture(scope="module")
def long_lived(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return the demo home with a history of 400 nights as an older release kept it, after one night more."""
    home = copy_of(demo_run, tmp_path_factory.mktemp("long"))
    with open_warehouse(home).transaction() as connection:
        _add_nights(connection, YEAR[1:])
    publish_night(home, str(LATEST + timedelta(days=1)))
    return home


def _add_nights(connection: Connection, nights: list[date]) -> None:
    connection.execute(
        """
        insert into scores.history by name
        select history.* replace (night as as_of_date)
        from scores.history cross join (select unnest($nights)::date as night)
        where history.as_of_date = $latest
        """,
        {"nights": nights, "latest": LATEST},
    )
    connection.execute(
        """
        insert into scores.night_totals by name
        select night_totals.* replace (night as as_of_date, strftime(night, '%Y%m%d') || '-old' as run_id)
        from scores.night_totals cross join (select unnest($nights)::date as night)
        where night_totals.as_of_date = $latest
        """,
        {"nights": nights, "latest": LATEST},
    )


def _held(home: Home) -> list[date]:
    with open_warehouse(home).connection() as connection:
        rows = connection.execute("select distinct as_of_date from scores.history order by 1").fetchall()
    return [night for (night,) in rows]


# --- which nights -------------------------------------------------------------------------------------------------------


def test_the_newest_nights_are_kept_and_the_first_one_of_each_month() -> None:
    kept = kept_nights(YEAR)
    assert kept[-DAILY_NIGHTS:] == sorted(YEAR)[-DAILY_NIGHTS:]
    assert {night.day for night in kept[1:-DAILY_NIGHTS]} == {1}
    assert kept[0] == min(YEAR), "the first published night of a month may be any of its days"
    assert len({f"{night:%Y-%m}" for night in kept}) == len({f"{night:%Y-%m}" for night in YEAR})


def test_a_company_that_publishes_once_a_week_keeps_as_many_nights() -> None:
    weekly = [LATEST - timedelta(weeks=n) for n in range(60)]
    assert kept_nights(weekly)[-DAILY_NIGHTS:] == sorted(weekly)[-DAILY_NIGHTS:]


def test_the_order_in_which_nights_are_published_makes_no_difference() -> None:
    shuffled = random.Random(7).sample(YEAR, len(YEAR))
    kept: list[date] = []
    for night in shuffled:
        kept = kept_nights([*kept, night])
    assert kept == kept_nights(YEAR)


# --- a night after 400 --------------------------------------------------------------------------------------------------


def test_warehouse_and_bundle_keep_the_same_nights_of_a_long_history(long_lived: Home) -> None:
    expected = kept_nights([LATEST + timedelta(days=1), *YEAR])
    assert _held(long_lived) == expected
    assert [date.fromisoformat(night) for night in nights_in_history(long_lived)] == expected


def test_a_run_repeated_is_named_by_the_same_nights_as_the_first_one(demo_run: Home, tmp_path: Path) -> None:
    home = copy_of(demo_run, tmp_path)
    tonight = LATEST + timedelta(days=1)
    with open_warehouse(home).transaction() as connection:
        _add_nights(connection, YEAR[1:60])
        first = other_nights(connection, tonight)
    publish_night(home, str(tonight))
    with open_warehouse(home).connection() as connection:
        assert other_nights(connection, tonight) == first
    assert DAILY_NIGHTS <= len(first) < 60


def test_a_backfilled_night_between_two_months_is_published_but_not_kept(long_lived: Home, tmp_path: Path) -> None:
    home = copy_of(long_lived, tmp_path)
    before, old = _held(home), date(2026, 3, 17)
    made = publish_night(home, str(old))
    assert old in {
        night for (night,) in _rows(made.folder / "clv.duckdb", "select distinct as_of_date from customer_clv_history")
    }
    assert _held(home) == before


def _rows(file: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


# --- restoring ----------------------------------------------------------------------------------------------------------


def test_a_lost_warehouse_gets_its_nights_back_but_not_all_of_a_longer_history(
    long_lived: Home, tmp_path: Path
) -> None:
    home = copy_of(long_lived, tmp_path)
    kept, name = _held(home), "parquet/customer_clv_history.parquet"
    bundle = home.published / served_run(home)
    with duckdb.connect() as connection:
        # as an older release would have written it: every night, and no totals
        connection.execute(f"create table kept as {_as_of_old(repr(str(bundle / name)))}")
        connection.execute(
            "insert into kept select kept.* replace (night as as_of_date) from kept "
            "cross join (select unnest($nights)::date as night) where as_of_date = $latest",
            {"nights": sorted({*YEAR} - {*kept}), "latest": LATEST},
        )
        connection.execute("alter table kept drop column segment_definition")
        connection.execute(f"copy kept to '{bundle / name}' (format parquet)")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["sha256"][name] = sha256((bundle / name).read_bytes()).hexdigest()
    del manifest["sha256"]["parquet/predicted_totals.parquet"]
    (bundle / "parquet" / "predicted_totals.parquet").unlink()
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    home.warehouse.unlink()
    recover(open_warehouse(home), home.published, manifest["source_name"])
    assert _held(home) == kept
    assert _totals(home) == [(night, "EUR", f"{night:%Y%m%d}-wide", "m-wide", True, None) for night in kept]


def _as_of_old(relation: str) -> str:
    """Return the query of a score history with the columns that are now only in the night's totals."""
    return f"""
        select *, 'EUR' as currency, 'm-wide' as model_version, strftime(as_of_date, '%Y%m%d') || '-wide' as run_id,
            as_of_date::timestamptz as scored_at, 'd-wide' as segment_definition
        from {relation}
    """


def _totals(home: Home) -> list[tuple[object, ...]]:
    with open_warehouse(home).connection() as connection:
        return connection.execute(
            "select as_of_date, currency, run_id, model_version, scored_at::date = as_of_date, segment_definition "
            "from scores.night_totals order by as_of_date"
        ).fetchall()


def test_a_home_of_an_older_release_gets_the_totals_of_its_nights_and_a_narrow_history(
    long_lived: Home, tmp_path: Path
) -> None:
    home = copy_of(long_lived, tmp_path)
    kept, before = _held(home), {row[0]: row for row in _totals(home)}
    with open_warehouse(home).transaction() as connection:
        connection.execute(f"create or replace table scores.history as {_as_of_old('scores.history')}")
        # the oldest night is older than the totals; those of the others have another shape
        connection.execute("delete from scores.night_totals where as_of_date = $oldest", {"oldest": kept[0]})
        connection.execute("alter table scores.night_totals drop column segment_definition")
    for _ in range(2):
        recover(open_warehouse(home), home.published, "any")
        assert _held(home) == kept
        with open_warehouse(home).connection() as connection:
            assert set(columns_of(connection, HISTORY.name)) == {*HISTORY.column_names()}
        found = {row[0]: row for row in _totals(home)}
        assert found[kept[0]] == (kept[0], "EUR", f"{kept[0]:%Y%m%d}-wide", "m-wide", True, "d-wide")
        assert [found[night][:4] for night in kept[1:]] == [before[night][:4] for night in kept[1:]]
        assert {found[night][5] for night in kept} == {"d-wide"}


def test_the_checks_read_as_many_nights_of_a_long_history_as_of_a_short_one(tmp_path: Path) -> None:
    with open_warehouse(Home(tmp_path)).transaction() as connection:
        tables.create(connection, GOOD_NIGHTS)
        rows = [("shop", night, "r", "rows", "orders", 100.0) for night in YEAR[1:]]
        rows += [("shop", YEAR[300], "r", "acknowledged", "order_value", 1.0)]
        rows += [("shop", night, "r", "acknowledged", "consent", 1.0) for night in YEAR[1:80]]
        tables.append(connection, GOOD_NIGHTS, rows)
        found = good_nights_before(connection, "shop", LATEST)
    nights = [night.as_of for night in found]
    assert nights == [YEAR[300], YEAR[80], *sorted(YEAR[1:64])]
    assert found[0].acknowledged == {"order_value"}


# --- the second target --------------------------------------------------------------------------------------------------


@pytest.fixture
def written() -> Iterator[list[str]]:
    """Return the nights of history rows that are inserted into a target from now on."""
    nights: list[str] = []

    def note(connection: object, cursor: object, statement: str, parameters: object, *rest: object) -> None:
        if statement.startswith("INSERT INTO customer_clv_history") and isinstance(parameters, list):
            nights.extend(str(row[0]) for row in parameters)

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    yield nights
    sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)


def test_the_target_gets_the_new_night_and_loses_the_old_one_and_no_other_row_is_written(
    demo_run: Home, tmp_path: Path, written: list[str]
) -> None:
    home = copy_of(demo_run, tmp_path)
    settings = load_settings(source="demo", publish_url=f"sqlite:///{tmp_path / 'target.db'}")
    with open_warehouse(home).transaction() as connection:
        _add_nights(connection, YEAR[1:DAILY_NIGHTS])
    for night in (1, 2):
        written.clear()
        publish_night(home, str(LATEST + timedelta(days=night)))
        publish_to_database(home.published / "clv.duckdb", settings)
    assert set(written) == {str(LATEST + timedelta(days=2))}
    query = (
        "select history.as_of_date, run_id, count(*), sum(history.predicted_spend) from customer_clv_history as history "
        "inner join predicted_totals as totals using (as_of_date, horizon_days) group by 1, 2 order by 1"
    )
    served = published_rows(home, query)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'target.db'}")
    with engine.connect() as target:
        there = target.execute(sa.text(re.sub(r"(customer_clv_history|predicted_totals)", r"\1_v2", query))).fetchall()
    engine.dispose()
    assert [(str(a), b, c) for a, b, c, _ in there] == [(str(a), b, c) for a, b, c, _ in served]
    assert [round(float(d), 2) for *_, d in there] == [float(d) for *_, d in served]
