"""The level at which purchases are suggested, category or product, and the sold lines at that level as temporary tables."""

from dataclasses import dataclass
from typing import Literal

from clv_pipeline.warehouse.connection import Connection, one_row

#: A level is used where at least this share of the sold lines names it.
_LEAST_NAMED = 0.5
_SOLD = """
    clean.orders
    where amount > 0 and customer_id is not null
        and customer_id not in (select customer_id from clean.customers where not has_profiling_consent)
"""


@dataclass(frozen=True)
class Level:
    """What is suggested: categories or products; None where neither can be, with the reason."""

    name: Literal["category", "product"] | None
    why_none: str | None = None


def choose_level(connection: Connection) -> Level:
    """Return categories where the source gives them, else products; neither where there are fewer than two to choose from."""
    lines, *named = one_row(
        connection,
        f"""
        select count(*), count({_item("product_category")}), count(distinct {_item("product_category")}),
            count({_item("product_id")}), count(distinct {_item("product_id")})
        from {_SOLD}
        """,
    )
    if lines == 0:
        return Level(None, "no sale names its customer")
    for level, with_name, distinct in (("category", *named[:2]), ("product", *named[2:])):
        if with_name >= _LEAST_NAMED * lines:
            if distinct < 2:
                return Level(None, f"every sale is of one {level}: there is nothing to choose between")
            return Level("category" if level == "category" else "product")
    return Level(None, "fewer than half of the sales name a product or a category (product_id, product_category)")


def write_lines(connection: Connection, level: Level) -> None:
    """Write the temporary tables of a level: `next_items`, `next_customers` and `next_lines`.

    next_lines has one row per customer, item, order and day of customers who may be profiled, as sold: returns are left
    out. Customers are numbered in the order of a hash, so that the first of them are a sample.
    """
    item = _item("product_category" if level.name == "category" else "product_id")
    sold = f"select *, {item} as item from {_SOLD} and {item} is not null"
    connection.execute(
        f"""
        create or replace temp table next_items as
        select item, row_number() over (order by item) - 1 as item_code from (select distinct item from ({sold}))
        order by item
        """
    )
    connection.execute(
        f"""
        create or replace temp table next_customers as
        select customer_id, row_number() over (order by md5(customer_id), customer_id) - 1 as customer_code
        from (select distinct customer_id from ({sold}))
        order by customer_code
        """
    )
    connection.execute(
        f"""
        create or replace temp table next_lines as
        select customer_code, item_code, order_date, hash(order_id, order_date) as order_key,
            sum(quantity)::double as quantity, sum(amount)::double as spend,
            case when sum(quantity) > 0 then (sum(amount) / sum(quantity))::double end as unit_price
        from ({sold}) as sold
        inner join next_items on sold.item = next_items.item
        inner join next_customers on sold.customer_id = next_customers.customer_id
        group by customer_code, item_code, order_date, order_key
        order by customer_code, item_code, order_date, order_key
        """
    )


def drop_lines(connection: Connection) -> None:
    """Drop what `write_lines` made."""
    for table in ("next_lines", "next_customers", "next_items"):
        connection.execute(f"drop table if exists {table}")


def read_items_of(connection: Connection) -> list[str]:
    """Return the name of each item, by its number."""
    return [str(item) for (item,) in connection.execute("select item from next_items order by item_code").fetchall()]


def read_labels(connection: Connection, level: Level) -> list[str]:
    """Return what each item is called in a text, by its number: a product's name where the source has one, else the item."""
    if level.name != "product":
        return read_items_of(connection)
    rows = connection.execute(
        "select coalesce(products.label, next_items.item) from next_items "
        "left join clean.products as products on next_items.item = products.product_id order by next_items.item_code"
    )
    return [str(label) for (label,) in rows.fetchall()]


def _item(column: str) -> str:
    return f"nullif(trim({column}), '')"
