"""Overview: what a head of marketing asks first."""

import streamlit as st

from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats

TITLE = "Overview"
POSITION = 10


def show(bundle: ServedBundle) -> None:
    """Draw the total of the next days."""
    run = bundle.run
    st.title(TITLE)
    st.metric(
        f"Predicted spend in the next {bundle.days} days",
        formats.money(run["predicted_spend_total"], bundle.currency, digits=0),
    )
