"""Load text batches from a source into `raw.<table>`, cast to the contract's types, or fail with a clear error.

Columns and types are checked here. The meaning of readable rows is checked in `sql/1_clean` and `quality/`.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from clv_pipeline.contracts.reasons import KEY_NOT_UTF8, KEY_TOO_LONG, KEY_WITH_NUL, LONGEST_KEY
from clv_pipeline.contracts.source import STORED_AS, Column, SourceTable
from clv_pipeline.core.error_texts import reason_of
from clv_pipeline.core.errors import ConfigurationError, SourceError, nearest
from clv_pipeline.sources.failed_rules import check_rules_on_batch
from clv_pipeline.sources.tombstones import IS_ERASED, Tombstones
from clv_pipeline.warehouse.connection import Connection, one_row, quote_name, quote_text, row_count

log = logging.getLogger(__name__)

#: Spellings of "no number" that are not a sign of a changed type; they become null and are checked by the clean rules.
_NOT_A_NUMBER = "('', 'nan', 'inf', '-inf', '+inf', 'infinity', '-infinity', 'null', 'none', 'nat')"
_HAS_OFFSET = r"(Z|[+-]\d\d(:?\d\d)?)$"
#: A row of these values tests whether a condition can be evaluated; nulls would hide wrong types.
_SOME_VALUE = {
    "varchar": "''",
    "timestamptz": "'2000-01-01'",
    "date": "'2000-01-01'",
    "decimal(18,2)": "0",
    "decimal(18,6)": "0",
    "decimal(20,10)": "0",
    "bigint": "0",
    "boolean": "true",
}
#: Columns that loading adds to those of the contract, all text: the company's text of the exclude rule that a row meets,
#: the reason code of an unusable key, and a hash of the row.
SYSTEM_COLUMNS = ("excluded_because", "unusable_key", "row_hash")
_BROKEN = "(contains({value}, chr(65533)) or contains({value}, chr(0)))"
_TRUE = "('true', 't', 'yes', 'y', '1')"
_FALSE = "('false', 'f', 'no', 'n', '0')"


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
    """Row counts and unreadable values of one table's load. Rows of erased customers are never loaded."""

    rows: int = 0
    loaded: int = 0
    erased: int = 0
    unreadable: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def warn(self, what: str) -> None:
        """Record a warning; the run continues."""
        self.warnings.append(what)
        log.warning("%s", what)


def create_raw_table(connection: Connection, table: SourceTable) -> None:
    """Create `raw.<table>` empty, with the contract's columns and those that extraction adds."""
    columns = ", ".join(f"{c.name} {STORED_AS[c.type]}" for c in table.columns)
    added = ", ".join(f"{name} varchar" for name in SYSTEM_COLUMNS)
    connection.execute(f"create or replace table raw.{table.name} ({columns}, {added})")


def check_columns(table: SourceTable, returned: list[str], where: str, delivery: LoadReport) -> dict[str, str]:
    """Return contract column -> returned column, whatever its case; unknown returned columns are a warning and ignored.

    Raises:
        SourceError: a required column is missing; names it and the nearest returned name.
    """
    by_name = {name.lower(): name for name in returned}
    missing = [c.name for c in table.columns if c.required and c.name not in by_name]
    if missing:
        raise SourceError(
            f"{table.name}: the SELECT ({where}) lacks the contract column '{missing[0]}'"
            f"{nearest(missing[0], returned)}; it returns {', '.join(returned)}",
            next_step=f"return it under that name: `... as {missing[0]}`.",
        )
    for extra in sorted(by_name.keys() - set(table.column_names())):
        delivery.warn(f"{table.name}: column '{extra}' is not in the contract and is ignored")
    return {c.name: by_name[c.name] for c in table.columns if c.name in by_name}


def remember_known_rows(connection: Connection, table: SourceTable) -> None:
    """Remember the rows of `raw.<table>` before tonight, so that a look-back adds only new ones."""
    connection.execute(f"create or replace temp table known_rows as select row_hash from raw.{table.name}")


def check_exclusions(connection: Connection, tables: Mapping[str, SourceTable], rules: LoadRules) -> None:
    """Try each exclusion on a made-up row.

    Raises:
        ConfigurationError: the warehouse cannot evaluate a condition (types that do not compare, unknown function).
    """
    for name, conditions in rules.exclusions.items():
        row = ", ".join(
            f"{_SOME_VALUE[STORED_AS[c.type]]}::{STORED_AS[c.type]} as {c.name}" for c in tables[name].columns
        )
        for condition, reason in conditions:
            try:
                connection.execute(f"select 1 from (select {row}) where {condition}").fetchall()
            except duckdb.Error as error:
                raise ConfigurationError(
                    f"[[exclude]] '{reason}' in source.toml cannot be evaluated: {reason_of(error)}",
                    next_step=f"fix the condition '{condition}'.",
                ) from None


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
    (see `remember_known_rows`)."""
    connection.register("delivered", batch)
    typed = ", ".join(
        f"{_typed(c, columns[c.name], rules) if c.name in columns else 'null'}::{STORED_AS[c.type]} as {c.name}"
        for c in table.columns
    )
    admissible = _without_erased(table, rules.tombstones)
    everything = ", ".join(f"coalesce({c.name}::varchar, chr(0))" for c in table.columns)
    query = f"""
        with typed as (select {typed} from delivered),
        admissible as ({admissible})
        select *, {_first_met(rules.exclusions.get(table.name, []))} as excluded_because,
            {_first_met(_unusable_key(table))} as unusable_key,
            md5(concat_ws(chr(31), {everything})) as row_hash
        from admissible
    """
    # the key is not part of the query text, which an error would show
    parameters = {"hash_key": rules.hash_key} | (rules.tombstones.parameters if rules.tombstones else {})
    used = {name: value for name, value in parameters.items() if f"${name}" in query}
    try:
        connection.execute(f"create or replace temp table admitted as {query}", used)
    except duckdb.Error:
        rows = f"with typed as (select {typed} from delivered) {admissible}"
        check_rules_on_batch(connection, batch, rows, used, table.name, rules.exclusions.get(table.name, []))
        raise
    delivery.erased += batch.num_rows - row_count(connection, "admitted")
    _count_unreadable(connection, table, columns, rules, delivery)
    connection.unregister("delivered")
    known = "where row_hash not in (select row_hash from known_rows)" if skip_known else ""
    (inserted,) = one_row(connection, f"insert into raw.{table.name} by name select * from admitted {known}")
    delivery.rows += batch.num_rows
    delivery.loaded += int(inserted)
    connection.execute("drop table admitted")


def _without_erased(table: SourceTable, tombstones: Tombstones | None) -> str:
    """Return the query of the rows that may be stored.

    A record merged into an erased one belongs to the same person under another number: it may not name the erased
    one, and it is stored without profiling consent until `clv forget` is run for that number, too.
    """
    if tombstones is None or "customer_id" not in table.column_names():
        return "select * from typed"
    kept = f"where not {IS_ERASED.format(column='customer_id')}"
    if "merged_into" not in table.column_names():
        return f"select * from typed {kept}"
    same_person = IS_ERASED.format(column="merged_into")
    replaced = (
        f"case when not {same_person} then merged_into end as merged_into, "
        f"profiling_consent and not {same_person} as profiling_consent"
    )
    return f"select * replace ({replaced}) from typed {kept}"


def check_load(table: SourceTable, delivery: LoadReport, rules: LoadRules) -> None:
    """Check the unreadable values after a table is loaded.

    Raises:
        SourceError: a money column has anything but plain numbers, or so many values of another column are
            unreadable that its type must have changed.
    """
    for name, count in delivery.unreadable.items():
        # never guess money: one misread amount ends up in a report
        if table.column(name).type == "money" or count > rules.max_unreadable_share * delivery.rows:
            raise _unreadable(table.column(name), table, count, delivery)
        delivery.warn(f"{table.name}.{name}: {count} unreadable values became null")


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


def _count_unreadable(
    connection: Connection, table: SourceTable, columns: dict[str, str], rules: LoadRules, delivery: LoadReport
) -> None:
    judged = [c for c in table.columns if c.name in columns and c.type != "secret" and not c.is_key]
    if not judged:
        return
    tests = []
    for column in judged:
        source = quote_name(columns[column.name])
        bad = (
            f"{source} is not null and {_typed(column, columns[column.name], rules)} is null "
            f"and lower(trim({source})) not in {_NOT_A_NUMBER}"
        )
        tests.append(f"count(*) filter (where {bad}), min({source}) filter (where {bad})")
    row = one_row(connection, f"select {', '.join(tests)} from delivered")
    for position, column in enumerate(judged):
        count, example = row[2 * position], row[2 * position + 1]
        if count:
            delivery.unreadable[column.name] = delivery.unreadable.get(column.name, 0) + count
            delivery.examples.setdefault(column.name, example)


def _unreadable(column: Column, table: SourceTable, count: int, delivery: LoadReport) -> SourceError:
    if column.type == "text":
        # no example: the text may be a person's name
        return SourceError(
            f"{table.name}.{column.name}: {count} values are not UTF-8 or contain a NUL character",
            next_step=f"deliver what {table.name}.sql reads as UTF-8.",
        )
    return SourceError(
        f"{table.name}.{column.name}: {count} values cannot be read as {column.type}, "
        f"for example '{_without_letters(delivery.examples[column.name])}'",
        next_step=f"cast the column in {table.name}.sql so that it returns a plain {column.type} "
        "(numbers as 1234.56, rates above 0, dates as 2024-12-31).",
    )


def _without_letters(value: str) -> str:
    """Return a value that is safe to show: keep the shape and currency code, mask letters (it may be a misplaced name)."""
    return re.sub(r"\b(?![A-Z]{3}\b)[^\W\d_]+", lambda word: "x" * len(word[0]), value[:40])


def _typed(column: Column, returned: str, rules: LoadRules) -> str:
    value = f"trim({quote_name(returned)})"
    match column.type:
        case "text" if column.is_key:
            return f"nullif({value}, '')"
        case "text":
            return f"case when not {_BROKEN.format(value=value)} then nullif({value}, '') end"
        case "secret":
            if rules.hash_key is None:
                return "null"
            return f"sha256($hash_key || lower(nullif({value}, '')))"
        case "timestamp":
            return (
                f"case when regexp_matches({value}, {quote_text(_HAS_OFFSET)}) and length({value}) > 10 "
                f"then try_cast({value} as timestamptz) "
                f"else timezone({quote_text(rules.time_zone)}, try_cast({value} as timestamp)) end"
            )
        case "date":
            return f"try_cast(left({value}, 10) as date)"
        case "boolean":
            return f"case when lower({value}) in {_TRUE} then true when lower({value}) in {_FALSE} then false end"
        case "rate":
            rate = f"try_cast({value} as {STORED_AS[column.type]})"
            return f"case when {rate} > 0 then {rate} end"
        case _:
            return f"try_cast({value} as {STORED_AS[column.type]})"
