"""Pages of customers in the dashboard: overview, explorer and customer, on the bundle of a finished demo run."""

import csv
import gzip
import io
import os
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

pytest.importorskip("streamlit", reason="the dashboard is an extra: `make test-extras` installs it")

from streamlit.testing.v1 import AppTest

from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import PROJECT
from clv_pipeline.dashboard import export
from clv_pipeline.dashboard.selection import Selection, grid_of
from clv_pipeline.dashboard.served import open_served
from clv_pipeline.reporting import answers

pytestmark = pytest.mark.extras
APP = PROJECT / "clv_pipeline" / "dashboard" / "app.py"


@pytest.fixture
def opened(demo_run: Home, monkeypatch: pytest.MonkeyPatch) -> "Opened":
    return Opened(demo_run, monkeypatch)


class Opened:
    """Pages of one home, and the figures of its bundle to compare them with."""

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self._monkeypatch = monkeypatch

    def page(self, name: str, **query: str) -> AppTest:
        import streamlit as st

        self._monkeypatch.setenv("CLV_HOME", str(self.home.root))
        st.cache_resource.clear()
        app = AppTest.from_file(str(APP), default_timeout=60).switch_page(f"screens/{name}.py")
        app.query_params.update(query)
        app.run()
        assert not app.exception, app.exception
        return app

    def one(self, query: str) -> Any:
        """Return the only row of a query on the bundle; its value if there is one column."""
        with duckdb.connect(str(self.home.published / "clv.duckdb"), read_only=True) as connection:
            (row,) = connection.execute(query).fetchall()
        return row[0] if len(row) == 1 else row

    def change(self, folder: Path, statement: str) -> "Opened":
        """Return a home with a copy of the bundle in which a statement was run."""
        changed = Home(folder)
        shutil.copyfile(self.home.published / "clv.duckdb", changed.published / "clv.duckdb")
        with duckdb.connect(str(changed.published / "clv.duckdb")) as connection:
            connection.execute(statement)
        return Opened(changed, self._monkeypatch)


def _figures(app: AppTest) -> dict[str, str]:
    return {figure.label: figure.value for figure in app.metric}


def test_the_overview_shows_the_five_answers_and_the_total(opened: Opened) -> None:
    app = opened.page("overview")
    with open_served(opened.home) as bundle:
        assert bundle
        questions = [answer.question for answer in answers.of_bundle(bundle.connection)]
    headings = [heading.value for heading in app.subheader]
    assert len(questions) == 5 and headings[:5] == questions
    total = opened.one("select predicted_spend_total from clv_run")
    assert f"{total:,.0f} EUR" in _figures(app).values()


def test_the_overview_warns_of_old_data_and_of_checks_that_somebody_acknowledged(
    opened: Opened, tmp_path: Path
) -> None:
    old = opened.change(tmp_path, "update clv_run set is_stale = true, acknowledged_checks = 'volume of orders'")
    warnings = [warning.value for warning in old.page("overview").warning]
    assert any(warning.startswith("The data are old") for warning in warnings)
    assert any("volume of orders" in warning for warning in warnings)
    assert not any(warning.value.startswith("The data are old") for warning in opened.page("overview").warning)


def test_the_explorer_begins_with_everybody(opened: Opened) -> None:
    customers, total = opened.one("select customers, predicted_spend_total from clv_run")
    shown = _figures(opened.page("explorer"))
    assert shown["Customers"] == f"{customers:,}"
    assert shown["Predicted spend, EUR"] == f"{total:,.0f}"


def test_filters_are_in_the_address_and_choose_customers(opened: Opened) -> None:
    app = opened.page(
        "explorer", segment="high value", purchase_probability_90d_from="60", size="5", by="predicted spend (90 days)"
    )
    customers = opened.one(
        "select count(*) from customer_clv where segment = 'high_value' and purchase_probability_90d >= 0.6"
    )
    assert _figures(app)["Customers"] == f"{customers:,}"
    listed = app.dataframe[-1].value
    assert list(listed["predicted_spend_90d"]) == sorted(listed["predicted_spend_90d"], reverse=True)
    assert len(listed) == 5
    assert "Export all 5 as CSV" in [button.label for button in app.get("download_button")]


def test_nobody_in_the_selection_is_said(opened: Opened) -> None:
    app = opened.page("explorer", predicted_spend_90d_from="1000000000")
    assert [info.value for info in app.info] == ["No customer is in this selection. Remove a filter."]


def test_the_density_has_every_customer_and_a_rectangle_those_inside(demo_run: Home) -> None:
    with open_served(demo_run) as bundle:
        assert bundle
        grid = grid_of(bundle)
        query, parameters = grid.cells(bundle, Selection())
        cells = bundle.frame(query, **parameters)
        everybody = int(bundle.run["customers"])
        assert cells["customers"].sum() == everybody
        assert cells["probability_end"].max() <= 1 and cells["spend"].min() >= grid.lowest * 0.999

        def inside(spends: list[float], probabilities: list[float]) -> int:
            chosen = grid.brushed(bundle, Selection(), spends, probabilities)
            counted = bundle.frame(f"select count(*) as n from customer_clv where {chosen.where}", **chosen.parameters)
            return int(counted["n"].iloc[0])

        # the edges of the chart are open: what is drawn at the edge is inside
        assert inside([grid.lowest, grid.highest], [0, 1]) == everybody
        expected = bundle.frame(
            "select count(*) as n from customer_clv where predicted_spend_90d between 20 and 200 "
            "and purchase_probability_90d between 0.2 and 0.5"
        )
        # a rectangle may be drawn from any corner
        assert inside([200, 20], [0.5, 0.2]) == int(expected["n"].iloc[0]) > 0


def test_a_null_can_be_chosen_as_unknown(demo_run: Home) -> None:
    with open_served(demo_run) as bundle:
        assert bundle
        chosen = Selection().choice("country", [""])
        found = bundle.frame(f"select country from customer_clv where {chosen.where}", **chosen.parameters)
        known = bundle.frame("select count(country) as n from customer_clv")
        assert found["country"].isna().all()
        assert len(found) + int(known["n"].iloc[0]) == int(bundle.run["customers"])


def test_the_export_has_all_of_the_selection_the_best_first_with_what_to_do(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Selection().choice("segment", ["high_value"])
    made = export.list_as_csv(opened.home, chosen, "historic_value", 10_000, compressed=False)
    rows = list(csv.DictReader(io.StringIO(made.decode())))
    assert len(rows) == opened.one("select count(*) from customer_clv where segment = 'high_value'")
    values = [float(row["historic_value"]) for row in rows]
    assert values == sorted(values, reverse=True)
    assert {"customer_id", "reason_1", "action", "next_again", "run_id"} <= rows[0].keys()
    assert all(row["action"].startswith("keep") for row in rows)
    # written in parts, compressed or not, it is the same
    monkeypatch.setattr(export, "_ROWS_AT_ONCE", 7)
    assert gzip.decompress(export.list_as_csv(opened.home, chosen, "historic_value", 10_000, compressed=True)) == made
    assert not list(opened.home.scratch.glob("dashboard-*"))


def test_a_customer_is_found_by_number(opened: Opened) -> None:
    number, spend, value = opened.one(
        "select customer_id, predicted_spend_90d, historic_value from customer_clv order by predicted_spend_90d desc limit 1"
    )
    app = opened.page("customer", customer_id=number)
    assert [header.value for header in app.header] == [number]
    figures = _figures(app)
    assert figures["Predicted spend, 90 days"] == f"{spend:,.2f} EUR"
    assert figures["Net spend to date"] == f"{value:,.2f} EUR"
    assert [heading.value for heading in app.subheader] == [
        "Why this prediction", "Orders and scores", "Why it changed", "Next purchases",
    ]  # fmt: skip
    orders = opened.one(f"select sum(net_spend) from customer_orders where customer_id = '{number}'")
    assert orders == value


def test_a_customer_is_found_by_the_beginning_of_the_number(opened: Opened) -> None:
    number = opened.one("select max(customer_id) from customer_clv")
    beginning = number[:-1]
    app = opened.page("customer", customer_id=beginning)
    assert number in list(app.dataframe[0].value["customer_id"])
    assert all(found.startswith(beginning) for found in app.dataframe[0].value["customer_id"])


@pytest.mark.parametrize("number", ["no such customer", "' or true --", "![x](http://a.example/x.png)"])
def test_an_unknown_number_is_answered_politely_and_as_it_was_typed(opened: Opened, number: str) -> None:
    (info,) = opened.page("customer", customer_id=number).info
    assert "is not in this bundle: the number is unknown, the customer asked to be erased" in info.value
    assert "![" not in info.value


def test_numbers_follow_the_setting(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLV_NUMBER_FORMAT", "1.234,5")
    customers = opened.one("select customers from clv_run")
    assert _figures(opened.page("explorer"))["Customers"] == f"{customers:,}".replace(",", ".")


def test_a_run_of_a_page_sees_one_night_and_the_next_run_the_new_one(opened: Opened, tmp_path: Path) -> None:
    tonight, tomorrow = tmp_path / "tonight", tmp_path / "tomorrow"
    home = opened.change(tonight, "update clv_run set run_id = 'tonight'").home
    later = opened.change(tomorrow, "update clv_run set run_id = 'tomorrow'").home
    ask = "select run_id from clv_run"
    with open_served(home) as first:
        assert first
        assert first.frame(ask)["run_id"].iloc[0] == "tonight"
        os.replace(later.published / "clv.duckdb", home.published / "clv.duckdb")
        # a page that begins now has the new night, although one of the old night is still being drawn
        with open_served(home) as second:
            assert second
            assert second.frame(ask)["run_id"].iloc[0] == second.run["run_id"] == "tomorrow"
        assert first.frame("select max(run_id) as run_id from clv_run")["run_id"].iloc[0] == "tonight"
