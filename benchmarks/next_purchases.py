"""Lists of next purchases against simple methods: recall of the first ten places, at past dates, with intervals.

Each date is judged as a training night judges its test window: the ranker is fitted to the two windows before the date and
meets the days after it. Prints a table of methods for each list, with the lead over the baseline (own frequency for `again`,
popularity of the last 60 days for `new_to_them`) and its 90 % interval, and the CPU seconds of judging and fitting.

    .venv/bin/python -m benchmarks.next_purchases --source online_retail_ii --source-url FOLDER --dates 2011-09-11 2011-06-13

`--protocol sketch` judges as the sketch that set the bars did: product numbers in capitals that begin with a digit, items
with 5 buyers instead of 20, also those that were not sold lately. Without a source a made-up shop of `--customers` is judged,
whose customers choose at random: there is nothing to learn, and the learned ranker should not be better.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks.made_up_shop import CUTOFF, build_shop
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.evaluation.backtest import ingest
from clv_pipeline.next_purchases.candidates import KINDS
from clv_pipeline.next_purchases.examples import PUBLISHED_RULES, Rules
from clv_pipeline.next_purchases.fitting import fit_ranker
from clv_pipeline.next_purchases.lines import choose_level, write_lines
from clv_pipeline.next_purchases.ranker import Ranker
from clv_pipeline.warehouse.connection import Connection, Warehouse

_METRICS = ("recall_at_10", "ndcg_at_5", "log_loss")
_SKETCH = Rules(least_buyers=5, sold_lately=False)


@contextmanager
def _lines_of(arguments: argparse.Namespace, settings: Settings, last_day: date) -> Iterator[Connection]:
    """Yield a connection with the clean orders before a day."""
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.source:
            with duckdb.connect() as connection:
                build_shop(connection, arguments.customers)
                yield connection
            return
        home = Home(Path(folder) / "home")
        warehouse = Warehouse.of(settings.model_copy(update={"home": home.root}))
        ingest(warehouse, settings, last_day, lambda text: None)
        with warehouse.connection() as connection:
            yield connection


def _as_in_the_sketch(connection: Connection) -> None:
    connection.execute("update clean.orders set product_id = upper(product_id)")
    connection.execute("delete from clean.orders where product_id is null or not regexp_matches(product_id, '^[0-9]')")


def _table(ranker: Ranker, kind: str) -> Iterator[str]:
    """Yield a line per method: each metric, and its lead over the baseline."""
    rows = [row for row in ranker.quality if row["kind"] == kind]
    figures = {(row["row_kind"], row["method"], row["metric"]): row for row in rows}
    methods = dict.fromkeys(row["method"] for row in rows if row["row_kind"] == "method")
    for method in methods:
        line = f"  {kind:<12} {method:<21}"
        for metric in _METRICS:
            if value := figures.get(("method", method, metric)):
                line += f" {metric} {value['value']:.3f}"
            if lead := figures.get(("difference", method, metric)):
                line += f" ({lead['value']:+.4f} [{lead['low']:+.4f}, {lead['high']:+.4f}])"
        yield line
    yield from (f"  {kind:<12} {row['statement']} {row['customers']} customers" for row in rows if row["statement"])


def main() -> None:
    """Print one table per date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=5_000, help="of the made-up shop")
    parser.add_argument("--source")
    parser.add_argument("--source-url")
    parser.add_argument("--dates", nargs="+", type=date.fromisoformat, help="first days of the windows to judge")
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--protocol", choices=["published", "sketch"], default="published")
    arguments = parser.parse_args()
    window = timedelta(days=arguments.days)
    dates = arguments.dates or [date.fromisoformat(CUTOFF) - window]
    settings = load_settings(source=arguments.source, source_url=arguments.source_url)
    with _lines_of(arguments, settings, max(dates) + window) as connection:
        if arguments.protocol == "sketch":
            _as_in_the_sketch(connection)
        level = choose_level(connection)
        if level.name is None:
            raise SystemExit(f"nothing can be suggested: {level.why_none}")
        write_lines(connection, level)
        for first_day in dates:
            began = time.process_time()
            rules = _SKETCH if arguments.protocol == "sketch" else PUBLISHED_RULES
            ranker = fit_ranker(connection, settings, first_day + window, arguments.days, level.name, rules)
            cpu = time.process_time() - began
            sys.stdout.write(f"{level.name}, {arguments.days} days from {first_day}: {cpu:.1f} CPU s\n")
            sys.stdout.writelines(f"{line}\n" for kind in KINDS for line in _table(ranker, kind))


if __name__ == "__main__":
    main()
