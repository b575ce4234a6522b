"""Extraction: every contract table of a source into `raw`, in one snapshot and one warehouse transaction.

Reading is `readers.py`, typing is `loading.py`; this module runs the steps in order and keeps the high-water marks.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256

import pandas as pd

from clv_pipeline.contracts.source import CONTRACT, SourceTable
from clv_pipeline.contracts.warehouse import EXTRACTION, LOADS, RAW_REMARKS, SOURCE_COUNTS
from clv_pipeline.core.errors import SourceError
from clv_pipeline.core.foreign_errors import about
from clv_pipeline.core.settings import Settings
from clv_pipeline.sources.door import door_rules
from clv_pipeline.sources.failed_rules import check_rules
from clv_pipeline.sources.folder import SourceSelect, check_rule_columns, read_selects
from clv_pipeline.sources.hash_key import check_hash_key
from clv_pipeline.sources.keys import profile_keys
from clv_pipeline.sources.loading import (
    LoadReport,
    LoadRules,
    added_columns,
    check_columns,
    check_load,
    create_raw_table,
    load_batch,
    remember_known_rows,
)
from clv_pipeline.sources.readers import open_source
from clv_pipeline.sources.reading import BEGINNING, Days, SourceReader
from clv_pipeline.sources.remarks import Remark, known_remarks
from clv_pipeline.sources.source_counts import (
    DayCount,
    day_column,
    differing_days,
    held,
    largest_difference,
    money_column,
    same_in_total,
    total,
)
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, one_row, row_count

log = logging.getLogger(__name__)

#: When more days than these differ, the whole table is read again.
_MOST_DAYS_AGAIN = 366
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class ExtractedTable:
    """Result of the extraction of one contract table.

    rows_held: the row count of `raw.<table>` afterwards. columns: the contract columns that the SELECT returns.
    has_addresses: e-mail addresses were delivered, which are stored as keyed hashes only.
    """

    name: str
    is_provided: bool
    is_incremental: bool
    rows_delivered: int
    rows_loaded: int
    rows_held: int
    warnings: tuple[str, ...]
    remarks: tuple[Remark, ...] = ()
    columns: tuple[str, ...] = ()
    has_addresses: bool = False


def extract(
    settings: Settings, warehouse: Warehouse, *, as_of: date, run_id: str, started_at: datetime, progress: Progress
) -> list[ExtractedTable]:
    """Load all contract tables into `raw` and note the run in `raw.extraction`; all of it or nothing.

    Raises:
        ConfigurationError, SourceError: see `readers.py`, `loading.py` and `folder.py`.
    """
    selects = read_selects(settings)
    rules = door_rules(settings)
    with (
        open_source(
            settings.source_url, tries=settings.connect_tries, timeout_seconds=settings.statement_timeout_seconds
        ) as source,
        warehouse.transaction() as connection,
    ):
        night = Night(connection, source, settings, rules, as_of, run_id, started_at, progress)
        tables.create_if_missing(connection, LOADS)
        tables.create_if_missing(connection, SOURCE_COUNTS)
        check_rules(connection, CONTRACT, rules.exclusions)
        loaded = [night.load(table, selects.get(name)) for name, table in CONTRACT.items()]
        if not row_count(connection, "raw.orders"):
            raise SourceError(
                "orders: the source returned no rows",
                next_step=f"check {settings.source_folder / 'orders.sql'} and that this is the right source.",
            )
        night.note_run()
        loaded = with_new_remarks(connection, loaded)
    log.info("extracted %s", ", ".join(f"{t.name} {t.rows_loaded}" for t in loaded if t.is_provided))
    return loaded


def with_new_remarks(connection: Connection, loaded: list[ExtractedTable]) -> list[ExtractedTable]:
    """Store the remarks on all tables, and make warnings of those that the last published night did not have."""
    of_keys = profile_keys(connection, [t.name for t in loaded if t.is_provided])
    known = known_remarks(connection)
    loaded = [replace(t, remarks=(*t.remarks, *of_keys.get(t.name, ()))) for t in loaded]
    rows = [(t.name, r.check, r.subject, r.text, (r.check, r.subject) in known) for t in loaded for r in t.remarks]
    tables.replace(connection, RAW_REMARKS, rows)
    new = {t.name: [r.text for r in t.remarks if (r.check, r.subject) not in known] for t in loaded}
    for text in (text for texts in new.values() for text in texts):
        log.warning("%s", text)
    return [replace(t, warnings=(*t.warnings, *new[t.name])) for t in loaded]


@dataclass
class Night:
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
            return self._note_load(table, None, LoadReport(), {})
        with about(f"raw.{table.name}"):
            return self._load(table, select)

    def _load(self, table: SourceTable, select: SourceSelect) -> ExtractedTable:
        since = self._since(select) if select.is_incremental else BEGINNING
        if since == BEGINNING:
            create_raw_table(self.connection, table)
        else:
            remember_known_rows(self.connection, table)
        delivery = LoadReport()
        columns = self._read(select, since, delivery)
        at_source = self._count_at_source(select, columns)
        # a row that was changed stands beside its older version, and only a count would tell
        is_unclear = at_source is None and not table.has_row_key
        if since != BEGINNING and (is_unclear or not self._returns_the_same_columns(table, delivery)):
            since, delivery = BEGINNING, LoadReport()
            create_raw_table(self.connection, table)
            columns = self._read(select, since, delivery)
        if delivery.erased_subscriptions and self.rules.tombstones:
            # begun after the erasure: their payments, which are loaded next, name no customer
            longer = self.rules.tombstones.add([], delivery.erased_subscriptions)
            self.rules = replace(self.rules, tombstones=longer)
        if since != BEGINNING:
            # an increment shows some rows of a day, or none
            for day, rows in self._erased_before(table).items():
                delivery.erased_days[day] = max(delivery.erased_days[day], rows)
        if since != BEGINNING and at_source is not None:
            self._read_differing_days_again(select, columns, at_source, delivery)
        check_load(table, delivery, self.rules)
        counted = at_source if at_source is not None else delivery.days if since == BEGINNING else {}
        self._check_complete(select, counted, delivery)
        self._check_not_suddenly_empty(select)
        if not row_count(self.connection, f"raw.{table.name}"):
            text = f"{table.name}: the source returns no rows; remove {select.path.name} if there are none to come"
            delivery.remarks.append(Remark("empty_table", table.name, text))
        return self._note_load(table, select, delivery, counted)

    def _read(self, select: SourceSelect, since: str, delivery: LoadReport, days: Days | None = None) -> dict[str, str]:
        """Load what the SELECT returns; return contract column -> returned column."""
        table, columns = select.table, None
        for batch in self.source.read(select, since, self.settings.batch_rows, days):
            if columns is None:
                columns = check_columns(table, batch.column_names, select.path.name, delivery)
                check_hash_key(table, columns, self.rules.hash_key)
                check_rule_columns(self.settings, select, columns)
            if batch.num_rows:
                is_look_back = since != BEGINNING and days is None
                load_batch(self.connection, table, batch, columns, self.rules, delivery, skip_known=is_look_back)
                self.progress(table.name, delivery.rows)
        return columns or {}

    def _returns_the_same_columns(self, table: SourceTable, delivery: LoadReport) -> bool:
        """Return whether a `select *` returns what it returned last time: the rows loaded then lack a new column."""
        (then,) = one_row(
            self.connection, "select columns_returned from raw.loads where table_name = $name", {"name": table.name}
        )
        return then is not None and set(then) == set(delivery.columns)

    def _count_at_source(self, select: SourceSelect, columns: dict[str, str]) -> dict[str, DayCount] | None:
        day, money = day_column(select.table, columns), money_column(select.table, columns)
        return self.source.count_by_day(select, columns[day] if day else None, columns[money] if money else None)

    def _read_differing_days_again(
        self, select: SourceSelect, columns: dict[str, str], at_source: dict[str, DayCount], delivery: LoadReport
    ) -> None:
        """Replace the days on which `raw` differs from the source: an increment never shows what was deleted or changed unseen.

        A day with new rows tonight differs because the source told of its change. Any other one is a warning.
        """
        table, in_raw = select.table, held(self.connection, select.table)
        days = differing_days(at_source, in_raw, delivery.erased_days)
        is_moved = not self.source.days_are_exact and same_in_total(at_source, in_raw, delivery.erased_days)
        if not days or is_moved:
            return
        unannounced = [day for day in days if day not in delivery.changed_days]
        if unannounced:
            named = ", ".join(day or "no date" for day in unannounced[:5])
            delivery.warn(
                f"{table.name}: {len(unannounced)} days differ at the source from what was loaded, although no row of theirs was "
                f"delivered as changed ({named}{' ...' if len(unannounced) > 5 else ''}); they were read again"
                f"{largest_difference(at_source, in_raw, unannounced)}"
            )
        day = day_column(table, columns)
        rows, loaded = delivery.rows, delivery.loaded
        if day is None or len(days) > _MOST_DAYS_AGAIN or not self.source.days_are_exact:
            create_raw_table(self.connection, table)
            delivery.erased_days.clear()
            self._read(select, BEGINNING, delivery)
        else:
            self._replace_days(select, Days(columns[day], tuple(days)), delivery)
        # what was read again is not new
        delivery.rows, delivery.loaded = rows, loaded

    def _replace_days(self, select: SourceSelect, days: Days, delivery: LoadReport) -> None:
        for day in days.days:
            del delivery.erased_days[day]
        self.connection.execute(
            f"delete from raw.{select.table.name} where list_contains($days, day_at_source)", {"days": list(days.days)}
        )
        self._read(select, BEGINNING, delivery, days)

    def _erased_before(self, table: SourceTable) -> dict[str, int]:
        rows = self.connection.execute(
            "select day, rows_erased from raw.source_counts where table_name = $name and rows_erased > 0",
            {"name": table.name},
        )
        return dict(rows.fetchall())

    def _check_complete(self, select: SourceSelect, counted: dict[str, DayCount], delivery: LoadReport) -> None:
        """Compare `raw` with the source by day, in rows and money.

        Raises:
            SourceError: they differ, although both are of one snapshot.
        """
        if not counted:
            return
        table, in_raw = select.table, held(self.connection, select.table)
        days = differing_days(counted, in_raw, delivery.erased_days)
        if not days:
            return
        if not self.source.days_are_exact and same_in_total(counted, in_raw, delivery.erased_days):
            text = (
                f"{table.name}: {len(days)} days have other rows at the source than loaded, but rows and money are the same in "
                "total: the driver writes times in another zone than the server. Return them as text with their offset"
            )
            delivery.remarks.append(Remark("days_moved", table.name, text))
            return
        nothing = DayCount(0, 0.0)
        shown = "; ".join(
            f"{day or 'no date'}: {_shown(counted.get(day, nothing))} at the source, {_shown(in_raw.get(day, nothing))} loaded"
            for day in days[:3]
        )
        raise SourceError(
            f"{table.name}: {len(days)} days differ between the source and what was loaded from it: {shown}"
            f"{largest_difference(counted, in_raw, days)}",
            next_step=f"check that {select.path.name} returns the same rows whenever it is run (no random(), no limit without an "
            "order), then run again.",
        )

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
        parts = [
            select.sql,
            address,
            self.settings.time_zone,
            *rules,
            *select.table.column_names(),
            *added_columns(select.table),
        ]
        return sha256("\n".join(parts).encode()).hexdigest()

    def _since(self, select: SourceSelect) -> str:
        """Return where to continue reading: the newest loaded change minus the look-back, in local time of the source."""
        rows = self.connection.execute(
            "select strftime(timezone($zone, high_water), '%Y-%m-%d %H:%M:%S') from raw.loads "
            "where table_name = $table and fingerprint = $fingerprint",
            {"zone": self.settings.time_zone, "table": select.table.name, "fingerprint": self._fingerprint(select)},
        ).fetchall()
        if not rows or rows[0][0] is None:
            return BEGINNING
        newest = datetime.strptime(rows[0][0], "%Y-%m-%d %H:%M:%S")
        return f"{newest - timedelta(days=self.settings.lookback_days):%Y-%m-%d %H:%M:%S}"

    def _note_load(
        self, table: SourceTable, select: SourceSelect | None, delivery: LoadReport, counted: dict[str, DayCount]
    ) -> ExtractedTable:
        rows_held = row_count(self.connection, f"raw.{table.name}")
        at_source = total(counted)
        incremental = select is not None and select.is_incremental
        times = [name for name in ("updated_at", table.event_time) if name in table.column_names()]
        # rows dated in the future must not move the high-water mark past data that has yet to arrive, whatever the clock is
        newest = f"max(least(coalesce({', '.join(times)})::timestamptz, timezone($zone, $as_of::timestamp)))"
        self.connection.execute("delete from raw.loads where table_name = $name", {"name": table.name})
        tables.append(
            self.connection,
            LOADS,
            f"select $name as table_name, $fingerprint as fingerprint, case when $incremental then {newest} end as high_water, "
            "$provided as is_provided, $incremental as is_incremental, $delivered as rows_delivered, "
            "$loaded as rows_loaded, $held as rows_held, $erased as rows_erased, $columns as columns_returned, "
            f"$rows_at_source as rows_at_source, $money_at_source as money_at_source from raw.{table.name}",
            {
                "name": table.name,
                "fingerprint": self._fingerprint(select) if select else None,
                "zone": self.settings.time_zone,
                "as_of": self.as_of,
                "provided": select is not None,
                "incremental": incremental,
                "delivered": delivery.rows,
                "loaded": delivery.loaded,
                "held": rows_held,
                "erased": sum(delivery.erased_days.values()),
                "columns": list(delivery.columns),
                "rows_at_source": at_source.rows if counted else None,
                "money_at_source": at_source.money,
            },
        )
        self.connection.execute("delete from raw.source_counts where table_name = $name", {"name": table.name})
        counts = [(table.name, day, c.rows, c.money, delivery.erased_days[day]) for day, c in sorted(counted.items())]
        tables.append(self.connection, SOURCE_COUNTS, pd.DataFrame(counts, columns=SOURCE_COUNTS.column_names()))
        return ExtractedTable(
            table.name,
            select is not None,
            incremental,
            delivery.rows,
            delivery.loaded,
            rows_held,
            tuple(delivery.warnings),
            tuple(delivery.remarks),
            delivery.columns,
            bool(delivery.emails) or any(c.type == "secret" and c.name in delivery.columns for c in table.columns),
        )


def _shown(count: DayCount) -> str:
    return f"{count.rows} rows" + ("" if count.money is None else f" ({count.money:,.2f})")
