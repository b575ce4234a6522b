"""The expected total of a cutoff (the level): total spend of all its customers, and the share who buy.

Models rank customers well but miss the total: trained on spring they are 30-45 % too low in a gift shop's autumn. The
buy-till-you-die expectation of the cutoff itself is reliable, times the season: last year's ratio of actual to expected in
the same weeks, if there is enough history to measure one. Predictions are scaled to that. No data at or after the
cutoff is used. Errors of earlier cutoffs are not reused: we measured that they reflect a different season.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from scipy.optimize import brentq

from clv_pipeline.features.cutoffs import YEAR
from clv_pipeline.features.window_spend import window_spend
from clv_pipeline.modeling.data.dataset import LabelledRows
from clv_pipeline.modeling.metrics import Array
from clv_pipeline.warehouse.connection import Connection

#: Limit of the seasonal factor: a larger ratio is an accident of last year.
_LIMITS = (0.5, 2.0)


@dataclass(frozen=True)
class ExpectedTotal:
    """Expectation for all customers of a cutoff: total spend in money, and the share who buy; None if unknown."""

    spend: float | None = None
    buyers: float | None = None
    #: seasonal factor of last year applied to the expected spend; None if unknown
    season: float | None = None


@dataclass(frozen=True)
class PastMean:
    """What the customers of past windows spent on average, and the share of them who bought: the level of everybody where
    nothing can be ranked, since a season or an expectation per customer would only add noise."""

    spend: float
    buyers: float
    horizon_days: int

    @classmethod
    def of(cls, rows: LabelledRows, horizon_days: int) -> "PastMean":
        return cls(float(rows.spend.mean()), float(rows.flag.mean()), horizon_days)

    def total(self, customers: int, horizon_days: int) -> ExpectedTotal:
        """Return the level of so many customers, extrapolated to a horizon."""
        windows = horizon_days / self.horizon_days
        return ExpectedTotal(max(self.spend, 0.0) * customers * windows, 1 - (1 - self.buyers) ** windows)


def expected_total(connection: Connection, cutoff: date, horizon_days: int) -> ExpectedTotal:
    """Return the expected total of the window [cutoff, cutoff + horizon), in money, and the share of buyers.

    The population of `cutoff` has rows in `features.btyd_features`; an empty one gives an unknown total.

    The season needs rows there at `cutoff` - 52 weeks too, which `cutoff_a_year_before` gives.
    """
    spend, chance = _expectations(connection, cutoff, horizon_days)
    if not len(spend):
        return ExpectedTotal()
    earlier = cutoff - YEAR
    past_spend, past_chance = _expectations(connection, earlier, horizon_days)
    # a window longer than a year has no season of its own, and last year's would reach past the cutoff
    if not len(past_spend) or horizon_days > YEAR.days:
        return ExpectedTotal(float(spend.sum()), float(chance.mean()))
    # cap outliers, as in the expectations: one outlier is not a season
    happened = window_spend(
        connection, earlier, earlier + timedelta(days=horizon_days), cap_outliers=True,
        among=f"customer_id in (select customer_id from features.btyd_features where as_of = date '{earlier}')",
    )  # fmt: skip
    actual_spend, actual_buyers = happened.total, happened.buyers / len(past_spend)
    if actual_spend <= 0 or past_spend.sum() <= 0 or not 0 < actual_buyers < 1:
        return ExpectedTotal(float(spend.sum()), float(chance.mean()))
    season = float(np.clip(actual_spend / past_spend.sum(), *_LIMITS))
    odds = float(np.clip(_odds_factor(past_chance, actual_buyers), *_LIMITS))
    return ExpectedTotal(float(spend.sum()) * season, float(_at_odds(chance, odds).mean()), season)


def scale_spend(predicted: Array, level: ExpectedTotal) -> Array:
    """Return predictions in money, shape (n,), scaled so that they sum to the expected total; unchanged if it is unknown.

    >>> scale_spend(np.array([10.0, 30.0]), ExpectedTotal(spend=80.0))
    array([20., 60.])
    """
    total = float(predicted.sum())
    return predicted if level.spend is None or total <= 0 else np.asarray(predicted * (level.spend / total))


def scale_probability(predicted: Array, level: ExpectedTotal) -> Array:
    """Return probabilities, shape (n,), whose mean is the expected share of buyers: all odds change by one factor.

    Odds, not rates: measured on two real companies and two synthetic ones, a season moves the log odds of rare and of
    frequent buyers alike (their slope stays within .1 of itself; with one factor of the rates it swings by .3).

    >>> scale_probability(np.array([0.1, 0.5]), ExpectedTotal(buyers=0.4)).round(3)
    array([0.163, 0.637])
    """
    if level.buyers is None or not len(predicted):
        return predicted
    return _at_odds(predicted, _odds_factor(predicted, level.buyers))


def _at_odds(chance: Array, factor: float) -> Array:
    return np.asarray(factor * chance / (1 - chance + factor * chance), dtype=np.float64)


def _odds_factor(chance: Array, share: float) -> float:
    """Return the factor of all odds of a purchase that makes the mean probability `share`."""

    def excess(log_factor: float) -> float:
        return float(_at_odds(chance, np.exp(log_factor)).mean()) - share

    if not excess(-8.0) < 0 < excess(8.0):
        return 1.0
    return float(np.exp(brentq(excess, -8.0, 8.0, xtol=1e-6)))


def _expectations(connection: Connection, cutoff: date, horizon_days: int) -> tuple[Array, Array]:
    found = connection.execute(
        f"""
        select btyd_spend_{horizon_days:d}d as spend, btyd_purchase_probability_{horizon_days:d}d as chance
        from features.btyd_features
        where as_of = $cutoff
        order by customer_id
        """,
        {"cutoff": cutoff},
    ).fetchnumpy()
    return np.asarray(found["spend"], dtype=np.float64), np.asarray(found["chance"], dtype=np.float64)
