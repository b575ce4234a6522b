"""Reading a source folder: source.toml's rules and one SELECT per contract table. Nothing is executed here."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import sqlglot
from sqlglot import exp

from clv_pipeline.contracts.source import CONTRACT, SourceTable
from clv_pipeline.core.errors import ConfigurationError, nearest
from clv_pipeline.core.settings import ExcludeRule, Settings

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)", re.IGNORECASE)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_COMMENT_OR_QUOTED = re.compile(r"--[^\n]*|/\*.*?\*/|" + _QUOTED.pattern, re.DOTALL)


@dataclass(frozen=True)
class SourceSelect:
    """The SELECT of one contract table, in the source's own dialect; incremental when it uses `:since`."""

    table: SourceTable
    path: Path
    sql: str

    @property
    def is_incremental(self) -> bool:
        return "since" in _parameters(self.sql)

    def for_duckdb(self) -> str:
        """Return the SQL with `$since`."""
        return _rewritten(self.sql, "$since")

    def for_sqlalchemy(self) -> str:
        """Return the SQL for `sqlalchemy.text`, which would take a colon inside a literal for a parameter."""
        # in brackets, because text() does not see a parameter that a :: cast follows
        return _rewritten(self.sql, "(:since)", quoted=lambda text: text.replace(":", "\\:"))

    def for_psycopg(self) -> str:
        """Return the SQL with `%(since)s`; psycopg reads every other % as a parameter once there is one."""
        if not self.is_incremental:
            return self.sql
        return _rewritten(self.sql.replace("%", "%%"), "%(since)s")


def read_selects(settings: Settings) -> dict[str, SourceSelect]:
    """Return contract table name -> SELECT for the configured source folder.

    Raises:
        ConfigurationError: orders.sql is missing, a file is not named after a contract table, a parameter other than
            `:since` is used.
    """
    folder = settings.source_folder
    selects = {}
    for path in sorted(folder.glob("*.sql")):
        if path.stem not in CONTRACT:
            raise ConfigurationError(
                f"{path} is not named after a contract table{nearest(path.stem, list(CONTRACT))}",
                next_step=f"name it after one of: {', '.join(CONTRACT)}.",
            )
        sql = _read_sql(path)
        unknown = _parameters(sql) - {"since"}
        if unknown:
            raise ConfigurationError(
                f"{path} uses the unknown parameter :{min(unknown)}", next_step="only :since is bound by the pipeline."
            )
        selects[path.stem] = SourceSelect(CONTRACT[path.stem], path, sql)
    if "orders" not in selects:
        raise ConfigurationError(
            f"{folder} has no orders.sql; it is the one required table",
            next_step="write a SELECT that returns the columns of the orders contract (`clv init NAME` shows one).",
        )
    return selects


def _read_sql(path: Path) -> str:
    """Return the SELECT without comments: a `:since` in one would be a parameter to a driver that reads no comments."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8: {error}", next_step="save the file as UTF-8.") from None
    kept = _COMMENT_OR_QUOTED.sub(lambda m: m[0] if m[0][0] in "'\"" else " ", text)
    return kept.strip().rstrip(";").strip()


def _parameters(sql: str) -> set[str]:
    return set(_PARAMETER.findall(_QUOTED.sub("''", sql)))


def _rewritten(sql: str, since: str, *, quoted: Callable[[str], str] = str) -> str:
    """Return the SQL with `:since` in its code replaced, and `quoted` applied to literals and quoted names."""
    parts, end = [], 0
    for match in _QUOTED.finditer(sql):
        parts += [_PARAMETER.sub(lambda _: since, sql[end : match.start()]), quoted(match[0])]
        end = match.end()
    return "".join([*parts, _PARAMETER.sub(lambda _: since, sql[end:])])


def check_rule_columns(settings: Settings, select: SourceSelect, returned: Collection[str]) -> None:
    """Check that the exclude rules of a table name columns that its SELECT returns.

    Raises:
        ConfigurationError: a column is missing; the rule could never be met, and its rows would count.
    """
    for rule in settings.exclude:
        if rule.table != select.table.name:
            continue
        for column in exp.condition(exclusion_condition(rule), dialect="duckdb").find_all(exp.Column):
            if column.name not in returned:
                raise ConfigurationError(
                    f"[[exclude]] '{rule.reason}' in source.toml: {select.path.name} does not return '{column.name}', so that "
                    "the rule would exclude nothing",
                    next_step=f"return {column.name} in {select.path.name}, or write the rule over a column that is returned.",
                )


def exclusion_condition(rule: ExcludeRule) -> str:
    """Return the rule's condition in warehouse SQL, after proof that it is one condition over contract columns.

    Raises:
        ConfigurationError: it names an unknown table or column, or is anything but one plain condition.
    """
    where = f"[[exclude]] '{rule.reason}' in source.toml"
    table = CONTRACT.get(rule.table)
    if table is None:
        raise ConfigurationError(
            f"{where}: unknown table '{rule.table}'{nearest(rule.table, list(CONTRACT))}",
            next_step=f"use one of: {', '.join(CONTRACT)}.",
        )
    try:
        condition = exp.condition(rule.where, dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        raise ConfigurationError(
            f"{where}: '{rule.where}' is not one SQL condition", next_step="fix the condition."
        ) from None
    if condition.find(exp.Query, exp.Command, exp.DDL):
        raise ConfigurationError(
            f"{where}: '{rule.where}' contains a sub-query", next_step="write one plain condition."
        )
    for column in condition.find_all(exp.Column):
        if column.table or column.name not in table.column_names():
            raise ConfigurationError(
                f"{where}: {rule.table} has no column '{column.sql()}'{nearest(column.name, table.column_names())}",
                next_step="use contract columns only.",
            )
    return condition.sql(dialect="duckdb")
