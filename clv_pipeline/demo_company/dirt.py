"""Faults planted in the demo company's rows: those of every real source, each at a known rate.

Only planting and counting faults belongs here. Clean behaviour is in behaviour.py and events.py.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clv_pipeline.demo_company.behaviour import Flags
from clv_pipeline.demo_company.events import NOBODY, Columns

# shares of customers
ORPHAN_SHARE = 0.01  # never entered in the CRM, yet they order
STAFF_SHARE = 0.004  # employees, flagged in the CRM
NO_CONSENT_SHARE = 0.02  # withdrew consent to profiling
DUPLICATE_CONTACT_SHARE = 0.005  # entered twice under the same number
MERGED_PEOPLE_SHARE = 0.006  # one person, two numbers with orders each, later merged
CHAIN_SHARE = 0.2  # of those: three numbers, merged one into the next

# shares of order lines
DUPLICATE_LINE_SHARE = 0.003  # delivered twice, every column equal
CORRECTED_LINE_SHARE = 0.002  # delivered again with another amount and a newer change time
LATE_LINE_SHARE = 0.015  # reached the shop system days after the order
LATE_DAYS = (3.0, 10.0)

# fixed counts, one order with one line each
UNKNOWN_STATE_CODES = ("X9", "X9", "X9", "X9", "ZZ", "ZZ")
NULL_PRICE_ORDERS = 5
EPOCH_ORDERS = 4  # dated 1970-01-01
FUTURE_ORDERS = 3  # dated 2099-12-31
RETURNS_WITHOUT_ORDER = 6
TEST_ORDERS = 12
TEST_CUSTOMERS = ("TEST-1", "TEST-2", "TEST-3")

# fixed counts elsewhere
IMPOSSIBLE_SCORES = 5  # recommend_score 11 of 10
UNKNOWN_VISITOR_SESSIONS = 40  # a customer number that nobody has
#: Typed into name and region fields; the region travels on to reports, where it must stay inert.
ODD_NAMES = (
    "Zoë 🛒🎉",
    "<script>alert('clv')</script>",
    '=HYPERLINK("https://attacker.example","open")',
    "+49 170 0000000",
    "Robert'); drop table crm_contact;--",
    "李小龍",
)


@dataclass(frozen=True)
class PlantedFaults:
    """Number of planted faults of each kind."""

    cancelled_orders: int = 0
    corrected_lines: int = 0
    customers_without_consent: int = 0
    duplicate_contacts: int = 0
    duplicate_lines: int = 0
    epoch_orders: int = 0
    future_orders: int = 0
    guest_orders: int = 0
    impossible_scores: int = 0
    late_lines: int = 0
    merged_contacts: int = 0
    merge_chains: int = 0
    null_price_lines: int = 0
    odd_names: int = 0
    open_orders: int = 0
    orphan_orders: int = 0
    returned_lines: int = 0
    returns_without_order: int = 0
    staff_orders: int = 0
    test_orders: int = 0
    unknown_state_lines: int = 0
    unknown_visitor_sessions: int = 0


@dataclass(frozen=True)
class Oddities:
    """Which people of a batch are odd, and how many customer numbers each has."""

    is_orphan: Flags
    is_staff: Flags
    has_consent: Flags
    numbers: NDArray[np.int64]


def draw_oddities(rng: np.random.Generator, orders_per_person: NDArray[np.int64]) -> Oddities:
    """Choose exact shares of the people; only those with an order per number can have several numbers."""
    count = orders_per_person.size
    shuffled = rng.permutation(count)
    staff, orphans = _cut(shuffled, round(count * STAFF_SHARE), round(count * ORPHAN_SHARE))
    ordinary = np.setdiff1d(np.nonzero(orders_per_person >= 3)[0], np.concatenate([staff, orphans]))
    merged = rng.permutation(ordinary)[: round(count * MERGED_PEOPLE_SHARE)]
    numbers = np.ones(count, dtype=np.int64)
    numbers[merged] = 2
    numbers[merged[: round(merged.size * CHAIN_SHARE)]] = 3
    on_file_once = np.setdiff1d(shuffled, np.concatenate([orphans, merged]))
    (no_consent,) = _cut(rng.permutation(on_file_once), round(count * NO_CONSENT_SHARE))
    return Oddities(_flags(count, orphans), _flags(count, staff), ~_flags(count, no_consent), numbers)


def _cut(shuffled: NDArray[np.int64], *sizes: int) -> list[NDArray[np.int64]]:
    return np.split(shuffled, np.cumsum(sizes))[: len(sizes)]


def _flags(count: int, where: NDArray[np.int64]) -> Flags:
    flags = np.zeros(count, dtype=bool)
    flags[where] = True
    return flags


def spoil_lines(
    rng: np.random.Generator, lines: Columns, ordered_day: NDArray[np.float64], days: int, planted: Counter[str]
) -> Columns:
    """Make some lines late, deliver some twice, and correct the amount of some in a second delivery."""
    count = lines["order"].size
    # each fault has lines of its own, so that counts are exact; late lines still arrive before the last day
    fresh = np.setdiff1d(rng.permutation(count), np.nonzero(ordered_day > days - LATE_DAYS[1] - 1)[0])
    sizes = [round(count * share) for share in (LATE_LINE_SHARE, DUPLICATE_LINE_SHARE, CORRECTED_LINE_SHARE)]
    late, twice, corrected = _cut(rng.permutation(fresh), *sizes)
    changed = lines["changed_day"].copy()
    is_back = lines["state_code"][late] == "R"  # a returned line was changed by its return
    late = late[~is_back]
    changed[late] = ordered_day[late] + rng.uniform(*LATE_DAYS, late.size)
    lines = {**lines, "changed_day": changed}
    newer = _rows(lines, corrected)
    newer["unit_price_cents"] = newer["unit_price_cents"] + rng.integers(100, 900, corrected.size)
    newer["changed_day"] = np.minimum(newer["changed_day"] + 0.5, days - 1 / 86_400)
    planted.update(late_lines=late.size, duplicate_lines=twice.size, corrected_lines=corrected.size)
    return stack(lines, _rows(lines, twice), newer)


def spoil_contacts(
    rng: np.random.Generator, contacts: Columns, days: int, planted: Counter[str], *, with_odd_names: bool
) -> Columns:
    """Enter some contacts a second time, changed a little later, and put text nobody expects into names and regions."""
    if with_odd_names:
        for column in ("first_name", "state_region"):
            contacts[column][: len(ODD_NAMES)] = ODD_NAMES
        planted["odd_names"] += len(ODD_NAMES)
    count = contacts["customer_no"].size
    is_plain = np.array([merged is None for merged in contacts["merged_into_no"]])
    chosen = rng.choice(np.nonzero(is_plain)[0], round(count * DUPLICATE_CONTACT_SHARE), replace=False)
    again = _rows(contacts, chosen)
    again["loyalty_level"] = np.minimum(again["loyalty_level"] + 1, 3)
    again["changed_day"] = np.minimum(again["changed_day"] + 1.0, days - 1 / 86_400)
    planted["duplicate_contacts"] += chosen.size
    return stack(contacts, again)


def odd_orders(
    rng: np.random.Generator, regulars: list[str], skus: NDArray[Any], days: int, planted: Counter[str]
) -> tuple[Columns, Columns, Columns]:
    """Return headers, lines and returns of the orders that are wrong as a whole; `order` is the header's position."""
    kinds = np.repeat(
        ["state", "price", "epoch", "future", "test"],
        [len(UNKNOWN_STATE_CODES), NULL_PRICE_ORDERS, EPOCH_ORDERS, FUTURE_ORDERS, TEST_ORDERS],
    )
    count = kinds.size
    day = rng.integers(30, days - 10, count) + 0.5
    customers = np.array(rng.choice(regulars, count), dtype=object)
    customers[kinds == "test"] = rng.choice(TEST_CUSTOMERS, TEST_ORDERS)
    states = np.full(count, "S", dtype=object)
    states[kinds == "state"] = UNKNOWN_STATE_CODES
    prices = np.array(rng.integers(500, 9_000, count), dtype=object)
    prices[kinds == "price"] = None
    prices[kinds == "test"] = 999_999
    headers: Columns = {
        "customer_no": customers,
        "day": day,
        "fault": kinds,
        "channel_code": np.full(count, "W"),
        "currency_code": np.full(count, "EUR"),
    }
    lines: Columns = {
        "order": np.arange(count),
        "line_no": np.ones(count, dtype=np.int64),
        "sku": rng.choice(skus, count),
        "qty": np.ones(count, dtype=np.int64),
        "unit_price_cents": prices,
        "discount_cents": np.zeros(count, dtype=np.int64),
        "state_code": states,
        "changed_day": day + 0.25,
    }
    returned = rng.integers(30, days - 10, RETURNS_WITHOUT_ORDER) + 0.6
    returns: Columns = {
        "order_no": np.array([f"LOST-{i}" for i in range(1, RETURNS_WITHOUT_ORDER + 1)]),
        "line_no": np.ones(RETURNS_WITHOUT_ORDER, dtype=np.int64),
        "customer_no": rng.choice(regulars, RETURNS_WITHOUT_ORDER),
        "sku": rng.choice(skus, RETURNS_WITHOUT_ORDER),
        "qty": np.ones(RETURNS_WITHOUT_ORDER, dtype=np.int64),
        "refund_cents": rng.integers(500, 9_000, RETURNS_WITHOUT_ORDER),
        "channel_code": np.full(RETURNS_WITHOUT_ORDER, "W"),
        "currency_code": np.full(RETURNS_WITHOUT_ORDER, "EUR"),
        "day": returned,
    }
    planted.update(
        unknown_state_lines=len(UNKNOWN_STATE_CODES),
        null_price_lines=NULL_PRICE_ORDERS,
        epoch_orders=EPOCH_ORDERS,
        future_orders=FUTURE_ORDERS,
        test_orders=TEST_ORDERS,
        returns_without_order=RETURNS_WITHOUT_ORDER,
    )
    return headers, lines, returns


def spoil_scores(rng: np.random.Generator, answers: Columns, planted: Counter[str]) -> None:
    """Give some answers a score that the scale does not have."""
    chosen = rng.choice(answers["day"].size, min(IMPOSSIBLE_SCORES, answers["day"].size), replace=False)
    answers["recommend_score"][chosen] = 11
    planted["impossible_scores"] += chosen.size


def spoil_visits(rng: np.random.Generator, visits: Columns, planted: Counter[str]) -> None:
    """Give some anonymous visits a customer number that does not exist."""
    anonymous = np.nonzero(visits["person"] == NOBODY)[0]
    chosen = rng.choice(anonymous, min(UNKNOWN_VISITOR_SESSIONS, anonymous.size), replace=False)
    visits["customer_no"][chosen] = [f"V{number:05d}" for number in range(chosen.size)]
    planted["unknown_visitor_sessions"] += chosen.size


def stack(*parts: Columns) -> Columns:
    """Put tables with the same columns under one another."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _rows(columns: Columns, where: NDArray[np.int64]) -> Columns:
    return {name: values[where] for name, values in columns.items()}
