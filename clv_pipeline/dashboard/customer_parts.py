"""Customers in pictures: two chosen numbers against each other, and any attribute with any measure; DuckDB adds them up."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts, tables
from clv_pipeline.dashboard.attributes import Column, columns, divided, named, numbers
from clv_pipeline.dashboard.parts import draw, is_empty, records
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats

#: More dots than these hide each other, and are slow to draw: a grid of counts takes their place.
_MOST_DOTS = 5_000
_CELLS = 40
_MOST_GROUPS = 20
_NOBODY = "nothing: one division only"
#: Measure -> its SQL expression over the customers of a group, its number format, and whether groups add up.
_MEASURES = {
    "Customers": ("count(*)", charts.WHOLE, True),
    "Predicted spend": ("sum({spend})", charts.WHOLE, True),
    "Predicted spend per customer": ("avg({spend})", charts.CENTS, False),
    "Purchase probability": ("avg({probability})", charts.PERCENT_FINE, False),
    "Expected lifetime spend": ("sum(lifetime_spend)", charts.WHOLE, True),
    "Expected lifetime margin": ("sum(lifetime_margin)", charts.WHOLE, True),
    "Net spend to date": ("sum(historic_value)", charts.WHOLE, True),
}


def scatter(bundle: ServedBundle) -> None:
    """Draw two numbers of every customer against each other: as dots, or as a grid of counts where there are many."""
    if is_empty(bundle, "customer_clv"):
        return
    found = {column.name: column for column in numbers(bundle)}
    names = list(found)
    left, right, last = st.columns(3)
    x = left.selectbox(
        "Across", names, index=_place(names, "recency_days"), format_func=lambda n: found[n].label, key="scatter_x"
    )
    y = right.selectbox(
        "Up",
        names,
        index=_place(names, f"predicted_spend_{bundle.days}d"),
        format_func=lambda n: found[n].label,
        key="scatter_y",
    )
    is_log = last.toggle(
        "Stretch small values", value=True, key="scatter_log", help="Logarithmic axes, which reach zero."
    )
    across, up = found[x or names[0]], found[y or names[0]]
    (both,) = bundle.frame(
        f"select count(*) as n from customer_clv where {across.name} is not null and {up.name} is not null"
    )["n"]
    if not both:
        st.info("No customer has both numbers. Choose another one.")
        return
    chart, note = (_dots if both <= _MOST_DOTS else _density)(bundle, across, up, is_log=is_log)
    draw(
        f"{up.label.capitalize()} by {across.label}",
        chart,
        f"{formats.counted(both, 'customer')} by {across.label} and {up.label}. {_correlation(bundle, across, up)}",
        "customer_clv",
        note=f"{formats.counted(both, 'customer')} with both numbers. {note} {_correlation(bundle, across, up)}",
    )
    for column in (across, up):
        st.caption(f"**{column.label}**: {column.description}")


def _place(names: list[str], name: str) -> int:
    return names.index(name) if name in names else 0


def _correlation(bundle: ServedBundle, across: Column, up: Column) -> str:
    if across.name == up.name:
        return ""
    (found,) = bundle.frame(f"select corr({across.name}, {up.name}) as r from customer_clv")["r"]
    return "" if pd.isna(found) else f"Linear correlation {formats.decimal(found, 2, signed=True)}; not a cause."


def _axis(column: Column, currency: str, *, is_log: bool) -> dict[str, Any]:
    title = f"{column.label}, {currency}" if column.is_money else column.label
    form = charts.PERCENT if column.is_probability else charts.SHORT
    # a probability has no long tail to stretch
    scale = alt.Scale(type="symlog", nice=False) if is_log and not column.is_probability else alt.Scale(nice=False)
    return {"title": title, "axis": alt.Axis(format=form, tickCount=5, labelOverlap=True), "scale": scale}


def _dots(bundle: ServedBundle, across: Column, up: Column, *, is_log: bool) -> tuple[alt.Chart, str]:
    rows = bundle.frame(
        f"select customer_id, segment, {across.name}::double as x, {up.name}::double as y from customer_clv "
        f"where {across.name} is not null and {up.name} is not null order by customer_id"
    )
    rows["segment"] = rows["segment"].str.replace("_", " ")
    names = sorted(rows["segment"].unique())
    chart = (
        alt.Chart(rows, height=520)
        .mark_circle(size=22, opacity=0.45)
        .encode(
            x=alt.X("x:Q", **_axis(across, bundle.currency, is_log=is_log)),
            y=alt.Y("y:Q", **_axis(up, bundle.currency, is_log=is_log)),
            color=alt.Color(
                "segment:N", title=None, scale=alt.Scale(domain=names, range=list(charts.SERIES)),
                legend=alt.Legend(orient="bottom", columns=2, symbolOpacity=1),
            ),
            tooltip=[
                alt.Tooltip("customer_id:N", title="customer"),
                alt.Tooltip("segment:N"),
                alt.Tooltip("x:Q", title=across.label, format=charts.CENTS),
                alt.Tooltip("y:Q", title=up.label, format=charts.CENTS),
            ],
        )
    )  # fmt: skip
    return chart, "Each dot is a customer."


def _density(bundle: ServedBundle, across: Column, up: Column, *, is_log: bool) -> tuple[alt.Chart, str]:
    """Return a grid of counts; cells are of equal size on the axes as drawn."""
    rows = bundle.frame(
        f"""
        with customers as (
            select {_on_axis(across, is_log)} as x, {_on_axis(up, is_log)} as y
            from customer_clv
            where {across.name} is not null and {up.name} is not null
        ),

        ends as (select min(x) as x_low, max(x) as x_high, min(y) as y_low, max(y) as y_high from customers)

        select
            least(floor((x - x_low) / nullif(x_high - x_low, 0) * $cells), $cells - 1) as column_place,
            least(floor((y - y_low) / nullif(y_high - y_low, 0) * $cells), $cells - 1) as row_place,
            any_value(x_low) as x_low,
            any_value((x_high - x_low) / $cells) as x_step,
            any_value(y_low) as y_low,
            any_value((y_high - y_low) / $cells) as y_step,
            count(*) as customers
        from customers, ends
        group by column_place, row_place
        order by column_place, row_place
        """,
        cells=_CELLS,
    ).fillna(0)
    for end, place in (("x", "column_place"), ("y", "row_place")):
        low, step = rows[f"{end}_low"], rows[f"{end}_step"]
        column = across if end == "x" else up
        rows[f"{end}1"] = _back(low + rows[place] * step, column, is_log)
        rows[f"{end}2"] = _back(low + (rows[place] + 1) * step, column, is_log)
    chart = (
        alt.Chart(rows, height=520)
        .mark_rect(color=charts.ACCENT)
        .encode(
            x=alt.X("x1:Q", **_axis(across, bundle.currency, is_log=is_log)),
            x2="x2:Q",
            y=alt.Y("y1:Q", **_axis(up, bundle.currency, is_log=is_log)),
            y2="y2:Q",
            opacity=alt.Opacity(
                "customers:Q", title="customers", scale=alt.Scale(type="log", range=[0.1, 1]),
                legend=alt.Legend(orient="bottom", format=charts.SHORT, tickCount=4),
            ),
            tooltip=[
                alt.Tooltip("customers:Q", format=charts.WHOLE),
                alt.Tooltip("x1:Q", title=f"{across.label} from", format=charts.CENTS),
                alt.Tooltip("x2:Q", title="to", format=charts.CENTS),
                alt.Tooltip("y1:Q", title=f"{up.label} from", format=charts.CENTS),
                alt.Tooltip("y2:Q", title="to", format=charts.CENTS),
            ],
        )
    )  # fmt: skip
    return chart, "The stronger the colour, the more customers are in the cell."


def _on_axis(column: Column, is_log: bool) -> str:
    # what Vega's symlog does, so that cells are as wide as they look
    return (
        f"sign({column.name}) * ln(1 + abs({column.name}::double))"
        if _stretched(column, is_log)
        else f"{column.name}::double"
    )


def _back(values: "pd.Series[float]", column: Column, is_log: bool) -> "pd.Series[float]":
    if not _stretched(column, is_log):
        return values
    sign = values.map(lambda v: -1.0 if v < 0 else 1.0)
    return sign * (2.718281828459045 ** values.abs() - 1)


def _stretched(column: Column, is_log: bool) -> bool:
    return is_log and not column.is_probability


def attributes(bundle: ServedBundle) -> None:
    """Draw a measure by one attribute of the customers, or by two."""
    if is_empty(bundle, "customer_clv"):
        return
    found = {column.name: column for column in columns(bundle)}
    names = list(found)
    measures = _measures(bundle)
    places = st.columns(2)
    by = places[0].selectbox(
        "Divide customers by",
        names,
        index=_place(names, "segment"),
        format_func=lambda n: found[n].label,
        key="attribute",
    )
    and_by = places[1].selectbox(
        "and by", [_NOBODY, *names], format_func=lambda n: found[n].label if n in found else n, key="second_attribute"
    )
    measure = places[0].selectbox("Measure", list(measures), key="attribute_measure") or "Customers"
    expression, form, adds_up = measures[measure]
    first = found[by or names[0]]
    second = found.get(and_by or "")
    rows = _groups(bundle, first, second, expression)
    unit = measure.lower() + (f", {bundle.currency}" if "spend" in measure or "margin" in measure else "")
    best = records(rows.sort_values("value", ascending=False))[0]
    text = f"{measure} by {first.label}: {best['first']} has the most, {formats.spoken(best['value'])}."
    if second is None:
        draw(f"{measure} by {first.label}", charts.bars(rows, "first", "value", unit, form=form), text, "customer_clv")
    else:
        kinds = ["stacked bars", "heat map"] if adds_up else ["heat map"]
        kind = places[1].selectbox("Drawn as", kinds, key="attribute_chart")
        chart = _stacked(rows, unit, form) if kind == "stacked bars" else _map(rows, first, second, unit, form)
        draw(f"{measure} by {first.label} and {second.label}", chart, text, "customer_clv")
    for column in (first, second):
        if column:
            st.caption(f"**{column.label}**: {column.description}")
    heads = {"first": first.label, "second": second.label if second else "", "value": unit}
    shown = rows[
        ["first", *(["second"] if second else []), "customers", *([] if measure == "Customers" else ["value"])]
    ]
    tables.show(bundle, shown, name="attributes", headings=heads)


def _measures(bundle: ServedBundle) -> dict[str, tuple[str, str, bool]]:
    """Return the measures that the bundle has figures for: without a gross margin there is no margin."""
    (margins,) = bundle.frame("select count(lifetime_margin) as n from customer_clv")["n"]
    spend, probability = f"predicted_spend_{bundle.days}d", f"purchase_probability_{bundle.days}d"
    return {
        name: (expression.format(spend=spend, probability=probability), form, adds_up)
        for name, (expression, form, adds_up) in _MEASURES.items()
        if margins or "margin" not in name
    }


def _groups(bundle: ServedBundle, first: Column, second: Column | None, expression: str) -> pd.DataFrame:
    by, names = divided(bundle, first)
    and_by, second_names = divided(bundle, second) if second else ("null", {})
    pooled = [_largest(bundle, column, group) for column, group in ((first, by), (second, and_by)) if column]
    # the rare values of an attribute are one group, in SQL, so that means are the means of their customers
    rows = bundle.frame(
        f"""
        with customers as (select *, {by} as first_group, {and_by} as second_group from customer_clv)

        select
            {pooled[0].format("first_group")} as first,
            {pooled[1].format("second_group") if second else "null::varchar"} as second,
            count(*) as customers,
            {expression} as value
        from customers
        group by first, second
        order by first nulls last, second nulls last
        """
    )
    rows["first"] = named(first, rows["first"], names)
    rows["second"] = named(second, rows["second"], second_names) if second else None
    if not first.is_number and first.data_type != "DATE" and second is None:
        rows = rows.sort_values("value", ascending=False, kind="stable")
    return rows[rows["value"].notna()]


def _largest(bundle: ServedBundle, column: Column, group: str) -> str:
    found = bundle.frame(
        f"select {group} as name, count(*) as n from customer_clv group by name order by n desc, name limit {_MOST_GROUPS + 1}"
    )
    if len(found) <= _MOST_GROUPS:
        return "{}"
    listed = ", ".join("'" + str(name).replace("'", "''") + "'" for name in found["name"].dropna()[:_MOST_GROUPS])
    return (
        "case when {0} is null or {0} in ("
        + listed.replace("{", "{{").replace("}", "}}")
        + ") then {0} else 'all others' end"
    )


def _stacked(rows: pd.DataFrame, unit: str, form: str) -> alt.Chart:
    return (
        alt.Chart(rows, height=28 * rows["first"].nunique() + 140)
        .mark_bar()
        .encode(
            y=alt.Y("first:N", sort=None, title=None),
            x=alt.X("value:Q", title=unit, axis=alt.Axis(format=charts.axis_form(form), tickCount=5)),
            color=alt.Color(
                "second:N", title=None, sort=None, scale=alt.Scale(range=list(charts.SERIES)),
                legend=alt.Legend(orient="bottom", columns=2),
            ),
            tooltip=[
                alt.Tooltip("first:N", title="group"), alt.Tooltip("second:N", title="divided by"),
                alt.Tooltip("customers:Q", format=charts.WHOLE), alt.Tooltip("value:Q", title=unit, format=form),
            ],
        )
    )  # fmt: skip


def _map(rows: pd.DataFrame, first: Column, second: Column, unit: str, form: str) -> alt.Chart:
    return charts.heat_map(rows, "second", "first", "value", unit, x_title=second.label, y_title=first.label, form=form)


def spread(bundle: ServedBundle) -> None:
    """Draw how a number is spread within each segment: where its middle half and its middle 80 % of customers are."""
    if is_empty(bundle, "customer_clv"):
        return
    found = {column.name: column for column in numbers(bundle)}
    names = list(found)
    name = st.selectbox(
        "Compare segments by", names, index=_place(names, f"predicted_spend_{bundle.days}d"),
        format_func=lambda n: found[n].label, key="spread",
    ) or names[0]  # fmt: skip
    column = found[name]
    rows = bundle.frame(
        f"""
        select segment, customers, q[1] as p10, q[2] as p25, q[3] as p50, q[4] as p75, q[5] as p90
        from (
            select segment, count(*) as customers, quantile_cont({name}::double, [0.1, 0.25, 0.5, 0.75, 0.9]) as q
            from customer_clv
            where {name} is not null
            group by segment
        )
        order by p50 desc, segment
        """
    )
    rows["name"] = rows["segment"].str.replace("_", " ")
    form = charts.PERCENT_FINE if column.is_probability else charts.CENTS
    title = f"{column.label}, {bundle.currency}" if column.is_money else column.label
    axis = alt.Axis(format=charts.axis_form(form), tickCount=5)
    base = alt.Chart(rows, height=32 * len(rows) + 60).encode(
        y=alt.Y("name:N", sort=None, title=None),
        tooltip=[
            alt.Tooltip("name:N", title="segment"), alt.Tooltip("customers:Q", format=charts.WHOLE),
            *(alt.Tooltip(f"{p}:Q", title=word, format=form) for p, word in (
                ("p10", "one in ten is below"), ("p25", "a quarter is below"), ("p50", "half are below"),
                ("p75", "three quarters are below"), ("p90", "nine in ten are below"))),
        ],
    )  # fmt: skip
    best = records(rows)[0]
    draw(
        f"{column.label.capitalize()} within each segment",
        alt.layer(
            base.mark_rule(color=charts.ACCENT).encode(x=alt.X("p10:Q", title=title, axis=axis), x2="p90:Q"),
            base.mark_bar(color=charts.ACCENT, opacity=0.5, height=14).encode(
                x=alt.X("p25:Q", title=title), x2="p75:Q"
            ),
            base.mark_tick(color=charts.SERIES[1], thickness=3, height=18).encode(x=alt.X("p50:Q", title=title)),
        ),
        f"{column.label} by segment; the highest median is of {best['name']}, {formats.spoken(best['p50'])}.",
        "customer_clv",
        note="Bar: the middle half of the segment's customers; line: eight in ten; mark: the median.",
    )
