"""How a CSV file is written: encoding, separator, quotes and header, found once and then held to for every line.

DuckDB's own detection fits the dialect to a sample: one short line turns a file of six columns into one of one column, and
a quote after the sample is an error. Here the header decides, so that a line that does not fit is an error with its number.
"""

import codecs
import csv
import gzip
import io
import shutil
from collections import Counter
from pathlib import Path
from typing import BinaryIO, cast

import duckdb

from clv_pipeline.core.errors import SourceError
from clv_pipeline.warehouse.connection import Connection, quote_name, quote_text

_BLOCK_BYTES = 1 << 20
_SEPARATORS = ",;\t|"
_UTF_16 = {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}


def csv_table(connection: Connection, file: Path, repaired: Path) -> str:
    """Return the table function that reads a CSV file as text columns.

    A file that is not UTF-8 is copied into the folder `repaired` first: UTF-16 as UTF-8, and in any other every byte that is
    not text as U+FFFD, so that the loader can recognise it.

    Raises:
        SourceError: the file is empty, or its header names one column twice.
    """
    readable = file if _is_utf8(file) else _as_utf8(file, repaired)
    sniffed = _sniffed(connection, readable)
    first = _first_lines(readable, sniffed.skipped)
    if not first.strip():
        raise SourceError(
            f"{file.name} is empty", next_step="export it again; a table without rows still has a header line."
        )
    if not sniffed.has_header:
        # without names nothing but DuckDB's own column0, column1 ... can be meant
        return f"read_csv({quote_text(str(readable))}, all_varchar = true)"
    separator = sniffed.separator if sniffed.columns > 1 else max(_SEPARATORS, key=_outside_quotes(first).count)
    names = next(csv.reader(io.StringIO(first), delimiter=separator))
    repeated = [name for name, count in Counter(n.lower() for n in names if n).items() if count > 1]
    if repeated:
        raise SourceError(
            f"{file.name}: the header names '{repeated[0]}' more than once",
            next_step="give the columns different names in the export; which of them is meant cannot be known.",
        )
    columns = ", ".join(f"{quote_name(name or f'column{n}')}: 'varchar'" for n, name in enumerate(names))
    return (
        f"read_csv({quote_text(str(readable))}, auto_detect = false, header = true, skip = {sniffed.skipped}, "
        f"delim = {quote_text(separator)}, quote = '\"', escape = {quote_text(sniffed.escape)}, columns = {{{columns}}})"
    )


class _Sniffed:
    """What DuckDB's sample says about a file; a file that it cannot make sense of gets the defaults."""

    def __init__(self, row: tuple[str, str, int, bool, int] | None) -> None:
        separator, escape, self.skipped, self.has_header, self.columns = row or (",", "", 0, True, 1)
        self.separator = separator
        self.escape = '"' if escape in ("", "(empty)") else escape


def _sniffed(connection: Connection, file: Path) -> _Sniffed:
    try:
        row = connection.execute(
            'select "Delimiter", "Escape", "SkipRows", "HasHeader", len("Columns") '
            f"from sniff_csv({quote_text(str(file))}, all_varchar = true)"
        ).fetchone()
    except duckdb.Error:
        row = None
    return _Sniffed(row)


def _first_lines(file: Path, skipped: int) -> str:
    """Return the beginning of the file from its header on."""
    with io.TextIOWrapper(_open_text(file), "utf-8-sig", errors="replace", newline="") as content:
        for _ in range(skipped):
            content.readline()
        return content.read(_BLOCK_BYTES)


def _outside_quotes(text: str) -> str:
    """Return the first line of a text without its quoted parts.

    >>> _outside_quotes('"Name, first";Country')
    ';Country'
    """
    line = text.lstrip("\r\n").splitlines()[0]
    return "".join(line.split('"')[::2])


def _is_utf8(file: Path) -> bool:
    """Return whether a CSV file is valid UTF-8; DuckDB cannot read any line of one that is not."""
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
    copy = folder / file.name.removesuffix(".gz")
    with _open_text(file) as content:
        encoding = "utf-16" if content.read(2) in _UTF_16 else "utf-8"
    with (
        io.TextIOWrapper(_open_text(file), encoding, errors="replace", newline="") as content,
        copy.open("w", encoding="utf-8", newline="") as readable,
    ):
        shutil.copyfileobj(content, readable, _BLOCK_BYTES)
    return copy


def _open_text(file: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(file)) if file.suffix == ".gz" else file.open("rb")
