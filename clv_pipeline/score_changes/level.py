"""The level that tonight's predictions would have if nothing were known that the night before did not know.

A season comes from last year's sales: it moves with the calendar, which is time that passed, and with sales of last year
that were corrected, which is not. Where no season is known, the error of the last window is carried on, which tonight's sales
are part of.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from clv_pipeline.features.cutoffs import YEAR
from clv_pipeline.modeling.calibration.level import ExpectedTotal, for_model
from clv_pipeline.modeling.registry.registry import HorizonModel
from clv_pipeline.score_changes.known import KnownNight
from clv_pipeline.warehouse.connection import Connection, one_row


@dataclass(frozen=True)
class Level:
    """The expected total over the purchase models' sum, None where nothing is scaled; and the weight of their expectation."""

    spend_per_expectation: float | None
    expectation_weight: float


def level_without_news(connection: Connection, night: KnownNight, as_of: date, horizon: HorizonModel) -> Level:
    """Return the level of tonight by what was known on that night; `horizon` is of the model that scored then.

    `differences` and the known rows are there (`steps.py`).
    """
    factor, weight, season = one_row(
        connection, "select spend_per_expectation, expectation_weight, season_factor::double from scores.run"
    )
    tonight, then = Level(factor, weight), Level(night.spend_per_expectation, night.expectation_weight)
    (differences,) = one_row(connection, "select count(*) from differences")
    without_news = replace(tonight, expectation_weight=_weight(season, weight, horizon))
    if not differences:
        return without_news
    if factor is None or then.spend_per_expectation is None or season is None:
        return then
    begin = as_of - YEAR
    window = {"begin": begin, "end": begin + timedelta(days=horizon.horizon_days)}
    (is_corrected,) = one_row(
        connection,
        """
        select
            (
                select (count(*), sum(amount)) from clean.orders
                where order_date >= $begin and order_date < $end and customer_id in (
                    select customer_id from clean.customers where has_profiling_consent
                )
            ) is distinct from (
                select (count(*), sum(amount)) from scores.known_orders
                where known_on = $known_on and order_date >= $begin and order_date < $end
            )
        """,
        {**window, "known_on": night.known_on},
    )
    return then if is_corrected else without_news


def _weight(season: float | None, weight: float, horizon: HorizonModel) -> float:
    """Return the weight of the expectation for the model of that night; 1 stays, because plans know no season."""
    if season is None or weight == 1.0:
        return weight
    return for_model(ExpectedTotal(season=season), horizon.learned_season).expectation_weight
