"""Section on next purchases: what is expected to sell next, to whom, and whether the lists are better than simple rules."""

from dataclasses import dataclass
from typing import Any

from clv_pipeline.reporting import formats
from clv_pipeline.reporting.answers import Statement
from clv_pipeline.reporting.sections.common import Run, run_of, statement
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

TABLES = ("next_purchases", "next_purchase_quality")
_ITEMS_SHOWN = 8
_KINDS = {
    "again": "What customers are likely to buy again",
    "new_to_them": "What customers are likely to buy for the first time",
}
_BASELINES = {"again": "each customer's own frequency", "new_to_them": "what sells most"}
_METHODS = {
    "learned_ranker": "learned ranker",
    "own_frequency": "own frequency",
    "popularity": "popularity",
    "item_neighbours": "item neighbours",
    "ease": "EASE",
    "ease_with_popularity": "EASE with popularity",
}
_METRICS = {
    "ndcg_at_5": "NDCG at 5",
    "recall_at_5": "recall at 5",
    "recall_at_10": "recall at 10",
    "log_loss": "log loss",
}
_ITEMS = """
select item_name as item, count(*) filter (where rank = 1) as first_for, sum(probability) as expected_buyers,
    sum(expected_spend) as expected_spend
from next_purchases where kind = $kind group by item_name order by expected_spend desc, item_name limit $shown
"""


@dataclass(frozen=True)
class NextList:
    """One kind of list: what it is expected to sell, its quality in a sentence, all figures of the methods."""

    title: str
    statements: list[Statement]
    items: Table
    quality: Table


@dataclass(frozen=True)
class NextPurchases:
    """Both kinds of lists."""

    lists: list[NextList]


def of_bundle(connection: Connection) -> NextPurchases:
    """Return the section."""
    run = run_of(connection)
    quality = records(connection, "select * from next_purchase_quality")
    return NextPurchases(
        [_list(connection, run, kind, [row for row in quality if row["kind"] == kind]) for kind in _KINDS]
    )


def _list(connection: Connection, run: Run, kind: str, quality: list[dict[str, Any]]) -> NextList:
    items = records(connection, _ITEMS, {"kind": kind, "shown": _ITEMS_SHOWN})
    found = []
    if items:
        first = items[0]
        found.append(
            statement(
                f"{first['item']} leads: in the next {run.days} days about "
                f"{formats.counted(first['expected_buyers'], 'customer')} are expected to buy it from this list, for "
                f"{run.money(first['expected_spend'])}. It is part of the predicted spend, not on top of it.",
                "next_purchases",
            )
        )
    found += [statement(text, "next_purchase_quality") for text in _quality(kind, quality)]
    return NextList(
        _KINDS[kind],
        found,
        Table(
            ["item", "first choice of", "expected buyers", "expected spend"],
            [
                [
                    str(row["item"]),
                    formats.count(row["first_for"]),
                    formats.count(row["expected_buyers"]),
                    formats.money(row["expected_spend"], digits=0),
                ]
                for row in items
            ],
            frozenset((1, 2, 3)),
        ),
        _methods(quality),
    )


def _quality(kind: str, rows: list[dict[str, Any]]) -> list[str]:
    """Return what a test on a past period says of the list; why there is no list where there is none."""
    found = []
    verdict = next((row for row in rows if row["row_kind"] == "verdict"), None)
    status = next((row for row in rows if row["row_kind"] == "status"), None)
    if status and not status["customers"]:
        found.append(str(status["statement"]))
    by_method = {(row["row_kind"], row["method"], row["metric"]): row for row in rows}
    ranker = by_method.get(("method", "learned_ranker", "ndcg_at_5"))
    difference = by_method.get(("difference", "learned_ranker", "ndcg_at_5"))
    if verdict and ranker and difference:
        baseline = float(ranker["value"]) - float(difference["value"])
        better = bool(verdict["value"])
        found.append(
            f"Tested on the {formats.counted(verdict['customers'], 'customer')} who bought something of the kind in the "
            f"{verdict['horizon_days']} days from {formats.long_day(verdict['test_window_start_date'])}: how high on the list "
            f"stands what they then bought? The learned ranker reaches {formats.decimal(ranker['value'], 2)} of 1, "
            f"{_BASELINES[kind]} {formats.decimal(baseline, 2)}; the difference is "
            + formats.estimate(
                *(
                    formats.decimal(difference[end], 3, signed=True)
                    for end in ("value", "interval_low", "interval_high")
                )
            )
            + (
                ". It is better, and orders the list."
                if better
                else ". It is not better, so the simple rule orders the list."
            )
        )
    elif verdict:
        found.append(str(verdict["statement"]))
    return found


def _methods(rows: list[dict[str, Any]]) -> Table:
    shown = {(row["method"], row["metric"]): row for row in rows if row["row_kind"] == "method"}
    methods = sorted({method for method, _ in shown}, key=lambda m: (m != "learned_ranker", m))
    return Table(
        ["method", *_METRICS.values()],
        [
            [
                _METHODS.get(method, method),
                *(
                    formats.estimate(*(formats.decimal(row[end]) for end in ("value", "interval_low", "interval_high")))
                    if (row := shown.get((method, metric)))
                    else ""
                    for metric in _METRICS
                ),
            ]
            for method in methods
        ],
        frozenset(range(1, 1 + len(_METRICS))),
    )
