"""How good each method's lists are in a window that no ranker was fitted to: recall, NDCG and log loss, with intervals.

A figure is the mean over customers who bought something of the list's kind in the window; its interval and that of a
difference are from drawing these customers again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clv_pipeline.modeling.metrics import Estimate, bootstrap_draws, estimate
from clv_pipeline.next_purchases.calibration import Array
from clv_pipeline.next_purchases.candidates import Kind
from clv_pipeline.next_purchases.examples import Examples
from clv_pipeline.next_purchases.ranker import BASELINES, LEARNED, KindRanker

#: The published lists have five places: this decides whether the learned ranker is better.
DECIDING = "ndcg_at_5"
_LIST_LENGTHS = (5, 10)


@dataclass(frozen=True)
class Ranked:
    """Whether each place of each customer's list was bought, customers x places, and how many purchases there were."""

    hits: NDArray[np.bool_]
    wanted: Array

    @classmethod
    def of(cls, examples: Examples, score: Array, places: int) -> "Ranked":
        order = np.lexsort((-score, examples.row))
        row, bought = examples.row[order], examples.bought[order] > 0
        place = np.arange(len(row)) - np.searchsorted(row, row)
        hits = np.zeros((len(examples.wanted), places), dtype=bool)
        listed = place < places
        hits[row[listed], place[listed]] = bought[listed]
        return cls(hits, examples.wanted.astype(np.float64))

    def recall(self, places: int) -> Array:
        """Return for each customer the hits among the first places over the most there could be."""
        possible = np.maximum(np.minimum(self.wanted, places), 1)
        return np.asarray(self.hits[:, :places].sum(axis=1) / possible, dtype=np.float64)

    def ndcg(self, places: int) -> Array:
        """Return for each customer the discounted gain of the first places over that of the best list."""
        gain = 1 / np.log2(np.arange(2, places + 2))
        best = np.concatenate([[1.0], np.cumsum(gain)])
        best[0] = 1.0
        possible = best[np.minimum(self.wanted, places).astype(np.int64)]
        return np.asarray(self.hits[:, :places] @ gain / possible, dtype=np.float64)


def customer_metrics(examples: Examples, ranker: KindRanker) -> dict[str, dict[str, Array]]:
    """Return method -> metric -> value of each customer who bought something of the kind."""
    counts = examples.wanted > 0
    methods = [*examples.baselines, *([LEARNED] if ranker.model is not None else [])]
    found: dict[str, dict[str, Array]] = {}
    for method in methods:
        score = ranker.score(examples, method)
        ranked = Ranked.of(examples, score, max(_LIST_LENGTHS))
        values = {f"recall_at_{k}": ranked.recall(k)[counts] for k in _LIST_LENGTHS}
        values |= {f"ndcg_at_{k}": ranked.ndcg(k)[counts] for k in _LIST_LENGTHS}
        if method in ranker.calibrations:
            values["log_loss"] = _log_loss(examples, ranker.calibrations[method].of(score)[0])[counts]
        found[method] = values
    return found


def _log_loss(examples: Examples, probability: Array) -> Array:
    """Return for each customer the mean log loss of its candidates."""
    p = np.clip(probability, 1e-4, 1 - 1e-4)
    loss = -np.where(examples.bought > 0, np.log(p), np.log(1 - p))
    customers = len(examples.wanted)
    count = np.bincount(examples.row, minlength=customers)
    return np.asarray(np.bincount(examples.row, loss, minlength=customers) / np.maximum(count, 1), dtype=np.float64)


def quality_rows(
    kind: Kind, metrics: Mapping[str, Mapping[str, Array]], test_window: date, samples: int, seed: int
) -> list[dict[str, Any]]:
    """Return the rows of one list: each metric of each method, and its difference from the baseline's, with intervals."""
    baseline = BASELINES[kind]
    customers = len(next(iter(metrics[baseline].values())))
    if not customers:
        return []
    draws = bootstrap_draws(customers, samples, seed)
    rows = []
    for method, values in metrics.items():
        for metric, of_customers in values.items():
            rows.append(_row("method", kind, method, metric, test_window, customers, _mean(of_customers, draws)))
            if method != baseline and metric in metrics[baseline]:
                lead = _mean(of_customers - metrics[baseline][metric], draws)
                rows.append(_row("difference", kind, method, metric, test_window, customers, lead))
    return rows


def verdict_row(kind: Kind, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row that says whether the learned ranker is better than the baseline, and why; 1 for yes.

    It is where the interval of its lead in `DECIDING` is above 0, and its log loss is not clearly higher.
    """
    baseline = BASELINES[kind]
    leads = {r["metric"]: r for r in rows if r["row_kind"] == "difference" and r["method"] == LEARNED}
    if DECIDING not in leads:
        why = (
            f"The learned ranker was not compared with {baseline}: the history is too short, or too little was bought. "
            f"The list is ordered by {baseline}."
        )
        return _row("verdict", kind, LEARNED, DECIDING, None, 0, Estimate(0, np.nan, np.nan), why)
    found = leads[DECIDING]
    # where customers choose at random, its order may win by chance, but then its probabilities are clearly worse
    is_better = found["low"] > 0 and not ("log_loss" in leads and leads["log_loss"]["low"] > 0)
    figures = ", ".join(
        f"{metric} {leads[metric]['value']:+.4f} [{leads[metric]['low']:+.4f}, {leads[metric]['high']:+.4f}]"
        for metric in (DECIDING, "log_loss")
        if metric in leads
    )
    what = "better, and orders the list" if is_better else f"not better, so the list is ordered by {baseline}"
    return _row(
        "verdict", kind, LEARNED, DECIDING, found["test_window_start"], found["customers"],
        Estimate(float(is_better), np.nan, np.nan), f"The learned ranker is {what}: {figures} against {baseline}.",
    )  # fmt: skip


def _mean(values: Array, draws: list[NDArray[np.int64]]) -> Estimate:
    return estimate(float(values.mean()), np.array([values[draw].mean() for draw in draws]))


def _row(
    row_kind: str, kind: Kind, method: str, metric: str, test_window: date | str | None, customers: int, found: Estimate,
    statement: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    low, high = (float(end) if np.isfinite(end) else None for end in (found.low, found.high))
    return {
        "row_kind": row_kind, "kind": kind, "method": method, "metric": metric,
        "test_window_start": str(test_window) if test_window else None, "customers": customers,
        "value": found.value, "low": low, "high": high, "statement": statement,
    }  # fmt: skip
