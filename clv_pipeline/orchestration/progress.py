"""Progress display of `clv run`: one line per step, and a spinner for the running step. Everything else is in Dagster's UI.

A terminal has one writer. Dagster sends what a step writes to a file and copies the file to the terminal a moment later, so
a spinner of the same process and those copies would write into each other's lines.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Thread
from typing import TextIO

import dagster as dg
from dagster import DagsterEventType
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.text import Text

#: The terminal of the current run while its display uses it: there is one terminal per process.
_shown: list[tuple[Console, Spinner]] = []
#: How long to wait for the last lines of a process that outlives its step.
_LAST_LINES_SECONDS = 2


@contextmanager
def live_display() -> Iterator[None]:
    """Show the running step on the terminal; output of this process and its children appears as whole lines above it.

    The terminal is detected once, here: if stdout or stderr is a file or a pipe, nothing is redirected and
    no spinner is shown.
    """
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield
        return
    with os.fdopen(os.dup(sys.stderr.fileno()), "w") as terminal:
        console = Console(file=terminal, force_terminal=True, highlight=False)
        spinner = Spinner("dots", "starting", style="status.spinner")
        live = Live(
            spinner, console=console, refresh_per_second=12.5, transient=True, redirect_stdout=False, redirect_stderr=False
        )  # fmt: skip
        with live, _written_above(console):
            _shown.append((console, spinner))
            try:
                yield
            finally:
                _shown.clear()


@contextmanager
def _written_above(console: Console) -> Iterator[None]:
    """Print each line that comes through stdout or stderr on the console, from any writer: Python, a library, a child process."""
    with ExitStack() as streams:
        for stream in (sys.stdout, sys.stderr):
            streams.enter_context(_relayed(stream, console))
        yield


@contextmanager
def _relayed(stream: TextIO, console: Console) -> Iterator[None]:
    # a pipe each: two processes that copy the one and the other would write into each other's lines
    original = os.dup(stream.fileno())
    read_end, write_end = os.pipe()
    relay = Thread(target=_relay, args=(read_end, console), daemon=True)
    relay.start()
    _point(stream, write_end)
    try:
        yield
    finally:
        _point(stream, original)
        relay.join(_LAST_LINES_SECONDS)


def _point(stream: TextIO, target: int) -> None:
    """Let the descriptor of the stream be what `target` is, which is closed."""
    stream.flush()
    os.dup2(target, stream.fileno())
    os.close(target)


def _relay(read_end: int, console: Console) -> None:
    # what comes later than the last lines finds the display closed
    with os.fdopen(read_end, errors="replace") as lines, suppress(ValueError):
        for line in lines:
            console.print(Text.from_ansi(line.rstrip("\n")), soft_wrap=True)


class _StepLines(logging.Handler):
    """Prints one line for each finished step, and updates the spinner, if there is one."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        plain: tuple[Console, Spinner | None] = (Console(stderr=True, highlight=False), None)
        self._console, self._spinner = _shown[0] if _shown else plain

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        event, step = meta.get("dagster_event"), (meta.get("step_key") or "").replace("__", ".")
        said = escape(str(meta.get("orig_message", "")))
        if event is None:
            if step and record.levelno == logging.DEBUG:
                self._runs_now(f"{step}: {said}")
            elif record.levelno >= logging.WARNING and "Not executing" not in record.getMessage():
                self._leave(f"[yellow]warning[/] {step}: {said}")
            return
        match event.event_type:
            case DagsterEventType.STEP_START:
                self._runs_now(step)
            case DagsterEventType.STEP_SUCCESS:
                seconds = event.event_specific_data.duration_ms / 1000
                self._leave(f"[green]done[/]   {step} [dim]{seconds:.1f} s[/]")
            case DagsterEventType.STEP_FAILURE:
                self._leave(f"[red]failed[/] {step}")

    def _runs_now(self, text: str) -> None:
        if self._spinner is not None:
            self._spinner.update(text=Text.from_markup(text))

    def _leave(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)


@dg.logger(None, "One line per step, with a spinner for the running step.")
def step_lines(init_context: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger whose only handler writes step lines to the terminal."""
    logger = logging.Logger("clv_run", logging.DEBUG)
    logger.addHandler(_StepLines())
    return logger
