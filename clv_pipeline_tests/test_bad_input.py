"""Bad input as a user sees it: one message, a failed run, and nothing published; yesterday's bundle is unchanged.

Some cases are a `clv run` process each; the rest call the same command in this process, which spares the imports.
What each room says is tested in more detail beside that room.
"""

import hashlib
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

import dagster as dg
import pytest
import sqlalchemy as sa

from clv_pipeline.core.home import Home
from clv_pipeline.orchestration.dagster_home import prepare_dagster_home
from clv_pipeline_tests.conftest import run_clv, run_clv_here
from clv_pipeline_tests.forked import run_clv_forked

PASSWORD = "top-secret-password"
HEAD = "order_id,customer_id,ordered_at,amount\n"
#: 12 customers with 5 orders each, from 2024-01-01 to 2024-03-24.
ORDERS = HEAD + "".join(
    f"{c:02d}{n},C{c:02d},2024-{1 + n // 2:02d}-{1 + 2 * c - n % 2:02d} 12:00:00,{10 + c}.50\n"
    for c in range(1, 13)
    for n in range(5)
)


@dataclass(frozen=True)
class Company:
    """A case's own folders; `postgres` is the address of the server that all share."""

    root: Path
    postgres: str

    @property
    def files(self) -> Path:
        return self.root / "files"

    def write(self, orders: str | bytes = ORDERS, *, sql: str = "select * from orders", toml: str = "") -> None:
        (self.root / "selects").mkdir(parents=True)
        self.files.mkdir()
        (self.root / "selects" / "source.toml").write_text(toml or 'time_zone = "Europe/Berlin"\n')
        (self.root / "selects" / "orders.sql").write_text(sql)
        (self.files / "orders.csv").write_bytes(orders if isinstance(orders, bytes) else orders.encode())

    def run(self, url: str | None, *more: str) -> list[str]:
        address = ["--url", url] if url else []
        as_of = [] if "--as-of" in more else ["--as-of", "2024-04-01"]
        return ["run", "--source", str(self.root / "selects"), *address, *as_of, *more]


Prepare = Callable[[Company], list[str]]


@dataclass(frozen=True)
class Case:
    """What is wrong, what the message must contain, and whether the run gets as far as Dagster."""

    prepare: Prepare
    says: tuple[str, ...]
    reaches_dagster: bool = True
    own_process: bool = False


def no_url(company: Company) -> list[str]:
    company.write()
    return company.run(None)


def unreachable(company: Company) -> list[str]:
    company.write()
    return company.run(f"postgresql+psycopg://reader:{PASSWORD}@127.0.0.1:1/shop")


def unknown_role(company: Company) -> list[str]:
    company.write()
    url = sa.make_url(company.postgres).set(username="nobody_here", password=PASSWORD)
    return company.run(url.render_as_string(hide_password=False))


def missing_sqlite_file(company: Company) -> list[str]:
    company.write()
    return company.run(f"sqlite:///{company.root / 'gone.sqlite'}")


def missing_table(company: Company) -> list[str]:
    company.write()
    path = company.root / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table bestellungen (order_id text)")
    return company.run(f"sqlite:///{path}")


def not_a_database(company: Company) -> list[str]:
    company.write()
    path = company.root / "shop.sqlite"
    path.write_bytes(b"this is no database, and long enough to be looked at " * 100)
    return company.run(f"sqlite:///{path}")


def lacking_column(company: Company) -> list[str]:
    company.write(sql="select order_id, customer_id, ordered_at, amount as amounts from orders")
    return company.run(str(company.files))


def empty_orders(company: Company) -> list[str]:
    company.write(HEAD)
    return company.run(str(company.files))


def as_of_before_first_order(company: Company) -> list[str]:
    company.write()
    return company.run(str(company.files), "--as-of", "2023-12-01")


def horizon_longer_than_history(company: Company) -> list[str]:
    company.write()
    return company.run(str(company.files), "--horizons", "365")


def not_parquet(company: Company) -> list[str]:
    company.write()
    (company.files / "orders.csv").rename(company.files / "orders.parquet")
    return company.run(str(company.files))


def broken_select(company: Company) -> list[str]:
    company.write(sql="selct order_id from orders")
    return company.run(str(company.files))


def german_amounts(company: Company) -> list[str]:
    company.write(ORDERS + '999,C01,2024-03-01,"1.234,56"\n')
    return company.run(str(company.files))


def broken_toml(company: Company) -> list[str]:
    company.write(toml='time_zone = "Europe/Berlin\n')
    return company.run(str(company.files))


def unknown_source(company: Company) -> list[str]:
    return ["run", "--source", "dmeo"]


def bad_horizons(company: Company) -> list[str]:
    company.write()
    return company.run(str(company.files), "--horizons", "ninety")


def rejected_rule(company: Company) -> list[str]:
    rule = '[[exclude]]\ntable = "orders"\nreason = "test order"\nwhere = "shoe_size > 43"\n'
    company.write(toml=rule)
    return company.run(str(company.files))


CASES = {
    case.prepare.__name__: case
    for case in (
        Case(no_url, ("No source given", "--url")),
        Case(unreachable, ("127.0.0.1:1/shop cannot be reached after 2 tries", "host and port"), own_process=True),
        Case(
            unknown_role,
            ("nobody_here", "refused the login", "check user, password and permissions", "there was no retry"),
        ),
        Case(missing_sqlite_file, ("gone.sqlite does not exist", "check the path")),
        Case(missing_table, ("orders.sql", "no such table: orders", "fix it")),
        Case(not_a_database, ("not a database",)),
        Case(lacking_column, ("lacks the contract column 'amount' (nearest: 'amounts')", "as amount")),
        Case(empty_orders, ("orders: the source returned no rows", "orders.sql")),
        Case(as_of_before_first_order, ("2023-12-01 is not after the first order (2024-01-", "--as-of")),
        Case(horizon_longer_than_history, ("horizon of 365 days is longer than the history of", "--horizons")),
        Case(not_parquet, ("orders.parquet cannot be read as Parquet", "check that the file")),
        Case(broken_select, ("The SELECT for orders (orders.sql) failed", "fix it")),
        Case(german_amounts, ("orders.amount: 1 values cannot be read as money, for example '1.234,56'", "1234.56")),
        Case(broken_toml, ("source.toml is not valid TOML", "line 1"), reaches_dagster=False, own_process=True),
        Case(unknown_source, ("'dmeo' is neither a folder nor a name", "(nearest: 'demo')"), reaches_dagster=False),
        Case(bad_horizons, ("Setting 'horizons", "CLV_HORIZONS"), reaches_dagster=False),
        Case(rejected_rule, ("'test order'", "orders has no column 'shoe_size'", "contract columns")),
    )
}


@dataclass(frozen=True)
class Ended:
    """How a command ended, and its home."""

    status: int
    stdout: str
    stderr: str
    home: Path

    @property
    def said(self) -> str:
        return self.stdout + self.stderr


def how_it_ended(run: Callable[..., CompletedProcess[str]], arguments: list[str], home: Path) -> Ended:
    process = run(*arguments, CLV_CONNECT_TRIES="2")
    return Ended(process.returncode, process.stdout, process.stderr, home)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> dict[str, Ended]:
    """Return how each case ended; the processes of their own run one at a time beside this one."""
    homes, commands = {}, {}
    empty_history = tmp_path_factory.mktemp("dagster") / "home"
    with mock.patch.dict(os.environ):
        prepare_dagster_home(Home(empty_history))
    for name, case in CASES.items():
        root = tmp_path_factory.mktemp(name)
        homes[name] = root / "home"
        if case.reaches_dagster:
            # a history costs a second to set up, whatever is written into it
            shutil.copytree(empty_history, homes[name])
        commands[name] = [*case.prepare(Company(root, postgres_url)), "--home", str(homes[name])]
    apart = {n: run_clv_forked if c.reaches_dagster else run_clv for n, c in CASES.items() if c.own_process}
    with ThreadPoolExecutor(1) as pool:
        waiting = {name: pool.submit(how_it_ended, run, commands[name], homes[name]) for name, run in apart.items()}
        here = {n: how_it_ended(run_clv_here, commands[n], homes[n]) for n in CASES if n not in apart}
        return here | {name: future.result() for name, future in waiting.items()}


def run_statuses(home: Path) -> list[dg.DagsterRunStatus]:
    """Return the status of each run in a home's Dagster history, newest first."""
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        return [run.status for run in instance.get_runs()]


@pytest.mark.parametrize("name", CASES)
def test_a_bad_night_ends_with_one_clear_message(ended: dict[str, Ended], name: str) -> None:
    result = ended[name]
    assert result.status == 1, result.said
    assert "Traceback" not in result.said
    said = " ".join(result.stdout.split())
    for part in CASES[name].says:
        assert part in said
    assert len(re.findall(r"^error ", result.stdout, re.MULTILINE)) == 1, said
    assert said.count("Next step: ") == 1, said
    assert "unexpected" not in said
    assert PASSWORD not in result.said


@pytest.mark.parametrize("name", CASES)
def test_a_bad_night_publishes_nothing(ended: dict[str, Ended], name: str) -> None:
    published = ended[name].home / "published"
    assert not list(published.rglob("*"))
    assert not list((ended[name].home / "models").glob("*"))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.reaches_dagster])
def test_a_bad_night_is_red_in_dagster(ended: dict[str, Ended], name: str) -> None:
    result = ended[name]
    assert run_statuses(result.home) == [dg.DagsterRunStatus.FAILURE]
    assert "the bundle published before is still served" in result.said


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.reaches_dagster])
def test_a_bad_setting_is_found_before_anything_is_written(ended: dict[str, Ended], name: str) -> None:
    assert not ended[name].home.exists()


@pytest.mark.parametrize("name", ["unreachable", "unknown_role"])
def test_the_password_is_nowhere_in_the_home(ended: dict[str, Ended], name: str) -> None:
    files = [path for path in ended[name].home.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files), "the Dagster history is among what is searched"
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []


def test_a_refused_login_is_not_tried_again_and_a_database_that_is_down_is(ended: dict[str, Ended]) -> None:
    assert ended["unreachable"].said.count("source not reachable (try 1 of 2)") == 1
    assert "source not reachable" not in ended["unknown_role"].said


# ------------------------------------------------------------------------------------------------ after a published night


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        # at the source, before anything is touched
        (["--url", "sqlite:////nowhere/shop.sqlite"], "/nowhere/shop.sqlite does not exist"),
        # after raw and clean tables were replaced
        (["--as-of", "2020-01-01"], "2020-01-01 is not after the first order"),
    ],
    ids=["at the source", "half-way"],
)
def test_a_bad_night_after_a_good_one_leaves_yesterdays_bundle_served(
    demo_run: Home, tmp_path: Path, arguments: list[str], says: str
) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(demo_run.root, home.root)
    before = contents(home.published)
    assert "clv.duckdb" in before
    assert "current.json" in before
    result = run_clv_here("run", "--home", str(home.root), *arguments)
    assert result.returncode == 1, result.stdout + result.stderr
    assert says in " ".join(result.stdout.split())
    assert "the bundle published before is still served" in result.stdout
    assert contents(home.published) == before
    assert run_statuses(home.root)[0] == dg.DagsterRunStatus.FAILURE
    assert dg.DagsterRunStatus.SUCCESS in run_statuses(home.root)
