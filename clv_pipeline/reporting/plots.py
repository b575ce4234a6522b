"""Plots of models and customers, without titles, which belong to the page. Input is data, output is a figure for `drawing.py`.

A plot is narrow enough for a phone. Names of bars stand above them: next to them the longest would leave no room for a bar.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clv_pipeline.reporting import formats
from clv_pipeline.reporting.drawing import ACCENT, BAD, FONT_SIZE, GOOD, INK, QUIET, canvas, empty_figure, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
#: Name, value, lower and upper end of its interval.
Bar = tuple[str, float, float, float]
#: Name of the feature, one of its values as text, whether that is a number, mean prediction with its interval.
DependencePoint = tuple[str, str, bool, float, float, float]
#: Prediction date, predicted total with its interval (None where unknown), actual total (None where it is not known yet).
TrackedTotal = tuple[date, float, float | None, float | None, float | None]
_PANELS_A_ROW = 2
_LONGEST_TICK = 9
#: Longest name above a bar.
_LONGEST_NAME = 52
#: Squares of the grid in which customers are counted; a dot each would be thousands.
_GRID = 36
_LINEAR_TO = 10


def predicted_against_actual(actual: Array, predicted: Array, currency: str) -> Figure:
    """Dots for customers who are alike, larger for more of them, on symmetric log axes; the line is a perfect prediction."""
    figure, axes = canvas(f"predicted, {currency}", f"actual, {currency}", height=3.8)
    x, y, customers = _counted_in_squares(predicted, actual)
    largest = max(float(customers.max(initial=1)), 1.0)
    axes.scatter(x, y, s=4 + 60 * np.sqrt(customers / largest), color=ACCENT, alpha=0.7, linewidths=0)
    top = max(float(predicted.max(initial=1)), float(actual.max(initial=1)))
    axes.plot([0, top], [0, top], color=INK, linewidth=1)
    axes.set_xscale("symlog", linthresh=_LINEAR_TO)
    axes.set_yscale("symlog", linthresh=_LINEAR_TO)
    _numbers(axes.xaxis, axes.yaxis, ticks=None)
    return figure


def groups_predicted_against_actual(groups: Sequence[tuple[float, float, float, float]], currency: str) -> Figure:
    """Predicted total with its interval, and actual total, of groups of customers; red where it is outside the interval."""
    figure, axes = canvas(f"predicted total, {currency}", f"actual total, {currency}", height=3.6)
    ends = [end for predicted, low, high, actual in groups for end in (predicted, low, high, actual) if end > 0]
    limits = min(ends, default=1.0) / 1.5, max(ends, default=1.0) * 1.5
    axes.plot(limits, limits, color=INK, linewidth=1, linestyle=":")
    for is_inside, colour, name in ((True, ACCENT, "inside its interval"), (False, BAD, "outside")):
        shown = [group for group in groups if (group[1] <= group[3] <= group[2]) == is_inside]
        if not shown:
            continue
        predicted, low, high, actual = (np.array(column) for column in zip(*shown, strict=True))
        axes.errorbar(
            predicted, actual, xerr=[np.maximum(predicted - low, 0), np.maximum(high - predicted, 0)], fmt="o", markersize=4,
            color=colour, elinewidth=1, label=name,
        )  # fmt: skip
    # a group may have spent nothing, or less than that
    axes.set_xscale("symlog", linthresh=limits[0])
    axes.set_yscale("symlog", linthresh=limits[0])
    axes.set_xlim(limits)
    axes.set_ylim(
        min(0.0, *(group[3] for group in groups)) if any(group[3] <= 0 for group in groups) else limits[0], limits[1]
    )
    _numbers(axes.xaxis, axes.yaxis, ticks=None)
    _legend(axes, loc="upper left")
    return figure


def _counted_in_squares(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Return the middle of each square that has customers, and how many."""
    scaled = [np.sign(v) * np.log1p(np.abs(v) / _LINEAR_TO) for v in (x, y)]
    counts, *edges = np.histogram2d(scaled[0], scaled[1], bins=_GRID)
    rows, columns = np.nonzero(counts)
    middles = [(e[:-1] + e[1:]) / 2 for e in edges]
    shown = [middles[0][rows], middles[1][columns]]
    back = [np.sign(v) * np.expm1(np.abs(v)) * _LINEAR_TO for v in shown]
    return back[0], back[1], counts[rows, columns]


def decile_calibration(predicted: Sequence[float], actual: Sequence[float], currency: str) -> Figure:
    """Mean predicted and actual spend by predicted decile, highest first: is the total right in every decile?"""
    return _by_decile([predicted, actual], ["predicted", "actual"], f"mean spend, {currency}")[0]


def means_by_decile(actual: Array, predicted: Array) -> tuple[list[float], list[float]]:
    """Return the mean predicted and the mean actual spend by predicted decile, highest first."""
    deciles = _deciles(predicted)
    return [float(predicted[t].mean()) for t in deciles], [float(actual[t].mean()) for t in deciles]


def coverage_by_decile(groups: Sequence[Sequence[float]], names: Sequence[str]) -> Figure:
    """Share of customers inside their 90 % interval by predicted decile; up to two groups of customers."""
    figure, axes = _by_decile(groups, names, "share inside the 90 % interval")
    axes.axhline(0.9, color=INK, linewidth=1, linestyle=":")
    axes.set_ylim(0, 1.2)  # room above the bars, which reach 1
    axes.set_yticks([0, 0.5, 0.9], [formats.percent(share, digits=0) for share in (0, 0.5, 0.9)])
    return figure


def coverages(actual: Array, predicted: Array, low: Array, high: Array) -> tuple[list[float], list[float]]:
    """Return the share of customers inside their interval by predicted decile, of all and of buyers."""
    spent = np.maximum(actual, 0)
    inside = (spent >= low - 0.005) & (spent <= high + 0.005)
    deciles = _deciles(predicted)
    buyers = [t[spent[t] > 0] for t in deciles]
    return [float(inside[t].mean()) for t in deciles], [float(inside[b].mean()) if len(b) else 0.0 for b in buyers]


def _deciles(predicted: Array) -> list[NDArray[np.int64]]:
    # fewer than ten customers leave some empty
    return [decile for decile in np.array_split(np.argsort(-predicted, kind="stable"), 10) if len(decile)]


def _by_decile(groups: Sequence[Sequence[float]], names: Sequence[str], y_label: str) -> tuple[Figure, Axes]:
    figure, axes = canvas("decile (1 = highest prediction)", y_label)
    places, width = np.arange(1, len(groups[0]) + 1), 0.8 / len(groups)
    for i, (values, name, colour) in enumerate(zip(groups, names, (ACCENT, QUIET), strict=False)):
        axes.bar(places + (i - (len(groups) - 1) / 2) * width, values, width, label=name, color=colour)
    axes.set_xticks(places)
    _numbers(axes.yaxis)
    if len(groups) > 1:
        _legend(axes, loc="upper right", ncols=2)
    return figure, axes


def gain_curve(
    reached: Sequence[float], perfect: Sequence[float] | None = None, rule: Sequence[float] | None = None
) -> Figure:
    """Share of all spend reached by the highest-ranked share of customers: by the model, at random, in the perfect order.

    All are shares at equal steps from no customer to all of them; `rule` is the order of a fixed rule, past spend.
    """
    figure, axes = canvas("share of customers, highest prediction first", "share of actual spend")
    steps = np.linspace(0, 1, len(reached))
    if perfect is not None:
        axes.plot(np.linspace(0, 1, len(perfect)), perfect, color=QUIET, linewidth=1.5, label="perfect order")
    axes.plot(
        steps, reached, color=ACCENT, linewidth=2, marker="o" if len(steps) < 20 else "", markersize=4, label="model"
    )
    if rule is not None:
        axes.plot(np.linspace(0, 1, len(rule)), rule, color=INK, linewidth=1, label="by past spend")
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=":", label="random order")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([0, 0.25, 0.5, 0.75, 1], [formats.percent(s, digits=0) for s in (0, 0.25, 0.5, 0.75, 1)])
    _legend(axes, loc="lower right")
    return figure


def gains(actual: Array, order: Array, steps: int = 100) -> list[float]:
    """Return the share of actual spend reached by the customers with the highest `order`, at `steps` equal steps from 0."""
    reached = np.concatenate([[0.0], np.cumsum(actual[np.argsort(-order, kind="stable")])])
    places = np.linspace(0, len(actual), steps + 1)
    total = max(float(actual.sum()), 1e-9)
    return [float(share) for share in np.interp(places, np.arange(len(actual) + 1), reached) / total]


def learning_curve(customers: Sequence[int], gini: Sequence[float]) -> Figure:
    """Ranking quality by the number of customers in training: would more of them help?"""
    figure, axes = canvas("customers in training", "normalised Gini")
    axes.plot(customers, gini, color=ACCENT, marker="o")
    axes.set_xlim(left=0)
    _numbers(axes.xaxis, axes.yaxis)
    return figure


def horizontal_bars(names: Sequence[str], values: Sequence[float], unit: str) -> Figure:
    """Named values in the order given, first on top, each with its number."""
    figure, axes, places = _bars(
        [f"{name}: {formats.spoken(value)}" for name, value in zip(names, values, strict=True)], unit
    )
    axes.barh(places, values, color=ACCENT, height=0.3)
    return figure


def changes(names: Sequence[str], values: Sequence[float], unit: str) -> Figure:
    """Named changes in the order given, first on top, each with its number: more to the right, less to the left."""
    shown = [f"{name}: {formats.spoken(value, signed=True)}" for name, value in zip(names, values, strict=True)]
    figure, axes, places = _bars(shown, unit)
    axes.barh(places, values, color=[BAD if value < 0 else GOOD for value in values], height=0.3)
    # next to the bars only: the names begin on the left
    axes.vlines(np.zeros(len(places)), places - 0.15, places + 0.15, color=QUIET, linewidth=1)
    return figure


def bridge(names: Sequence[str], values: Sequence[float], unit: str) -> Figure:
    """From the first value, a balance, over changes to the last one, the balance that they add up to."""
    last = len(values) - 1
    ends = np.cumsum([*values[:-1], 0.0])
    starts = np.array([0.0, *ends[: last - 1], 0.0])
    shown = [
        f"{name}: {formats.spoken(value, signed=0 < i < last)}"
        for i, (name, value) in enumerate(zip(names, values, strict=True))
    ]
    figure, axes, places = _bars(shown, unit)
    colours = [ACCENT, *(BAD if value < 0 else GOOD for value in values[1:-1]), ACCENT]
    axes.barh(places, [*values[:-1], values[-1]], left=starts, color=colours, height=0.3)
    for i in range(last):
        axes.plot([ends[i], ends[i]], [places[i] - 0.15, places[i + 1] + 0.15], color=QUIET, linewidth=1)
    return figure


def bars_with_intervals(bars: Sequence[Bar], unit: str) -> Figure:
    """Named values in the order given, first on top, with whiskers for their intervals."""
    names, values, lows, highs = zip(*bars, strict=True)
    figure, axes, places = _bars(names, unit)
    axes.barh(places, values, color=ACCENT, height=0.3)
    whiskers = np.array([np.subtract(values, lows), np.subtract(highs, values)])
    axes.errorbar(values, places, xerr=whiskers, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
    # next to the bars only: the names begin on the left
    axes.vlines(np.zeros(len(places)), places - 0.15, places + 0.15, color=QUIET, linewidth=1)
    return figure


def _bars(names: Sequence[str], unit: str) -> tuple[Figure, Axes, NDArray[np.int64]]:
    """Return axes with a name above the place of each bar, first on top."""
    figure, axes = canvas(unit, height=0.6 + 0.42 * len(names))
    places = np.arange(len(names))[::-1]
    for place, name in zip(places, names, strict=True):
        axes.text(
            0.008, place + 0.22, _cut(name, _LONGEST_NAME), transform=axes.get_yaxis_transform(), color=INK,
            fontsize=FONT_SIZE - 1, va="bottom", parse_math=False,
        )  # fmt: skip
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.3, len(names) - 0.3)
    _numbers(axes.xaxis)
    return figure, axes, places


def tracked_totals(totals: Sequence[TrackedTotal], currency: str) -> Figure:
    """Predicted totals with their intervals by the day of the prediction, and what came of them."""
    figure, axes = canvas("", f"spend in the window, {currency}")
    places = np.arange(len(totals))
    for place, (_, _, low, high, _) in zip(places, totals, strict=True):
        if low is not None and high is not None:
            axes.plot([place, place], [low, high], color=ACCENT, linewidth=5, alpha=0.35, solid_capstyle="butt")
    axes.plot(
        places, [t[1] for t in totals], color=ACCENT, marker="o", linestyle="none", label="predicted, with interval"
    )
    known = [(place, t[4]) for place, t in zip(places, totals, strict=True) if t[4] is not None]
    if known:
        axes.plot(*zip(*known, strict=True), color=INK, marker="D", markersize=5, linestyle="none", label="actual")
    shown = np.unique(np.linspace(0, len(totals) - 1, min(len(totals), 4)).round().astype(int))
    axes.set_xticks(shown, [formats.day(totals[i][0]) for i in shown])
    axes.margins(x=0.15, y=0.2)
    axes.set_ylim(bottom=0)
    _numbers(axes.yaxis)
    _legend(axes, loc="lower left", ncols=2)
    return figure


def dependence(points: Sequence[DependencePoint], unit: str) -> Figure:
    """One small panel per feature, all on one scale of the unit: a line over numbers, dots for categories and missing values."""
    panels = [(name, list(group)) for name, group in groupby(points, key=lambda p: p[0])]
    rows, columns = -(-len(panels) // _PANELS_A_ROW), min(len(panels), _PANELS_A_ROW)
    figure = empty_figure(0.4 + 1.7 * rows)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, (name, group) in zip(grid.flat, panels, strict=False):
        _panel(axes, name, group)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    figure.supylabel(unit, color=INK, fontsize=FONT_SIZE)
    return figure


def _panel(axes: Axes, name: str, points: list[DependencePoint]) -> None:
    _, labels, is_number, *numbers = zip(*points, strict=True)
    values, lows, highs = (np.array(n, dtype=np.float64) for n in numbers)
    line = np.array(is_number)
    places = np.arange(len(points), dtype=np.float64)
    # categories and missing values stand apart from the line
    places[~line] += 1.0 if line.any() else 0.0
    axes.fill_between(places[line], lows[line], highs[line], color=ACCENT, alpha=0.2, linewidth=0)
    axes.plot(places[line], values[line], color=ACCENT, marker=".", markersize=4)
    whiskers = np.array([values - lows, highs - values])[:, ~line]
    axes.errorbar(places[~line], values[~line], yerr=whiskers, fmt="o", markersize=4, color=INK, elinewidth=1)
    style(axes)
    # a few numbers show the scale; every category needs its name
    shown = [*np.flatnonzero(line)[_spread(int(line.sum()))], *np.flatnonzero(~line)]
    axes.set_xticks(places[shown], [_tick(labels[i]) for i in shown], fontsize=FONT_SIZE - 2, parse_math=False)
    if (~line).sum() > 1:
        for label in axes.get_xticklabels():
            label.set(rotation=30, ha="right", rotation_mode="anchor")
    axes.set_title(textwrap.fill(name, 26), loc="left", fontsize=FONT_SIZE - 1, color=INK, parse_math=False)
    _numbers(axes.yaxis)


def _numbers(*all_axes: Axis, ticks: int | None = 5) -> None:
    """Write the ticks in the number format in use, at most as many as have room (None: those of a logarithmic axis)."""
    from matplotlib.ticker import MaxNLocator

    for axis in all_axes:
        if ticks:
            axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(lambda value, _: formats.spoken(value))


def _legend(axes: Axes, **place: Any) -> None:
    axes.legend(frameon=False, fontsize=FONT_SIZE - 1, labelcolor=INK, **place)


def _spread(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, 3)).round().astype(np.int64)) if count else np.arange(0)


def _tick(value: str) -> str:
    try:
        return formats.spoken(float(value)) if abs(float(value)) >= 100 else value
    except ValueError:
        return _cut(value, _LONGEST_TICK)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
