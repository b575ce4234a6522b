"""`clv explain-run`: what a run read, refused, changed and published, of a green, a red, a killed and an unknown one."""

import io
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from clv_pipeline.contracts.reasons import DELIVERED_TWICE, UNKNOWN_STATUS
from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.core.home import Home
from clv_pipeline.diagnostics.run_record import (
    Cause,
    CheckOutcome,
    NotAccepted,
    RunRecord,
    Step,
    TableRead,
    changes,
)
from clv_pipeline.diagnostics.run_story import print_story
from clv_pipeline.orchestration.history import newest_run
from clv_pipeline.orchestration.run_records import read_run
from clv_pipeline.orchestration.ui import address_of
from clv_pipeline_tests.conftest import FileSource, run_clv_here
from clv_pipeline_tests.nights import copy_of, served_run
from clv_pipeline_tests.test_status import ORDERS

ANCHOR = "docs/runbook.md#order_volume"
NIGHT = datetime(2024, 6, 1, 2, 30, tzinfo=UTC)
ORDERS_READ = TableRead("orders", 1000, 1000, 5000.0, 40, 30, ("order_id", "amount"), "abc")
GREEN = RunRecord(
    "11111111-0", "nightly", "success", "every_night", NIGHT - timedelta(days=1), NIGHT - timedelta(days=1, minutes=-3),
    "2024-05-31", 3, steps=(Step("extract", "raw", 5.0), Step("clean/orders", "clean", 9.0)), tables=(ORDERS_READ,),
    not_accepted=(NotAccepted("orders", "duplicate", DELIVERED_TWICE.text, 12, "100.00"),),
    settings={"seed": 7, "horizons": [90]}, code="c1", champion={"version": "v1", "why": "no: no training is due"},
)  # fmt: skip
TONIGHT = replace(
    GREEN, run_id="22222222-0", created_at=NIGHT, ended_at=NIGHT + timedelta(minutes=2), as_of="2024-06-01"
)


def story(home: Home, run: RunRecord, before: RunRecord | None = GREEN, address: str = "") -> str:
    console = Console(file=io.StringIO(), width=80, soft_wrap=True)
    print_story(console, home, run, before, address)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def explained(home: Home, *arguments: str) -> str:
    ran = run_clv_here("explain-run", "--home", str(home.root), *arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


# --- records made by hand -----------------------------------------------------------------------------------------------------


def test_every_kind_of_change_is_a_line() -> None:
    now = replace(
        TONIGHT, settings={"seed": 8, "horizons": [90]}, code="c2", champion={"version": "v2", "why": "the month is over"},
        tables=(replace(ORDERS_READ, columns=("order_id", "channel"), select="def"),),
    )  # fmt: skip
    assert changes(now, GREEN) == [
        "setting seed: 7 -> 8",
        "code: another release, or its SQL was changed",
        "SELECT of orders: its SQL was changed",
        "orders: columns appeared: channel",
        "orders: columns vanished: amount",
        "model: v1 -> v2, the month is over",
    ]
    assert changes(TONIGHT, GREEN) == []


def test_a_fall_of_rows_is_marked_and_a_usual_rise_is_not(tmp_path: Path) -> None:
    fewer = replace(TONIGHT, tables=(replace(ORDERS_READ, rows_at_source=400, money=5010.0),))
    (line,) = [line for line in story(Home(tmp_path), fewer).splitlines() if line.startswith("  orders ")]
    assert line.split() == ["orders", "400", "1,000", "-600", "!", "5,010", "5,000", "+10", "30"]


def test_reasons_that_the_run_before_did_not_have_come_first(tmp_path: Path) -> None:
    new = NotAccepted("orders", "quarantined", UNKNOWN_STATUS.text, 5, "9.00")
    lines = story(Home(tmp_path), replace(TONIGHT, not_accepted=(*GREEN.not_accepted, new))).splitlines()
    first = lines.index("Not accepted") + 1
    assert lines[first] == f"  new: orders: 5 rows (9.00) quarantined: {UNKNOWN_STATUS.text}"
    assert lines[first + 1] == f"  orders: 12 rows (100.00) duplicate, 12 before: {DELIVERED_TWICE.text}"


def test_a_killed_run_says_so_with_the_step_that_was_running(tmp_path: Path) -> None:
    killed = replace(
        TONIGHT, status="killed", ended_at=None, tables=(), not_accepted=(), planned=40,
        steps=(*GREEN.steps, Step("training/tuning", "training", None)),
    )  # fmt: skip
    text = story(Home(tmp_path), killed)
    assert "red: it was killed" in text
    assert "no end was noted" in text
    assert "the run: its process ended without an error message: it was killed" in text
    assert "in the step training/tuning" in text
    assert "then: 37 of 40 steps did not begin" in text
    assert "Served meanwhile: nothing: no run has published yet" in text


def test_a_red_run_has_its_first_cause_then_consequences_and_the_guilty_segment(tmp_path: Path) -> None:
    segment = {"text": "channel = 'web' holds 96% of the 412 missing orders", "name": "channel = 'web'"}
    causes = (
        Cause("quality/night (check order_volume)", "check order_volume: 8 orders", "fix the source", ANCHOR, (segment,)),
        Cause("scores/customer_scores", "there is no table", "", ""),
    )  # fmt: skip
    check = CheckOutcome(
        "quality/night order_volume", True, "8 orders", segment["text"], "docs/runbook.md#order_volume", False
    )
    text = story(Home(tmp_path), replace(TONIGHT, status="failure", causes=causes, checks=(check,)))
    lines = text.splitlines()
    first = lines.index("First cause")
    assert lines[first + 1] == "  quality/night (check order_volume): check order_volume: 8 orders"
    assert lines[first + 2] == f"  {segment['text']}"
    assert lines[first + 3] == "  Next step: fix the source"
    assert lines[first + 5] == "  then: scores/customer_scores: there is no table"
    assert "1 failed" in text


def test_the_page_of_the_run_is_named_while_a_dagster_ui_is_open(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert address_of(home) == ""
    noted = home.dagster / "ui.json"
    noted.write_text(json.dumps({"url": "http://127.0.0.1:3000", "process": os.getpid()}))
    assert address_of(home) == "http://127.0.0.1:3000"
    assert f"In the Dagster UI: http://127.0.0.1:3000/runs/{TONIGHT.run_id}" in story(
        home, TONIGHT, address=address_of(home)
    )
    noted.write_text(json.dumps({"url": "http://127.0.0.1:3000", "process": 2**22 + 1}))
    assert address_of(home) == ""


# --- real runs -----------------------------------------------------------------------------------------------------------------


def test_a_green_run_is_told_from_its_history_by_number_bundle_or_nothing(demo_run: Home) -> None:
    text = explained(demo_run)
    bundle, run = served_run(demo_run), newest_run(demo_run)
    assert run is not None
    assert text.startswith(f"nightly {run.run_id}: green\n")
    assert "as of 2026-07-01; started by the command line" in text
    assert f"bundle {bundle} (served now)" in text
    for expected in (
        "it is the first run of this home",
        "\n  orders ",
        "staff order",
        "predicted spend: ",
        "segments: ",
    ):
        assert expected in text
    assert explained(demo_run, run.run_id[:8]) == explained(demo_run, bundle) == text
    assert len(text.splitlines()) < 50
    assert "@" not in text


def test_an_unknown_run_is_answered_with_the_newest_ones(demo_run: Home, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There is no run '20260701-nothing' in this home") as refused:
        read_run(demo_run, "20260701-nothing")
    assert f"(nearest: '{served_run(demo_run)}')" in refused.value.what
    assert "success); or `latest`" in refused.value.next_step
    with pytest.raises(ConfigurationError, match="There is no run in this home yet"):
        read_run(Home(tmp_path / "empty"), "latest")


def test_a_red_run_is_told_although_it_published_nothing(
    demo_run: Home, tmp_path: Path, file_source: Callable[..., FileSource]
) -> None:
    home = copy_of(demo_run, tmp_path / "red")
    source = file_source(orders=ORDERS, toml='name = "Demo company"\nas_of = "2026-07-01"\n')
    folder = source.folder.rename(tmp_path / "demo")
    run_clv_here(
        "run", "--home", str(home.root), "--source", str(folder), "--url", str(source.files), "--as-of", "2024-06-01"
    )
    text = explained(home)
    assert ": red\n" in text
    cause = text.index(
        "clean/orders (check reconciliation): clean.orders was not replaced: 12 of 60 rows are quarantined"
    )
    assert text.index("First cause") < cause < text.index("Next step: look at clean.quarantine")
    assert f"Served meanwhile: run {served_run(demo_run)}" in text
    assert "orders: 12 rows (126.00) quarantined" in text
    assert "orders: columns vanished: " in text
    assert "web_sessions" not in text.split("Read")[1].split("Not accepted")[0]
    assert "nothing; what was served before is still served" in text
    status = run_clv_here("status", "--home", str(home.root)).stdout
    run = newest_run(home)
    assert run is not None
    # with source and home in between, so that it can be pasted
    assert re.search(rf"`clv explain-run [^`]*{run.run_id[:8]}`", status), status
