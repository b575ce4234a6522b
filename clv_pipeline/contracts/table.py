"""Table and column as Python declares them, and the columns that several tables share.

The declarations are in `warehouse.py` and `model_tables.py`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class Column:
    """One column of a table; a name with {h} means one column per horizon."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """One table that Python writes.

    grain: the meaning of a row, after "One row per". assets: those whose steps write it, as `layer/name`; who reads it depends
    on them. modules: the only ones that may create or fill it. is_history: whether it has rows of earlier nights, so
    reading it creates no dependency on another step of the same run.
    """

    name: str
    grain: str
    assets: tuple[str, ...]
    modules: tuple[str, ...]
    columns: tuple[Column, ...]
    is_history: bool = False

    def meaning_of(self, column: str) -> str | None:
        """Return the meaning of a column, including one of a horizon such as `btyd_spend_90d`; None for an unknown one.

        >>> spend = Column("spend_{h}d", "double", "spend in {h} days")
        >>> Table("t", "customer", (), (), (spend,)).meaning_of("spend_90d")
        'spend in 90 days'
        """
        horizons = [int(days) for days in re.findall(r"_(\d+)d$", column)]
        return next((c.meaning for c in self.columns_for(horizons) if c.name == column), None)

    def column_names(self) -> list[str]:
        """Return the names of the columns of a table without columns per horizon."""
        return [column.name for column in self.columns]

    def columns_for(self, horizons: Sequence[int] = ()) -> list[Column]:
        """Return the columns in order, with each group of {h} columns repeated per horizon.

        >>> spend = Column("spend_{h}d", "double", "spend in {h} days")
        >>> [column.name for column in Table("t", "customer", (), (), (spend,)).columns_for([30, 90])]
        ['spend_30d', 'spend_90d']
        """
        found: list[Column] = []
        for is_repeated, group in groupby(self.columns, lambda column: "{h}" in column.name):
            columns = list(group)
            if not is_repeated:
                found += columns
                continue
            for days in horizons:
                found += [
                    Column(*(text.replace("{h}", str(days)) for text in (c.name, c.type, c.meaning))) for c in columns
                ]
        return found


def declare(
    name: str,
    grain: str,
    assets: str | tuple[str, ...],
    modules: str | tuple[str, ...],
    **columns: tuple[str, str],
) -> Table:
    """Return a table whose columns are name=(type, meaning); _HORIZON in a name means one column per horizon.

    >>> declare("t", "customer", "raw/t", "t.py", spend_HORIZON=("double", "money")).column_names()
    ['spend_{h}d']
    """
    return Table(
        name,
        grain,
        (assets,) if isinstance(assets, str) else assets,
        (modules,) if isinstance(modules, str) else modules,
        tuple(Column(column.replace("_HORIZON", "_{h}d"), *declared) for column, declared in columns.items()),
    )


HORIZON = ("integer", "length of the predicted window in days, from the cutoff")
TARGET_OF_HORIZON = ("varchar", "the target with its horizon")
CANDIDATE = ("varchar", "the candidate, or champion_so_far for the reigning champion's recipe")
LOW, HIGH = ("double", "lower end of the 90 % bootstrap interval"), ("double", "upper end")
FAMILY = ("varchar", "the feature family")
IN_WORDS = ("varchar", "readable label")
