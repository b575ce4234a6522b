"""Which columns make the amount: formulas are tried against the totals of the orders, and the one that adds up is taken.

The identity that is looked for is: goods of all lines - discount of the order + tax + postage + fees = total of the order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from clv_pipeline.onboarding.money import Money, MoneyData

#: Orders that formulas are tried on, and the share of them that must add up for a formula to be believed, or to be certain.
_MOST_ORDERS, _BELIEVED, _CERTAIN = 4_000, 0.75, 0.95


@dataclass(frozen=True)
class LineFormula:
    """The value of a line's goods before what is on the order: a line total or quantity x price, less a discount of the line."""

    base: Money
    quantity: Money | None = None
    discount: Money | None = None
    discount_per_unit: bool = False

    @property
    def penalty(self) -> float:
        return self.base.penalty + 0.1 * (self.quantity is not None) + (self.discount.penalty if self.discount else 0.0)

    def values(self, data: MoneyData) -> np.ndarray:
        """Return the value of each line of the sample."""
        quantity = data.of_line(self.quantity) if self.quantity else 1.0
        value = data.of_line(self.base) * quantity
        if self.discount is None:
            return value
        less = data.of_line(self.discount)
        if self.discount.kind == "discount_rate":
            return value * (1 - less / (100 if self.discount.is_percent else 1))
        return value - less * (data.of_line(self.quantity or self.base) if self.discount_per_unit and self.quantity else 1.0)

    @property
    def words(self) -> str:
        """The formula in words."""
        value = f"{self.quantity.label} x {self.base.label}" if self.quantity else self.base.label
        return value + (f" less {self.discount.label}" if self.discount else "")


@dataclass(frozen=True)
class Identity:
    """A formula that adds up to the totals of the orders; `share` of them, to the cent."""

    formula: LineFormula
    total: Money | None = None
    discount: Money | None = None
    tax: Money | None = None
    shipping: Money | None = None
    fee: Money | None = None
    share: float = 0.0
    orders: int = 0

    @property
    def words(self) -> str:
        """What adds up to what, in words."""
        if self.total is None:
            return "no total of an order to compare with"
        parts = [f"{sign} {money.label}" for sign, money in (("-", self.discount), ("+", self.tax), ("+", self.shipping), ("+", self.fee)) if money]
        return f"the lines' sum {' '.join(parts)}{' ' if parts else ''}is {self.total.label} in {self.share:.1%} of {self.orders} orders"


def formulas(data: MoneyData) -> list[LineFormula]:
    """Return the formulas that the columns of a line allow."""
    quantities = data.of("quantity", "line")[:2]
    totals, prices = data.of("total", "line")[:6], data.of("price", "line")[:5]
    discounts = [*data.of("discount", "line")[:4], *data.of("discount_rate", "line")[:2]]
    bases = [LineFormula(total) for total in totals]
    bases += [LineFormula(price, quantity) for price in prices for quantity in (quantities or [None])]
    found = list(bases)
    for base, discount in product(bases, discounts):
        found.append(LineFormula(base.base, base.quantity, discount))
        if base.quantity and discount.kind == "discount":
            found.append(LineFormula(base.base, base.quantity, discount, discount_per_unit=True))
    return found


def identities(data: MoneyData) -> list[Identity]:
    """Return the identities that hold, the most telling first: those that explain most columns in most orders."""
    if not data.orders:
        return []
    kept = np.arange(data.orders) < _MOST_ORDERS
    lines = data.by_order(np.ones(len(data.order)))[kept]
    tolerance = 0.011 + 0.006 * lines
    sums = [(formula, data.by_order(formula.values(data))[kept]) for formula in formulas(data)]
    columns = {money.name: values for money, values in _order_columns(data, kept)}
    found = []
    for total in _of(data, columns, "total", 8):
        for terms in product(*(_choices(data, columns, kind) for kind in ("discount", "tax", "shipping", "fee"))):
            discount, tax, shipping, fee = terms
            rest = columns[total.name].copy()
            for money, sign in ((discount, 1), (tax, -1), (shipping, -1), (fee, -1)):
                if money is not None:
                    rest += sign * columns[money.name]
            for formula, goods in sums:
                if formula.base is total:
                    continue
                share = float(np.mean(np.abs(goods - rest) <= tolerance))
                if share >= _BELIEVED:
                    found.append(Identity(formula, total, discount, tax, shipping, fee, share, int(kept.sum())))
    return sorted(found, key=lambda identity: -_worth(identity, columns))


def _worth(identity: Identity, columns: dict[str, np.ndarray]) -> float:
    """Return how telling an identity is; a term that is nearly always 0 explains nothing."""
    worth = identity.share - 0.05 * identity.formula.penalty - (0.02 * identity.total.penalty if identity.total else 0.0)
    for money in (identity.discount, identity.tax, identity.shipping, identity.fee):
        if money is not None:
            used = float(np.mean(np.abs(columns[money.name]) > 0.004))
            worth += min(0.06, 0.6 * used) - 0.004 - 0.01 * money.penalty if used else -0.02
    line_discount = identity.formula.discount
    return worth + (0.02 if line_discount else 0.0)


def _order_columns(data: MoneyData, kept: np.ndarray) -> Iterator[tuple[Money, np.ndarray]]:
    for money in data.fields:
        if money.level == "order":
            yield money, data.of_order(money)[kept]
        elif money.kind in ("tax", "shipping", "fee") or (money.kind == "total" and data.is_one_row_per_order):
            yield money, data.by_order(data.of_line(money))[kept]


def _of(data: MoneyData, columns: dict[str, np.ndarray], kind: str, most: int) -> list[Money]:
    """Return the columns of an order of one kind that are not always 0."""
    known = [m for m in data.of(kind, "order") + data.of(kind, "line") if m.name in columns]
    return [m for m in known if np.any(np.abs(columns[m.name]) > 0.004)][:most]


def _choices(data: MoneyData, columns: dict[str, np.ndarray], kind: str) -> list[Money | None]:
    most = {"discount": 4, "tax": 5, "shipping": 4, "fee": 2}[kind]
    return [None, *_of(data, columns, kind, most)]


def is_certain(identity: Identity) -> bool:
    """Whether nearly every order adds up."""
    return identity.total is not None and identity.share >= _CERTAIN and identity.orders >= 5
