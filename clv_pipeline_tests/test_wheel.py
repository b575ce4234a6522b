"""The wheel: what is in it, and a night of the demo company from an empty folder where nothing of the checkout is seen."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from clv_pipeline.core.project_files import PACKAGE, PROJECT
from clv_pipeline.core.run_identity import code_fingerprint
from clv_pipeline.core.settings import load_settings
from clv_pipeline_tests.conftest import RULES_RUN

CARRIED = "clv_pipeline/_project"


def _run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that sees no setting of ours or of Dagster, and no Python path."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CLV_", "DAGSTER_", "PYTHON"))}
    return subprocess.run(
        list(map(str, command)), env=clean | environment, cwd=cwd, capture_output=True, text=True, timeout=600, check=False
    )  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=PROJECT)
    assert built.returncode == 0, built.stdout + built.stderr
    (file,) = folder.glob("*.whl")
    return file


@dataclass(frozen=True)
class Installed:
    """A virtual environment that holds the wheel, sees the libraries of this one, and an empty folder to work in."""

    environment: Path
    folder: Path

    @property
    def package(self) -> Path:
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.environment)})) / "clv_pipeline"

    def clv(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return _run(self.environment / "bin" / "clv", *arguments, cwd=self.folder, **settings)

    def python(self, code: str) -> str:
        ran = _run(self.environment / "bin" / "python", "-c", code, cwd=self.folder)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def files(self) -> set[str]:
        found = (path for path in self.package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(self.package).as_posix() for path in found}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    made = Installed(tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("empty"))
    venv.create(made.environment, symlinks=True)
    # a path in a .pth file comes last, and the .pth files in that folder (our own editable install) are not read
    (made.package.parent / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    done = _run(
        sys.executable, "-m", "pip", "--python", made.environment / "bin" / "python", "--disable-pip-version-check",
        "install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--ignore-installed", wheel, cwd=made.folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def test_the_wheel_holds_package_templates_sql_runbook_and_workspace_and_nothing_else(wheel: Path) -> None:
    outside = [*(PROJECT / "sql").rglob("*"), PROJECT / "docs" / "runbook.md", PROJECT / "workspace.yaml"]
    expected = {f"{CARRIED}/{path.relative_to(PROJECT).as_posix()}": path for path in outside if path.is_file()}
    expected |= {f"clv_pipeline/{path.relative_to(PACKAGE).as_posix()}": path for path in PACKAGE.rglob("*.py")}
    templates = [path for path in (PACKAGE / "reporting" / "templates").rglob("*") if path.is_file()]
    assert templates, "the pages have no templates: they moved"
    expected |= {f"clv_pipeline/{path.relative_to(PACKAGE).as_posix()}": path for path in templates}
    expected |= {f"clv_pipeline/{path.relative_to(PACKAGE).as_posix()}": path for path in PACKAGE.rglob("*.toml")}
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
    assert held.keys() == expected.keys()
    assert [name for name, content in held.items() if content != expected[name].read_bytes()] == []
    assert len([name for name in held if name.endswith(".sql")]) > 40


def test_an_installed_package_is_the_same_code_as_the_checkout(installed: Installed) -> None:
    said = installed.python(
        "import clv_pipeline\n"
        "from clv_pipeline.core.run_identity import code_fingerprint\n"
        "from clv_pipeline.core.settings import load_settings\n"
        "print(clv_pipeline.__file__, code_fingerprint(load_settings(source='demo')))"
    )
    assert said.split() == [str(installed.package / "__init__.py"), code_fingerprint(load_settings(source="demo"))]


def test_a_bare_name_is_a_folder_of_the_current_one_and_the_package_stays_as_it_is(installed: Installed) -> None:
    before = installed.files()
    made = installed.clv("init", "acme")
    assert made.returncode == 0, made.stdout + made.stderr
    assert (installed.folder / "acme" / "orders.sql").is_file()
    assert "clv doctor --source ./acme " in made.stdout
    assert installed.files() == before


def test_a_night_from_an_empty_folder(installed: Installed) -> None:
    before = installed.files()
    ran = installed.clv("run", **RULES_RUN | {"CLV_DEMO_CUSTOMERS": "300"})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    database = installed.folder / ".clv" / "sources" / "demo" / "published" / "clv.duckdb"
    assert str(database) in ran.stdout
    assert database.is_file()
    assert re.search(r"dashboard +\S*clv dashboard\n  Dagster UI +\S*clv ui\n", ran.stdout), "there is no Makefile"
    assert installed.files() == before

    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert installed.clv("--version").stdout == f"clv {version}\n"
    doctor = installed.clv("doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    unknown = installed.clv("run", "--source", "nobody")
    assert f"{installed.package / '_project' / 'docs' / 'runbook.md'}#configuration" in unknown.stdout
