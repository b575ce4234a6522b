"""The catalogue of a source: its tables with row counts, keys, and a sample of each in a scratch database of our own.

Every query goes through the reader of the source and ends at its statement timeout. Nothing is guessed here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlglot
from pydantic import SecretStr
from sqlglot import exp

from clv_pipeline.contracts.published import PUBLISHED
from clv_pipeline.contracts.source import SourceTable
from clv_pipeline.core.errors import SourceError
from clv_pipeline.onboarding.profiles import ColumnProfile, profile
from clv_pipeline.sources.folder import SourceSelect
from clv_pipeline.sources.readers import open_source
from clv_pipeline.sources.reading import SourceReader
from clv_pipeline.sources.structure import TableAtSource
from clv_pipeline.warehouse.connection import Connection, one_row, open_scratch

#: Rows of a table that are looked at first, and of the few tables that orders are made of.
FIRST_ROWS, MANY_ROWS = 20_000, 200_000
#: Databases of a company's whole software have hundreds of tables; the largest of our examples has 120.
MOST_TABLES = 600
_DIALECTS = {"postgresql": "postgres", "mariadb": "mysql", "mssql": "tsql", "": "duckdb"}
_UNREADABLE = ("bytea", "blob", "binary", "image", "geometry", "geography", "xml", "tsvector", "[]", "struct", "map(")


@dataclass
class Table:
    """A table of the source with the profile of its sample; `view` is the sample, all text, in the scratch database.

    `rows` is None where the source did not count in time. `filled` are columns that the source has on one line of each order
    only; they are filled over the rows of one `filled_key`.
    """

    at_source: TableAtSource
    view: str
    rows: int | None
    sampled: int
    columns: dict[str, ColumnProfile] = field(default_factory=dict)
    filled_key: str = ""
    filled: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.at_source.name

    @property
    def full_name(self) -> str:
        """As of `TableAtSource.full_name`."""
        return self.at_source.full_name

    @property
    def is_whole(self) -> bool:
        """Whether the sample is the whole table."""
        return self.rows is not None and self.sampled >= self.rows


@dataclass
class Catalogue:
    """The tables of a source, the engine's dialect of SQL, and the connection that has the samples."""

    reader: SourceReader
    scratch: Connection
    dialect: str
    tables: list[Table]
    unread: dict[str, str]

    def deepen(self, table: Table) -> None:
        """Sample more rows of a table that orders are made of, and profile it again."""
        if not table.is_whole and table.sampled < MANY_ROWS:
            _sample(self, table, MANY_ROWS)

    def run(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows of a query over the samples."""
        return self.scratch.execute(sql).fetchall()


@contextmanager
def open_catalogue(
    url: SecretStr | None, *, tries: int, timeout_seconds: int, progress: Callable[[str], None] = lambda _: None
) -> Iterator[Catalogue]:
    """Yield the catalogue of the source at an address.

    Raises:
        ConfigurationError, SourceError: the source cannot be opened, or has no table.
    """
    with open_source(url, tries=tries, timeout_seconds=timeout_seconds) as reader, open_scratch() as scratch:
        dialect = _DIALECTS.get(reader.engine.dialect, reader.engine.dialect)
        catalogue = Catalogue(reader, scratch, dialect, [], {})
        found = without_our_own(reader.tables())
        if not found:
            raise SourceError(
                "The source has no table that this login can see",
                next_step="name the database in the address, or grant the reading role `select` on its tables.",
            )
        for number, at_source in enumerate(found[:MOST_TABLES]):
            progress(at_source.name)
            table = Table(at_source, f"t{number}", None, 0)
            try:
                _sample(catalogue, table, FIRST_ROWS)
            except SourceError as error:
                catalogue.unread[table.full_name] = error.what
                continue
            catalogue.tables.append(table)
        for at_source in found[MOST_TABLES:]:
            catalogue.unread[at_source.full_name] = f"only {MOST_TABLES} tables are looked at"
        yield catalogue


def without_our_own(tables: list[TableAtSource]) -> list[TableAtSource]:
    """Return the tables without those that the pipeline published into the same database: they are no source of itself."""
    ours = {table.schema for table in tables if table.name.lower() == "clv_run"}
    return [
        table
        for table in tables
        if table.schema not in ours or not (table.name in PUBLISHED or table.name.lower().startswith("clv_"))
    ]


def ad_hoc(sql: str, name: str) -> SourceSelect:
    """Return a SELECT of our own that belongs to no contract table."""
    return SourceSelect(SourceTable(name, name, (), None), Path(f"{name}.sql"), sql)


def _sample(catalogue: Catalogue, table: Table, rows: int) -> None:
    names = [name for name, kind in table.at_source.columns.items() if not any(word in kind for word in _UNREADABLE)]
    if not names:
        raise SourceError(f"{table.full_name} has no readable column", next_step="leave it out.")
    query = exp.select(*(exp.column(name, quoted=True) for name in names)).from_(relation(table)).limit(rows)
    arrived = catalogue.reader.read_apart(ad_hoc(query.sql(dialect=catalogue.dialect), table.name))
    # DuckDB 2 takes no table while a result is unread, be it that of a `set`
    catalogue.scratch.execute("select 1").fetchall()
    catalogue.scratch.register("arrived", arrived)
    catalogue.scratch.execute(f"create or replace table {table.view} as select * from arrived").fetchall()
    catalogue.scratch.unregister("arrived")
    table.sampled = arrived.num_rows
    if table.rows is None:
        table.rows = table.sampled if table.sampled < rows else _count(catalogue, table)
    table.columns = profile(catalogue.scratch, table.view, table.at_source, names)


def _count(catalogue: Catalogue, table: Table) -> int | None:
    counted = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(relation(table))
    try:
        found = catalogue.reader.read_apart(ad_hoc(counted.sql(dialect=catalogue.dialect), table.name))
    except SourceError:
        return None
    return int(found.column(0)[0].as_py())


def relation(table: Table) -> exp.Table:
    """Return a table as it is named in SQL, always quoted."""
    return sqlglot.exp.table_(table.name, db=table.at_source.schema, quoted=True)


def distinct_rows(catalogue: Catalogue, table: Table, columns: tuple[str, ...]) -> int:
    """Return how many different rows a sample has in some columns."""
    listed = ", ".join('"' + c.replace('"', '""') + '"' for c in columns)
    return int(one_row(catalogue.scratch, f"select count(*) from (select distinct {listed} from {table.view})")[0])
