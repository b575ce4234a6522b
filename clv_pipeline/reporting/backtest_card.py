"""The model card of a backtest: one Markdown page on the purpose of the models, their accuracy, and their largest errors."""

from pathlib import Path

from clv_pipeline.core.home import write_durably
from clv_pipeline.evaluation.backtest import Backtest
from clv_pipeline.reporting import formats, labels, markdown
from clv_pipeline.reporting.backtest_tables import Window, windows
from clv_pipeline.reporting.quality_tables import highlights, measured_intervals
from clv_pipeline.reporting.tables import Table

_METRICS = ("normalised_gini", "spearman", "top_decile_capture", "wape", "total_bias", "decile_wape")


def write_card(backtest: Backtest, folder: Path) -> Path:
    """Write model_card.md into `folder` and return its path."""
    judged = list(windows(backtest))
    lines = [
        f"# Model card: {backtest.source_name}",
        "",
        "**Use it for**: ranking customers, budgets and totals by expected net spend (after returns), and the probability of "
        "a purchase, over the periods shown. **Do not use it for**: credit, prices, or decisions about people outside "
        "marketing.",
        "",
        "**Trained on**: earlier periods of the same company that ended before each test period began; money in "
        f"{backtest.currency}. **Tested on**: customers who had bought before the test period, by what they spent in it. "
        "Brackets are 90 % bootstrap intervals over customers.",
        "",
        "## How accurate",
        "",
        *markdown.table(_accuracy(judged)),
        "",
        "## How certain",
        "",
        *markdown.table(_certainty(judged)),
        "",
        "## Where it was wrong",
        "",
        *(f"- {window.name}: {line}" for window in judged for line in _errors(window)),
        "",
        "backtest.html in the same folder has all models and baselines, paired differences, plots, and what each source adds.",
        "",
    ]
    path = folder / "model_card.md"
    write_durably(path, "\n".join(lines).encode())
    return path


def _accuracy(judged: list[Window]) -> Table:
    rows = [
        [
            window.name,
            f"{model.candidate} ({role})" if role else model.candidate,
            *(model.shown(m, with_interval=True) for m in _METRICS),
        ]
        for window in judged
        for role, model in highlights(window.models)
    ]
    return Table(["period", "model", *(labels.metric(m).label for m in _METRICS)], rows)


def _certainty(judged: list[Window]) -> Table:
    header = [
        "period", "customers inside their 90 % interval", "buyers inside", "actual total inside its interval",
        labels.metric("probability_calibration_slope").label,
    ]  # fmt: skip
    return Table(header, [[window.name, *_certainty_of(window)] for window in judged])


def _certainty_of(window: Window) -> list[str]:
    intervals = measured_intervals(window.models)
    if intervals is None:
        return ["not measured: there is no earlier period to learn the intervals from", "", "", ""]
    ends = [f"total_actual_over_{end}" for end in ("low", "high")]
    over_low, over_high = (intervals.value(end) if end in intervals.estimates else None for end in ends)
    inside = "" if over_low is None or over_high is None else "yes" if over_low >= 1 >= over_high else "no"
    coverage, of_buyers, slope = (
        intervals.shown(m, with_interval=False)
        for m in ("interval_coverage", "interval_coverage_of_buyers", "probability_calibration_slope")
    )
    return [coverage, of_buyers, inside, slope]


def _errors(window: Window) -> list[str]:
    """Return the error of the total, the decile with the worst interval, and which models ranked better than the champion."""
    models = window.models
    champion = next(m for m in models if m.is_champion and "total_bias" in m.estimates)
    bias = champion.value("total_bias")
    found = [
        f"the predicted total was {formats.percent(abs(bias))} {'above' if bias > 0 else 'below'} the actual total."
    ]
    paired = window.rows("differences")
    behind = paired[(paired["metric"] == "normalised_gini") & (paired["high"] < 0)].sort_values("value")
    if len(behind):
        names = ", ".join(
            f"{name} by {formats.metric('normalised_gini', -value)}"
            for name, value in zip(behind["candidate"], behind["value"], strict=True)
        )
        found.append(f"these models ranked customers better than the champion, by more than chance (Gini): {names}.")
    intervals = measured_intervals(models)
    if intervals and "interval_lowest_decile_coverage" in intervals.estimates:
        lowest = intervals.shown("interval_lowest_decile_coverage", with_interval=False)
        found.append(f"in the decile where the interval fits worst, {lowest} of customers were inside it.")
    return found
