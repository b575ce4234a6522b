"""Page one of the report: five questions of a head of marketing, answered in sentences from the tables of a bundle.

The sections behind them are in `bundle_report.py`; the dashboard's overview shows the same answers.
"""

from dataclasses import dataclass

from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection


@dataclass(frozen=True)
class Statement:
    """One or two sentences with rounded figures, and the published tables that they are from."""

    text: str
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The answer to one question: a headline in bold, statements below it, and a short table where a list says more."""

    question: str
    headline: Statement
    statements: list[Statement]
    table: Table | None = None


def of_bundle(connection: Connection) -> list[Answer]:
    """Return the five answers from an open bundle, in the order in which they are asked."""
    raise NotImplementedError
