"""Exclude rules that cannot be evaluated: tried on a made-up row before a load, and on its rows after a load that failed.

Rules are applied in `loading.py`.
"""

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from clv_pipeline.contracts.source import STORED_AS, SourceTable
from clv_pipeline.core.error_texts import kind_of, reason_of
from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.warehouse.connection import Connection

#: A row of these values tests whether a condition can be evaluated; nulls would hide wrong types.
_SOME_VALUE = {
    "varchar": "''",
    "timestamptz": "'2000-01-01'",
    "date": "'2000-01-01'",
    "decimal(18,6)": "0",
    "decimal(20,10)": "0",
    "bigint": "0",
    "boolean": "true",
}


def check_rules(
    connection: Connection, tables: Mapping[str, SourceTable], exclusions: Mapping[str, Sequence[tuple[str, str]]]
) -> None:
    """Try each exclude rule, a (condition, reason) of a table, on a made-up row.

    Raises:
        ConfigurationError: the warehouse cannot evaluate a condition (types that do not compare, unknown function).
    """
    for name, conditions in exclusions.items():
        row = ", ".join(
            f"{_SOME_VALUE[STORED_AS[c.type]]}::{STORED_AS[c.type]} as {c.name}" for c in tables[name].columns
        )
        for condition, reason in conditions:
            try:
                connection.execute(f"select 1 from (select {row}) where {condition}").fetchall()
            except duckdb.Error as error:
                raise ConfigurationError(
                    f"[[exclude]] '{reason}' in source.toml cannot be evaluated: {reason_of(error)}",
                    next_step=f"fix the condition '{condition}'.",
                ) from None


def check_rules_on_batch(
    connection: Connection,
    batch: pa.Table,
    rows: str,
    parameters: Mapping[str, object],
    table: str,
    rules: Sequence[tuple[str, str]],
) -> None:
    """Evaluate each (condition, reason) on the rows that the query `rows` makes of a batch.

    The error of a load has no rule in it, and ends the transaction: this looks for the rule on a connection of its own.

    Raises:
        ConfigurationError: a condition cannot be evaluated on one of the rows. It has the rule and no value.
    """
    with connection.cursor() as own:
        own.register("delivered", batch)
        for condition, reason in rules:
            try:
                own.execute(f"select count(*) filter (where {condition}) from ({rows})", parameters).fetchall()
            except duckdb.Error as error:
                raise ConfigurationError(
                    f"[[exclude]] '{reason}' in source.toml cannot be evaluated on every row of {table}: {kind_of(error)}",
                    next_step=f"write the condition '{condition}' so that it fits any value, "
                    "for example with try_cast instead of cast.",
                ) from None
