"""The optional tables: customers, products and what else the source has, each by the names of its columns."""

from dataclasses import dataclass

from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.onboarding import columns as c
from clv_pipeline.onboarding.catalogue import Catalogue, Table
from clv_pipeline.onboarding.columns import Guess, Want, want
from clv_pipeline.onboarding.expressions import column_sql, number
from clv_pipeline.onboarding.joins import References
from clv_pipeline.onboarding.minor_units import is_named_in_cents
from clv_pipeline.onboarding.orders import MappedOrders
from clv_pipeline.onboarding.products import category_of
from clv_pipeline.onboarding.profiles import ColumnProfile
from clv_pipeline.onboarding.roles import customer_column
from clv_pipeline.onboarding.statements import Output, Statement
from clv_pipeline.onboarding.times import time_in_dialect
from clv_pipeline.onboarding.words import concepts


@dataclass(frozen=True)
class Optional:
    """An optional table that was found: its contract name, its statement, and whether it is sure enough to be active."""

    name: str
    statement: Statement
    table: Table
    is_sure: bool
    reason: str


@dataclass(frozen=True)
class _Kind:
    """A contract table: the concepts that its table's name has, those that it has not, and what its columns are."""

    named: frozenset[str]
    not_named: frozenset[str]
    columns: dict[str, Want]


def _text(column: ColumnProfile) -> bool:
    return column.filled > 0 and column.kind in ("text", "boolean", "integer")


def _number(column: ColumnProfile) -> bool:
    return column.filled > 0 and column.is_number


_CUSTOMERS = {
    "created_at": c.CREATED_AT,
    "country": want("country", without="id phone birth", holds=_text),
    "region": want("region", without="id", holds=_text),
    "birth_year": want("birth", holds=lambda x: x.kind == "integer" and 1900 < (x.maximum or 0) < 2030),
    "gender": want("gender", without="id", holds=lambda x: 0 < x.distinct <= 8),
    "acquisition_channel": want(
        "channel", without="id date text", holds=lambda x: x.kind == "text" and x.distinct <= 40
    ),
    "loyalty_tier": want("tier", without="id date amount", holds=lambda x: x.kind == "text" and x.distinct <= 12),
    "email": c.EMAIL,
    "updated_at": c.UPDATED,
}
_PRODUCTS = {
    "name": want(
        "name",
        bonus="product",
        without="id category supplier flag text type language",
        holds=lambda x: x.kind == "text",
    ),
    "cost": want("cost", without="shipping date", holds=_number),
    "currency": c.CURRENCY,
    "updated_at": c.UPDATED,
}
_OTHERS: dict[str, _Kind] = {
    "web_sessions": _Kind(frozenset({"session"}), frozenset({"log"}), {
        "session_id": want("session id", "id", holds=c.is_identifier),
        "customer_id": c.CUSTOMER_ID,
        "started_at": want("date time created", bonus="created time", without="updated due", holds=c.is_time),
        "device": want("device", holds=_text),
        "traffic_source": want("channel", holds=_text),
    }),
    "survey_responses": _Kind(frozenset({"survey"}), frozenset(), {
        "response_id": want("id", bonus="survey", without="customer product order", holds=lambda x: x.is_unique),
        "customer_id": c.CUSTOMER_ID,
        "responded_at": want("date time created", without="updated", holds=c.is_time),
        "nps_score": want("survey", without="id date time text", holds=lambda x: _number(x) and 5 < (x.maximum or 0) <= 10),
        "csat_score": want("survey", without="id date time text", holds=lambda x: _number(x) and (x.maximum or 0) <= 5),
    }),
    "marketing_spend": _Kind(frozenset({"marketing", "spend", "campaign"}), frozenset({"customer"}), {
        "channel": want("channel", without="id", holds=_text),
        "spend_date": want("date time", without="updated created", holds=c.is_time),
        "spend": want("spend cost amount", holds=_number),
        "currency": c.CURRENCY,
        "campaign": want("campaign", without="id", holds=_text),
    }),
    "campaign_touches": _Kind(frozenset({"campaign", "email"}), frozenset({"spend"}), {
        "touch_id": want("id", without="customer campaign order", holds=lambda x: x.is_unique),
        "customer_id": c.CUSTOMER_ID,
        "touched_at": want("date time created", without="updated", holds=c.is_time),
        "campaign": want("campaign", holds=_text),
        "channel": want("channel", without="id", holds=_text),
    }),
    "fx_rates": _Kind(frozenset({"exchange", "currency"}), frozenset({"order", "product", "customer"}), {
        "currency": want("currency", without="rate", holds=lambda x: bool(x.values) and all(len(v) == 3 for v in x.values)),
        "rate_date": want("date time", without="updated created", holds=c.is_time),
        "rate": want("rate exchange", without="id date", holds=lambda x: _number(x) and (x.minimum or 0) > 0),
    }),
}  # fmt: skip


def map_optional(catalogue: Catalogue, references: References, orders: MappedOrders) -> list[Optional]:
    """Return the optional tables that the source has."""
    found = [_customers(catalogue, references, orders), _products(catalogue, references, orders)]
    found += [_other(catalogue, references, orders, name, kind) for name, kind in _OTHERS.items()]
    return [optional for optional in found if optional]


def _mapped(
    catalogue: Catalogue, table: Table, alias: str, name: str, wanted: dict[str, Want], *, is_cents: bool = False
) -> list[Output]:
    """Return the columns of a contract table that a table of the source has, each column of the source once."""
    taken: set[str] = set()
    outputs = []
    types = {column.name: column.type for column in CONTRACT[name].columns}
    for target, what in wanted.items():
        there = [x for x in c.found(table, what, own=concepts(table.name)) if x.name not in taken]
        if target not in types or not there:
            continue
        column = there[0]
        taken.add(column.name)
        is_time = types[target] in ("timestamp", "date")
        if is_time:
            sql = time_in_dialect(alias, column, catalogue.dialect)
        elif types[target] in ("money", "number", "rate"):
            sql = number(alias, column)
            if types[target] == "money" and (is_named_in_cents(column.name) or (is_cents and column.kind == "integer")):
                sql = f"{sql} / 100.0"
        else:
            sql = column_sql(alias, column.name)
        others = tuple(x.name for x in there[1:3])
        outputs.append(
            Output(
                target,
                Guess(sql, "high" if not others else "medium", f"{table.full_name}.{column.name} by its name", others),
                is_time,
            )
        )
    return outputs


def _customers(catalogue: Catalogue, references: References, orders: MappedOrders) -> Optional | None:
    reference = orders.model.to_customers
    if reference is None:
        return None
    table = reference.to_table
    natural = orders.fields.guesses["customer_id"].sql
    is_natural = natural.startswith("c.") and not orders.fields.is_account
    key = natural if is_natural else column_sql("c", reference.to_column)
    outputs = [Output("customer_id", Guess(key, "high", "what the orders name"))]
    outputs += _mapped(catalogue, table, "c", "customers", _CUSTOMERS)
    if "email" not in orders.fields.guesses:
        outputs = [_without_email(o) for o in outputs]
    statement = Statement(f"One row per customer, of {table.full_name}.", table, "c", outputs)
    if orders.fields.is_account:
        statement.where.append((orders.fields.is_account, "guests are known by the address of their orders"))
    if is_natural:
        statement.outputs = [o if o.name == "customer_id" else _largest(o) for o in outputs]
        statement.group_by = [key]
        statement.notes.append("A person has several rows there: of each column the largest value is taken.")
    return Optional("customers", statement, table, reference.is_declared or reference.overlap >= 0.95, reference.reason)


def _without_email(output: Output) -> Output:
    if output.name != "email":
        return output
    reason = (
        "personal data, loaded as a hash only; remove the dashes after CLV_HASH_KEY is set, if something joins by it"
    )
    return Output("email", Guess(output.guess.sql, "high", reason), output.is_native, is_active=False)


def _largest(output: Output) -> Output:
    guess = output.guess
    return Output(
        output.name,
        Guess(f"max({guess.sql})", guess.confidence, guess.reason, guess.others),
        output.is_native,
        output.is_active,
    )


def _products(catalogue: Catalogue, references: References, orders: MappedOrders) -> Optional | None:
    reference = orders.model.to_products
    if reference is None or "products" not in CONTRACT:
        return None
    table = reference.to_table
    outputs = [Output("product_id", Guess(column_sql("p", reference.to_column), "high", "what the lines name"))]
    rest = _mapped(catalogue, table, "p", "products", _PRODUCTS, is_cents=orders.amount.cents)
    category = category_of(references, table, "p")
    statement = Statement(f"One row per product, of {table.full_name}.", table, "p", [])
    if category:
        outputs.append(Output("category", category[0]))
        statement.joins = category[1]
    statement.outputs = sorted([*outputs, *rest], key=lambda o: CONTRACT["products"].column_names().index(o.name))
    return Optional("products", statement, table, reference.is_declared or reference.overlap >= 0.95, reference.reason)


def _other(
    catalogue: Catalogue, references: References, orders: MappedOrders, name: str, kind: _Kind
) -> Optional | None:
    """Return the table of the source that is a contract table by name and has all that the contract requires."""
    used = {
        t.view for t in (orders.model.lines, orders.model.orders, orders.model.customers, orders.model.products) if t
    }
    required = {column.name for column in CONTRACT[name].columns if column.required}
    best: tuple[int, Optional] | None = None
    for table in catalogue.tables:
        meant = concepts(table.name)
        if not table.rows or table.view in used or not meant & kind.named or meant & kind.not_named:
            continue
        wanted = dict(kind.columns)
        outputs = _mapped(catalogue, table, "t", name, wanted)
        if not required <= {output.name for output in outputs}:
            continue
        is_sure = all(o.guess.confidence == "high" for o in outputs if o.name in required) and _knows_buyers(
            table, references, name
        )
        optional = Optional(
            name,
            Statement(f"One row per {CONTRACT[name].grain}, of {table.full_name}.", table, "t", outputs),
            table,
            is_sure,
            "by the names of its columns",
        )
        if best is None or len(outputs) > best[0]:
            best = (len(outputs), optional)
    return best[1] if best else None


def _knows_buyers(table: Table, references: References, name: str) -> bool:
    """Whether a table that names customers names those of the orders."""
    if not any(column.name == "customer_id" for column in CONTRACT[name].columns):
        return True
    column = customer_column(table, references)
    return any(r.column == column for r in references.of(table))
