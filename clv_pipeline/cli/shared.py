"""What the commands share: the consoles, the options, and how settings are read from them. No command belongs here."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from clv_pipeline.core.commands import pasteable
from clv_pipeline.core.home import Home
from clv_pipeline.core.home_owner import open_home
from clv_pipeline.core.home_state import place_of, source_of
from clv_pipeline.core.project_files import IS_INSTALLED, SOURCES_FOLDER
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.reporting.formats import number_format


class CommandConsole(Console):
    """Prints each `clv` command of a message so that it can be pasted: with the source and the home that it is about.

    `place` is "" for the demo company in its own home.
    """

    place = ""

    def print(self, *objects: Any, **options: Any) -> None:
        place = self.place if options.get("markup") is False else plain(self.place)
        super().print(*(pasteable(o, place) if isinstance(o, str) else o for o in objects), **options)


out = CommandConsole(highlight=False, soft_wrap=True)
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
    """Read the settings, and open the home that they name.

    Options override them and are passed to Dagster's code location as environment variables. Where a home is named and no
    source, it is the home's own. Until the command ends, numbers are written as the settings say.

    Raises:
        ConfigurationError: a setting cannot be used, or the home belongs to another source.
    """
    given = {
        "CLV_SOURCE": source, "CLV_SOURCE_URL": source_url, "CLV_HORIZONS": horizons,
        "CLV_AS_OF": as_of.isoformat() if as_of else None, "CLV_HOME": str(home.absolute()) if home else None,
    }  # fmt: skip
    os.environ.update({name: value for name, value in given.items() if value is not None})
    if "CLV_SOURCE" not in os.environ and "CLV_HOME" in os.environ:
        owner = source_of(Home(Path(os.environ["CLV_HOME"])))
        os.environ |= {"CLV_SOURCE": owner} if owner else {}
    settings = load_settings()
    if settings.source_folder.parent != SOURCES_FOLDER.resolve():
        # the processes that a command starts work in another folder
        os.environ["CLV_SOURCE"] = str(settings.source_folder)
    open_home(settings)
    out.place = place_of(settings)
    click.get_current_context().with_resource(number_format(settings.number_format))
    return settings


def ui_command(settings: Settings) -> str:
    """Return the command that opens Dagster's UI on this home."""
    return "clv ui" if IS_INSTALLED or place_of(settings) else "make dev"


def dashboard_command(settings: Settings) -> str:
    """Return the command that opens the dashboard on this home; in a checkout it installs what the dashboard needs."""
    return "clv dashboard" if IS_INSTALLED or place_of(settings) else "make dashboard"


def plain(text: str) -> str:
    """Return `text` so that rich prints it letter by letter."""
    return text.replace("[", r"\[")
