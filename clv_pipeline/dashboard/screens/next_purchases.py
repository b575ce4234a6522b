"""What they buy next: what is suggested, products of the best customers, quality of the lists, the way from order to order."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts, tables
from clv_pipeline.dashboard.escaping import plain
from clv_pipeline.dashboard.parts import choose, draw, intervals, is_empty, records
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats, labels

TITLE = "What they buy next"
POSITION = 55

_MOST_ITEMS, _MOST_ROWS = 25, 500
_KINDS = {"again": "bought before, and expected again", "new_to_them": "never bought by the customer"}
_STEPS = {
    "repeat": "the same again",
    "step_up": "a larger or better one",
    "new": "something else",
    "unknown": "not known",
}
_VALUES = {"bought_most": "what they buy at all", "first_purchase": "what they bought first"}
_PRODUCTS = """
    select
        item_name as item,
        item_kind,
        customers,
        best_customers,
        ratio,
        ratio_low,
        ratio_high,
        is_clear,
        net_spend,
        best_spend_share,
        predicted_spend_per_customer,
        predicted_spend_per_customer_low,
        predicted_spend_per_customer_high,
        first_year_ratio,
        first_year_ratio_low,
        first_year_ratio_high
    from product_value
    where row_kind = $kind and item_kind in ('category', 'product')
    order by position
"""
_SUGGESTED = """
    select
        kind,
        item_name as item,
        count(*) as suggestions,
        count(*) filter (where rank = 1) as in_first_place,
        avg(probability) as probability,
        any_value(popularity_probability) as popularity_probability,
        sum(expected_spend) as expected_spend,
        sum(expected_spend_low) as expected_spend_low,
        sum(expected_spend_high) as expected_spend_high,
        sum(expected_margin) as expected_margin,
        count(*) filter (where step = 'step_up') as step_up,
        any_value(item_level) as item_level
    from next_purchases
    group by kind, item_name
    order by kind, suggestions desc, item_name
"""
_BY_STEP = """
    select kind, coalesce(step, 'unknown') as step, count(*) as suggestions, sum(expected_spend) as expected_spend
    from next_purchases
    group by kind, coalesce(step, 'unknown')
    order by kind, suggestions desc
"""
_QUALITY = """
    select method, value, interval_low, interval_high, customers, horizon_days, test_window_start_date
    from next_purchase_quality
    where row_kind = 'method' and kind = $kind and metric = $metric and value is not null
    order by value desc, method
"""
_JOURNEY = """
    select
        step,
        next_step,
        customers,
        customers_so_far,
        customers_old_enough,
        customers_reached,
        reached_share,
        reached_share_low,
        reached_share_high,
        median_days,
        median_days_low,
        median_days_high,
        is_with_left_censored
    from journey
    where within_days = $days
    order by position
"""
_METRICS = {
    "ndcg_at_5": "NDCG of the first 5",
    "ndcg_at_10": "NDCG of the first 10",
    "recall_at_5": "recall of the first 5",
    "recall_at_10": "recall of the first 10",
    "log_loss": "log loss, lower is better",
}


def show(bundle: ServedBundle) -> None:
    """Draw the finding, then the part that the reader has chosen."""
    st.title(TITLE)
    st.markdown(f"Shows what customers are expected to buy, and what the best of them buy. {_finding(bundle)}")
    parts = {"Suggestions": _suggestions, "Products of the best": _products, "Quality": _quality, "Journey": _journey}
    choose("next_purchases", parts, bundle)


def _finding(bundle: ServedBundle) -> str:
    said = []
    if bundle.has("next_purchases"):
        for kind, words in (("again", "Most often expected again"), ("new_to_them", "most often suggested as new")):
            rows = records(_suggested(bundle, kind))
            if rows:
                said.append(
                    f"{words}: {plain(rows[0]['item'])} ({formats.counted(rows[0]['suggestions'], 'customer')}, "
                    f"{formats.spoken_percent(rows[0]['probability'])} likely on average)"
                )
    text = f"**{'; '.join(said)}.**" if said else "**There are no lists of what customers may buy next.**"
    if bundle.has("journey"):
        second = [row for row in records(bundle.frame(_JOURNEY, days=90)) if row["step"] == "order_1"]
        if second and second[0]["reached_share"] is not None:
            text += f" {formats.spoken_percent(second[0]['reached_share'])} of first buyers order again within 90 days."
    return text


def _suggested(bundle: ServedBundle, kind: str) -> pd.DataFrame:
    # both kinds in one query: at a million customers the table has six million rows
    rows = bundle.frame(_SUGGESTED)
    return rows[rows["kind"] == kind].drop(columns=["kind"])


def _why_no_lists(bundle: ServedBundle) -> None:
    """Say why there are no lists in the words of the night, or in general where it has none."""
    if bundle.has("next_purchase_quality"):
        found = bundle.frame(
            "select distinct statement from next_purchase_quality where row_kind = 'status' order by statement"
        )
        for statement in found["statement"].dropna():
            st.info(f"{plain(statement)} Next step: return product_category in orders.sql.")
    if not bundle.has("next_purchase_quality"):
        is_empty(bundle, "next_purchases")


def _suggestions(bundle: ServedBundle) -> None:
    if not bundle.has("next_purchases"):
        _why_no_lists(bundle)
        return
    kinds = [k for k in _KINDS if k in set(bundle.frame("select distinct kind from next_purchases")["kind"])]
    left, right = st.columns(2)
    kind = left.selectbox("Items", kinds, format_func=_KINDS.get, key="suggested_kind") or kinds[0]
    measures = {
        "suggestions": "customers it is suggested to",
        "expected_spend": f"expected spend, {bundle.currency}",
        "probability": "mean probability",
    }
    measure = (
        right.selectbox("Measure", list(measures), format_func=measures.get, key="suggested_measure") or "suggestions"
    )
    rows = _suggested(bundle, kind)
    shown = rows.sort_values([measure, "item"], ascending=[False, True]).head(_MOST_ITEMS)
    best = records(shown)[0]
    form = charts.PERCENT_FINE if measure == "probability" else charts.WHOLE
    draw(
        f"Suggested most: {_KINDS[kind]}",
        charts.bars(shown, "item", measure, measures[measure], form=form),
        f"The first {len(shown)} of {len(rows)} items by {measures[measure]}: {best['item']} leads with "
        f"{formats.spoken(best[measure])}.",
        "next_purchases",
        note=f"The first {len(shown)} of {formats.counted(len(rows), 'item')}; {bundle.days} days. Expected spend is "
        "part of the customers' "
        "predicted spend, not in addition to it.",
    )
    _table(bundle, rows, "suggested", "next_purchases")
    steps = bundle.frame(_BY_STEP)
    steps["kind_in_words"] = steps["kind"].map(_KINDS)
    steps["step_in_words"] = steps["step"].map(_STEPS)
    draw(
        "Kinds of suggestions",
        _stacked(steps),
        "Suggestions by kind and step: "
        + "; ".join(
            f"{row['kind_in_words']}, {row['step_in_words']}: {formats.count(row['suggestions'])}"
            for row in records(steps)
        )
        + ".",
        "next_purchases",
        note="A larger or better one is judged by prices alone.",
    )


def _table(bundle: ServedBundle, rows: pd.DataFrame, name: str, table: str) -> None:
    # a table of 4,000 products took a second to write
    tables.show(bundle, rows.head(_MOST_ROWS), name=name, table=table)
    if len(rows) > _MOST_ROWS:
        st.caption(f"The first {_MOST_ROWS} of {formats.count(len(rows))} items; all are in `{table}`.")


def _stacked(steps: pd.DataFrame) -> alt.Chart:
    names = [name for name in _STEPS.values() if name in set(steps["step_in_words"])]
    return (
        alt.Chart(steps, height=220)
        .mark_bar()
        .encode(
            y=alt.Y("kind_in_words:N", sort=None, title=None),
            x=alt.X("suggestions:Q", title="suggestions", axis=alt.Axis(format=charts.SHORT, tickCount=5)),
            color=alt.Color(
                "step_in_words:N", title=None, scale=alt.Scale(domain=names, range=list(charts.SERIES)),
                legend=alt.Legend(orient="bottom", columns=2),
            ),
            tooltip=[
                alt.Tooltip("kind_in_words:N", title="items"),
                alt.Tooltip("step_in_words:N", title="step"),
                alt.Tooltip("suggestions:Q", format=charts.WHOLE),
                alt.Tooltip("expected_spend:Q", title="expected spend", format=charts.WHOLE),
            ],
        )
    )  # fmt: skip


def _products(bundle: ServedBundle) -> None:
    if is_empty(bundle, "product_value"):
        return
    left, right = st.columns(2)
    kinds = [k for k in _VALUES if k in set(bundle.frame("select distinct row_kind from product_value")["row_kind"])]
    kind = left.selectbox("Of the customers", kinds, format_func=_VALUES.get, key="product_kind") or kinds[0]
    measures = {
        "ratio": "times as typical of the best 10 %",
        "predicted_spend_per_customer": f"predicted spend per customer, {bundle.currency}",
    }
    if kind == "first_purchase":
        measures["first_year_ratio"] = "first-year spend / that of other first buyers"
    measure = right.selectbox("Measure", list(measures), format_func=measures.get, key="product_measure") or "ratio"
    measure = measure if measure in measures else "ratio"
    rows = bundle.frame(_PRODUCTS, kind=kind)
    known = rows[rows[measure].notna() & rows[f"{measure}_low"].notna()]
    if known.empty:
        st.info("No item has enough customers for this measure. Choose another one.")
        return
    shown = known.sort_values([measure, "item"], ascending=[False, True]).head(_MOST_ITEMS)
    shown = shown.assign(kind=shown["is_clear"].map({True: "clear difference", False: "may be chance"}))
    best = records(shown)[0]
    draw(
        f"Items of the best customers: {_VALUES[kind]}",
        intervals(
            shown, "item", measure, f"{measure}_low", f"{measure}_high", measures[measure],
            series="kind" if measure == "ratio" else None, form=charts.SCORE if "ratio" in measure else charts.CENTS,
        ),
        f"The first {len(shown)} of {len(known)} items, with 90 % intervals. {best['item']} leads with "
        f"{formats.spoken(best[measure])}.",
        "product_value",
        note=f"The first {len(shown)} of {formats.counted(len(known), 'item')}, with 90 % intervals. The best: the 10 "
        "% with the highest "
        "predicted spend. Not a cause: selling the item to others need not make them like these.",
    )  # fmt: skip
    _table(bundle, rows, "products", "product_value")


def _quality(bundle: ServedBundle) -> None:
    if is_empty(bundle, "next_purchase_quality"):
        return
    verdicts = bundle.frame(
        "select kind, statement from next_purchase_quality where row_kind in ('verdict', 'status') and statement is not null "
        "order by kind, row_kind desc"
    )
    for row in records(verdicts):
        st.markdown(
            f"- **{_KINDS.get(row['kind'], row['kind']).capitalize()}**: {plain(labels.words(row['statement']))}"
        )
    kinds = bundle.frame("select distinct kind from next_purchase_quality where row_kind = 'method' order by kind")[
        "kind"
    ].tolist()
    if not kinds:
        st.info(
            "No list was tested, because nothing could be suggested in a past window. A longer history changes that."
        )
        return
    left, right = st.columns(2)
    kind = left.selectbox("Items", kinds, format_func=lambda k: _KINDS.get(k, k), key="quality_kind") or kinds[0]
    metric = right.selectbox("Measure", list(_METRICS), format_func=_METRICS.get, key="quality_metric") or "ndcg_at_5"
    rows = bundle.frame(_QUALITY, kind=kind, metric=metric)
    if rows.empty:
        st.info(
            "No method has this figure for these items: log loss exists only for methods with probabilities. Choose "
            "another measure."
        )
        return
    baseline = "own_frequency" if kind == "again" else "popularity"
    rows["name"] = rows["method"].map(labels.words)
    rows["role"] = rows["method"].map(
        lambda m: "learned" if m == "learned_ranker" else "baseline" if m == baseline else "other method"
    )
    if metric == "log_loss":
        rows = rows.iloc[::-1]
    best = records(rows)[0]
    draw(
        f"How good the lists are: {_METRICS[metric]}",
        intervals(
            rows, "name", "value", "interval_low", "interval_high", _METRICS[metric], series="role", form=charts.SCORE
        ),
        f"{_METRICS[metric]} of each method with its 90 % interval; the best is {best['name']} with "
        f"{formats.decimal(best['value'])}.",
        "next_purchase_quality",
        note=f"Measured on {formats.counted(best['customers'], 'customer')} in the {best['horizon_days']} days from "
        f"{formats.long_day(best['test_window_start_date'])}, which the ranker had not seen. Recall: share of what "
        "they bought that is on the "
        "list; NDCG: the same, with more weight on the first places; 1 is perfect.",
    )
    tables.show(bundle, rows.drop(columns=["name", "role"]), name="list_quality", table="next_purchase_quality")


def _journey(bundle: ServedBundle) -> None:
    if is_empty(bundle, "journey"):
        return
    allowed = [
        int(d) for d in bundle.frame("select distinct within_days from journey order by within_days")["within_days"]
    ]
    days = st.selectbox(
        "Days allowed for the next step", allowed, index=allowed.index(90) if 90 in allowed else 0, key="journey_days"
    )
    rows = bundle.frame(_JOURNEY, days=days)
    rows["name"] = [f"{_step(row['step'])} to {_step(row['next_step'])}" for row in records(rows)]
    reached = rows[rows["reached_share"].notna()]
    if reached.empty:
        st.info(f"Nobody reached a step at least {days} days ago. Allow fewer days.")
        return
    draw(
        f"Customers who take the next step within {days} days",
        charts.bars(reached, "name", "reached_share", "share of those who took the step", low="reached_share_low",
                    high="reached_share_high", form=charts.PERCENT),
        f"Share who take the next step within {days} days: "
        + "; ".join(f"{row['name']} {formats.percent(row['reached_share'])}" for row in records(reached))
        + ".",
        "journey",
        note=_journey_note(records(rows)),
    )  # fmt: skip
    timed = rows[rows["median_days"].notna()]
    if not timed.empty:
        draw(
            "Days until the next step, of those who take it in time",
            intervals(timed, "name", "median_days", "median_days_low", "median_days_high", "median days"),
            "Median days to the next step: "
            + "; ".join(f"{r['name']} {formats.count(r['median_days'])}" for r in records(timed))
            + ".",
            "journey",
            note="Median with its 90 % interval.",
        )
    tables.show(bundle, rows.drop(columns=["name"]), name="journey", table="journey")


def _step(step: str) -> str:
    return labels.words(step).replace("order ", "order no. ")


def _journey_note(rows: list[dict[str, Any]]) -> str:
    note = (
        "Only customers who took the step long enough ago; whiskers are 90 % intervals. That the share rises does not mean that "
        "an order causes the next."
    )
    if any(row["step"] == "first_visit" for row in rows):
        note += " Visitors who never come back are mostly unknown, so the share after the first visit is too high."
    if any(row["is_with_left_censored"] for row in rows):
        note += " Customers who may be older than the data are counted too, and the shares are too high."
    return note
