"""Customer: everything the served bundle has about one customer, found by number."""

import re
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts, links, parts, tables
from clv_pipeline.dashboard.escaping import plain
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats, labels

TITLE = "Customer"
POSITION = 30
_MOST_HITS = 50
#: Parts of a change of the score, in the order in which the pipeline takes them.
_CAUSES = (
    "time_passed", "new_orders", "returns", "web", "survey", "social", "campaigns", "corrections", "model", "level_and_season",
    "settings", "not_split",
)  # fmt: skip
_LISTS = {
    "again": ("Likely to buy again", "No list: the customer has not bought, or nothing can be suggested."),
    "new_to_them": ("Likely to buy for the first time", "No list: nothing new can be suggested."),
}


def show(bundle: ServedBundle) -> None:
    """Draw the search, and the customer that it found."""
    st.title(TITLE)
    asked = st.text_input(
        "Customer number", key="customer_id", bind="query-params", placeholder="the number, or how it begins"
    ).strip()
    if not asked:
        st.caption(f"{formats.count(bundle.run['customers'])} customers have a score of {formats.day(bundle.as_of)}.")
        return
    found = bundle.frame("select * from customer_clv where customer_id = $customer", customer=asked)
    if found.empty:
        _hits(bundle, asked)
        return
    (customer,) = parts.records(found)
    _head(bundle, customer)
    _reasons(bundle, customer)
    _timeline(bundle, customer)
    _change(bundle, customer)
    _next_purchases(bundle, customer)
    tables.folded("All published values", "everything", partial(_everything, bundle, customer))


def _hits(bundle: ServedBundle, asked: str) -> None:
    spend = bundle.spend_column
    hits = bundle.frame(
        f"select customer_id, segment, {spend}, {bundle.probability_column}, last_order_date from customer_clv "
        f"where starts_with(customer_id, $asked) order by customer_id limit {_MOST_HITS + 1}",
        asked=asked,
    )
    if hits.empty:
        st.info(
            f"Customer {plain(asked)} is not in this bundle: the number is unknown, the customer asked to be erased, or did "
            "not consent to profiling. The dashboard cannot tell which."
        )
        return
    more = " The list has the first of them." if len(hits) > _MOST_HITS else ""
    st.caption(f"No customer has exactly this number; these begin with it.{more} Tick one to open it.")
    state = tables.show(
        bundle, hits.head(_MOST_HITS), name="hits", table="customer_clv", selects=True, with_csv=False
    )  # fmt: skip
    if state and state.selection.rows:
        links.open_page("customer", customer_id=str(hits["customer_id"].iloc[state.selection.rows[0]]))


def _head(bundle: ServedBundle, customer: dict[str, Any]) -> None:
    currency, days = bundle.currency, bundle.days
    st.header(plain(customer["customer_id"]))
    segment = bundle.frame("select definition from segments where segment = $segment", segment=customer["segment"])
    advice = bundle.frame("select action, why from recommendations where customer_id = $c", c=customer["customer_id"])
    st.markdown(
        f"**{labels.words(customer['segment'])}**, value tier **{customer['value_tier']}**, "
        f"{labels.words(customer['score_status'])}"
    )
    for definition in segment["definition"]:
        st.caption(f"The segment: {plain(definition)}.")
    for action, why in advice.itertuples(index=False):
        st.markdown(f"What to do: {plain(action)} ({plain(why)}).")
    figures = [
        (
            f"Predicted spend, {days} days", formats.money(customer[bundle.spend_column], currency),
            _range(customer, "predicted_spend", days),
        ),
        (
            f"Purchase probability, {days} days", formats.percent(customer[bundle.probability_column]),
            _next_order(customer),
        ),
        ("Orders × order value", _orders(customer, days), f"expected in {days} days"),
        ("Lifetime spend", formats.money(customer["lifetime_spend"], currency), _margin(customer, currency)),
        (
            "Net spend to date", formats.money(customer["historic_value"], currency),
            formats.counted(customer["purchase_days"], "purchase day"),
        ),
    ]  # fmt: skip
    for start in (0, 3):
        shown = figures[start : start + 3]
        for place, (name, value, more) in zip(st.columns(3), shown, strict=False):
            place.metric(name, value or "unknown", more or None, delta_color="off", delta_arrow="off")
    horizons = _horizons(customer)
    if len(horizons) > 1:
        tables.show(bundle, pd.DataFrame([_of_horizon(customer, h) for h in horizons]), name="horizons", with_csv=False)


def _range(customer: dict[str, Any], what: str, days: int) -> str:
    found = formats.money_range(customer[f"{what}_low_{days}d"], customer[f"{what}_high_{days}d"])
    return f"90 %: {found}" if found else ""


def _next_order(customer: dict[str, Any]) -> str:
    day = customer["expected_next_order_date"]
    return f"next order about {formats.day(day)}" if day is not None else ""


def _orders(customer: dict[str, Any], days: int) -> str:
    orders, value = customer[f"predicted_orders_{days}d"], customer["expected_order_value"]
    if orders is None or value is None:
        return ""
    return f"{formats.decimal(orders, 2)} × {formats.decimal(value, 2)}"


def _margin(customer: dict[str, Any], currency: str) -> str:
    margin = customer["lifetime_margin"]
    return (
        "margin unknown: no cost and no gross_margin is set"
        if margin is None
        else f"margin {formats.money(margin, currency)}"
    )


def _horizons(customer: dict[str, Any]) -> list[int]:
    return sorted(int(m[1]) for name in customer if (m := re.fullmatch(r"predicted_spend_(\d+)d", name)))


def _of_horizon(customer: dict[str, Any], days: int) -> dict[str, Any]:
    columns = (
        "predicted_spend",
        "predicted_spend_low",
        "predicted_spend_high",
        "typical_spend",
        "purchase_probability",
    )
    return {"horizon_days": days} | {column: customer[f"{column}_{days}d"] for column in columns}


def _reasons(bundle: ServedBundle, customer: dict[str, Any]) -> None:
    reasons = bundle.frame(
        "select driver, effect, fact from customer_reasons where customer_id = $c order by rank",
        c=customer["customer_id"],
    )
    average, now = bundle.run["average_predicted_spend"], customer[bundle.spend_column]
    if reasons.empty or average is None:
        return
    st.subheader("Why this prediction")
    steps = list(zip(reasons["fact"], reasons["effect"], strict=True))
    _waterfall(
        bundle, "average customer", float(average), steps, "this customer",
        f"From the average customer, {formats.money(average)}, to this customer, {formats.money(now)} {bundle.currency}: "
        + "; ".join(f"{fact} {formats.decimal(effect, 2, signed=True)}" for fact, effect in steps),
    )  # fmt: skip
    st.caption(
        "The steps add up to the prediction, to the cent. They say how the prediction differs among customers, not what an "
        "action would change."
    )
    shown = partial(tables.show, bundle, reasons, name="reasons", table="customer_reasons")
    tables.folded("As a table", "reasons", shown)


def _waterfall(
    bundle: ServedBundle, first: str, start: float, steps: list[tuple[str, float]], last: str, text: str
) -> None:
    level = start
    rows: list[tuple[str, float | None, float, float]] = [(first, None, 0.0, start)]
    for name, change in steps:
        rows.append((name, change, level, level + change))
        level += change
    rows.append((last, None, 0.0, level))
    frame = pd.DataFrame(rows, columns=["step", "change", "start", "end"])
    title = f"predicted spend in {bundle.days} days, {bundle.currency}"
    charts.show(charts.waterfall(frame, "step", "change", "start", "end", title), text)


def _timeline(bundle: ServedBundle, customer: dict[str, Any]) -> None:
    st.subheader("Orders and scores")
    number = customer["customer_id"]
    if bundle.has("customer_orders"):
        orders = bundle.frame(
            "select order_date, orders, net_spend, returned from customer_orders where customer_id = $c order by order_date",
            c=number,
        )
        if orders.empty:
            st.caption("No order yet.")
        else:
            text = (
                f"{formats.count(int(orders['orders'].sum()))} orders on {formats.count(len(orders))} days from "
                f"{formats.day(orders['order_date'].min())} to {formats.day(orders['order_date'].max())}."
            )
            charts.show(charts.days(orders, "order_date", "net_spend", f"net spend, {bundle.currency}"), text)
            st.caption(text)
            shown = partial(tables.show, bundle, orders.iloc[::-1], name="orders", table="customer_orders")
            tables.folded("Orders as a table", "orders", shown)
    scores = bundle.frame(
        "select as_of_date, predicted_spend, predicted_spend_low, predicted_spend_high, purchase_probability, segment, "
        "value_tier from customer_clv_history where customer_id = $c and horizon_days = $days order by as_of_date",
        c=number, days=bundle.days,
    )  # fmt: skip
    if len(scores) > 1:
        lines = charts.lines(
            scores, "as_of_date", "predicted_spend", f"predicted spend, {bundle.currency}",
            low="predicted_spend_low", high="predicted_spend_high", points=True,
        )  # fmt: skip
        charts.show(lines, f"Predicted spend of {len(scores)} nights with its 90 % interval.")
        st.caption(f"Predicted spend of the {bundle.days} days after each night, with its 90 % interval.")
        shown = partial(tables.show, bundle, scores.iloc[::-1], name="scores", table="customer_clv_history")
        tables.folded("Scores as a table", "scores", shown)


def _change(bundle: ServedBundle, customer: dict[str, Any]) -> None:
    changes = bundle.frame("select * from score_changes where customer_id = $c", c=customer["customer_id"])
    st.subheader("Why it changed")
    if changes.empty:
        st.caption("The score is as it was the night before, or there was none.")
        return
    (change,) = changes.to_dict("records")
    previous, now = change["previous_predicted_spend"], change["predicted_spend"]
    st.markdown(f"Since {formats.day(change['previous_as_of_date'])}: {plain(change['text'])}.")
    if pd.isna(previous):
        return
    steps = [(labels.words(cause), change[cause]) for cause in _CAUSES if change.get(cause)]
    _waterfall(
        bundle, formats.day(change["previous_as_of_date"]), previous, steps, formats.day(bundle.as_of),
        f"From {formats.money(previous)} to {formats.money(now)} {bundle.currency}: "
        + "; ".join(f"{name} {formats.decimal(amount, 2, signed=True)}" for name, amount in steps),
    )  # fmt: skip


def _next_purchases(bundle: ServedBundle, customer: dict[str, Any]) -> None:
    st.subheader("Next purchases")
    rows = bundle.frame(
        "select kind, item_name as item, probability, probability_low, probability_high, popularity_probability, "
        "expected_spend, because from next_purchases where customer_id = $c order by kind, rank",
        c=customer["customer_id"],
    )
    for kind, (title, nothing) in _LISTS.items():
        of_kind = rows[rows["kind"] == kind].drop(columns="kind")
        st.markdown(f"**{title}**")
        if of_kind.empty:
            st.caption(nothing)
        else:
            tables.show(
                bundle,
                of_kind,
                name=f"next-{kind}",
                table="next_purchases",
                with_csv=False,
                headings={"expected_spend": "expected spend"},
            )
    if not rows.empty:
        st.caption(
            f"Within {bundle.days} days. Probabilities of a list do not add up to anything, and nobody has measured whether a "
            "suggestion sells more."
        )


def _everything(bundle: ServedBundle, customer: dict[str, Any]) -> None:
    meanings = bundle.frame(
        "select column_name, description from column_dictionary where table_name = 'customer_clv' order by position"
    )
    values = meanings.assign(value=[formats.cell(c, customer.get(c)) for c in meanings["column_name"]])
    tables.show(
        bundle, values[["column_name", "value", "description"]], name=f"customer-{customer['customer_id']}",
        headings={"column_name": "column", "description": "meaning"},
    )  # fmt: skip
