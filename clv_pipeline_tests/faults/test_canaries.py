"""Canaries planted at a source (a name, an e-mail address) and in its address (a password) are found nowhere in the home.

Invariant I5 after a good run, after runs that fail on the very rows that hold them, and after a traceback.
"""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from clv_pipeline.core.home import Home
from clv_pipeline_tests.faults.company import TONIGHT, Night, healthy, run_night

NAME, EMAIL, PASSWORD, KEY = "Canaria Vogelsang", "canaria@vogelsang.example", "pa55-canary-word", "key-of-the-canary"
CANARIES = (NAME, "Vogelsang", "Canaria", EMAIL, "vogelsang.example", PASSWORD, KEY)

ORDERS = """
select order_id, customer_id, ordered_at, product_id, quantity, amount, currency, status, updated_at from orders
"""


@pytest.fixture(scope="module")
def source(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Return a folder of SELECTs and the address of a PostgreSQL with the healthy company and its canaries."""
    folder, tables = tmp_path_factory.mktemp("canaries"), healthy()
    (folder / "source.toml").write_text('time_zone = "Europe/Berlin"\n[order_status]\nrevenue = ["paid"]\n')
    for row in tables["customers"]:
        row["full_name"] = "Somebody Else"
    tables["customers"][3] |= {"full_name": NAME, "email": EMAIL}
    for row in tables["orders"]:
        row["delivery_note"] = "12"
    tables["orders"][3]["delivery_note"] = f"leave it with {NAME}"
    address = postgres_url.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("drop schema if exists canaries cascade; create schema canaries; set search_path = canaries")
        for name in ("orders", "customers"):
            rows = tables[name]
            columns = list(rows[0])
            connection.execute(f"create table {name} ({', '.join(f'{c} text' for c in columns)})".encode())
            with connection.cursor().copy(f"copy {name} from stdin".encode()) as copy:
                for row in rows:
                    copy.write_row([None if row[c] is None else str(row[c]) for c in columns])
    (folder / "customers.sql").write_text("select * from customers\n")
    url = sa.make_url(postgres_url).set(password=PASSWORD)
    url = url.update_query_dict({"options": "-c search_path=canaries"})
    yield folder, url.render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("drop schema canaries cascade")


@pytest.fixture(scope="module")
def good(source: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Night:
    return _night(Home(tmp_path_factory.mktemp("home") / "home"), source, ORDERS)


def _night(home: Home, source: tuple[Path, str], orders: str) -> Night:
    folder, url = source
    (folder / "orders.sql").write_text(orders)
    secrets = {"CLV_SOURCE_URL": url, "CLV_HASH_KEY": KEY}
    return run_night(home, "--source", str(folder), "--as-of", TONIGHT, **secrets)


def _assert_silent(seen: Night) -> None:
    """Assert that no canary is in the output or in any byte of the home, in either of the encodings that files have."""
    files = [p for p in seen.home.root.rglob("*") if p.is_file()]
    assert len(files) > 20
    for canary in CANARIES:
        assert canary not in seen.output
        for encoded in (canary.encode(), canary.encode("utf-16-le")):
            assert [p for p in files if encoded in p.read_bytes()] == [], canary


def test_a_good_run_keeps_no_canary(good: Night) -> None:
    assert good.exit_code == 0, good.output
    _assert_silent(good)


@pytest.mark.parametrize(
    ("orders", "says"),
    [
        # the database itself quotes the value it cannot cast
        (
            ORDERS.replace("quantity,", "delivery_note::numeric as quantity,"),
            "invalid input syntax for type numeric: ***",
        ),
        # our own door cannot read it
        (ORDERS.replace(" amount,", " delivery_note as amount,"), "orders.amount: 1 values cannot be read as money"),
        # a rule about texts finds it
        (ORDERS.replace("currency,", "delivery_note as currency,"), "rows are quarantined"),
    ],
    ids=["the database refuses", "the door refuses", "the clean rules refuse"],
)
def test_a_run_that_fails_on_the_very_row_keeps_no_canary(
    good: Night, source: tuple[Path, str], orders: str, says: str
) -> None:
    seen = _night(good.home, source, orders)
    assert seen.exit_code == 1
    assert says in " ".join(seen.output.split())
    _assert_silent_but_for_the_warehouse(seen)


def _assert_silent_but_for_the_warehouse(seen: Night) -> None:
    """Assert silence but where a SELECT has asked for the text: then it is data like any other, and stays where data is."""
    files = [p for p in seen.home.root.rglob("*") if p.is_file() and p.parent != seen.home.warehouse.parent]
    for canary in CANARIES:
        assert canary not in seen.output
        assert [p for p in files if canary.encode() in p.read_bytes()] == [], canary


def test_a_wrong_password_is_not_repeated(good: Night, source: tuple[Path, str]) -> None:
    folder, url = source
    seen = _night(good.home, (folder, str(url).replace("postgres:", "nobody_there:")), ORDERS)
    assert seen.exit_code == 1
    assert "nobody_there" not in seen.output or PASSWORD not in seen.output
    _assert_silent_but_for_the_warehouse(seen)


def test_a_traceback_keeps_no_canary(good: Night, source: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def with_a_bug(*arguments: object) -> None:
        raise RuntimeError("a mistake in the code")

    monkeypatch.setattr("clv_pipeline.orchestration.assets.clean.build_clean_table", with_a_bug)
    seen = _night(good.home, source, ORDERS)
    assert seen.exit_code == 1
    kept = [p.read_text() for p in good.home.failures.iterdir()]
    assert any("a mistake in the code" in text and "in with_a_bug" in text for text in kept), "there was no traceback"
    _assert_silent_but_for_the_warehouse(seen)
