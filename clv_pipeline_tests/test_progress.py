"""Progress display of `clv run`: on a terminal (a pseudo terminal here), and with output to a file."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

#: Steps that write in every way a library can, while the display moves; the job runs as `clv run` runs its own.
_JOB = """
import logging, os, subprocess, sys, time
from pathlib import Path
import dagster as dg
from rich.console import Console
from rich.logging import RichHandler
from clv_pipeline.core.home import Home
from clv_pipeline.orchestration.dagster_home import prepare_dagster_home
from clv_pipeline.orchestration.progress import live_display, step_lines

logging.basicConfig(handlers=[RichHandler(console=Console(stderr=True), show_time=False, show_path=False)], format="%(message)s")

@dg.op
def clean__orders(context):
    for number in range(4):
        context.log.debug(f"[orders]: {number} rows")
        print(f"print {number}", flush=True)
        print(f"stderr {number}", file=sys.stderr, flush=True)
        os.write(2, f"descriptor {number}\\n".encode())
        subprocess.run(["echo", f"child {number}"])
        logging.getLogger("library").warning("logged %d", number)
        time.sleep(0.15)
    context.log.warning("warned [of a thing]")

@dg.op(ins={"after": dg.In(dg.Nothing)})
def clean__customers(context):
    time.sleep(0.3)

@dg.op(ins={"after": dg.In(dg.Nothing)})
def quality__night(context):
    raise ValueError("red")

@dg.job(logger_defs={"console": step_lines}, executor_def=dg.in_process_executor)
def night():
    quality__night(clean__customers(clean__orders()))

prepare_dagster_home(Home(Path(sys.argv[1])))
with dg.DagsterInstance.get() as instance, live_display():
    night.execute_in_process(instance=instance, raise_on_error=False, run_config={"loggers": {"console": {"config": {}}}})
print("after the run")
"""

_KINDS = ("print", "stderr", "descriptor", "child")
_EXPECTED = [
    r"done   clean\.orders \d\.\d s",
    r"done   clean\.customers \d\.\d s",
    r"failed quality\.night",
    r"warning clean\.orders: warned \[of a thing\]",
    "after the run",
    *(f"{kind} {number}" for kind in _KINDS for number in range(4)),
    *(rf"WARNING +logged {number} *" for number in range(4)),
]


def _on_a_terminal(folder: Path) -> str:
    """Return what a terminal of 100 columns receives from the job."""
    terminal, ours = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CLV_", "DAGSTER_"))} | {"TERM": "xterm"}
    job = subprocess.Popen([sys.executable, "-c", _JOB, folder], stdin=ours, stdout=ours, stderr=ours, env=environment)
    os.close(ours)
    received = b""
    # Linux answers with an error once the last process has closed the other end
    try:
        while part := os.read(terminal, 65536):
            received += part
    except OSError:
        pass
    os.close(terminal)
    assert job.wait(60) == 0, received.decode()
    return received.decode()


def _screen(received: str) -> list[str]:
    """Return the lines that stand on the terminal in the end; a line that is not empty when another is begun on it is kept."""
    lines, row, column = [""], 0, 0
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", received):
        if token == "\r":
            column = 0
        elif token == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif token.endswith("A") and token.startswith("\x1b"):
            row -= int(re.sub(r"\D", "", token) or 1)
        elif token == "\x1b[2K":
            lines[row] = ""
        elif not token.startswith("\x1b"):
            lines[row] = lines[row][:column].ljust(column) + token + lines[row][column + len(token) :]
            column += len(token)
    return [line.rstrip() for line in lines if line.strip()]


def _strangers(lines: list[str]) -> list[str]:
    return [line for line in lines if not any(re.fullmatch(expected, line) for expected in _EXPECTED)]


def _missing(lines: list[str]) -> list[str]:
    return [expected for expected in _EXPECTED if not any(re.fullmatch(expected, line) for line in lines)]


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _on_a_terminal(tmp_path_factory.mktemp("home"))


def test_on_a_terminal_no_line_mixes_two_things(received: str) -> None:
    lines = _screen(received)
    assert _strangers(lines) == []
    assert _missing(lines) == []
    assert len(lines) == len(_EXPECTED), "no line twice"


def test_a_terminal_sees_the_step_that_runs_now_and_what_it_says(received: str) -> None:
    frames = set(re.findall(r"\x1b\[0m ([a-z._]+(?:: \[orders\]: \d rows)?)\r", received))
    assert {"clean.orders: [orders]: 3 rows", "clean.customers"} <= frames
    assert received.count("\x1b[?25l") == received.count("\x1b[?25h"), "the cursor is shown again"


def test_the_emulated_terminal_sees_a_line_that_mixes_two_things() -> None:
    mixed = "\x1b[32m*\x1b[0m clean__orders\x1b[32mdone\x1b[0m   clean.customers\r\n"
    assert _strangers(_screen(mixed)) == ["* clean__ordersdone   clean.customers"]
    assert _screen("* clean.orders\r\x1b[2Kdone   clean.orders\r\n* next\r\x1b[2K") == ["done   clean.orders"]


def test_in_a_file_nothing_moves(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CLV_", "DAGSTER_"))}
    ran = subprocess.run(
        [sys.executable, "-c", _JOB, tmp_path / "home"], env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "\x1b" not in ran.stdout + ran.stderr
    lines = [line.rstrip() for line in (ran.stdout + ran.stderr).splitlines() if line.strip()]
    assert _strangers(lines) == []
    assert _missing(lines) == []
