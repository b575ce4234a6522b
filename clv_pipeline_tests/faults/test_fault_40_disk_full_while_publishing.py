"""Fault 40: the disk is full, or read-only, while the bundle is written. What is served stays, nothing half-built is left."""

import random
import sys

from clv_pipeline.home import Home
from clv_pipeline.serving import what_is_damaged
from clv_pipeline_tests.conftest import RULES_RUN, open_warehouse
from clv_pipeline_tests.faults.company import (
    TONIGHT,
    YESTERDAY,
    Company,
    Night,
    arguments_of,
    assert_blocked,
    assert_published,
    night,
)
from clv_pipeline_tests.faults.small_disk import on_small_disk, publish_tonight, work
from clv_pipeline_tests.nights import bundle_names, contents, served_whole

_CLV = "from clv_pipeline.cli import main; main()"


def test_a_run_that_cannot_write_its_bundle_says_why_and_the_next_one_heals(company: Company, yesterday: Home) -> None:
    company.write()
    before = contents(yesterday.published)
    command = [sys.executable, "-c", _CLV, "run", "--home", str(yesterday.root), *arguments_of(company, TONIGHT)]
    ran = on_small_disk(yesterday.published, command, free=0, read_only=True, **RULES_RUN)
    assert_blocked(
        Night(yesterday, TONIGHT, ran.returncode, ran.stdout + ran.stderr, before),
        "published.bundle", f"{yesterday.published} cannot be written", "needs about",
    )  # fmt: skip
    assert_published(night(company, yesterday))


def test_wherever_the_space_ends_what_is_served_stays_and_the_space_comes_back(
    seed: int, company: Company, yesterday: Home
) -> None:
    draw = random.Random(seed)
    free, read_only = draw.randrange(0, 7_000_000), seed % 5 == 1
    before = contents(yesterday.published)
    ran = on_small_disk(
        yesterday.published, work(publish_tonight, yesterday, company.root), free=free, read_only=read_only
    )
    assert ran.returncode == 1, f"{free} bytes were enough: {ran.stderr}"
    words = f"{yesterday.published} cannot be written" if read_only else f"The disk of {yesterday.published} is full"
    for said in (words, "needs about", "Next step: "):
        assert said in ran.stdout, ran.stdout + ran.stderr
    assert served_whole(yesterday) == YESTERDAY
    assert list(yesterday.published.glob(".*")) == []
    # where only the served copy found no room the whole bundle is there, and the next run serves it
    after = contents(yesterday.published)
    assert {n: h for n, h in after.items() if n in before} == before
    for name in bundle_names(yesterday):
        assert what_is_damaged(yesterday.published / name) is None

    publish_tonight(yesterday, open_warehouse(yesterday), company.root)
    assert served_whole(yesterday) == TONIGHT
