"""Commands that serve pages on this machine: Dagster's UI and the dashboard."""

import signal
from pathlib import Path

import click

from clv_pipeline.cli.shared import home_option, out, settings_of, source_option


@click.command()
@source_option
@home_option
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="port on 127.0.0.1")
def ui(source: str | None, home: Path | None, port: int) -> None:
    """Open the Dagster UI on 127.0.0.1 with the nightly schedule running, until Ctrl-C or a signal ends both."""
    settings = settings_of(source=source, home=home)
    from clv_pipeline.orchestration.ui import run_ui

    if run_ui(settings, port, out.print) == signal.SIGINT:
        raise KeyboardInterrupt
    out.print("The Dagster UI and its schedule have ended.")


@click.command()
@source_option
@home_option
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="port on 127.0.0.1")
def dashboard(source: str | None, home: Path | None, port: int) -> None:
    """Open the dashboard of the served bundle on 127.0.0.1."""
    from clv_pipeline.dashboard.launch import start

    start(settings_of(source=source, home=home), port)
