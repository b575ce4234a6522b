"""Lineage of a published column back to the columns of the source, as a tree for the terminal."""

from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from clv_pipeline.core.errors import ConfigurationError, PublishError, nearest
from clv_pipeline.core.home import Home
from clv_pipeline.reporting.terminal import served_database
from clv_pipeline.warehouse.connection import open_bundle_file, tables_of

Node = tuple[str, str]


def print_lineage(console: Console, home: Home, column: str) -> None:
    """Print the lineage of a published column, and the source columns at its end.

    Raises:
        PublishError: nothing is published yet.
        ConfigurationError: nothing is published under that name.
    """
    tree, sources = way_back(served_database(home), column)
    console.print(tree)
    console.print(f"\n{len(sources)} source columns: {escape(', '.join(sources))}")


def way_back(bundle: Path, column: str) -> tuple[Tree, list[str]]:
    """Return the steps back from `published.<table>.<column>`, and the source columns at their end.

    bundle: a published DuckDB file.

    Raises:
        PublishError: an older release published it.
        ConfigurationError: nothing is published under that name.
    """
    with open_bundle_file(bundle) as connection:
        if "column_lineage" not in tables_of(connection):
            raise PublishError(
                "The served bundle has no lineage: an older release published it",
                next_step="`clv run` publishes a bundle with it.",
            )
        rows = connection.execute(
            "select table_name, column_name, from_table, from_column, step from column_lineage order by all"
        ).fetchall()
    sources: dict[Node, list[tuple[Node, str]]] = defaultdict(list)
    for table, name, from_table, from_column, step in rows:
        sources[table, name].append(((from_table, from_column), step))
    start = _published(column, sources)
    tree = Tree(_label(start, sources))
    _grow(tree, start, sources, {start})
    return tree, sorted({_name(node) for node in _nodes(start, sources) if node[0].startswith("source ")})


def _published(column: str, sources: dict[Node, list[tuple[Node, str]]]) -> Node:
    table, _, name = column.removeprefix("published.").rpartition(".")
    node = (f"published.{table}", name)
    if node not in sources:
        known = [_name(n) for n in sources if n[0].startswith("published.")]
        raise ConfigurationError(
            f"There is no lineage for '{column}'{nearest(f'published.{table}.{name}', known)}",
            next_step="name a published column as published.<table>.<column>; docs/published_tables.md lists them.",
        )
    return node


def _grow(tree: Tree, node: Node, sources: dict[Node, list[tuple[Node, str]]], shown: set[Node]) -> None:
    for source, _ in sources.get(node, []):
        if source in shown and sources.get(source):
            tree.add(f"{_name(source)} [dim](shown above)[/dim]")
            continue
        shown.add(source)
        _grow(tree.add(_label(source, sources)), source, sources, shown)


def _label(node: Node, sources: dict[Node, list[tuple[Node, str]]]) -> str:
    steps = sorted({step for _, step in sources.get(node, [])})
    return f"{_name(node)} [dim]({escape(', '.join(steps))})[/dim]" if steps else _name(node)


def _name(node: Node) -> str:
    return escape(f"{node[0].removeprefix('source ')}.{node[1]}")


def _nodes(start: Node, sources: dict[Node, list[tuple[Node, str]]]) -> set[Node]:
    found, ahead = {start}, [start]
    while ahead:
        for source, _ in sources.get(ahead.pop(), []):
            if source not in found:
                found.add(source)
                ahead.append(source)
    return found
