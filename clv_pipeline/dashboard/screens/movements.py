"""Movements: who came, grew, shrank and left, moves between tiers and segments, and why scores changed since the last night."""

import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts, tables
from clv_pipeline.dashboard.parts import choose, draw, is_empty, records
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats, labels

TITLE = "Movements"
POSITION = 60

_STEPS = "select * from base_movements order by position"
_COMPARISONS = {
    "actual_spend": "what they spent: this period against the one before",
    "published_month_ago": "predicted tonight against a month ago",
    "published_quarter_ago": "predicted tonight against a quarter ago",
    "published_year_ago": "predicted tonight against a year ago",
}
_MOVES = """
    select row_kind, tier_before, tier_now, direction, customers, share_of_tier_before, before_date, as_of_date
    from tier_transitions
    where comparison = $comparison
    order by position
"""
_CAUSES = """
    select
        cause,
        row_kind,
        customers,
        main_cause_customers,
        change,
        tier_moves_by_own_score,
        tier_moves_by_threshold,
        previous_as_of_date
    from score_change_summary
    order by abs(change) desc, cause
"""
_CHANGES = """
    select change, count(*) as customers
    from customer_clv_changes
    group by change
    order by change
"""
_SEGMENT_MOVES = """
    select previous_segment, segment, count(*) as customers
    from customer_clv_changes
    where change = 'changed' and previous_segment is distinct from segment
    group by previous_segment, segment
    order by customers desc, previous_segment, segment
"""
_SIZES = """
    select as_of_date, segment, count(*) as customers, sum(predicted_spend) as predicted_spend
    from customer_clv_history
    where horizon_days = $days
    group by as_of_date, segment
    order by as_of_date, segment
"""
_MEASURES = {"customers": "customers", "predicted_spend": "predicted spend"}
_NO_TIER_BEFORE, _NO_TIER_NOW = "not a customer then", "no purchase yet"


def show(bundle: ServedBundle) -> None:
    """Draw the finding, then the part that the reader has chosen."""
    st.title(TITLE)
    st.markdown(f"Shows whether the customer base grows, and by whom. {_finding(bundle)}")
    parts = {"Bridge": _bridge, "Value tiers": _tiers, "Since last night": _since, "Segments": _segments}
    choose("movements", parts, bundle)


def _finding(bundle: ServedBundle) -> str:
    if not bundle.has("base_movements"):
        return "**There are no two periods to compare yet.**"
    rows = {row["step"]: row for row in records(bundle.frame(_STEPS))}
    opening, closing = rows["opening"], rows["closing"]
    before, now = opening["spend_before"] or 0, closing["spend_now"] or 0
    by_size = sorted(
        (row for row in rows.values() if row["spend_change"]), key=lambda row: abs(row["spend_change"]), reverse=True
    )
    changed = f" ({formats.spoken_percent(now / before - 1, signed=True)})" if before > 0 else ""
    text = (
        f"**Net spend of {opening['period_days']} days went from {formats.spoken_money(before, bundle.currency)} to "
        f"{formats.spoken_money(now, bundle.currency)}{changed}.**"
    )
    said = [
        f"{labels.words(row['step'])} {formats.spoken_money(row['spend_change'], signed=True)} "
        f"({formats.counted(row['customers'], 'customer')})"
        for row in by_size[:4]
    ]
    return f"{text} The largest steps: {', '.join(said)}." if said else text


def _bridge(bundle: ServedBundle) -> None:
    if is_empty(bundle, "base_movements"):
        return
    measure = st.selectbox("Measure", ["net spend", "customers"], key="bridge_measure") or "net spend"
    rows = bundle.frame(_STEPS)
    is_money = measure == "net spend"
    change = "spend_change" if is_money else "customer_change"
    total = (
        {"opening": "spend_before", "closing": "spend_now"}
        if is_money
        else {"opening": "customers", "closing": "customers"}
    )
    unit = f"net spend, {bundle.currency}" if is_money else "customers with a purchase"
    bridge = _as_bridge(
        [(row["step"], row[change], row[total[row["step"]]] if row["step"] in total else None) for row in records(rows)]
    )
    first = records(rows)[0]
    periods = (
        f"{formats.long_day(first['before_start_date'])} to the day before {formats.long_day(first['now_start_date'])}, against "
        f"{formats.long_day(first['now_start_date'])} to {formats.long_day(first['now_end_date'])}"
    )
    draw(
        f"From the period before to the last one: {measure}",
        charts.waterfall(bridge, "name", "change", "start", "end", unit),
        f"Bridge of {measure} from {formats.spoken(bridge['end'].iloc[0])} to {formats.spoken(bridge['end'].iloc[-1])}: "
        + ", ".join(f"{row['name']} {formats.spoken(row['change'], signed=True)}" for row in records(bridge)[1:-1])
        + ".",
        "base_movements",
        note=f"{periods}. The steps add up from the opening to the closing balance."
        + (
            " The two periods are different seasons, because the history is shorter than two years."
            if first["period_days"] < 365
            else ""
        ),
    )
    tables.show(bundle, rows.drop(columns=["position"]), name="bridge", table="base_movements")


def _as_bridge(steps: list[tuple[str, float | None, float | None]]) -> pd.DataFrame:
    """Return the bars of a waterfall: each change begins where the one before it ended; steps without a change are left out."""
    rows, so_far = [], 0.0
    for name, change, balance in steps:
        if balance is not None:
            rows.append({"name": labels.words(name), "change": None, "start": 0.0, "end": float(balance)})
            so_far = float(balance)
        elif change:
            rows.append(
                {"name": labels.words(name), "change": float(change), "start": so_far, "end": so_far + float(change)}
            )
            so_far += float(change)
    return pd.DataFrame(rows)


def _tiers(bundle: ServedBundle) -> None:
    if is_empty(bundle, "tier_transitions"):
        return
    there = set(bundle.frame("select distinct comparison from tier_transitions")["comparison"])
    left, right = st.columns(2)
    comparison = left.selectbox(
        "Compare", [c for c in _COMPARISONS if c in there], format_func=_COMPARISONS.get, key="tier_comparison"
    )
    shares = {"customers": "customers", "share_of_tier_before": "share of the tier then"}
    measure = right.selectbox("Measure", list(shares), format_func=shares.get, key="tier_measure") or "customers"
    rows = bundle.frame(_MOVES, comparison=comparison)
    moves = rows[rows["row_kind"] == "move"]
    cells = moves[moves[measure].notna()]
    if cells.empty:
        st.info("Every move has fewer than 5 customers, so they are only counted together.")
        return
    cells = cells.assign(
        then=cells["tier_before"].fillna(_NO_TIER_BEFORE), now=cells["tier_now"].fillna(_NO_TIER_NOW)
    ).sort_values(["then", "now"])
    by_direction = moves.groupby("direction")["customers"].sum()
    up, down = int(by_direction.get("up", 0)), int(by_direction.get("down", 0))
    st.markdown(
        f"{formats.counted(up, 'customer')} moved up, {formats.counted(down, 'customer')} moved down, "
        f"{formats.counted(int(by_direction.get('same', 0)), 'customer')} stayed."
    )
    form = charts.WHOLE if measure == "customers" else charts.PERCENT
    draw(
        f"Value tiers then and now: {shares[measure]}",
        charts.heat_map(
            cells, "now", "then", measure, shares[measure], x_title="tier now", y_title="tier then", form=form
        ),
        f"Heat map of moves between value tiers: {up} up, {down} down.",
        "tier_transitions",
        note="A: top 5 %, B: next 15 %, C: next 30 %, D: the rest. Limits move with all customers, so somebody may go "
        "down while spending "
        "the same. Moves of fewer than 5 customers are in the table only, together.",
    )
    if not any(name.startswith("published") for name in there):
        st.caption("A comparison of predicted tiers appears once nights were published for a month.")
    tables.show(bundle, rows, name="tiers", table="tier_transitions")


def _since(bundle: ServedBundle) -> None:
    if not bundle.has("score_change_summary") and not bundle.has("customer_clv_changes"):
        is_empty(bundle, "score_change_summary")
        return
    if not is_empty(bundle, "score_change_summary"):
        rows = bundle.frame(_CAUSES)
        now = float(bundle.run["predicted_spend_total"])
        before = now - float(rows["change"].sum())
        since = formats.long_day(records(rows)[0]["previous_as_of_date"])
        bridge = _as_bridge(
            [
                *((row["cause"], row["change"], None) for row in records(rows)),
                ("all causes together", None, now - before),
            ]
        )
        largest = records(rows)[0]
        st.markdown(
            f"Since {since} the predicted total changed by "
            f"**{formats.spoken_money(now - before, bundle.currency, signed=True)}**; the largest "
            f"part is {labels.words(largest['cause'])}, {formats.spoken_money(largest['change'], bundle.currency, signed=True)}."
        )
        draw(
            f"What changed the predicted total since {since}",
            charts.waterfall(
                bridge, "name", "change", "start", "end", f"change of the predicted spend, {bundle.currency}"
            ),
            f"Bridge of the change of the predicted total from {formats.spoken(before)} to {formats.spoken(now)} by cause.",
            "score_change_summary",
            note="The causes add up to the difference of the two nights. Green adds, red takes away.",
        )
        tables.show(bundle, rows.drop(columns=["row_kind", "previous_as_of_date"]).assign(cause=rows["cause"].map(labels.words)),
                    name="causes", table="score_change_summary")  # fmt: skip
    if is_empty(bundle, "customer_clv_changes"):
        return
    counted = dict(bundle.frame(_CHANGES).itertuples(index=False, name=None))
    moves = bundle.frame(_SEGMENT_MOVES)
    st.markdown(
        f"{formats.counted(counted.get('added', 0), 'customer')} came, "
        f"{formats.counted(counted.get('removed', 0), 'customer')} left, and "
        f"{formats.counted(int(moves['customers'].sum()), 'customer')} changed the segment."
    )
    if moves.empty:
        st.caption("Nobody changed the segment since the last night. From `customer_clv_changes`.")
        return
    moves["move"] = [
        f"{labels.words(row['previous_segment'])} → {labels.words(row['segment'])}" for row in records(moves)
    ]
    draw(
        "Moves between segments since the last night",
        charts.bars(moves.head(20), "move", "customers", "customers"),
        f"The most frequent of {len(moves)} moves: {moves['move'].iloc[0]}, "
        f"{formats.count(moves['customers'].iloc[0])} customers.",
        "customer_clv_changes",
        note="The 20 most frequent moves." if len(moves) > 20 else "",
    )


def _segments(bundle: ServedBundle) -> None:
    if is_empty(bundle, "customer_clv_history"):
        return
    measure = st.selectbox("Measure", list(_MEASURES), format_func=_MEASURES.get, key="segment_measure") or "customers"
    rows = bundle.frame(_SIZES, days=bundle.days)
    rows["name"] = rows["segment"].map(labels.words)
    nights = rows["as_of_date"].nunique()
    if nights == 1:
        st.info("Only one night is published so far, so each segment has one point. The next nights draw the lines.")
    unit = _MEASURES[measure] + (f", {bundle.currency}" if measure == "predicted_spend" else "")
    last = rows[rows["as_of_date"] == rows["as_of_date"].max()].sort_values(measure, ascending=False)
    largest = records(last)[0]
    draw(
        f"Segments over the published nights: {_MEASURES[measure]}",
        charts.lines(rows, "as_of_date", measure, unit, series="name", x_title="night", points=nights < 40),
        f"{_MEASURES[measure]} by segment over {nights} nights. The largest in the last one is {largest['name']}, "
        f"{formats.spoken(largest[measure])}.",
        "customer_clv_history",
        note="Older nights are kept at wider intervals. A change of the definition of the segments makes a step.",
    )
    tables.show(
        bundle,
        rows[["as_of_date", "segment", "customers", "predicted_spend"]],
        name="segment_sizes",
        table="customer_clv_history",
    )
