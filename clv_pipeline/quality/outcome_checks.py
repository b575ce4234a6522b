"""The check of past totals: two predicted totals in a row that came out outside their interval. How they came out is SQL.

One bad quarter must be one warning. The windows of 30 nights in a row are nearly the same window, so only those of the first
night of each month count, and of them only windows that do not overlap; and only the night on which a window ends judges it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import exp

from clv_pipeline.quality.night_checks import CheckResult
from clv_pipeline.warehouse.connection import Connection, records

PAST_TOTALS = "past_totals"
_LIMIT = "not two windows in a row outside the 90 % interval of their total"
_PARTS = {"season": "log_error_season", "level": "log_error_level", "mix": "log_error_mix"}


@dataclass(frozen=True)
class PastWindow:
    """A closed window: the night that predicted it and the one that saw it end, the total and its interval, the outcome.

    parts: logarithms that add up to that of actual over expected, by name; None where unknown.
    """

    as_of: date
    end: date
    seen_by: date
    horizon_days: int
    expected: float
    low: float
    high: float
    actual: float
    is_inside: bool
    parts: dict[str, float | None]


def past_windows(connection: Connection) -> list[PastWindow]:
    """Return the closed windows of published totals with an interval, of the first night of each month, oldest first."""
    rows = records(
        connection,
        """
        select * from published.prediction_outcomes
        where slice_kind = 'all' and is_closed and not is_backtest and is_inside is not null
        qualify as_of_date = min(as_of_date) over (partition by horizon_days, date_trunc('month', as_of_date))
        order by horizon_days, as_of_date
        """,
    )
    return [
        PastWindow(
            row["as_of_date"], row["window_end_date"], row["outcome_as_of_date"], row["horizon_days"],
            float(row["expected_spend"]), float(row["expected_spend_low"]), float(row["expected_spend_high"]),
            float(row["actual_spend"]), row["is_inside"],
            {name: None if row[column] is None else float(row[column]) for name, column in _PARTS.items()},
        )
        for row in rows
    ]  # fmt: skip


def judge_past_totals(windows: Sequence[PastWindow], as_of: date) -> CheckResult:
    """Warn on the night on which the second of two windows in a row, which do not overlap, came out outside its interval."""
    bad: list[PastWindow] = []
    for days in sorted({w.horizon_days for w in windows}):
        chain = _without_overlaps([w for w in windows if w.horizon_days == days])
        if len(chain) > 1 and chain[-1].seen_by == as_of and not any(w.is_inside for w in chain[-2:]):
            bad += chain[-2:]
    baseline = "the windows of the first night of each month that do not overlap"
    if not bad:
        seen = sum(w.seen_by == as_of for w in windows)
        return CheckResult(PAST_TOTALS, "passed", 0, _LIMIT, baseline, f"{seen} windows ended tonight")
    details = tuple(map(_in_words, bad))
    says = f"published.prediction_outcomes: two totals in a row are outside their interval: {'; '.join(details)}"
    return CheckResult(PAST_TOTALS, "warns", len(bad), _LIMIT, baseline, says, details)


def _without_overlaps(windows: Sequence[PastWindow]) -> list[PastWindow]:
    """Return the first window and each next one that begins when the one before has ended."""
    chain: list[PastWindow] = []
    for window in sorted(windows, key=lambda w: w.as_of):
        if not chain or window.as_of >= chain[-1].end:
            chain.append(window)
    return chain


def _in_words(window: PastWindow) -> str:
    shares = ", ".join(
        f"{name} unknown" if part is None else f"{name} {exp(part) - 1:+.0%}" for name, part in window.parts.items()
    )
    return (
        f"{window.horizon_days} days from {window.as_of}: {window.actual:,.0f} came, {window.expected:,.0f} were predicted "
        f"({window.low:,.0f} to {window.high:,.0f}); {window.actual / window.expected - 1:+.0%}: {shares}"
    )
