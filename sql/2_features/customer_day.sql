-- One row per (customer, day) with any order line: the base of every purchase feature, a quarter of the size of the order lines.
-- Customers who may not be profiled are in nothing derived from it: no feature, label, level, cohort or outcome.
with refused as (select customer_id from clean.customers where not has_profiling_consent),

orders as (
    -- `not in`: a left join to what statistics prove to be no row makes DuckDB 2.0.0 fold later comparisons to false
    select *
    from clean.orders
    where customer_id is not null and customer_id not in (select customer_id from refused)
),

first_purchases as (
    select customer_id, product_id, min(order_date) as order_date
    from orders
    where amount > 0 and product_id is not null
    group by customer_id, product_id
),

new_products as (
    select customer_id, order_date, count(*) as new_products
    from first_purchases
    group by customer_id, order_date
),

days as (
    select
        customer_id,
        order_date,
        count(distinct case when amount > 0 then order_id end) as orders,
        count(case when amount > 0 then 1 end) as lines,
        coalesce(sum(case when amount > 0 then quantity end), 0) as items,
        sum(amount) as net_spend,
        sum(case when amount > 0 then amount else 0 end) as gross_spend,
        -sum(case when amount < 0 then amount else 0 end) as returned,
        max_by(product_category, (amount, product_category)) as main_category,
        max_by(channel, (amount, channel)) as main_channel
    from orders
    group by customer_id, order_date
),

with_previous as (
    select
        *,
        max(case when gross_spend > 0 then order_date end) over (
            partition by customer_id order by order_date rows between unbounded preceding and 1 preceding
        ) as previous_purchase_date,
        avg(case when gross_spend > 0 then net_spend end) over (
            partition by customer_id order by order_date rows between unbounded preceding and 1 preceding
        )::decimal(18, 2) as usual_spend
    from days
)

select
    with_previous.* exclude (previous_purchase_date),
    with_previous.gross_spend > 0 as is_purchase_day,
    case
        when with_previous.gross_spend > 0
            then date_diff('day', with_previous.previous_purchase_date, with_previous.order_date)
    end as gap_days,
    coalesce(new_products.new_products, 0) as new_products
from with_previous
left join new_products
    on with_previous.customer_id = new_products.customer_id and with_previous.order_date = new_products.order_date
order by with_previous.customer_id, with_previous.order_date
