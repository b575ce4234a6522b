"""The Dagster UI as a person meets it: `clv ui` as a real process, its GraphQL API, its pages in a real Chromium."""

import io
import ipaddress
import itertools
import json
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import matplotlib.image
import numpy as np
import pytest

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
from clv_pipeline_tests.conftest import CLV, SMALL_RUN
from clv_pipeline_tests.processes import with_descendants


@dataclass(frozen=True)
class Ui:
    """A running `clv ui`: where it listens, its process, its home."""

    url: str
    process: int
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


@pytest.fixture(scope="module")
def ui(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    root = tmp_path_factory.mktemp("ui") / "home"
    shutil.copytree(demo_run.root, root)
    port = free_port()
    log = root.with_name("ui.log")
    with running_process(
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
            wait_for("the UI", is_ready, alive=lambda: process.poll() is None)
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

    wait_for("a healthy scheduler", scheduler_is_healthy)


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
    found = _listening(with_descendants(ui.process))
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

    assert wait_for("the run", ended) == "SUCCESS"
    nodes = {"/".join(n["assetKey"]["path"]): n for n in _repository(ui)["assetNodes"]}
    assert {n["assetMaterializations"][0]["runId"] for n in nodes.values()} == {run_id}
    # the same data and as_of, in the same home: the same run, by whatever door it was started
    assert (ui.home.published / "current.json").read_bytes() == served


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


# --- in a browser ------------------------------------------------------------------------------------------------------


def _colours(png: bytes) -> int:
    pixels = matplotlib.image.imread(io.BytesIO(png), format="png")
    return len(np.unique((pixels.reshape(-1, pixels.shape[-1]) * 255).astype(np.uint8), axis=0))


def _dismiss_greeting(browser: Browser) -> None:
    browser.evaluate("[...document.querySelectorAll('button')].find(b => b.innerText.trim() === 'Skip')?.click()")
    wait_for("the greeting to go", lambda: "Join the Dagster community" not in browser.text())


@needs_chromium
def test_the_asset_graph_is_drawn(ui: Ui, browser: Browser) -> None:
    # the page draws only what is in view, and names only what is large enough: the widest groups are one node each
    groups = ",".join(f"global@global:{g}" for g in ("features", "training", "scores"))
    browser.resize(3000, 2700)
    text = browser.open(
        f"{ui.url}/asset-groups?expanded={quote(groups)}",
        "published", "customer_features", "customer_day", "customer_scores", "model_quality", "score_changes",
    )  # fmt: skip
    assert "clean" in text
    _dismiss_greeting(browser)
    picture = browser.settled_screenshot()
    keep(picture, "asset_graph.png")
    assert _colours(picture) > 100


def test_the_ui_starts_without_a_warning_and_says_where_the_last_runs_are(ui: Ui) -> None:
    said = ui.home.root.with_name("ui.log").read_text()
    assert f"{ui.url}/runs" in said
    assert [
        line for line in said.splitlines() if re.search("warning|superseded|deprecat|telemetry|beta", line, re.I)
    ] == []


@needs_chromium
def test_the_first_page_shows_the_last_runs(ui: Ui, browser: Browser) -> None:
    browser.resize(1500, 1000)
    # the run of `clv run`: the timeline leaves out runs of no code location
    text = browser.open(f"{ui.url}/", "Timeline", "clv_pipeline", "nightly")
    assert "No runs" not in text
    runs = ui.ask("{ runsOrError { ... on Runs { results { repositoryOrigin { repositoryLocationName } } } } }")
    places = [run["repositoryOrigin"] for run in runs["runsOrError"]["results"]]
    assert places and {place["repositoryLocationName"] for place in places} == {"clv_pipeline"}
    keep(browser.settled_screenshot(), "first_page.png")


@needs_chromium
def test_an_asset_page_plots_the_numbers_of_the_night(ui: Ui, browser: Browser) -> None:
    browser.resize(1500, 1000)
    browser.open(f"{ui.url}/assets/published/clv_run", "Row count", "trailing spend")
    _dismiss_greeting(browser)
    browser.evaluate("[...document.querySelectorAll('button')].find(b => b.innerText.trim() === 'Plots').click()")
    wait_for("the plots", lambda: browser.evaluate("document.querySelectorAll('canvas').length >= 5"))
    text = browser.text()
    assert "predicted spend, low" in text and "quarantined rows" in text and "quarantined money" in text
    keep(browser.settled_screenshot(), "trends.png")


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
    wait_for("the sketches, which show without a click", lambda: browser.evaluate(f"{sketched} >= 2"))
    shows = "[...document.querySelectorAll('a')].filter(a => a.innerText.includes('Show Markdown'))"
    assert browser.evaluate(f"{shows}.length") >= 3
    browser.evaluate(f"{shows}[0].click()")
    drawn = "[...document.images].filter(i => i.src.startsWith('data:image/png') && i.complete && i.naturalWidth > 300).length"
    wait_for("the plot", lambda: browser.evaluate(drawn))
    picture = browser.settled_screenshot()
    keep(picture, "asset_page.png")
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
