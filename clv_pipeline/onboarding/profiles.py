"""What the values of a column look like: kind, format, nulls, distinct values. A sample is profiled, never a whole big table."""

from dataclasses import dataclass

from clv_pipeline.sources.structure import TableAtSource
from clv_pipeline.warehouse.connection import Connection, one_row, quote_name, quote_text

#: Format -> what a value of it looks like. The order of the date formats is that of preference.
_NUMBERS = {
    "plain": r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$",
    "symbol": r"^\(?[+-]?\s*[$€£]?\s*-?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?\s*[$€£]?\)?$",
    "comma": r"^-?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?\s*(€|EUR)?$",
}
_TIME_PART = r"([ T]+\d{1,2}:\d{2}(:\d{2})?(\.\d+)?)?"
_DATES = {
    "iso": r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}([ T]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})?$",
    "%d.%m.%Y": rf"^\d{{1,2}}\.\d{{1,2}}\.\d{{4}}{_TIME_PART}$",
    "%d/%m/%Y": rf"^\d{{1,2}}/\d{{1,2}}/\d{{4}}{_TIME_PART}$",
    "%d/%m/%y": rf"^\d{{1,2}}/\d{{1,2}}/\d{{2}}{_TIME_PART}$",
    "%d-%m-%Y": rf"^\d{{1,2}}-\d{{1,2}}-\d{{4}}{_TIME_PART}$",
    "%Y%m%d": r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$",
}
_ZONE = r"(Z|UTC|[+-]\d{2}:?\d{2}|\d[+-]\d{2})$"
_BOOLEANS = ({"0", "1"}, {"true", "false"}, {"t", "f"}, {"y", "n"}, {"yes", "no"}, {"j", "n"}, {"ja", "nein"})
#: Up to so many distinct values are kept.
MOST_VALUES = 60


@dataclass(frozen=True)
class ColumnProfile:
    """A column as its sample shows it.

    kind: integer, decimal, date, timestamp, boolean, text or empty. format: how a text is read as that kind ("" where it need
    not be). has_zone: every time names its offset. values: value -> rows of a column with few of them, the most frequent first.
    is_day_first: of a date with slashes, None where no day of the sample is above 12.
    """

    name: str
    type: str
    kind: str
    format: str
    rows: int
    filled: int
    distinct: int
    minimum: float | None
    maximum: float | None
    values: dict[str, int]
    has_zone: bool = False
    has_clock: bool = False
    is_day_first: bool | None = None
    negative: int = 0
    emails: int = 0
    colons: int = 0

    @property
    def is_number(self) -> bool:
        return self.kind in ("integer", "decimal")

    @property
    def is_time(self) -> bool:
        return self.kind in ("date", "timestamp")

    @property
    def is_flag(self) -> bool:
        """Whether it says yes or no."""
        return self.kind == "boolean" or (
            bool(self.values) and any({v.lower() for v in self.values} <= p for p in _BOOLEANS)
        )

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.rows > 0 and self.distinct == self.rows

    @property
    def is_email(self) -> bool:
        return self.filled > 0 and self.emails >= 0.9 * self.filled

    @property
    def is_text_type(self) -> bool:
        """Whether the source stores text, so that a number or a time needs a cast."""
        return self.type == "" or any(word in self.type for word in ("char", "text", "string", "clob", "json"))


def profile(connection: Connection, view: str, table: TableAtSource, columns: list[str]) -> dict[str, ColumnProfile]:
    """Return the profile of each column of a sample, whose values are all text."""
    return {name: _profile_column(connection, view, name, table.columns[name]) for name in columns}


def _profile_column(connection: Connection, view: str, name: str, kind_at_source: str) -> ColumnProfile:
    column = f"nullif(trim({quote_name(name)}), '')"
    tests = {**_NUMBERS, **_DATES}
    counted = ", ".join(f"count(*) filter (regexp_matches(v, {quote_text(pattern)}))" for pattern in tests.values())
    row = one_row(
        connection,
        f"with sampled as (select {column} as v from {view}) select count(*), count(v), count(distinct v), "
        f"min(try_cast(v as double)), max(try_cast(v as double)), count(*) filter (try_cast(v as double) < 0), "
        r"count(*) filter (regexp_matches(v, '^[^@\s]+@[^@\s]+\.[^@\s]+$')), "
        f"count(*) filter (regexp_matches(v, {quote_text(_ZONE)})), count(*) filter (v like '%:%' and v not like '% 00:00:00%'), "
        "max(length(v) - length(replace(v, ':', ''))), "
        "max(try_cast(regexp_extract(v, '^(\\d{1,2})[/-]', 1) as integer)), "
        "max(try_cast(regexp_extract(v, '^\\d{1,2}[/-](\\d{1,2})[/-]', 1) as integer)), "
        f"count(*) filter (regexp_matches(v, '^[+-]?\\d+$')), {counted} from sampled",
    )
    rows, filled, distinct, low, high, negative, emails, zoned, clocks, colons, first, second, whole, *matched = row
    matches = dict(zip(tests, matched, strict=True))
    values: dict[str, int] = {}
    if 0 < distinct <= MOST_VALUES:
        values = dict(
            connection.execute(
                f"select {column}, count(*) as n from {view} where {column} is not null group by 1 order by n desc, 1"
            ).fetchall()
        )
    kind, form = _kind_of(kind_at_source, filled, whole, matches, set(values), (low, high), name)
    return ColumnProfile(
        name, kind_at_source, kind, form, rows, filled, distinct, low, high, values,
        has_zone=filled > 0 and kind == "timestamp" and zoned == filled and form == "iso",
        has_clock=clocks > 0,
        is_day_first=True if (first or 0) > 12 else False if (second or 0) > 12 else None,
        negative=negative, emails=emails, colons=colons or 0,
    )  # fmt: skip


def _kind_of(
    type_name: str,
    filled: int,
    whole: int,
    matches: dict[str, int],
    values: set[str],
    span: tuple[float | None, float | None],
    name: str,
) -> tuple[str, str]:
    """Return kind and format."""
    if not filled:
        return "empty", ""
    if "bool" in type_name or type_name in ("bit", "tinyint(1)") or _is_boolean(values):
        return "boolean", ""
    date = next((form for form in _DATES if matches[form] == filled), None)
    if date and date != "%Y%m%d":
        is_date = type_name == "date" or (date == "iso" and not _has_clock(values, matches, type_name))
        return ("date" if is_date else "timestamp"), date
    if matches["plain"] == filled:
        return _number_or_time(filled, whole, span, name, date, type_name)
    for form in ("symbol", "comma"):
        if matches[form] == filled:
            return "decimal", form
    return "text", ""


def _has_clock(values: set[str], matches: dict[str, int], type_name: str) -> bool:
    return "time" in type_name or not values or any(":" in value for value in values)


def _number_or_time(
    filled: int, whole: int, span: tuple[float | None, float | None], name: str, date: str | None, type_name: str
) -> tuple[str, str]:
    from clv_pipeline.onboarding.words import concepts

    low, high = span
    is_about_time = bool({"date", "time", "created", "updated"} & concepts(name))
    if whole == filled and is_about_time and low is not None and high is not None:
        if date == "%Y%m%d":
            return "date", date
        if low > 3e8 and high < 4.2e9:
            return "timestamp", "seconds"
        if low > 3e11 and high < 4.2e12:
            return "timestamp", "milliseconds"
        if low > 3e14 and high < 4.2e15:
            return "timestamp", "microseconds"
    is_decimal_type = any(word in type_name for word in ("numeric", "decimal", "money", "real", "float", "double"))
    return ("integer" if whole == filled and not is_decimal_type else "decimal"), "plain"


def _is_boolean(values: set[str]) -> bool:
    """Return whether the values are words of a yes and a no; 0 and 1 may be numbers of anything."""
    lower = {v.lower() for v in values}
    return bool(values) and (lower <= {"true", "false"} or (len(lower) == 2 and lower in _BOOLEANS[1:]))


def number_sql(column: str, form: str) -> str:
    """Return the SQL (of DuckDB) of a text as a number.

    >>> number_sql("x", "plain")
    'try_cast(x as double)'
    """
    if form == "symbol":
        plain = f"replace(regexp_replace(replace({column}, '(', '-'), '[$€£, )]', '', 'g'), '--', '-')"
        return f"try_cast({plain} as double)"
    if form == "comma":
        return f"try_cast(replace(replace(regexp_replace({column}, '[ €EUR]', '', 'g'), '.', ''), ',', '.') as double)"
    return f"try_cast({column} as double)"


def time_sql(column: str, profile_of: ColumnProfile) -> str:
    """Return the SQL (of DuckDB) of a text as a timestamp, for comparisons within a sample."""
    form = profile_of.format
    if form in ("seconds", "milliseconds", "microseconds"):
        divisor = {"seconds": "", "milliseconds": " / 1000", "microseconds": " / 1000000"}[form]
        return f"make_timestamp((try_cast({column} as double){divisor})::bigint * 1000000)"
    if form.startswith("%"):
        written = (
            form if profile_of.is_day_first is not False else form.replace("%d/%m", "%m/%d").replace("%d-%m", "%m-%d")
        )
        return f"try_strptime({column}, ['{written} %H:%M:%S', '{written} %H:%M', '{written}'])"
    return f"try_cast(left({column}, 19) as timestamp)"
