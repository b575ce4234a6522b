"""Fault 39: the disk is full while tables are built. What is served stays, the space comes back, the next run is good."""

import random
import sys

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline_tests.conftest import RULES_RUN, open_warehouse
from clv_pipeline_tests.faults.company import (
    TONIGHT,
    Company,
    Night,
    arguments_of,
    assert_blocked,
    assert_published,
    night,
)
from clv_pipeline_tests.faults.small_disk import build_again, is_whole_run_due, on_small_disk, publish_tonight, work
from clv_pipeline_tests.nights import contents, served_whole

_CLV = "from clv_pipeline.cli import main; main()"


@pytest.mark.chaos
def test_a_run_on_a_full_disk_says_what_is_short_and_the_next_one_heals(company: Company, yesterday: Home) -> None:
    company.write()
    before = contents(yesterday.published)
    command = [sys.executable, "-c", _CLV, "run", "--home", str(yesterday.root), *arguments_of(company, TONIGHT)]
    ran = on_small_disk(yesterday.root, command, free=1_000_000, **RULES_RUN)
    assert_blocked(
        Night(yesterday, TONIGHT, ran.returncode, ran.stdout + ran.stderr, before), "is full", "are free", "needs about"
    )
    assert_published(night(company, yesterday))


def test_wherever_the_space_ends_the_old_tables_stand_and_the_space_comes_back(
    seed: int, company: Company, yesterday: Home
) -> None:
    company.write()
    free = random.Random(seed).randrange(0, 2_500_000)
    before = contents(yesterday.published)
    ran = on_small_disk(yesterday.warehouse.parent, work(build_again, yesterday, company.root), free=free)
    assert ran.returncode == 1, f"{free} bytes were enough: {ran.stderr}"
    for words in (f"The disk of {yesterday.warehouse.parent} is full", "MB are free", "needs about", "Next step: free"):
        assert words in ran.stdout, ran.stdout + ran.stderr
    assert contents(yesterday.published) == before
    assert list(yesterday.scratch.iterdir()) == []

    if is_whole_run_due(seed):
        assert_published(night(company, yesterday))
    warehouse = open_warehouse(yesterday)
    build_again(yesterday, warehouse, company.root)
    publish_tonight(yesterday, warehouse, company.root)
    assert served_whole(yesterday) == TONIGHT
    assert {f.name for f in yesterday.warehouse.parent.iterdir()} == {"warehouse.duckdb"}
