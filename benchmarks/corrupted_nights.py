"""How many seeded corruptions of clean companies are caught the same night, and how many clean nights are not quiet.

    python -m benchmarks.corrupted_nights --companies 3 --nights 40

Each company is extracted, cleaned and judged as a nightly run does it (nothing is trained), for some published nights; then each
corruption is one more night on a copy of that warehouse, and a first night on an empty one. It counts as caught if the night
is red, or has a warning that a clean night has not, with the spoiled column in the text.
"""

import argparse
import random
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.corruptions import CORRUPTIONS, Tables, cut, made_company
from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.errors import PipelineError
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.quality.cleaning import build_clean_table, clean_parameters
from clv_pipeline.quality.expectations import Validator
from clv_pipeline.quality.judging import judge_tonight
from clv_pipeline.quality.night_measures import remember_good_night
from clv_pipeline.sources.extraction import extract
from clv_pipeline.warehouse.connection import Warehouse
from clv_pipeline.warehouse.sql_models import build, load_layer

_FIRST_NIGHT, _END = date(2024, 6, 10), date(2025, 1, 1)
_TOML = """\
name = "Company"
time_zone = "Europe/Berlin"
currency = "EUR"

[order_status]
revenue = ["paid", "returned"]
not_revenue = ["cancelled"]
"""


@dataclass(frozen=True)
class Seen:
    """How a night ended: red, or the warnings of a green one."""

    is_red: bool
    texts: tuple[str, ...]

    def names(self, columns: tuple[str, ...], usual: frozenset[str]) -> bool:
        """Return whether the night is red or has an unusual warning, and one of the columns is in its text."""
        new = self.texts if self.is_red else tuple(t for t in self.texts if t not in usual)
        return any(column in text for column in columns for text in new)


def night(root: Path, home: Home, tables: Tables, as_of: date, validator: Validator) -> Seen:
    """Extract, clean and judge; a green night becomes the baseline of the next."""
    source, files = root / "source", root / "files"
    for folder in (source, files):
        folder.mkdir(parents=True, exist_ok=True)
    (source / "source.toml").write_text(_TOML)
    for name, frame in tables.items():
        frame.to_csv(files / f"{name}.csv", index=False)
        (source / f"{name}.sql").write_text(f"select * from {name}")
    settings = load_settings(source=str(source), source_url=str(files), home=home.root, threads=2)
    warehouse, told = Warehouse.of(settings), list[str]()
    try:
        with warehouse.connection():
            _judge(settings, warehouse, as_of, validator, told)
    except PipelineError as error:
        return Seen(True, (str(error), *told))
    return Seen(False, tuple(told))


def _judge(settings: Settings, warehouse: Warehouse, as_of: date, validator: Validator, told: list[str]) -> None:
    """Add what the night warns of to `told`."""
    started = datetime.combine(as_of, datetime.min.time(), UTC) + timedelta(hours=1)
    tables = extract(
        settings, warehouse, as_of=as_of, run_id="r", started_at=started, progress=lambda table, rows: None
    )
    told += [warning for table in tables for warning in table.warnings]
    for model in load_layer("1_clean"):
        if model.name in CONTRACT:
            told += build_clean_table(warehouse, model, settings, validator).warnings
        else:
            with warehouse.transaction() as connection:
                build(connection, model, clean_parameters(settings))
    with warehouse.transaction() as connection:
        told += [f"{j.check}: {j.says}" for j in judge_tonight(connection, settings, ()) if j.verdict == "warns"]
        remember_good_night(connection, settings.name, as_of, "r")
        # the customers of a published night, which scoring would write
        connection.execute(
            "create or replace table scores.history as select $as_of::date as as_of_date, customer_id from clean.customers",
            {"as_of": as_of},
        )


@dataclass
class Counts:
    """What the nights of all companies came to."""

    tried: int = 0
    caught: dict[str, int] = field(default_factory=lambda: {"first": 0, "later": 0})
    missed: list[str] = field(default_factory=list)
    clean: int = 0
    red: int = 0
    loud: int = 0


def clean_nights(company: Tables, root: Path, good: int, nights: int, validator: Validator, counts: Counts) -> None:
    """Run the published nights, of which `root`/good keeps the home, and some more."""
    home = Home(root / "home")
    for n in range(good + nights):
        as_of = _FIRST_NIGHT + timedelta(days=n)
        seen = night(root, home, cut(company, as_of), as_of, validator)
        if n:
            counts.clean += 1
            counts.red += seen.is_red
            counts.loud += bool(seen.texts) and not seen.is_red
        if seen.texts:
            sys.stdout.write(f"clean night {as_of}: {'RED ' if seen.is_red else ''}{' | '.join(seen.texts)[:300]}\n")
        if n == good - 1:
            shutil.copytree(home.root, root / "good")


def corrupted_nights(
    company: Tables, root: Path, good: int, only: str, seed: int, validator: Validator, counts: Counts
) -> None:
    """Run each corruption once after the published nights and once as a first night."""
    as_of = _FIRST_NIGHT + timedelta(days=good)
    usual = frozenset(night(root, Home(root / "fresh"), cut(company, as_of), as_of, validator).texts)
    for name, (columns, spoil) in CORRUPTIONS.items():
        if only not in name:
            continue
        spoiled = spoil(cut(company, as_of), as_of, random.Random(seed))
        counts.tried += 1
        for when in ("first", "later"):
            shutil.rmtree(root / "tried", ignore_errors=True)
            if when == "later":
                shutil.copytree(root / "good", root / "tried")
            seen = night(root, Home(root / "tried"), spoiled, as_of, validator)
            if seen.names(columns, usual if when == "first" else frozenset()):
                counts.caught[when] += 1
            else:
                counts.missed.append(f"{when} night: {name} (company {seed}): {' | '.join(seen.texts)[:160]}")


def main() -> None:
    """Print the shares of caught corruptions and of clean nights that were not quiet."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--companies", type=int, default=1)
    options.add_argument("--customers", type=int, default=1000)
    options.add_argument("--good", type=int, default=9, help="published nights before a corrupted one")
    options.add_argument("--nights", type=int, default=0, help="more clean nights of each company")
    options.add_argument("--only", default="", help="only corruptions with this text in their name")
    given = options.parse_args()
    if given.good < 1:
        options.error("--good: a corrupted night is compared with at least one published night")
    validator, counts = Validator(), Counts()
    for seed in range(given.companies):
        company = made_company(seed, customers=given.customers, until=_END)
        with tempfile.TemporaryDirectory() as folder:
            clean_nights(company, Path(folder), given.good, given.nights, validator, counts)
            corrupted_nights(company, Path(folder), given.good, given.only, seed, validator, counts)
    for text in counts.missed:
        sys.stdout.write(f"missed, {text}\n")
    for when, caught in counts.caught.items():
        sys.stdout.write(f"{when} night: {caught} of {counts.tried} caught ({caught / max(counts.tried, 1):.1%})\n")
    sys.stdout.write(f"clean nights: {counts.clean}, red {counts.red}, with a warning {counts.loud}\n")


if __name__ == "__main__":
    main()
