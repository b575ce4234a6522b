"""The customer numbers of all tables of `raw`, compared with each other: spellings of one number, and tables that do not meet.

Nothing is changed here: which spelling is right only the company knows. Invisible differences are already gone (`values.py`).
"""

from collections import defaultdict
from collections.abc import Sequence

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.sources.remarks import Remark
from clv_pipeline.warehouse.connection import Connection, one_row

#: Ways in which one number is spelled twice: the name of the difference, and the SQL of a number without it.
_SPELLINGS = {
    "by upper and lower case": "lower(id)",
    "by a trailing .0": r"regexp_replace(id, '\.0+$', '')",
    "by leading zeros": "ltrim(id, '0')",
    "by blanks or punctuation": "regexp_replace(id, '[^[:alnum:].]', '', 'g')",
}
#: With fewer numbers it can be chance that none is known elsewhere.
_ENOUGH = 20


def profile_keys(connection: Connection, tables: Sequence[str]) -> dict[str, list[Remark]]:
    """Return table -> remarks about its customer numbers, without a number in them."""
    having = [name for name in tables if "customer_id" in CONTRACT[name].column_names()]
    numbers = " union all ".join(
        f"select '{name}' as table_name, customer_id as id from raw.{name} where customer_id is not null group by customer_id"
        for name in having
    )
    connection.execute(f"create or replace temp table numbers as {numbers}")
    remarks: dict[str, list[Remark]] = defaultdict(list)
    for name in having:
        for difference, without in _SPELLINGS.items():
            if text := _spelled_twice(connection, name, difference, without):
                remarks[name].append(Remark("key_spelling", f"{name}.customer_id {difference}", text))
                break
        else:
            if text := _meets_nobody(connection, name):
                remarks[name].append(Remark("key_overlap", f"{name}.customer_id", text))
    connection.execute("drop table numbers")
    return remarks


def _spelled_twice(connection: Connection, table: str, difference: str, without: str) -> str | None:
    """Numbers that are spelled in two ways in this table, or otherwise than in the orders and the CRM."""
    ids, spelled_twice, elsewhere = one_row(
        connection,
        f"""
        with own as (select id, {without} as plain from numbers where table_name = $table),
        known as (
            select id, {without} as plain from numbers where table_name in ('orders', 'customers') and table_name <> $table
        ),
        strangers as (
            select own.plain from own anti join known on own.id = known.id
        )
        select
            (select count(*) from own),
            (select count(*) - count(distinct plain) from own),
            (select count(*) from strangers where plain in (select plain from known))
        """,
        {"table": table},
    )
    if spelled_twice:
        return (
            f"{table}.customer_id: {spelled_twice} of {ids} customer numbers differ from another one only {difference}; each "
            "spelling counts as a customer of its own. Return one spelling in the SELECT"
        )
    if elsewhere:
        return (
            f"{table}.customer_id: {elsewhere} of {ids} customer numbers differ from those of the "
            f"{'CRM' if table == 'orders' else 'orders or the CRM'} only {difference} and do not meet them. Return the same "
            "spelling in each SELECT"
        )
    return None


def _meets_nobody(connection: Connection, table: str) -> str | None:
    ids, met, known = one_row(
        connection,
        """
        with known as (
            select distinct id from numbers where table_name in ('orders', 'customers') and table_name <> $table
        )
        select
            count(*), count(*) filter (where id in (select id from known)), (select count(*) from known)
        from numbers where table_name = $table
        """,
        {"table": table},
    )
    if met or ids < _ENOUGH or known < _ENOUGH:
        return None
    return (
        f"{table}.customer_id: none of its {ids} customer numbers is among the {known} of "
        f"{'the CRM' if table == 'orders' else 'the orders and the CRM'}. Return the same kind of number in each SELECT"
    )
