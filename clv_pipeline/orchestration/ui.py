"""`clv ui`: start of the Dagster UI with the nightly schedule, and the end of every process it started.

The server is in `ui_server.py`. It runs in a session of its own, so that a Ctrl-C reaches it once, from here.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from clv_pipeline.core.error_texts import kind_of
from clv_pipeline.core.errors import ConfigurationError, ResourceError
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import IS_INSTALLED, PROJECT
from clv_pipeline.core.settings import Settings
from clv_pipeline.orchestration.dagster_home import prepare_dagster_home

#: What ends it: Ctrl-C, a service manager, a terminal that is closed.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: How long the server, and then what it started (a run among it), may take to end by themselves before they are killed.
GRACE_SECONDS = 10.0
_LOOK_SECONDS = 0.2


def run_ui(settings: Settings, port: int, say: Callable[[str], None]) -> int:
    """Serve the Dagster UI of the settings' home on 127.0.0.1, with the schedule running, until a signal; return its number.

    Raises:
        ConfigurationError: the port cannot be had.
        ResourceError: the server ended by itself.
    """
    with _listen(port) as listening, _received_signals() as received:
        prepare_dagster_home(Home(settings.home))
        read_end, write_end = os.pipe()
        server = subprocess.Popen(
            [sys.executable, "-m", "clv_pipeline.orchestration.ui_server", str(listening.fileno()), str(read_end)],
            pass_fds=(listening.fileno(), read_end),
            cwd=None if IS_INSTALLED else PROJECT,
            env=os.environ | {"CLV_HOME": str(settings.home.absolute()), "PYTHONWARNINGS": "ignore"},
            start_new_session=True,
        )
        os.close(read_end)
        url = f"http://127.0.0.1:{port}"
        say(f"Dagster UI, with the nightly schedule running: {url} (home {settings.home})")
        say(f"The last runs: {url}/runs   every table: {url}/assets")
        noted = _address_file(Home(settings.home))
        noted.write_text(json.dumps({"url": url, "process": os.getpid()}))
        while not received and server.poll() is None:
            time.sleep(_LOOK_SECONDS)
        noted.unlink(missing_ok=True)
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(GRACE_SECONDS)
        end_group(server.pid)
        status = server.wait()
        os.close(write_end)
    if not received:
        raise ResourceError(
            f"The Dagster UI ended by itself (status {status}), and the schedule with it",
            next_step="read its last messages above, then start `clv ui` again.",
        )
    return received[0]


def address_of(home: Home) -> str:
    """Return the address of the Dagster UI that is open on a home; empty where none is."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads(_address_file(home).read_text())
        os.kill(noted["process"], 0)  # signals nothing: it fails where no such process is left
        return str(noted["url"])
    return ""


def _address_file(home: Home) -> Path:
    return home.root.expanduser().absolute() / "dagster" / "ui.json"


def end_group(group: int) -> None:
    """End every process of a group: first as Ctrl-C does, then, what is left, as kill -9 does.

    A run that is cut short so changes nothing that is served, and the next one heals what it left.
    """
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGINT)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(_LOOK_SECONDS)
        os.killpg(group, signal.SIGKILL)


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    # a server that ended a moment ago does not keep the port
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"Port {port} of 127.0.0.1 cannot be had: {kind_of(error)}",
            next_step="end what listens there, or name another: clv ui --port 3001.",
        ) from None
    return listening


@contextmanager
def _received_signals() -> Iterator[list[int]]:
    """Collect the signals that end the UI, instead of being ended by them."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
