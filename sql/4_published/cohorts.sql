-- One row per (kind of row, cohort, calendar month): net spend of the customers who first bought in the same month, and its forecast.
-- Actual rows sum to all net sales before as_of; forecast rows within the horizon (net_spend_in_horizon) sum to clv_run.predicted_spend_total.
-- A cohort is left-censored if its month begins less than 180 days after the first orders in the data: its customers may have
-- bought before the data begins, so that neither its size nor its age is to be trusted.
-- It is not a forecast of the company's revenue: customers to come are in revenue_forecast.
with customer_day as (select * from features.customer_day),

run as (select * from scores.run),

cohort_forecast as (select * from scores.cohort_forecast),

customer_scores as (select * from scores.customer_scores),

days as (
    select customer_day.*, date_trunc('month', customer_day.order_date)::date as month_date
    from customer_day
    cross join run
    where customer_day.order_date < run.as_of
),

-- not the very first day: one order with a wrong date would move it by years
data_start as (select quantile_disc(order_date, 0.001) as start_date from days where is_purchase_day),

firsts as (
    select customer_id, date_trunc('month', min(order_date))::date as first_month
    from days
    where is_purchase_day
    group by customer_id
),

sizes as (select first_month, count(*) as customers from firsts group by first_month),

-- fewer than 5 customers are not shown alone; where the small cohorts together are fewer, the smallest other one joins them
pooled as (
    select
        coalesce(sum(case when customers < 5 then customers end), 0) as small_customers,
        min_by(first_month, (customers, first_month)) filter (where customers >= 5) as smallest_shown
    from sizes
),

members as (
    select
        firsts.customer_id,
        firsts.first_month,
        case
            when sizes.customers >= 5
                and not (pooled.small_customers between 1 and 4 and firsts.first_month = pooled.smallest_shown)
                then firsts.first_month
        end as cohort_month
    from firsts
    inner join sizes on firsts.first_month = sizes.first_month
    cross join pooled
),

-- a return before the first purchase in the data, and the spend of who never bought, belong to no cohort
dated as (
    select
        days.customer_id,
        days.month_date,
        days.is_purchase_day,
        days.net_spend,
        members.cohort_month
    from days
    left join members on days.customer_id = members.customer_id and days.month_date >= members.first_month
),

spans as (
    select
        cohort_month,
        count(*) as customers,
        min(first_month) as first_month
    from members
    group by cohort_month
),

months as (
    select
        cohort_month,
        month_date,
        count(distinct case when is_purchase_day then customer_id end) as active_customers,
        sum(net_spend) as net_spend
    from dated
    group by cohort_month, month_date
),

calendar as (
    select unnest(generate_series(bounds.first_month, bounds.last_month, interval 1 month))::date as month_date
    from (
        select min(days.month_date) as first_month, date_trunc('month', any_value(run.as_of) - 1)::date as last_month
        from days
        cross join run
    ) as bounds
    where bounds.first_month is not null
),

cells as (
    select spans.cohort_month, calendar.month_date
    from spans
    inner join calendar on calendar.month_date >= spans.first_month
    union
    select cohort_month, month_date from months
),

actual as (
    select
        cells.cohort_month,
        cells.month_date,
        coalesce(spans.customers, 0) as customers,
        coalesce(months.active_customers, 0) as active_customers,
        coalesce(months.net_spend, 0) as net_spend,
        sum(coalesce(months.net_spend, 0)) over (
            partition by cells.cohort_month order by cells.month_date
        ) as net_spend_so_far
    from cells
    left join spans on cells.cohort_month is not distinct from spans.cohort_month
    left join months
        on cells.cohort_month is not distinct from months.cohort_month and cells.month_date = months.month_date
),

so_far as (
    select cohort_month, sum(net_spend) as net_spend
    from actual
    group by cohort_month
),

prospects as (select count(*) as customers from customer_scores where score_status = 'no_purchase_yet'),

every_row as (
    select
        'actual' as row_kind,
        case when actual.cohort_month is null then 'other' else 'cohort' end as cohort_kind,
        actual.cohort_month,
        actual.month_date,
        actual.month_date as from_date,
        least(actual.month_date + interval 1 month, run.as_of)::date - 1 as to_date,
        actual.customers,
        actual.active_customers,
        actual.net_spend,
        null as net_spend_low,
        null as net_spend_high,
        null as net_spend_in_horizon,
        actual.net_spend_so_far,
        null as net_spend_so_far_low,
        null as net_spend_so_far_high,
        null as season_factor
    from actual
    cross join run
    union all
    select
        'forecast' as row_kind,
        cohort_forecast.cohort_kind,
        cohort_forecast.cohort_month_date,
        cohort_forecast.month_date,
        cohort_forecast.from_date,
        cohort_forecast.to_date,
        case when cohort_forecast.cohort_kind = 'prospects' then prospects.customers else coalesce(spans.customers, 0) end,
        null,
        cohort_forecast.spend,
        cohort_forecast.spend_low,
        cohort_forecast.spend_high,
        cohort_forecast.spend_in_horizon,
        coalesce(so_far.net_spend, 0) + cohort_forecast.ahead,
        coalesce(so_far.net_spend, 0) + cohort_forecast.ahead_low,
        coalesce(so_far.net_spend, 0) + cohort_forecast.ahead_high,
        cohort_forecast.season_factor
    from cohort_forecast
    cross join prospects
    left join spans
        on cohort_forecast.cohort_kind <> 'prospects' and cohort_forecast.cohort_month_date is not distinct from spans.cohort_month
    left join so_far
        on cohort_forecast.cohort_kind <> 'prospects' and cohort_forecast.cohort_month_date is not distinct from so_far.cohort_month
)

select
    every_row.row_kind,
    every_row.cohort_kind,
    case
        when every_row.cohort_kind = 'cohort' then strftime(every_row.cohort_month, '%Y-%m') else every_row.cohort_kind
    end as cohort,
    every_row.month_date,
    every_row.cohort_month as cohort_month_date,
    date_diff('month', every_row.cohort_month, every_row.month_date) as months_since,
    every_row.from_date,
    every_row.to_date,
    every_row.customers,
    every_row.active_customers,
    (every_row.active_customers::double / nullif(every_row.customers, 0))::decimal(5, 4) as active_share,
    every_row.net_spend::decimal(18, 2) as net_spend,
    every_row.net_spend_low::decimal(18, 2) as net_spend_low,
    every_row.net_spend_high::decimal(18, 2) as net_spend_high,
    every_row.net_spend_in_horizon::decimal(18, 2) as net_spend_in_horizon,
    (every_row.net_spend / nullif(every_row.customers, 0))::decimal(18, 2) as spend_per_customer,
    every_row.net_spend_so_far::decimal(18, 2) as net_spend_so_far,
    every_row.net_spend_so_far_low::decimal(18, 2) as net_spend_so_far_low,
    every_row.net_spend_so_far_high::decimal(18, 2) as net_spend_so_far_high,
    (every_row.net_spend_so_far / nullif(every_row.customers, 0))::decimal(18, 2) as spend_per_customer_so_far,
    every_row.season_factor::decimal(6, 4) as season_factor,
    every_row.month_date + interval 1 month <= run.as_of as is_complete,
    every_row.cohort_month < data_start.start_date + $left_censored_days::integer as is_left_censored,
    run.currency
from every_row
cross join run
cross join data_start
order by every_row.cohort_month nulls last, every_row.cohort_kind, every_row.month_date, every_row.row_kind
