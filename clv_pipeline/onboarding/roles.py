"""Which table is what: the lines of orders, their header, the customers, the products. Columns weigh more than names."""

from dataclasses import dataclass, field

from clv_pipeline.onboarding import columns as c
from clv_pipeline.onboarding.catalogue import Catalogue, Table
from clv_pipeline.onboarding.joins import Reference, References
from clv_pipeline.onboarding.profiles import ColumnProfile
from clv_pipeline.onboarding.words import concepts, table_concepts, tokens

#: Concepts of tables that look like orders and are none.
_NOT_ORDERS = {
    "cart": 6, "supplier": 8, "stock_move": 6, "log": 5, "review": 6, "refund": 7, "employee": 3, "price_list": 3,
    "address": 4, "payment": 3, "shipping": 3, "subscription": 3, "tax": 3, "campaign": 4, "discount": 3, "session": 4,
    "survey": 4, "social": 4, "exchange": 6, "marketing": 5, "status": 5, "spend": 4, "test": 2,
}  # fmt: skip

#: Concepts of columns that name people who did not buy.
_NOT_BUYERS = {"employee", "created", "updated", "supplier"}


#: Words of a table's name that say which trade it is of, and of a column's that it is a list price.
_TRADES = {"retail", "wholesale"}


#: Concepts of what has an e-mail address and buys nothing.
_NO_PERSON = {"employee", "supplier", "store", "log", "order"}


@dataclass
class OrderModel:
    """The tables that orders are made of, and how they join.

    lines: the table with a row per order line, or per order. header: the orders, where they are a table of their own; `to_header`
    joins them. customer, product: what the customer's and the product's column refer to. alternatives: other tables that could
    have been meant.
    """

    lines: Table
    header: Table | None = None
    to_header: Reference | None = None
    to_customers: Reference | None = None
    to_products: Reference | None = None
    alternatives: list[str] = field(default_factory=list)

    @property
    def orders(self) -> Table:
        """The table with the buyer and the date."""
        return self.header or self.lines

    @property
    def customers(self) -> Table | None:
        return self.to_customers.to_table if self.to_customers else None

    @property
    def products(self) -> Table | None:
        return self.to_products.to_table if self.to_products else None


def find_orders(catalogue: Catalogue, references: References) -> OrderModel | None:
    """Return the tables that orders are made of, None if nothing looks like orders."""
    candidates: list[tuple[float, OrderModel]] = []
    for table in catalogue.tables:
        if not table.rows:
            continue
        flat = _order_score(table, references)
        if flat > 0:
            candidates.append((flat + max(0.0, _line_score(table, references)) * 0.8, OrderModel(table)))
        lines = _line_score(table, references)
        if lines <= 0:
            continue
        for reference in _headers(table, references):
            is_named_so = set(tokens(reference.to_table.name)) <= set(tokens(table.name))
            score = lines + _order_score(reference.to_table, references) + 3 + 2 * is_named_so + reference.is_declared
            score += 0.2 * sum(references.rank(reference))
            candidates.append((score, OrderModel(table, reference.to_table, reference)))
    if not candidates:
        return None
    candidates.sort(key=lambda item: -item[0])
    best_score, model = candidates[0]
    named = {model.lines.view, model.orders.view}
    for score, other in candidates[1:]:
        if score >= 0.75 * best_score and other.orders.view not in named and other.lines.view not in named:
            named |= {other.orders.view, other.lines.view}
            model.alternatives.append(f"{other.orders.full_name} ({other.orders.rows or 'many'} rows)")
    return model


def _headers(table: Table, references: References) -> list[Reference]:
    """Return the references of a table of lines to what can be its header: fewer rows, and dated."""
    found = []
    for reference in references.of(table):
        other = reference.to_table
        if (other.rows or 0) > 1.05 * (table.rows or 0) and (other.rows or 0) > (table.rows or 0) + 50:
            continue
        if _order_score(other, references) > 0:
            found.append(reference)
    return found


def _penalty(table: Table, *, but: str = "") -> float:
    meant = concepts(" ".join(word for word in tokens(table.name) if word not in _TRADES)) - set(but.split())
    # a purchase order is what the company itself buys
    own = 4.0 if {"purchase", "order"} <= set(tokens(table.name)) else 0.0
    return own + sum(weight for concept, weight in _NOT_ORDERS.items() if concept in meant)


def _line_score(table: Table, references: References) -> float:
    """Return how much a table looks like order lines, 0 if it cannot be."""
    quantity, product = c.found(table, c.QUANTITY), product_column(table, references)
    money = [x for x in table.columns.values() if c.is_money(x) and _is_priced(x.name)]
    if not money or not (quantity or product):
        return 0.0
    meant = concepts(table.name)
    score = 3.0 * ("line" in meant) + ("order" in meant or "sale" in meant) + 2 * bool(quantity) + 2 * bool(product)
    score += 1.0 * ("fact" in meant) + 0.5 * ("invoice" in meant) + 1.0
    return score - _penalty(table)


def _order_score(table: Table, references: References) -> float:
    """Return how much a table looks like orders: a buyer, a date, and money or lines; 0 if it cannot be."""
    when = ordered_at_column(table, references)
    buyer = customer_column(table, references) or next((x.name for x in c.found(table, c.EMAIL)), None)
    if when is None or buyer is None or _is_people(table):
        return 0.0
    meant = concepts(table.name)
    money = any(c.is_money(x) and _is_priced(x.name) for x in table.columns.values())
    if "payment" in meant and not money:
        return 0.0
    score = 4.0 * ("order" in meant) + 3.0 * ("sale" in meant) + 2.5 * ("invoice" in meant) + 2.0 * ("fact" in meant)
    score += (
        4.0 * ("payment" in meant)
        + 2.0 * money
        + 1.0 * bool(c.found(table, c.STATUS))
        + 1.0 * bool(c.found(table, c.ORDER_ID))
    )
    lines = [t for t, _ in references.to(table) if c.found(t, c.QUANTITY) and "line" in concepts(t.name)]
    score += 2.0 * bool(lines)
    if not (money or lines or meant & {"order", "sale", "invoice"}):
        return 0.0
    return max(0.0, score - _penalty(table))


def _is_people(table: Table) -> bool:
    """Whether a table is about people: one row each, with a name or an address of their own."""
    meant = concepts(table.name)
    return "customer" in meant and not meant & {"order", "sale", "invoice", "payment", "line"}


def _is_priced(name: str) -> bool:
    return bool(concepts(name) & {"price", "amount", "total", "subtotal", "net", "gross", "sale", "payment"})


def customer_column(table: Table, references: References) -> str | None:
    """Return the column that names the buyer: what refers to a table of customers, else what is called so."""
    named = [x.name for x in c.found(table, c.CUSTOMER_ID)]
    of_people = [r for r in references.of(table) if _names_people(r)]
    both = [name for name in named if name in {r.column for r in of_people}]
    declared = [r.column for r in of_people if r.is_declared and not _NOT_BUYERS & concepts(r.column)]
    plain = [x.name for x in c.found(table, c.CUSTOMER_WORD) if x.distinct > 1]
    # cards, accounts and the like: what refers to a table with an e-mail address for each row
    reached = [r.column for r in references.of(table) if r.overlap > 0 and c.found(r.to_table, c.EMAIL)
               and not _NO_PERSON & (concepts(r.to_table.name) | concepts(r.column))]  # fmt: skip
    return next(iter([*both, *declared, *named, *plain, *reached]), None)


def _names_people(reference: Reference) -> bool:
    meant = concepts(reference.to_table.name)
    return "customer" in meant and not meant & {"address", "log", "tier"}


def product_column(table: Table, references: References) -> str | None:
    """Return the column that names the product."""
    to_products = [r.column for r in references.of(table) if _names_products(r)]
    named = [x.name for x in c.found(table, c.PRODUCT_ID)]
    plain = [x.name for x in c.found(table, c.PRODUCT_WORD)]
    texts = [x.name for x in c.found(table, c.PRODUCT_NAME)]
    both = [name for name in named if name in to_products]
    return next(iter([*both, *to_products, *named, *plain, *texts]), None)


def _names_products(reference: Reference) -> bool:
    meant = concepts(reference.to_table.name)
    is_product = "product" in table_concepts(reference.to_table.name) and not meant & {"category", "log", "price_list"}
    return is_product and "product" in concepts(reference.column)


def ordered_at_column(table: Table, references: References) -> str | None:
    """Return the column with the time of the order; of a star schema the key of its calendar counts."""
    found = c.found(table, c.ORDERED_AT)
    if not found and "payment" in concepts(table.name):
        found = c.found(
            table,
            c.want(
                "date time created payment",
                bonus="date time payment",
                without="updated due birth refund",
                holds=c.is_time,
            ),
        )
    of_business = [column for column in found if not is_of_loading(column)]
    if of_business:
        return of_business[0].name
    calendar = [
        r
        for r in references.of(table)
        if {"date", "calendar"} & concepts(r.to_table.name) and {"date", "order"} & concepts(r.column)
    ]
    return next(iter([*(r.column for r in calendar), *(column.name for column in found)]), None)


def is_of_loading(column: ColumnProfile) -> bool:
    """Whether a time is that of loading a table, not of its rows: called so, or one for (nearly) all rows."""
    is_one = column.filled > 20 and column.distinct <= max(1, column.filled // 50)
    return "loaded" in concepts(column.name) or (is_one and column.distinct <= 3)


def complete(model: OrderModel, references: References) -> None:
    """Add customers and products to the tables of orders."""
    for table in dict.fromkeys((model.orders.view, model.lines.view)):
        owner = model.orders if table == model.orders.view else model.lines
        column = customer_column(owner, references)
        if column and model.to_customers is None:
            model.to_customers = next(
                (r for r in references.of(owner) if (r.column == column and _is_people(r.to_table)) or
                 (r.column == column and "customer" in concepts(r.to_table.name))), None
            )  # fmt: skip
    column = product_column(model.lines, references)
    if column:
        model.to_products = next(
            (
                r
                for r in references.of(model.lines)
                if r.column == column and "product" in table_concepts(r.to_table.name)
            ),
            None,
        )
