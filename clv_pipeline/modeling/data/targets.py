"""What a model learns from labelled rows: which rows, which target, with which weight. Features are as they are."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clv_pipeline.modeling.data.dataset import LabelledRows

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lesson:
    """Positions of the rows to learn from, and for each of them the target and, where it has one, its weight."""

    rows: NDArray[np.int64]
    target: Array
    weight: Array | None


Learn = Callable[[LabelledRows], Lesson]


def net_spend(rows: LabelledRows) -> Lesson:
    """Everybody's net spend, returns below zero included."""
    return _everybody(rows, rows.spend)


def spend(rows: LabelledRows) -> Lesson:
    """Everybody's spend for losses that take no negative money; a net return counts as zero while learning only."""
    return _everybody(rows, np.maximum(rows.spend, 0))


def unweighted_spend(rows: LabelledRows) -> Lesson:
    """Like `spend`, every row alike: scikit-learn's histogram trees take ten times as long to bin weighted rows."""
    return Lesson(np.arange(len(rows)), np.maximum(rows.spend, 0), None)


def bought(rows: LabelledRows) -> Lesson:
    """Whether there was a purchase, 0 or 1."""
    return _everybody(rows, rows.flag)


def purchase_days(rows: LabelledRows) -> Lesson:
    """How many purchase days everybody had."""
    return _everybody(rows, rows.purchase_days)


def spend_of_buyers(rows: LabelledRows) -> Lesson:
    """What those who bought spent: a purchase that was returned is no free purchase."""
    buyers = np.flatnonzero(rows.flag > 0)
    return Lesson(buyers, _positive(rows.spend[buyers]), rows.weight[buyers])


def spend_per_purchase_day(rows: LabelledRows) -> Lesson:
    """What a purchase day of those who bought was worth, weighted by how many there were."""
    buyers = np.flatnonzero(rows.flag > 0)
    days = np.maximum(rows.purchase_days[buyers], 1.0)
    return Lesson(buyers, _positive(rows.spend[buyers] / days), rows.weight[buyers] * days)


def _positive(spend: Array) -> Array:
    """Return the spend, at least a hundredth of what is usual."""
    usual = np.median(spend[spend > 0]) if (spend > 0).any() else 1.0
    return np.asarray(np.maximum(spend, usual / 100), dtype=np.float64)


def _everybody(rows: LabelledRows, target: Array) -> Lesson:
    return Lesson(np.arange(len(rows)), target, rows.weight)
