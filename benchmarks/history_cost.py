"""Cost of a long score history: what publishing one night costs after one earlier night, and after 400 of them.

    .venv/bin/python -m benchmarks.history_cost --home HOME --customers 100000 --nights 400

Copies a finished home of a small company, puts made-up earlier nights into its score history, and publishes its scores as the
next night: recovery, the checks' baseline, `customer_clv`, the other tables, the bundle, and the copy to a second target
(SQLite), which has the bundle of the night before. Of the 400 nights only those are made that the history still has by then,
which `kept_nights` says. Target: the difference is at most 10 % of what the first night of so many customers costs.
"""

import argparse
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.publishing.database_target import publish_to_database
from clv_pipeline.publishing.publishing import build_customer_clv, publish
from clv_pipeline.publishing.recovery import recover
from clv_pipeline.quality.night_measures import good_nights_before
from clv_pipeline.scoring.kept_nights import kept_nights, other_nights
from clv_pipeline.warehouse.connection import Connection, Warehouse, one_row
from clv_pipeline.warehouse.sql_models import load_layer

_MEGABYTE = 1e6
#: CPU s of a whole night of the demo company with 100,000 customers, as measured.
_NIGHTS = {"a first night": 494.0, "a night that trains nothing": 105.0}


class Meter:
    """Adds up CPU seconds of this process by step."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = {}

    @contextmanager
    def measured(self, step: str) -> Iterator[None]:
        before = _cpu()
        try:
            yield
        finally:
            self.cpu[step] = self.cpu.get(step, 0.0) + _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def add_nights(connection: Connection, nights: list[date], customers: int) -> None:
    """Add made-up scores of so many customers to the history for each night; each third customer changes every night."""
    # the newest night has many customers too: it is what tonight is compared with
    connection.execute(
        """
        insert into scores.history by name
        with rows as (
            select unnest($nights)::date as as_of_date, 'made-up-' || lpad(n::varchar, 8, '0') as customer_id,
                (hash(n) >> 1)::bigint as own
            from range($customers) as customers (n)
        ),
        changing as (
            select *, case when own % 3 = 0 then (hash(own + date_diff('day', date '2000-01-01', as_of_date)) >> 1)::bigint
                else own end as tonight
            from rows
        ),
        one as (select * from scores.history order by as_of_date desc limit 1)
        select one.* replace (
                changing.as_of_date as as_of_date, changing.customer_id as customer_id,
                (tonight % 100000 / 100.0)::decimal(18, 2) as predicted_spend,
                (tonight % 30000 / 100.0)::decimal(18, 2) as predicted_spend_low,
                (tonight % 300000 / 100.0)::decimal(18, 2) as predicted_spend_high,
                (own % 70000 / 100.0)::decimal(18, 2) as baseline_spend,
                (own % 9000 / 10000.0)::decimal(5, 4) as baseline_probability,
                (tonight % 10000 / 10000.0)::decimal(5, 4) as purchase_probability,
                (own % 1000000 / 100.0)::decimal(18, 2) as historic_value,
                ['steady', 'dormant', 'churn_risk', 'high_value'][1 + own % 4] as segment,
                ['A', 'B', 'C', 'D'][1 + own % 4] as value_tier,
                changing.as_of_date::timestamptz - to_days((own % 200)::integer) as updated_at
            )
        from changing cross join one
        order by as_of_date, customer_id
        """,
        {"nights": nights, "customers": customers},
    )
    connection.execute(
        """
        insert into scores.night_totals by name
        with one as (select * from scores.night_totals order by as_of_date desc limit 1)
        select one.* replace (night as as_of_date, strftime(night, '%Y%m%d') || '-made-up' as run_id)
        from one cross join (select unnest($nights)::date as night)
        where night not in (select as_of_date from scores.night_totals)
        """,
        {"nights": nights},
    )
    connection.execute(
        """
        insert into quality.good_nights by name
        select good_nights.* replace (night as as_of, strftime(night, '%Y%m%d') || '-made-up' as run_id)
        from quality.good_nights cross join (select unnest($nights)::date as night)
        where good_nights.as_of = (select max(as_of) from quality.good_nights)
        """,
        {"nights": nights},
    )


def publish_as(home: Home, settings: Settings, as_of: date) -> dict[str, float]:
    """Publish the scores of the home as those of a night; return CPU seconds by step."""
    meter, warehouse, models = Meter(), Warehouse.of(settings), load_layer("4_published")
    with warehouse.transaction() as connection:
        (source,) = one_row(connection, "select source_name from scores.run")
        connection.execute(
            "update scores.run set as_of = $as_of::date, run_id = strftime($as_of::date, '%Y%m%d') || '-night'",
            {"as_of": as_of},
        )
    with meter.measured("recovery"):
        recover(warehouse, home.published, source)
    with warehouse.connection():
        with meter.measured("baseline of the checks"), warehouse.connection() as connection:
            good_nights_before(connection, source, as_of)
        with meter.measured("name of the run"), warehouse.connection() as connection:
            other_nights(connection, as_of)
        with meter.measured("customer_clv"):
            build_customer_clv(warehouse, models, settings, ["segment_changes"])
        with meter.measured("tables and bundle"):
            publish(warehouse, models, settings, home)
    with meter.measured("second target"):
        publish_to_database(home.published / "clv.duckdb", settings)
    return meter.cpu


def cost_after(finished: Path, nights: int, customers: int, work: Path) -> tuple[dict[str, float], int, float]:
    """Return CPU seconds by step, the nights that the history has, and the size of the home in MB."""
    shutil.copytree(finished, work / "home")
    home = Home(work / "home")
    settings = load_settings(home=home.root, publish_url=f"sqlite:///{work / 'target.db'}", threads=2)
    with Warehouse.of(settings).transaction() as connection:
        (first,) = one_row(connection, "select as_of from scores.run")
        earlier = [first - timedelta(days=n) for n in range(1, nights)]
        kept = [night for night in kept_nights(earlier) if night != first]
        add_nights(connection, kept, customers)
    publish_as(home, settings, first + timedelta(days=1))  # the target gets the history, and the first bundle has it
    cost = publish_as(home, settings, first + timedelta(days=2))
    with Warehouse.of(settings).connection() as connection:
        (held,) = one_row(connection, "select count(distinct as_of_date) from scores.history")
    size = sum(file.stat().st_size for file in home.root.rglob("*") if file.is_file()) / _MEGABYTE
    shutil.rmtree(work)
    return cost, held, size


def main() -> None:
    """Print the cost of a night by step, with one earlier night and with many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="a finished home of the demo company; it is copied")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--nights", type=int, default=400)
    arguments = parser.parse_args()
    costs = {}
    for nights in (2, arguments.nights):
        with tempfile.TemporaryDirectory() as folder:
            cost, held, size = cost_after(arguments.home, nights, arguments.customers, Path(folder) / "work")
        costs[nights] = cost
        sys.stdout.write(
            f"{nights} nights of {arguments.customers:,} customers, {held} held, home of {size:,.0f} MB:\n"
        )
        for step, seconds in cost.items():
            sys.stdout.write(f"  {step:<24} {seconds:6.2f} CPU s\n")
    few, many = (sum(cost.values()) for cost in costs.values())
    sys.stdout.write(f"publishing: {few:.2f} CPU s after one night, {many:.2f} after {arguments.nights}\n")
    for night, seconds in _NIGHTS.items():
        share = 1 + (many - few) / seconds
        sys.stdout.write(f"{night} of 100,000 customers costs {seconds:g} CPU s: it becomes {share:.3f} of it\n")


if __name__ == "__main__":
    main()
