"""SQL models: each .sql file is a table with the file's name, the first comment as description, and parsed inputs.

Only reading and building of SQL models belongs here; a model's meaning is documented in its file; Dagster decides when it runs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from graphlib import TopologicalSorter
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.lineage import Node, lineage

from clv_pipeline.core.project_files import SQL_FOLDER
from clv_pipeline.warehouse.connection import Connection, columns_of, tables_of

Parameters = Mapping[str, object]
#: Models whose rows are in the warehouse already: a copy of 48 nights of 100,000 customers takes 4 CPU s.
VIEWS = ("published.customer_clv_history",)


@dataclass(frozen=True)
class SqlModel:
    """One file of `sql/`: builds the table `<layer>.<name>` from `inputs` with the named `parameters`.

    reasons: the texts that an expression named `reason` can yield.
    """

    layer: str
    name: str
    description: str
    sql: str
    inputs: frozenset[str]
    parameters: frozenset[str]
    reasons: frozenset[str] = frozenset()

    @property
    def table(self) -> str:
        return f"{self.layer}.{self.name}"


def load_layer(folder: str) -> list[SqlModel]:
    """Return the models of one folder such as `1_clean`, each after the models that it reads.

    >>> [model.table for model in load_layer("3_training")]
    ['training.labels']
    """
    models = {m.table: m for m in map(_read_model, sorted((SQL_FOLDER / folder).glob("*.sql")))}
    # sorted: the order of a set differs from process to process
    order = TopologicalSorter({table: sorted(model.inputs & models.keys()) for table, model in models.items()})
    return [models[table] for table in order.static_order()]


@lru_cache
def _read_model(path: Path) -> SqlModel:
    sql = path.read_text()
    query = sqlglot.parse_one(sql, dialect="duckdb")
    ctes = {cte.alias for cte in query.find_all(exp.CTE)}
    inputs = {f"{t.db}.{t.name}" for t in query.find_all(exp.Table) if t.db or t.name not in ctes}
    return SqlModel(
        layer=path.parent.name.split("_", 1)[1],
        name=path.stem,
        description=first_comment(sql),
        sql=sql.strip().rstrip(";"),
        inputs=frozenset(inputs),
        parameters=frozenset(p.name for p in query.find_all(exp.Placeholder)),
        reasons=frozenset(
            value.this
            for alias in query.find_all(exp.Alias)
            if alias.alias == "reason"
            for value in _values_of(alias.this)
            if isinstance(value, exp.Literal) and value.is_string
        ),
    )


def _values_of(expression: exp.Expression) -> list[exp.Expression]:
    """Return the values that an expression can have: the branches of a CASE, else itself."""
    if not isinstance(expression, exp.Case):
        return [expression]
    default = expression.args.get("default")
    return [*(branch.args["true"] for branch in expression.args["ifs"]), *([default] if default else [])]


def first_comment(sql: str) -> str:
    r"""Return the comment lines at the top of a file as one paragraph: the grain, then notes for readers.

    >>> first_comment("-- One row per customer:\n-- who bought.\nselect 1 as one")
    'One row per customer: who bought.'
    """
    lines = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


def build(connection: Connection, model: SqlModel, parameters: Parameters) -> None:
    """Create or replace the model's table from its query, or its view."""
    if model.table not in VIEWS:
        connection.execute(f"create or replace table {model.table} as {model.sql}", _needed(model, parameters))
        return
    if model.table in tables_of(connection):  # of an older release
        connection.execute(f"drop table {model.table}")
    connection.execute(f"create or replace view {model.table} as {model.sql}")


def build_over(connection: Connection, model: SqlModel, names: Mapping[str, str], parameters: Parameters) -> None:
    """Create or replace a temporary table from the model's query, with other tables in the place of its inputs.

    names: table -> the one in its place, for the inputs that are replaced and for the model's own table.
    """
    pattern = "|".join(re.escape(table) for table in sorted(names, key=len, reverse=True))
    sql = re.sub(rf"\b(?:{pattern})\b", lambda found: names[found[0]], model.sql)
    connection.execute(f"create or replace temp table {names[model.table]} as {sql}", _needed(model, parameters))


def append(connection: Connection, model: SqlModel, parameters: Parameters) -> None:
    """Add the query's rows to the model's table, which `build` made from another slice."""
    connection.execute(f"insert into {model.table} by name {model.sql}", _needed(model, parameters))


def _needed(model: SqlModel, parameters: Parameters) -> dict[str, object]:
    return {name: parameters[name] for name in model.parameters}


def column_lineage(connection: Connection, model: SqlModel) -> dict[str, list[tuple[str, str]]]:
    """Return for each output column the (table, column) pairs of the model's inputs that it comes from."""
    return lineage_among(model, {table: columns_of(connection, table) for table in model.inputs})


def lineage_among(model: SqlModel, columns: Mapping[str, Mapping[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """Return `column_lineage` where the columns of the inputs are known: table -> column -> SQL type.

    >>> sql = "select customer_id, sum(amount) as spend from clean.orders group by customer_id"
    >>> model = SqlModel("features", "spend", "", sql, frozenset({"clean.orders"}), frozenset())
    >>> lineage_among(model, {"clean.orders": {"customer_id": "VARCHAR", "amount": "DECIMAL(18,2)"}})["spend"]
    [('clean.orders', 'amount')]
    """
    inputs = [(table, tuple((c, _plain(k)) for c, k in columns[table].items())) for table in sorted(model.inputs)]
    return _lineage(model.sql, tuple(inputs))


@cache
def _lineage(sql: str, inputs: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]) -> dict[str, list[tuple[str, str]]]:
    """Trace a query over its inputs' columns; cached: a catch-up run traces the same queries again."""
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for table, columns in inputs:
        layer, name = table.split(".")
        schema.setdefault(layer, {})[name] = dict(columns)
    nodes = lineage(None, sql, schema, dialect="duckdb", trim_selects=False)
    return {column: sorted(_leaves(node)) for column, node in nodes.items()}


def _plain(sql_type: str) -> str:
    """Return a type that sqlglot supports; lineage needs names, not precision."""
    return re.sub(r"\(.*\)", "", sql_type)


def _leaves(node: Node) -> set[tuple[str, str]]:
    leaves = set()
    for step in node.walk():
        if isinstance(step.expression, exp.Table) and step.expression.db:
            leaves.add((f"{step.expression.db}.{step.expression.name}", step.name.split(".")[-1].strip('"')))
    return leaves
