"""Cost of the purchase mart, as a multiple of scanning the columns it reads.

Makes the shop of `made_up_shop.py`, then runs side by side, each in a process of its own:

- scan: sum or count every column of `clean.orders`, all of which the mart reads (the floor),
- mart: build `features.customer_day` and `features.purchase_features` at one cutoff with the pipeline's own SQL.

    .venv/bin/python -m benchmarks.purchase_mart --customers 1000000

CPU seconds (user + system, all threads) and peak memory are of those processes alone; opening the file is in both. Target at
one million customers (4.8 million orders, 9.6 million lines): at most 36 times the scan, under 1 GB. `--explain` prints where
the mart's time goes.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import duckdb

from benchmarks.made_up_shop import CUTOFF, build_shop
from clv_pipeline.warehouse.connection import tables_of
from clv_pipeline.warehouse.sql_models import SqlModel, build, load_layer

PARAMETERS = {"first_cutoff": CUTOFF, "last_cutoff": CUTOFF}
MODELS = ("customer_day", "purchase_features")
SCAN = """
select count(customer_id), count(order_id), count(product_id), count(product_category), count(channel),
    sum(hash(customer_id)), sum(hash(order_id)), sum(hash(product_id)), sum(hash(product_category)), sum(hash(channel)),
    max(order_date), sum(quantity), sum(amount)
from clean.orders
"""


def _open(database: Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit, "threads": "2", "temp_directory": str(database.parent / "spill"),
    }  # fmt: skip
    return duckdb.connect(str(database), config=config)


def _models() -> list[SqlModel]:
    return [m for m in load_layer("2_features") if m.name in MODELS]


def make_inputs(connection: duckdb.DuckDBPyConnection, customers: int) -> None:
    """Make the shop and the population of one cutoff."""
    build_shop(connection, customers)
    connection.execute("create schema if not exists features")
    connection.execute(
        f"create or replace table features.population as select date '{CUTOFF}' as as_of, 'score' as role, customer_id "
        "from clean.customers where has_profiling_consent order by customer_id"
    )


def check_inputs(connection: duckdb.DuckDBPyConnection) -> None:
    """Build the mart without reading a row, then undo it; exit and name the table or column that its SQL misses."""
    next_step = "Make it in benchmarks/made_up_shop.py; a shop kept with --database must be deleted and made again."
    connection.begin()
    try:
        for model in _models():
            missing = model.inputs - set(tables_of(connection)) | model.parameters - PARAMETERS.keys()
            if missing:
                raise SystemExit(f"{model.table} reads {', '.join(sorted(missing))}, which is not there. {next_step}")
            try:
                build(connection, replace(model, sql=f"{model.sql} with no data"), PARAMETERS)
            except duckdb.BinderException as error:
                raise SystemExit(f"{model.table}: {str(error).splitlines()[0]} {next_step}") from error
    finally:
        connection.rollback()


def prepare(database: Path, customers: int, memory_limit: str) -> tuple[int, int, int]:
    """Make the database unless it is there, and check it; return customers, orders and lines."""
    if not database.exists():
        # so that a mart which cannot be built is known before the big shop is made
        with duckdb.connect() as connection:
            make_inputs(connection, customers=1)
            check_inputs(connection)
        with _open(database, memory_limit) as connection:
            make_inputs(connection, customers)
            connection.execute("checkpoint")
    with _open(database, memory_limit) as connection:
        check_inputs(connection)
        counts = "select count(distinct customer_id), count(distinct order_id), count(*) from clean.orders"
        customers, orders, lines = connection.sql(counts).fetchall()[0]
    return customers, orders, lines


def work(what: str, database: Path, memory_limit: str) -> None:
    """Do one piece of work in this process and print its CPU seconds and peak memory in GB."""
    # what importing and opening took before the work is no part of it
    with _open(database, memory_limit) as connection:
        before = resource.getrusage(resource.RUSAGE_SELF)
        if what == "scan":
            connection.execute(SCAN).fetchall()
        else:
            for model in [m for m in _models() if what in ("mart", m.name)]:
                build(connection, model, PARAMETERS)
        after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    sys.stdout.write(f"{cpu} {_peak_gigabytes()}\n")


def _peak_gigabytes() -> float:
    # kilobytes on Linux, bytes on macOS
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "linux" else 1024**3)


def measure(module: str, what: str, database: Path, memory_limit: str) -> tuple[float, float]:
    """Run `work` in a process of its own; return CPU seconds and peak memory in GB."""
    cpu, peak = _run_apart(module, what, database, memory_limit).split()[-2:]
    return float(cpu), float(peak)


def prepare_apart(database: Path, customers: int, memory_limit: str) -> None:
    """Run `prepare` in a process of its own: a child starts with its parent's peak memory, so the parent stays small."""
    sys.stdout.write(
        _run_apart("benchmarks.purchase_mart", "prepare", database, memory_limit, "--customers", str(customers))
    )


def _run_apart(module: str, what: str, database: Path, memory_limit: str, *options: str) -> str:
    """Return what the process prints; if it fails, exit: it has said why on standard error, which is not captured."""
    arguments = ["--work", what, "--database", str(database), "--memory-limit", memory_limit, *options]
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "2"},
    )  # fmt: skip
    if ran.returncode != 0:
        raise SystemExit(ran.returncode)
    return ran.stdout


def explain(database: Path, memory_limit: str) -> None:
    """Print the profile of each model's query."""
    with _open(database, memory_limit) as connection:
        for model in _models():
            build(connection, model, PARAMETERS)
            parameters = {name: PARAMETERS[name] for name in model.parameters}
            plan = connection.execute(f"explain analyze {model.sql}", parameters).fetchall()
            sys.stdout.write(f"{model.table}\n{plan[0][1]}\n")


def arguments_of(description: str | None) -> argparse.Namespace:
    """Parse what the benchmarks of this folder share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--memory-limit", default="4GB")
    parser.add_argument("--database", type=Path, help="keep the shop here, and use it if it is there")
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure, side by side, and print the ratio."""
    arguments = arguments_of(__doc__)
    if arguments.work == "prepare":
        counts = prepare(arguments.database, arguments.customers, arguments.memory_limit)
        sys.stdout.write("{:,} customers, {:,} orders, {:,} lines\n".format(*counts))
        return
    if arguments.work:
        work(arguments.work, arguments.database, arguments.memory_limit)
        return
    with tempfile.TemporaryDirectory() as folder:
        database = arguments.database or Path(folder) / "shop.duckdb"
        prepare_apart(database, arguments.customers, arguments.memory_limit)
        found = {
            what: measure("benchmarks.purchase_mart", what, database, arguments.memory_limit)
            for what in ("scan", *MODELS, "mart")
        }
        for what, (cpu, peak) in found.items():
            sys.stdout.write(f"{what:18} {cpu:7.2f} CPU s   {peak:5.2f} GB\n")
        ratio, peak = found["mart"][0] / found["scan"][0], found["mart"][1]
        sys.stdout.write(
            f"mart / scan        {ratio:7.1f} (target at 1M customers: at most 36), {peak:.2f} GB (under 1)\n"
        )
        if arguments.explain:
            explain(database, arguments.memory_limit)


if __name__ == "__main__":
    main()
