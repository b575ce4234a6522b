"""The model card of a backtest: one page that says what the models are for, how good they were, and where they were wrong."""

from pathlib import Path

import pandas as pd

from clv_pipeline.core.home import write_durably
from clv_pipeline.evaluation.backtest import Backtest

#: Metric, its name, how a value is written.
_JUDGED = (
    ("normalised_gini", "Gini", "{:.3f}"),
    ("spearman", "Spearman", "{:.3f}"),
    ("top_decile_capture", "top 10 %", "{:.3f}"),
    ("wape", "WAPE", "{:.3f}"),
    ("total_bias", "bias", "{:+.1%}"),
    ("decile_wape", "decile WAPE", "{:.3f}"),
)


def write_card(backtest: Backtest, folder: Path) -> Path:
    """Write model_card.md into `folder` and return its path."""
    windows = list(backtest.quality[["horizon_days", "cutoff"]].drop_duplicates().itertuples(index=False, name=None))
    lines = [
        f"# Model card: {backtest.source_name}",
        "",
        "**For**: ranking customers, budgets and totals by expected net spend (returns subtracted), and the chance of a "
        "purchase, over the days named. **Not for**: credit, prices, or any decision about a person beyond marketing care.",
        "",
        f"**Learned from**: past windows of the same company that ended before each cutoff, money in {backtest.currency}. "
        "**Judged on**: customers who had bought before the cutoff, by what they spent after it. Brackets are 90 % bootstrap "
        "intervals over customers.",
        "",
        "## How good",
        "",
        "| window | model | " + " | ".join(name for _, name, _ in _JUDGED) + " |",
        "|---|---|" + "---|" * len(_JUDGED),
    ]
    for days, cutoff in windows:
        lines += _rows(_window(backtest.quality, days, cutoff), f"{days} d from {cutoff}")
    lines += [
        "",
        "## How sure",
        "",
        "| window | 90 % interval covers | of buyers | total inside its interval | probability's slope |",
        "|---|---|---|---|---|",
    ]
    for days, cutoff in windows:
        lines += _sure(_window(backtest.quality, days, cutoff), f"{days} d from {cutoff}")
    lines += ["", "## Where it was wrong", ""]
    lines += [f"- {line}" for days, cutoff in windows for line in _wrong(backtest, days, cutoff)]
    lines += [
        "",
        "All models, baselines, paired differences, plots and the ablation: backtest.html beside this page.",
        "",
    ]
    path = folder / "model_card.md"
    write_durably(path, "\n".join(lines).encode())
    return path


def _window(frame: pd.DataFrame, days: int, cutoff: object) -> pd.DataFrame:
    return frame[(frame["horizon_days"] == days) & (frame["cutoff"] == cutoff)]


def _rows(quality: pd.DataFrame, window: str) -> list[str]:
    """Return the champion, the buy-till-you-die model and the best fixed baseline of a window."""
    gini = quality[quality["metric"] == "normalised_gini"].set_index("candidate")
    champion = gini.index[gini["is_champion"]]
    rules = gini.loc[gini["is_baseline"], "value"].sort_values(ascending=False).index
    found = []
    for role, name in (
        ("champion", champion[:1]),
        ("", gini.index.intersection(["btyd"])),
        ("best baseline", rules[:1]),
    ):
        for candidate in name:
            of_one = quality[quality["candidate"] == candidate].set_index("metric")
            cells = [_with_interval(of_one.loc[metric], form) for metric, _, form in _JUDGED]
            found.append(f"| {window} | {candidate}{f' ({role})' if role else ''} | " + " | ".join(cells) + " |")
    return found


def _with_interval(row: pd.Series, form: str) -> str:
    return f"{form.format(row['value'])} [{form.format(row['low'])}, {form.format(row['high'])}]"


def _sure(quality: pd.DataFrame, window: str) -> list[str]:
    told = quality[quality["candidate"] == "outlook"].set_index("metric")["value"]
    if told.empty:
        return [f"| {window} | no past window to measure it on | | | |"]
    inside = told["total_actual_over_low"] >= 1 >= told["total_actual_over_high"]
    return [
        f"| {window} | {told['interval_coverage']:.1%} | {told['interval_coverage_of_buyers']:.1%} | "
        f"{'yes' if inside else 'no'} | {told['probability_calibration_slope']:.2f} |"
    ]


def _wrong(backtest: Backtest, days: int, cutoff: object) -> list[str]:
    """Return, in words, the window's level error, the worst decile, and who ranked better than the champion."""
    quality = _window(backtest.quality, days, cutoff)
    gini = quality[quality["metric"] == "normalised_gini"].set_index("candidate")
    champion = gini.index[gini["is_champion"]][0]
    bias = quality[(quality["candidate"] == champion) & (quality["metric"] == "total_bias")]["value"].item()
    found = [f"{days} d from {cutoff}: the total was {abs(bias):.1%} {'above' if bias > 0 else 'below'} what came."]
    paired = _window(backtest.differences, days, cutoff)
    behind = paired[(paired["metric"] == "normalised_gini") & (paired["high"] < 0)]
    if len(behind):
        by_gap = behind.set_index("candidate")["value"].sort_values()
        names = ", ".join(f"{name} by {-value:.3f}" for name, value in by_gap.items())
        found.append(f"{days} d from {cutoff}: ranked better than the champion beyond the noise: {names}.")
    told = quality[quality["metric"] == "interval_lowest_decile_coverage"]["value"]
    if len(told):
        found.append(
            f"{days} d from {cutoff}: the interval covered {told.item():.1%} of the predicted decile it fits worst."
        )
    return found
