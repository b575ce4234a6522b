"""Tables and pictures in Markdown, for model cards, docs/accuracy.md and the metadata of assets. HTML is `html.py`."""

from clv_pipeline.reporting.drawing import data_uri
from clv_pipeline.reporting.tables import Table


def table(shown: Table) -> list[str]:
    r"""Return the lines of a Markdown table; a name cannot break out of its cell.

    >>> table(Table(["model", "Gini"], [["a|b", "0.8"]]))
    ['| model | Gini |', '|---|---|', '| a\\|b | 0.8 |']
    """
    lines = ["| " + " | ".join(map(_cell, shown.header)) + " |", "|" + "---|" * len(shown.header)]
    return lines + ["| " + " | ".join(map(_cell, row)) + " |" for row in shown.rows]


def picture(content: bytes, text: str = "plot", kind: str = "png") -> str:
    """Return a picture that carries its own bytes.

    >>> picture(b"png", "gain")
    '![gain](data:image/png;base64,cG5n)'
    """
    return f"![{text}]({data_uri(content, kind)})"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", r"\|").splitlines())
