"""What published nights knew: the rows of the clean tables that features read, of the newest night and the one before it.

Two nights are kept, because a night that is run again compares itself with the one before, not with itself.
"""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from clv_pipeline.contracts.explanation_tables import KNOWN_PREFIX
from clv_pipeline.contracts.table import Table
from clv_pipeline.contracts.warehouse import (
    KNOWN_CAMPAIGN_TOUCHES,
    KNOWN_CUSTOMERS,
    KNOWN_NIGHTS,
    KNOWN_ORDERS,
    KNOWN_SOCIAL_INTERACTIONS,
    KNOWN_SURVEY_RESPONSES,
    KNOWN_WEB_SESSIONS,
)
from clv_pipeline.core.run_identity import code_fingerprint
from clv_pipeline.core.settings import Settings
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, has_table


@dataclass(frozen=True)
class Source:
    """A clean table that features read.

    date_column: the day of a row; None for a table without days. events: cause -> condition of its rows; rows of any of
    these that are dated since the night before are new, other differences are corrections. is_always_event: a row may
    change later by what the customer does, so that every difference is an event.
    """

    known: Table
    date_column: str | None
    events: dict[str, str]
    is_always_event: bool = False

    @property
    def name(self) -> str:
        return self.known.name.removeprefix(KNOWN_PREFIX)

    @property
    def columns(self) -> list[str]:
        return [name for name in self.known.column_names() if name != "known_on"]


#: In the order in which the causes are taken.
SOURCES = (
    Source(KNOWN_ORDERS, "order_date", {"new_orders": "amount >= 0", "returns": "amount < 0"}),
    Source(KNOWN_WEB_SESSIONS, "session_date", {"web": "true"}),
    Source(KNOWN_SURVEY_RESPONSES, "response_date", {"survey": "true"}),
    Source(KNOWN_SOCIAL_INTERACTIONS, "interaction_date", {"social": "true"}),
    Source(KNOWN_CAMPAIGN_TOUCHES, "touch_date", {"campaigns": "true"}, is_always_event=True),
    Source(KNOWN_CUSTOMERS, None, {}),
)


@dataclass(frozen=True)
class KnownNight:
    """A published night whose rows are known; see `scores.known_nights`."""

    known_on: date
    horizon_days: int
    currency: str
    model_version: str
    inputs: str
    spend_per_expectation: float | None
    expectation_weight: float


def inputs_of(settings: Settings) -> str:
    """Return a hash over what changes data without a row of the source changing: settings and code."""
    return sha256(repr([settings.that_change("data"), code_fingerprint(settings)]).encode()).hexdigest()[:16]


def remember_what_was_known(connection: Connection, settings: Settings) -> None:
    """Keep tonight's rows beside those of the published night before; older ones are dropped."""
    kept = [*(source.known for source in SOURCES), KNOWN_NIGHTS]
    for table in kept:
        tables.create_if_missing(connection, table)
    for table in kept:
        connection.execute(
            f"""
            delete from {table.name} where known_on = (select as_of from scores.run) or known_on < (
                select max(known_on) from scores.known_nights where known_on < (select as_of from scores.run)
            )
            """
        )
    for source in SOURCES:
        tables.append(
            connection,
            source.known,
            f"select (select as_of from scores.run) as known_on, {', '.join(source.columns)} from clean.{source.name} "
            "where customer_id is not null and customer_id not in (select customer_id from clean.customers where not "
            "has_profiling_consent)",
        )
    tables.append(
        connection,
        KNOWN_NIGHTS,
        "select as_of as known_on, primary_horizon_days as horizon_days, currency, model_version, $inputs as inputs, "
        "spend_per_expectation, expectation_weight from scores.run",
        {"inputs": inputs_of(settings)},
    )


def night_before(connection: Connection, as_of: date) -> KnownNight | None:
    """Return the newest night before as_of whose rows are known; None if there is none."""
    if not has_table(connection, KNOWN_NIGHTS.name):
        return None
    tables.create_if_missing(connection, KNOWN_NIGHTS)
    rows = connection.execute(
        f"select {', '.join(KNOWN_NIGHTS.column_names())} from scores.known_nights where known_on < $as_of "
        "order by known_on desc limit 1",
        {"as_of": as_of},
    ).fetchall()
    return KnownNight(*rows[0]) if rows else None
