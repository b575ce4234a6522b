"""Channels: what a new buyer of each channel costs and brings, whether that pays back, and how the months compare."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts, tables
from clv_pipeline.dashboard.escaping import plain
from clv_pipeline.dashboard.parts import choose, draw, intervals, is_empty, records
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats, labels

TITLE = "Channels"
POSITION = 50

_VALUE = "select * from channel_value order by new_buyers desc, acquisition_channel"
_VERDICTS = {
    "pays_back": "pay back within a year",
    "does_not": "do not pay back within a year",
    "unclear": "unclear",
    "too_early": "too early to say",
    "too_few": "too few buyers to say",
    "no_cost": "no cost recorded",
    "no_margin": "gross margin not set",
}
_COLOURS = {
    "pays_back": charts.GOOD,
    "does_not": charts.BAD,
    "unclear": charts.SERIES[1],
    "too_early": charts.SERIES[7],
    "too_few": charts.SERIES[3],
    "no_cost": charts.QUIET,
    "no_margin": charts.ACCENT,
}
#: Measure of the months -> its column in channel_cohorts, whether it is an amount, and whether it has an interval.
_MEASURES = {
    "New buyers": ("new_buyers", False, False),
    "Cost of a new buyer": ("cost_per_new_buyer", True, False),
    "Margin in the first 30 days": ("margin_30d", True, False),
    "Margin in the first 90 days": ("margin_90d", True, False),
    "Margin in the first 180 days": ("margin_180d", True, False),
    "Margin in the first 365 days": ("margin_365d", True, False),
    "Predicted margin": ("predicted_margin", True, True),
    "Lifetime margin": ("lifetime_margin", True, True),
    "Months to pay back": ("payback_months", False, True),
}
_MONTHS = """
    select
        acquisition_channel,
        cohort,
        cohort_month_date,
        new_buyers,
        cost_per_new_buyer,
        blended_cost_per_new_buyer,
        margin_30d,
        margin_90d,
        margin_180d,
        margin_365d,
        margin_so_far,
        predicted_margin,
        predicted_margin_low,
        predicted_margin_high,
        lifetime_margin,
        lifetime_margin_low,
        lifetime_margin_high,
        payback_months,
        payback_months_low,
        payback_months_high,
        maturity
    from channel_cohorts
    where row_kind = 'cohort'
    order by acquisition_channel, cohort_month_date
"""


def show(bundle: ServedBundle) -> None:
    """Draw the finding, then the part that the reader has chosen."""
    st.title(TITLE)
    st.markdown(f"Shows which channels pay, and how much a new customer may cost. {_finding(bundle)}")
    _missing(bundle)
    choose("channels", {"Value": _value, "Payback": _payback, "Months": _months}, bundle)


def _finding(bundle: ServedBundle) -> str:
    if not bundle.has("channel_value"):
        return "**Nobody has bought yet.**"
    rows = records(bundle.frame(_VALUE))
    said = []
    for verdict, words in _VERDICTS.items():
        names = [plain(row["acquisition_channel"]) for row in rows if row["verdict"] == verdict]
        if names:
            said.append(f"{len(names)} {words} ({', '.join(names)})")
    text = f"**Of {formats.counted(len(rows), 'channel')}: {'; '.join(said)}.**"
    judged = [row for row in rows if row["cac"] is not None and row["margin_12m"] is not None]
    if judged:
        dearest = max(judged, key=lambda row: row["cac"])
        text += (
            f" The dearest new customer comes by {plain(dearest['acquisition_channel'])}: "
            f"{formats.spoken_money(dearest['cac'], bundle.currency)}, who brings a margin of "
            f"{formats.spoken_money(dearest['margin_12m'], bundle.currency)} in the first 12 months "
            f"({formats.spoken_range(dearest['margin_12m_low'], dearest['margin_12m_high'])})."
        )
    return text


def _missing(bundle: ServedBundle) -> None:
    """Say which figures are absent, and what would bring them."""
    if not bundle.has("channel_value"):
        return
    rows = bundle.frame(_VALUE)
    if not bundle.frame("select count(margin_so_far) as n from channel_cohorts")["n"].iloc[0]:
        st.info(
            "The margin of order lines is not known, so there is no margin, no payback and no verdict: only numbers of buyers "
            "and costs. Next step: `cost` of every line in orders.sql, or "
            "`gross_margin` in source.toml, the share of net sales that is left after the cost of the goods."
        )
    if (rows["cost_basis"] == "none").all():
        st.info(
            "No cost of a channel is recorded, so it is not known what a new customer costs. Next step: return what was spent in "
            "marketing_spend.sql (channel, date, spend), or acquisition_cost in customers.sql."
        )
    if set(rows["acquisition_channel"]) <= {"unknown", "other"}:
        st.info("No channel is recorded with the customers. Next step: return acquisition_channel in customers.sql.")
    st.caption(f"Attribution is an assumption: {plain(str(rows['attribution'].iloc[0]).strip())}.")


def _value(bundle: ServedBundle) -> None:
    if is_empty(bundle, "channel_value"):
        return
    rows = bundle.frame(_VALUE)
    known = rows[rows["margin_12m"].notna()]
    if known.empty:
        draw(
            "New buyers by channel",
            charts.bars(rows, "acquisition_channel", "new_buyers", "new buyers so far"),
            f"New buyers by channel; most by {rows['acquisition_channel'].iloc[0]}.",
            "channel_value",
        )
    else:
        known = known.assign(verdict_in_words=known["verdict"].map(_VERDICTS))
        draw(
            "A new customer: 12-month margin, cost, and what a customer may cost",
            _cost_and_margin(known, bundle.currency),
            "Per channel the margin of the first 12 months per new buyer with its 90 % interval, the cost of a new "
            "buyer, and the cost "
            "at which a new buyer still pays back with 90 % certainty. "
            + "; ".join(f"{row['acquisition_channel']}: {row['verdict_in_words']}" for row in records(known))
            + ".",
            "channel_value",
            note="Dot and bar: margin of the first 12 months per new buyer with its 90 % interval; triangle: what a "
            "new buyer may cost and "
            "still pay back within a year with 90 % certainty; diamond: what one costs. It assumes that more buyers "
            "would be like these.",
        )
    for row in records(rows):
        st.markdown(f"- **{plain(row['acquisition_channel'])}**: {plain(row['statement'])}.")
    columns = ["acquisition_channel", "new_buyers", "mature_buyers", "cac", "margin_12m", "margin_12m_low", "margin_12m_high",
               "affordable_cac", "marketing_spend", "recorded_cost", "cost_basis", "blended_cac"]  # fmt: skip
    tables.show(bundle, rows[columns], name="channel_value", table="channel_value")


def _cost_and_margin(rows: pd.DataFrame, currency: str) -> alt.LayerChart:
    names = [verdict for verdict in _VERDICTS if verdict in set(rows["verdict"])]
    title = f"per new buyer, {currency}"
    axis = alt.Axis(format=charts.SHORT, tickCount=5)
    base = alt.Chart(rows, height=34 * len(rows) + 150).encode(
        y=alt.Y("acquisition_channel:N", sort=None, title=None),
        color=alt.Color(
            "verdict_in_words:N",
            title=None,
            scale=alt.Scale(domain=[_VERDICTS[name] for name in names], range=[_COLOURS[name] for name in names]),
            legend=alt.Legend(orient="bottom", columns=1, labelLimit=260),
        ),
        tooltip=[
            alt.Tooltip("acquisition_channel:N", title="channel"),
            alt.Tooltip("verdict_in_words:N", title="verdict"),
            alt.Tooltip("margin_12m:Q", title="12-month margin", format=charts.CENTS),
            alt.Tooltip("margin_12m_low:Q", title="lower end", format=charts.CENTS),
            alt.Tooltip("margin_12m_high:Q", title="upper end", format=charts.CENTS),
            alt.Tooltip("cac:Q", title="cost of a new buyer", format=charts.CENTS),
            alt.Tooltip("affordable_cac:Q", title="may cost", format=charts.CENTS),
        ],
    )
    return alt.layer(
        base.mark_rule(strokeWidth=3).encode(
            x=alt.X("margin_12m_low:Q", title=title, axis=axis), x2="margin_12m_high:Q"
        ),
        base.mark_point(filled=True, size=90, opacity=1).encode(x=alt.X("margin_12m:Q", title=title)),
        base.mark_point(shape="triangle-up", filled=True, size=110, opacity=1).encode(
            x=alt.X("affordable_cac:Q", title=title)
        ),
        base.mark_point(shape="diamond", size=130, strokeWidth=2).encode(x=alt.X("cac:Q", title=title)),
    )


def _payback(bundle: ServedBundle) -> None:
    if is_empty(bundle, "channel_value"):
        return
    rows = bundle.frame(_VALUE)
    paid = rows[rows["payback_months"].notna()].sort_values(["payback_months", "acquisition_channel"])
    if paid.empty:
        st.info(
            "No channel is known to pay back: that takes a cost, a gross margin and buyers who are a year old. The "
            "notes above say what "
            "is missing."
        )
    else:
        paid = paid.assign(
            low=paid["payback_months_low"], high=paid["payback_months_high"].astype("Float64").fillna(12),
        )  # fmt: skip
        best = records(paid)[0]
        draw(
            "Months until the margin covers the cost of a new customer",
            intervals(
                paid,
                "acquisition_channel",
                "payback_months",
                "low",
                "high",
                "months after the first purchase",
                domain=(0, 12),
            ),
            f"Months to pay back by channel. The quickest is {best['acquisition_channel']}, after "
            f"{formats.counted(best['payback_months'], 'month')}.",
            "channel_value",
            note="90 % intervals; where it may not pay back within a year, the bar ends at 12.",
        )
    ratios = rows[rows["ltv_to_cac"].notna()].sort_values("ltv_to_cac", ascending=False)
    if not ratios.empty:
        best = records(ratios)[0]
        draw(
            "Lifetime margin for each unit of cost",
            intervals(ratios, "acquisition_channel", "ltv_to_cac", "ltv_to_cac_low", "ltv_to_cac_high",
                      "lifetime margin / cost of a new buyer",
                      form=charts.SCORE),
            f"LTV to CAC by channel; the highest is {best['acquisition_channel']} with {formats.spoken(best['ltv_to_cac'])}.",
            "channel_value",
            note="Lifetime margin is discounted; 90 % intervals with the error of past totals.",
        )  # fmt: skip
    columns = ["acquisition_channel", "cac", "payback_months", "payback_months_low", "payback_months_high", "lifetime_margin",
               "lifetime_margin_low", "lifetime_margin_high", "ltv_to_cac", "ltv_to_cac_low", "ltv_to_cac_high"]  # fmt: skip
    tables.show(bundle, rows[columns], name="payback", table="channel_value")


def _months(bundle: ServedBundle) -> None:
    if is_empty(bundle, "channel_cohorts"):
        return
    rows = bundle.frame(_MONTHS)
    measures = [name for name, (column, _, _) in _MEASURES.items() if rows[column].notna().any()]
    if not measures:
        st.info("Every month of every channel has fewer than 5 new buyers, so the months are only counted together.")
        return
    channels = sorted(rows["acquisition_channel"].unique())
    left, right = st.columns(2)
    measure = left.selectbox("Measure", measures, key="channel_measure") or measures[0]
    channel = (
        right.selectbox("Channel", ["", *channels], format_func=lambda c: c or "all channels", key="channel") or ""
    )
    column, is_money, has_interval = _MEASURES[measure]
    unit = f"{measure.lower()}, {bundle.currency} per new buyer" if is_money else measure.lower()
    form = charts.CENTS if is_money else charts.WHOLE
    known = rows[rows[column].notna()]
    if channel:
        known = known[known["acquisition_channel"] == channel]
    if known.empty:
        st.info("This channel has no figure of this measure yet: its months are too young, or have no cost.")
        return
    title = f"{measure} by channel and month of the first purchase" if not channel else f"{measure} by month, {channel}"
    note = "Attribution is an assumption. A month without a figure is too young, or has no cost or no margin."
    if channel:
        chart: Any = charts.lines(
            known.assign(value=known[column].astype(float)), "cohort_month_date", "value", unit, form=form, points=True,
            x_title="month of the first purchase",
            low=f"{column}_low" if has_interval else None, high=f"{column}_high" if has_interval else None,
        )  # fmt: skip
    else:
        chart = charts.heat_map(
            known.sort_values(["cohort", "acquisition_channel"]), "cohort", "acquisition_channel", column, unit,
            x_title="month of the first purchase", y_title="channel", form=form,
        ).properties(height=32 * known["acquisition_channel"].nunique() + 160)  # fmt: skip
    last = records(known.sort_values("cohort"))[-1]
    draw(
        title,
        chart,
        f"{title}. The newest month with a figure: {last['cohort']}, {last['acquisition_channel']}, "
        f"{formats.spoken(last[column])}.",
        "channel_cohorts",
        note=note,
    )
    shown = known.drop(columns=["cohort_month_date"])
    tables.show(
        bundle,
        shown.assign(maturity=shown["maturity"].map(labels.words)),
        name="channel_months",
        table="channel_cohorts",
    )
