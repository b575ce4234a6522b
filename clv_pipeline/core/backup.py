"""Backup of a home into one file, and its restoration: `clv backup` and `clv restore`.

The file is a tar of every file that a night needs, with a manifest of hashes at its end, so that a file that was cut short has
none. What can be made again (spill files, backtests, the demo company's database) is not in it, nor is what lies elsewhere.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from clv_pipeline.core.errors import ConfigurationError, DamageError, ResourceError
from clv_pipeline.core.home import Home, remove_at_once
from clv_pipeline.core.home_state import HomeState, read_state
from clv_pipeline.core.run_lock import hold

_MANIFEST = "backup.json"
_VERSION = 1
#: Folders of a home that a night makes again, and texts that may quote a row.
_LEFT_OUT = ("scratch", "failures", "backtest", "demo", "run.lock")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Backup:
    """What a backup holds: whose home, how many files, and their size in bytes."""

    state: HomeState
    files: int
    size: int


def back_up(home: Home, file: Path) -> Backup:
    """Write every file that a night needs into `file`, readable by this user only. No run may be under way.

    Raises:
        ConfigurationError: the home is empty, or `file` exists or lies in the home.
        ResourceError: the file cannot be written.
        BusyError: a run is under way.
    """
    state, root = read_state(home), home.root.expanduser().absolute()
    if state is None:
        raise ConfigurationError(f"There is nothing in the home {home.root} yet", next_step="run `clv run` first.")
    if file.exists() or root in file.absolute().parents:
        raise ConfigurationError(
            f"{file} exists already" if file.exists() else f"{file} would be in the home that it is a backup of",
            next_step="name another file, on another disk.",
        )
    beside = file.with_name(f".{file.name}.new")
    with hold(home, "clv backup"), _explained(file):
        try:
            hashes, size = _write(root, beside, state, home.scratch)
            os.replace(beside, file)
        finally:
            beside.unlink(missing_ok=True)
    return Backup(state, len(hashes), size)


def restore(file: Path, home: Home | None, homes: Path) -> tuple[Home, Backup]:
    """Make a home of a backup, whole or not at all: `home`, or where there is none its source's own below `homes`.

    Raises:
        ConfigurationError: the home is not empty, or a newer release wrote the backup.
        DamageError: the file is no backup, or not as it was written.
        ResourceError: the home cannot be written.
    """
    manifest = _manifest(file)
    state = HomeState(**manifest["home"])
    home = home or Home(homes / "sources" / PurePosixPath(state.source).name)
    root = home.root.expanduser().absolute()
    if any(path.is_file() for path in root.rglob("*")):
        raise ConfigurationError(
            f"The home {root} is not empty: a backup is restored into an empty one only",
            next_step="name another one with --home, or move this one away.",
        )
    beside = root.with_name(f".restoring-{root.name}")
    with _explained(root):
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        try:
            size = _extract(file, beside, manifest["files"])
            if root.exists():
                remove_at_once(root)
            os.replace(beside, root)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return home, Backup(state, len(manifest["files"]), size)


def _write(root: Path, file: Path, state: HomeState, scratch: Path) -> tuple[dict[str, str], int]:
    hashes: dict[str, str] = {}
    size = 0
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as opened, tarfile.open(fileobj=opened, mode="w") as archive:
        for path in _files(root):
            name = path.relative_to(root).as_posix()
            with _as_it_is(path, scratch) as content:
                info = archive.gettarinfo(arcname=name, fileobj=content)
                info.mode = path.stat().st_mode & 0o777
                reader = _Hashing(content)
                archive.addfile(info, reader)
                hashes[name], size = reader.hash.hexdigest(), size + info.size
        text = json.dumps({"version": _VERSION, "home": state.__dict__, "files": hashes}, indent=2).encode()
        info = tarfile.TarInfo(_MANIFEST)
        info.size = len(text)
        archive.addfile(info, BytesIO(text))
        opened.flush()
        os.fsync(opened.fileno())
    return hashes, size


def _files(root: Path) -> Iterator[Path]:
    """Yield the files to keep, in order; names of half-made files and folders begin with a dot."""
    for path in sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink()):
        parts = path.relative_to(root).parts
        is_half_made = any(part.startswith(".") for part in parts)
        is_damaged = path.name == "set_aside.duckdb"
        # part of an SQLite database, whose copy has its rows
        is_log = path.name.endswith((".db-wal", ".db-shm", ".db-journal"))
        if parts[0] not in _LEFT_OUT and not (is_half_made or is_damaged or is_log):
            yield path


def _as_it_is(path: Path, scratch: Path) -> IO[bytes]:
    """Open a file of the home; Dagster may write to its databases meanwhile, so of those a copy of one moment is read."""
    if path.suffix != ".db":
        return path.open("rb")
    copy = scratch / "backup.db"
    copy.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except sqlite3.DatabaseError:
        return path.open("rb")  # damaged: the next run sets it aside
    opened = copy.open("rb")
    copy.unlink()
    return opened


class _Hashing:
    """A file that hashes what is read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.hash = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        content = self.file.read(size)
        self.hash.update(content)
        return content


def _manifest(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise ConfigurationError(f"There is no file {file}", next_step="name the file that `clv backup` wrote.")
    try:
        with tarfile.open(file) as archive:
            content = archive.extractfile(_MANIFEST)
            assert content is not None
            manifest = json.load(content)
            HomeState(**manifest["home"])
            version, files = int(manifest["version"]), dict(manifest["files"])
    except (tarfile.TarError, KeyError, ValueError, TypeError, AssertionError, EOFError):
        raise _damaged(file, "its list of files is missing or cannot be read") from None
    if version > _VERSION:
        raise ConfigurationError(
            f"{file} was written by a newer release ({manifest['home']['release']})", next_step="install that release."
        )
    return {"home": manifest["home"], "files": files}


def _extract(file: Path, folder: Path, hashes: dict[str, str]) -> int:
    """Write the files of the manifest into a folder; return their size."""
    size, found = 0, set()
    try:
        with tarfile.open(file) as archive:
            for member in archive:
                if member.name == _MANIFEST:
                    continue
                path = PurePosixPath(member.name)
                content = archive.extractfile(member) if member.isfile() else None
                if content is None or path.is_absolute() or ".." in path.parts or member.name not in hashes:
                    raise _damaged(file, f"{member.name} does not belong in it")
                if _copy(content, folder / path, member) != hashes[member.name]:
                    raise _damaged(file, f"{member.name} is not the file that was saved")
                found.add(member.name)
                size += member.size
    except tarfile.TarError:
        raise _damaged(file, "it cannot be read to its end") from None
    if missing := sorted(set(hashes) - found):
        raise _damaged(file, f"{missing[0]} is missing")
    return size


def _copy(content: IO[bytes], path: Path, member: tarfile.TarInfo) -> str:
    """Write one file with its mode and its time, which orders bundles of one day; return its hash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    reader = _Hashing(content)
    with path.open("wb") as written:
        while chunk := reader.read(_CHUNK):
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    path.chmod(member.mode)
    os.utime(path, (member.mtime, member.mtime))
    return reader.hash.hexdigest()


def _damaged(file: Path, why: str) -> DamageError:
    return DamageError(
        f"{file} is damaged, or no backup: {why}. Nothing was restored",
        next_step="take another backup file.",
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn a failure of the disk while writing to `path` into an error with a next step."""
    try:
        yield
    except OSError as error:
        raise ResourceError(
            f"{path} cannot be written: {os.strerror(error.errno or 0)}; nothing was left behind",
            next_step="free space there or name another place, then do it again.",
        ) from None
