"""The dashboard: pages are found by themselves, show the served night, and need the password where one is set;
other web pages get nothing."""

import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="the dashboard is an extra: `make test-extras` installs it")

from streamlit.testing.v1 import AppTest
from websockets.exceptions import InvalidStatus
from websockets.protocol import State
from websockets.sync.client import connect
from websockets.typing import Origin

from clv_pipeline.core.project_files import PROJECT
from clv_pipeline.dashboard.screens import all_pages
from clv_pipeline_tests.browser import free_port, running_process, wait_for
from clv_pipeline_tests.conftest import CLV
from clv_pipeline_tests.old_homes import unpack

pytestmark = pytest.mark.extras
APP = PROJECT / "clv_pipeline" / "dashboard" / "app.py"


def test_before_the_first_night_the_dashboard_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = _app(tmp_path, monkeypatch)
    assert [info.value for info in app.info] == [
        f"Nothing is published in {tmp_path} yet. `clv run --home {tmp_path}` publishes the first night."
    ]


def test_a_bundle_of_an_older_release_is_named_with_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _app(unpack("303414b", tmp_path).root, monkeypatch)
    assert [info.value for info in app.info] == [
        f"An older release published this bundle. `clv run --home {tmp_path}` publishes one that the dashboard can show."
    ]
    assert not app.exception


def test_a_password_keeps_every_page_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLV_DASHBOARD_PASSWORD", "open sesame")
    app = _app(tmp_path, monkeypatch)
    assert not app.info and not app.sidebar.caption
    app.text_input[0].set_value("guess")
    app.button[0].click().run()
    assert [error.value for error in app.error] == ["This is not the password."]
    app.text_input[0].set_value("open sesame")
    app.button[0].click().run()
    assert app.info and not app.error


def test_pages_are_in_the_order_of_their_positions() -> None:
    positions = [page.position for page in all_pages()]
    assert positions == sorted(set(positions))


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Return the port and the process of a running `clv dashboard`."""
    folder, port = tmp_path_factory.mktemp("dashboard"), free_port()
    arguments = [str(CLV), "dashboard", "--home", str(folder / "home"), "--port", str(port)]
    with running_process(arguments, folder / "log") as process:

        def is_ready() -> bool:
            return _status(port, "/_stcore/health") == 200

        wait_for("the dashboard", is_ready, alive=lambda: process.poll() is None)
        yield port, process


def _status(port: int, path: str, **headers: str) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/host-config", "/media/x"])
def test_the_dashboard_is_not_answered_under_another_name_or_to_another_page(
    dashboard: tuple[int, subprocess.Popen[bytes]], path: str
) -> None:
    port, _ = dashboard
    assert _status(port, path, Host=f"evil.example:{port}") == 403
    assert _status(port, path, Origin="https://evil.example") == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:1", "null"])
def test_a_foreign_page_opens_no_websocket_of_the_dashboard(
    dashboard: tuple[int, subprocess.Popen[bytes]], origin: str
) -> None:
    url = f"ws://127.0.0.1:{dashboard[0]}/_stcore/stream"
    with pytest.raises(InvalidStatus, match="403"), connect(url, origin=Origin(origin)):
        pass
    with connect(url, origin=Origin(f"http://127.0.0.1:{dashboard[0]}")) as opened:
        assert opened.protocol.state is State.OPEN


def test_ctrl_c_ends_the_dashboard_with_130(dashboard: tuple[int, subprocess.Popen[bytes]]) -> None:
    _, process = dashboard
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130


def _app(home: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    import streamlit as st

    monkeypatch.setenv("CLV_HOME", str(home))
    st.cache_resource.clear()
    return AppTest.from_file(str(APP), default_timeout=30).run()
