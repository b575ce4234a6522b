"""Fault 44: a BI tool holds the served file all night. Publishing succeeds, and a tool that reopens it sees the new one."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.publishing.serving import roll_back
from clv_pipeline_tests.nights import copy_of, publish_night, served_whole

YESTERDAY, TONIGHT, TOMORROW = "2026-07-01", "2026-07-02", "2026-07-03"

#: A tool in a process of its own: opens the file (read-only or, badly behaved, for writing) and does what it is told.
_TOOL = """
import sys
import duckdb
path, mode = sys.argv[1:]
def attach():
    return duckdb.connect(path, read_only=mode == "read")
connection = attach()
if mode == "write":
    connection.execute("set checkpoint_threshold = '1GB'; create table scratch as select 1 as i")
print("in", flush=True)
for line in sys.stdin:
    if line.strip() == "again":
        connection.close()
        connection = attach()
    print(connection.execute("select as_of_date::varchar from clv_run").fetchone()[0], flush=True)
"""


class Tool:
    """The tool's process: `ask` returns the as_of it sees, before or after attaching again."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, what: str = "now") -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def tool(home: Home, mode: str) -> Iterator[Tool]:
    process = subprocess.Popen(
        [sys.executable, "-c", _TOOL, str(home.published / "clv.duckdb"), mode],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    try:
        if process.stdout.readline() != "in\n":
            raise PermissionError(process.stderr.read())
        yield Tool(process)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def home(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return copy_of(demo_run, tmp_path_factory.mktemp("held"))


def test_a_reader_keeps_its_file_all_night_and_sees_the_new_one_when_it_attaches_again(home: Home) -> None:
    with tool(home, "read") as reader, tool(home, "read") as other:
        assert reader.ask() == YESTERDAY
        assert publish_night(home, TONIGHT).is_served
        assert served_whole(home) == TONIGHT
        assert reader.ask() == YESTERDAY, "what it had open stays whole"
        assert reader.ask("again") == TONIGHT
        roll_back(home)
        assert (reader.ask(), other.ask()) == (TONIGHT, YESTERDAY)
        assert reader.ask("again") == YESTERDAY
    assert served_whole(home) == YESTERDAY


@pytest.mark.chaos
def test_a_tool_that_has_it_open_for_writing_stops_no_night_and_spoils_no_file(home: Home) -> None:
    """The served file is read-only, which stops everybody but root; root's tool must do no harm either."""
    publish_night(home, TONIGHT)
    assert (home.published / "clv.duckdb").stat().st_mode & 0o222 == 0
    try:
        with tool(home, "write") as writer:
            assert (home.published / "clv.duckdb.wal").exists()
            assert publish_night(home, TOMORROW).is_served
            assert served_whole(home) == TOMORROW
            assert writer.ask() == TONIGHT
        assert served_whole(home) == TOMORROW
    except PermissionError as error:
        assert "Permission denied" in str(error)
    publish_night(home, TOMORROW)
    assert served_whole(home) == TOMORROW


def test_every_reader_sees_the_night_it_attached_in(seed: int, yesterday: Home) -> None:
    """In any order of publishing, going back, looking and attaching again."""
    draw, served, nights = random.Random(seed), "2024-05-31", ["2024-06-01", "2024-06-02"]
    with tool(yesterday, "read") as one, tool(yesterday, "read") as other:
        attached = {one: served, other: served}
        for _ in range(8):
            match draw.choice(["publish", "back", "ask", "again", "again"]):
                case "publish" if nights:
                    served = nights.pop(0)
                    assert publish_night(yesterday, served).is_served
                case "back" if served != "2024-05-31":
                    roll_back(yesterday)
                    served = str(served_whole(yesterday))
                case "again":
                    reader = draw.choice([one, other])
                    attached[reader] = served
                    assert reader.ask("again") == served
                case _:
                    reader = draw.choice([one, other])
                    assert reader.ask() == attached[reader]
        assert served_whole(yesterday) == served
        assert publish_night(yesterday, "2024-06-03").is_served
        assert [reader.ask("again") for reader in (one, other)] == ["2024-06-03"] * 2
