"""Remarks on a table that was just cleaned: shares of rows not accepted, consents, attributes, buyers without a CRM record."""

from collections.abc import Iterator
from decimal import Decimal

from clv_pipeline.contracts.reasons import ON_OR_AFTER_AS_OF
from clv_pipeline.core.settings import Settings
from clv_pipeline.quality.clean_report import DispositionCount, rows_and_money
from clv_pipeline.quality.source_measures import count_customers
from clv_pipeline.sources.remarks import Remark
from clv_pipeline.warehouse.connection import Connection, one_row
from clv_pipeline.warehouse.sql_models import SqlModel, load_layer

#: A share of rows or money above this that is not accepted is worth a look.
_NOTABLE_SHARE, _NOTABLE_QUARANTINE = 0.10, 0.01
#: Why an attribute of customers is no feature, by the code of `sql/1_clean/customer_attributes.sql`.
_WHY_NO_FEATURE = {
    "denied": "a pattern of denied_features names it",
    "no_value": "nobody has a value",
    "constant": "everybody has the same value",
    "too_many_values": "it has more than 50 different texts",
    "nearly_unique": "nearly every customer has a value of his own",
}
_NEXT_STEPS = {
    "denied": "It is audited only (table fairness_audit)",
    "too_many_values": "Return fewer, broader values in customers.sql, or leave it out",
    "nearly_unique": "Return fewer, broader values in customers.sql, or leave it out",
}


def remarks_on_dispositions(model: SqlModel, dispositions: list[DispositionCount], raw_rows: int) -> Iterator[Remark]:
    """Every way of not being accepted has a share above which it is named; rows of a later night are none."""
    money = sum((abs(d.money or Decimal(0)) for d in dispositions), Decimal(0))
    for counted in dispositions:
        if counted.disposition in ("accepted", "created") or counted.reason_code == ON_OR_AFTER_AS_OF.code:
            continue
        share_of_money = float(abs(counted.money or Decimal(0)) / money) if money else 0.0
        share = max(counted.rows / max(raw_rows, 1), share_of_money)
        limit = _NOTABLE_QUARANTINE if counted.disposition == "quarantined" else _NOTABLE_SHARE
        if share > limit:
            yield Remark(
                "dispositions",
                f"{model.name} {counted.reason_code or counted.disposition}",
                f"{model.name}: {rows_and_money(counted)}, {share:.0%} of the table, are {counted.disposition}: "
                f"{counted.reason} (limit {limit:.0%}). Check that this is as expected",
            )


def remarks_on_attributes(connection: Connection, settings: Settings) -> Iterator[Remark]:
    """Yield which attributes of customers are features, which must not change, and which are none, and why."""
    (model,) = (m for m in load_layer("1_clean") if m.name == "customer_attributes")
    profiled = connection.execute(
        f"select attribute, customers, distinct_values, refused_because from ({model.sql}) order by attribute",
        {"denied_features": list(settings.denied_features)},
    ).fetchall()
    if taken := [attribute for attribute, _, _, code in profiled if code is None]:
        yield Remark(
            "attributes",
            ", ".join(taken),
            f"customers: {', '.join(taken)} {'is' if len(taken) == 1 else 'are'} taken for facts that do not change after a "
            "record was entered. One that does change tells the models the future: leave it out of customers.sql",
        )
    for attribute, customers, values, code in (row for row in profiled if row[3] is not None):
        yield Remark(
            "attributes",
            attribute,
            f"customers.{attribute} is no feature: {_WHY_NO_FEATURE[code]} ({values} different values of {customers} customers). "
            f"{_NEXT_STEPS.get(code, 'Leave it out of customers.sql')}",
        )


def remarks_on_subscriptions(connection: Connection) -> Iterator[Remark]:
    """Yield how many subscribers neither the CRM nor an order knows."""
    strangers, subscribers = one_row(
        connection,
        "select count(distinct customer_id) filter (where not is_known_customer), count(distinct customer_id) "
        "from clean.subscriptions",
    )
    if strangers:
        yield Remark(
            "unknown_subscribers",
            "",
            f"subscriptions.customer_id: {strangers} of {subscribers} subscribers are in neither the customers nor the orders. "
            "Check that subscriptions.sql returns the same numbers as customers.sql and orders.sql",
        )


def remarks_on_customers(connection: Connection, settings: Settings) -> Iterator[Remark]:
    """Yield how many consents are unclear, whether many buyers have no CRM record, and which attributes are no features."""
    yield from remarks_on_attributes(connection, settings)
    counts = count_customers(connection)
    if counts.unclear:
        yield Remark(
            "consent",
            "",
            f"customers.profiling_consent: {counts.unclear} of {counts.customers} customers are not profiled because their "
            "consent is empty, unreadable, contradictory, or they have no CRM record. Return true or false for each customer",
        )
    if counts.unknown_buyers > settings.max_unknown_customer_share * max(counts.buyers, 1):
        yield Remark(
            "unknown_customers",
            "",
            f"customers.customer_id: {counts.unknown_buyers} of {counts.buyers} buyers are not in the customers table (limit "
            f"{settings.max_unknown_customer_share:.0%}). Check that customers.sql returns all of them, and the same numbers "
            "as orders.sql",
        )
