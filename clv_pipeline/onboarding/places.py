"""Where a company is: the time zone and the currency that its data suggests, each with the reason. Neither can be known."""

from dataclasses import dataclass

from clv_pipeline.onboarding import columns as c
from clv_pipeline.onboarding.catalogue import Catalogue, Table
from clv_pipeline.onboarding.words import tokens
from clv_pipeline.warehouse.connection import quote_name

#: Country -> its zone (of the capital where it has several) and its currency.
_COUNTRIES = {
    "de": ("Europe/Berlin", "EUR", "germany deutschland allemagne alemania deu"),
    "at": ("Europe/Vienna", "EUR", "austria osterreich aut"),
    "ch": ("Europe/Zurich", "CHF", "switzerland schweiz suisse che"),
    "fr": ("Europe/Paris", "EUR", "france frankreich francia fra"),
    "es": ("Europe/Madrid", "EUR", "spain espana espagne esp"),
    "it": ("Europe/Rome", "EUR", "italy italia ita"),
    "nl": ("Europe/Amsterdam", "EUR", "netherlands nederland nld"),
    "be": ("Europe/Brussels", "EUR", "belgium belgique bel"),
    "pt": ("Europe/Lisbon", "EUR", "portugal prt"),
    "ie": ("Europe/Dublin", "EUR", "ireland irl"),
    "gb": ("Europe/London", "GBP", "uk united_kingdom great_britain gbr england"),
    "pl": ("Europe/Warsaw", "PLN", "poland polska pol"),
    "se": ("Europe/Stockholm", "SEK", "sweden sverige swe"),
    "dk": ("Europe/Copenhagen", "DKK", "denmark danmark dnk"),
    "no": ("Europe/Oslo", "NOK", "norway norge nor"),
    "us": ("America/New_York", "USD", "usa united_states united_states_of_america"),
    "ca": ("America/Toronto", "CAD", "canada can"),
    "br": ("America/Sao_Paulo", "BRL", "brazil brasil bra"),
    "mx": ("America/Mexico_City", "MXN", "mexico mex"),
    "ar": ("America/Argentina/Buenos_Aires", "ARS", "argentina arg"),
    "au": ("Australia/Sydney", "AUD", "australia aus"),
    "nz": ("Pacific/Auckland", "NZD", "new_zealand nzl"),
    "jp": ("Asia/Tokyo", "JPY", "japan jpn"),
    "in": ("Asia/Kolkata", "INR", "india ind"),
}
_BY_WORD = {word: code for code, (_, _, words) in _COUNTRIES.items() for word in (code, *words.split())}
_ENOUGH = 0.5


@dataclass(frozen=True)
class Fact:
    """A value that only people know, as guessed, and why."""

    value: str
    reason: str


def guess_currency(catalogue: Catalogue, orders: Table, values: dict[str, int], country: str | None) -> Fact:
    """Return the currency to report in."""
    if values:
        most = max(values, key=lambda v: values[v]).upper()
        also = f"; also {', '.join(sorted(v.upper() for v in values if v.upper() != most))}" if len(values) > 1 else ""
        return Fact(
            most,
            f"{values[max(values, key=lambda v: values[v])]} of {sum(values.values())} orders of the sample are in it{also}",
        )
    words = {word for name in orders.columns for word in tokens(name)}
    for code in ("eur", "usd", "gbp", "chf"):
        if code in words:
            return Fact(code.upper(), f"a column of {orders.full_name} is called so")
    if country:
        return Fact(_COUNTRIES[country][1], "most customers are there")
    return Fact("EUR", "nothing in the data says which")


def guess_zone(catalogue: Catalogue, currency: Fact, country: str | None) -> Fact:
    """Return the business time zone."""
    if country:
        return Fact(_COUNTRIES[country][0], "most customers are there")
    zones = [zone for zone, code, _ in _COUNTRIES.values() if code == currency.value]
    if zones and not currency.reason.startswith("nothing"):
        return Fact(zones[0], f"by the currency {currency.value}")
    return Fact("UTC", "nothing in the data says which")


def main_country(catalogue: Catalogue, tables: list[Table]) -> str | None:
    """Return the country of most rows of the first of these tables that has one, None if no column says so."""
    for table in tables:
        for column in c.found(table, c.COUNTRY):
            counted = catalogue.run(
                f"select lower(trim({quote_name(column.name)})) as v, count(*) from {table.view} "
                f"where {quote_name(column.name)} is not null "
                "group by v order by 2 desc limit 5"
            )
            total = sum(int(str(rows)) for _, rows in counted)
            for value, rows in counted[:1]:
                code = _BY_WORD.get(str(value).replace(" ", "_").replace("ñ", "n").replace("ö", "o"))
                if code and int(str(rows)) >= _ENOUGH * total:
                    return code
    return None
