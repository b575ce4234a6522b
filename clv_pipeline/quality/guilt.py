"""Name the guilty segment of tonight's checks that block or warn: which rows are compared with which, for each check.

How a segment is found is in `guilty_segments.py`; the counts are in `segment_counts.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import median

from clv_pipeline.contracts.reasons import REASONS
from clv_pipeline.core.settings import Settings
from clv_pipeline.quality import night_checks as checks
from clv_pipeline.quality.guilty_segments import EXTRA, MISSING, Cell, Columns, GuiltySegment, Question, find_guilty
from clv_pipeline.quality.night_checks import CheckResult
from clv_pipeline.quality.night_measures import GoodNight, Night
from clv_pipeline.quality.segment_counts import (
    CRM,
    DAY,
    MONTH,
    ORDERED,
    WEEKDAY,
    Totals,
    category_columns,
    count,
    count_table,
    lines_of,
    night_before,
    order_lines,
)
from clv_pipeline.warehouse.connection import Connection, columns_of, one_row, quote_text

#: What a row of a table is called.
_UNITS = {"orders": "order lines", "customers": "customers"}
_EIGHT_WEEKS = 56
_DAYS = (DAY, MONTH, WEEKDAY)
#: Of a table, the reasons with the most rows that are looked into.
_MOST_REASONS, _ROWS_NEEDED = 3, 10
#: Rows that changed a value count as missing there and extra elsewhere: beyond this many times the difference it is that.
_MOVED_ALONG = 1.5
#: An order has lines in several categories: each is a part of it.
_WEIGHT = "1.0 / count(*) over (partition by l.order_id, l.order_date)"


@dataclass(frozen=True)
class _Tonight:
    connection: Connection
    night: Night
    before: Sequence[GoodNight]
    settings: Settings

    @property
    def day(self) -> date:
        return self.night.as_of - timedelta(days=1)


def name_guilty(
    connection: Connection, judged: Sequence[CheckResult], night: Night, before: Sequence[GoodNight], settings: Settings
) -> list[CheckResult]:
    """Return the judgements; those that block or warn have the guilty segment where one was found, and say it."""
    tonight = _Tonight(connection, night, before, settings)
    return [_with_segment(j, tonight) if j.verdict != "passed" and j.check in _ASKED else j for j in judged]


def _with_segment(judged: CheckResult, tonight: _Tonight) -> CheckResult:
    found = _ASKED[judged.check](judged, tonight)
    return replace(judged, says=f"{judged.says}. {found.text}", guilty=found) if found else judged


# --- one day against its usual days ------------------------------------------------------------------------------------------


def _of_order_volume(judged: CheckResult, tonight: _Tonight) -> GuiltySegment | None:
    incidents = {n.as_of - timedelta(days=1) for n in tonight.before if checks.ORDER_VOLUME in n.acknowledged}
    days = checks.usual_days(tonight.night.orders, tonight.day, incidents)
    if not days:
        return None
    usual = median(tonight.night.orders.get(d, 0) for d in days)
    mean = sum(tonight.night.orders.get(d, 0) for d in days) / len(days)
    # the baseline of the check is the median: the days are scaled to it
    each = usual / mean / len(days) if mean else 0.0
    change = MISSING if tonight.night.orders.get(tonight.day, 0) < usual else EXTRA
    question = Question("orders", change, "orders", f" of {tonight.day}", ordered=ORDERED)
    return _of_days(tonight, question, days, _WEIGHT, each)


def _of_guest_orders(judged: CheckResult, tonight: _Tonight) -> GuiltySegment | None:
    """Compare the guest orders of the day with those of eight weeks, for as many orders."""
    days = _days_before(tonight.day, _EIGHT_WEEKS)
    orders = sum(tonight.night.buyers[d].orders for d in days if d in tonight.night.buyers)
    today = tonight.night.buyers[tonight.day].orders
    guest = f"(l.customer_id is null)::integer * {_WEIGHT}"
    question = Question("orders", EXTRA, "guest orders", f" of {tonight.day}", ordered=ORDERED)
    # a guest has no CRM record: its columns would tell no more
    crm = tuple(f"{CRM}{name}" for name in category_columns(tonight.connection, "customers"))
    return _of_days(tonight, question, days, guest, today / orders if orders else 0.0, without=crm)


def _of_order_value(judged: CheckResult, tonight: _Tonight) -> GuiltySegment | None:
    """Compare the money of the day or week with that of as many orders of the eight weeks before."""
    medians, factor = tonight.night.medians, tonight.settings.max_order_value_drift
    # the week first: if it differs, its days are no baseline for the last one
    for days, now, then in ((7, "week", "before_week"), (1, "day", "before_day")):
        usual, found = medians[then], medians[now]
        if not usual.value or not found.orders or 1 / factor < found.value / usual.value < factor:
            continue
        return _of_money(tonight, days, EXTRA if found.value > usual.value else MISSING)
    return None


def _of_money(tonight: _Tonight, days: int, change: str) -> GuiltySegment | None:
    first, name = tonight.night.as_of - timedelta(days=days), "day" if days == 1 else "week"
    when = f" of {tonight.day}" if days == 1 else f" of the {days} days from {first} on"
    now, then = tonight.night.medians[name], tonight.night.medians[f"before_{name}"]
    each = now.orders / then.orders if then.orders else 0.0
    question = Question("orders", change, tonight.settings.currency.upper(), when, ordered=ORDERED, is_money=True)
    return _of_days(tonight, question, _days_before(first, _EIGHT_WEEKS), "l.amount", each, days_now=days)


def _of_last_day(judged: CheckResult, tonight: _Tonight) -> GuiltySegment | None:
    text = judged.details[0]
    if text.startswith("orders.ordered_at"):
        found = _of_order_volume(judged, tonight)
        return found if found and found.change == MISSING else None
    if "percentile" in text:
        return _of_money(tonight, 1, MISSING if "below" in text else EXTRA)
    relation = f"(select *, source_currency as currency from clean.orders where order_date = {_date(tonight.day)})"
    return of_affected(tonight.connection, "orders", relation, "l.amount = 0", "unpriced", f" of {tonight.day}")


def _of_days(
    tonight: _Tonight,
    question: Question,
    days: Sequence[date],
    observed: str,
    each: float,
    *,
    days_now: int = 1,
    without: Sequence[str] = (),
) -> GuiltySegment | None:
    """Compare the last days with earlier ones, of which `each` part counts; observed: SQL of what is counted of a line `l`."""
    connection, first = tonight.connection, _date(tonight.night.as_of - timedelta(days=days_now))
    texts = [c for c in category_columns(connection, "orders") if c != "currency"]
    same = "".join(f", {name}" for name in texts)
    earlier = ", ".join(map(_date, days))
    zone, unpaid = quote_text(tonight.settings.time_zone), _list(tonight.settings)
    # what the check counts: accepted sales, and orders that are not paid yet
    relation = (
        f"(select * from (select order_id, customer_id, ordered_at, order_date, amount, source_currency as currency{same} "
        "from clean.orders union all select order_id, customer_id, ordered_at, "
        f"timezone({zone}, ordered_at)::date as order_date, amount, currency{same} from raw.orders "
        f"where excluded_because is null and unusable_key is null and list_contains({unpaid}, status)) "
        f"where amount > 0 and (order_date >= {first} and order_date <= {_date(tonight.day)} or order_date in ({earlier})))"
    )
    sign = -1 if question.change == MISSING else 1
    measures = {
        "observed": f"case when l.order_date >= {first} then {observed} else 0 end",
        "expected": f"case when l.order_date < {first} then {each} * {observed} else 0 end",
        "money": f"{sign} * case when l.order_date >= {first} then l.amount else -{each} * l.amount end",
    }
    counted = count(
        connection, order_lines(connection, relation, tonight.settings.time_zone, measures), is_money=question.is_money
    )
    # the days themselves are what is compared
    # the days themselves are what is compared
    left_out = (*_DAYS, *without)
    singles = {columns: cells for columns, cells in counted.singles.items() if columns[0] not in left_out}
    return find_guilty(replace(question, noise=counted.noise), singles, lambda: counted.pairs(left_out))


# --- a table against the last published night ----------------------------------------------------------------------------------


def _of_tables(judged: CheckResult, tonight: _Tonight) -> GuiltySegment | None:
    """The table that changed most, of those that the check names."""
    tables = [detail.split(":")[0] for detail in judged.details]
    found = [s for table in tables if (s := since_last_night(tonight, table))]
    return max(found, key=lambda s: (not s.is_even, s.total), default=None)


def _of_past_months(judged: CheckResult, tonight: _Tonight) -> GuiltySegment | None:
    return since_last_night(tonight, "orders")


def _of_customers(judged: CheckResult, tonight: _Tonight) -> GuiltySegment | None:
    """CRM records that are missing since the last published night, else order lines that are."""
    for table in ("customers", "orders"):
        found = since_last_night(tonight, table)
        if found and found.change == MISSING:
            return found
    return None


def _of_unknown_customers(judged: CheckResult, tonight: _Tonight) -> GuiltySegment | None:
    found = since_last_night(tonight, "customers")
    if found and found.change == MISSING:
        return found
    relation = "(select *, source_currency as currency from clean.orders where customer_id is not null)"
    unknown = "l.customer_id in (select customer_id from clean.customers where not has_crm_record)"
    return of_affected(tonight.connection, "orders", relation, unknown, "unknown-buyer", "", without=CRM)


def _of_currencies(judged: CheckResult, tonight: _Tonight) -> GuiltySegment | None:
    """Of a currency with more lines than before, which lines these are; of one with fewer, which are missing."""
    return since_last_night(tonight, "orders")


def since_last_night(tonight: _Tonight, table: str) -> GuiltySegment | None:
    """Compare the rows of a table that were there in the last published night with those of the same days tonight."""
    connection, zone = tonight.connection, tonight.settings.time_zone
    then, before = night_before(connection, table)
    if then is None:
        return None
    now = count_table(connection, table, zone, then)
    rows = [sum(rows for rows, _, _ in totals.values()) for totals in (_any_column(before), _any_column(now))]
    difference = rows[1] - rows[0]
    if not difference:
        return None
    change = MISSING if difference < 0 else EXTRA
    unit, noise = _UNITS.get(table, f"rows of {table}"), _rows_per_person(connection, table, f"raw.{table} as l")
    question = Question(table, change, unit, f" since the night of {then}", True, noise, ORDERED)
    cells = _changed(before, now, change, abs(difference))
    singles, pairs = ({c: found for c, found in cells.items() if len(c) == size} for size in (1, 2))
    return find_guilty(question, singles, lambda: pairs)


def _any_column(totals: Totals) -> Mapping[tuple[str, ...], tuple[float, float, int]]:
    return next(iter(totals.values()), {})


def _changed(before: Totals, now: Totals, change: str, difference: float) -> dict[Columns, list[Cell]]:
    """Return the rows that are missing (or extra) by value; columns whose values merely changed are left out."""
    found = {}
    for columns in (c for c in before if c in now):
        cells = []
        for values in sorted({*before[columns], *now[columns]}):
            (then, money_then, persons), (rows, money, persons_now) = (
                t[columns].get(values, (0.0, 0.0, 0)) for t in (before, now)
            )
            moved = then - rows if change == MISSING else rows - then
            moved_money = money_then - money if change == MISSING else money - money_then
            cells.append(Cell(values, max(moved, 0.0), max(then, rows), moved_money, max(persons, persons_now)))
        if sum(cell.observed for cell in cells) <= _MOVED_ALONG * difference:
            found[columns] = cells
    return found


# --- some rows of a table among all of them -------------------------------------------------------------------------------------


def of_affected(
    connection: Connection,
    table: str,
    relation: str,
    condition: str,
    change: str,
    when: str,
    *,
    without: str = "",
) -> GuiltySegment | None:
    """Compare the rows of a relation (a query in brackets, alias `l`) that fulfil a condition with all of its rows.

    without: the beginning of the names of columns that are not looked at.
    """
    (time_zone,) = one_row(connection, "select time_zone from raw.extraction")
    money = f"case when {condition} then l.amount else 0 end" if table == "orders" else "0"
    measures = {"observed": f"coalesce(({condition})::integer, 0)", "expected": "1", "money": money}
    counted = count(connection, lines_of(connection, table, relation, time_zone, measures, condition))
    singles = {c: cells for c, cells in counted.singles.items() if not without or not c[0].startswith(without)}
    noise = _rows_per_person(connection, table, f"{relation} as l where {condition}")
    question = Question(table, change, _UNITS.get(table, f"rows of {table}"), when, True, noise, ORDERED)
    return find_guilty(question, singles, counted.pairs)


def _rows_per_person(connection: Connection, table: str, relation: str) -> float:
    """Return the rows of a person, which come and go together; 1 for a table without persons."""
    if "customer_id" not in columns_of(connection, f"raw.{table}"):
        return 1.0
    person = "coalesce(l.customer_id, l.order_id)" if table == "orders" else "l.customer_id"
    (rows,) = one_row(connection, f"select count(*) / greatest(count(distinct {person}), 1) from {relation}")
    return max(float(rows), 1.0)


def guilty_of_reasons(connection: Connection, table: str, rows: Mapping[str, int]) -> dict[str, GuiltySegment]:
    """Return reason code -> the guilty segment of the rows of `judged` with that reason; `rows` counts them.

    An even spread is no answer here: rows of all kinds may be quarantined for one reason.
    """
    most = sorted((code for code in rows if rows[code] >= _ROWS_NEEDED), key=lambda code: (-rows[code], code))
    found = {}
    for code in most[:_MOST_REASONS]:
        relation = _JUDGED_ORDERS if table == "orders" else "judged"
        segment = of_affected(
            connection,
            table,
            relation,
            f"reason = {quote_text(code)}",
            REASONS[code].disposition,
            f" ({REASONS[code].text})",
        )
        if segment and not segment.is_even:
            found[code] = segment
    return found


def _days_before(day: date, days: int) -> list[date]:
    return [day - timedelta(days=n) for n in range(1, days + 1)]


def _date(day: date) -> str:
    return f"date {quote_text(f'{day}')}"


def _list(settings: Settings) -> str:
    unpaid = settings.order_status.not_revenue if settings.order_status else []
    return f"[{', '.join(map(quote_text, unpaid))}]::varchar[]"


_JUDGED_ORDERS = "(select * exclude (amount), source_amount as amount, source_currency as currency from judged)"
_ASKED: dict[str, Callable[[CheckResult, _Tonight], GuiltySegment | None]] = {
    checks.ORDER_VOLUME: _of_order_volume,
    checks.GUEST_ORDERS: _of_guest_orders,
    checks.ORDER_VALUE: _of_order_value,
    checks.LAST_DAY: _of_last_day,
    checks.TABLE_VOLUME: _of_tables,
    checks.PAST_MONTHS: _of_past_months,
    checks.CUSTOMER_KEYS: _of_customers,
    checks.UNKNOWN_CUSTOMERS: _of_unknown_customers,
    checks.CURRENCIES: _of_currencies,
}
