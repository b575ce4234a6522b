"""Ways from one page to another, by the name of the page's file; parameters are in the address, so that a view can be shared."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

_PAGES = "pages of this run"


def remember(pages: Mapping[str, Any]) -> None:
    """Keep this run's pages: Streamlit knows a page by its object."""
    st.session_state[_PAGES] = dict(pages)


def open_page(name: str, **parameters: str) -> None:
    """End this run of the page and show another."""
    st.switch_page(st.session_state[_PAGES][name], query_params=parameters)


def link(name: str, label: str, **parameters: str) -> None:
    """Draw a link to another page."""
    st.page_link(st.session_state[_PAGES][name], label=label, query_params=parameters)
