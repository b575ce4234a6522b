"""Overview: the five answers that the report begins with, the key figures, and whether they can be relied on tonight."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts, links, parts, tables
from clv_pipeline.dashboard.escaping import plain
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import answers, formats, labels
from clv_pipeline.reporting.answers import Answer

TITLE = "Overview"
POSITION = 10
_NEWEST = 10
_TOTALS = """
select
    as_of_date,
    case when is_backtest then 'tested on the past' when is_closed then 'published' else 'published, read early' end as kind,
    expected_spend as expected,
    expected_spend_low as low,
    expected_spend_high as high,
    actual_spend as actual
from prediction_outcomes
where slice_kind = 'all' and horizon_days = $days and is_closed
order by as_of_date, is_backtest
"""


def show(bundle: ServedBundle) -> None:
    """Draw what a head of marketing asks first."""
    st.title(TITLE)
    _freshness(bundle)
    _key_figures(bundle)
    for answer in _answers(bundle, bundle.version):
        _answer(answer)
    _totals(bundle)
    _segments(bundle)
    _changes(bundle)
    report = bundle.home.published / str(bundle.run["run_id"]) / "report.html"
    if report.exists():
        st.subheader("Report")
        st.caption("The whole report of this night is a file on the machine that ran it; open it in a browser:")
        st.code(str(report), language=None)


def _freshness(bundle: ServedBundle) -> None:
    run = bundle.run
    newest, as_of = run["newest_order_date"], formats.day(bundle.as_of)
    if newest is None:
        st.warning("There is no order yet.")
    elif run["is_stale"]:
        st.warning(
            f"The data are old: the newest order is dated {formats.day(newest)}, the scores are computed for {as_of}."
        )
    else:
        st.caption(f"Up to date: the scores are computed for {as_of}, the newest order is dated {formats.day(newest)}.")
    if run["acknowledged_checks"]:
        st.warning(
            f"Published although checks failed, which somebody acknowledged: {plain(run['acknowledged_checks'])}."
        )
    if run["ranking"] != "rankable":
        st.warning(f"Customers are {labels.ranking(run['ranking'])}.")
    if run["basis"] != "learned":
        st.warning(f"Predictions are {labels.basis(run['basis'])}.")


def _key_figures(bundle: ServedBundle) -> None:
    run, days = bundle.run, bundle.days
    interval = formats.money_range(run["predicted_spend_total_low"], run["predicted_spend_total_high"])
    figures = [
        (
            f"Predicted spend, next {days} days", _money(bundle, run["predicted_spend_total"]),
            f"90 %: {interval}" if interval else None,
        ),
        (f"Net spend, last {days} days", _money(bundle, run["trailing_spend_total"]), None),
        ("Customers with a score", formats.count(run["customers"]), _largest(run)),
        ("Source rows quarantined", formats.count(run["quarantined_rows"]), None),
    ]  # fmt: skip
    for start in (0, 2):
        for place, (name, value, more) in zip(st.columns(2), figures[start : start + 2], strict=True):
            place.metric(name, value, more, delta_color="off", delta_arrow="off", border=True)


def _money(bundle: ServedBundle, amount: Any) -> str:
    return formats.money(amount, bundle.currency, digits=0) or "unknown"


def _largest(run: dict[str, Any]) -> str | None:
    share = formats.percent(run["largest_customer_share"])
    return f"the largest is {share} of the total" if share else None


@st.cache_data(ttl=3600, max_entries=4, show_spinner=False)
def _answers(_bundle: ServedBundle, version: str) -> list[Answer]:
    # a million customers take a fifth of a second; the version is part of the key, and nothing else
    del version
    return answers.of_bundle(_bundle.connection)


def _answer(answer: Answer) -> None:
    st.subheader(plain(answer.question))
    st.markdown(f"**{plain(answer.headline.text)}**")
    st.markdown("\n".join(f"- {plain(statement.text)}" for statement in answer.statements))
    if answer.table and answer.table.rows:
        shown = pd.DataFrame(answer.table.rows, columns=list(answer.table.header))
        numeric = {answer.table.header[place] for place in answer.table.numeric}
        st.dataframe(
            shown, hide_index=True, alt=f"Table of the answer to: {answer.question}",
            column_config={name: st.column_config.TextColumn(alignment="right") for name in numeric},
        )  # fmt: skip
    tables_ = dict.fromkeys(name for said in (answer.headline, *answer.statements) for name in said.tables)
    st.caption(f"From {', '.join(f'`{name}`' for name in tables_)}.")


def _totals(bundle: ServedBundle) -> None:
    st.subheader("Predicted and actual totals")
    if parts.is_empty(bundle, "prediction_outcomes"):
        return
    rows, run = bundle.frame(_TOTALS, days=bundle.days), bundle.run
    tonight = pd.DataFrame([{
        "as_of_date": pd.Timestamp(bundle.as_of), "kind": "open", "expected": run["predicted_spend_total"],
        "low": run["predicted_spend_total_low"], "high": run["predicted_spend_total_high"], "actual": None,
    }])  # fmt: skip
    for column in ("expected", "low", "high", "actual"):
        tonight[column] = tonight[column].astype("float64")
    frame = pd.concat([rows, tonight], ignore_index=True) if len(rows) else tonight
    frame = frame.assign(
        window=[f"{formats.day(day)}, {kind}" for day, kind in zip(frame["as_of_date"], frame["kind"], strict=True)]
    )
    text = f"Predicted total of the {bundle.days} days from each date with its 90 % interval, and what customers spent."
    title = f"spend of {bundle.days} days, {bundle.currency}"
    tooltip = [alt.Tooltip("window:N")] + [
        alt.Tooltip(f"{c}:Q", title=c, format=charts.WHOLE) for c in ("expected", "low", "high", "actual")
    ]
    base = alt.Chart(frame, height=36 * len(frame) + 60).encode(
        y=alt.Y("window:N", sort=None, title=None), tooltip=tooltip
    )
    axis = alt.Axis(format=charts.SHORT, tickCount=5)
    drawn = (
        base.mark_rule(color=charts.ACCENT, strokeWidth=3).encode(x=alt.X("low:Q", title=title, axis=axis), x2="high:Q")
        + base.mark_point(color=charts.ACCENT, filled=True, size=90, opacity=1).encode(
            x=alt.X("expected:Q", title=title)
        )
        + base.mark_point(color=charts.SERIES[1], shape="diamond", filled=True, size=110, opacity=1).encode(
            x=alt.X("actual:Q", title=title)
        )
    )
    charts.show(drawn, text)
    st.caption(
        f"{text} Dot and line: predicted; diamond: actual. More on the page Were we right? From `prediction_outcomes`."
    )


def _segments(bundle: ServedBundle) -> None:
    st.subheader("Segments by predicted spend")
    rows = bundle.frame(
        "select segment, customers, predicted_spend_total, predicted_spend_total_low, predicted_spend_total_high, "
        "predicted_spend_share, purchase_probability_mean, historic_value_total, definition from segments "
        "order by predicted_spend_total desc, segment"
    )
    drawn = charts.bars(
        rows, "segment", "predicted_spend_total", f"predicted spend in {bundle.days} days, {bundle.currency}",
        low="predicted_spend_total_low", high="predicted_spend_total_high",
    )  # fmt: skip
    named = (
        f"{labels.words(name)} {formats.money(total, digits=0)}"
        for name, total in zip(rows["segment"], rows["predicted_spend_total"], strict=True)
    )
    charts.show(drawn, f"Predicted spend by segment, {bundle.currency}: {', '.join(named)}.")
    tables.show(bundle, rows, name="segments", table="segments")


def _changes(bundle: ServedBundle) -> None:
    st.subheader("Newest changes")
    if parts.is_empty(bundle, "score_change_summary"):
        return
    causes = bundle.frame(
        "select cause, change, customers, previous_as_of_date from score_change_summary "
        "where row_kind <> 'score_unchanged' order by abs(change) desc, cause"
    )
    if causes.empty:
        st.caption("No score changed since the night before.")
        return
    since = formats.day(causes["previous_as_of_date"].iloc[0])
    shown = causes.assign(cause=causes["cause"].map(labels.words))
    charts.show(
        charts.bars(shown, "cause", "change", f"change of predicted spend since {since}, {bundle.currency}", form="+,.0f"),
        f"Change of predicted spend since {since} by cause: "
        + ", ".join(f"{c} {formats.decimal(v, 0, signed=True)}" for c, v in zip(shown["cause"], shown["change"], strict=True)),
    )  # fmt: skip
    st.caption(f"The {_NEWEST} largest changes since {since}. Tick one to open the customer.")
    newest = bundle.frame(
        f"select customer_id, previous_predicted_spend, predicted_spend, change, main_cause from score_changes "
        f"order by abs(change) desc, customer_id limit {_NEWEST}"
    )
    newest = newest.assign(main_cause=newest["main_cause"].map(labels.words, na_action="ignore"))
    state = tables.show(bundle, newest, name="newest-changes", table="score_changes", selects=True, with_csv=False)
    if state and state.selection.rows:
        links.open_page("customer", customer_id=str(newest["customer_id"].iloc[state.selection.rows[0]]))
