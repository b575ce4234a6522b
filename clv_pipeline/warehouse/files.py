"""Files as a source: a hardened DuckDB connection sees CSV and Parquet files as views, or one DuckDB file, and nothing else."""

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import SourceError
from clv_pipeline.warehouse.connection import Connection, harden, quote_name, quote_text
from clv_pipeline.warehouse.csv_dialect import csv_table

#: Where a DuckDB file has its mark: after a checksum of eight bytes.
_DUCKDB_MARK, _DUCKDB_MARK_AT = b"DUCK", 8


@dataclass(frozen=True)
class OpenFiles:
    """A connection that sees each file as a view, and for the names that have no view the reason."""

    connection: Connection
    unusable: dict[str, SourceError]

    def refusal(self, error: duckdb.CatalogException) -> SourceError | None:
        """Return why the table that DuckDB does not find has no view, or None if no file has its name."""
        asked = re.findall(r"Table with name (.+?) does not exist", str(error))
        return next(
            (self.unusable[name.strip('"').lower()] for name in asked if name.strip('"').lower() in self.unusable), None
        )


@contextmanager
def open_files(path: Path) -> Iterator[OpenFiles]:
    """Yield a connection that sees each CSV or Parquet file at `path` (a folder or one file) as a view by its stem.

    CSV columns arrive as text, so that '00123' stays '00123'; SELECTs may also name the files directly. Where several files
    have one stem, none gets it; each has a view by its whole name.

    Raises:
        SourceError: there is no readable file.
    """
    folder = path if path.is_dir() else path.parent
    files = sorted(_data_files(path))
    if not files:
        raise SourceError(
            f"No CSV or Parquet file at {path}",
            next_step="set --url (or CLV_SOURCE_URL) to a folder with the files that the SELECTs read.",
        )
    with tempfile.TemporaryDirectory(prefix="clv_") as repaired, duckdb.connect(":memory:") as connection:
        connection.execute(f"set file_search_path = {quote_text(str(folder))}")
        harden(connection, [folder, Path(repaired)], relative_names=[file.name for file in files])
        opened = OpenFiles(connection, {})
        by_stem: dict[str, list[Path]] = defaultdict(list)
        for file in files:
            by_stem[file.name.split(".")[0].lower()].append(file)
        for stem, claimants in by_stem.items():
            for file in claimants:
                view = file.name.split(".")[0] if len(claimants) == 1 else file.name
                _create_view(opened, view, file, Path(repaired))
            if len(claimants) > 1:
                opened.unusable[stem] = _ambiguous(stem, claimants)
        yield opened


def is_duckdb_file(path: Path) -> bool:
    """Return whether a file is a DuckDB database, whatever its name ends with."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(_DUCKDB_MARK_AT + len(_DUCKDB_MARK)).endswith(_DUCKDB_MARK)


@contextmanager
def open_database_file(path: Path) -> Iterator[OpenFiles]:
    """Yield a connection that sees the tables of a DuckDB file, read-only. Nobody can write to it meanwhile.

    Raises:
        SourceError: somebody has it open for writing, or this version of DuckDB cannot read it.
    """
    with duckdb.connect(":memory:") as connection:
        try:
            connection.execute(f"attach {quote_text(str(path))} as source (read_only)")
        except duckdb.Error as error:
            raise SourceError(
                f"The DuckDB file {path} cannot be opened: {reason_of(error)}",
                next_step="close the process that writes to it, or copy the file and read the copy.",
            ) from None
        connection.execute("use source")
        harden(connection, [])
        yield OpenFiles(connection, {})


def _ambiguous(stem: str, files: list[Path]) -> SourceError:
    names = ", ".join(file.name for file in files)
    return SourceError(
        f"{len(files)} files could be the table '{stem}': {names}",
        next_step="move the ones that do not belong there out of the folder, or name in the SELECT what to read: "
        + " union all ".join(f'select * from "{file.name}"' for file in files[:3]),
    )


def _data_files(path: Path) -> list[Path]:
    candidates = [path] if path.is_file() else list(path.iterdir()) if path.is_dir() else []
    return [f for f in candidates if _reader(f) is not None]


def _reader(file: Path) -> str | None:
    name = file.name.lower()
    if name.endswith((".parquet", ".pq")):
        return "read_parquet"
    if name.endswith((".csv", ".csv.gz", ".tsv", ".txt")):
        return "read_csv"
    if file.is_dir() and any(file.glob("*.parquet")):
        return "read_parquet"
    return None


def _create_view(opened: OpenFiles, view: str, file: Path, repaired: Path) -> None:
    is_parquet = _reader(file) == "read_parquet"
    try:
        if is_parquet:
            location = str(file / "*.parquet") if file.is_dir() else str(file)
            table = f"read_parquet({quote_text(location)})"
        else:
            table = csv_table(opened.connection, file, repaired)
        opened.connection.execute(f"create view {quote_name(view)} as select * from {table}")
    except SourceError as error:
        opened.unusable[view.lower()] = error
    except duckdb.Error as error:
        opened.unusable[view.lower()] = SourceError(
            f"{file} cannot be read as {'Parquet' if is_parquet else 'CSV'}: {reason_of(error)}",
            next_step="check that the file is complete and matches its extension, or move it out of the folder.",
        )


def unreadable_row(table: str, error: Exception) -> SourceError | None:
    """Return DuckDB's error about a line of a CSV file without the line, which may be about a person; else None."""
    said = str(error)
    line, file = re.search(r"CSV Error on Line: (\d+)", said), re.search(r"^\s*file ?= ?(.+)$", said, re.MULTILINE)
    if line is None:
        return None
    where = f"{Path(file[1].strip()).name}, line {line[1]}" if file else f"line {line[1]}"
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", said)
    what = f"it has {fields[2]} fields, the header {fields[1]}" if fields else "it is no line of a CSV file"
    return SourceError(
        f"{table}: {where} cannot be read: {what}",
        next_step="look at that line: a separator, a quote or the end of the line is missing. Correct the export.",
    )
