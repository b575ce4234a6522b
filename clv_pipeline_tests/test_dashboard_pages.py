"""Pages of charts in the dashboard: their answers, figures that are the tables', what each control changes, empty tables."""

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

pytest.importorskip("streamlit", reason="the dashboard is an extra: `make test-extras` installs it")

import pyarrow as pa
from streamlit.testing.v1 import AppTest, element_tree

from clv_pipeline.core.home import Home
from clv_pipeline.dashboard import customer_parts
from clv_pipeline.dashboard.screens import all_pages
from clv_pipeline.reporting import formats

pytestmark = pytest.mark.extras
#: The pages of this file, each with its parts.
PAGES = {
    "exploration": ["Distributions", "Pairs", "Scatter", "Attributes", "RFM", "Best customers", "Deciles"],
    "cohorts": ["Heat map", "Same age", "By year", "Sales forecast", "Quality"],
    "channels": ["Value", "Payback", "Months"],
    "next_purchases": ["Suggestions", "Products of the best", "Quality", "Journey"],
    "movements": ["Bridge", "Value tiers", "Since last night", "Segments"],
    "were_we_right": ["Over time", "Where", "Models", "Certainty", "Drivers", "Improvements"],
    "data_quality": ["Reconciliation", "Freshness", "Lineage", "Dictionary"],
}
PARTS = [(page, part) for page, parts in PAGES.items() for part in parts]
#: Of a longer list of choices, so many are tried, from the first to the last.
_TRIED = 3


class Shown(str):
    """A choice as the reader sees it; AppTest would format it once more."""

    __slots__ = ()


@pytest.fixture(autouse=True)
def _choices_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    form = element_tree._format_value_for_widget
    monkeypatch.setattr(
        element_tree, "_format_value_for_widget", lambda f, v: str(v) if isinstance(v, Shown) else form(f, v)
    )


def _draw(name: str, home: str) -> None:
    """Draw one page of a home; Streamlit runs this function's text as a script of its own."""
    from pathlib import Path

    from clv_pipeline.core.home import Home
    from clv_pipeline.dashboard.screens import all_pages
    from clv_pipeline.dashboard.served import open_served

    with open_served(Home(Path(home))) as bundle:
        assert bundle is not None
        next(page for page in all_pages() if page.name == name).show(bundle)


def opened(home: Home, page: str, part: str | None = None, **choices: str) -> AppTest:
    """Return a page after the reader has chosen a part, then each of the choices, by the key of its control."""
    app = AppTest.from_function(_draw, args=(page, str(home.root)), default_timeout=60)
    if part:
        # as an address with the part in it opens the page
        app.query_params[f"{page}_part"] = part
    app.run()
    for key, choice in choices.items():
        app.selectbox(key=key).set_value(Shown(choice)).run()
    assert not app.exception, app.exception
    return app


def charts_of(app: AppTest) -> list[Any]:
    return [element.proto for element in app.get("vega_lite_chart")]


def data_of(chart: Any) -> pd.DataFrame:
    (data,) = chart.datasets
    frame: pd.DataFrame = pa.ipc.open_stream(io.BytesIO(data.data.data)).read_pandas()
    return frame


def asked(home: Home, query: str) -> list[Any]:
    with duckdb.connect(str(home.published / "clv.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def changed(home: Home, folder: Path, *statements: str) -> Home:
    """Return a home with a copy of the served bundle in which the statements were run."""
    copy = Home(folder / "home")
    copy.published.mkdir(parents=True, exist_ok=True)
    copy.scratch.mkdir(parents=True, exist_ok=True)
    served = copy.published / "clv.duckdb"
    shutil.copy(home.published / "clv.duckdb", served)
    served.chmod(0o644)
    with duckdb.connect(str(served)) as connection:
        for statement in statements:
            connection.execute(statement)
    return copy


@pytest.mark.parametrize("page", PAGES)
def test_a_page_begins_with_its_answer_and_offers_its_parts(demo_run: Home, page: str) -> None:
    app = opened(demo_run, page)
    assert app.title[0].value == next(p.title for p in all_pages() if p.name == page)
    assert re.match(r"[A-Z].*\. \*\*.*\d.*\*\*", app.markdown[0].value)
    assert app.segmented_control[0].options == PAGES[page]


@pytest.mark.parametrize(("page", "part"), PARTS)
def test_every_choice_draws_and_every_chart_says_in_words_what_it_shows(demo_run: Home, page: str, part: str) -> None:
    app = opened(demo_run, page, part)
    tables = {name for (name,) in asked(demo_run, "select table_name from information_schema.tables")}
    for _ in _each_choice(app):
        assert not app.exception, app.exception
        assert all(len(chart.alt) > 20 for chart in charts_of(app))
        titles = [text.value for text in app.markdown if text.value.startswith("#####")]
        sources = [re.findall(r"`(\w+)`", caption.value) for caption in app.caption if "From `" in caption.value]
        assert len(titles) >= len(charts_of(app)) <= len(sources)
        assert {name for names in sources for name in names} <= tables


def _each_choice(app: AppTest) -> Iterator[None]:
    """Make each choice of each control of a page, one after the other."""
    yield
    for key in [box.key for box in app.selectbox]:
        options = app.selectbox(key=key).options
        step = max(len(options) // _TRIED, 1)
        for choice in options[1::step]:
            if any(box.key == key for box in app.selectbox) and choice in app.selectbox(key=key).options:
                app.selectbox(key=key).set_value(Shown(choice)).run()
                yield
        if any(box.key == key for box in app.selectbox):
            app.selectbox(key=key).set_value(Shown(app.selectbox(key=key).options[0])).run()
    for toggle in app.toggle:
        toggle.set_value(not toggle.value).run()
        yield


@pytest.mark.parametrize(("page", "part"), [p for p in PARTS if p[1] not in ("Freshness", "Dictionary")])
def test_an_empty_table_says_why_and_what_to_do_instead_of_a_chart(emptied: Home, page: str, part: str) -> None:
    app = opened(emptied, page, part)
    assert charts_of(app) == []
    assert app.info, "nothing is said"
    for info in app.info:
        # a reason, then a next step
        assert len(re.split(r"(?<=[.:]) ", info.value)) >= 2 or ":" in info.value or "no optional source" in info.value


@pytest.fixture(scope="module")
def emptied(demo_run: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home whose bundle has the run and the dictionary, and nothing else."""
    names = [name for (name,) in asked(demo_run, "select table_name from information_schema.tables")]
    statements = [f"delete from {name}" for name in names if name not in ("clv_run", "column_dictionary")]
    return changed(demo_run, tmp_path_factory.mktemp("emptied"), *statements)


@pytest.mark.parametrize(
    ("statement", "page", "part", "said"),
    [
        ("delete from next_purchases; "
         "update next_purchase_quality set statement = 'There is one category.' where row_kind = 'status'",
         "next_purchases", "Suggestions", "There is one category"),
        ("update cohort_comparison set is_complete = false", "cohorts", "Same age", "No cohort is 90 days old yet"),
        ("update prediction_outcomes set is_closed = false, is_backtest = false, share_inside = null",
         "were_we_right", "Where", "No predicted window is over yet"),
        ("update prediction_outcomes set is_closed = false, is_backtest = false, share_inside = null",
         "were_we_right", "Over time", "No window of this length is over yet"),
        ("delete from model_quality where row_kind = 'model'", "were_we_right", "Models", "No model was tested at this horizon"),
        ("delete from forecast_quality where row_kind = 'all'", "cohorts", "Quality", "could not be tested on past dates"),
        ("update best_customer_profile set is_clear = false", "exploration", "Best customers", "No difference is clear"),
    ],
)  # fmt: skip
def test_figures_that_are_not_known_yet_are_explained(
    demo_run: Home, tmp_path: Path, statement: str, page: str, part: str, said: str
) -> None:
    app = opened(changed(demo_run, tmp_path, statement), page, part)
    assert any(said in info.value for info in app.info), [info.value for info in app.info]


def test_the_first_night_says_that_there_is_nothing_to_compare_with(demo_run: Home) -> None:
    app = opened(demo_run, "movements", "Since last night")
    assert ["this is the first" in info.value for info in app.info] == [True]


def test_channels_without_a_margin_or_a_cost_say_what_is_missing(demo_run: Home, tmp_path: Path) -> None:
    margins = [
        name for (name,) in asked(
            demo_run,
            "select column_name from column_dictionary where table_name = 'channel_cohorts' and column_name like '%margin%'",
        )
    ]  # fmt: skip
    home = changed(
        demo_run, tmp_path,
        f"update channel_cohorts set {', '.join(f'{name} = null' for name in margins)}",
        "update channel_value set verdict = 'no_margin', cost_basis = 'none', margin_12m = null, payback_months = null, "
        "ltv_to_cac = null",
    )  # fmt: skip
    for part in PAGES["channels"]:
        app = opened(home, "channels", part)
        said = " ".join(info.value for info in app.info)
        assert "margin of order lines is not known" in said and "marketing_spend.sql" in said
    assert not any("argin" in name for name in app.selectbox(key="channel_measure").options)


def test_texts_of_the_company_are_shown_as_they_are(demo_run: Home, tmp_path: Path) -> None:
    home = changed(demo_run, tmp_path, "update channel_value set acquisition_channel = '![x](http://a.example)'")
    texts = [text.value for text in opened(home, "channels").markdown]
    assert texts and not any("![x](" in text for text in texts)


def test_were_we_right_shows_the_totals_of_the_table(demo_run: Home) -> None:
    app = opened(demo_run, "were_we_right", "Over time")
    shown = data_of(charts_of(app)[0])
    expected = asked(
        demo_run,
        "select expected_spend::double, actual_spend::double from prediction_outcomes, clv_run where slice_kind = 'all' "
        "and horizon_days = primary_horizon_days order by prediction_outcomes.as_of_date, is_backtest",
    )
    assert list(shown[["expected_spend", "actual_spend"]].itertuples(index=False, name=None)) == expected
    ((inside, windows),) = asked(
        demo_run,
        "select count(*) filter (where is_inside), count(*) from prediction_outcomes, clv_run "
        "where slice_kind = 'all' and is_closed and horizon_days = primary_horizon_days",
    )
    assert f"in {inside} of {formats.counted(windows, 'tested window')}" in app.markdown[0].value


def test_the_groups_of_a_window_are_those_that_the_reader_chooses(demo_run: Home) -> None:
    by_decile = opened(demo_run, "were_we_right", "Where")
    by_tier = opened(demo_run, "were_we_right", "Where", outcome_slices="value tier")
    assert by_decile.dataframe[0].value["slice_name"].iloc[0] == "decile 1"
    assert by_tier.dataframe[0].value["slice_name"].tolist() == ["A", "B", "C", "D"]
    assert by_tier.dataframe[0].value["customers"].sum() == by_decile.dataframe[0].value["customers"].sum()


def test_models_are_compared_by_the_chosen_measure_best_first(demo_run: Home) -> None:
    app = opened(demo_run, "were_we_right", "Models", model_metric="Spearman")
    values = app.dataframe[0].value["value"].tolist()
    ((best,),) = asked(
        demo_run, "select max(value)::double from model_quality where row_kind = 'model' and metric = 'spearman'"
    )
    assert values == sorted(values, reverse=True) and values[0] == pytest.approx(best)


def test_forecast_cells_of_the_heat_map_are_apart_from_actual_ones_and_have_an_interval(demo_run: Home) -> None:
    app = opened(demo_run, "cohorts", "Heat map", cohort_span="all")
    cells = data_of(charts_of(app)[0])
    ((spent,),) = asked(demo_run, "select sum(spend_per_customer)::double from cohorts where cohort_kind = 'cohort'")
    assert cells["month_spend"].sum() == pytest.approx(spent)
    forecast = cells["kind"] == "forecast"
    assert forecast.any() and not forecast.all()
    assert cells["month_low"].notna().tolist() == forecast.tolist()


def test_the_measure_of_the_heat_map_is_the_one_chosen(demo_run: Home) -> None:
    app = opened(demo_run, "cohorts", "Heat map", cohort_measure="Share who bought in the month")
    cells = data_of(charts_of(app)[0])
    assert "active_share" in charts_of(app)[0].spec and set(cells["kind"]) == {"actual"}


def test_cohorts_are_compared_at_the_chosen_age(demo_run: Home) -> None:
    app = opened(demo_run, "cohorts", "Same age", cohort_age="30 days", cohort_at_age="Second purchase")
    expected = asked(
        demo_run,
        "select repeat_share::double from cohort_comparison where row_kind = 'cohort' and is_complete and age_days = 30 "
        "order by cohort_month_date",
    )
    assert app.dataframe[0].value["repeat_share"].tolist() == [share for (share,) in expected]


def test_the_sales_forecast_is_said_with_its_interval(demo_run: Home) -> None:
    app = opened(demo_run, "cohorts", "Sales forecast")
    ((total, low, high),) = asked(
        demo_run,
        "select cumulative_spend, cumulative_low, cumulative_high from revenue_forecast where row_kind = 'total' "
        "order by month_date desc limit 1",
    )
    assert f"**{formats.spoken_money(total, 'EUR')}** ({formats.spoken_range(low, high)})" in app.markdown[1].value


def test_a_histogram_has_every_customer(demo_run: Home) -> None:
    app = opened(demo_run, "exploration", "Distributions")
    ((customers,),) = asked(demo_run, "select customers from clv_run")
    assert data_of(charts_of(app)[0])["customers"].sum() == customers


@pytest.mark.parametrize(
    "attribute", ["segment", "country", "is in crm", "first order date", "recency days", "net spend to date"]
)
def test_customers_divided_by_any_attribute_are_all_of_them(demo_run: Home, attribute: str) -> None:
    ((customers,),) = asked(demo_run, "select customers from clv_run")
    app = opened(demo_run, "exploration", "Attributes", attribute=attribute)
    assert app.dataframe[0].value["customers"].sum() == customers


def test_two_attributes_are_stacked_and_their_mean_is_a_heat_map(demo_run: Home) -> None:
    ((spend,),) = asked(demo_run, "select predicted_spend_total::double from clv_run")
    stacked = opened(
        demo_run, "exploration", "Attributes", second_attribute="value tier", attribute_measure="Predicted spend"
    )
    assert stacked.dataframe[0].value["value"].sum() == pytest.approx(spend)
    assert '"type": "bar"' in charts_of(stacked)[0].spec
    mean = opened(
        demo_run,
        "exploration",
        "Attributes",
        second_attribute="value tier",
        attribute_measure="Predicted spend per customer",
    )
    assert '"type": "rect"' in charts_of(mean)[0].spec


def test_many_customers_are_a_grid_of_counts_instead_of_dots(demo_run: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    dots = data_of(charts_of(opened(demo_run, "exploration", "Scatter"))[0])
    monkeypatch.setattr(customer_parts, "_MOST_DOTS", 100)
    cells = data_of(charts_of(opened(demo_run, "exploration", "Scatter"))[0])
    assert cells["customers"].sum() == len(dots) > len(cells)
    assert ((cells["x1"] < cells["x2"]) & (cells["y1"] < cells["y2"])).all()
    for axis in ("x", "y"):
        assert cells[f"{axis}1"].min() == pytest.approx(dots[axis].min())
        assert cells[f"{axis}2"].max() == pytest.approx(dots[axis].max())


def test_the_bridge_goes_from_the_opening_to_the_closing_balance(demo_run: Home) -> None:
    bridge = data_of(charts_of(opened(demo_run, "movements", "Bridge"))[0])
    (opening, closing) = (row[0] for row in asked(
        demo_run,
        "select coalesce(spend_now, spend_before)::double from base_movements where row_kind = 'balance' order by position",
    ))  # fmt: skip
    steps = bridge.iloc[1:-1]
    assert bridge["end"].iloc[0] == opening and bridge["end"].iloc[-1] == closing
    assert steps["start"].tolist() == pytest.approx([opening, *steps["end"].tolist()[:-1]])
    assert steps["end"].iloc[-1] == pytest.approx(closing)


def test_causes_since_the_last_night_add_up_to_the_change(demo_run: Home, tmp_path: Path) -> None:
    home = changed(
        demo_run, tmp_path,
        "insert into score_change_summary "
        "(cause, row_kind, customers, main_cause_customers, change, previous_as_of_date, currency) values "
        "('time_passed', 'cause', 9, 9, -30.25, date '2024-01-01', 'EUR'), "
        "('new_orders', 'cause', 7, 7, 10.25, date '2024-01-01', 'EUR')",
    )  # fmt: skip
    app = opened(home, "movements", "Since last night")
    assert "**-20 EUR**" in app.markdown[1].value and "time passed, -30.25 EUR" in app.markdown[1].value
    assert data_of(charts_of(app)[0])["end"].tolist() == [-30.25, -20.0, -20.0]


def test_suggestions_are_counted_per_item(demo_run: Home) -> None:
    app = opened(demo_run, "next_purchases", "Suggestions")
    expected = asked(
        demo_run,
        "select item, count(*) as n from next_purchases where kind = 'again' group by item order by n desc, item",
    )
    shown = app.dataframe[0].value
    assert list(shown[["item", "suggestions"]].itertuples(index=False, name=None)) == expected


def test_every_source_row_is_accounted_for(demo_run: Home, tmp_path: Path) -> None:
    rows = opened(demo_run, "data_quality", "Reconciliation").dataframe[0].value
    assert "does not add up" not in set(rows["adds_up"])
    lost = changed(
        demo_run, tmp_path, "delete from data_quality where table_name = 'orders' and disposition = 'duplicate'"
    )
    app = opened(lost, "data_quality", "Reconciliation")
    assert "**The rows of orders do not add up.**" in app.markdown[0].value


def test_lineage_goes_back_to_the_columns_of_the_source(demo_run: Home) -> None:
    app = opened(demo_run, "data_quality", "Lineage", lineage_table="revenue_forecast", lineage_column="net_spend")
    tree = app.code[0].value.splitlines()
    assert tree[0].startswith("published.revenue_forecast.net_spend")
    ends = app.dataframe[0].value
    assert ("shop_order_line", "unit_price_cents") in set(ends.itertuples(index=False, name=None))
    assert f"derived from {formats.counted(len(ends), 'column')}" in app.markdown[2].value
    ((meaning,),) = asked(
        demo_run,
        "select description from column_dictionary where table_name = 'revenue_forecast' and column_name = 'net_spend'",
    )
    assert meaning.split(".")[0] in app.markdown[1].value.replace("\\", "")


def test_the_dictionary_finds_columns_by_words_of_their_meaning(demo_run: Home) -> None:
    app = opened(demo_run, "data_quality", "Dictionary")
    everything = len(app.dataframe[0].value)
    app.text_input[0].set_value("Repeat share interval").run()
    found = app.dataframe[0].value
    assert 0 < len(found) < everything and "repeat_share_low" in set(found["column_name"])
    app.text_input[0].set_value("no such words anywhere").run()
    assert not app.dataframe and "Use fewer" in app.info[0].value
