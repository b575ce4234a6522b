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
        silent = browser.evaluate(
            "[...document.querySelectorAll('[data-testid=stVegaLiteChart], [data-testid=stDataFrame]')]"
            ".filter(e => !(e.matches('[aria-label]') || e.querySelector('[aria-label]'))).length"
        )
        assert silent == 0


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


def test_a_rectangle_in_the_chart_chooses_customers(browser: Browser, url: str) -> None:
    browser.resize(1400, 1600)
    _ready(browser, url, "explorer")
    place = browser.evaluate(
        "(r => [r.x, r.y, r.width, r.height])(document.querySelector('[data-testid=stVegaLiteChart] canvas, "
        "[data-testid=stVegaLiteChart] svg').getBoundingClientRect())"
    )
    x, y, width, height = place
    start, end = (x + width * 0.5, y + height * 0.1), (x + width * 0.9, y + height * 0.4)
    for kind, (at_x, at_y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
        browser.call("Input.dispatchMouseEvent", type=kind, x=at_x, y=at_y, button="left", buttons=1, clickCount=1)
    text = wait_for("the selection", lambda: (t := browser.text()) and "Selected in the chart: " in t and t)
    assert "100.0% of all" not in text


def test_a_tick_in_the_list_opens_the_customer(browser: Browser, url: str) -> None:
    browser.resize(1400, 2400)
    _ready(browser, url, "explorer")
    x, y = browser.evaluate(
        "(r => [r.x, r.y])([...document.querySelectorAll('[data-testid=stDataFrame]')].pop().getBoundingClientRect())"
    )
    for kind in ("mousePressed", "mouseReleased"):
        # below the heading, on the box before the first row
        browser.call("Input.dispatchMouseEvent", type=kind, x=x + 20, y=y + 52, button="left", buttons=1, clickCount=1)
    wait_for("the customer", lambda: "Why this prediction" in browser.text())
    assert "customer_id=" in browser.evaluate("location.search")


def test_a_click_exports_the_list(browser: Browser, url: str, tmp_path: Path) -> None:
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.open(f"{url}/explorer?size=50", "Export all 50 as CSV")
    _ready(browser, url, "explorer?size=50")
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
