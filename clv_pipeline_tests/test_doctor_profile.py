"""The profile of `clv doctor`: what it shows of small sources, what it never calls ok, and that its verdict is the run's."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rich.console import Console

from clv_pipeline.contracts.reasons import NO_EXCHANGE_RATE, UNKNOWN_STATUS
from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.errors import PipelineError
from clv_pipeline.core.home import Home
from clv_pipeline.core.run_lock import hold
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.diagnostics.doctor import examine_source
from clv_pipeline.diagnostics.profile.absent import _WITHOUT
from clv_pipeline.diagnostics.profile.printing import print_points, print_profile, print_verdict
from clv_pipeline.diagnostics.profile.profile import Profile, profile_source
from clv_pipeline.features.plan import plan_training
from clv_pipeline.quality.cleaning import build_clean_table, clean_parameters
from clv_pipeline.quality.expectations import Validator
from clv_pipeline.quality.judging import judge_tonight
from clv_pipeline.reporting.formats import number_format
from clv_pipeline.warehouse.sql_models import build, load_layer
from clv_pipeline_tests.cases.small_source import write
from clv_pipeline_tests.conftest import open_warehouse, run_clv_here
from clv_pipeline_tests.ticks import python_process
from clv_pipeline_tests.warehouse_builders import extract_source

AS_OF = "2024-06-01"
TOML = f'name = "Small"\ntime_zone = "Europe/Berlin"\ncurrency = "EUR"\nas_of = "{AS_OF}"\n'
STATUSES = '\n[order_status]\nrevenue = ["paid"]\nnot_revenue = ["open"]\n'
HEAD = "order_id,order_line_id,customer_id,ordered_at,amount,currency,status\n"
_NUMBER = count(1)
#: Great Expectations takes a second to begin.
VALIDATOR = Validator()


def lines(orders: int = 300, *, first: int = 0, **fields: object) -> str:
    """Return lines of orders, the last on the day before as_of at noon; `fields` replace the value of a column."""
    rows = []
    for n in range(first, first + orders):
        day = date.fromisoformat(AS_OF) - timedelta(days=1 + n % 150)
        row = {
            "order_id": n, "order_line_id": 1, "customer_id": f"C{n % 40}", "ordered_at": f"{day} 12:00",
            "amount": f"{10 + n % 7}.50", "currency": "", "status": "paid",
        } | fields  # fmt: skip
        rows.append(",".join(map(str, row.values())))
    return "\n".join(rows) + "\n"


GOOD = HEAD + lines()


def settings_of(
    root: Path, *, toml: str = TOML + STATUSES, selects: dict[str, str] | None = None, **files: str
) -> Settings:
    source, data = write(
        root, toml=toml, files={f"{name}.csv": text for name, text in files.items()},
        selects={name: f"select * from {name}" for name in files} | (selects or {}),
    )  # fmt: skip
    return load_settings(source=str(source), source_url=str(data), home=root / "home")


def profile_of(settings: Settings) -> Profile:
    return profile_source(settings, lambda what, rows: None)


def printed(profile: Profile, width: int = 80) -> str:
    text = io.StringIO()
    console = Console(width=width, file=text, highlight=False, soft_wrap=True)
    print_profile(console, profile)
    print_points(console, profile.points)
    print_verdict(console, profile)
    return text.getvalue()


def said(profile: Profile, subject: str) -> str:
    """Return severity, text and lines of the one point about a subject."""
    (point,) = [point for point in profile.points if point.subject == subject]
    return f"{point.severity} {point.text} {point.next_step} {point.where} {point.lines}"


# ------------------------------------------------------------------------------------------------ a shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """A shop with a bit of everything; 20 of 340 lines are in dollars without a rate."""
    orders = (
        HEAD + lines() + lines(15, first=400, customer_id="") + lines(20, first=500, currency="usd")
        + lines(4, first=600, status="open") + lines(1, first=700, status="gold", customer_id="C1")
        + "1,1,C1,2023-12-31 23:30,-5.00,EUR,paid\n2,2,C1,2023-12-31 23:30,100.00,EUR,paid\n"
    )  # fmt: skip
    customers = "customer_id,email,profiling_consent\n" + "".join(
        f"C{n},{'same' if n < 2 else n}@shop.example,{['yes', 'no', ''][n % 3 if n > 40 else 0]}\n" for n in range(50)
    )
    sessions = "session_id,customer_id,started_at\n" + "".join(f"{n},C{n},2024-05-20 10:00\n" for n in range(100))
    rates = "currency,rate_date,rate\n"
    return profile_of(
        settings_of(
            tmp_path_factory.mktemp("shop"), orders=orders, customers=customers, web_sessions=sessions, fx_rates=rates
        )
    )


def test_each_table_has_its_rows_days_and_age(shop: Profile) -> None:
    orders, customers, sessions, _ = shop.tables
    assert (orders.rows, orders.first_day, orders.last_day) == (342, date(2023, 12, 31), date(2024, 5, 31))
    assert orders.newest_days == 1
    assert "channel" in orders.not_returned
    assert (customers.rows, customers.first_day) == (50, None)
    assert sessions.newest_days == 12


def test_money_by_year_is_what_is_accepted(shop: Profile) -> None:
    earlier, year = shop.years
    assert (earlier.year, earlier.lines, earlier.sales, earlier.returns) == (
        2023,
        2,
        Decimal("100.00"),
        Decimal("-5.00"),
    )
    expected = sum(10 + n % 7 + 0.5 for n in [*range(300), *range(400, 415)])
    assert float(year.net) == expected
    assert year.customers == 40


def test_what_is_not_accepted_has_a_reason_and_money(shop: Profile) -> None:
    reasons = {row.reason: row for row in shop.not_accepted if row.table == "orders"}
    assert reasons[NO_EXCHANGE_RATE.text].rows == 20
    assert reasons[UNKNOWN_STATUS.text].money == Decimal("10.5")


def test_statuses_and_currencies_say_what_becomes_of_them(shop: Profile) -> None:
    assert {s.status: s.counts_as for s in shop.statuses} == {
        "paid": "revenue", "open": "not revenue", "gold": "not decided"
    }  # fmt: skip
    assert {c.code: (c.lines, c.rate) for c in shop.currencies} == {"EUR": (322, Decimal(1)), "USD": (20, None)}


def test_the_block_of_statuses_keeps_what_was_decided(shop: Profile) -> None:
    point = said(shop, "order statuses")
    assert point.startswith("warn")
    assert 'revenue = ["paid"]' in point
    assert '"gold"' in point


def test_guests_and_consents_are_counted(shop: Profile) -> None:
    assert shop.guests is not None
    assert (shop.guests.orders, shop.guests.of_orders) == (15, 316)
    assert shop.consents is not None
    assert (shop.consents.yes, shop.consents.no, shop.consents.unclear, shop.consents.no_record) == (44, 3, 3, 0)
    assert shop.addresses is not None
    assert shop.addresses.shared == 1


def test_tables_that_join_say_how_far_they_meet(shop: Profile) -> None:
    found = {(o.table, o.other): (o.met, o.values) for o in shop.overlaps}
    assert found["orders", "customers"] == (40, 40)
    assert found["customers", "orders"] == (40, 50)
    assert found["web_sessions", "orders"] == (40, 100)


def test_addresses_without_a_key_fail_and_the_line_sets_one(shop: Profile) -> None:
    point = said(shop, "e-mail hashing")
    assert point.startswith("fail")
    assert "customers.sql" in point
    assert "export CLV_HASH_KEY=" in point


def test_a_table_without_rows_is_not_looked_at(shop: Profile) -> None:
    assert shop.not_looked_at["fx_rates"] == "it returns no rows"
    assert not any(key.table == "fx_rates" for key in shop.keys)


def test_nothing_personal_is_shown(shop: Profile) -> None:
    text = printed(shop)
    assert "@shop.example" not in text
    assert "C1" not in re.findall(r"\bC1\b", text)
    assert shop.largest_customer is not None
    assert shop.largest_customer.name == "x1"


def test_no_finding_is_said_twice(shop: Profile) -> None:
    texts = [point.text for point in shop.points]
    assert len(texts) == len(set(texts))
    for word in ("rate to EUR", "not classified", "gross_margin is not set"):
        assert sum(word in text for text in texts) == 1, word
    assert not any("max_rejected_share" in text for text in texts)


@pytest.mark.parametrize("width", [80, 120])
def test_the_profile_fits_the_terminal(shop: Profile, width: int) -> None:
    text = printed(shop, width)
    # commands and lines to paste are never broken
    wide = [line for line in text.splitlines() if len(line.rstrip()) > width and "next step:" not in line]
    assert [line for line in wide if "export CLV_HASH_KEY" not in line and "not looked at stops" not in line] == []
    assert len(text.splitlines()) < 150


def test_numbers_are_written_as_the_settings_say_and_blanks_are_plain(shop: Profile) -> None:
    with number_format("1 234,5"):
        text = printed(shop)
    assert re.search(r"\b4 \d{3},\d\d", text)
    assert text.isascii()


def test_guests_who_have_an_address_and_lines_that_have_a_cost_are_counted(tmp_path: Path) -> None:
    buyers = [
        (n, "" if n % 3 == 0 else f"C{n % 40}", f"new{n}" if n % 6 == 0 else f"c{n % 40}", "6.00" if n % 2 else "")
        for n in range(200)
    ]
    rows = [f"{n},1,{who},{at}@shop.example,2024-05-{1 + n % 31} 12:00,10.00,{cost}" for n, who, at, cost in buyers]
    head = "order_id,order_line_id,customer_id,email,ordered_at,amount,cost\n"
    profile = profile_of(settings_of(tmp_path, toml=TOML, orders=head + "\n".join(rows) + "\n"))
    assert profile.guests is not None
    assert (profile.guests.orders, profile.guests.by_email, profile.guests.joined) == (0, 67, 33)
    assert profile.shown_amounts is not None
    assert profile.shown_amounts.totals == {"cost": (Decimal("600.00"), 0.5)}
    assert sum("gross_margin" in point.lines for point in profile.points) == 1


def test_a_terminal_of_another_encoding_shows_what_it_can() -> None:
    code = "from clv_pipeline.cli import main; main()"
    seen = python_process(code, "doctor", "--source", "/nowhere/größe", PYTHONIOENCODING="ascii")
    assert seen.returncode == 1
    assert r"gr\xf6\xdfe" in seen.stdout


@dataclass(frozen=True)
class Good:
    """The profile of a good source, made while a run holds the home, and every file of the home before and after."""

    profile: Profile
    before: dict[Path, bytes]
    after: dict[Path, bytes]
    scratch: Path


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    settings = settings_of(tmp_path_factory.mktemp("good"), orders=GOOD)
    home = Home(settings.home)
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    (home.scratch / f"doctor-{process.pid}").mkdir()
    (home.scratch / "of_a_run").mkdir()
    with hold(home, "a run", "r"):
        before = {path: path.read_bytes() for path in home.root.rglob("*") if path.is_file()}
        profile = profile_of(settings)
        after = {path: path.read_bytes() for path in home.root.rglob("*") if path.is_file()}
    return Good(profile, before, after, home.scratch)


# ------------------------------------------------------------------------------------------------ not ok without a look


def test_an_empty_source_is_refused_and_nothing_of_it_is_called_good(tmp_path: Path) -> None:
    profile = profile_of(settings_of(tmp_path, orders=HEAD))
    assert said(profile, "orders").startswith("fail the source returned no rows")
    assert "money, statuses, customers and the checks of a night" in profile.not_looked_at
    assert profile.guests is None
    assert "ok" not in printed(profile).split()


def test_a_refused_table_hides_no_other_and_has_its_reason(tmp_path: Path) -> None:
    selects = {"customers": "select customer_id, no_such_column from customers", "fx_rates": "select broken("}
    profile = profile_of(
        settings_of(tmp_path, orders=GOOD, customers="customer_id\nC1\n", fx_rates="currency\n", selects=selects)
    )
    assert profile.not_looked_at["customers"] == "its SELECT is refused"
    assert "no_such_column" in said(profile, "customers.sql")
    assert said(profile, "fx_rates.sql").startswith("fail")
    assert profile.years


def test_a_rule_that_cannot_be_used_does_not_hide_the_rows(tmp_path: Path) -> None:
    rules = "".join(
        f'[[exclude]]\ntable = "orders"\nreason = "{reason}"\nwhere = "{where}"\n'
        for reason, where in (("gone", "channel = 'x'"), ("wrong", "shoe_size > 43"))
    )
    profile = profile_of(settings_of(tmp_path, toml=TOML + STATUSES + rules, orders=GOOD))
    texts = [point.text for point in profile.points if point.subject == "exclusion rules"]
    assert len(texts) == 2
    assert profile.tables[0].rows == 300


def test_the_embedded_demo_company_is_not_looked_at_before_its_first_run(tmp_path: Path) -> None:
    seen = run_clv_here("doctor", "--home", str(tmp_path / "home"))
    assert seen.returncode == 0
    assert "not looked at: the source (the embedded demo company is made up on the first run)" in seen.stdout
    assert "source: reachable" not in seen.stdout


def test_every_optional_table_says_what_it_would_add(good: Good) -> None:
    absent = {table.name: table for table in good.profile.absent}
    assert absent.keys() == CONTRACT.keys() - {"orders"}
    assert all(table.features or table.published or table.without for table in absent.values())
    assert absent["web_sessions"].features > 5
    assert "journey" in absent["web_sessions"].published
    assert _WITHOUT.keys() <= CONTRACT.keys()


def test_a_good_source_has_points_that_only_the_company_can_decide(good: Good) -> None:
    assert [(point.severity, point.subject) for point in good.profile.points] == [
        ("warn", "gross margin"), ("decide", "consent"),
    ]  # fmt: skip
    assert "every customer is profiled" in said(good.profile, "consent")
    assert "Nothing of what was looked at stops tonight's run" in printed(good.profile)


# ------------------------------------------------------------------------------------------------ the verdict is the run's


def run_of(settings: Settings) -> str | None:
    """Return why a first night would be refused before any training, by the steps of the night; None if it would not."""
    warehouse = open_warehouse(Home(settings.home))
    as_of = settings.as_of
    assert as_of is not None
    try:
        extract_source(settings, warehouse, as_of, datetime.now(UTC))
        for model in load_layer("1_clean"):
            if model.name in CONTRACT:
                build_clean_table(warehouse, model, settings, VALIDATOR)
            else:
                with warehouse.transaction() as connection:
                    build(connection, model, clean_parameters(settings))
        with warehouse.transaction() as connection:
            judge_tonight(connection, settings, ())
        with warehouse.transaction() as connection:
            plan_training(connection, settings, as_of)
    except PipelineError as error:
        return error.what
    return None


_SOURCES: dict[str, dict[str, Any]] = {
    "good": {"orders": GOOD},
    "statuses without rules": {"orders": GOOD, "toml": TOML},
    "an unknown status of last month": {"orders": GOOD + lines(10, first=900, status="gold")},
    "an unknown status of long ago": {"orders": GOOD + lines(2, first=900, status="gold", ordered_at="2024-01-02")},
    "no rates": {"orders": GOOD + lines(60, first=900, currency="USD")},
    "old orders": {"orders": HEAD + lines(ordered_at="2024-03-01 12:00")},
    "addresses as statuses": {
        "orders": HEAD + "".join(lines(1, first=n, status=f"c{n}@mail.example") for n in range(300))
    },
    "unreadable money": {"orders": HEAD + lines(30, amount="ten")},
    "all lines twice": {"orders": GOOD + lines() + lines()},
    "a till": {"orders": GOOD + lines(300, first=900, customer_id="TILL") + "".join(
        lines(1, first=2000 + n, customer_id=f"D{n}") for n in range(100)
    )},
    "no consent": {
        "orders": GOOD, "customers": "customer_id,profiling_consent\n" + "".join(f"C{n},\n" for n in range(40)),
    },
    "all orders in the future": {"orders": HEAD + lines(30, ordered_at="2025-01-01")},
    "nothing sold": {"orders": HEAD + lines(30, amount="-1.00")},
    "too short": {"orders": HEAD + lines(30, ordered_at="2024-05-30 12:00")},
}  # fmt: skip


@pytest.mark.parametrize("name", _SOURCES)
def test_the_doctor_fails_where_the_night_would_be_refused(name: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, **_SOURCES[name])
    profile, refused = profile_of(settings), run_of(settings)
    failing = [f"{point.subject}: {point.text}" for point in profile.points if point.severity == "fail"]
    assert bool(failing) == (refused is not None), (failing, refused)
    assert "@mail" not in printed(profile)
    assert (name in ("good", "an unknown status of long ago")) == (refused is None), refused


# ------------------------------------------------------------------------------------------------ the home


def test_nothing_of_the_home_is_changed_and_a_run_may_hold_it(good: Good) -> None:
    assert good.after == good.before


def test_what_a_killed_doctor_left_goes_with_the_next_one(good: Good) -> None:
    assert [path.name for path in good.scratch.iterdir()] == ["of_a_run"]


def test_an_interrupted_doctor_leaves_no_row_behind(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, orders=GOOD)

    def interrupt(what: str, rows: int) -> None:
        assert any(Home(settings.home).scratch.iterdir())
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        profile_source(settings, interrupt)
    assert list(Home(settings.home).scratch.iterdir()) == []


def test_the_command_ends_with_the_next_one_and_keeps_source_and_home(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, orders=GOOD)
    place = f"--source {settings.source_folder} --home {settings.home}"
    address = str(tmp_path / "files")
    seen = run_clv_here(
        "doctor", "--source", str(settings.source_folder), "--url", address, "--home", str(settings.home)
    )
    assert seen.returncode == 0, seen.stdout
    last = seen.stdout.strip().splitlines()[-1]
    assert last == f"Next: set CLV_SOURCE_URL to the address that you gave as --url, then: clv run {place}"
    (settings.source_folder / "source.toml").write_text(TOML)
    seen = run_clv_here("doctor", *place.split(), CLV_SOURCE_URL=address)
    assert seen.returncode == 1
    assert seen.stdout.strip().splitlines()[-1] == f"Next: settle what fails, then: clv doctor {place}"
    assert "Tonight's run would be refused because of point 1." in seen.stdout
    shutil.rmtree(settings.home)


# ------------------------------------------------------------------------------------------------ a database


@pytest.fixture
def database(postgres_url: str, tmp_path: Path) -> Iterator[Settings]:
    schema = f"doctor_{next(_NUMBER)}"
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"create schema {schema}")
        connection.exec_driver_sql(
            f"create table {schema}.orders as select n::text as order_id, 'C' || n %% 40 as customer_id, "
            "timestamp '2024-05-31 22:30' - n * interval '12 hours' as ordered_at, 10.00 as amount "
            "from generate_series(0, 299) as n"
        )
        connection.exec_driver_sql(f"create table {schema}.customers as select 'C1' as customer_id")
    source, _ = write(
        tmp_path, toml=TOML, files={},
        selects={
            "orders": "select * from orders where ordered_at >= :since",
            "customers": "select customer_id, pg_sleep(30)::text as country from customers",
        },
    )  # fmt: skip
    url = sa.make_url(postgres_url).update_query_dict({"options": f"-csearch_path={schema}"})
    yield load_settings(
        source=str(source), source_url=url.render_as_string(hide_password=False), home=tmp_path / "home",
        statement_timeout_seconds=1,
    )  # fmt: skip


def test_a_table_that_takes_too_long_is_not_looked_at_and_the_others_are(database: Settings) -> None:
    seen = examine_source(database, lambda what, rows: None)
    assert [finding.subject for finding in seen.findings if finding.is_good] == ["source"]
    assert "PostgreSQL" in seen.findings[0].text
    assert seen.profile is not None
    assert "statement timeout" in said(seen.profile, "customers.sql")
    (orders,) = seen.profile.tables
    assert (orders.rows, orders.is_incremental) == (300, True)
    assert seen.profile.years[-1].orders == 300
