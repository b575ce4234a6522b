-- One row per (as_of, customer_id, horizon_days) of the training population: what the customer spent in
-- [as_of, as_of + horizon), net of returns at their own time and at most $outlier_multiple times the 99th percentile, and
-- whether there was a purchase. The same definition as `features/window_spend.py`.
-- Only windows that end by the run's as_of are included.
with population as (select * from features.population where role = 'train'),

horizons as (select distinct learned_days as horizon_days from features.horizons),

customer_day as (select * from features.customer_day),

extraction as (select * from raw.extraction),

windows as (
    select population.as_of, population.customer_id, horizons.horizon_days
    from population
    cross join horizons
    cross join extraction
    where population.as_of + horizons.horizon_days <= extraction.as_of
),

labelled as (
    select
        windows.as_of,
        windows.customer_id,
        windows.horizon_days,
        coalesce(sum(customer_day.net_spend), 0)::decimal(18, 2) as spend_total,
        coalesce(bool_or(customer_day.is_purchase_day), false) as spend_flag,
        count(case when customer_day.is_purchase_day then 1 end) as purchase_days
    from windows
    left join customer_day
        on windows.customer_id = customer_day.customer_id
        and customer_day.order_date >= windows.as_of
        and customer_day.order_date < windows.as_of + windows.horizon_days
    group by windows.as_of, windows.customer_id, windows.horizon_days
),

-- cap outliers: one data-entry error would distort every model
large as (
    select as_of, horizon_days, quantile_disc(spend_total, 0.99) as spend
    from labelled
    where spend_total > 0
    group by as_of, horizon_days
)

select
    labelled.as_of,
    labelled.customer_id,
    labelled.horizon_days,
    least(labelled.spend_total, $outlier_multiple * large.spend)::decimal(18, 2) as spend_total,
    labelled.spend_flag,
    labelled.purchase_days
from labelled
left join large on labelled.as_of = large.as_of and labelled.horizon_days = large.horizon_days
order by labelled.as_of, labelled.customer_id, labelled.horizon_days
