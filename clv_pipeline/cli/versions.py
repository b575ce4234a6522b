"""Commands that choose what is served and what scores: bundles and model versions."""

from datetime import date
from pathlib import Path

import click

from clv_pipeline.cli.shared import home_option, out, plain, settings_of, source_option
from clv_pipeline.core.home import Home


@click.command()
@source_option
@home_option
def models(source: str | None, home: Path | None) -> None:
    """List every model version: its date, models, test metrics, and champion periods."""
    settings = settings_of(source=source, home=home)
    from clv_pipeline.modeling.registry.listing import describe_versions

    for line in describe_versions(Home(settings.home).models):
        out.print(plain(line))


@click.command()
@click.argument("version")
@source_option
@home_option
def promote(version: str, source: str | None, home: Path | None) -> None:
    """Make an existing model VERSION the champion, after checking its files and the features it needs."""
    settings = settings_of(source=source, home=home)
    from clv_pipeline.modeling.registry.promotion import promote_by_hand
    from clv_pipeline.warehouse.connection import Warehouse

    manifest = promote_by_hand(Home(settings.home), Warehouse.of(settings), version)
    out.print(f"Champion now: {manifest.version}, fitted as of {manifest.as_of}. It scores until the next training.")


@click.command()
@click.argument("run_id", required=False)
@source_option
@home_option
def rollback(run_id: str | None, source: str | None, home: Path | None) -> None:
    """Serve the previous bundle, or the bundle of RUN_ID, here and in the second target.

    The next nightly run publishes as usual.
    """
    settings = settings_of(source=source, home=home)
    from clv_pipeline.diagnostics.status import age_in_days
    from clv_pipeline.publishing.rollback import roll_back_everywhere

    done = roll_back_everywhere(settings, run_id)
    served = done.served
    age = age_in_days(date.fromisoformat(served["as_of_date"]), settings.time_zone)
    out.print(
        f"Served now: run {served['run_id']} of {plain(served['source_name'])}, as of {served['as_of_date']}, {age} days old."
    )
    if done.target:
        out.print(plain(done.target))
