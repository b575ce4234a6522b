"""Money conservation: on its way from the order lines to what is published, no join multiplies or loses revenue.

That rows and money at the source are accounted for is `cleaning.py`; here is what becomes of the accepted lines.
"""

from clv_pipeline.core.errors import QualityError
from clv_pipeline.warehouse.connection import Connection, one_row

_TONIGHT = "(select max(as_of) from features.cutoffs where role = 'score')"
_LINES = "select coalesce(sum(amount), 0) from clean.orders where customer_id is not null"

#: (table, column, its sum, the sum it must be)
_STEPS = (
    (
        "features.customer_day",
        "net_spend",
        "select coalesce(sum(net_spend), 0) from features.customer_day",
        f"{_LINES} and customer_id not in (select customer_id from clean.customers where not has_profiling_consent)",
    ),
    (
        "published.customer_clv",
        "historic_value",
        "select coalesce(sum(historic_value), 0) from published.customer_clv",
        f"{_LINES} and order_date < {_TONIGHT} and customer_id in (select customer_id from published.customer_clv)",
    ),
)


def check_money_is_conserved(connection: Connection) -> None:
    """Compare the money of the accepted lines with what the tables built from them hold.

    Raises:
        QualityError: a table holds more or less; names it, its column and both sums.
    """
    for table, column, held, expected in _STEPS:
        found, right = one_row(connection, f"select ({held}), ({expected})")
        if found != right:
            raise QualityError(
                f"{table}.{column}: adds up to {found}, but the order lines behind it to {right}: a join "
                f"{'multiplies' if abs(found) > abs(right) else 'loses'} rows",
                next_step=f"look for a key that stands twice in what {table} is joined from; yesterday's bundle is served.",
            )
