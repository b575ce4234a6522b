"""`clv status`: what is served, its age, how the newest run went and why, in a good home, a broken one and an empty one."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from unittest import mock
from zoneinfo import ZoneInfo

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.diagnostics.findings import Finding
from clv_pipeline.diagnostics.status import look
from clv_pipeline.orchestration.dagster_home import prepare_dagster_home
from clv_pipeline.orchestration.history import newest_run
from clv_pipeline_tests.conftest import FileSource, run_clv_here
from clv_pipeline_tests.nights import contents, copy_of, served_run

DEMO_AS_OF = date(2026, 7, 1)
#: A fifth of the orders are dated before anything can have been sold: more than may be rejected.
ORDERS = "order_id,customer_id,ordered_at,amount\n" + "".join(
    f"{n},C{n % 9},{'1970-01-01' if n % 5 == 0 else f'2024-0{1 + n % 5}-1{n % 7}'} 12:00:00,10.50\n" for n in range(60)
)


def said(home: Home) -> dict[str, str]:
    """Return the lines of `clv status` by their subject, each with its mark."""
    ran = run_clv_here("status", "--home", str(home.root))
    lines = [line for line in ran.stdout.splitlines() if not line.startswith("     ")]
    marks = {line.split()[0] for line in lines}
    allowed = [3, 4, 5, 6] if "fail" in marks else [int("warn" in marks)]
    assert ran.returncode in allowed, ran.stdout + ran.stderr
    return {line[5:].split(":")[0]: line for line in lines}


def looked(home: Home) -> dict[str, Finding]:
    return {f.subject: f for f in look(load_settings(source="demo", home=home.root))}


def test_before_the_first_run_it_says_so_and_fails_at_nothing(tmp_path: Path) -> None:
    lines = said(Home(tmp_path / "home"))
    assert lines["served"].startswith("fail served: nothing is published")
    assert lines["newest run"] == "ok   newest run: no run yet"
    assert lines["champion"].startswith("ok   champion: none yet")
    assert not (tmp_path / "home" / "warehouse").exists(), "looking only"
    assert not (tmp_path / "home" / "dagster" / "dagster.yaml").exists(), "looking only"


def test_after_a_good_run_it_shows_run_age_rows_champion_next_run_and_disk(demo_run: Home) -> None:
    before = contents(demo_run.root)
    lines = said(demo_run)
    assert contents(demo_run.published) == {
        n.removeprefix("published/"): h for n, h in before.items() if n.startswith("published/")
    }
    age = (datetime.now(ZoneInfo("Europe/Berlin")).date() - DEMO_AS_OF).days
    assert lines["served"].startswith(
        f"warn served: run {served_run(demo_run)} of Demo company, as of {DEMO_AS_OF}, {age} days old, "
    )
    assert lines["served"].endswith(" customers; as_of is set to that day, so every night scores it again")
    assert int(lines["served"].split(", ")[3].split()[0].replace(",", "")) > 1000
    assert ": success, " in lines["newest run"]
    assert "champion since" in lines["champion"]
    assert "(90 days: " in lines["champion"]
    assert "MB under" in lines["disk"]
    assert lines["next run"].startswith("warn next run: no scheduler has run here")
    assert not [line for line in lines.values() if line.startswith("fail")]


@pytest.mark.parametrize("content", ["", '{"run', "[]", '{"run_id": "20250101-other", "as_of_date": "x"}', None])
def test_a_corrupt_pointer_is_a_line_of_its_own_and_what_is_served_is_shown(
    demo_run: Home, tmp_path: Path, content: str | None
) -> None:
    home = copy_of(demo_run, tmp_path)
    pointer = home.published / "current.json"
    pointer.unlink() if content is None else pointer.write_text(content)
    found = looked(home)
    assert found["served"].is_good or found["served"].is_warning
    assert not found["pointer"].is_good
    assert "current.json is missing or cannot be read" in found["pointer"].text
    assert f"clv rollback {served_run(home)}" in found["pointer"].next_step
    if content == '{"run':
        assert said(home)["pointer"].startswith("fail pointer: current.json")


@pytest.mark.parametrize("damage", ["no database", "cut"])
def test_a_served_file_that_cannot_be_read_is_said_with_what_to_do(demo_run: Home, tmp_path: Path, damage: str) -> None:
    home = copy_of(demo_run, tmp_path)
    file = home.published / "clv.duckdb"
    content = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(b"no database" if damage == "no database" else content[: len(content) // 3])
    found = looked(home)
    assert not found["served"].is_good
    said_of_it = {"no database": "clv.duckdb cannot be opened", "cut": "clv.duckdb differs from the bundle"}
    assert said_of_it[damage] in found["served"].text
    assert f"clv rollback RUN_ID ({served_run(demo_run)})" in found["served"].next_step
    assert found["champion"].is_good
    if damage == "no database":
        assert said(home)["served"].startswith("fail served: ")


def test_a_champion_that_cannot_be_used_is_said(demo_run: Home, tmp_path: Path) -> None:
    home = copy_of(demo_run, tmp_path)
    (manifest,) = home.models.glob("*/manifest.json")
    manifest.write_text("{")
    found = looked(home)
    assert not found["champion"].is_good
    assert f"{manifest.parent.name} cannot be used" in found["champion"].text


def test_a_damaged_run_history_is_said_and_the_next_run_sets_it_aside(
    demo_run: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = copy_of(demo_run, tmp_path)
    history = home.dagster / "history" / "runs.db"
    content = history.read_bytes()
    for damaged in (b"no database", content[: len(content) // 2]):
        history.write_bytes(damaged)
        line = said(home)["newest run"]
        assert line.startswith(f"fail newest run: unknown, because {history} is damaged")
    with mock.patch.dict(os.environ):
        prepare_dagster_home(home)
    assert f"It is renamed to {history}.damaged" in caplog.text
    assert said(home)["newest run"] == "ok   newest run: no run yet"
    assert history.with_name("runs.db.damaged").read_bytes() == damaged


def test_a_red_run_is_named_with_its_check_and_message_and_the_last_good_one_is_served(
    demo_run: Home, tmp_path: Path, file_source: Callable[..., FileSource]
) -> None:
    home = copy_of(demo_run, tmp_path / "red")
    source = file_source(orders=ORDERS, toml='name = "Demo company"\nas_of = "2026-07-01"\n')
    folder = source.folder.rename(tmp_path / "demo")
    arguments = ("--source", str(folder), "--url", str(source.files), "--as-of", "2024-06-01")
    ran = run_clv_here("run", "--home", str(home.root), *arguments)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    lines = said(home)
    assert lines["served"].startswith(f"warn served: run {served_run(demo_run)} of Demo company")
    assert lines["newest run"].startswith("fail newest run: nightly ")
    assert " failed (failure, " in lines["newest run"]
    assert "clean/orders (check reconciliation): clean.orders was not replaced: 12 of 60 rows" in lines["newest run"]
    assert "quarantined, more than max_rejected_share 10% allows" in lines["newest run"]
    run = newest_run(home)
    assert run is not None
    assert run.is_red
    assert [f.subject for f in run.failures] == ["clean/orders (check reconciliation)"]
    failure = run.failures[0]
    assert "Next step" not in failure.what
    assert failure.next_step.startswith("look at clean.quarantine where table_name = 'orders'")
    assert failure.runbook == "docs/runbook.md#quality"
    assert failure.message == f"{failure.what}\n  Next step: {failure.next_step} More: {failure.runbook}"
    assert run.ended_at is not None
    assert run.created_at < run.ended_at < datetime.now(UTC)
