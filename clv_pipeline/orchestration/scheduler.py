"""The scheduler's signs of life in a home: the daemon's last heartbeat, and whether the nightly schedule is switched on.

What the schedule asks for is in `schedules.py`; runs that were made are read in `history.py`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorStatus

from clv_pipeline.core.home import Home
from clv_pipeline.orchestration.schedules import every_night

#: The daemon reports every 30 seconds; a tick that loads the code on a slow machine takes a minute or two.
_LAST_SIGN_OF_LIFE = timedelta(minutes=5)


@dataclass(frozen=True)
class Scheduler:
    """What Dagster's records say of the scheduler; `last_heartbeat` (UTC) is None where none ever ran in this home."""

    last_heartbeat: datetime | None
    is_switched_on: bool

    def is_alive(self, now: datetime) -> bool:
        """Return whether the daemon has reported in the last minutes.

        >>> noon = datetime(2024, 6, 1, 12, tzinfo=UTC)
        >>> Scheduler(noon - timedelta(seconds=30), True).is_alive(noon), Scheduler(None, True).is_alive(noon)
        (True, False)
        """
        return self.last_heartbeat is not None and now - self.last_heartbeat <= _LAST_SIGN_OF_LIFE


def scheduler_of(home: Home) -> Scheduler:
    """Return the state of a home's scheduler. Reads only: a home in which Dagster never ran gets no files."""
    if not (home.dagster / "dagster.yaml").exists():
        return Scheduler(None, True)
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        beat = instance.get_daemon_heartbeats().get("SCHEDULER")
        states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    stopped = {s.instigator_name for s in states if s.status == InstigatorStatus.STOPPED}
    return Scheduler(
        datetime.fromtimestamp(beat.timestamp, UTC) if beat else None, is_switched_on=every_night.name not in stopped
    )
