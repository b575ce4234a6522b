"""The dashboard: pages are found by themselves, show the served night, and need the password where one is set."""

from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="the dashboard is an extra: `make test-extras` installs it")

from streamlit.testing.v1 import AppTest

from clv_pipeline.core.project_files import PROJECT
from clv_pipeline.dashboard.screens import all_pages
from clv_pipeline_tests.old_homes import unpack

pytestmark = pytest.mark.extras
APP = PROJECT / "clv_pipeline" / "dashboard" / "app.py"


def test_before_the_first_night_the_dashboard_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = _app(tmp_path, monkeypatch)
    assert [info.value for info in app.info] == [
        f"Nothing is published in {tmp_path} yet. `clv run --home {tmp_path}` publishes the first night."
    ]


def test_a_bundle_of_an_older_release_is_named_with_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _app(unpack("303414b", tmp_path).root, monkeypatch)
    assert [info.value for info in app.info] == [
        f"An older release published this bundle. `clv run --home {tmp_path}` publishes one that the dashboard can show."
    ]
    assert not app.exception


def test_a_password_keeps_every_page_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLV_DASHBOARD_PASSWORD", "open sesame")
    app = _app(tmp_path, monkeypatch)
    assert not app.info and not app.sidebar.caption
    app.text_input[0].set_value("guess")
    app.button[0].click().run()
    assert [error.value for error in app.error] == ["This is not the password."]
    app.text_input[0].set_value("open sesame")
    app.button[0].click().run()
    assert app.info and not app.error


def test_pages_are_in_the_order_of_their_positions() -> None:
    positions = [page.position for page in all_pages()]
    assert positions == sorted(set(positions))


def _app(home: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    import streamlit as st

    monkeypatch.setenv("CLV_HOME", str(home))
    st.cache_resource.clear()
    return AppTest.from_file(str(APP), default_timeout=30).run()
