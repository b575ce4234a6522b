"""Training targets: the rows a model is fitted to, its target, and the sample weights. Features are not changed here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clv_pipeline.modeling.data.dataset import LabelledRows

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lesson:
    """Positions of the training rows, with their targets and, if there are any, sample weights."""

    rows: NDArray[np.int64]
    target: Array
    weight: Array | None


Learn = Callable[[LabelledRows], Lesson]


def net_spend(rows: LabelledRows) -> Lesson:
    """Net spend of all customers; net returns stay negative."""
    return _everybody(rows, rows.spend)


def spend(rows: LabelledRows) -> Lesson:
    """Spend of all customers for losses that allow no negative values; a net return counts as zero in training only."""
    return _everybody(rows, np.maximum(rows.spend, 0))


def unweighted_spend(rows: LabelledRows) -> Lesson:
    """Like `spend`, without weights: scikit-learn's histogram trees take ten times as long to bin weighted rows."""
    return Lesson(np.arange(len(rows)), np.maximum(rows.spend, 0), None)


def bought(rows: LabelledRows) -> Lesson:
    """Whether there was a purchase, 0 or 1."""
    return _everybody(rows, rows.purchase)


def purchase_days(rows: LabelledRows) -> Lesson:
    """Number of purchase days of all customers."""
    return _everybody(rows, rows.purchase_days)


def spend_of_buyers(rows: LabelledRows) -> Lesson:
    """Spend of buyers only. A fully returned purchase counts as a small positive amount.

    >>> import pandas as pd
    >>> money, days = np.array([40.0, 0.0, -5.0]), np.array([2.0, 0.0, 1.0])  # the last one returned more than was bought
    >>> ids, as_of = np.array(["C1", "C2", "C3"], dtype=object), np.full(3, "2024-06-01", dtype="datetime64[D]")
    >>> rows = LabelledRows(pd.DataFrame(index=ids), ids, as_of, money, np.sign(days), days, half_life_days=365)
    >>> spend_of_buyers(rows).target
    array([40. ,  0.4])
    """
    buyers = np.flatnonzero(rows.purchase > 0)
    return Lesson(buyers, _positive(rows.spend[buyers]), rows.weight[buyers])


def spend_per_purchase_day(rows: LabelledRows) -> Lesson:
    """Value per purchase day of buyers, weighted by their number of purchase days."""
    buyers = np.flatnonzero(rows.purchase > 0)
    days = np.maximum(rows.purchase_days[buyers], 1.0)
    return Lesson(buyers, _positive(rows.spend[buyers] / days), rows.weight[buyers] * days)


def _positive(spend: Array) -> Array:
    """Return the spend, at least a hundredth of the usual value."""
    usual = np.median(spend[spend > 0]) if (spend > 0).any() else 1.0
    return np.asarray(np.maximum(spend, usual / 100), dtype=np.float64)


def _everybody(rows: LabelledRows, target: Array) -> Lesson:
    return Lesson(np.arange(len(rows)), target, rows.weight)
