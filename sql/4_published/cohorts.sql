-- One row per (month of the first purchase, months since): active customers, their net spend, and net spend to date.
with customer_day as (select * from features.customer_day),

run as (select * from scores.run),

days as (
    select customer_day.*
    from customer_day
    cross join run
    where customer_day.order_date < run.as_of
),

firsts as (
    select customer_id, date_trunc('month', min(order_date))::date as cohort_month
    from days
    where is_purchase_day
    group by customer_id
),

sizes as (select cohort_month, count(*) as customers from firsts group by cohort_month),

dated as (
    select
        firsts.cohort_month,
        date_diff('month', firsts.cohort_month, date_trunc('month', days.order_date)::date) as months_since,
        days.customer_id,
        days.is_purchase_day,
        days.net_spend
    from days
    inner join firsts on days.customer_id = firsts.customer_id
    where days.order_date >= firsts.cohort_month
),

months as (
    select
        cohort_month,
        months_since,
        count(distinct case when is_purchase_day then customer_id end) as active_customers,
        sum(net_spend) as net_spend
    from dated
    group by cohort_month, months_since
)

select
    months.cohort_month as cohort_month_date,
    months.months_since,
    sizes.customers,
    months.active_customers,
    (months.active_customers::double / sizes.customers)::decimal(5, 4) as active_share,
    months.net_spend::decimal(18, 2) as net_spend,
    sum(months.net_spend) over (
        partition by months.cohort_month order by months.months_since
    )::decimal(18, 2) as net_spend_so_far
from months
inner join sizes on months.cohort_month = sizes.cohort_month
order by cohort_month_date, months.months_since
