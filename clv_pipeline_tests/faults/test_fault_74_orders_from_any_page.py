"""Fault 74: the UI takes orders from any web page, and ends without its children.

A real `clv ui` is asked as a hostile page, a rebound name and another user interface would ask it; then it is ended.
"""

import json
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from clv_pipeline_tests.browser import free_port, needs_chromium, running_browser, running_process, wait_for
from clv_pipeline_tests.conftest import CLV, SMALL_RUN
from clv_pipeline_tests.processes import living, with_descendants

_SCHEDULE = (
    "{ repositoriesOrError { ... on RepositoryConnection { nodes { schedules { id scheduleState { status } } } } } }"
)


class Ui:
    """A running `clv ui` of an empty home."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log
        self.url = f"http://127.0.0.1:{port}"

    def schedule(self) -> tuple[str, str] | None:
        """Return id and state of the nightly schedule, or None while the UI cannot say."""
        request = urllib.request.Request(
            f"{self.url}/graphql", json.dumps({"query": _SCHEDULE}).encode(), {"Content-Type": "application/json"}
        )
        with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(request, timeout=60) as response:
            nodes = json.load(response)["data"]["repositoriesOrError"].get("nodes", [])
            if nodes:
                (schedule,) = nodes[0]["schedules"]
                return schedule["id"], schedule["scheduleState"]["status"]
        return None

    def status_of(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> tuple[int, str]:
        """Return status and text of an answer; `headers` replace those that http.client sends."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True)
        sent = {"Host": f"127.0.0.1:{self.port}", **headers, "Content-Length": str(len(body or b""))}
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text


@contextmanager
def running_ui(folder: Path) -> Iterator[Ui]:
    port, log = free_port(), folder / "ui.log"
    arguments = [str(CLV), "ui", "--home", str(folder / "home"), "--port", str(port)]
    with running_process(arguments, log, **SMALL_RUN) as process:
        yield Ui(process, port, log)


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    with running_ui(tmp_path_factory.mktemp("ui")) as found:
        wait_for("the schedule", found.schedule, alive=lambda: found.process.poll() is None)
        yield found


def _stop(ui: Ui) -> str:
    schedule = ui.schedule()
    assert schedule is not None
    return f'mutation{{stopRunningSchedule(id:"{schedule[0]}"){{__typename}}}}'


# --- orders and questions from elsewhere -----------------------------------------------------------------------------

EVIL = "https://evil.example"


def test_a_mutation_by_get_from_a_foreign_page_leaves_the_schedule_running(ui: Ui) -> None:
    path = f"/graphql?query={quote(_stop(ui))}"
    assert ui.status_of("GET", path, {"Origin": EVIL, "Accept": "image/*"})[0] == 403
    schedule = ui.schedule()
    assert schedule is not None
    assert schedule[1] == "RUNNING"


@pytest.mark.parametrize("accept", ["image/*", "text/html", "application/json"])
def test_a_mutation_by_get_is_refused_whoever_asks(ui: Ui, accept: str) -> None:
    status, text = ui.status_of("GET", f"/graphql?query={quote(_stop(ui))}", {"Accept": accept})
    assert (status, text) == (405, "A change is made by POST only.\n")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", ""]
)
def test_a_host_that_is_not_its_own_is_refused_with_the_way_in(ui: Ui, host: str) -> None:
    for path in ("/", "/server_info", "/graphql?query={version}", "/logs/x"):
        status, text = ui.status_of("GET", path, {"Host": host.format(port=ui.port)})
        assert status == 403
        assert f"http://127.0.0.1:{ui.port} only. From another machine: ssh -L" in text


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "http://localhost:1", "https://127.0.0.1:{port}", "http://evil.example:{port}"]
)
def test_a_post_with_a_foreign_origin_is_refused(ui: Ui, origin: str) -> None:
    headers = {"Origin": origin.format(port=ui.port)}
    body = json.dumps({"query": _stop(ui)}).encode()
    for content_type in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        assert ui.status_of("POST", "/graphql", headers | {"Content-Type": content_type}, body)[0] == 403
    path = f"/graphql?query={quote(_stop(ui))}"
    assert ui.status_of("POST", path, headers)[0] == 403
    assert ui.status_of("POST", "/report_asset_materialization/raw/orders", headers)[0] == 403


@pytest.mark.parametrize(
    ("site", "mode", "destination", "status"),
    [
        ("cross-site", "no-cors", "image", 403),
        ("same-site", "cors", "empty", 403),
        ("cross-site", "navigate", "iframe", 403),
        ("cross-site", "navigate", "document", 200),
        ("same-origin", "cors", "empty", 200),
        ("none", "navigate", "document", 200),
    ],
)
def test_of_other_pages_only_a_link_is_followed(ui: Ui, site: str, mode: str, destination: str, status: int) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
    assert ui.status_of("GET", "/server_info", headers)[0] == status


def test_no_other_page_may_frame_it(ui: Ui) -> None:
    with urllib.request.urlopen(ui.url, timeout=60) as page:
        assert page.headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_its_own_pages_are_answered_under_both_names(ui: Ui, name: str) -> None:
    own = {"Host": f"{name}:{ui.port}", "Origin": f"http://{name}:{ui.port}", "Content-Type": "application/json"}
    assert ui.status_of("POST", "/graphql", own, b'{"query": "{__typename}"}')[0] == 200
    url = f"ws://127.0.0.1:{ui.port}/graphql"
    with connect(url, origin=Origin(ui.url), subprotocols=[Subprotocol("graphql-ws")]) as opened:
        opened.send(json.dumps({"type": "connection_init"}))
        assert json.loads(opened.recv(timeout=60)) == {"type": "connection_ack"}


def test_a_websocket_of_a_foreign_page_is_refused(ui: Ui) -> None:
    with pytest.raises(InvalidStatus, match="403"), connect(f"ws://127.0.0.1:{ui.port}/graphql", origin=Origin(EVIL)):
        pass


_HOSTILE_PAGE = """
<!doctype html><title>hostile</title><img src="{url}/graphql?query={mutation}"><iframe src="{url}/"></iframe>
<form method=post action="{url}/graphql?query={mutation}" target=f><input name=a></form><iframe name=f></iframe>
<script>
const said = [];
const body = JSON.stringify({{query: decodeURIComponent("{mutation}")}});
const asked = [
  fetch("{url}/graphql", {{method: "POST", mode: "no-cors", headers: {{"Content-Type": "text/plain"}}, body}}),
  fetch("{url}/graphql?query={mutation}", {{method: "POST", mode: "no-cors"}}),
  fetch("{url}/graphql?query={mutation}", {{mode: "no-cors", headers: {{Accept: "*/*"}}}}),
  fetch("{url}/graphql", {{method: "POST", headers: {{"Content-Type": "application/json"}}, body}}),
  new Promise(end => {{ const s = new WebSocket("ws{url}/graphql".replace("wshttp", "ws"), "graphql-ws");
    s.onopen = () => {{ said.push("open"); end(); }}; s.onerror = end; }}),
];
document.forms[0].submit();
Promise.allSettled(asked).then(() => setTimeout(() => document.title = "done: " + (said.join() || "closed"), 1000));
</script>
"""


@needs_chromium
def test_a_hostile_page_in_a_real_browser_changes_and_reads_nothing(ui: Ui, tmp_path: Path) -> None:
    page = _HOSTILE_PAGE.format(url=ui.url, mutation=quote(_stop(ui), safe=""))

    class Hostile(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as server, running_browser(tmp_path) as browser:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser.call("Page.navigate", url=f"http://127.0.0.1:{server.server_port}/")
        title = wait_for("the page", lambda: browser.evaluate("document.title.startsWith('done') && document.title"))
        server.shutdown()
    assert title == "done: closed", "its websocket was opened"
    schedule = ui.schedule()
    assert schedule is not None
    assert schedule[1] == "RUNNING"


# --- the end ---------------------------------------------------------------------------------------------------------


def _gone(processes: list[int]) -> bool:
    return not set(processes) & living().keys()


def test_ctrl_c_ends_the_ui_with_all_its_children_and_says_so(ui: Ui) -> None:
    processes = with_descendants(ui.process.pid)
    assert len(processes) > 3
    assert "warn" not in ui.log.read_text().lower(), "nothing but its address is shown at the start"
    ui.process.send_signal(signal.SIGINT)
    assert ui.process.wait(timeout=60) == 130
    assert _gone(processes)
    assert "interrupted" in ui.log.read_text()
    assert "Traceback" not in ui.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_ends_all_that_the_ui_started(tmp_path: Path, number: signal.Signals) -> None:
    """The signal comes as soon as the server has a child; kill -9 cannot be answered, so there the children find out."""
    with running_ui(tmp_path) as ui:
        wait_for("a code server", lambda: len(with_descendants(ui.process.pid)) > 2)
        processes = with_descendants(ui.process.pid)
        ui.process.send_signal(number)
        assert ui.process.wait(timeout=60) == (-number if number == signal.SIGKILL else 0)
        wait_for("its children to end", lambda: _gone(processes))
        assert "Traceback" not in ui.log.read_text()


def test_a_port_that_is_taken_is_named_before_anything_starts(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        arguments = [str(CLV), "ui", "--home", str(tmp_path), "--port", str(server.server_port)]
        ran = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 1
    assert f"Port {server.server_port} of 127.0.0.1 cannot be had" in ran.stdout
    assert "Next step" in ran.stdout
