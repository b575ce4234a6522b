"""Revenue reconciliation: published totals must equal the order lines they were built from.

Reconciliation with the source is in `cleaning.py`; this module follows the accepted lines.
"""

from clv_pipeline.core.errors import QualityError
from clv_pipeline.warehouse.connection import Connection, one_row

_TONIGHT = "(select max(as_of) from features.cutoffs where role = 'score')"
_LINES = "select coalesce(sum(amount), 0) from clean.orders where customer_id is not null"

#: (table, column, its sum, the required sum)
_STEPS = (
    (
        "features.customer_day",
        "net_spend",
        "select coalesce(sum(net_spend), 0) from features.customer_day",
        f"{_LINES} and customer_id not in (select customer_id from clean.customers where not has_profiling_consent)",
    ),
    *(
        (
            "features.customer_day_money",
            column,
            f"select coalesce(sum({column}), 0) from features.customer_day_money",
            f"{_LINES.replace('amount', column)} and customer_id not in "
            "(select customer_id from clean.customers where not has_profiling_consent)",
        )
        for column in ("discount", "tax", "shipping", "cost")
    ),
    (
        "published.customer_clv",
        "historic_value",
        "select coalesce(sum(historic_value), 0) from published.customer_clv",
        f"{_LINES} and order_date < {_TONIGHT} and customer_id in (select customer_id from published.customer_clv)",
    ),
)


def check_money_is_conserved(connection: Connection) -> None:
    """Compare the money of the accepted lines with the tables built from them.

    Raises:
        QualityError: a table has more or less; the message names it, its column and both sums.
    """
    for table, column, held, expected in _STEPS:
        found, right = one_row(connection, f"select ({held}), ({expected})")
        if found != right:
            raise QualityError(
                f"{table}.{column}: adds up to {found}, but the order lines behind it to {right}: a join "
                f"{'multiplies' if abs(found) > abs(right) else 'loses'} rows",
                next_step=f"look for a duplicate key in the tables that {table} joins; yesterday's bundle is still served.",
            )
