"""Ten shop schemas from public documentation, connected by `clv init --url` and the answers of an owner: right to the cent."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from clv_pipeline.warehouse.connection import open_bundle_file
from clv_pipeline_tests.conftest import RULES_RUN, run_clv_here
from clv_pipeline_tests.mariadb import IS_MARIADB_HERE
from clv_pipeline_tests.nights import without_pictures
from clv_pipeline_tests.shops.judging import HASH_KEY, answer, expected_of, judge, load
from clv_pipeline_tests.shops.made_up import FOLDER, NAMES, expected_text, make

#: Of the MySQL family and without a layout: the others' SELECTs are run there with the layouts.
_MARIADB = "prestashop"


#: Its credit notes stand among its invoices and bills, and refer to orders through a table between: the one that needs an edit.
_EDITED = "odoo"


def _connect(name: str, url: str, root: Path) -> tuple[Path, str]:
    """Write the source folder of a shop as its owner does, and answer what only the owner knows; nothing else is edited.

    Return the folder and what was printed.
    """
    source = root / "source"
    ran = run_clv_here("init", str(source), "--url", url, "--yes", CLV_HASH_KEY=HASH_KEY, CLV_HOME=str(root / "home"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    answer(source, expected_of(FOLDER / name)["answers"])
    return source, " ".join(ran.stdout.split())


def _check(name: str, url: str, root: Path) -> None:
    right = expected_of(FOLDER / name)
    judged = judge(_connect(name, url, root)[0], url, FOLDER / name, root)
    assert (judged.missing, judged.wrong) == ({}, {}), judged.warnings
    assert judged.unknown_buyers == Decimal(right["unknown_buyers"])
    assert (judged.goods, judged.refunds) == (Decimal(right["goods"]), Decimal(right["refunds"]))


@pytest.mark.parametrize("name", [name for name in NAMES if name != _EDITED])
def test_every_customer_of_a_shop_is_right_to_the_cent_without_an_edit(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    engine = "mariadb" if name == _MARIADB and IS_MARIADB_HERE else expected_of(FOLDER / name)["engine"]
    server = {"postgresql": "postgres_url", "mariadb": "mariadb_url"}.get(engine)
    _check(name, load(FOLDER / name, tmp_path / "database", server and request.getfixturevalue(server)), tmp_path)


def test_where_refunds_are_not_read_the_sales_are_right_and_a_person_is_told(tmp_path: Path, postgres_url: str) -> None:
    url = load(FOLDER / _EDITED, tmp_path, postgres_url)
    source, said = _connect(_EDITED, url, tmp_path)
    assert "refunds are not read, and may be in account_move" in said
    judged = judge(source, url, FOLDER / _EDITED, tmp_path)
    assert (str(judged.goods), judged.refunds) == (expected_of(FOLDER / _EDITED)["goods"], 0)


def test_a_night_of_a_shop_publishes_what_each_customer_bought(tmp_path: Path) -> None:
    shop = FOLDER / "northwind"
    url = load(shop, tmp_path / "database")
    (source, _), home, right = _connect("northwind", url, tmp_path), tmp_path / "home", expected_of(shop)
    asked = ("--source", str(source), "--url", url, "--home", str(home), "--as-of", right["as_of"], "--horizons", "90")
    with without_pictures():
        ran = run_clv_here("run", *asked, **RULES_RUN, CLV_STALE_DATA="publish")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    with open_bundle_file(home / "published" / "clv.duckdb") as bundle:
        published = bundle.execute("select historic_value, purchase_days from customer_clv").fetchall()
    assert Counter(published) == Counter((Decimal(c["net"]), c["purchase_days"]) for c in right["customers"])


@pytest.mark.parametrize("name", NAMES)
def test_the_files_of_a_shop_are_what_its_maker_makes(name: str) -> None:
    shop = make(name)
    files = shop.files | {"expected.json": expected_text(shop)}
    assert {file.name: file.read_text() for file in (FOLDER / name).iterdir()} == files
