"""The report of a backtest: one HTML page with plots, and its section of docs/accuracy.md. Tables are in `backtest_tables.py`."""

from dataclasses import dataclass
from pathlib import Path

from clv_pipeline.core.home import write_durably
from clv_pipeline.evaluation.backtest import Backtest
from clv_pipeline.evaluation.protocols import Protocol
from clv_pipeline.reporting import backtest_tables, formats, labels, markdown, plots
from clv_pipeline.reporting.backtest_tables import Window
from clv_pipeline.reporting.html import Picture, render
from clv_pipeline.reporting.quality_tables import SPEND_METRICS, terms
from clv_pipeline.reporting.tables import Table


@dataclass(frozen=True)
class _Section:
    """One test window on the page."""

    name: str
    verdicts: list[str]
    tables: list[tuple[str, Table]]
    pictures: list[Picture]


def write_page(backtest: Backtest, folder: Path) -> Path:
    """Write backtest.html into `folder`: tables and plots of every window; return its path."""
    sections = [
        _Section(window.name, window.verdicts, window.tables(with_intervals=True), _pictures(window))
        for window in backtest_tables.windows(backtest)
    ]
    learned = backtest.learning
    page = render(
        "backtest_report.html",
        source_name=backtest.source_name,
        currency=backtest.currency,
        windows=sections,
        quality_terms=terms(table for section in sections for _, table in section.tables),
        learning=backtest_tables.learning(backtest),
        learning_curve=Picture(
            plots.learning_curve(learned["customers"].tolist(), learned["normalised_gini"].tolist()), "Learning curve"
        ),
        sources=backtest_tables.sources(backtest),
        sources_picture=_sources_picture(backtest),
    )
    path = folder / "backtest.html"
    write_durably(path, page.encode())
    return path


def write_section(backtest: Backtest, path: Path, name: str, command: str, protocol: Protocol | None) -> None:
    """Put the backtest's tables under the heading `name` of a Markdown file, replacing the section's old content."""
    lines = [f"## {name}", "", f"`{command}`", ""]
    if protocol:
        lines += [protocol.description, ""]
    for window in backtest_tables.windows(backtest):
        lines += [f"### {window.name}, {formats.count(window.customers)} customers", ""]
        for title, table in window.tables(with_intervals=False):
            shown = _with_published(table, protocol) if protocol and title == "Spend" else table
            lines += [*markdown.table(shown), ""]
        lines += [f"- {line}" for line in window.verdicts] + [""]
    lines += ["### Learning curve", "", *markdown.table(backtest_tables.learning(backtest)), ""]
    lines += ["### What each source adds", "", *markdown.table(backtest_tables.sources(backtest)), ""]
    text = path.read_text() if path.exists() else "# Accuracy\n"
    before, _, old = text.partition(f"\n## {name}\n")
    after = old[old.find("\n## ") :] if "\n## " in old else ""
    write_durably(path, (before.rstrip("\n") + "\n\n" + "\n".join(lines) + after).encode())


def _with_published(table: Table, protocol: Protocol) -> Table:
    """Return the table of spend models with published results of others for the same window."""
    published = [
        [f"*{method}*", "published", *(formats.metric(m, figures.get(m)) for m in SPEND_METRICS)]
        for method, figures in protocol.published
    ]
    return Table(table.header, [*table.rows, *published], table.numeric)


def _pictures(window: Window) -> list[Picture]:
    rows, currency = window.rows("predictions"), window.backtest.currency
    if rows.empty:
        return []
    actual, predicted = rows["actual_spend"].to_numpy(), rows["predicted_spend"].to_numpy()
    found = [
        Picture(plots.predicted_against_actual(actual, predicted, currency), "Predicted against actual spend"),
        Picture(plots.decile_calibration(actual, predicted, currency), "Calibration by predicted decile"),
        Picture(plots.gain_curve(actual, predicted), "Share of spend reached by share of customers"),
    ]
    if rows["low"].notna().all():
        low, high = rows["low"].to_numpy(), rows["high"].to_numpy()
        found.append(
            Picture(plots.coverage_by_decile(actual, predicted, low, high), "Coverage of the 90 % interval by decile")
        )
    return found


def _sources_picture(backtest: Backtest) -> Picture | None:
    added = backtest.sources[backtest.sources["metric"] == "normalised_gini"].sort_values("value", ascending=False)
    if added.empty:
        return None
    names = [labels.words(name) for name in added["left_out"]]
    bars = list(zip(names, *(added[c].tolist() for c in ("value", "low", "high")), strict=True))
    title = "What each source adds"
    return Picture(plots.bars_with_intervals(bars, title, "normalised Gini"), title)
