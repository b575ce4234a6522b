-- One row per (customer, day) with an order line that has a discount, a tax, postage or a cost: their sums on that day.
-- spend_with_cost is the net spend of the lines with a cost: it less the cost is their margin. No feature of a model; empty where the
-- source returns none of these columns. Customers who may not be profiled are not in it.
with refused as (select customer_id from clean.customers where not has_profiling_consent),

orders as (
    select *
    from clean.orders
    where
        customer_id is not null and coalesce(discount, tax, shipping, cost) is not null
        and customer_id not in (select customer_id from refused)
)

select
    customer_id,
    order_date,
    sum(discount) as discount,
    sum(tax) as tax,
    sum(shipping) as shipping,
    sum(cost) as cost,
    sum(case when cost is not null then amount end) as spend_with_cost
from orders
group by customer_id, order_date
order by customer_id, order_date
