"""Which tables of a bundle are as the contract of this release says. A bundle of an older release lacks tables or columns."""

from clv_pipeline.contracts.published import PUBLISHED
from clv_pipeline.warehouse.connection import Connection, columns_of, tables_of


def is_as_declared(connection: Connection, *tables: str) -> bool:
    """Return whether an open bundle has these tables with all their columns; those of a horizon are not looked for."""
    present = tables_of(connection)
    return all(
        table in present
        and {c for c in PUBLISHED[table].columns if "{" not in c} <= columns_of(connection, table).keys()
        for table in tables
    )
