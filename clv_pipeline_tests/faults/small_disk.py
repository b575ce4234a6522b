"""A folder of a home on a separate disk that is nearly full or read-only, and the last steps of a night on it.

The disk is a real one, mounted in a name space of its own for the one process that works on it. No test is here.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.features.build import build_feature_table
from clv_pipeline.sources.extraction import extract
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline.warehouse.sql_models import load_layer
from clv_pipeline_tests.faults.company import TONIGHT, YESTERDAY
from clv_pipeline_tests.nights import publish_night

#: Mounts a disk over a folder, fills it with what the folder holds, shrinks it, works, and puts everything back.
_MOUNT = """
set -e
folder=$1 free=$2 mode=$3 kept=$4
shift 4
cp -a "$folder/." "$kept/"
mount -t tmpfs -o size=1g none "$folder"
cp -a "$kept/." "$folder/"
used=$(df -B1 --output=used "$folder" | tail -1)
mount -o "remount,$mode,size=$((used + free))" "$folder"
status=0
"$@" || status=$?
rm -rf "$kept"/* "$kept"/.[!.]*
cp -a "$folder/." "$kept/"
umount "$folder"
rm -rf "$folder"/* "$folder"/.[!.]*
cp -a "$kept/." "$folder/"
exit $status
"""
_WORK = """
import sys
from pathlib import Path
from clv_pipeline.core.errors import PipelineError
from clv_pipeline.core.home import Home
from clv_pipeline_tests.conftest import open_warehouse
from clv_pipeline_tests.faults import small_disk
home = Home(Path(sys.argv[2]))
try:
    getattr(small_disk, sys.argv[1])(home, open_warehouse(home), Path(sys.argv[3]))
except PipelineError as error:
    print(error)
    sys.exit(1)
"""
Work = Callable[[Home, Warehouse, Path], None]
Ran = subprocess.CompletedProcess[str]


def build_again(home: Home, warehouse: Warehouse, company: Path) -> None:
    """Build what a night builds before it scores: the raw tables again from all that the source holds, and the features."""
    settings = company_settings(home, company)
    with warehouse.connection() as connection:
        connection.execute("delete from raw.loads")
    extract(
        settings, warehouse, as_of=date.fromisoformat(YESTERDAY), run_id="again",
        started_at=datetime(2024, 6, 1, 3, tzinfo=UTC), progress=lambda table, rows: None,
    )  # fmt: skip
    for model in load_layer("2_features"):
        build_feature_table(warehouse, model)


def publish_tonight(home: Home, warehouse: Warehouse, company: Path) -> None:
    """Publish the scores that the warehouse holds as those of tonight."""
    publish_night(home, TONIGHT, warehouse=warehouse)


def company_settings(home: Home, company: Path) -> Settings:
    return load_settings(source=str(company / "source"), source_url=str(company / "files"), home=home.root)


def is_whole_run_due(seed: int) -> bool:
    """Return whether a seed heals by a whole run, too, and not only by the steps of one: it costs ten times as much."""
    return seed % 10 == 9


@cache
def _can_mount() -> bool:
    unshare = shutil.which("unshare")
    probe = [str(unshare), "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]
    return unshare is not None and subprocess.run(probe, capture_output=True, check=False).returncode == 0


def on_small_disk(folder: Path, command: list[str], *, free: int, read_only: bool = False, **environment: str) -> Ran:
    """Run a command while `folder` is a disk with `free` bytes left, or one that cannot be written."""
    if not _can_mount():
        pytest.skip("this system lets nobody mount a disk")
    kept = folder.parent.with_name(f"{folder.name}.kept")
    kept.mkdir()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CLV_", "DAGSTER_"))}
    try:
        return subprocess.run(
            ["unshare", "-rm", "sh", "-c", _MOUNT, "sh", str(folder), str(free), "ro" if read_only else "rw", str(kept),
             *command],
            env=clean | environment, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(kept)


def work(work: Work, home: Home, company: Path) -> list[str]:
    """Return the command that does one of the works above in a process of its own."""
    return [sys.executable, "-c", _WORK, work.__name__, str(home.root), str(company)]
