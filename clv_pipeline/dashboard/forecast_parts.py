"""Net sales of the next months: the forecast with its interval, and how far such forecasts were off before."""

from typing import Any

import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts, tables
from clv_pipeline.dashboard.parts import dots, draw, is_empty, records
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats, labels

_SALES = """
    select month_date, row_kind, net_spend, net_spend_low, net_spend_high
    from revenue_forecast
    where row_kind in ('actual', $kind)
    order by month_date, row_kind
"""
_QUALITY = """
    select method, months, windows, actual_spend, predicted_spend, wape, bias, coverage
    from forecast_quality
    where subject = $subject and row_kind = 'all'
    order by months, method
"""
_KINDS = {
    "total": "all customers, those to come included",
    "existing_customers": "existing customers",
    "new_customers": "customers to come",
    "prospects": "known customers who have not bought",
}
_METHODS = {
    "forecast": "the forecast",
    "chain_ladder": "as older cohorts grew (chain ladder)",
    "last_three_months": "the last three months again",
    "last_year": "last year again",
}


def sales(bundle: ServedBundle) -> None:
    """Draw net sales by month with their forecast, and what the next quarter and year come to."""
    if is_empty(bundle, "revenue_forecast"):
        return
    kinds = [k for k in _KINDS if k in set(bundle.frame("select distinct row_kind from revenue_forecast")["row_kind"])]
    if not kinds:
        st.info("No month is forecast: the history is too short. Load a longer one.")
        return
    kind = st.selectbox("Sales to", kinds, format_func=_KINDS.get, key="sales_kind") or kinds[0]
    rows = bundle.frame(_SALES, kind=kind)
    rows["kind"] = ["actual" if row == "actual" else "forecast" for row in rows["row_kind"]]
    ahead = bundle.frame("select * from revenue_forecast where row_kind = $kind order by month_date", kind=kind)
    quarter, year = records(ahead)[min(2, len(ahead) - 1)], records(ahead)[-1]
    st.markdown(
        " ".join(
            f"Until {formats.long_day(row['to_date'])}: **{formats.spoken_money(row['cumulative_spend'], bundle.currency)}** "
            f"({formats.spoken_range(row['cumulative_low'], row['cumulative_high'])})."
            for row in (quarter, year)
        )
    )
    draw(
        f"Net sales by month: all actual ones, and the forecast for {_KINDS[kind]}",
        charts.lines(
            rows, "month_date", "net_spend", f"net sales, {bundle.currency}", low="net_spend_low", high="net_spend_high",
            series="kind", x_title="month", points=True,
        ),
        f"Net sales of the last months and the forecast with its 90 % interval for {_KINDS[kind]}.",
        "revenue_forecast",
        note="The month under way has a row of what came and one of what is expected; add them. The band is the 90 % "
        "interval of a "
        "month; read a quarter or a year in the cumulative columns of the table.",
    )  # fmt: skip
    tables.show(bundle, ahead.drop(columns=["row_kind"]), name="sales", table="revenue_forecast")


def quality(bundle: ServedBundle) -> None:
    """Draw how far such forecasts were off on past dates, next to simple methods."""
    if is_empty(bundle, "forecast_quality"):
        return
    found = records(
        bundle.frame(
            "select distinct subject, min(statement) as statement from forecast_quality group by subject order by subject"
        )
    )
    subject = st.selectbox(
        "Forecast of", [row["subject"] for row in found], format_func=lambda s: labels.words(str(s)), key="quality_subject",
        index=next((i for i, row in enumerate(found) if row["subject"] == "revenue"), 0),
    )  # fmt: skip
    rows = bundle.frame(_QUALITY, subject=subject)
    if rows.empty:
        why = next((row["statement"] for row in found if row["subject"] == subject), None)
        st.info(
            f"This forecast could not be tested on past dates: {why or 'the history is too short'}. A longer history "
            "changes that."
        )
        return
    rows["name"] = [f"{row['months']} months ahead" for row in records(rows)]
    rows["by"] = [_METHODS.get(str(method), labels.words(str(method))) for method in rows["method"]]
    st.markdown(_quality_finding(rows))
    draw(
        f"Error of past forecasts of {labels.words(str(subject))}, next to simple methods",
        dots(rows, "name", "wape", "by", "error (WAPE): 0 is perfect", form=charts.PERCENT),
        f"WAPE of the forecast and of simple methods: {_quality_finding(rows)}",
        "forecast_quality",
        note="WAPE: sum of the absolute errors divided by actual spend, mean over past dates at which nothing later was known. "
        "Past dates overlap where the forecast is longer than 3 months.",
    )
    shown = rows.assign(method=rows["by"]).drop(columns=["name", "by"])
    tables.show(bundle, shown, name="forecast_quality", table="forecast_quality")


def _quality_finding(rows: pd.DataFrame) -> str:
    said = []
    for months, group in rows.groupby("months"):
        ranked: list[dict[str, Any]] = records(group.sort_values("wape"))
        ours = next((row for row in ranked if row["method"] == "forecast"), None)
        others = [row for row in ranked if row["method"] != "forecast"]
        if ours and others:
            word = "better" if ours["wape"] < others[0]["wape"] else "not better"
            said.append(
                f"{months} months ahead the forecast was off by {formats.spoken_percent(ours['wape'])}, {word} than "
                "the best simple "
                f"method ({others[0]['by']}, {formats.spoken_percent(others[0]['wape'])})"
            )
        elif ours:
            said.append(f"{months} months ahead the forecast was off by {formats.spoken_percent(ours['wape'])}")
    return "; ".join(said) + "." if said else ""
