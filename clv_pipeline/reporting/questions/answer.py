"""The shape of an answer: sentences with rounded figures, each with the tables that it is from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from clv_pipeline.reporting.tables import Table


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
    statements: list[Statement] = field(default_factory=list)
    table: Table | None = None


def listed(items: Sequence[str]) -> str:
    """Return items as a person lists them.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))
