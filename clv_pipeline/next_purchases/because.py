"""Why an item is suggested, as text with figures, and whether it is a step up from what the customer buys.

Only items with enough buyers are named, neither a denied one nor one that a few customers share.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clv_pipeline.next_purchases.candidates import Candidates
from clv_pipeline.next_purchases.examples import Catalogue
from clv_pipeline.next_purchases.history import RECENT_DAYS, Customers, Floats, Ints

#: A price is clearly higher from this ratio on; beyond the second the item is another kind of thing, not a better version.
_STEP_UP, _ANOTHER_KIND = 1.2, 3.0

Texts = NDArray[np.object_]


@dataclass(frozen=True)
class Grounds:
    """One entry per suggestion: the facts in words, the step or None, and the price that the step is judged by."""

    because: Texts
    step: Texts
    compared_price: Floats


def of_again(found: Candidates, customers: Customers, catalogue: Catalogue, level: str) -> Grounds:
    """Return the grounds of own items. A category is a step up for a customer who pays clearly less there than is usual."""
    assert found.own_pair is not None
    figures = {name: customers.column(name)[found.own_pair] for name in ("orders", "days_since", "price")}
    because = [
        f"bought {_times(int(orders))}, {'last ' if orders > 1 else ''}{_days_ago(int(days))}"
        for orders, days in zip(figures["orders"], figures["days_since"], strict=True)
    ]
    if level == "product":
        nothing = np.full(len(because), np.nan, dtype=np.float32)
        return Grounds(np.array(because, dtype=object), np.full(len(because), "repeat", dtype=object), nothing)
    usual, own = catalogue.items.price[found.item], figures["price"]
    step = np.where(usual >= _STEP_UP * own, "step_up", "repeat").astype(object)
    step[~(np.isfinite(usual) & np.isfinite(own))] = None
    return Grounds(np.array(because, dtype=object), step, own)


def of_new(
    found: Candidates, customers: Customers, catalogue: Catalogue, level: str, names: list[str], nameable: Ints, support: int
) -> Grounds:  # fmt: skip
    """Return the grounds of new items: the own item they are bought with most, or their popularity.

    A product is a step up where its price is clearly above that of this own product, and not so far that it is another
    kind of thing. nameable: the items that may be named; support: customers that must have bought both.
    """
    neighbour, together = _strongest_own(found, customers, catalogue, nameable, support)
    recent = catalogue.items.recent[found.item]
    because = [
        f"customers who bought {names[own]} also buy this (support {both:.0f})"
        if own >= 0
        else f"bought by {buyers:.0f} customers in the last {RECENT_DAYS} days"
        for own, both, buyers in zip(neighbour, together, recent, strict=True)
    ]
    step: Any = np.full(len(because), "new", dtype=object)
    compared = np.full(len(because), np.nan, dtype=np.float32)
    if level == "product":
        compared = np.where(neighbour >= 0, catalogue.items.price[neighbour], np.nan).astype(np.float32)
        ratio = catalogue.items.price[found.item] / compared
        step[(ratio >= _STEP_UP) & (ratio <= _ANOTHER_KIND)] = "step_up"
        step[(neighbour >= 0) & ~np.isfinite(ratio)] = None
    return Grounds(np.array(because, dtype=object), step, compared)


def _strongest_own(
    found: Candidates, customers: Customers, catalogue: Catalogue, nameable: Ints, support: int
) -> tuple[Ints, Floats]:
    """Return for each suggestion the own item that is most similar to it, -1 without one, and the customers with both."""
    neighbours, together = catalogue.similarity.neighbours, catalogue.similarity.together
    near, both = neighbours[found.item], together[found.item]
    pair = np.repeat(np.arange(len(found.item)), np.diff(near.indptr))
    items = neighbours.shape[0]
    own = np.isin(found.row[pair] * items + near.indices, customers.row * items + customers.item)
    own &= np.isin(near.indices, nameable) & (both.data >= support)
    strongest = np.full(len(found.item), -1, dtype=np.int64)
    count = np.zeros(len(found.item), dtype=np.float32)
    order = np.argsort(near.data[own], kind="stable")  # the last one written is the most similar
    strongest[pair[own][order]] = near.indices[own][order]
    count[pair[own][order]] = both.data[own][order]
    return strongest, count


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _days_ago(days: int) -> str:
    return "yesterday" if days == 1 else f"{days:,} days ago"
