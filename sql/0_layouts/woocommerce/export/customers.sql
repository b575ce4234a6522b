-- One row per account that ordered in a CSV export of WooCommerce's orders, with the address by which its guest orders are known.
-- Not in the export: when the account was opened. Where an account used several addresses, the one of its last order.
with wc_orders as (select * from wc_orders)

select
    customer_user as customer_id,
    arg_max(customer_email, try_cast(order_id as bigint)) as email,
    arg_max(nullif(billing_country, ''), try_cast(order_id as bigint)) as country,
    arg_max(nullif(billing_state, ''), try_cast(order_id as bigint)) as region
from wc_orders
where coalesce(customer_user, '0') not in ('0', '') and coalesce(customer_email, '') <> ''
group by customer_user
