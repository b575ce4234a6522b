"""Whether money is kept in cents: whole numbers everywhere, and names or endings of prices that say so."""

from dataclasses import dataclass
from itertools import product

from clv_pipeline.onboarding.catalogue import Catalogue
from clv_pipeline.onboarding.money import kind_of
from clv_pipeline.onboarding.profiles import ColumnProfile
from clv_pipeline.onboarding.roles import OrderModel
from clv_pipeline.onboarding.shops import Shop
from clv_pipeline.onboarding.words import tokens
from clv_pipeline.warehouse.connection import one_row, quote_name

_NAMED = {"cents", "cent", "minor", "pence", "centimes", "centavos", "pfennig"}
#: Currencies whose smallest unit is the one that prices are in.
_WITHOUT_CENTS = {"JPY", "KRW", "CLP", "VND", "ISK", "PYG", "XAF", "XOF", "UGX", "RWF"}
#: How prices end, in cents; and the share of prices that do where they are cents: of whole numbers of any size it is 10 %.
_PRICE_ENDINGS, _ENDINGS = (0, 25, 49, 50, 75, 79, 90, 95, 98, 99), 0.4


@dataclass(frozen=True)
class MinorUnits:
    """Whether amounts are cents, and what to ask about it."""

    is_so: bool
    questions: tuple[str, ...] = ()


def minor_units(catalogue: Catalogue, model: OrderModel, shop: Shop | None) -> MinorUnits:
    """Return whether the money of the lines is in cents."""
    if shop is not None and shop.is_in_cents:
        return MinorUnits(True)
    priced = [(x, kind) for x in model.lines.columns.values() if (kind := _priced(x))]
    if any(is_named_in_cents(x.name) for x, _ in priced):
        return MinorUnits(True)
    if not priced or any(x.kind != "integer" for x, _ in priced):
        return MinorUnits(False)
    if any(v in _WITHOUT_CENTS for x in model.orders.columns.values() for v in x.values):
        return MinorUnits(False)
    if tax := _exact_tax(catalogue, model):
        return MinorUnits(
            True,
            (f"are the amounts in cents? {tax} is a whole number, too, and an exact rate; all are divided by 100",),
        )
    values, endings, median = 0, 0, 0.0
    for column, _ in priced:
        number = f"try_cast({quote_name(column.name)} as bigint)"
        count, ending, middle = one_row(
            catalogue.scratch,
            f"select count(*), count(*) filter ({number} % 100 in {_PRICE_ENDINGS}), coalesce(median({number}), 0) "
            f"from {model.lines.view} where {number} <> 0",
        )
        values, endings, median = values + count, endings + ending, max(median, float(middle))
    names = ", ".join(x.name for x, _ in priced)
    if values and endings >= _ENDINGS * values and median >= 100:
        return MinorUnits(
            True,
            (
                f"is {names} in cents? All are whole numbers, and {endings / values:.0%} end like prices; "
                "they are divided by 100",
            ),
        )
    if values and median >= 100:
        return MinorUnits(
            False, (f"is {names} in whole units or in cents? All are whole numbers; they are taken as whole units",)
        )
    return MinorUnits(False)


def is_named_in_cents(name: str) -> bool:
    """Whether the name of a column says that its money is in the smallest unit.

    >>> is_named_in_cents("purchase_price_cents"), is_named_in_cents("percentage")
    (True, False)
    """
    return bool(_NAMED & set(tokens(name)))


def _exact_tax(catalogue: Catalogue, model: OrderModel) -> str:
    """Return the tax in whole numbers that is one rate of another amount, "" if there is none: whole units would be rounded."""
    table = model.orders
    kinds = {
        name: (kind_of(column, level="order", has_quantity=True) or ("",))[0]
        for name, column in table.columns.items()
        if column.kind == "integer"
    }
    for tax, total in product((n for n in kinds if kinds[n] == "tax"), [n for n in kinds if kinds[n] == "total"]):
        part, whole = (f"try_cast({quote_name(name)} as double)" for name in (tax, total))
        rows, rates, middle = one_row(
            catalogue.scratch,
            f"select count(*), count(distinct round({part} / {whole}, 2)), coalesce(median({whole}), 0) from {table.view} "
            f"where {part} > 0 and {whole} >= 500",
        )
        if rows >= 10 and rates <= 2 and middle >= 500:
            return tax
    return ""


def _priced(column: ColumnProfile) -> str:
    kind = kind_of(column, level="line", has_quantity=True)
    return kind[0] if column.filled and kind and kind[0] in ("price", "total") else ""
