"""What the commands share: the consoles, the options, and how settings are read from them. No command belongs here."""

import os
from datetime import date
from pathlib import Path

import click
from rich.console import Console

from clv_pipeline.core.project_files import DEFAULT_HOME, IS_INSTALLED
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.reporting.formats import number_format

out = Console(highlight=False, soft_wrap=True)
#: Output written while a progress display is active must go through the console that draws it.
err = Console(stderr=True)

source_option = click.option("--source", help="a name under sql/0_sources, or any folder of SELECTs with a source.toml")
home_option = click.option(
    "--home", type=click.Path(file_okay=False, path_type=Path), help="where everything is written"
)


def settings_of(
    *,
    source: str | None = None,
    source_url: str | None = None,
    as_of: date | None = None,
    horizons: str | None = None,
    home: Path | None = None,
) -> Settings:
    """Read the settings; options override them and are passed to Dagster's code location as environment variables.

    Until the command ends, numbers are written as the settings say.
    """
    given = {
        "CLV_SOURCE": source, "CLV_SOURCE_URL": source_url, "CLV_HORIZONS": horizons,
        "CLV_AS_OF": as_of.isoformat() if as_of else None, "CLV_HOME": str(home.absolute()) if home else None,
    }  # fmt: skip
    os.environ.update({name: value for name, value in given.items() if value is not None})
    settings = load_settings()
    click.get_current_context().with_resource(number_format(settings.number_format))
    return settings


def ui_command(settings: Settings) -> str:
    """Return the command that opens Dagster's UI on this home."""
    in_checkout = settings.home == DEFAULT_HOME and not IS_INSTALLED
    return "make dev" if in_checkout else f"clv ui --home {settings.home}"


def plain(text: str) -> str:
    """Return `text` so that rich prints it letter by letter."""
    return text.replace("[", r"\[")
