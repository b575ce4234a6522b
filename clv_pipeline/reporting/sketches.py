"""Plots in Markdown of under 1,000 characters: the Dagster UI shows those in the page, and longer Markdown after a click only.

The plots in full are `plots.py`. Each function here returns as many rows or points as fit.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from clv_pipeline.reporting import formats, markdown
from clv_pipeline.reporting.tables import Table

#: Name, value and, where known, the ends of its interval.
Bar = tuple[str, float, float, float]
#: The UI's limit is 1,000 characters.
LONGEST = 999
_MOST_ROWS = 8
_BLOCKS = 12
_LONGEST_NAME = 40
#: Keeps an interval in one line.
_SPACE = "\N{NO-BREAK SPACE}"
_WIDTH, _HEIGHT, _MARGIN = 300, 130, 10
#: Steps of a gain curve: more do not fit.
_STEPS = 10
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


def gain(reached: Sequence[float], perfect: Sequence[float]) -> str:
    """Return the share of all spend that the highest-ranked share of customers reaches: model, perfect order, random order.

    Both are shares at equal steps from no customer to all of them (`plots.gains`).
    """
    lines = {
        name: shares[:: max((len(shares) - 1) // _STEPS, 1)]
        for name, shares in (("model", reached), ("perfect", perfect))
    }
    return _lines(lines, 1.0, "share of spend", "share of customers", has_diagonal=True)


def calibration(predicted: Sequence[float], actual: Sequence[float], currency: str) -> str:
    """Return mean predicted and actual spend by predicted decile, highest first (`plots.means_by_decile`)."""
    highest = max(*predicted, *actual, 1e-9)
    return _lines(
        {"predicted": predicted, "actual": actual}, highest, f"to {formats.count(highest)} {currency}", "decile 1 to 10"
    )


def _lines(
    lines: Mapping[str, Sequence[float]], highest: float, y_label: str, x_label: str, *, has_diagonal: bool = False
) -> str:
    """Return one line per name over evenly spaced places, from 0 to `highest`."""
    bottom = _HEIGHT - _MARGIN
    parts = [f"<path stroke='#888' d='M{_MARGIN} {_MARGIN}V{bottom}H{_WIDTH}'/>"]
    if has_diagonal:
        parts.append(f"<path stroke='#888' stroke-dasharray='2' d='M{_MARGIN} {bottom}L{_WIDTH} {_MARGIN}'/>")
    for place, (colour, (name, values)) in enumerate(zip(_COLOURS, lines.items(), strict=True)):
        x = np.linspace(_MARGIN, _WIDTH, len(values)).round().astype(int)
        y = (bottom - np.clip(np.array(values) / highest, 0, 1) * (bottom - _MARGIN)).round().astype(int)
        points = " ".join(f"{a} {b}" for a, b in zip(x, y, strict=True))
        parts.append(f"<path stroke='{colour}' d='M{points}'/>")
        parts.append(_text(220, 60 + 14 * place, colour, name))
    parts += [_text(_MARGIN + 4, _MARGIN, "#888", y_label), _text(_MARGIN + 4, _HEIGHT - 1, "#888", x_label)]
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='{_HEIGHT}' fill='none' "
        f"font-family='sans-serif' font-size='10'>{''.join(parts)}</svg>"
    )
    return markdown.picture(svg.encode(), kind="svg+xml")


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
