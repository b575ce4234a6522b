"""Number and date formats of every report, card, picture and terminal line; each format is one function.

A missing value (None or nan) is an empty text. Tables show figures as they are; prose shows them as a person would say them
(the functions `spoken...`, three digits). Names of metrics, targets and columns belong in `labels.py`.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from clv_pipeline.core.settings import NumberFormat
from clv_pipeline.reporting import labels

Number = int | float | Decimal
#: From this error on, cents are noise.
_WHOLE_MONEY_FROM = 100
#: From this count on, nobody says every single one.
_ROUNDED_FROM = 10_000
_NARROW_SPACE, _NO_BREAK_SPACE = "\u202f", "\xa0"
#: The separators of thousands and of decimals that stand in for Python's comma and dot.
_SEPARATORS: dict[NumberFormat, tuple[str, str]] = {
    "1,234.5": (",", "."),
    "1.234,5": (".", ","),
    "1 234,5": (_NARROW_SPACE, ","),
}
_number_format: ContextVar[NumberFormat] = ContextVar("number_format", default="1,234.5")
_UNITS = ((10**9, "billion"), (10**6, "million"))
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@contextmanager
def number_format(chosen: NumberFormat) -> Iterator[None]:
    """Write all numbers in a format (setting `number_format`) inside the block.

    >>> with number_format("1.234,5"):
    ...     print(money(1234.5, "EUR"), percent(0.041), spoken(1234567))
    1.234,50 EUR 4,1% 1,23 million
    """
    token = _number_format.set(chosen)
    try:
        yield
    finally:
        _number_format.reset(token)


def localised(text: str) -> str:
    """Return a number that Python wrote (12,345.6) in the number format in use.

    >>> with number_format("1.234,5"):
    ...     localised("12,345.6")
    '12.345,6'
    """
    thousands, decimals = _SEPARATORS[_number_format.get()]
    return text.translate({ord(","): thousands, ord("."): decimals})


def is_missing(value: object) -> bool:
    """Return whether there is nothing to show.

    >>> is_missing(None), is_missing(float("nan")), is_missing(0)
    (True, True, False)
    """
    return value is None or (isinstance(value, float | Decimal) and math.isnan(value))


def decimal(value: Number | None, digits: int = 3, *, signed: bool = False) -> str:
    """Return a number with a fixed count of decimals; one that is rounded to zero has no sign.

    >>> decimal(1234.5678, 2), decimal(0.25, signed=True), decimal(-0.0001, signed=True), decimal(None)
    ('1,234.57', '+0.250', '0.000', '')
    """
    return _written(value, f",.{digits}f", signed=signed)


def count(value: Number | None) -> str:
    """Return a whole number.

    >>> count(1234567)
    '1,234,567'
    """
    return decimal(value, 0)


def percent(value: Number | None, *, digits: int = 1, signed: bool = False) -> str:
    """Return a share of 1 in percent.

    >>> percent(0.1234), percent(0.25, digits=0), percent(-0.019, signed=True)
    ('12.3%', '25%', '-1.9%')
    """
    return _written(value, f",.{digits}%", signed=signed)


def _written(value: Number | None, form: str, *, signed: bool) -> str:
    if value is None or is_missing(value):
        return ""
    text = localised(f"{value:z{form}}")
    return f"+{text}" if signed and any(digit in text for digit in "123456789") and text[0] != "-" else text


def money(value: Number | None, currency: str = "", *, digits: int = 2) -> str:
    """Return an amount, with its currency where one is given.

    >>> money(1234.5, "EUR"), money(1234.5, digits=0), money(None, "EUR")
    ('1,234.50 EUR', '1,234', '')
    """
    return f"{decimal(value, digits)} {currency}".rstrip() if not is_missing(value) else ""


def money_range(low: Number | None, high: Number | None, currency: str = "") -> str:
    """Return an interval of money in whole units; nothing where one end is missing.

    >>> money_range(1000.4, 2500, "EUR"), money_range(None, None)
    ('1,000 to 2,500 EUR', '')
    """
    if is_missing(low) or is_missing(high):
        return ""
    return f"{money(low, digits=0)} to {money(high, currency, digits=0)}"


def day(value: date) -> str:
    """Return a date, without the time of day.

    >>> day(date(2024, 6, 1))
    '2024-06-01'
    """
    return f"{value:%Y-%m-%d}"


def long_day(value: date) -> str:
    """Return a date in prose.

    >>> long_day(date(2026, 6, 30))
    '30 June 2026'
    """
    return f"{value.day} {month(value)}"


def month(value: date) -> str:
    """Return a month in prose.

    >>> month(date(2026, 6, 1))
    'June 2026'
    """
    return f"{_MONTHS[value.month - 1]} {value.year}"


def spoken(value: Number | None, *, signed: bool = False) -> str:
    """Return a number as a person would say it: three digits that count, no decimals from 100 on, millions in words.

    >>> [spoken(v) for v in (12345.6, 1234567, 2_500_000_000, 999_999, 987.6, 12.04, 3, 0.1234, 0, None)]
    ['12,300', '1.23 million', '2.5 billion', '1 million', '988', '12', '3', '0.123', '0', '']
    >>> spoken(12345.6, signed=True), spoken(-1234567)
    ('+12,300', '-1.23 million')
    """
    if value is None or is_missing(value):
        return ""
    size, unit = _unit(value)
    return f"{_three_digits(value, size, signed=signed)} {unit}".rstrip()


def spoken_money(value: Number | None, currency: str = "", *, signed: bool = False) -> str:
    """Return an amount as a person would say it; cents only below 100.

    >>> spoken_money(1234567, "EUR"), spoken_money(12345.6, "EUR"), spoken_money(45.678, "EUR"), spoken_money(45, "EUR")
    ('1.23 million EUR', '12,300 EUR', '45.68 EUR', '45 EUR')
    >>> spoken_money(-45.5, "EUR", signed=True), spoken_money(None, "EUR")
    ('-45.50 EUR', '')
    """
    if value is None or is_missing(value):
        return ""
    amount = round(float(value), 2)
    has_cents = abs(amount) < _WHOLE_MONEY_FROM and not amount.is_integer()
    text = decimal(value, 2, signed=signed) if has_cents else spoken(value, signed=signed)
    return f"{text} {currency}".rstrip()


def spoken_range(low: Number | None, high: Number | None, currency: str = "") -> str:
    """Return an interval as a person would say it; nothing where one end is missing.

    >>> spoken_range(1_110_000, 1_244_000, "EUR"), spoken_range(870_000, 1_244_000), spoken_range(12345, 15100)
    ('1.11 to 1.24 million EUR', '870,000 to 1.24 million', '12,300 to 15,100')
    """
    if low is None or high is None or is_missing(low) or is_missing(high):
        return ""
    (low_size, low_unit), (high_size, high_unit) = _unit(low), _unit(high)
    first = (
        _three_digits(low, low_size) if low_unit == high_unit else f"{_three_digits(low, low_size)} {low_unit}".rstrip()
    )
    return f"{first} to {_three_digits(high, high_size)} {high_unit} {currency}".replace("  ", " ").rstrip()


def spoken_percent(share: Number | None, *, signed: bool = False) -> str:
    """Return a share of 1 in percent without digits that nobody can know: one decimal below 10 % and next to 100 %.

    >>> [spoken_percent(v).replace("\\xa0", " ") for v in (0.041, 0.2534, 0.9962, 1, 0, 0.0002, -0.031)]
    ['4.1 %', '25 %', '99.6 %', '100 %', '0 %', 'under 0.1 %', '-3.1 %']
    """
    if share is None or is_missing(share):
        return ""
    percentage = share * 100
    size = abs(float(percentage))
    if 0 < size < 0.05:
        return f"under {decimal(0.1, 1)}{_NO_BREAK_SPACE}%"
    digits = 1 if size < 9.95 or 99.5 <= size < 100 else 0
    decimals = f"{percentage:z.{digits}f}".partition(".")[2].strip("0")
    return f"{decimal(percentage, len(decimals), signed=signed)}{_NO_BREAK_SPACE}%"


def counted(number: Number | None, singular: str, plural: str | None = None) -> str:
    """Return how many of a thing there are, as a person would say it: below 10,000 every one counts.

    >>> counted(1, "customer"), counted(5853, "customer"), counted(12345, "customer"), counted(0, "entry", "entries")
    ('1 customer', '5,853 customers', '12,300 customers', '0 entries')
    """
    if number is None or is_missing(number):
        return ""
    whole = round(number)
    shown = count(whole) if whole < _ROUNDED_FROM else spoken(whole)
    return f"{shown} {singular if whole == 1 else plural or f'{singular}s'}"


def _unit(value: Number) -> tuple[int, str]:
    """Return the size and name of the unit in which a number is said; what rounds to a million is said in millions."""
    rounded = abs(_rounded(value))
    return next(((size, name) for size, name in _UNITS if rounded >= size), (1, ""))


def _rounded(value: Number) -> Decimal:
    """Return a number with three digits that count, halves away from zero.

    >>> _rounded(3365), _rounded(-0.0012345)
    (Decimal('3370'), Decimal('-0.00123'))
    """
    exact = Decimal(str(value))
    place = max(exact.adjusted() - 2, -12) if exact else 0
    scaled = exact.scaleb(-place).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return Decimal(f"{scaled.scaleb(place):f}")


def _three_digits(value: Number, size: int, *, signed: bool = False) -> str:
    text = f"{_rounded(value) / size:z,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return localised(f"+{text}" if signed and value > 0 and text != "0" else text)


def interval(low: str, high: str) -> str:
    """Return the two ends of an interval in brackets; nothing where one is missing.

    >>> interval("0.700", "0.900"), interval("", "")
    ('[0.700, 0.900]', '')
    """
    return f"[{low}, {high}]" if low and high else ""


def estimate(value: str, low: str, high: str) -> str:
    """Return a value with its interval; nothing where there is no value, such as the rank correlation of a constant.

    >>> estimate("0.800", "0.700", "0.900"), estimate("0.800", "", ""), estimate("", "0.700", "0.900")
    ('0.800 [0.700, 0.900]', '0.800', '')
    """
    return f"{value} {interval(low, high)}".rstrip() if value else ""


def metric(name: str, value: Number | None, *, signed: bool = False) -> str:
    """Return the value of a metric; `signed` is for differences.

    >>> metric("normalised_gini", 0.8341), metric("total_bias", 0.05), metric("interval_coverage", 0.9)
    ('0.834', '+5.0%', '90.0%')
    >>> metric("root_mean_squared_error", 99.5), metric("root_mean_squared_error", 1539.4)
    ('99.50', '1,539')
    """
    size = 0.0 if value is None or is_missing(value) else abs(float(value))
    return _metric(name, value, size, signed=signed)


def metric_estimate(
    name: str, value: Number | None, low: Number | None, high: Number | None, *, signed: bool = False
) -> str:
    """Return the value of a metric with its interval, all three with the same count of decimals.

    >>> metric_estimate("normalised_gini", 0.02, 0.01, 0.03, signed=True)
    '+0.020 [+0.010, +0.030]'
    >>> metric_estimate("root_mean_squared_error", 99.5, 80, 120)
    '100 [80, 120]'
    """
    sizes = [abs(float(v)) for v in (value, low, high) if v is not None and not is_missing(v)]
    largest = max(sizes, default=0.0)
    return estimate(*(_metric(name, v, largest, signed=signed) for v in (value, low, high)))


def _metric(name: str, value: Number | None, size: float, *, signed: bool) -> str:
    match labels.metric(name).kind:
        case "share":
            return percent(value, signed=signed)
        case "bias":
            return percent(value, signed=True)
        case "money":
            return decimal(value, 0 if size >= _WHOLE_MONEY_FROM else 2, signed=signed)
    return decimal(value, signed=signed)


def cell(column: str, value: object) -> str:
    """Return a value of a published column as a reader sees it.

    >>> cell("customers", 1200), cell("purchase_probability_90d", 0.25), cell("is_in_crm", True)
    ('1,200', '25.0%', 'yes')
    >>> cell("share_inside", 0.93), cell("repeat_share_low", 0.4)
    ('93.0%', '40.0%')
    >>> cell("segment", "churn_risk"), cell("historic_value", Decimal("1234.50")), cell("country", None)
    ('churn risk', '1,234.50', '')
    """
    if value is None or is_missing(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | Decimal) and ("probability" in column or "share" in column.split("_")):
        return percent(value)
    if isinstance(value, int | Decimal):
        return localised(f"{value:,}")
    if isinstance(value, float):
        return decimal(value, 2)
    if isinstance(value, date):
        return day(value)
    return labels.words(str(value)) if column in labels.COLUMNS_OF_CODES else str(value)


def season(factor: Number | None) -> str:
    """Return the published season_factor for people.

    >>> season(1.0512)
    'a factor of 1.05, from the same weeks last year'
    >>> season(None)[:5]
    'none:'
    """
    if factor is None or is_missing(factor):
        return (
            "none: it needs 17 months of orders, a horizon of at most one year and a model that ranks customers; "
            "without it, the interval of the total is wide"
        )
    return f"a factor of {decimal(factor, 2)}, from the same weeks last year"


def megabytes(size: int) -> str:
    """Return a size on disk in whole megabytes, without the unit.

    >>> megabytes(1_234_567_890)
    '1,235'
    """
    return decimal(size / 1e6, 0)


def gigabytes(size: int) -> str:
    """Return a size on disk in gigabytes, with the unit.

    >>> gigabytes(2_500_000_000)
    '2.5 GB'
    """
    return f"{decimal(size / 1e9, 1)} GB"
