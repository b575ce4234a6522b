"""The expected total of a cutoff (the level): total spend of all its customers, and the share who buy.

Models rank customers well but miss the total: trained on spring they are 30-45 % too low in a gift shop's autumn. The
buy-till-you-die expectation of the cutoff itself is reliable, times the season: last year's ratio of actual to expected in
the same weeks, if there is enough history to measure one. Where there is not, a quarter of the error of the last closed
window is carried on: on 61 windows of seven data sets the totals were then off by .183 (mean absolute logarithm), with the
season alone by .241, and with the whole error carried on by more: it is mostly another season's. Predictions are scaled to
that. No data at or after the cutoff is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from scipy.optimize import brentq

from clv_pipeline.features.btyd_features import PLAN
from clv_pipeline.features.cutoffs import YEAR
from clv_pipeline.features.window_spend import WindowSpend, window_spend
from clv_pipeline.modeling.data.dataset import LabelledRows
from clv_pipeline.modeling.metrics import Array
from clv_pipeline.warehouse.connection import Connection

#: Limit of the seasonal factor, and of the last window's error: a larger ratio is an accident.
LIMITS = (0.5, 2.0)
#: Share of the last window's error, as a logarithm, that is carried on.
CARRIED_ON = 0.25
#: Deviation of the logarithm of a season among companies: a ratio measured on few purchases is shrunk towards 1.
SEASONS_DIFFER_BY = 0.25
#: Variance of a total around its expectation, in that of the purchases alone: 2.7 in 40 simulated shops of 100 customers half
#: a year old, 2.1 in those of 300 customers.
WITH_THE_FIT = 2.5
#: Most that the purchase models' expectation weighs in a customer's spend in a season unlike those learned from.
_MOST_WEIGHT = 0.5


@dataclass(frozen=True)
class ExpectedTotal:
    """Expectation for all customers of a cutoff: total spend in money, and the share who buy; None if unknown."""

    spend: float | None = None
    buyers: float | None = None
    #: seasonal factor of last year applied to the expected spend; None if unknown
    season: float | None = None
    #: factor for the error of the last closed window, where no season is known; None if no window is over
    carried: float | None = None
    #: weight of the purchase models' expectation in each customer's spend, the rest being the model's own shape
    expectation_weight: float = 0.0
    #: whether customers pay by a plan, so that the purchase models alone know who has stopped
    is_plan: bool = False
    #: variance of the logarithm of the total that chance alone explains (`features/window_spend.py`): of the purchases to come,
    #: and of the expectation, which was learned from no more purchases
    variation: float = 0.0


@dataclass(frozen=True)
class PastMean:
    """What the customers of past windows spent on average, and the share of them who bought: the level of everybody where
    nothing can be ranked, since a season or an expectation per customer would only add noise."""

    spend: float
    buyers: float
    horizon_days: int

    @classmethod
    def of(cls, rows: LabelledRows, horizon_days: int) -> "PastMean":
        return cls(float(rows.spend.mean()), float(rows.purchase.mean()), horizon_days)

    def total(self, customers: int, horizon_days: int) -> ExpectedTotal:
        """Return the level of so many customers, extrapolated to a horizon."""
        windows = horizon_days / self.horizon_days
        return ExpectedTotal(max(self.spend, 0.0) * customers * windows, 1 - (1 - self.buyers) ** windows)


def expected_total(connection: Connection, cutoff: date, horizon_days: int) -> ExpectedTotal:
    """Return the expected total of the window [cutoff, cutoff + horizon), in money, and the share of buyers.

    The population of `cutoff` has rows in `features.btyd_features`; an empty one gives an unknown total.

    The season needs rows there at `cutoff` - 52 weeks too, which `cutoff_a_year_before` gives; without it, the rows at
    `cutoff` - horizon tell how far the last closed window was off.
    """
    spend, chance = _expectations(connection, cutoff, horizon_days)
    if not len(spend):
        return ExpectedTotal()
    total = float(spend.sum())
    trailing = window_spend(connection, cutoff - timedelta(days=horizon_days), cutoff, cap_outliers=True)
    variation = WITH_THE_FIT * min(trailing.variation * max(trailing.total, 0.0) / total, 1.0) if total > 0 else 1.0
    is_plan = regularity_at(connection, cutoff) >= PLAN
    # a window longer than a year has no season of its own, and last year's would reach past the cutoff
    last_year = cutoff - YEAR if horizon_days <= YEAR.days else None
    found = _ratio(connection, last_year, horizon_days) if last_year else None
    if found is not None:
        season, odds = found.spend**found.known, found.odds**found.known
        return ExpectedTotal(
            total * season, float(_at_odds(chance, odds).mean()), season, is_plan=is_plan, variation=variation
        )
    found = _ratio(connection, cutoff - timedelta(days=horizon_days), horizon_days)
    carried = found.spend ** (CARRIED_ON * found.known) if found else 1.0
    odds = found.odds ** (CARRIED_ON * found.known) if found else 1.0
    return ExpectedTotal(
        total * carried, float(_at_odds(chance, odds).mean()), None, carried if found else None, 0.0, is_plan, variation
    )


@dataclass(frozen=True)
class _Ratio:
    """Actual over expected in a past window, within the limits: of the spend, and of the odds of a purchase."""

    spend: float
    odds: float
    #: variance of the logarithm of the actual total that chance explains
    variation: float

    @property
    def known(self) -> float:
        """The share of the ratio, as a logarithm, that is not chance."""
        return SEASONS_DIFFER_BY**2 / (SEASONS_DIFFER_BY**2 + self.variation)


def _ratio(connection: Connection, cutoff: date, horizon_days: int) -> _Ratio | None:
    """Return the ratios of the window from a past cutoff; None where nothing was expected, bought, or not bought."""
    spend, chance = _expectations(connection, cutoff, horizon_days)
    if not len(spend):
        return None
    happened = spend_at(connection, cutoff, horizon_days)
    buyers = happened.buyers / len(spend)
    if happened.total <= 0 or spend.sum() <= 0 or not 0 < buyers < 1:
        return None
    return _Ratio(
        float(np.clip(happened.total / spend.sum(), *LIMITS)), float(np.clip(_odds_factor(chance, buyers), *LIMITS)),
        WITH_THE_FIT * happened.variation,
    )  # fmt: skip


def spend_at(connection: Connection, cutoff: date, horizon_days: int) -> WindowSpend:
    """Return what the customers with an expectation at a cutoff spent in the window from it, outliers capped as there."""
    return window_spend(
        connection, cutoff, cutoff + timedelta(days=horizon_days), cap_outliers=True,
        among=f"customer_id in (select customer_id from features.btyd_features where as_of = date '{cutoff}')",
    )  # fmt: skip


def closed_cutoffs(connection: Connection, by: date, horizon_days: int) -> list[date]:
    """Return the cutoffs with expectations whose windows are over by a day, oldest first."""
    found = connection.execute(
        "select distinct as_of from features.btyd_features where as_of + $days::integer <= $by order by as_of",
        {"days": horizon_days, "by": by},
    ).fetchall()
    return [cutoff for (cutoff,) in found]


def learned_season(connection: Connection, cutoffs: Sequence[date], horizon_days: int) -> float:
    """Return the geometric mean of actual over expected spend in the windows that a model is fitted to; 1 without any."""
    ratios = [found.spend for cutoff in cutoffs if (found := _ratio(connection, cutoff, horizon_days))]
    return float(np.exp(np.mean(np.log(ratios)))) if ratios else 1.0


def for_model(level: ExpectedTotal, season_learned: float) -> ExpectedTotal:
    """Return the level with the weight of the expectation for a model that has learned from windows of such a season.

    Where the season to come is not the one that was learned, the shape of the model is not to be trusted either. On Online
    Retail II from 2011-09-11 the error by predicted decile falls from .15 to .05, at the same Gini.

    >>> for_model(ExpectedTotal(season=1.5), season_learned=1.0).expectation_weight
    0.4054651081081644
    >>> for_model(ExpectedTotal(season=None), season_learned=1.0).expectation_weight
    0.0
    """
    if level.season is None:
        return level
    return replace(level, expectation_weight=float(min(abs(np.log(level.season / season_learned)), _MOST_WEIGHT)))


def scale_spend(predicted: Array, level: ExpectedTotal, expectation: Array | None = None) -> Array:
    """Return predictions in money, shape (n,), scaled so that they sum to the expected total; unchanged if it is unknown.

    expectation: the purchase models' own, shape (n,), which takes its weight of each customer's spend.

    >>> scale_spend(np.array([10.0, 30.0]), ExpectedTotal(spend=80.0))
    array([20., 60.])
    >>> scale_spend(np.array([10.0, 30.0]), ExpectedTotal(spend=80.0, expectation_weight=0.5), np.array([5.0, 5.0]))
    array([30., 50.])
    """
    scaled = _summing_to(predicted, level.spend)
    weight = 1.0 if level.is_plan else level.expectation_weight
    if expectation is None or not weight or level.spend is None or float(expectation.sum()) <= 0:
        return scaled
    return (1 - weight) * scaled + weight * _summing_to(expectation, level.spend)


def _summing_to(values: Array, total: float | None) -> Array:
    now = float(values.sum())
    return values if total is None or now <= 0 else np.asarray(values * (total / now))


def scale_probability(predicted: Array, level: ExpectedTotal, expectation: Array | None = None) -> Array:
    """Return probabilities, shape (n,), whose mean is the expected share of buyers: all odds change by one factor.

    expectation: the purchase models' own, shape (n,), which takes the place of the prediction where customers pay by a plan.

    Odds, not rates: measured on two real companies and two synthetic ones, a season moves the log odds of rare and of
    frequent buyers alike (their slope stays within .1 of itself; with one factor of the rates it swings by .3).

    >>> scale_probability(np.array([0.1, 0.5]), ExpectedTotal(buyers=0.4)).round(3)
    array([0.163, 0.637])
    """
    if level.buyers is None or not len(predicted):
        return predicted
    if expectation is not None and level.is_plan:
        predicted = np.clip(expectation, 0, 1)
    return _at_odds(predicted, _odds_factor(predicted, level.buyers))


def change_of_odds(predicted: Array, share: float) -> Callable[[Array], Array]:
    """Return the function that changes the odds of probabilities by the one factor which gives `predicted` the mean `share`.

    >>> change_of_odds(np.array([0.1, 0.5]), share=0.4)(np.array([0.2])).round(3)
    array([0.305])
    """
    factor = _odds_factor(predicted, share)
    return lambda chance: _at_odds(chance, factor)


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


def regularity_at(connection: Connection, cutoff: date) -> int:
    """Return k of the waiting times at a cutoff; 1 where customers buy at random, and where no model was fitted."""
    found = connection.execute(
        "select regularity from features.purchase_models where as_of = $cutoff", {"cutoff": cutoff}
    ).fetchall()
    return int(found[0][0]) if found else 1
