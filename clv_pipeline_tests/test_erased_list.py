"""The second target knows of the list of erased customers: a night with a lost or older list is blocked, on a real PostgreSQL."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from clv_pipeline.core.errors import PrivacyError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.publishing.database_target import publish_to_database
from clv_pipeline.publishing.erased_list import ask_target
from clv_pipeline.sources.tombstones import open_tombstones, tombstones_file
from clv_pipeline_tests.conftest import run_clv_here
from clv_pipeline_tests.faults.company import CANARY_KEY, Company, assert_blocked, healthy, night
from clv_pipeline_tests.nights import served_run

KEY = "a long and random key"
_NUMBER = count(1)


@pytest.fixture
def target(postgres_url: str) -> Iterator[dict[str, str]]:
    """Return the settings of a target of its own."""
    schema = f"erased_{next(_NUMBER)}"
    yield {"publish_url": postgres_url, "publish_schema": schema}
    _execute(postgres_url, f"drop schema if exists {schema}_v2 cascade")


def _execute(url: str, statement: str) -> list[tuple[Any, ...]]:
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


def noted(target: dict[str, str]) -> list[tuple[Any, ...]]:
    return _execute(target["publish_url"], f"select * from {target['publish_schema']}_v2.clv_erased_list")


@pytest.fixture
def demo(tmp_path: Path, target: dict[str, str]) -> Settings:
    """Return settings of the demo company in an empty home, whose list is the home's alone."""
    return load_settings(source="demo", home=tmp_path / "home", hash_key=KEY, **target)


def _gone(settings: Settings) -> None:
    Home(settings.home).tombstones.unlink()


def _older(settings: Settings) -> None:
    _gone(settings)
    open_tombstones(settings).add(["000001"])


def _another(settings: Settings) -> None:
    _gone(settings)
    open_tombstones(settings).add(["000001", "000003"])


def test_the_target_notes_that_there_is_a_list_and_nobody_in_it(
    demo: Settings, target: dict[str, str], demo_run: Home
) -> None:
    bundle = demo_run.published / "clv.duckdb"
    publish_to_database(bundle, demo)
    assert not sa.inspect(sa.create_engine(target["publish_url"])).has_table(
        "clv_erased_list", schema=f"{target['publish_schema']}_v2"
    )
    tombstones = open_tombstones(demo).add(["000001", "000002"])
    assert publish_to_database(bundle, demo) is not None
    assert noted(target) == [(demo.name, 2, tombstones.checksum)]
    assert tombstones.hashes.isdisjoint({tombstones.checksum})
    longer = tombstones.add(["000003"])
    ask_target(demo)
    publish_to_database(bundle, demo)
    assert noted(target) == [(demo.name, 3, longer.checksum)]


@pytest.mark.parametrize(
    ("lose", "says"),
    [(_gone, "is gone"), (_older, "has 1 entries"), (_another, "has 2 entries")],
    ids=["gone", "older", "another"],
)
def test_a_list_that_the_target_knows_better_blocks(
    demo: Settings, target: dict[str, str], demo_run: Home, lose: Callable[[Settings], None], says: str
) -> None:
    bundle = demo_run.published / "clv.duckdb"
    open_tombstones(demo).add(["000001", "000002"])
    publish_to_database(bundle, demo)
    before = noted(target)
    lose(demo)
    for attempt in (lambda: ask_target(demo), lambda: publish_to_database(bundle, demo)):
        with pytest.raises(PrivacyError, match=f"{says}, and the target postgresql.* notes that it had 2") as error:
            attempt()
        assert "restore it from a backup" in error.value.next_step
        assert KEY not in str(error.value)
    assert noted(target) == before
    # what the next step says for a list that was made again on purpose
    _execute(target["publish_url"], f"delete from {target['publish_schema']}_v2.clv_erased_list")
    ask_target(demo)


def test_an_erasure_with_a_short_list_reaches_the_target_and_leaves_the_longer_note(
    demo: Settings, target: dict[str, str], demo_run: Home
) -> None:
    open_tombstones(demo).add(["000001", "000002"])
    publish_to_database(demo_run.published / "clv.duckdb", demo)
    before = noted(target)
    _older(demo)
    assert publish_to_database(demo_run.published / "clv.duckdb", demo, again=True) is not None
    assert noted(target) == before


@pytest.mark.parametrize("url", ["postgresql+psycopg://127.0.0.1:1/bi", "nonsense+driver://h/bi"])
def test_a_target_that_cannot_be_asked_does_not_stop_the_night(tmp_path: Path, url: str) -> None:
    ask_target(load_settings(source="demo", home=tmp_path, publish_url=url))


def test_a_night_with_a_home_and_a_folder_that_were_both_lost_is_blocked(
    tmp_path: Path, target: dict[str, str]
) -> None:
    company, home = Company(tmp_path / "c", tables=healthy(customers=30)), Home(tmp_path / "home")
    environment = {f"CLV_{name.upper()}": value for name, value in target.items()}
    assert night(company, home, **environment).exit_code == 0
    forgotten = run_clv_here(
        "forget", "--yes", "00007", "--home", str(home.root), CLV_HASH_KEY=CANARY_KEY, **environment
    )
    assert forgotten.returncode == 0, forgotten.stdout + forgotten.stderr
    # the number and the address
    assert [entries for _, entries, _ in noted(target)] == [2]
    served = served_run(home)
    for copy in (home.tombstones, tombstones_file(load_settings(source=str(company.folder)))):
        assert copy is not None
        copy.unlink(missing_ok=True)
    blocked = night(company, home, "2024-06-02", **environment)
    assert_blocked(blocked, "is gone, and the target postgresql", "they would come back")
    assert served_run(home) == served
    fresh = night(company, Home(tmp_path / "fresh"), "2024-06-02", **environment)
    assert_blocked(fresh, "is gone, and the target postgresql")
