"""A SELECT as data, and its text in the engine's dialect: lower case, one column per line, above each how sure it is and why."""

import re
from dataclasses import dataclass, field
from textwrap import wrap

import sqlglot
from sqlglot import exp

from clv_pipeline.onboarding.catalogue import Table
from clv_pipeline.onboarding.columns import Guess
from clv_pipeline.onboarding.expressions import column_sql, name_sql

_SURE = {"high": "sure", "medium": "likely", "low": "a guess"}
_LITERALS = re.compile(r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\])")
_NAMED = re.compile(r'\b\w+\.(?:"(?:[^"]|"")*"|\w+)')
_WIDTH = 118


@dataclass(frozen=True)
class Output:
    """One column of a SELECT. `is_native`: its SQL is in the engine's dialect already. One that is not active is a comment."""

    name: str
    guess: Guess
    is_native: bool = False
    is_active: bool = True


@dataclass(frozen=True)
class Join:
    """A table that is joined: `on` in DuckDB's dialect; `query` in place of a table where it is a sum."""

    alias: str
    on: str
    table: Table | None = None
    query: str = ""
    kind: str = "left join"


@dataclass
class Statement:
    """A SELECT: outputs from one table and its joins, under conditions with a note each.

    outer: where it is given, the rest is a query `sold`, and the statement selects these outputs from it. only_inner: columns of
    `sold` beside those that are passed on.
    """

    title: str
    table: Table
    alias: str
    outputs: list[Output]
    joins: list[Join] = field(default_factory=list)
    where: list[tuple[str, str]] = field(default_factory=list)
    inner: list[Output] = field(default_factory=list)
    since: str = ""
    group_by: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    branches: list["Statement"] = field(default_factory=list)

    def active(self) -> list[str]:
        """Return the names of the columns that it returns."""
        return [output.name for output in self.outputs if output.is_active]


def write(statement: Statement, dialect: str) -> str:
    """Return the text of a statement with its comments."""
    lines = [f"-- {part}" for text in (statement.title, *statement.notes) for part in wrap(text, _WIDTH)]
    body = _body(statement, dialect, is_first=True)
    for branch in statement.branches:
        body += [
            "",
            "union all",
            "",
            *(f"-- {part}" for part in wrap(branch.title, _WIDTH)),
            *_body(branch, dialect, is_first=False),
        ]
    if statement.inner:
        # one CTE for the first part only: the branches read their own tables
        lines += _with_sold(statement, dialect)
    return "\n".join([*lines, *body]) + "\n"


def _with_sold(statement: Statement, dialect: str) -> list[str]:
    inner = [f"    {line}" if line else line for line in _select(statement, statement.inner, dialect, comments=False)]
    return ["with sold as (", *inner, ")", ""]


def _body(statement: Statement, dialect: str, *, is_first: bool) -> list[str]:
    if not statement.inner:
        return _select(statement, statement.outputs, dialect, comments=is_first, since=statement.since)
    lines = ["select", *_columns(statement.outputs, dialect, comments=is_first), "from sold"]
    return [*lines, f"where {in_dialect(statement.since, dialect)}"] if statement.since else lines


def _select(statement: Statement, outputs: list[Output], dialect: str, *, comments: bool, since: str = "") -> list[str]:
    lines = ["select", *_columns(outputs, dialect, comments=comments)]
    lines += _from(statement, outputs, dialect)
    for join in statement.joins:
        to = table_sql(join.table, dialect) if join.table else f"({in_dialect(join.query, dialect)})"
        lines.append(f"{join.kind} {to} as {join.alias} on {in_dialect(join.on, dialect)}")
    conditions = [*statement.where, *([(since, "")] if since else [])]
    for number, (condition, note) in enumerate(conditions):
        word = "where" if number == 0 else "    and"
        if note:
            lines += [f"-- {part}" for part in wrap(note, _WIDTH)]
        lines.append(f"{word} {in_dialect(condition, dialect)}")
    if statement.group_by:
        lines.append(f"group by {', '.join(in_dialect(key, dialect) for key in statement.group_by)}")
    return lines


def _from(statement: Statement, outputs: list[Output], dialect: str) -> list[str]:
    """Return the table; where fields of an order stand on one of its lines only, with these filled over the order."""
    table, alias = statement.table, statement.alias
    if not table.filled:
        return [f"from {table_sql(table, dialect)} as {alias}"]
    read = [o.guess.sql for o in outputs] + [j.on for j in statement.joins] + [w for w, _ in statement.where]
    text = " ".join(read).replace("`", '"').replace("[", '"').replace("]", '"')
    key, lines = column_sql("x", table.filled_key), []
    for name in table.columns:
        if not {f"{alias}.{name_sql(name)}", f'{alias}."{name}"'} & set(_NAMED.findall(text)):
            continue
        plain = column_sql("x", name)
        filled = f"max({plain}) over (partition by {key}) as {name_sql(name)}" if name in table.filled else plain
        written = sqlglot.parse_one(filled, dialect="postgres").sql(dialect=dialect)
        lines.append(re.sub(r"\b(MAX|OVER|PARTITION BY|AS)\b", lambda found: found[0].lower(), written))
    listed = [f"        {line}{',' if n < len(lines) else ''}" for n, line in enumerate(lines, start=1)]
    note = "    -- fields of the order stand on one of its lines only, and are those of all"
    return ["from (", note, "    select", *listed, f"    from {table_sql(table, dialect)} as x", f") as {alias}"]


def _columns(outputs: list[Output], dialect: str, *, comments: bool) -> list[str]:
    lines: list[str] = []
    active = [output for output in outputs if output.is_active]
    for output in outputs:
        comma = "," if output.is_active and output is not active[-1] else ""
        sql = output.guess.sql if output.is_native else in_dialect(output.guess.sql, dialect)
        name = output.name
        if comments and output.guess.reason:
            text = f"{_SURE[output.guess.confidence]}: {output.guess.reason}"
            if output.guess.others:
                text += f"; it might also be {', '.join(output.guess.others)}"
            lines += [f"    -- {part}" for part in wrap(text, _WIDTH)]
        written = sql if sql == name or sql.endswith(f".{name}") else f"{sql} as {name}"
        lines.append(f"    {written}{comma}" if output.is_active else f"    -- , {sql} as {name}")
    return lines


def table_sql(table: Table, dialect: str) -> str:
    """Return a table as it is written in a statement, quoted where its name needs it."""
    names = [part for part in (table.at_source.schema, table.name) if part]
    return ".".join(n if name_sql(n) == n else exp.to_identifier(n, quoted=True).sql(dialect=dialect) for n in names)


def in_dialect(sql: str, dialect: str) -> str:
    """Return an expression in the dialect of an engine, with its keywords in lower case.

    It is read as PostgreSQL's, whose division adds no casts.

    >>> in_dialect("cast(l.qty as decimal(18, 6)) * l.price", "sqlite")
    'cast(l.qty as real) * l.price'
    """
    plain = sql.replace(":since", "clv_since")
    if plain.startswith("select "):
        written = sqlglot.transpile(plain, read="postgres", write=dialect)[0]
    else:
        written = sqlglot.condition(plain, dialect="postgres").sql(dialect=dialect)
    lower = "".join(part if number % 2 else part.lower() for number, part in enumerate(_LITERALS.split(written)))
    return lower.replace("real(18, 6)", "real").replace("clv_since", ":since")
