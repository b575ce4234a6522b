"""The amount of a line: goods net of discount, tax and postage, as SQL, with the evidence that it is that.

What adds up is found in `arithmetic.py`; here it is decided whether the prices contain tax, and how a discount of the whole order
is shared out. What the data cannot show is a question.
"""

from dataclasses import dataclass, field

import numpy as np

from clv_pipeline.onboarding.arithmetic import Identity, LineFormula, formulas, identities, is_certain
from clv_pipeline.onboarding.columns import Confidence
from clv_pipeline.onboarding.money import Money, MoneyData

_AGREES = 0.9


@dataclass
class Amount:
    """How the amount is made.

    goods: the value of a line's goods as sold. order_discount, order_tax: what is shared out over the lines of an order in
    proportion to their goods. tax_rate, line_tax: what prices contain, by line. minus: what a total of one order still contains.
    """

    identity: Identity
    order_discount: Money | None = None
    tax_rate: Money | None = None
    line_tax: Money | None = None
    line_tax_per_unit: bool = False
    order_tax: Money | None = None
    taxed_shipping: Money | None = None
    minus: list[Money] = field(default_factory=list)
    confidence: Confidence = "medium"
    reasons: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    cents: bool = False
    #: units of a line, be the amount made of them or not
    quantity: Money | None = None

    @property
    def formula(self) -> LineFormula:
        return self.identity.formula

    @property
    def is_shared_out(self) -> bool:
        """Whether something of the order is shared out over its lines, so that a sum over them is needed."""
        return bool(self.order_discount or self.order_tax)

    def monies(self) -> list[Money]:
        """Return all columns that the amount is made of."""
        made = (
            self.formula.base, self.formula.quantity, self.formula.discount, self.order_discount, self.tax_rate, self.line_tax,
            self.order_tax, self.taxed_shipping, *self.minus,
        )  # fmt: skip
        return [money for money in made if money is not None]

    def values(self, data: MoneyData) -> np.ndarray:
        """Return the amount of each line of the sample."""
        goods = self.formula.values(data)
        shared = np.zeros(data.orders)
        if self.order_discount:
            shared += _of_order(data, self.order_discount)
        after: np.ndarray = goods - _shared(data, goods, shared)
        if self.order_tax:
            tax = _of_order(data, self.order_tax)
            if self.taxed_shipping:
                sold = data.by_order(after)
                tax = (
                    tax
                    * sold
                    / np.where(
                        sold + _of_order(data, self.taxed_shipping), sold + _of_order(data, self.taxed_shipping), 1
                    )
                )
            after = after - _shared(data, goods, tax)
        if self.tax_rate:
            after = after / (1 + data.of_line(self.tax_rate) / (100 if self.tax_rate.is_percent else 1))
        if self.line_tax:
            units = data.of_line(self.formula.quantity) if self.line_tax_per_unit and self.formula.quantity else 1.0
            after = after - data.of_line(self.line_tax) * units
        for money in self.minus:
            after = after - data.of_line(money)
        return after / 100.0 if self.cents else after


def amount_of(data: MoneyData, is_cents: bool) -> Amount | None:
    """Return how the amount is made, None if no column of a line is money."""
    amount = _by_sums(data, is_cents) or _by_names(data, is_cents)
    if amount:
        plain = [m for m in data.of("quantity", "line") if not m.child and np.any(data.of_line(m))]
        amount.quantity = amount.formula.quantity or next(iter(plain), None)
    return amount


def _by_sums(data: MoneyData, is_cents: bool) -> Amount | None:
    """Return the amount by the formula that adds up to the totals of the orders, None if none does."""
    found = identities(data)
    if found:
        amount = Amount(
            found[0], found[0].discount, confidence="high" if is_certain(found[0]) else "medium", cents=is_cents
        )
        amount.reasons.append(found[0].words)
        _decide_tax(amount, data)
        return amount
    return None


def _decide_tax(amount: Amount, data: MoneyData) -> None:
    """Decide whether the goods' value contains tax, and how it is taken out."""
    identity = amount.identity
    if identity.tax is not None:
        amount.reasons.append(f"{identity.tax.label} comes on top, so the prices are without tax")
        return
    basis = identity.formula.base.basis
    has_tax = [
        m
        for m in data.fields
        if m.kind in ("tax", "tax_rate") and np.any(np.nan_to_num(data.lines[m.name].to_numpy()) > 0)
    ]
    if basis == "net" or (identity.total and identity.total.basis == "net"):
        amount.reasons.append("its name says without tax")
        return
    if not has_tax:
        if basis == "gross":
            amount.questions.append(
                "the name of the price says with tax, and no column says how much: what is the rate?"
            )
            amount.confidence = "low"
        else:
            amount.questions.append("no column says whether the prices contain tax; they are taken as they are")
            amount.confidence = "medium" if amount.confidence == "high" and not identity.total else amount.confidence
        return
    _take_out_tax(amount, data, is_said=basis == "gross")


def _take_out_tax(amount: Amount, data: MoneyData, *, is_said: bool) -> None:
    """Take the tax out of prices that contain it, by the way that explains the tax of the orders best."""
    goods = amount.formula.values(data)
    after = goods - _shared(
        data, goods, _of_order(data, amount.order_discount) if amount.order_discount else np.zeros(data.orders)
    )
    taxes = [m for m in data.of("tax", "order") if np.any(_of_order(data, m))]
    for rate in data.of("tax_rate", "line") + data.of("tax_rate", "order"):
        share = data.of_line(rate) / (100 if rate.is_percent else 1)
        contained, on_top = data.by_order(after - after / (1 + share)), data.by_order(after * share)
        for tax in data.of("tax", "line"):
            # to the cent as the shop rounds it, which a rate is not
            if _agreement(data.of_line(tax), after - after / (1 + share)) >= _AGREES:
                amount.line_tax = tax
                amount.reasons.append(
                    f"prices contain tax: {tax.label} is that at {rate.label}, and taken out of each line"
                )
                return
        for tax in taxes:
            if _agreement(_of_order(data, tax), contained) >= _AGREES:
                amount.tax_rate = rate
                agreeing = f"{_agreement(_of_order(data, tax), contained):.1%} of orders"
                amount.reasons.append(f"prices contain tax: at {rate.label} it is {tax.label} in {agreeing}")
                return
            if _agreement(_of_order(data, tax), on_top) >= _AGREES and not is_said:
                amount.reasons.append(f"{tax.label} is {rate.label} on top of the prices, so they are without tax")
                return
        if is_said:
            amount.tax_rate = rate
            amount.reasons.append(f"prices are divided by {rate.label}")
            return
        if not taxes:
            # systems that keep a rate and one price mostly keep the price that the rate is put on
            amount.questions.append(f"do the prices contain tax? They are taken as they are, {rate.label} on top")
            amount.confidence = "medium"
            return
    _take_out_money(amount, data, after, taxes)


def _take_out_money(amount: Amount, data: MoneyData, after: np.ndarray, taxes: list[Money]) -> None:
    """Take out tax that is given in money, of the line or of the order."""
    own = [m for m in data.of("tax", "line") if np.any(data.of_line(m))]
    if data.is_one_row_per_order and amount.identity.shipping is not None:
        # the tax of an order without lines may be that of its postage, too
        own, taxes = [], [*own, *taxes]
    for tax in own:
        amount.line_tax = tax
        amount.line_tax_per_unit = "unit" in tax.name.lower() and amount.formula.quantity is not None
        amount.reasons.append(f"prices contain tax: {tax.label} is taken out of each line")
        return
    if not taxes:
        return
    tax, sold = taxes[0], data.by_order(after)
    shipping = amount.identity.shipping
    amount.order_tax = tax
    amount.reasons.append(
        f"the total has no tax on top, so the prices contain it: {tax.label} is shared out over the lines"
    )
    if shipping is not None:
        values = _of_order(data, tax)
        without, with_shipping = sold - values, sold + _of_order(data, shipping) - values
        if _spread(values, with_shipping) < _spread(values, without):
            amount.taxed_shipping = shipping
            amount.reasons.append(
                f"it is a steadier rate of the goods and {shipping.label} together, so a part of it is of postage"
            )
    amount.confidence = "medium"
    amount.questions.append(f"do the prices contain {tax.label}? It is taken out of them")


def _by_names(data: MoneyData, is_cents: bool) -> Amount | None:
    """Return the amount where no total of an order adds up: line columns are compared with each other, then names decide."""
    found = formulas(data)
    if not found:
        return None
    scored = sorted(found, key=lambda f: (_name_penalty(f, data), f.penalty))
    amount = Amount(Identity(scored[0]), cents=is_cents)
    base = scored[0].base
    if base.kind == "total" and scored[0].discount is None:
        _check_total(amount, data)
    if data.is_one_row_per_order and base.kind == "total" and base.level == "line":
        _take_from_total(amount, data)
        return amount
    discounts = [m for m in data.of("discount", "order") if np.any(_of_order(data, m))]
    if discounts and amount.formula.discount is None:
        amount.order_discount = discounts[0]
        amount.questions.append(
            f"is {discounts[0].label} of the order already in the lines? It is taken off them in proportion"
        )
        amount.confidence = "low"
    if amount.formula.discount and amount.formula.discount.is_unsure:
        amount.questions.append(
            f"is {amount.formula.discount.label} a percentage or money? It is taken as a percentage"
        )
        amount.confidence = "low"
    amount.reasons.append(
        "no total of the order to compare with"
        if not data.of("total", "order")
        else "no sum of the lines is a total of the order"
    )
    _decide_tax(amount, data)
    if data.of("total", "order"):
        amount.confidence = "low"
        amount.questions.append("which columns make the value of a line? No formula adds up to a total of the order")
    elif base.kind == "price" and amount.confidence == "medium" and not discounts and not amount.tax_rate:
        amount.confidence = "high"
    return amount


def by_names(data: MoneyData, is_cents: bool) -> list[Amount]:
    """Return the amounts of the formulas that names allow, the likeliest first."""
    scored = sorted(formulas(data), key=lambda f: (_name_penalty(f, data), f.penalty))
    plain = next((m for m in data.of("quantity", "line") if not m.child and np.any(data.of_line(m))), None)
    return [Amount(Identity(f), cents=is_cents, quantity=f.quantity or plain) for f in scored]


def _name_penalty(formula: LineFormula, data: MoneyData) -> float:
    """Return how unlikely a formula is by its names alone: a net total is best, a discount that exists must be in it."""
    penalty = {"net": -1.0, "gross": 0.5}.get(formula.base.basis, 0.0)
    discounts = [m for kind in ("discount", "discount_rate") for m in data.of(kind, "line") if np.any(data.of_line(m))]
    if formula.base.kind == "price" and discounts and formula.discount is None:
        penalty += 1.0
    if formula.base.kind == "price" and formula.discount is not None and not np.any(data.of_line(formula.discount)):
        penalty += 1.0
    if formula.base.kind == "total":
        penalty -= 0.3
        penalty += 2.0 * (formula.discount is not None) + 0.5 * ("subtotal" in formula.base.name.lower())
    return penalty + 0.5 * formula.discount_per_unit


def _check_total(amount: Amount, data: MoneyData) -> None:
    """Compare a line's total with quantity x price: where it is that, a discount of the line is still to be taken off."""
    total = data.of_line(amount.formula.base)
    for formula in (f for f in formulas(data) if f.base.kind == "price" and f.quantity):
        share = float(np.mean(np.abs(formula.values(data) - total) <= 0.011)) if len(total) else 0.0
        if share < _AGREES:
            continue
        amount.reasons.append(f"{amount.formula.base.label} is {formula.words} in {share:.1%} of lines")
        if formula.discount is None:
            for kind in ("discount", "discount_rate"):
                for discount in data.of(kind, "line")[:1]:
                    if np.any(data.of_line(discount)):
                        amount.identity = Identity(LineFormula(amount.formula.base, amount.formula.quantity, discount))
                        amount.reasons.append(f"so {discount.label} is still to be taken off")
                        return
        return


def _take_from_total(amount: Amount, data: MoneyData) -> None:
    """Take tax and postage out of the one total of an order without lines."""
    amount.confidence = "medium"
    base = amount.formula.base
    kinds: tuple[str, ...] = ("shipping",) if base.basis == "net" else ("tax", "shipping")
    if "sub" in base.name.rsplit(".", 1)[-1].lower():
        kinds = ()
    for kind in kinds:
        for money in data.of(kind, "line")[:1]:
            if np.any(data.of_line(money)):
                amount.minus.append(money)
    if amount.minus:
        listed = " and ".join(money.label for money in amount.minus)
        amount.reasons.append(f"less {listed}")
        amount.questions.append(f"does {base.label} contain {listed}? They are taken off")
        return
    if base.basis != "net":
        amount.questions.append(f"does {base.label} contain tax or postage? No column says so; it is taken as it is")


def _of_order(data: MoneyData, money: Money) -> np.ndarray:
    return data.of_order(money) if money.level == "order" else data.by_order(data.of_line(money))


def _shared(data: MoneyData, goods: np.ndarray, of_order: np.ndarray) -> np.ndarray:
    """Return an amount of each order shared out over its lines in proportion to their goods."""
    sums = data.by_order(goods)
    shared: np.ndarray = of_order[data.order] * goods / np.where(sums, sums, 1.0)[data.order]
    return shared


def _agreement(values: np.ndarray, others: np.ndarray) -> float:
    """Return the share of orders with either that agree, within the rounding of a few lines."""
    used = (np.abs(values) > 0.004) | (np.abs(others) > 0.004)
    return float(np.mean(np.abs(values - others)[used] <= 0.035)) if used.any() else 0.0


def _spread(tax: np.ndarray, base: np.ndarray) -> float:
    """Return how much a tax varies as a rate of a base: the distance between its quartiles, relative."""
    rates = tax[base > 0] / base[base > 0]
    rates = rates[rates > 0]
    if len(rates) < 5:
        return np.inf
    low, middle, high = np.quantile(rates, (0.25, 0.5, 0.75))
    return float((high - low) / middle)
