"""Nights that follow a finished one without a whole run each, and what must hold of a home after any of them."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock

from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.publishing.bundle import Bundle
from clv_pipeline.publishing.publishing import build_customer_clv, publish
from clv_pipeline.publishing.serving import current
from clv_pipeline.reporting import html
from clv_pipeline.warehouse.connection import Warehouse, open_bundle_file
from clv_pipeline.warehouse.sql_models import load_layer
from clv_pipeline_tests.conftest import open_warehouse


def copy_of(home: Home, to: Path) -> Home:
    """Return a copy of a home, to be changed."""
    shutil.copytree(home.root, to / "home")
    return Home(to / "home")


@contextmanager
def without_pictures() -> Iterator[None]:
    """Put an empty picture wherever a report has one: drawing them is most of what a small night costs to publish."""

    def empty(title: str, text: str, *data: object, tables: tuple[str, ...] = ()) -> html.Picture:
        return html.Picture(title, "", text, tables)

    with mock.patch.object(html, "drawn", empty):
        yield


def publish_night(home: Home, as_of: str, warehouse: Warehouse | None = None, **settings: Any) -> Bundle:
    """Publish the scores that the warehouse holds as those of another night, through the last steps of a run.

    A `warehouse` that is given is used as a run uses it; else the file stays open meanwhile, and no picture is drawn.
    """
    night = load_settings(source="demo", home=home.root, **settings)
    if warehouse:
        return _publish_as(as_of, home, warehouse, night)
    warehouse = open_warehouse(home)
    with warehouse.connection(), without_pictures():
        return _publish_as(as_of, home, warehouse, night)


def _publish_as(as_of: str, home: Home, warehouse: Warehouse, night: Settings) -> Bundle:
    models = load_layer("4_published")
    with warehouse.transaction() as connection:
        connection.execute(
            "update scores.run set run_id = strftime($as_of::date, '%Y%m%d') || '-night', as_of = $as_of::date",
            {"as_of": as_of},
        )
    build_customer_clv(warehouse, models, night)
    return publish(warehouse, models, night, home)


def contents(folder: Path) -> dict[str, str]:
    """Return the hash of every file below a folder."""
    files = (f for f in sorted(folder.rglob("*")) if f.is_file())
    return {str(f.relative_to(folder)): sha256(f.read_bytes()).hexdigest() for f in files}


def bundle_names(home: Home) -> set[str]:
    return {p.name for p in home.published.iterdir() if p.is_dir() and not p.name.startswith(".")}


def is_whole(bundle: Path) -> bool:
    manifest = bundle / "manifest.json"
    if not manifest.exists():
        return False
    hashes = json.loads(manifest.read_text())["sha256"]
    return len(hashes) > 14 and all(
        (bundle / name).is_file() and sha256((bundle / name).read_bytes()).hexdigest() == digest
        for name, digest in hashes.items()
    )


def served_whole(home: Home) -> str | None:
    """Assert that nothing or one whole bundle is served (I1), and return its as_of."""
    served, pointer = home.published / "clv.duckdb", current(home.published)
    half = [name for name in bundle_names(home) if not is_whole(home.published / name)]
    assert half == [], "a bundle has its final name but is not whole"
    if not served.exists():
        assert pointer is None, "a pointer to a file that is not there"
        return None
    assert not served.with_name("clv.duckdb.wal").exists()
    with open_bundle_file(served) as connection:
        ((run_id, as_of),) = connection.execute("select run_id, as_of_date::varchar from clv_run").fetchall()
        ((rows, run_rows),) = connection.execute(
            "select (select count(*) from customer_clv where run_id = clv_run.run_id), customers from clv_run"
        ).fetchall()
    assert rows == run_rows > 0
    assert served.read_bytes() == (home.published / run_id / "clv.duckdb").read_bytes()
    if pointer is not None:
        assert (home.published / pointer["run_id"]).is_dir(), "the pointer names a bundle that is not there"
    return str(as_of)


def served_run(home: Home) -> str:
    served = current(home.published)
    assert served is not None
    return served["run_id"]


def nights_in_history(home: Home) -> dict[str, tuple[int, int]]:
    """Return as_of -> (rows, distinct customers and horizons) of the history in the served bundle."""
    with open_bundle_file(home.published / "clv.duckdb") as connection:
        rows = connection.execute(
            "select as_of_date::varchar, count(*), count(distinct (customer_id, horizon_days)) "
            "from customer_clv_history group by 1 order by 1"
        ).fetchall()
    return {as_of: (count, keys) for as_of, count, keys in rows}


def published_rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query on what is served."""
    with open_bundle_file(home.published / "clv.duckdb") as connection:
        return connection.execute(query).fetchall()
