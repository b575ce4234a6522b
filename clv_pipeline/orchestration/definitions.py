"""The table of contents of the code location: assets, jobs, schedule, sensor, resources. Nothing is defined here."""

import dagster as dg

from clv_pipeline.alerts.delivery import ways_out
from clv_pipeline.orchestration.assets import ALL_ASSETS
from clv_pipeline.orchestration.night_reports import night_sensor
from clv_pipeline.orchestration.progress import step_lines
from clv_pipeline.orchestration.resources import Pipeline, current_settings
from clv_pipeline.orchestration.schedules import every_night, nightly, retrain

defs = dg.Definitions(
    assets=ALL_ASSETS,
    jobs=[nightly, retrain],
    schedules=[every_night],
    # it looks every half minute, so only where somebody is to be told
    sensors=[night_sensor()] if ways_out(current_settings()) else [],
    resources={"pipeline": Pipeline()},
    # one DuckDB file has one writer: steps run one after the other, in one process
    executor=dg.in_process_executor,
    loggers={"console": step_lines},
)
