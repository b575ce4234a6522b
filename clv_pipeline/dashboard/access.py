"""The password of the dashboard, where the environment sets one: CLV_DASHBOARD_PASSWORD."""

import hmac
import time

import streamlit as st
from pydantic import SecretStr

_PAUSE_SECONDS = 1.0


def ask(password: SecretStr | None) -> bool:
    """Return whether this reader may see the pages; otherwise draw the question for the password."""
    if password is None or st.session_state.get("may_read"):
        return True
    st.title("Customer lifetime value")
    with st.form("access"):
        given = st.text_input("Password", type="password")
        if st.form_submit_button("Open") and given:
            if hmac.compare_digest(given.encode(), password.get_secret_value().encode()):
                st.session_state["may_read"] = True
                st.rerun()
            # slows down guessing, for this reader only
            time.sleep(_PAUSE_SECONDS)
            st.error("This is not the password.")
    return False
