"""What is still to decide or to look at before the first run: each point once, with its severity and the lines to paste.

fail: tonight's run would be refused. warn: a number may be wrong. decide: the run works, and only the company knows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from clv_pipeline.contracts.reasons import NO_EXCHANGE_RATE, UNKNOWN_STATUS
from clv_pipeline.core.errors import PipelineError
from clv_pipeline.diagnostics.profile.look import Look
from clv_pipeline.diagnostics.profile.money import CurrencyOfOrders, currencies, shown_amounts
from clv_pipeline.diagnostics.profile.orders import statuses
from clv_pipeline.quality.clean_report import WARNED_OF, CleanReport, rows_and_money
from clv_pipeline.quality.night_checks import (
    ACKNOWLEDGEABLE,
    CONSENT,
    DISPOSITIONS,
    FRESHNESS,
    PLAUSIBILITY,
    CheckResult,
)
from clv_pipeline.quality.statuses import status_block
from clv_pipeline.reporting.formats import spoken_percent
from clv_pipeline.sources.hash_key import KEY_LINE
from clv_pipeline.sources.remarks import Remark
from clv_pipeline.sources.tombstones import is_embedded_demo

#: With more values than this, something else than a status is returned, which may name a person.
_MOST_STATUSES = 100
#: Reasons of rows that have a point of their own.
_OWN_POINT = (UNKNOWN_STATUS.code, NO_EXCHANGE_RATE.code)
Severity = Literal["fail", "warn", "decide"]
SEVERITIES: tuple[Severity, ...] = ("fail", "warn", "decide")
#: Checks that a night compares with the last published one: with one they would not block on these grounds.
_OF_FIRST_NIGHTS = (CONSENT, PLAUSIBILITY, DISPOSITIONS)


@dataclass(frozen=True)
class Point:
    """One point: what it is about, what was found, the next step in words, and the lines to paste with where they belong."""

    severity: Severity
    subject: str
    text: str
    next_step: str = ""
    where: str = ""
    lines: str = ""


#: Remark -> file and line that settles it; a name in capitals is the company's own column.
_PASTES = {
    "guest_share": ("orders.sql", "CUSTOMER_NUMBER as customer_id,"),
    "largest_customer": ("orders.sql", "nullif(customer_id, 'THE_NUMBER') as customer_id,"),
    "reused_order_numbers": ("orders.sql", "concat(SHOP, '-', ORDER_NUMBER) as order_id,"),
    "equal_lines": ("orders.sql", "LINE_NUMBER as order_line_id,"),
    "orders_at_night": ("source.toml", 'time_zone = "AREA/CITY"   # the zone that the source writes its times in'),
    "whole_amounts": ("orders.sql", "AMOUNT / 100.0 as amount,   -- if these are cents"),
    "small_amounts": ("orders.sql", "AMOUNT * 100 as amount,   -- if the unit is a hundred times too large"),
    "consent": ("customers.sql", "coalesce(CONSENT = 'yes', false) as profiling_consent,"),
    "number_form": ("{table}.sql", "cast(cast({column} as bigint) as varchar(40)) as {column},"),
    "unknown_customers": (
        "customers.sql",
        "CUSTOMER_NUMBER as customer_id,   -- of every buyer, as orders.sql writes it",
    ),
}
#: The same for the ways in which one number is spelled twice, by the words of `sources/keys.py`.
_SPELLINGS = {
    "by upper and lower case": "lower(CUSTOMER_NUMBER) as customer_id,",
    "by a trailing .0": "cast(cast(CUSTOMER_NUMBER as bigint) as varchar(40)) as customer_id,",
    "by leading zeros": "trim(leading '0' from CUSTOMER_NUMBER) as customer_id,",
    "by blanks or punctuation": "replace(replace(CUSTOMER_NUMBER, '-', ''), ' ', '') as customer_id,",
}


def points(look: Look) -> list[Point]:
    """Return every point, those that refuse the run first."""
    found = [
        *_refusals(look),
        *(_statuses(look) if not look.why_not_read("orders") else ()),
        *(_currencies(look) if look.is_cleaned and not look.why_not_read("orders") else ()),
        *_reports(look),
        *_checks(look),
        *_not_accepted(look),
        *_remarks(look),
        *_facts(look),
    ]
    return sorted(found, key=lambda point: SEVERITIES.index(point.severity))


def _refusals(look: Look) -> Iterator[Point]:
    for error in look.trial.rules.values():
        yield _refused("exclusion rules", error)
    for table, error in look.trial.refused.items():
        yield _refused(f"{table}.sql", error)
    for subject, error in look.blocks.items():
        if subject != "order statuses":
            yield _refused(subject, error)
    if look.settings.hash_key is None and (
        named := [f"{table.name}.sql" for table in look.trial.read.values() if table.has_addresses]
    ):
        yield Point(
            "warn" if is_embedded_demo(look.settings) else "fail", "e-mail hashing",
            f"{' and '.join(named)} returns e-mail addresses, and there is no CLV_HASH_KEY: an address is stored as its keyed "
            "hash only",
            "return no address, or hash them with a key:", "set in the environment of every run, always the same value", KEY_LINE,
        )  # fmt: skip


def _refused(subject: str, error: PipelineError) -> Point:
    return Point("fail", subject, error.what, error.advice)


def _statuses(look: Look) -> Iterator[Point]:
    found, known = statuses(look), look.settings.order_status
    new = {status.status: status.count for status in found if status.counts_as == "not decided"}
    if not new or ({status.status for status in found} == {""} and known is None):
        return
    blocks = "order statuses" in look.blocks or _refuses(look, "orders", "orders.status: ", UNKNOWN_STATUS.code)
    if len(found) > _MOST_STATUSES:
        yield Point(
            "fail" if blocks else "warn", "order statuses",
            f"orders.status: {len(found)} different values, which is no status of orders: a shop has a dozen",
            "return the column with the status of the order, or none.", "write into orders.sql", "ORDER_STATUS as status,",
        )  # fmt: skip
        return
    what = f"orders.status: {len(new)} of {len(found)} statuses are not classified in [order_status]"
    yield Point(
        "fail" if blocks else "warn", "order statuses",
        f"{what}: which of them are revenue is not guessed" if known is None else f"{what}: their lines are not accepted",
        "", "write into source.toml" if known is None else "write into source.toml, in place of the [order_status] there",
        status_block(new, known),
    )  # fmt: skip


def _currencies(look: Look) -> Iterator[Point]:
    missing = [currency for currency in currencies(look) if currency.rate is None]
    if not missing:
        return
    codes = [currency.code for currency in missing if re.fullmatch("[A-Z]{3}", currency.code)]
    others = "" if len(codes) == len(missing) else "; what is no code of three letters is not shown"
    yield Point(
        "fail" if _refuses(look, "orders", "currency: ", NO_EXCHANGE_RATE.code) else "warn", "exchange rates",
        f"orders.currency: {_listed(missing)}: no rate to {look.settings.currency}, so that these lines are not accepted{others}",
        "return their rates in fx_rates.sql (columns currency, rate_date, rate), or leave these orders out:",
        "write into source.toml",
        '[[exclude]]\ntable = "orders"\nreason = "in a currency without a rate"\n'
        f"where = \"upper(currency) in ({', '.join(repr(code) for code in codes) or repr('CODE')})\"",
    )  # fmt: skip


def _refuses(look: Look, table: str, failure: str, reason: str) -> bool:
    """Return whether a failure that begins so, or quarantined rows of a reason, keep a table from being replaced."""
    report = look.reports.get(table)
    if report is None:
        return False
    of_reason = sum(d.rows for d in report.dispositions if d.reason_code == reason)
    return any(text.startswith(failure) for text in report.failures) or (
        bool(of_reason) and _too_many_rejected(report) is not None
    )


def _too_many_rejected(report: CleanReport) -> str | None:
    """Return the failure that says that too many rows are quarantined, if there is one."""
    begin = f"{report.rows_with('quarantined')} of {report.raw_rows} rows are quarantined"
    return next((text for text in report.failures if text.startswith(begin)), None)


def _listed(missing: list[CurrencyOfOrders]) -> str:
    known = [c for c in missing if re.fullmatch("[A-Z]{3}", c.code)]
    return ", ".join(f"{c.code} ({c.lines} lines)" for c in known) or f"{sum(c.lines for c in missing)} lines"


def _reports(look: Look) -> Iterator[Point]:
    """Yield what would keep a table from being replaced; what has a point of its own already is left out."""
    for name, report in look.reports.items():
        if name == "orders" and look.why_not_read("orders"):
            continue
        others = [d for d in report.dispositions if d.disposition == "quarantined" and d.reason_code not in _OWN_POINT]
        left_out = ["orders.status: ", "currency: "]
        if not sum(d.rows for d in others):
            left_out += filter(None, [_too_many_rejected(report)])
        failures = [text for text in report.failures if not text.startswith(tuple(left_out))]
        if failures:
            yield Point(
                "fail", f"rules of {name}", "; ".join(failures[:5]),
                f"fix {name}.sql or the source; the reasons of the rows are listed under `Not accepted`.",
            )  # fmt: skip


def _checks(look: Look) -> Iterator[Point]:
    for check in look.judged:
        if check.verdict == "passed" or check.check == PLAUSIBILITY:
            continue
        yield Point(
            _severity(look, check), f"check {check.check}", check.says, _advice(look, check),
            *(_paste(check.check) if check.verdict == "blocks" else ()),
        )  # fmt: skip


def _severity(look: Look, check: CheckResult) -> Severity:
    is_refused = check.verdict == "blocks" and (look.is_first_night or check.check not in _OF_FIRST_NIGHTS)
    return "fail" if is_refused else "warn"


def _advice(look: Look, check: CheckResult) -> str:
    if check.verdict != "blocks" or check.check not in ACKNOWLEDGEABLE:
        return ""
    if check.check == FRESHNESS:
        day = look.as_of - timedelta(days=int(check.value) - 1)
        return f"bring the source up to date; or look at an old export as of its own time: `clv doctor --as-of {day}`."
    return f"fix the source; or, if the figures are right: `clv run --acknowledge {check.check}`."


def _remarks(look: Look) -> Iterator[Point]:
    judged = {check.check: check for check in look.judged}
    plausibility = judged.get(PLAUSIBILITY)
    at_stake = set(plausibility.details) if plausibility and plausibility.verdict == "blocks" else set()
    said = {check.check for check in look.judged if check.verdict == "blocks"}
    for table, remark in _all_remarks(look):
        if remark.check in said or remark.check == "dispositions":
            continue
        point = _of_remark(table, remark)
        if remark.text in at_stake and plausibility:
            point = replace(
                point, severity=_severity(look, plausibility),
                next_step=f"{point.next_step} If the figures are right: `clv run --acknowledge {PLAUSIBILITY}`.".strip(),
            )  # fmt: skip
        yield point
    for name, read in look.trial.read.items():
        texts = {remark.text for remark in read.remarks}
        yield from (Point("warn", name, text) for text in read.warnings if text not in texts)


def _all_remarks(look: Look) -> Iterator[tuple[str, Remark]]:
    for name, table in look.trial.read.items():
        yield from ((name, remark) for remark in table.remarks if name != "orders" or remark.check != "empty_table")
    for name, report in look.reports.items():
        yield from ((name, remark) for remark in report.remarks)


def _not_accepted(look: Look) -> Iterator[Point]:
    """Yield one point for all rows that the night warns of, beside those that have a point of their own."""
    unusual = [remark.text for _, remark in _all_remarks(look) if remark.check == "dispositions"]
    found = [
        f"{name} {rows_and_money(d)}: {d.reason}"
        for name, report in look.reports.items()
        for d in report.dispositions
        if d.reason_code not in _OWN_POINT
        and (d.reason_code in WARNED_OF or any(f": {d.reason} (limit" in text for text in unusual))
    ]
    if found:
        yield Point("warn", "not accepted", f"{'; '.join(found)}. Check that these rows are none of your business")


def _of_remark(table: str, remark: Remark) -> Point:
    column, _, difference = remark.subject.partition(".")[2].partition(" ")
    paste = _paste(remark.check, table, column)
    if remark.check == "key_spelling" and difference in _SPELLINGS:
        paste = f"write into {table}.sql", _SPELLINGS[difference]
    return Point("warn", remark.check.replace("_", " "), remark.text, "", *paste)


def _paste(check: str, table: str = "", column: str = "") -> tuple[str, str]:
    """Return where the lines that settle a remark belong, and the lines; nothing where no line does."""
    if check not in _PASTES:
        return "", ""
    file, lines = _PASTES[check]
    return f"write into {file.format(table=table)}", lines.format(column=column)


def _facts(look: Look) -> Iterator[Point]:
    """Yield what the data cannot say."""
    costs = shown_amounts(look).totals.get("cost") if look.has_orders else None
    share = costs[1] if costs else 0.0
    if look.settings.gross_margin is None and share < 1:
        costs_known = f"{spoken_percent(share)} of the lines have a cost: margins with one of the others stay empty"
        nothing = (
            "no line has a cost: lifetime_margin and the margins of channels stay empty, and no ltv_to_cac is shown"
        )
        yield Point(
            "warn", "gross margin", f"gross_margin is not set, and {costs_known if share else nothing}",
            "", "write into source.toml, above the first [section]", "gross_margin = 0.45   # the share of spend that is margin",
        )  # fmt: skip
    orders = look.trial.read.get("orders")
    if orders and "order_line_id" not in orders.columns and not _warns_of(look, "equal_lines"):
        yield Point(
            "decide", "order lines",
            "orders.sql returns no order_line_id: a line that is delivered twice, or changed later, is told by its values only",
            "", "write into orders.sql", "LINE_NUMBER as order_line_id,",
        )  # fmt: skip
    customers = look.trial.read.get("customers")
    if customers is None or "profiling_consent" not in customers.columns:
        yield Point(
            "decide", "consent",
            "no profiling_consent is returned: every customer is profiled",
            "" if customers else "customers.sql would return it, with customer_id.",
            "write into customers.sql", "CONSENT as profiling_consent,   -- true or false for each customer",
        )  # fmt: skip


def _warns_of(look: Look, check: str) -> bool:
    return any(remark.check == check for _, remark in _all_remarks(look))
