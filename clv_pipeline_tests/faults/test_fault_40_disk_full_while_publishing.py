"""Fault 40: the disk is full, or read-only, while the bundle is written. What is served stays, nothing half-built is left."""

import random

from clv_pipeline.core.home import Home
from clv_pipeline.publishing.serving import what_is_damaged
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.faults.company import (
    TONIGHT,
    YESTERDAY,
    Company,
    assert_published,
    night,
)
from clv_pipeline_tests.faults.small_disk import is_whole_run_due, on_small_disk, publish_tonight, work
from clv_pipeline_tests.nights import bundle_names, contents, served_whole


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

    if is_whole_run_due(seed):
        assert_published(night(company, yesterday))
    publish_tonight(yesterday, open_warehouse(yesterday), company.root)
    assert served_whole(yesterday) == TONIGHT
