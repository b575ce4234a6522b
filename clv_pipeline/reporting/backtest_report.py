"""A backtest for people: one HTML page with plots, and its section of docs/accuracy.md. Measured in `backtest.py`."""

import base64
from collections.abc import Iterable, Sequence
from datetime import date
from html import escape
from pathlib import Path

import pandas as pd

from clv_pipeline.core.home import write_durably
from clv_pipeline.evaluation.backtest import Backtest
from clv_pipeline.evaluation.protocols import Protocol
from clv_pipeline.reporting import plots
from clv_pipeline.reporting.bundle_report import STYLE

_SPEND = {
    "normalised_gini": "Gini", "spearman": "Spearman", "top_decile_capture": "top 10 %", "top_decile_share": "top 10 % of all",
    "top_fifth_share": "top 20 % of all", "wape": "WAPE", "root_mean_squared_error": "RMSE",
    "mean_absolute_error": "MAE", "decile_wape": "decile WAPE", "total_bias": "bias",
}  # fmt: skip
#: What fits a terminal.
_IN_SHORT = ("normalised_gini", "spearman", "top_decile_capture", "wape", "total_bias")
_CHANCE = {"roc_auc": "AUC", "log_loss": "log loss", "brier": "Brier"}
_OUTLOOK = {
    "interval_coverage": "90 % interval covers",
    "interval_coverage_of_buyers": "of those who bought",
    "interval_lowest_decile_coverage": "worst predicted decile",
    "interval_coverage_of_top_decile": "highest predicted decile",
    "typical_mean_absolute_error": "MAE of the typical spend",
    "probability_calibration_slope": "slope of the probability",
    "probability_log_loss": "log loss of the probability",
    "total_actual_over_low": "actual total over lower end",
    "total_actual_over_high": "actual total over upper end",
}
Rows = list[list[str]]


def write_page(backtest: Backtest, folder: Path) -> Path:
    """Write backtest.html into `folder`: tables and plots of every window; return its path."""
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Backtest {escape(backtest.source_name)}</title>",
        f"<style>{STYLE}</style><h1>Backtest, {escape(backtest.source_name)}</h1>",
        "<p class=quiet>Every model saw only what came before a cutoff, learned from earlier windows, and is judged on what "
        "came after. Brackets: 90 % bootstrap interval over customers.</p>",
    ]
    for days, cutoff in _windows(backtest):
        parts.append(f"<h2>{days} days from {cutoff}</h2>")
        parts += [f"<p>{escape(line)}</p>" for line in _verdicts(backtest, days, cutoff)]
        for header, rows in _tables(backtest, days, cutoff, with_intervals=True):
            parts.append(_html_table(header, rows))
        parts += _pictures(backtest, days, cutoff)
    parts.append("<h2>How many customers to learn from</h2>")
    parts.append(_html_table(*_learning(backtest)))
    learned = backtest.learning
    parts.append(_picture(plots.learning_curve(learned["customers"].tolist(), learned["normalised_gini"].tolist())))
    parts.append("<h2>What each source adds</h2>")
    parts.append(_html_table(*_sources(backtest)))
    added = backtest.sources[backtest.sources["metric"] == "normalised_gini"].sort_values("value", ascending=False)
    if len(added):
        names = added["left_out"].str.replace("_", " ").tolist()
        bars = list(zip(names, *(added[c].tolist() for c in ("value", "low", "high")), strict=True))
        parts.append(_picture(plots.bars_with_intervals(bars, "What each source adds", "normalised Gini")))
    path = folder / "backtest.html"
    write_durably(path, ("\n".join(parts) + "\n").encode())
    return path


def write_section(backtest: Backtest, path: Path, name: str, command: str, protocol: Protocol | None) -> None:
    """Put the backtest's tables under the heading `name` of a Markdown file, in place of what stands under it."""
    lines = [f"## {name}", "", f"`{command}`", ""]
    if protocol:
        lines += [protocol.description, ""]
    for days, cutoff in _windows(backtest):
        customers = int(_of(backtest.quality, days, cutoff)["customers"].iloc[0])
        lines += [f"### {days} days from {cutoff}, {customers:,} customers", ""]
        for header, rows in _tables(backtest, days, cutoff, with_intervals=False):
            published = _published(protocol, header) if protocol else []
            lines += [*_markdown_table(header, rows + published), ""]
        lines += [f"- {line}" for line in _verdicts(backtest, days, cutoff)] + [""]
    lines += ["### Learning curve", "", *_markdown_table(*_learning(backtest)), ""]
    lines += ["### What each source adds", "", *_markdown_table(*_sources(backtest)), ""]
    text = path.read_text() if path.exists() else "# Accuracy\n"
    before, _, old = text.partition(f"\n## {name}\n")
    after = old[old.find("\n## ") :] if "\n## " in old else ""
    write_durably(path, (before.rstrip("\n") + "\n\n" + "\n".join(lines) + after).encode())


def summary(backtest: Backtest) -> tuple[list[str], Rows]:
    """Return (header, rows) of each window's champion, best baseline and BTYD, for the command line."""
    shown = {metric: words for metric, words in _SPEND.items() if metric in _IN_SHORT}
    header, rows = ["days", "from", "model", *shown.values()], []
    for days, cutoff in _windows(backtest):
        wide = _wide(_of(backtest.quality, days, cutoff))
        spend = wide[wide["normalised_gini"].notna()]
        rules = spend[spend["is_baseline"]]["normalised_gini"]
        names = [*spend.index[spend["is_champion"]], "btyd", *([rules.idxmax()] if len(rules) else [])]
        rows += [[str(days), str(cutoff), n, *(_shown(m, wide.at[n, m]) for m in shown)] for n in dict.fromkeys(names)]
    return header, rows


def _windows(backtest: Backtest) -> list[tuple[int, date]]:
    pairs = backtest.quality[["horizon_days", "cutoff"]].drop_duplicates()
    return [(int(d), c) for d, c in pairs.itertuples(index=False)]


def _of(frame: pd.DataFrame, days: int, cutoff: date) -> pd.DataFrame:
    return frame[(frame["horizon_days"] == days) & (frame["cutoff"] == cutoff)]


def _wide(quality: pd.DataFrame, column: str = "value") -> pd.DataFrame:
    wide = quality.pivot_table(index="candidate", columns="metric", values=column, dropna=False)
    roles = quality.groupby("candidate")[["is_baseline", "is_champion"]].first()
    return wide.join(roles)


def _verdicts(backtest: Backtest, days: int, cutoff: date) -> list[str]:
    return [f"{r.target}: {r.candidate}. {r.reason}" for r in _of(backtest.verdicts, days, cutoff).itertuples()]


def _tables(backtest: Backtest, days: int, cutoff: date, *, with_intervals: bool) -> Iterable[tuple[list[str], Rows]]:
    quality = _of(backtest.quality, days, cutoff)
    value, low, high = (_wide(quality, column) for column in ("value", "low", "high"))
    for metrics_of, key in ((_SPEND, "normalised_gini"), (_CHANCE, "log_loss")):
        if key not in value:
            continue
        shown, rows = value[value[key].notna()], []
        for name, row in shown.sort_values(key, ascending=key == "log_loss").iterrows():
            role = "champion" if row["is_champion"] else "baseline" if row["is_baseline"] else ""
            cells = [_shown(m, row[m]) for m in metrics_of]
            if with_intervals:
                cells = [
                    _with_interval(cell, _shown(m, low.at[name, m]), _shown(m, high.at[name, m]))
                    for cell, m in zip(cells, metrics_of, strict=True)
                ]
            rows.append([str(name), role, *cells])
        yield ["model", "role", *metrics_of.values()], rows
    if "outlook" in value.index:
        told = [[words, _shown(m, value.at["outlook", m])] for m, words in _OUTLOOK.items() if m in value]
        yield ["what customers get", "value"], told
    yield _difference_table(backtest, days, cutoff)


def _difference_table(backtest: Backtest, days: int, cutoff: date) -> tuple[list[str], Rows]:
    """Return how much better the champion is than each other model, with the paired interval."""
    found = _of(backtest.differences, days, cutoff)
    rows = []
    for name, group in found.groupby("candidate"):
        by_metric = group.set_index("metric")
        if by_metric["value"].abs().sum() == 0:
            continue
        cells = [
            _with_interval(*(_signed(m, by_metric.at[m, part]) for part in ("value", "low", "high")))
            for m in ("normalised_gini", "spearman", "root_mean_squared_error")
        ]
        rows.append([str(name), *cells])
    return ["champion less", "Gini", "Spearman", "RMSE"], rows


def _learning(backtest: Backtest) -> tuple[list[str], Rows]:
    header = ["share of customers", "customers", "Gini", "RMSE"]
    return header, [
        [f"{r.share:.0%}", f"{r.customers:,}", f"{r.normalised_gini:.3f}", f"{r.root_mean_squared_error:,.2f}"]
        for r in backtest.learning.itertuples()
    ]


def _sources(backtest: Backtest) -> tuple[list[str], Rows]:
    """Return what one fixed model gains from each source's features, with the paired interval."""
    header = ["features of", "Gini with", "without", "difference"]
    gini = backtest.sources[backtest.sources["metric"] == "normalised_gini"]
    return header, [
        [
            str(r.left_out).replace("_", " "),
            f"{r.with_source:.3f}",
            f"{r.without_source:.3f}",
            f"{r.value:+.3f} [{r.low:+.3f}, {r.high:+.3f}]",
        ]
        for r in gini.itertuples()
    ]


def _published(protocol: Protocol, header: Sequence[str]) -> Rows:
    """Return what others published for the same window, as rows of the table of spend models."""
    if "Gini" not in header or "model" not in header:
        return []
    return [
        [f"*{method}*", "published", *(_shown(m, figures[m]) if m in figures else "" for m in _SPEND)]
        for method, figures in protocol.published
    ]


def _pictures(backtest: Backtest, days: int, cutoff: date) -> list[str]:
    rows = _of(backtest.predictions, days, cutoff)
    if rows.empty:
        return []
    actual, predicted = rows["actual_spend"].to_numpy(), rows["predicted_spend"].to_numpy()
    found = [
        plots.predicted_against_actual(actual, predicted, backtest.currency),
        plots.decile_calibration(actual, predicted, backtest.currency),
        plots.gain_curve(actual, predicted),
    ]
    if rows["low"].notna().all():
        found.append(plots.coverage_by_tenth(actual, predicted, rows["low"].to_numpy(), rows["high"].to_numpy()))
    return [_picture(png) for png in found]


def _picture(png: bytes) -> str:
    return f'<img alt="plot" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _shown(metric: str, cell: object) -> str:
    value = float(str(cell))
    if value != value:
        return ""
    if metric == "total_bias":
        return f"{value:+.1%}"
    if metric in ("root_mean_squared_error", "mean_absolute_error", "typical_mean_absolute_error"):
        return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
    return f"{value:.3f}"


def _with_interval(value: str, low: str, high: str) -> str:
    """Return the three together; nothing where there is no value, such as the rank correlation of a constant."""
    return f"{value} [{low}, {high}]" if value else ""


def _signed(metric: str, cell: object) -> str:
    value = float(str(cell))
    if value != value:
        return ""
    return f"{value:+,.1f}" if metric == "root_mean_squared_error" else f"{value:+.3f}"


def _html_table(header: Sequence[str], rows: Rows) -> str:
    head = "".join(f"<th>{escape(h)}</th>" for h in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _markdown_table(header: Sequence[str], rows: Rows) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]
