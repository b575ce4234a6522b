"""What a home says about itself: `home.json` has its source and the version of its layout. Who may open it is `home_owner.py`.

Homes of older releases have no such file; what they published names their source.
"""

import json
import shlex
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from clv_pipeline.core.errors import ConfigurationError, DamageError
from clv_pipeline.core.home import Home, write_durably
from clv_pipeline.core.project_files import SOURCES_FOLDER
from clv_pipeline.core.settings import Settings, default_home, read_source_toml, source_folder

#: 1: homes that do not say whose they are. 2: home.json.
SCHEMA_VERSION = 2
_EXAMPLE = '{"schema_version": 2, "source_name": "NAME", "source": "FOLDER", "release": ""}'


@dataclass(frozen=True)
class HomeState:
    """The contents of home.json.

    source_name: `name` of its source.toml. source: what `--source` takes, a name under sql/0_sources or a folder; "" where
    an older release did not write it down. release: the one that wrote this file.
    """

    schema_version: int
    source_name: str
    source: str
    release: str


def state_of(settings: Settings) -> HomeState:
    """Return what the home of these settings' source says."""
    return HomeState(SCHEMA_VERSION, settings.name, source_argument(settings), installed_version("clv-pipeline"))


def write_state(home: Home, state: HomeState) -> None:
    """Write home.json, in a home that may not be there yet."""
    home.state.parent.mkdir(parents=True, exist_ok=True)
    write_durably(home.state, (json.dumps(asdict(state), indent=2) + "\n").encode())


def read_state(home: Home) -> HomeState | None:
    """Return the contents of home.json, or None if there is none.

    Raises:
        ConfigurationError: a newer release wrote it.
        DamageError: it cannot be read.
    """
    try:
        values = json.loads(home.state.read_text())
        state = HomeState(**{name: values[name] for name in HomeState.__dataclass_fields__})
        is_newer = state.schema_version > SCHEMA_VERSION
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise DamageError(
            f"{home.state} cannot be read: it names the source that this home belongs to",
            next_step=f"write it again by hand, like {_EXAMPLE}; or remove it: what is published names its source.",
        ) from None
    if is_newer:
        raise ConfigurationError(
            f"The home {home.root} was written by clv-pipeline {state.release}, whose homes have version "
            f"{state.schema_version}; this release knows homes up to version {SCHEMA_VERSION}",
            next_step="install that release again, or `clv restore` a backup that was made before it.",
            anchor="homes",
        )
    return state


def state_of_older(home: Home, settings: Settings) -> HomeState | None:
    """Return whose a home without home.json is; None for an empty one.

    The served bundle names its source; a home that never published is that of who comes first.
    """
    if not is_used(home):
        return None
    name = published_name(home) or settings.name
    own = state_of(settings)
    return own if name == own.source_name else HomeState(SCHEMA_VERSION, name, _known_source(name), own.release)


def source_of(home: Home) -> str | None:
    """Return what `--source` takes for the source that a home belongs to; None for an empty home.

    Raises:
        ConfigurationError: the home does not say where its source is, or it is not there any more.
        DamageError: home.json cannot be read.
    """
    state, name = read_state(home), published_name(home)
    if state is None and not name:
        return None
    source, name = (state.source, state.source_name) if state else (_known_source(name), name)
    if source:
        with suppress(ConfigurationError):
            source_folder(source)
            return source
    where = f"its folder was {source}, which is gone" if source else "it does not say where its folder is"
    raise ConfigurationError(
        f"The home {home.root} belongs to '{name}', and {where}",
        next_step="pass --source FOLDER, or set CLV_SOURCE.",
        anchor="homes",
    )


def source_argument(settings: Settings) -> str:
    """Return what `--source` takes for the source of the settings, whatever the current folder is."""
    folder = settings.source_folder
    return folder.name if folder.parent == SOURCES_FOLDER.resolve() else str(folder)


def place_of(settings: Settings) -> str:
    """Return the options that name source and home to a command; the demo company in its own home needs none.

    >>> place_of(Settings(source="demo")), place_of(Settings(source="cdnow"))
    ('', '--source cdnow')
    """
    source = source_argument(settings)
    options = ["--source", source] if source != "demo" else []
    if settings.home != default_home(settings.source):
        options += ["--home", str(settings.home)]
    return shlex.join(options)


def full_place_of(settings: Settings) -> str:
    """Return the same with both options, whatever they are, for a reader who is somewhere else."""
    home = settings.home.expanduser().absolute()
    return shlex.join(["--source", source_argument(settings), "--home", str(home)])


def is_used(home: Home) -> bool:
    """Return whether a home has anything that belongs to a source."""
    root = home.root.expanduser().absolute()
    patterns = (
        "published/clv.duckdb", "published/*/manifest.json", "warehouse/*.duckdb", "models/*", "tombstones.json"
    )  # fmt: skip
    return any(any(root.glob(pattern)) for pattern in patterns)


def published_name(home: Home) -> str:
    """Return the source of the served bundle, else of the newest; "" where nothing was published."""
    folder = home.root.expanduser().absolute() / "published"
    pointer = _json(folder / "current.json")
    manifests = sorted(map(_json, folder.glob("[!.]*/manifest.json")), key=lambda m: str(m.get("as_of_date", "")))
    return next((str(said["source_name"]) for said in [pointer, *reversed(manifests)] if said.get("source_name")), "")


def _json(file: Path) -> dict[str, Any]:
    try:
        values = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _known_source(name: str) -> str:
    """Return the folder under sql/0_sources whose source.toml has this name, or ""."""
    folders = (file.parent for file in sorted(SOURCES_FOLDER.glob("*/source.toml")))
    return next((folder.name for folder in folders if read_source_toml(folder).get("name") == name), "")
