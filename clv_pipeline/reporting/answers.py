"""Page one of the report: five questions of a head of marketing, answered in sentences from the tables of a bundle.

The sections behind them are in `bundle_report.py`; the dashboard's overview shows the same answers.
"""

from clv_pipeline.reporting.questions import actions, best_customers, forecast, reasons, trust
from clv_pipeline.reporting.questions.answer import Answer, Statement
from clv_pipeline.warehouse.connection import Connection, records

__all__ = ["Answer", "Statement", "of_bundle"]

#: The tables that the answers are from.
TABLES = (
    "base_deciles", "best_customer_profile", "channel_value", "clv_run", "customer_clv", "customer_clv_changes",
    "customer_reasons", "forecast_improvements", "model_quality", "prediction_outcomes", "recommendations",
    "revenue_forecast", "segments",
)  # fmt: skip


def of_bundle(connection: Connection) -> list[Answer]:
    """Return the five answers from an open bundle, in the order in which they are asked."""
    (run,) = records(connection, "select * from clv_run")
    questions = (forecast, best_customers, reasons, actions, trust)
    return [question.answer(connection, run) for question in questions]
