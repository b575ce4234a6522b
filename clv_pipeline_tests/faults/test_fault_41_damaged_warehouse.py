"""Fault 41: a byte of the warehouse or of its log (WAL) flips, or the log is deleted. The warehouse is built again from the
source, the score history comes back from what is published, and published files never have a log.
"""

import random
import shutil
import signal
from pathlib import Path

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.publishing.recovery import recover
from clv_pipeline.publishing.serving import bundles, read_manifest
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.faults.company import (
    TONIGHT,
    YESTERDAY,
    Company,
    assert_blocked,
    assert_published,
    night,
)
from clv_pipeline_tests.forked import python_process
from clv_pipeline_tests.nights import contents, copy_of, served_whole

#: Builds some tables of a night, each in a transaction of its own, and dies before the log goes into the file.
_BUILD_AND_DIE = """
import os, signal, sys
from pathlib import Path
from clv_pipeline.core.home import Home
from clv_pipeline.publishing.publishing import publish_parameters
from clv_pipeline.core.settings import load_settings
from clv_pipeline.warehouse.sql_models import build, load_layer
from clv_pipeline_tests.conftest import open_warehouse
with open_warehouse(Home(Path(sys.argv[1]))).connection() as connection:
    connection.execute("update scores.history set updated_at = updated_at")
    for model in load_layer("4_published"):
        build(connection, model, publish_parameters(load_settings(source="demo")))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def with_log(good_night: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home whose last run was killed, so that the warehouse has a log of what was built since."""
    home = copy_of(good_night, tmp_path_factory.mktemp("log"))
    killed = python_process(_BUILD_AND_DIE, str(home.root))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert _log(home).stat().st_size > 10_000
    return home


def _log(home: Home) -> Path:
    return home.warehouse.with_name("warehouse.duckdb.wal")


def _flip(file: Path, draw: random.Random) -> None:
    content = bytearray(file.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    file.write_bytes(bytes(content))


def _history(home: Home) -> list[tuple[object, ...]]:
    with open_warehouse(home).connection() as connection:
        return connection.execute("select * from scores.history order by all").fetchall()


def _nights(home: Home) -> list[str]:
    with open_warehouse(home).connection() as connection:
        rows = connection.execute("select distinct as_of_date::varchar from scores.history order by 1").fetchall()
    return [as_of for (as_of,) in rows]


def _source_of_newest(home: Home) -> str:
    manifest = read_manifest(home.published / bundles(home.published)[0])
    assert manifest is not None
    return str(manifest["source_name"])


@pytest.mark.parametrize("damage", ["a byte of the log", "the log is gone", "a byte of the file"])
def test_the_history_is_whole_whatever_was_damaged(
    seed: int, damage: str, with_log: Home, good_night: Home, tmp_path: Path
) -> None:
    home, draw = copy_of(with_log, tmp_path), random.Random(seed)
    before = contents(home.published)
    match damage:
        case "a byte of the log":
            _flip(_log(home), draw)
        case "the log is gone":
            _log(home).unlink()
        case _:
            _flip(home.warehouse, draw)
    for _ in range(2):
        # what only reading finds is found by the first run, which is red, and repaired by the second
        recover(open_warehouse(home), home.published, _source_of_newest(home))
        try:
            history = _history(home)
            break
        except Exception as error:
            assert "damaged" in str(error), error
    assert history == _history(good_night)
    assert contents(home.published) == before
    assert not list(home.published.rglob("*.wal"))


@pytest.mark.chaos
def test_a_night_on_a_damaged_log_sets_the_file_aside_and_publishes(
    company: Company, with_log: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = copy_of(with_log, tmp_path)
    _flip(_log(home), random.Random(1))
    assert_published(night(company, home))
    assert "is moved to" in caplog.text
    assert {f.name for f in home.warehouse.parent.iterdir()} == {"warehouse.duckdb", "set_aside.duckdb"}
    assert _nights(home) == [YESTERDAY, TONIGHT]
    assert not list(home.published.rglob("*.wal"))
    recover(open_warehouse(home), home.published, "any")
    assert not home.warehouse.with_name("set_aside.duckdb").exists(), "its space comes back"


def test_a_page_that_cannot_be_read_makes_one_night_red_and_the_next_one_begins_anew(
    company: Company, yesterday: Home
) -> None:
    with open_warehouse(yesterday).connection() as connection:
        connection.execute("checkpoint")
        ((block,),) = connection.execute(
            "select min(block_id) from pragma_storage_info('raw.loads') where block_id >= 0"
        ).fetchall()
    content = bytearray(yesterday.warehouse.read_bytes())
    content[3 * 4096 + block * 262_144 + 20] ^= 1
    yesterday.warehouse.write_bytes(bytes(content))
    assert_blocked(night(company, yesterday), "extract: ", "is damaged", "moves it away")
    recover(open_warehouse(yesterday), yesterday.published, _source_of_newest(yesterday))
    assert {f.name for f in yesterday.warehouse.parent.iterdir()} == {"warehouse.duckdb", "set_aside.duckdb"}
    assert _nights(yesterday) == [YESTERDAY]


@pytest.mark.chaos
def test_a_warehouse_that_was_removed_is_built_again_with_its_history(company: Company, yesterday: Home) -> None:
    shutil.rmtree(yesterday.warehouse.parent)
    recover(open_warehouse(yesterday), yesterday.published, _source_of_newest(yesterday))
    assert _nights(yesterday) == [YESTERDAY]
    assert served_whole(yesterday) == YESTERDAY
