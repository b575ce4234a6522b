"""Figures of matplotlib as pictures: SVG for pages, PNG for the Dagster UI. What is plotted is in `plots.py`.

In an SVG the colours are the variables of `templates/style.css`, so that one picture is right on light and dark screens and
on paper, and text is text. Matplotlib takes half a second to import, so it is imported when something is drawn: most commands
draw nothing.
"""

from __future__ import annotations

import base64
import html
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, ACCENT, QUIET, GOOD, BAD = "#1f2933", "#2563eb", "#8794a3", "#15803d", "#b91c1c"
_VARIABLES = {INK: "--ink", ACCENT: "--accent", QUIET: "--line-strong", GOOD: "--good", BAD: "--bad"}
#: Wide enough for a name and a number next to each other, narrow enough to be read at 400 pixels.
WIDTH = 4.8
FONT_SIZE = 11


def data_uri(picture: bytes, kind: str = "png") -> str:
    """Return a picture as a data URI with its bytes, for pages that fetch nothing.

    >>> data_uri(b"png")
    'data:image/png;base64,cG5n'
    """
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def canvas(x_label: str = "", y_label: str = "", *, height: float = 3.2) -> tuple[Figure, Axes]:
    """Return an empty figure with one pair of axes, in inches; its title belongs to the page."""
    figure = empty_figure(height)
    axes = figure.subplots()
    style(axes)
    axes.set_xlabel(x_label, color=INK, fontsize=FONT_SIZE, parse_math=False)
    axes.set_ylabel(y_label, color=INK, fontsize=FONT_SIZE, parse_math=False)
    return figure, axes


def empty_figure(height: float) -> Figure:
    """Return a figure without axes, `height` inches high."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.use("Agg")
    return Figure(figsize=(WIDTH, height), layout="constrained")


def style(axes: Axes) -> None:
    """Give axes our ink and no frame above and on the right."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(QUIET)
    axes.tick_params(color=QUIET, labelcolor=INK, labelsize=FONT_SIZE - 1)


def to_png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    _lay_out(figure)
    buffer = io.BytesIO()
    # no creation date and no software name, so that the same data gives the same bytes
    figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return buffer.getvalue()


def to_svg(figure: Figure, text: str) -> str:
    """Return a figure as the <svg> element of a page; `text` describes it to readers who cannot see it.

    The ids in it depend on the text, so that two pictures of a page have none in common.
    """
    import matplotlib

    _lay_out(figure)
    for patch in (figure.patch, *(axes.patch for axes in figure.axes)):
        patch.set_visible(False)
    buffer = io.StringIO()
    nameless = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": text}):
        figure.savefig(buffer, format="svg", metadata=nameless)
    drawn = buffer.getvalue()
    return _for_a_page(drawn[drawn.index("<svg") :], text)


def _lay_out(figure: Figure) -> None:
    # lay out once: otherwise matplotlib lays out again while it draws, which is half the cost of a picture
    layout = figure.get_layout_engine()
    assert layout is not None
    layout.execute(figure)
    figure.set_layout_engine("none")


def _for_a_page(svg: str, text: str) -> str:
    """Return an <svg> without what a page has no use for: its own size, fonts, colours, digits and ids that nothing names."""
    size = re.search(r'viewBox="[^"]+"', svg)
    assert size is not None
    inner = svg[svg.index(">") + 1 :]
    inner = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", inner, flags=re.DOTALL)
    inner = re.sub(r"(font: (?:\w+ )*[\d.]+px )[^;\"]+", r"\1var(--font)", inner)
    inner = re.sub("|".join(_VARIABLES), lambda found: f"var({_VARIABLES[found[0]]})", inner)
    inner = inner.replace("xlink:href", "href")
    # in tags only: texts have the digits that they were given
    inner = re.sub(r"<[^>]*>", lambda tag: re.sub(r"\d+\.\d{3,}", _shorter, tag[0]), inner)
    named = set(re.findall(r"#([\w-]+)", inner))
    inner = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in named else "", inner)
    inner = re.sub(r"\s*\n\s*", "\n", inner)
    return f'<svg role="img" aria-label="{html.escape(text)}" {size[0]}>{inner.strip()}'


def _shorter(number: re.Match[str]) -> str:
    return str(round(float(number[0]), 2))
