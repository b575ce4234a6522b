"""Rows that are no sale: tests, deleted rows, carts, lines of postage or tax, and parts of a bundle that repeat its money."""

from dataclasses import dataclass

import numpy as np

from clv_pipeline.onboarding.catalogue import Catalogue, Table
from clv_pipeline.onboarding.columns import is_identifier
from clv_pipeline.onboarding.expressions import column_sql, is_false
from clv_pipeline.onboarding.words import concepts
from clv_pipeline.warehouse.connection import one_row, quote_name

#: Concepts of a value that says that a line is no goods, or that a document is no order.
_NO_GOODS = {"shipping", "tax", "fee", "discount", "text", "log", "gift_card"}
_NO_ORDER = {"cart", "supplier", "test", "cancelled"}


@dataclass(frozen=True)
class Filter:
    """A condition that leaves rows out, in the engine-neutral SQL and for the sample, with a note for people."""

    sql: str
    scratch: str
    note: str
    is_about_goods: bool = False


def filters_of(
    catalogue: Catalogue, table: Table, alias: str, *, is_lines: bool, has_status: bool = True
) -> list[Filter]:
    """Return the filters that the names and values of a table's columns suggest."""
    found = []
    # where a status says what is cancelled, it decides
    deleting = {"deleted"} if has_status else {"deleted", "cancelled"}
    for name, column in table.columns.items():
        meant = concepts(name)
        plain, scratch = column_sql(alias, name), f"{alias}.{quote_name(name)}"
        if column.is_flag and meant & (deleting | {"test"}) and not meant & {"id", "amount"}:
            if not _is_mixed(column.values):
                continue
            no = f"lower(coalesce({scratch}, '')) not in ('1', 'true', 't', 'y', 'yes', 'j', 'ja')"
            found.append(Filter(is_false(alias, column), no, f"without rows that are marked as {name}"))
        elif (
            is_lines
            and column.is_flag
            and "flag" in meant
            and meant & _NO_GOODS
            and not meant & {"due"}
            and _is_mixed(column.values)
        ):
            no = f"lower(coalesce({scratch}, '')) not in ('1', 'true', 't', 'y', 'yes')"
            found.append(
                Filter(is_false(alias, column), no, f"without lines that are marked as {name}: they are no goods", True)
            )
        elif column.is_time and meant & deleting and column.filled < column.rows:
            found.append(
                Filter(
                    f"{plain} is null",
                    f"{scratch} is null",
                    f"without deleted or cancelled rows: {column.filled} of {column.rows} have {name}",
                )
            )
        elif (
            column.kind == "text"
            and "type" in meant
            and 1 < column.distinct <= 15
            and not meant & {"payment", "customer", "address"}
        ):
            found += _by_type(name, column.values, plain, scratch, is_lines=is_lines)
    return found


def _is_mixed(values: dict[str, int]) -> bool:
    return any(v.lower() in ("1", "true", "t", "y", "yes", "j", "ja") for v in values)


def _by_type(name: str, values: dict[str, int], plain: str, scratch: str, *, is_lines: bool) -> list[Filter]:
    refused = _NO_GOODS if is_lines else _NO_ORDER
    out = [
        v
        for v in values
        if (concepts(v) & refused and not concepts(v) & {"line", "product"}) or concepts(v) & {"text", "gift_card"}
    ]
    # what most rows are is what the table is about
    if not out or sum(values[v] for v in out) > 0.5 * sum(values.values()):
        return []
    listed = ", ".join("'" + v.replace("'", "''") + "'" for v in out)
    rows = sum(values[v] for v in out)
    note = f"{name} says that {rows} rows are {', '.join(out)}: no {'goods' if is_lines else 'orders'}"
    return [
        Filter(f"coalesce({plain}, '') not in ({listed})", f"coalesce({scratch}, '') not in ({listed})", note, is_lines)
    ]


def parent_column(table: Table) -> str | None:
    """Return the column that names a line's parent line, None if it has none or no line has a parent."""
    for name, column in table.columns.items():
        if (
            "parent" in concepts(name)
            and concepts(name) & {"id", "line"}
            and is_identifier(column)
            and column.filled < column.rows
        ):
            return name
    return None


def share_with_parent(catalogue: Catalogue, table: Table, column: str) -> float:
    """Return the share of rows that have a parent."""
    rows, children = one_row(
        catalogue.scratch,
        f"select count(*), count(*) filter (coalesce(nullif({quote_name(column)}, '0'), '') <> '') from {table.view}",
    )
    return float(children / rows) if rows else 0.0


def is_better(share: float, other: float) -> bool:
    """Whether leaving rows out makes more orders add up."""
    return bool(np.round(other - share, 3) > 0.02)
