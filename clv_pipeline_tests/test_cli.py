"""The `clv` command as a user types it: doctor, init, explain, help, and a run for companies other than the demo."""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version as installed_version
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import sqlalchemy as sa
import sqlglot

from clv_pipeline.cli import COMMANDS, cli
from clv_pipeline.contracts.published import PUBLISHED
from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import SOURCES_FOLDER
from clv_pipeline.core.settings import load_settings
from clv_pipeline.diagnostics.doctor import examine, examine_source
from clv_pipeline.sources.extraction import extract
from clv_pipeline.sources.folder import read_selects
from clv_pipeline.warehouse.connection import Warehouse, open_bundle_file
from clv_pipeline_tests.conftest import AS_OF, RULES_RUN, SMALL_RUN, STARTED_AT, FileSource, run_clv, run_clv_here

HEAD = "order_id,customer_id,ordered_at,amount\n"
ORDERS = HEAD + "1,C1,2024-05-01,10.00\n2,C2,2024-05-02,20.00\n"
CUSTOMERS = "customer_id,country\nC1,DE\nC2,AT\n"
_NUMBER = count(1)


def plain(text: str) -> str:
    return " ".join(text.split())


# ------------------------------------------------------------------------------------------------ doctor


def test_doctor_finds_a_good_source_good(file_source: Callable[..., FileSource], tmp_path: Path) -> None:
    made = file_source(
        orders=ORDERS,
        customers=CUSTOMERS,
        selects={"orders": "select * from orders where ordered_at >= :since"},
    )
    home = tmp_path / "home"
    result = run_clv(
        "doctor", "--source", str(made.folder), "--url", str(made.files), "--home", str(home),
        CLV_AS_OF="2024-05-03", CLV_HORIZONS="1",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.strip().splitlines()
    bad = [line.split(":")[0] for line in lines if line.startswith(("warn ", "fail "))]
    assert bad == ["warn alerts"], "nobody is told of a red night; each other line about this machine is good"
    for subject in ("settings", "source: reachable", "time zone: Europe/Berlin", "disk", "rights", "schedule"):
        assert any(line.startswith(f"ok   {subject}") for line in lines), subject
    tables = {line.split()[0]: plain(line) for line in lines if line.endswith(("new rows", "in full"))}
    assert tables["orders"].endswith("new rows")
    assert tables["customers"].endswith("in full")
    assert any(line.startswith("web_sessions") for line in lines), "what is not provided would add something"
    assert not (home / "warehouse" / "warehouse.duckdb").exists(), "looking only"


def test_doctor_says_a_next_step_for_each_point_that_fails(
    file_source: Callable[..., FileSource], tmp_path: Path
) -> None:
    rule = "[[exclude]]\ntable = 'orders'\nreason = 'r'\nwhere = 'shoe_size > 43'\n"
    made = file_source(
        toml=rule, orders=ORDERS, customers=CUSTOMERS, campaign_touches="touch_id,customer_id,touched_at\n1,C1,2024-05-01\n",
        selects={"orders": "select order_id, customer_id, ordered_at from orders", "customers": "select broken("},
    )  # fmt: skip
    arguments = ("--source", str(made.folder), "--url", str(made.files), "--home", str(tmp_path / "home"))
    result = run_clv_here("doctor", *arguments)
    assert result.returncode == 1, result.stdout + result.stderr
    said = plain(result.stdout)
    for number, subject in enumerate(("exclusion rules", "orders.sql", "customers.sql"), start=1):
        point = said.partition(f" {number}. fail {subject}: ")[2].partition(f" {number + 1}. ")[0]
        assert "next step: " in point, subject
    assert "lacks the contract column 'amount'" in said
    assert "campaign_touches 1 1 2024-05-01" in said, "a broken part hides nothing else"
    assert "not looked at: orders (its SELECT is refused)" in said


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (None, "No source given"),
        ("postgresql+psycopg://reader:topsecret@127.0.0.1:1/shop", "cannot be reached"),
        ("sqlite:////nowhere/shop.sqlite", "does not exist"),
    ],
)
def test_doctor_names_a_source_it_cannot_reach_and_goes_on(
    file_source: Callable[..., FileSource], tmp_path: Path, url: str | None, complaint: str
) -> None:
    made = file_source(orders=ORDERS)
    settings = load_settings(source=str(made.folder), source_url=url, home=tmp_path / "home")
    seen = examine_source(settings, lambda what, rows: None)
    (bad,) = seen.findings
    assert bad.subject == "source"
    assert complaint in bad.text
    assert bad.next_step
    assert seen.profile is None
    assert seen.not_looked_at == "it cannot be read"
    assert "topsecret" not in str(seen)
    assert {"time zone", "disk", "rights", "schedule"} <= {f.subject for f in examine(settings)}


def test_doctor_says_that_a_folder_has_no_source_toml(file_source: Callable[..., FileSource], tmp_path: Path) -> None:
    made = file_source(orders=ORDERS)
    (made.folder / "source.toml").unlink()
    settings = made.settings(home=tmp_path / "home", alert_command="true")
    (bad,) = [f for f in examine(settings) if not f.is_good]
    assert bad.subject == "time zone"
    assert "time_zone" in bad.next_step


# ------------------------------------------------------------------------------------------------ init


def test_init_writes_a_folder_that_a_run_accepts(tmp_path: Path) -> None:
    folder = tmp_path / "our_shop"
    result = run_clv("init", str(folder))
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"clv doctor --source {folder}" in plain(result.stdout)
    toml = tomllib.loads((folder / "source.toml").read_text())
    assert toml == {"name": "Our shop", "time_zone": "Europe/Berlin", "currency": "EUR"}
    settings = load_settings(source=str(folder))
    assert list(read_selects(settings)) == ["orders"]
    assert {p.name.split(".")[0] for p in folder.iterdir()} == {"source", *CONTRACT}
    for name, table in CONTRACT.items():
        path = folder / (f"{name}.sql" if table.required else f"{name}.sql.example")
        query = sqlglot.parse_one(path.read_text())
        assert isinstance(query, sqlglot.exp.Query)
        assert query.named_selects == table.column_names()
    for path in folder.glob("*.sql.example"):
        path.rename(path.with_suffix(""))
    assert list(read_selects(settings)) == sorted(CONTRACT)
    (folder / "source.toml").write_text((folder / "source.toml").read_text().replace("\n# ", "\n"))
    fixed = load_settings(source=str(folder))
    assert fixed.gross_margin == 0.45
    assert fixed.order_status is not None
    assert [rule.table for rule in fixed.exclude] == ["orders"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "files"])
def test_the_select_that_init_writes_runs_as_it_stands_on_tables_named_like_the_contract(
    request: pytest.FixtureRequest, tmp_path: Path, warehouse: Warehouse, kind: str
) -> None:
    folder = tmp_path / "our_shop"
    assert run_clv_here("init", str(folder)).returncode == 0
    columns = CONTRACT["orders"].column_names()
    values = {"order_id": "1", "customer_id": "C1", "ordered_at": "2024-05-01", "amount": "10.00", "quantity": "1",
              "updated_at": "2024-05-02"}  # fmt: skip
    if kind == "files":
        url = str(tmp_path / "files")
        Path(url).mkdir()
        row = ",".join(values.get(c, "") for c in columns)
        (Path(url) / "orders.csv").write_text(f"{','.join(columns)}\n{row}\n")
    else:
        url = f"sqlite:///{tmp_path / 'shop.sqlite'}"
        (tmp_path / "shop.sqlite").touch()
        if kind == "postgresql":
            address = sa.make_url(request.getfixturevalue("postgres_url"))
            schema = f"cli_{next(_NUMBER)}"
            with sa.create_engine(address, poolclass=sa.NullPool).begin() as connection:
                connection.exec_driver_sql(f"create schema {schema}")
            url = address.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(False)
        with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
            connection.exec_driver_sql(f"create table orders ({', '.join(f'{c} text' for c in columns)})")
            written = ", ".join(f"'{values[c]}'" if c in values else "null" for c in columns)
            connection.exec_driver_sql(f"insert into orders values ({written})")
    extract(
        load_settings(source=str(folder), source_url=url),
        warehouse, as_of=AS_OF, run_id="run", started_at=STARTED_AT, progress=lambda table, rows: None,
    )  # fmt: skip
    with warehouse.connection() as connection:
        assert connection.execute("select order_id, amount from raw.orders").fetchall() == [("1", Decimal("10.00"))]


def test_init_refuses_an_existing_folder(tmp_path: Path) -> None:
    (tmp_path / "our_shop").mkdir()
    (tmp_path / "our_shop" / "orders.sql").write_text("select 1")
    result = run_clv_here("init", str(tmp_path / "our_shop"))
    assert result.returncode == 1
    assert "our_shop exists already" in plain(result.stdout)
    assert "Next step" in result.stdout
    assert [p.name for p in (tmp_path / "our_shop").iterdir()] == ["orders.sql"]


@pytest.mark.parametrize("name", ["our shop", "9lives", "shop;drop", ".hidden", "."])
def test_init_refuses_a_bad_name(tmp_path: Path, name: str) -> None:
    known = set(SOURCES_FOLDER.iterdir())
    for given in (f"{tmp_path}/{name}", name):
        result = run_clv_here("init", given)
        assert result.returncode == 1, result.stdout
        assert "is not a plain name" in result.stdout or "exists already" in result.stdout
        assert "Traceback" not in result.stdout + result.stderr
    assert not list(tmp_path.iterdir())
    assert set(SOURCES_FOLDER.iterdir()) == known


# ------------------------------------------------------------------------------------------------ explain and help


def test_explain_shows_score_reasons_and_facts(demo_run: Home) -> None:
    with open_bundle_file(demo_run.published / "clv.duckdb") as connection:
        found = connection.execute(
            "select * from customer_clv where reason_1 is not null and reason_2 is not null order by customer_id limit 1"
        )
        names = [d[0] for d in found.description or []]
        values: dict[str, Any] = dict(zip(names, found.fetchall()[0], strict=True))
    result = run_clv("explain", values["customer_id"], "--home", str(demo_run.root))
    assert result.returncode == 0, result.stdout + result.stderr
    first = result.stdout.splitlines()[0]
    assert (
        first == f"{values['customer_id']}: {values['segment']}, tier {values['value_tier']}, {values['score_status']}"
    )
    said = plain(result.stdout)
    for reason in ("reason_1", "reason_2"):
        assert f"- {plain(values[reason])}" in said
    for fact in ("predicted_spend_90d", "purchase_probability_90d", "historic_value", "recency_days", "as_of_date"):
        assert f" {fact} {values[fact]} " in said


def test_explain_of_an_unknown_customer_says_what_to_check(demo_run: Home) -> None:
    result = run_clv_here("explain", "no-such-customer", "--home", str(demo_run.root))
    assert result.returncode == 1
    assert "Customer 'no-such-customer' is not in the published customer_clv" in plain(result.stdout)
    assert "Next step: check the number" in plain(result.stdout)
    assert "Traceback" not in result.stdout + result.stderr


def test_explain_before_the_first_run_says_to_run(tmp_path: Path) -> None:
    result = run_clv_here("explain", "1", "--home", str(tmp_path / "home"))
    assert result.returncode == 1
    assert "Nothing is published" in plain(result.stdout)
    assert "clv run" in plain(result.stdout)


def test_help_says_of_every_command_in_the_order_of_work_and_in_whole_sentences_what_it_does() -> None:
    result = run_clv("--help")
    assert result.returncode == 0
    listed = re.findall(
        r"^  ([a-z-]+)  +(\S.*(?:\n {10,}\S.*)*)", result.stdout.split("Commands:")[1], flags=re.MULTILINE
    )
    assert [name for name, _ in listed] == [command.name for command in COMMANDS]
    assert "..." not in result.stdout.split("Commands:")[1]
    for name, text in listed:
        said = plain(text)
        assert said == " ".join((cli.commands[name].help or "").split("\n\n")[0].split()), name
        assert said[0].isupper() and said.endswith("."), name


def test_version_is_that_of_the_installed_package() -> None:
    result = run_clv_here("--version")
    assert (result.returncode, result.stdout) == (0, f"clv {installed_version('clv-pipeline')}\n")


def test_the_help_of_a_command_says_its_options() -> None:
    options = run_clv_here("run", "-h")
    assert options.returncode == 0
    for option in ("--source", "--url", "--as-of", "--horizons", "--retrain", "--home"):
        assert option in options.stdout


@pytest.mark.parametrize(
    "arguments",
    [["fly"], ["run", "--as-of", "31.12.2024"], ["run", "--fast"], ["explain"], ["run", "--as-of", "2023-02-29"]],
)
def test_a_mistyped_command_is_a_short_error(arguments: list[str]) -> None:
    result = run_clv_here(*arguments)
    assert result.returncode == 2
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stdout + result.stderr


# ------------------------------------------------------------------------------------------------ other companies

COMPANY_AS_OF = "2024-04-01"
LEARNS_FROM_FEW = SMALL_RUN | {"CLV_MIN_BUYERS": "100", "CLV_MAX_CUTOFFS": "1"}
EMAIL = "someone.private@example.com"


@dataclass(frozen=True)
class Company:
    """A company given as CSV files and a folder of SELECTs outside the project, and its finished run."""

    root: Path
    spend_before_as_of: dict[str, Decimal]
    said: str

    @property
    def database(self) -> Path:
        return self.root / "home" / "published" / "clv.duckdb"


def make_company(root: Path, *, with_crm: bool) -> Company:
    """Write customers over 15 months before, and one after, as_of; run `clv run` for them.

    Models learn from the company that has orders only: they must cope with columns that are empty throughout.
    """
    rng = np.random.default_rng(11 if with_crm else 12)
    start = np.datetime64("2023-01-01")
    lines: list[str] = []
    touches: list[str] = []
    spend: dict[str, Decimal] = {}
    for number in range(700 if with_crm else 300):
        customer = f"{number:05d}"
        joined, gap, basket = int(rng.integers(0, 400)), rng.gamma(2.0, 25.0), rng.lognormal(3.5, 0.5)
        day, position = float(joined), 0
        while day < 485:
            date, cents = start + int(day), int(basket * 100 * rng.lognormal(0, 0.3)) + 1
            lines.append(f"{customer}-{position},{customer},{date} 10:00:00,{cents // 100}.{cents % 100:02d}")
            if date < np.datetime64(COMPANY_AS_OF):
                spend[customer] = spend.get(customer, Decimal(0)) + Decimal(cents).scaleb(-2)
            if with_crm and position % 3 == 0:
                touches.append(
                    f"T{len(touches)},{customer},{date} 09:00:00,spring,email,0.10,{'Y' if position else 'N'}"
                )
            day, position = day + 1 + rng.exponential(gap), position + 1
    selects, files = root / "their_selects", root / "their_files"
    selects.mkdir()
    files.mkdir()
    (selects / "source.toml").write_text('name = "Their shop"\ntime_zone = "Europe/Vienna"\ncurrency = "CHF"\n')
    tables = {"orders": HEAD + "\n".join(lines) + "\n"}
    if with_crm:
        people = [f"{n:05d},2022-12-01,{'AT' if n % 3 else 'DE'},web,{EMAIL}" for n in range(700)]
        tables["customers"] = "customer_id,created_at,country,acquisition_channel,email\n" + "\n".join(people) + "\n"
        head = "touch_id,customer_id,touched_at,campaign,channel,cost,responded\n"
        tables["campaign_touches"] = head + "\n".join(touches) + "\n"
    for name, text in tables.items():
        (files / f"{name}.csv").write_text(text)
        (selects / f"{name}.sql").write_text(f"select * from {name}\n")
    result = run_clv_here(
        "run", "--source", str(selects), "--url", str(files), "--as-of", COMPANY_AS_OF, "--horizons", "90",
        "--home", str(root / "home"), CLV_HASH_KEY="their key", **(RULES_RUN if with_crm else LEARNS_FROM_FEW),
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return Company(root, spend, result.stdout)


@pytest.fixture(scope="module")
def companies(tmp_path_factory: pytest.TempPathFactory) -> list[Company]:
    """Return a company with orders only and one with customers and campaign touches as well."""
    return [make_company(tmp_path_factory.mktemp("company"), with_crm=with_crm) for with_crm in (False, True)]


@pytest.fixture(params=[0, 1], ids=["orders only", "with customers and touches"])
def company(request: pytest.FixtureRequest, companies: list[Company]) -> Company:
    return companies[int(request.param)]


def published(company: Company, query: str) -> list[tuple[Any, ...]]:
    with open_bundle_file(company.database) as connection:
        return connection.execute(query).fetchall()


def test_every_customer_of_another_company_is_scored_and_money_adds_up(company: Company) -> None:
    rows = published(
        company, "select customer_id, historic_value, predicted_spend_90d, score_status, currency from customer_clv"
    )
    bought = {customer_id: value for customer_id, value, *_ in rows if value}
    assert bought == company.spend_before_as_of
    assert len(rows) == len({row[0] for row in rows})
    assert {row[4] for row in rows} == {"CHF"}
    assert all(row[2] is not None and row[2] >= 0 and row[3] for row in rows)
    assert sum(row[2] for row in rows) > 0


def test_models_learned_from_the_company_that_has_orders_only(companies: list[Company]) -> None:
    candidates = {row[0] for row in published(companies[0], "select candidate from model_quality")}
    assert {"blend", "blend_probability"} <= candidates
    ((scored,),) = published(companies[0], "select count(*) from customer_clv where score_status = 'repeat_customer'")
    assert scored > 100


def test_the_run_of_another_company_says_who_when_and_where(company: Company) -> None:
    assert "Their shop, as of 2024-04-01" in company.said
    assert "customers scored" in company.said
    assert str(company.database) in plain(company.said)
    ((source, as_of, currency, horizon),) = published(
        company, "select source_name, as_of_date::varchar, currency, primary_horizon_days from clv_run"
    )
    assert (source, as_of, currency, horizon) == ("Their shop", COMPANY_AS_OF, "CHF", 90)


def test_the_bundle_of_another_company_is_whole(company: Company) -> None:
    folder = company.database.parent
    pointer = json.loads((folder / "current.json").read_text())
    manifest = json.loads((folder / pointer["run_id"] / "manifest.json").read_text())
    assert set(manifest["row_counts"]) == set(PUBLISHED)
    for name, digest in manifest["sha256"].items():
        assert hashlib.sha256((folder / pointer["run_id"] / name).read_bytes()).hexdigest() == digest, name
    assert company.database.read_bytes() == (folder / pointer["run_id"] / "clv.duckdb").read_bytes()
    assert sorted(p.name for p in folder.iterdir()) == sorted(["clv.duckdb", "current.json", pointer["run_id"]])
    with duckdb.connect(str(company.database), read_only=True) as connection:
        tables = {row[0] for row in connection.execute("show tables").fetchall()}
    assert tables == set(PUBLISHED)


def test_nothing_is_written_outside_the_home(company: Company) -> None:
    assert sorted(p.name for p in company.root.iterdir()) == ["home", "their_files", "their_selects"]
    assert {p.suffix for p in (company.root / "their_selects").iterdir()} == {".sql", ".toml"}
    assert {p.suffix for p in (company.root / "their_files").iterdir()} == {".csv"}


def test_optional_tables_bring_their_columns_and_a_missing_one_costs_only_those(companies: list[Company]) -> None:
    orders_only, with_crm = companies
    query = "select count(*) filter (where is_in_crm), count(country), count(*) from customer_clv"
    ((in_crm, countries, customers),) = published(orders_only, query)
    assert (in_crm, countries) == (0, 0)
    assert customers == len(orders_only.spend_before_as_of)
    ((in_crm, countries, customers),) = published(with_crm, query)
    assert (in_crm, countries, customers) == (700, 700, 700)


def test_no_clear_email_is_anywhere_in_the_home_of_a_finished_run(companies: list[Company]) -> None:
    home = companies[1].root / "home"
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any(b"customer_clv" in path.read_bytes() for path in files if path.suffix == ".duckdb")
    assert [path.name for path in files if b"someone.private" in path.read_bytes()] == []
    assert [path.name for path in files if b"their key" in path.read_bytes()] == []
    assert EMAIL not in companies[1].said
