"""The folders under CLV_HOME: every file of a run is below one of these, and two homes share nothing."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """Absolute paths below one CLV_HOME; each folder is made on first use."""

    root: Path

    @property
    def warehouse(self) -> Path:
        return self._folder("warehouse") / "warehouse.duckdb"

    @property
    def backtest(self) -> Path:
        """The warehouse of backtests, which publish nothing."""
        return self._folder("backtest") / "warehouse.duckdb"

    @property
    def scratch(self) -> Path:
        """Spill files and half-written folders; may be emptied between runs."""
        return self._folder("scratch")

    @property
    def models(self) -> Path:
        return self._folder("models")

    @property
    def published(self) -> Path:
        return self._folder("published")

    @property
    def dagster(self) -> Path:
        return self._folder("dagster")

    @property
    def failures(self) -> Path:
        """Texts of unexpected errors, which may quote a row: `foreign_errors.py` makes the folder private, and bounds it."""
        return self.root.expanduser().absolute() / "failures"

    @property
    def alerts(self) -> Path:
        """What was told of the nights, and the messages that have not arrived; see `alerts/outbox.py`."""
        return self.root.expanduser().absolute() / "alerts.json"

    @property
    def state(self) -> Path:
        """Whose home it is, and the version of its layout; see `home_state.py`."""
        return self.root.expanduser().absolute() / "home.json"

    @property
    def lock(self) -> Path:
        """The lock file, locked by the process that writes to this home."""
        return self._folder(".") / "run.lock"

    @property
    def tombstones(self) -> Path:
        """The list of erased customers; outside the warehouse, which may be rebuilt from the source."""
        return self.root.expanduser().absolute() / "tombstones.json"

    @property
    def demo_database(self) -> Path:
        return self._folder("demo") / "demo_company.sqlite"

    def _folder(self, name: str) -> Path:
        folder = self.root.expanduser().absolute() / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def write_durably(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader sees the old file or the complete new one, even after a power cut."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


_REPLACED = ".replaced-"


def remove_at_once(folder: Path) -> None:
    """Remove a folder so that it is never half-removed under its name.

    Leftovers of a kill start with a dot; `clear_leftovers` removes it later.
    """
    beside = folder.with_name(f".removing-{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    os.replace(folder, beside)
    shutil.rmtree(beside, ignore_errors=True)


def replace_folder(new: Path, folder: Path) -> None:
    """Replace `folder` by `new`; after a kill in between, `clear_leftovers` restores the old one."""
    aside = folder.with_name(f"{_REPLACED}{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    os.replace(folder, aside)
    os.replace(new, folder)
    shutil.rmtree(aside, ignore_errors=True)


def clear_leftovers(folder: Path) -> None:
    """Remove half-written or half-removed folders of killed processes from `folder`, to free their space."""
    for aside in folder.glob(f"{_REPLACED}*"):
        if not (name := folder / aside.name.removeprefix(_REPLACED)).exists():
            os.replace(aside, name)
    for path in folder.glob(".*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
