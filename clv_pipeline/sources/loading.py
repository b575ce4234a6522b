"""Load text batches from a source into `raw.<table>`, cast to the contract's types, or fail with a clear error.

Columns and types are checked here. The meaning of readable rows is checked in `sql/1_clean` and `quality/`.
"""

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from clv_pipeline.contracts.reasons import KEY_NOT_UTF8, KEY_TOO_LONG, KEY_WITH_NUL, LONGEST_KEY
from clv_pipeline.contracts.source import STORED_AS, Column, SourceTable
from clv_pipeline.core.errors import SourceError, nearest
from clv_pipeline.sources.attributes import ATTRIBUTES, attributes_as_json, attributes_of, count_withheld
from clv_pipeline.sources.failed_rules import check_rules_on_batch
from clv_pipeline.sources.hash_key import SET_KEY
from clv_pipeline.sources.remarks import Remark
from clv_pipeline.sources.source_counts import DayCount, day_column, day_of, delivered
from clv_pipeline.sources.tombstones import Tombstones, erased_subscriptions, without_erased
from clv_pipeline.sources.values import (
    CUSTOMER_COLUMNS,
    IS_EMAIL,
    THREE_DIGITS,
    is_address,
    placeholder,
    trimmed,
    typed,
)
from clv_pipeline.warehouse.connection import Connection, one_row, quote_name, quote_text

log = logging.getLogger(__name__)

#: Spellings of "no number" that are not a sign of a changed type; they become null and are checked by the clean rules.
_NOT_A_NUMBER = "('', 'nan', 'inf', '-inf', '+inf', 'infinity', '-infinity', 'null', 'none', 'nat')"
#: Columns that loading adds to those of the contract, all text: the company's text of the exclude rule that a row meets,
#: the reason code of an unusable key, a hash of the row, and the day of its event as the source writes it.
SYSTEM_COLUMNS = ("excluded_because", "unusable_key", "row_hash", "day_at_source")


@dataclass(frozen=True)
class LoadRules:
    """Parameters of loading: time zone, hash key, exclusions, allowed share of unreadable values, erased customers."""

    time_zone: str
    hash_key: str | None
    exclusions: dict[str, list[tuple[str, str]]]
    max_unreadable_share: float
    tombstones: Tombstones | None


@dataclass
class LoadReport:
    """Row counts and unreadable values of one table's load. Rows of erased customers are never loaded.

    `placeholders` counts, by column, the texts that stand for "no identifier"; `emails` the e-mail addresses in columns of
    customer numbers; `three_digits` and `decimals` the texts that have exactly three digits after the point, and the others
    with a point; `floats` are the keys that came as floating-point numbers. `days` is what was delivered, by day, counted
    from the text before it was typed; `changed_days` have rows that were not loaded before.
    """

    rows: int = 0
    loaded: int = 0
    columns: tuple[str, ...] = ()
    unreadable: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    placeholders: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    emails: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    three_digits: Counter[str] = field(default_factory=Counter)
    decimals: Counter[str] = field(default_factory=Counter)
    floats: set[str] = field(default_factory=set)
    days: dict[str, DayCount] = field(default_factory=dict)
    erased_days: Counter[str] = field(default_factory=Counter)
    erased_subscriptions: set[str] = field(default_factory=set)
    changed_days: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def warn(self, what: str) -> None:
        """Record a warning; the run continues."""
        self.warnings.append(what)
        log.warning("%s", what)


def create_raw_table(connection: Connection, table: SourceTable) -> None:
    """Create `raw.<table>` empty, with the contract's columns and those that extraction adds."""
    columns = ", ".join(f"{c.name} {STORED_AS[c.type]}" for c in table.columns)
    added = ", ".join(f"{name} varchar" for name in added_columns(table))
    connection.execute(f"create or replace table raw.{table.name} ({columns}, {added})")


def added_columns(table: SourceTable) -> tuple[str, ...]:
    """Return the columns that loading adds to those of the contract."""
    return (ATTRIBUTES, *SYSTEM_COLUMNS) if table.attribute_prefix else SYSTEM_COLUMNS


def check_columns(table: SourceTable, returned: list[str], where: str, delivery: LoadReport) -> dict[str, str]:
    """Return contract column -> returned column, whatever its case; unknown returned columns are a warning and ignored.

    The company's own attributes are not among them, see `attributes.py`.

    Raises:
        SourceError: a required column is missing; names it and the nearest returned name. Or a contract column is returned
            twice, and nobody knows which of the two is meant.
    """
    by_name = {name.lower(): name for name in returned}
    spelled = Counter(name.lower() for name in returned)
    missing = [c.name for c in table.columns if c.required and c.name not in by_name]
    if missing:
        raise SourceError(
            f"{table.name}: the SELECT ({where}) lacks the contract column '{missing[0]}'"
            f"{nearest(missing[0], returned)}; it returns {', '.join(returned)}",
            next_step=f"return it under that name: `... as {missing[0]}`.",
        )
    for column in (name for name in spelled if spelled[name] > 1 and table.takes(name)):
        raise SourceError(
            f"{table.name}: the SELECT ({where}) returns {spelled[column]} columns named '{column}'",
            next_step="return the right one only, or give the others another name.",
        )
    for extra in sorted(name for name in by_name if not table.takes(name)):
        delivery.warn(f"{table.name}: column '{extra}' is not in the contract and is ignored")
    columns = {c.name: by_name[c.name] for c in table.columns if c.name in by_name}
    delivery.columns = (*columns, *attributes_of(table, returned))
    return columns


def remember_known_rows(connection: Connection, table: SourceTable) -> None:
    """Remember the rows of `raw.<table>` before tonight, so that a look-back adds only new ones."""
    connection.execute(f"create or replace temp table known_rows as select row_hash from raw.{table.name}")


def load_batch(
    connection: Connection,
    table: SourceTable,
    batch: pa.Table,
    columns: dict[str, str],
    rules: LoadRules,
    delivery: LoadReport,
    *,
    skip_known: bool,
) -> None:
    """Type one batch and add it to `raw.<table>`; with `skip_known`, rows already loaded byte for byte before tonight are skipped
    (see `remember_known_rows`).

    Raises:
        ConfigurationError: a value breaks an exclude rule that could be evaluated on a made-up row.
    """
    connection.register("delivered", batch)
    for day, count in delivered(connection, table, columns).items():
        delivery.days[day] = delivery.days[day] + count if day in delivery.days else count
    kinds = kinds_of(batch)
    delivery.floats |= {
        name for name, returned in columns.items() if table.column(name).is_key and kinds[returned] == "float"
    }
    time = day_column(table, columns)
    values = ", ".join(
        f"{_typed(c, columns[c.name], rules) if c.name in columns else 'null'}::{STORED_AS[c.type]} as {c.name}"
        for c in table.columns
    )
    attributes = attributes_of(table, batch.column_names)
    if table.attribute_prefix:
        values += f", {attributes_as_json(attributes)} as {ATTRIBUTES}"
        delivery.withheld += count_withheld(connection, attributes)
    hashed = [c.name for c in table.columns if c.name in columns or not c.is_late]
    hashed += [ATTRIBUTES] if attributes else []
    everything = ", ".join(f"coalesce({name}::varchar, chr(0))" for name in hashed)
    typing = f"select {values}, {day_of(columns[time] if time else None)} as day_at_source from delivered"
    query = f"""
        with admissible as ({without_erased(table, rules.tombstones)})
        select *, {_first_met(rules.exclusions.get(table.name, []))} as excluded_because,
            {_first_met(_unusable_key(table))} as unusable_key,
            md5(concat_ws(chr(31), {everything})) as row_hash
        from admissible
    """
    # the key is not part of the query text, which an error would show
    parameters = {"hash_key": rules.hash_key} | (rules.tombstones.parameters if rules.tombstones else {})
    key = {"hash_key": rules.hash_key} if "$hash_key" in typing else {}
    connection.execute(f"create or replace temp table typed as {typing}", key)
    _inspect_values(connection, table, columns, kinds, rules, delivery)
    used = {name: value for name, value in parameters.items() if f"${name}" in query}
    try:
        connection.execute(f"create or replace temp table admitted as {query}", used)
    except duckdb.Error:
        rows = f"with typed as (select {values} from delivered) {without_erased(table, rules.tombstones)}"
        check_rules_on_batch(connection, batch, rows, key | used, table.name, rules.exclusions.get(table.name, []))
        raise
    if rules.tombstones is not None:
        _note_erased(connection, table, columns, delivery)
        if table.name == "subscriptions":
            delivery.erased_subscriptions |= erased_subscriptions(connection, rules.tombstones)
    connection.unregister("delivered")
    known = "where row_hash not in (select row_hash from known_rows)" if skip_known else ""
    changed = connection.execute(f"select distinct day_at_source from admitted {known}").fetchall()
    delivery.changed_days |= {day for (day,) in changed}
    (inserted,) = one_row(connection, f"insert into raw.{table.name} by name select * from admitted {known}")
    delivery.rows += batch.num_rows
    delivery.loaded += int(inserted)
    connection.execute("drop table admitted")


def kinds_of(batch: pa.Table) -> dict[str, str]:
    """Return the kind of each column at the source, `text` where the reader does not say (see `reading.py`)."""
    return {f.name: (f.metadata or {}).get(b"kind", b"text").decode() for f in batch.schema}


def _typed(column: Column, returned: str, rules: LoadRules) -> str:
    return typed(column, returned, time_zone=rules.time_zone, has_hash_key=rules.hash_key is not None)


def _note_erased(connection: Connection, table: SourceTable, columns: dict[str, str], delivery: LoadReport) -> None:
    """Count the delivered rows of erased customers by day."""
    day = day_column(table, columns)
    rows = connection.execute(
        f"select day, count(*) - (select count(*) from admitted where day_at_source = day) as skipped "
        f"from (select {day_of(columns[day] if day else None)} as day from delivered) group by day having skipped > 0"
    ).fetchall()
    for erased_day, skipped in rows:
        delivery.erased_days[erased_day] += skipped


def check_load(table: SourceTable, delivery: LoadReport, rules: LoadRules) -> None:
    """Check the values after a table is loaded.

    Raises:
        SourceError: a money column has anything but plain numbers; so many values of another column are unreadable that its
            type must have changed; every number with a point has exactly three digits after it; or customer numbers are
            e-mail addresses and there is no key to hash them with.
    """
    _warn_of_withheld(table, delivery)
    for name, count in delivery.unreadable.items():
        if table.column(name).type == "secret":
            delivery.warn(f"{table.name}.{name}: {count} values are no e-mail addresses and became null")
            continue
        # never guess money: one misread amount ends up in a report
        if table.column(name).type == "money" or count > rules.max_unreadable_share * delivery.rows:
            raise _unreadable(table.column(name), table, count, delivery)
        delivery.warn(f"{table.name}.{name}: {count} unreadable values became null")
    for name, count in delivery.three_digits.items():
        if not delivery.decimals[name]:
            raise _thousands_or_decimals(table.column(name), table, count)
    for name, count in delivery.emails.items():
        if rules.hash_key is None:
            raise SourceError(
                f"{table.name}.{name}: {count} values are e-mail addresses, which are stored only as keyed hashes, and there is "
                "no key",
                next_step=f"set the key, or return a customer number in {table.name}.sql. {SET_KEY}",
            )
    for name in sorted(delivery.floats):
        text = f"{table.name}.{name}: delivered as floating-point numbers (such as 12346.0), read without '.0'; "
        delivery.remarks.append(
            Remark("number_form", f"{table.name}.{name}", f"{text}cast it to text in {table.name}.sql")
        )
    delivery.remarks += _placeholder_remarks(table, delivery)


def _placeholder_remarks(table: SourceTable, delivery: LoadReport) -> Iterator[Remark]:
    for name, found in delivery.placeholders.items():
        texts = ", ".join(f"'{text}' ({count})" for text, count in found.most_common(5))
        meaning = "a guest, not one customer" if table.name == "orders" else "nobody"
        if name not in CUSTOMER_COLUMNS and not (table.name == "orders" and name == "email"):
            meaning = "missing"
        text = f"{table.name}.{name}: {found.total()} rows have a placeholder, read as {meaning}: {texts}"
        yield Remark("placeholders", f"{table.name}.{name}", text)


def _warn_of_withheld(table: SourceTable, delivery: LoadReport) -> None:
    for name, count in delivery.withheld.items():
        delivery.warn(f"{table.name}.{name}: {count} values are e-mail addresses or not UTF-8, and are not loaded")


def _first_met(conditions: list[tuple[str, str]]) -> str:
    """Return the SQL of the text of the first condition that a row meets, null if it meets none."""
    cases = " ".join(f"when {condition} then {quote_text(text)}" for condition, text in conditions)
    return f"case {cases} end" if cases else "null::varchar"


def _unusable_key(table: SourceTable) -> list[tuple[str, str]]:
    """Return (condition, code) for each way in which a row's keys can be unusable.

    Bytes that are not text could merge two customers; NUL cannot be stored in PostgreSQL; no key is longer than
    `LONGEST_KEY`. In other columns such bytes only make the value null.
    """
    keys = [c.name for c in table.columns if c.is_key]
    everything = f"concat_ws('', {', '.join(keys)})"
    return [
        (f"contains({everything}, chr(65533))", KEY_NOT_UTF8.code),
        (f"contains({everything}, chr(0))", KEY_WITH_NUL.code),
        (" or ".join(f"length({name}) > {LONGEST_KEY}" for name in keys), KEY_TOO_LONG.code),
    ]


def _inspect_values(
    connection: Connection,
    table: SourceTable,
    columns: dict[str, str],
    kinds: Mapping[str, str],
    rules: LoadRules,
    delivery: LoadReport,
) -> None:
    """Count what `check_load` judges once all batches are in; `typed` has the values of the batch `delivered`.

    Most columns are readable throughout: only those with fewer values than texts are looked at more closely.
    """
    texts = one_row(
        connection, f"select {', '.join(f'count({quote_name(r)})' for r in columns.values())} from delivered"
    )
    values = one_row(connection, f"select {', '.join(f'count({name})' for name in columns)} from typed")
    lost = {name for name, text, value in zip(columns, texts, values, strict=True) if value < text}
    counted = [
        (what, name, sql)
        for name, returned in columns.items()
        for what, sql in _inspections(
            table.column(name), returned, kinds[returned], rules, is_lost=name in lost
        ).items()
    ]
    if not counted:
        return
    row = one_row(connection, f"select {', '.join(sql for _, _, sql in counted)} from delivered")
    for (what, name, _), found in zip(counted, row, strict=True):
        if not found:
            continue
        if what == "examples":
            delivery.examples.setdefault(name, found)
        elif what == "placeholders":
            delivery.placeholders[name].update(found)
        else:
            getattr(delivery, what)[name] += found


def _inspections(column: Column, returned: str, kind: str, rules: LoadRules, *, is_lost: bool) -> dict[str, str]:
    """Return field of `LoadReport` -> SQL aggregate over the delivered texts of one column; `is_lost`: some became null."""
    value = trimmed(returned)
    found = {}
    if is_lost and (column.name.endswith("_id") or column.name in CUSTOMER_COLUMNS or column.type == "secret"):
        # of an address only what stands before the @: the rest names the company
        found["placeholders"] = (
            f"histogram(split_part(lower({value}), '@', 1)) filter (where {placeholder(column, value)})"
        )
    if column.name in CUSTOMER_COLUMNS:
        is_email = f"contains({quote_name(returned)}, '@') and regexp_matches({value}, {quote_text(IS_EMAIL)})"
        found["emails"] = f"count(*) filter (where {is_email})"
    if column.type == "secret" and is_lost and rules.hash_key is not None:
        is_other = f"not {is_address(value)} and not {placeholder(column, value)}"
        found["unreadable"] = f"count(*) filter (where {value} <> '' and {is_other})"
    if column.is_key or column.type == "secret":
        return found
    is_bad = (
        f"{quote_name(returned)} is not null and {_typed(column, returned, rules)} is null "
        f"and lower({value}) not in {_NOT_A_NUMBER}"
    )
    if is_lost:
        found["unreadable"] = f"count(*) filter (where {is_bad})"
        found["examples"] = f"min({quote_name(returned)}) filter (where {is_bad})"
    if column.type in ("money", "number", "rate", "integer") and kind == "text":
        is_three = f"regexp_matches({value}, {quote_text(THREE_DIGITS)})"
        found["three_digits"] = f"count(*) filter (where {is_three})"
        found["decimals"] = f"count(*) filter (where contains({value}, '.') and not {is_three})"
    return found


def _thousands_or_decimals(column: Column, table: SourceTable, count: int) -> SourceError:
    return SourceError(
        f"{table.name}.{column.name}: every number with a point has exactly three digits after it ({count} values such as "
        "1.234), which may be thousands or decimals; the pipeline does not guess",
        next_step=f"say which in {table.name}.sql: `cast({column.name} as decimal(18, 3))` for decimals, "
        f"`replace({column.name}, '.', '')` for thousands.",
    )


def _unreadable(column: Column, table: SourceTable, count: int, delivery: LoadReport) -> SourceError:
    if column.type == "text":
        # no example: the text may be a person's name
        return SourceError(
            f"{table.name}.{column.name}: {count} values are not UTF-8 or contain a NUL character",
            next_step=f"deliver what {table.name}.sql reads as UTF-8.",
        )
    return SourceError(
        f"{table.name}.{column.name}: {count} values cannot be read as {column.type}, "
        f"for example '{without_letters(delivery.examples[column.name])}'",
        next_step=f"cast the column in {table.name}.sql so that it returns a plain {column.type} "
        "(numbers as 1234.56, rates above 0, dates as 2024-12-31).",
    )


def without_letters(value: str) -> str:
    """Return a value that is safe to show: keep the shape and currency code, mask letters (it may be a misplaced name)."""
    return re.sub(r"\b(?![A-Z]{3}\b)[^\W\d_]+", lambda word: "x" * len(word[0]), value[:40])
