"""The jobs and the nightly schedule."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._utils.schedules import schedule_execution_time_iterator

from clv_pipeline.core.foreign_errors import net
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.orchestration.resources import AS_OF_TAG, RETRAIN_TAG, current_settings
from clv_pipeline.publishing.serving import newest_as_of

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    description="Extract, clean, build features, train when due, score, publish.",
)
retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.all(),
    tags={RETRAIN_TAG: "true"},
    description="The nightly job with a training, due or not.",
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
def every_night(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    """Run the nightly job with as_of = the day of the tick in the business zone (or the fixed as_of of a demo).

    Missed nights are caught up first, oldest first, so that the history has no gap.
    """
    settings = current_settings()
    with net(Home(settings.home), "schedule", "every_night"):
        return _requests(context, settings)


def _requests(context: dg.ScheduleEvaluationContext, settings: Settings) -> list[dg.RunRequest]:
    tonight = context.scheduled_execution_time.astimezone(ZoneInfo(settings.time_zone)).date()
    if settings.as_of:
        return [_request(tonight, settings.as_of)]
    return [_request(night, night) for night in [*_missed_nights(settings, tonight), tonight]]


def _request(night: date, as_of: date) -> dg.RunRequest:
    return dg.RunRequest(run_key=f"{night}", tags={AS_OF_TAG: as_of.isoformat()})


def _missed_nights(settings: Settings, tonight: date) -> list[date]:
    """Return the nights since the newest bundle, at most `catch_up_nights` of them; none before the first bundle."""
    newest = newest_as_of(Home(settings.home).published, settings.name)
    if newest is None:
        return []
    missed = min((tonight - newest).days - 1, settings.catch_up_nights)
    return [tonight - timedelta(days=back) for back in range(missed, 0, -1)]


def next_tick(after: datetime) -> datetime:
    """Return the time of the next scheduled run, in the business time zone."""
    return next(schedule_execution_time_iterator(after.timestamp(), _cron(), current_settings().time_zone))
