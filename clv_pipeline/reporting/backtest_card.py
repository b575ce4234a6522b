"""The model card of a backtest: the figures of its windows. The page is `model_card.py`."""

from pathlib import Path

from clv_pipeline.core.home import write_durably
from clv_pipeline.evaluation.backtest import Backtest
from clv_pipeline.reporting import formats
from clv_pipeline.reporting.backtest_tables import Window, windows
from clv_pipeline.reporting.model_card import CardWindow, model_card


def write_card(backtest: Backtest, folder: Path) -> Path:
    """Write model_card.md into `folder` and return its path."""
    judged = [
        CardWindow(window.name, window.models, window.statements, _behind(window)) for window in windows(backtest)
    ]
    notes = [
        "backtest.html in the same folder has all models and baselines, paired differences, plots, and what each source adds."
    ]
    path = folder / "model_card.md"
    write_durably(path, model_card(backtest.source_name, backtest.currency, judged, notes).encode())
    return path


def _behind(window: Window) -> list[str]:
    """Return which models ranked customers better than the champion, by more than chance."""
    paired = window.rows("differences")
    behind = paired[(paired["metric"] == "normalised_gini") & (paired["high"] < 0)].sort_values("value")
    if not len(behind):
        return []
    names = ", ".join(
        f"{name} by {formats.metric('normalised_gini', -value)}"
        for name, value in zip(behind["candidate"], behind["value"], strict=True)
    )
    return [f"these models ranked customers better than the champion, by more than chance (Gini): {names}."]
