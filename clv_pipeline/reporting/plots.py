"""Plots as PNG bytes: accuracy of predictions, their drivers, segments. Input is data, output is a picture.

Matplotlib takes half a second to import, so it is imported when something is drawn: most commands draw nothing.
"""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clv_pipeline.reporting import formats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _ACCENT, _QUIET = "#1f2933", "#2563eb", "#9aa5b1"
Array = NDArray[np.float64]
#: Name, value, lower and upper end of its interval.
Bar = tuple[str, float, float, float]
#: Name of the feature, one of its values as text, whether that is a number, mean prediction with its interval.
DependencePoint = tuple[str, str, bool, float, float, float]
_PANELS_A_ROW = 4
_LONGEST_TICK = 12
#: Longest name next to a bar; a longer one would leave no room for the bar.
_LONGEST_NAME = 70
_THOUSANDS = "{x:,.10g}"


def data_uri(png: bytes) -> str:
    """Return a picture as a data URI with its bytes, for pages that fetch nothing.

    >>> data_uri(b"png")
    'data:image/png;base64,cG5n'
    """
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def predicted_against_actual(actual: Array, predicted: Array, currency: str) -> bytes:
    """One dot per customer on symmetric log axes; the line is a perfect prediction."""
    figure, axes = _canvas("Predicted against actual spend", f"predicted, {currency}", f"actual, {currency}")
    axes.scatter(predicted, actual, s=6, alpha=0.25, color=_ACCENT, linewidths=0)
    top = max(float(predicted.max(initial=1)), float(actual.max(initial=1)))
    axes.plot([0, top], [0, top], color=_INK, linewidth=1)
    axes.set_xscale("symlog", linthresh=10)
    axes.set_yscale("symlog", linthresh=10)
    return _png(figure)


def decile_calibration(actual: Array, predicted: Array, currency: str) -> bytes:
    """Mean predicted and actual spend by predicted decile, highest first: is the total right in every decile?"""
    figure, axes = _canvas(
        "Calibration by predicted decile", "decile (1 = highest prediction)", f"mean spend, {currency}"
    )
    deciles = np.array_split(np.argsort(-predicted, kind="stable"), 10)
    places = np.arange(1, 11)
    axes.bar(places - 0.2, [predicted[t].mean() for t in deciles], 0.4, label="predicted", color=_ACCENT)
    axes.bar(places + 0.2, [actual[t].mean() for t in deciles], 0.4, label="actual", color=_QUIET)
    axes.set_xticks(places)
    axes.legend(frameon=False)
    return _png(figure)


def gain_curve(actual: Array, predicted: Array) -> bytes:
    """Share of all spend reached by the highest-ranked share of customers: model, perfect ranking, random."""
    figure, axes = _canvas("Gain", "share of customers, highest prediction first", "share of actual spend")
    share = np.arange(1, len(actual) + 1) / len(actual)
    total = max(float(actual.sum()), 1e-9)
    axes.plot(share, np.cumsum(np.sort(actual)[::-1]) / total, color=_QUIET, label="perfect ranking")
    axes.plot(share, np.cumsum(actual[np.argsort(-predicted, kind="stable")]) / total, color=_ACCENT, label="model")
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=1, linestyle=":", label="random")
    axes.legend(frameon=False)
    return _png(figure)


def coverage_by_decile(actual: Array, predicted: Array, low: Array, high: Array) -> bytes:
    """Share of customers inside their 90 % interval by predicted decile, of all customers and of buyers."""
    figure, axes = _canvas("Coverage of the 90 % interval", "decile (1 = highest prediction)", "share inside")
    spent = np.maximum(actual, 0)
    inside = (spent >= low - 0.005) & (spent <= high + 0.005)
    deciles = np.array_split(np.argsort(-predicted, kind="stable"), 10)
    places = np.arange(1, 11)
    buyers = [t[spent[t] > 0] for t in deciles]
    axes.bar(places - 0.2, [inside[t].mean() for t in deciles], 0.4, label="all customers", color=_ACCENT)
    axes.bar(places + 0.2, [inside[b].mean() if len(b) else 0 for b in buyers], 0.4, label="buyers", color=_QUIET)
    axes.axhline(0.9, color=_INK, linewidth=1, linestyle=":")
    axes.set_xticks(places)
    axes.set_ylim(0, 1.15)  # room above the bars, which reach 1
    axes.legend(frameon=False, loc="upper right", ncols=2)
    return _png(figure)


def learning_curve(customers: Sequence[int], gini: Sequence[float]) -> bytes:
    """Ranking quality by the number of customers in training: would more of them help?"""
    figure, axes = _canvas("Learning curve", "customers in training", "normalised Gini")
    axes.plot(customers, gini, color=_ACCENT, marker="o")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(_THOUSANDS)
    return _png(figure)


def horizontal_bars(names: list[str], values: list[float], title: str, unit: str) -> bytes:
    """Named values, largest on top."""
    figure, axes = _canvas(title, unit, "", size=_bars_size(len(names)))
    places = np.arange(len(names))[::-1]
    axes.barh(places, values, color=_ACCENT, height=0.62)
    axes.set_yticks(places, [_cut(name, _LONGEST_NAME) for name in names], parse_math=False)
    axes.xaxis.set_major_formatter(_THOUSANDS)
    return _png(figure)


def bars_with_intervals(bars: Sequence[Bar], title: str, unit: str) -> bytes:
    """Named values in the order given, first on top, with whiskers for their intervals."""
    figure, axes = _canvas(title, unit, "", size=_bars_size(len(bars)))
    names, values, lows, highs = zip(*bars, strict=True)
    places = np.arange(len(bars))[::-1]
    axes.barh(places, values, color=_ACCENT, height=0.62)
    whiskers = np.array([np.subtract(values, lows), np.subtract(highs, values)])
    axes.errorbar(values, places, xerr=whiskers, fmt="none", ecolor=_INK, elinewidth=1, capsize=2)
    axes.axvline(0, color=_QUIET, linewidth=1)
    axes.set_yticks(places, [_cut(name, _LONGEST_NAME) for name in names], parse_math=False)
    axes.set_ylim(-0.6, len(bars) - 0.4)
    return _png(figure)


def _bars_size(bars: int) -> tuple[float, float]:
    # wide enough for the longest name of a feature next to the bars
    return 8.5, 1.1 + 0.27 * bars


def dependence(points: Sequence[DependencePoint], title: str, unit: str) -> bytes:
    """One small panel per feature, all on one scale of the unit: a line over numbers, dots for categories and missing values."""
    panels = [(name, list(group)) for name, group in groupby(points, key=lambda p: p[0])]
    rows, columns = -(-len(panels) // _PANELS_A_ROW), min(len(panels), _PANELS_A_ROW)
    figure = _figure(0.5 + 2.5 * columns, 0.8 + 2.5 * rows)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, (name, group) in zip(grid.flat, panels, strict=False):
        _panel(axes, name, group)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", color=_INK, fontsize=11)
    figure.supylabel(unit, color=_INK, fontsize=10)
    return _png(figure)


def _panel(axes: Axes, name: str, points: list[DependencePoint]) -> None:
    _, labels, is_number, *numbers = zip(*points, strict=True)
    values, lows, highs = (np.array(n, dtype=np.float64) for n in numbers)
    line = np.array(is_number)
    places = np.arange(len(points), dtype=np.float64)
    # categories and missing values stand apart from the line
    places[~line] += 1.0 if line.any() else 0.0
    axes.fill_between(places[line], lows[line], highs[line], color=_ACCENT, alpha=0.15, linewidth=0)
    axes.plot(places[line], values[line], color=_ACCENT, marker=".", markersize=4)
    whiskers = np.array([values - lows, highs - values])[:, ~line]
    axes.errorbar(places[~line], values[~line], yerr=whiskers, fmt="o", markersize=4, color=_INK, elinewidth=1)
    # a few numbers show the scale; every category needs its name
    shown = [*np.flatnonzero(line)[_spread(int(line.sum()))], *np.flatnonzero(~line)]
    axes.set_xticks(places[shown], [_tick(labels[i]) for i in shown], fontsize=7.5, parse_math=False)
    if (~line).sum() > 1:
        for label in axes.get_xticklabels():
            label.set(rotation=30, ha="right", rotation_mode="anchor")
    axes.set_title(textwrap.fill(name, 30), loc="left", fontsize=8.5, color=_INK, parse_math=False)
    axes.tick_params(axis="y", labelsize=8)
    axes.yaxis.set_major_formatter(_THOUSANDS)
    axes.spines[["top", "right"]].set_visible(False)


def _spread(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, 4)).round().astype(np.int64)) if count else np.arange(0)


def _tick(value: str) -> str:
    try:
        return formats.count(float(value)) if abs(float(value)) >= 100 else value
    except ValueError:
        return _cut(value, _LONGEST_TICK)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _canvas(title: str, x_label: str, y_label: str, *, size: tuple[float, float] = (6.4, 4.2)) -> tuple[Figure, Axes]:
    figure = _figure(*size)
    axes = figure.subplots()
    axes.set_title(title, loc="left", color=_INK, fontsize=11)
    axes.set_xlabel(x_label, color=_INK)
    axes.set_ylabel(y_label, color=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _figure(width: float, height: float) -> Figure:
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.use("Agg")
    return Figure(figsize=(width, height), layout="constrained")


def _png(figure: Figure) -> bytes:
    # lay out once: otherwise matplotlib lays out again while it draws, which is half the cost of a picture
    layout = figure.get_layout_engine()
    assert layout is not None
    layout.execute(figure)
    figure.set_layout_engine("none")
    buffer = io.BytesIO()
    # no creation date and no software name, so that the same data gives the same bytes
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
