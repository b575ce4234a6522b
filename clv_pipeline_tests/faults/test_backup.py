"""Backup and restore: a home whose disk is gone comes back in one command, and the next night is the one it would have been."""

import os
import random
import shutil
import tarfile
from pathlib import Path
from unittest import mock

import pytest

from clv_pipeline.core import backup
from clv_pipeline.core.errors import BusyError, ConfigurationError, DamageError, ResourceError
from clv_pipeline.core.home import Home
from clv_pipeline.core.run_lock import hold
from clv_pipeline_tests.conftest import run_clv_here
from clv_pipeline_tests.faults.company import Company, assert_published, night
from clv_pipeline_tests.nights import contents, copy_of, nights_in_history, served_run

_MADE_AGAIN = ("scratch", "failures", "backtest", "demo", "run.lock")


def _kept(home: Home) -> dict[str, str]:
    """Return the hashes of what a backup has to hold; Dagster's databases are copied row by row."""
    return {
        name: digest
        for name, digest in contents(home.root).items()
        if not name.startswith(_MADE_AGAIN) and not name.endswith((".db", "-wal", "-shm"))
    }


@pytest.fixture
def file(yesterday: Home, tmp_path: Path) -> Path:
    """Return a backup of the home after yesterday's night."""
    file = tmp_path / "home.tar"
    made = run_clv_here("backup", str(file), "--home", str(yesterday.root))
    assert made.returncode == 0, made.stdout
    assert "CLV_HASH_KEY" in made.stdout
    return file


def test_the_night_after_the_disk_was_lost_is_the_one_it_would_have_been(
    file: Path, yesterday: Home, company: Company, tmp_path: Path
) -> None:
    (unharmed := tmp_path / "unharmed").mkdir()
    unharmed_home, kept = copy_of(yesterday, unharmed), _kept(yesterday)
    shutil.rmtree(yesterday.root)
    restored = run_clv_here("restore", str(file), "--home", str(yesterday.root))
    assert restored.returncode == 0, restored.stdout
    assert f"--home {yesterday.root}" in restored.stdout
    assert _kept(yesterday) == kept
    assert "newest run: nightly" in run_clv_here("status", "--home", str(yesterday.root)).stdout
    assert_published(night(company, yesterday))
    assert night(company, unharmed_home).exit_code == 0
    assert list(nights_in_history(yesterday)) == ["2024-05-31", "2024-06-01"]
    tables = {name: digest for name, digest in contents(yesterday.published).items() if name.endswith(".parquet")}
    assert tables == {name: contents(unharmed_home.published).get(name) for name in tables}
    assert served_run(yesterday) == served_run(unharmed_home)


def test_a_backup_is_readable_by_its_owner_only_and_without_what_is_made_again(file: Path, yesterday: Home) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        names = archive.getnames()
    assert {"home.json", "warehouse/warehouse.duckdb", "published/clv.duckdb", "models/champion.json"} <= set(names)
    assert [name for name in names if name.startswith(_MADE_AGAIN)] == []


def test_a_home_that_is_not_empty_is_left_as_it_is(file: Path, yesterday: Home) -> None:
    before = contents(yesterday.root)
    refused = run_clv_here("restore", str(file), "--home", str(yesterday.root))
    assert refused.returncode == 1
    assert "is not empty" in refused.stdout
    assert contents(yesterday.root) == before


def test_a_damaged_backup_is_refused_and_leaves_nothing(file: Path, tmp_path: Path, seed: int) -> None:
    draw, whole = random.Random(seed), file.read_bytes()
    with tarfile.open(file) as archive:
        member = draw.choice([m for m in archive.getmembers() if m.size > 0])
    place = member.offset_data + draw.randrange(member.size)
    flipped = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
    for content in (flipped, whole[: draw.randrange(len(whole) - 20_000)], b"not a backup"):
        file.write_bytes(content)
        with pytest.raises(DamageError, match="is damaged, or no backup"):
            backup.restore(file, Home(tmp_path / "new"), tmp_path)
        assert not (tmp_path / "new").exists()
        assert list(tmp_path.glob(".*")) == []


def test_a_file_that_leads_out_of_the_home_is_refused(file: Path, tmp_path: Path) -> None:
    with tarfile.open(file, "a") as archive:
        archive.add(__file__, "../outside.py")
    with pytest.raises(DamageError, match="does not belong in it"):
        backup.restore(file, Home(tmp_path / "new"), tmp_path)
    assert not (tmp_path / "outside.py").exists()


def test_a_restoration_that_was_killed_is_no_home_and_may_be_repeated(file: Path, tmp_path: Path) -> None:
    new = Home(tmp_path / "new")
    with (
        mock.patch.object(backup.shutil, "rmtree"),
        mock.patch.object(backup.os, "replace", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        backup.restore(file, new, tmp_path)
    assert (tmp_path / ".restoring-new" / "warehouse").exists()
    assert not new.root.exists()
    (tmp_path / ".restoring-new" / "warehouse" / "left_over").write_text("of the first attempt")
    backup.restore(file, new, tmp_path)
    assert new.state.exists()
    assert list(tmp_path.rglob("left_over")) == []


def test_without_a_home_it_is_restored_into_that_of_its_source(file: Path, tmp_path: Path) -> None:
    home, _ = backup.restore(file, None, tmp_path / ".clv")
    assert home.root == tmp_path / ".clv" / "sources" / "source"
    assert (home.published / "clv.duckdb").exists()


def test_no_backup_is_made_while_a_run_is_under_way(yesterday: Home, tmp_path: Path) -> None:
    with hold(yesterday, "clv run", "a run"), pytest.raises(BusyError, match="clv run"):
        backup.back_up(yesterday, tmp_path / "busy.tar")
    assert not (tmp_path / "busy.tar").exists()


def test_a_backup_that_cannot_be_written_leaves_nothing(yesterday: Home, tmp_path: Path) -> None:
    (folder := tmp_path / "disk").mkdir()
    with (
        mock.patch.object(os, "fsync", side_effect=OSError(28, "No space left on device")),
        pytest.raises(ResourceError, match="No space left"),
    ):
        backup.back_up(yesterday, folder / "home.tar")
    assert list(folder.iterdir()) == []


def test_a_backup_replaces_no_file_and_lies_in_no_home(file: Path, yesterday: Home) -> None:
    for place in (file, yesterday.root / "home.tar"):
        with pytest.raises(ConfigurationError):
            backup.back_up(yesterday, place)
