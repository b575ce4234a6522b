"""The dashboard as a person meets it: `clv dashboard` as a real process, its pages in a real Chromium."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote

import pytest

pytest.importorskip("streamlit", reason="the dashboard is an extra: `make test-extras` installs it")

from clv_pipeline.core.home import Home
from clv_pipeline.warehouse.connection import one_row, open_bundle_file
from clv_pipeline_tests.browser import (
    Browser,
    free_port,
    keep,
    needs_chromium,
    running_browser,
    running_process,
    wait_for,
)
from clv_pipeline_tests.conftest import CLV

pytestmark = [pytest.mark.extras, needs_chromium]
#: Page -> what it shows once it is whole.
PAGES = {"": "Newest changes", "explorer": "List of customers", "customer": "Customer number"}
#: What has the focus, and what it is called.
_FOCUSED = "(e => e ? (e.getAttribute('aria-label') || e.innerText || e.tagName) : '')(document.activeElement)"


@pytest.fixture(scope="module")
def url(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("dashboard"), free_port()
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as response:
                return bool(response.status == 200)
        except (URLError, OSError):
            return False

    arguments = [str(CLV), "dashboard", "--home", str(demo_run.root), "--port", str(port)]
    with running_process(arguments, folder / "dashboard.log") as process:
        wait_for("the dashboard", answers, alive=lambda: process.poll() is None)
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


def _ready(browser: Browser, url: str, page: str) -> None:
    browser.open(f"{url}/{page}", PAGES[page.split("?")[0]])
    # the page is whole once nothing runs any more
    running = "document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state')"
    wait_for("the end of the run", lambda: browser.evaluate(running) == "notRunning")


def _last_box(browser: Browser, selector: str) -> list[float]:
    """Return the place and size of the last element of a kind, once it is there and nothing moves any more."""
    look = (
        f"(e => e ? (r => [r.x, r.y, r.width, r.height])(e.getBoundingClientRect()) : null)"
        f"([...document.querySelectorAll('{selector}')].pop())"
    )
    wait_for(selector, lambda: browser.evaluate(look))
    browser.settled_screenshot()
    box: list[float] = browser.evaluate(look)
    return box


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_whole_at_home_and_on_a_phone(browser: Browser, url: str, page: str) -> None:
    browser.watch()
    for width, scheme in ((1400, "light"), (400, "dark")):
        browser.resize(width, 900)
        browser.prefer(scheme)
        _ready(browser, url, page)
        keep(browser.settled_screenshot(), f"dashboard-{page or 'overview'}-{width}-{scheme}.png")
        assert browser.scroll_width() <= width
        assert browser.unreadable() == []
    outside = [asked for asked in browser.requested() if not asked.startswith((url, "ws://127.0.0.1", "blob:"))]
    assert outside == []
    # a page that is opened by its address looks for the server below that address first
    errors = [error for error in browser.errors() if not (page and "/_stcore/" in error and "404" in error)]
    assert errors == []


def test_every_chart_and_table_is_described_to_those_who_cannot_see_it(browser: Browser, url: str) -> None:
    browser.resize(1400, 900)
    for page in ("", "explorer"):
        _ready(browser, url, page)
        _last_box(browser, "[data-testid=stDataFrame] canvas")
        described, silent = browser.evaluate(
            "(all => [all.length, all.filter(e => !(e.matches('[aria-label]') || e.querySelector('[aria-label]'))).length])"
            "([...document.querySelectorAll('[data-testid=stVegaLiteChart], [data-testid=stDataFrame]')])"
        )
        assert described >= 2 and silent == 0


def test_the_controls_of_the_explorer_are_reached_with_the_keyboard(browser: Browser, url: str) -> None:
    browser.resize(1400, 900)
    _ready(browser, url, "explorer")
    reached = []
    for _ in range(60):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(str(browser.evaluate(_FOCUSED)))
    said = "\n".join(reached)
    for control in (
        "segment",
        "Further filters",
        "predicted spend (90 days), from",
        "The best by",
        "How many",
        "Export all",
    ):
        assert control in said, f"{control} is not among {json.dumps(reached)}"


def test_a_day_is_the_same_day_wherever_the_reader_is(browser: Browser, url: str, demo_run: Home) -> None:
    with open_bundle_file(demo_run.published / "clv.duckdb") as bundle:
        customer, first_day = one_row(
            bundle, "select customer_id, min(order_date)::varchar from customer_orders group by all order by 1 limit 1"
        )
    for zone in ("America/Los_Angeles", "Asia/Tokyo"):
        browser.call("Emulation.setTimezoneOverride", timezoneId=zone)
        browser.open(f"{url}/customer?customer_id={customer}", "All published values")
        _last_box(browser, "[data-testid=stVegaLiteChart] .marks")
        marks = browser.evaluate(
            "[...document.querySelectorAll('.marks [aria-label]')].map(e => e.getAttribute('aria-label')).join('\\n')"
        )
        assert f"date: {first_day}" in marks, (zone, marks)
    browser.call("Emulation.setTimezoneOverride", timezoneId="")


def test_a_rectangle_in_the_chart_chooses_customers(browser: Browser, url: str) -> None:
    browser.resize(1400, 1600)
    _ready(browser, url, "explorer")
    x, y, width, height = _last_box(browser, "[data-testid=stVegaLiteChart] .marks")
    start, middle, end = ((x + width * 0.1 * i, y + height * 0.1 * j) for i, j in ((5, 1), (7, 3), (9, 4)))
    # a person's mouse is over the chart before it is pressed
    for kind, at in (
        ("mouseMoved", start), ("mousePressed", start), ("mouseMoved", middle), ("mouseMoved", end), ("mouseReleased", end),
    ):  # fmt: skip
        buttons = int((kind, at) != ("mouseMoved", start))
        browser.call(
            "Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", buttons=buttons, clickCount=buttons
        )
        browser.screenshot()
    text = wait_for("the selection", lambda: (t := browser.text()) and "Selected in the chart: " in t and t)
    assert "100.0% of all" not in text


def test_a_tick_in_the_list_opens_the_customer(browser: Browser, url: str) -> None:
    browser.resize(1400, 2400)
    _ready(browser, url, "explorer")
    x, y, *_ = _last_box(browser, "[data-testid=stDataFrame] canvas")
    for kind in ("mousePressed", "mouseReleased"):
        # below the heading, on the box before the first row
        browser.call("Input.dispatchMouseEvent", type=kind, x=x + 20, y=y + 52, button="left", buttons=1, clickCount=1)
    wait_for("the customer", lambda: "Why this prediction" in browser.text())
    assert "customer_id=" in browser.evaluate("location.search")


def test_a_click_exports_the_list(browser: Browser, url: str, tmp_path: Path) -> None:
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.open(f"{url}/explorer?size=50", "Export all 50 as CSV")
    browser.evaluate(
        "[...document.querySelectorAll('button')].find(b => b.innerText.includes('Export all 50')).click()"
    )
    (exported,) = wait_for("the file", lambda: list(tmp_path.glob("customers-*.csv")))
    assert len(exported.read_text().splitlines()) == 1 + 50


def test_an_unknown_number_loads_nothing_from_outside(browser: Browser, url: str) -> None:
    browser.watch()
    _ready(browser, url, f"customer?customer_id={quote('![x](http://127.0.0.2:9/x.png)')}")
    wait_for("the answer", lambda: "is not in this bundle" in browser.text())
    assert not [asked for asked in browser.requested() if "127.0.0.2" in asked and "customer_id" not in asked]
