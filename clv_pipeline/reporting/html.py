"""HTML pages from the templates in `templates/`: one environment, in which every value is text unless a macro says otherwise.

A page runs nothing and fetches nothing: its styles and its pictures are in it. The content of a page is prepared by
`bundle_report.py` with `sections/`, and by `backtest_report.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from clv_pipeline.reporting.drawing import to_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Picture:
    """A plot for a page: its title, its <svg> element, the text for readers who cannot see it, and the tables it is from."""

    title: str
    svg: str
    text: str
    tables: tuple[str, ...] = ()


def drawn(title: str, text: str, plot: Callable[..., Figure], *data: Any, tables: tuple[str, ...] = ()) -> Picture:
    """Return a plot of the data as a picture; `text` says what is to be seen, with a figure or two."""
    return Picture(title, to_svg(plot(*data), f"{title}. {text}"), text, tables)


def render(template: str, **values: object) -> str:
    """Return a page; a name that the template uses and `values` lacks is an error, and markup in values stays text."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
