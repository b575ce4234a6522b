"""Fault 75: green status for the wrong things. Age, scheduler and newest run decide; predictions that may know it are refused.

The homes are made by hand: a served file of two tables, and Dagster's records of a run, a heartbeat, a schedule switched off.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

import dagster as dg
import pandas as pd
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData
from dagster._daemon.types import DaemonHeartbeat

from clv_pipeline.core import clock
from clv_pipeline.core.errors import ConfigurationError, QualityError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.evaluation.predictions_file import FileEvaluation, judge_file
from clv_pipeline.orchestration.dagster_home import prepare_dagster_home
from clv_pipeline.orchestration.failure_fields import metadata_of
from clv_pipeline.publishing.serving import serve
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline_tests.conftest import FileSource, open_warehouse, run_clv_here

NOW = datetime(2024, 6, 1, 10, tzinfo=UTC)
TODAY = NOW.date()


@dataclass(frozen=True)
class Seen:
    """What `clv status` printed by subject, each line with its mark and its next step, and its exit code."""

    lines: dict[str, str]
    exit_code: int

    def __getitem__(self, subject: str) -> str:
        return self.lines[subject]


@dataclass(frozen=True)
class Place:
    """A home and the source it is of."""

    home: Home
    source: FileSource

    def publish(self, as_of: date, source_name: str = "source") -> None:
        """Serve a bundle of one customer."""
        folder = self.home.published / f"{as_of:%Y%m%d}-night"
        folder.mkdir()
        file = Warehouse(
            folder / "clv.duckdb", scratch=self.home.scratch, writable_folders=[], memory_limit="1GB", threads=1
        )
        with file.transaction() as connection:
            connection.execute("create table customer_clv as select 'C1' as customer_id")
            connection.execute(
                """
                create table clv_run as select $run_id as run_id, $as_of::date as as_of_date, $source_name as source_name,
                    'Europe/Berlin' as time_zone, '' as acknowledged_checks, false as is_stale,
                    $as_of::date as newest_order_date
                """,
                {"run_id": folder.name, "as_of": as_of, "source_name": source_name},
            )
        digest = hashlib.sha256((folder / "clv.duckdb").read_bytes()).hexdigest()
        manifest = {"run_id": folder.name, "as_of_date": str(as_of), "source_name": source_name,
                    "sha256": {"clv.duckdb": digest}}  # fmt: skip
        (folder / "manifest.json").write_text(json.dumps(manifest))
        serve(self.home.published, folder, as_of, source_name)

    def dagster(self) -> dg.DagsterInstance:
        with mock.patch.dict(os.environ):
            return dg.DagsterInstance.from_config(str(prepare_dagster_home(self.home)))

    def beat(self, at: datetime) -> None:
        """Record a sign of life of the scheduler."""
        with self.dagster() as instance:
            instance.add_daemon_heartbeat(DaemonHeartbeat(at.timestamp(), "SCHEDULER", "daemon", []))

    def status(self, **environment: str) -> Seen:
        with mock.patch.object(clock, "now", return_value=NOW):
            ran = run_clv_here(
                "status", "--source", str(self.source.folder), "--home", str(self.home.root), **environment
            )
        lines: dict[str, str] = {}
        subject = ""
        for line in ran.stdout.splitlines():
            subject = line[5:].split(":")[0] if not line.startswith("     ") else subject
            lines[subject] = f"{lines.get(subject, '')} {line.strip()}".strip()
        return Seen(lines, ran.returncode)


@pytest.fixture
def place(home: Home, file_source: Callable[..., FileSource]) -> Place:
    return Place(home, file_source())


# --- age -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "mark", "shown", "code"),
    [
        (0, "ok", "0 days old, 1 customers", 0),
        (1, "ok", "1 day old, 1 customers", 0),
        (2, "warn", "2 days old, 1 customers; too old: nights are missing", 1),
        (3, "warn", "3 days old, 1 customers; too old: nights are missing", 1),
        (4, "fail", "4 days old, 1 customers; too old: nights are missing", 4),
        (151, "fail", "151 days old, 1 customers; too old: nights are missing", 4),
        (-1, "fail", "as_of is in the future", 6),
    ],
)
def test_the_age_of_what_is_served_decides(place: Place, age: int, mark: str, shown: str, code: int) -> None:
    place.publish(TODAY - timedelta(days=age))
    place.beat(NOW)
    seen = place.status()
    assert seen["served"].startswith(f"{mark} ")
    assert shown in seen["served"]
    assert seen.exit_code == code
    assert ("next step: " in seen["served"]) == (mark != "ok")


def test_the_age_that_is_still_served_with_a_warning_is_that_of_max_stale_days(place: Place) -> None:
    place.publish(TODAY - timedelta(days=20))
    place.beat(NOW)
    assert place.status(CLV_MAX_STALE_DAYS="20")["served"].startswith("warn ")
    assert place.status(CLV_MAX_STALE_DAYS="19")["served"].startswith("fail ")


def test_a_day_that_is_set_is_named_as_the_reason_for_the_age(place: Place) -> None:
    place.publish(TODAY - timedelta(days=151))
    seen = place.status(CLV_AS_OF=str(TODAY - timedelta(days=151)))
    assert seen["served"].startswith("warn ")
    assert "as_of is set to that day, so every night scores it again" in seen["served"]
    assert "remove as_of from source.toml, and CLV_AS_OF" in seen["served"]
    assert seen.exit_code == 1


# --- scheduler -------------------------------------------------------------------------------------------------------


def test_where_nothing_runs_the_next_run_is_not_good_and_says_what_starts_one(place: Place) -> None:
    place.publish(TODAY - timedelta(days=2))
    place.beat(NOW - timedelta(hours=1))
    seen = place.status()
    assert seen["next run"].startswith(
        "fail next run: no scheduler is running (the last one until 2024-06-01 09:00 UTC)"
    )
    assert "no night has arrived since that of 2024-05-30" in seen["next run"]
    assert f"`clv ui --source {place.source.folder} --home {place.home.root}` runs the schedule" in seen["next run"]
    assert "cron" in seen["next run"]
    assert seen.exit_code == 6


def test_a_live_scheduler_says_when_the_next_run_is(place: Place) -> None:
    place.publish(TODAY)
    place.beat(NOW - timedelta(seconds=40))
    seen = place.status()
    assert seen["next run"].startswith("ok   next run: 2024-06-02 02:30 ")
    assert seen.exit_code == 0


def test_nights_that_arrive_without_a_scheduler_are_good_and_a_single_one_proves_nothing(place: Place) -> None:
    place.publish(TODAY - timedelta(days=1))
    once = place.status()
    assert once["next run"].startswith("warn next run: no scheduler has run here, and nothing else is known")
    assert once.exit_code == 1
    place.publish(TODAY)
    twice = place.status()
    assert twice["next run"].startswith("ok   next run: no scheduler has run here, but nights arrive")
    assert twice.exit_code == 0


def test_a_schedule_that_is_switched_off_is_named(place: Place) -> None:
    place.publish(TODAY - timedelta(days=1))
    place.beat(NOW)
    origin = RemoteInstigatorOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("clv_pipeline"), "__repository__"), "every_night"
    )
    data = ScheduleInstigatorData("30 2 * * *", start_timestamp=None)
    with place.dagster() as instance:
        instance.add_instigator_state(InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.STOPPED, data))
    seen = place.status()
    assert seen["next run"].startswith("warn next run: the schedule is switched off in the Dagster UI")
    assert seen.exit_code == 1


# --- newest run ------------------------------------------------------------------------------------------------------


@dg.asset(key=["clean", "orders"])
def _red() -> None:
    error = QualityError("clean.orders was not replaced: 12 of 60 rows", next_step="look at clean.quarantine.")
    raise dg.Failure(error.what, metadata=metadata_of(error))


def _green(*assets: str) -> dg.DagsterRun:
    """Return the record of a green run of the assets named, of all without any."""
    keys = frozenset(dg.AssetKey(asset.split(".")) for asset in assets)
    return dg.DagsterRun("nightly", str(uuid4()), asset_selection=keys or None, status=dg.DagsterRunStatus.SUCCESS)


def test_a_red_newest_run_decides_and_no_green_run_of_single_assets_hides_it(place: Place) -> None:
    place.publish(TODAY)
    place.beat(NOW)
    with place.dagster() as instance:
        instance.add_run(_green())
        assert place.status().exit_code == 0
        dg.materialize([_red], instance=instance, raise_on_error=False)
        instance.add_run(_green("features.population"))
        seen = place.status()
        instance.add_run(_green("published.bundle", "published.database"))
        assert place.status().exit_code == 0, "a later run published"
    assert seen["served"].startswith("ok ")
    assert seen["newest run"].startswith("fail newest run: ")
    assert "clean/orders: clean.orders was not replaced: 12 of 60 rows" in seen["newest run"]
    assert "next step: look at clean.quarantine. More: docs/runbook.md#quality" in seen["newest run"]
    assert seen.exit_code == 3


def test_a_home_that_never_published_has_a_code_of_its_own_and_a_red_run_comes_first(place: Place) -> None:
    place.beat(NOW)
    assert place.status().exit_code == 5
    with place.dagster() as instance:
        dg.materialize([_red], instance=instance, raise_on_error=False)
    assert place.status().exit_code == 3
    place.publish(TODAY - timedelta(days=151))
    assert place.status().exit_code == 3, "the red run is why it is old"


# --- clv evaluate ----------------------------------------------------------------------------------------------------

START = date(2024, 4, 1)


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Return a warehouse of five customers who bought before the window of 30 days, and three of them in it."""
    warehouse = open_warehouse(Home(tmp_path_factory.mktemp("sold") / "home"))
    with warehouse.transaction() as connection:
        connection.execute("create table raw.extraction as select date '2024-06-01' as as_of")
        connection.execute(
            """
            create table features.customer_day as
            select 'C' || n as customer_id, day as order_date, 10 * n as net_spend, true as is_purchase_day
            from range(5) as customers (n), (values (date '2024-03-01'), (date '2024-04-10')) as days (day)
            where n >= 2 or day < date '2024-04-01'
            """
        )
        connection.execute(
            """
            create table clean.customers as
            select 'C' || n as customer_id, date '2024-03-01' + (n * 7)::integer as first_seen_date
            from range(200) as customers (n)
            """
        )
    return warehouse


def evaluated(
    warehouse: Warehouse, file: Path, as_of: date | None = None, columns: dict[str, Any] | None = None
) -> FileEvaluation:
    made = {"customer_id": [f"C{n}" for n in range(5)], "predicted_spend": [0.0, 1, 2, 3, 4]}
    frame = pd.DataFrame(made | (columns or {}))
    frame.to_parquet(file) if file.suffix == ".parquet" else frame.to_csv(file, index=False)
    with warehouse.connection() as connection:
        return judge_file(connection, Settings(bootstrap_samples=20), file, f"{START}+30d", as_of)


@pytest.mark.parametrize("name", ["predictions.csv", "predictions.parquet"])
@pytest.mark.parametrize("column", ["as_of_date", "as_of", "cutoff"])
def test_predictions_that_may_know_the_window_are_refused_with_both_days(
    sold: Warehouse, tmp_path: Path, name: str, column: str
) -> None:
    days = [START - timedelta(days=1)] * 4 + [START + timedelta(days=1)]
    with pytest.raises(ConfigurationError) as refused:
        evaluated(sold, tmp_path / name, columns={column: days})
    assert "are as of 2024-04-02, later than 2024-04-01, the first day of the window" in refused.value.what
    assert "--against 2024-04-02+30d" in refused.value.next_step
    assert evaluated(sold, tmp_path / name, columns={column: [START] * 5}).as_of == START


def test_a_file_that_does_not_say_its_day_is_judged_only_if_somebody_does(sold: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "predictions.csv"
    with pytest.raises(ConfigurationError, match="does not say as of which day") as refused:
        evaluated(sold, file)
    assert "pass --as-of DATE" in refused.value.next_step
    with pytest.raises(ConfigurationError, match="are as of 2024-05-01, later than 2024-04-01"):
        evaluated(sold, file, date(2024, 5, 1))
    judged = evaluated(sold, file, date(2024, 3, 15))
    assert (judged.as_of, judged.customers, judged.missing) == (date(2024, 3, 15), 5, 0)
    assert judged.estimates["normalised_gini"].value == pytest.approx(1.0)


def test_a_file_that_names_customers_who_came_later_was_made_after_the_window_began(
    sold: Warehouse, tmp_path: Path
) -> None:
    """C5 is first seen on 5 April. One customer in a hundred who came later may be a corrected order."""
    ids = [f"C{n}" for n in range(6)] + [f"X{n}" for n in range(95)]
    columns: dict[str, Any] = {"customer_id": ids, "predicted_spend": [1.0] * len(ids)}
    assert evaluated(sold, tmp_path / "corrected.csv", START, columns).customers == 5
    columns = {"customer_id": [f"C{n}" for n in range(7)], "predicted_spend": [1.0] * 7}
    with pytest.raises(
        ConfigurationError, match="made after the window began: 2 of its 7 customers were not known"
    ) as refused:
        evaluated(sold, tmp_path / "late.csv", START, columns)
    assert "the first of them came on 2024-04-05" in refused.value.what


def test_before_the_first_run_there_is_nothing_to_judge_a_file_by(home: Home, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no orders yet"):
        evaluated(open_warehouse(home), tmp_path / "predictions.csv", START)


def test_a_day_that_cannot_be_read_or_is_contradicted_is_refused(sold: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="1 of 5 values of 'as_of_date' are not dates"):
        evaluated(sold, tmp_path / "some.csv", columns={"as_of_date": ["2024-03-01"] * 4 + ["spring"]})
    with pytest.raises(ConfigurationError, match=r"as of 2024-03-01, --as-of says 2024-03-02"):
        evaluated(sold, tmp_path / "some.csv", date(2024, 3, 2), {"as_of_date": ["2024-03-01"] * 5})


def test_the_command_refuses_with_exit_code_1_and_shows_the_day_it_judged(sold: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "predictions.csv"
    evaluated(sold, file, START)
    arguments = ("evaluate", str(file), "--against", f"{START}+30d", "--home", str(sold.path.parents[1]))
    assert run_clv_here(*arguments).returncode == 1
    late = run_clv_here(*arguments, "--as-of", "2024-05-01")
    assert (late.returncode, "are as of 2024-05-01, later than 2024-04-01" in late.stdout) == (1, True)
    judged = run_clv_here(*arguments, "--as-of", "2024-04-01")
    assert judged.returncode == 0, judged.stdout
    assert "Predictions as of 2024-04-01, for 30 days from 2024-04-01: 5 customers" in judged.stdout
