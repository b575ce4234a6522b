"""Scores of one horizon, computed from a model's predictions: expected total, calibration, interval."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import pandas as pd

from clv_pipeline.modeling.calibration.level import ExpectedTotal, scale_probability, scale_spend
from clv_pipeline.modeling.metrics import Array
from clv_pipeline.modeling.registry.registry import HorizonModel


@dataclass(frozen=True)
class HorizonScores:
    """Arrays of shape (n,), one entry per customer, in money and in 0..1; nan until a past window has been evaluated."""

    predicted_spend: Array
    typical_spend: Array
    predicted_spend_low: Array
    predicted_spend_high: Array
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
        """Return the scores, none below those of a shorter horizon, which this one contains; nan stays nan.

        >>> month, quarter = (HorizonScores(*np.array([[spend]] * 5)) for spend in (12.0, 10.0))
        >>> quarter.at_least(month).predicted_spend
        array([12.])
        """
        if shorter is None:
            return self
        own, others = self.columns(0).values(), shorter.columns(0).values()
        return type(self)(*(np.where(np.isnan(v), np.nan, np.fmax(v, o)) for v, o in zip(own, others, strict=True)))

    @classmethod
    def of(cls, horizon: HorizonModel, total: ExpectedTotal, spend: Array, probability: Array) -> Self:
        """Return the scores for this predicted spend and probability; a fixed rule keeps its own total."""
        expected = spend if horizon.spend.is_baseline else scale_spend(spend, total)
        own_level = ExpectedTotal() if horizon.flag.is_baseline else total
        if horizon.calibration is None:
            unknown = np.full(len(spend), np.nan)
            probability = probability if horizon.flag.is_baseline else scale_probability(probability, total)
            return cls(expected, unknown, unknown, unknown, probability)
        probability = horizon.calibration.probability(probability, own_level)
        interval = horizon.calibration.interval(expected, probability)
        return cls(expected, interval.typical, interval.low, interval.high, probability)

    @classmethod
    def of_nobody(cls) -> Self:
        """Return empty scores: a company where nobody has bought yet still has every column.

        >>> HorizonScores.of_nobody().columns(90)["predicted_spend_90d"]
        array([], dtype=float64)
        """
        return cls(*(np.zeros(0) for _ in fields(cls)))

    @classmethod
    def of_prospects(cls, horizon: HorizonModel) -> Self:
        """Return the scores of customers who never bought, in arrays of one entry: the average of earlier such customers.

        >>> from clv_pipeline.modeling.registry.registry import Recipe
        >>> rule = Recipe("spend_rate", {}, is_baseline=True)
        >>> horizon = HorizonModel(90, 90, rule, rule, True, None, 5.0, prospect_high=20.0, prospect_probability=0.1)
        >>> HorizonScores.of_prospects(horizon).predicted_spend
        array([5.])
        """
        measured = 0.0 if horizon.calibration else np.nan
        high = horizon.prospect_high + measured
        said = (horizon.prospect_spend, measured, measured, high, horizon.prospect_probability)
        return cls(*(np.array([value]) for value in said))


def extended(spend: Array, probability: Array, horizon: HorizonModel, features: pd.DataFrame) -> tuple[Array, Array]:
    """Extrapolate a learned horizon to another by the ratio of the customer's buy-till-you-die expectations.

    spend (money), probability: shape (n,), of the learned horizon. features: their n rows. Returns both for the other one.

    >>> from clv_pipeline.modeling.registry.registry import Recipe
    >>> rule = Recipe("spend_rate", {}, is_baseline=True)
    >>> half_a_year = HorizonModel(180, 90, rule, rule, True, None, 0.0, 0.0, 0.0)
    >>> expected = pd.DataFrame({"btyd_purchases_90d": [1.0], "btyd_purchases_180d": [1.5]})
    >>> spend, probability = extended(np.array([10.0]), np.array([0.5]), half_a_year, expected)
    >>> spend, probability
    (array([15.]), array([0.75]))
    """

    def expectation(kind: str, days: int) -> Array:
        name = f"btyd_{kind}_{days}d"
        return features[name].to_numpy(np.float64) if name in features else np.full(len(features), np.nan)

    plain = horizon.horizon_days / horizon.learned_days
    growth = expectation("purchases", horizon.horizon_days) / expectation("purchases", horizon.learned_days)
    growth = np.where(np.isfinite(growth), growth, plain)
    rates = [-np.log1p(-np.clip(expectation("purchase_probability", days), 0, 1 - 1e-6))
             for days in (horizon.horizon_days, horizon.learned_days)]  # fmt: skip
    rate_growth = np.where(rates[1] > 0, rates[0] / np.maximum(rates[1], 1e-12), plain)
    rate_growth = np.where(np.isfinite(rate_growth), rate_growth, plain)
    return spend * growth, 1 - (1 - np.clip(probability, 0, 1 - 1e-9)) ** rate_growth
