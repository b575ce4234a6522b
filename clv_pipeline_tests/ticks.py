"""The schedule's ticks, evaluated in a process of its own as the daemon does. No test is here."""

import json
import os
import subprocess
import sys
from typing import Any

from clv_pipeline.core.project_files import PROJECT
from clv_pipeline_tests import forked
from clv_pipeline_tests.conftest import FileSource

#: Prints, for each night given, the ticks from noon before to noon after and what each asks for; and the as_of of a
#: run launched by hand (without and with the tag) at 22:30 UTC on 30 June.
_TICKS = """
import json, sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo
import dagster as dg
from dagster._utils.schedules import schedule_execution_time_iterator
from clv_pipeline.orchestration.definitions import defs
from clv_pipeline.orchestration.resources import AS_OF_TAG, current_settings, run_as_of
(schedule,) = defs.schedules
zone = ZoneInfo(sys.argv[1])
nights = {}
for text in sys.argv[2:]:
    day = datetime.fromisoformat(text)
    start = (day - timedelta(hours=12)).replace(tzinfo=zone).timestamp()
    end = (day + timedelta(hours=12)).replace(tzinfo=zone).timestamp()
    ticks = []
    for tick in schedule_execution_time_iterator(start, schedule.cron_schedule, schedule.execution_timezone):
        if tick.timestamp() >= end:
            break
        asked = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=tick)).run_requests
        ticks.append({"local": tick.astimezone(zone).isoformat(), "asked": [
            {"run_key": r.run_key, "as_of": r.tags[AS_OF_TAG]} for r in asked]})
    nights[text] = ticks
record = SimpleNamespace(create_timestamp=datetime(2026, 6, 30, 22, 30, tzinfo=UTC))
instance = SimpleNamespace(get_run_record_by_id=lambda run_id: record)
by_hand = [str(run_as_of(SimpleNamespace(run=SimpleNamespace(tags=tags, run_id="r"), instance=instance), current_settings()))
    for tags in ({}, {AS_OF_TAG: "2026-05-01"})]
print(json.dumps({"by_hand": by_hand, "job": schedule.job_name, "cron": schedule.cron_schedule,
    "zone": schedule.execution_timezone, "status": schedule.default_status.value, "nights": nights}))
"""


def python_process(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start Python and run code in it that sees no CLV_* setting but the given ones; `forked.py` does it without imports."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CLV_", "DAGSTER_"))}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=clean | environment, capture_output=True, text=True, timeout=120, check=False, cwd=PROJECT,
    )  # fmt: skip


def ticks(source: FileSource, zone: str, nights: list[str], process_zone: str, **environment: str) -> dict[str, Any]:
    """Return the schedule's cron, zone and job, the ticks of each night, and the as_of of runs started by hand."""
    home = str(source.folder.with_name("home"))
    ran = forked.python_process(
        _TICKS, zone, *nights, TZ=process_zone, CLV_SOURCE=str(source.folder), CLV_HOME=home, **environment
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found
