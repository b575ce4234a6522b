"""Commands about a whole home: its backup in one file, and a home made of a backup."""

import os
from pathlib import Path

import click

from clv_pipeline.cli.shared import home_option, out, plain, settings_of, source_option
from clv_pipeline.core import backup as backups
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import HOMES
from clv_pipeline.reporting.formats import count, megabytes


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@source_option
@home_option
def backup(file: Path, source: str | None, home: Path | None) -> None:
    """Write a home into one FILE: warehouse, history, models, bundles, run history and the list of erased customers.

    The FILE has personal data, and only this user can read it. Not in it: the folder of the source (source.toml, the SELECTs)
    and secrets such as CLV_HASH_KEY; keep these elsewhere, too. No run may be under way.
    """
    settings = settings_of(source=source, home=home)
    made = backups.back_up(Home(settings.home), file)
    out.print(
        f"Wrote {count(made.files)} files of '{plain(made.state.source_name)}', {megabytes(made.size)} MB, to {plain(str(file))}."
    )
    source_folder = plain(made.state.source)
    out.print(
        f"Not in it: the folder of the source ({source_folder}), CLV_HASH_KEY and other settings of the environment."
    )


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@home_option
def restore(file: Path, home: Path | None) -> None:
    """Make a home of the FILE that `clv backup` wrote, after checking every file in it.

    Without --home and CLV_HOME it is the source's own home. A home that is not empty is left as it is.
    """
    named = home or (Path(os.environ["CLV_HOME"]) if os.environ.get("CLV_HOME") else None)
    restored, made = backups.restore(file, Home(named) if named else None, HOMES)
    place = f"--source {made.state.source} --home {restored.root}"
    out.print(
        f"Restored {count(made.files)} files of '{plain(made.state.source_name)}', {megabytes(made.size)} MB, "
        f"to {plain(str(restored.root))}."
    )
    out.print(
        f"Next: put the folder of the source back, set CLV_HASH_KEY and CLV_SOURCE_URL as before, then: "
        f"clv doctor {plain(place)}"
    )
