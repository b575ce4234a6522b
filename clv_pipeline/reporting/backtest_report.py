"""The report of a backtest: one HTML page with plots, and its section of docs/accuracy.md. Tables are in `backtest_tables.py`."""

from dataclasses import dataclass
from pathlib import Path

from clv_pipeline.core.home import write_durably
from clv_pipeline.evaluation.backtest import Backtest
from clv_pipeline.evaluation.protocols import Protocol
from clv_pipeline.reporting import backtest_tables, formats, html, labels, markdown, plots
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
    page = render(
        "backtest_report.html",
        source_name=backtest.source_name,
        currency=backtest.currency,
        windows=sections,
        quality_terms=terms(table for section in sections for _, table in section.tables),
        learning=backtest_tables.learning(backtest),
        learning_curve=_learning_curve(backtest),
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


def _learning_curve(backtest: Backtest) -> Picture:
    customers = backtest.learning["customers"].tolist()
    gini = backtest.learning["normalised_gini"].tolist()
    return html.drawn(
        "Learning curve",
        f"The normalised Gini goes from {formats.decimal(gini[0])} with {formats.counted(customers[0], 'customer')} to "
        f"{formats.decimal(gini[-1])} with {formats.spoken(customers[-1])}.",
        plots.learning_curve,
        customers,
        gini,
    )


def _pictures(window: Window) -> list[Picture]:
    rows, currency = window.rows("predictions"), window.backtest.currency
    if rows.empty:
        return []
    actual, predicted = rows["actual_spend"].to_numpy(), rows["predicted_spend"].to_numpy()
    means, reached = plots.means_by_decile(actual, predicted), plots.gains(actual, predicted)
    found = [
        html.drawn(
            f"Predicted against actual spend, {window.name}",
            f"{formats.counted(len(rows), 'customer')}, larger dots for more of them; the line is a perfect prediction.",
            plots.predicted_against_actual,
            actual,
            predicted,
            currency,
        ),
        html.drawn(
            f"Calibration by predicted decile, {window.name}",
            f"In the highest decile predicted {formats.spoken_money(means[0][0], currency)} per customer, actual "
            f"{formats.spoken_money(means[1][0], currency)}.",
            plots.decile_calibration,
            *means,
            currency,
        ),
        html.drawn(
            f"Share of spend reached by share of customers, {window.name}",
            f"The first 10 % of the customers by prediction made {formats.spoken_percent(reached[10])} of the spend.",
            plots.gain_curve,
            reached,
            plots.gains(actual, actual),
        ),
    ]
    if rows["low"].notna().all():
        groups = plots.coverages(actual, predicted, rows["low"].to_numpy(), rows["high"].to_numpy())
        found.append(
            html.drawn(
                f"Coverage of the 90 % interval by decile, {window.name}",
                f"Of all customers, from {formats.spoken_percent(min(groups[0]))} to {formats.spoken_percent(max(groups[0]))} by "
                "decile are inside; the dotted line is 90 %.",
                plots.coverage_by_decile,
                groups,
                ["all customers", "buyers"],
            )
        )
    return found


def _sources_picture(backtest: Backtest) -> Picture | None:
    added = backtest.sources[backtest.sources["metric"] == "normalised_gini"].sort_values("value", ascending=False)
    if added.empty:
        return None
    names = [labels.words(name) for name in added["left_out"]]
    bars = list(zip(names, *(added[c].tolist() for c in ("value", "low", "high")), strict=True))
    return html.drawn(
        "What each source adds to the order of the customers",
        f"{bars[0][0]} adds most: {formats.decimal(bars[0][1], signed=True)}.",
        plots.bars_with_intervals,
        bars,
        "normalised Gini",
    )
