"""Rows by the values of category-like columns: of one day and its usual days, of some rows of a table, of a whole table.

What is made of the counts is in `guilty_segments.py`, for which check in `guilt.py`. A column is category-like if few values are
frequent in it. Keys, addresses, hashes, gender and year of birth are no columns here, and a value of fewer than five customers
is counted with the others: persons are counted in a set of 63 bits, which merges like a sum and never counts too many.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import pandas as pd

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.contracts.warehouse import SEGMENT_COUNTS
from clv_pipeline.quality.guilty_segments import NONE, OTHER, Cell, Columns
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, columns_of, has_table, one_row, quote_name, quote_text

#: Protected attributes (models do not see them either), and a key that is no `_id`.
_DENIED = ("gender", "birth_year", "merged_into")
#: Of a column with more values the most frequent are counted; if they are not most of the rows, the column is no category.
_MOST_VALUES, _FREQUENT_SHARE = 40, 0.8
#: Of a whole table, columns with more values than this are not counted.
_MOST_COUNTED = 400
#: Only columns with so few values are looked at in pairs, the most frequent of each.
_PAIRED_VALUES = 12
#: A value that may be an address, a number of somebody, or a sentence.
_UNNAMED = re.compile(r"@|\d{6,}|.{41,}|https?:|[\x00-\x1f]", flags=re.DOTALL)
HOUR, WEEKDAY, DAY, MONTH = "hour of day", "weekday", "order date", "month"
ORDERED = frozenset({HOUR, DAY, MONTH})
#: The columns of the CRM record of an order line begin with this.
CRM = "customers."

_MEASURES = ("observed", "expected", "money", "persons")

Counts = Mapping[Columns, Sequence[Cell]]
#: Columns -> values -> rows, money and persons of a whole table.
Totals = Mapping[Columns, Mapping[tuple[str, ...], tuple[float, float, int]]]


@dataclass(frozen=True)
class Counted:
    """Counts of the relation `segment_lines`: by each column at once, by pairs of columns when asked for."""

    connection: Connection
    singles: Counts
    noise: float

    def pairs(self, without: Collection[str] = ()) -> Counts:
        """Return the counts by pairs of the columns that have few values, `without` some."""
        small = [c for (c,), cells in self.singles.items() if len(cells) > 1 and c != DAY and c not in without]
        return {
            pair: cells
            for pair in combinations(small, 2)
            if len(cells := _cells(self.connection, pair, self._frequent(pair))) > 1
        }

    def _frequent(self, columns: Columns) -> list[list[str]]:
        by_size = [sorted(self.singles[c,], key=lambda cell: -cell.expected - cell.observed) for c in columns]
        most = [_MOST_VALUES if c == MONTH else _PAIRED_VALUES for c in columns]
        return [[cell.values[0] for cell in cells[:size]] for cells, size in zip(by_size, most, strict=True)]


# --- the lines -------------------------------------------------------------------------------------------------------------


def category_columns(connection: Connection, table: str) -> list[str]:
    """Return the columns of a raw table that may be categories: text that is neither key, hash nor protected; attributes."""
    there = columns_of(connection, f"raw.{table}")
    named = [
        c.name
        for c in CONTRACT[table].columns
        if c.type == "text" and not c.name.endswith("_id") and c.name not in _DENIED and c.name in there
    ]
    return list(dict.fromkeys([*named, *(name for name in there if name.startswith("attribute_"))]))


def order_columns(connection: Connection) -> dict[str, str]:
    """Return name -> SQL of the columns of an order line `l` with its CRM record `crm`, the most telling first."""
    found = {name: f"l.{name}" for name in ("status", *category_columns(connection, "orders"))}
    found |= {f"{CRM}{name}": f"crm.{name}" for name in category_columns(connection, "customers")}
    return found | {
        "is_return": "coalesce(l.amount < 0, false)",
        "is_guest": "l.customer_id is null",
        HOUR: "strftime(l.local_time, '%H')",
        WEEKDAY: "strftime(l.local_time, '%A')",
        DAY: "strftime(l.local_time, '%Y-%m-%d')",
        MONTH: "strftime(l.local_time, '%Y-%m')",
    }


def lines_of(
    connection: Connection,
    table: str,
    relation: str,
    time_zone: str,
    measures: Mapping[str, str],
    counted: str = "true",
) -> str:
    """Return the query of the lines of a table: `order_lines` or `table_lines`."""
    if table == "orders":
        return order_lines(connection, relation, time_zone, measures, counted)
    return table_lines(connection, table, relation, time_zone, measures, counted)


def order_lines(
    connection: Connection, relation: str, time_zone: str, measures: Mapping[str, str], counted: str = "true"
) -> str:
    """Return the query of the lines of `relation` with observed, expected, money and person, and every column as text.

    relation: a query in brackets with the columns of `raw.orders`. measures: SQL of observed, expected and money over `l`.
    counted: condition of the lines whose persons count.
    """
    columns = ", ".join(f"{_as_text(sql)} as {quote_name(name)}" for name, sql in order_columns(connection).items())
    crm = category_columns(connection, "customers")
    newest = ", ".join(
        f"arg_max({name}, coalesce(updated_at, created_at, '1970-01-01'::timestamptz)) as {name}" for name in crm
    )
    return (
        f"with l as (select *, timezone({quote_text(time_zone)}, ordered_at) as local_time from {relation}), "
        f"crm as (select customer_id, {newest} from raw.customers where customer_id is not null group by customer_id) "
        f"select {_measured(measures)}, {_person('coalesce(l.customer_id, l.order_id)', counted)}, {columns} "
        "from l left join crm on l.customer_id = crm.customer_id"
    )


def table_lines(
    connection: Connection, table: str, relation: str, time_zone: str, measures: Mapping[str, str], counted: str
) -> str:
    """Return the same of another table than orders; of a classified one, the columns that it still has."""
    contract, there = CONTRACT[table], connection.sql(f"select * from {relation} limit 0").columns
    time = contract.event_time
    local = (
        f"l.{time}" if time and contract.column(time).type == "date" else f"timezone({quote_text(time_zone)}, l.{time})"
    )
    columns = {name: f"l.{name}" for name in category_columns(connection, table) if name in there}
    columns |= {MONTH: f"strftime({local}, '%Y-%m')"} if time in there else {}
    listed = "".join(f", {_as_text(sql)} as {quote_name(name)}" for name, sql in columns.items())
    person = "l.customer_id" if "customer_id" in there else "hash(l)::varchar"
    return f"select {_measured(measures)}, {_person(person, counted)}{listed} from {relation} as l"


def _person(sql: str, counted: str) -> str:
    """Return the SQL of a set of persons with one member, or none where the line does not count."""
    return f"case when {counted} then 1::ubigint << (hash({sql}) % 63) else 0 end as persons"


def _measured(measures: Mapping[str, str]) -> str:
    return ", ".join(f"({sql})::double as {name}" for name, sql in measures.items())


def _as_text(sql: str) -> str:
    return f"coalesce(({sql})::varchar, {quote_text(NONE)})"


# --- counting --------------------------------------------------------------------------------------------------------------


def count(connection: Connection, lines: str, *, is_money: bool = False) -> Counted:
    """Count the lines of a query by the values of each of its category-like columns."""
    connection.execute(f"create or replace temp table segment_lines as {lines}")
    names = [name for name in columns_of(connection, "segment_lines") if name not in _MEASURES]
    singles: dict[Columns, list[Cell]] = {
        (name,): _cells(connection, (name,), [frequent]) for name in names if (frequent := _frequent(connection, name))
    }
    noise = 1.0
    if is_money:  # of a sum of amounts: the money behind one unit of chance
        (noise,) = one_row(
            connection,
            "select sum(expected * expected) / nullif(sum(expected), 0) from segment_lines where expected > 0",
        )
    return Counted(connection, singles, max(noise or 1.0, 1.0))


def _frequent(connection: Connection, column: str) -> list[str]:
    """Return the values of a column to be counted by themselves; none where it is no category."""
    rows = connection.execute(
        f"select {quote_name(column)}, sum(greatest(observed, expected)) as weight from segment_lines "
        f"group by {quote_name(column)} order by weight desc, {quote_name(column)}"
    ).fetchall()
    total, most = sum(weight for _, weight in rows), 400 if column == DAY else _MOST_VALUES
    if total <= 0 or sum(weight for _, weight in rows[:most]) < _FREQUENT_SHARE * total:
        return []
    return [value for value, _ in rows[:most] if column in (DAY, MONTH) or not _UNNAMED.search(value)]


def _cells(connection: Connection, columns: Columns, frequent: Sequence[Sequence[str]]) -> list[Cell]:
    values = [
        f"case when list_contains($values_{n}, {quote_name(c)}) then {quote_name(c)} else {quote_text(OTHER)} end as value_{n}"
        for n, c in enumerate(columns)
    ]
    names = [f"value_{n}" for n in range(len(columns))]
    rows = connection.execute(
        f"select {', '.join(values)}, sum(observed), sum(expected), coalesce(sum(money), 0), "
        "bit_count(bit_or(persons)) from segment_lines "
        f"group by {', '.join(names)} order by {', '.join(names)}",
        {f"values_{n}": list(found) for n, found in enumerate(frequent)},
    ).fetchall()
    return [Cell(tuple(row[: len(columns)]), *row[len(columns) :]) for row in rows]


# --- whole tables, and those of the last published night ---------------------------------------------------------------------


def remember_segments(connection: Connection, source: str, as_of: date) -> None:
    """Write the counts of every table by the values of its columns: what the next night compares with."""
    (time_zone,) = one_row(connection, "select time_zone from raw.extraction")
    rows = []
    for (table,) in connection.execute(
        "select table_name from raw.loads where is_provided and rows_held > 0 order by table_name"
    ).fetchall():
        for columns, totals in count_table(connection, table, time_zone, as_of).items():
            second = columns[1] if columns[1:] else None
            rows += [
                (source, as_of, table, columns[0], second, values[0], values[1] if second else None, *figures)
                for values, figures in totals.items()
            ]
    tables.replace(connection, SEGMENT_COUNTS, pd.DataFrame(rows, columns=SEGMENT_COUNTS.column_names()))


def count_table(connection: Connection, table: str, time_zone: str, until: date) -> Totals:
    """Count the rows of a raw table that are dated before a day, by columns and pairs of them; rows without a time are old."""
    time, columns = CONTRACT[table].event_time, CONTRACT[table].columns
    money = next((f"coalesce(l.{c.name}, 0)" for c in columns if c.type == "money"), "0")
    zone, day = quote_text(time_zone), quote_text(f"{until}")
    # products have no time, and all of them are there before any day
    dated = f" where coalesce({time}::timestamptz < timezone({zone}, {day}::timestamp), true)" if time else ""
    relation = f"(from raw.{table}{dated})"
    measures = {"observed": "0", "expected": "1", "money": money}
    counted = count(connection, _cube(connection, lines_of(connection, table, relation, time_zone, measures)))
    return {
        key: {cell.values: (cell.expected, cell.money, cell.persons) for cell in cells}
        for counts in (counted.singles, counted.pairs())
        for key, cells in counts.items()
    }


def _cube(connection: Connection, lines: str) -> str:
    """Return the query of the lines summed by their columns, without times of day: what is counted then is small."""
    described = connection.sql(f"select * from ({lines}) limit 0").columns
    names = [name for name in described if name not in (*_MEASURES, HOUR, WEEKDAY, DAY)]
    if not names:
        return lines
    sizes = one_row(
        connection, f"select {', '.join(f'approx_count_distinct({quote_name(n)})' for n in names)} from ({lines})"
    )
    kept = [quote_name(name) for name, size in zip(names, sizes, strict=True) if size <= _MOST_COUNTED]
    grouped = f" group by {', '.join(kept)}" if kept else ""
    return (
        "select sum(observed) as observed, sum(expected) as expected, sum(money) as money, bit_or(persons) as persons"
        f"{''.join(f', {name}' for name in kept)} from ({lines}){grouped}"
    )


def night_before(connection: Connection, table: str) -> tuple[date | None, Totals]:
    """Return the day of the last published night before tonight, and its counts of a table; None and nothing without one."""
    if not has_table(connection, SEGMENT_COUNTS.name):
        return None, {}
    rows = connection.execute(
        "select as_of, column_1, column_2, value_1, value_2, row_count, money, persons from quality.segment_counts "
        "where table_name = $table and as_of < (select as_of from raw.extraction) "
        "and source_name = (select source_name from raw.extraction) order by column_1, column_2, value_1, value_2",
        {"table": table},
    ).fetchall()
    found: dict[Columns, dict[tuple[str, ...], tuple[float, float, int]]] = {}
    for _, first, second, value, other, row_count, money, persons in rows:
        columns, values = ((first, second), (value, other)) if second else ((first,), (value,))
        found.setdefault(columns, {})[values] = (row_count, money, persons)
    return (rows[0][0] if rows else None), found
