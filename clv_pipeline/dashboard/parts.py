"""Shared by the pages: parts to choose from, a chart with its title and its tables, and why a table is empty."""

from collections.abc import Callable, Mapping
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts
from clv_pipeline.dashboard.escaping import plain
from clv_pipeline.dashboard.here import with_commands
from clv_pipeline.dashboard.served import ServedBundle

Part = Callable[[ServedBundle], None]
_TWO_NIGHTS = "It compares two published nights, and this is the first. The next night fills it: `clv run` tomorrow."
_MORE_HISTORY = "Load a longer history: the SELECT orders.sql should return every order there is."
#: From so many characters on, a name has a line of the legend to itself.
_LONG_NAME = 18
#: Room for a name next to its dot; on a phone it is half of the width, and the tooltip has the whole name.
_NAME_PIXELS = 200
#: Kinds that have one colour on every page.
_COLOURS = {
    "clear difference": charts.ACCENT,
    "may be chance": charts.QUIET,
    "in use": charts.ACCENT,
    "learned": charts.ACCENT,
    "other model": charts.SERIES[1],
    "other method": charts.SERIES[1],
    "fixed rule": charts.QUIET,
    "baseline": charts.QUIET,
    "predictions": charts.ACCENT,
    "fixed rule: the same spend again": charts.QUIET,
}
#: Table -> why it has no rows, and the next step.
_WHY_EMPTY = {
    "prediction_outcomes": "No prediction could be compared with what came: no predicted window is over yet, and the "
    "history is too "
    "short to test the models on past ones. " + _MORE_HISTORY,
    "model_quality": "No model was tested, because there are too few buyers or the order history is too short. "
    + _MORE_HISTORY,
    "permutation_importance": "Nobody has measured what the predictions rest on, because no model was fitted and tested. "
    + _MORE_HISTORY,
    "partial_dependence": "No model was fitted, so there are no curves of what changes a prediction. " + _MORE_HISTORY,
    "source_ablation": "No source was left out for comparison: orders are the only source, or no model was fitted. "
    "Connect another "
    "source, such as web visits; `clv init` writes a commented SELECT for each.",
    "feature_importance": "No model with features was fitted, so nothing contributes to a prediction. " + _MORE_HISTORY,
    "forecast_improvements": "Nothing is known that would improve the forecasts, and no optional source is connected.",
    "cohorts": "Nobody has bought yet, so there are no cohorts. Check that orders.sql returns accepted orders (page "
    "Data quality).",
    "cohort_comparison": "No cohort exists yet that could be compared at the same age. " + _MORE_HISTORY,
    "base_layers": "Nobody has bought yet, so there is no spend to divide by year. Check orders.sql (page Data quality).",
    "revenue_forecast": "There is no forecast of net sales, because there are no sales to carry on. Check orders.sql.",
    "forecast_quality": "The forecast could not be tested on past dates. " + _MORE_HISTORY,
    "feature_distributions": "No feature has a value: there are no customers. Check orders.sql (page Data quality).",
    "feature_pairs": "There are no customers to compare in pairs. Check orders.sql (page Data quality).",
    "customer_clv": "There are no customers. Check that orders.sql returns a customer_id (page Data quality), and that "
    "customers who "
    "may be profiled exist.",
    "rfm_scores": "There are no customers to score by recency, frequency and money. Check orders.sql (page Data quality).",
    "best_customer_profile": "Too few customers have bought to say what the best have in common: a value needs 20 customers. "
    + _MORE_HISTORY,
    "base_deciles": "Nobody has bought yet, so there are no deciles. Check orders.sql (page Data quality).",
    "channel_value": "Nobody has bought yet, so no channel has brought a buyer. Return acquisition_channel in customers.sql.",
    "channel_cohorts": "Nobody has bought yet, so no channel has a month of new buyers. Return acquisition_channel in "
    "customers.sql.",
    "product_value": "The source names no products, or none has 20 customers. Return product_category (or product_id) "
    "in orders.sql.",
    "next_purchases": "There are no lists of what customers may buy next. They need a category or a product in each "
    "order line, and at "
    "least two of them: return product_category in orders.sql.",
    "next_purchase_quality": "Nothing was suggested, so no list was tested. Return product_category in orders.sql.",
    "journey": "Nobody has bought yet, so there are no steps from one order to the next. Check orders.sql (page Data quality).",
    "base_movements": "There are no two periods to compare yet. " + _MORE_HISTORY,
    "tier_transitions": "There are no two periods to compare yet. " + _MORE_HISTORY,
    "customer_clv_changes": _TWO_NIGHTS,
    "score_change_summary": _TWO_NIGHTS,
    "score_changes": _TWO_NIGHTS,
    "customer_clv_history": "No night is in the history yet. The next night fills it: `clv run` tomorrow.",
    "data_quality": "No source row was counted. Run the pipeline again: `clv run`.",
    "column_lineage": "This bundle has no lineage, because an older release published it. Run the pipeline again: `clv run`.",
    "column_dictionary": "This bundle has no dictionary, because an older release published it. Run the pipeline "
    "again: `clv run`.",
}


def choose(page: str, parts: Mapping[str, Part], bundle: ServedBundle) -> None:
    """Draw the part of a page that the reader has chosen, the first one to begin with; only that part asks the bundle."""
    names = list(parts)
    chosen = st.segmented_control(
        "Part of this page",
        names,
        default=names[0],
        required=True,
        key=f"{page}_part",
        label_visibility="collapsed",
        bind="query-params",
    )
    # Streamlit writes the chosen part in the primary colour, whose contrast with a dark page is 3.2; its border is enough
    st.html(f"<style>.st-key-{page}_part [aria-checked='true'] {{color: inherit !important}}</style>")
    parts[chosen or names[0]](bundle)


def draw(title: str, chart: alt.TopLevelMixin, text: str, *tables: str, note: str = "") -> None:
    """Draw a chart below its title; the caption has a note for the reader and names the tables that the figures are from."""
    # titles and notes may name a channel or a category of the company
    st.markdown(f"##### {plain(title)}")
    charts.show(chart, text)
    names = ", ".join(f"`{table}`" for table in tables)
    st.caption(f"{plain(note)} From {names}.".strip())


def is_empty(bundle: ServedBundle, table: str) -> bool:
    """Return whether a table has no rows; then say why, and what to do."""
    if bundle.has(table):
        return False
    st.info(with_commands(_WHY_EMPTY[table]))
    return True


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as dictionaries in which a missing value is None, whatever pandas has for it."""
    known = frame.astype(object).where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in known.to_dict("records")]


def intervals(
    frame: pd.DataFrame, name: str, value: str, low: str, high: str, title: str, *, series: str | None = None,
    form: str = charts.WHOLE, zero: bool = False, domain: tuple[float, float] | None = None,
) -> alt.LayerChart:  # fmt: skip
    """Return a dot with its interval for each name, in the frame's order, coloured by `series`; `zero` draws a line at 0.

    The axis is as long as the values need, or as `domain` says.
    """
    axis = alt.Axis(format=charts.axis_form(form), tickCount=5)
    tooltip = [alt.Tooltip(f"{name}:N", title="name"), alt.Tooltip(f"{value}:Q", title=title, format=form)]
    tooltip += [
        alt.Tooltip(f"{end}:Q", title=word, format=form) for end, word in ((low, "lower end"), (high, "upper end"))
    ]
    tooltip += [alt.Tooltip(f"{series}:N", title="kind")] if series else []
    colour = alt.Color(f"{series}:N", title=None, **_legend(frame, series)) if series else alt.value(charts.ACCENT)
    base = alt.Chart(frame, height=_height(frame, name, series)).encode(
        y=alt.Y(f"{name}:N", sort=None, title=None, axis=alt.Axis(labelLimit=_NAME_PIXELS)),
        color=colour,
        tooltip=tooltip,
    )
    scale = alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=False)
    layers = [
        base.mark_rule(strokeWidth=2).encode(x=alt.X(f"{low}:Q", title=title, axis=axis, scale=scale), x2=f"{high}:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x=alt.X(f"{value}:Q", title=title, axis=axis, scale=scale)
        ),
    ]
    if zero:
        layers.insert(0, alt.Chart().mark_rule(color=charts.QUIET, strokeDash=[4, 4]).encode(x=alt.datum(0)))
    return alt.layer(*layers)


def dots(frame: pd.DataFrame, name: str, value: str, series: str, title: str, *, form: str = charts.SCORE) -> alt.Chart:
    """Return one dot for each name and `series`, such as predicted and actual, in the frame's order."""
    axis = alt.Axis(format=charts.axis_form(form), tickCount=5)
    return (
        alt.Chart(frame, height=_height(frame, name, series))
        .mark_point(filled=True, size=80, opacity=1)
        .encode(
            y=alt.Y(f"{name}:N", sort=None, title=None, axis=alt.Axis(labelLimit=_NAME_PIXELS)),
            x=alt.X(f"{value}:Q", title=title, axis=axis, scale=alt.Scale(zero=False)),
            color=alt.Color(f"{series}:N", title=None, **_legend(frame, series)),
            tooltip=[
                alt.Tooltip(f"{name}:N", title="name"),
                alt.Tooltip(f"{series}:N", title="kind"),
                alt.Tooltip(f"{value}:Q", title=title, format=form),
            ],
        )
    )


def _legend(frame: pd.DataFrame, series: str) -> dict[str, Any]:
    names = list(dict.fromkeys(frame[series]))
    return {
        "scale": alt.Scale(
            domain=names,
            range=[_COLOURS.get(name, charts.SERIES[i % len(charts.SERIES)]) for i, name in enumerate(names)],
        ),
        "legend": alt.Legend(orient="bottom", columns=_legend_columns(names), labelLimit=280),
    }


def _legend_columns(names: list[str]) -> int:
    # on a phone two short names fit side by side, or one long one
    return 1 if max(map(len, names), default=0) > _LONG_NAME else 2


def _height(frame: pd.DataFrame, name: str, series: str | None) -> int:
    """Return the height in pixels of a chart with one line for each name and a legend below."""
    names = list(dict.fromkeys(frame[series])) if series else []
    rows_of_legend = -(-len(names) // _legend_columns(names)) if names else 0
    return 24 * frame[name].nunique() + 90 + 30 * rows_of_legend
