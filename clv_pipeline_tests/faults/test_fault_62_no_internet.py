"""Fault 62: there is no internet. The whole run is green, and nothing even tries to reach out."""

import os
import subprocess
import sys

import pytest

from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT
from clv_pipeline_tests.conftest import RULES_RUN
from clv_pipeline_tests.faults.company import (
    CANARY_KEY,
    TONIGHT,
    Company,
    Night,
    arguments_of,
    assert_published,
)
from clv_pipeline_tests.nights import contents

#: `clv` in a process that writes down and refuses every attempt to look up a name or to reach anything but loopback.
_OFFLINE = """
import os, socket, sys

def watch(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else "localhost"
    else:
        return
    if host not in (None, "", "localhost", "127.0.0.1", "::1", b"localhost"):
        print(f"reached out: {event} {host}", file=sys.stderr, flush=True)
        raise OSError(101, "Network is unreachable")

sys.addaudithook(watch)
from clv_pipeline.cli import main
main()
"""


@pytest.mark.chaos
def test_a_whole_run_is_green_and_tries_to_reach_nothing(company: Company, yesterday: Home) -> None:
    company.write()
    before = contents(yesterday.published)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CLV_", "DAGSTER_"))}
    arguments = ["run", "--home", str(yesterday.root), *arguments_of(company, TONIGHT), "--retrain"]
    # where the system allows it there is no network at all, for libraries that do not ask Python either
    bare = [sys.executable, "-c", _OFFLINE, *arguments]
    alone = ["unshare", "-rn"] if _may_leave_the_network() else []
    ran = subprocess.run(
        [*alone, *bare], env=clean | RULES_RUN | {"CLV_HASH_KEY": CANARY_KEY}, cwd=PROJECT,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert_published(Night(yesterday, TONIGHT, ran.returncode, ran.stdout + ran.stderr, before))
    assert "reached out" not in ran.stderr


def test_the_watch_sees_what_it_must() -> None:
    code = _OFFLINE.split("from clv_pipeline")[0] + "socket.create_connection(('192.0.2.1', 80), 1)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 1
    assert "reached out: socket.getaddrinfo 192.0.2.1" in ran.stderr


def _may_leave_the_network() -> bool:
    try:
        return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
