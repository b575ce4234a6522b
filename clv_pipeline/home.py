"""The folders under CLV_HOME: everything a run writes is below one of these, and two homes never touch each other."""

import os
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
        """Spill files and half-built things; may be emptied between runs."""
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
    def demo_database(self) -> Path:
        return self._folder("demo") / "demo_company.sqlite"

    def _folder(self, name: str) -> Path:
        folder = self.root.expanduser().absolute() / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def write_durably(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader sees the old file or the whole new one, also after a power cut."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
