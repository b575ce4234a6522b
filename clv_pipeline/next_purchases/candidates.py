"""Candidates of a batch of customers, with the features of the ranker: their own items, and items that are new to them.

The features of both kinds see nothing on or after the cutoff of the history they are made from.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clv_pipeline.next_purchases.history import CUSTOMER_FIGURES, PAIR_FIGURES, Customers, Floats, Ints, Items
from clv_pipeline.next_purchases.similarity import Scorer, Scores

Kind = Literal["again", "new_to_them"]
KINDS: tuple[Kind, ...] = ("again", "new_to_them")
#: Candidates that are new to a customer, by each of popularity, neighbours and EASE.
_CANDIDATES = 90

_COMMON = ("near", "lately", "ease", "recent", "latest", "buyers", "last_year_buyers", "age_days", "repeats", "trend")
_CUSTOMER = tuple(f"customer_{name}" for name in CUSTOMER_FIGURES)
_OWN = ("orders", "days_since", "days_known", "decayed_90", "decayed_30", "last_year", "quantity")
#: The features of each kind, in the order in which the ranker takes them.
FEATURES: dict[Kind, tuple[str, ...]] = {
    "again": (*_COMMON, *_CUSTOMER, *_OWN, "overdue", "share_of_orders", "since_last_order"),
    "new_to_them": (*_COMMON, *_CUSTOMER, "price_ratio", "share_new"),
}


@dataclass(frozen=True)
class Candidates:
    """Pairs of a customer (position in its batch) and an item, sorted by customer, with the features and baseline scores.

    own_pair: position of the pair among the customer's purchases; only for `again`.
    """

    kind: Kind
    row: Ints
    item: Ints
    features: Floats
    baselines: dict[str, Floats]
    own_pair: Ints | None = None

    def at(self, positions: Ints) -> "Candidates":
        """Return the candidates at these positions."""
        return Candidates(
            self.kind, self.row[positions], self.item[positions], self.features[positions],
            {name: values[positions] for name, values in self.baselines.items()},
            None if self.own_pair is None else self.own_pair[positions],
        )  # fmt: skip


def find_candidates(
    customers: Customers, items: Items, columns: Ints, scorer: Scorer, learned: Collection[Kind] = KINDS
) -> dict[Kind, Candidates]:
    """Return the candidates of each kind among the items `columns`, ascending numbers, which the scorer is for.

    learned: the kinds with features; the others have only what their baseline needs, which costs next to nothing. Memory: a
    few dense matrices of len(customers.number) x len(columns); callers choose the batch.
    """
    scores = scorer.scores(customers) if learned else None
    place = np.full(len(items.buyers), -1)
    place[columns] = np.arange(len(columns))
    own = np.flatnonzero(place[customers.item] >= 0)
    return {
        "again": _again(customers, items, own, place, scores if "again" in learned else None),
        "new_to_them": _new_to_them(customers, items, columns, scores)
        if scores and "new_to_them" in learned
        else _popular(customers, items, columns),
    }


def _again(customers: Customers, items: Items, own: Ints, place: Ints, scores: Scores | None) -> Candidates:
    row, item = customers.row[own], customers.item[own]
    figures = {name: customers.column(name)[own] for name in PAIR_FIGURES}
    who = customers.facts[row]
    orders, since, known = (figures[name] for name in ("orders", "days_since", "days_known"))
    baselines = {
        # a share of the customer's orders: the same order of a customer's items, and comparable between customers
        "own_frequency": (orders + _tie(items)[item]) / (who[:, 0] + 1),
        "popularity": _popularity(items, item),
    }
    if scores is None:
        return Candidates("again", row, item, np.zeros((len(row), 0), dtype=np.float32), baselines, own)
    near, lately, linear = (matrix[row, place[item]] for matrix in (scores.near, scores.lately, scores.linear))
    features = [
        *_common(items, item, near, lately, linear),
        *who.T,
        *(figures[name] for name in _OWN),
        since * orders / (known + 1),
        orders / who[:, 0],
        since - who[:, 1],
    ]
    baselines |= {"item_neighbours": near, "ease": linear}
    return Candidates("again", row, item, np.column_stack(features).astype(np.float32), baselines, own)


def _popular(customers: Customers, items: Items, columns: Ints) -> Candidates:
    """Return the most popular items that each customer has not bought, without features."""
    most = np.sort(columns[_most_popular(items, columns)])
    row, column = np.nonzero(~_bought(customers, len(items.buyers), most))
    item = most[column]
    baselines = {"popularity": _popularity(items, item)}
    return Candidates("new_to_them", row, item, np.zeros((len(row), 0), dtype=np.float32), baselines)


def _new_to_them(customers: Customers, items: Items, columns: Ints, scores: Scores) -> Candidates:
    bought = _bought(customers, len(items.buyers), columns)
    near, linear = np.where(bought, 0, scores.near), np.where(bought, -np.inf, scores.linear)
    chosen = np.zeros(near.shape, dtype=bool)
    chosen[:, _most_popular(items, columns)] = True
    most = min(_CANDIDATES, len(columns))
    for score in (near, linear):
        if 0 < most < len(columns):
            np.put_along_axis(chosen, np.argpartition(-score, most - 1, axis=1)[:, :most], True, 1)
    row, column = np.nonzero(chosen & ~bought)
    item = columns[column]
    near_of, linear_of = near[row, column], linear[row, column]
    habit = customers.facts[row]
    features = np.column_stack(
        [
            *_common(items, item, near_of, scores.lately[row, column], linear_of),
            *habit.T,
            _usual_price(customers)[row] / items.price[item],
            habit[:, 3] / (habit[:, 0] * habit[:, 4]),
        ]
    )
    highest = np.maximum(np.where(bought, 0, linear).max(axis=1, initial=0), 1e-9)
    popular = items.recent[item] / max(float(items.recent[columns].max(initial=0)), 1)
    baselines = {
        "popularity": _popularity(items, item),
        "item_neighbours": near_of + 1e-6 * _tie(items)[item],
        "ease_with_popularity": linear_of / highest[row] + 0.3 * popular,
    }
    return Candidates("new_to_them", row, item, features.astype(np.float32), baselines)


def _most_popular(items: Items, columns: Ints) -> Ints:
    """Return the positions in `columns` of the items with the most buyers lately."""
    return np.argsort(-items.recent[columns], kind="stable")[:_CANDIDATES]


def _bought(customers: Customers, items: int, columns: Ints) -> NDArray[np.bool_]:
    """Return whether each customer has bought the item of each column, customers x columns."""
    place = np.full(items, -1)
    place[columns] = np.arange(len(columns))
    pairs = np.flatnonzero(place[customers.item] >= 0)
    bought = np.zeros((len(customers.number), len(columns)), dtype=bool)
    bought[customers.row[pairs], place[customers.item[pairs]]] = True
    return bought


def _common(items: Items, item: Ints, near: Floats, lately: Floats, linear: Floats) -> list[Floats]:
    return [
        near, lately, linear, items.recent[item], items.latest[item], items.buyers[item], items.last_year[item],
        items.age_days[item], items.repeats[item], items.latest[item] / (items.recent[item] + 1),
    ]  # fmt: skip


def _usual_price(customers: Customers) -> Floats:
    """Return the mean price of a unit of each customer's items; nan where no price is known."""
    price = customers.column("price")
    known = np.isfinite(price)
    count = np.bincount(customers.row[known], minlength=len(customers.number))
    total = np.bincount(customers.row[known], price[known], minlength=len(customers.number))
    mean = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return np.asarray(mean, dtype=np.float32)


def _popularity(items: Items, item: Ints) -> Floats:
    """Return the share of the last days' customers who bought each item."""
    return np.asarray(items.recent[item] / max(items.active, 1), dtype=np.float32)


def _tie(items: Items) -> Floats:
    """Return what decides between equal scores: popularity, always below 0.001."""
    return np.asarray(items.recent / max(float(items.recent.max(initial=0)), 1) * 1e-3, dtype=np.float32)
