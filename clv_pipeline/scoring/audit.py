"""Audit and summary of tonight's scores: totals, their interval, customers by status."""

from dataclasses import dataclass, replace
from datetime import timedelta

from clv_pipeline.core.errors import QualityError
from clv_pipeline.features.window_spend import window_spend
from clv_pipeline.modeling.calibration.level import ExpectedTotal
from clv_pipeline.modeling.calibration.rankability import Ranking
from clv_pipeline.modeling.registry.registry import HorizonModel
from clv_pipeline.quality.night_checks import PREDICTED_TOTAL
from clv_pipeline.quality.score_checks import Totals
from clv_pipeline.quality.score_measures import measure_totals
from clv_pipeline.warehouse.connection import Connection, one_row


@dataclass(frozen=True)
class ScoringReport:
    """Result of scoring: customers by status, the predicted total, the fidelity of the reasons."""

    customers: int
    by_status: dict[str, int]
    predicted_total: float
    #: 90 % interval of the predicted total
    total_low: float
    total_high: float
    trailing_total: float
    #: seasonal factor of last year applied to the total; None if unknown, or if a fixed rule predicts
    season: float | None
    #: factor for the error of the last closed window, where no season is known; None if there is none
    carried: float | None
    #: input of the check of the predicted total
    totals: Totals
    ranking: Ranking
    fidelity: float


def audit_scores(connection: Connection, horizon: HorizonModel, level: ExpectedTotal, fidelity: float) -> ScoringReport:
    """Check `scores.customer_scores`, and return the report; `horizon` is the primary one.

    Raises:
        QualityError: a customer of the population has no score or two; or all predictions are equal, though the folds
            showed that customers can be ranked.
    """
    primary = horizon.horizon_days
    _check_everybody_is_scored(connection)
    statuses = dict(
        connection.execute(
            "select score_status, count(*) from scores.customer_scores group by score_status order by score_status"
        ).fetchall()
    )
    total, lowest, highest, as_of = one_row(
        connection,
        f"""
        select sum(predicted_spend_{primary}d), min(predicted_spend_{primary}d), max(predicted_spend_{primary}d),
            any_value(as_of)
        from scores.customer_scores
        """,
    )
    trailing = window_spend(connection, as_of - timedelta(days=primary), as_of).total
    (different,) = one_row(
        connection,
        "with spent as (select sum(net_spend) as spend from features.customer_day group by customer_id) "
        "select count(distinct spend) from spent",
    )
    is_ranked = horizon.ranking != "not rankable" and sum(statuses.values()) - statuses.get("no_purchase_yet", 0) > 1
    # customers who all spent the same may well be predicted the same
    if is_ranked and different > 1 and lowest == highest:
        raise QualityError(
            f"scores.customer_scores: every predicted_spend_{primary}d is {lowest}",
            next_step="look at the model's features and training rows; nothing was published.",
            anchor=PREDICTED_TOTAL,
        )
    season, carried = (None, None) if horizon.spend.is_baseline else (level.season, level.carried)
    # include prospects: the interval must belong to the published total of all customers
    low, high = horizon.calibration.total(float(total), replace(level, season=season))
    is_rough = not horizon.has_enough_history or horizon.ranking == "not rankable"
    totals = measure_totals(connection, as_of, primary, is_rough=is_rough)
    return ScoringReport(
        sum(statuses.values()),
        statuses,
        float(total),
        low,
        high,
        trailing,
        season,
        carried,
        totals,
        horizon.ranking,
        fidelity,
    )


def _check_everybody_is_scored(connection: Connection) -> None:
    rows, customers, population, unscored = one_row(
        connection,
        """
        select count(*), count(distinct customer_id),
            (select count(*) from features.population where role = 'score'),
            count(*) filter (
                where score_status = 'no_purchase_yet' and customer_id in (
                    select customer_id from features.customer_day
                    where is_purchase_day and order_date < customer_scores.as_of
                )
            )
        from scores.customer_scores
        """,
    )
    if not rows == customers == population or unscored:
        raise QualityError(
            f"scores.customer_scores: {unscored} of {population} eligible customers have no score, "
            f"{rows} rows for {customers} customers",
            next_step="look at features.customer_features for those customers; nothing was published.",
        )
