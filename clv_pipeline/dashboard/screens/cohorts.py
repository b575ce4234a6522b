"""Cohorts: what customers spend as they grow older, and what that means for the sales of the next months."""

import altair as alt
import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts, forecast_parts, tables
from clv_pipeline.dashboard.parts import choose, draw, is_empty, records
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats

TITLE = "Cohorts"
POSITION = 45

_ACTUAL, _FORECAST = "actual", "forecast"
_RECENT = 24
#: Measure of the heat map -> its title, number format, and the columns of the value and of its interval in cohorts.
_MEASURES: dict[str, tuple[str, str, str, str, str]] = {
    "Spend per customer in the month": ("spend per customer", charts.CENTS, "month_spend", "month_low", "month_high"),
    "Spend per customer so far": ("spend per customer so far", charts.CENTS, "so_far", "so_far_low", "so_far_high"),
    "Share who bought in the month": ("share of the cohort", charts.PERCENT_FINE, "active_share", "", ""),
}
# a month that is under way has a row of what came and one of what is expected: together they are the month
_CELLS = """
    select
        cohort,
        cohort_month_date,
        months_since,
        any_value(customers) as customers,
        bool_or(is_left_censored) as is_left_censored,
        case when bool_or(row_kind = 'forecast') then 'forecast' else 'actual' end as kind,
        sum(spend_per_customer) as month_spend,
        (sum(coalesce(net_spend_low, net_spend)) / any_value(customers)) as month_low,
        (sum(coalesce(net_spend_high, net_spend)) / any_value(customers)) as month_high,
        arg_max(spend_per_customer_so_far, to_date) as so_far,
        arg_max(net_spend_so_far_low, to_date) / any_value(customers) as so_far_low,
        arg_max(net_spend_so_far_high, to_date) / any_value(customers) as so_far_high,
        case when count(*) filter (where row_kind = 'forecast') = 0 then any_value(active_share) end as active_share
    from cohorts
    where cohort_kind = 'cohort'
    group by cohort, cohort_month_date, months_since
    order by cohort_month_date desc, months_since
"""
_COMPARISON = """
    select
        cohort_month_date,
        customers,
        is_left_censored,
        spend_per_customer,
        usual_spend_per_customer,
        median_spend,
        median_spend_low,
        median_spend_high,
        orders_per_customer,
        repeat_share,
        repeat_share_low,
        repeat_share_high
    from cohort_comparison
    where row_kind = 'cohort' and is_complete and age_days = $age
    order by cohort_month_date
"""
#: Measure of the comparison -> its column, title, number format, and whether it has an interval.
_AT_AGE = {
    "Median spend": ("median_spend", "median spend per customer", charts.CENTS, True),
    "Mean spend": ("spend_per_customer", "mean spend per customer", charts.CENTS, False),
    "Second purchase": ("repeat_share", "share with a second purchase day", charts.PERCENT, True),
    "Orders": ("orders_per_customer", "orders per customer", charts.SCORE, False),
}
_LAYERS = """
    select month_date, layer, row_kind = 'forecast' as is_forecast, sum(net_spend) as net_spend
    from base_layers
    group by month_date, layer, row_kind = 'forecast'
    order by layer, month_date
"""


def show(bundle: ServedBundle) -> None:
    """Draw the finding, then the part that the reader has chosen."""
    st.title(TITLE)
    st.markdown(f"Shows what customers spend as they grow older, and how it goes on. {_finding(bundle)}")
    parts = {
        "Heat map": _heat_map,
        "Same age": _same_age,
        "By year": _layers,
        "Sales forecast": forecast_parts.sales,
        "Quality": forecast_parts.quality,
    }
    choose("cohorts", parts, bundle)


def _finding(bundle: ServedBundle) -> str:
    rows = bundle.frame(
        """
        select age_days, usual_spend_per_customer, arg_max(spend_per_customer, cohort_month_date) as spend,
            arg_max(repeat_share, cohort_month_date) as repeat_share, max(cohort_month_date) as month
        from cohort_comparison
        where row_kind = 'cohort' and is_complete and not is_left_censored
        group by age_days, usual_spend_per_customer
        order by age_days desc
        """
    )
    if rows.empty:
        return "**No cohort is old enough yet to be compared with another one.**"
    oldest = records(rows)[0]
    text = (
        f"**A new customer usually spends {formats.spoken_money(oldest['usual_spend_per_customer'], bundle.currency)} "
        "in the first "
        f"{oldest['age_days']} days.** The newest customers who are that old, of {formats.month(oldest['month'])}, spent "
        f"{formats.spoken_money(oldest['spend'], bundle.currency)}; {formats.spoken_percent(oldest['repeat_share'])} "
        "of them bought again."
    )
    ahead = records(
        bundle.frame(
            "select cumulative_spend, cumulative_low, cumulative_high, to_date from revenue_forecast "
            "where row_kind = 'total' order by month_date limit 12"
        )
    )
    if ahead:
        last = ahead[-1]
        text += (
            f" Sales to {formats.long_day(last['to_date'])} are expected to be "
            f"{formats.spoken_money(last['cumulative_spend'], bundle.currency)} "
            f"({formats.spoken_range(last['cumulative_low'], last['cumulative_high'])})."
        )
    return text


def _heat_map(bundle: ServedBundle) -> None:
    if is_empty(bundle, "cohorts"):
        return
    left, right = st.columns(2)
    name = left.selectbox("Measure", list(_MEASURES), key="cohort_measure") or next(iter(_MEASURES))
    spans = [f"the newest {_RECENT}", "all"]
    span = right.selectbox("Cohorts", spans, key="cohort_span")
    title, form, value, low, high = _MEASURES[name]
    cells = bundle.frame(_CELLS)
    cells = cells[cells[value].notna()]
    if span != "all":
        cells = cells[cells["cohort"].isin(sorted(cells["cohort"].unique())[-_RECENT:])]
    if cells.empty:
        st.info(
            "Every cohort has fewer than 5 customers, so they are only counted together. A longer history changes that."
        )
        return
    cells = cells.assign(name=cells["cohort"] + cells["is_left_censored"].map({True: " *", False: ""}))
    unit = f"{title}, {bundle.currency}" if form == charts.CENTS else title
    best = records(cells.sort_values(value, ascending=False))[0]
    draw(
        f"{name}, by cohort and age",
        _cells(cells, value, low, high, unit, form),
        f"Heat map of {len(cells)} cells, one for each cohort and month since the first purchase. The highest value is of cohort "
        f"{best['cohort']}, {best['months_since']} months after the first purchase.",
        "cohorts",
        note="Blue: what was spent; orange: forecast, with its 90 % interval in the tooltip. The month under way is "
        "completed by its "
        "forecast. * may have bought before the data begin, so they look more loyal than new customers.",
    )
    tables.show(bundle, _wide(cells, value), name="cohorts")


def _cells(cells: pd.DataFrame, value: str, low: str, high: str, unit: str, form: str) -> alt.Chart:
    tooltip = [
        alt.Tooltip("cohort:N", title="first purchase in"),
        alt.Tooltip("months_since:Q", title="months since"),
        alt.Tooltip("kind:N", title="kind"),
        alt.Tooltip("customers:Q", title="customers", format=charts.WHOLE),
        alt.Tooltip(f"{value}:Q", title=unit, format=form),
    ]
    if low:
        # an interval only where there is something to forecast
        cells = cells.assign(**{end: cells[end].where(cells["kind"] == _FORECAST) for end in (low, high)})
        tooltip += [
            alt.Tooltip(f"{low}:Q", title="lower end", format=form),
            alt.Tooltip(f"{high}:Q", title="upper end", format=form),
        ]
    return (
        alt.Chart(cells, height=18 * cells["cohort"].nunique() + 90)
        .mark_rect()
        .encode(
            x=alt.X(
                "months_since:O",
                title="months since the first purchase",
                axis=alt.Axis(labelAngle=0, labelOverlap=True),
            ),
            y=alt.Y("name:O", sort=None, title="month of the first purchase"),
            opacity=alt.Opacity(
                f"{value}:Q",
                title=unit,
                scale=alt.Scale(range=[0.06, 1]),
                legend=alt.Legend(format=form, orient="bottom", tickCount=3),
            ),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=[_ACTUAL, _FORECAST], range=[charts.ACCENT, charts.SERIES[1]]),
                legend=None,
            ),
            tooltip=tooltip,
        )
    )


def _wide(cells: pd.DataFrame, value: str) -> pd.DataFrame:
    actual = cells[cells["kind"] == _ACTUAL]
    table = actual.pivot(index=["cohort", "customers"], columns="months_since", values=value)
    table.columns = [str(month) for month in table.columns]
    return table.sort_index(ascending=False).reset_index()


def _same_age(bundle: ServedBundle) -> None:
    if is_empty(bundle, "cohort_comparison"):
        return
    left, right = st.columns(2)
    ages = [
        int(age)
        for age in bundle.frame("select distinct age_days from cohort_comparison order by age_days")["age_days"]
    ]
    age = left.selectbox("Age", ages, index=min(1, len(ages) - 1), format_func=lambda a: f"{a} days", key="cohort_age")
    name = right.selectbox("Measure", list(_AT_AGE), key="cohort_at_age") or next(iter(_AT_AGE))
    rows = bundle.frame(_COMPARISON, age=age)
    if rows.empty:
        st.info(f"No cohort is {age} days old yet. Choose a younger age, or come back when one is.")
    else:
        _at_age(rows, int(age), name, bundle.currency)
        tables.show(bundle, rows, name="same_age", table="cohort_comparison")
    _curves(bundle)


def _at_age(rows: pd.DataFrame, age: int, name: str, currency: str) -> None:
    column, title, form, has_interval = _AT_AGE[name]
    unit = f"{title}, {currency}" if form == charts.CENTS else title
    kinds = {False: "new customers", True: "may have bought before the data begin"}
    rows = rows.assign(kind=rows["is_left_censored"].map(kinds))
    x = alt.X(
        "cohort_month_date:T", timeUnit="utcyearmonth", title="month of the first purchase", scale=alt.Scale(padding=12)
    )
    y = alt.Y(f"{column}:Q", title=unit, axis=alt.Axis(format=charts.axis_form(form), tickCount=5))
    tooltip = [
        alt.Tooltip("cohort_month_date:T", timeUnit="utcyearmonth", title="first purchase in", format="%Y-%m"),
        alt.Tooltip("customers:Q", title="customers", format=charts.WHOLE),
        alt.Tooltip(f"{column}:Q", title=title, format=form),
    ]
    colour = alt.Color(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=list(kinds.values()), range=[charts.ACCENT, charts.QUIET]),
        legend=alt.Legend(orient="bottom", columns=1, labelLimit=260),
    )
    base = alt.Chart(rows, height=360).encode(x=x, color=colour)
    layers = [base.mark_point(filled=True, size=60, opacity=1).encode(y=y, tooltip=tooltip)]
    if has_interval:
        ends = [
            alt.Tooltip(f"{column}_{end}:Q", title=f"{word} end", format=form)
            for end, word in (("low", "lower"), ("high", "upper"))
        ]
        rule = base.mark_rule(strokeWidth=2).encode(
            y=alt.Y(f"{column}_low:Q", title=unit), y2=f"{column}_high:Q", tooltip=[*tooltip, *ends]
        )
        layers.insert(0, rule)
    if column == "spend_per_customer":
        usual = base.mark_rule(strokeDash=[4, 4], color=charts.QUIET)
        layers.append(
            usual.encode(
                x=alt.X(), y=alt.Y("mean(usual_spend_per_customer):Q", title=unit), color=alt.value(charts.QUIET)
            )
        )
    last = records(rows)[-1]
    note = "The dashed line is the mean of all comparable cohorts. " if column == "spend_per_customer" else ""
    draw(
        f"{name} in the first {age} days, by month of the first purchase",
        alt.layer(*layers),
        f"{title} of {len(rows)} cohorts at the age of {age} days. The newest, of {formats.month(last['cohort_month_date'])}: "
        f"{formats.spoken(last[column])}.",
        "cohort_comparison",
        note=note
        + "Only cohorts whose customers are all that old. Bars are 90 % intervals; a small cohort's mean may be one customer's.",
    )


def _curves(bundle: ServedBundle) -> None:
    if is_empty(bundle, "cohorts"):
        return
    cells = bundle.frame(_CELLS)
    if cells.empty:
        return
    cohorts = sorted(cells["cohort"].unique(), reverse=True)
    chosen = st.multiselect(
        "Cohorts to compare", cohorts, default=cohorts[3:20:4] or cohorts[:1], max_selections=8, key="cohort_curves"
    )
    cells = cells[cells["cohort"].isin(chosen)].sort_values(["cohort", "months_since"])
    if cells.empty:
        st.caption("Choose cohorts to draw their curves.")
        return
    title = f"spend per customer so far, {bundle.currency}"
    base = alt.Chart(cells, height=400).encode(
        x=alt.X("months_since:Q", title="months since the first purchase", axis=alt.Axis(tickMinStep=1)),
        color=alt.Color(
            "cohort:N", title=None, scale=alt.Scale(domain=sorted(chosen), range=list(charts.SERIES)),
            legend=alt.Legend(orient="bottom", columns=3, symbolOpacity=1),
        ),
        tooltip=[
            alt.Tooltip("cohort:N", title="first purchase in"),
            alt.Tooltip("months_since:Q", title="months since"),
            alt.Tooltip("kind:N", title="kind"),
            alt.Tooltip("so_far:Q", title=title, format=charts.CENTS),
        ],
    )  # fmt: skip
    y = alt.Y("so_far:Q", title=title)
    ahead = base.transform_filter(alt.datum.kind == _FORECAST)
    draw(
        "Spend per customer so far, by age",
        alt.layer(
            ahead.mark_area(opacity=0.12).encode(y=alt.Y("so_far_low:Q", title=title), y2="so_far_high:Q"),
            base.transform_filter(alt.datum.kind == _ACTUAL).mark_line(strokeWidth=2).encode(y=y),
            ahead.mark_line(strokeWidth=2, strokeDash=[5, 4]).encode(y=y),
        ),
        f"Cumulative spend per customer of the cohorts {', '.join(sorted(chosen))} by months since the first purchase, "
        "with forecast.",
        "cohorts",
        note="Dashed with a band: forecast with its 90 % interval.",
    )


def _layers(bundle: ServedBundle) -> None:
    if is_empty(bundle, "base_layers"):
        return
    rows = bundle.frame(_LAYERS)
    rows["kind"] = rows["is_forecast"].map({True: _FORECAST, False: _ACTUAL})
    names = list(dict.fromkeys(rows["layer"]))
    chart = (
        alt.Chart(rows, height=360)
        .mark_bar()
        .encode(
            x=alt.X("month_date:T", timeUnit="utcyearmonth", title="month"),
            y=alt.Y("net_spend:Q", title=f"net spend, {bundle.currency}", axis=alt.Axis(format=charts.SHORT, tickCount=5)),
            color=alt.Color(
                "layer:N", title="acquired in",
                scale=alt.Scale(domain=names, range=[charts.SERIES[i % len(charts.SERIES)] for i in range(len(names))]),
                legend=alt.Legend(orient="bottom", columns=3),
            ),
            opacity=alt.Opacity(
                "kind:N", title=None, scale=alt.Scale(domain=[_ACTUAL, _FORECAST], range=[1, 0.45]), legend=None
            ),
            order=alt.Order("layer:N"),
            tooltip=[
                alt.Tooltip("month_date:T", timeUnit="utcyearmonth", title="month", format="%Y-%m"),
                alt.Tooltip("layer:N", title="acquired in"),
                alt.Tooltip("kind:N", title="kind"),
                alt.Tooltip("net_spend:Q", title="net spend", format=charts.WHOLE),
            ],
        )
    )  # fmt: skip
    draw(
        "Net spend by month, divided by the year in which customers were acquired",
        chart,
        f"Stacked bars of net spend by month for customers acquired in {', '.join(names)}; paler bars are forecasts.",
        "base_layers",
        note="Paler: forecast for customers who are known today; those to come are in the sales forecast only. "
        "Customers acquired in "
        "the first 180 days of the data may have bought before.",
    )
    by_year = rows.groupby(["layer", "kind"])[["net_spend"]].sum().reset_index()
    tables.show(bundle, by_year, name="layers", table="base_layers")
