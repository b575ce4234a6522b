"""Reports as their readers open them: in a real Chromium, on a screen and a phone, light and dark, on paper, by keyboard.

What a section says is in the tests of its module; here is what must hold of every page, and that its figures are the tables'.
"""

import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.reporting import formats
from clv_pipeline.reporting.answers import of_bundle
from clv_pipeline.reporting.backtest_report import write_page
from clv_pipeline.reporting.bundle_report import write_report
from clv_pipeline.warehouse.connection import open_bundle_file
from clv_pipeline_tests.browser import Browser, keep, needs_chromium, running_browser
from clv_pipeline_tests.nights import served_run
from clv_pipeline_tests.pages import assert_inert, tags_of
from clv_pipeline_tests.test_backtest import by_hand

#: The part of an A4 page within the margins, in pixels of CSS.
_A4_WIDTH = 688
_OPEN_ALL = "document.querySelectorAll('details').forEach(part => part.open = true)"


@pytest.fixture(scope="module")
def bundle(demo_run: Home) -> Path:
    return demo_run.published / served_run(demo_run)


@pytest.fixture(scope="module")
def pages(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the report of a bundle and that of a backtest."""
    return {"report": bundle / "report.html", "backtest": write_page(by_hand(), tmp_path_factory.mktemp("backtest"))}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


def _open(browser: Browser, page: Path) -> str:
    return browser.open(page.as_uri(), "All amounts are in")


# --- in a browser ------------------------------------------------------------------------------------------------------


@needs_chromium
@pytest.mark.parametrize("name", ["report", "backtest"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
def test_a_page_fits_its_screen_and_can_be_read_on_it(
    pages: dict[str, Path], browser: Browser, width: int, scheme: str, name: str
) -> None:
    browser.prefer(scheme)
    browser.resize(width, 900)
    browser.watch()
    _open(browser, pages[name])
    browser.evaluate(_OPEN_ALL)
    keep(browser.screenshot(), f"{name}_{width}_{scheme}.png")
    assert browser.scroll_width() <= width
    assert browser.unreadable() == []
    assert browser.requested() == [pages[name].as_uri()], "nothing but the page itself is asked for"
    assert browser.errors() == []


@needs_chromium
def test_dark_is_dark_on_a_screen_and_paper_is_white(pages: dict[str, Path], browser: Browser) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    browser.prefer("dark")
    _open(browser, pages["report"])
    assert browser.evaluate(background) == "rgb(18, 24, 31)"
    browser.prefer("dark", media="print")
    assert browser.evaluate(background) == "rgb(255, 255, 255)"
    assert browser.unreadable() == []


@needs_chromium
def test_on_paper_nothing_is_cut_off_and_folded_parts_are_open(pages: dict[str, Path], browser: Browser) -> None:
    browser.prefer("light", media="print")
    browser.resize(_A4_WIDTH, 1000)
    _open(browser, pages["report"])
    assert browser.scroll_width() <= _A4_WIDTH
    folded = (
        "[...document.querySelectorAll('details:not([open]) > p')].filter(p => p.getBoundingClientRect().height === 0)"
    )
    assert browser.evaluate(f"{folded}.length") == 0
    cut = "[...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.ariaLabel)"
    assert browser.evaluate(cut) == []
    printed = browser.pdf()
    keep(printed, "report.pdf")
    assert printed.startswith(b"%PDF")


@needs_chromium
def test_the_keyboard_reaches_the_content_first_and_then_every_part(pages: dict[str, Path], browser: Browser) -> None:
    browser.prefer("light")
    browser.resize(1400, 900)
    _open(browser, pages["report"])
    key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
    reached = []
    for _ in range(300):
        browser.call("Input.dispatchKeyEvent", type="keyDown", **key)
        browser.call("Input.dispatchKeyEvent", type="keyUp", **key)
        reached.append(
            browser.evaluate(
                "(e => [e.tagName, e.getAttribute('href') || e.textContent.slice(0, 60),"
                " getComputedStyle(e).outlineStyle])(document.activeElement)"
            )
        )
        if reached[-1][0] == "BODY":
            break
    assert reached[0][:2] == ["A", "#content"]
    assert all(style != "none" for tag, _, style in reached if tag != "BODY"), "the focus is to be seen"
    summaries = browser.evaluate("[...document.querySelectorAll('summary')].map(s => s.textContent.slice(0, 60))")
    assert [text for tag, text, _ in reached if tag == "SUMMARY"] == summaries


# --- in its text -------------------------------------------------------------------------------------------------------


def test_a_page_asks_for_nothing_and_runs_nothing(pages: dict[str, Path]) -> None:
    for page in pages.values():
        assert_inert(page.read_text())


def test_every_picture_has_a_text_with_figures_and_ids_are_unique(pages: dict[str, Path]) -> None:
    for name, page in pages.items():
        tags = tags_of(page.read_text())
        texts = [a["aria-label"] or "" for tag, a in tags if tag == "svg"]
        assert texts
        assert all(re.search(r"\d", text) and len(text) > 40 for text in texts), texts
        assert len(set(texts)) == len(texts)
        ids = [a["id"] for _, a in tags if "id" in a]
        assert len(set(ids)) == len(ids), name


def test_headings_go_down_one_level_at_a_time_and_the_contents_lead_somewhere(pages: dict[str, Path]) -> None:
    for page in pages.values():
        tags = tags_of(page.read_text())
        levels = [int(tag[1]) for tag, _ in tags if re.fullmatch(r"h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        named = {a["id"] for _, a in tags if "id" in a}
        linked = {(a["href"] or "").removeprefix("#") for tag, a in tags if tag == "a"}
        assert linked
        assert linked <= named


def test_page_one_answers_the_five_questions_and_names_the_tables(bundle: Path) -> None:
    page = (bundle / "report.html").read_text()
    first = page[page.index('<section id="answers"') : page.index('<section id="segments"')]
    with open_bundle_file(bundle / "clv.duckdb") as connection:
        answers = of_bundle(connection)
        tables = {name for (name,) in connection.execute("select table_name from information_schema.tables").fetchall()}
    assert len(answers) == 5
    places = [
        first.index(f"{number}. {answer.question}".replace("'", "&#39;")) for number, answer in enumerate(answers, 1)
    ]
    assert places == sorted(places)
    named = set(re.findall(r"<code>(\w+)</code>", page)) - {"column_dictionary"}
    assert named <= tables
    for section in re.findall(r'<section id="(\w+)"[^>]*>(.*?)</section>', page, re.DOTALL):
        assert "<code>" in section[1], f"{section[0]} names no table"


def test_figures_in_the_report_are_those_of_the_tables(bundle: Path) -> None:
    page = (bundle / "report.html").read_text()
    with open_bundle_file(bundle / "clv.duckdb") as connection:
        (total, low, high, currency) = connection.execute(
            "select predicted_spend_total, predicted_spend_total_low, predicted_spend_total_high, currency from clv_run"
        ).fetchall()[0]
        segments = connection.execute("select customers, predicted_spend_total from segments").fetchall()
        steps = connection.execute("select spend_change from base_movements where row_kind = 'change'").fetchall()
        (windows,) = connection.execute(
            "select list(actual_spend) from prediction_outcomes where slice_kind = 'all' and is_closed"
        ).fetchall()[0]
        costs = connection.execute("select cac from channel_value where cac is not null").fetchall()
        quarantined = connection.execute("select quarantined_rows from clv_run").fetchall()[0][0]
    assert formats.money(total, currency, digits=0) in page
    assert formats.money_range(low, high, currency) in page
    for customers, spend in segments:
        assert f"<dd>{formats.count(customers)}</dd>" in page
        assert f"<dd>{formats.spoken_money(spend, currency)}</dd>" in page
    assert all(f">{formats.decimal(change, 0, signed=True)}<" in page for (change,) in steps)
    assert any(formats.spoken_money(actual, currency) in page for actual in windows)
    assert all(f'data-label="cost per new buyer">{formats.money(cost)}<' in page for (cost,) in costs)
    assert f"{formats.counted(quarantined, 'row')} of all tables" in page


def test_the_cohorts_that_are_expected_are_marked_and_the_others_are_not(bundle: Path) -> None:
    page = (bundle / "report.html").read_text()
    with open_bundle_file(bundle / "clv.duckdb") as connection:
        rows = connection.execute(
            """
            with shown as (
                select cohort, months_since, bool_or(row_kind = 'forecast') as is_expected from cohorts
                where cohort_kind = 'cohort' and months_since between 0 and 12 and cohort_month_date in (
                    select distinct cohort_month_date from cohorts where cohort_kind = 'cohort'
                    order by cohort_month_date desc limit 18)
                group by cohort, months_since
            )
            select count(*) filter (where is_expected), count(*) from shown
            """
        ).fetchall()
    section = page[page.index('<section id="cohorts"') : page.index('<section id="channels"')]
    cells = re.findall(r'<td class="h[1-6]( expected)?">', section)
    assert [(sum(bool(mark) for mark in cells), len(cells))] == rows


def test_a_report_is_written_in_the_number_format_of_the_company(bundle: Path, tmp_path: Path) -> None:
    copied = tmp_path / "bundle"
    shutil.copytree(bundle, copied)
    with formats.number_format("1.234,5"):
        write_report(copied)
        with open_bundle_file(copied / "clv.duckdb") as connection:
            (total,) = connection.execute("select predicted_spend_total from clv_run").fetchall()[0]
        shown = formats.money(total, digits=0)
    page = (copied / "report.html").read_text()
    assert "." in shown
    assert shown in page
    assert formats.money(total, digits=0) not in page
    assert (bundle / "report.html").read_text().count("<svg") == page.count("<svg")


def test_a_bundle_of_an_older_release_says_what_it_lacks(bundle: Path, tmp_path: Path) -> None:
    """Erasing a customer renders every bundle again that holds one, also those of before a table was published."""
    copied = tmp_path / "bundle"
    shutil.copytree(bundle, copied)
    with duckdb.connect(str(copied / "clv.duckdb")) as connection:
        connection.execute("drop table cohort_comparison")
        connection.execute("alter table channel_value drop column affordable_cac")
        connection.execute("alter table base_deciles drop column spend_share_to_here")
    write_report(copied)
    page = (copied / "report.html").read_text()
    assert page.count("was made by an older release") == 3, "the answers, the cohorts, the channels"
    assert '<section id="segments"' in page


def test_where_nothing_is_known_every_section_says_so(bundle: Path, tmp_path: Path) -> None:
    """The first night of a young company: no second period, no channel, no margin, no category, no test, no CRM."""
    copied = tmp_path / "bundle"
    shutil.copytree(bundle, copied)
    with duckdb.connect(str(copied / "clv.duckdb")) as connection:
        for table in (
            "recommendations", "base_movements", "tier_transitions", "cohorts", "cohort_comparison", "next_purchases",
            "score_change_summary", "customer_clv_changes", "prediction_outcomes", "model_quality", "feature_importance",
            "permutation_importance", "partial_dependence", "source_ablation", "forecast_improvements", "forecast_quality",
            "revenue_forecast", "best_customer_profile", "base_deciles", "gain_curve",
        ):  # fmt: skip
            connection.execute(f"delete from {table}")
        connection.execute("delete from next_purchase_quality where row_kind <> 'status'")
        connection.execute("update next_purchase_quality set customers = 0, statement = 'No order line has a product.'")
        connection.execute("delete from channel_value where acquisition_channel <> 'organic'")
        connection.execute(
            "update channel_value set acquisition_channel = 'unknown', cac = null, margin_12m = null, margin_12m_low = null, "
            "margin_12m_high = null, affordable_cac = null, verdict = 'no_margin'"
        )
        connection.execute(
            "update clv_run set predicted_spend_total_low = null, predicted_spend_total_high = null, season_factor = null, "
            "reasons_fidelity = null, basis = 'rule', ranking = 'not tested'"
        )
    write_report(copied)
    page = (copied / "report.html").read_text()
    assert_inert(page)
    for said in (
        "There are no two periods", "there is no cohort to show", "No channel is recorded", "No order line has a product.",
        "This is the first report", "nobody knows how good these are",
        "No feature changes the predictions",
        "Nothing is missing.",
        "The order history is too short to test a model", "made by a fixed rule",
    ):  # fmt: skip
        assert said in page, said
    assert not re.search(r"\bnan\b|\bNone\b|\[, \]", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))
