"""The structure of the second target: tables, columns, types, keys and comments, brought to the contract's or refused by name.

Nothing is dropped or renamed. A type that another one of the contract's replaces is widened where every value stays what it
was and the database permits it; a type that is wider than the contract's stays. Rows are in `database_target.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from clv_pipeline.core.errors import PublishError
from clv_pipeline.publishing.target_place import TargetPlace
from clv_pipeline.publishing.target_types import COMPARED, kind_of, spelt

#: More of them are counted, not listed.
_LISTED = 5


@dataclass(frozen=True)
class FoundColumn:
    """A column that is there."""

    type: sa.types.TypeEngine[Any]
    comment: str | None


@dataclass(frozen=True)
class FoundTable:
    """A table that is there."""

    columns: dict[str, FoundColumn]
    key: frozenset[str]


#: Table -> what is there under that name.
Structure = Mapping[str, FoundTable]


@dataclass(frozen=True)
class Difference:
    """One thing in the target that is not as the contract or the bundle has it, with the SQL that changes it, if any does."""

    what: str
    sql: str = ""


def structure_of(target: sa.Connection, schema: str | None) -> Structure:
    """Return every table of the schema; none if there is no such schema."""
    inspector = sa.inspect(target)
    # to MySQL and MariaDB a schema that is not there is an error, not an empty one
    if schema and not inspector.has_schema(schema):
        return {}
    columns = inspector.get_multi_columns(schema=schema)
    keys = {
        name: key["constrained_columns"]
        for name, key in inspector.get_multi_pk_constraint(schema=schema).items()
        if key
    }
    return {
        table: FoundTable(
            {column["name"]: FoundColumn(column["type"], column.get("comment")) for column in of_table},
            frozenset(keys.get((of_schema, table), ())),
        )
        for (of_schema, table), of_table in columns.items()
    }


def bring_up_to_date(
    target: sa.Connection, place: TargetPlace, tables: Sequence[sa.Table], existing: Structure
) -> set[str]:
    """Make schema, tables and columns that are not there, widen types, and set the columns' comments.

    Return the names of the tables that were made, or whose columns or types changed.

    Raises:
        PublishError: a table of the contract's name has another key or type; or what was made is not as the contract says.
    """
    widened = _adapt(target, place, [table for table in tables if table.name in existing], existing)
    if place.schema and not sa.inspect(target).has_schema(place.schema):
        target.execute(sa.schema.CreateSchema(place.schema))
    made = {table.name for table in tables if _make_missing(target, table, existing.get(table.name))}
    commented = [
        column for table in tables for column in _of_other_comment(target.dialect, table, existing.get(table.name))
    ]
    for column in commented:
        target.execute(sa.schema.SetColumnComment(column))
    if widened or made or commented:
        now = structure_of(target, place.schema)
        if different := [d for table in tables for d in _differences(target.dialect, table, now.get(table.name))]:
            raise refusal(place, different)
    return widened | made


def refusal(place: TargetPlace, differences: Sequence[Difference]) -> PublishError:
    """Return the error that names what is different, and the SQL to run where there is some."""
    listed = "; ".join(difference.what for difference in differences[:_LISTED])
    more = f"; and {len(differences) - _LISTED} more" if len(differences) > _LISTED else ""
    sql = " ".join(dict.fromkeys(f"{difference.sql};" for difference in differences if difference.sql))
    advice = (
        f"if these tables are of an older release of this pipeline, run in the database: {sql} If they are somebody else's, set "
        f"{'CLV_PUBLISH_SCHEMA to another schema' if place.schema else 'CLV_PUBLISH_URL to another file'}. Then"
        if sql
        else "look for triggers, rules or other writers of these tables; then"
    )
    return PublishError(
        f"What is in {place.named} is not as published: {listed}{more}",
        next_step=f"{advice} materialise published/database again (or run again). Its rows are unchanged, and the bundle is "
        "served.",
        anchor="second_target",
    )


def _adapt(target: sa.Connection, place: TargetPlace, tables: Sequence[sa.Table], existing: Structure) -> set[str]:
    """Widen the types that are too narrow; return the names of the tables.

    Raises:
        PublishError: a key or a type is different all the same.
    """
    refused, widened = [], set()
    for table in tables:
        there = existing[table.name]
        refused += _key_differences(target.dialect, table, there)
        for column in _of_other_type(target.dialect, table, there):
            found = there.columns[column.name].type
            if why_not := _why_not_widened(target, table, column, found):
                refused.append(_other_type(target.dialect, table, column, found, why_not))
            else:
                widened.add(table.name)
    if refused:
        raise refusal(place, refused)
    return widened


def _why_not_widened(
    target: sa.Connection, table: sa.Table, column: sa.Column[Any], found: sa.types.TypeEngine[Any]
) -> str:
    """Widen the type of a column; return why it stays as it is, or an empty text."""
    if not kind_of(column.type, target.dialect).holds(kind_of(found, target.dialect)):
        return "which does not hold every value of it"
    if target.dialect.name != "postgresql":
        return "and only in PostgreSQL types are widened here"
    try:
        with target.begin_nested():
            target.exec_driver_sql(_change_type(target.dialect, table, column))
    except sa.exc.NotSupportedError:
        return "and a view or rule that uses it keeps it from being widened"
    return ""


def _make_missing(target: sa.Connection, table: sa.Table, there: FoundTable | None) -> bool:
    """Make a table, or the columns that it lacks; return whether there was anything to make."""
    if there is None:
        table.create(target)
        return True
    missing = [column for column in table.columns if column.name not in there.columns]
    for column in missing:
        name = target.dialect.identifier_preparer.format_table(table)
        target.exec_driver_sql(
            f"alter table {name} add {sa.schema.CreateColumn(column).compile(dialect=target.dialect)}"
        )
    return bool(missing)


def _of_other_comment(dialect: sa.Dialect, table: sa.Table, there: FoundTable | None) -> list[sa.Column[Any]]:
    """Return the columns whose comment is not the contract's; a table that was just made has its comments."""
    if there is None or not dialect.supports_comments:
        return []
    comments = {name: column.comment for name, column in there.columns.items()}
    return [column for column in table.columns if comments.get(column.name) != column.comment]


def _differences(dialect: sa.Dialect, table: sa.Table, there: FoundTable | None) -> Iterable[Difference]:
    """Yield how a table differs from the contract's."""
    if there is None:
        yield Difference(f"{table.name} is not there")
        return
    yield from _key_differences(dialect, table, there)
    yield from (Difference(f"{column} is not there") for column in table.columns if column.name not in there.columns)
    for column in _of_other_comment(dialect, table, there):
        yield Difference(f"{column} has another comment than the contract's")
    for column in _of_other_type(dialect, table, there):
        yield _other_type(dialect, table, column, there.columns[column.name].type)


def _key_differences(dialect: sa.Dialect, table: sa.Table, there: FoundTable) -> list[Difference]:
    wanted = {column.name for column in table.primary_key}
    if there.key == wanted:
        return []
    found = f"the key {', '.join(sorted(there.key))}" if there.key else "no key"
    return [
        Difference(
            f"{table.name} has {found}, the contract's is {', '.join(sorted(wanted))}", _set_aside(dialect, table)
        )
    ]


def _of_other_type(dialect: sa.Dialect, table: sa.Table, there: FoundTable) -> list[sa.Column[Any]]:
    """Return the columns whose type does not hold every value of the contract's, or is of another kind."""
    if dialect.name not in COMPARED:
        return []
    found = []
    for column in table.columns:
        if column.name in there.columns:
            is_there, wanted = kind_of(there.columns[column.name].type, dialect), kind_of(column.type, dialect)
            if is_there.name != wanted.name or not is_there.holds(wanted):
                found.append(column)
    return found


def _other_type(
    dialect: sa.Dialect, table: sa.Table, column: sa.Column[Any], found: sa.types.TypeEngine[Any], why: str = ""
) -> Difference:
    what = f"{column} has the type {spelt(found, dialect)}, the contract's is {spelt(column.type, dialect)}"
    sql = _set_aside(dialect, table) if dialect.name == "sqlite" else _change_type(dialect, table, column)
    return Difference(f"{what}, {why}" if why else what, sql)


def _change_type(dialect: sa.Dialect, table: sa.Table, column: sa.Column[Any]) -> str:
    preparer = dialect.identifier_preparer
    name, wanted = preparer.format_column(column), spelt(column.type, dialect)
    change = (
        f"modify {name} {wanted}"
        if dialect.name != "postgresql"
        else f"alter {name} type {wanted} using {name}::{wanted}"
    )
    return f"alter table {preparer.format_table(table)} {change}"


def _set_aside(dialect: sa.Dialect, table: sa.Table) -> str:
    """Return the SQL after which the next publication makes the table; views follow the one that is set aside."""
    return f"alter table {dialect.identifier_preparer.format_table(table)} rename to {table.name}_before"
