"""Small shops of invented schemas for `test_onboarding.py`: the same purchases in many forms. No test is here."""

import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from clv_pipeline.onboarding.catalogue import ad_hoc, open_catalogue
from clv_pipeline.onboarding.drafts import Draft, draft_of


def cents(value: Decimal) -> Decimal:
    """Return a value in whole cents, halves away from zero."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(frozen=True)
class Line:
    """A line of a purchase: product, units, price of one."""

    product: int
    quantity: int
    price: Decimal

    @property
    def value(self) -> Decimal:
        return self.quantity * self.price


@dataclass(frozen=True)
class Sale:
    """One order; every fourth has a discount of 10 %, every second postage."""

    number: int
    customer: int
    at: datetime
    lines: tuple[Line, ...]

    @property
    def goods(self) -> Decimal:
        return sum((line.value for line in self.lines), Decimal(0))

    @property
    def discount(self) -> Decimal:
        return cents(self.goods / 10) if self.number % 4 == 0 else Decimal(0)

    @property
    def postage(self) -> Decimal:
        return Decimal("4.90") if self.number % 2 else Decimal(0)

    @property
    def written_at(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"


def sales(count: int = 60) -> list[Sale]:
    """Return the same purchases every time."""
    rng = random.Random(5)
    made = []
    for number in range(count):
        lines = tuple(
            Line(product, rng.randint(1, 3), Decimal(rng.randrange(300, 9000)) / 100)
            for product in rng.sample(range(1, 21), rng.randint(1, 4))
        )
        at = datetime(2023, 1, 1) + timedelta(minutes=rng.randrange(400 * 1440))
        made.append(Sale(1001 + number, 100 + rng.randrange(15), at, lines))
    return made


def database(path: Path, script: str, rows: dict[str, Iterable[Sequence[Any]]]) -> str:
    """Write a SQLite file and return its address; decimals are written as SQLite's clients do, as floating-point numbers."""
    with sqlite3.connect(path) as connection:
        connection.executescript(script)
        for table, values in rows.items():
            for row in values:
                plain = [float(v) if isinstance(v, Decimal) else v for v in row]
                connection.execute(f'insert into "{table}" values ({", ".join("?" * len(plain))})', plain)
    connection.close()
    return f"sqlite:///{path}"


@dataclass(frozen=True)
class Guessed:
    """What init makes of a source: the draft, and the rows that its SELECT of orders returns."""

    draft: Draft
    rows: list[dict[str, str | None]]

    @property
    def sql(self) -> str:
        return self.draft.files["orders.sql"]

    @property
    def questions(self) -> str:
        return " ".join(self.draft.orders.questions)

    def by_buyer(self, status: str | None = None) -> dict[str, Decimal]:
        """Return customer number, or address of a guest, -> amount in cents, of one status or of all."""
        orders: dict[tuple[str, str, bool], Decimal] = defaultdict(Decimal)
        for row in self.rows:
            if status is None or row["status"] == status:
                # as the warehouse keeps it
                amount = Decimal(row["amount"] or 0).quantize(Decimal("0.000001"), ROUND_HALF_UP)
                orders[row["customer_id"] or row.get("email") or "", str(row["order_id"]), amount < 0] += amount
        found: dict[str, Decimal] = defaultdict(Decimal)
        for (buyer, _, _), amount in orders.items():
            found[buyer] += cents(amount)
        return dict(found)


def guess(address: str) -> Guessed:
    """Look at a source as `clv init` does, and read what the SELECT of orders returns."""
    with open_catalogue(SecretStr(address), tries=1, timeout_seconds=30) as catalogue:
        draft = draft_of(catalogue)
        assert draft is not None, "nothing looks like orders"
        assert not draft.refused, draft.refused
        lines = [line for line in draft.files["orders.sql"].splitlines() if not line.strip().startswith("--")]
        rows = catalogue.reader.read_apart(ad_hoc("\n".join(lines), "orders")).to_pylist()
    return Guessed(draft, [{name.lower(): value for name, value in row.items()} for row in rows])


def totals(pairs: Iterable[tuple[object, Decimal]]) -> dict[str, Decimal]:
    """Return buyer -> sum, those whose sum is 0 as well."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for buyer, amount in pairs:
        found[str(buyer)] += amount
    return dict(found)
