"""SQL of single columns, written once in DuckDB's dialect and put into the engine's when a statement is written.

Numbers and times that the source stores as text are cast here, format by format.
"""

import re

from clv_pipeline.onboarding.profiles import ColumnProfile

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
#: Words that one of the engines keeps for itself.
_RESERVED = set(
    [
        "all",
        "and",
        "any",
        "as",
        "asc",
        "between",
        "by",
        "case",
        "cast",
        "check",
        "column",
        "constraint",
        "create",
        "cross",
        "current_date",
        "date",
        "default",
        "delete",
        "desc",
        "distinct",
        "do",
        "drop",
        "else",
        "end",
        "exists",
        "fetch",
        "for",
        "foreign",
        "from",
        "full",
        "function",
        "grant",
        "group",
        "having",
        "if",
        "in",
        "index",
        "inner",
        "insert",
        "interval",
        "into",
        "is",
        "join",
        "key",
        "keys",
        "left",
        "like",
        "limit",
        "lines",
        "match",
        "natural",
        "not",
        "null",
        "of",
        "offset",
        "on",
        "or",
        "order",
        "outer",
        "over",
        "partition",
        "primary",
        "range",
        "rank",
        "references",
        "returning",
        "right",
        "row",
        "rows",
        "select",
        "set",
        "some",
        "system",
        "table",
        "then",
        "time",
        "timestamp",
        "to",
        "top",
        "trigger",
        "type",
        "union",
        "unique",
        "update",
        "user",
        "using",
        "value",
        "values",
        "when",
        "where",
        "window",
        "with",
        "year",
        "month",
        "day",
        "number",
        "level",
        "option",
        "options",
        "current",
        "condition",
        "read",
        "release",
        "rename",
        "repeat",
        "require",
        "return",
        "schema",
        "session",
        "sql",
        "start",
        "state",
        "status",
        "text",
        "usage",
        "use",
        "view",
    ]
)


def name_sql(name: str) -> str:
    """Return a name as SQL, quoted where an engine would read it otherwise.

    >>> name_sql("qty"), name_sql("OrderQty"), name_sql("order")
    ('qty', '"OrderQty"', '"order"')
    """
    if _PLAIN.fullmatch(name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def column_sql(alias: str, name: str) -> str:
    """Return a column of a table by its alias."""
    return f"{alias}.{name_sql(name)}"


def number(alias: str, column: ColumnProfile) -> str:
    """Return a column as a number; a text is cast by its format."""
    plain = column_sql(alias, column.name)
    if column.format == "symbol":
        for sign in ("$", "€", "£", ",", " ", ")"):
            plain = f"replace({plain}, '{sign}', '')"
        plain = f"replace({plain}, '(', '-')"
        return f"cast(nullif({plain}, '') as decimal(18, 6))"
    if column.format == "comma":
        for sign in ("€", "EUR", " ", "."):
            plain = f"replace({plain}, '{sign}', '')"
        return f"cast(nullif(replace({plain}, ',', '.'), '') as decimal(18, 6))"
    if column.is_text_type:
        return f"cast(nullif(trim({plain}), '') as decimal(18, 6))"
    return f"cast({plain} as decimal(18, 6))" if column.type == "money" else plain


def is_false(alias: str, column: ColumnProfile) -> str:
    """Return the condition that a flag says no, or says nothing."""
    plain = column_sql(alias, column.name)
    if column.type == "boolean" or column.type == "bool":
        return f"coalesce({plain}, false) = false"
    no = {v.lower() for v in column.values} & {"0", "false", "f", "n", "no", "nein"}
    yes = {v.lower() for v in column.values} & {"1", "true", "t", "y", "yes", "j", "ja"}
    if column.is_text_type and (yes or no) - {"0", "1"}:
        listed = ", ".join(f"'{v}'" for v in ("true", "t", "y", "yes", "j", "ja", "1"))
        return f"lower(coalesce({plain}, '')) not in ({listed})"
    zero = "'0'" if column.is_text_type else "0"
    return f"coalesce({plain}, {zero}) = {zero}"
