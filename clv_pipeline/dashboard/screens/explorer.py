"""Explorer: predicted spend against purchase probability of all customers, down to a list for a campaign."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts, links, parts, selection, tables
from clv_pipeline.dashboard.export import list_as_csv
from clv_pipeline.dashboard.selection import Column, Grid, Selection
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats, labels
from clv_pipeline.warehouse.connection import quote_name

TITLE = "Explorer"
POSITION = 20
#: Up to here each customer is a dot; more are drawn as a density.
_MOST_DOTS = 5_000
_LONGEST_LIST = 1_000
#: From here on the CSV is compressed: a million rows are 620 MB, which the server would hold in memory.
_COMPRESSED_FROM = 100_000
_AREA, _CHART = "area", "chart"
#: Filters that are shown without being asked for.
_FIRST_CHOICES = ("segment", "value_tier", "score_status", "acquisition_channel", "country")
_LISTED = ("segment", "value_tier", "historic_value", "last_order_date", "reason_1", "country", "acquisition_channel")


def show(bundle: ServedBundle) -> None:
    """Draw the filters, the chart, the figures of what is selected, and the list."""
    st.title(TITLE)
    st.caption(
        f"Choose customers with the filters, or draw a rectangle in the chart. The address of this page keeps the filters. "
        f"Predictions are for the {bundle.days} days from {formats.day(bundle.as_of)}."
    )
    chosen = _filters(bundle)
    by_segment = _read(bundle, selection.figures(bundle, chosen))
    if by_segment.empty:
        st.info("No customer is in this selection. Remove a filter.")
        return
    grid = selection.grid_of(bundle)
    state = _chart(bundle, grid, chosen, int(by_segment["customers"].sum()))
    area = dict(state.selection.get(_AREA) or {})
    if {"spend", "probability"} <= area.keys():
        chosen = grid.brushed(bundle, chosen, area["spend"], area["probability"])
        by_segment = _read(bundle, selection.figures(bundle, chosen))
        st.caption(f"Selected in the chart: {_described(bundle, area)}. A click beside the rectangle removes it.")
        if by_segment.empty:
            st.info("No customer is in this rectangle.")
            return
    _figures(bundle, by_segment)
    _list(bundle, chosen, int(by_segment["customers"].sum()))


def _read(bundle: ServedBundle, query: tuple[str, dict[str, object]]) -> pd.DataFrame:
    return bundle.frame(query[0], **query[1])


def _filters(bundle: ServedBundle) -> Selection:
    columns = {column.name: column for column in selection.columns_to_filter(bundle)}
    first = [columns[name] for name in _FIRST_CHOICES if name in columns]
    others = {name: column for name, column in columns.items() if column not in first}
    chosen = Selection()
    with st.expander("Filters", expanded=True):
        for place, column in zip(st.columns(max(len(first), 1)), first, strict=False):
            with place:
                chosen = _choice(column, chosen)
        asked = st.multiselect(
            "Further filters", list(others), default=[bundle.spend_column, bundle.probability_column, "recency_days"],
            key="filters", bind="query-params", format_func=labels.heading,
        )  # fmt: skip
        for start in range(0, len(asked), 3):
            for place, name in zip(st.columns(3), asked[start : start + 3], strict=False):
                with place:
                    chosen = _any_filter(columns[name], chosen)
    return chosen


def _any_filter(column: Column, chosen: Selection) -> Selection:
    if column.kind == "choice":
        return _choice(column, chosen)
    return _between(column, chosen, "date_input" if column.kind == "days" else "number_input")


def _choice(column: Column, chosen: Selection) -> Selection:
    values = st.multiselect(
        labels.heading(column.name), column.choices, key=column.name, bind="query-params",
        format_func=partial(_worded, column.name), placeholder="any",
    )  # fmt: skip
    return chosen.choice(column.name, values)


def _between(column: Column, chosen: Selection, ask: str) -> Selection:
    name = labels.heading(column.name) + (", %" if column.is_share else "")
    st.markdown(name)
    ends = []
    for place, end in zip(st.columns(2), ("from", "to"), strict=True):
        # a date has no text of its own for nothing
        hint = {"placeholder": end} if ask == "number_input" else {}
        with place:
            ends.append(
                getattr(st, ask)(
                    f"{name}, {end}", value=None, key=f"{column.name}_{end}", bind="query-params",
                    label_visibility="collapsed", **hint,
                )
            )  # fmt: skip
    low, high = (None if end is None else end / 100 for end in ends) if column.is_share else ends
    return chosen.at_least(column.name, low).at_most(column.name, high)


def _worded(column: str, value: str) -> str:
    if value in ("", "true", "false"):
        return {"": "unknown", "true": "yes", "false": "no"}[value]
    return str(formats.cell(column, value))


def _chart(bundle: ServedBundle, grid: Grid, chosen: Selection, customers: int) -> Any:
    is_dots = customers <= _MOST_DOTS
    frame = _read(bundle, (grid.dots if is_dots else grid.cells)(bundle, chosen))
    frame = frame.assign(segment=frame["segment"].map(labels.words))
    spend = f"predicted spend in {bundle.days} days, {bundle.currency} (logarithmic)"
    area = alt.selection_interval(name=_AREA, encodings=["x", "y"])
    base = alt.Chart(frame, height=420).encode(
        x=alt.X(
            "spend:Q", title=spend, scale=alt.Scale(type="log", domain=[grid.lowest, grid.highest], nice=False),
            axis=alt.Axis(format=",~f", tickCount=5),
        ),
        y=alt.Y("probability:Q", title="purchase probability", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        color=_segment_colours(bundle),
    )  # fmt: skip
    drawn = _dots(base) if is_dots else _cells(base)
    what = (
        "one dot per customer"
        if is_dots
        else "the stronger the colour, the more customers; it is that of the most frequent segment"
    )
    state = charts.show(
        drawn.add_params(area),
        f"Predicted spend against purchase probability of {formats.count(customers)} customers, {what}.",
        key=_CHART, selects=_AREA,
    )  # fmt: skip
    st.caption(
        f"{formats.count(customers)} customers: {what}. Spend below {formats.money(grid.lowest, bundle.currency)} is drawn at "
        "the left edge."
    )
    return state


def _segment_colours(bundle: ServedBundle) -> alt.Color:
    # of all customers, so that a segment keeps its colour whatever the filters are
    names = list(bundle.frame("select segment from segments order by predicted_spend_total desc, segment")["segment"])
    return alt.Color(
        "segment:N", title=None,
        scale=alt.Scale(domain=[labels.words(name) for name in names], range=list(charts.SERIES[: len(names)])),
        legend=alt.Legend(orient="bottom", columns=2, symbolOpacity=1, symbolType="circle"),
    )  # fmt: skip


def _dots(base: alt.Chart) -> alt.Chart:
    return base.mark_circle(size=28, opacity=0.55).encode(
        tooltip=[
            alt.Tooltip("customer_id:N", title="customer"), alt.Tooltip("segment:N"),
            alt.Tooltip("predicted_spend:Q", title="predicted spend", format=charts.CENTS),
            alt.Tooltip("probability:Q", title="purchase probability", format=charts.PERCENT_FINE),
        ]
    )  # fmt: skip


def _cells(base: alt.Chart) -> alt.Chart:
    return base.mark_rect().encode(
        x2="spend_end:Q",
        y2="probability_end:Q",
        opacity=alt.Opacity("customers:Q", scale=alt.Scale(type="log", range=[0.15, 1]), legend=None),
        tooltip=[
            alt.Tooltip("customers:Q", format=charts.WHOLE), alt.Tooltip("segment:N", title="most frequent segment"),
            alt.Tooltip("predicted_spend:Q", title="predicted spend", format=charts.WHOLE),
            alt.Tooltip("spend:Q", title="spend from", format=charts.CENTS),
            alt.Tooltip("spend_end:Q", title="spend to", format=charts.CENTS),
            alt.Tooltip("probability:Q", title="probability from", format=charts.PERCENT),
        ],
    )  # fmt: skip


def _described(bundle: ServedBundle, area: dict[str, Sequence[float]]) -> str:
    (low, high), (least, most) = sorted(area["spend"]), sorted(area["probability"])
    return (
        f"predicted spend {formats.money_range(low, high, bundle.currency)}, purchase probability "
        f"{formats.percent(max(least, 0), digits=0)} to {formats.percent(min(most, 1), digits=0)}"
    )


def _figures(bundle: ServedBundle, by_segment: pd.DataFrame) -> None:
    everybody = bundle.run
    customers, spend = by_segment["customers"].sum(), by_segment["predicted_spend"].sum()
    buyers, historic = by_segment["expected_buyers"].sum(), by_segment["historic_value"].sum()
    total = float(everybody["predicted_spend_total"]) or 1.0
    st.subheader("In this selection")
    figures = [
        ("Customers", formats.count(customers), f"{formats.percent(customers / everybody['customers'])} of all"),
        (
            f"Predicted spend, {bundle.currency}",
            formats.money(spend, digits=0),
            f"{formats.percent(spend / total)} of all",
        ),
        ("Expected buyers", formats.count(buyers), f"mean probability {formats.percent(buyers / customers)}"),
        (
            f"Net spend to date, {bundle.currency}",
            formats.money(historic, digits=0),
            f"{formats.money(historic / customers, digits=0)} each",
        ),
    ]
    for place, (name, value, more) in zip(st.columns(len(figures)), figures, strict=True):
        place.metric(name, value, more, delta_color="off", delta_arrow="off")
    table = by_segment.assign(
        predicted_spend_share=by_segment["predicted_spend"] / total,
        purchase_probability_mean=by_segment["expected_buyers"] / by_segment["customers"],
    ).drop(columns="expected_buyers")
    headings = {"predicted_spend": "predicted spend", "historic_value": "net spend to date"}
    shown = partial(tables.show, bundle, table, name="selection-by-segment", headings=headings)
    tables.folded("By segment", "selection-by-segment", shown)


def _list(bundle: ServedBundle, chosen: Selection, customers: int) -> None:
    st.subheader("List of customers")
    amounts = [c.name for c in selection.columns_to_filter(bundle) if c.kind == "range"]
    left, right = st.columns(2)
    by = left.selectbox(
        "The best by",
        amounts,
        index=amounts.index(bundle.spend_column),
        format_func=labels.heading,
        key="by",
        bind="query-params",
    )
    size = right.number_input(
        "How many (empty: all)", min_value=1, value=None, step=500, placeholder="all", key="size", bind="query-params"
    )
    limit = min(int(size), customers) if size else customers
    shown = ", ".join(dict.fromkeys(["customer_id", bundle.spend_column, bundle.probability_column, by, *_LISTED]))
    rows = _read(bundle, selection.best(chosen, shown, by, min(limit, _LONGEST_LIST)))
    if size:
        _of_the_list(bundle, chosen, by, limit)
    name = f"customers-{formats.day(bundle.as_of)}"
    compressed = limit > _COMPRESSED_FROM
    tables.download(
        f"Export all {formats.count(limit)} as CSV" + (" (compressed)" if compressed else ""),
        partial(list_as_csv, bundle.home, chosen, by, limit, compressed=compressed),
        f"{name}.csv.gz" if compressed else f"{name}.csv",
        is_main=True,
    )
    st.caption(
        "Tick a row to open the customer."
        + (f" The first {formats.count(len(rows))} are shown." if len(rows) < limit else "")
    )
    clicked = tables.show(bundle, rows, name="customers", table="customer_clv", selects=True, with_csv=False)
    if clicked and clicked.selection.rows:
        links.open_page("customer", customer_id=str(rows["customer_id"].iloc[clicked.selection.rows[0]]))


def _of_the_list(bundle: ServedBundle, chosen: Selection, by: str, limit: int) -> None:
    query, parameters = selection.best(chosen, "*", by, limit)
    (found,) = parts.records(
        _read(
            bundle,
            (
                f"select count(*) as customers, sum({bundle.spend_column}) as spend, sum({bundle.probability_column}) as buyers, "
                f"min({quote_name(by)}) as least from ({query}) as listed",
                parameters,
            ),
        )
    )
    share = formats.percent(found["spend"] / (float(bundle.run["predicted_spend_total"]) or 1.0))
    st.caption(
        f"The best {formats.count(found['customers'])}: predicted spend "
        f"{formats.money(found['spend'], bundle.currency, digits=0)} ({share} of all), {formats.count(found['buyers'])} expected "
        f"buyers; the last one has {labels.heading(by)} {formats.cell(by, found['least'])}."
    )
