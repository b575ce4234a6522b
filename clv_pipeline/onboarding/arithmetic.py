"""Which columns make the amount: formulas are tried against the totals of the orders, and the one that adds up is taken.

The identity that is looked for is: goods of all lines - discount of the order + tax + postage + fees = total of the order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from clv_pipeline.onboarding.money import Money, MoneyData
from clv_pipeline.onboarding.words import concepts

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
        return value - less * (
            data.of_line(self.quantity or self.base) if self.discount_per_unit and self.quantity else 1.0
        )

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
        parts = [
            f"{sign} {money.label}"
            for sign, money in (("-", self.discount), ("+", self.tax), ("+", self.shipping), ("+", self.fee))
            if money
        ]
        made = " ".join(["the lines' sum", *parts])
        return f"{made} is {self.total.label} in {self.share:.1%} of {self.orders} orders"


def formulas(data: MoneyData) -> list[LineFormula]:
    """Return the formulas that the columns of a line allow."""
    quantities = data.of("quantity", "line")[:2]
    totals = [m for m in data.of("total", "line") if np.any(data.of_line(m))][:6]
    prices = data.of("price", "line")[:5]
    discounts = [*data.of("discount", "line")[:4], *data.of("discount_rate", "line")[:2]]
    sold: list[Money | None] = [*quantities] or [None]
    bases = [LineFormula(total) for total in totals]
    bases += [LineFormula(price, quantity) for price in prices for quantity in sold]
    if quantities:
        # names mislead: "item price" may be of the line, "amount" of one unit
        bases += [LineFormula(replace(price, penalty=price.penalty + 0.3)) for price in prices]
        bases += [LineFormula(replace(total, penalty=total.penalty + 0.3), quantities[0]) for total in totals]
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
    made = [formula for formula, _ in sums]
    goods = np.array([values for _, values in sums]) if sums else np.zeros((0, int(kept.sum())))
    found = []
    for total in _of(data, columns, "total", 6):
        for terms in product(*(_choices(data, columns, kind) for kind in ("discount", "tax", "shipping", "fee"))):
            discount, tax, shipping, fee = terms
            rest = columns[total.name].copy()
            for money, sign in ((discount, 1), (tax, -1), (shipping, -1), (fee, -1)):
                if money is not None:
                    rest += sign * columns[money.name]
            shares = np.mean(np.abs(goods - rest) <= tolerance, axis=1)
            found += [
                Identity(made[n], total, discount, tax, shipping, fee, float(shares[n]), int(kept.sum()))
                for n in np.flatnonzero(shares >= _BELIEVED)
                if made[n].base is not total
            ]
    found = found or _with_line_rates(data, columns, kept, tolerance)
    discounts = [m for kind in ("discount", "discount_rate") for m in data.of(kind, "line")]
    is_discounted = any(np.any(data.of_line(m)) for m in discounts)
    return sorted(found, key=lambda identity: -_worth(identity, columns, is_discounted=is_discounted))


def _with_line_rates(
    data: MoneyData, columns: dict[str, np.ndarray], kept: np.ndarray, tolerance: np.ndarray
) -> list[Identity]:
    """Return the identities in which tax is no money anywhere, but a rate of each line on top of its goods."""
    found = []
    for rate, formula in product(data.of("tax_rate", "line")[:1], formulas(data)):
        share = data.of_line(rate) / (100 if rate.is_percent else 1)
        taxed = data.by_order(formula.values(data) * (1 + share))[kept]
        for total, shipping in product(_of(data, columns, "total", 6), _choices(data, columns, "shipping")):
            rest = columns[total.name] - (columns[shipping.name] if shipping else 0.0)
            agreed = float(np.mean(np.abs(taxed - rest) <= tolerance))
            if agreed >= _BELIEVED and share.any() and formula.base is not total:
                found.append(Identity(formula, total, None, rate, shipping, None, agreed, int(kept.sum())))
    return found


def _worth(identity: Identity, columns: dict[str, np.ndarray], *, is_discounted: bool) -> float:
    """Return how telling an identity is; a term that is nearly always 0 explains nothing.

    is_discounted: lines have a discount of their own.
    """
    worth = (
        identity.share - 0.05 * identity.formula.penalty - (0.02 * identity.total.penalty if identity.total else 0.0)
    )
    for money in (identity.discount, identity.tax, identity.shipping, identity.fee):
        if money is not None:
            used = float(np.mean(np.abs(columns[money.name]) > 0.004))
            worth += min(0.06, 0.6 * used) - 0.004 - 0.01 * money.penalty if used else -0.02
    if (
        identity.total
        and concepts(identity.total.name.rsplit(".", 1)[-1]) & {"subtotal", "line"}
        and (identity.tax or identity.shipping)
    ):
        # a sum of items holds neither tax nor postage: such an identity is a circle
        worth -= 0.15
    if identity.discount is not None and identity.formula.discount is not None:
        worth -= 0.03
    # of prices with and without tax side by side, those without need no rate
    worth += {"net": 0.03, "gross": -0.03}.get(identity.formula.base.basis, 0.0)
    line_discount = identity.formula.discount
    if line_discount is not None:
        used = float(np.mean(np.abs(columns[line_discount.name]) > 0.004))
        worth += min(0.06, 0.6 * used) + 0.002 if used else -0.02
    elif is_discounted and identity.discount is None and identity.formula.quantity is None:
        # a total of a line that adds up as it is has its discount off already, and is rounded as the shop rounds
        worth += 0.063
    elif identity.formula.quantity is None:
        # a price of one unit is rounded before it is multiplied
        worth += 0.02
    return worth


def _order_columns(data: MoneyData, kept: np.ndarray) -> Iterator[tuple[Money, np.ndarray]]:
    for money in data.fields:
        if money.level == "order":
            yield money, data.of_order(money)[kept]
        elif money.kind in ("tax", "tax_rate", "shipping", "fee", "discount", "discount_rate") or (
            money.kind == "total" and data.is_one_row_per_order
        ):
            yield money, data.by_order(data.of_line(money))[kept]


def _of(data: MoneyData, columns: dict[str, np.ndarray], kind: str, most: int) -> list[Money]:
    """Return the columns of an order of one kind that are not always 0."""
    below = [] if kind == "discount" else data.of(kind, "line")
    known = [m for m in data.of(kind, "order") + below if m.name in columns]
    return [m for m in known if np.any(np.abs(columns[m.name]) > 0.004)][:most]


def _choices(data: MoneyData, columns: dict[str, np.ndarray], kind: str) -> list[Money | None]:
    most = {"discount": 3, "tax": 4, "shipping": 3, "fee": 1}[kind]
    return [None, *_of(data, columns, kind, most)]


def is_certain(identity: Identity) -> bool:
    """Whether nearly every order adds up."""
    return identity.total is not None and identity.share >= _CERTAIN and identity.orders >= 5
