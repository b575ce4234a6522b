"""A small company and a home in which its last night was good, shared by a worker's tests and given to each as a copy."""

import shutil
from pathlib import Path

import pytest

from clv_pipeline.home import Home
from clv_pipeline_tests.faults.company import YESTERDAY, Company, assert_published, healthy, night
from clv_pipeline_tests.nights import copy_of


@pytest.fixture(scope="session")
def _company_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("company")


@pytest.fixture
def company(_company_root: Path) -> Company:
    """Return the healthy company up to and with yesterday; its address stays the same, so nights in one home belong together."""
    shutil.rmtree(_company_root)
    _company_root.mkdir()
    return Company(_company_root)


@pytest.fixture(scope="session")
def _good_night(_company_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("yesterday") / "home")
    assert_published(night(Company(_company_root, healthy(until=YESTERDAY)), home, YESTERDAY))
    return home


@pytest.fixture
def yesterday(_good_night: Home, tmp_path: Path) -> Home:
    """Return a home that serves the company's bundle of yesterday (2024-05-31); tonight is 2024-06-01."""
    return copy_of(_good_night, tmp_path)
