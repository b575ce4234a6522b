"""Faults 32 and 36: the process's time zone and the worker's clock are wrong. A night's output depends on neither."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.warehouse.connection import open_bundle_file
from clv_pipeline_tests.conftest import RULES_RUN, open_warehouse, run_clv
from clv_pipeline_tests.faults.company import CANARY_KEY, TIME_ZONE, YESTERDAY, Company, healthy
from clv_pipeline_tests.nights import contents, served_run, served_whole
from clv_pipeline_tests.warehouse_builders import clean_without_rules, extract_source

#: A clock that is 400 days fast, whoever in the process asks for the time.
_FAST_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static const time_t fast = 400 * 86400L;
int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, now);
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) now->tv_sec += fast;
    return result;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *into) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (into) *into = exact.tv_sec;
    return exact.tv_sec;
}
"""


@pytest.fixture(scope="module")
def elsewhere(good_night: Home, company_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Home]:
    """Return the homes of one night made here, and made in Auckland by a worker whose clock is fast."""
    folder = tmp_path_factory.mktemp("elsewhere")
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a clock can only be put forward for a process where there is a C compiler")
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(_FAST_CLOCK)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    company, there = Company(company_root, healthy(until=YESTERDAY)), Home(folder / "there")
    company.write()
    ran = run_clv(
        "run", "--home", str(there.root), "--source", str(company.folder), "--url", str(company.files),
        "--as-of", YESTERDAY, **RULES_RUN, CLV_HASH_KEY=CANARY_KEY, TZ="Pacific/Auckland", LD_PRELOAD=str(library),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return good_night, there


@pytest.mark.chaos
def test_fault_32_the_night_is_the_same_byte_for_byte_wherever_the_worker_stands(elsewhere: tuple[Home, Home]) -> None:
    here, there = elsewhere
    assert served_whole(there) == YESTERDAY
    assert served_run(there) == served_run(here)
    one, two = (contents(home.published / served_run(home)) for home in elsewhere)
    # a DuckDB file has block addresses of its own; everything else is the same
    own = {"clv.duckdb", "manifest.json"}
    assert {n: h for n, h in two.items() if n not in own} == {n: h for n, h in one.items() if n not in own}


@pytest.mark.chaos
def test_faults_36_and_70_a_clock_400_days_fast_reaches_nothing_that_is_published(elsewhere: tuple[Home, Home]) -> None:
    _, there = elsewhere
    with open_warehouse(there).connection() as connection:
        ((started,),) = connection.execute("select started_at::date from raw.extraction").fetchall()
    assert started > date.today() + timedelta(days=300), "the clock was fast"
    with open_bundle_file(there.published / "clv.duckdb") as connection:
        days = connection.execute(
            "select distinct as_of_date::varchar, scored_at < '2024-06-01', updated_at < '2024-06-01' from customer_clv"
        ).fetchall()
    assert days == [(YESTERDAY, True, True)]
    today = f"{started}".encode()
    dated = [p for p in there.published.rglob("*") if p.suffix in (".json", ".html") and today in p.read_bytes()]
    assert dated == []


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that puts this process into a time zone."""

    def put(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


def test_fault_32_an_order_at_half_past_eleven_at_night_is_of_that_day_wherever_the_process_runs(
    company: Company, in_zone: Any, tmp_path: Path
) -> None:
    company.tables = {"orders": healthy(customers=12)["orders"]}
    late = company.tables["orders"][0]
    late["ordered_at"] = "2024-03-30 23:30:00"
    company.write()
    settings = load_settings(source=str(company.folder), source_url=str(company.files))
    assert settings.time_zone == TIME_ZONE
    seen = {}
    for zone in ("UTC", "America/New_York", "Pacific/Auckland"):
        in_zone(zone)
        warehouse = open_warehouse(Home(tmp_path / zone))
        extract_source(settings, warehouse, date(2024, 6, 1))
        with warehouse.transaction() as connection:
            clean_without_rules(connection, settings)
            seen[zone] = connection.execute("select * from clean.orders order by all").fetchall()
            day = "select order_date::varchar from clean.orders where order_id = $id"
            assert connection.execute(day, {"id": late["order_id"]}).fetchall() == [("2024-03-30",)]
    assert len(seen["UTC"]) == len(company.tables["orders"])
    assert seen["UTC"] == seen["America/New_York"] == seen["Pacific/Auckland"]
