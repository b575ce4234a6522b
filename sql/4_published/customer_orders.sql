-- One row per customer and day with an order or a return: the history that the customer's scores rest on.
-- The days of a customer add up to historic_value in customer_clv. Not a list of orders: several of one day are one row, an order
-- without a customer has none, and neither have customers without a score.
with customer_day as (select * from features.customer_day),

customer_day_money as (select * from features.customer_day_money),

customer_clv as (select * from published.customer_clv),

run as (select * from scores.run)

select
    customer_day.customer_id,
    customer_day.order_date,
    customer_day.orders,
    customer_day.net_spend::decimal(18, 2) as net_spend,
    customer_day.returned::decimal(18, 2) as returned,
    case
        when $gross_margin is not null or customer_day.net_spend = money.spend_with_cost
            then coalesce(money.spend_with_cost - money.cost, 0)
                + (customer_day.net_spend - coalesce(money.spend_with_cost, 0)) * coalesce($gross_margin, 0)
    end::decimal(18, 2) as net_margin,
    money.discount::decimal(18, 2) as discount,
    money.tax::decimal(18, 2) as tax,
    money.shipping::decimal(18, 2) as shipping,
    customer_day.main_category,
    run.currency
from customer_day
cross join run
inner join customer_clv on customer_day.customer_id = customer_clv.customer_id
left join customer_day_money as money
    on customer_day.customer_id = money.customer_id and customer_day.order_date = money.order_date
where customer_day.order_date < run.as_of
order by customer_day.customer_id, customer_day.order_date
