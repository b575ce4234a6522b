"""Plots as PNG bytes: predicted against actual, decile calibration, gain, segments. Data comes in, a picture goes out."""

import io

import matplotlib
import numpy as np
from numpy.typing import NDArray

matplotlib.use("Agg")
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_INK, _ACCENT, _QUIET = "#1f2933", "#2563eb", "#9aa5b1"
Array = NDArray[np.float64]


def predicted_against_actual(actual: Array, predicted: Array, currency: str) -> bytes:
    """One dot a customer on symmetric log axes; the line is a perfect prediction."""
    figure, axes = _canvas("Predicted against actual spend", f"predicted, {currency}", f"actual, {currency}")
    axes.scatter(predicted, actual, s=6, alpha=0.25, color=_ACCENT, linewidths=0)
    top = max(float(predicted.max(initial=1)), float(actual.max(initial=1)))
    axes.plot([0, top], [0, top], color=_INK, linewidth=1)
    axes.set_xscale("symlog", linthresh=10)
    axes.set_yscale("symlog", linthresh=10)
    return _png(figure)


def decile_calibration(actual: Array, predicted: Array, currency: str) -> bytes:
    """Mean predicted and actual spend by predicted tenth, highest first: is the level right everywhere?"""
    figure, axes = _canvas(
        "Calibration by predicted tenth", "tenth (1 = highest prediction)", f"mean spend, {currency}"
    )
    tenths = np.array_split(np.argsort(-predicted, kind="stable"), 10)
    places = np.arange(1, 11)
    axes.bar(places - 0.2, [predicted[t].mean() for t in tenths], 0.4, label="predicted", color=_ACCENT)
    axes.bar(places + 0.2, [actual[t].mean() for t in tenths], 0.4, label="actual", color=_QUIET)
    axes.set_xticks(places)
    axes.legend(frameon=False)
    return _png(figure)


def gain_curve(actual: Array, predicted: Array) -> bytes:
    """Share of all spend reached by the best share of customers: model, perfect order, no order."""
    figure, axes = _canvas("Gain", "share of customers, best predicted first", "share of actual spend")
    share = np.arange(1, len(actual) + 1) / len(actual)
    total = max(float(actual.sum()), 1e-9)
    axes.plot(share, np.cumsum(np.sort(actual)[::-1]) / total, color=_QUIET, label="perfect order")
    axes.plot(share, np.cumsum(actual[np.argsort(-predicted, kind="stable")]) / total, color=_ACCENT, label="model")
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=1, linestyle=":", label="no order")
    axes.legend(frameon=False)
    return _png(figure)


def coverage_by_tenth(actual: Array, predicted: Array, low: Array, high: Array) -> bytes:
    """Share of customers inside their 90 % interval by predicted tenth, everybody and those who bought."""
    figure, axes = _canvas("Coverage of the 90 % interval", "tenth (1 = highest prediction)", "share inside")
    spent = np.maximum(actual, 0)
    inside = (spent >= low - 0.005) & (spent <= high + 0.005)
    tenths = np.array_split(np.argsort(-predicted, kind="stable"), 10)
    places = np.arange(1, 11)
    buyers = [t[spent[t] > 0] for t in tenths]
    axes.bar(places - 0.2, [inside[t].mean() for t in tenths], 0.4, label="everybody", color=_ACCENT)
    axes.bar(places + 0.2, [inside[b].mean() if len(b) else 0 for b in buyers], 0.4, label="who bought", color=_QUIET)
    axes.axhline(0.9, color=_INK, linewidth=1, linestyle=":")
    axes.set_xticks(places)
    axes.set_ylim(0, 1)
    axes.legend(frameon=False, loc="lower left")
    return _png(figure)


def horizontal_bars(names: list[str], values: list[float], title: str, unit: str) -> bytes:
    """Named values, largest on top."""
    figure, axes = _canvas(title, unit, "")
    places = np.arange(len(names))[::-1]
    axes.barh(places, values, color=_ACCENT)
    axes.set_yticks(places, names)
    return _png(figure)


def _canvas(title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", color=_INK, fontsize=11)
    axes.set_xlabel(x_label, color=_INK)
    axes.set_ylabel(y_label, color=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # no creation date and no software name, so that the same data gives the same bytes
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
