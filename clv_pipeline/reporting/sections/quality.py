"""Section on the quality of predictions, in words and pictures: total, order, intervals, groups, and tracking over time."""

from dataclasses import dataclass
from typing import Any

from clv_pipeline.reporting import formats, html, plots
from clv_pipeline.reporting.answers import Statement
from clv_pipeline.reporting.html import Picture
from clv_pipeline.reporting.labels import Metric
from clv_pipeline.reporting.model_card import statements as verdicts_of
from clv_pipeline.reporting.quality_tables import SPEND_METRICS_IN_SHORT, comparisons, judged_models, terms
from clv_pipeline.reporting.sections.common import Run, capital, run_of, statement
from clv_pipeline.reporting.sections.slices import Window, last_window, right_and_wrong, tables_by_kind
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

TABLES = ("prediction_outcomes", "predicted_totals", "model_quality", "gain_curve")
_OUTCOMES = "prediction_outcomes"
_VERDICT = """
select statement from model_quality
where row_kind = 'verdict' and metric = 'sure_enough_to_spend_money' and horizon_days = $days
"""
_GAIN = """
select customer_share_to_here::double as customers, spend_share_to_here::double as reached,
    baseline_share_to_here::double as rule, best_share_to_here::double as best, test_window_start_date
from gain_curve where horizon_days = $days and spend_share_to_here is not null order by position
"""
_PAST = """
select as_of_date, horizon_days, is_backtest, is_closed, expected_spend, expected_spend_low, expected_spend_high, actual_spend,
    is_inside, share_inside, gini, baseline_gini, bias, baseline_bias
from prediction_outcomes where slice_kind = 'all'
order by is_backtest, as_of_date desc, horizon_days limit 24
"""
#: The first known total of each of the last months: tested, published, and tonight's.
_TRACKED = """
select as_of_date, expected_spend::double, expected_spend_low::double, expected_spend_high::double, actual_spend::double
from prediction_outcomes where slice_kind = 'all' and is_closed and horizon_days = $days
union all
select as_of_date, predicted_spend::double, predicted_spend_low::double, predicted_spend_high::double, null
from predicted_totals
where horizon_days = $days and as_of_date not in
    (select as_of_date from prediction_outcomes where slice_kind = 'all' and is_closed and horizon_days = $days)
qualify row_number() over (partition by date_trunc('month', as_of_date) order by as_of_date) = 1
order by as_of_date desc limit 18
"""


@dataclass(frozen=True)
class Quality:
    """Statements first, then pictures of the last window that is over, then figures; empty where nothing was tested."""

    statements: list[Statement]
    verdicts: list[str]
    pictures: list[Picture]
    tracking: Picture | None
    slices: list[tuple[str, Table]]
    past: Table
    models: list[tuple[str, Table]]
    terms: list[Metric]


def of_bundle(connection: Connection) -> Quality:
    """Return the section."""
    run = run_of(connection)
    window = last_window(connection, run)
    models = _models(connection)
    verdict = records(connection, _VERDICT, {"days": run.days})
    return Quality(
        [*(statement(f"Verdict: {row['statement']}.", "model_quality") for row in verdict), *_statements(run, window)],
        [capital(verdict) for verdict in _verdicts(connection, run.days)],
        [*_pictures(run, window), *_gain(connection, window)] if window else [],
        _tracking(connection, run),
        tables_by_kind(window) if window else [],
        _past(records(connection, _PAST)),
        models,
        terms(table for _, table in models),
    )


def _statements(run: Run, window: Window | None) -> list[Statement]:
    if window is None:
        text = "No prediction was tested or is over yet, so nobody knows how good these are."
        return [statement(text, _OUTCOMES)]
    right, wrong = right_and_wrong(window, run)
    texts = [
        _total(run, window),
        _order(window),
        _intervals(window),
        f"Where it does well: {right}",
        f"Where it needs improvement: {wrong}",
    ]
    return [statement(text, _OUTCOMES) for text in texts if text]


def _total(run: Run, window: Window) -> str:
    total = window.total
    who = "the models, tested on this period without having seen it, expected" if window.is_test else "we had predicted"
    interval = run.money_range(total["expected_spend_low"], total["expected_spend_high"])
    text = (
        f"In the {window.days} days from {formats.long_day(window.start)}, customers spent {run.money(total['actual_spend'])}; "
        f"{who} {run.money(total['expected_spend'])}"
    )
    if interval:
        text += f" ({interval}, so what happened was {'inside' if total['is_inside'] else 'outside'} the interval)"
    if total["bias"] is not None:
        text += f". That is {_off(total['bias'])}"
    if total["baseline_bias"] is not None:
        text += f"; the simple rule 'as much as in the {window.days} days before' was {_off(total['baseline_bias'])}"
    return f"{text}."


def _off(bias: formats.Number) -> str:
    """Return in words how far a total was off.

    >>> _off(-0.019).replace("\\xa0", " "), _off(0)
    ('1.9 % too low', 'exactly right')
    """
    return (
        f"{formats.spoken_percent(abs(float(bias)))} too {'high' if bias > 0 else 'low'}" if bias else "exactly right"
    )


def _order(window: Window) -> str:
    deciles, spent = window.deciles, float(window.total["actual_spend"])
    if not deciles or spent <= 0:
        return ""
    share = formats.spoken_percent(float(deciles[0]["actual_spend"]) / spent)
    text = f"Order of the customers: the 10 % with the highest predictions made {share} of the spend"
    gini, baseline = window.total["gini"], window.total["baseline_gini"]
    if gini is not None and baseline is not None:
        text += (
            f"; on a scale from 0 (random order) to 1 (perfect order), the order reaches {formats.decimal(gini, 2)}, that by "
            f"past spend {formats.decimal(baseline, 2)}"
        )
    return f"{text}."


def _intervals(window: Window) -> str:
    share = window.total["share_inside"]
    if share is None:
        return ""
    inside = formats.spoken_percent(share)
    return f"Intervals: {inside} of the customers ended inside their own 90 % interval; 90 % would be right."


def _verdicts(connection: Connection, days: int) -> list[str]:
    """Return the verdict on the champions of the primary horizon, in words; empty without a test window."""
    return verdicts_of(
        records(
            connection,
            "select row_kind, metric, statement from model_quality where row_kind = 'verdict' and horizon_days = $days "
            "order by metric",
            {"days": days},
        )
    )


def _pictures(run: Run, window: Window) -> list[Picture]:
    rows = [row for group in window.slices.values() for row in group if row["expected_spend_low"] is not None]
    outside = sum(row["is_inside"] is False for row in rows)
    found = []
    if rows:
        found.append(
            html.drawn(
                "Predicted against actual, by group",
                f"{len(rows)} groups of customers around the line of perfect predictions; {outside} outside their intervals.",
                plots.groups_predicted_against_actual,
                [
                    tuple(
                        float(row[name])
                        for name in ("expected_spend", "expected_spend_low", "expected_spend_high", "actual_spend")
                    )
                    for row in rows
                ],
                run.currency,
                tables=(_OUTCOMES,),
            )
        )
    deciles = window.deciles
    if len(deciles) == 10:
        found += _of_deciles(run, deciles)
    return found


def _of_deciles(run: Run, deciles: list[dict[str, Any]]) -> list[Picture]:
    predicted = [float(row["expected_spend"]) / row["customers"] for row in deciles]
    actual = [float(row["actual_spend"]) / row["customers"] for row in deciles]
    found = [
        html.drawn(
            "Calibration by decile",
            f"Mean spend per customer, predicted and actual: {run.money(predicted[0])} and {run.money(actual[0])} in the highest "
            f"decile, {run.money(predicted[-1])} and {run.money(actual[-1])} in the lowest.",
            plots.decile_calibration,
            predicted,
            actual,
            run.currency,
            tables=(_OUTCOMES,),
        )
    ]
    inside = [float(row["share_inside"]) for row in deciles if row["share_inside"] is not None]
    if len(inside) == len(deciles):
        found.append(
            html.drawn(
                "Coverage by decile: customers inside their 90 % interval",
                f"From {formats.spoken_percent(min(inside))} to {formats.spoken_percent(max(inside))} by decile; the dotted "
                "line is 90 %.",
                plots.coverage_by_decile,
                [inside],
                ["customers"],
                tables=(_OUTCOMES,),
            )
        )
    return found


def _gain(connection: Connection, window: Window) -> list[Picture]:
    rows = records(connection, _GAIN, {"days": window.days})
    if not rows:
        return []
    first = min(rows, key=lambda row: abs(row["customers"] - 0.1))
    curves = ([0.0, *(row[name] for row in rows)] for name in ("reached", "best", "rule"))
    return [
        html.drawn(
            f"Gain in the test from {formats.day(rows[0]['test_window_start_date'])}: what the best customers make of the spend",
            f"The {formats.spoken_percent(first['customers'])} with the highest predictions made "
            f"{formats.spoken_percent(first['reached'])} of the spend; in the order of past spend it is "
            f"{formats.spoken_percent(first['rule'])}, in the best possible order {formats.spoken_percent(first['best'])}.",
            plots.gain_curve,
            *curves,
            tables=("gain_curve",),
        )
    ]


def _tracking(connection: Connection, run: Run) -> Picture | None:
    rows = list(reversed(connection.execute(_TRACKED, {"days": run.days}).fetchall()))
    if not rows:
        return None
    known = sum(row[4] is not None for row in rows)
    last = rows[-1]
    return html.drawn(
        f"Predicted totals of {run.days} days, and what happened",
        f"{formats.counted(len(rows), 'prediction')}, {known} of them over; the last one, of {formats.day(last[0])}, is "
        f"{run.money(last[1])}.",
        plots.tracked_totals,
        rows,
        run.currency,
        tables=(_OUTCOMES, "predicted_totals"),
    )


def _past(rows: list[dict[str, Any]]) -> Table:
    return Table(
        [
            "predicted on", "days", "window", "expected", "interval", "actual", "total inside", "too high / low",
            "baseline: too high / low", "customers inside", "Gini", "baseline's Gini",
        ],
        [
            [
                formats.day(row["as_of_date"]),
                formats.count(row["horizon_days"]),
                "test" if row["is_backtest"] else "over" if row["is_closed"] else "open",
                formats.money(row["expected_spend"], digits=0),
                formats.money_range(row["expected_spend_low"], row["expected_spend_high"]),
                formats.money(row["actual_spend"], digits=0),
                formats.cell("is_inside", row["is_inside"]),
                formats.percent(row["bias"], signed=True),
                formats.percent(row["baseline_bias"], signed=True),
                formats.percent(row["share_inside"]),
                formats.decimal(row["gini"]),
                formats.decimal(row["baseline_gini"]),
            ]
            for row in rows
        ],
        frozenset({1, 3, 4, 5, 7, 8, 9, 10, 11}),
    )  # fmt: skip


def _models(connection: Connection) -> list[tuple[str, Table]]:
    rows = records(
        connection,
        "select row_kind, horizon_days, target, candidate, is_baseline, is_champion, metric, value, interval_low as low, "
        "interval_high as high from model_quality order by all",
    )
    return [
        (f"{name}, {days} days", table)
        for days in sorted({row["horizon_days"] for row in rows})
        for name, table in comparisons(
            judged_models(row for row in rows if row["horizon_days"] == days),
            SPEND_METRICS_IN_SHORT,
            with_intervals=True,
        )
    ]
