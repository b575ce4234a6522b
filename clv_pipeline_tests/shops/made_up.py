"""What the makers of the shops share: purchases at random, SQL scripts and CSV files of rows, and the sums of what is right."""

import csv
import importlib
import io
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
NAMES = (
    "olist",
    "northwind",
    "chinook",
    "adventureworks",
    "shopify",
    "woocommerce",
    "magento",
    "prestashop",
    "saleor",
    "odoo",
)
AS_OF = date(2024, 6, 1)
_SECONDS_A_DAY = 86_400


def D(value: str | int | Decimal) -> Decimal:
    """Return an exact number."""
    return Decimal(value)


def cents(value: Decimal) -> Decimal:
    """Return the value in whole cents, halves away from zero."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(frozen=True)
class Purchase:
    """One order before a shop's schema has its say: `at` is the shop's local time, a basket is (product index, quantity)."""

    number: int
    person: int
    at: datetime
    basket: tuple[tuple[int, int], ...]


def purchases(
    seed: int, *, count: int, people: int, products: int, start: date = date(2023, 1, 10), end: date = date(2024, 5, 25)
) -> list[Purchase]:
    """Return purchases in the order of time; every sixth is close to midnight, where a wrong time zone moves its day."""
    rng = random.Random(seed)
    days = sorted(rng.randrange((end - start).days) for _ in range(count))
    found = []
    for number, day in enumerate(days, start=1):
        seconds = rng.choice((600, _SECONDS_A_DAY - 900)) if number % 6 == 0 else rng.randrange(9 * 3600, 20 * 3600)
        at = datetime.combine(start, datetime.min.time()) + timedelta(days=day, seconds=seconds + number % 50)
        # the first few people buy most: square of a uniform draw
        person = int(people * rng.random() ** 2)
        basket = tuple((product, rng.randint(1, 4)) for product in rng.sample(range(products), rng.randint(1, 3)))
        found.append(Purchase(number, person, at, basket))
    return found


@dataclass
class Totals:
    """What is right, added up purchase by purchase. A customer is `("id", number)` or `("email", address)`; None is unknown."""

    goods: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    shipping: Decimal = Decimal(0)
    refunds: Decimal = Decimal(0)
    lines: int = 0
    orders: int = 0
    net: dict[tuple[str, str] | None, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    days: dict[tuple[str, str] | None, set[date]] = field(default_factory=lambda: defaultdict(set))

    def sale(
        self,
        who: tuple[str, str] | None,
        day: date,
        goods: Sequence[Decimal],
        *,
        discount: Decimal = Decimal(0),
        tax: Decimal = Decimal(0),
        shipping: Decimal = Decimal(0),
    ) -> None:
        """Count an order that is revenue: `goods` are its lines, net of discount, tax and postage, in the shop's currency."""
        money = cents(sum(goods, Decimal(0)))
        self.goods += money
        self.discount += discount
        self.tax += tax
        self.shipping += shipping
        self.lines += len(goods)
        self.orders += 1
        self.net[who] += money
        self.days[who].add(day)

    def refund(self, who: tuple[str, str] | None, goods: Decimal) -> None:
        """Count goods that came back, net of tax and postage, as a positive amount."""
        self.refunds += cents(goods)
        self.net[who] -= cents(goods)

    def as_json(self) -> dict[str, Any]:
        def customer(who: tuple[str, str]) -> dict[str, Any]:
            return {
                "known_by": who[0],
                "customer": who[1],
                "net": str(self.net[who]),
                "purchase_days": len(self.days[who]),
            }

        return {
            "goods": str(self.goods),
            "refunds": str(self.refunds),
            "net": str(self.goods - self.refunds),
            "discount": str(cents(self.discount)),
            "tax": str(cents(self.tax)),
            "shipping": str(cents(self.shipping)),
            "orders": self.orders,
            "lines": self.lines,
            "unknown_buyers": str(self.net.get(None, Decimal(0))),
            "customers": [customer(who) for who in sorted(w for w in self.net if w is not None)],
        }


@dataclass(frozen=True)
class Shop:
    """A shop's files by name, the engine they are loaded into, the answers of its owner, and what is right."""

    engine: str
    files: dict[str, str]
    answers: dict[str, Any]
    totals: Totals
    traps: tuple[str, ...]

    def expected(self) -> dict[str, Any]:
        head = {"engine": self.engine, "as_of": AS_OF.isoformat(), "traps": list(self.traps), "answers": self.answers}
        return head | self.totals.as_json()


def make(name: str) -> Shop:
    """Return the shop of a name."""
    made: Shop = importlib.import_module(f"clv_pipeline_tests.shops.makers.{name}").make()
    return made


def write(name: str, shop: Shop) -> None:
    """Write the folder of a shop."""
    folder = FOLDER / name
    folder.mkdir(exist_ok=True)
    for file, text in (shop.files | {"expected.json": expected_text(shop)}).items():
        (folder / file).write_text(text)


def expected_text(shop: Shop) -> str:
    """Return `expected.json`, a customer a line."""
    found = shop.expected()
    customers = found.pop("customers")
    head = json.dumps(found, indent=1, ensure_ascii=False)
    lines = ",\n  ".join(json.dumps(customer) for customer in customers)
    return f'{head[:-2]},\n "customers": [\n  {lines}\n ]\n}}\n'


def script(*tables: str) -> str:
    """Return an SQL script of the statements."""
    return "\n".join(tables)


def table(name: str, columns: str, rows: Iterable[Sequence[Any] | Mapping[str, Any]] = ()) -> str:
    """Return the statements that make a table with its rows; `columns` is what stands between the parentheses.

    A row is a sequence of all values, or a mapping from column to value: what it does not name is null.
    """
    flat = " ".join(columns.split())
    names = [definition.split()[0].strip('"') for definition in re.sub(r"\([^)]*\)", "", flat).split(",")]
    values = [f"({', '.join(map(_literal, _in_order(row, names)))})" for row in rows]
    made = f"create table {name} ({flat});\n"
    return made + (f"insert into {name} values\n" + ",\n".join(values) + ";\n" if values else "")


def _in_order(row: Sequence[Any] | Mapping[str, Any], names: Sequence[str]) -> Sequence[Any]:
    if not isinstance(row, Mapping):
        return row
    unknown = set(row) - set(names)
    assert not unknown, f"no such columns: {unknown}"
    return [row.get(name) for name in names if name not in ("primary", "unique", "foreign")]


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def csv_text(header: str, rows: Iterable[Sequence[Any] | Mapping[str, Any]]) -> str:
    """Return a CSV file; None, or what a mapping does not name, is an empty field. Names are separated by commas."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [" ".join(name.split()) for name in header.split(",")]
    writer.writerow(names)
    writer.writerows(["" if value is None else value for value in _in_order(row, names)] for row in rows)
    return text.getvalue()
