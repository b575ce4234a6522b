"""Fault 38: the memory limit is reached. A clear error with the step, the limit and the setting to raise; nothing changes."""

import random

from clv_pipeline.core.errors import ResourceError
from clv_pipeline.core.home import Home
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.faults.company import TONIGHT, Company, assert_blocked, assert_published, night
from clv_pipeline_tests.faults.small_disk import build_again, is_whole_run_due, publish_tonight
from clv_pipeline_tests.nights import contents, served_whole


def test_a_run_whose_memory_is_used_up_says_where_and_what_to_raise(company: Company, yesterday: Home) -> None:
    assert_blocked(
        night(company, yesterday, CLV_MEMORY_LIMIT="4MB"),
        "extract: The memory limit of 4MB is reached", "set CLV_MEMORY_LIMIT higher",
    )  # fmt: skip


def test_whatever_the_limit_a_step_is_done_or_undone(seed: int, company: Company, yesterday: Home) -> None:
    """From a limit under which nothing works, another one for each seed, to one under which the step is done."""
    company.write()
    draw = random.Random(seed)
    work = (build_again, publish_tonight)[seed % 2]
    limit, failures, before = draw.uniform(1, 3), 0, contents(yesterday.published)
    while True:
        short = Warehouse(
            yesterday.warehouse, scratch=yesterday.scratch, writable_folders=[yesterday.published],
            memory_limit=f"{limit:.1f}MB", threads=2,
        )  # fmt: skip
        try:
            work(yesterday, short, company.root)
            break
        except ResourceError as error:
            assert f"The memory limit of {limit:.1f}MB is reached" in error.what
            assert "CLV_MEMORY_LIMIT" in error.next_step
        failures += 1
        assert contents(yesterday.published) == before
        assert list(yesterday.scratch.iterdir()) == []
        limit *= draw.uniform(1.5, 3)
    assert failures > 0
    assert limit < 1000
    publish_tonight(yesterday, open_warehouse(yesterday), company.root)
    assert before.keys() <= contents(yesterday.published).keys()
    assert served_whole(yesterday) == TONIGHT
    if is_whole_run_due(seed):
        assert_published(night(company, yesterday))
