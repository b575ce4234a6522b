"""The model card, one Markdown page for a bundle and for a backtest: purpose, verdict, accuracy, certainty, largest errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clv_pipeline.reporting import formats, labels, markdown
from clv_pipeline.reporting.quality_tables import Judged, highlights, measured_intervals
from clv_pipeline.reporting.tables import Table

_METRICS = ("normalised_gini", "spearman", "top_decile_capture", "wape", "total_bias", "decile_wape")
_CERTAINTY = ("interval_coverage", "if_buying_coverage", "pooled_interval_coverage", "pooled_if_buying_coverage")


@dataclass(frozen=True)
class CardWindow:
    """One test window: its models, the verdict in words, and what else went wrong in it."""

    name: str
    models: list[Judged]
    verdict: list[str]
    errors: list[str] = field(default_factory=list)


def model_card(
    subject: str, currency: str, windows: Sequence[CardWindow], notes: Sequence[str], without: str = ""
) -> str:
    """Return the card; `without` is what it says in place of the figures where there is no window.

    >>> "## Verdict" in model_card("a shop", "EUR", [CardWindow("90 days", [], ["better than the rules"])], [])
    True
    """
    lines = [
        f"# Model card: {subject}",
        "",
        "**Use it for**: ranking customers, budgets and totals by expected net spend (after returns), and the probability of "
        "a purchase, over the periods shown. **Do not use it for**: credit, prices, or decisions about people outside "
        "marketing.",
        "",
    ]
    if windows:
        lines += [
            "**Trained on**: earlier periods of the same company that ended before each test period began; money in "
            f"{currency}. **Tested on**: customers who had bought before the test period, by what they spent in it. "
            "Brackets are 90 % bootstrap intervals over customers.",
            "",
            "## Verdict",
            "",
            *(f"- {window.name}: {statement}." for window in windows for statement in window.verdict),
            "",
            "## How accurate",
            "",
            *markdown.table(_accuracy(windows)),
            "",
            "## How certain",
            "",
            *markdown.table(_certainty(windows)),
            "",
            "## Where it was wrong",
            "",
            *(f"- {window.name}: {line}" for window in windows for line in (*_errors(window.models), *window.errors)),
            "",
        ]
    else:
        lines += [without, ""]
    return "\n".join([*lines, *(line for note in notes for line in (note, ""))])


def statements(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the verdicts among rows of `model_quality`, in the order of their metrics.

    >>> statements([{"row_kind": "verdict", "metric": "a", "statement": "sure"}, {"row_kind": "model", "metric": "b"}])
    ['sure']
    """
    found = (row for row in rows if row["row_kind"] == "verdict")
    return [str(row["statement"]) for row in sorted(found, key=lambda row: str(row["metric"]))]


def _accuracy(windows: Sequence[CardWindow]) -> Table:
    rows = [
        [
            window.name,
            f"{model.candidate} ({role})" if role else model.candidate,
            *(model.shown(m, with_interval=True) for m in _METRICS),
        ]
        for window in windows
        for role, model in highlights(window.models)
    ]
    return Table(["period", "model", *(labels.metric(m).label for m in _METRICS)], rows)


def _certainty(windows: Sequence[CardWindow]) -> Table:
    header = [
        "period", *(labels.metric(m).label for m in _CERTAINTY), "actual total inside its interval",
        labels.metric("probability_calibration_slope").label,
    ]  # fmt: skip
    return Table(header, [[window.name, *_certainty_of(window.models)] for window in windows])


def _certainty_of(models: Sequence[Judged]) -> list[str]:
    intervals = measured_intervals(models)
    if intervals is None:
        return ["not measured", *[""] * (len(_CERTAINTY) + 1)]
    ends = [f"total_actual_over_{end}" for end in ("low", "high")]
    over_low, over_high = (intervals.value(end) if end in intervals.estimates else None for end in ends)
    inside = "" if over_low is None or over_high is None else "yes" if over_low >= 1 >= over_high else "no"
    shown = [intervals.shown(m, with_interval=False) for m in (*_CERTAINTY, "probability_calibration_slope")]
    return [*shown[:-1], inside, shown[-1]]


def _errors(models: Sequence[Judged]) -> list[str]:
    """Return the error of the total, and the decile with the worst interval."""
    found = []
    for champion in (m for m in models if m.is_champion and "total_bias" in m.estimates):
        bias = champion.value("total_bias")
        where = "above" if bias > 0 else "below"
        found.append(f"the predicted total was {formats.percent(abs(bias))} {where} the actual total.")
    intervals = measured_intervals(models)
    if intervals and "interval_lowest_decile_coverage" in intervals.estimates:
        lowest = intervals.shown("interval_lowest_decile_coverage", with_interval=False)
        found.append(f"in the decile where the interval fits worst, {lowest} of customers were inside it.")
    return found
