"""Where the second target's tables are: one schema per version of the contract, or one suffix where there are no schemas.

Tables of an earlier version stay where they are (`frozen_tables.py`), so that readers of both versions find what they know.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from clv_pipeline.contracts.published import CONTRACT_VERSION
from clv_pipeline.core.databases import address_of, engine_of
from clv_pipeline.core.settings import Settings

#: A new column needs a short exclusive lock; waiting longer would queue every new reader behind our lock request.
_LOCK_TIMEOUT = "30s"
#: What InnoDB takes for a key, less the numbers and dates in one; a character of utf8mb4 needs 4 bytes, a text 2 for its length.
_KEY_BYTES = 3024
_KEY_LENGTH = 255


def key_text(texts: int) -> sa.types.TypeEngine[str]:
    """Return the type of a text in a key of so many texts: these databases cannot index text of unlimited length."""
    shared = min(_KEY_LENGTH, (_KEY_BYTES // texts - 2) // 4)
    return (
        sa.Text()
        .with_variant(sa.String(shared), "mysql", "mariadb")
        .with_variant(sa.String(_KEY_LENGTH), "mssql", "oracle")
    )


KEY_TEXT = key_text(1)


@dataclass(frozen=True)
class TargetPlace:
    """The database, its address without credentials, and where in it the tables are.

    schema: the schema of this version's tables (in MySQL a schema is a database); None in SQLite, which has none: there the
    names end with `suffix`, which is empty elsewhere. frozen_schema: the schema of version 1, whose names have no suffix.
    """

    engine: sa.Engine
    where: str
    schema: str | None
    suffix: str
    frozen_schema: str | None

    @property
    def named(self) -> str:
        """The place as a message names it."""
        return f"the schema {self.schema} of {self.where}" if self.schema else self.where


def place_of(settings: Settings) -> TargetPlace | None:
    """Return the place, None when no target is configured.

    Raises:
        ConfigurationError: the URL cannot be used.
    """
    if settings.publish_url is None:
        return None
    engine = engine_of(settings.publish_url.get_secret_value(), called="CLV_PUBLISH_URL")
    version = f"_{CONTRACT_VERSION.partition('-')[0]}"
    if engine.dialect.name == "sqlite":
        return TargetPlace(engine, address_of(engine.url), None, version, None)
    schema = settings.publish_schema
    return TargetPlace(engine, address_of(engine.url), f"{schema}{version}", "", schema)


def prepare_transaction(target: sa.Connection) -> None:
    """Let a transaction that writes wait for another one of ours, and not for long for anybody else."""
    if target.dialect.name == "postgresql":
        target.exec_driver_sql(f"set local lock_timeout = '{_LOCK_TIMEOUT}'")
        # a second publication waits here for the first, instead of seeing its rows
        target.exec_driver_sql("select pg_advisory_xact_lock(hashtext('clv_pipeline'))")
    elif target.dialect.name == "sqlite":
        # the driver would begin a transaction only before the first row, and create tables outside it
        target.exec_driver_sql("begin immediate")
