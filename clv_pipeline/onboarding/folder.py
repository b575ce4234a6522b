"""Writing a source folder: source.toml and the SELECTs, all of it or nothing."""

import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.core.source_address import holds_secret
from clv_pipeline.onboarding.drafts import Draft
from clv_pipeline.onboarding.layouts import Layout, WrittenLayout, write_layout
from clv_pipeline.onboarding.scaffold import select_of, title_of
from clv_pipeline.sources.source_counts import DayCount

_NO_MARGIN = "# gross_margin = 0.45   # share of spend that is margin; without it, margins stay empty"


def write_folder(folder: Path, files: Mapping[str, str]) -> Path:
    """Write the files beside the folder and rename them into place, so that it is never there half; return it.

    Optional contract tables without a file are written as examples.
    """
    with _beside(folder) as made:
        made.mkdir()
        for name, text in files.items():
            (made / name).write_text(text, encoding="utf-8")
        for table in CONTRACT.values():
            if f"{table.name}.sql" not in files and f"{table.name}.sql.example" not in files:
                (made / f"{table.name}.sql.example").write_text(select_of(table), encoding="utf-8")
    return folder.resolve()


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Yield where to make the folder; it is renamed into its place at the end, and is gone after an error or an interrupt."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as room:
        made = Path(room) / folder.name
        yield made
        made.rename(folder)


def write_known_folder(
    layout: Layout,
    folder: Path,
    address: str,
    *,
    tables: Mapping[str, Collection[str]],
    dialect: str,
    facts: Mapping[str, str],
) -> WrittenLayout:
    """Write the worked folder of a known layout, with the address where it holds no secret; all of it or nothing."""
    with _beside(folder) as made:
        written = write_layout(layout, made, tables=tables, dialect=dialect, facts=facts)
        toml = made / "source.toml"
        toml.write_text(_with_address(toml.read_text(), address_for_file(address)))
    return replace(written, folder=folder.resolve())


def _with_address(toml: str, address: str | None) -> str:
    """Return source.toml with the address below the currency, which every layout names."""
    return re.sub(r"(?m)^currency = .*$", lambda found: f"{found[0]}\n{_address_line(address)}", toml, count=1)


def _address_line(address: str | None) -> str:
    return (
        f"source_url = {_quoted(address)}"
        if address
        else "# the address holds a secret: set CLV_SOURCE_URL in the environment"
    )


def address_for_file(address: str) -> str | None:
    """Return how source.toml names the address, None where it holds a secret.

    A path is written as an absolute one: it was meant from where the command was given.
    """
    if holds_secret(address):
        return None
    scheme, separator, rest = address.partition("://")
    if not separator:
        return str(Path(address).expanduser().resolve())
    if scheme.partition("+")[0] in ("sqlite", "duckdb") and rest.startswith("/") and not rest.startswith("//"):
        return f"{scheme}:///{Path(rest[1:]).resolve()}"
    return address


def source_toml(draft: Draft, folder: Path, address: str, gross_margin: float | None = None) -> str:
    """Return the text of source.toml."""
    lines = [
        "# Facts about this source that its data does not contain. Any setting of core/settings.py may be set here, too.",
        f"name = {_quoted(title_of(folder))}",
        f"time_zone = {_quoted(draft.time_zone.value)}   # {draft.time_zone.reason}; times without a zone are read in it",
        f"currency = {_quoted(draft.currency.value)}   # {draft.currency.reason}; the reporting currency",
        f"gross_margin = {gross_margin}" if gross_margin else _NO_MARGIN,
    ]  # fmt: skip
    lines.append(_address_line(address_for_file(address)))
    if draft.totals and (newest := _day(draft.totals.last)):
        day = newest + timedelta(days=1)
        lines.append(f'# as_of = "{day}"   # for data that no longer grows: its newest order is of {newest}')
    return "\n".join([*lines, "", *_status_lines(draft)]) + "\n"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _status_lines(draft: Draft) -> list[str]:
    if not draft.statuses or set(draft.statuses) <= {""}:
        return []
    counts = [_counted(status, count) for status, count in draft.statuses.items()]
    if draft.order_status:
        revenue, others = draft.order_status
        why = f"as {draft.shop.name} uses them" if draft.shop else "as answered"
        return [
            f"[order_status]   # {why}",
            *counts,
            f"revenue = [{_listed(revenue)}]",
            f"not_revenue = [{_listed(others)}]",
        ]
    listed = _listed(list(draft.statuses))
    return [
        "# To decide: which of these statuses are revenue? Put each into one of the lists; remove the # of the three lines.",
        *counts, "# [order_status]", f"# revenue = [{listed}]", "# not_revenue = []",
    ]  # fmt: skip


def _counted(status: str, count: DayCount) -> str:
    return f"# {count.rows:>8} lines {count.money or 0:>16,.2f}  {_quoted(status)}" + (
        "" if status else "  (no status)"
    )


def _listed(statuses: list[str]) -> str:
    return ", ".join(map(_quoted, statuses))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
