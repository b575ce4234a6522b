"""Make the homes of older commits: `python -m clv_pipeline_tests.old_homes.make` in a clone with their history.

Each is the home after one night of a small demo company, run with the commit's own code and today's libraries. The demo's
database is left out, which the next night makes, and so are spill files and the events of runs, which name folders of the
machine.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from clv_pipeline.core.project_files import PROJECT
from clv_pipeline_tests.old_homes import COMMITS, NIGHT, SETTINGS, packed

_LEFT_OUT = ("./demo", "./scratch", "./dagster/history/runs/")
_RUN = "from clv_pipeline.cli import cli; cli()"


def make(commit: str) -> None:
    """Write the packed home of a commit."""
    with tempfile.TemporaryDirectory() as folder:
        code, home = Path(folder) / "code", Path(folder) / "home"
        subprocess.run(["git", "clone", "--quiet", PROJECT, code], check=True)
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=code, check=True)
        environment = os.environ | SETTINGS | {"PYTHONPATH": str(code), "CLV_HOME": str(home)}
        subprocess.run([sys.executable, "-c", _RUN, "run", "--as-of", NIGHT], cwd=code, env=environment, check=True)
        with tarfile.open(packed(commit), "w:xz", preset=9) as archive:
            archive.add(home, ".", filter=_kept)


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if member.name.startswith(_LEFT_OUT):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    for commit in COMMITS:
        make(commit)
