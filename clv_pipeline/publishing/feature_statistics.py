"""Statistics of tonight's customers that SQL alone cannot make: variance of spend, histograms of features, rank correlations.

No model is fitted here and nothing is published: `sql/4_published` makes tables of these rows.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clv_pipeline.contracts.warehouse import FEATURE_BINS, FEATURE_CORRELATIONS, SPEND_VARIANCE
from clv_pipeline.features.families import KEYS, family_of
from clv_pipeline.features.wording import describe
from clv_pipeline.modeling.metrics import Array
from clv_pipeline.publishing.base_parameters import SMALLEST_CELL, SMALLEST_SUPPORT, Z90
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection

#: Numbers with at most so many different values get a bin for each.
_VALUES_OF_THEIR_OWN = 12
_MOST_BINS, _MOST_CATEGORIES = 12, 15
#: Zero gets a bin of its own where at least this share of the known values is zero.
_ZERO_SHARE = 0.05
#: A number that spans more than this ratio between its 10th and 99th percentile gets bins that grow: 1, 2, 5, 10, 20, 50 ...
_WIDE = 20
#: One feature of each kind of behaviour, for the correlations among features; those with the predicted spend are of all.
PAIRED_FEATURES = (
    "recency_days", "tenure_days", "purchase_days", "monetary_value", "spend_365d", "return_share", "distinct_products",
    "web_sessions_90d", "survey_last_nps", "social_mean_sentiment", "campaign_response_share",
)  # fmt: skip


@dataclass(frozen=True)
class Bin:
    """Customers whose value of a feature is in one bin."""

    row_kind: str
    customers: int
    bin_low: float | None = None
    bin_high: float | None = None
    category: str | None = None
    smallest: float | None = None
    largest: float | None = None


def write_feature_statistics(connection: Connection) -> None:
    """Replace the tables of `contracts/base_tables.py` for tonight's customers."""
    _write_variance(connection)
    features = connection.execute(
        "select customer_features.* exclude (as_of, role), customer_scores.primary_spend::double as predicted_spend "
        "from features.customer_features inner join scores.customer_scores using (customer_id) "
        "where customer_features.role = 'score' order by customer_id"
    ).df()
    predicted = features.pop("predicted_spend").to_numpy(dtype=float)
    features = features.drop(columns=[key for key in KEYS if key in features])
    tables.replace(connection, FEATURE_BINS, _bins_of_all(features))
    tables.replace(connection, FEATURE_CORRELATIONS, _correlations(features, predicted))


def _write_variance(connection: Connection) -> None:
    """Write the variance of each customer's spend: that of a log-normal amount, times whether the customer buys at all.

    Its mean is the predicted spend, its median the typical spend if buying. The ratio of the two stays between 1 and 3, where
    nearly all are, so that a tiny purchase probability cannot make one customer's variance that of everybody.
    """
    tables.replace(
        connection,
        SPEND_VARIANCE,
        """
        with totals as (select nullif(sum(primary_spend), 0)::double as predicted_total from scores.customer_scores),
        shares as (
            select 1 - run.predicted_total_low / totals.predicted_total as total_below,
                run.predicted_total_high / totals.predicted_total - 1 as total_above
            from scores.run cross join totals
        ),
        purchases as (
            select customer_id, primary_spend, primary_spend::double as spend,
                greatest(primary_probability, 0.0001)::double as probability, primary_if_buying::double as typical
            from scores.customer_scores
        )
        select purchases.customer_id, purchases.primary_spend as predicted_spend,
            spend * spend / probability * pow(least(greatest(coalesce(spend / probability / nullif(typical, 0), 1), 1), 3), 2)
                - spend * spend as variance,
            shares.total_below, shares.total_above
        from purchases cross join shares
        order by purchases.customer_id
        """,
    )


def _bins_of_all(features: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (name, family_of(name), describe(name), position, b.row_kind, b.bin_low, b.bin_high, b.category, b.customers,
         b.smallest, b.largest)
        for name in features.columns
        for position, b in enumerate(bins_of(features[name]), start=1)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=FEATURE_BINS.column_names())


def bins_of(values: pd.Series) -> list[Bin]:
    """Return the histogram of one feature: bins in order, then missing values, then what was pooled; none without a value.

    >>> [(b.row_kind, b.bin_low, b.customers) for b in bins_of(pd.Series([0.0] * 6 + [1.0] * 7 + [float("nan")] * 5))]
    [('zero', 0.0, 6), ('number', 1.0, 7), ('missing', None, 5)]
    """
    missing = int(values.isna().sum())
    if missing == len(values):
        return []
    known = values.dropna()
    if pd.api.types.is_numeric_dtype(known) or isinstance(known.iloc[0], int | float):
        found = list(_number_bins(np.sort(known.to_numpy(dtype=float))))
    else:
        counts = sorted(known.astype(str).value_counts().items(), key=lambda item: (-item[1], str(item[0])))
        found = [Bin("category", int(n), category=str(category)) for category, n in counts[:_MOST_CATEGORIES]]
        found.append(Bin("other", sum(int(n) for _, n in counts[_MOST_CATEGORIES:])))
    found.append(Bin("missing", missing))
    pooled = sum(b.customers for b in found if b.row_kind == "other" or b.customers < SMALLEST_CELL)
    shown = [b for b in found if b.row_kind != "other" and b.customers >= SMALLEST_CELL]
    return [*shown, Bin("other", pooled)] if pooled else shown


def _number_bins(values: Array) -> Iterator[Bin]:
    """Yield the bins of sorted numbers, neighbours joined until each has enough customers."""
    zeros = int(np.searchsorted(values, 0.0, "right") - np.searchsorted(values, 0.0, "left"))
    if zeros >= max(_ZERO_SHARE * len(values), SMALLEST_CELL):
        yield Bin("zero", zeros, 0.0, 0.0, None, 0.0, 0.0)
        values = values[values != 0]
    if len(values) == 0:
        return
    edges = _edges(values)
    starts = np.searchsorted(values, edges, "left")
    ends = np.append(starts[1:], len(values))
    # below the first edge is the first bin's
    starts[0] = 0
    low = first = None
    for edge, start, end in zip(edges, starts, ends, strict=True):
        first = start if first is None else first
        low = edge if low is None else low
        left = len(values) - end
        if end - first >= SMALLEST_CELL and (left >= SMALLEST_CELL or left == 0):
            high = edges[np.searchsorted(edges, edge, "right")] if left else None
            is_first = first == 0 and values[0] < low
            yield Bin("number", int(end - first), None if is_first else float(low), None if high is None else float(high),
                      None, float(values[first]), float(values[end - 1]))  # fmt: skip
            low = first = None
    if first is not None and first < len(values):
        yield Bin(
            "number", int(len(values) - first), float(low or 0), None, None, float(values[first]), float(values[-1])
        )


def _edges(values: Array) -> Array:
    """Return the lower ends of the bins of sorted numbers: round ones, or the values themselves where they are few."""
    distinct: Array = np.unique(values)
    if len(distinct) <= _VALUES_OF_THEIR_OWN:
        return distinct
    low, middle, high = np.quantile(values, [0.01, 0.1, 0.99])
    if values[0] >= 0 and high > _WIDE * max(middle, 1e-9):
        first = _round_down(max(middle, high / 10**4))
        return np.array([m * 10.0**e for e in range(-6, 13) for m in (1, 2, 5) if first <= m * 10.0**e <= high])
    step = _round_up((high - low) / _MOST_BINS)
    start, end = math.floor(low / step), math.floor(high / step)
    return np.array([place * step for place in range(start, end + 1)]) if end > start else distinct[:1]


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50 ... (and 0.5, 0.2 ...) that is at least `value`.

    >>> _round_up(3.0), _round_up(0.11)
    (5.0, 0.2)
    """
    exponent = math.floor(math.log10(max(value, 1e-9)))
    return next(round(m * 10.0**exponent, 9) for m in (1, 2, 5, 10) if m * 10.0**exponent >= value * (1 - 1e-9))


def _round_down(value: float) -> float:
    exponent = math.floor(math.log10(max(value, 1e-9)))
    return next(round(m * 10.0**exponent, 9) for m in (5, 2, 1) if m * 10.0**exponent <= value * (1 + 1e-9))


def _correlations(features: pd.DataFrame, predicted: Array) -> pd.DataFrame:
    numbers = features.select_dtypes("number").astype(float)
    known = {name: column.to_numpy() for name, column in numbers.items()}
    pairs: list[tuple[str, str | None, tuple[int, float, float, float] | None]] = [
        (str(name), None, rank_correlation(column, predicted)) for name, column in known.items()
    ]
    paired = [name for name in PAIRED_FEATURES if name in known]
    pairs += [
        (name, other, rank_correlation(known[name], known[other]))
        for place, name in enumerate(paired)
        for other in paired[place + 1 :]
    ]
    rows = [
        (name, other, describe(name), describe(other) if other else None, *found)
        for name, other, found in pairs
        if found is not None
    ]
    return pd.DataFrame(rows, columns=FEATURE_CORRELATIONS.column_names())


def rank_correlation(x: Array, y: Array) -> tuple[int, float, float, float] | None:
    """Return customers with both values, Spearman's correlation and its 90 % interval; None if few or constant.

    The interval is Fisher's, with the standard error of Bonett and Wright (2000) for ranks.

    >>> rank_correlation(np.arange(30.0), np.arange(30.0))[1]
    1.0
    """
    both = ~(np.isnan(x) | np.isnan(y))
    n = int(both.sum())
    if n < SMALLEST_SUPPORT:
        return None
    first, second = (_centred_ranks(values[both]) for values in (x, y))
    spread = math.sqrt(float(first @ first) * float(second @ second))
    if spread == 0:
        return None
    rho = min(max(float(first @ second) / spread, -1.0), 1.0)
    if abs(rho) > 1 - 1e-9:
        return n, round(rho, 6), round(rho, 6), round(rho, 6)
    half_width = Z90 * math.sqrt((1 + rho * rho / 2) / (n - 3))
    low, high = (math.tanh(math.atanh(rho) + sign * half_width) for sign in (-1, 1))
    return n, round(rho, 6), round(low, 6), round(high, 6)


def _centred_ranks(values: Array) -> Array:
    ranks = pd.Series(values).rank()
    return np.asarray(ranks - ranks.mean(), dtype=np.float64)
