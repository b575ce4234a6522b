"""Plots in Markdown of under 1,000 characters: the Dagster UI shows those in the page, and longer Markdown after a click only.

The plots in full are `plots.py`. Each function here returns as many rows or points as fit.
"""

import base64
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clv_pipeline.reporting import formats, markdown
from clv_pipeline.reporting.tables import Table

Array = NDArray[np.float64]
#: Name, value and, where known, the ends of its interval.
Bar = tuple[str, float, float, float]
#: The UI's limit is 1,000 characters.
LONGEST = 999
_MOST_ROWS = 8
_BLOCKS = 12
_LONGEST_NAME = 40
#: Keeps an interval in one line.
_SPACE = "\N{NO-BREAK SPACE}"
_WIDTH, _HEIGHT = 300, 130
#: Readable on the light and on the dark page.
_COLOURS = ("#65e", "#e80")


def bars(rows: Sequence[tuple[str, float]], unit: str, digits: int = 0) -> str:
    """Return a bar of blocks for each value, in the order given, as many as fit.

    >>> print(bars([("steady", 1200.0), ("dormant", 300.0)], "customers"))
    |  | customers |  |
    |---|---|---|
    | steady | 1,200 | ████████████ |
    | dormant | 300 | ███ |
    """
    largest = max((value for _, value in rows), default=0)
    cells = [[_cut(name), formats.decimal(value, digits), _blocks(value, largest)] for name, value in rows]
    return _that_fit(["", unit, ""], cells)


def bars_with_intervals(rows: Sequence[Bar], unit: str) -> str:
    """Return a bar of blocks for each value, with its 90 % interval in numbers, as many as fit.

    >>> print(bars_with_intervals([("orders", 0.2, 0.1, 0.3)], "gain").replace(_SPACE, " "))
    |  | gain | 90 % interval |  |
    |---|---|---|---|
    | orders | 0.200 | 0.100 to 0.300 | ████████████ |
    """
    largest = max((value for _, value, _, _ in rows), default=0)
    cells = [
        [
            _cut(name),
            formats.decimal(value),
            _SPACE.join([formats.decimal(low), "to", formats.decimal(high)]),
            _blocks(value, largest),
        ]
        for name, value, low, high in rows
    ]
    return _that_fit(["", unit, "90 % interval", ""], cells)


def gain(actual: Array, predicted: Array) -> str:
    """Return the share of all spend that the highest-ranked share of customers reaches: model, perfect ranking, random."""
    total = max(float(actual.sum()), 1e-9)
    places = np.linspace(0, len(actual), 11).astype(int)

    def reached(order: NDArray[np.int64]) -> Array:
        spent = np.zeros(len(actual) + 1)
        spent[1:] = np.cumsum(actual[order]) / total
        return np.asarray(spent[places], dtype=np.float64)

    model, perfect = (reached(np.argsort(-by, kind="stable")) for by in (predicted, actual))
    return _lines({"model": model, "perfect": perfect}, 1.0, "share of spend", "share of customers", has_diagonal=True)


def calibration(actual: Array, predicted: Array, currency: str) -> str:
    """Return mean predicted and actual spend by predicted decile, highest first."""
    deciles = np.array_split(np.argsort(-predicted, kind="stable"), 10)
    means = {
        name: np.array([values[d].mean() if len(d) else 0.0 for d in deciles])
        for name, values in (("predicted", predicted), ("actual", actual))
    }
    highest = max(float(max(values.max() for values in means.values())), 1e-9)
    return _lines(means, highest, f"to {formats.count(highest)} {currency}", "decile 1 to 10")


def _lines(lines: dict[str, Array], highest: float, y_label: str, x_label: str, *, has_diagonal: bool = False) -> str:
    """Return one line per name over evenly spaced places, from 0 to `highest`."""
    parts = [f"<path stroke='#888' d='M9 9V{_HEIGHT - 11}H{_WIDTH}'/>"]
    if has_diagonal:
        parts.append(f"<path stroke='#888' stroke-dasharray='2' d='M9 {_HEIGHT - 11}L{_WIDTH} 9'/>")
    for place, (colour, (name, values)) in enumerate(zip(_COLOURS, lines.items(), strict=True)):
        x = np.linspace(9, _WIDTH, len(values)).round().astype(int)
        y = (_HEIGHT - 11 - np.clip(values / highest, 0, 1) * (_HEIGHT - 20)).round().astype(int)
        points = " ".join(f"{a} {b}" for a, b in zip(x, y, strict=True))
        parts.append(f"<path stroke='{colour}' d='M{points}'/>")
        parts.append(_text(220, 60 + 14 * place, colour, name))
    parts += [_text(13, 9, "#888", y_label), _text(13, _HEIGHT - 1, "#888", x_label)]
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='{_HEIGHT}' fill='none' "
        f"font-family='sans-serif' font-size='10'>"
        f"{''.join(parts)}</svg>"
    )
    return f"![plot](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _text(x: int, y: int, colour: str, text: str) -> str:
    return f"<text x='{x}' y='{y}' fill='{colour}'>{text}</text>"


def _blocks(value: float, largest: float) -> str:
    return "█" * round(_BLOCKS * max(value, 0.0) / largest) if largest > 0 else ""


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _that_fit(header: list[str], cells: list[list[str]]) -> str:
    """Return the table with as many of the first rows as fit, and no more than a glance takes in."""
    lines = markdown.table(Table(header, cells[:_MOST_ROWS]))
    while len("\n".join(lines)) > LONGEST:
        lines.pop()
    return "\n".join(lines)
