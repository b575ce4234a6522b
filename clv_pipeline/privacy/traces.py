"""Search every file of a home for a customer's number, byte by byte and, in tables, value by value.

Only the demo company's own database is left out: it is a source, which its owner must clean.
"""

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.privacy.subject import ID_COLUMNS
from clv_pipeline.warehouse.connection import columns_of, one_row, open_bundle_file, quote_name, tables_of


def find_traces(home: Home, ids: list[str]) -> list[str]:
    """Return each file below the home that still contains one of the numbers, with the count.

    Tables are compressed, and in their files values lie side by side, so that the end of one number and the beginning of
    the next may look like a third one: they are opened and their values compared. A number of digits alone is looked for
    only in the columns that identify a customer: in other columns the same digits may be an order number, an article or an
    amount; other IDs are searched in every text, and in the file's bytes as well. Other files are searched for the number
    as a whole word.
    """
    found = []
    for file in sorted(p for p in home.root.rglob("*") if p.is_file() and home.demo_database.parent not in p.parents):
        times = sum(_times(file, customer_id) for customer_id in ids)
        if times:
            found.append(f"{file}: {times} {'place' if times == 1 else 'places'}")
    return found


def _times(file: Path, customer_id: str) -> int:
    only_digits = customer_id.isdigit()
    match file.suffix:
        case ".duckdb":
            return _in_duckdb(file, customer_id, only_digits) or (0 if only_digits else _in_bytes(file, customer_id))
        case ".parquet":
            return _in_parquet(file, customer_id, only_digits) or (0 if only_digits else _in_bytes(file, customer_id))
        case _:
            return _in_bytes(file, customer_id)


def _standing_alone(customer_id: str) -> str:
    """Return a pattern of the number that is not the middle of a longer one; digits alone are no fraction or JSON number."""
    number = re.escape(customer_id)
    if customer_id.isdigit():
        return rf'(?<![0-9A-Za-z_])(?<![0-9]\.)(?<!": ){number}(?![0-9A-Za-z_])'
    first, last = ("[0-9]" if end.isdigit() else "[A-Za-z]" for end in (customer_id[0], customer_id[-1]))
    return f"(?<!{first}){number}(?!{last})"


def _in_bytes(file: Path, customer_id: str) -> int:
    if not file.stat().st_size:
        return 0
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return sum(1 for _ in re.finditer(_standing_alone(customer_id).encode(), content))


def _in_duckdb(file: Path, customer_id: str, only_digits: bool) -> int:
    try:
        with open_bundle_file(file) as connection:
            return sum(
                int(one_row(connection, f"select count(*) from {table} where {condition}", {"id": customer_id})[0])
                for table in tables_of(connection)
                for condition in _conditions(columns_of(connection, table), only_digits)
            )
    except PublishError:
        # damaged: only its bytes can be read
        return _in_bytes(file, customer_id)


def _conditions(columns: dict[str, str], only_digits: bool) -> Iterator[str]:
    for name, kind in columns.items():
        if only_digits and name in ID_COLUMNS:
            yield f"{quote_name(name)} = $id"
        elif not only_digits and kind == "VARCHAR":
            yield f"contains({quote_name(name)}, $id)"


def _in_parquet(file: Path, customer_id: str, only_digits: bool) -> int:
    with pq.ParquetFile(file) as parquet:
        names = [
            field.name
            for field in parquet.schema_arrow
            if str(field.type) in ("string", "large_string") and (not only_digits or field.name in ID_COLUMNS)
        ]
        return sum(
            value is not None and (value == customer_id or (not only_digits and customer_id in value))
            for batch in parquet.iter_batches(columns=names)
            for column in batch.columns
            for value in column.to_pylist()
        )
