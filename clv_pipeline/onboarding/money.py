"""The money columns of orders: what each is by its name and values, on the line or on the order, and its values in the sample.

Which of them make the amount is found in `arithmetic.py`.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clv_pipeline.onboarding.catalogue import Catalogue, Table
from clv_pipeline.onboarding.expressions import name_sql, number
from clv_pipeline.onboarding.joins import Reference, References
from clv_pipeline.onboarding.profiles import ColumnProfile, number_sql
from clv_pipeline.onboarding.roles import OrderModel
from clv_pipeline.onboarding.words import concepts, tokens
from clv_pipeline.warehouse.connection import quote_name

#: Lines that the arithmetic is tried on.
_MOST_LINES = 60_000


@dataclass(frozen=True)
class Child:
    """A table below an order or a line that is summed up by it: payments, adjustments, totals with a code each."""

    table: Table
    reference: Reference
    alias: str
    parent: str


@dataclass(frozen=True)
class Money:
    """A money column, or the sum of one in a child table.

    kind: quantity, price (of one unit), total, discount, discount_rate, tax, tax_rate, shipping, fee, cost, refund. basis: net or
    gross of tax where the name says so. level: line or order. sql: as a number, of the table's alias. penalty: how little the
    name sounds like the price that was paid. sign: -1 where it is stored negative.
    """

    name: str
    kind: str
    level: str
    sql: str
    basis: str = ""
    penalty: float = 0.0
    sign: int = 1
    is_percent: bool = False
    is_blank_below: bool = False
    child: Child | None = None
    code: str | None = None
    is_payment: bool = False
    is_unsure: bool = False

    @property
    def label(self) -> str:
        """The column as comments name it."""
        return self.name


@dataclass
class MoneyData:
    """The money columns with the values of the sample: `lines` has a column per field, `order` each line's order by number."""

    fields: list[Money]
    lines: pd.DataFrame
    order: np.ndarray
    orders: int

    @property
    def is_one_row_per_order(self) -> bool:
        """Whether each order has one line: the table of orders is its own line."""
        return self.orders == len(self.order)

    def of(self, kind: str, level: str) -> list[Money]:
        """Return the fields of a kind and a level, the likeliest first."""
        return sorted((f for f in self.fields if f.kind == kind and f.level == level), key=lambda f: f.penalty)

    def by_order(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of line values by order."""
        return np.bincount(self.order, weights=np.nan_to_num(values), minlength=self.orders)

    def of_order(self, money: Money) -> np.ndarray:
        """Return the value of an order-level field by order."""
        values = np.zeros(self.orders)
        known = ~np.isnan(self.lines[money.name].to_numpy())
        values[self.order[known]] = self.lines[money.name].to_numpy()[known]
        return np.asarray(values * money.sign)

    def of_line(self, money: Money) -> np.ndarray:
        """Return the value of a line-level field by line, 0 for none."""
        return np.asarray(np.nan_to_num(self.lines[money.name].to_numpy()) * money.sign)


def kind_of(column: ColumnProfile, *, level: str, has_quantity: bool, extra: str = "") -> tuple[str, str, float] | None:
    """Return kind, basis and penalty of a column by its name and values, None if it is no money of an order."""
    meant = concepts(column.name) | concepts(extra) | ({"rate"} if "%" in column.name else set())
    if (
        not column.is_number
        or ("id" in meant and column.kind == "integer")
        or {"exchange", "stock_move", "zip", "tier", "text"} & meant
    ):
        return None
    basis = "net" if "net" in meant and "gross" not in meant else "gross" if "gross" in meant else ""
    penalty = (
        1.0 * bool(meant & {"price_list", "parent", "due"})
        + 0.3 * bool(meant & {"shipped", "ordered"})
        + 0.05 * len(tokens(column.name))
    )
    for kind in _kinds(meant, basis, column, level, has_quantity):
        return kind, basis, penalty
    return None


def _kinds(meant: frozenset[str], basis: str, column: ColumnProfile, level: str, has_quantity: bool) -> list[str]:
    """Return the kind of a number by the concepts of its name, nothing where it is none of an order's money."""
    is_priced = bool(meant & {"price", "total", "amount", "subtotal"})
    if {"cancelled", "cancelled_part"} & meant and "quantity" in meant:
        return []
    if "refund" in meant:
        return ["refund_quantity" if "quantity" in meant and not is_priced else "refund"]
    if "quantity" in meant and not meant & {"price", "amount", "discount", "tax", "cost"}:
        return [] if meant & {"shipped", "stock_move"} else ["quantity"]
    return _deducted(meant, basis, column, level, is_priced=is_priced) or _priced(
        meant, basis, column, level, is_priced=is_priced, has_quantity=has_quantity
    )


def _deducted(meant: frozenset[str], basis: str, column: ColumnProfile, level: str, *, is_priced: bool) -> list[str]:
    """Return the kind of what is not the price itself: discount, postage, fee, tax, cost."""
    if "discount" in meant and not {"total", "net", "price"} <= meant:
        most = abs(column.maximum or 0)
        share = (
            column.kind == "decimal" and column.distinct <= 30 and (0 < most < 1 or (most == 1 and column.distinct > 2))
        )
        return ["discount_rate" if "rate" in meant or (share and level == "line") else "discount"]
    if "shipping" in meant:
        return ["shipping"] if "tax" not in meant or basis else ["shipping_tax"]
    if "fee" in meant:
        return ["fee"]
    if "tax" in meant and not (basis and is_priced):
        return ["tax_rate" if "rate" in meant or _looks_like_rate(column, meant) else "tax"]
    return ["cost"] if "cost" in meant and "total" not in meant else []


def _priced(
    meant: frozenset[str], basis: str, column: ColumnProfile, level: str, *, is_priced: bool, has_quantity: bool
) -> list[str]:
    """Return whether a number is the price of a unit or a total."""
    if "rate" in meant or meant & {"birth", "device"}:
        return []
    if ("price" in meant and not meant & {"total", "subtotal", "amount"}) or ("unit" in meant and is_priced):
        return ["price" if has_quantity or level == "order" else "total"]
    is_sum = is_priced or basis or (meant & {"sale", "payment"} and column.kind == "decimal")
    return ["total"] if is_sum else []


def _looks_like_rate(column: ColumnProfile, meant: frozenset[str]) -> bool:
    return (
        "amount" not in meant
        and "total" not in meant
        and column.distinct <= 12
        and (column.maximum or 0) <= 40
        and column.rows > 40
    )


def money_of(
    catalogue: Catalogue, model: OrderModel, references: References, order_key: str, where: tuple[str, ...] = ()
) -> MoneyData:
    """Return the money columns of the lines, of their orders and of what is below them, with their values in the sample.

    where: conditions that leave out lines that are no sale.
    """
    has_quantity = any(
        "quantity" in concepts(name) and x.is_number and not concepts(name) & {"refund", "shipped", "cancelled"}
        for name, x in model.lines.columns.items()
    )
    fields: list[tuple[Money, str]] = _own_fields(model.lines, "l", "line", has_quantity)
    children: list[Child] = []
    if model.header:
        fields += _own_fields(model.header, "o", "order", has_quantity)
        children += _children(model.header, references, "o", {model.lines.view})
    children += _children(model.lines, references, "l", {model.orders.view})
    for child in children:
        fields += _child_fields(catalogue, child, has_quantity)
    fields = list({money.name: (money, scratch) for money, scratch in reversed(fields)}.values())[::-1]
    joins = _joins(model, children)
    listed = ", ".join(f"{scratch} as f{n}" for n, (_, scratch) in enumerate(fields))
    frame = catalogue.scratch.execute(
        f"select {order_key} as order_key{', ' if listed else ''}{listed} from {model.lines.view} as l {joins} "
        f"where {' and '.join((f'{order_key} is not null', *where))} limit {_MOST_LINES}"
    ).df()
    codes, _ = pd.factorize(frame["order_key"])
    if any(
        "base" in concepts(name)
        for table in (model.orders, model.lines)
        for name in table.columns
        if "currency" in concepts(name)
    ):
        # the shop's own currency stands beside that of the order
        fields = [
            (m if "base" in tokens(m.name) else replace(m, penalty=m.penalty + 0.5), scratch) for m, scratch in fields
        ]
    names = {f"f{n}": money.name for n, (money, _) in enumerate(fields)}
    lines = frame.drop(columns="order_key").rename(columns=names).astype(float)
    data = MoneyData(
        [money for money, _ in fields], lines, np.asarray(codes), int(codes.max() + 1) if len(codes) else 0
    )
    filled = {f"{model.lines.name}.{name}" for name in model.lines.filled}
    leveled = [
        replace(money, level="order") if money.name in filled else _leveled(data, money, flat=model.header is None)
        for money in data.fields
    ]
    data.fields = [_signed(data, money) for money in leveled if not _is_balance(data, money)]
    data.fields += [percent for money in data.fields if (percent := _as_percent(data, money))]
    return data


def _own_fields(table: Table, alias: str, level: str, has_quantity: bool) -> list[tuple[Money, str]]:
    found = []
    for name, column in table.columns.items():
        if not column.filled or not (kind := kind_of(column, level=level, has_quantity=has_quantity)):
            continue
        money = Money(
            f"{table.name}.{name}", kind[0], level, number(alias, column), kind[1], kind[2],
            is_percent=(column.maximum or 0) > 1,
        )  # fmt: skip
        found.append((money, number_sql(f"{alias}.{quote_name(name)}", column.format)))
    return found


def _children(parent: Table, references: References, alias: str, but: set[str]) -> list[Child]:
    found: list[Child] = []
    for table, reference in references.to(parent):
        meant = concepts(table.name)
        if (
            table.view in but
            or not table.rows
            or meant & {"log", "cart", "stock_move", "review", "subscription", "customer"}
        ):
            continue
        if reference.to_column in parent.columns and parent.columns[reference.to_column].is_unique:
            found.append(Child(table, reference, f"{alias}{len(found) + 1}", alias))
    return found[:12]


def _child_fields(catalogue: Catalogue, child: Child, has_quantity: bool) -> list[tuple[Money, str]]:
    """Return the sums of a child table; one with a code per row (coupon, tax, shipping ...) gives a field for each code."""
    table, level = child.table, "order" if child.parent == "o" else "line"
    if "refund" in concepts(table.name):
        return []
    is_payment = "payment" in concepts(table.name)
    coded = None if is_payment else next(
        (x for x in table.columns.values() if x.kind == "text" and 1 < x.distinct <= 15 and not x.is_flag
         and {"type", "id"} & concepts(x.name) and sum(bool(concepts(v)) for v in x.values) >= 2), None
    )  # fmt: skip
    found: list[tuple[Money, str]] = []
    for name, column in table.columns.items():
        own = kind_of(column, level=level, has_quantity=False)
        if not column.filled or own is None or own[0] in ("quantity", "tax_rate", "discount_rate", "cost"):
            continue
        value = number("x", column)
        scratch = number_sql(f"x.{quote_name(name)}", column.format)
        for code in coded.values if coded and own[0] == "total" else [None]:
            kind = (
                own
                if is_payment
                else (kind_of(column, level=level, has_quantity=False, extra=f"{table.name} {code or ''}") or own)
            )
            label = f"{table.name}.{name}" + (f" of {code}" if code else "")
            if code is not None and coded is not None:
                case = (
                    f"case when x.{name_sql(coded.name)} = '{code.replace(chr(39), chr(39) * 2)}' then {{}} else 0 end"
                )
                summed, in_scratch = (
                    case.format(value),
                    case.replace(name_sql(coded.name), quote_name(coded.name)).format(scratch),
                )
            else:
                summed, in_scratch = value, scratch
            money = Money(
                label, kind[0], level, f"sum({summed})", kind[1], kind[2] + 0.2, child=child, code=code,
                is_payment=is_payment,
            )  # fmt: skip
            key = quote_name(child.reference.column)
            found.append((money, f"(select sum({in_scratch}) from {table.view} as x where x.{key} = "
                                 f"{child.parent}.{quote_name(child.reference.to_column)})"))  # fmt: skip
    return found


def _joins(model: OrderModel, children: list[Child]) -> str:
    if model.header is None or model.to_header is None:
        return ""
    on = f"l.{quote_name(model.to_header.column)} = o.{quote_name(model.to_header.to_column)}"
    return f"left join {model.header.view} as o on {on}"


def _leveled(data: MoneyData, money: Money, *, flat: bool) -> Money:
    """Return a field of a flat table as one of the order where it is the same on all lines of an order, or on the first only."""
    if not flat or money.level == "order" or money.kind in ("quantity", "price", "tax_rate", "discount_rate", "cost"):
        return money
    groups = data.lines[money.name].groupby(data.order)
    size, filled, different = groups.size(), groups.count(), groups.nunique()
    several = size > 1
    if several.sum() < 5 or data.lines[money.name].nunique() < 2:
        return money
    if (different[several] > 1).any() or (several & (filled == 0)).all():
        return money
    values = data.lines[money.name]
    # one sum on every line of a multi-line order, and not merely a zero
    telling = several & (groups.max().abs() > 0)
    if telling.sum() < 3 and money.kind == "total":
        return money
    is_blank_below = bool((filled[several] < size[several]).any() and values.isna().any())
    return replace(money, level="order", is_blank_below=is_blank_below)


def _is_balance(data: MoneyData, money: Money) -> bool:
    """Whether a discount is often negative and often positive: then it is a balance of discounts, tax and postage."""
    values = data.lines[money.name].dropna()
    signs = ((values < 0).sum(), (values > 0).sum())
    return money.kind == "discount" and bool(min(signs) > 0.1 * sum(signs))


def _as_percent(data: MoneyData, money: Money) -> Money | None:
    """Return a discount of a line as the percentage that it may also be: a few whole numbers up to 100."""
    values = data.lines[money.name].dropna()
    if money.kind != "discount" or money.level != "line" or money.sign < 0 or len(values) < 20:
        return None
    is_whole = bool((values % 0.5 == 0).all()) and 1 < values.max() <= 100 and values.nunique() <= 15
    return replace(money, kind="discount_rate", is_percent=True, is_unsure=True) if is_whole else None


def _signed(data: MoneyData, money: Money) -> Money:
    """Return a discount that is stored negative with that sign, so that it is subtracted as the positive that it means."""
    values = data.lines[money.name].dropna()
    if money.kind == "discount" and len(values) and (values < 0).sum() > (values > 0).sum():
        return replace(money, sign=-1)
    return money
