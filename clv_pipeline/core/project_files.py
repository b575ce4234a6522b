"""Where SQL, the workspace and the runbook are: beside the package in a checkout, inside it where a wheel was installed.

Only files that come with the code belong here; what a run writes is in `home.py`.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

#: Where pyproject.toml puts them in a wheel. An editable install runs the package of a checkout, which has no such folder.
CARRIED = PACKAGE / "_project"

#: True where the package was installed from a wheel: its folder belongs to the installer, and nobody writes there.
IS_INSTALLED = CARRIED.is_dir()

#: The folder with `sql/`, `docs/` and `workspace.yaml`: the repository of a checkout.
PROJECT = CARRIED if IS_INSTALLED else PACKAGE.parent
SQL_FOLDER = PROJECT / "sql"
SOURCES_FOLDER = SQL_FOLDER / "0_sources"
WORKSPACE = PROJECT / "workspace.yaml"

#: The page that says for each red check and each family of errors what to do, as an error names it; an anchor follows.
RUNBOOK = str(PROJECT / "docs" / "runbook.md") if IS_INSTALLED else "docs/runbook.md"

#: The home of a run where nobody names one.
DEFAULT_HOME = (Path.cwd() if IS_INSTALLED else PROJECT) / ".clv"
