"""Ten shop schemas from public documentation, connected by `clv init --url` and the answers of an owner: right to the cent."""

from decimal import Decimal
from pathlib import Path

import pytest

from clv_pipeline_tests.conftest import run_clv_here
from clv_pipeline_tests.shops.judging import HASH_KEY, answer, expected_of, judge, load
from clv_pipeline_tests.shops.made_up import FOLDER, NAMES, expected_text, make

#: What these schemas live in, besides the engine that their script is written for: loaded there once more.
_MARIADB = ("woocommerce", "magento", "prestashop")


def _connect(name: str, url: str, root: Path) -> Path:
    """Write the source folder of a shop as its owner does, and answer what only the owner knows; nothing else is edited."""
    source = root / "source"
    ran = run_clv_here("init", str(source), "--url", url, "--yes", CLV_HASH_KEY=HASH_KEY)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    answer(source, expected_of(FOLDER / name)["answers"])
    return source


def _check(name: str, url: str, root: Path) -> None:
    right = expected_of(FOLDER / name)
    judged = judge(_connect(name, url, root), url, FOLDER / name, root)
    assert (judged.missing, judged.wrong) == ({}, {}), judged.warnings
    assert judged.unknown_buyers == Decimal(right["unknown_buyers"])
    assert (judged.goods, judged.refunds) == (Decimal(right["goods"]), Decimal(right["refunds"]))


@pytest.mark.parametrize("name", NAMES)
def test_every_customer_of_a_shop_is_right_to_the_cent_without_an_edit(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    is_postgres = expected_of(FOLDER / name)["engine"] == "postgresql"
    server = request.getfixturevalue("postgres_url") if is_postgres else None
    _check(name, load(FOLDER / name, tmp_path / "database", server), tmp_path)


@pytest.mark.parametrize("name", _MARIADB)
def test_a_shop_of_the_mysql_family_is_right_there_as_well(name: str, tmp_path: Path, mariadb_url: str) -> None:
    _check(name, load(FOLDER / name, tmp_path, mariadb_url), tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_the_files_of_a_shop_are_what_its_maker_makes(name: str) -> None:
    shop = make(name)
    files = shop.files | {"expected.json": expected_text(shop)}
    assert {file.name: file.read_text() for file in (FOLDER / name).iterdir()} == files
