"""The owner of the tables in the second target: the source that publishes there, and the version of the contract.

One table, `clv_owner`, with one row. A target of a release that did not write it belongs to the source in its `clv_run`.
"""

import re
from dataclasses import dataclass

import sqlalchemy as sa

from clv_pipeline.contracts.published import CONTRACT_VERSION
from clv_pipeline.core.errors import PublishError
from clv_pipeline.publishing.target_place import KEY_TEXT, TargetPlace
from clv_pipeline.publishing.target_structure import Structure
from clv_pipeline.warehouse.connection import quote_text

TABLE = "clv_owner"


@dataclass(frozen=True)
class Owner:
    """The source whose tables they are, the contract they follow, and the table that says so."""

    source: str
    contract_version: str
    noted_in: str


def owner_of(target: sa.Connection, place: TargetPlace, existing: Structure) -> Owner | None:
    """Return the owner; None where nobody has published, or where somebody emptied `clv_owner` to give the tables away."""
    table = _table(place)
    if table.name not in existing:
        run = f"clv_run{place.suffix}"
        if not {"source_name", "contract_version"} <= existing[run].columns.keys() if run in existing else True:
            return None
        table = sa.Table(run, sa.MetaData(schema=place.schema), *(sa.Column(c.name, c.type) for c in table.columns))
    row = target.execute(sa.select(table.c.source_name, table.c.contract_version)).first()
    return Owner(row[0], row[1], place.engine.dialect.identifier_preparer.format_table(table)) if row else None


def check_owner(place: TargetPlace, owner: Owner | None, source: str, schema_setting: str) -> None:
    """Refuse tables that another source, or a later version of the contract, has written.

    Raises:
        PublishError: they have; it names the owner and the command.
    """
    if owner is None:
        return
    if owner.source != source:
        raise PublishError(
            f"The tables in {place.named} belong to the source '{owner.source}', and this run is of '{source}': it would "
            "replace their rows",
            next_step=f"{_own_place(place, source, schema_setting)}. If '{owner.source}' publishes there no more, give it "
            f"to this source with: update {owner.noted_in} set source_name = {quote_text(source)};",
            anchor="second_target",
        )
    if _order(owner.contract_version) > _order(CONTRACT_VERSION):
        raise PublishError(
            f"The tables in {place.named} follow contract {owner.contract_version}, and this release writes {CONTRACT_VERSION}",
            next_step=f"install the release that wrote them, or {_own_place(place, source, schema_setting)}.",
            anchor="second_target",
        )


def note_owner(target: sa.Connection, place: TargetPlace, owner: Owner | None, source: str) -> None:
    """Note whose tables these are, and their contract."""
    table = _table(place)
    if owner == Owner(source, CONTRACT_VERSION, place.engine.dialect.identifier_preparer.format_table(table)):
        return
    table.create(target, checkfirst=True)
    target.execute(sa.delete(table))
    target.execute(sa.insert(table).values(source_name=source, contract_version=CONTRACT_VERSION))


def _table(place: TargetPlace) -> sa.Table:
    return sa.Table(
        f"{TABLE}{place.suffix}",
        sa.MetaData(schema=place.schema),
        sa.Column("source_name", KEY_TEXT, primary_key=True, comment="the company or data set that publishes here"),
        sa.Column("contract_version", sa.Text(), nullable=False, comment="version of the contract of these tables"),
        comment="Whose tables these are: a run of another source is refused.",
    )


def _own_place(place: TargetPlace, source: str, schema_setting: str) -> str:
    if place.schema is None:
        return "set CLV_PUBLISH_URL to a file of this source's own"
    plain = re.sub(r"[^a-z0-9]+", "_", source.lower()).strip("_")
    return f"set CLV_PUBLISH_SCHEMA={f'{schema_setting}_{plain}'[:60]}, a schema of this source's own"


def _order(version: str) -> tuple[str, bool]:
    """Return what versions sort by: a draft comes before its version.

    >>> _order("v2-draft") < _order("v2")
    True
    """
    number, _, draft = version.partition("-")
    return number, not draft
