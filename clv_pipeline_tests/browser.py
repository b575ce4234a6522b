"""A real headless Chromium, driven over the DevTools protocol, for tests of pages. No test is here."""

import base64
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from websockets.sync.client import ClientConnection, connect

from clv_pipeline_tests.processes import with_descendants

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("CI") != "true",
    reason="no chromium on this machine (CI=true makes it required)",
)
#: How long anything may take before the test gives up; nothing here asserts that it is fast.
PATIENCE_SECONDS = 300
_SCREENSHOTS = os.environ.get("CLV_TEST_SCREENSHOTS")
T = TypeVar("T")
#: Every text with its colour (in a drawing the fill) on the first background below it that is not transparent.
_UNREADABLE = """
least => {
  const rgba = text => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const known = new Map();
  const colour = text => known.get(text) || known.set(text, rgba(text)).get(text);
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const layer = colour(getComputedStyle(e).backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const luminance = c => c.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || ['STYLE', 'SCRIPT', 'title', 'desc', 'style'].includes(element.tagName)) continue;
    if (!element.checkVisibility({checkVisibilityCSS: true, checkOpacity: true})) continue;
    const style = getComputedStyle(element), below = behind(element);
    const ink = over(colour(element.namespaceURI.endsWith('svg') ? style.fill : style.color), below);
    const [light, dark] = [luminance(ink), luminance(below)].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < least) found.push(`${contrast.toFixed(2)}: ${text.slice(0, 60)} (${element.tagName} ${style.color})`);
  }
  return found;
}
"""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_for(what: str, look: Callable[[], T | None], alive: Callable[[], object] = lambda: True) -> T:
    """Return what `look` finds once it finds something, while the process is `alive`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert alive(), f"the process ended while waiting for {what}"
        found = look()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain for {what}")


def _heed_ctrl_c() -> None:
    # a shell that runs the tests in the background lets them, and all that they start, ignore it
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def running_process(arguments: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process in a group of its own; at the end it is killed with all that it started: to end by itself takes a UI 9 s."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CLV_", "DAGSTER_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments, env=clean | environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=_heed_ctrl_c,
        )  # fmt: skip
    try:
        yield process
    finally:
        for started in with_descendants(process.pid):
            with suppress(ProcessLookupError):
                os.kill(started, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


class Browser:
    """One tab of a headless Chromium, driven over the DevTools protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        #: what the tab reported while it is watched: method and parameters
        self._events: list[tuple[str, dict[str, Any]]] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if "method" in message:
                self._events.append((message["method"], message["params"]))
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result

    def evaluate(self, expression: str) -> Any:
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def watch(self) -> None:
        """Report requests and errors from now on; see `requested` and `errors`."""
        for domain in ("Network", "Runtime", "Log", "Page"):
            self.call(f"{domain}.enable")
        self._events.clear()

    def requested(self) -> list[str]:
        """Return the addresses that pages asked for since `watch`, the pages included; pictures within a page are left out."""
        urls = [says["request"]["url"] for name, says in self._events if name == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith("data:")]

    def errors(self) -> list[str]:
        """Return the errors on the console, exceptions of scripts and failed requests since `watch`."""
        found = []
        for name, says in self._events:
            if name == "Runtime.exceptionThrown":
                found.append(str(says["exceptionDetails"]))
            if name == "Log.entryAdded" and says["entry"]["level"] == "error":
                found.append(f"{says['entry']['text']} {says['entry'].get('url', '')}")
            if name == "Runtime.consoleAPICalled" and says["type"] in ("error", "assert"):
                found.append(str(says["args"]))
        return found

    def prefer(self, scheme: str = "", *, media: str = "") -> None:
        """Show pages in a colour scheme, "light" or "dark", or as another medium, such as "print"."""
        features = [{"name": "prefers-color-scheme", "value": scheme}] if scheme else []
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def unreadable(self, least: float = 4.5) -> list[str]:
        """Return the visible texts whose contrast with their background is below `least`, with the contrast."""
        found: list[str] = self.evaluate(f"({_UNREADABLE})({least})")
        return found

    def scroll_width(self) -> int:
        """Return how wide the page is, in pixels; one wider than the window scrolls sideways."""
        width: int = self.evaluate("document.documentElement.scrollWidth")
        return width

    def whole_page(self) -> bytes:
        """Return a picture of the page from top to bottom."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def pdf(self) -> bytes:
        """Return the page as it is printed on A4."""
        printed = self.call(
            "Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True, preferCSSPageSize=True
        )
        return base64.b64decode(printed["data"])

    def text(self) -> str:
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def open(self, url: str, *expected: str) -> str:
        """Open a page and return its text once it shows all `expected` words."""
        self.call("Page.navigate", url=url)

        def shown() -> str | None:
            text = self.text()
            return text if all(word in text for word in expected) else None

        try:
            return wait_for(f"{expected} at {url}", shown)
        except AssertionError as error:
            raise AssertionError(f"{error}; the page shows: {self.text()[:3000]}") from None

    def resize(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def screenshot(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def settled_screenshot(self) -> bytes:
        """Return a picture of the page once two in a row are equal: nothing is being laid out or faded in any more."""
        earlier = b""
        for _ in range(20):
            picture = self.screenshot()
            if picture == earlier:
                break
            earlier = picture
            time.sleep(0.7)
        return picture


@contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """Start a Chromium with one tab; its profile and its log are in `folder`. It reaches 127.0.0.1 and files, no other host."""
    assert CHROMIUM is not None, "CI=true: a chromium must be there"
    port_file = folder / "profile" / "DevToolsActivePort"
    arguments = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-port=0",
        "--remote-allow-origins=*", "--window-size=1600,1000", f"--user-data-dir={folder / 'profile'}", "about:blank",
    ]  # fmt: skip
    with running_process(arguments, folder / "chromium.log") as process:
        wait_for(
            "chromium", lambda: port_file.exists() and len(port_file.read_text().split()) == 2,
            alive=lambda: process.poll() is None,
        )  # fmt: skip
        port = port_file.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as response:
            page = next(target for target in json.load(response) if target["type"] == "page")
        with connect(page["webSocketDebuggerUrl"], max_size=None, proxy=None) as tab:
            yield Browser(tab)


def keep(png: bytes, name: str) -> None:
    """Keep a screenshot where CLV_TEST_SCREENSHOTS of the shell points, for people to look at."""
    if _SCREENSHOTS:
        Path(_SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        (Path(_SCREENSHOTS) / name).write_bytes(png)
