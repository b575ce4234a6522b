"""Separate processes with few imports: each is forked from one that has already imported the libraries and done nothing else.

Where the start of Python or the `clv` script itself is the point, a test starts those. No test is here.
"""

import atexit
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from functools import cache
from pathlib import Path
from threading import Timer

from clv_pipeline.core.project_files import PROJECT

#: What costs most of the four CPU seconds that a run needs to start.
_LIBRARIES = (
    "dagster", "duckdb", "great_expectations", "pandas", "psycopg", "pyarrow", "scipy.optimize", "scipy.stats", "skops.io",
    "sklearn.compose", "sklearn.ensemble", "sklearn.linear_model", "sqlalchemy", "sqlglot.lineage", "xgboost",
)  # fmt: skip
_RUN_CLV = "from clv_pipeline.cli import main\nmain()"


def python_process(
    code: str, *arguments: str, timeout: float = 240, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own that sees no CLV_* or DAGSTER_* setting but the given ones.

    Raises:
        subprocess.TimeoutExpired: it did not end in time, and was killed.
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CLV_", "DAGSTER_"))}
    parent, killed = _parent(os.getpid()), False
    assert parent.stdin is not None and parent.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        job = {"code": code, "arguments": arguments, "environment": clean | environment, "folder": folder}
        parent.stdin.write(json.dumps(job) + "\n")
        parent.stdin.flush()
        pid = int(parent.stdout.readline())

        def kill() -> None:
            nonlocal killed
            killed = True
            os.kill(pid, 9)

        alarm = Timer(timeout, kill)
        alarm.start()
        status = int(parent.stdout.readline())
        alarm.cancel()
        said = [(Path(folder) / name).read_text() for name in ("stdout", "stderr")]
    if killed:
        raise subprocess.TimeoutExpired(code, timeout, *said)
    return subprocess.CompletedProcess([sys.executable, "-c", code, *arguments], status, *said)


def run_clv_forked(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the `clv` command in a forked process."""
    return python_process(_RUN_CLV, *arguments, **environment)


@cache
def _parent(worker: int) -> subprocess.Popen[str]:
    """Return the process that forks, one for each test process; it ends with it, for then its input does."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CLV_", "DAGSTER_"))}
    parent = subprocess.Popen(
        [sys.executable, "-m", __name__], env=clean, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    atexit.register(parent.communicate)
    return parent


def _fork_for_each_job() -> None:
    for library in _LIBRARIES:
        importlib.import_module(library)
    # what is ours a job imports itself: it may replace a function first, and settings are read as some modules are imported
    assert not any(name.startswith("clv_pipeline.orchestration") for name in sys.modules)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            _do(job)
        print(child, file=answers, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _do(job: dict[str, object]) -> None:
    """Do a job in this process, and end it."""
    os.environ.clear()
    os.environ.update(job["environment"])  # type: ignore[call-overload]
    time.tzset()
    sys.argv = ["clv", *job["arguments"]]  # type: ignore[misc]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(str(job["folder"])) / name, os.O_WRONLY | os.O_CREAT, 0o600), descriptor)
    status = 0
    try:
        exec(compile(str(job["code"]), "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _fork_for_each_job()
