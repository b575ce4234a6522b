"""The past windows of a training as they would have been published: every customer with interval and baseline, every total.

Their outcome is not stored: it is read from the orders, as that of a published night (`sql/4_published/prediction_outcomes.sql`).
"""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from clv_pipeline.contracts.warehouse import JUDGED_TOTALS, JUDGED_WINDOWS
from clv_pipeline.features.score_status import status_of_buyer
from clv_pipeline.modeling.candidates.catalogue import Target
from clv_pipeline.modeling.training import records
from clv_pipeline.modeling.training.lab import Lab
from clv_pipeline.modeling.training.published_quality import JudgedWindow
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection

#: The fixed rules that published predictions are compared with.
BASELINE: dict[Target, str] = {"spend": "trailing_spend", "purchase": "rate_so_far"}


def create_judged_windows(connection: Connection) -> None:
    """Empty the tables of the past windows."""
    for table in (JUDGED_WINDOWS, JUDGED_TOTALS):
        tables.create(connection, table)


def write_judged_windows(connection: Connection, lab: Lab, judged: Mapping[date, JudgedWindow]) -> None:
    """Add the windows of one horizon, each judged by the calibration that was known at its cutoff."""
    for cutoff, window in judged.items():
        _write_customers(connection, lab, cutoff, window)
        level, total = lab.levels[cutoff], float(window.window.expected.sum())
        row = (lab.plan.horizon_days, cutoff, total, window.low, window.high, level.season, level.carried)
        tables.append(connection, JUDGED_TOTALS, [row])


def _write_customers(connection: Connection, lab: Lab, cutoff: date, window: JudgedWindow) -> None:
    days = lab.plan.horizon_days
    spend, purchase = (
        records.read_predictions(connection, days, BASELINE[target], target, cutoff)["predicted"] for target in BASELINE
    )
    frame = pd.DataFrame(
        {
            "customer_id": lab.rows.at((cutoff,)).customer_id, "predicted_spend": window.window.expected,
            "purchase_probability": window.probability, "predicted_spend_low": window.interval.low,
            "predicted_spend_high": window.interval.high, "baseline_spend": spend, "baseline_probability": purchase,
        }
    )  # fmt: skip
    connection.register("judged", frame)
    tables.append(
        connection,
        JUDGED_WINDOWS,
        f"""
        select judged.*, $days as horizon_days, $cutoff::date as as_of_date,
            {status_of_buyer("customer_features")} as score_status
        from judged
        inner join features.customer_features on judged.customer_id = customer_features.customer_id
        where customer_features.as_of = $cutoff and customer_features.role = 'train'
        order by judged.customer_id
        """,
        {"days": days, "cutoff": cutoff},
    )
    connection.unregister("judged")
