"""Number and date formats of every report, card and terminal line; each format is one function.

A missing value (None or nan) is an empty text. Names of metrics, targets and columns belong in `labels.py`.
"""

import math
from datetime import date
from decimal import Decimal

from clv_pipeline.reporting import labels

Number = int | float | Decimal
#: From this error on, cents are noise.
_WHOLE_MONEY_FROM = 100


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
    text = f"{value:z{form}}"
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
    >>> cell("segment", "churn_risk"), cell("historic_value", Decimal("1234.50")), cell("country", None)
    ('churn risk', '1,234.50', '')
    """
    if value is None or is_missing(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | Decimal) and ("probability" in column or column.endswith("_share")):
        return percent(value)
    if isinstance(value, int | Decimal):
        return f"{value:,}"
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
