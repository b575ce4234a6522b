"""How tables join: by declared foreign keys, else by names that fit and values that overlap. Values alone prove nothing.

Numbers from 1 to n are in every table, so a name has to fit as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from clv_pipeline.onboarding.catalogue import Catalogue, Table
from clv_pipeline.onboarding.profiles import ColumnProfile
from clv_pipeline.onboarding.words import concepts, table_concepts, tokens
from clv_pipeline.warehouse.connection import one_row, quote_name

#: Share of the values of a column that must be in the key that it names, where no foreign key says so.
ENOUGH_OVERLAP = 0.8
#: Concepts that say nothing about which table a column names.
_SHAPES = {"id", "base", "flag", "name", "parent", "type", "unit", "header", "fact", "dimension", "line", "master"}

#: Concepts of tables that stand beside the one that is meant.
_BESIDE = {"log", "address", "cart", "text", "price_list", "store", "review", "refund", "stock_move", "language"}


@dataclass(frozen=True)
class Reference:
    """A column of a table that names rows of another one. `overlap`: share of its values that are found there."""

    column: str
    to_table: Table
    to_column: str
    is_declared: bool
    overlap: float

    @property
    def reason(self) -> str:
        """Why, in words."""
        if self.is_declared:
            return f"foreign key to {self.to_table.full_name}.{self.to_column}"
        return f"by name; {self.overlap:.0%} of its values are in {self.to_table.full_name}.{self.to_column}"


class References:
    """The references of all tables of a catalogue, found when asked for."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._known: dict[str, list[Reference]] = {}

    def of(self, table: Table) -> list[Reference]:
        """Return what the columns of a table refer to, declared ones first."""
        if table.view not in self._known:
            declared = list(self._declared(table))
            taken = {reference.column for reference in declared}
            named = [
                r for name in table.columns if name not in taken for r in self._by_name(table, table.columns[name])
            ]
            self._known[table.view] = declared + named
        return self._known[table.view]

    def between(self, table: Table, other: Table) -> Reference | None:
        """Return the best reference from one table to another one."""
        found = [r for r in self.of(table) if r.to_table is other]
        return max(found, key=lambda r: (r.is_declared, r.overlap), default=None)

    @staticmethod
    def rank(reference: Reference) -> tuple[bool, bool]:
        """Return how plainly a reference names its table: by the table's own word, by its primary key."""
        words = _stems(reference.column) & _stems(reference.to_table.name)
        return bool(words), reference.to_table.at_source.primary_key == (reference.to_column,)

    def to(self, table: Table) -> list[tuple[Table, Reference]]:
        """Return the tables that refer to this one."""
        return [(t, r) for t in self.catalogue.tables if t is not table for r in self.of(t) if r.to_table is table]

    @cached_property
    def _by_place(self) -> dict[tuple[str | None, str], Table]:
        return {(t.at_source.schema, t.name): t for t in self.catalogue.tables}

    def _declared(self, table: Table) -> Iterator[Reference]:
        for key in table.at_source.foreign_keys:
            other = self._by_place.get((key.schema, key.table)) or self._by_place.get(
                (table.at_source.schema, key.table)
            )
            if other is None or len(key.columns) != 1 or key.columns[0] not in table.columns:
                continue
            to_column = key.to_columns[0] if key.to_columns else (other.at_source.primary_key or ("id",))[0]
            if to_column in other.columns and other is not table:
                yield Reference(
                    key.columns[0], other, to_column, True, self._overlap(table, key.columns[0], other, to_column)
                )

    def _by_name(self, table: Table, column: ColumnProfile) -> list[Reference]:
        if not column.filled or column.kind in ("decimal", "boolean") or (column.is_time and column.format != "%Y%m%d"):
            return []
        found: list[tuple[int, Reference]] = []
        for other in self.catalogue.tables:
            if other is table or not other.rows:
                continue
            for key in keys_of(other):
                fit = _fit(column.name, other, key) or 2 * _is_parent(table, other, column.name)
                if fit:
                    beside = (_BESIDE & concepts(other.name)) - concepts(column.name)
                    fit = (
                        10 * fit
                        - 15 * bool(beside)
                        + 10 * _belongs(table, other, column.name)
                        + 5 * ((key,) == other.at_source.primary_key)
                    )
                if fit and (overlap := self._overlap(table, column.name, other, key)) >= ENOUGH_OVERLAP:
                    found.append((fit, Reference(column.name, other, key, False, overlap)))
        found.sort(key=lambda item: (-item[0], -item[1].overlap, len(item[1].to_table.name)))
        return [reference for _, reference in found[:3]]

    def _overlap(self, table: Table, column: str, other: Table, key: str) -> float:
        """Return the share of the distinct values of a column, without null and 0, that the key has."""
        ours, theirs = quote_name(column), quote_name(key)
        values, met = one_row(
            self.catalogue.scratch,
            f"with ours as (select distinct {ours} as v from {table.view} where {ours} is not null and {ours} not in ('0', '')) "
            f"select count(*), count(*) filter (v in (select {theirs} from {other.view})) from ours",
        )
        if not values:
            return 1.0
        return 1.0 if not other.is_whole and met else float(met / values)


def keys_of(table: Table) -> list[str]:
    """Return the columns that name one row of a table each: its primary key, and unique ones that are called so."""
    declared = [c for c in (table.at_source.primary_key, *table.at_source.unique_keys) if len(c) == 1]
    named = [
        name
        for name, column in table.columns.items()
        if column.is_unique and column.kind in ("integer", "text") and not column.is_email
        and ("id" in concepts(name) or not concepts(name) - {"product", "customer", "order", "currency"})
    ]  # fmt: skip
    return list(dict.fromkeys([*(c[0] for c in declared if c[0] in table.columns), *named]))


def _stems(name: str) -> set[str]:
    return {word[:-1] if word.endswith("s") and len(word) > 3 else word for word in tokens(name)}


def _belongs(table: Table, other: Table, column: str) -> bool:
    """Whether a table is called after the other one, as purchase_order_line after purchase_order, beyond the column's word."""
    return len(_stems(other.name) & _stems(table.name) - _stems(column)) > 0 and _stems(other.name) <= _stems(
        table.name
    )


def _is_parent(table: Table, other: Table, column: str) -> bool:
    """Whether `parent_id` of a table of items names the document that they are items of."""
    own, theirs = _stems(table.name), _stems(other.name)
    return tokens(column)[0] == "parent" and len(tokens(column)) == 2 and theirs < own and len(own - theirs) == 1


def _fit(column: str, other: Table, key: str) -> int:
    """Return how well a column's name fits the key of a table: 3 same name, 2 the table's word, 1 its concept, 0 not."""
    own, words = (
        _stems(column),
        _stems(column) - {"id", "no", "nr", "key", "code", "number", "num", "nummer", "fk", "uuid"},
    )
    if column.lower() == key.lower() and words:
        return 3 if concepts(column) - _SHAPES or words else 0
    if own == _stems(key) and words:
        return 3
    table_words = _stems(other.name)
    if words and words <= table_words and len(words) >= max(1, len(table_words) - 2):
        return 2
    meant = concepts(column) - _SHAPES
    is_id = "id" in concepts(column) or column.lower() == other.name.lower()
    about = table_concepts(other.name) - _SHAPES
    # a column that names a product is no reference to its category
    if is_id and meant and meant <= about and not ({"category", "log", "refund", "payment", "address"} & about) - meant:
        return 1
    return 0
