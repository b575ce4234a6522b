"""The whole profile of a source, made of one look at it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from clv_pipeline.core.engines import Engine
from clv_pipeline.core.settings import Settings
from clv_pipeline.diagnostics.profile.absent import AbsentTable, absent_tables
from clv_pipeline.diagnostics.profile.keys import KeyProfile, Overlap, overlaps, profile_keys
from clv_pipeline.diagnostics.profile.look import Look, look_at
from clv_pipeline.diagnostics.profile.money import (
    CurrencyOfOrders,
    ShownAmounts,
    YearOfMoney,
    currencies,
    money_by_year,
    shown_amounts,
)
from clv_pipeline.diagnostics.profile.orders import (
    Largest,
    OrderDays,
    StatusOfOrders,
    largest_customer,
    largest_order,
    order_days,
    statuses,
)
from clv_pipeline.diagnostics.profile.people import Addresses, Consents, Guests, addresses, consents, guests
from clv_pipeline.diagnostics.profile.points import Point, Severity, points
from clv_pipeline.diagnostics.profile.tables import NotAccepted, TableProfile, not_accepted, profile_tables
from clv_pipeline.sources.extraction import Progress
from clv_pipeline.sources.reading import Gap


@dataclass(frozen=True)
class Profile:
    """What `clv doctor` shows of a source before the first run.

    not_looked_at: what -> why nothing is known of it; nothing in here is said to be good. seconds: what the look took.
    are_statuses_open: the orders have statuses and none is classified, so that all of them are in the money by year.
    A part about orders or customers is empty or None where it could not be looked at.
    """

    name: str
    as_of: date
    time_zone: str
    currency: str
    seconds: float
    engine: Engine
    gaps: Sequence[Gap]
    not_looked_at: dict[str, str]
    points: Sequence[Point]
    tables: Sequence[TableProfile] = ()
    not_accepted: Sequence[NotAccepted] = ()
    years: Sequence[YearOfMoney] = ()
    statuses: Sequence[StatusOfOrders] = ()
    currencies: Sequence[CurrencyOfOrders] = ()
    largest_order: Largest | None = None
    largest_customer: Largest | None = None
    order_days: OrderDays | None = None
    shown_amounts: ShownAmounts | None = None
    guests: Guests | None = None
    addresses: Addresses | None = None
    consents: Consents | None = None
    keys: Sequence[KeyProfile] = ()
    overlaps: Sequence[Overlap] = ()
    absent: Sequence[AbsentTable] = ()
    are_statuses_open: bool = False

    def numbers_of(self, severity: Severity) -> list[int]:
        """Return the numbers of the points of a severity, from 1 on; of fail: what would refuse tonight's run."""
        return [number for number, point in enumerate(self.points, start=1) if point.severity == severity]


def profile_source(settings: Settings, progress: Progress) -> Profile:
    """Read the source once and return its profile.

    Raises:
        ConfigurationError, SourceError, PrivacyError: nothing can be read at all.
    """
    begun = time.monotonic()
    with look_at(settings, progress) as look:
        progress("the profile", 0)
        parts = _parts(look)
        found, absent = points(look), _not_looked_at(look)
    return Profile(
        settings.name, look.as_of, settings.time_zone, settings.currency, time.monotonic() - begun, look.engine,
        look.trial.gaps, absent, found, **parts,
        are_statuses_open="order statuses" in look.blocks,
    )  # fmt: skip


def _parts(look: Look) -> dict[str, Any]:
    always: dict[str, Callable[[Look], object]] = {
        "tables": profile_tables, "not_accepted": not_accepted, "keys": profile_keys, "overlaps": overlaps,
        "absent": absent_tables,
    }  # fmt: skip
    of_clean: dict[str, Callable[[Look], object]] = {
        "years": money_by_year, "statuses": statuses, "currencies": currencies, "largest_order": largest_order,
        "largest_customer": largest_customer, "order_days": order_days, "shown_amounts": shown_amounts,
        "guests": guests, "addresses": addresses, "consents": consents,
    }  # fmt: skip
    return {name: part(look) for name, part in (always | (of_clean if look.has_orders else {})).items()}


def _not_looked_at(look: Look) -> dict[str, str]:
    """Return what was not looked at, and why: tables without rows or answer, what follows from them, what only a run does."""
    found = {name: why for name in [*look.trial.read, *look.trial.refused] if (why := look.why_not_read(name))}
    if not look.has_orders:
        found["money, statuses, customers and the checks of a night"] = "there is no accepted order"
    elif not look.is_first_night:
        found["the comparison with the last published night"] = "a run makes it"
    if look.settings.publish_url is not None:
        found["whether the second target can be written"] = "only a run writes there"
    return found
