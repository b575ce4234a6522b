"""Extraction: every contract table of a source into `raw`, in one snapshot and one warehouse transaction.

Reading is `readers.py`, typing is `loading.py`; this module runs the steps in order and keeps the high-water marks.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

import pyarrow as pa

from clv_pipeline.contracts.source import CONTRACT, SourceTable
from clv_pipeline.contracts.warehouse import EXTRACTION, LOADS, ORDERS_AT_SOURCE
from clv_pipeline.core.errors import SourceError, SourceInterrupted
from clv_pipeline.core.foreign_errors import about
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import Settings
from clv_pipeline.sources.folder import SourceSelect, exclusion_condition, read_selects
from clv_pipeline.sources.loading import (
    SYSTEM_COLUMNS,
    LoadReport,
    LoadRules,
    check_columns,
    check_exclusions,
    check_load,
    create_raw_table,
    load_batch,
    remember_known_rows,
)
from clv_pipeline.sources.readers import SourceReader, open_source
from clv_pipeline.sources.tombstones import read_tombstones
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, one_row, row_count

log = logging.getLogger(__name__)

_BEGINNING = "1900-01-01 00:00:00"
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class ExtractedTable:
    """Result of the extraction of one contract table; `rows_held` is the row count of `raw.<table>` afterwards."""

    name: str
    is_provided: bool
    is_incremental: bool
    rows_delivered: int
    rows_loaded: int
    rows_held: int
    warnings: tuple[str, ...]


def extract(
    settings: Settings, warehouse: Warehouse, *, as_of: date, run_id: str, started_at: datetime, progress: Progress
) -> list[ExtractedTable]:
    """Load all contract tables into `raw` and note the run in `raw.extraction`; all of it or nothing.

    Raises:
        ConfigurationError, SourceError: see `readers.py`, `loading.py` and `folder.py`.
    """
    selects = read_selects(settings)
    rules = _door_rules(settings)
    with (
        open_source(
            settings.source_url, tries=settings.connect_tries, timeout_seconds=settings.statement_timeout_seconds
        ) as source,
        warehouse.transaction() as connection,
    ):
        night = _Night(connection, source, settings, rules, as_of, run_id, started_at, progress)
        tables.create_if_missing(connection, LOADS)
        check_exclusions(connection, CONTRACT, rules)
        loaded = [night.load(table, selects.get(name)) for name, table in CONTRACT.items()]
        if not row_count(connection, "raw.orders"):
            raise SourceError(
                "orders: the source returned no rows",
                next_step=f"check {settings.source_folder / 'orders.sql'} and that this is the right source.",
            )
        night.note_run()
        # ask this last: if the source database cannot run it, the snapshot transaction is aborted
        night.note_orders_at_source(selects["orders"])
    log.info("extracted %s", ", ".join(f"{t.name} {t.rows_loaded}" for t in loaded if t.is_provided))
    return loaded


def _door_rules(settings: Settings) -> LoadRules:
    exclusions: dict[str, list[tuple[str, str]]] = {}
    for rule in settings.exclude:
        exclusions.setdefault(rule.table, []).append((exclusion_condition(rule), rule.reason))
    key = settings.hash_key.get_secret_value() if settings.hash_key else None
    tombstones = read_tombstones(Home(settings.home).tombstones, settings.hash_key)
    return LoadRules(settings.time_zone, key, exclusions, settings.max_unreadable_share, tombstones)


@dataclass(frozen=True)
class _Night:
    """One extraction under way: the open source, the open transaction, and the rules for both."""

    connection: Connection
    source: SourceReader
    settings: Settings
    rules: LoadRules
    as_of: date
    run_id: str
    started_at: datetime
    progress: Progress

    def load(self, table: SourceTable, select: SourceSelect | None) -> ExtractedTable:
        if select is None:
            create_raw_table(self.connection, table)
            return self._note_load(table, None, LoadReport())
        with about(f"raw.{table.name}"):
            return self._load(table, select)

    def _load(self, table: SourceTable, select: SourceSelect) -> ExtractedTable:
        since = self._since(select) if select.is_incremental else _BEGINNING
        if since == _BEGINNING:
            create_raw_table(self.connection, table)
        else:
            remember_known_rows(self.connection, table)
        delivery = LoadReport()
        columns: dict[str, str] | None = None
        for batch in self.source.read(select, since, self.settings.batch_rows):
            if columns is None:
                columns = check_columns(table, batch.column_names, select.path.name, delivery)
            if batch.num_rows:
                load_batch(self.connection, table, batch, columns, self.rules, delivery, skip_known=since != _BEGINNING)
                self.progress(table.name, delivery.rows)
        check_load(table, delivery, self.rules)
        self._check_not_suddenly_empty(select)
        return self._note_load(table, select, delivery)

    def _check_not_suddenly_empty(self, select: SourceSelect) -> None:
        if row_count(self.connection, f"raw.{select.table.name}"):
            return
        last = self.connection.execute(
            "select rows_held from raw.loads where table_name = $table and fingerprint = $fingerprint",
            {"table": select.table.name, "fingerprint": self._fingerprint(select)},
        ).fetchall()
        if last and last[0][0]:
            raise SourceError(
                f"{select.table.name}: the source returned no rows; the last extraction had {last[0][0]}",
                next_step=f"check the source; if the table is gone for good, remove {select.path}.",
            )

    def note_run(self) -> None:
        settings = self.settings
        row = (
            self.as_of, self.run_id, self.started_at, settings.name, settings.time_zone, settings.currency,
            self._data_fingerprint(),
        )  # fmt: skip
        tables.replace(self.connection, EXTRACTION, [row])

    def note_orders_at_source(self, select: SourceSelect) -> None:
        """Record lines and money by day as counted by the source: raw still has rows an incremental source has deleted since."""
        tables.create(self.connection, ORDERS_AT_SOURCE)
        if not select.is_incremental:
            return
        try:
            with about("raw.orders"):
                days = self.source.orders_by_day(select, _BEGINNING)
        except SourceInterrupted:
            raise
        except SourceError as error:
            log.warning("past orders cannot be compared with the source: %s", error.what)
            return
        columns = zip(*days, strict=True) if days else ([], [], [])
        counted = pa.table(dict(zip(("day", "lines", "money"), map(list, columns), strict=True)))
        self.connection.register("counted", counted)
        tables.append(
            self.connection,
            ORDERS_AT_SOURCE,
            "select try_cast(day as date) as day, sum(lines) as lines, "
            "sum(try_cast(money as decimal(38, 2))) as money from counted group by day",
        )
        self.connection.unregister("counted")

    def _data_fingerprint(self) -> str:
        """Return one hash over every raw row, independent of order, and over the other published facts of the loads."""
        parts = [
            str(one_row(self.connection, f"select count(*), sum(hash(row_hash)::hugeint) from raw.{name}"))
            for name in CONTRACT
        ]
        loads = self.connection.execute(
            "select table_name, is_provided, rows_erased from raw.loads order by table_name"
        )
        parts += map(str, loads.fetchall())
        return sha256(" ".join(parts).encode()).hexdigest()

    def _fingerprint(self, select: SourceSelect) -> str:
        """Return the fingerprint of the loaded rows' origin; a changed SELECT, address or rule means loading everything again."""
        address = self.settings.source_url.get_secret_value() if self.settings.source_url else ""
        rules = [rule.model_dump_json() for rule in self.settings.exclude if rule.table == select.table.name]
        if any(column.type == "secret" for column in select.table.columns):
            rules.append(sha256((self.rules.hash_key or "").encode()).hexdigest())
        parts = [select.sql, address, self.settings.time_zone, *rules, *select.table.column_names(), *SYSTEM_COLUMNS]
        return sha256("\n".join(parts).encode()).hexdigest()

    def _since(self, select: SourceSelect) -> str:
        """Return where to continue reading: the newest loaded change minus the look-back, in local time of the source."""
        rows = self.connection.execute(
            "select strftime(timezone($zone, high_water), '%Y-%m-%d %H:%M:%S') from raw.loads "
            "where table_name = $table and fingerprint = $fingerprint",
            {"zone": self.settings.time_zone, "table": select.table.name, "fingerprint": self._fingerprint(select)},
        ).fetchall()
        if not rows or rows[0][0] is None:
            return _BEGINNING
        newest = datetime.strptime(rows[0][0], "%Y-%m-%d %H:%M:%S")
        return f"{newest - timedelta(days=self.settings.lookback_days):%Y-%m-%d %H:%M:%S}"

    def _note_load(self, table: SourceTable, select: SourceSelect | None, delivery: LoadReport) -> ExtractedTable:
        held = row_count(self.connection, f"raw.{table.name}")
        incremental = select is not None and select.is_incremental
        changed = "updated_at" if "updated_at" in table.column_names() else table.event_time
        # rows dated in the future must not move the high-water mark past data that has yet to arrive, whatever the clock is
        newest = f"max(least(coalesce({changed}, {table.event_time})::timestamptz, timezone($zone, $as_of::timestamp)))"
        self.connection.execute("delete from raw.loads where table_name = $name", {"name": table.name})
        tables.append(
            self.connection,
            LOADS,
            f"select $name as table_name, $fingerprint as fingerprint, case when $incremental then {newest} end as high_water, "
            "$provided as is_provided, $incremental as is_incremental, $delivered as rows_delivered, "
            f"$loaded as rows_loaded, $held as rows_held, $erased as rows_erased from raw.{table.name}",
            {
                "name": table.name,
                "fingerprint": self._fingerprint(select) if select else None,
                "zone": self.settings.time_zone,
                "as_of": self.as_of,
                "provided": select is not None,
                "incremental": incremental,
                "delivered": delivery.rows,
                "loaded": delivery.loaded,
                "held": held,
                "erased": delivery.erased,
            },
        )
        return ExtractedTable(
            table.name, select is not None, incremental, delivery.rows, delivery.loaded, held, tuple(delivery.warnings)
        )
