"""Reading CSV and Parquet files, or a DuckDB file, as a source; the SELECTs are DuckDB SQL. `warehouse/files.py` opens them."""

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from clv_pipeline.core.engines import Engine
from clv_pipeline.sources.folder import SourceSelect
from clv_pipeline.sources.reading import BEGINNING, Days, Gap, TimeLimit, in_days, select_failed, text_field, too_slow
from clv_pipeline.sources.source_counts import DayCount
from clv_pipeline.sources.structure import TableAtSource, tables_of_files
from clv_pipeline.warehouse.connection import quote_name
from clv_pipeline.warehouse.files import OpenFiles, unreadable_row

_NUMBERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
}  # fmt: skip


class FileReader:
    """Files seen through DuckDB, as views or as the tables of a DuckDB file; the SELECTs are DuckDB SQL."""

    days_are_exact = True

    def __init__(self, files: OpenFiles, timeout_seconds: int, engine: Engine) -> None:
        self.engine = engine
        self._files = files
        self._timeout_seconds = timeout_seconds

    def tables(self) -> list[TableAtSource]:
        return tables_of_files(self._files.connection)

    def read_apart(self, select: SourceSelect) -> pa.Table:
        return pa.concat_tables(self.read(select, BEGINNING, 50_000))

    def read(self, select: SourceSelect, since: str, batch_rows: int, days: Days | None = None) -> Iterator[pa.Table]:
        limit = TimeLimit(self._timeout_seconds, self._files.connection.interrupt)
        parameters = {"since": since} if select.is_incremental else {}
        try:
            with limit:
                yield from self._read(select.for_duckdb(), parameters, batch_rows, days)
        except duckdb.CatalogException as error:
            raise self._files.refusal(error) or select_failed(select, error) from None
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            if limit.over:
                raise too_slow(select, self._timeout_seconds) from None
            raise unreadable_row(select.table.name, error) or select_failed(select, error) from None

    def _read(self, sql: str, parameters: dict[str, str], batch_rows: int, days: Days | None) -> Iterator[pa.Table]:
        connection = self._files.connection
        described = connection.execute(f"describe {sql}", parameters).fetchall()
        types = {row[0]: row[1] for row in described}
        schema = pa.schema([text_field(row[0], _kind(row[1])) for row in described])
        yield schema.empty_table()
        if len(types) < len(described):
            return  # two columns of one name, which the loader refuses
        some = f" where {in_days(days)}" if days else ""
        as_text = ", ".join(f"{_text_of(name, kind)} as {quote_name(name)}" for name, kind in types.items())
        query = f"select {as_text} from (select * from ({sql}){some})"
        for batch in connection.sql(query, params=parameters).to_arrow_reader(batch_rows):
            yield pa.Table.from_batches([batch]).cast(schema)

    def gaps(self, selects: str) -> list[Gap]:
        return []

    def count_by_day(self, select: SourceSelect, day: str | None, money: str | None) -> dict[str, DayCount] | None:
        if not select.is_incremental:
            return None
        amount = f"coalesce(sum(try_cast({quote_name(money)}::varchar as double)), 0)" if money else "null"
        which = f"coalesce(left({quote_name(day)}::varchar, 10), '')" if day else "''"
        query = f"select {which}, count(*), {amount} from ({select.for_duckdb()}) group by 1"
        rows = self._files.connection.execute(query, {"since": BEGINNING}).fetchall()
        return {found: DayCount(count, total) for found, count, total in rows}

    def count_by_value(self, select: SourceSelect, column: str, money: str) -> dict[str, DayCount]:
        query = (
            f"select coalesce({quote_name(column)}::varchar, ''), count(*), "
            f"coalesce(sum(try_cast({quote_name(money)}::varchar as double)), 0) from ({select.for_duckdb()}) "
            "group by 1 order by 2 desc, 1"
        )
        try:
            rows = self._files.connection.execute(
                query, {"since": BEGINNING} if select.is_incremental else {}
            ).fetchall()
        except duckdb.Error as error:
            raise select_failed(select, error) from None
        return {value: DayCount(count, total) for value, count, total in rows}


def _text_of(name: str, kind: str) -> str:
    """Return the SQL of a column's exact text: a whole number without '.0', binary data as the UTF-8 text that it is."""
    column = quote_name(name)
    if kind in ("FLOAT", "DOUBLE"):
        is_whole = f"isfinite({column}) and {column} = trunc({column}) and abs({column}) < 1e15"
        return f"case when {is_whole} then {column}::bigint::varchar else {column}::varchar end"
    if kind == "BLOB":
        return f"coalesce(try(decode({column})), {column}::varchar)"
    return f"{column}::varchar"


def _kind(duckdb_type: str) -> str:
    if duckdb_type in ("FLOAT", "DOUBLE"):
        return "float"
    return "number" if duckdb_type in _NUMBERS or duckdb_type.startswith("DECIMAL") else "text"
