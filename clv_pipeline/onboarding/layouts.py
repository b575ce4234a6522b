"""Known exports and schemas of shops: recognised by their columns, and written as a worked source folder.

The SELECTs are in `sql/0_layouts/<layout>/<variant>/`, with `layout.toml` (what identifies it) and `source.toml`. A SELECT begins
with one import for each table, `orders_export as (select * from orders_export)`; only these imports are rewritten: to the names
that the tables have here, several files of one kind as one table, and null for each column or table that this export lacks.
Guessing from names of unknown tables does not belong here.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import sqlglot
from sqlglot import exp

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.errors import ConfigurationError, nearest
from clv_pipeline.core.project_files import SQL_FOLDER

FOLDER = SQL_FOLDER / "0_layouts"
#: The dialect of the SELECTs unless layout.toml says otherwise; it is also that of a folder of files.
DUCKDB = "duckdb"
#: How sqlglot calls what SQLAlchemy calls differently.
_SQLGLOT = {"postgresql": "postgres", "mariadb": "mysql", "mssql": "tsql", "": DUCKDB}

_IMPORT = re.compile(r"\b(?P<cte>\w+) as \(select \* from (?P<table>\w+)\)")
#: Names that need no quotes in any dialect.
_PLAIN = re.compile(r"(?!interval$)[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class LayoutTable:
    """One table of an export: it is known by the columns that each version of it has (`needs`).

    `also` are the columns that the SELECTs use where an export has them; `types` are the types of those that are not text.
    """

    name: str
    needs: tuple[str, ...]
    also: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    is_optional: bool = False

    def columns(self) -> tuple[str, ...]:
        """Return every column that the SELECTs use."""
        return (*self.needs, *self.also)

    def matches(self, columns: Collection[str]) -> bool:
        """Return whether a table with these columns is one of this kind."""
        there = {column.lower() for column in columns}
        return all(column.lower() in there for column in self.needs)

    def score(self, columns: Collection[str]) -> int:
        """Return how many of the known columns a table has."""
        there = {column.lower() for column in columns}
        return sum(column.lower() in there for column in self.columns())


@dataclass(frozen=True)
class Layout:
    """An export or schema in one variant (`orders export`, `database`).

    `dialects` are those in which its SELECTs can be run as they are. `has_several_files`: a table may be delivered as several.
    """

    name: str
    variant: str
    title: str
    folder: Path
    tables: tuple[LayoutTable, ...]
    dialects: tuple[str, ...]
    has_several_files: bool
    facts: Mapping[str, str]

    def table(self, name: str) -> LayoutTable:
        """Return a table by its usual name."""
        return next(table for table in self.tables if table.name == name)

    def selects(self) -> tuple[str, ...]:
        """Return the contract tables that the layout has a SELECT for."""
        return tuple(name for name in CONTRACT if (self.folder / f"{name}.sql").exists())

    def found_in(self, tables: Mapping[str, Collection[str]]) -> dict[str, list[str]] | None:
        """Return usual name -> the names of the tables of that kind here, None if a table that it cannot do without is absent.

        Where only one can be meant (a database of several shops), it is the one that shares its prefix with the others.
        """
        found: dict[str, list[str]] = {}
        free = dict(tables)
        # the kinds with the most columns first: a table of few is the more easily mistaken for another
        for kind in sorted(self.tables, key=lambda t: -len(t.needs)):
            names = sorted((n for n in free if kind.matches(free[n])), key=_natural)
            if not names and not kind.is_optional:
                return None
            if names and not self.has_several_files:
                names = [min(names, key=lambda n: (_shop_rank(n, kind.name, found), _natural(n)))]
            if names:
                found[kind.name] = names
                free = {name: columns for name, columns in free.items() if name not in names}
        return found


@dataclass(frozen=True)
class WrittenLayout:
    """What was written: the files, and for a person what was left out or filled with null, and why."""

    folder: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def _read(folder: Path) -> Layout:
    facts = tomllib.loads((folder / "layout.toml").read_text())
    tables = tuple(
        LayoutTable(
            name,
            needs=tuple(table["needs"]),
            also=tuple(table.get("also", ())),
            types=table.get("types", {}),
            is_optional=table.get("optional", False),
        )
        for name, table in facts["tables"].items()
    )
    return Layout(
        folder.parent.name, folder.name, facts["title"], folder, tables, tuple(facts.get("dialects", (DUCKDB,))),
        facts.get("several_files", False), facts.get("facts", {}),
    )  # fmt: skip


LAYOUTS: tuple[Layout, ...] = tuple(_read(path.parent) for path in sorted(FOLDER.glob("*/*/layout.toml")))
NAMES: tuple[str, ...] = tuple(dict.fromkeys(layout.name for layout in LAYOUTS))


def sqlglot_name(dialect: str) -> str:
    """Return sqlglot's name of a dialect that SQLAlchemy names; files are read by DuckDB.

    >>> sqlglot_name("postgresql"), sqlglot_name("")
    ('postgres', 'duckdb')
    """
    return _SQLGLOT.get(dialect, dialect)


def layouts_of(name: str) -> list[Layout]:
    """Return the variants of a layout, the usual one first.

    Raises:
        ConfigurationError: there is no layout of that name.
    """
    if name not in NAMES:
        raise ConfigurationError(
            f"There is no layout '{name}'{nearest(name, list(NAMES))}", next_step=f"use one of: {', '.join(NAMES)}."
        )
    return [layout for layout in LAYOUTS if layout.name == name]


def recognise(tables: Mapping[str, Collection[str]], *, among: Sequence[Layout] = LAYOUTS) -> Layout | None:
    """Return the layout that these tables (name -> columns) are, None if they are none of those known.

    Of several it is the one that knows most of their columns.
    """
    scored = [
        (sum(layout.table(kind).score(tables[name]) for kind, names in found.items() for name in names), layout)
        for layout in among
        if (found := layout.found_in(tables)) is not None
    ]
    return max(scored, key=lambda pair: pair[0])[1] if scored else None


def has_other_tables(layout: Layout, tables: Mapping[str, Collection[str]]) -> bool:
    """Return whether tables of web analytics stand beside others, which may be the shop's own orders."""
    found = layout.found_in(tables) or {}
    return "web_sessions" in layout.selects() and len(tables) > sum(map(len, found.values()))


def select_text(layout: Layout, name: str, tables: Mapping[str, Collection[str]], dialect: str) -> str:
    """Return one SELECT of a layout for the tables that are there."""
    return _Here(layout, layout.found_in(tables) or {}, tables, sqlglot_name(dialect)).select_of(name)


def write_layout(
    layout: Layout,
    folder: Path,
    *,
    tables: Mapping[str, Collection[str]] | None = None,
    dialect: str = DUCKDB,
    facts: Mapping[str, str] | None = None,
    only: Collection[str] = tuple(CONTRACT),
) -> WrittenLayout:
    """Write the source folder of a layout for the tables that are there; without them under their usual names.

    dialect: SQLAlchemy's name of it, empty for files. facts: `time_zone` and `currency` where they are known; source.toml
    marks them as decisions otherwise. only: the contract tables that are wanted.

    Raises:
        ConfigurationError: the tables are not those of the layout, or the folder holds a source already.
    """
    if (folder / "source.toml").exists():
        raise ConfigurationError(
            f"{folder} exists already", next_step="choose another name, or edit the existing folder."
        )
    usual = {table.name: [table.name] for table in layout.tables}
    # which files of an export there will be is not known without them; a database has all its tables
    assumed = {t.name: [t.name] for t in layout.tables if not (t.is_optional and layout.has_several_files)}
    found = layout.found_in(tables) if tables is not None else assumed
    if found is None:
        raise ConfigurationError(
            f"These are not the tables of {layout.title}: {missing_tables([layout], tables or {})}",
            next_step="check the address, or write the folder for its usual names without --url.",
        )
    here = _Here(layout, found, tables, sqlglot_name(dialect))
    folder.mkdir(parents=True, exist_ok=True)
    notes = list(here.notes())
    files = []
    for name in (n for n in layout.selects() if n in only):
        missing = here.missing_for(name)
        if missing and tables is not None:
            notes.append(f"{name}: not written, because there is no table like {missing}")
            continue
        if missing:
            notes.append(f"{name}.sql.example: rename it if you have {missing}")
        files.append(folder / (f"{name}.sql.example" if missing else f"{name}.sql"))
        files[-1].write_text((replace(here, found=usual) if missing else here).select_of(name))
    files.append(folder / "source.toml")
    files[-1].write_text(_source_toml(layout, folder.name, facts or {}, only))
    return WrittenLayout(folder, tuple(files), tuple(notes))


@dataclass(frozen=True)
class _Here:
    """A layout at one source: which of its tables are there, under which names, with which columns, in which dialect."""

    layout: Layout
    found: Mapping[str, Sequence[str]]
    tables: Mapping[str, Collection[str]] | None
    dialect: str

    def missing_for(self, name: str) -> str | None:
        """Return the table that the rows of a contract table would come from where it is not there, else None."""
        main = next(_IMPORT.finditer(self._template(name)[0]))["table"]
        return None if main in self.found else main

    def select_of(self, name: str) -> str:
        """Return the SELECT of a contract table."""
        template, is_native = self._template(name)
        written_in = self.dialect if is_native else DUCKDB
        sql = _IMPORT.sub(lambda m: f"{m['cte']} as ({self._import(m['table'], written_in)})", template)
        return sql if is_native else _transpiled(sql, self.dialect)

    def _template(self, name: str) -> tuple[str, bool]:
        """Return the SELECT with its imports as they are shipped, and whether it is in this dialect."""
        own = self.layout.folder / f"{name}.{self.dialect}.sql"
        if own.exists():
            return own.read_text(), True
        return (self.layout.folder / f"{name}.sql").read_text(), self.dialect in self.layout.dialects

    def notes(self) -> Iterator[str]:
        """Yield for a person what this export lacks, and which other tables of the same kind are not read."""
        if self.tables is None:
            yield "the tables have their usual names here: change them in the SELECTs where yours are called otherwise"
            absent = [kind.name for kind in self.layout.tables if kind.name not in self.found]
            if absent:
                yield f"{', '.join(absent)}: read where they are there, which takes --url"
            return
        for kind in self.layout.tables:
            names = self.found.get(kind.name, ())
            lacking = [c for c in kind.also if names and not any(self._has(name, c) for name in names)]
            if len(names) > 1:
                yield f"{', '.join(names)}: {len(names)} files are read as one; a file that is added later is not read"
            if lacking:
                yield f"{', '.join(names)}: no column {', '.join(lacking)}; null is used"
            others = [
                n for n in self.tables if n.endswith(kind.name) and n not in names and kind.matches(self.tables[n])
            ]
            if names and others:
                yield f"{', '.join(sorted(others))}: of the same kind as {names[0]}, not read"

    def _has(self, table: str, column: str) -> bool:
        return self.tables is None or column.lower() in {c.lower() for c in self.tables[table]}

    def _import(self, table: str, dialect: str) -> str:
        kind, names = self.layout.table(table), self.found.get(table, ())
        if self.dialect == DUCKDB:
            return self._by_name(kind, names)
        if not names:
            nulls = ", ".join(self._null(kind, column, dialect) for column in kind.columns())
            return f"select * from (select {nulls}) as nothing where 1 = 0"
        name = names[0]
        columns = ", ".join(
            _quoted(column, dialect) if self._has(name, column) else self._null(kind, column, dialect)
            for column in kind.columns()
        )
        days = re.fullmatch(r"(.*_)\d{8}", name)
        if days and dialect == "bigquery" and self.layout.has_several_files:
            # a table for each day: one name for all, without the day that is still being written
            return f"select {columns} from `{days[1]}*` where regexp_contains(_table_suffix, r'^[0-9]{{8}}$')"
        return f"select {columns} from {_quoted_table(name, dialect)}"

    def _by_name(self, kind: LayoutTable, names: Sequence[str]) -> str:
        """Return the import for DuckDB, which goes on where an export of tomorrow lacks a column that it may lack."""
        needed = [] if names else list(kind.needs)
        number = "{} as file_number, " if self.layout.has_several_files else ""
        parts = [
            f"select {number.format(n)}* from {_quoted_table(name, DUCKDB)}" for n, name in enumerate(names, start=1)
        ]
        columns = [f"null::{kind.types.get(c, 'varchar')} as {_quoted(c, DUCKDB)}" for c in (*needed, *kind.also)]
        if columns:
            head = "not in every export" if names else f"there is no table like {kind.name} here"
            listed = [*(["0 as file_number"] if self.layout.has_several_files else []), *columns]
            parts.append(f"-- {head}\n    select\n{_in_lines(listed)}\n    where false")
        union = "\n    union all by name\n    "
        return f"\n    {union.join(parts)}\n"

    def _null(self, kind: LayoutTable, column: str, dialect: str) -> str:
        to = exp.DataType.build(kind.types.get(column, "varchar"), dialect=DUCKDB)
        null: exp.Expr = exp.cast(exp.Null(), to)
        return f"{null.sql(dialect=dialect)} as {_quoted(column, dialect)}"


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sort key in which export_2 comes before export_10."""
    parts = re.split(r"(\d+)", name.lower())
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _shop_rank(name: str, usual: str, found: Mapping[str, Sequence[str]]) -> tuple[bool, bool, int]:
    """Sort key: called as usual behind a prefix, which is that of the tables found so far, and a short one."""
    prefixes = {names[0].removesuffix(kind) for kind, names in found.items() if names[0].endswith(kind)}
    prefix = name.removesuffix(usual)
    return not name.endswith(usual), bool(prefixes) and prefix not in prefixes, len(name)


def missing_tables(layouts: Sequence[Layout], tables: Mapping[str, Collection[str]]) -> str:
    """Return in words which tables are missing of the variant that comes nearest, and what the nearest table lacks."""

    def missing(layout: Layout) -> list[LayoutTable]:
        return [t for t in layout.tables if not t.is_optional and not any(map(t.matches, tables.values()))]

    parts = []
    for kind in min(map(missing, layouts), key=len):
        nearest_table = max(tables, key=lambda name, kind=kind: kind.score(tables[name]), default=None)  # type: ignore[misc]
        there = {c.lower() for c in tables[nearest_table]} if nearest_table else set()
        lacks = [c for c in kind.needs if c.lower() not in there]
        close = f" (nearest: {nearest_table}, which lacks {', '.join(lacks[:5])})" if nearest_table else ""
        parts.append(f"no table like {kind.name}{close}")
    return "; ".join(parts)


def _in_lines(items: Sequence[str]) -> str:
    """Return a list of columns in lines of at most about 120 letters; a name with blanks is never broken."""
    lines = [""]
    for item in (f"{item}, " for item in items):
        if len(lines[-1]) + len(item) > 112:
            lines.append("")
        lines[-1] += item
    return "\n".join(f"        {line.rstrip()}" for line in lines).removesuffix(",")


def _quoted(name: str, dialect: str) -> str:
    return name if _PLAIN.fullmatch(name) else exp.to_identifier(name, quoted=True).sql(dialect=dialect)


def _quoted_table(name: str, dialect: str) -> str:
    # a file's view may have a point in its name; a table of a database has one behind its schema
    parts = [name] if dialect == DUCKDB and re.search(r"\.(csv|tsv|txt|parquet|pq|gz)$", name) else name.split(".")
    return ".".join(_quoted(part, dialect) for part in parts)


def _transpiled(sql: str, dialect: str) -> str:
    comment = "".join(line for line in sql.splitlines(keepends=True)[: _comment_lines(sql)])
    query = sqlglot.parse_one(sql[len(comment) :], read=DUCKDB)
    if dialect == "sqlite":
        # its `concat` is of 2023; the SELECTs concatenate nothing that is null
        query = query.transform(lambda e: _piped(e) if isinstance(e, exp.Concat) else e)
    return f"{comment}{query.sql(dialect=dialect, pretty=True)}\n"


def _piped(concat: exp.Expr) -> exp.Expr:
    first, *others = concat.expressions
    piped: exp.Expr = first
    for part in others:
        piped = exp.DPipe(this=piped, expression=part)
    return piped


def _comment_lines(sql: str) -> int:
    return next(n for n, line in enumerate(sql.splitlines()) if not line.startswith("--"))


def _source_toml(layout: Layout, name: str, facts: Mapping[str, str], only: Collection[str]) -> str:
    text = (layout.folder / "source.toml").read_text()
    if "orders" not in only:
        text = text.partition("\n[")[0] + "\n"
    for fact, value in {"name": name.replace("_", " ").capitalize(), **facts}.items():
        said = "" if fact == "name" else "   # as the source says"
        line = f'{fact} = "{value}"{said}'
        # a function, as a text would have its backslashes read
        text = re.sub(rf'(?m)^{fact} = ".*$', lambda _, line=line: line, text)  # type: ignore[misc]
    return text
