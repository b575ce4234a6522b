"""SQL that turns one delivered text into a value of a contract type, or into null where it cannot be read.

Nothing is guessed: a date has one order of year, month and day, a time zone one offset, a number a decimal point. What to
do about unreadable values is decided in `loading.py`.
"""

import re
from hashlib import sha256

from clv_pipeline.contracts.source import STORED_AS, Column
from clv_pipeline.warehouse.connection import quote_name, quote_text

#: Placeholders that exports write where there is no customer, in lower case.
NO_CUSTOMER = (
    "0", "-1", "nan", "nat", "null", "none", "nil", "n/a", "na", "#n/a", "undefined", "unknown", "guest", "anonymous", "anon",
    "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
#: Placeholders in any other identifier; 0 may be the number of a line.
NO_IDENTIFIER = ("nan", "nat", "null", "none", "n/a", "#n/a", "undefined")
#: Local parts of addresses that nobody has, in lower case: systems write them where a customer gave none.
NO_ADDRESS = (
    "noreply", "no-reply", "no_reply", "no.reply", "donotreply", "do-not-reply", "noemail", "no-email", "nomail", "none", "null",
    "undefined", "unknown", "anonymous",
)  # fmt: skip
#: Columns that name a customer.
CUSTOMER_COLUMNS = ("customer_id", "merged_into")
IS_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"

#: Blank, tab, line ends, no-break space, zero-width space, byte-order mark.
_BLANKS = f"concat({', '.join(f'chr({code})' for code in (32, 9, 10, 13, 160, 8203, 65279))})"
_DAY = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
_LOCAL = rf"^{_DAY}(?:[T ]+{_TIME})?$"
_WITH_HALF = rf"^{_DAY}[T ]+{_TIME}\s*[AaPp]\.?[Mm]\.?$"
_WITH_OFFSET = rf"^({_DAY}[T ]+{_TIME})\s*([+-]\d{{2}}(?::?\d{{2}})?)$"
_WITH_WORD = rf"^({_DAY}[T ]+{_TIME})\s*([A-Za-z]+)$"
_WITH_PLACE = rf"^{_DAY}[T ]+{_TIME} [A-Za-z_]+/[A-Za-z_/+-]+$"
#: Abbreviations of one meaning. Others (CST, BST, IST) mean several zones and are not read.
_OFFSETS = {
    "Z": "+00:00", "UTC": "+00:00", "GMT": "+00:00", "WET": "+00:00", "WEST": "+01:00", "CET": "+01:00", "MEZ": "+01:00",
    "CEST": "+02:00", "MESZ": "+02:00", "EET": "+02:00", "EEST": "+03:00", "EST": "-05:00", "EDT": "-04:00", "CDT": "-05:00",
    "MST": "-07:00", "MDT": "-06:00", "PST": "-08:00", "PDT": "-07:00", "JST": "+09:00", "AEST": "+10:00", "AEDT": "+11:00",
    "NZST": "+12:00", "NZDT": "+13:00",
}  # fmt: skip
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
_INTEGER = r"^[+-]?\d+(?:\.0*)?$"
#: A number that is a thousand times larger in a country where the point separates thousands.
THREE_DIGITS = r"^[+-]?[1-9]\d{0,2}\.\d{3}$"
#: Text that is not UTF-8, or has a NUL character.
NOT_TEXT = "(contains({value}, chr(65533)) or contains({value}, chr(0)))"
_TRUE = "('true', 't', 'yes', 'y', '1', '1.0')"
_FALSE = "('false', 'f', 'no', 'n', '0', '0.0')"


def typed(column: Column, returned: str, *, time_zone: str, has_hash_key: bool) -> str:
    """Return the SQL of a contract column's value from the returned text column; hashes take the parameter `$hash_key`.

    Timestamps without a zone are local times of `time_zone`.
    """
    value = trimmed(returned)
    match column.type:
        case "text" if column.is_key:
            return _key(column, value, has_hash_key)
        case "text":
            return f"case when not {NOT_TEXT.format(value=value)} then nullif({value}, '') end"
        case "secret":
            return f"case when {is_address(value)} then {_hashed(value)} end" if has_hash_key else "null"
        case "timestamp":
            return _timestamp(value, time_zone)
        case "date":
            local = f"timezone({quote_text(time_zone)}, {_timestamp(value, time_zone)})"
            return (
                f"case when {_matches(value, _LOCAL)} then try_cast(left({value}, 10) as date) else {local}::date end"
            )
        case "boolean":
            return f"case when lower({value}) in {_TRUE} then true when lower({value}) in {_FALSE} then false end"
        case "integer":
            return f"case when {_matches(value, _INTEGER)} then try_cast({value} as {STORED_AS['integer']}) end"
        case "rate":
            rate = _number(value, STORED_AS[column.type])
            return f"case when {rate} > 0 then {rate} end"
        case _:
            return _number(value, STORED_AS[column.type])


def customer_number(text: str, hash_key: str | None) -> str:
    """Return how a customer number is stored: an e-mail address as its keyed hash, anything else as it is.

    >>> customer_number("00123", "key")
    '00123'
    >>> customer_number("Ann@shop.example", "key") == customer_number("ann@shop.example", "key")
    True
    """
    if hash_key is None or not re.match(IS_EMAIL, text.strip()):
        return text
    return sha256(f"{hash_key}{text.strip().lower()}".encode()).hexdigest()


def trimmed(returned: str) -> str:
    """Return the SQL of a delivered text without blanks at its ends, visible or not."""
    return f"trim({quote_name(returned)}, {_BLANKS})"


def placeholder(column: Column, value: str) -> str:
    """Return the SQL of whether a text is an export's way of writing that there is no identifier or address."""
    is_person = column.name in CUSTOMER_COLUMNS or column.type == "secret"
    words = f"lower({value}) in ({', '.join(map(quote_text, NO_CUSTOMER if is_person else NO_IDENTIFIER))})"
    return f"({words} or {_is_no_address(value)})" if is_person else words


def is_address(value: str) -> str:
    """Return the SQL of whether a text is an e-mail address that somebody may have."""
    return f"(contains({value}, '@') and {_matches(value, IS_EMAIL)} and not {_is_no_address(value)})"


def _is_no_address(value: str) -> str:
    local_part = f"split_part(lower({value}), '@', 1)"
    return f"(contains({value}, '@') and {local_part} in ({', '.join(map(quote_text, NO_ADDRESS))}))"


def _hashed(value: str) -> str:
    """The same for addresses in columns of customer numbers and of addresses: both then name one customer."""
    return f"sha256($hash_key || lower({value}))"


def _key(column: Column, value: str, has_hash_key: bool) -> str:
    """Invisible differences (blanks, Unicode form) make no other identifier, and neither does a placeholder.

    An e-mail address as customer number is personal data in every table: only its keyed hash is stored.
    """
    key = f"nfc_normalize(nullif({value}, ''))"
    if not column.name.endswith("_id") and column.name not in CUSTOMER_COLUMNS:
        return key
    hashed = f"when {_matches(value, IS_EMAIL)} then {_hashed(value)} "
    is_hashed = has_hash_key and column.name in CUSTOMER_COLUMNS
    return f"case when {placeholder(column, value)} then null {hashed if is_hashed else ''}else {key} end"


def _timestamp(value: str, time_zone: str) -> str:
    def local(text: str) -> str:
        return f"timezone({quote_text(time_zone)}, {text})"

    def parts(pattern: str) -> tuple[str, str]:
        return tuple(f"regexp_extract({value}, {quote_text(pattern)}, {group})" for group in (1, 2))  # type: ignore[return-value]

    at, offset = parts(_WITH_OFFSET)
    at_word, word = parts(_WITH_WORD)
    offsets = ", ".join(f"{quote_text(name)}: {quote_text(hours)}" for name, hours in _OFFSETS.items())
    formats = "['%Y-%m-%d %I:%M:%S %p', '%Y-%m-%d %I:%M %p']"
    tidy = rf"regexp_replace(replace(replace({value}, '.', ''), '/', '-'), '[T ]+', ' ')"
    halves = f"regexp_replace({tidy}, '\\s*([AaPp][Mm])$', ' \\1')"
    return (
        f"case when {_matches(value, _LOCAL)} then {local(f'try_cast({value} as timestamp)')} "
        f"when {_matches(value, _WITH_OFFSET)} then try_cast({at} || {offset} as timestamptz) "
        f"when {_matches(value, _WITH_WORD)} and not {_matches(value, _WITH_HALF)} "
        f"then try_cast({at_word} || (map {{{offsets}}})[upper({word})] as timestamptz) "
        f"when {_matches(value, _WITH_HALF)} then {local(f'try_strptime({halves}, {formats})')} "
        f"when {_matches(value, _WITH_PLACE)} then try_cast({value} as timestamptz) end"
    )


def _number(value: str, stored_as: str) -> str:
    return f"case when {_matches(value, _NUMBER)} then try_cast({value} as {stored_as}) end"


def _matches(value: str, pattern: str) -> str:
    return f"regexp_matches({value}, {quote_text(pattern)})"
