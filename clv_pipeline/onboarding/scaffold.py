"""`clv init`: a new source folder with a commented SELECT for each contract table, written from the contract itself."""

import re
import textwrap
from pathlib import Path

from clv_pipeline.contracts.source import CONTRACT, SourceTable
from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.core.project_files import IS_INSTALLED, SOURCES_FOLDER

_TOML = """\
# Facts about this source that its data does not contain. Any setting of clv_pipeline/core/settings.py may be set here too.
name = "{name}"
time_zone = "Europe/Berlin"   # the business time zone; timestamps without a zone are read in it
currency = "EUR"              # the reporting currency; orders in others need an fx_rates.sql
# gross_margin = 0.45         # share of spend that is margin, for order lines without a cost; without either, margins stay empty

# [order_status]              # every value of orders.status, "" for none; `clv doctor` prints this block from your data
# revenue = ["paid", "shipped"]
# not_revenue = ["open", "cancelled"]

# [[exclude]]                 # real rows that are not business; counted and shown with their reason
# table = "orders"
# reason = "test order"
# where = "customer_id like 'TEST%'"
"""
#: Names of contract columns that databases read as a word of their own where they are not quoted.
_WORDS_OF_SQL = {"interval"}


def new_folder(name: str) -> Path:
    """Return the folder that a new source of this name is written into; it does not exist yet.

    A name is a folder of sql/0_sources in a checkout. Installed from a wheel, where nobody writes into the package, it is a
    folder of the current one. A name with a / in it is a path.

    Raises:
        ConfigurationError: the name is not a plain one, or the folder exists already.
    """
    named = Path(name) if IS_INSTALLED else SOURCES_FOLDER / name
    folder = Path(name).expanduser() if "/" in name else named
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", folder.name):
        raise ConfigurationError(
            f"'{folder.name}' is not a plain name", next_step="use letters, digits, _ and -, beginning with a letter."
        )
    if folder.exists():
        raise ConfigurationError(
            f"{folder} exists already", next_step="choose another name, or edit the existing folder."
        )
    return folder


def scaffold(name: str) -> Path:
    """Write the folder for a name or for a path, and return it.

    Only orders.sql is active; the optional tables are written as `<table>.sql.example`, to be renamed once they are mapped.

    Raises:
        ConfigurationError: see `new_folder`.
    """
    folder = new_folder(name)
    folder.mkdir(parents=True)
    (folder / "source.toml").write_text(_TOML.format(name=title_of(folder)))
    for table in CONTRACT.values():
        ending = "sql" if table.required else "sql.example"
        (folder / f"{table.name}.{ending}").write_text(select_of(table))
    return folder.resolve()


def _attribute_lines(table: SourceTable) -> list[str]:
    if table.attribute_prefix is None:
        return []
    text = f"Any column {table.attribute_prefix}<name> may be returned, too: {table.attribute_meaning}."
    return textwrap.wrap(text, 110, initial_indent="-- ", subsequent_indent="-- ")


def title_of(folder: Path) -> str:
    """Return a company's name for people, by that of its folder.

    >>> title_of(Path("acme_shop"))
    'Acme shop'
    """
    return folder.name.replace("_", " ").capitalize()


def select_of(table: SourceTable) -> str:
    """Return a commented SELECT of every column of a contract table."""
    # quoted where the name is a word of SQL: `interval`
    names = {c.name: f'"{c.name}"' if c.name in _WORDS_OF_SQL else c.name for c in table.columns}
    width = max(map(len, names.values()))
    lines = [
        f"-- One row per {table.grain}, in this database's own SQL. Return the columns under these names;",
        "-- the required ones must be there, any other may be left out. For a nightly increment end with",
        "-- `where <time of the last change> >= :since` (a local timestamp; everything on the first night).",
        *_attribute_lines(table),
        "select",
    ]
    for column in table.columns:
        comma = "," if column is not table.columns[-1] else " "
        need = "required, " if column.required else ""
        lines.append(
            f"    {names[column.name]:<{width}} as {names[column.name]:<{width}}{comma}  "
            f"-- {need}{column.type}: {column.description}"
        )
    lines.append(f"from {table.name}")
    return "\n".join(lines) + "\n"
