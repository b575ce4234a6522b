"""Numbers of a night in asset metadata, which the Dagster UI plots over all nights: names stay, and are the same every night.

What is unknown tonight is left out: the line has a gap then, and no zero. Rows of a table are in `sql_assets.py`.
"""

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite

from clv_pipeline.modeling.registry.registry import Manifest
from clv_pipeline.publishing.bundle import Bundle
from clv_pipeline.quality.clean_report import CleanReport
from clv_pipeline.warehouse.connection import Connection, records

Numbers = dict[str, int | float]
_MEGABYTE = 1e6
#: Metrics of the champion on its test window -> the name of the trend, by target.
_METRICS = {
    "spend_{days}d_total": {
        "normalised_gini": "normalised Gini",
        "interval_coverage": "coverage of the 90 % interval",
        "interval_coverage_of_buyers": "coverage of the 90 % interval, buyers",
        "decile_wape": "error of the deciles (WAPE)",
        "mean_absolute_log_error_of_totals": "mean absolute log error of totals",
    },
    "purchase_{days}d": {"log_loss": "log loss of a purchase", "roc_auc": "ROC-AUC of a purchase"},
}


def of_scores(connection: Connection) -> Numbers:
    """Return tonight's predicted total of each horizon with its 90 % interval, and sales of as many days before."""
    found: dict[str, object] = {}
    for row in records(connection, "select * from scores.tonight_totals order by horizon_days"):
        name = f"predicted total {row['horizon_days']}d"
        found[name] = row["predicted_spend"]
        found[f"{name}, low"] = row["predicted_spend_low"]
        found[f"{name}, high"] = row["predicted_spend_high"]
    (run,) = records(connection, "select * from scores.run")
    found["trailing spend"] = run["trailing_spend_total"]
    found["reasons: R2 of the surrogate"] = run["reasons_fidelity"]
    return _known(found)


def of_run(connection: Connection) -> Numbers:
    """Return the main figures of the night: customers, money, and what was quarantined."""
    (run,) = records(connection, "select * from published.clv_run")
    (money,) = records(
        connection,
        "select coalesce(sum(source_money), 0) as quarantined from clean.dispositions "
        "where table_name = 'orders' and disposition = 'quarantined'",
    )
    return _known(
        {
            "customers": run["customers"],
            "predicted spend": run["predicted_spend_total"],
            "predicted spend, low": run["predicted_spend_total_low"],
            "predicted spend, high": run["predicted_spend_total_high"],
            "trailing spend": run["trailing_spend_total"],
            "average predicted spend": run["average_predicted_spend"],
            "share of the largest customer": run["largest_customer_share"],
            "quarantined rows": run["quarantined_rows"],
            "quarantined money at the source": money["quarantined"],
        }
    )


def of_outcomes(connection: Connection) -> Numbers:
    """Return how the newest window that is over came out, by horizon: of a published night, and of the backtest."""
    found: dict[str, object] = {}
    for row in records(
        connection,
        """
        select * from published.prediction_outcomes where slice_kind = 'all' and is_closed
        qualify row_number() over (partition by horizon_days, is_backtest order by window_end_date desc, as_of_date desc) = 1
        order by horizon_days, is_backtest
        """,
    ):
        window = f"{row['horizon_days']}d, last {'backtest' if row['is_backtest'] else 'closed'} window"
        found[f"bias {window}"] = row["bias"]
        found[f"coverage of the 90 % interval {window}"] = row["share_inside"]
        found[f"normalised Gini {window}"] = row["gini"]
        found[f"normalised Gini of the baseline {window}"] = row["baseline_gini"]
        found[f"predicted spend {window}"] = row["predicted_spend"]
        found[f"actual spend {window}"] = row["actual_spend"]
    return _known(found)


def of_champion(manifest: Manifest) -> Numbers:
    """Return the metrics of the reigning champion on its test window, by horizon; they change when it is replaced."""
    found = {
        f"{name} {horizon.horizon_days}d": manifest.test_metrics.get(
            f"{target.format(days=horizon.learned_days)} {metric}"
        )
        for horizon in manifest.horizons
        for target, metrics in _METRICS.items()
        for metric, name in metrics.items()
    }
    return _known(found)


def of_dispositions(report: CleanReport) -> Numbers:
    """Return the source's rows of a clean table by disposition, and the money of those that are quarantined."""
    rows: dict[str, object] = {"rows at the source": report.raw_rows}
    for disposition in ("accepted", "duplicate", "superseded", "excluded", "quarantined"):
        rows[f"rows {disposition}"] = report.rows_with(disposition)
    if report.has_money:
        rows["money quarantined"] = report.money_with("quarantined")
    return _known(rows)


def of_bundle(bundle: Bundle) -> Numbers:
    """Return rows and size of the bundle."""
    size = sum(file.stat().st_size for file in bundle.folder.rglob("*") if file.is_file())
    return {"rows of all tables": sum(bundle.row_counts.values()), "size in MB": round(size / _MEGABYTE, 1)}


def _known(found: Mapping[str, object]) -> Numbers:
    """Return the numbers that are known and finite; decimals as floats, which is what the UI plots."""
    numbers: Numbers = {}
    for name, value in found.items():
        number = float(value) if isinstance(value, Decimal) else value
        if isinstance(number, int | float) and isfinite(number):
            numbers[name] = number
    return numbers
