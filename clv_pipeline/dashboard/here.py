"""The settings of this dashboard's process, read once, and commands as a reader here can paste them."""

import streamlit as st

from clv_pipeline.core.commands import pasteable
from clv_pipeline.core.home_state import place_of
from clv_pipeline.core.settings import Settings, load_settings


@st.cache_resource
def settings_here() -> Settings:
    """Return the settings that `clv dashboard` was started with."""
    return load_settings()


def with_commands(text: str) -> str:
    """Return `text` with each `clv` command as it is called here, with the source and the home of this dashboard."""
    return pasteable(text, place_of(settings_here()))
