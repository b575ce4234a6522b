"""The pages of the dashboard, one file each. A new file is a new page; nothing else has to name it.

A page has `TITLE`, `POSITION` (its place in the menu) and `show(bundle)`. What several pages draw is in the folder above.
The folder is not called `pages`: Streamlit shows what is in such a folder in a menu of its own, without asking for a password.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from clv_pipeline.dashboard.served import ServedBundle


@dataclass(frozen=True)
class Page:
    """A page of the menu; `name` is its file's, and its address."""

    name: str
    title: str
    position: int
    show: Callable[[ServedBundle], None]


def all_pages() -> list[Page]:
    """Return the pages in the order of the menu."""
    modules = {name: import_module(f"{__name__}.{name}") for _, name, _ in pkgutil.iter_modules(__path__)}
    pages = [Page(name, m.TITLE, m.POSITION, m.show) for name, m in modules.items()]
    return sorted(pages, key=lambda page: page.position)
