"""Charts of the dashboard: one palette that is legible on light and dark pages, the company's number format, a text for each.

A function here returns an Altair chart of a frame from `ServedBundle.frame`; `show` draws it. Days are shown in UTC, because
the browser would otherwise shift a date by its own time zone. The report's pictures are in `reporting/`.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from clv_pipeline.reporting import formats, labels

# each has a contrast of at least 3 with white and with the dark page, which is what a mark needs
ACCENT, QUIET, GOOD, BAD = "#3b82f6", "#7c8795", "#16a34a", "#dc2626"
#: Up to eight series; more are not told apart.
SERIES = (ACCENT, "#c2620a", "#0d9488", "#a855f7", "#db2777", "#65820d", "#64748b", "#0891b2")
#: Number formats of Vega; thousands and decimals follow the setting.
WHOLE, CENTS, PERCENT, PERCENT_FINE, SCORE = ",.0f", ",.2f", ".0%", ".1%", ",.3~f"
#: Large amounts on an axis: 1.5M.
SHORT = "~s"
_LONGEST_NAME_PIXELS = 190
_BAR_PIXELS = 26
_FEW_DAYS = 5
#: As many names fit side by side on a phone.
_LEGEND_COLUMNS = 2


def show(
    chart: alt.TopLevelMixin, text: str, *, key: str | None = None, selects: str | Sequence[str] | None = None
) -> Any:
    """Draw a chart as wide as its column; `text` says in a sentence what it shows, for those who cannot see it.

    `selects` names the selections that run the page again; their state is returned.
    """
    _name_zone_of_days(chart)
    styled = (
        chart.configure(locale=_locale())
        .configure_axis(
            labelLimit=_LONGEST_NAME_PIXELS, titleLimit=400, titleFontWeight="normal", domain=False, ticks=False, labelPadding=8,
        )
        .configure_axisX(labelPadding=10, titlePadding=12)
        .configure_legend(labelFontSize=13, titleFontWeight="normal")
        .configure_view(stroke=None)
    )  # fmt: skip
    return st.altair_chart(
        styled, alt=text, key=key, on_select="rerun" if selects else "ignore", selection_mode=selects or None,
        # Streamlit's own theme writes labels in a grey of contrast 3.7; without it they have the colour of the page's text
        theme=None,
    )  # fmt: skip


def bars(
    frame: pd.DataFrame, name: str, value: str, title: str, *,
    low: str | None = None, high: str | None = None, form: str = WHOLE, colour: str = ACCENT,
) -> alt.TopLevelMixin:  # fmt: skip
    """Return horizontal bars in the frame's order, the first on top, with whiskers where an interval is given."""
    frame = _worded(frame, name)
    y = alt.Y(f"{name}:N", sort=None, title=None)
    tooltip = [alt.Tooltip(f"{name}:N", title="name"), alt.Tooltip(f"{value}:Q", title=title, format=form)]
    if low and high:
        tooltip += [alt.Tooltip(f"{end}:Q", title=end, format=form) for end in (low, high)]
    base = alt.Chart(frame, height=_BAR_PIXELS * len(frame) + 64).encode(y=y, tooltip=tooltip)
    axis = alt.Axis(format=axis_form(form), tickCount=5)
    has_interval = bool(low and high)
    # a whisker of the same colour is seen on a paler bar, in light and dark
    drawn = base.mark_bar(color=colour, height=alt.RelativeBandSize(0.65), opacity=0.55 if has_interval else 1).encode(
        x=alt.X(f"{value}:Q", title=title, axis=axis)
    )
    if not has_interval:
        return drawn
    return drawn + base.mark_rule(color=colour, strokeWidth=3).encode(x=alt.X(f"{low}:Q", title=title), x2=f"{high}:Q")


def lines(
    frame: pd.DataFrame, x: str, y: str, title: str, *,
    low: str | None = None, high: str | None = None, series: str | None = None, form: str = WHOLE,
    x_title: str | None = None, points: bool = False, colour: str = ACCENT,
) -> alt.LayerChart:  # fmt: skip
    """Return lines over days or numbers, with a band where an interval is given and a colour for each `series`."""
    frame = _worded(frame, series)
    across = _day_or_number(frame, x, x_title)
    mark = alt.Color(f"{series}:N", title=None, **_legend(frame, series)) if series else alt.value(colour)
    tooltip = [_tooltip(frame, x, x_title), alt.Tooltip(f"{y}:Q", title=title, format=form)]
    tooltip += [alt.Tooltip(f"{series}:N", title=series)] if series else []
    tooltip += [alt.Tooltip(f"{end}:Q", title=end, format=form) for end in (low, high) if end]
    axis = alt.Axis(format=axis_form(form), tickCount=5)
    base = alt.Chart(frame, height=_with_legend(280, frame, series)).encode(x=across, color=mark)
    layers = []
    if low and high:
        layers.append(base.mark_area(opacity=0.2).encode(y=alt.Y(f"{low}:Q", title=title, axis=axis), y2=f"{high}:Q"))
    # a dot where a line would have no length
    dots = points or len(frame) < 3 or bool(series and frame.groupby(series).size().min() < 2)
    layers.append(base.mark_line(point=dots).encode(y=alt.Y(f"{y}:Q", title=title, axis=axis), tooltip=tooltip))
    return alt.layer(*layers)


def columns(
    frame: pd.DataFrame, x: str, y: str, title: str, *, series: str | None = None, form: str = WHOLE,
    x_title: str | None = None, sort: Sequence[str] | None = None,
) -> alt.Chart:  # fmt: skip
    """Return upright bars for named steps in the frame's order, stacked where `series` is given."""
    frame = _worded(_worded(frame, series), x)
    mark = alt.Color(f"{series}:N", title=None, **_legend(frame, series)) if series else alt.value(ACCENT)
    return (
        alt.Chart(frame, height=280)
        .mark_bar()
        .encode(
            x=alt.X(f"{x}:N", sort=list(sort) if sort else None, title=x_title),
            y=alt.Y(f"{y}:Q", title=title, axis=alt.Axis(format=axis_form(form), tickCount=5)),
            color=mark,
            tooltip=[alt.Tooltip(f"{x}:N", title=x_title or x), alt.Tooltip(f"{y}:Q", title=title, format=form)]
            + ([alt.Tooltip(f"{series}:N", title=series)] if series else []),
        )
    )


def days(frame: pd.DataFrame, day: str, value: str, title: str) -> alt.LayerChart:
    """Return one stem per day, red below zero."""
    colour = alt.when(alt.datum[value] < 0).then(alt.value(BAD)).otherwise(alt.value(ACCENT))
    base = alt.Chart(frame, height=220).encode(
        x=_day_or_number(frame, day, None),
        y=alt.Y(f"{value}:Q", title=title, axis=alt.Axis(format=SHORT, tickCount=5)),
        color=colour,
        tooltip=[_tooltip(frame, day, None), alt.Tooltip(f"{value}:Q", title=title, format=CENTS)],
    )
    return base.mark_rule(strokeWidth=2).encode(y2=alt.datum(0)) + base.mark_circle(size=36, opacity=1)


def heat_map(
    frame: pd.DataFrame, x: str, y: str, value: str, title: str, *, x_title: str, y_title: str, form: str = PERCENT
) -> alt.Chart:
    """Return cells in the frame's order; the stronger the colour, the larger the value."""
    return (
        alt.Chart(frame, height=max(24 * frame[y].nunique(), 120) + 130)
        .mark_rect(color=ACCENT)
        .encode(
            x=alt.X(f"{x}:O", sort=None, title=x_title, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y(f"{y}:O", sort=None, title=y_title),
            # opacity instead of a colour scheme: it begins at the page, be it light or dark
            opacity=alt.Opacity(
                f"{value}:Q",
                title=title,
                scale=alt.Scale(range=[0.06, 1]),
                legend=alt.Legend(format=form, orient="bottom", tickCount=4),
            ),
            tooltip=[
                alt.Tooltip(f"{y}:O", title=y_title),
                alt.Tooltip(f"{x}:O", title=x_title),
                alt.Tooltip(f"{value}:Q", title=title, format=form),
            ],
        )
    )


def waterfall(frame: pd.DataFrame, name: str, change: str, start: str, end: str, title: str) -> alt.LayerChart:
    """Return the way from the first row, a total, over changes to the last row, a total: one bar for each row.

    `start` and `end` name the columns with the ends of each bar; rows where `change` is null are totals.
    """
    kind = alt.datum[change]
    colour = (
        alt.when(f"!isValid({kind})")
        .then(alt.value(QUIET))
        .when(kind < 0)
        .then(alt.value(BAD))
        .otherwise(alt.value(GOOD))
    )
    return (
        alt.Chart(frame, height=30 * len(frame) + 40)
        .mark_bar(height=alt.RelativeBandSize(0.65))
        .encode(
            y=alt.Y(f"{name}:N", sort=None, title=None),
            x=alt.X(f"{start}:Q", title=title, axis=alt.Axis(format=SHORT, tickCount=5)),
            x2=f"{end}:Q",
            color=colour,
            tooltip=[
                alt.Tooltip(f"{name}:N", title="step"),
                alt.Tooltip(f"{change}:Q", title="change", format="+,.2f"),
                alt.Tooltip(f"{end}:Q", title="amount after it", format=CENTS),
            ],
        )
    )


def axis_form(form: str) -> str:
    """Return the format of an axis: amounts are shortened, shares and scores are not."""
    return SHORT if form in (WHOLE, CENTS) else form


def _name_zone_of_days(chart: Any) -> None:
    """Say of the days in a chart's data that they are in UTC, in which charts show them.

    Without a zone the browser takes midnight for its own, which east of Greenwich is the day before in UTC.
    """
    data = getattr(chart, "data", None)
    if isinstance(data, pd.DataFrame):
        days = data.select_dtypes("datetime").columns
        if len(days):
            chart.data = data.assign(**{str(day): data[day].dt.tz_localize("UTC") for day in days})
    for form in ("layer", "hconcat", "vconcat", "concat"):
        parts = getattr(chart, form, None)
        for part in parts if isinstance(parts, list) else []:
            _name_zone_of_days(part)


def _worded(frame: pd.DataFrame, column: str | None) -> pd.DataFrame:
    """Return the frame with our own codes in a column written as words."""
    if column not in labels.COLUMNS_OF_CODES:
        return frame
    return frame.assign(**{column: frame[column].map(labels.words, na_action="ignore")})


def _day_or_number(frame: pd.DataFrame, column: str, title: str | None) -> alt.X:
    if not pd.api.types.is_datetime64_any_dtype(frame[column]):
        return alt.X(f"{column}:Q", title=title, axis=alt.Axis(format=WHOLE, tickMinStep=1))
    days = sorted(frame[column].dropna().unique())
    # few days are named themselves: the axis would put a mark between two of them, and round it to either
    # (as dates of Vega: numbers of milliseconds are marks without a label)
    named = {"values": [_vega_day(pd.Timestamp(day)) for day in days]} if len(days) <= _FEW_DAYS else {}
    axis = alt.Axis(format=_day_form(frame[column]), labelOverlap=True, tickCount=6, **named)
    return alt.X(f"{column}:T", timeUnit="utcyearmonthdate", title=title, axis=axis)


def _vega_day(day: pd.Timestamp) -> alt.DateTime:
    return alt.DateTime(year=day.year, month=day.month, date=day.day, utc=True)


def _day_form(days: "pd.Series[Any]") -> str:
    span = (days.max() - days.min()).days if len(days) else 0
    return "%Y-%m" if span > 120 else "%Y-%m-%d"


def _tooltip(frame: pd.DataFrame, column: str, title: str | None) -> alt.Tooltip:
    if not pd.api.types.is_datetime64_any_dtype(frame[column]):
        return alt.Tooltip(f"{column}:Q", title=title or column, format=WHOLE)
    return alt.Tooltip(f"{column}:T", timeUnit="utcyearmonthdate", title=title or "date", format="%Y-%m-%d")


def _with_legend(height: int, frame: pd.DataFrame, series: str | None) -> int:
    """Return the height of a chart whose legend is below it, so that a long one leaves the plot as high as it was."""
    return height + (26 * -(-frame[series].nunique() // _LEGEND_COLUMNS) if series else 0)


def _legend(frame: pd.DataFrame, series: str) -> dict[str, Any]:
    names = list(dict.fromkeys(frame[series].dropna().astype(str)))
    # below the chart: on a phone there is no room next to it
    return {
        "scale": alt.Scale(domain=names, range=[SERIES[i % len(SERIES)] for i in range(len(names))]),
        "legend": alt.Legend(
            orient="bottom", columns=_LEGEND_COLUMNS, labelLimit=_LONGEST_NAME_PIXELS, symbolOpacity=1
        ),
    }


def _locale() -> alt.Locale:
    thousands, decimals = formats.localised(","), formats.localised(".")
    return alt.Locale(
        number=alt.NumberLocale(decimal=decimals, thousands=thousands, grouping=[3], currency=["", ""]),
    )
