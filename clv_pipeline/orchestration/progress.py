"""The console logger of `clv run`: one line a step, the rest of Dagster's events stay in the run's log and UI."""

import logging

import dagster as dg
from dagster import DagsterEventType
from rich.console import Console

_console = Console(stderr=True, highlight=False)


class _StepLines(logging.Handler):
    """Shows a spinner for the running step and leaves one line for each that ended."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._status = _console.status("starting")

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        event, step = meta.get("dagster_event"), meta.get("step_key") or ""
        if event is None:
            if step and record.levelno == logging.DEBUG:
                self._status.update(f"{step}: {meta.get('orig_message', '')}")
            elif record.levelno >= logging.WARNING and "Not executing" not in record.getMessage():
                _console.print(f"[yellow]warning[/] {step}: {meta.get('orig_message', '')}")
            return
        match event.event_type:
            case DagsterEventType.STEP_START:
                self._status.update(step)
                self._status.start()
            case DagsterEventType.STEP_SUCCESS:
                seconds = event.event_specific_data.duration_ms / 1000
                _console.print(f"[green]done[/]   {step.replace('__', '.')} [dim]{seconds:.1f} s[/]")
            case DagsterEventType.STEP_FAILURE:
                _console.print(f"[red]failed[/] {step.replace('__', '.')}")
            case DagsterEventType.RUN_SUCCESS | DagsterEventType.RUN_FAILURE:
                self._status.stop()


@dg.logger(None, "One line a step, with a spinner for what runs now.")
def step_lines(init_context: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger whose only handler writes step lines to the terminal."""
    logger = logging.Logger("clv_run", logging.DEBUG)
    logger.addHandler(_StepLines())
    return logger
