"""Exploration: histograms, heat maps and scatter plots of the customers, for whoever asks what they are like."""

from typing import Any

import altair as alt
import streamlit as st

from clv_pipeline.dashboard import charts, customer_parts, pair_parts, tables
from clv_pipeline.dashboard.parts import choose, draw, intervals, is_empty, records
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats, labels

TITLE = "Exploration"
POSITION = 40

_BINS = """
    select row_kind, bin_low, bin_high, category, customers, customer_share
    from feature_distributions
    where feature = $feature
    order by position
"""
_FEATURES = """
    select distinct feature, source_family, description
    from feature_distributions
    order by source_family <> 'purchase', source_family, description
"""
_PROFILE = """
    select
        attribute,
        row_kind,
        group_name,
        customers,
        best_customers,
        share_of_best,
        share_of_others,
        ratio,
        ratio_low,
        ratio_high,
        is_clear
    from best_customer_profile
    where best_by = $best_by and ratio is not null and (attribute = $attribute or ($attribute = '' and is_clear))
    order by ratio desc, attribute, group_name
    limit 40
"""
_DECILES = """
    select
        row_kind,
        decile,
        customers,
        orders,
        orders_per_customer,
        average_order_value,
        net_spend,
        spend_per_customer,
        lowest_spend,
        highest_spend,
        spend_share,
        spend_share_to_here
    from base_deciles
    where period = $period
    order by position
"""
_RFM = {
    "recency": ("recency_score", "recency_above_days", "recency_up_to_days", "days since the last purchase"),
    "frequency": ("frequency_score", "frequency_above", "frequency_up_to", "purchase days"),
    "money": ("monetary_score", "monetary_above", "monetary_up_to", "net spend"),
}
_PERIODS = {"last_365_days": "the last 365 days", "all_time": "all time"}
_BEST_BY = {"predicted_spend": "predicted spend", "spend_in_first_year": "spend in the first year"}
_CLEAR_ONLY = "all clear differences"


def show(bundle: ServedBundle) -> None:
    """Draw the finding, then the part that the reader has chosen."""
    st.title(TITLE)
    st.markdown(f"Shows what the customers are like, in pictures. {_finding(bundle)}")
    parts = {
        "Distributions": _distributions,
        "Pairs": pair_parts.pairs,
        "Scatter": customer_parts.scatter,
        "Attributes": customer_parts.attributes,
        "RFM": _rfm,
        "Best customers": _profile,
        "Deciles": _deciles,
    }
    choose("exploration", parts, bundle)


def _finding(bundle: ServedBundle) -> str:
    if not bundle.has("base_deciles"):
        return "**Nobody has bought yet.**"
    best = records(bundle.frame(_DECILES, period="last_365_days"))[0]
    text = ""
    if best["decile"] is not None and best["spend_share"] is not None:
        text = (
            f"**The best {formats.counted(best['customers'], 'customer')} of the last 365 days, the first decile, made "
            f"{formats.spoken_percent(best['spend_share'])} of the spend.**"
        )
    strongest = records(pair_parts.correlations(bundle)) if bundle.has("feature_pairs") else []
    if strongest:
        text += (
            f" Predicted spend goes together most with {strongest[0]['name']} (rank correlation "
            f"{formats.decimal(strongest[0]['correlation'], 2, signed=True)})."
        )
    return text


def _distributions(bundle: ServedBundle) -> None:
    if is_empty(bundle, "feature_distributions"):
        return
    found = {row["feature"]: row for row in records(bundle.frame(_FEATURES))}
    names = list(found)
    feature = st.selectbox(
        "What is known about the customers", names, index=names.index("recency_days") if "recency_days" in names else 0,
        format_func=lambda f: f"{found[f]['description']} ({labels.words(found[f]['source_family'])})", key="feature",
    ) or names[0]  # fmt: skip
    rows = bundle.frame(_BINS, feature=feature)
    rows["bin"] = [_bin(row) for row in records(rows)]
    rows["kind"] = rows["row_kind"].map(lambda kind: "not known" if kind == "missing" else "known")
    largest = records(rows.sort_values("customers", ascending=False, kind="stable"))[0]
    title = str(found[feature]["description"])
    chart = (
        alt.Chart(rows, height=26 * len(rows) + 50)
        .mark_bar()
        .encode(
            y=alt.Y("bin:N", sort=None, title=title[:1].upper() + title[1:]),
            x=alt.X("customers:Q", title="customers", axis=alt.Axis(format=charts.SHORT, tickCount=5)),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=["known", "not known"], range=[charts.ACCENT, charts.QUIET]),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("bin:N", title=title),
                alt.Tooltip("customers:Q", format=charts.WHOLE),
                alt.Tooltip("customer_share:Q", title="share of all", format=charts.PERCENT_FINE),
            ],
        )
    )
    draw(
        f"Customers by {title}",
        chart,
        f"Histogram of {title} in {len(rows)} groups; the largest is {largest['bin']}, with "
        f"{formats.counted(largest['customers'], 'customer')} ({formats.spoken_percent(largest['customer_share'])}).",
        "feature_distributions",
        note="Groups are not of equal width. Not known (grey) is not zero.",
    )
    tables.show(
        bundle, rows[["bin", "customers", "customer_share"]], name="distribution", table="feature_distributions"
    )
    customer_parts.spread(bundle)


def _bin(row: dict[str, Any]) -> str:
    if row["row_kind"] in ("missing", "zero", "other"):
        return {"missing": "not known", "zero": "0", "other": "all others"}[row["row_kind"]]
    if row["row_kind"] == "category":
        return str(row["category"])
    low, high = (_short(row[end]) for end in ("bin_low", "bin_high"))
    if not low:
        return f"below {high}" if high else "all"
    return f"{low} to below {high}" if high else f"{low} and more"


def _short(value: float | None) -> str:
    if value is None:
        return ""
    digits = 0 if float(value).is_integer() else 2
    return formats.decimal(value, digits)


def _rfm(bundle: ServedBundle) -> None:
    if is_empty(bundle, "rfm_scores"):
        return
    left, middle, right = st.columns(3)
    x = left.selectbox("Across", list(_RFM), index=0, key="rfm_x") or "recency"
    y = middle.selectbox("Up", [name for name in _RFM if name != x], index=0, key="rfm_y") or "frequency"
    y = y if y != x else next(name for name in _RFM if name != x)
    measures = {
        "customers": "customers",
        "predicted": "predicted spend per customer",
        "spend": "net spend to date per customer",
    }
    measure = right.selectbox("Coloured by", list(measures), format_func=measures.get, key="rfm_measure") or "customers"
    (x_score, x_low, x_high, x_words), (y_score, y_low, y_high, y_words) = _RFM[x], _RFM[y]
    rows = bundle.frame(
        f"""
        select
            {x_score} as x,
            {y_score} as y,
            count(*) as customers,
            avg(customer_clv.predicted_spend_{bundle.days}d) as predicted,
            avg(customer_clv.historic_value) as spend,
            any_value({x_low}) as x_low,
            any_value({x_high}) as x_high,
            any_value({y_low}) as y_low,
            any_value({y_high}) as y_high
        from rfm_scores
        inner join customer_clv using (customer_id)
        where {x_score} is not null and {y_score} is not null
        group by x, y
        order by y desc, x
        """
    )
    if rows.empty:
        st.info("Nobody has bought yet, so there are no scores. Check orders.sql (page Data quality).")
        return
    for axis in ("x", "y"):
        rows[f"{axis}_range"] = [_above(row[f"{axis}_low"], row[f"{axis}_high"]) for row in records(rows)]
    form = charts.WHOLE if measure == "customers" else charts.CENTS
    unit = measures[measure] + ("" if measure == "customers" else f", {bundle.currency}")
    chart = (
        charts.heat_map(
            rows, "x", "y", measure, unit, x_title=f"{x} score: {x_words}", y_title=f"{y} score: {y_words}", form=form
        )
        .encode(
            tooltip=[
                alt.Tooltip("x_range:N", title=x_words),
                alt.Tooltip("y_range:N", title=y_words),
                alt.Tooltip("customers:Q", format=charts.WHOLE),
                alt.Tooltip("predicted:Q", title=measures["predicted"], format=charts.CENTS),
                alt.Tooltip("spend:Q", title=measures["spend"], format=charts.CENTS),
            ]
        )
        .properties(height=380)
    )
    best = records(rows.sort_values(measure, ascending=False))[0]
    draw(
        f"RFM grid: {measures[measure]}, by {x} and {y}",
        chart,
        f"Heat map of {x} score and {y} score. The strongest cell: {x} {best['x']}, {y} {best['y']}, "
        f"{formats.spoken(best[measure])}.",
        "rfm_scores",
        "customer_clv",
        note="The highest score is the best. Scores describe the past; for what a customer will do, use predicted spend.",
    )
    shown = rows[["x", "x_range", "y", "y_range", "customers", "predicted", "spend"]]
    heads = {"x": f"{x} score", "x_range": x_words, "y": f"{y} score", "y_range": y_words, "predicted": measures["predicted"],
             "spend": measures["spend"]}  # fmt: skip
    tables.show(bundle, shown, name="rfm", headings=heads)


def _above(low: float | None, high: float | None) -> str:
    if low is None:
        return f"up to {_short(high)}" if high is not None else "all"
    return f"above {_short(low)}" + (f" to {_short(high)}" if high is not None else "")


def _profile(bundle: ServedBundle) -> None:
    if is_empty(bundle, "best_customer_profile"):
        return
    left, right = st.columns(2)
    kinds = bundle.frame("select distinct best_by from best_customer_profile order by best_by")["best_by"].tolist()
    best_by = (
        left.selectbox("The best 10 % by", kinds, format_func=lambda k: _BEST_BY.get(k, k), key="best_by") or kinds[0]
    )
    found = bundle.frame(
        "select distinct attribute from best_customer_profile where best_by = $best_by order by attribute",
        best_by=best_by,
    )
    attribute = right.selectbox(
        "Known at or before the first order", ["", *found["attribute"]],
        format_func=lambda a: labels.words(a) if a else _CLEAR_ONLY, key="profile_attribute",
    ) or ""  # fmt: skip
    rows = bundle.frame(_PROFILE, best_by=best_by, attribute=attribute)
    if rows.empty:
        st.info(
            "No difference is clear when it is considered how many were compared. That is no proof that there is none: choose an "
            "attribute to see its figures."
            if not attribute
            else "No value of this attribute has enough customers to be compared. Choose another one."
        )
        return
    rows["name"] = [_profile_name(row, attribute) for row in records(rows)]
    rows["kind"] = rows["is_clear"].map({True: "clear difference", False: "may be chance"})
    best = records(rows)[0]
    chart = intervals(
        rows,
        "name",
        "ratio",
        "ratio_low",
        "ratio_high",
        "share among the best / share among the others",
        series="kind",
        form=charts.SCORE,
    )
    draw(
        f"What the best customers by {_BEST_BY.get(best_by, best_by)} had in common at their first order",
        chart,
        f"Ratio of shares among the best and the others. Highest: {best['name']}, {formats.spoken(best['ratio'])} "
        "times as common.",
        "best_customer_profile",
        note="Above 1 the best have the value more often; bars are 90 % intervals. It does not say that the value "
        "makes customers good.",
    )
    tables.show(bundle, rows.drop(columns=["name", "kind"]), name="profile", table="best_customer_profile")


def _profile_name(row: dict[str, Any], attribute: str) -> str:
    value = (
        row["group_name"] if row["row_kind"] == "value" else {"unknown": "not known"}.get(row["row_kind"], "all others")
    )
    return str(value) if attribute else f"{labels.words(row['attribute'])}: {value}"


def _deciles(bundle: ServedBundle) -> None:
    if is_empty(bundle, "base_deciles"):
        return
    period = st.selectbox("Period", list(_PERIODS), format_func=_PERIODS.get, key="decile_period") or "last_365_days"
    rows = bundle.frame(_DECILES, period=period)
    rows["group"] = [
        f"decile {row['decile']}" if row["decile"] is not None else labels.words(row["row_kind"])
        for row in records(rows)
    ]
    best = records(rows)[0]
    draw(
        f"Share of the spend of {_PERIODS[period]}, by decile of the customers who bought",
        charts.bars(rows, "group", "spend_share", "share of net spend", form=charts.PERCENT),
        f"Share of spend by decile. {best['group'].capitalize()}: {formats.percent(best['spend_share'])}.",
        "base_deciles",
        note="Decile 1: the customers who spent most.",
    )
    tables.show(
        bundle,
        rows.drop(columns=["row_kind", "decile"]).set_index("group").reset_index(),
        name="deciles",
        table="base_deciles",
    )
