"""Withdrawn consent: delete a customer's rows of earlier runs. Tonight's population is defined in `sql/2_features`."""

from clv_pipeline.contracts.explanation_tables import KNOWN_PREFIX
from clv_pipeline.warehouse.connection import Connection, columns_of, has_table, one_row, tables_of

_REFUSED = "(select customer_id from clean.customers where not has_profiling_consent)"


def remove_refused(connection: Connection) -> int:
    """Remove customers who may not be profiled from the tables that outlive a run; return the number of rows removed.

    Training tables are rebuilt only on nights that train, and what nights knew is kept for two. Of the score history the
    newest as_of before tonight's stays until the next run, because `customer_clv_changes` needs it to list who was removed;
    nothing else publishes those rows.
    """
    removed = 0
    for table in tables_of(connection):
        if table.startswith(("training.", KNOWN_PREFIX)) and "customer_id" in columns_of(connection, table):
            removed += _delete(connection, f"{table} where customer_id in {_REFUSED}")
    if has_table(connection, "scores.history"):
        removed += _delete(
            connection,
            f"""
            scores.history where customer_id in {_REFUSED} and as_of_date < (
                select max(as_of_date) from scores.history where as_of_date < (select as_of from raw.extraction)
            )
            """,
        )
    return removed


def _delete(connection: Connection, rows: str) -> int:
    return int(one_row(connection, f"delete from {rows}")[0])
