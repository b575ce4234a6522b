"""Ctrl-C and SIGTERM: the command ends within seconds, says "interrupted" and what stands, and exits with 130 or 143.

Wherever a command is cut, what is served is whole and the next one heals the rest (faults 37 and 48), so one that does not
end by itself is ended.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread, current_thread, main_thread

import click

from clv_pipeline.cli.shared import out, plain
from clv_pipeline.core.home import Home
from clv_pipeline.core.settings import load_settings
from clv_pipeline.publishing.serving import read_pointer

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: A fit or a query of a library cannot be stopped from outside; most end within this time.
_GRACE_SECONDS = 5.0
_NOTHING = "Nothing was changed."
#: Command -> what stands once it is interrupted. Of a run, the served bundle is named as well.
AFTER = {
    "init": "The folder is there whole or not at all: start again if it is not.",
    "doctor": _NOTHING,
    "run": "The next `clv run` heals what this one left. A second target has the rows of one whole run.",
    "status": _NOTHING,
    "explain-run": _NOTHING,
    "test-alert": "The test message may have arrived, or not.",
    "ui": "The Dagster UI, its schedule and a run that it had started have ended. What is served is whole.",
    "dashboard": "The dashboard has ended.",
    "explain": _NOTHING,
    "lineage": _NOTHING,
    "models": _NOTHING,
    "promote": "It is done as a whole or not at all: `clv models` shows the champion.",
    "rollback": "`clv status` shows which run is served; `clv rollback` with its number publishes it to a second target, too.",
    "backup": "Start it again; a file that is cut short is not taken for a backup.",
    "restore": "Start it again.",
    "evaluate": _NOTHING,
    "backtest": "Nothing is published by it; start it again.",
    "forget": "If it was confirmed, it may have begun: run `clv forget` with the same customer again, which completes it.",
    "export-subject": "Delete the file if it is there: it may be cut short.",
}
#: They end their own way: see `ui.py` and Streamlit.
_SERVERS = ("ui", "dashboard")


class Interrupts:
    """The signal that a command received, if it did; `last_will` is called where the command has to be ended."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.number = 0
        self.last_will: Callable[[], None] = lambda: None

    @property
    def exit_code(self) -> int:
        return 128 + (self.number or signal.SIGINT)

    def tell(self) -> None:
        """Say what stands now."""
        out.show_cursor()
        out.print(f"\n[yellow]interrupted[/] {plain(' '.join(self._what_stands()))}")

    def _what_stands(self) -> Iterator[str]:
        if self.command == "run":
            served = read_pointer(Home(load_settings().home).published)
            yield (
                f"Served now: run {served['run_id']} of {served['source_name']}, as of {served['as_of_date']}."
                if served
                else "Nothing is published yet."
            )
        yield AFTER.get(self.command, _NOTHING)


def at_a_hard_end(last_will: Callable[[], None]) -> None:
    """Have something done before the process of this command is ended from outside, where no `finally` is reached."""
    if interrupts := click.get_current_context().find_object(Interrupts):
        interrupts.last_will = last_will


def end_if_interrupted() -> None:
    """End a command whose work was cut short by a signal, whatever the work made of it."""
    interrupts = click.get_current_context().find_object(Interrupts)
    if interrupts and interrupts.number:
        raise KeyboardInterrupt


@contextmanager
def noticed(command: str) -> Iterator[Interrupts]:
    """Notice a signal while a command works, whatever handles it; a command that then does not end is ended.

    Libraries put handlers of their own in the place of ours, so it is seen in the descriptor that Python writes to.
    """
    found = Interrupts(command)
    if command in _SERVERS or current_thread() is not main_thread():
        yield found
        return
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    watcher = Thread(target=_watch, args=(read_end, found), daemon=True)
    earlier_descriptor = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    earlier = {number: signal.signal(number, signal.default_int_handler) for number in _SIGNALS}
    watcher.start()
    try:
        yield found
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(earlier_descriptor)
        os.close(write_end)
        watcher.join()
        os.close(read_end)


def _watch(read_end: int, found: Interrupts) -> None:
    """Note the first signal; then wait until the command ends, a second one comes, or the time is over."""
    deadline = None
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([read_end], [], [], left)[0]:
            break
        received = os.read(read_end, 1)
        if not received:
            return
        if received[0] in _SIGNALS:
            if found.number:
                break
            found.number, deadline = received[0], time.monotonic() + _GRACE_SECONDS
    found.tell()
    sys.stdout.flush()
    found.last_will()
    os._exit(found.exit_code)
