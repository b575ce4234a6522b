"""Tables of transactions: sales, refunds and payouts among each other, told apart by a type; refunds name their sale."""

import numpy as np

from clv_pipeline.onboarding.catalogue import Catalogue, Table
from clv_pipeline.onboarding.money import MoneyData, kind_of
from clv_pipeline.onboarding.profiles import ColumnProfile, number_sql
from clv_pipeline.onboarding.words import concepts
from clv_pipeline.warehouse.connection import one_row, quote_name

#: Share of the rows of one type that have one sign, and of references that are found in the table itself.
_ONE_SIGN = 0.9


def type_column(catalogue: Catalogue, table: Table) -> ColumnProfile | None:
    """Return the column of a flat table that says what a row is, where money in and money out are among its rows."""
    monies = [
        x
        for x in table.columns.values()
        if x.negative and (kind := kind_of(x, level="line", has_quantity=False)) and kind[0] == "total"
    ]
    for column in table.columns.values():
        if (
            column.kind != "text"
            or "type" not in concepts(column.name)
            or not 1 < column.distinct <= 30
            or {"product", "customer", "address", "category"} & concepts(column.name)
        ):
            continue
        if any(_has_two_signs(catalogue, table, column, money) for money in monies):
            return column
    return None


def _has_two_signs(catalogue: Catalogue, table: Table, column: ColumnProfile, money: ColumnProfile) -> bool:
    value = number_sql(quote_name(money.name), money.format)
    low, high = one_row(
        catalogue.scratch,
        f"select min(share), max(share) from (select avg(({value} < 0)::int) as share from {table.view} "
        f"where {value} <> 0 group by {quote_name(column.name)})",
    )
    return low is not None and low <= 1 - _ONE_SIGN and high >= _ONE_SIGN


def referred_column(catalogue: Catalogue, table: Table, key: str) -> str | None:
    """Return the column of a flat table that names another row of it by its key, as a refund does its sale."""
    if not table.columns[key].is_unique:
        return None
    for name, column in table.columns.items():
        if name == key or not 0 < column.filled < column.rows or not {"id", "parent"} & concepts(name):
            continue
        filled, found = one_row(
            catalogue.scratch,
            f"select count(*), count(*) filter ({quote_name(name)} in (select {quote_name(key)} from {table.view})) "
            f"from {table.view} where nullif(trim({quote_name(name)}), '') is not null",
        )
        if filled and found >= 0.8 * filled:
            return name
    return None


def without_payouts(data: MoneyData) -> MoneyData:
    """Leave out what is paid out after the fees of a payment: it says nothing about goods, tax or discounts.

    A column is that where it is another one less a fee, or with a negative fee, in nearly all lines.
    """
    fees = [m for m in data.of("fee", "line") + data.of("fee", "order") if not m.child and np.any(data.of_line(m))]
    totals = [m for m in data.fields if m.kind == "total" and not m.child]
    for fee in fees:
        for paid in totals:
            for after in totals:
                gap = data.of_line(paid) - data.of_line(after)
                of_fee = np.abs(data.of_line(fee))
                if paid is not after and np.mean(np.abs(gap - of_fee) <= 0.011) >= _ONE_SIGN and np.any(of_fee > 0.011):
                    data.fields = [m for m in data.fields if m not in (after, fee)]
                    return data
    return data
