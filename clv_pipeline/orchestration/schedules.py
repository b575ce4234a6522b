"""When things run: the jobs and the nightly schedule."""

from zoneinfo import ZoneInfo

import dagster as dg

from clv_pipeline.orchestration.resources import AS_OF_TAG, RETRAIN_TAG, current_settings

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    description="Extract, clean, build features, train when due, score, publish.",
)
retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.all(),
    tags={RETRAIN_TAG: "true"},
    description="The nightly job with a training whether it is due or not.",
)


def _cron() -> str:
    hour, minute = current_settings().nightly_at.split(":")
    return f"{int(minute)} {int(hour)} * * *"


@dg.schedule(
    job=nightly,
    cron_schedule=_cron(),
    execution_timezone=current_settings().time_zone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def every_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Run the nightly job with as_of = the day of the tick in the business zone (or the fixed as_of of a demo)."""
    settings = current_settings()
    day = context.scheduled_execution_time.astimezone(ZoneInfo(settings.time_zone)).date()
    as_of = settings.as_of or day
    return dg.RunRequest(run_key=f"{day}", tags={AS_OF_TAG: as_of.isoformat()})
