"""A table of text, made once from published rows and shown as HTML, Markdown or in the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from clv_pipeline.reporting import formats, labels


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; `numeric` names the places of the columns that are aligned right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()


def of_records(records: Sequence[Mapping[str, object]]) -> Table:
    """Return published rows as a table; columns where every value is a number or null are numeric.

    >>> of_records([{"segment": "churn_risk", "customers": 1200}])
    Table(header=['segment', 'customers'], rows=[['churn risk', '1,200']], numeric=frozenset({1}))
    """
    names = list(records[0]) if records else []
    return Table(
        [labels.heading(name) for name in names],
        [[formats.cell(name, record[name]) for name in names] for record in records],
        frozenset(i for i, name in enumerate(names) if all(_is_number(record[name]) for record in records)),
    )


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))
