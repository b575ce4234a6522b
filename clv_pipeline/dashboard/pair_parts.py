"""Facts about customers in pairs: purchases and recency with predicted spend, and rank correlations."""

import altair as alt
import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts
from clv_pipeline.dashboard.parts import draw, intervals, is_empty, records
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats

_HEAT = """
    select
        from_purchase_days,
        to_purchase_days,
        from_recency_days,
        to_recency_days,
        customers,
        predicted_spend,
        predicted_spend_per_customer,
        predicted_spend_per_customer_low,
        predicted_spend_per_customer_high
    from feature_pairs
    where row_kind = 'cell'
    order by from_purchase_days desc, from_recency_days
"""
_COLOURS = {
    "predicted_spend_per_customer": ("predicted spend per customer", charts.CENTS),
    "predicted_spend": ("predicted spend", charts.WHOLE),
    "customers": ("customers", charts.WHOLE),
}
_CORRELATIONS = """
    select description as name, correlation, correlation_low, correlation_high, customers
    from feature_pairs
    where row_kind = 'correlation' and other_feature = 'predicted_spend' and correlation is not null
    order by abs(correlation) desc, description
    limit 20
"""
_AMONG = """
    select description as one, other_description as other, correlation
    from feature_pairs
    where row_kind = 'correlation' and other_feature <> 'predicted_spend'
"""


def correlations(bundle: ServedBundle) -> pd.DataFrame:
    """Return the 20 strongest rank correlations of a fact with predicted spend, the strongest first."""
    return bundle.frame(_CORRELATIONS)


def pairs(bundle: ServedBundle) -> None:
    """Draw purchases against recency, and what goes together with predicted spend and among the facts."""
    if is_empty(bundle, "feature_pairs"):
        return
    cells = bundle.frame(_HEAT)
    if cells.empty:
        st.info("Nobody has bought yet, so there is no heat map. Check orders.sql (page Data quality).")
    else:
        _purchases_and_recency(cells, bundle.currency)
    rows = correlations(bundle)
    if rows.empty:
        st.info("No correlation is known: there are too few customers who have bought, or all are alike.")
        return
    strongest = records(rows)[0]
    draw(
        "What goes together with predicted spend",
        intervals(rows, "name", "correlation", "correlation_low", "correlation_high", "rank correlation, -1 to 1",
                  form=charts.SCORE,
                  zero=True),
        f"The 20 strongest rank correlations with predicted spend; the strongest is {strongest['name']}, "
        f"{formats.decimal(strongest['correlation'], 2, signed=True)}.",
        "feature_pairs",
        note="Spearman's rank correlation with 90 % interval. Not a cause: the prediction is made of these facts.",
    )  # fmt: skip
    _correlations_among(bundle.frame(_AMONG))


def _purchases_and_recency(cells: pd.DataFrame, currency: str) -> None:
    colour = st.selectbox("Coloured by", list(_COLOURS), format_func=lambda c: _COLOURS[c][0], key="pair_colour")
    title, form = _COLOURS[colour or "customers"]
    unit = title if colour == "customers" else f"{title}, {currency}"
    rows = records(cells)
    cells = cells.assign(
        purchases=[_span(row["from_purchase_days"], row["to_purchase_days"]) for row in rows],
        recency=[_span(row["from_recency_days"], row["to_recency_days"]) for row in rows],
    )
    order = list(dict.fromkeys(cells.sort_values("from_recency_days")["recency"]))
    best = records(cells.sort_values(str(colour), ascending=False))[0]
    chart = (
        alt.Chart(cells, height=400)
        .mark_rect(color=charts.ACCENT)
        .encode(
            x=alt.X(
                "recency:O", sort=order, title="days since the last purchase",
                axis=alt.Axis(labelAngle=0, labelOverlap=True),
            ),
            y=alt.Y("purchases:O", sort=None, title="purchase days so far"),
            opacity=alt.Opacity(
                f"{colour}:Q", title=unit, scale=alt.Scale(range=[0.06, 1]),
                legend=alt.Legend(orient="bottom", format=charts.axis_form(form), tickCount=4),
            ),
            tooltip=[
                alt.Tooltip("purchases:O", title="purchase days"),
                alt.Tooltip("recency:O", title="days since the last"),
                alt.Tooltip("customers:Q", format=charts.WHOLE),
                alt.Tooltip("predicted_spend_per_customer:Q", title="predicted spend per customer", format=charts.CENTS),
                alt.Tooltip("predicted_spend_per_customer_low:Q", title="lower end", format=charts.CENTS),
                alt.Tooltip("predicted_spend_per_customer_high:Q", title="upper end", format=charts.CENTS),
                alt.Tooltip("predicted_spend:Q", title="predicted spend", format=charts.WHOLE),
            ],
        )
    )  # fmt: skip
    draw(
        f"{title.capitalize()}, by purchases and time since the last one",
        chart,
        f"Heat map of purchase days and days since the last purchase. Most: {best['purchases']} purchase days and "
        f"{best['recency']} days since the last, with {formats.spoken(best[str(colour)])}.",
        "feature_pairs",
        note="Cells of fewer than 5 customers are left out. The 90 % interval is in the tooltip.",
    )


def _span(low: float | None, high: float | None) -> str:
    if low == high or low is None:
        return formats.count(high)
    return f"{formats.count(low)} to {formats.count(high)}" if high is not None else f"{formats.count(low)} and more"


def _correlations_among(rows: pd.DataFrame) -> None:
    if rows.empty:
        return
    swapped = rows.rename(columns={"one": "other", "other": "one"})
    both = pd.concat([rows, swapped], ignore_index=True)
    chart = (
        alt.Chart(both, height=460)
        .mark_rect()
        .encode(
            x=alt.X("other:N", title=None, axis=alt.Axis(labelAngle=-45, labelLimit=140)),
            y=alt.Y("one:N", title=None, axis=alt.Axis(labelLimit=140)),
            color=alt.condition(alt.datum.correlation >= 0, alt.value(charts.ACCENT), alt.value(charts.SERIES[1])),
            opacity=alt.Opacity("size:Q", scale=alt.Scale(domain=[0, 1], range=[0.03, 1]), legend=None),
            tooltip=[
                alt.Tooltip("one:N", title="one"),
                alt.Tooltip("other:N", title="the other"),
                alt.Tooltip("correlation:Q", format="+.2f"),
            ],
        )
        .transform_calculate(size="abs(datum.correlation)")
    )
    strongest = records(rows.assign(size=rows["correlation"].abs()).sort_values("size", ascending=False))[0]
    draw(
        "What goes together among the facts",
        chart,
        f"Rank correlations among {both['one'].nunique()} facts; the strongest is between {strongest['one']} and "
        f"{strongest['other']}, {formats.decimal(strongest['correlation'], 2, signed=True)}.",
        "feature_pairs",
        note="Blue: customers high in one are high in the other; orange: low in the other. The stronger the colour, the closer.",
    )
