-- One row per (month, kind of row, year of acquisition): lens 5 of the customer base, which years' customers revenue comes from.
-- The actual layers of a month add up to its net sales, those of all months to the historic value in customer_clv. Forecast
-- layers are those of cohorts; customers to come are not in them.
with customer_clv as (select * from published.customer_clv),

cohorts as (select * from published.cohorts where row_kind = 'forecast'),

revenue_forecast as (select * from published.revenue_forecast where row_kind = 'existing_customers'),

customer_day as (select * from features.customer_day),

run as (select * from scores.run),

days as (
    select customer_day.*, date_trunc('month', customer_day.order_date)::date as month_date
    from customer_day
    inner join customer_clv on customer_day.customer_id = customer_clv.customer_id
    cross join run
    where customer_day.order_date < run.as_of
),

-- not the very first day: one order with a wrong date would move it by years
data_start as (select quantile_disc(order_date, 0.001) as start_date from days where is_purchase_day),

-- who never bought and only returned something belongs to the year of the first return
acquired as (
    select
        customer_id,
        year(coalesce(min(case when is_purchase_day then order_date end), min(order_date)))::integer as acquisition_year
    from days
    group by customer_id
),

layers as (
    select
        days.month_date,
        acquired.acquisition_year,
        count(distinct case when days.is_purchase_day then days.customer_id end) as active_customers,
        count(distinct days.customer_id) as customers,
        sum(days.orders) as orders,
        sum(days.net_spend) as net_spend
    from days
    inner join acquired on days.customer_id = acquired.customer_id
    group by days.month_date, acquired.acquisition_year
),

named as (
    select
        *,
        case when customers < $smallest_cell then 'other' else 'actual' end as row_kind,
        case when customers >= $smallest_cell then acquisition_year end as shown_year
    from layers
),

pooled as (
    select
        month_date,
        row_kind,
        shown_year as acquisition_year,
        sum(active_customers) as active_customers,
        sum(orders) as orders,
        sum(net_spend) as net_spend
    from named
    group by month_date, row_kind, shown_year
),

totals as (select month_date, greatest(sum(net_spend), 0) as net_spend from pooled group by month_date),

forecast as (
    select
        month_date,
        cohort_kind,
        year(cohort_month_date)::integer as acquisition_year,
        sum(net_spend) as net_spend
    from cohorts
    group by month_date, cohort_kind, year(cohort_month_date)
),

-- the interval of a layer is as wide, relative to it, as that of the month's existing customers together
expected as (
    select
        forecast.*,
        forecast.net_spend * revenue_forecast.net_spend_low / nullif(revenue_forecast.net_spend, 0) as net_spend_low,
        forecast.net_spend * revenue_forecast.net_spend_high / nullif(revenue_forecast.net_spend, 0) as net_spend_high
    from forecast
    left join revenue_forecast on forecast.month_date = revenue_forecast.month_date
),

every_row as (
    select
        pooled.month_date,
        pooled.row_kind,
        coalesce(pooled.acquisition_year::varchar, 'other') as layer,
        pooled.acquisition_year,
        pooled.month_date + interval 1 month <= run.as_of as is_complete,
        pooled.active_customers,
        pooled.orders,
        pooled.net_spend,
        null as net_spend_low,
        null as net_spend_high,
        pooled.net_spend / nullif(totals.net_spend, 0) as spend_share
    from pooled
    inner join totals on pooled.month_date = totals.month_date
    cross join run
    union all
    select
        month_date,
        'forecast' as row_kind,
        case when cohort_kind = 'cohort' then acquisition_year::varchar else cohort_kind end as layer,
        acquisition_year,
        false as is_complete,
        null as active_customers,
        null as orders,
        net_spend,
        net_spend_low,
        net_spend_high,
        null as spend_share
    from expected
)

select
    every_row.month_date,
    every_row.row_kind,
    every_row.layer,
    every_row.acquisition_year,
    make_date(every_row.acquisition_year, 1, 1) < data_start.start_date + $left_censored_days::integer as is_left_censored,
    every_row.is_complete,
    every_row.active_customers::bigint as active_customers,
    every_row.orders::bigint as orders,
    every_row.net_spend::decimal(18, 2) as net_spend,
    every_row.net_spend_low::decimal(18, 2) as net_spend_low,
    every_row.net_spend_high::decimal(18, 2) as net_spend_high,
    try_cast(every_row.spend_share as decimal(7, 4)) as spend_share,
    run.currency
from every_row
cross join data_start
cross join run
order by every_row.month_date, every_row.row_kind, every_row.layer
