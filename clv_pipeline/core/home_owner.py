"""Who may open a home: its own source. Every command asks here first, and so does every run of the schedule."""

from contextlib import suppress
from pathlib import Path

from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.core.home import Home
from clv_pipeline.core.home_move import move_root_home
from clv_pipeline.core.home_state import HomeState, read_state, state_of, state_of_older, write_state
from clv_pipeline.core.settings import Settings, default_home


def open_home(settings: Settings) -> Home:
    """Return the home of the settings, which is theirs or empty; one of an older release is brought up to date.

    Raises:
        ConfigurationError: the home belongs to another source, or a newer release wrote it.
        DamageError: home.json cannot be read.
        BusyError: a run of an older release works in a home that has to move.
    """
    move_root_home(settings)
    home = Home(settings.home)
    state = read_state(home)
    if state is None and (state := state_of_older(home, settings)):
        with suppress(OSError):  # a monitor may read a home that it may not write to
            write_state(home, state)
    if state:
        _check_owner(home, state, settings)
    return home


def claim_home(settings: Settings) -> Home:
    """Open the home of the settings to write into it: from now on it is theirs.

    Raises: see `open_home`.
    """
    home, state = open_home(settings), state_of(settings)
    if read_state(home) != state:
        write_state(home, state)
    return home


def _check_owner(home: Home, state: HomeState, settings: Settings) -> None:
    """Refuse a source of another name, or in a folder of another name; a folder may be moved as it is."""
    own = state_of(settings)
    is_same_folder = not state.source or Path(state.source).name == Path(own.source).name
    if state.source_name == own.source_name and is_same_folder:
        return
    where = f" (source {state.source})" if state.source else ""
    raise ConfigurationError(
        f"The home {home.root} belongs to '{state.source_name}'{where}, not to '{own.source_name}' (source {own.source}): "
        "history, models and bundles of two sources must not be mixed",
        next_step=f"for '{state.source_name}': `clv run --source {state.source or 'FOLDER'} --home {home.root}`. "
        f"For '{own.source_name}', without --home and CLV_HOME: `clv run --source {own.source}`, whose home is "
        f"{default_home(settings.source)}. If it is one company under a new name, write name and folder into {home.state}.",
        anchor="homes",
    )
