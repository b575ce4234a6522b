"""Dashboard at size: seconds until a page is whole, memory of the server, and pages loaded while nights are published.

    .venv/bin/python -m benchmarks.dashboard --home HOME --customers 1000000 --publications 200

Makes bundles of so many customers out of the one that a finished home serves: each customer is repeated under other numbers, so
that tables have their real columns and texts. Starts the real dashboard and opens its pages as a browser does, each in a session
of its own. Then it publishes again and again while sessions load pages, and counts errors and stale pages: those of a night
that was no longer served when the page was asked for. Bars: 2 s (p95) with one reader, 1 GB, no error and no stale page.
"""

import argparse
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import duckdb
import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from clv_pipeline.core.home import Home
from clv_pipeline.dashboard.screens import all_pages
from clv_pipeline.publishing.serving import current, serve
from clv_pipeline.warehouse.connection import quote_name, quote_text

#: Nights that are published in turn: a page of the last but one is told from one of now.
_NIGHTS = 3
_SOURCE = "Demo company"
_AS_OF = date(2026, 7, 1)
_MEGABYTE = 1e6


def make_bundle(finished: Path, bundle: Path, customers: int) -> None:
    """Write a bundle with `customers` or a few more, in the order of the tables: by number, so that one number is found fast."""
    with duckdb.connect(str(bundle), config={"memory_limit": "2GB", "threads": 2}) as connection:
        connection.execute(f"attach {quote_text(str(finished))} as finished (read_only)")
        (known,) = connection.execute("select count(*) from finished.customer_clv").fetchone() or (0,)
        copies = math.ceil(customers / known)
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'finished'"
        ).fetchall()
        for (table,) in tables:
            name = quote_name(table)
            columns = {row[0] for row in connection.execute(f"describe finished.{name}").fetchall()}
            if "customer_id" in columns:
                by_night = "rows.as_of_date, " if table == "customer_clv_history" else ""
                connection.execute(
                    f"create table {name} as select rows.* replace (format('{{:05d}}-{{}}', copy, customer_id) as customer_id) "
                    f"from range({copies}) as copies (copy), finished.{name} as rows order by {by_night}copy, rows.rowid"
                )
            else:
                connection.execute(f"create table {name} as from finished.{name}")
        connection.execute(
            "update clv_run set customers = customers * $n, predicted_spend_total = predicted_spend_total * $n, "
            f"source_name = {quote_text(_SOURCE)}, as_of_date = {quote_text(str(_AS_OF))}",
            {"n": copies},
        )


def name_night(bundle: Path, run_id: str) -> None:
    """Give a copied bundle its own run_id."""
    with duckdb.connect(str(bundle)) as connection:
        connection.execute("update clv_run set run_id = $run_id", {"run_id": run_id})


@dataclass
class Loaded:
    """What a session got: seconds, the run_id that the page shows, and errors."""

    seconds: float
    run_id: str
    errors: list[str]


def load(port: int, page: str, **query: str) -> Loaded:
    """Open a page in a session of its own and wait until it is whole."""
    began = time.perf_counter()
    texts: list[str] = []
    errors: list[str] = []
    asked = BackMsg()
    asked.rerun_script.page_name = page
    asked.rerun_script.query_string = urlencode(query)
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    with connect(address, subprotocols=["streamlit"], max_size=None, proxy=None, open_timeout=60) as socket:
        socket.send(asked.SerializeToString())
        while True:
            message = ForwardMsg.FromString(socket.recv(timeout=120))
            kind = message.WhichOneof("type")
            if kind == "delta":
                element = message.delta.new_element
                texts.append(element.markdown.body)
                if element.WhichOneof("type") == "exception":
                    errors.append(element.exception.message or "exception")
                elif element.alert.body and element.alert.format == element.alert.ERROR:
                    errors.append(element.alert.body)
            elif kind == "script_finished":
                if message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                    errors.append(ForwardMsg.ScriptFinishedStatus.Name(message.script_finished))
                break
    shown = re.search(r"Run (\S+)\.", "\n".join(texts))
    return Loaded(time.perf_counter() - began, shown[1] if shown else "", errors)


def views(customers: list[str], luck: random.Random) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield each page and the main interactions, with other values each time, as name, page and query."""
    for page in all_pages():
        yield page.name, page.name, {}
    yield (
        "explorer, filtered",
        "explorer",
        {"value_tier": luck.choice("ABCD"), "recency_days_to": str(luck.randint(30, 300))},
    )
    yield "explorer, best 5,000", "explorer", {"size": str(5000 + luck.randint(0, 999)), "historic_value_from": "10"}
    yield "customer, by number", "customer", {"customer_id": luck.choice(customers)}
    yield "customer, by beginning", "customer", {"customer_id": luck.choice(customers)[:8]}


@contextmanager
def running_dashboard(home: Home, port: int) -> Iterator[int]:
    """Start the dashboard of a home and yield its process id once it answers."""
    command = [sys.executable, "-c", "from clv_pipeline.cli import main; main()", "dashboard", "--port", str(port)]
    process = subprocess.Popen(command, env=os.environ | {"CLV_HOME": str(home.root)}, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                with urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                    break
            except OSError:
                time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def peak_megabytes(pid: int) -> float:
    """Return the most memory that a process has had so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 / _MEGABYTE if found else float("nan")


def time_views(port: int, customers: list[str], rounds: int, sessions: int) -> None:
    """Print p50 and p95 of each view with so many readers at a time."""
    seconds: dict[str, list[float]] = {}
    errors: list[str] = []

    def read(reader: int) -> None:
        luck = random.Random(1000 * sessions + reader)
        for _ in range(rounds):
            for name, page, query in views(customers, luck):
                loaded = load(port, page, **query)
                seconds.setdefault(name, []).append(loaded.seconds)
                errors.extend(f"{name}: {error}" for error in loaded.errors)

    _in_threads(read, sessions)
    for name, values in seconds.items():
        p50, p95 = np.quantile(values, [0.5, 0.95])
        _say(f"{name:24} p50 {p50:.2f} s  p95 {p95:.2f} s  ({sessions} readers)")
    every = [value for values in seconds.values() for value in values]
    _say(f"{sessions} readers: {len(every)} pages, p95 {np.quantile(every, 0.95):.2f} s, {len(errors)} errors")
    for error in dict.fromkeys(errors):
        _say(f"  {error}")


@dataclass
class Publications:
    """Nights as they are served, for the question which of them a page may show."""

    served: list[tuple[float, str]] = field(default_factory=list)

    def allowed(self, began: float, ended: float) -> set[str]:
        """Return the run_ids that were served at some time between two times."""
        before = [run_id for at, run_id in self.served if at <= began][-1:]
        return {*before, *(run_id for at, run_id in self.served if began < at <= ended)}


def publish_under_load(home: Home, port: int, nights: list[Path], publications: int, sessions: int) -> None:
    """Publish so many times while readers load pages; print errors and stale pages."""
    log = Publications([(time.perf_counter(), (current(home.published) or {})["run_id"])])
    over = threading.Event()
    loads: list[tuple[float, float, Loaded]] = []

    def read(reader: int) -> None:
        names = [page.name for page in all_pages()]
        while not over.is_set():
            began = time.perf_counter()
            loaded = load(port, names[len(loads) % len(names)])
            loads.append((began, time.perf_counter(), loaded))

    def publish(_: int) -> None:
        try:
            for number in range(publications):
                folder = nights[(number + 1) % len(nights)]
                serve(home.published, folder, _AS_OF, _SOURCE)
                log.served.append((time.perf_counter(), folder.name))
        finally:
            over.set()

    _in_threads(lambda n: publish(n) if n == 0 else read(n), sessions + 1)
    # a swap is seen up to a moment before it is noted here
    stale = sum(loaded.run_id not in log.allowed(began, ended + 0.5) for began, ended, loaded in loads)
    errors = [error for _, _, loaded in loads for error in loaded.errors]
    _say(f"{publications} publications, {len(loads)} pages meanwhile: {len(errors)} errors, {stale} stale pages")
    for error in dict.fromkeys(errors):
        _say(f"  {error}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _in_threads(work: Callable[[int], None], count: int) -> None:
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="a home with a published night")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--publications", type=int, default=200)
    parser.add_argument("--sessions", type=int, default=4, help="readers at a time")
    parser.add_argument("--rounds", type=int, default=10, help="how often each view is opened by each reader")
    parser.add_argument("--port", type=int, default=8677)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clv-dashboard-") as folder:
        home = Home(Path(folder))
        nights = [home.published / f"night-{number}" for number in range(_NIGHTS)]
        for night in nights:
            night.mkdir()
        make_bundle(Home(chosen.home).published / "clv.duckdb", nights[0] / "clv.duckdb", chosen.customers)
        for night in nights[1:]:
            shutil.copyfile(nights[0] / "clv.duckdb", night / "clv.duckdb")
        for night in nights:
            name_night(night / "clv.duckdb", night.name)
        serve(home.published, nights[0], _AS_OF, _SOURCE)
        with duckdb.connect(str(nights[0] / "clv.duckdb"), read_only=True) as connection:
            sample = connection.execute(
                "select customer_id from customer_clv using sample 500 rows (reservoir, 7)"
            ).fetchall()
            (count,) = connection.execute("select count(*) from customer_clv").fetchone() or (0,)
        size = (nights[0] / "clv.duckdb").stat().st_size / _MEGABYTE
        _say(f"{count} customers, bundle of {size:.0f} MB")
        with running_dashboard(home, chosen.port) as pid:
            for sessions in (1, chosen.sessions):
                time_views(chosen.port, [number for (number,) in sample], chosen.rounds, sessions)
            _say(f"peak memory {peak_megabytes(pid):.0f} MB")
            publish_under_load(home, chosen.port, nights, chosen.publications, chosen.sessions)
            _say(f"peak memory {peak_megabytes(pid):.0f} MB after the publications")


if __name__ == "__main__":
    main()
