"""Tonight's lists: the champion's ranker and what was bought before as_of in; up to five items of each kind per customer out.

No ranker is fitted or judged here. Customers are read and written in batches, so memory does not grow with their number.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clv_pipeline.contracts.warehouse import NEXT_PURCHASE_QUALITY, NEXT_PURCHASES
from clv_pipeline.core.settings import Settings
from clv_pipeline.modeling.registry.artefacts import read_checked
from clv_pipeline.modeling.registry.registry import Manifest, Registry
from clv_pipeline.next_purchases import because
from clv_pipeline.next_purchases.calibration import Array
from clv_pipeline.next_purchases.candidates import KINDS, Candidates, Kind
from clv_pipeline.next_purchases.examples import PUBLISHED_RULES, Catalogue
from clv_pipeline.next_purchases.history import RECENT_DAYS, Customers, Floats, Ints, read_customers
from clv_pipeline.next_purchases.lines import choose_level, drop_lines, read_items_of, read_labels, write_lines
from clv_pipeline.next_purchases.ranker import LEARNED, Ranker, is_file_of_ranker
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, one_row

#: Length of a published list.
LIST_LENGTH = 5
_READ_AT_ONCE = 20_000
#: A customer's own spend on an item counts as much as the average of its buyers when it is based on this many orders.
_PRIOR_ORDERS = 2


def score_next_purchases(
    warehouse: Warehouse, settings: Settings, registry: Registry, manifest: Manifest
) -> str | None:
    """Replace `scores.next_purchases` and `scores.next_purchase_quality`; return why there are no lists, or None.

    Raises:
        ArtefactError: a file of the ranker differs from the manifest.
    """
    ranker = load_ranker(registry, manifest)
    with warehouse.transaction() as connection:
        tables.create(connection, NEXT_PURCHASES)
        why = _why_none(connection, manifest, ranker)
        if why is None and ranker is not None:
            why = _write_lists(connection, settings, ranker)
        _write_quality(connection, settings, ranker, why)
        return why


def load_ranker(registry: Registry, manifest: Manifest) -> Ranker | None:
    """Return the ranker of a version, or None if it has none that this release can use; see `read_checked` for errors."""
    folder = registry.folder / manifest.version
    return Ranker.load(
        {
            name: read_checked(folder / name, digest)
            for name, digest in manifest.files.items()
            if is_file_of_ranker(name)
        }
    )


def denied_items(names: list[str], patterns: tuple[str, ...]) -> Ints:
    """Return the numbers of the items whose name matches a pattern of the setting `denied_categories`.

    >>> denied_items(["Garden", "Health: heart"], ("Health*",)).tolist()
    [1]
    """
    return np.flatnonzero([any(fnmatchcase(name, pattern) for pattern in patterns) for name in names])


def _why_none(connection: Connection, manifest: Manifest, ranker: Ranker | None) -> str | None:
    if ranker is None:
        return f"the model version {manifest.version} has no ranker of next purchases: the next training fits one"
    level = choose_level(connection)
    if level.name is None or ranker.level is None:
        return level.why_none or ranker.why_none
    if level.name != ranker.level:
        return f"the ranker was fitted to {ranker.level} names, and the source now names the {level.name}"
    return None


def _write_lists(connection: Connection, settings: Settings, ranker: Ranker) -> str | None:
    """Append tonight's lists; return the reason if there is nothing to suggest."""
    level, rules = choose_level(connection), PUBLISHED_RULES
    write_lines(connection, level)
    (as_of,) = one_row(connection, "select as_of from raw.extraction")
    names = read_items_of(connection)
    denied = denied_items(names, settings.denied_categories)
    whole = Catalogue.before(connection, as_of, ranker.horizon_days, rules)
    catalogue = replace(whole, columns=np.setdiff1d(whole.columns, denied))
    nameable = np.setdiff1d(whole.items.suggestible(rules.least_buyers, sold_lately=False), denied)
    why = None
    if len(catalogue.columns) < 2:
        why = (
            f"fewer than two {'categories' if level.name == 'category' else 'products'} may be suggested: bought by "
            f"{rules.least_buyers} customers, sold in the last {RECENT_DAYS} days, not denied"
        )
    else:
        labels = read_labels(connection, level)
        writer = _Writer(ranker, catalogue, settings.primary_horizon, labels, nameable, rules.least_buyers)
        for customers, scores in _scored_customers(connection, as_of, ranker.horizon_days):
            for batch in catalogue.batches(customers):
                lists = writer.lists(batch, scores[np.searchsorted(customers.number, batch.number)])
                connection.register("suggested", lists)
                tables.append(connection, NEXT_PURCHASES, _NAMED)
                connection.unregister("suggested")
    drop_lines(connection)
    return why


_NAMED = """
    select suggested.* exclude (customer_code, item_code), next_customers.customer_id, next_items.item
    from suggested
    inner join next_customers on suggested.customer_code = next_customers.customer_code
    inner join next_items on suggested.item_code = next_items.item_code
    order by suggested.customer_code, suggested.kind, suggested.rank
"""


def _scored_customers(connection: Connection, as_of: date, horizon_days: int) -> Iterator[tuple[Customers, Floats]]:
    """Yield batches of tonight's scored customers who have bought an item, with their probability of a purchase and their
    predicted spend, customers x 2.
    """
    (most,) = one_row(connection, "select coalesce(max(customer_code), -1) from next_customers")
    for first in range(0, most + 1, _READ_AT_ONCE):
        rows = connection.execute(
            """
            select customer_code, primary_probability::double as probability, greatest(primary_spend, 0)::double as spend
            from next_customers
            inner join scores.customer_scores on next_customers.customer_id = customer_scores.customer_id
            where customer_code between $first and $last
            order by customer_code
            """,
            {"first": first, "last": first + _READ_AT_ONCE - 1},
        ).fetchnumpy()
        if len(rows["customer_code"]):
            codes = np.asarray(rows["customer_code"], dtype=np.int64)
            scores = np.column_stack([rows["probability"], rows["spend"]]).astype(np.float32)
            yield read_customers(connection, as_of, horizon_days, codes), scores


@dataclass(frozen=True)
class _Writer:
    """What all batches of a night share; `horizon_days` is the window that probabilities of a purchase look at."""

    ranker: Ranker
    catalogue: Catalogue
    horizon_days: int
    names: list[str]
    nameable: Ints
    support: int

    def lists(self, customers: Customers, scores: Floats) -> pd.DataFrame:
        """Return both lists of a batch, as rows of `scores.next_purchases` with codes instead of names.

        The expected spend of a customer's rows together is at most the predicted spend.
        """
        learned = [kind for kind in KINDS if self.ranker.kinds[kind].method == LEARNED]
        found, (buying, spend) = self.catalogue.candidates(customers, learned), scores.T
        lists = pd.concat([self._list(kind, found[kind], customers, buying) for kind in KINDS], ignore_index=True)
        row = np.searchsorted(customers.number, lists["customer_code"].to_numpy(np.int64))
        together = np.bincount(row, lists["expected_spend"].to_numpy(np.float64), minlength=len(spend))
        share = np.minimum(1, spend / np.maximum(together, 0.01))[row]
        return lists.assign(
            **{f"expected_spend{end}": lists[f"expected_spend{end}"] * share for end in ("", "_low", "_high")}
        )

    def _list(self, kind: Kind, candidates: Candidates, customers: Customers, buying: Floats) -> pd.DataFrame:
        ranker, level = self.ranker.kinds[kind], str(self.ranker.level)
        score = ranker.score(candidates, ranker.method)
        order, rank = first_places(candidates.row, score, LIST_LENGTH)
        found, items = candidates.at(order), self.catalogue.items
        grounds = (
            because.of_again(found, customers, self.catalogue, level)
            if kind == "again"
            else because.of_new(found, customers, self.catalogue, level, self.names, self.nameable, self.support)
        )
        probabilities = [p * buying[found.row] for p in ranker.calibrations[ranker.method].of(score[order])]
        spend = self._spend_if_bought(found, customers)
        columns = {
            "customer_code": customers.number[found.row], "item_code": found.item, "kind": kind, "rank": rank,
            "item_level": level, "horizon_days": self.horizon_days, "method": ranker.method,
            "popularity_probability": items.window[found.item] / max(items.known, 1),
            "step": grounds.step, "usual_price": _or_null(items.price[found.item]),
            "compared_price": _or_null(grounds.compared_price), "because": grounds.because,
        }  # fmt: skip
        for end, values in zip(("", "_low", "_high"), probabilities, strict=True):
            columns |= {f"probability{end}": values, f"expected_spend{end}": values * spend}
        return pd.DataFrame(columns)

    def _spend_if_bought(self, found: Candidates, customers: Customers) -> Floats:
        """Return the expected spend on each item in a window in which it is bought: of its buyers, and for own items of
        the customer as well.
        """
        usual = self.catalogue.items.spend[found.item]
        if found.own_pair is None:
            return usual
        orders, known, spend = (customers.column(name)[found.own_pair] for name in ("orders", "days_known", "spend"))
        horizon = self.ranker.horizon_days
        in_window = np.maximum(orders * horizon / np.maximum(known, horizon), 1) * spend
        return np.asarray((orders * in_window + _PRIOR_ORDERS * usual) / (orders + _PRIOR_ORDERS), dtype=np.float32)


def first_places(row: Ints, score: Array, places: int) -> tuple[Ints, Ints]:
    """Return the positions of each customer's candidates with the highest scores, in order, and their ranks from 1.

    `row` is ascending; of equal scores the earlier position comes first.

    >>> positions, ranks = first_places(np.array([0, 0, 0, 1]), np.array([0.1, 0.3, 0.2, 0.5]), places=2)
    >>> positions.tolist(), ranks.tolist()
    ([1, 2, 3], [1, 2, 1])
    """
    order = np.lexsort((-score, row))
    rank = np.arange(len(order)) - np.searchsorted(row, row) + 1
    return order[rank <= places], rank[rank <= places]


def _or_null(values: Floats | Array) -> NDArray[np.object_]:
    """Return the values with None where they are nan: DuckDB takes a nan of a frame as a number."""
    known = values.astype(object)
    known[~np.isfinite(values)] = None
    return known


def _write_quality(connection: Connection, settings: Settings, ranker: Ranker | None, why_none: str | None) -> None:
    """Write the figures that the ranker was judged by, and a status row for each list."""
    horizon = ranker.horizon_days if ranker else settings.primary_horizon
    common = {"item_level": ranker.level if ranker else None, "horizon_days": horizon}
    rows = [row | common for row in ranker.quality] if ranker else []
    with_list = dict(
        connection.execute(
            "select kind, count(distinct customer_id) from scores.next_purchases group by kind order by kind"
        ).fetchall()
    )
    for kind in KINDS:
        method = ranker.kinds[kind].method if ranker and why_none is None else "none"
        said = f"There are no lists tonight: {why_none}." if why_none else f"The list is ordered by {method}."
        customers = with_list.get(kind, 0)
        rows.append(
            {"row_kind": "status", "kind": kind, "method": method, "metric": "customers_with_a_list",
             "customers": customers, "value": customers, "statement": said} | common
        )  # fmt: skip
    columns = NEXT_PURCHASE_QUALITY.column_names()
    values = [tuple(row.get(column) for column in columns) for row in rows]
    tables.replace(connection, NEXT_PURCHASE_QUALITY, values)
