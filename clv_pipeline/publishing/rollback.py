"""A rollback of everything that is read: the served file, and the second target where there is one.

It needs neither the source nor the warehouse. Which bundle is served is decided in `serving.py`.
"""

from dataclasses import dataclass
from pathlib import Path

from clv_pipeline.core.errors import ConfigurationError, PrivacyError, PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.core.run_lock import hold
from clv_pipeline.core.settings import Settings
from clv_pipeline.publishing.database_target import publish_to_database
from clv_pipeline.publishing.serving import Identity, roll_back


@dataclass(frozen=True)
class RolledBack:
    """The identity of the bundle that is served now, and what the second target has, as a sentence; empty without one."""

    served: Identity
    target: str


def roll_back_everywhere(settings: Settings, run_id: str | None = None) -> RolledBack:
    """Serve the previous bundle, or the one named, and publish it to the second target as a night does.

    Raises:
        PublishError: there is no such bundle, or it is damaged: nothing was changed. Or it is served, and the second target
            still has the other run, as the message says.
        BusyError: a run is under way.
    """
    home = Home(settings.home)
    with hold(home, "clv rollback"):
        served = roll_back(home, run_id)
        return RolledBack(served, _publish(home.published / "clv.duckdb", settings, served))


def _publish(bundle: Path, settings: Settings, served: Identity) -> str:
    try:
        report = publish_to_database(bundle, settings, only_ours=True)
    except (PublishError, ConfigurationError, PrivacyError) as error:
        raise PublishError(
            f"Served now from the home: run {served['run_id']}, as of {served['as_of_date']}. The database of CLV_PUBLISH_URL "
            f"has the rows that it had: {error.what}",
            next_step=f"{error.next_step} After that, `clv rollback {served['run_id']}` publishes this run there; `clv rollback` "
            "alone would go back one run more.",
            anchor="second_target",
        ) from None
    if report is None:
        return ""
    written = f"{sum(report.row_counts.values()):,} rows written" if report.row_counts else "it was there already"
    return f"The database {report.where} has this run as well: {written}."
