"""A small company whose tables a test spoils, its nights, and the five invariants that hold after every one of them.

No test is here. A night is the whole `clv run` in this process; a night that is blocked ends early and costs little.
"""

import csv
import os
import random
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import pytest

from clv_pipeline.core.errors import PipelineError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.orchestration.dagster_home import prepare_dagster_home
from clv_pipeline.orchestration.history import failures_of
from clv_pipeline.quality.expectations import Validator
from clv_pipeline.quality.judging import judge_tonight
from clv_pipeline.sources.tombstones import FILE_NAME
from clv_pipeline_tests.conftest import RULES_RUN, SMALL_RUN, open_warehouse, run_clv_here
from clv_pipeline_tests.lasting import open_files_last
from clv_pipeline_tests.nights import contents, served_whole, without_pictures
from clv_pipeline_tests.warehouse_builders import clean_everything, extract_source

TIME_ZONE = "Europe/Berlin"
YESTERDAY, TONIGHT = "2024-05-31", "2024-06-01"
#: Personal data and secrets that the healthy tables and settings hold; none of them may be found in anything written.
CANARY_EMAIL = "canary.person@customers.example"
CANARY_KEY = "canary-hash-key"

Row = dict[str, Any]
Tables = dict[str, list[Row]]


def healthy(*, until: str = TONIGHT, customers: int = 160, seed: int = 2) -> Tables:
    """Return a company with orders on every day from 2023-01-01 to the day before `until`, and some of every other source.

    The company of an earlier `until` is this one with its last days not yet there.
    """
    end = date.fromisoformat(until)
    tables: Tables = {"orders": [], "customers": [], "web_sessions": [], "marketing_spend": []}
    for number in range(customers):
        customer, draw = f"{number:05d}", random.Random(f"{seed} {number}")
        first = date(2023, 1, 1) + timedelta(days=draw.randrange(365))
        rate, basket = draw.choice((6, 14, 40, 120)), draw.uniform(10, 90)
        tables["customers"].append(
            {
                "customer_id": customer, "created_at": f"{first} 08:00:00", "country": draw.choice(("DE", "AT")),
                "birth_year": draw.randrange(1950, 2005), "gender": draw.choice(("f", "m")),
                "acquisition_channel": draw.choice(("search", "social")),
                "email": CANARY_EMAIL if number == 7 else f"person{number}@customers.example", "profiling_consent": "true",
            }
        )  # fmt: skip
        day = first
        while day < end:
            # every other customer buys late in the evening, when it is another day elsewhere
            at = f"{day} {'12:00' if number % 2 else '23:30'}:00"
            amount, visit = round(basket * draw.uniform(0.7, 1.4), 2), f"{number:03d}{(day - first).days:04d}"
            tables["orders"].append(order(customer, day, amount, order_id=visit, ordered_at=at, updated_at=at))
            tables["web_sessions"].append(
                {"session_id": f"s{visit}", "customer_id": customer,
                 "started_at": f"{day} 11:00:00", "page_views": draw.randrange(1, 30), "converted": "true"}
            )  # fmt: skip
            day += timedelta(days=1 + int(draw.expovariate(1 / rate)))
    for n in range((end - date(2023, 1, 1)).days):
        tables["marketing_spend"].append(
            {
                "channel": "search",
                "spend_date": date(2023, 1, 1) + timedelta(days=n),
                "spend": "25.00",
                "currency": "EUR",
            }
        )
    return tables


def order(customer_id: str | None, day: date | str, amount: object, **more: object) -> Row:
    """Return one order line at noon of a day; `more` sets or replaces columns."""
    row = {
        "order_id": "", "customer_id": customer_id, "ordered_at": f"{day} 12:00:00", "product_id": "p1", "quantity": 1,
        "amount": amount, "currency": "EUR", "status": "paid", "updated_at": f"{day} 12:00:00",
    }  # fmt: skip
    return row | more


@dataclass
class Company:
    """A folder of SELECTs and a folder of CSV files. `tables` is changed by a test, then `write` puts it on disk."""

    root: Path
    tables: Tables = field(default_factory=healthy)
    toml: str = f'time_zone = "{TIME_ZONE}"\n[order_status]\nrevenue = ["paid"]\nnot_revenue = ["open"]\n'

    @property
    def folder(self) -> Path:
        return self.root / "source"

    @property
    def files(self) -> Path:
        return self.root / "files"

    def orders_on(self, day: date | str) -> list[Row]:
        return [row for row in self.tables["orders"] if str(row["ordered_at"]).startswith(str(day))]

    def write(self) -> None:
        """Write every table as one CSV file with a SELECT, and nothing else."""
        for folder in (self.folder, self.files):
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.iterdir():
                if old.name != FILE_NAME:
                    old.unlink()
        (self.folder / "source.toml").write_text(self.toml)
        for name, rows in self.tables.items():
            (self.folder / f"{name}.sql").write_text(f"select * from {name}\n")
            columns = list(dict.fromkeys(column for row in rows for column in row)) or ["order_id"]
            with (self.files / f"{name}.csv").open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)


@dataclass(frozen=True)
class Night:
    """How one `clv run` ended, and what the home's published folder held before it."""

    home: Home
    as_of: str
    exit_code: int
    output: str
    before: dict[str, str]


def night(
    company: Company, home: Home, as_of: str = TONIGHT, *arguments: str, is_drawn: bool = False, **settings: str
) -> Night:
    """Run the whole job on the company's tables as they are now; the fixed rules score, for models are not the point."""
    company.write()
    return run_night(home, *arguments_of(company, as_of), *arguments, is_drawn=is_drawn, **settings)


def arguments_of(company: Company, as_of: str) -> list[str]:
    """Return the options of a `clv run` on the company's tables."""
    return ["--source", str(company.folder), "--url", str(company.files), "--as-of", as_of]


def run_night(home: Home, *arguments: str, is_drawn: bool = False, **settings: str) -> Night:
    """Run `clv run` with these arguments, for a source that is no folder of files; its report has pictures if asked for."""
    before = contents(home.published)
    as_of = arguments[arguments.index("--as-of") + 1]
    environment = RULES_RUN | {"CLV_HASH_KEY": CANARY_KEY} | settings
    with nullcontext() if is_drawn else without_pictures():
        ran = run_clv_here("run", "--home", str(home.root), *arguments, **environment)
    return Night(home, as_of, ran.returncode, ran.stdout + ran.stderr, before)


def assert_blocked(seen: Night, *says: str) -> None:
    """Assert that the run is red and says this and a next step (I2), and that not a byte of what is served changed (I1)."""
    assert seen.exit_code == 1, seen.output
    plain = " ".join(seen.output.split())
    for text in (*says, "Next step:"):
        assert text in plain, f"'{text}' is not in: {plain}"
    assert "Traceback" not in seen.output
    assert contents(seen.home.published) == seen.before, "what is published changed on a red night"
    if seen.before:
        served_whole(seen.home)
    assert_nothing_personal(seen)


def refusal(
    company: Company,
    home: Home,
    as_of: str = TONIGHT,
    *,
    cleaned: Sequence[str] = ("orders",),
    acknowledged: Sequence[str] = (),
) -> PipelineError:
    """Return what the rooms say that refuse tonight's tables: extraction, cleaning of `cleaned`, the checks on the night.

    It goes through their doors, which costs a third of a night that is blocked there. That such an error makes the run red
    with that message is shown by the whole night of its family. Asserts I1, I2 and I5 as `assert_blocked` does.
    """
    company.write()
    return refusal_of(company.folder, str(company.files), home, as_of, cleaned=cleaned, acknowledged=acknowledged)


def refusal_of(
    folder: Path,
    url: str,
    home: Home,
    as_of: str = TONIGHT,
    *,
    cleaned: Sequence[str] = (),
    acknowledged: Sequence[str] = (),
    **changed: Any,
) -> PipelineError:
    """Return what the rooms say as `refusal` does, of a source that is there already; settings may be changed."""
    before, warehouse = contents(home.published), open_warehouse(home)
    settings = load_settings(source=str(folder), source_url=url, home=home.root, hash_key=CANARY_KEY, **changed)
    with warehouse.connection(), pytest.raises(PipelineError) as refused:
        extract_source(settings, warehouse, date.fromisoformat(as_of))
        clean_everything(warehouse, settings, Validator(), only=tuple(cleaned))
        with warehouse.transaction() as connection:
            judge_tonight(connection, settings, tuple(acknowledged))
    assert_blocked(Night(home, as_of, 1, f"error {refused.value}", before))
    return refused.value


def assert_published(seen: Night) -> None:
    """Assert that one whole bundle of that night is served (I1), that rows and money add up (I4), and I5."""
    assert seen.exit_code == 0, seen.output
    assert served_whole(seen.home) == seen.as_of
    assert_adds_up(seen.home)
    assert_nothing_personal(seen)


def assert_adds_up(home: Home) -> None:
    """Assert I4: rows at the source = accepted + duplicate + superseded + excluded + quarantined; so for the orders' money."""
    with open_warehouse(home).connection() as connection:
        rows = connection.execute(
            """
            select loads.table_name, rows_held, sum(row_count) filter (where disposition <> 'created')
            from raw.loads inner join clean.dispositions on loads.table_name = dispositions.table_name
            where is_provided and rows_held > 0 group by all
            """
        ).fetchall()
        ((at_source, judged),) = connection.execute(
            """
            select (select sum(amount) from raw.orders),
                (select sum(source_money) from clean.dispositions where table_name = 'orders' and disposition <> 'created')
            """
        ).fetchall()
    assert rows
    assert [r for r in rows if r[1] != r[2]] == []
    assert at_source == judged


def assert_same_bytes_again(company: Company, seen: Night) -> None:
    """Assert I3: the same input and as_of, scored and published again in a copy of the home, give the same tables."""
    first = {n: h for n, h in contents(seen.home.published).items() if n.endswith((".parquet", "current.json"))}
    again = night(company, seen.home, seen.as_of)
    assert again.exit_code == 0, again.output
    assert {n: h for n, h in contents(seen.home.published).items() if n in first} == first


def assert_nothing_personal(seen: Night) -> None:
    """Assert I5: neither e-mail nor key is found in the output or in any byte of the home (logs, metadata, reports, models)."""
    for canary in (CANARY_EMAIL, CANARY_KEY):
        assert canary not in seen.output
        found = [p for p in seen.home.root.rglob("*") if p.is_file() and canary.encode() in p.read_bytes()]
        assert found == [], f"{canary} is in {found}"


def dispositions(home: Home, table: str = "orders") -> dict[tuple[str, str, str], int]:
    """Return (disposition, reason code, reason) -> rows of one table, as data_quality shows them."""
    with open_warehouse(home).connection() as connection:
        rows = connection.execute(
            "select disposition, reason_code, reason, row_count from clean.dispositions where table_name = $table",
            {"table": table},
        ).fetchall()
    return {(disposition, code, reason): count for disposition, code, reason, count in rows}


def check(home: Home, asset: str, name: str) -> tuple[bool, dict[str, Any]]:
    """Return the newest outcome of an asset check and its metadata, as the Dagster UI shows them."""
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        key = dg.AssetCheckKey(dg.AssetKey(asset.split(".")), name)
        (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        assert record.event is not None and record.event.dagster_event is not None
        evaluation = record.event.dagster_event.asset_check_evaluation_data
    return evaluation.passed, {label: value.value for label, value in evaluation.metadata.items()}


def _of_one_step(asset: str) -> list[dg.AssetKey]:
    """Return the assets that are made in the same step as this one, which the UI selects together."""
    from clv_pipeline.orchestration.assets import ALL_ASSETS

    key = dg.AssetKey(asset.split("."))
    return next(list(made.keys) for made in ALL_ASSETS if key in made.keys)


def run_asset(home: Home, asset: str, *, tags: dict[str, str] | None = None, **environment: str) -> list[str]:
    """Run one asset of the demo company's nightly job alone, as the UI does; return what its failures say."""
    # imported here: the code location reads the settings of the process as it is imported
    from clv_pipeline.orchestration.definitions import defs
    from clv_pipeline.orchestration.resources import current_settings

    current_settings.cache_clear()
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CLV_")}
    settings = SMALL_RUN | {"CLV_HOME": str(home.root), "CLV_SOURCE": "demo", **environment}
    with mock.patch.dict(os.environ, clean | settings, clear=True), open_files_last():
        prepare_dagster_home(home)
        with dg.DagsterInstance.get() as instance:
            result = defs.resolve_job_def("nightly").execute_in_process(
                instance=instance,
                raise_on_error=False,
                asset_selection=_of_one_step(asset),
                tags=tags or {},
            )
    current_settings.cache_clear()
    return [failure.message for failure in failures_of(list(result.all_events), {})]
