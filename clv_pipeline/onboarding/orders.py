"""The SELECT of orders: its columns, the amount as SQL, what is left out, and the refunds as lines of their own."""

import re
from dataclasses import dataclass, field, replace

from clv_pipeline.contracts.source import ORDERS
from clv_pipeline.onboarding.amounts import Amount, amount_of
from clv_pipeline.onboarding.catalogue import Catalogue
from clv_pipeline.onboarding.columns import Guess
from clv_pipeline.onboarding.expressions import column_sql, name_sql
from clv_pipeline.onboarding.fields import map_fields, order_column
from clv_pipeline.onboarding.filters import Filter, filters_of, is_better, parent_column
from clv_pipeline.onboarding.first_lines import fill_first_lines
from clv_pipeline.onboarding.joins import References
from clv_pipeline.onboarding.mapping import Fields, Place
from clv_pipeline.onboarding.minor_units import minor_units
from clv_pipeline.onboarding.money import Money, MoneyData, money_of
from clv_pipeline.onboarding.refunds import find_refunds, unread_refunds
from clv_pipeline.onboarding.roles import OrderModel, complete, find_orders
from clv_pipeline.onboarding.shops import Shop
from clv_pipeline.onboarding.statements import Join, Output, Statement
from clv_pipeline.onboarding.transactions import without_payouts
from clv_pipeline.warehouse.connection import quote_name


@dataclass
class MappedOrders:
    """The statement of orders with what it was made of, and the questions that the data leaves open."""

    model: OrderModel
    fields: Fields
    amount: Amount
    data: MoneyData
    statement: Statement
    place: Place
    where: list[Filter] = field(default_factory=list)

    def statement_guesses(self) -> list[tuple[str, Guess]]:
        """Return the guess of each column that is read."""
        return [(output.name, output.guess) for output in self.statement.outputs if output.is_active]

    @property
    def questions(self) -> list[str]:
        """What the data leaves open."""
        return [*self.fields.questions, *self.amount.questions]


def map_orders(catalogue: Catalogue, references: References, shop: Shop | None) -> MappedOrders | None:
    """Return the orders of a source, None if no table looks like orders."""
    model = find_orders(catalogue, references)
    if model is None:
        return None
    for table in {model.orders.view: model.orders, model.lines.view: model.lines}.values():
        catalogue.deepen(table)
    complete(model, references)
    place = Place(catalogue, references, model, shop is not None and shop.is_utc)
    if model.header is None:
        fill_first_lines(catalogue, model.lines, order_column(place)[0])
    fields = map_fields(place)
    has_status = "status" in fields.guesses
    where = filters_of(catalogue, model.lines, "l", is_lines=model.header is not None, has_status=has_status)
    if model.header:
        where += filters_of(catalogue, model.header, "o", is_lines=False, has_status=has_status)
    cents = minor_units(catalogue, model, shop)
    data, amount, where = _best_lines(catalogue, references, model, fields, where, is_in_cents=cents.is_so)
    if amount is None:
        return None
    amount.questions += cents.questions
    mapped = MappedOrders(model, fields, amount, data, statement_of(place, fields, amount, where), place, where)
    _add_refunds(place, mapped)
    return mapped


def with_amount(mapped: MappedOrders, amount: Amount) -> MappedOrders:
    """Return the same orders with another amount."""
    place = mapped.place
    fields = replace(mapped.fields, guesses=dict(mapped.fields.guesses), questions=list(mapped.fields.questions))
    other = replace(mapped, fields=fields, amount=amount, statement=statement_of(place, fields, amount, mapped.where))
    _add_refunds(place, other)
    fields.questions = list(dict.fromkeys(fields.questions))
    return other


def _add_refunds(place: Place, mapped: MappedOrders) -> None:
    """Add the refunds as a branch; its columns are the statement's, so a key becomes text in both."""
    statement, fields = mapped.statement, mapped.fields
    if "ordered_at" not in fields.guesses:
        return
    names = [n for n in ORDERS.column_names() if n in statement.active() or n == "order_line_id"]
    refunds = find_refunds(place, fields, mapped.amount, mapped.data, names)
    if refunds is None:
        fields.questions += unread_refunds(place, bool((mapped.amount.formula.values(mapped.data) < 0).any()))
        return
    fields.guesses.setdefault("order_line_id", Guess("null", "medium", "no column numbers the lines"))
    line = fields.guesses["order_line_id"]
    if not line.sql.startswith("cast("):
        fields.guesses["order_line_id"] = replace(line, sql=f"cast({line.sql} as varchar(80))")
    mapped.statement = statement_of(place, fields, mapped.amount, mapped.where)
    mapped.statement.since = ""
    mapped.statement.notes = ["Read as a whole every night: refunds are read with it."]
    mapped.statement.branches.append(refunds.statement)
    mapped.fields.questions += refunds.questions


def _best_lines(
    catalogue: Catalogue,
    references: References,
    model: OrderModel,
    fields: Fields,
    where: list[Filter],
    *,
    is_in_cents: bool,
) -> tuple[MoneyData, Amount | None, list[Filter]]:
    """Return the money with the filters under which most orders add up: parts of a bundle repeat the money of the whole."""

    def tried(filters: list[Filter]) -> tuple[MoneyData, Amount | None]:
        data = money_of(catalogue, model, references, fields.order_key, tuple(f.scratch for f in filters))
        if model.header is None:
            data = without_payouts(data)
        return data, amount_of(data, is_in_cents)

    # a total of an order has postage in it, be it a line or not: what adds up is found with and without such lines
    of_rows = [f for f in where if not f.is_about_goods]
    candidates = [of_rows, where] if len(of_rows) < len(where) else [where]
    column = parent_column(model.lines)
    if column:
        is_top = Filter(
            f"{column_sql('l', column)} is null", f"coalesce(nullif(l.{quote_name(column)}, '0'), '') = ''",
            f"parts of a bundle or variant ({column}) repeat the money of the line above them",
        )  # fmt: skip
        candidates += [[*filters, is_top] for filters in candidates]
    best: tuple[MoneyData, Amount | None, list[Filter]] | None = None
    for filters in candidates:
        data, amount = tried(filters)
        if best is None or (amount and (best[1] is None or is_better(best[1].identity.share, amount.identity.share))):
            best = data, amount, [*filters, *(f for f in where if f not in filters)]
    assert best
    return best


def statement_of(place: Place, fields: Fields, amount: Amount, where: list[Filter]) -> Statement:
    """Return the SELECT of the sold lines."""
    model = place.model
    guesses = dict(fields.guesses)
    guesses["quantity"] = _quantity(amount)
    value, reason = amount_sql(amount), _reason(amount)
    if fields.conversion:
        rate = "currency_rate" if amount.is_shared_out else column_sql(place.order_alias, fields.conversion.column)
        value = fields.conversion.applied(value, rate)
        reason += f"; converted into {fields.conversion.currency} by {fields.conversion.column}"
    guesses["amount"] = Guess(value, amount.confidence, reason)
    joins = [*header_join(model), *_child_joins(amount), *fields.joins]
    conditions = [(f.sql, f.note) for f in where]
    conditions += _only_placed(place, fields)
    names = [n for n in ORDERS.column_names() if n in guesses and (n != "quantity" or amount.quantity)]
    since = ""
    title = (
        f"One row per order line, of {model.lines.full_name}"
        + (f" and {model.header.full_name}" if model.header else "")
        + "."
    )
    statement = Statement(title, model.lines, "l", [], joins, conditions)
    if not amount.is_shared_out:
        statement.outputs = [Output(n, guesses[n], n in fields.native) for n in names]
        if "updated_at" in guesses:
            since = f"{guesses['updated_at'].sql} >= :since"
    else:
        passed = [n for n in names if n != "amount"]
        statement.inner = [Output(n, guesses[n], n in fields.native) for n in passed]
        statement.inner += _inner_money(amount, guesses["order_id"].sql)
        if fields.conversion:
            statement.inner.append(
                Output("currency_rate", Guess(column_sql(place.order_alias, fields.conversion.column), "high", ""))
            )
        statement.outputs = [
            Output(n, guesses[n] if n == "amount" else replace(guesses[n], sql=n), n != "amount") for n in names
        ]
        since = "updated_at >= :since" if "updated_at" in guesses else ""
    is_plain = "updated_at" in guesses and not any(s in guesses["updated_at"].sql for s in ("||", "(", "strptime"))
    if since and is_plain and place.catalogue.reader.engine.dialect:
        statement.since = since
        statement.notes.append(
            "Read in nightly increments: only orders that changed since the last night, less a look-back."
        )
    else:
        statement.notes.append(_why_whole(place, fields))
    return statement


def _why_whole(place: Place, fields: Fields) -> str:
    if not place.catalogue.reader.engine.dialect:
        return "Files are read as a whole every night."
    if "updated_at" not in fields.guesses:
        return "Read as a whole every night: no column says when an order last changed."
    return "Read as a whole every night: the time of the last change is no plain column to compare with."


def _reason(amount: Amount) -> str:
    return "; ".join([amount.formula.words, *amount.reasons])


def _quantity(amount: Amount) -> Guess:
    quantity = amount.quantity
    return Guess(quantity.sql if quantity else "null", "high", "it is called so")


def header_join(model: OrderModel) -> list[Join]:
    """Return the join of the lines to their orders."""
    if model.header is None or model.to_header is None:
        return []
    on = f"{column_sql('l', model.to_header.column)} = {column_sql('o', model.to_header.to_column)}"
    return [Join("o", on, model.header, kind="inner join")]


def _child_joins(amount: Amount) -> list[Join]:
    """Return a join for each table below an order or line that the amount needs, summed up by it."""
    by_alias: dict[str, list[Money]] = {}
    for money in amount.monies():
        if money.child:
            by_alias.setdefault(money.child.alias, []).append(money)
    joins = []
    for alias, monies in by_alias.items():
        child = monies[0].child
        assert child
        key = name_sql(child.reference.column)
        sums = ", ".join(f"{money.sql} as {_sum_name(money)}" for money in {m.name: m for m in monies}.values())
        schema = f"{name_sql(child.table.at_source.schema)}." if child.table.at_source.schema else ""
        query = f"select x.{key} as parent_key, {sums} from {schema}{name_sql(child.table.name)} as x group by x.{key}"
        joins.append(
            Join(alias, f"{alias}.parent_key = {column_sql(child.parent, child.reference.to_column)}", query=query)
        )
    return joins


def _sum_name(money: Money) -> str:
    code = "".join(ch if ch.isalnum() else "_" for ch in (money.code or money.name.rsplit(".", 1)[-1]).lower())
    return f"sum_of_{code}"


def sql_of(money: Money, *, null_is_zero: bool = True) -> str:
    """Return a money column as SQL of the tables that are joined."""
    sql = f"{money.child.alias}.{_sum_name(money)}" if money.child else money.sql
    if null_is_zero:
        sql = f"coalesce({sql}, 0)"
    return f"-{sql}" if money.sign < 0 else sql


def goods_sql(amount: Amount) -> str:
    """Return the value of a line's goods, before what is on the order."""
    formula = amount.formula
    value = sql_of(formula.base, null_is_zero=False)
    if formula.quantity:
        value = f"{sql_of(formula.quantity, null_is_zero=False)} * {value}"
    if formula.discount is None:
        return value
    less = sql_of(formula.discount)
    if formula.discount.kind == "discount_rate":
        return f"{value} * (1 - {less}{' / 100.0' if formula.discount.is_percent else ''})"
    if formula.discount_per_unit and formula.quantity:
        less = f"{sql_of(formula.quantity, null_is_zero=False)} * {less}"
    return f"{value} - {less}"


def amount_sql(amount: Amount) -> str:
    """Return the amount as SQL; where something is shared out, of the columns of the query `sold`."""
    value = goods_sql(amount)
    if amount.is_shared_out:
        value = _shared_out(amount)
    if amount.tax_rate:
        rate = "tax_rate" if amount.is_shared_out else sql_of(amount.tax_rate)
        value = f"({value}) / (1 + {rate} / {'100.0' if amount.tax_rate.is_percent else '1.0'})"
    if amount.line_tax:
        tax = "line_tax" if amount.is_shared_out else _line_tax(amount)
        value = f"{value} - {tax}"
    for money in amount.minus:
        value = f"{value} - {sql_of(money)}"
    return f"({value}) / 100.0" if amount.cents else value


def _line_tax(amount: Amount) -> str:
    assert amount.line_tax
    tax = sql_of(amount.line_tax)
    if amount.line_tax_per_unit and amount.formula.quantity:
        return f"{sql_of(amount.formula.quantity, null_is_zero=False)} * {tax}"
    return tax


def _shared_out(amount: Amount) -> str:
    goods = "sum(goods) over (partition by order_id)"
    parts = ["order_discount"] if amount.order_discount else []
    if amount.order_tax and amount.taxed_shipping:
        sold = f"({goods} - order_discount)" if amount.order_discount else goods
        parts.append(f"coalesce(cast(order_tax as double precision) * {sold} / nullif({sold} + order_shipping, 0), 0)")
    elif amount.order_tax:
        parts.append("order_tax")
    less = " + ".join(parts)
    # multiplied before it is divided, which some engines do to four decimals only; decimals of 38 digits would overflow
    return f"goods - coalesce(cast({less} as double precision) * goods / nullif({goods}, 0), 0)"


def _inner_money(amount: Amount, order: str) -> list[Output]:
    """Return what `sold` has for the amount beside the columns that are passed on."""
    named = {
        "goods": goods_sql(amount),
        "order_discount": _of_order(amount.order_discount, order),
        "order_tax": _of_order(amount.order_tax, order),
        "order_shipping": _of_order(amount.taxed_shipping, order),
        "tax_rate": sql_of(amount.tax_rate) if amount.tax_rate else "",
        "line_tax": _line_tax(amount) if amount.line_tax else "",
    }
    return [Output(name, Guess(sql, "high", "")) for name, sql in named.items() if sql]


def _of_order(money: Money | None, order: str) -> str:
    """Return a column of the order; in exports that write it on the first line only, that line's for all."""
    if money is None:
        return ""
    sql = sql_of(money)
    return f"max({sql}) over (partition by {order})" if money.is_blank_below else sql


def _only_placed(place: Place, fields: Fields) -> list[tuple[str, str]]:
    """Leave out orders that were never placed: without the time of the order."""
    guess = fields.guesses.get("ordered_at")
    if guess is None:
        return []
    for table, alias in ((place.model.orders, place.order_alias), (place.model.lines, "l")):
        for name, column in table.columns.items():
            is_it = re.search(rf"(?<![\w\"]){re.escape(column_sql(alias, name))}(?![\w\"])", guess.sql)
            if is_it and 0 < column.filled < column.rows:
                return [
                    (
                        f"{column_sql(alias, name)} is not null",
                        f"{column.rows - column.filled} rows were never placed: they have no {name}",
                    )
                ]
    return []
