"""The only use of age, gender and other denied features: an audit of how predictions treat groups of customers.

It uses the test window of the last training, which no model has seen. No model, score or segment reads its result.
"""

import json
from collections.abc import Callable, Iterator
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clv_pipeline.contracts.warehouse import FAIRNESS_AUDIT
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.denied import is_denied
from clv_pipeline.modeling import metrics
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, columns_of, has_table

#: Smaller groups are merged or, if still too small, left out: statistics of very small groups can identify people.
SMALLEST_GROUP = 50
SMALL_GROUPS = "(small groups together)"
_AGE_BANDS = (25, 35, 45, 55, 65)


def audit_fairness(warehouse: Warehouse, settings: Settings) -> int:
    """Replace `training.fairness_audit`; return its row count: 0 without a test window."""
    with warehouse.transaction() as connection:
        rows = [
            row
            for (days, cutoff), window in _windows(connection)
            for attribute, groups in _attributes(connection, settings, window, cutoff)
            for row in _rows(settings, window, groups, (days, attribute), cutoff)
        ]
        tables.replace(connection, FAIRNESS_AUDIT, rows)
    return len(rows)


def _windows(connection: Connection) -> Iterator[tuple[tuple[int, date], pd.DataFrame]]:
    """Yield (horizon, cutoff) and the evaluated customers with their CRM record."""
    if not has_table(connection, "training.test_predictions"):
        return
    judged = connection.sql(
        """
        select predictions.*, customers.* exclude (customer_id)
        from training.test_predictions as predictions
        inner join clean.customers as customers on predictions.customer_id = customers.customer_id
        where customers.has_profiling_consent
        order by predictions.horizon_days, predictions.customer_id
        """
    ).df()
    for (days, cutoff), window in judged.groupby(["horizon_days", "as_of"], sort=True):
        yield (int(days), pd.Timestamp(cutoff).date()), window.reset_index(drop=True)


def _attributes(
    connection: Connection, settings: Settings, window: pd.DataFrame, cutoff: date
) -> Iterator[tuple[str, NDArray[np.object_]]]:
    """Yield each audited attribute with the group of every customer: age, gender, and the texts that are denied."""
    yield "age", np.array([_age_band(year, cutoff) for year in window["birth_year"]], dtype=object)
    texts = [c for c, kind in columns_of(connection, "clean.customers").items() if kind == "VARCHAR"]
    proxies = [c for c in texts if is_denied(f"crm_{c}", settings.denied_features) and c != "gender"]
    for name in ("gender", *proxies):
        yield name, window[name].fillna("unknown").to_numpy(dtype=object)
    denied = connection.execute(
        "select attribute from clean.customer_attributes where refused_because = 'denied' and customers > 0 order by attribute"
    ).fetchall()
    records = [
        json.loads(text) if text else {} for text in window["attributes"].where(window["attributes"].notna(), "")
    ]
    for (name,) in denied:
        yield name, np.array([record.get(name) or "unknown" for record in records], dtype=object)


def _age_band(birth_year: float, cutoff: date) -> str:
    if pd.isna(birth_year):
        return "unknown"
    age = cutoff.year - int(birth_year)
    below = [limit for limit in _AGE_BANDS if limit <= age]
    if not below:
        return f"under {_AGE_BANDS[0]}"
    above = [limit for limit in _AGE_BANDS if limit > age]
    return f"{below[-1]} to {above[0] - 1}" if above else f"{below[-1]} and over"


def _pooled(groups: NDArray[np.object_]) -> dict[str, NDArray[np.bool_]]:
    """Return group -> mask of its customers, with the small groups merged."""
    names, counts = np.unique(groups.astype(str), return_counts=True)
    shown = {name: groups == name for name in names[counts >= SMALLEST_GROUP]}
    together = np.isin(groups.astype(str), names[counts < SMALLEST_GROUP])
    return shown | {SMALL_GROUPS: together} if together.sum() >= SMALLEST_GROUP else shown


def _rows(
    settings: Settings, window: pd.DataFrame, groups: NDArray[np.object_], which: tuple[int, str], cutoff: date
) -> Iterator[list[object]]:
    spend, purchase = window["actual_spend"].to_numpy(), window["actual_purchase"].to_numpy()
    expected, chance = window["predicted_spend"].to_numpy(), window["purchase_probability"].to_numpy()
    in_top = np.zeros(len(window))
    in_top[np.argsort(-expected, kind="stable")[: max(1, round(len(window) / 10))]] = 1
    for name, mask in _pooled(groups).items():
        measures: dict[str, Callable[[NDArray[np.int64]], float]] = {
            "spend_bias": lambda rows: metrics.total_bias(spend[rows], expected[rows]),
            "calibration": lambda rows: float(chance[rows].mean() - purchase[rows].mean()),
            "top_decile_share": lambda rows: float(in_top[rows].mean()),
        }
        members = np.flatnonzero(mask)
        draws = metrics.bootstrap_draws(len(members), settings.bootstrap_samples, settings.seed)
        for metric, measure in measures.items():
            drawn = np.array([measure(members[draw]) for draw in draws])
            estimate = metrics.estimate(measure(members), drawn)
            figures = [estimate.value, estimate.low, estimate.high]
            yield [*which, name, metric, len(members), *figures, cutoff]
