"""Resources of every asset: settings, folders, warehouse, registry. What an error in a step becomes is in `steps.py`."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from typing import Self
from zoneinfo import ZoneInfo

import dagster as dg

from clv_pipeline.core.errors import PipelineError
from clv_pipeline.core.foreign_errors import net
from clv_pipeline.core.home import Home
from clv_pipeline.core.home_owner import claim_home
from clv_pipeline.core.run_identity import release_fingerprint
from clv_pipeline.core.run_lock import hold
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.demo_company.company import with_demo_source
from clv_pipeline.modeling.registry.registry import Registry
from clv_pipeline.orchestration.dagster_home import name_code_location
from clv_pipeline.orchestration.failure_fields import tags_of
from clv_pipeline.publishing.recovery import recover
from clv_pipeline.quality.expectations import Validator
from clv_pipeline.quality.night_checks import known_checks
from clv_pipeline.warehouse.connection import Warehouse

AS_OF_TAG = "clv/as_of"
RETRAIN_TAG = "clv/retrain"
#: Names of checks acknowledged for this run, separated by commas.
ACKNOWLEDGE_TAG = "clv/acknowledge"
STARTED_BY_TAG = "clv/started_by"
#: What shapes a run's results beside its data, for `clv explain-run`; Dagster's UI does not show tags with a dot in front.
SETTINGS_TAG, CODE_TAG = ".dagster/clv_settings", ".dagster/clv_code"


@lru_cache
def current_settings() -> Settings:
    """Return the settings of this process, read once."""
    return load_settings()


class Pipeline(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Folders, warehouse and registry of one CLV_HOME, opened from the settings of the process."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        """Hold the lock of the home while a run uses it, however it was started."""
        run = context.run
        assert run is not None
        assert context.instance is not None
        name_code_location(context.instance, run.run_id)
        shaping = self.settings.that_change("data", "model", "scores")
        noted = {SETTINGS_TAG: json.dumps(shaping, sort_keys=True), CODE_TAG: release_fingerprint()}
        context.instance.add_run_tags(run.run_id, noted)
        started_by = run.tags.get("dagster/schedule_name", "the Dagster UI")
        with ExitStack() as held:
            try:
                with net(self.home, run.run_id, "the start of the run"):
                    held.enter_context(hold(self.home, f"{run.job_name}, started by {started_by}", run.run_id))
                    claim_home(self.settings)
                    recover(self.warehouse, self.home.published, self.settings.name)
            except PipelineError as error:
                context.instance.add_run_tags(run.run_id, tags_of(error))
                raise
            yield self

    @property
    def settings(self) -> Settings:
        return current_settings()

    @property
    def home(self) -> Home:
        return Home(self.settings.home)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse.of(self.settings)

    @property
    def registry(self) -> Registry:
        return Registry(self.home.models)

    @cached_property
    def _validator(self) -> Validator:
        return Validator()

    @property
    def validator(self) -> Validator:
        return self._validator

    def settings_with_source(self) -> Settings:
        """Return the settings with an address to read: the embedded demo company's database where none is given."""
        return with_demo_source(self.settings, self.home)


def run_as_of(context: dg.AssetExecutionContext, settings: Settings) -> date:
    """Return the as_of of a run: its tag, else the setting, else the day the run was created, in the business zone."""
    tagged = context.run.tags.get(AS_OF_TAG)
    if tagged:
        return date.fromisoformat(tagged)
    return settings.as_of or run_started_at(context).astimezone(ZoneInfo(settings.time_zone)).date()


def run_acknowledged(context: dg.AssetExecutionContext) -> tuple[str, ...]:
    """Return the names of the checks that are acknowledged for this run.

    Raises:
        ConfigurationError: the tag has another name.
    """
    tagged = context.run.tags.get(ACKNOWLEDGE_TAG, "")
    return known_checks(name.strip() for name in tagged.split(",") if name.strip())


def run_started_at(context: dg.AssetExecutionContext) -> datetime:
    """Return when the run was created (UTC)."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    assert record is not None
    created: datetime = record.create_timestamp
    return created.astimezone(UTC)
