"""Groups of customers in one tested or finished window: where the predictions were right, and where they were not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from clv_pipeline.reporting import formats, labels
from clv_pipeline.reporting.questions.answer import listed
from clv_pipeline.reporting.sections.common import Run
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

#: A total this close to what happened is right for every use that we know.
_CLOSE = 0.10
_LONGEST_SENTENCE = 4
_KINDS = {"decile": "Deciles", "tier": "Value tiers", "segment": "Segments", "status": "Status", "channel": "Channels"}
#: Names of slices that say by themselves whom they hold.
_GROUPS = {
    "no_purchase_yet": "people without a purchase yet",
    "new_customer": "new customers",
    "single_purchase": "customers with one purchase",
    "repeat_customer": "customers with several purchases",
}
_CLOSED = """
select as_of_date, horizon_days, is_backtest from prediction_outcomes
where is_closed and slice_kind = 'all'
order by is_backtest, horizon_days <> $days, as_of_date desc, horizon_days limit 1
"""
_SLICES = """
select slice_kind, row_kind, slice_name, customers, expected_spend, expected_spend_low, expected_spend_high, actual_spend,
    is_inside, share_inside, gini, baseline_gini, bias, baseline_bias, expected_buyers, actual_buyers
from prediction_outcomes
where as_of_date = $as_of and horizon_days = $days and is_backtest = $is_backtest and is_closed
order by slice_kind, position
"""


@dataclass(frozen=True)
class Window:
    """The last window that is over, published or tested: its total, and its slices by kind."""

    start: date
    days: int
    is_test: bool
    total: dict[str, Any]
    slices: dict[str, list[dict[str, Any]]]

    @property
    def deciles(self) -> list[dict[str, Any]]:
        """Return the deciles of buyers, the highest predictions first."""
        return [row for row in self.slices.get("decile", []) if str(row["slice_name"]).isdigit()]


def last_window(connection: Connection, run: Run) -> Window | None:
    """Return the last window that is over, a published one if there is one; None where nothing was tested yet."""
    chosen = records(connection, _CLOSED, {"days": run.days})
    if not chosen:
        return None
    ((start, days, is_test),) = (tuple(row.values()) for row in chosen)
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for row in records(connection, _SLICES, {"as_of": start, "days": days, "is_backtest": is_test}):
        by_kind.setdefault(row["slice_kind"], []).append(row)
    (total,) = by_kind.pop("all")
    return Window(start, days, is_test, total, by_kind)


def name_of(row: dict[str, Any]) -> str:
    """Return a slice in words.

    >>> name_of({"slice_kind": "decile", "slice_name": "1"}), name_of({"slice_kind": "status", "slice_name": "new_customer"})
    ('decile 1', 'new customers')
    """
    name = str(row["slice_name"])
    return _GROUPS.get(name) or f"{row['slice_kind']} {labels.words(name)}"


def right_and_wrong(window: Window, run: Run) -> tuple[str, str]:
    """Return in words where the totals were close, and where they were outside their intervals, the most money first."""
    # a kind with one slice, such as one channel, is all customers again
    rows = [row for group in window.slices.values() if len(group) > 1 for row in group if row["row_kind"] == "slice"]
    close = [row for row in rows if row["bias"] is not None and abs(row["bias"]) <= _CLOSE]
    outside = [row for row in rows if row["is_inside"] is False]
    close.sort(key=lambda row: -row["actual_spend"])
    outside.sort(key=lambda row: -abs(row["actual_spend"] - row["expected_spend"]))
    right = (
        f"{_of(len(close), len(rows))} were predicted within {formats.spoken_percent(_CLOSE)}, among them "
        + listed([f"{name_of(row)} ({_off(row)})" for row in close[:_LONGEST_SENTENCE]])
        + "."
        if close
        else f"No group was predicted within {formats.spoken_percent(_CLOSE)} of what it spent."
    )
    wrong = (
        f"{_of(len(outside), len(rows))} spent more or less than their interval says: "
        + listed(
            [
                f"{name_of(row)} (predicted {run.money(row['expected_spend'])}, spent {run.money(row['actual_spend'])})"
                for row in outside[:_LONGEST_SENTENCE]
            ]
        )
        + (", and others." if len(outside) > _LONGEST_SENTENCE else ".")
        if outside
        else "No group was outside its interval."
    )
    return right, wrong


def _of(some: int, every: int) -> str:
    return f"{some} of {every} groups"


def _off(row: dict[str, Any]) -> str:
    return formats.spoken_percent(row["bias"], signed=True)


def tables_by_kind(window: Window) -> list[tuple[str, Table]]:
    """Return the figures of every kind of slice."""
    return [(_KINDS.get(kind, kind), _table(rows)) for kind, rows in window.slices.items()]


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    return Table(
        [
            "group",
            "customers",
            "predicted",
            "interval",
            "actual",
            "too high / low",
            "customers inside",
            "Gini",
            "baseline: too high / low",
        ],
        [
            [
                labels.words(str(row["slice_name"])),
                formats.count(row["customers"]),
                formats.money(row["expected_spend"], digits=0),
                formats.money_range(row["expected_spend_low"], row["expected_spend_high"]),
                formats.money(row["actual_spend"], digits=0),
                formats.percent(row["bias"], signed=True),
                formats.percent(row["share_inside"]),
                formats.decimal(row["gini"]),
                formats.percent(row["baseline_bias"], signed=True),
            ]
            for row in rows
        ],
        frozenset(range(1, 9)),
    )
