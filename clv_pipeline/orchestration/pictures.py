"""Plots in asset metadata: numbers come from the warehouse, pictures from reporting, Markdown goes to the Dagster UI.

The UI shows Markdown of under 1,000 characters in the page (a sketch), and longer Markdown after a click (the plot in full).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING, Any

import dagster as dg

from clv_pipeline.core.settings import Settings
from clv_pipeline.reporting import drawing, labels, markdown, plots, sketches
from clv_pipeline.warehouse.connection import Connection, has_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def kept_or_drawn(
    context: dg.AssetExecutionContext, is_new: bool, draw: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Return new pictures if there is new data, else those of the asset's last materialization.

    The Dagster UI shows the metadata of the last materialization only, which on most nights trained nothing.
    """
    event = None if is_new else context.instance.get_latest_materialization_event(context.asset_key)
    last = event.asset_materialization if event else None
    kept = {k: v for k, v in last.metadata.items() if isinstance(v, dg.MarkdownMetadataValue)} if last else {}
    return kept or draw()


def of_test_window(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Return predicted against actual, calibration and gain of the champions on the test window, by horizon."""
    found: dict[str, Any] = {}
    if not has_table(connection, "training.test_predictions"):
        return found
    for days in settings.horizons:
        frame = connection.sql(
            f"select actual_spend, predicted_spend from training.test_predictions where horizon_days = {days:d}"
        ).df()
        if frame.empty:
            continue
        actual, predicted = frame["actual_spend"].to_numpy(), frame["predicted_spend"].to_numpy()
        gains = plots.gains(actual, predicted), plots.gains(actual, actual)
        means = plots.means_by_decile(actual, predicted)
        found[f"gain {days}d"] = _sketched(sketches.gain(*gains))
        found[f"decile calibration {days}d"] = _sketched(sketches.calibration(*means, settings.currency))
        found[_in_full(f"gain {days}d")] = _shown(plots.gain_curve(*gains))
        found[_in_full(f"decile calibration {days}d")] = _shown(plots.decile_calibration(*means, settings.currency))
        found[_in_full(f"predicted against actual {days}d")] = _shown(
            plots.predicted_against_actual(actual, predicted, settings.currency)
        )
    return found


def of_what_drives_predictions(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Return importance by feature and by source with intervals, and the partial dependence, by target; nothing where empty."""
    bars = connection.execute(
        """
        select target, row_kind, description, mean_drop, low, high from training.permutation_importance
        where isfinite(mean_drop) order by target desc, row_kind, mean_drop desc, description
        """
    ).fetchall()
    points = connection.execute(
        """
        select target, description, value, value_as_number is not null, prediction, low, high
        from training.partial_dependence order by target desc, rowid
        """
    ).fetchall()
    found: dict[str, Any] = {}
    for (target, kind), group in groupby(bars, key=lambda row: row[:2]):
        name, lost, _ = labels.drivers(target, settings.currency)
        title, rows = f"{name}: importance by {kind}".lower(), [row[2:] for row in group]
        found[title] = _sketched(sketches.bars([(label, drop) for label, drop, _, _ in rows], lost, digits=3))
        found[_in_full(title)] = _shown(plots.bars_with_intervals(rows, lost))
    for target, curves in groupby(points, key=lambda row: row[0]):
        name, _, unit = labels.drivers(target, settings.currency)
        title = f"{name} by value of a feature".lower()
        found[_in_full(title)] = _shown(plots.dependence([row[1:] for row in curves], unit))
    return found


def of_sources(connection: Connection, settings: Settings) -> dict[str, Any]:
    """Return the gain in normalised Gini from each source."""
    bars = connection.execute(
        """
        select description, difference, low, high from training.source_ablation
        where metric = 'normalised_gini' and isfinite(difference) order by difference desc, left_out
        """
    ).fetchall()
    if not bars:
        return {}
    return {"what each source adds": _sketched(sketches.bars_with_intervals(bars, "normalised Gini"))}


def of_segments(connection: Connection) -> dict[str, Any]:
    """Return customers by segment."""
    rows = connection.execute(
        "select replace(segment, '_', ' '), count(*) from published.customer_clv group by segment order by 2 desc"
    ).fetchall()
    return {"customers by segment": _sketched(sketches.bars(rows, "customers"))}


def _in_full(name: str) -> str:
    return f"{name}, in full"


def _sketched(text: str) -> dg.MetadataValue:
    return dg.MetadataValue.md(text)


def _shown(figure: Figure) -> dg.MetadataValue:
    return dg.MetadataValue.md(markdown.picture(drawing.to_png(figure)))
