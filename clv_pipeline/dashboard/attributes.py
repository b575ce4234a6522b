"""Columns of customer_clv as a reader chooses them: numbers to measure, and attributes by which customers are divided.

Names of columns come from the bundle's own dictionary, never from the reader, so that a query may contain them.
"""

from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats, labels

#: Columns that describe the row or are texts for one customer: nothing to divide customers by.
_NOT_ATTRIBUTES = {"customer_id", "run_id", "model_version", "currency", "scored_at", "updated_at", "as_of_date"}
_NOT_ATTRIBUTES |= {"reason_1", "reason_2", "reason_3"}
_UNKNOWN = "not known"
_SHARES = [0.2, 0.4, 0.6, 0.8]


@dataclass(frozen=True)
class Column:
    """A column of customer_clv, its SQL type, and what it means."""

    name: str
    data_type: str
    description: str

    @property
    def label(self) -> str:
        return labels.heading(self.name)

    @property
    def is_number(self) -> bool:
        return self.data_type.startswith(("DECIMAL", "DOUBLE", "BIGINT", "INTEGER", "FLOAT"))

    @property
    def is_money(self) -> bool:
        return self.data_type == "DECIMAL(18,2)"

    @property
    def is_probability(self) -> bool:
        return "probability" in self.name


def columns(bundle: ServedBundle) -> list[Column]:
    """Return the columns of customer_clv that describe a customer, in the order of the table."""
    found = bundle.frame(
        "select column_name, data_type, description from column_dictionary where table_name = 'customer_clv' order by position"
    )
    rows = zip(found["column_name"], found["data_type"], found["description"], strict=True)
    return [Column(*row) for row in rows if row[0] not in _NOT_ATTRIBUTES]


def numbers(bundle: ServedBundle) -> list[Column]:
    """Return the columns that are numbers and have a value."""
    found = [column for column in columns(bundle) if column.is_number]
    counted = bundle.frame(f"select {', '.join(f'count({_quoted(c.name)})' for c in found)} from customer_clv")
    return [column for column, n in zip(found, counted.iloc[0], strict=True) if n]


def divided(bundle: ServedBundle, column: Column) -> tuple[str, dict[str, str]]:
    """Return the SQL expression of the group that a customer belongs to by a column, and the parameter it needs as text.

    Numbers are divided into up to five groups of about equal size, dates into years; other columns by their values.
    """
    name = _quoted(column.name)
    if not column.is_number:
        return (f"strftime({name}, '%Y')" if column.data_type == "DATE" else f"{name}::varchar"), {}
    cuts = bundle.frame(
        f"select unnest(list_distinct(quantile_disc({name}::double, {_SHARES}))) as cut from customer_clv order by cut"
    )
    limits = [float(cut) for cut in cuts["cut"].dropna()]
    if not limits:
        return "'1'", {}
    steps = " ".join(f"when {name} <= {limit!r} then '{place}'" for place, limit in enumerate(limits))
    shown = [_shown(column, limit) for limit in limits]
    between = {str(i): f"above {low} to {high}" for i, (low, high) in enumerate(pairwise(shown), 1)}
    names = {"0": f"up to {shown[0]}", **between, str(len(limits)): f"above {shown[-1]}"}
    return f"case when {name} is null then null {steps} else '{len(limits)}' end", names


def named(column: Column, groups: "pd.Series[str]", names: dict[str, str]) -> "pd.Series[str]":
    """Return groups as people say them."""
    if names:
        return groups.map(lambda group: _UNKNOWN if pd.isna(group) else names.get(group, group))
    if column.data_type == "BOOLEAN":
        return groups.map({"true": "yes", "false": "no"}).fillna(_UNKNOWN)
    # every other text is shown as the company wrote it
    is_code = column.name in labels.COLUMNS_OF_CODES or column.name.endswith("_driver")
    return (groups.map(labels.words, na_action="ignore") if is_code else groups).fillna(_UNKNOWN)


def _shown(column: Column, limit: float) -> str:
    if column.is_probability:
        return formats.percent(limit)
    return formats.decimal(limit, 2 if column.is_money and abs(limit) < 100 else 0)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
