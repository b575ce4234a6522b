"""Times as the contract reads them: text with another order of day and month, numbers of seconds, and UTC without a mark."""

from clv_pipeline.onboarding.expressions import column_sql
from clv_pipeline.onboarding.profiles import ColumnProfile
from clv_pipeline.onboarding.words import tokens

_EPOCHS = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000}
_CODES = {"%d": "DD", "%m": "MM", "%Y": "YYYY", "%y": "YY", "%H": "HH24", "%M": "MI", "%S": "SS"}


def time_in_dialect(alias: str, column: ColumnProfile, dialect: str, *, is_utc: bool = False) -> str:
    """Return a time of a column in the engine's own SQL, as text or time that the contract reads."""
    plain = _quoted(alias, column.name, dialect)
    is_utc = is_utc or "utc" in tokens(column.name)
    if column.format in _EPOCHS:
        return _of_epoch(plain, _EPOCHS[column.format], dialect)
    if column.format.startswith("%"):
        return _parsed(plain, column, dialect)
    if is_utc and not column.has_zone and "with time zone" not in column.type and column.kind == "timestamp":
        return _marked_utc(plain, dialect)
    return plain


def _quoted(alias: str, name: str, dialect: str) -> str:
    from clv_pipeline.onboarding.statements import in_dialect

    return in_dialect(column_sql(alias, name), dialect)


def _marked_utc(plain: str, dialect: str) -> str:
    match dialect:
        case "mysql":
            return f"concat({plain}, 'Z')"
        case "tsql":
            return f"convert(varchar(19), {plain}, 120) + 'Z'"
        case "postgres" | "duckdb":
            return f"cast({plain} as varchar) || 'Z'"
        case _:
            return f"{plain} || 'Z'"


def _of_epoch(plain: str, per_second: int, dialect: str) -> str:
    seconds = plain if per_second == 1 else f"{plain} / {per_second}"
    match dialect:
        case "sqlite":
            return f"datetime({seconds}, 'unixepoch') || 'Z'"
        case "postgres":
            return f"to_timestamp({plain}{f' / {per_second}.0' if per_second > 1 else ''})"
        case "mysql":
            # from_unixtime answers in the zone of the session, which is UTC for a night
            return f"concat(from_unixtime(floor({seconds})), 'Z')"
        case "tsql":
            return f"convert(varchar(19), dateadd(second, {seconds}, '1970-01-01'), 120) + 'Z'"
        case "snowflake":
            return f"to_timestamp_ltz({seconds})"
        case "bigquery":
            return f"timestamp_seconds(cast({seconds} as int64))"
        case _:
            return f"to_timestamp(cast({plain} as double){f' / {per_second}' if per_second > 1 else ''})"


def _parsed(plain: str, column: ColumnProfile, dialect: str) -> str:
    day = (
        column.format
        if column.is_day_first is not False
        else column.format.replace("%d/%m", "%m/%d").replace("%d-%m", "%m-%d")
    )
    clock = {0: "", 1: " %H:%M"}.get(column.colons, " %H:%M:%S")
    match dialect:
        case "postgres" | "snowflake":
            form = f"{day}{clock}"
            for code, word in _CODES.items():
                form = form.replace(code, word)
            text = f"cast({plain} as varchar)"
            return (
                f"to_timestamp({text}, '{form}')"
                if dialect == "snowflake"
                else f"cast(to_timestamp({text}, '{form}') as timestamp)"
            )
        case "mysql":
            return f"str_to_date({plain}, '{(day + clock).replace('%M', '%i').replace('%S', '%s')}')"
        case "sqlite":
            return _cut(plain, day)
        case "tsql":
            style = 4 if "." in day else 3 if day.startswith("%d") else 1
            return f"convert(datetime, {plain}, {style + (100 if '%Y' in day else 0)})"
        case _:
            return f"strptime(cast({plain} as varchar), '{day}{clock}')"


def _cut(plain: str, day: str) -> str:
    """Return a time from its parts, for SQLite, which parses ISO only; days and months have two digits."""
    if day == "%Y%m%d":
        return f"substr({plain}, 1, 4) || '-' || substr({plain}, 5, 2) || '-' || substr({plain}, 7, 2)"
    first, second = f"substr({plain}, 1, 2)", f"substr({plain}, 4, 2)"
    date, month = (first, second) if day.startswith("%d") else (second, first)
    year, rest = (f"substr({plain}, 7, 4)", 11) if day.endswith("%Y") else (f"'20' || substr({plain}, 7, 2)", 9)
    return f"{year} || '-' || {month} || '-' || {date} || substr({plain}, {rest})"
