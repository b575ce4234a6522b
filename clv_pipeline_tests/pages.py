"""Reading an HTML page as a browser would, and what must hold of every page we write. No test is here."""

import re
from html.parser import HTMLParser


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags_of(page: str) -> list[tuple[str, dict[str, str | None]]]:
    """Return each tag of a page with its attributes."""
    parser = _Tags()
    parser.feed(page)
    return parser.found


def assert_inert(page: str) -> None:
    """Assert that a page runs nothing and fetches nothing, whatever names stand in it."""
    for tag, attributes in tags_of(page):
        assert tag not in ("script", "iframe", "object", "embed", "link", "base", "form"), (tag, attributes)
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, attributes)
            if name in ("src", "href", "srcset", "action"):
                assert (value or "").startswith(("data:image/png;base64,", "#")), (tag, name, value)
    # a clip path of a drawing has the address of a shape in the same page
    assert not re.search(r"@import|url\((?!['\"]?(?:data:|#))", page)
