"""Build one clean table: classify each raw row, keep the accepted ones, quarantine the rest, validate, then replace the table.

The rules about rows are SQL (`sql/1_clean`); rules about tables are in `expectations.py`; this module runs the steps in order.
"""

import re
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa

from clv_pipeline.contracts.reasons import (
    EXCESSIVE_REFUND,
    EXCLUDED_BY_RULE,
    NO_EXCHANGE_RATE,
    ON_OR_AFTER_AS_OF,
    REASONS,
    SUPERSEDED_LINE,
)
from clv_pipeline.contracts.warehouse import DISPOSITIONS, QUARANTINE, REMARKS
from clv_pipeline.core.errors import ConfigurationError, HistoryError, nearest
from clv_pipeline.core.settings import Settings
from clv_pipeline.quality.clean_report import CleanReport, CleanTableRejected, DispositionCount, rows_and_money
from clv_pipeline.quality.expectations import Validator
from clv_pipeline.quality.guilt import guilty_of_reasons
from clv_pipeline.quality.plausibility import remarks_on_orders
from clv_pipeline.quality.remarks import remarks_on_customers, remarks_on_dispositions, remarks_on_subscriptions
from clv_pipeline.quality.statuses import check_classified, unknown_status_failures
from clv_pipeline.sources.remarks import known_remarks
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, columns_of, one_row, quote_text, row_count
from clv_pipeline.warehouse.sql_models import Parameters, SqlModel

#: A missing exchange rate this many days before as_of or later means that no more rates arrive.
_RECENT_DAYS = 30
#: SQL: the disposition of a classified row, by the code in its `reason`; null for an undeclared code.
DISPOSITION = "case when reason is null then 'accepted' {} end".format(
    " ".join(f"when reason = {quote_text(r.code)} then {quote_text(r.disposition)}" for r in REASONS.values())
)
#: The money of a raw table that is followed to the dispositions of its rows, where its clean table has it as `source_amount`.
MONEY = {"orders": "amount", "marketing_spend": "spend", "subscription_payments": "amount"}
#: Rows of a red night that are kept to be looked at.
_ROWS_KEPT = 10_000


def clean_parameters(settings: Settings) -> Parameters:
    """Return the named parameters that the files of `sql/1_clean` may use."""
    status = settings.order_status
    return {
        "time_zone": settings.time_zone,
        "currency": settings.currency,
        "earliest_date": settings.earliest_date,
        "net_refunds": settings.net_refunds,
        "revenue": status.revenue if status else [],
        "not_revenue": status.not_revenue if status else [],
        "denied_features": list(settings.denied_features),
    }


def build_clean_table(warehouse: Warehouse, model: SqlModel, settings: Settings, validator: Validator) -> CleanReport:
    """Build and validate `clean.<name>` in one transaction.

    Raises:
        CleanTableRejected: a blocking rule failed; the old table is kept, and `clean.quarantine` has tonight's rejected rows.
        StatusesNotClassified: orders have statuses that source.toml does not classify.
        ConfigurationError: the model yields a reason that is not declared.
    """
    _check_reasons(model)
    kept: pa.Table | None = None
    try:
        with warehouse.transaction() as connection:
            if model.name == "orders":
                check_classified(connection, settings)
            report = classify(connection, model, settings, validator)
            if report.failures:
                kept = connection.sql(f"{_REJECTED} limit {_ROWS_KEPT}", params=_rejected_of(model)).to_arrow_table()
                raise CleanTableRejected(report)
    except CleanTableRejected:
        with warehouse.transaction() as connection:
            _keep_rejected(connection, model, kept)
        raise
    return report


def classify(connection: Connection, model: SqlModel, settings: Settings, validator: Validator) -> CleanReport:
    """Replace `clean.<name>`, and report what speaks for and against it; the caller decides whether that may stay.

    Raises:
        HistoryError: every readable order is dated on or after as_of.
    """
    create_quarantine(connection)
    parameters = clean_parameters(settings)
    needed = {name: parameters[name] for name in model.parameters}
    connection.execute(f"create or replace temp table judged as {model.sql}", needed)
    dispositions = _dispositions(connection)
    if model.name == "orders":
        _check_as_of(connection, dispositions)
    _split(connection, model)
    raw_rows = row_count(connection, f"raw.{model.name}")
    remarks = [*remarks_on_dispositions(model, dispositions, raw_rows)]
    if model.name == "orders":
        remarks += remarks_on_orders(connection, settings)
    if model.name == "customers":
        remarks += remarks_on_customers(connection, settings)
    if model.name == "subscriptions":
        remarks += remarks_on_subscriptions(connection)
    known = known_remarks(connection)
    report = CleanReport(
        model.table,
        row_count(connection, model.table),
        raw_rows,
        dispositions,
        validator.validate(connection, model.table),
        _reconcile(connection, model, dispositions, raw_rows, settings),
        remarks,
        frozenset(r for r in remarks if (r.check, r.subject) in known),
    )
    report = replace(report, guilty=guilty_of_reasons(connection, model.name, report.reasons_to_explain))
    _note(connection, model, report)
    return report


def _check_as_of(connection: Connection, dispositions: list[DispositionCount]) -> None:
    """Check that there are orders before as_of.

    Raises:
        HistoryError: every readable order is dated on or after it.
    """
    found = {d.reason_code: d.rows for d in dispositions}
    if "" in found or ON_OR_AFTER_AS_OF.code not in found:
        return
    first, last, as_of = one_row(
        connection,
        "select min(order_date), max(order_date), (select as_of from raw.extraction) from judged where reason = $reason",
        {"reason": ON_OR_AFTER_AS_OF.code},
    )
    raise HistoryError(
        f"as_of {as_of} is not after the first order ({first}): there is nothing to train on or to score",
        next_step=f"pass --as-of with a date after {first} (the newest order is dated {last}).",
    )


def create_quarantine(connection: Connection) -> None:
    """Create the tables of rejected rows and of disposition counts if they do not exist."""
    tables.create_if_missing(connection, QUARANTINE)
    tables.create_if_missing(connection, DISPOSITIONS)
    tables.create_if_missing(connection, REMARKS)


def accepted_rows(judged: str) -> str:
    """Return the query of a clean table's rows, from its classified rows."""
    return f"select * exclude (excluded_because, reason) from {judged} where {DISPOSITION} in ('accepted', 'created')"


def _split(connection: Connection, model: SqlModel) -> None:
    connection.execute(f"create or replace table {model.table} as {accepted_rows('judged')}")
    connection.execute("delete from clean.quarantine where table_name = $name", {"name": model.name})
    connection.execute(f"insert into clean.quarantine by name {_REJECTED}", _rejected_of(model))


#: The rows of `judged` to be looked at: of superseded rows only order lines, to trace their money; CRM records are personal
#: data that nobody needs twice.
_REJECTED = (
    f"select $name as table_name, {DISPOSITION} as disposition, reason as reason_code, to_json(judged)::varchar as record "
    f"from judged where {DISPOSITION} in ('quarantined', 'excluded') and reason <> $on_or_after_as_of or reason = "
    "$superseded_line"
)


def _rejected_of(model: SqlModel) -> Parameters:
    return {
        "name": model.name, "superseded_line": SUPERSEDED_LINE.code, "on_or_after_as_of": ON_OR_AFTER_AS_OF.code,
    }  # fmt: skip


def _keep_rejected(connection: Connection, model: SqlModel, rejected: pa.Table | None) -> None:
    """Write the rejected rows of a red night, whose transaction took them back."""
    create_quarantine(connection)
    connection.execute("delete from clean.quarantine where table_name = $name", {"name": model.name})
    connection.register("rejected", rejected)
    connection.execute("insert into clean.quarantine by name select * from rejected")
    connection.unregister("rejected")


def _check_reasons(model: SqlModel) -> None:
    """Compare the codes that the model can yield with the declared ones, even if no row has them tonight."""
    for code in sorted(model.reasons - REASONS.keys()):
        raise ConfigurationError(
            f"sql/1_clean/{model.name}.sql yields the reason '{code}', which clv_pipeline/contracts/reasons.py "
            f"does not declare{nearest(code, list(REASONS))}",
            next_step="declare it there with its disposition and text, or yield a declared one.",
        )


def _dispositions(connection: Connection) -> list[DispositionCount]:
    """Count the classified rows by reason; for an exclude rule the text is the company's own."""
    columns = columns_of(connection, "judged")
    is_money = "source_amount" in columns
    money = "sum(source_amount)" if is_money else "null"
    rows = connection.execute(
        "select reason, case when reason = $excluded_by_rule then excluded_because end as own_words, count(*), "
        f"{money} from judged group by reason, own_words",
        {"excluded_by_rule": EXCLUDED_BY_RULE.code},
    ).fetchall()
    if "refund_excess" in columns:
        # part of a row: a refund counts as far as something was bought, the rest of its money is not accepted
        rows += connection.execute(
            "select $reason, null, 0, sum(refund_excess) from judged where refund_excess <> 0 having count(*) > 0",
            {"reason": EXCESSIVE_REFUND.code},
        ).fetchall()
    found: dict[tuple[str, str], DispositionCount] = {}
    for code, own_words, count, source_money in rows:
        reason = REASONS[code] if code else None
        counted = DispositionCount(
            reason.disposition if reason else "accepted",
            reason.code if reason else "",
            own_words or (reason.text if reason else ""),
            count,
            source_money,
        )
        key = counted.reason_code, counted.reason
        found[key] = found[key].plus(counted) if key in found else counted
    return sorted(found.values(), key=lambda d: (d.disposition, d.reason, d.reason_code))


def _note(connection: Connection, model: SqlModel, report: CleanReport) -> None:
    for table in (DISPOSITIONS, REMARKS):
        connection.execute(f"delete from {table.name} where table_name = $name", {"name": model.name})
    rows = [(model.name, d.disposition, d.reason_code, d.reason, d.rows, d.money) for d in report.dispositions]
    tables.append(connection, DISPOSITIONS, rows)
    remarks = [(model.name, r.check, r.subject, r.text, r in report.known, r.share_at_stake) for r in report.remarks]
    tables.append(connection, REMARKS, remarks)


def _reconcile(
    connection: Connection, model: SqlModel, dispositions: list[DispositionCount], raw_rows: int, settings: Settings
) -> list[str]:
    """Rows at the source = accepted + duplicate + superseded + excluded + quarantined, and the same for money (I4)."""
    failures = []
    judged = [d for d in dispositions if d.disposition != "created"]
    if sum(d.rows for d in judged) != raw_rows:
        failures.append(f"{raw_rows} raw rows but {sum(d.rows for d in judged)} classified ones")
    quarantined = sum(d.rows for d in judged if d.disposition == "quarantined")
    if quarantined > settings.max_rejected_share * max(raw_rows, 1):
        reasons = ", ".join(f"{d.reason} ({rows_and_money(d)})" for d in judged if d.disposition == "quarantined")
        failures.append(
            f"{quarantined} of {raw_rows} rows are quarantined, more than max_rejected_share "
            f"{settings.max_rejected_share:.0%} allows: {reasons}" + _currencies_without_rates(connection, model)
        )
    if model.name in MONEY:
        raw_money = one_row(connection, f"select coalesce(sum({MONEY[model.name]}), 0) from raw.{model.name}")[0]
        judged_money = sum((d.money or Decimal(0) for d in judged), Decimal(0))
        if raw_money != judged_money:
            failures.append(f"raw money {raw_money:.2f} but classified money {judged_money:.2f}")
    if model.name == "orders":
        failures += _stopped_exchange_rates(connection)
        failures += unknown_status_failures(connection)
    return failures


def _currencies_without_rates(connection: Connection, model: SqlModel) -> str:
    if model.name != "orders":
        return ""
    # named as the source spells them, which is what people look for
    rows = connection.execute(
        """
        with spelled as (
            select upper(currency) as code, min(currency) as spelling from raw.orders where currency is not null group by code
        )
        select coalesce(spelling, source_currency) as named, count(*) as lines
        from judged left join spelled on judged.source_currency = spelled.code
        where reason = $reason group by named order by lines desc, named limit 5
        """,
        {"reason": NO_EXCHANGE_RATE.code},
    ).fetchall()
    # a column in the wrong place may hold anything
    named = [f"{code if re.fullmatch('[A-Za-z]{3}', code) else 'no currency code'} {lines}" for code, lines in rows]
    return f"; by currency: {', '.join(named)} (fx_rates.sql must return their rates)" if named else ""


def _stopped_exchange_rates(connection: Connection) -> list[str]:
    """A rate is carried forward for 5 days; recent orders without one, in a currency that had rates, mean lost revenue."""
    stopped = connection.execute(
        """
        select source_currency, min(order_date), count(*)
        from judged
        cross join raw.extraction
        where judged.reason = $no_rate and order_date between as_of - $days::integer and as_of - 1
            and source_currency in (select currency from raw.fx_rates)
        group by source_currency
        order by source_currency
        """,
        {"no_rate": NO_EXCHANGE_RATE.code, "days": _RECENT_DAYS},
    ).fetchall()
    return [
        f"currency: {rows} orders have {NO_EXCHANGE_RATE.text}: there is none for {currency} on {day}, nor for 5 days before it"
        for currency, day, rows in stopped
    ]
