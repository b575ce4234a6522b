"""A small company and a home in which its last night was good, shared by a worker's tests and given to each as a copy.

Also the two options of `make chaos`: `--repeats`, how many seeds the tests with a `seed` are given, and `--faults-table`.
"""

import shutil
from pathlib import Path

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.home_owner import claim_home
from clv_pipeline.core.settings import load_settings
from clv_pipeline_tests.conftest import MadeOnce
from clv_pipeline_tests.faults.company import YESTERDAY, Company, assert_published, healthy, night
from clv_pipeline_tests.faults.table import FAULTS, SENTENCE, FaultsTable, faults_of, sentence_of
from clv_pipeline_tests.nights import copy_of

#: How many seeds a test has in `make test`, which does not know the option.
_FEW_REPEATS = 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--repeats", type=int, default=_FEW_REPEATS, help="seeds for each fault test that takes one")
    parser.addoption("--faults-table", type=Path, help="the file to write the table of faults to")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--faults-table", default=None)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FaultsTable(path))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--repeats", default=_FEW_REPEATS)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        numbers = " ".join(map(str, faults_of(item)))
        item.user_properties += [(FAULTS, numbers), (SENTENCE, sentence_of(item))]


@pytest.fixture(scope="session")
def company_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("company")


@pytest.fixture
def company(company_root: Path) -> Company:
    """Return the healthy company up to and with yesterday; its address stays the same, so nights in one home belong together."""
    shutil.rmtree(company_root)
    company_root.mkdir()
    return Company(company_root)


def _make_good_night(folder: Path) -> None:
    company = Company(folder / "company", healthy(until=YESTERDAY))
    assert_published(night(company, Home(folder / "home"), YESTERDAY, is_drawn=True))


@pytest.fixture(scope="session")
def good_night(made_once: MadeOnce, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return the worker's own copy of the home after yesterday's night, which one of them makes for all."""
    made = made_once("good_night", _make_good_night)
    home = copy_of(Home(made / "home"), tmp_path_factory.mktemp("yesterday"))
    # the folder was renamed when it was finished
    claim_home(load_settings(source=str(made / "company" / "source"), home=home.root))
    return home


@pytest.fixture
def yesterday(good_night: Home, tmp_path: Path) -> Home:
    """Return a home that serves the company's bundle of yesterday (2024-05-31); tonight is 2024-06-01."""
    return copy_of(good_night, tmp_path)
