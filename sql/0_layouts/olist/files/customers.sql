-- One row per person of Olist's files: customer_unique_id, with the place of the last of their orders.
-- Not in the files: when they were entered, how they were won, e-mail addresses.
with olist_customers_dataset as (select * from olist_customers_dataset),

olist_orders_dataset as (select * from olist_orders_dataset)

select
    customers.customer_unique_id as customer_id,
    'BR' as country,
    arg_max(customers.customer_state, coalesce(orders.order_purchase_timestamp, '') || customers.customer_id) as region
from olist_customers_dataset as customers
left join olist_orders_dataset as orders on customers.customer_id = orders.customer_id
group by customers.customer_unique_id
