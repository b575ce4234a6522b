"""The move of a home that lies directly in `.clv`, as releases before named homes had it, to `.clv/sources/<name>`.

Its parts are renamed one by one; a move that is cut short is finished by the next command. BI tools keep their path:
`.clv/published/clv.duckdb` stays as a link.
"""

import os
import shutil
from pathlib import Path

from clv_pipeline.core import project_files
from clv_pipeline.core.home import Home, remove_at_once
from clv_pipeline.core.home_state import is_used, published_name, state_of, write_state
from clv_pipeline.core.run_lock import hold
from clv_pipeline.core.settings import Settings, default_home

#: The parts that move; `published` is the last, because BI tools read it.
_PARTS = ("warehouse", "models", "dagster", "backtest", "demo", "failures", "tombstones.json", "published")
_SERVED = Path("published") / "clv.duckdb"


def move_root_home(settings: Settings) -> None:
    """Move the home in `.clv` to the default home of the settings' source, if it belongs to that source.

    Raises:
        BusyError: a run of an older release works in it.
    """
    target = default_home(settings.source)
    moving = target.with_name(f".moving-{target.name}")
    if settings.home != target or not (moving.exists() or _is_theirs(settings)):
        return
    with hold(Home(project_files.HOMES), "the move of the home"):
        if moving.exists() or _is_theirs(settings):
            _move(moving, target, settings)


def _is_theirs(settings: Settings) -> bool:
    """Return whether `.clv` is a home of the source, or of nobody known, and the source has no newer one."""
    old, new = Home(project_files.HOMES), Home(settings.home)
    if old.state.exists() or (old.root / _SERVED).is_symlink() or not is_used(old):
        return False
    return published_name(old) in ("", settings.name) and not is_used(new)


def _move(moving: Path, target: Path, settings: Settings) -> None:
    root = project_files.HOMES
    moving.mkdir(parents=True, exist_ok=True)
    write_state(Home(moving), state_of(settings))
    link = _folder_with_link(root, target)
    for name in _PARTS:
        if (root / name).exists() and not (root / _SERVED).is_symlink():
            os.replace(root / name, moving / name)
    if link.exists():
        os.replace(link, root / _SERVED.parent)
    if target.exists() and not is_used(Home(target)):  # folders without anything in them, as `clv doctor` makes them
        remove_at_once(target)
    os.replace(moving, target)
    shutil.rmtree(root / "scratch", ignore_errors=True)
    (root / "run.lock").unlink(missing_ok=True)


def _folder_with_link(root: Path, target: Path) -> Path:
    """Return a folder that takes the place of `published` in one step; none is made where it did already."""
    folder = root / ".published-new"
    if not (root / _SERVED).is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / _SERVED.name).symlink_to(Path("..") / target.relative_to(root) / _SERVED)
    return folder
