"""Purchases before a cutoff, from the temporary table `next_lines`: what each customer bought, and facts about each item.

Items are numbered in their own order, customers in a fixed random order, so that the first customers are a sample. How
`next_lines` is made from the clean orders is in `lines.py`.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from clv_pipeline.warehouse.connection import Connection, one_row

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

#: Popularity counts the buyers of the last days; an item that was not sold for as long is out.
RECENT_DAYS = 60
_LATEST_DAYS = 14
_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Items:
    """Facts about each item before a cutoff, one entry per item number.

    buyers: customers who ever bought it; recent, latest: in the last 60 and 14 days; last_year: in the window of the horizon
    a year before; window: in the last window of the horizon, among customers known at its beginning; known: number of
    these; active: customers who bought anything in the last 60 days; age_days: since its first sale; repeats: orders per
    buyer; price: usual price of a unit in the last year, nan if unknown; spend: mean spend per buyer in the last window.
    """

    buyers: Floats
    recent: Floats
    latest: Floats
    last_year: Floats
    window: Floats
    age_days: Floats
    repeats: Floats
    price: Floats
    spend: Floats
    known: int
    active: int

    def suggestible(self, least_buyers: int, sold_lately: bool = True) -> Ints:
        """Return the numbers of the items that may be suggested: enough buyers, and sold in the last 60 days."""
        allowed = self.buyers >= least_buyers
        return np.flatnonzero(allowed & (self.recent > 0) if sold_lately else allowed)


@dataclass(frozen=True)
class Customers:
    """A batch of customers before a cutoff: their facts, one entry each, and the items they bought, one entry per pair.

    Pairs are sorted by customer and item; `row` is the position of the pair's customer in the batch.
    """

    number: Ints
    facts: Floats
    row: Ints
    item: Ints
    pairs: Floats

    def column(self, name: str) -> Floats:
        """Return one figure of every pair."""
        return self.pairs[:, PAIR_FIGURES.index(name)]

    def part(self, first: int, end: int) -> "Customers":
        """Return the customers at positions first to end - 1."""
        pairs = slice(*np.searchsorted(self.row, [first, end]))
        return Customers(
            self.number[first:end], self.facts[first:end], self.row[pairs] - first, self.item[pairs], self.pairs[pairs]
        )

    def matrix(self, values: Floats, items: int) -> sp.csr_matrix:
        """Return the pairs as a sparse matrix, customers x items."""
        return sp.csr_matrix((values, (self.row, self.item)), shape=(len(self.number), items))


#: Figures of a customer: orders, days since the last and the first, items, lines per order.
CUSTOMER_FIGURES = ("orders", "days_since", "days_known", "items", "lines_per_order")
#: Figures of a customer's item: orders, days since the last and the first, orders decayed with half-lives of 90 and 30
#: days, whether it was bought in the window a year before, units and spend per order.
PAIR_FIGURES = (
    "orders",
    "days_since",
    "days_known",
    "decayed_90",
    "decayed_30",
    "last_year",
    "quantity",
    "spend",
    "price",
)


def read_items(connection: Connection, cutoff: date, horizon_days: int) -> Items:
    """Return the facts of every item before the cutoff."""
    window = timedelta(days=horizon_days)
    frame = connection.execute(
        """
        with known as (
            select customer_code, min(order_date) as first_date from next_lines where order_date < $cutoff group by all
        )
        select next_items.item_code,
            count(distinct next_lines.customer_code) as buyers,
            count(distinct next_lines.customer_code) filter (order_date >= $recent) as recent,
            count(distinct next_lines.customer_code) filter (order_date >= $latest) as latest,
            count(distinct next_lines.customer_code) filter (order_date >= $year and order_date < $year_end) as last_year,
            count(distinct next_lines.customer_code) filter (order_date >= $window and known.first_date < $window) as in_window,
            coalesce(date_diff('day', min(order_date), $cutoff), 0) as age_days,
            count(next_lines.customer_code) / greatest(count(distinct next_lines.customer_code), 1) as repeats,
            median(unit_price) filter (order_date >= $recent_year) as price,
            sum(spend) filter (order_date >= $window)
                / nullif(count(distinct next_lines.customer_code) filter (order_date >= $window), 0) as spend
        from next_items
        left join next_lines on next_items.item_code = next_lines.item_code and next_lines.order_date < $cutoff
        left join known on next_lines.customer_code = known.customer_code
        group by next_items.item_code
        order by next_items.item_code
        """,
        {
            "cutoff": cutoff,
            "recent": cutoff - timedelta(days=RECENT_DAYS),
            "latest": cutoff - timedelta(days=_LATEST_DAYS),
            "window": cutoff - window,
            "year": cutoff - _YEAR,
            "year_end": cutoff - _YEAR + window,
            "recent_year": cutoff - _YEAR,
        },
    ).fetchnumpy()
    known, active = one_row(
        connection,
        """
        select count(distinct customer_code) filter (order_date < $window),
            count(distinct customer_code) filter (order_date >= $recent)
        from next_lines where order_date < $cutoff
        """,
        {"window": cutoff - window, "recent": cutoff - timedelta(days=RECENT_DAYS), "cutoff": cutoff},
    )

    def values(name: str, missing: float) -> Floats:
        return np.ma.filled(np.ma.asarray(frame[name], dtype=np.float32), missing)

    return Items(
        buyers=values("buyers", 0), recent=values("recent", 0), latest=values("latest", 0), last_year=values("last_year", 0),
        window=values("in_window", 0), age_days=values("age_days", 0), repeats=values("repeats", 0),
        price=values("price", np.nan), spend=values("spend", 0), known=int(known), active=int(active),
    )  # fmt: skip


def read_customers(connection: Connection, cutoff: date, horizon_days: int, which: Ints | tuple[int, int]) -> Customers:
    """Return customers with a purchase before the cutoff: those of these numbers, or those of a range of numbers."""
    parameters: dict[str, object] = {
        "cutoff": cutoff,
        "year": cutoff - _YEAR,
        "year_end": cutoff - _YEAR + timedelta(days=horizon_days),
    }
    if isinstance(which, tuple):
        condition = "customer_code between $first and $last"
        parameters |= {"first": which[0], "last": which[1]}
    else:
        condition = "customer_code in (select unnest($codes))"
        parameters |= {"codes": which.tolist()}
    pairs = connection.execute(
        f"""
        select customer_code, item_code,
            count(*) as orders,
            date_diff('day', max(order_date), $cutoff) as days_since,
            date_diff('day', min(order_date), $cutoff) as days_known,
            sum(pow(0.5, date_diff('day', order_date, $cutoff) / 90.0)) as decayed_90,
            sum(pow(0.5, date_diff('day', order_date, $cutoff) / 30.0)) as decayed_30,
            count(*) filter (order_date >= $year and order_date < $year_end) as last_year,
            coalesce(avg(quantity), 1) as quantity,
            avg(spend) as spend,
            median(unit_price) as price
        from next_lines
        where order_date < $cutoff and {condition}
        group by customer_code, item_code
        order by customer_code, item_code
        """,
        parameters,
    ).fetchnumpy()
    del parameters["year"], parameters["year_end"]
    customers = connection.execute(
        f"""
        select customer_code,
            count(distinct order_key) as orders,
            date_diff('day', max(order_date), $cutoff) as days_since,
            date_diff('day', min(order_date), $cutoff) as days_known,
            count(distinct item_code) as items,
            count(*) / count(distinct order_key) as lines_per_order
        from next_lines
        where order_date < $cutoff and {condition}
        group by customer_code
        order by customer_code
        """,
        parameters,
    ).fetchnumpy()
    number = np.asarray(customers["customer_code"], dtype=np.int64)
    return Customers(
        number,
        _stacked(customers, CUSTOMER_FIGURES),
        np.searchsorted(number, np.asarray(pairs["customer_code"], dtype=np.int64)),
        np.asarray(pairs["item_code"], dtype=np.int64),
        _stacked(pairs, PAIR_FIGURES),
    )


def _stacked(columns: dict[str, Any], names: tuple[str, ...]) -> Floats:
    found = [np.ma.filled(np.ma.asarray(columns[name], dtype=np.float32), np.nan) for name in names]
    return np.column_stack(found) if len(found[0]) else np.zeros((0, len(names)), dtype=np.float32)


def read_buyers(connection: Connection, cutoff: date, horizon_days: int, most: int) -> Ints:
    """Return the first `most` numbers of customers known at the cutoff who bought in the window after it."""
    rows = connection.execute(
        """
        select customer_code from next_lines group by customer_code
        having min(order_date) < $cutoff and count(*) filter (order_date >= $cutoff and order_date < $until) > 0
        order by customer_code limit $most
        """,
        {"cutoff": cutoff, "until": cutoff + timedelta(days=horizon_days), "most": most},
    ).fetchnumpy()
    return np.asarray(rows["customer_code"], dtype=np.int64)


def read_outcomes(connection: Connection, cutoff: date, horizon_days: int, customers: Customers) -> tuple[Ints, Ints]:
    """Return (row, item) of what these customers bought in the window after the cutoff."""
    rows = connection.execute(
        """
        select distinct customer_code, item_code from next_lines
        where order_date >= $cutoff and order_date < $until and customer_code in (select unnest($codes))
        order by customer_code, item_code
        """,
        {"cutoff": cutoff, "until": cutoff + timedelta(days=horizon_days), "codes": customers.number.tolist()},
    ).fetchnumpy()
    row = np.searchsorted(customers.number, np.asarray(rows["customer_code"], dtype=np.int64))
    return row, np.asarray(rows["item_code"], dtype=np.int64)
