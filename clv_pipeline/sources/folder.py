"""Reading a source folder: source.toml's rules and one SELECT per contract table. Nothing is executed here."""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import sqlglot
from sqlglot import exp

from clv_pipeline.errors import ConfigurationError, nearest
from clv_pipeline.settings import ExcludeRule, Settings
from clv_pipeline.sources.contract import CONTRACT, SourceTable

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)\b(?!:)", re.IGNORECASE)


@dataclass(frozen=True)
class SourceSelect:
    """The SELECT of one contract table, in the source's own dialect; incremental when it uses `:since`."""

    table: SourceTable
    path: Path
    sql: str

    @property
    def is_incremental(self) -> bool:
        return "since" in _PARAMETER.findall(_without_literals(self.sql))

    def with_since(self, style: str, *, escape_percent: bool = False) -> str:
        """Return the SQL with `:since` written the way a driver wants it, such as `$since` or `%(since)s`."""
        return _PARAMETER.sub(style, self.sql.replace("%", "%%") if escape_percent else self.sql)

    @property
    def fingerprint(self) -> str:
        return sha256(self.sql.encode()).hexdigest()


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
        sql = _without_comment_lines(path.read_text()).strip().rstrip(";")
        unknown = set(_PARAMETER.findall(_without_literals(sql))) - {"since"}
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


def _without_comment_lines(sql: str) -> str:
    # a `:since` in a comment would be a parameter to a driver that does not know comments
    return "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))


def _without_literals(sql: str) -> str:
    return re.sub(r"'[^']*'|--[^\n]*|/\*.*?\*/", "", sql, flags=re.DOTALL)


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
    except sqlglot.errors.ParseError as error:
        raise ConfigurationError(
            f"{where}: '{rule.where}' is not one SQL condition", next_step="mend the condition."
        ) from error
    if condition.find(exp.Query, exp.Command, exp.DDL):
        raise ConfigurationError(f"{where}: '{rule.where}' holds a sub-query", next_step="write one plain condition.")
    for column in condition.find_all(exp.Column):
        if column.name not in table.column_names():
            raise ConfigurationError(
                f"{where}: {rule.table} has no column '{column.name}'{nearest(column.name, table.column_names())}",
                next_step="use contract columns only.",
            )
    return condition.sql(dialect="duckdb")
