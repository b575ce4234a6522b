-- One row per (kind of row, calendar month): net sales of the last 24 months, and their forecast by who will spend it.
-- Existing customers and prospects within the horizon (net_spend_in_horizon) sum to clv_run.predicted_spend_total.
-- It is not a budget or a target: customers to come are assumed to arrive and to spend as recent ones did.
with customer_day as (select * from features.customer_day),

orders as (select * from clean.orders),

run as (select * from scores.run),

revenue_forecast as (select * from scores.revenue_forecast),

days as (
    select customer_day.*, date_trunc('month', customer_day.order_date)::date as month_date
    from customer_day
    cross join run
    where customer_day.order_date < run.as_of
),

firsts as (
    select customer_id, min(month_date) as first_month
    from days
    where is_purchase_day
    group by customer_id
),

new_buyers as (select first_month, count(*) as new_buyers from firsts group by first_month),

calendar as (
    select unnest(generate_series(bounds.first_month, bounds.last_month, interval 1 month))::date as month_date
    from (
        select
            greatest(min(days.month_date), date_trunc('month', any_value(run.as_of)) - interval 24 months)::date as first_month,
            date_trunc('month', any_value(run.as_of) - 1)::date as last_month
        from days
        cross join run
    ) as bounds
    where bounds.first_month is not null
),

sales as (
    select month_date, sum(net_spend) as net_spend
    from days
    group by month_date
),

-- guests, and customers who may not be profiled: nothing of it is derived from a person
all_sales as (
    select date_trunc('month', orders.order_date)::date as month_date, sum(orders.amount) as net_spend
    from orders
    cross join run
    where orders.order_date < run.as_of
    group by date_trunc('month', orders.order_date)::date
),

every_row as (
    select
        'actual' as row_kind,
        calendar.month_date,
        calendar.month_date as from_date,
        least(calendar.month_date + interval 1 month, run.as_of)::date - 1 as to_date,
        coalesce(new_buyers.new_buyers, 0)::double as new_buyers,
        coalesce(sales.net_spend, 0) as net_spend,
        null as net_spend_low,
        null as net_spend_high,
        null as net_spend_in_horizon,
        null as cumulative_spend,
        null as cumulative_low,
        null as cumulative_high,
        null as season_factor,
        coalesce(all_sales.net_spend, 0) - coalesce(sales.net_spend, 0) as unattributed_spend
    from calendar
    cross join run
    left join sales on calendar.month_date = sales.month_date
    left join all_sales on calendar.month_date = all_sales.month_date
    left join new_buyers on calendar.month_date = new_buyers.first_month
    union all
    select
        row_kind,
        month_date,
        from_date,
        to_date,
        new_buyers,
        spend,
        spend_low,
        spend_high,
        spend_in_horizon,
        ahead,
        ahead_low,
        ahead_high,
        season_factor,
        null
    from revenue_forecast
)

select
    every_row.row_kind,
    every_row.month_date,
    every_row.from_date,
    every_row.to_date,
    every_row.new_buyers::decimal(18, 1) as new_buyers,
    every_row.net_spend::decimal(18, 2) as net_spend,
    every_row.net_spend_low::decimal(18, 2) as net_spend_low,
    every_row.net_spend_high::decimal(18, 2) as net_spend_high,
    every_row.net_spend_in_horizon::decimal(18, 2) as net_spend_in_horizon,
    every_row.cumulative_spend::decimal(18, 2) as cumulative_spend,
    every_row.cumulative_low::decimal(18, 2) as cumulative_low,
    every_row.cumulative_high::decimal(18, 2) as cumulative_high,
    every_row.season_factor::decimal(6, 4) as season_factor,
    every_row.unattributed_spend::decimal(18, 2) as unattributed_spend,
    every_row.month_date + interval 1 month <= run.as_of as is_complete,
    case when every_row.row_kind <> 'actual' then every_row.from_date >= run.as_of + run.primary_horizon_days end
        as is_beyond_horizon,
    run.currency
from every_row
cross join run
order by every_row.row_kind, every_row.month_date
