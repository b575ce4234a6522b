"""Lint rules of SQL models: grain first, no column positions, no star in published tables, only existing names.

python -m clv_pipeline.warehouse.sql_lint          `make lint`
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import sqlglot
from sqlglot import exp

from clv_pipeline.contracts.reasons import REASONS
from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.contracts.warehouse import TABLES
from clv_pipeline.core.project_files import SQL_FOLDER
from clv_pipeline.warehouse.sql_models import SqlModel, first_comment, load_layer

LAYERS = ("1_clean", "2_features", "3_training", "4_published")
#: The horizons of a setting decide the names of its columns; an unknown one fails the audit of the bundle.
_STAR_IS_NEEDED = {"published.customer_clv"}


def broken_rules(model: SqlModel, known: set[str]) -> Iterator[str]:
    """Yield each rule that a model breaks, as a sentence; `known` are the tables that exist.

    >>> sql, inputs = "select * from clean.orders", frozenset({"clean.orders"})
    >>> list(broken_rules(SqlModel("published", "best", "", sql, inputs, frozenset()), known={"clean.orders"}))
    ['the outermost select has a star: a new upstream column would be published by accident']
    """
    query = sqlglot.parse_one(model.sql, dialect="duckdb")
    for clause in (*query.find_all(exp.Group), *query.find_all(exp.Order)):
        named = (e.this if isinstance(e, exp.Ordered) else e for e in clause.expressions)
        if any(isinstance(e, exp.Literal) and not e.is_string for e in named):
            yield f"{clause.sql(dialect='duckdb').strip()}: name the columns, not their positions"
    if model.layer == "published" and model.table not in _STAR_IS_NEEDED:
        for select in _outermost(query):
            if select.is_star:
                yield "the outermost select has a star: a new upstream column would be published by accident"
    yield from (f"it reads {table}, which does not exist" for table in sorted(model.inputs - known))
    if model.layer == "clean":
        unknown = sorted(model.reasons - REASONS.keys())
        yield from (f"'{reason}' is not a code of contracts/reasons.py" for reason in unknown)


def _outermost(query: exp.Expr) -> Iterator[exp.Select]:
    """Yield the selects whose columns are the model's: one, or the sides of a union."""
    if isinstance(query, exp.SetOperation):
        yield from _outermost(query.left)
        yield from _outermost(query.right)
    elif isinstance(query, exp.Select):
        yield query


def without_grain(folder: Path) -> list[str]:
    """Return the files, including those of sources, that do not begin with the grain, or do not parse."""
    found = []
    for path in sorted(folder.rglob("*.sql")):
        # <table>.<dialect>.sql of a layout is in another dialect
        dialect = path.suffixes[0].removeprefix(".") if len(path.suffixes) > 1 else "duckdb"
        sqlglot.parse_one(path.read_text().replace(":since", "'1900-01-01'"), dialect=dialect)
        if not first_comment(path.read_text()).startswith("One row"):
            found.append(f"{path.relative_to(folder)}: the first comment must give the grain ('One row per ...')")
    return found


def main() -> int:
    """Print each broken rule with its file; return 1 where there is one."""
    models = {layer: load_layer(layer) for layer in LAYERS}
    known = TABLES.keys() | {f"raw.{name}" for name in CONTRACT} | {m.table for found in models.values() for m in found}
    broken = without_grain(SQL_FOLDER)
    broken += [
        f"{layer}/{model.name}.sql: {rule}"
        for layer, found in models.items()
        for model in found
        for rule in broken_rules(model, known)
    ]
    sys.stdout.writelines(f"{line}\n" for line in broken)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
