"""Files as a source: each CSV or Parquet file is a view of a hardened DuckDB connection, and nothing else is reachable."""

import codecs
import gzip
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import duckdb

from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import SourceError
from clv_pipeline.warehouse.connection import Connection, harden, quote_name, quote_text

_BLOCK_BYTES = 1 << 20


@contextmanager
def open_files(path: Path) -> Iterator[Connection]:
    """Yield a connection that sees each CSV or Parquet file at `path` (a folder or one file) as a view by its stem.

    CSV columns arrive as text, so that '00123' stays '00123'; SELECTs may also name the files directly.

    Raises:
        SourceError: there is no readable file, or a file is not of the type its name says.
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
        for file in files:
            _create_view(connection, file if _is_utf8(file) else _as_utf8(file, Path(repaired)))
        yield connection


def _is_utf8(file: Path) -> bool:
    """Return whether a CSV file is valid UTF-8; DuckDB cannot read any line of one that is not."""
    if _reader(file) != "read_csv":
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with _open_text(file) as content:
            while block := content.read(_BLOCK_BYTES):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _as_utf8(file: Path, folder: Path) -> Path:
    """Write a copy in which every byte that is not text is U+FFFD, so that the loader can recognise it."""
    copy = folder / file.name.removesuffix(".gz")
    with (
        io.TextIOWrapper(_open_text(file), "utf-8", errors="replace", newline="") as content,
        copy.open("w", encoding="utf-8", newline="") as repaired,
    ):
        shutil.copyfileobj(content, repaired, _BLOCK_BYTES)
    return copy


def _open_text(file: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(file)) if file.suffix == ".gz" else file.open("rb")


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


def _create_view(connection: Connection, file: Path) -> None:
    reader = _reader(file)
    options = ", all_varchar = true" if reader == "read_csv" else ""
    location = str(file / "*.parquet") if file.is_dir() else str(file)
    view = quote_name(file.name.split(".")[0])
    try:
        connection.execute(f"create or replace view {view} as select * from {reader}({quote_text(location)}{options})")
    except duckdb.Error as error:
        raise SourceError(
            f"{file} cannot be read as {'Parquet' if reader == 'read_parquet' else 'CSV'}: {reason_of(error)}",
            next_step="check that the file is complete and matches its extension, or move it out of the folder.",
        ) from None
