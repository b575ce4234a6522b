"""HTML pages from the templates in `templates/`: one environment, in which every value is text unless a macro says otherwise.

A page runs nothing and fetches nothing: styles are in the page, pictures are data URIs. The content of a page is prepared by
`bundle_report.py` and `backtest_report.py`.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from clv_pipeline.reporting.plots import data_uri

_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Picture:
    """A plot for a page; `text` is its description for readers who cannot see it."""

    png: bytes
    text: str

    @property
    def source(self) -> str:
        return data_uri(self.png)


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
