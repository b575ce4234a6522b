"""Orders in several currencies with the rate in the order itself: which way it converts, and the SQL of that."""

import math
from dataclasses import dataclass

from clv_pipeline.onboarding.catalogue import Catalogue, Table
from clv_pipeline.onboarding.words import concepts
from clv_pipeline.warehouse.connection import quote_name

#: Dollars for one unit, roughly: enough to tell a rate from its inverse.
_DOLLARS = {
    "USD": 1.0, "EUR": 1.1, "GBP": 1.28, "CHF": 1.13, "JPY": 0.0067, "CAD": 0.73, "AUD": 0.65, "NZD": 0.6,
    "SEK": 0.096, "NOK": 0.093,
    "DKK": 0.147, "PLN": 0.25, "CZK": 0.044, "HUF": 0.0028, "BRL": 0.18, "MXN": 0.055, "INR": 0.012, "CNY": 0.14, "ZAR": 0.055,
}  # fmt: skip


@dataclass(frozen=True)
class Conversion:
    """The order's own rate into the shop's currency. `divides`: the rate is foreign money for one unit of the shop's."""

    column: str
    currency: str
    divides: bool

    def applied(self, amount: str, rate: str) -> str:
        """Return the SQL of an amount in the shop's currency."""
        return f"({amount}) / coalesce(nullif({rate}, 0), 1)" if self.divides else f"({amount}) * coalesce({rate}, 1)"


def conversion_of(catalogue: Catalogue, table: Table, currency_sql: str, joins: str) -> Conversion | None:
    """Return how orders convert, None where they have no rate, or one currency, or the direction is not plain.

    currency_sql: the currency of an order in the scratch database, whose tables are `o` and what `joins` adds.
    """
    for name, column in table.columns.items():
        meant = concepts(name)
        if "rate" not in meant or not meant & {"exchange", "currency"} or not column.is_number or "id" in meant:
            continue
        rates = catalogue.run(
            f"select upper({currency_sql}) as code, count(*) as n, median(try_cast(o.{quote_name(name)} as double)) "
            f"from {table.view} as o {joins} "
            f"where {currency_sql} is not null group by code order by n desc"
        )
        ours = [str(code) for code, _, rate in rates if rate is not None and abs(float(str(rate)) - 1) < 1e-9]
        others = [
            (str(code), float(str(rate))) for code, _, rate in rates if rate is not None and str(code) not in ours[:1]
        ]
        if len(ours) != 1 or not others:
            continue
        ways = {_divides(code, ours[0], rate) for code, rate in others}
        if len(ways) == 1 and (way := ways.pop()) is not None:
            return Conversion(name, ours[0], way)
    return None


def _divides(code: str, ours: str, rate: float) -> bool | None:
    """Return whether a rate is foreign money for one unit of ours, None if it cannot be told."""
    if code not in _DOLLARS or ours not in _DOLLARS or rate <= 0:
        return None
    worth = _DOLLARS[code] / _DOLLARS[ours]
    as_factor, as_divisor = abs(math.log(rate / worth)), abs(math.log(rate * worth))
    if abs(as_factor - as_divisor) < 0.05 or min(as_factor, as_divisor) > 0.4:
        return None
    return as_divisor < as_factor
