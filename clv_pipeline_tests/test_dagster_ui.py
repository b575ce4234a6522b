"""The Dagster UI as a person meets it: `clv ui` as a real process, its GraphQL API, its pages in a real Chromium."""

import base64
import io
import ipaddress
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import matplotlib.image
import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect

from clv_pipeline.core.home import Home
from clv_pipeline_tests.conftest import CLV, SMALL_RUN

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


@dataclass(frozen=True)
class Ui:
    """A running `clv ui`: where it listens, its process group, its home."""

    url: str
    group: int
    home: Home

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return `data` of one GraphQL answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait_for(what: str, look: Callable[[], T | None], alive: Callable[[], object] = lambda: True) -> T:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert alive(), f"the process ended while waiting for {what}"
        found = look()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain for {what}")


def _group_members(group: int) -> list[int]:
    """Return the processes of a process group."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, member_of, *_ = stat.read_text().rsplit(")", 1)[1].split()
        except (OSError, ValueError):
            continue  # it ended while we looked
        if int(member_of) == group and state != "Z":
            members.append(int(stat.parent.name))
    return members


@contextmanager
def _process(arguments: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process in a group of its own; at the end all of the group are killed: to end by itself takes a UI 12 s."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CLV_", "DAGSTER_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments, env=clean | environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


@pytest.fixture(scope="module")
def ui(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    root = tmp_path_factory.mktemp("ui") / "home"
    shutil.copytree(demo_run.root, root)
    port = _free_port()
    log = root.with_name("ui.log")
    with _process(
        [str(CLV), "ui", "--home", str(root), "--port", str(port)], log, **SMALL_RUN,
    ) as process:  # fmt: skip
        found = Ui(f"http://127.0.0.1:{port}", process.pid, Home(root))

        def is_ready() -> bool | None:
            try:
                entries = found.ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
            except (urllib.error.URLError, OSError):
                return None
            return bool(entries) and all(e["loadStatus"] == "LOADED" for e in entries)

        try:
            _wait_for("the UI", is_ready, alive=lambda: process.poll() is None)
            yield found
        except AssertionError:
            print(log.read_text())  # noqa: T201
            raise


_LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus locationOrLoadError {
  __typename ... on PythonError { message } } } } } }
"""
_REPOSITORY = """
{ repositoriesOrError { ... on RepositoryConnection { nodes {
  name location { name }
  jobs { name }
  schedules { name cronSchedule executionTimezone scheduleState { status } }
  assetNodes { assetKey { path } groupName description kinds isMaterializable
    assetMaterializations(limit: 1) { runId metadataEntries { label } } }
} } } }
"""
_LAUNCH = """
mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } }
} }
"""
_RUN = "query Run($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } } } }"
_DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"


def _repository(ui: Ui) -> dict[str, Any]:
    (repository,) = ui.ask(_REPOSITORY)["repositoriesOrError"]["nodes"]
    found: dict[str, Any] = repository
    return found


def test_the_ui_shows_the_whole_line(ui: Ui) -> None:
    (entry,) = ui.ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
    assert (entry["name"], entry["locationOrLoadError"]["__typename"]) == ("clv_pipeline", "RepositoryLocation")
    repository = _repository(ui)
    assert {"nightly", "retrain"} <= {job["name"] for job in repository["jobs"]}
    nodes = {"/".join(n["assetKey"]["path"]): n for n in repository["assetNodes"]}
    assert {"raw/orders", "clean/orders", "features/customer_features", "published/bundle"} <= nodes.keys()
    for name, node in nodes.items():
        assert node["groupName"] == name.split("/")[0]
        assert node["description"], name
        assert node["kinds"], name
        assert node["assetMaterializations"], f"{name}: the history of `clv run` is not the history the UI shows"


def test_the_nightly_schedule_runs(ui: Ui) -> None:
    (schedule,) = _repository(ui)["schedules"]
    assert schedule["scheduleState"]["status"] == "RUNNING"
    assert (schedule["cronSchedule"], schedule["executionTimezone"]) == ("30 2 * * *", "Europe/Berlin")

    def scheduler_is_healthy() -> bool:
        statuses = ui.ask(_DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return any(s["daemonType"] == "SCHEDULER" and s["healthy"] for s in statuses)

    _wait_for("a healthy scheduler", scheduler_is_healthy)


def _listening(pids: list[int]) -> set[tuple[str, int]]:
    """Return (address, port) of every TCP socket that one of the processes listens on."""
    inodes = set()
    for descriptor in itertools.chain.from_iterable(Path(f"/proc/{pid}/fd").glob("*") for pid in pids):
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue  # closed while we looked
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and rest[5] in inodes:
                address, port = local.split(":")
                words = [int(address[i : i + 8], 16).to_bytes(4, "little") for i in range(0, len(address), 8)]
                found.add((str(ipaddress.ip_address(b"".join(words))), int(port, 16)))
    return found


def test_the_ui_listens_on_loopback_only(ui: Ui) -> None:
    if not Path("/proc/net/tcp").exists():
        pytest.skip("sockets are read from /proc, which this system does not have")
    found = _listening(_group_members(ui.group))
    assert ("127.0.0.1", int(ui.url.rsplit(":", 1)[1])) in found
    for address, port in found:
        spoken = ipaddress.ip_address(address)
        mapped = getattr(spoken, "ipv4_mapped", None)
        assert (mapped or spoken).is_loopback, f"port {port} listens on {address}: the UI has no password"


def test_a_run_launched_from_the_ui_publishes_the_same_bundle(ui: Ui) -> None:
    repository = _repository(ui)
    served = (ui.home.published / "current.json").read_bytes()
    launched = ui.ask(
        _LAUNCH,
        params={
            "selector": {
                "repositoryLocationName": repository["location"]["name"],
                "repositoryName": repository["name"],
                "jobName": "nightly",
            },
            "mode": "default",
        },
    )["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]

    def ended() -> str | None:
        status: str = ui.ask(_RUN, id=run_id)["runOrError"]["status"]
        return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None

    assert _wait_for("the run", ended) == "SUCCESS"
    nodes = {"/".join(n["assetKey"]["path"]): n for n in _repository(ui)["assetNodes"]}
    assert {n["assetMaterializations"][0]["runId"] for n in nodes.values()} == {run_id}
    # the same data and as_of, in the same home: the same run, by whatever door it was started
    assert (ui.home.published / "current.json").read_bytes() == served


# --- in a browser ------------------------------------------------------------------------------------------------------


class Browser:
    """One tab of a headless Chromium, driven over the DevTools protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result

    def evaluate(self, expression: str) -> Any:
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def text(self) -> str:
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def open(self, url: str, *expected: str) -> str:
        """Open a page and return its text once it shows all `expected` words."""
        self.call("Page.navigate", url=url)

        def shown() -> str | None:
            text = self.text()
            return text if all(word in text for word in expected) else None

        try:
            return _wait_for(f"{expected} at {url}", shown)
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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert CHROMIUM is not None, "CI=true: a chromium must be there"
    folder = tmp_path_factory.mktemp("chromium")
    port_file = folder / "profile" / "DevToolsActivePort"
    arguments = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-port=0",
        "--remote-allow-origins=*", "--window-size=1600,1000", f"--user-data-dir={folder / 'profile'}", "about:blank",
    ]  # fmt: skip
    with _process(arguments, folder / "chromium.log") as process:
        _wait_for(
            "chromium", lambda: port_file.exists() and len(port_file.read_text().split()) == 2,
            alive=lambda: process.poll() is None,
        )  # fmt: skip
        port = port_file.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as response:
            page = next(target for target in json.load(response) if target["type"] == "page")
        with connect(page["webSocketDebuggerUrl"], max_size=None, proxy=None) as tab:
            yield Browser(tab)


def _colours(png: bytes) -> int:
    pixels = matplotlib.image.imread(io.BytesIO(png), format="png")
    return len(np.unique((pixels.reshape(-1, pixels.shape[-1]) * 255).astype(np.uint8), axis=0))


def _keep(png: bytes, name: str) -> None:
    """Keep a screenshot where CLV_TEST_SCREENSHOTS of the shell points, for people to look at."""
    if _SCREENSHOTS:
        Path(_SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        (Path(_SCREENSHOTS) / name).write_bytes(png)


def _dismiss_greeting(browser: Browser) -> None:
    browser.evaluate("[...document.querySelectorAll('button')].find(b => b.innerText.trim() === 'Skip')?.click()")
    _wait_for("the greeting to go", lambda: "Join the Dagster community" not in browser.text())


@needs_chromium
def test_the_asset_graph_is_drawn(ui: Ui, browser: Browser) -> None:
    # the page draws only what is in view, and names only what is large enough: all of the published tables are one node
    groups = ",".join(f"global@global:{g}" for g in ("raw", "clean", "features", "training", "scores"))
    browser.resize(3000, 2700)
    text = browser.open(
        f"{ui.url}/asset-groups?expanded={quote(groups)}",
        "published", "customer_features", "customer_day", "customer_scores", "model_quality", "score_changes",
    )  # fmt: skip
    assert "orders" in text
    _dismiss_greeting(browser)
    picture = browser.settled_screenshot()
    _keep(picture, "asset_graph.png")
    assert _colours(picture) > 100


def test_the_ui_starts_without_a_warning_and_says_where_the_last_runs_are(ui: Ui) -> None:
    said = ui.home.root.with_name("ui.log").read_text()
    assert f"{ui.url}/runs" in said
    assert [line for line in said.splitlines() if re.search("warning|superseded|deprecat|telemetry|beta", line, re.I)] == []


@needs_chromium
def test_the_first_page_shows_the_last_runs(ui: Ui, browser: Browser) -> None:
    browser.resize(1500, 1000)
    # the run of `clv run`: the timeline leaves out runs of no code location
    text = browser.open(f"{ui.url}/", "Timeline", "clv_pipeline", "nightly")
    assert "No runs" not in text
    _keep(browser.settled_screenshot(), "first_page.png")


@needs_chromium
def test_an_asset_page_plots_the_numbers_of_the_night(ui: Ui, browser: Browser) -> None:
    browser.resize(1500, 1000)
    browser.open(f"{ui.url}/assets/published/clv_run", "Row count", "trailing spend")
    _dismiss_greeting(browser)
    browser.evaluate("[...document.querySelectorAll('button')].find(b => b.innerText.trim() === 'Plots').click()")
    _wait_for("the plots", lambda: browser.evaluate("document.querySelectorAll('canvas').length >= 5"))
    text = browser.text()
    assert "predicted spend, low" in text and "quarantined rows" in text and "quarantined money" in text
    _keep(browser.settled_screenshot(), "trends.png")


@needs_chromium
def test_an_asset_page_shows_description_rows_columns_and_plots(ui: Ui, browser: Browser) -> None:
    browser.resize(1500, 1000)
    browser.open(
        f"{ui.url}/assets/training/model_quality",
        "One row per (horizon, candidate, metric)",
        "Row count",
        "gain 90d",
        "test_window_start",
    )
    _dismiss_greeting(browser)
    sketched = "[...document.images].filter(i => i.src.startsWith('data:image/svg') && i.complete && i.naturalWidth > 250).length"
    _wait_for("the sketches, which show without a click", lambda: browser.evaluate(f"{sketched} >= 2"))
    shows = "[...document.querySelectorAll('a')].filter(a => a.innerText.includes('Show Markdown'))"
    assert browser.evaluate(f"{shows}.length") >= 3
    browser.evaluate(f"{shows}[0].click()")
    drawn = "[...document.images].filter(i => i.src.startsWith('data:image/png') && i.complete && i.naturalWidth > 300).length"
    _wait_for("the plot", lambda: browser.evaluate(drawn))
    picture = browser.settled_screenshot()
    _keep(picture, "asset_page.png")
    assert _colours(picture) > 100


def test_the_ui_serves_the_column_lineage(ui: Ui) -> None:
    (node,) = ui.ask(_LINEAGE, key={"path": ["published", "customer_clv"]})["assetNodes"]
    (materialization,) = node["assetMaterializations"]
    (lineage,) = [e["lineage"] for e in materialization["metadataEntries"] if e["label"] == "dagster/column_lineage"]
    sources = {c["columnName"]: [(d["assetKey"]["path"], d["columnName"]) for d in c["columnDeps"]] for c in lineage}
    assert sources["historic_value"] == [(["features", "customer_features"], "spend_total")]


_LINEAGE = """
query Lineage($key: AssetKeyInput!) { assetNodes(assetKeys: [$key]) { assetMaterializations(limit: 1) { metadataEntries {
  label ... on TableColumnLineageMetadataEntry { lineage { columnName columnDeps { assetKey { path } columnName } } }
} } } }
"""
