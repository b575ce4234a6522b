"""The score history: tonight's scores are staged first, and added to the history once the run has passed its audit.

Which nights it keeps is `scoring/kept_nights.py`.
"""

from hashlib import sha256

from clv_pipeline.contracts.warehouse import HISTORY, KEPT_NIGHTS, NIGHT_TOTALS, OUTCOMES, TONIGHT
from clv_pipeline.core.project_files import SQL_FOLDER
from clv_pipeline.core.settings import SEGMENT_SETTINGS, Settings
from clv_pipeline.modeling.candidates.rules import trailing_window
from clv_pipeline.quality.score_checks import SegmentMoves
from clv_pipeline.scoring.kept_nights import kept_nights, other_nights
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import (
    Connection,
    one_row,
)


def write_tonight(connection: Connection, settings: Settings) -> None:
    """Stage tonight's rows of the history, and the nights that it will keep, until the run has passed its audit."""
    (as_of,) = one_row(connection, "select as_of from scores.run")
    nights = kept_nights([as_of, *other_nights(connection, as_of)])
    tables.replace(connection, KEPT_NIGHTS, [(night,) for night in nights])
    tables.create(connection, TONIGHT)
    for days in settings.horizons:
        window = trailing_window(days)
        tables.append(
            connection,
            TONIGHT,
            f"""
            with scored as (
                select customer_id, spend_{window:d}d as spend, purchase_days_per_30_days as rate
                from features.customer_features where role = 'score'
            )
            select as_of_date, customer_id, {days:d} as horizon_days, predicted_spend_{days:d}d as predicted_spend,
                purchase_probability_{days:d}d as purchase_probability,
                predicted_spend_low_{days:d}d as predicted_spend_low, predicted_spend_high_{days:d}d as predicted_spend_high,
                greatest(coalesce(scored.spend, 0), 0) * {days / window} as baseline_spend,
                1 - exp(-coalesce(scored.rate, 0) * {days / 30}) as baseline_probability,
                segment, value_tier, score_status, historic_value, updated_at
            from published.customer_clv
            left join scored using (customer_id)
            order by customer_id
            """,
        )


def segment_definition(settings: Settings) -> str:
    """Return a hash over what defines the segments: their SQL, and the settings in it.

    >>> segment_definition(Settings()) == segment_definition(Settings(recent_days=60))
    False
    """
    files = [
        (SQL_FOLDER / "4_published" / f"{name}.sql").read_text() for name in ("segment_thresholds", "customer_clv")
    ]
    values = [getattr(settings, name) for name in SEGMENT_SETTINGS]
    return sha256(repr([files, values]).encode()).hexdigest()[:16]


def remember(connection: Connection) -> None:
    """Replace what this as_of added to scores, totals and outcomes, and remove the scores of nights that are no longer kept.

    A backfilled night is not kept itself if it is neither among the newest nor the first one of its month.
    """
    connection.execute(
        "delete from scores.history where as_of_date = (select as_of from scores.run) "
        "or as_of_date not in (select as_of_date from scores.kept_nights)"
    )
    tables.append(
        connection, HISTORY, "from scores.tonight where as_of_date in (select as_of_date from scores.kept_nights)"
    )
    connection.execute("delete from scores.night_totals where as_of_date = (select as_of from scores.run)")
    tables.append(
        connection,
        NIGHT_TOTALS,
        f"""
        select {", ".join(NIGHT_TOTALS.column_names())} from published.predicted_totals
        where as_of_date = (select as_of from scores.run)
        """,
    )
    connection.execute("delete from scores.outcomes where outcome_as_of_date = (select as_of from scores.run)")
    # a night that is run again later leaves what a later one computed as it is
    tables.append(
        connection,
        OUTCOMES,
        """
        from published.prediction_outcomes
        where is_closed and not is_backtest and outcome_as_of_date = (select as_of from scores.run)
            and (as_of_date, horizon_days) not in (select (as_of_date, horizon_days) from scores.outcomes)
        """,
    )


def segment_moves(connection: Connection, definition: str) -> SegmentMoves:
    """Count the customers who changed segment since the previous run, each by the first cause that applies.

    definition: that of tonight's segments (`segment_definition`).
    """
    (previous,) = one_row(
        connection, "select max(as_of_date) from scores.history where as_of_date < (select as_of from scores.run)"
    )
    days = {"previous": previous}
    is_other_model, is_other_definition = one_row(
        connection,
        """
        select coalesce(bool_or(model_version <> (select model_version from scores.run)), false),
            coalesce(bool_or(coalesce(segment_definition, '') <> $definition), false)
        from scores.night_totals where as_of_date = $previous
        """,
        days | {"definition": definition},
    )
    rows = connection.execute(
        """
        with now as (
            select * from scores.tonight where horizon_days = (select primary_horizon_days from scores.run)
        ),
        before as (
            select * from scores.history
            where as_of_date = $previous and horizon_days = (select primary_horizon_days from scores.run)
        )
        select
            case
                when now.segment = before.segment then ''
                when now.historic_value <> before.historic_value then 'orders or returns since then'
                when $is_other_model then 'another model'
                when now.predicted_spend = before.predicted_spend
                    and now.purchase_probability = before.purchase_probability then 'the thresholds moved'
                else 'time passed'
            end as cause,
            count(*)
        from now inner join before using (customer_id)
        group by cause order by count(*) desc, cause
        """,
        days | {"is_other_model": is_other_model},
    ).fetchall()
    causes = {cause: count for cause, count in rows if cause}
    return SegmentMoves(previous, sum(count for _, count in rows), sum(causes.values()), causes, is_other_definition)
