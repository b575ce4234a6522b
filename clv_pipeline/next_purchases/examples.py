"""Candidates of past windows with what was bought in them: what a ranker is fitted to and judged on."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from clv_pipeline.next_purchases.candidates import KINDS, Candidates, Kind, find_candidates
from clv_pipeline.next_purchases.history import (
    Customers,
    Floats,
    Ints,
    Items,
    read_buyers,
    read_customers,
    read_items,
    read_outcomes,
)
from clv_pipeline.next_purchases.similarity import MOST_CUSTOMERS, Scorer, Similarity, measure_similarity
from clv_pipeline.warehouse.connection import Connection

#: Buyers of a window that a ranker is fitted to, and judged on: with 3,000 instead of 1,500 of Online Retail II the recall of
#: new products rose by .003.
_MOST_BUYERS = 3_000
#: Entries of one dense matrix of customers x items.
_ENTRIES = 2_000_000
_MOST_ROWS = 5_000
#: A cutoff needs as much history before it as a horizon, at most this.
_HISTORY_DAYS = 90


@dataclass(frozen=True)
class Rules:
    """Which items may be suggested: those with enough buyers ever, and, unless switched off, sold in the last 60 days."""

    least_buyers: int = 20
    sold_lately: bool = True


PUBLISHED_RULES = Rules()


@dataclass(frozen=True)
class Examples:
    """The candidates of one kind in one window.

    row: position of the customer, ascending; bought: 1 if the item was bought in the window, else 0; wanted: for each
    customer the number of suggestible items of this kind that were bought.
    """

    row: Ints
    features: Floats
    baselines: dict[str, Floats]
    bought: Floats
    wanted: Floats

    @classmethod
    def joined(cls, parts: Sequence["Examples"]) -> "Examples":
        """Return the examples of different customers as one."""
        first = np.cumsum([0, *(len(part.wanted) for part in parts)])
        return cls(
            np.concatenate([part.row + start for part, start in zip(parts, first, strict=False)]),
            np.vstack([part.features for part in parts]),
            {name: np.concatenate([part.baselines[name] for part in parts]) for name in parts[0].baselines},
            np.concatenate([part.bought for part in parts]),
            np.concatenate([part.wanted for part in parts]),
        )

    def of_customers(self, keep: Ints) -> "Examples":
        """Return the examples of the customers at these positions, ascending."""
        position = np.full(len(self.wanted), -1)
        position[keep] = np.arange(len(keep))
        rows = position[self.row] >= 0
        baselines = {name: values[rows] for name, values in self.baselines.items()}
        return Examples(position[self.row[rows]], self.features[rows], baselines, self.bought[rows], self.wanted[keep])


@dataclass(frozen=True)
class Catalogue:
    """Facts and similarity of the items before a cutoff, and the numbers of those that may be suggested."""

    items: Items
    similarity: Similarity
    columns: Ints

    @classmethod
    def before(cls, connection: Connection, cutoff: date, horizon_days: int, rules: Rules) -> "Catalogue":
        items = read_items(connection, cutoff, horizon_days)
        sample = read_customers(connection, cutoff, horizon_days, (0, MOST_CUSTOMERS - 1))
        similarity = measure_similarity(sample, len(items.buyers), rules.least_buyers)
        return cls(items, similarity, items.suggestible(rules.least_buyers, rules.sold_lately))

    def batches(self, customers: Customers) -> Iterator[Customers]:
        """Yield the customers in batches small enough for dense matrices of customers x suggestible items."""
        size = int(np.clip(_ENTRIES // max(len(self.columns), 1), 1, _MOST_ROWS))
        yield from (customers.part(first, first + size) for first in range(0, len(customers.number), size))

    @cached_property
    def scorer(self) -> Scorer:
        """What scores the suggestible items, made once for all batches."""
        return self.similarity.towards(self.columns)

    def candidates(self, customers: Customers, learned: Collection[Kind] = KINDS) -> dict[Kind, Candidates]:
        """Return the candidates of a batch of customers; see `find_candidates`."""
        return find_candidates(customers, self.items, self.columns, self.scorer, learned)


def closed_windows(as_of: date, first_sale: date, horizon_days: int, most: int = 3) -> list[date]:
    """Return the first days of the last windows that are over, newest first; they do not overlap.

    >>> [str(day) for day in closed_windows(date(2024, 7, 1), date(2023, 9, 1), 90)]
    ['2024-04-02', '2024-01-03']
    """
    horizon = timedelta(days=horizon_days)
    earliest = first_sale + timedelta(days=min(horizon_days, _HISTORY_DAYS))
    return [as_of - k * horizon for k in range(1, most + 1) if as_of - k * horizon >= earliest]


def read_examples(connection: Connection, cutoff: date, horizon_days: int, rules: Rules) -> dict[Kind, Examples] | None:
    """Return the examples of the window after the cutoff, among customers who bought in it; None if there are none."""
    catalogue = Catalogue.before(connection, cutoff, horizon_days, rules)
    buyers = read_buyers(connection, cutoff, horizon_days, _MOST_BUYERS)
    if len(catalogue.columns) < 2 or not len(buyers):
        return None
    parts: dict[Kind, list[Examples]] = {kind: [] for kind in KINDS}
    for batch in catalogue.batches(read_customers(connection, cutoff, horizon_days, buyers)):
        outcomes = _outcomes(connection, cutoff, horizon_days, batch, catalogue)
        for kind, found in catalogue.candidates(batch).items():
            parts[kind].append(_examples(found, batch, outcomes))
    return {kind: Examples.joined(found) for kind, found in parts.items()}


def _outcomes(
    connection: Connection, cutoff: date, horizon_days: int, customers: Customers, catalogue: Catalogue
) -> sp.csr_matrix:
    """Return what was bought of the suggestible items, customers x items."""
    row, item = read_outcomes(connection, cutoff, horizon_days, customers)
    there = np.isin(item, catalogue.columns)
    shape = (len(customers.number), len(catalogue.items.buyers))
    return sp.csr_matrix((np.ones(int(there.sum()), dtype=np.float32), (row[there], item[there])), shape=shape)


def _examples(found: Candidates, customers: Customers, outcomes: sp.csr_matrix) -> Examples:
    own = customers.matrix(np.ones(len(customers.item), dtype=np.float32), outcomes.shape[1])
    again = np.asarray(outcomes.multiply(own).sum(axis=1)).ravel()
    wanted = again if found.kind == "again" else np.asarray(outcomes.sum(axis=1)).ravel() - again
    bought = np.asarray(outcomes[found.row, found.item]).ravel()
    return Examples(found.row, found.features, found.baselines, bought.astype(np.float32), wanted.astype(np.float32))
