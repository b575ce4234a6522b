"""Building one clean table: judge each raw row, keep the accepted, set the rest aside, validate, only then replace.

The rules about rows are SQL (`sql/1_clean`); the rules about tables are `expectations.py`. Here is the order of things.
"""

from dataclasses import dataclass
from decimal import Decimal

from clv_pipeline.errors import QualityError
from clv_pipeline.quality.expectations import RuleResult, Validator
from clv_pipeline.settings import Settings
from clv_pipeline.sources.door import BROKEN_KEY
from clv_pipeline.sql_models import Parameters, SqlModel
from clv_pipeline.warehouse import Connection, Warehouse, columns_of, one_row, row_count

_SUPERSEDED = "an older version of a line that changed"
_NO_RATE = "no exchange rate in the 5 days up to the order"
#: Reasons that say something about the source as a whole: somebody should look, though the night goes on.
_WORTH_A_LOOK = (
    "the order status is unknown", "a refund of more than was bought before", "a negative quantity with a positive amount",
    _NO_RATE, *BROKEN_KEY,
)  # fmt: skip
#: Up to so many days before as_of a missing exchange rate means that the rates have stopped coming.
_RECENT_DAYS = 30
#: Dispositions whose rows become the clean table; `created` rows come from another table, not from raw.
_KEPT = "('accepted', 'created')"


@dataclass(frozen=True)
class Disposition:
    """How many raw rows, and how much source money, met one fate for one reason."""

    fate: str
    reason: str
    rows: int
    money: Decimal | None


@dataclass(frozen=True)
class CleanReport:
    """What became of one table: its rows, the fates of the raw rows, each rule's result, and what failed."""

    table: str
    rows: int
    raw_rows: int
    dispositions: list[Disposition]
    rules: list[RuleResult]
    reconciliation_failures: list[str]

    @property
    def failures(self) -> list[str]:
        return [r.describe(self.table) for r in self.rules if not r.passed] + self.reconciliation_failures

    @property
    def warnings(self) -> list[str]:
        return [f"{d.rows} rows: {d.reason}" for d in self.dispositions if d.reason in _WORTH_A_LOOK]

    def rows_with(self, fate: str) -> int:
        return sum(d.rows for d in self.dispositions if d.fate == fate)


class CleanTableRejected(QualityError):
    """The new table broke a blocking rule and was rolled back; `report` says which."""

    def __init__(self, report: CleanReport) -> None:
        name = report.table.removeprefix("clean.")
        super().__init__(
            f"{report.table} was not replaced: " + "; ".join(report.failures[:5]),
            next_step=f"look at clean.quarantine where table_name = '{name}' of an earlier run and at the source; "
            "yesterday's table and bundle stay in place.",
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
        CleanTableRejected: a blocking rule failed; the old table stands.
    """
    with warehouse.transaction() as connection:
        create_quarantine(connection)
        parameters = clean_parameters(settings)
        needed = {name: parameters[name] for name in model.parameters}
        connection.execute(f"create or replace temp table judged as {model.sql}", needed)
        # what the door found broken comes by the way of the company's own exclusions, but nobody meant it
        connection.execute(
            "update judged set disposition = 'quarantined' where list_contains($broken, reason)",
            {"broken": list(BROKEN_KEY)},
        )
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
    """Make the tables that keep the rejected rows and count every fate, where they do not exist yet."""
    connection.execute(
        "create table if not exists clean.quarantine (table_name varchar, fate varchar, reason varchar, record varchar)"
    )
    connection.execute(
        "create table if not exists clean.dispositions "
        "(table_name varchar, fate varchar, reason varchar, row_count bigint, source_money decimal(38, 2))"
    )


def _split(connection: Connection, model: SqlModel) -> None:
    connection.execute(
        f"create or replace table {model.table} as "
        f"select * exclude (disposition, reason) from judged where disposition in {_KEPT}"
    )
    connection.execute("delete from clean.quarantine where table_name = $name", {"name": model.name})
    connection.execute(
        "insert into clean.quarantine select $name, disposition, reason, to_json(judged)::varchar from judged "
        "where disposition in ('quarantined', 'excluded')",
        {"name": model.name},
    )


def _dispositions(connection: Connection) -> list[Disposition]:
    money = "sum(source_amount)" if "source_amount" in columns_of(connection, "judged") else "null"
    rows = connection.execute(
        f"select disposition, coalesce(reason, ''), count(*), {money} from judged group by all order by all"
    ).fetchall()
    return [Disposition(*row) for row in rows]


def _note_dispositions(connection: Connection, model: SqlModel, dispositions: list[Disposition]) -> None:
    connection.execute("delete from clean.dispositions where table_name = $name", {"name": model.name})
    for d in dispositions:
        connection.execute(
            "insert into clean.dispositions values ($name, $fate, $reason, $rows, $money)",
            {"name": model.name, "fate": d.fate, "reason": d.reason, "rows": d.rows, "money": d.money},
        )


def _reconcile(
    connection: Connection, model: SqlModel, dispositions: list[Disposition], raw_rows: int, settings: Settings
) -> list[str]:
    """Rows at the source = accepted + duplicate + excluded + quarantined, and the same for money (invariant I4)."""
    failures = []
    judged = [d for d in dispositions if d.fate != "created"]
    if sum(d.rows for d in judged) != raw_rows:
        failures.append(f"{raw_rows} raw rows but {sum(d.rows for d in judged)} judged ones")
    # lines that changed at the source pile up night by night in an incremental source and are nobody's fault
    quarantined = sum(d.rows for d in judged if d.fate == "quarantined" and d.reason != _SUPERSEDED)
    if quarantined > settings.max_rejected_share * max(raw_rows, 1):
        reasons = ", ".join(f"{d.reason} ({d.rows})" for d in judged if d.fate == "quarantined")
        failures.append(
            f"{quarantined} of {raw_rows} rows are quarantined, more than max_rejected_share "
            f"{settings.max_rejected_share:.0%} allows: {reasons}"
        )
    if model.name == "orders":
        raw_money = one_row(connection, "select coalesce(sum(amount), 0) from raw.orders")[0]
        judged_money = sum((d.money or Decimal(0) for d in judged), Decimal(0))
        if raw_money != judged_money:
            failures.append(f"raw money {raw_money} but judged money {judged_money}")
        failures += _stopped_exchange_rates(connection)
    if model.name == "customers":
        failures += _unknown_customers(connection, settings)
    return failures


def _stopped_exchange_rates(connection: Connection) -> list[str]:
    """A rate is carried for 5 days; recent orders without one, in a currency that had rates, mean lost revenue."""
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
        {"no_rate": _NO_RATE, "days": _RECENT_DAYS},
    ).fetchall()
    return [
        f"currency: {rows} orders have {_NO_RATE}: there is none for {currency} on {day}, nor for 5 days before it"
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
