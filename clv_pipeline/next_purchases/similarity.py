"""Items that the same customers buy: the nearest neighbours of each item, and EASE on the most bought items.

EASE (Steck 2019) is a linear model from all that a customer bought to each item, with a zero diagonal, in closed form.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lapack

from clv_pipeline.next_purchases.history import Customers, Floats, Ints

#: Customers that similarity is counted among; more add time, not accuracy.
MOST_CUSTOMERS = 20_000
#: Above this many items a dense matrix of items x items costs more than the whole ranker.
_EASE_ITEMS = 2_500
_NEIGHBOURS = 60
_SHRINKAGE = 10.0
_EASE_PENALTY = 300.0
#: Entries of a dense block of items x items.
_ENTRIES = 2_000_000


@dataclass(frozen=True)
class Scores:
    """Dense matrices, customers x items: neighbours of what was bought in the last months, in the last weeks, and EASE."""

    near: Floats
    lately: Floats
    linear: Floats


@dataclass(frozen=True)
class Similarity:
    """Neighbours of items (similarity and number of customers who bought both), and EASE's weights among `ease_items`."""

    neighbours: sp.csr_matrix
    together: sp.csr_matrix
    ease_items: Ints
    ease: Floats

    def towards(self, columns: Ints) -> "Scorer":
        """Return what scores the items of `columns` for any customer."""
        position = np.full(self.neighbours.shape[0], -1)
        position[self.ease_items] = np.arange(len(self.ease_items))
        there = np.flatnonzero(position[columns] >= 0)
        ease = self.ease[:, position[columns[there]]]
        return Scorer(sp.csr_matrix(self.neighbours[columns].T), self.ease_items, there, ease)


@dataclass(frozen=True)
class Scorer:
    """The similarity from each item to the items of some columns: of neighbours, items x columns, and EASE's weights from
    `ease_items` to those columns that EASE knows, at the positions `ease_columns`.
    """

    neighbours: sp.csr_matrix
    ease_items: Ints
    ease_columns: Ints
    ease: Floats

    def scores(self, customers: Customers) -> Scores:
        """Return the scores of every customer and column."""
        items = self.neighbours.shape[0]

        def near(half_life: str) -> Floats:
            bought = customers.matrix(customers.column(half_life), items)
            return np.asarray((bought @ self.neighbours).toarray(), dtype=np.float32)

        bought = customers.matrix(np.ones(len(customers.item), dtype=np.float32), items)[:, self.ease_items]
        linear = np.zeros((len(customers.number), self.neighbours.shape[1]), dtype=np.float32)
        linear[:, self.ease_columns] = bought @ self.ease
        return Scores(near("decayed_90"), near("decayed_30"), linear)


def measure_similarity(customers: Customers, items: int, least_buyers: int) -> Similarity:
    """Return the similarity of items among these customers; items with fewer buyers than `least_buyers` have none."""
    bought = customers.matrix(np.ones(len(customers.item), dtype=np.float32), items)
    buyers = np.asarray(bought.sum(axis=0)).ravel()
    used = np.flatnonzero(buyers >= least_buyers)
    few = sp.csr_matrix(bought[:, used])
    transposed = sp.csr_matrix(few.T)
    rows, columns, near, both = [], [], [], []
    at_once = max(_ENTRIES // max(len(used), 1), 1)
    for first in range(0, len(used), at_once):
        block = (transposed[first : first + at_once] @ few).toarray()
        own = np.arange(first, first + len(block))
        similar = block / (np.sqrt(np.outer(buyers[used[own]], buyers[used])) + _SHRINKAGE)
        similar[np.arange(len(block)), own] = 0
        keep = min(_NEIGHBOURS, similar.shape[1])
        best = np.argpartition(-similar, keep - 1, axis=1)[:, :keep]
        value = np.take_along_axis(similar, best, 1)
        row, place = np.nonzero(value > 0)
        rows.append(used[own[row]])
        columns.append(used[best[row, place]])
        near.append(value[row, place])
        both.append(block[row, best[row, place]])
    shape = (items, items)
    where = (_joined(rows, np.int64), _joined(columns, np.int64))
    most_bought = used[np.sort(np.argsort(-buyers[used], kind="stable")[:_EASE_ITEMS])]
    matrices = [sp.csr_matrix((_joined(parts, np.float32), where), shape=shape) for parts in (near, both)]
    for matrix in matrices:
        matrix.sort_indices()  # so that the entries of both stand in the same order
    neighbours, together = matrices
    return Similarity(
        neighbours,
        together,
        most_bought,
        _ease(sp.csr_matrix(bought[:, most_bought])),
    )


def _joined(parts: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(parts).astype(kind) if parts else np.zeros(0, dtype=kind)


def _ease(bought: sp.csr_matrix) -> Floats:
    if bought.shape[1] == 0:
        return np.zeros((0, 0), dtype=np.float32)
    gram = (bought.T @ bought).toarray().astype(np.float32)
    gram[np.diag_indices_from(gram)] += _EASE_PENALTY
    # Cholesky: a third of the operations of a general inverse
    factor, _ = lapack.spotrf(gram, lower=1)
    inverse, _ = lapack.spotri(factor, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return np.asarray(weights, dtype=np.float32)
