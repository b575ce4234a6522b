"""Paths of SQL, workspace and runbook: next to the package in a checkout, inside it after installing a wheel.

Only files that come with the code belong here; files written by a run are in `home.py`.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

#: Where pyproject.toml puts them in a wheel. An editable install runs the package of a checkout, which has no such folder.
CARRIED = PACKAGE / "_project"

#: True where the package was installed from a wheel: its folder belongs to the installer and is never written to.
IS_INSTALLED = CARRIED.is_dir()

#: The folder with `sql/`, `docs/` and `workspace.yaml`: the repository of a checkout.
PROJECT = CARRIED if IS_INSTALLED else PACKAGE.parent
SQL_FOLDER = PROJECT / "sql"
SOURCES_FOLDER = SQL_FOLDER / "0_sources"
WORKSPACE = PROJECT / "workspace.yaml"

#: The runbook, as named in error messages; each check and error type has its own anchor there.
RUNBOOK = str(PROJECT / "docs" / "runbook.md") if IS_INSTALLED else "docs/runbook.md"

#: The folder with the homes of all sources, each in `sources/<name>`, unless a home is named.
HOMES = (Path.cwd() if IS_INSTALLED else PROJECT) / ".clv"
