"""What `streamlit run` serves: the dashboard, answered under its own address only."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from clv_pipeline.core.own_origin import OwnOriginOnly

app = st.App(Path(__file__).with_name("app.py"), middleware=[Middleware(OwnOriginOnly)])
