"""Build one clean table: classify each raw row, keep the accepted ones, quarantine the rest, validate, then replace the table.

The rules about rows are SQL (`sql/1_clean`); rules about tables are in `expectations.py`; this module runs the steps in order.
"""

from dataclasses import dataclass
from decimal import Decimal

from clv_pipeline.contracts.reasons import EXCLUDED_BY_RULE, NO_EXCHANGE_RATE, REASONS, SUPERSEDED_LINE, Disposition
from clv_pipeline.contracts.warehouse import DISPOSITIONS, QUARANTINE
from clv_pipeline.core.errors import ConfigurationError, QualityError, nearest
from clv_pipeline.core.settings import Settings
from clv_pipeline.quality.expectations import RuleResult, Validator
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection, Warehouse, columns_of, one_row, quote_text, row_count
from clv_pipeline.warehouse.sql_models import Parameters, SqlModel

#: A missing exchange rate this many days before as_of or later means that no more rates arrive.
_RECENT_DAYS = 30
#: SQL: the disposition of a classified row, by the code in its `reason`; null for an undeclared code.
DISPOSITION = "case when reason is null then 'accepted' {} end".format(
    " ".join(f"when reason = {quote_text(r.code)} then {quote_text(r.disposition)}" for r in REASONS.values())
)
_WARNED_OF = {reason.code for reason in REASONS.values() if reason.warn}


@dataclass(frozen=True)
class DispositionCount:
    """Number of rows, and their source money, that have one disposition for one reason (empty if accepted)."""

    disposition: Disposition
    reason_code: str
    reason: str
    rows: int
    money: Decimal | None


@dataclass(frozen=True)
class CleanReport:
    """Result of cleaning one table: its rows, the dispositions of the raw rows, each rule's result, and the failures."""

    table: str
    rows: int
    raw_rows: int
    dispositions: list[DispositionCount]
    rules: list[RuleResult]
    reconciliation_failures: list[str]

    @property
    def failures(self) -> list[str]:
        return [r.describe(self.table) for r in self.rules if not r.passed] + self.reconciliation_failures

    @property
    def warnings(self) -> list[str]:
        return [f"{d.rows} rows: {d.reason}" for d in self.dispositions if d.reason_code in _WARNED_OF]

    def rows_with(self, disposition: Disposition) -> int:
        return sum(d.rows for d in self.dispositions if d.disposition == disposition)


class CleanTableRejected(QualityError):
    """The new table broke a blocking rule and was rolled back; `report` has the details."""

    def __init__(self, report: CleanReport) -> None:
        name = report.table.removeprefix("clean.")
        super().__init__(
            f"{report.table} was not replaced: " + "; ".join(report.failures[:5]),
            next_step=f"look at clean.quarantine where table_name = '{name}' of an earlier run and at the source; "
            "yesterday's table and bundle are unchanged.",
        )
        self.report = report


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
    }


def build_clean_table(warehouse: Warehouse, model: SqlModel, settings: Settings, validator: Validator) -> CleanReport:
    """Build and validate `clean.<name>` in one transaction.

    Raises:
        CleanTableRejected: a blocking rule failed; the old table is kept.
        ConfigurationError: the model yields a reason that is not declared.
    """
    _check_reasons(model)
    with warehouse.transaction() as connection:
        create_quarantine(connection)
        parameters = clean_parameters(settings)
        needed = {name: parameters[name] for name in model.parameters}
        connection.execute(f"create or replace temp table judged as {model.sql}", needed)
        dispositions = _dispositions(connection)
        _split(connection, model)
        raw_rows = row_count(connection, f"raw.{model.name}")
        report = CleanReport(
            model.table,
            row_count(connection, model.table),
            raw_rows,
            dispositions,
            validator.validate(connection, model.table),
            _reconcile(connection, model, dispositions, raw_rows, settings),
        )
        _note_dispositions(connection, model, dispositions)
        if report.failures:
            raise CleanTableRejected(report)
    return report


def create_quarantine(connection: Connection) -> None:
    """Create the tables of rejected rows and of disposition counts if they do not exist."""
    tables.create_if_missing(connection, QUARANTINE)
    tables.create_if_missing(connection, DISPOSITIONS)


def accepted_rows(judged: str) -> str:
    """Return the query of a clean table's rows, from its classified rows."""
    return f"select * exclude (excluded_because, reason) from {judged} where {DISPOSITION} in ('accepted', 'created')"


def _split(connection: Connection, model: SqlModel) -> None:
    connection.execute(f"create or replace table {model.table} as {accepted_rows('judged')}")
    connection.execute("delete from clean.quarantine where table_name = $name", {"name": model.name})
    # keep superseded order lines to trace their money, but not CRM records: they are personal data that nobody needs twice
    tables.append(
        connection,
        QUARANTINE,
        f"select $name as table_name, {DISPOSITION} as disposition, reason as reason_code, to_json(judged)::varchar as record "
        f"from judged where {DISPOSITION} in ('quarantined', 'excluded') or reason = $superseded_line",
        {"name": model.name, "superseded_line": SUPERSEDED_LINE.code},
    )


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
    money = "sum(source_amount)" if "source_amount" in columns_of(connection, "judged") else "null"
    rows = connection.execute(
        "select reason, case when reason = $excluded_by_rule then excluded_because end as own_words, count(*), "
        f"{money} from judged group by reason, own_words",
        {"excluded_by_rule": EXCLUDED_BY_RULE.code},
    ).fetchall()
    counts = []
    for code, own_words, count, source_money in rows:
        if code is None:
            counts.append(DispositionCount("accepted", "", "", count, source_money))
        else:
            reason = REASONS[code]
            counts.append(DispositionCount(reason.disposition, code, own_words or reason.text, count, source_money))
    return sorted(counts, key=lambda d: (d.disposition, d.reason, d.reason_code))


def _note_dispositions(connection: Connection, model: SqlModel, dispositions: list[DispositionCount]) -> None:
    connection.execute("delete from clean.dispositions where table_name = $name", {"name": model.name})
    rows = [(model.name, d.disposition, d.reason_code, d.reason, d.rows, d.money) for d in dispositions]
    tables.append(connection, DISPOSITIONS, rows)


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
        reasons = ", ".join(f"{d.reason} ({d.rows})" for d in judged if d.disposition == "quarantined")
        failures.append(
            f"{quarantined} of {raw_rows} rows are quarantined, more than max_rejected_share "
            f"{settings.max_rejected_share:.0%} allows: {reasons}"
        )
    if model.name == "orders":
        raw_money = one_row(connection, "select coalesce(sum(amount), 0) from raw.orders")[0]
        judged_money = sum((d.money or Decimal(0) for d in judged), Decimal(0))
        if raw_money != judged_money:
            failures.append(f"raw money {raw_money} but classified money {judged_money}")
        failures += _stopped_exchange_rates(connection)
    if model.name == "customers":
        failures += _unknown_customers(connection, settings)
    return failures


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


def _unknown_customers(connection: Connection, settings: Settings) -> list[str]:
    """With a CRM table, most buyers must be in it; else two systems use different customer numbers."""
    (has_crm,) = one_row(connection, "select is_provided from raw.loads where table_name = 'customers'")
    if not has_crm:
        return []
    buyers, unknown = one_row(
        connection, "select count(first_order_date), count(*) filter (where not has_crm_record) from clean.customers"
    )
    if unknown <= settings.max_unknown_customer_share * max(buyers, 1):
        return []
    return [
        f"{unknown} of {buyers} buyers are not in the customers table, more than max_unknown_customer_share "
        f"{settings.max_unknown_customer_share:.0%} allows"
    ]
