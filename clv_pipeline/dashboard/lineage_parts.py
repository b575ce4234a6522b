"""The way of a published column back to the source: a picture of tables, a tree of columns, and the source columns at its end."""

from collections import defaultdict

import pandas as pd
import streamlit as st

from clv_pipeline.dashboard import tables
from clv_pipeline.dashboard.escaping import plain
from clv_pipeline.dashboard.parts import is_empty
from clv_pipeline.dashboard.served import ServedBundle
from clv_pipeline.reporting import formats

#: A table, model version or source table, and its column.
Node = tuple[str, str]
Edges = dict[Node, list[tuple[Node, str]]]
_PUBLISHED, _SOURCE = "published.", "source "
_LONGEST_TREE = 2_000
#: Legible on a light and on a dark page.
_INK, _ENDS = "#7c8795", "#3b82f6"


def lineage(bundle: ServedBundle) -> None:
    """Draw where the column that the reader chooses comes from, and what it means."""
    if is_empty(bundle, "column_lineage"):
        return
    found = bundle.frame(
        "select distinct replace(table_name, 'published.', '') as table_name, column_name from column_lineage "
        "where table_name like 'published.%' order by table_name, column_name"
    )
    names = found["table_name"].unique().tolist()
    left, right = st.columns(2)
    table = left.selectbox(
        "Published table", names, index=names.index("customer_clv") if "customer_clv" in names else 0, key="lineage_table"
    ) or names[0]  # fmt: skip
    columns = found.loc[found["table_name"] == table, "column_name"].tolist()
    column = right.selectbox(
        "Column", columns, index=columns.index(bundle.spend_column) if bundle.spend_column in columns else 0, key="lineage_column"
    )  # fmt: skip
    column = column if column in columns else columns[0]
    meaning = bundle.frame(
        "select description from column_dictionary where table_name = $table and column_name = $column",
        table=table,
        column=column,
    )
    if not meaning.empty:
        st.markdown(f"**Meaning:** {plain(meaning['description'].iloc[0])}")
    edges = _edges(bundle)
    start = (f"{_PUBLISHED}{table}", column)
    nodes = _reached(start, edges)
    sources = sorted(node for node in nodes if node[0].startswith(_SOURCE))
    st.markdown(
        f"**It is derived from {formats.counted(len(sources), 'column')} of "
        f"{formats.counted(len({t for t, _ in sources}), 'source table')}**, over "
        f"{formats.counted(len(nodes) - len(sources) - 1, 'column')} in between."
    )
    st.markdown("##### The tables on the way")
    st.graphviz_chart(
        _picture(start, nodes, edges),
        width="content",
        alt=f"Graph of the tables between the source and {table}.{column}: " + ", ".join(sorted({t for t, _ in nodes})),
    )
    st.caption(
        "From the source (on top) to the published table (at the bottom); in brackets the number of columns on the "
        "way. From `column_lineage`."
    )
    st.markdown("##### Each column on the way")
    lines = _tree(start, edges)
    st.code("\n".join(lines[:_LONGEST_TREE]), language=None, height=420)
    if len(lines) > _LONGEST_TREE:
        st.caption(
            f"The first {_LONGEST_TREE} of {formats.count(len(lines))} lines; the table below has the columns at the end."
        )
    st.markdown("##### The columns of the source")
    ends = pd.DataFrame([(t.removeprefix(_SOURCE), c) for t, c in sources], columns=["source_table", "source_column"])
    tables.show(bundle, ends, name="source_columns")
    if ends.empty:
        st.caption("None: the column is about the run itself, such as a setting or a version.")


def _edges(bundle: ServedBundle) -> Edges:
    rows = bundle.frame(
        "select table_name, column_name, from_table, from_column, step from column_lineage order by all"
    )
    edges: Edges = defaultdict(list)
    for table, column, from_table, from_column, step in rows.itertuples(index=False, name=None):
        edges[table, column].append(((from_table, from_column), step))
    return edges


def _reached(start: Node, edges: Edges) -> set[Node]:
    found, ahead = {start}, [start]
    while ahead:
        for source, _ in edges.get(ahead.pop(), []):
            if source not in found:
                found.add(source)
                ahead.append(source)
    return found


def _picture(start: Node, nodes: set[Node], edges: Edges) -> str:
    """Return the graph of the tables in Graphviz' language; the browser draws it."""
    counted: dict[str, int] = defaultdict(int)
    for table, _ in nodes:
        counted[table] += 1
    links = sorted(
        {(source[0], node[0]) for node in nodes for source, _ in edges.get(node, []) if source[0] != node[0]}
    )
    lines = [
        "digraph {",
        f'rankdir=TB; bgcolor="transparent"; ranksep=0.3; nodesep=0.1; '
        f'node [shape=box, style=rounded, fontname="sans-serif", fontsize=12, height=0.3, margin="0.05,0.03", '
        f'color="{_INK}", fontcolor="{_INK}"]; '
        f'edge [color="{_INK}", arrowsize=0.5];',
    ]
    for table in sorted(counted):
        is_end = table == start[0] or table.startswith(_SOURCE)
        colour = f', color="{_ENDS}", fontcolor="{_ENDS}"' if is_end else ""
        # two short lines instead of a long one: the picture is as wide as the page
        room, _, name = table.removeprefix(_SOURCE).replace("model ", "model.").rpartition(".")
        label = f"{room}\n{name} ({counted[table]})".strip()
        lines.append(f"{_text(table)} [label={_text(label)}, tooltip={_text(table)}{colour}];")
    lines += [f"{_text(source)} -> {_text(table)};" for source, table in links]
    return "\n".join([*lines, "}"])


def _text(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _tree(start: Node, edges: Edges) -> list[str]:
    """Return the columns on the way, each indented below what is derived from it; one is opened once."""
    lines: list[str] = []
    shown: set[Node] = set()
    ahead = [(start, 0)]
    while ahead:
        node, depth = ahead.pop()
        sources = edges.get(node, [])
        is_again = node in shown and bool(sources)
        steps = sorted({step for _, step in sources})
        note = "  (shown above)" if is_again else f"  ({', '.join(steps)})" if steps else ""
        lines.append(f"{'    ' * depth}{node[0].removeprefix(_SOURCE)}.{node[1]}{note}")
        if not is_again:
            shown.add(node)
            ahead += [(source, depth + 1) for source, _ in reversed(sources)]
    return lines
