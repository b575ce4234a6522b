"""Exports that write the fields of an order on the first of its lines only: they are those of all its lines.

Such columns are filled in the sample, so that everything that is guessed from it sees them, and in the SELECT by a window.
"""

from clv_pipeline.onboarding import columns as c
from clv_pipeline.onboarding.catalogue import Catalogue, Table
from clv_pipeline.onboarding.profiles import profile
from clv_pipeline.onboarding.words import concepts
from clv_pipeline.warehouse.connection import one_row, quote_name

#: Orders of several lines that must show it, and the share of them that do.
_ENOUGH, _MOST = 5, 0.95


def fill_first_lines(catalogue: Catalogue, table: Table, key: str) -> None:
    """Fill the fields that stand on one line of each order over the order, where a flat table is written so."""
    if table.columns[key].filled < table.columns[key].rows or table.columns[key].is_unique:
        return
    heads = [
        x.name for want in (c.ORDERED_AT, c.EMAIL, c.STATUS, c.CUSTOMER_ID, c.CURRENCY) for x in c.found(table, want)
    ]
    head = next((name for name in heads if name != key and _is_on_one_line(catalogue, table, key, name)), None)
    if head is None:
        return
    names = [
        name
        for name, column in table.columns.items()
        if name != key and 0 < column.filled < column.rows and "line" not in concepts(name)
        and "bool" not in column.type and _stands_with(catalogue, table, key, head, name)
    ]  # fmt: skip
    table.filled_key, table.filled = key, (head, *(name for name in names if name != head))
    listed = ", ".join(
        f"max({quote_name(name)}) over (partition by {quote_name(key)}) as {quote_name(name)}"
        if name in table.filled
        else quote_name(name)
        for name in table.columns
    )
    catalogue.scratch.execute(f"create or replace table {table.view} as select {listed} from {table.view}").fetchall()
    table.columns = profile(catalogue.scratch, table.view, table.at_source, list(table.columns))


def _is_on_one_line(catalogue: Catalogue, table: Table, key: str, name: str) -> bool:
    """Whether a column has a value on exactly one line of (nearly) every order that has several."""
    column = table.columns[name]
    if column.filled in (0, column.rows):
        return False
    orders, on_one = one_row(
        catalogue.scratch,
        f"select count(*), count(*) filter (n = 1) from (select count(nullif(trim({quote_name(name)}), '')) as n "
        f"from {table.view} group by {quote_name(key)} having count(*) > 1)",
    )
    return bool(orders >= _ENOUGH and on_one >= _MOST * orders)


def _stands_with(catalogue: Catalogue, table: Table, key: str, head: str, name: str) -> bool:
    """Whether a column of orders of several lines has values beside those of `head` only."""
    value, other = (f"nullif(trim({quote_name(n)}), '')" for n in (name, head))
    beside, elsewhere = one_row(
        catalogue.scratch,
        f"with counted as (select {value} as v, {other} as h, count(*) over (partition by {quote_name(key)}) as n "
        f"from {table.view}) select count(*) filter (v is not null and h is not null), "
        "count(*) filter (v is not null and h is null) from counted where n > 1",
    )
    return bool(elsewhere == 0 and beside > 0)
