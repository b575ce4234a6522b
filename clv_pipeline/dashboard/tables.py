"""Published rows as a table for people: headings, number formats, the dictionary's meaning of each column, and a CSV.

Texts are what the report shows (`reporting/labels.py`, `reporting/formats.py`); sorting and the CSV use the values themselves.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats, labels

_ROW_PIXELS, _MOST_ROWS_SHOWN = 35, 12


def show(
    bundle: ServedBundle, frame: pd.DataFrame, *, name: str, table: str | None = None,
    headings: Mapping[str, str] | None = None, selects: bool = False, with_csv: bool = True,
) -> Any:  # fmt: skip
    """Draw a frame of published columns; `name` is the key of the page's element and the name of the CSV.

    With `table`, headings explain themselves with that table's texts of the column dictionary. With `selects`, a click on a
    row runs the page again, and the state (`.selection.rows`) is returned.
    """
    if frame.empty:
        st.caption("No rows.")
        return None
    meanings = _meanings(bundle, table) if table else {}
    headings = {**{str(c): labels.heading(str(c)) for c in frame.columns}, **(headings or {})}
    config = {
        column: st.column_config.Column(label=headings[column], help=meanings.get(column)) for column in frame.columns
    }
    state = st.dataframe(
        frame.style.format({c: _writer(str(c), frame[c]) for c in frame.columns}, na_rep=""),
        key=name, hide_index=True, column_config=config, height=_height(len(frame)),
        on_select="rerun" if selects else "ignore", selection_mode="single-row", placeholder="",
        alt=f"Table with {len(frame)} rows: {', '.join(headings[c] for c in frame.columns)}",
    )  # fmt: skip
    if with_csv:
        download(f"Download {formats.counted(len(frame), 'row')} as CSV", partial(_csv, frame), f"{name}.csv")
    return state


def folded(label: str, key: str, draw: Callable[[], Any]) -> None:
    """Draw a part that the reader unfolds; what is folded costs nothing, where a table costs 20 ms of each run."""
    part = st.expander(label, key=f"{key}-folded", on_change="rerun")
    if part.open:
        with part:
            draw()


def download(label: str, make: Callable[[], bytes], file_name: str, *, is_main: bool = False) -> None:
    """Draw a button that makes a file when it is clicked, not before; `is_main` is for what the page is there for."""
    st.download_button(
        label, make, file_name=file_name, mime="application/gzip" if file_name.endswith(".gz") else "text/csv",
        key=f"download-{file_name}", on_click="ignore", type="primary" if is_main else "tertiary", icon=":material/download:",
    )  # fmt: skip


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def _meanings(bundle: ServedBundle, table: str) -> dict[str, str]:
    rows = bundle.frame(
        "select column_name, description from column_dictionary where table_name = $table order by position",
        table=table,
    )
    return dict(zip(rows["column_name"], rows["description"], strict=True))


def _writer(column: str, values: "pd.Series[Any]") -> Callable[[Any], str]:
    if pd.api.types.is_bool_dtype(values.dropna().infer_objects()):
        return lambda value: "yes" if value else "no"
    if pd.api.types.is_integer_dtype(values):
        return formats.count
    return partial(formats.cell, column)


def _height(rows: int) -> int:
    return _ROW_PIXELS * (min(rows, _MOST_ROWS_SHOWN) + 1) + 3
