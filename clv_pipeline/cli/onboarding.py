"""`clv init NAME --url`: looks at a source, asks what its data cannot tell, writes the folder, and says what comes next."""

import os
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from pydantic import SecretStr
from rich.table import Table as Grid

from clv_pipeline.cli.shared import err, out, plain
from clv_pipeline.core.errors import SourceError
from clv_pipeline.core.source_address import holds_secret
from clv_pipeline.onboarding import questions
from clv_pipeline.onboarding.amount_choices import AmountChoice, amount_choices
from clv_pipeline.onboarding.catalogue import Catalogue, open_catalogue
from clv_pipeline.onboarding.drafts import Draft, draft_of
from clv_pipeline.onboarding.folder import source_toml, write_folder, write_known_folder
from clv_pipeline.onboarding.known_source import facts_at_source, write_known_source
from clv_pipeline.onboarding.layouts import Layout, WrittenLayout, has_other_tables, recognise, select_text
from clv_pipeline.onboarding.scaffold import new_folder
from clv_pipeline.reporting.formats import count, money
from clv_pipeline.sources.hash_key import SET_KEY

#: A person waits for it: a statement that takes longer is given up.
_TIMEOUT_SECONDS = 120
_CONFIDENCE = {"high": "sure", "medium": "likely", "low": "a guess"}


def connect(name: str, url: str, source: str, *, asks: bool) -> None:
    """Write the source folder of a database or of a folder of files.

    Raises:
        ConfigurationError: the folder exists, or the address cannot be used.
        SourceError: the source cannot be read, or nothing in it looks like orders.
    """
    folder = new_folder(name)
    with (
        err.status("looking at the source") as status,
        open_catalogue(
            SecretStr(url),
            tries=1,
            timeout_seconds=_TIMEOUT_SECONDS,
            progress=lambda what: status.update(f"looking at {plain(what)}"),
        ) as catalogue,
    ):
        layout = recognise(_columns(catalogue))
        draft, sessions = None, {}
        if layout is None or has_other_tables(layout, _columns(catalogue)):
            draft = draft_of(catalogue, lambda what: status.update(f"looking at {plain(what)}"))
        if layout and draft:
            # the shop's own orders, with the visits of its web analytics
            sessions = {
                "web_sessions.sql": select_text(
                    layout, "web_sessions", _columns(catalogue), catalogue.reader.engine.dialect
                )
            }
            layout = None
        choices = amount_choices(catalogue, draft) if draft and asks else []
        status.stop()
        _print_tables(catalogue)
        if layout:
            facts = facts_at_source(layout, catalogue.reader, _columns(catalogue))
            known = write_known_folder(
                layout, folder, url, tables=_columns(catalogue), dialect=catalogue.reader.engine.dialect, facts=facts
            )
            _print_layout(layout, known, facts)
            _print_next(source, url, maps_email=any("email" in file.read_text() for file in known.folder.glob("*.sql")))
            return
    if draft is None:
        raise SourceError(
            "No table of the source looks like orders: a buyer, a time, and money or lines that refer to it",
            next_step=f"`clv init {name}` without --url writes SELECTs to fill in.",
        )
    margin = None
    if asks:
        draft, margin = _ask(draft, choices)
    files = {"source.toml": source_toml(draft, folder, url, margin), **draft.files, **sessions}
    written = write_folder(folder, files)
    _print_draft(draft, written)
    _print_next(source, url, maps_email=draft.maps_email)


def connect_known(name: str, layout: str, url: str | None, source: str) -> None:
    """Write the source folder of a layout that is asked for by name; the address may be in CLV_SOURCE_URL.

    Raises:
        ConfigurationError: there is no such layout, its tables are not there, or the folder exists.
        SourceError: the source cannot be read.
    """
    address = url or os.environ.get("CLV_SOURCE_URL") or None
    made = write_known_source(
        layout, new_folder(name), SecretStr(address) if address else None, timeout_seconds=_TIMEOUT_SECONDS
    )
    _print_layout(made.layout, made.written, made.facts)
    maps_email = any("email" in file.read_text() for file in made.written.folder.glob("*.sql"))
    _print_next(source, address, maps_email=maps_email)


def _columns(catalogue: Catalogue) -> dict[str, list[str]]:
    # those of the source: nested ones, which a sample cannot hold, are what GA4 is known by
    return {table.full_name: list(table.at_source.columns) for table in catalogue.tables}


def _print_layout(layout: Layout, known: WrittenLayout, facts: Mapping[str, str]) -> None:
    out.print(
        f"\nRecognised: {plain(layout.title)}. Its orders.sql is a worked one: its first comment says what was decided."
    )
    for note in known.notes:
        out.print(f"  note: {plain(note)}")
    for fact, value in facts.items():
        out.print(f"  {fact} = {plain(value)}, as the source says")
    for fact in ("time_zone", "currency"):
        if fact not in facts:
            out.print(f"  {fact} in source.toml is a guess: decide it")
    out.print(f"\nWrote {plain(str(known.folder))}.")


def _print_tables(catalogue: Catalogue) -> None:
    grid = Grid("table", "rows", box=None, pad_edge=False)
    for table in sorted(catalogue.tables, key=lambda t: -(t.rows or 0))[:40]:
        grid.add_row(plain(table.full_name), count(table.rows) if table.rows is not None else "not counted in time")
    out.print(f"Found {len(catalogue.tables)} tables:")
    out.print(grid)
    if len(catalogue.tables) > 40:
        out.print(f"  and {len(catalogue.tables) - 40} smaller ones")
    for name, reason in catalogue.unread.items():
        out.print(f"  not read: {plain(name)}: {plain(reason)}")


def _ask(draft: Draft, choices: list[AmountChoice]) -> tuple[Draft, float | None]:
    """Ask what the data cannot tell; return the draft as answered and the gross margin, None if it is left open."""
    for sentence in draft.orders.questions:
        out.print(f"[yellow]not certain[/] {plain(sentence)}")
    zone = click.prompt(
        f"Business time zone ({draft.time_zone.reason})", default=draft.time_zone.value, value_proc=_zone
    )
    currency = click.prompt(f"Reporting currency ({draft.currency.reason})", default=draft.currency.value)
    statuses = {}
    for question in questions.status_questions(draft):
        text = f"Is status '{question.status}' revenue? ({count(question.count.rows)} lines, {money(question.count.money or 0)})"
        statuses[question.status] = click.confirm(text, default=question.default)
    if choices:
        draft = _ask_amount(choices, [status for status, is_revenue in statuses.items() if is_revenue])
    questions.answered(draft, time_zone=zone, currency=currency.upper(), statuses=statuses)
    margin = click.prompt(
        "Gross margin as a share of spend, such as 0.45 (empty: not known)", default="", show_default=False
    )
    return draft, _share(margin)


def _ask_amount(choices: list[AmountChoice], revenue: list[str]) -> Draft:
    """Let a person choose the formula of the amount by its totals, which the books have as well."""
    out.print("\nWhat is the amount of a line: goods net of discount, tax and postage? Compare with your books.")
    for number, choice in enumerate(choices, start=1):
        years = ", ".join(
            f"{plain(year or 'no year')}: {money(total)}" for year, total in choice.by_year(revenue).items()
        )
        out.print(f"  {number}. {plain(choice.words)}\n     {years}")
    taken = click.prompt("Which one", type=click.IntRange(1, len(choices)), default=1)
    return choices[taken - 1].draft


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise click.BadParameter(f"'{text}' is not a zone such as Europe/Berlin") from None
    return text


def _share(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value <= 1 else None


def _print_draft(draft: Draft, folder: Path) -> None:
    grid = Grid("column", "how sure", "from", box=None, pad_edge=False)
    for name, guess in draft.orders.statement_guesses():
        grid.add_row(f"orders.{name}", _CONFIDENCE[guess.confidence], plain(guess.reason))
    for optional in draft.optional:
        grid.add_row(
            optional.name,
            "sure" if optional.is_sure else "a guess, written as .sql.example",
            plain(f"{optional.table.full_name}, {optional.reason}"),
        )
    out.print("\nMapped:")
    out.print(grid)
    totals = draft.totals
    if totals:
        out.print(
            f"orders.sql returns {count(totals.lines)} lines of {count(totals.orders)} orders by "
            f"{count(totals.customers)} customers, "
            f"{totals.first} to {totals.last}, {money(totals.amount)} {draft.currency.value} in all statuses."
        )
        model = draft.orders.model.lines
        if not draft.missing_lines:
            beside = ", with refunds beside them" if draft.orders.statement.branches else ""
            out.print(f"That is every row of {plain(model.full_name)}{beside}.")
        for sentence in draft.missing_lines:
            out.print(f"[yellow]check[/] {plain(sentence)}.")
    out.print("\nGuessed, so check:")
    for number, sentence in enumerate(questions.guessed(draft), start=1):
        out.print(f"  {number}. {plain(sentence)}")
    out.print("\nStill to decide:")
    for sentence in questions.undecided(draft):
        out.print(f"  - {plain(sentence)}")
    out.print(f"\nWrote {plain(str(folder))}.")


def _print_next(source: str, url: str | None, *, maps_email: bool) -> None:
    if url is None:
        out.print("Say where the tables are, a database or a folder of files:\n  export CLV_SOURCE_URL='...'")
    elif holds_secret(url):
        out.print(
            "The address holds a secret, so it is in no file. Where the night runs, paste it unseen:\n"
            "  read -rs CLV_SOURCE_URL && export CLV_SOURCE_URL"
        )
    if maps_email and not os.environ.get("CLV_HASH_KEY"):
        out.print(f"E-mail addresses are loaded as keyed hashes only. {plain(SET_KEY)}\n")
    out.print(f"Next:\n  clv doctor --source {plain(source)}\n  clv run --source {plain(source)}")
