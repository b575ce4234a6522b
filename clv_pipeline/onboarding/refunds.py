"""Refunds: lines of their own with a negative amount, from a table of refunds, or from columns of the lines or the orders.

Of several ways that a source has, one is taken, the most exact: refunded items, then refunds, then a refunded sum of the order.
"""

from dataclasses import dataclass, replace

import numpy as np

from clv_pipeline.onboarding import columns as c
from clv_pipeline.onboarding.amounts import Amount, amount_of
from clv_pipeline.onboarding.catalogue import Catalogue, Table
from clv_pipeline.onboarding.columns import Guess
from clv_pipeline.onboarding.expressions import column_sql, number
from clv_pipeline.onboarding.joins import Reference
from clv_pipeline.onboarding.mapping import Fields, Place
from clv_pipeline.onboarding.money import Money, MoneyData, kind_of, money_of
from clv_pipeline.onboarding.profiles import ColumnProfile
from clv_pipeline.onboarding.refund_shares import RefundContext, goods_share
from clv_pipeline.onboarding.roles import OrderModel, ordered_at_column
from clv_pipeline.onboarding.statements import Join, Output, Statement
from clv_pipeline.onboarding.times import time_in_dialect
from clv_pipeline.onboarding.words import concepts
from clv_pipeline.warehouse.connection import quote_name


@dataclass
class Refunds:
    """A branch of the orders' SELECT with the refunds, why it is that, and what to ask about it."""

    statement: Statement
    reason: str
    questions: list[str]


def find_refunds(place: Place, fields: Fields, amount: Amount, data: MoneyData, names: list[str]) -> Refunds | None:
    """Return the refunds as a branch with the columns `names`, None if the source has none apart from its lines."""
    if _has_negative_lines(amount, data):
        return None
    context = RefundContext(place, fields, amount, data, tuple(names))
    return _of_tables(context) or _of_line_columns(context) or _of_order_column(context)


def unread_refunds(place: Place, is_read: bool) -> list[str]:
    """Return what looks like refunds and is not read: to be said, as figures without them are too high."""
    if is_read:
        return []
    found = [
        f"{t.full_name} ({t.rows} rows)" for t in place.catalogue.tables if t.rows and "refund" in concepts(t.name)
    ]
    for table in place.catalogue.tables:
        for name, column in table.columns.items():
            values = [v for v in column.values if "refund" in concepts(v) and "supplier" not in concepts(v)]
            if values and "type" in concepts(name) and column.kind == "text":
                found.append(
                    f"{table.full_name} ({sum(column.values[v] for v in values)} rows whose {name} is {', '.join(values)})"
                )
    return [f"refunds are not read, and may be in {', '.join(found)}"] if found else []


def _has_negative_lines(amount: Amount, data: MoneyData) -> bool:
    """Whether refunds are among the lines already."""
    return bool((amount.formula.values(data) < -0.004).sum() > 2)


def _of_tables(context: RefundContext) -> Refunds | None:
    """Return the refunds of a table of refunded items, or of one with a sum by refund."""
    place = context.place
    found: list[tuple[float, Table, Reference | None]] = []
    for table in place.catalogue.tables:
        meant = concepts(table.name)
        if not table.rows or {"log", "status", "text", "type"} & meant or not _is_about_refunds(context, table):
            continue
        to_refund = _to_refund_header(place, table)
        if not _leads_to_orders(place, table, to_refund):
            continue
        about = {concept for name in table.columns for concept in concepts(name)} | meant
        is_item = "refund" in meant and bool({"line", "product", "quantity"} & about)
        found.append(
            (2.0 * is_item + ("refund" in meant) + (to_refund is not None), table, to_refund if is_item else None)
        )
    for worth, table, to_refund in sorted(found, key=lambda item: -item[0]):
        if refunds := (_of_items(context, table, to_refund) if worth >= 2 else None) or _of_sums(context, table):
            return refunds
    return None


def _is_about_refunds(context: RefundContext, table: Table) -> bool:
    """Whether a table is one of refunds, or one beside the orders with a refunded sum of its own."""
    if "refund" in concepts(table.name):
        return bool(_money_columns(table))
    model = context.place.model
    own = {t.view for t in (model.lines, model.orders, model.customers, model.products) if t}
    return table.view not in own and any(kind[0] == "refund" for _, kind in _money_columns(table))


def _leads_to_orders(place: Place, table: Table, to_refund: Reference | None) -> bool:
    if _to_orders(place, table) or _to_lines(place, table):
        return True
    return to_refund is not None and _to_orders(place, to_refund.to_table) is not None


def _money_columns(table: Table) -> list[tuple[ColumnProfile, tuple[str, str, float]]]:
    found = []
    for column in table.columns.values():
        kind = kind_of(column, level="line", has_quantity=False)
        if column.filled and kind and kind[0] in ("total", "refund"):
            found.append((column, kind))
    return sorted(found, key=lambda item: (item[1][1] != "net", item[1][2]))


def _to_refund_header(place: Place, table: Table) -> Reference | None:
    return next(
        (r for r in place.references.of(table) if "refund" in concepts(r.to_table.name) and r.to_table is not table),
        None,
    )


def _to_orders(place: Place, table: Table) -> Reference | None:
    return next((r for r in place.references.of(table) if r.to_table is place.model.orders), None)


def _to_lines(place: Place, table: Table) -> Reference | None:
    return next((r for r in place.references.of(table) if r.to_table is place.model.lines and place.model.header), None)


def _of_items(context: RefundContext, table: Table, to_refund: Reference | None) -> Refunds | None:
    """Return refunds by item: their amount is made of the item's own columns, as that of a line is."""
    place = context.place
    header = to_refund.to_table if to_refund else None
    model = OrderModel(table, header, to_refund)
    key = f"l.{quote_name(to_refund.column)}" if to_refund else "'one'"
    if to_refund is None and (own := _to_orders(place, table)):
        key = f"l.{quote_name(own.column)}"
    data = money_of(place.catalogue, model, place.references, key)
    _as_totals(data)
    amount = amount_of(data, context.amount.cents)
    if amount is None or amount.is_shared_out:
        return None
    alias = {"l": "r", "o": "h"}
    sql = _renamed(_amount_sql(amount), alias)
    joins, dated = [], table
    if to_refund and header:
        joins.append(
            Join(
                "h",
                f"{column_sql('h', to_refund.to_column)} = {column_sql('r', to_refund.column)}",
                header,
                kind="inner join",
            )
        )
        dated = header
    order_joins = _order_joins(context, [("r", table), *([("h", header)] if header else [])])
    if order_joins is None:
        return None
    joins += order_joins
    quantity = f"-{_renamed(amount.formula.quantity.sql, alias)}" if amount.formula.quantity else "null"
    basis = amount.formula.base.basis
    questions = [] if amount.identity.tax or basis == "net" or amount.tax_rate or amount.line_tax else [
        f"does {amount.formula.base.label} contain tax? It is taken as the refunded goods as it is"
    ]  # fmt: skip
    sign = "-" if not _is_negative(place.catalogue, table, amount.formula.base) else ""
    return _built(context, table, "r", joins, f"{sign}({sql})", quantity, (dated, "h" if header else "r"), questions,
                  f"{table.full_name}: {amount.formula.words}; {amount.identity.words}")  # fmt: skip


def _as_totals(data: MoneyData) -> None:
    """Take columns that are called refunds for the totals that they are, in a table of refunds."""
    data.fields = [
        replace(m, kind="quantity" if m.kind == "refund_quantity" else "total", penalty=m.penalty)
        if m.kind.startswith("refund")
        else m
        for m in data.fields
    ]


def _amount_sql(amount: Amount) -> str:
    from clv_pipeline.onboarding.orders import amount_sql

    return amount_sql(amount)


def _renamed(sql: str, aliases: dict[str, str]) -> str:
    for old, new in aliases.items():
        sql = sql.replace(f"{old}.", f"{new}.") if f" {old}." in f" {sql}".replace("(", " ").replace("-", " ") else sql
    return sql


def _is_negative(catalogue: Catalogue, table: Table, money: Money) -> bool:
    column = table.columns.get(money.name.rsplit(".", 1)[-1])
    return column is not None and column.negative > column.filled / 2


def _of_sums(context: RefundContext, table: Table) -> Refunds | None:
    """Return refunds that are one sum each; of a sum with tax and postage the share of the goods is taken."""
    joins = _order_joins(context, [("r", table)])
    monies = _money_columns(table)
    if "refund" not in concepts(table.name):
        monies = [m for m in monies if m[1][0] == "refund"]
    postage = [m for m in monies if "shipping" in concepts(m[0].name)]
    monies = [m for m in monies if m not in postage]
    if joins is None or not monies:
        return None
    column, kind = monies[0]
    value = number("r", column)
    if postage:
        value = f"({value} - coalesce({number('r', postage[0][0])}, 0))"
    share, said, more = ("", "", []) if kind[1] == "net" else goods_share(context, has_postage=not postage)
    sign = "" if column.negative > column.filled / 2 else "-"
    refunds = _built(
        context, table, "r", [*joins, *more], f"{sign}{value}{share}", "null", (table, "r"),
        [f"does {table.full_name}.{column.name} contain tax and postage? {said or 'It is taken as refunded goods as it is'}"],
        f"{table.full_name}.{column.name}{f', of which {said}' if said else ''}",
    )  # fmt: skip
    refunds.statement.where.append((f"coalesce({number('r', column)}, 0) <> 0", ""))
    return refunds


def _order_joins(context: RefundContext, froms: list[tuple[str, Table]]) -> list[Join] | None:
    """Return the joins from a refund to its order, as `o`; over the sold line where the refund names that only."""
    place = context.place
    for alias, table in froms:
        if reference := _to_orders(place, table):
            on = f"{column_sql('o', reference.to_column)} = {column_sql(alias, reference.column)}"
            return [Join("o", on, place.model.orders, kind="inner join"), *_joins_of_order(context)]
    for alias, table in froms:
        reference, to_header = _to_lines(place, table), place.model.to_header
        if reference and to_header:
            on = f"{column_sql('l', reference.to_column)} = {column_sql(alias, reference.column)}"
            header = f"{column_sql('o', to_header.to_column)} = {column_sql('l', to_header.column)}"
            return [
                Join("l", on, place.model.lines, kind="inner join"),
                Join("o", header, place.model.orders, kind="inner join"),
                *_joins_of_order(context),
            ]
    return None


def _joins_of_order(context: RefundContext) -> list[Join]:
    """Return the joins that hang on the order alone: customers, names of statuses, currencies."""
    return [
        join
        for join in context.fields.joins
        if join.alias in ("c", "s", "cu") and f"{context.place.order_alias}." in join.on
    ]


def _built(
    context: RefundContext, table: Table, alias: str, joins: list[Join], amount: str, quantity: str, dated: tuple[Table, str],
    questions: list[str], reason: str,
) -> Refunds:  # fmt: skip
    """Return the branch: what the order says about buyer, status and currency, and what the refund says about the rest."""
    fields, place = context.fields, context.place
    when = ordered_at_column(dated[0], place.references) or _any_time(dated[0])
    values: dict[str, str] = {}
    native = {"ordered_at", "updated_at"}
    for name in ("order_id", "customer_id", "email", "status", "currency", "channel"):
        if name in fields.guesses:
            sql = fields.guesses[name].sql
            values[name] = sql if place.model.header else sql.replace("l.", "o.")
    if when:
        values["ordered_at"] = time_in_dialect(
            dated[1], dated[0].columns[when], place.catalogue.dialect, is_utc=place.is_utc
        )
    else:
        values["ordered_at"] = fields.guesses["ordered_at"].sql
        questions = [
            *questions,
            f"when was a refund of {table.full_name} made? It has no time; that of the order is taken",
        ]
    key = (table.at_source.primary_key or tuple(next(iter(_keys(table)), ())))[:1]
    if key:
        values["order_line_id"] = f"'refund ' || cast({column_sql(alias, key[0])} as varchar(80))"
    product = next((r.column for r in place.references.of(table) if r.to_table is place.model.products), None)
    if product is None:
        product = next((x.name for x in c.found(table, c.PRODUCT_ID)), None)
    if product:
        values["product_id"] = column_sql(alias, product)
    if fields.conversion:
        amount = fields.conversion.applied(amount, column_sql("o", fields.conversion.column))
    values |= {"amount": amount, "quantity": quantity}
    if "updated_at" in context.names:
        values["updated_at"] = values["ordered_at"]
    outputs = [
        Output(n, Guess(values.get(n, "null"), "medium", ""), n in native and n in values) for n in context.names
    ]
    title = f"refunds, as lines of their own at the time of the refund: {reason}"
    return Refunds(Statement(title, table, alias, outputs, joins), reason, questions)


def _keys(table: Table) -> list[tuple[str]]:
    return [(name,) for name, column in table.columns.items() if column.is_unique and "id" in concepts(name)]


def _any_time(table: Table) -> str | None:
    found = c.found(table, c.want("date time created", without="updated due birth", holds=c.is_time))
    return found[0].name if found else None


def _of_line_columns(context: RefundContext) -> Refunds | None:
    """Return refunds that a line says itself, in money or in units of it."""
    place, data = context.place, context.data
    monies = [m for m in data.of("refund", "line") if not m.child and np.any(data.of_line(m))]
    units = [m for m in data.of("refund_quantity", "line") if not m.child and np.any(data.of_line(m))]
    if (
        place.model.header is None
        or context.amount.is_shared_out
        or not (monies or (units and context.amount.formula.quantity))
    ):
        return None
    if monies:
        value, label = f"-{monies[0].sql}", monies[0].label
        condition = f"coalesce({monies[0].sql}, 0) <> 0"
    else:
        assert context.amount.formula.quantity
        value = f"-({_amount_sql(context.amount)}) * 1.0 * {units[0].sql} / nullif({context.amount.formula.quantity.sql}, 0)"
        label, condition = units[0].label, f"coalesce({units[0].sql}, 0) > 0"
    return _same_rows(context, value, condition, label, f"-{units[0].sql}" if units else "null")


def _same_rows(context: RefundContext, value: str, condition: str, label: str, quantity: str) -> Refunds:
    """Return a branch over the sold lines themselves, dated as their order: nothing says when the refund was made."""
    fields, place = context.fields, context.place
    outputs = []
    for name in context.names:
        sql = {"amount": value, "quantity": quantity}.get(name) or (
            fields.guesses[name].sql if name in fields.guesses else "null"
        )
        if name == "order_line_id":
            sql = f"'refund ' || cast({sql} as varchar(80))"
        outputs.append(Output(name, Guess(sql, "medium", ""), name in fields.native))
    joins = [*_header_join(place.model), *fields.joins]
    statement = Statement(
        f"refunds, from {label}, dated as the order", place.model.lines, "l", outputs, joins, [(condition, "")]
    )
    return Refunds(
        statement, label, [f"when were the refunds of {label} made? The source has no time; that of the order is taken"]
    )


def _header_join(model: OrderModel) -> list[Join]:
    from clv_pipeline.onboarding.orders import header_join

    return header_join(model)


def _of_order_column(context: RefundContext) -> Refunds | None:
    """Return refunds that an order says in one sum: the goods' share of it."""
    place, data = context.place, context.data
    level = "order" if place.model.header else "line"
    monies = [m for m in data.of("refund", level) + data.of("refund", "order") if not m.child and not m.is_blank_below]
    monies = [m for m in monies if np.nansum(np.abs(data.lines[m.name].to_numpy())) > 0]
    if not monies:
        return None
    money, model = monies[0], place.model
    share, said, _ = goods_share(context, has_postage=True)
    alias = place.order_alias
    fields = context.fields
    value = f"-{money.sql.replace(f'{alias}.', 'o.')}{share}"
    line = "'refund'"
    if model.header is None and money.level == "order" and not model.lines.filled:
        # the sum of the order stands on each of its lines
        value += f" / count(*) over (partition by {fields.guesses['order_id'].sql.replace(f'{alias}.', 'o.')})"
        own_line = fields.guesses.get("order_line_id")
        line = f"'refund ' || cast({own_line.sql.replace(f'{alias}.', 'o.')} as varchar(80))" if own_line else "null"
    if fields.conversion:
        value = fields.conversion.applied(value, column_sql("o", fields.conversion.column))
    outputs = []
    for name in context.names:
        own = fields.guesses[name].sql.replace(f"{alias}.", "o.") if name in fields.guesses else "null"
        known = name in (
            "order_id",
            "customer_id",
            "email",
            "ordered_at",
            "status",
            "currency",
            "channel",
            "updated_at",
        )
        sql = {"amount": value, "order_line_id": line}.get(name) or (own if known else "null")
        outputs.append(Output(name, Guess(sql, "medium", ""), name in fields.native))
    condition = f"coalesce({money.sql.replace(f'{alias}.', 'o.')}, 0) > 0"
    statement = Statement(
        f"refunds, from {money.label}, dated as the order: {said or 'taken as goods as it is'}",
        # the sum of an order stands on one of its lines there
        replace(model.orders, filled=()), "o", outputs,
        _joins_of_order(context), [(condition, "")],
    )  # fmt: skip
    return Refunds(
        statement,
        money.label,
        [
            f"when were the refunds of {money.label} made, and of what? {said or 'They are taken as goods'}, dated as the order"
        ],
    )
