"""Buy-till-you-die quantities as features: one model per cutoff, fitted to its customers' earlier purchases.

Fitting and formulas are in `btyd/`; this module has the input (tonight's purchase features) and the output
(`features.btyd_features`). Gamma-Gamma weighs a customer's own average against the population's over all purchase
days, the first included: measured on three companies, that ranks better than repeat purchases alone.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clv_pipeline.btyd import (
    MBGNBD,
    GammaGamma,
    MBGCNBDk,
    ParetoNBD,
    PurchaseModel,
    compress,
    discounted_purchases,
    fit_first,
    median_wait,
    next_order_dates,
)
from clv_pipeline.contracts.warehouse import BTYD_FEATURES
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.window_spend import OUTLIER_MULTIPLE
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse

log = logging.getLogger(__name__)
Array = NDArray[np.float64]

#: A purchase day that was fully returned is still a purchase; Gamma-Gamma needs a positive value.
_SMALLEST_VALUE = 0.01
#: From this value on a company's customers buy regularly. On the simulated purchases of benchmarks/rhythm.py MBG/CNBD-k is then
#: far better than MBG/NBD; at k = 2 the likelihood prefers it on some companies whose customers it ranks worse.
_RHYTHMIC = 3


@dataclass(frozen=True)
class PurchaseHistory:
    """Buyers at one cutoff, in days and money; all arrays have one entry per customer.

    log_gap_sum: over all of them, the sum of the logs of the days between purchases; it separates regular from random.
    """

    customer_id: pd.Series
    repeats: Array
    recency: Array
    age: Array
    mean_value: Array
    log_gap_sum: float


def build_btyd_features(warehouse: Warehouse, settings: Settings) -> dict[str, str]:
    """Build `features.btyd_features`, one row per (as_of, customer_id) who has bought; return each cutoff's model.

    If no model can be fitted (too few repeat purchases), a cutoff has no rows and its features are null.
    """
    models: dict[str, str] = {}
    with warehouse.transaction() as connection:
        horizons = _horizons(connection)
        tables.create(connection, BTYD_FEATURES, horizons)
        for as_of, is_scored, history in _histories(connection):
            model = _fit(history)
            models[as_of.isoformat()] = model.name if model else "none: too few repeat purchases"
            if model is None:
                continue
            frame = _quantities(model, history, settings, horizons).assign(as_of=as_of, customer_id=history.customer_id)
            if is_scored:
                frame["expected_next_order_date"] = _next_order_dates(model, history, settings, as_of)
            tables.append(connection, BTYD_FEATURES, frame)
    return models


def _horizons(connection: Connection) -> list[int]:
    """Return the requested horizons and those that models are fitted on."""
    rows = connection.execute(
        "select horizon_days from features.horizons union select learned_days from features.horizons order by all"
    ).fetchall()
    return [days for (days,) in rows]


def _histories(connection: Connection) -> Iterator[tuple[date, bool, PurchaseHistory]]:
    """Yield each cutoff, whether it is tonight's, and its buyers."""
    cutoffs = connection.execute(
        "select as_of, bool_or(role = 'score') from features.cutoffs group by as_of order by as_of"
    ).fetchall()
    for as_of, is_scored in cutoffs:
        frame = connection.execute(
            """
            select customer_id, purchase_days - 1.0 as repeats, (tenure_days - recency_days)::double as recency,
                tenure_days::double as age, (spend_total / purchase_days)::double as mean_value
            from features.purchase_features
            where as_of = $as_of and purchase_days > 0
            order by customer_id
            """,
            {"as_of": as_of},
        ).df()
        repeats, recency, age, mean_value = (
            frame[name].to_numpy(np.float64) for name in ("repeats", "recency", "age", "mean_value")
        )
        log_gap_sum = _log_gap_sum(connection, as_of)
        yield as_of, is_scored, PurchaseHistory(frame["customer_id"], repeats, recency, age, mean_value, log_gap_sum)


def _log_gap_sum(connection: Connection, as_of: date) -> float:
    gaps = connection.execute(
        """
        select customer_day.gap_days, count(*)
        from features.customer_day
        inner join features.purchase_features using (customer_id)
        where purchase_features.as_of = $as_of and customer_day.order_date < $as_of and gap_days is not null
        group by customer_day.gap_days
        """,
        {"as_of": as_of},
    ).fetchall()
    # exact in any order: a sum over the database's threads differs in its last digits from run to run
    return math.fsum(count * math.log(days) for days, count in gaps)


def _fit(history: PurchaseHistory) -> PurchaseModel | None:
    """Return MBG/CNBD-k if customers buy regularly, else MBG/NBD, else the best available model.

    MBG/NBD comes before Pareto/NBD, which takes ten times as long and has equal skill.
    """
    summary = compress(history.repeats, history.recency, history.age, log_gap_sum=history.log_gap_sum)
    rhythm = MBGCNBDk.fit(summary)
    if rhythm.model is not None and rhythm.status == "converged":
        if rhythm.model.k >= _RHYTHMIC:
            return rhythm.model
        if rhythm.model.k == 1:  # without regularity it is MBG/NBD, and need not be fitted again
            return MBGNBD(rhythm.model.r, rhythm.model.alpha, rhythm.model.a, rhythm.model.b)
    choice = fit_first(summary, (MBGNBD, ParetoNBD))
    if choice.model is None:
        log.warning("no buy-till-you-die model: %s", choice.reason)
    return choice.model


def _quantities(
    model: PurchaseModel, history: PurchaseHistory, settings: Settings, horizons: list[int]
) -> pd.DataFrame:
    past = (history.repeats, history.recency, history.age)
    value = _purchase_value(history)
    lifetime = discounted_purchases(model, settings.lifetime_days, *past, yearly_rate=settings.discount_rate)
    found = {
        "btyd_probability_alive": model.probability_alive(*past),
        "btyd_purchase_value": value,
        "btyd_lifetime_spend": lifetime * value,
    }
    for days in horizons:
        purchases = model.expected_purchases(days, *past)
        found[f"btyd_purchases_{days}d"] = purchases
        found[f"btyd_spend_{days}d"] = purchases * value
        found[f"btyd_purchase_probability_{days}d"] = model.probability_purchase(days, *past)
    return pd.DataFrame(found)


def _next_order_dates(
    model: PurchaseModel, history: PurchaseHistory, settings: Settings, as_of: date
) -> NDArray[np.datetime64]:
    """Return the median date of the next order if the customer is still active; for readers, not a feature."""
    past = (history.repeats, history.recency, history.age)
    return next_order_dates(as_of, median_wait(model, *past, longest=settings.lifetime_days))


def _purchase_value(history: PurchaseHistory) -> Array:
    """Return the expected value of a purchase day: the customer's own mean, shrunk towards the overall mean.

    One outlier must not raise the overall mean, nor the total of all predictions.
    """
    most = (
        OUTLIER_MULTIPLE * np.quantile(history.mean_value, 0.99, method="lower") if len(history.mean_value) else np.inf
    )
    purchases, mean_value = (
        history.repeats + 1,
        np.clip(history.mean_value, _SMALLEST_VALUE, max(most, _SMALLEST_VALUE)),
    )
    usual = (history.repeats > 0) & (history.mean_value <= most)
    fit = GammaGamma.fit(purchases[usual], mean_value[usual])
    if fit.model is None:
        return np.full(len(mean_value), float(mean_value.mean()))
    return fit.model.expected_average_value(purchases, mean_value)
