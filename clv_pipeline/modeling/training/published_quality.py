"""Accuracy of what is published: intervals, typical spend, calibrated probability and total, on windows nobody learned from.

Each window is judged by the calibration of the windows before it, as on a night at its own date. No model is chosen here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from clv_pipeline.modeling import metrics
from clv_pipeline.modeling.calibration.intervals import Calibration, PastWindow, PredictionInterval, calibrate
from clv_pipeline.modeling.calibration.total_record import over_by, record_of
from clv_pipeline.modeling.data.dataset import target_names
from clv_pipeline.modeling.training import records
from clv_pipeline.modeling.training.lab import Lab
from clv_pipeline.warehouse.connection import Connection


@dataclass(frozen=True)
class JudgedWindow:
    """A window as published: the champions' spend and calibrated probability, the intervals, the total's ends, the outcome."""

    window: PastWindow
    probability: metrics.Array
    interval: PredictionInterval
    low: float
    high: float


def windows_by(connection: Connection, lab: Lab) -> dict[date, PastWindow]:
    """Return the champions' predictions for each fold window and the test window, with the outcome, oldest first."""
    days = lab.plan.horizon_days
    names = records.champions(connection, days)
    found = {}
    for cutoff in records.predicted_windows(connection, days):
        spend = records.read_predictions(connection, days, names["spend"], "spend", cutoff)
        purchase = records.read_predictions(connection, days, names["purchase"], "purchase", cutoff)
        found[cutoff] = PastWindow(spend["predicted"], purchase["predicted"], spend["actual"], purchase["actual"])
    return found


def calibration_by(lab: Lab, windows: Mapping[date, PastWindow], by: date) -> Calibration:
    """Return the calibration that was known by a day: of the windows and the past totals that were over."""
    days, known = lab.plan.horizon_days, over_by(lab.totals, by, lab.plan.horizon_days)
    return calibrate(
        [window for cutoff, window in windows.items() if cutoff + timedelta(days=days) <= by],
        record_of(known, days, knows_season=True),
        record_of(known, days, knows_season=False),
    )


def judged_windows(connection: Connection, lab: Lab) -> dict[date, JudgedWindow]:
    """Return the test window and every fold window that has one before it, oldest first, each as it would have been published."""
    windows = windows_by(connection, lab)
    return {c: judge(lab, windows, c) for c in list(windows)[1:] or list(windows)}


def published_quality(connection: Connection, lab: Lab, judged: Mapping[date, JudgedWindow]) -> list[dict[str, object]]:
    """Return the rows of row_kind `published` and `level`, and write the champions' `training.test_predictions`.

    The intervals are judged on the test window, and pooled over all windows of `judged`.
    """
    assert lab.plan.test is not None
    cutoff = lab.plan.test.validation
    test = judged[cutoff]
    rows = lab.rows.at((cutoff,))
    records.add_test_predictions(connection, lab.plan, rows, test.window.expected, test.probability, test.interval)
    measured = {
        **_coverage([test]),
        **{f"pooled_{name}": value for name, value in _coverage(list(judged.values())).items()},
        "pooled_windows": float(len(judged)),
        "typical_mean_absolute_error": metrics.mean_absolute_error(test.window.spend, test.interval.typical),
        "probability_roc_auc": metrics.roc_auc(test.window.purchase, test.probability),
        "probability_log_loss": metrics.log_loss(test.window.purchase, test.probability),
        "probability_calibration_slope": metrics.calibration_slope(test.window.purchase, test.probability),
        "total_actual_over_low": float(test.window.spend.sum()) / test.low if test.low > 0 else np.nan,
        "total_actual_over_high": float(test.window.spend.sum()) / test.high if test.high > 0 else np.nan,
    }
    spend_target, _ = target_names(lab.plan.horizon_days)
    champion = records.champions(connection, lab.plan.horizon_days)["spend"]

    def named(kind: records.RowKind, values: dict[str, float]) -> list[dict[str, object]]:
        estimates = {name: metrics.Estimate(value, np.nan, np.nan) for name, value in values.items()}
        common = (kind, lab.plan.horizon_days, spend_target, champion, False, True)
        return records.quality_rows(common, cutoff, len(rows), estimates)

    return [*named("published", measured), *named("level", _record(lab, cutoff))]


def judge(lab: Lab, windows: Mapping[date, PastWindow], cutoff: date) -> JudgedWindow:
    """Return a window as it would have been published at its cutoff."""
    window, level, calibration = windows[cutoff], lab.levels[cutoff], calibration_by(lab, windows, cutoff)
    probability = calibration.probability(window.probability, level)
    interval = calibration.interval(window.expected, probability, calibration.reach(level))
    return JudgedWindow(window, probability, interval, *calibration.total(float(window.expected.sum()), level))


def _coverage(judged: Sequence[JudgedWindow]) -> dict[str, float]:
    """Return the shares inside the intervals, over all customers of the windows."""
    spend, expected, low, high, buyers_low, buyers_high = (
        np.concatenate(values)
        for values in zip(
            *(
                (j.window.spend, j.window.expected, j.interval.low, j.interval.high,
                 j.interval.if_buying_low, j.interval.if_buying_high)
                for j in judged
            ),
            strict=True,
        )
    )  # fmt: skip
    found = {f"interval_{name}": value for name, value in metrics.coverage(spend, expected, low, high).items()}
    return found | {"if_buying_coverage": metrics.coverage_of_buyers(spend, buyers_low, buyers_high)}


def _record(lab: Lab, cutoff: date) -> dict[str, float]:
    """Return how far expected totals were off in the windows that were over by the test window, and the rule used there."""
    level = lab.levels[cutoff]
    errors = [abs(total.error) for total in over_by(lab.totals, cutoff, lab.plan.horizon_days)]
    return {
        "past_totals": float(len(errors)),
        "mean_absolute_log_error_of_totals": float(np.mean(errors)) if errors else np.nan,
        "season_factor": np.nan if level.season is None else level.season,
        "carried_factor": np.nan if level.carried is None else level.carried,
        "expectation_weight": 1.0 if level.is_plan else level.expectation_weight,
    }
