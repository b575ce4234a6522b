"""Data quality: whether every source row is accounted for, how fresh the data are, and where each published column comes from."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import charts, tables
from clv_pipeline.dashboard.escaping import plain
from clv_pipeline.dashboard.here import with_commands
from clv_pipeline.dashboard.lineage_parts import lineage
from clv_pipeline.dashboard.parts import choose, draw, is_empty, records
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats, labels

TITLE = "Data quality"
POSITION = 80

#: What becomes of a source row; together they are the source.
_DISPOSITIONS = {
    "accepted": charts.ACCENT,
    "duplicate": charts.SERIES[3],
    "superseded": charts.QUIET,
    "excluded": charts.SERIES[1],
    "quarantined": charts.BAD,
}
_RECONCILED = """
    select
        table_name,
        (sum(row_count) filter (where row_kind = 'source'))::bigint as source_rows,
        (sum(row_count) filter (where row_kind = 'read'))::bigint as rows_read,
        (sum(row_count) filter (where disposition = 'accepted'))::bigint as accepted,
        (sum(row_count) filter (where disposition = 'duplicate'))::bigint as duplicate,
        (sum(row_count) filter (where disposition = 'superseded'))::bigint as superseded,
        (sum(row_count) filter (where disposition = 'excluded'))::bigint as excluded,
        (sum(row_count) filter (where disposition = 'quarantined'))::bigint as quarantined,
        (sum(row_count) filter (where row_kind = 'disposition' and disposition <> 'created'))::bigint as accounted_rows,
        sum(source_money) filter (where row_kind = 'source') as source_money,
        sum(source_money) filter (where row_kind = 'disposition' and disposition <> 'created') as accounted_money
    from data_quality
    group by table_name
    order by source_rows desc, table_name
"""
_REASONS = """
    select row_kind, disposition, reason, row_count, source_money
    from data_quality
    where table_name = $table and row_kind in ('disposition', 'part')
    order by row_kind, disposition = 'accepted' desc, row_count desc, reason
"""
#: Facts of the run that say how fresh and how checked the figures are.
_FACTS = (
    "as_of_date", "newest_order_date", "is_stale", "acknowledged_checks", "quarantined_rows", "scored_at", "time_zone", "run_id",
    "model_version", "contract_version", "basis", "ranking", "season_factor", "reasons_fidelity", "data_fingerprint",
)  # fmt: skip


def show(bundle: ServedBundle) -> None:
    """Draw the finding, then the part that the reader has chosen."""
    st.title(TITLE)
    st.markdown(
        f"Accounts for every row of the source, and shows where each published column comes from. {_finding(bundle)}"
    )
    parts = {"Reconciliation": _reconciliation, "Freshness": _freshness, "Lineage": lineage, "Dictionary": _dictionary}
    choose("data_quality", parts, bundle)


def _reconciled(bundle: ServedBundle) -> pd.DataFrame:
    rows = bundle.frame(_RECONCILED)
    # a table without dispositions is read as it is
    rows["adds_up"] = [_adds_up(row) for row in records(rows)]
    return rows


def _adds_up(row: dict[str, Any]) -> str:
    if row["accounted_rows"] is None:
        return "read as it is"
    money = [row["source_money"], row["accounted_money"]]
    is_money_whole = None in money or round(money[0], 2) == round(money[1], 2)
    return (
        "adds up"
        if row["source_rows"] == row["rows_read"] == row["accounted_rows"] and is_money_whole
        else "does not add up"
    )


def _finding(bundle: ServedBundle) -> str:
    run = bundle.run
    newest = run["newest_order_date"]
    fresh = f"The newest order is of {formats.long_day(newest)}" if newest is not None else "There is no order"
    fresh += ", which is older than it should be." if run["is_stale"] else "."
    if run["acknowledged_checks"]:
        fresh += f" The night was published although checks had failed: {plain(run['acknowledged_checks'])}."
    if not bundle.has("data_quality"):
        return fresh
    rows = records(_reconciled(bundle))
    wrong = [row["table_name"] for row in rows if row["adds_up"] == "does not add up"]
    counted = [row for row in rows if row["accounted_rows"] is not None]
    total = sum(row["source_rows"] or 0 for row in counted)
    if wrong:
        return f"**The rows of {plain(', '.join(wrong))} do not add up.** {fresh}"
    share = sum(row["accepted"] or 0 for row in counted) / max(total, 1)
    return (
        f"**All {formats.counted(len(counted), 'table')} add up: {formats.spoken_percent(share)} of "
        f"{formats.counted(total, 'row')} "
        f"are accepted, {formats.counted(run['quarantined_rows'], 'row')} "
        f"{'is' if run['quarantined_rows'] == 1 else 'are'} quarantined.** {fresh}"
    )


def _reconciliation(bundle: ServedBundle) -> None:
    if is_empty(bundle, "data_quality"):
        return
    rows = _reconciled(bundle)
    long = rows.melt(["table_name", "accounted_rows"], list(_DISPOSITIONS), "disposition", "row_count").dropna()
    if not long.empty:
        long["share"] = long["row_count"] / long["accounted_rows"]
        long["table"] = long["table_name"].map(labels.words)
        draw(
            "What became of the source rows",
            _shares(long),
            "Share of the rows of each source table that were accepted, duplicate, superseded, excluded and quarantined. "
            + "; ".join(f"{row['table_name']}: {row['adds_up']}" for row in records(rows))
            + ".",
            "data_quality",
            note="Superseded: a newer version of the row counts. Excluded: by a rule of the company, such as test "
            "orders. Quarantined: "
            "cannot be used until somebody corrects it.",
        )
    headings = {"adds_up": "source = accounted for", "accounted_rows": "accounted for", "source_money": "money at the source",
                "accounted_money": "money accounted for"}  # fmt: skip
    shown = rows[["table_name", "adds_up", *(c for c in rows.columns if c not in ("table_name", "adds_up"))]]
    tables.show(bundle, shown, name="reconciliation", headings=headings)
    names = rows["table_name"].tolist()
    table = st.selectbox(
        "Reasons of one table", names, index=names.index("orders") if "orders" in names else 0, format_func=labels.words,
        key="quality_table",
    )  # fmt: skip
    reasons = bundle.frame(_REASONS, table=table)
    st.markdown(f"##### Reasons: {plain(labels.words(str(table)))}")
    if reasons.empty:
        st.info("Every row of this table is read as it is; nothing is sorted out.")
        return
    parts = reasons[reasons["row_kind"] == "part"].drop(columns=["row_kind", "disposition"])
    tables.show(
        bundle, reasons[reasons["row_kind"] != "part"].drop(columns=["row_kind"]), name="reasons", table="data_quality"
    )
    if not parts.empty:
        st.markdown("Of these rows, counted above already:")
        tables.show(bundle, parts, name="parts", table="data_quality")
    st.caption("Amounts are in source currencies, before conversion. From `data_quality`.")


def _shares(long: pd.DataFrame) -> alt.Chart:
    names = [name for name in _DISPOSITIONS if name in set(long["disposition"])]
    return (
        alt.Chart(long, height=28 * long["table"].nunique() + 130)
        .mark_bar()
        .encode(
            y=alt.Y("table:N", sort=None, title=None),
            x=alt.X(
                "share:Q",
                title="share of the source rows",
                axis=alt.Axis(format=charts.PERCENT),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color=alt.Color(
                "disposition:N",
                title=None,
                scale=alt.Scale(domain=names, range=[_DISPOSITIONS[name] for name in names]),
                legend=alt.Legend(orient="bottom", columns=2),
            ),
            tooltip=[
                alt.Tooltip("table:N"),
                alt.Tooltip("disposition:N", title="status"),
                alt.Tooltip("row_count:Q", title="rows", format=charts.WHOLE),
                alt.Tooltip("share:Q", title="share", format=".2%"),
            ],
        )
    )


def _freshness(bundle: ServedBundle) -> None:
    meanings = bundle.frame("select column_name, description from column_dictionary where table_name = 'clv_run'")
    described = dict(zip(meanings["column_name"], meanings["description"], strict=True))
    rows = pd.DataFrame(
        [
            (labels.heading(name), formats.cell(name, bundle.run.get(name)) or "none", described.get(name, ""))
            for name in _FACTS
        ],
        columns=["fact", "value", "meaning"],
    )
    if bundle.run["acknowledged_checks"]:
        st.warning(f"Somebody acknowledged failed checks for this night: {plain(bundle.run['acknowledged_checks'])}.")
    else:
        st.success(
            "No failed check was acknowledged for this night: it was published because all blocking checks passed."
        )
    tables.show(bundle, rows, name="freshness")
    st.caption(
        with_commands(
            "From `clv_run`. The result of every check of the night is in Dagster (`clv ui`), a summary in `clv status`."
        )
    )


def _dictionary(bundle: ServedBundle) -> None:
    if is_empty(bundle, "column_dictionary"):
        return
    wanted = st.text_input(
        "Search the dictionary", key="dictionary", placeholder="for instance: interval, margin, repeat share",
        help="Words in the name of a table or a column, or in its meaning; all must occur.",
    )  # fmt: skip
    rows = bundle.frame(
        "select table_name, column_name, description, data_type from column_dictionary order by table_name, position"
    )
    text = (
        (rows["table_name"] + " " + rows["column_name"] + " " + rows["description"]).str.lower().str.replace("_", " ")
    )
    for word in (wanted or "").lower().replace("_", " ").split():
        rows = rows[text.loc[rows.index].str.contains(word, regex=False)]
    if rows.empty:
        st.info("No column has all these words. Use fewer or shorter ones.")
        return
    st.markdown(f"{formats.counted(len(rows), 'column')} of {formats.counted(rows['table_name'].nunique(), 'table')}.")
    tables.show(bundle, rows, name="dictionary", headings={"description": "meaning"})
    st.caption("From `column_dictionary`.")
