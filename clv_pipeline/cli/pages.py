"""Commands that serve pages on this machine: Dagster's UI and the dashboard."""

from pathlib import Path

import click

from clv_pipeline.cli.shared import home_option, settings_of, source_option


@click.command()
@home_option
@click.option("--port", default=3000, show_default=True, help="port on 127.0.0.1")
def ui(home: Path | None, port: int) -> None:
    """Open the Dagster UI on 127.0.0.1 with the nightly schedule running."""
    settings = settings_of(home=home)
    from clv_pipeline.orchestration.dagster_home import start_ui

    start_ui(settings, port)


@click.command()
@source_option
@home_option
@click.option("--port", default=8501, show_default=True, help="port on 127.0.0.1")
def dashboard(source: str | None, home: Path | None, port: int) -> None:
    """Open the dashboard of the served bundle on 127.0.0.1."""
    from clv_pipeline.dashboard.launch import start

    start(settings_of(source=source, home=home), port)
