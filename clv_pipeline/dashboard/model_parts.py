"""What stands behind the predictions: models against fixed rules, the intervals' certainty, drivers, possible improvements."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts, tables
from clv_pipeline.dashboard.parts import dots, draw, intervals, is_empty, records
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats, labels

_TARGETS = """
    select distinct target from model_quality where row_kind = 'model' and horizon_days = $days order by target desc
"""
_BEGIN_WITH = ("normalised_gini", "roc_auc")
_MODELS = """
    select candidate, is_baseline, is_champion, value, interval_low, interval_high, fold_score, customers, test_window_start_date
    from model_quality
    where row_kind = 'model' and horizon_days = $days and target = $target and metric = $metric and value is not null
    order by value desc, candidate
"""
_PUBLISHED = """
    select metric, value
    from model_quality
    where row_kind in ('published', 'level') and horizon_days = $days and value is not null
    order by row_kind desc, metric
"""
_DECILES = """
    select
        slice_name,
        sum(expected_buyers) / sum(customers) as expected,
        sum(actual_buyers) / sum(customers) as actual,
        sum(share_inside * customers) / sum(customers) as inside
    from prediction_outcomes
    where slice_kind = 'decile' and is_closed and horizon_days = $days
    group by slice_name, position
    order by position
"""
_IMPORTANCE = """
    select description as name, source_family, mean_drop, interval_low, interval_high, metric
    from permutation_importance
    where target = $target and row_kind = $kind
    order by rank
    limit 20
"""
_CONTRIBUTIONS = """
    select description as name, mean_contribution
    from feature_importance
    where horizon_days = $days
    order by rank
    limit 15
"""
_CURVE = """
    select value, value_as_number, prediction, interval_low, interval_high
    from partial_dependence
    where target = $target and feature = $feature
    order by position
"""
_ABLATION = """
    select description as name, difference, interval_low, interval_high
    from source_ablation
    where metric = $metric and difference is not null
    order by difference desc, left_out
"""


def models(bundle: ServedBundle) -> None:
    """Draw every model and baseline by one metric, and the verdicts of the test window in words."""
    if is_empty(bundle, "model_quality"):
        return
    left, middle, right = st.columns(3)
    days = _days(bundle, "model_quality", left, "model_days")
    target = middle.selectbox(
        "What is predicted",
        _list(bundle, _TARGETS, days=days),
        format_func=labels.target, key="model_target",
    )  # fmt: skip
    metrics = _list(
        bundle,
        "select distinct metric from model_quality where row_kind = 'model' and horizon_days = $days and target = "
        "$target order by metric",
        days=days, target=target,
    )  # fmt: skip
    if not metrics:
        st.info(
            "No model was tested at this horizon: its predictions are carried on from a shorter one, or a rule makes them."
        )
        return
    first = next((i for i, metric in enumerate(metrics) if metric in _BEGIN_WITH), 0)
    metric = right.selectbox(
        "Measure", metrics, index=first, format_func=lambda m: labels.metric(m).label, key="model_metric"
    )
    metric = metric if metric in metrics else metrics[first]
    _verdicts(bundle, days)
    rows = bundle.frame(_MODELS, days=days, target=target, metric=metric)
    if rows.empty:
        st.info("No model has a figure of this measure. Choose another one.")
        return
    rows["kind"] = [_role(row) for row in records(rows)]
    rows["name"] = [labels.words(name) for name in rows["candidate"]]
    start, label = formats.day(rows["test_window_start_date"].iloc[0]), labels.metric(metric).label
    best = records(rows)[0]
    # the mean and zero put all customers in one place: next to their 0 the others could not be told apart
    drawn = rows[(rows["value"] != 0) | ~rows["is_baseline"]]
    in_table_only = ", ".join(rows.loc[~rows.index.isin(drawn.index), "name"])
    draw(
        f"{label} of every model and fixed rule, {labels.target(str(target))}",
        intervals(drawn, "name", "value", "interval_low", "interval_high", label, series="kind", form=charts.SCORE),
        f"{label} with 90 % interval. Highest: {best['name']} with {formats.metric(metric, best['value'])}.",
        "model_quality",
        note=f"{label}: {labels.metric(metric).meaning}. Measured on {formats.counted(best['customers'], 'customer')} "
        f"from {start} on, "
        "a window that no model was fitted or tuned on; bars are 90 % bootstrap intervals."
        + (f" In the table only, for they rank nobody: {in_table_only}." if in_table_only else ""),
    )
    tables.show(
        bundle, rows.assign(candidate=rows["name"]).drop(columns=["name", "kind"]), name="models", table="model_quality"
    )


def _role(row: dict[str, Any]) -> str:
    return "in use" if row["is_champion"] else "fixed rule" if row["is_baseline"] else "other model"


def _verdicts(bundle: ServedBundle, days: int) -> None:
    found = bundle.frame(
        "select statement, value from model_quality where row_kind = 'verdict' and horizon_days = $days order by metric",
        days=days,
    )
    for row in records(found):
        icon = ":material/check_circle:" if row["value"] == 1 else ":material/info:"
        st.markdown(f"{icon} {_sentence(str(row['statement']))}")


def _sentence(text: str) -> str:
    # a statement begins with the code of a model or with a small letter
    return labels.words(text[:1].upper() + text[1:]) + "."


def certainty(bundle: ServedBundle) -> None:
    """Draw how far the intervals and the purchase probabilities can be believed."""
    if is_empty(bundle, "model_quality"):
        return
    days = _days(bundle, "model_quality", st.container(), "certainty_days")
    deciles = bundle.frame(_DECILES, days=days) if bundle.has("prediction_outcomes") else pd.DataFrame()
    if deciles.empty:
        st.info("No window of this length is over, so the probabilities cannot be compared with purchases yet.")
    else:
        deciles["group"] = [f"decile {n}" if str(n).isdigit() else labels.words(str(n)) for n in deciles["slice_name"]]
        both = deciles.melt("group", ["expected", "actual"], "kind", "share")
        both["kind"] = both["kind"].map({"expected": "predicted probability", "actual": "bought"})
        draw(
            "Purchase probability against the share of customers who bought, by decile of predicted spend",
            dots(both, "group", "share", "kind", "share of customers", form=charts.PERCENT),
            "Mean purchase probability and share of buyers by decile, all windows that are over.",
            "prediction_outcomes",
            note="All windows of this length that are over, together. Where the second dot is left of the first, fewer "
            "bought than predicted.",
        )
        draw(
            "Customers inside their own 90 % interval, by decile of predicted spend",
            charts.bars(deciles, "group", "inside", "share of customers; 90 % is right", form=charts.PERCENT),
            "Share of customers inside their interval by decile, all windows that are over.",
            "prediction_outcomes",
        )
    found = records(bundle.frame(_PUBLISHED, days=days))
    rows = pd.DataFrame(
        [
            {
                "measure": labels.metric(str(row["metric"])).label,
                "value": formats.metric(str(row["metric"]), row["value"]),
                "meaning": labels.metric(str(row["metric"])).meaning,
            }
            for row in found
            if labels.metric(str(row["metric"])).meaning
        ],
        columns=["measure", "value", "meaning"],
    )
    st.markdown("##### Intervals and probabilities on the test window")
    if rows.empty:
        st.info("The intervals of this horizon were not measured.")
        return
    tables.show(bundle, rows, name="certainty")
    st.caption("From `model_quality`.")


def drivers(bundle: ServedBundle) -> None:
    """Draw what the champion's predictions rest on, how they follow a feature, and what each source adds."""
    _permutation(bundle)
    _dependence(bundle)
    _ablation(bundle)
    _contributions(bundle)


def _permutation(bundle: ServedBundle) -> None:
    if is_empty(bundle, "permutation_importance"):
        return
    left, right = st.columns(2)
    targets = _list(bundle, "select distinct target from permutation_importance order by target desc")
    target = left.selectbox("What is predicted", targets, format_func=labels.target, key="driver_target") or targets[0]
    kinds = {"feature": "each fact alone", "source": "all facts of a source"}
    kind = (
        right.selectbox("Shuffled among customers", list(kinds), format_func=kinds.get, key="driver_kind") or "feature"
    )
    rows = bundle.frame(_IMPORTANCE, target=target, kind=kind)
    if rows.empty:
        st.info("Nothing of this kind was measured for this target.")
        return
    _, lost, _ = labels.drivers(str(target), bundle.currency)
    best = records(rows)[0]
    draw(
        "What the predictions rest on",
        intervals(rows, "name", "mean_drop", "interval_low", "interval_high", lost, form=charts.SCORE, zero=True),
        f"Loss of skill when a fact is shuffled among customers. Most: {best['name']}, {formats.decimal(best['mean_drop'])}.",
        "permutation_importance",
        note="How much worse customers are ordered on the test window when what is known about them is mixed up, with 90 % "
        "intervals. It says what a prediction uses, and not what causes a purchase.",
    )


def _dependence(bundle: ServedBundle) -> None:
    if is_empty(bundle, "partial_dependence"):
        return
    found = records(
        bundle.frame(
            "select distinct target, feature, description from partial_dependence order by target desc, description"
        )
    )
    chosen = st.selectbox(
        "How predictions follow", found, key="dependence",
        format_func=lambda row: f"{row['description']} ({labels.target(row['target'])})",
    ) or found[0]  # fmt: skip
    rows = bundle.frame(_CURVE, target=chosen["target"], feature=chosen["feature"])
    name, _, unit = labels.drivers(chosen["target"], bundle.currency)
    title, text = (
        f"{name} by {chosen['description']}",
        f"Mean prediction if every customer had the value: {chosen['description']}.",
    )
    note = "Mean of all customers if each had this value and nothing else changed; 90 % intervals. Not the effect of an action."
    numbers = rows[rows["value_as_number"].notna()]
    if len(numbers) > 1:
        curve = _curve(numbers, str(chosen["description"]), unit)
        draw(title, curve, text, "partial_dependence", note=note + _missing(rows))
    else:
        bars = intervals(rows, "value", "prediction", "interval_low", "interval_high", unit, form=charts.CENTS)
        draw(title, bars, text, "partial_dependence", note=note)


def _curve(numbers: pd.DataFrame, name: str, unit: str) -> alt.LayerChart:
    # no zero: the slope is what is looked for; no day axis: the values are numbers of any size
    y = alt.Y("prediction:Q", title=unit, scale=alt.Scale(zero=False))
    base = alt.Chart(numbers, height=300).encode(x=alt.X("value_as_number:Q", title=name))
    tooltip = [
        alt.Tooltip("value:N", title=name),
        alt.Tooltip("prediction:Q", title=unit, format=charts.CENTS),
        alt.Tooltip("interval_low:Q", title="lower end", format=charts.CENTS),
        alt.Tooltip("interval_high:Q", title="upper end", format=charts.CENTS),
    ]
    band = base.mark_area(opacity=0.2, color=charts.ACCENT).encode(
        y=alt.Y("interval_low:Q", title=unit, scale=alt.Scale(zero=False)), y2="interval_high:Q"
    )
    return alt.layer(band, base.mark_line(color=charts.ACCENT, point=True).encode(y=y, tooltip=tooltip))


def _missing(rows: pd.DataFrame) -> str:
    unknown = records(rows[rows["value_as_number"].isna()])
    return f" Where the value is not known: {formats.decimal(unknown[0]['prediction'], 2)}." if unknown else ""


def _ablation(bundle: ServedBundle) -> None:
    if is_empty(bundle, "source_ablation"):
        return
    metrics = _list(bundle, "select distinct metric from source_ablation order by metric")
    metric = st.selectbox(
        "Measure of what each source adds", metrics, format_func=lambda m: labels.metric(m).label, key="ablation_metric",
        index=metrics.index(_BEGIN_WITH[0]) if _BEGIN_WITH[0] in metrics else 0,
    ) or metrics[0]  # fmt: skip
    rows = bundle.frame(_ABLATION, metric=metric)
    label = labels.metric(metric).label
    draw(
        "What each source adds",
        intervals(rows, "name", "difference", "interval_low", "interval_high", f"{label} with it minus without it", zero=True,
                  form=charts.SCORE),
        f"Difference of {label} with and without each source, with 90 % intervals.",
        "source_ablation",
        note=f"One fixed model fitted with and without the source. {label}: {labels.metric(metric).meaning}. An interval that "
        "includes 0 means: no clear effect.",
    )  # fmt: skip


def _contributions(bundle: ServedBundle) -> None:
    if is_empty(bundle, "feature_importance"):
        return
    days = _days(bundle, "feature_importance", st.container(), "contribution_days")
    rows = bundle.frame(_CONTRIBUTIONS, days=days)
    draw(
        f"How much each fact changes a prediction of {days} days",
        charts.bars(
            rows, "name", "mean_contribution", f"mean absolute contribution, {bundle.currency}", form=charts.CENTS
        ),
        f"Mean absolute contribution of the 15 strongest facts. Most: {rows['name'].iloc[0]}.",
        "feature_importance",
    )


def improvements(bundle: ServedBundle) -> None:
    """Draw what would improve the forecasts: what is to do with its share of money, and what connected sources are worth."""
    if is_empty(bundle, "forecast_improvements"):
        return
    rows = bundle.frame("select * from forecast_improvements order by priority")
    to_do = records(rows[rows["status"] == "to_do"])
    st.markdown("##### To do, the largest share of money first")
    if not to_do:
        st.markdown("Nothing is missing that the pipeline knows of.")
    for row in to_do:
        money = (
            f" Behind it: {formats.spoken_money(row['money_at_stake'], row['currency'])}, which is not what it earns."
            if row["money_at_stake"] is not None
            else ""
        )
        worth = (
            f"{formats.spoken_percent(row['worth'])} ({row['measure']})."
            if row["is_measured"]
            else "Nobody has measured what it is worth."
        )
        st.markdown(
            f"- **{labels.words(row['improvement']).capitalize()}** (`{row['subject']}`). {row['statement']} {worth}{money} "
            f"*Next step:* {row['next_step']}"
        )
    st.caption(
        "From `forecast_improvements`. Shares of money are compared with each other, never with the gains of sources."
    )
    used = rows[(rows["status"] == "in_use") & rows["worth"].notna()]
    if not used.empty:
        draw(
            "Sources in use: what each adds to the order of the customers",
            intervals(
                used,
                "subject",
                "worth",
                "worth_low",
                "worth_high",
                "Gini with it minus without it",
                form=charts.SCORE,
                zero=True,
            ),
            "What each connected source adds to the normalised Gini, with 90 % intervals.",
            "forecast_improvements",
            note="An interval that includes 0 means: no clear effect.",
        )


def _days(bundle: ServedBundle, table: str, place: Any, key: str) -> int:
    choices = [int(d) for d in _list(bundle, f"select distinct horizon_days from {table} order by horizon_days")]
    chosen = place.selectbox(
        "Length of the window", choices, index=choices.index(bundle.days) if bundle.days in choices else 0,
        format_func=lambda d: f"{d} days", key=key,
    )  # fmt: skip
    return int(chosen or choices[0])


def _list(bundle: ServedBundle, query: str, **parameters: object) -> list[Any]:
    found: list[Any] = bundle.frame(query, **parameters).iloc[:, 0].tolist()
    return found
