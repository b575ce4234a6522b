"""The types of the second target's columns: which the contract asks for, and whether one that is there holds them.

Types are compared only in databases whose spelling of them was tried; elsewhere every type passes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import sqlalchemy as sa

from clv_pipeline.contracts.published import PUBLISHED
from clv_pipeline.core.errors import PublishError
from clv_pipeline.publishing.target_place import key_text

_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "VARCHAR": sa.Text(),
    "DATE": sa.Date(),
    "TIMESTAMP WITH TIME ZONE": sa.DateTime(timezone=True),
    "INTEGER": sa.Integer(),
    "BIGINT": sa.BigInteger(),
    "DOUBLE": sa.Double(),
    "BOOLEAN": sa.Boolean(),
}
#: Databases whose types are compared; MariaDB goes by its own name or, with a driver of MySQL, by that one.
COMPARED = {"postgresql", "sqlite", "mysql", "mariadb"}
#: Decimal digits that an integer type can have, and those of integers that a binary fraction holds exactly.
_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "MEDIUMINT": 8, "INTEGER": 10, "BIGINT": 19}
_DOUBLE, _SINGLE = 15, 7


@dataclass(frozen=True)
class Kind:
    """What a type can hold: `whole` digits before the point, or characters; `fraction` digits after it."""

    name: str
    whole: float = inf
    fraction: float = inf

    def holds(self, other: "Kind") -> bool:
        """Return whether every value of `other` is one of this kind, exactly.

        >>> Kind("decimal", 16, 2).holds(Kind("decimal", 16, 4))
        False
        >>> Kind("decimal", 16, 2).holds(Kind("integer", 10, 0))
        True
        """
        is_number = other.name == "integer" and self.name in ("decimal", "double")
        return (self.name == other.name or is_number) and self.whole >= other.whole and self.fraction >= other.fraction


def type_of(table: str, column: str, columns: Mapping[str, str]) -> sa.types.TypeEngine[Any]:
    """Return the type of a published column in a target; `columns` has the SQL types of the whole table.

    Raises:
        PublishError: targets have no such type.
    """
    sql_type, key = columns[column], PUBLISHED[table].key
    if sql_type == "VARCHAR" and column in key:
        return key_text(sum(columns[name] == "VARCHAR" for name in key))
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", sql_type):
        return sa.Numeric(int(decimal[1]), int(decimal[2]))
    if sql_type not in _TYPES:
        raise PublishError(
            f"{table}.{column} has the type {sql_type}, which is not supported in target databases",
            next_step=f"cast it in sql/4_published/{table}.sql to one of: DECIMAL, {', '.join(_TYPES)}.",
        )
    return _TYPES[sql_type]


def kind_of(sql_type: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Kind:
    """Return the kind of a type, of the contract's or of one that the database reported."""
    made, name = sql_type.dialect_impl(dialect), type(sql_type).__name__.upper()
    match made:
        case sa.Boolean():
            return Kind("boolean")
        case sa.Integer() if name == "TINYINT" and getattr(made, "display_width", None) == 1:
            return Kind("boolean")  # the way MySQL spells it
        case sa.BigInteger():
            return Kind("integer", _DIGITS["BIGINT"], 0)
        case sa.Integer():
            return Kind("integer", _DIGITS.get(name, _DIGITS["INTEGER"]), 0)
        case sa.Float():
            is_single = dialect.name != "sqlite" and not isinstance(made, sa.Double) and (made.precision or 0) <= 24
            return Kind("double", _SINGLE if is_single else _DOUBLE)
        case sa.Numeric():
            fraction = made.scale or 0
            return Kind("decimal") if made.precision is None else Kind("decimal", made.precision - fraction, fraction)
        case sa.DateTime():
            return Kind("moment" if made.timezone and dialect.name == "postgresql" else "date and time")
        case sa.Date():
            return Kind("date")
        case sa.String() if not isinstance(made, (sa.Enum, sa.CHAR)) and name != "TINYTEXT":
            return Kind("text", made.length or inf)
    return Kind(name)


def spelt(sql_type: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> str:
    """Return a type as the database writes it, in small letters."""
    if isinstance(sql_type, sa.types.NullType):
        return "unknown here"
    return sql_type.compile(dialect=dialect).lower()
