"""Shops that we know by their tables: which of their statuses are revenue, whether they keep times in UTC, and money in cents.

They are listed in `shops.toml`. Only a set of statuses of a known shop is classified without asking; words that merely sound like
it are for the company to decide.
"""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Shop:
    """A known shop: a table whose name ends so and that has these columns."""

    name: str
    table: str
    columns: tuple[str, ...]
    revenue: frozenset[str]
    not_revenue: frozenset[str]
    is_utc: bool = False
    is_in_cents: bool = False


SHOPS: tuple[Shop, ...] = tuple(
    Shop(
        known["name"], known["table"], tuple(known["columns"]), frozenset(known["revenue"]), frozenset(known["not_revenue"]),
        known.get("is_utc", False), known.get("is_in_cents", False),
    )
    for known in tomllib.loads((Path(__file__).parent / "shops.toml").read_text(encoding="utf-8"))["shop"]
)  # fmt: skip


def recognise_shop(tables: Mapping[str, Collection[str]]) -> Shop | None:
    """Return the shop that these tables (name -> columns) belong to, None if it is not known."""
    for shop in SHOPS:
        for name, columns in tables.items():
            there = {column.lower() for column in columns}
            if _ends(name, shop.table) and {c.lower() for c in shop.columns} <= there:
                return shop
    return None


def _ends(name: str, table: str) -> bool:
    own, known = name.lower(), table.lower()
    return own == known or own.endswith((f"_{known}", f".{known}"))


def classified(shop: Shop | None, statuses: Collection[str]) -> tuple[list[str], list[str]] | None:
    """Return the statuses that are revenue and those that are not, None unless the shop has all of them.

    >>> classified(SHOPS[0], ["delivered", "canceled"])
    (['delivered'], ['canceled'])
    >>> classified(SHOPS[0], ["delivered", "gold"])
    """
    if shop is None or not statuses:
        return None
    revenue = {s.lower() for s in shop.revenue}
    others = {s.lower() for s in shop.not_revenue}
    if not all(status.lower() in revenue | others for status in statuses):
        return None
    return [s for s in statuses if s.lower() in revenue], [s for s in statuses if s.lower() in others]
