"""The exclude rule that ended a load: it could be evaluated on a made-up row, and fails on a real one.

Rules are tried on a made-up row, and applied, in `loading.py`.
"""

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from clv_pipeline.core.error_texts import kind_of
from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.warehouse.connection import Connection


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
