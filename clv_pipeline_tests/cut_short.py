"""Work on a home that dies, as by kill -9, right before each step in turn that changes files. No test is here.

It runs as a process of its own, for the fork of one that has threads may hang.
"""

import importlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clv_pipeline.core.home import Home
from clv_pipeline_tests.forked import python_process

_CUT = """
import sys
from pathlib import Path
from clv_pipeline_tests.cut_short import cut
sys.exit(cut(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]))
"""
_MOST_STEPS = 200
_GIVE_UP_SECONDS = 1200


def cut_everywhere(work: str, template: Path, folder: Path, *steps: str, **environment: str) -> list[Home]:
    """Do the work in one copy of the home `template` for each n, dying right before the n-th of the steps.

    work: "module:function", which takes the Home. steps: the functions that are counted, such as "os.replace". Returns
    the homes, each cut one step later than the one before; the last one is uncut.
    """
    ran = python_process(_CUT, work, str(template), str(folder), *steps, timeout=_GIVE_UP_SECONDS, **environment)
    assert ran.returncode == 0, ran.stderr
    return [Home(path / "home") for path in sorted(folder.iterdir())]


def _imported(name: str) -> tuple[Any, str]:
    module, _, attribute = name.replace(":", ".").rpartition(".")
    return importlib.import_module(module), attribute


def _dying(function: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)

    return call


def cut(work: str, template: Path, folder: Path, steps: list[str]) -> int:
    """Do what `cut_everywhere` says, in this process and its forks; return the status of the one that was not cut."""
    module, attribute = _imported(work)
    for last in range(1, _MOST_STEPS):
        home = Home(folder / f"{last:03d}" / "home")
        shutil.copytree(template, home.root, dirs_exist_ok=True)
        child = os.fork()
        if child == 0:
            left = [last]
            for place, name in map(_imported, steps):
                setattr(place, name, _dying(getattr(place, name), left))
            getattr(module, attribute)(home)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return os.waitstatus_to_exitcode(status)
    return 1
