"""A made-up shop of any size, made inside DuckDB: gamma-Poisson buyers who drop out, two lines to an order.

Every customer is won at some day of two years, buys at a rate of their own (gamma), and is lost after a time of their own
(exponential with a gamma rate). On average 4.8 orders and 9.6 lines per customer; 4 % of the lines are returned. The same
seed gives the same shop. Other benchmarks import `build_shop`; to look at the data yourself:

    .venv/bin/python -m benchmarks.made_up_shop --customers 1000000 --out shop.parquet
"""

import argparse
import sys
from pathlib import Path

import duckdb

FIRST_DAY, LAST_DAY = "2024-01-01", "2025-12-31"
CUTOFF = "2026-01-01"

#: Uniform numbers in (0, 1) made of hashes, so that the order of rows and the number of threads change nothing.
_UNIFORM = "((hash({key}, {salt}) % 1000003 + 0.5) / 1000003)"

_CUSTOMERS = """
create or replace temp table customers as
with drawn as (
    select
        i,
        floor({u_start} * 640)::integer as first_day,
        -- gamma with shape 2: the sum of two exponentials; orders a day
        -(ln({u_rate_1}) + ln({u_rate_2})) * 0.0077 as rate,
        -- lost after an exponential time whose mean is 420 days
        -ln({u_life}) * 420 as life
    from range({customers}) as r(i)
)
select i, first_day, rate, least(life, 730 - first_day) as active_days from drawn
"""

_LINES = """
create or replace table clean.orders as
with orders as (
    select
        i,
        n,
        -- the first order is the customer's start; later ones fall anywhere in their active time (a Poisson process)
        case when n = 0 then first_day else first_day + floor({u_day} * active_days) end::integer as day
    from customers,
        unnest(range(1 + least(60, floor(rate * active_days + {u_round})::integer))) as t(n)
),

lines as (
    select
        i,
        n,
        l,
        date '{first_day}' + day as order_date,
        1 + hash(i, n, l, 11) % 3 as quantity,
        exp(2.2 + 1.1 * sqrt(-2 * ln({u_a})) * cos(2 * pi() * {u_b})) + 1 as price,
        {u_return} < 0.04 as is_return
    from orders, range(2) as t(l)
)

select
    'O' || i || '-' || n as order_id,
    'C' || lpad(i::varchar, 9, '0') as customer_id,
    order_date,
    'P' || (hash(i, n, l, 12) % 5000) as product_id,
    'category ' || (hash(i, n, l, 12) % 5000) % 20 as product_category,
    quantity::decimal(18, 6) as quantity,
    (case when is_return then -1 else 1 end * quantity * price)::decimal(18, 2) as amount,
    case hash(i, n, 13) % 3 when 0 then 'web' when 1 then 'app' else 'store' end as channel
from lines
order by order_date, customer_id
"""

# a company without a CRM: customers are known from their orders, and everybody is profiled
_CLEAN_CUSTOMERS = """
create or replace table clean.customers as
select distinct customer_id, true as has_profiling_consent from clean.orders order by customer_id
"""


def build_shop(connection: duckdb.DuckDBPyConnection, customers: int) -> None:
    """Create `clean.orders` and `clean.customers`, with the columns that the purchase mart reads and no others."""

    def uniform(key: str, salt: int) -> str:
        return _UNIFORM.format(key=key, salt=salt)

    connection.execute("create schema if not exists clean")
    connection.execute(
        _CUSTOMERS.format(
            customers=int(customers),
            u_start=uniform("i", 1), u_rate_1=uniform("i", 2), u_rate_2=uniform("i", 3), u_life=uniform("i", 4),
        )
    )  # fmt: skip
    connection.execute(
        _LINES.format(
            first_day=FIRST_DAY, u_day=uniform("i, n", 5), u_round=uniform("i", 6),
            u_a=uniform("i, n, l", 7), u_b=uniform("i, n, l", 8), u_return=uniform("i, n, l", 9),
        )
    )  # fmt: skip
    connection.execute("drop table customers")
    connection.execute(_CLEAN_CUSTOMERS)


def main() -> None:
    """Write the shop's order lines as Parquet and say how many there are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=Path("shop.parquet"))
    arguments = parser.parse_args()
    with duckdb.connect() as connection:
        build_shop(connection, arguments.customers)
        path = str(arguments.out).replace("'", "''")
        connection.execute(f"copy clean.orders to '{path}' (format parquet)")
        counts = connection.sql(
            "select count(distinct customer_id), count(distinct order_id), count(*), sum(amount) from clean.orders"
        ).fetchall()[0]
    sys.stdout.write("customers {:,}, orders {:,}, lines {:,}, net {:,} in {}\n".format(*counts, arguments.out))


if __name__ == "__main__":
    main()
