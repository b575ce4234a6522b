"""Reports in general: templates refuse missing values and keep markup inert, formats are in one place, roles are right."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from clv_pipeline.core.project_files import PROJECT
from clv_pipeline.modeling import metrics
from clv_pipeline.reporting import formats, html, labels, markdown, plots, quality_tables, sketches, tables
from clv_pipeline.reporting.backtest_report import write_page
from clv_pipeline.reporting.bundle_report import _PARTS
from clv_pipeline.reporting.html import Picture, render
from clv_pipeline.reporting.tables import Table
from clv_pipeline_tests.pages import assert_inert, tags_of
from clv_pipeline_tests.test_backtest import by_hand

ATTACK = '"><script>alert(1)</script>'
BACKTEST_VALUES: dict[str, Any] = {
    "source_name": "shop", "currency": "EUR", "windows": [], "quality_terms": [], "learning": Table([], []),
    "learning_curve": Picture("Learning curve", "", "It rises."), "sources": Table([], []), "sources_picture": None,
}  # fmt: skip


def row(target: str, candidate: str, metric: str, value: float | None, *, is_champion: bool = False) -> dict[str, Any]:
    return {"row_kind": "model", "target": target, "candidate": candidate, "is_baseline": False, "is_champion": is_champion,
            "metric": metric, "value": value, "low": value, "high": value}  # fmt: skip


# --- pages ------------------------------------------------------------------------------------------------------------


def test_a_page_with_a_value_missing_is_an_error() -> None:
    assert "Learning curve" in render("backtest_report.html", **BACKTEST_VALUES)
    for name in BACKTEST_VALUES:
        without = {key: value for key, value in BACKTEST_VALUES.items() if key != name}
        with pytest.raises(UndefinedError, match=name):
            render("backtest_report.html", **without)


def test_markup_is_inert_in_text_in_headings_in_cells_and_in_attributes() -> None:
    values = BACKTEST_VALUES | {
        "source_name": ATTACK, "learning": Table([ATTACK], [[ATTACK]]),
        "learning_curve": html.drawn(ATTACK, ATTACK, plots.horizontal_bars, [ATTACK], [1.0], ATTACK),
    }  # fmt: skip
    page = render("backtest_report.html", **values)
    assert_inert(page)
    assert page.count("&lt;script&gt;") == 9, (
        "title, heading; heading and cell of a table; title, text (twice), name, unit"
    )
    assert [a["aria-label"] for tag, a in tags_of(page) if tag == "svg"] == [f"{ATTACK}. {ATTACK}"]


def test_every_template_is_read_from_the_package() -> None:
    folder = PROJECT / "clv_pipeline" / "reporting" / "templates"
    there = {str(path.relative_to(folder)) for path in folder.rglob("*.*")}
    assert there >= {"page.html", "style.css", "macros.html", "bundle_report.html", "backtest_report.html"}
    assert {name.removeprefix("sections/") for name in there if "/" in name} == {f"{part.name}.html" for part in _PARTS}
    assert set(html._environment().list_templates()) == there


def test_one_module_makes_html_and_one_makes_data_uris() -> None:
    sources = {p: p.read_text() for p in (PROJECT / "clv_pipeline").rglob("*.py")}
    for sign, owner in (("jinja2", "html.py"), (";base64,{", "drawing.py"), ("<td", None), ("<html", None)):
        found = {p.name for p, text in sources.items() if sign in text}
        assert found == ({owner} if owner else set()), sign


def test_a_sketch_is_short_enough_to_show_in_dagsters_page_whatever_is_in_it() -> None:
    rows = [(f"{'|' * n} a name as long as that of a feature, {n}", 1e12 / n) for n in range(1, 40)]
    steps = [step / 100 for step in range(101)]
    found = [
        sketches.bars(rows, "loss of normalised Gini", digits=3),
        sketches.bars_with_intervals([(name, value, -value, value) for name, value in rows], "normalised Gini"),
        sketches.gain(steps, steps),
        sketches.calibration([1e12 / n for n in range(1, 11)], [-1e12] * 10, "EUR"),
        sketches.calibration([0.0] * 10, [0.0] * 10, "EUR"),
        sketches.bars([], "customers"),
    ]
    assert max(map(len, found)) <= sketches.LONGEST
    assert "████████████" in found[0]


def test_numbers_are_formatted_in_one_module() -> None:
    """A format such as `{value:,.2f}` elsewhere would be a second opinion on how a number looks."""
    files = [p for room in ("reporting", "diagnostics") for p in (PROJECT / "clv_pipeline" / room).rglob("*.py")]
    specs = [
        (path.name, ast.unparse(node.format_spec))
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FormattedValue) and node.format_spec
    ]
    numeric = [(name, spec) for name, spec in specs if re.search(r"[,%]|\.\d+[ef]|[+]", re.sub(r"%[YmdHMS]", "", spec))]
    assert {name for name, _ in numeric} == {"formats.py"}


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_column_of_numbers_is_aligned_right_on_a_page_and_one_with_any_text_is_not() -> None:
    shown = tables.of_records(
        [{"rows": 1, "mixed": 1, "purchase": True}, {"rows": None, "mixed": "one", "purchase": False}]
    )
    assert shown.numeric == {0}
    page = render("backtest_report.html", **(BACKTEST_VALUES | {"learning": shown}))
    first, mixed, flag = (
        '<th scope="row" class="n">1</th>',
        '<td data-label="mixed">1</td>',
        '<td data-label="purchase">yes</td>',
    )
    assert f"{first}{mixed}{flag}" in page


def test_a_name_cannot_break_out_of_a_markdown_cell() -> None:
    lines = markdown.table(Table(["model", "Gini"], [["one|two\nthree", "0.8"]]))
    assert len(lines) == 3
    assert lines[2].replace(r"\|", "").count("|") == 3


# --- metrics ----------------------------------------------------------------------------------------------------------


def test_every_metric_has_one_label_of_its_own_and_a_meaning() -> None:
    measured = {*metrics.SPEND_METRICS, *metrics.PROBABILITY_METRICS}
    shown = {
        *quality_tables.SPEND_METRICS, *quality_tables.SPEND_METRICS_IN_SHORT, *quality_tables.PROBABILITY_METRICS,
        *quality_tables.INTERVAL_METRICS,
    }  # fmt: skip
    assert (measured | shown) - labels.METRICS.keys() == set()
    names = [metric.label for metric in labels.METRICS.values()]
    assert len(names) == len(set(names))
    assert all(metric.meaning for metric in labels.METRICS.values())


def test_a_value_that_is_missing_is_empty_in_every_format() -> None:
    for missing in (None, float("nan")):
        written = [
            formats.decimal(missing),
            formats.count(missing),
            formats.percent(missing),
            formats.money(missing, "EUR"),
        ]
        written += [formats.metric(name, missing) for name in labels.METRICS]
        written += [formats.metric_estimate(name, missing, 1, 2) for name in labels.METRICS]
        written += [formats.money_range(missing, 1), formats.money_range(1, missing), formats.cell("spend", missing)]
        assert set(written) == {""}


def test_a_name_that_is_champion_for_one_target_is_not_champion_for_the_other() -> None:
    models = quality_tables.judged_models(
        [
            row("spend_90d_total", "blend", "normalised_gini", 0.8, is_champion=True),
            row("purchase_90d", "blend", "log_loss", 0.5),
            row("purchase_90d", "trees", "log_loss", 0.4, is_champion=True),
        ]
    )
    found = {
        name: [list(r[:2]) for r in table.rows]
        for name, table in quality_tables.comparisons(models, with_intervals=False)
    }
    assert found == {"Spend": [["blend", "champion"]], "Purchase probability": [["trees", "champion"], ["blend", ""]]}


def test_models_are_ranked_best_first_and_those_without_a_value_are_left_out() -> None:
    rows = [row("spend", name, "wape", value) for name, value in (("b", 0.5), ("a", 0.5), ("c", 0.9), ("d", None))]
    models = quality_tables.judged_models(rows)
    assert [m.candidate for m in quality_tables.ranked(models, "wape")] == ["c", "a", "b"]
    assert [m.candidate for m in quality_tables.ranked(models, "wape", lower_is_better=True)] == ["a", "b", "c"]


def test_the_highlights_name_a_model_once_though_it_has_two_roles() -> None:
    models = quality_tables.judged_models([row("spend", "btyd", "normalised_gini", 0.8, is_champion=True)])
    assert [(role, model.candidate) for role, model in quality_tables.highlights(models)] == [("champion", "btyd")]


def test_only_metrics_that_a_table_shows_are_explained() -> None:
    spend = quality_tables.comparison([], ("wape", "total_bias"), with_intervals=False)
    assert [metric.label for metric in quality_tables.terms([spend])] == ["WAPE", "bias"]


def test_the_same_backtest_gives_the_same_page(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    one, two = (write_page(by_hand(), folder).read_bytes() for folder in folders)
    assert one == two
    assert b"<svg" in one
