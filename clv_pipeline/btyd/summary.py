"""Input of the buy-till-you-die models: customer histories (x, t_x, T), checked and compressed to distinct rows.

Belongs here: checking histories, counting equal ones, thinning them to a size a likelihood can be maximised on.
Does not belong here: turning orders into histories (that is SQL), or anything that knows a model.

Every time in this package is in one unit chosen by the caller (days in the pipeline, weeks in the papers): recency,
age, horizons and the rate parameters of a model fitted on them all share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

FINEST_BINS = 2048
COARSEST_BINS = 8


def distinct_rows(*columns: Floats) -> tuple[Indices, Indices]:
    """Find the distinct rows of equally long columns.

    Returns `(first, inverse)`: the position of one row of each kind, shape (distinct,), and for every row the number of
    its kind, shape (n,). Rows compare by exact equality. Each column is ranked first and the ranks are merged, because
    sorting integers is several times faster than `np.unique(axis=0)` on floats.

    >>> first, kind = distinct_rows(np.array([2.0, 0.0, 2.0]), np.array([30.0, 0.0, 30.0]))
    >>> first, kind
    (array([1, 0]), array([1, 0, 1]))
    """
    first, code = np.unique(columns[0], return_index=True, return_inverse=True)[1:]
    for column in columns[1:]:
        values, rank = np.unique(column, return_inverse=True)
        first, code = np.unique(code * len(values) + rank, return_index=True, return_inverse=True)[1:]
    return first, code


def check_histories(x: npt.ArrayLike, t_x: npt.ArrayLike, T: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return frequency, recency and age as float64 arrays of one shape (n,).

    Raises ValueError, naming the rule and how many rows break it, unless all values are finite, 0 <= x, 0 <= t_x <= T,
    and t_x = 0 exactly where x = 0. The last rule catches recency given as "days since the last order", and several
    orders of one moment counted as repeats: a repeat at time 0 would make the likelihood unbounded.

    >>> check_histories(x=[2, 0], t_x=[30, 0], T=[40, 40])
    (array([2., 0.]), array([30.,  0.]), array([40., 40.]))
    >>> check_histories(x=[2], t_x=[45], T=[40])
    Traceback (most recent call last):
        ...
    ValueError: recency must not exceed age: broken by 1 of 1 rows
    """
    columns = [np.atleast_1d(np.asarray(column, dtype=np.float64)) for column in (x, t_x, T)]
    if any(column.ndim != 1 for column in columns):
        raise ValueError("frequency, recency and age must be one-dimensional")
    frequency, recency, age = (np.asarray(column) for column in np.broadcast_arrays(*columns))
    broken = {
        "every value must be finite": ~(np.isfinite(frequency) & np.isfinite(recency) & np.isfinite(age)),
        "frequency must be at least 0": frequency < 0,
        "recency must be at least 0": recency < 0,
        "recency must not exceed age": recency > age,
        "recency must be 0 where frequency is 0": (frequency == 0) & (recency != 0),
        "recency must be above 0 where frequency is": (frequency > 0) & (recency == 0),
    }
    for rule, rows in broken.items():
        if rows.any():
            raise ValueError(f"{rule}: broken by {int(rows.sum())} of {len(rows)} rows")
    return frequency, recency, age


@dataclass(frozen=True, eq=False)
class PurchaseSummary:
    """Distinct purchase histories and how many customers share each; all arrays have shape (rows,).

    frequency: repeat purchases x (purchases after the first). recency: time from the first to the last purchase, t_x.
    age: time from the first purchase to now, T. weight: number of customers with this history.
    log_gap_sum: over all customers, the sum of the logarithms of the times between consecutive purchases; None when
    unknown. It is all that the rhythm-aware models need beyond the triples, being additive in the log likelihood.
    """

    frequency: Floats
    recency: Floats
    age: Floats
    weight: Floats
    log_gap_sum: float | None = None

    def __len__(self) -> int:
        return len(self.frequency)

    @cached_property
    def customers(self) -> float:
        """Number of customers behind the rows."""
        return float(self.weight.sum())

    @cached_property
    def repeat_customers(self) -> float:
        """Number of customers with at least one repeat purchase."""
        return float(self.weight[self.frequency > 0].sum())

    @cached_property
    def by_frequency(self) -> tuple[Floats, Indices]:
        """Distinct frequencies, and for each row the position of its own: special functions are evaluated on these."""
        values, inverse = np.unique(self.frequency, return_inverse=True)
        return values, inverse

    def coarsened(self, most_rows: int) -> PurchaseSummary:
        """Return at most about `most_rows` rows by merging histories of equal frequency and nearly equal times.

        A merged row sits at its members' mean recency and age, so the first-order error of merging cancels; frequency
        is never merged. Returns `self` when it is small enough. Where even the coarsest grid leaves more rows than
        asked, that grid is returned.

        >>> ages = np.linspace(1.0, 1000.0, 5000)
        >>> len(compress(np.zeros(5000), np.zeros(5000), ages).coarsened(most_rows=100))
        65
        """
        bins = FINEST_BINS
        coarse = self
        while len(coarse) > most_rows and bins >= COARSEST_BINS:
            coarse = self._on_grid(bins)
            bins //= 2
        return coarse

    def _on_grid(self, bins: int) -> PurchaseSummary:
        width = float(self.age.max()) / bins
        first, kind = distinct_rows(self.frequency, np.floor(self.recency / width), np.floor(self.age / width))
        weight = np.bincount(kind, self.weight).astype(np.float64)
        recency = np.bincount(kind, self.weight * self.recency) / weight
        age = np.bincount(kind, self.weight * self.age) / weight
        # Rounding of the two means may differ by one unit in the last place where all members have t_x = T.
        return PurchaseSummary(self.frequency[first], np.minimum(recency, age), age, weight, self.log_gap_sum)


def compress(
    x: npt.ArrayLike,
    t_x: npt.ArrayLike,
    T: npt.ArrayLike,
    *,
    decimals: int = 6,
    log_gap_sum: float | None = None,
) -> PurchaseSummary:
    """Count equal histories after rounding times to `decimals` places of the time unit.

    x, t_x, T: shape (n,), see `check_histories` for the rules and the ValueError they raise. log_gap_sum: see
    `PurchaseSummary`. Rows come out ordered by (x, t_x, T), so the order of customers does not change a fit.

    >>> summary = compress(x=[2, 0, 0], t_x=[30, 0, 0], T=[40, 40, 40])
    >>> summary.frequency, summary.weight
    (array([0., 2.]), array([2., 1.]))
    """
    frequency, recency, age = check_histories(x, t_x, T)
    recency, age = np.round(recency, decimals), np.round(age, decimals)
    first, kind = distinct_rows(frequency, recency, age)
    weight = np.bincount(kind, minlength=len(first)).astype(np.float64)
    return PurchaseSummary(frequency[first], recency[first], age[first], weight, log_gap_sum)
