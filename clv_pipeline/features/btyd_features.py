"""Buy-till-you-die quantities as features: the models of each cutoff, fitted to its customers' earlier purchases.

Fitting and formulas are in `btyd/`; this module has the input (tonight's purchase features) and the output
(`features.btyd_features`, `features.purchase_models`). Where customers buy at random, every quantity is the mean of two
models, MBG/NBD and Pareto/NBD: their errors differ in sign, and over 61 windows of seven data sets the mean's total is
nearer than either's. Where they keep a rhythm, it is that of MBG/CNBD-k alone.

Gamma-Gamma weighs a customer's own average against the population's over all purchase days, the first included: measured
on three companies, that ranks better than repeat purchases alone.
"""

import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

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
    median_wait,
    next_order_dates,
)
from clv_pipeline.contracts.warehouse import BTYD_FEATURES, PURCHASE_MODELS
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.purchase_priors import DROPOUT_AFTER_A_PURCHASE, DROPOUT_AT_ANY_TIME, order_value_prior
from clv_pipeline.features.window_spend import OUTLIER_MULTIPLE
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse

log = logging.getLogger(__name__)
Array = NDArray[np.float64]

#: A purchase day that was fully returned is still a purchase; Gamma-Gamma needs a positive value.
_SMALLEST_VALUE = 0.01
#: With fewer buyers than the setting `min_buyers` the spread of values between customers is known badly: one small purchase
#: is not taken for a sign of ones more than so many times as large.
_MOST_RAISED = 2.0
#: From this regularity on a company's customers keep a rhythm. On the simulated purchases of benchmarks/rhythm.py MBG/CNBD-k
#: is then far better than MBG/NBD; at k = 2 the likelihood prefers it on some companies whose customers it ranks worse.
RHYTHMIC = 3
#: From this regularity on they pay by a plan: a missed payment ends it, which no model of averages knows.
PLAN = 8
_PURCHASES = "select * from features.purchase_features where as_of = $as_of"
#: The same at a cutoff that has no features.
_PURCHASES_OF_ANY_DAY = """
    select customer_id, count(*) filter (where is_purchase_day) as purchase_days, sum(net_spend) as spend_total,
        date_diff('day', min(order_date) filter (where is_purchase_day), $as_of::date) as tenure_days,
        date_diff('day', max(order_date) filter (where is_purchase_day), $as_of::date) as recency_days,
        max(net_spend) as largest_day_spend
    from features.customer_day
    where order_date < $as_of::date
    group by customer_id
"""
#: One row per buyer at a cutoff. A purchase day beyond the outlier limit counts as the limit, unless the customer's others
#: are of that size (see `window_spend.py`); here the limit is that of the customers' means.
_HISTORY = f"""
    with buyers as (
        select customer_id, purchase_days, tenure_days, recency_days, spend_total, largest_day_spend,
            {OUTLIER_MULTIPLE:d} * quantile_disc(spend_total / purchase_days, 0.99) over () as outlier_limit
        from ({{purchases}})
        where purchase_days > 0
    )

    select customer_id, purchase_days - 1.0 as repeats, (tenure_days - recency_days)::double as recency,
        tenure_days::double as age,
        (case
            when largest_day_spend > outlier_limit
                and largest_day_spend * (purchase_days - 1) > {OUTLIER_MULTIPLE:d} * (spend_total - largest_day_spend)
                then spend_total - largest_day_spend + outlier_limit
            else spend_total
        end / purchase_days)::double as mean_value
    from buyers
    order by customer_id
"""


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
    """Build `features.btyd_features`, one row per (as_of, customer_id) who has bought; return each cutoff's models.

    Also writes `features.purchase_models`. If no model can be fitted (everybody was seen on one day only), a cutoff has no
    rows and its features are null.
    """
    models: dict[str, str] = {}
    with warehouse.transaction() as connection:
        horizons = _horizons(connection)
        tables.create(connection, BTYD_FEATURES, horizons)
        tables.create(connection, PURCHASE_MODELS)
        for as_of, is_scored, history in _histories(connection):
            fitted = fit_models(history)
            models[as_of.isoformat()] = " + ".join(m.name for m in fitted) or "none: everybody was seen on one day only"
            if not fitted:
                continue
            tables.append(connection, PURCHASE_MODELS, [_described(as_of, fitted, history)])
            frame = _quantities(fitted, history, settings, horizons).assign(
                as_of=as_of, customer_id=history.customer_id
            )
            if is_scored:
                frame = frame.assign(**_for_readers(fitted, history, settings, as_of))
            tables.append(connection, BTYD_FEATURES, frame)
    return models


def _described(as_of: date, models: Sequence[PurchaseModel], history: PurchaseHistory) -> tuple[object, ...]:
    """Return the row of `features.purchase_models`."""
    regularity = models[0].k if isinstance(models[0], MBGCNBDk) else 1
    parameters = json.dumps([model.to_dict() for model in models])
    repeat_buyers = int((history.repeats > 0).sum())
    return as_of, " + ".join(m.name for m in models), regularity, parameters, len(history.repeats), repeat_buyers


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
        yield as_of, is_scored, _history(connection, as_of, _PURCHASES)


def history_on(connection: Connection, day: date) -> PurchaseHistory:
    """Return the purchases of everybody before a day, which need not be a cutoff of tonight's features."""
    return _history(connection, day, _PURCHASES_OF_ANY_DAY)


def _history(connection: Connection, as_of: date, purchases: str) -> PurchaseHistory:
    frame = connection.execute(_HISTORY.format(purchases=purchases), {"as_of": as_of}).df()
    repeats, recency, age, mean_value = (
        frame[name].to_numpy(np.float64) for name in ("repeats", "recency", "age", "mean_value")
    )
    log_gap_sum = _log_gap_sum(connection, as_of, purchases)
    return PurchaseHistory(frame["customer_id"], repeats, recency, age, mean_value, log_gap_sum)


def _log_gap_sum(connection: Connection, as_of: date, purchases: str) -> float:
    gaps = connection.execute(
        f"""
        select customer_day.gap_days, count(*)
        from features.customer_day
        inner join ({purchases}) using (customer_id)
        where customer_day.order_date < $as_of and gap_days is not null
        group by customer_day.gap_days
        """,
        {"as_of": as_of},
    ).fetchall()
    # exact in any order: a sum over the database's threads differs in its last digits from run to run
    return math.fsum(count * math.log(days) for days, count in gaps)


def fit_models(history: PurchaseHistory) -> list[PurchaseModel]:
    """Return MBG/CNBD-k alone if customers keep a rhythm, else MBG/NBD and Pareto/NBD; none where nothing can be fitted."""
    summary = compress(history.repeats, history.recency, history.age, log_gap_sum=history.log_gap_sum)
    rhythm = MBGCNBDk.fit(summary, DROPOUT_AFTER_A_PURCHASE).model
    if rhythm is not None and rhythm.k >= RHYTHMIC:
        return [rhythm]
    fits = (MBGNBD.fit(summary, DROPOUT_AFTER_A_PURCHASE), ParetoNBD.fit(summary, DROPOUT_AT_ANY_TIME))
    for fit in fits:
        if fit.model is None:
            log.warning("no %s model: %s", fit.name, fit.reason)
    return [fit.model for fit in fits if fit.model is not None]


def _quantities(
    models: Sequence[PurchaseModel], history: PurchaseHistory, settings: Settings, horizons: list[int]
) -> pd.DataFrame:
    """Return the features of a cutoff: each the mean of the models."""
    past = (history.repeats, history.recency, history.age)
    value = purchase_value(history)
    if len(value) < settings.min_buyers:
        # a purchase that was sent back whole has no value to go by
        has_value = history.mean_value > _SMALLEST_VALUE
        value = np.where(has_value, np.minimum(value, _MOST_RAISED * history.mean_value), value)
    found = {
        "btyd_probability_alive": _mean([m.probability_alive(*past) for m in models]),
        "btyd_purchase_value": value,
    }
    for days in horizons:
        purchases = _mean([m.expected_purchases(days, *past) for m in models])
        found[f"btyd_purchases_{days}d"] = purchases
        found[f"btyd_spend_{days}d"] = purchases * value
        found[f"btyd_purchase_probability_{days}d"] = _mean([m.probability_purchase(days, *past) for m in models])
    return pd.DataFrame(found)


def _for_readers(
    models: Sequence[PurchaseModel], history: PurchaseHistory, settings: Settings, as_of: date
) -> dict[str, Any]:
    """Return what is published but no feature: purchases over the lifetime, their discount, the next order's median date."""
    past, days = (history.repeats, history.recency, history.age), settings.lifetime_days
    purchases = _mean([m.expected_purchases(days, *past) for m in models])
    discounted = _mean([discounted_purchases(m, days, *past, yearly_rate=settings.discount_rate) for m in models])
    return {
        "lifetime_purchases": purchases,
        "lifetime_discount": np.where(purchases > 0, discounted / np.maximum(purchases, 1e-300), 1.0),
        "expected_next_order_date": next_order_dates(as_of, median_wait(models[0], *past, longest=days)),
    }


def _mean(quantities: Sequence[Array]) -> Array:
    return np.asarray(np.mean(quantities, axis=0), dtype=np.float64)


def purchase_value(history: PurchaseHistory) -> Array:
    """Return the expected value of a purchase day: the customer's own mean, shrunk towards the overall mean.

    The model is fitted without customers whose mean is beyond the outlier limit: one must not raise the overall mean.
    """
    if not len(history.mean_value):
        return history.mean_value
    most = OUTLIER_MULTIPLE * np.quantile(history.mean_value, 0.99, method="lower")
    purchases, mean_value = history.repeats + 1, np.maximum(history.mean_value, _SMALLEST_VALUE)
    # a purchase day of the customers with one purchase says the least about the spread within a customer
    usual = (history.repeats > 0) & (history.mean_value <= most)
    usual = usual if usual.any() else np.ones(len(mean_value), dtype=bool)
    fit = GammaGamma.fit(purchases[usual], mean_value[usual], order_value_prior(float(np.median(mean_value))))
    if fit.model is None:
        return np.full(len(mean_value), float(mean_value.mean()))
    return fit.model.expected_average_value(purchases, mean_value)
