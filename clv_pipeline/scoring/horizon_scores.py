"""Scores of one horizon, computed from a model's predictions: expected total, calibration, interval."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import pandas as pd

from clv_pipeline.modeling.calibration.level import ExpectedTotal, scale_probability, scale_spend
from clv_pipeline.modeling.data.dataset import expectation_in
from clv_pipeline.modeling.data.prospects import Prospects
from clv_pipeline.modeling.metrics import Array
from clv_pipeline.modeling.registry.registry import HorizonModel


@dataclass(frozen=True)
class Predictions:
    """Predictions of one horizon and the purchase models' own expectations, money and 0..1; arrays of shape (n,)."""

    spend: Array
    probability: Array
    expected_spend: Array
    expected_probability: Array

    @classmethod
    def of(cls, spend: Array, probability: Array, features: pd.DataFrame, horizon_days: int) -> Self:
        """Return the predictions with the expectations among the features; without a purchase model, with zeros."""
        expectations = (expectation_in(features, kind, horizon_days) for kind in ("spend", "purchase_probability"))
        return cls(spend, probability, *(np.zeros(len(spend)) if e is None else e for e in expectations))

    @classmethod
    def of_all(cls, batches: Sequence["Predictions"]) -> Self:
        """Return the batches as one."""
        nobody = np.zeros(0)
        return cls(*(np.concatenate([nobody, *(getattr(b, f.name) for b in batches)]) for f in fields(cls)))


@dataclass(frozen=True)
class HorizonScores:
    """Arrays of shape (n,), one entry per customer, in money and in 0..1."""

    predicted_spend: Array
    typical_spend: Array
    predicted_spend_low: Array
    predicted_spend_high: Array
    spend_if_buying_low: Array
    spend_if_buying_typical: Array
    spend_if_buying_high: Array
    purchase_probability: Array

    @classmethod
    def names(cls, horizon_days: int) -> list[str]:
        """Return the columns of a horizon, in order.

        >>> HorizonScores.names(90)[0]
        'predicted_spend_90d'
        """
        return [f"{field.name}_{horizon_days}d" for field in fields(cls)]

    def columns(self, horizon_days: int) -> dict[str, Array]:
        """Return column name -> values of shape (n,), in the order of `names`."""
        values = (getattr(self, field.name) for field in fields(self))
        return dict(zip(self.names(horizon_days), values, strict=True))

    def at_least(self, shorter: "HorizonScores | None") -> Self:
        """Return the scores, none below those of a shorter horizon, which this one contains.

        >>> month, quarter = (HorizonScores(*np.array([[spend]] * 8)) for spend in (12.0, 10.0))
        >>> quarter.at_least(month).predicted_spend
        array([12.])
        """
        if shorter is None:
            return self
        own, others = self.columns(0).values(), shorter.columns(0).values()
        return type(self)(*(np.maximum(v, o) for v, o in zip(own, others, strict=True)))

    @classmethod
    def of(cls, horizon: HorizonModel, total: ExpectedTotal, predicted: Predictions) -> Self:
        """Return the scores for these predictions; a fixed rule keeps its own total."""
        expected, probability = predicted.spend, predicted.probability
        if not horizon.spend.is_baseline:
            expected = scale_spend(expected, total, predicted.expected_spend)
        own_level = ExpectedTotal() if horizon.purchase.is_baseline else total
        probability = scale_probability(probability, own_level, predicted.expected_probability)
        probability = horizon.calibration.probability(probability, own_level)
        interval = horizon.calibration.interval(expected, probability, horizon.calibration.reach(total))
        return cls(
            expected, interval.typical, interval.low, interval.high,
            interval.if_buying_low, interval.if_buying_typical, interval.if_buying_high, probability,
        )  # fmt: skip

    @classmethod
    def of_nobody(cls) -> Self:
        """Return empty scores: a company where nobody has bought yet still has every column.

        >>> HorizonScores.of_nobody().columns(90)["predicted_spend_90d"]
        array([], dtype=float64)
        """
        return cls(*(np.zeros(0) for _ in fields(cls)))

    @classmethod
    def of_prospects(cls, prospects: Prospects) -> Self:
        """Return the scores of customers who never bought, in arrays of one entry: the average of earlier such customers.

        >>> HorizonScores.of_prospects(Prospects(spend=5.0, high=20.0, probability=0.1)).predicted_spend
        array([5.])
        """
        said = (
            prospects.spend, 0.0, 0.0, prospects.high,
            prospects.if_buying_low, prospects.if_buying_typical, prospects.if_buying_high, prospects.probability,
        )  # fmt: skip
        return cls(*(np.array([value]) for value in said))


def extended(
    spend: Array, probability: Array, learned_days: int, horizon_days: int, features: pd.DataFrame
) -> tuple[Array, Array]:
    """Extrapolate a learned horizon to another by the ratio of the customer's buy-till-you-die expectations.

    spend (money), probability: shape (n,), of the learned horizon. features: their n rows. Returns both for the other one.

    >>> expected = pd.DataFrame({"btyd_purchases_90d": [1.0], "btyd_purchases_180d": [1.5]})
    >>> spend, probability = extended(np.array([10.0]), np.array([0.5]), 90, 180, expected)
    >>> spend, probability
    (array([15.]), array([0.75]))
    """

    def expectation(kind: str, days: int) -> Array:
        name = f"btyd_{kind}_{days}d"
        return features[name].to_numpy(np.float64) if name in features else np.full(len(features), np.nan)

    plain = horizon_days / learned_days
    longer, learned = expectation("purchases", horizon_days), expectation("purchases", learned_days)
    growth = np.where(learned > 0, longer / np.where(learned > 0, learned, 1.0), plain)
    growth = np.where(np.isfinite(growth), growth, plain)
    rates = [-np.log1p(-np.clip(expectation("purchase_probability", days), 0, 1 - 1e-6))
             for days in (horizon_days, learned_days)]  # fmt: skip
    rate_growth = np.where(rates[1] > 0, rates[0] / np.maximum(rates[1], 1e-12), plain)
    rate_growth = np.where(np.isfinite(rate_growth), rate_growth, plain)
    return spend * growth, 1 - (1 - np.clip(probability, 0, 1 - 1e-9)) ** rate_growth
