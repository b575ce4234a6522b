"""One look at a source, before any run: read it, clean it and judge it as the first night would, in a warehouse of its own.

That warehouse is in a folder under the home's scratch and goes when the look ends, however it ends. Nothing else of the home is
touched, and no lock is taken.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core import clock
from clv_pipeline.core.engines import Engine
from clv_pipeline.core.errors import PipelineError, SourceError
from clv_pipeline.core.foreign_errors import net
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.plan import plan_training
from clv_pipeline.publishing.serving import read_pointer
from clv_pipeline.quality.clean_report import CleanReport
from clv_pipeline.quality.cleaning import classify, clean_parameters
from clv_pipeline.quality.expectations import Validator
from clv_pipeline.quality.judging import judge_tonight
from clv_pipeline.quality.night_checks import CheckResult, NightRejected
from clv_pipeline.quality.statuses import check_classified
from clv_pipeline.sources.extraction import Progress
from clv_pipeline.sources.trial import Trial, try_extraction
from clv_pipeline.warehouse.connection import Connection, Warehouse, row_count
from clv_pipeline.warehouse.sql_models import build, load_layer

_FOLDER = "doctor-"
_CLEANED = {model.name for model in load_layer("1_clean") if model.name in CONTRACT}


@dataclass
class Look:
    """What one reading of the source showed; `connection` has its `raw` and `clean` tables.

    reports: contract table -> the result of cleaning it. blocks: subject -> why a night would end there, apart from tables that
    could not be read and reports that fail. judged: the night's data checks. is_cleaned: `clean` has all tables.
    is_first_night: nothing is published in the home, so that tonight is compared with no earlier night.
    """

    settings: Settings
    connection: Connection
    trial: Trial
    reports: dict[str, CleanReport]
    blocks: dict[str, PipelineError]
    judged: list[CheckResult]
    is_cleaned: bool
    is_first_night: bool

    @property
    def engine(self) -> Engine:
        """The engine that was read."""
        assert self.trial.engine is not None
        return self.trial.engine

    @property
    def as_of(self) -> date:
        return self.trial.as_of

    @property
    def has_orders(self) -> bool:
        """Whether there is an accepted order line to look at."""
        return self.is_cleaned and bool(self.reports["orders"].rows)

    def why_not_read(self, table: str) -> str:
        """Return why nothing is known of a table; "" where it was read and has rows."""
        if table in self.trial.refused:
            return "its SELECT is refused"
        if table not in self.trial.read:
            return "not provided"
        return "" if self.trial.read[table].rows_held else "it returns no rows"


@contextmanager
def look_at(settings: Settings, progress: Progress) -> Iterator[Look]:
    """Read the source once and yield the look at it.

    Raises:
        ConfigurationError, SourceError, PrivacyError: nothing can be read at all.
    """
    started_at = clock.now()
    with _scratch_warehouse(settings) as warehouse, _quiet():
        as_of = as_of_tonight(settings, started_at)
        trial = try_extraction(settings, warehouse, as_of=as_of, started_at=started_at, progress=progress)
        blocks: dict[str, PipelineError] = {}
        if "orders" in trial.read and not trial.read["orders"].rows_held:
            blocks["orders"] = SourceError(
                "the source returned no rows",
                next_step=f"check {settings.source_folder / 'orders.sql'} and that this is the right source.",
            )
        progress("the night's rules", 0)
        reports = _clean(settings, warehouse, blocks)
        is_cleaned = reports.keys() >= _CLEANED
        judged = _judge(settings, warehouse, as_of, blocks) if is_cleaned else []
        is_first = read_pointer(Home(settings.home).published) is None
        with warehouse.connection() as connection:
            yield Look(settings, connection, trial, reports, blocks, judged, is_cleaned, is_first)


def as_of_tonight(settings: Settings, started_at: datetime) -> date:
    """Return the as_of of a run that begins now."""
    return settings.as_of or started_at.astimezone(ZoneInfo(settings.time_zone)).date()


@contextmanager
def _scratch_warehouse(settings: Settings) -> Iterator[Warehouse]:
    scratch = Home(settings.home).scratch
    for left in scratch.glob(f"{_FOLDER}*"):
        if not _is_alive(left.name.removeprefix(_FOLDER)):
            shutil.rmtree(left, ignore_errors=True)
    folder = _own_folder(settings)
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        yield Warehouse(
            folder / "warehouse.duckdb", scratch=folder, writable_folders=[], memory_limit=settings.memory_limit,
            threads=settings.threads,
        )  # fmt: skip
    finally:
        remove_scratch(settings)


def remove_scratch(settings: Settings) -> None:
    """Remove what this process has read."""
    shutil.rmtree(_own_folder(settings), ignore_errors=True)


def _own_folder(settings: Settings) -> Path:
    return Home(settings.home).scratch / f"{_FOLDER}{os.getpid()}"


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except PermissionError:
        return True
    except (ValueError, OSError):
        return False
    return True


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings of the steps out of the log: each is a point of the profile."""
    logger = logging.getLogger("clv_pipeline")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _clean(settings: Settings, warehouse: Warehouse, blocks: dict[str, PipelineError]) -> dict[str, CleanReport]:
    """Build every clean table as a night does, but keep also what a night would reject; what ends a night goes to `blocks`."""
    reports, validator = {}, Validator()
    for model in load_layer("1_clean"):
        try:
            with net(Home(settings.home), "clv_doctor", model.table), warehouse.transaction() as connection:
                if model.name not in CONTRACT:
                    build(connection, model, clean_parameters(settings))
                    continue
                if model.name == "orders":
                    try:
                        check_classified(connection, settings)
                    except PipelineError as error:
                        blocks["order statuses"] = error
                reports[model.name] = classify(connection, model, settings, validator)
        except PipelineError as error:
            blocks[model.name] = error
            break
    return reports


def _judge(
    settings: Settings, warehouse: Warehouse, as_of: date, blocks: dict[str, PipelineError]
) -> list[CheckResult]:
    """Return the night's data checks, and note in `blocks` what would end a night before any training."""
    home, judged = Home(settings.home), []
    with warehouse.connection() as connection:
        if not row_count(connection, "clean.orders"):
            return []
    try:
        with net(home, "clv_doctor", "the data checks"), warehouse.transaction() as connection:
            judged = judge_tonight(connection, settings, ())
    except NightRejected as error:
        judged = error.judgements
    except PipelineError as error:
        blocks["data checks"] = error
    try:
        with net(home, "clv_doctor", "the plan of the night"), warehouse.transaction() as connection:
            plan_training(connection, settings, as_of)
    except PipelineError as error:
        blocks["history"] = error
    return judged
