"""The served bundle as the dashboard reads it: one file for one run of a page, so that all its figures are of one night.

Every run of a page opens the file again, because the night replaces it while the dashboard runs. Results are kept by the file's
version and query, and for an hour at most: the file of a later night, or one rewritten by an erasure, has another version.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import streamlit as st

from clv_pipeline.core.home import Home
from clv_pipeline.warehouse.connection import Connection, open_bundle_file, records

#: Of one connection; several pages may be drawn at the same time.
_MEMORY_LIMIT = "256MB"
_KEPT_SECONDS = 3600
_KEPT_BYTES = "200MB"


@dataclass(frozen=True)
class ServedBundle:
    """The served file, open for one run of a page."""

    connection: Connection
    version: str
    home: Home
    #: the one row of clv_run
    run: dict[str, Any] = field(default_factory=dict)

    @property
    def days(self) -> int:
        """The primary horizon."""
        return int(self.run["primary_horizon_days"])

    @property
    def spend_column(self) -> str:
        """The column of customer_clv with the predicted spend of the primary horizon."""
        return f"predicted_spend_{self.days}d"

    @property
    def probability_column(self) -> str:
        """The column of customer_clv with the purchase probability of the primary horizon."""
        return f"purchase_probability_{self.days}d"

    @property
    def currency(self) -> str:
        return str(self.run["currency"])

    @property
    def as_of(self) -> date:
        as_of: date = self.run["as_of_date"]
        return as_of

    def frame(self, query: str, **parameters: object) -> pd.DataFrame:
        """Return the rows of a query; values of the reader come in as parameters (`$name`), never as text of the query."""
        frame: pd.DataFrame = _frame(self.connection, self.version, query, parameters)
        return frame

    def has(self, table: str) -> bool:
        """Return whether the bundle has rows in a table; an older release may not have the table."""
        there = self.frame("select count(*) as n from information_schema.tables where table_name = $table", table=table)
        return bool(there["n"].iloc[0]) and not self.frame(f"select 1 from {table} limit 1").empty


@st.cache_data(ttl=_KEPT_SECONDS, max_size=_KEPT_BYTES, show_spinner=False)
def _frame(_connection: Connection, version: str, query: str, parameters: dict[str, object]) -> pd.DataFrame:
    # the version is part of the key, and nothing else
    del version
    return _connection.execute(query, parameters).df()


@contextmanager
def open_served(home: Home) -> Iterator[ServedBundle | None]:
    """Yield the served bundle; None before the first published night.

    Raises:
        PublishError: the served file is damaged or open for writing.
    """
    served = home.published / "clv.duckdb"
    if not served.exists():
        yield None
        return
    # DuckDB shares one open file between all connections of a process that name the same path: as long as any page had it
    # open, all others would get yesterday's. A name of its own gives each run of a page the file of now.
    own_name = home.scratch / f"dashboard-{uuid4().hex}.duckdb"
    os.link(served, own_name)
    try:
        version = _version(own_name)
        with open_bundle_file(own_name, memory_limit=_MEMORY_LIMIT) as connection:
            own_name.unlink()
            (run,) = records(connection, "select * from clv_run")
            yield ServedBundle(connection, version, home, run)
    finally:
        own_name.unlink(missing_ok=True)


def _version(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}"
