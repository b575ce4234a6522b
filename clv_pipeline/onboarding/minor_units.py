"""Whether money is kept in cents: whole numbers everywhere, and names or endings of prices that say so."""

from dataclasses import dataclass

from clv_pipeline.onboarding.catalogue import Catalogue
from clv_pipeline.onboarding.money import kind_of
from clv_pipeline.onboarding.profiles import ColumnProfile
from clv_pipeline.onboarding.roles import OrderModel
from clv_pipeline.onboarding.shops import Shop
from clv_pipeline.onboarding.words import tokens
from clv_pipeline.warehouse.connection import one_row, quote_name

_NAMED = {"cents", "cent", "minor", "pence", "centimes", "centavos", "pfennig"}
#: Share of prices that end in 00, 50, 90, 95 or 99 where they are cents; of whole numbers of any size it is a twentieth.
_ENDINGS = 0.4


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
    if any(_NAMED & set(tokens(x.name)) for x, _ in priced):
        return MinorUnits(True)
    if not priced or any(x.kind != "integer" for x, _ in priced):
        return MinorUnits(False)
    values, endings, median = 0, 0, 0.0
    for column, _ in priced:
        number = f"try_cast({quote_name(column.name)} as bigint)"
        count, ending, middle = one_row(
            catalogue.scratch,
            f"select count(*), count(*) filter ({number} % 100 in (0, 50, 90, 95, 99, 49)), coalesce(median({number}), 0) "
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


def _priced(column: ColumnProfile) -> str:
    kind = kind_of(column, level="line", has_quantity=True)
    return kind[0] if column.filled and kind and kind[0] in ("price", "total") else ""
