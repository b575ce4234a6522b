"""The model card of a bundle, in Markdown: purpose and accuracy of the models. The HTML page is in `bundle_report.py`."""

from typing import Any

from clv_pipeline.reporting import formats, labels, markdown
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

_CHAMPIONS = """
select horizon_days, target, candidate, metric, value, interval_low, interval_high, test_window_start_date, customers
from model_quality where is_champion order by horizon_days, target, metric
"""


def of_bundle(connection: Connection) -> str:
    """Return the text of model_card.md."""
    (run,) = records(connection, "select * from clv_run")
    champions = records(connection, _CHAMPIONS)
    lines = [
        f"# Model card: {run['model_version']}",
        "",
        f"Predicts for each customer of {run['source_name']} how much they will spend after "
        f"{formats.day(run['as_of_date'])}, net of returns, and the probability that they will buy at all.",
        "Not for credit decisions, pricing, or decisions about people outside marketing.",
        "",
    ]
    if champions:
        lines += [
            *markdown.table(_table(champions)),
            "",
            "Each champion was chosen on earlier periods and then tested on the period shown, which it had not seen. "
            "The baselines are in the table model_quality.",
        ]
    else:
        lines.append("The order history is too short to test a model: the predictions come from a fixed rule.")
    lines += ["", f"Order of the customers: {labels.ranking(run['ranking'])}."]
    lines += ["", f"Seasonal adjustment of the predicted total: {formats.season(run['season_factor'])}.", ""]
    return "\n".join(lines)


def _table(champions: list[dict[str, Any]]) -> Table:
    header = ["predicts", "champion", "metric", "value [90 % interval]", "tested from", "customers"]
    rows = [
        [
            labels.target(row["target"]),
            str(row["candidate"]),
            labels.metric(row["metric"]).label,
            formats.metric_estimate(row["metric"], row["value"], row["interval_low"], row["interval_high"]),
            formats.day(row["test_window_start_date"]),
            formats.count(row["customers"]),
        ]
        for row in champions
    ]
    return Table(header, rows)
