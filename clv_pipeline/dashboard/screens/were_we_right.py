"""Were we right: past predictions against what customers spent, the models behind them, and what would improve them."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts, model_parts, tables
from clv_pipeline.dashboard.parts import choose, dots, draw, intervals, is_empty, records
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats, labels

TITLE = "Were we right?"
POSITION = 70

_CLOSED, _OPEN, _BACKTEST = "published, window over", "published, read early", "backtest, never published"
_SAME_AGAIN = "fixed rule: the same spend again"
#: What the customers of a window are divided by, as people say it.
_SLICES = {
    "decile": "decile of predicted spend",
    "tier": "value tier",
    "segment": "segment",
    "status": "history of the customer",
    "channel": "acquisition channel",
}
_WINDOWS = """
    select
        as_of_date,
        window_end_date,
        case when is_backtest then $backtest when is_closed then $closed else $open end as state,
        customers,
        predicted_spend,
        expected_share,
        expected_spend,
        expected_spend_low,
        expected_spend_high,
        actual_spend,
        is_inside,
        bias,
        share_inside,
        gini,
        baseline_bias,
        baseline_gini
    from prediction_outcomes
    where slice_kind = 'all' and horizon_days = $days
    order by as_of_date, is_backtest
"""
_SLICES_OF_A_WINDOW = """
    select
        slice_name,
        customers,
        expected_spend,
        expected_spend_low,
        expected_spend_high,
        actual_spend,
        is_inside,
        bias,
        share_inside,
        gini,
        baseline_bias,
        baseline_gini,
        expected_buyers,
        actual_buyers
    from prediction_outcomes
    where
        slice_kind = $kind
        and as_of_date = $as_of
        and horizon_days = $days
        and is_backtest = $is_backtest
    order by position, slice_name
"""
_CHOICES_OF_WINDOW = """
    select distinct as_of_date, horizon_days, is_backtest
    from prediction_outcomes
    where is_closed and slice_kind <> 'all'
    order by as_of_date desc, is_backtest, horizon_days
"""


def show(bundle: ServedBundle) -> None:
    """Draw the finding, then the part that the reader has chosen."""
    st.title(TITLE)
    st.markdown(_finding(bundle))
    parts = {
        "Over time": _over_time,
        "Where": _where,
        "Models": model_parts.models,
        "Certainty": model_parts.certainty,
        "Drivers": model_parts.drivers,
        "Improvements": model_parts.improvements,
    }
    choose("were_we_right", parts, bundle)


def _windows(bundle: ServedBundle, days: int) -> pd.DataFrame:
    return bundle.frame(_WINDOWS, days=days, backtest=_BACKTEST, closed=_CLOSED, open=_OPEN)


def _finding(bundle: ServedBundle) -> str:
    question = "Compares what was predicted with what customers then spent. "
    found = _windows(bundle, bundle.days) if bundle.has("prediction_outcomes") else pd.DataFrame({"state": []})
    published, tested = found[found["state"] == _CLOSED], found[found["state"] == _BACKTEST]
    judged, kind = (tested, "tested window") if published.empty else (published, "published window")
    if judged.empty:
        return question + "**No predicted window is over yet, so nobody can say whether the predictions were right.**"
    known = judged["is_inside"].dropna().astype(bool)
    last = records(judged)[-1]
    inside = f"inside its 90 % interval in {int(known.sum())} of {formats.counted(len(known), kind)}"
    latest = (
        f"The last, from {formats.long_day(last['as_of_date'])}: {formats.spoken_money(last['predicted_spend'])} predicted, "
        f"{formats.spoken_money(last['actual_spend'], bundle.currency)} spent"
    )
    if last["bias"] is not None:
        latest += f" (predicted {formats.spoken_percent(last['bias'], signed=True)} against actual)"
    return f"{question}**What customers spent was {inside}.** {latest}. {_ranking(last)}"


def _ranking(row: dict[str, Any]) -> str:
    if row["gini"] is None or row["baseline_gini"] is None:
        return ""
    word = "better" if row["gini"] > row["baseline_gini"] else "no better"
    return (
        f"It put the customers in {word} order than the rule that everybody spends the same again (Gini "
        f"{formats.spoken(row['gini'])} against {formats.spoken(row['baseline_gini'])}; 1 is the perfect order)."
    )


def _over_time(bundle: ServedBundle) -> None:
    if is_empty(bundle, "prediction_outcomes"):
        return
    found = bundle.frame("select distinct horizon_days from prediction_outcomes order by horizon_days")
    choices = [int(days) for days in found["horizon_days"]]
    days = st.selectbox(
        "Length of the predicted window",
        choices,
        index=choices.index(bundle.days) if bundle.days in choices else 0,
        format_func=lambda d: f"{d} days",
        key="outcome_days",
    )
    rows = _windows(bundle, int(days))
    last = ". ".join(
        f"From {formats.day(row['as_of_date'])} ({row['state']}): {formats.spoken_money(row['expected_spend'])} expected, "
        f"{formats.spoken_money(row['actual_spend'], bundle.currency)} came"
        for row in records(rows)[-3:]
    )
    draw(
        f"Predicted and actual spend in the {days} days from each date",
        _totals(rows, bundle.currency),
        f"Predicted totals of {len(rows)} windows with their 90 % interval, and what customers spent. The last: {last}.",
        "prediction_outcomes",
        note="Bar and dot: expected spend with its 90 % interval; diamond: what customers spent. A window read early "
        "compares the "
        "part expected by now; in its first weeks the interval is very wide. Backtest: what today's models would have said then.",
    )
    over = rows[rows["state"] != _OPEN]
    if over.empty:
        st.info(
            "No window of this length is over yet. How well the customers were ranked is known when the first one is."
        )
    else:
        _quality_over_time(over)
    tables.show(bundle, rows, name="windows", table="prediction_outcomes")


def _totals(rows: pd.DataFrame, currency: str) -> alt.LayerChart:
    title = f"spend of all customers, {currency}"
    axis = alt.Axis(format=charts.SHORT, tickCount=5)
    states = [state for state in (_CLOSED, _OPEN, _BACKTEST) if (rows["state"] == state).any()]
    colours = {_CLOSED: charts.SERIES[0], _OPEN: charts.SERIES[1], _BACKTEST: charts.QUIET}
    base = alt.Chart(rows, height=320).encode(
        x=alt.X(
            "as_of_date:T",
            timeUnit="utcyearmonthdate",
            title="predicted on",
            scale=alt.Scale(padding=24),
            axis=alt.Axis(format="%Y-%m-%d", tickCount=5),
        ),
        color=alt.Color(
            "state:N",
            title=None,
            scale=alt.Scale(domain=states, range=[colours[state] for state in states]),
            legend=alt.Legend(orient="bottom", columns=1, labelLimit=260),
        ),
        tooltip=[
            alt.Tooltip("as_of_date:T", timeUnit="utcyearmonthdate", title="predicted on", format="%Y-%m-%d"),
            alt.Tooltip("state:N", title="kind"),
            alt.Tooltip("expected_spend:Q", title="expected", format=charts.WHOLE),
            alt.Tooltip("expected_spend_low:Q", title="lower end", format=charts.WHOLE),
            alt.Tooltip("expected_spend_high:Q", title="upper end", format=charts.WHOLE),
            alt.Tooltip("actual_spend:Q", title="actual", format=charts.WHOLE),
            alt.Tooltip("expected_share:Q", title="part of the window expected by now", format=charts.PERCENT_FINE),
        ],
    )
    return alt.layer(
        base.mark_rule(strokeWidth=3, opacity=0.6).encode(
            y=alt.Y("expected_spend_low:Q", title=title, axis=axis), y2="expected_spend_high:Q"
        ),
        base.mark_point(filled=True, size=60, opacity=1).encode(y=alt.Y("expected_spend:Q", title=title, axis=axis)),
        base.mark_point(shape="diamond", size=130, strokeWidth=2).encode(
            y=alt.Y("actual_spend:Q", title=title, axis=axis)
        ),
    )


def _quality_over_time(over: pd.DataFrame) -> None:
    last = records(over)[-1]
    draw(
        "Customers whose spend was inside their own 90 % interval",
        charts.lines(
            over,
            "as_of_date",
            "share_inside",
            "share of customers",
            form=charts.PERCENT,
            x_title="predicted on",
            points=True,
        ),
        f"Share of customers inside by window; 90 % is right. The last: {formats.percent(last['share_inside'])}.",
        "prediction_outcomes",
        note="90 % is right; above it the intervals are wider than they need to be, below it they promise too much.",
    )
    for column, title, unit, form, note in (
        ("gini", "Order of the customers, predictions against a fixed rule", "Gini", charts.SCORE,
         "1 is the perfect order, 0 a random one."),
        ("bias", "How far the total was off, predictions against a fixed rule", "predicted / actual - 1", charts.PERCENT,
         "Above zero the total was predicted too high."),
    ):  # fmt: skip
        both = over.melt("as_of_date", [column, f"baseline_{column}"], "method").dropna()
        both["method"] = both["method"].map({column: "predictions", f"baseline_{column}": _SAME_AGAIN})
        draw(
            title,
            charts.lines(
                both, "as_of_date", "value", unit, series="method", form=form, x_title="predicted on", points=True
            ),
            f"{title}, by window. The last: {formats.spoken(last[column])} against {formats.spoken(last[f'baseline_{column}'])}.",
            "prediction_outcomes",
            note=note,
        )


def _where(bundle: ServedBundle) -> None:
    if is_empty(bundle, "prediction_outcomes"):
        return
    found = records(bundle.frame(_CHOICES_OF_WINDOW))
    if not found:
        st.info("No predicted window is over yet; its groups of customers are compared when the first one is.")
        return
    left, right = st.columns(2)
    window = left.selectbox("Window", found, format_func=_window_name, key="outcome_window")
    window = window or found[0]
    kinds = _kinds(bundle, window)
    kind = right.selectbox("Customers divided by", kinds, format_func=_SLICES.get, key="outcome_slices") or kinds[0]
    rows = bundle.frame(_SLICES_OF_A_WINDOW, kind=kind, **_key(window))
    rows["group"] = [_slice_name(kind, str(name)) for name in rows["slice_name"]]
    st.markdown(_where_finding(rows, _SLICES[kind]))
    draw(
        f"Predicted and actual spend per customer, by {_SLICES[kind]}",
        _calibration(rows, bundle.currency),
        f"Spend per customer by {_SLICES[kind]}: expected with its 90 % interval, and actual.",
        "prediction_outcomes",
        note="Bar and dot: expected with its 90 % interval; diamond: what they spent. Of single groups more than one "
        "in ten is outside, "
        "because a group can be ranked too high or too low as a whole.",
    )
    draw(
        f"Customers inside their own 90 % interval, by {_SLICES[kind]}",
        charts.bars(rows, "group", "share_inside", "share of customers; 90 % is right", form=charts.PERCENT),
        f"Share of customers inside their interval, by {_SLICES[kind]}.",
        "prediction_outcomes",
    )
    for column, title, unit, form, note in (
        ("gini", "Order of the customers within each group", "Gini: 1 is the perfect order, 0 a random one", charts.SCORE,
         "Within a group customers differ less than among all, so that each figure is below the one of all customers."),
        ("bias", "How far the total of each group was off", "predicted / actual - 1", charts.PERCENT,
         "Above zero the group was predicted too high. Where customers spent next to nothing, a small error is many times that."),
    ):  # fmt: skip
        both = rows.melt("group", [column, f"baseline_{column}"], "method").dropna()
        both["method"] = both["method"].map({column: "predictions", f"baseline_{column}": _SAME_AGAIN})
        draw(
            f"{title}, by {_SLICES[kind]}: predictions against a fixed rule",
            dots(both, "group", "value", "method", unit, form=form),
            f"{title} by {_SLICES[kind]}: of the predictions, and of the rule that everybody spends the same again.",
            "prediction_outcomes",
            note=note,
        )
    shown = rows.drop(columns=["group"]).assign(slice_name=rows["group"])
    tables.show(bundle, shown, name="slices", table="prediction_outcomes")


def _window_name(window: dict[str, Any]) -> str:
    name = labels.window(window["horizon_days"], formats.day(window["as_of_date"]))
    return f"{name} (backtest)" if window["is_backtest"] else name


def _key(window: dict[str, Any]) -> dict[str, Any]:
    return {"as_of": window["as_of_date"], "days": window["horizon_days"], "is_backtest": window["is_backtest"]}


def _kinds(bundle: ServedBundle, window: dict[str, Any]) -> list[str]:
    found = bundle.frame(
        "select distinct slice_kind from prediction_outcomes "
        "where as_of_date = $as_of and horizon_days = $days and is_backtest = $is_backtest",
        **_key(window),
    )
    return [kind for kind in _SLICES if kind in set(found["slice_kind"])]


def _slice_name(kind: str, name: str) -> str:
    if kind == "decile" and name.isdigit():
        return f"decile {name}"
    # a channel is shown as the company wrote it
    return name if kind == "channel" else labels.words(name)


def _where_finding(rows: pd.DataFrame, by: str) -> str:
    known = [row for row in records(rows) if row["is_inside"] is not None]
    outside = [row for row in known if not row["is_inside"]]
    if not outside:
        return f"By {by}, what each of the {len(known)} groups spent was inside its 90 % interval."
    high = [row["group"] for row in outside if row["actual_spend"] < row["expected_spend"]]
    low = [row["group"] for row in outside if row["actual_spend"] >= row["expected_spend"]]
    said = [f"too high for {', '.join(high)}"] * bool(high) + [f"too low for {', '.join(low)}"] * bool(low)
    money = sum(abs(row["expected_spend"] - row["actual_spend"]) for row in outside)
    share = money / sum(row["expected_spend"] for row in known)
    return (
        f"By {by}, {len(known) - len(outside)} of {len(known)} groups were inside their 90 % interval. **The predictions need "
        f"improvement where they were {' and '.join(said)}**; that is {formats.spoken_percent(share)} of the predicted total."
    )


def _calibration(rows: pd.DataFrame, currency: str) -> alt.LayerChart:
    each = rows.assign(
        **{name: rows[f"{name}_spend{end}"] / rows["customers"] for name, end in (("expected", ""), ("actual", ""))},
        low=rows["expected_spend_low"] / rows["customers"],
        high=rows["expected_spend_high"] / rows["customers"],
    )
    title = f"spend per customer, {currency}"
    base = intervals(each, "group", "expected", "low", "high", title, form=charts.CENTS)
    actual = (
        alt.Chart(each)
        .mark_point(shape="diamond", size=130, strokeWidth=2, color=charts.SERIES[1])
        .encode(
            y=alt.Y("group:N", sort=None),
            x=alt.X("actual:Q", title=title),
            tooltip=[
                alt.Tooltip("group:N", title="group"),
                alt.Tooltip("actual:Q", title="actual", format=charts.CENTS),
            ],
        )
    )
    return alt.layer(base, actual)
