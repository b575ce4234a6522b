-- One row per (as_of, customer_id, horizon_days) of the training population: what the customer spent in
-- [as_of, as_of + horizon), net of returns at their own time, and whether there was a purchase. A purchase day beyond
-- $outlier_multiple times the 99th percentile of the window's purchase days counts as that limit, unless the customer's
-- earlier purchases were of that size: a data-entry error is capped, a key account is not. The same definition as
-- `features/window_spend.py`.
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

days as (
    select
        windows.as_of,
        windows.customer_id,
        windows.horizon_days,
        customer_day.net_spend,
        customer_day.is_purchase_day,
        customer_day.usual_spend,
        $outlier_multiple * quantile_disc(customer_day.net_spend, 0.99) filter (where customer_day.is_purchase_day)
            over (partition by windows.as_of, windows.horizon_days) as outlier_limit
    from windows
    left join customer_day
        on windows.customer_id = customer_day.customer_id
        and customer_day.order_date >= windows.as_of
        and customer_day.order_date < windows.as_of + windows.horizon_days
)

select
    as_of,
    customer_id,
    horizon_days,
    coalesce(sum(
        case
            when net_spend > outlier_limit and net_spend > $outlier_multiple * coalesce(usual_spend, 0) then outlier_limit
            else net_spend
        end
    ), 0)::decimal(18, 2) as spend_total,
    coalesce(bool_or(is_purchase_day), false) as has_purchase,
    count(case when is_purchase_day then 1 end) as purchase_days
from days
group by as_of, customer_id, horizon_days
order by as_of, customer_id, horizon_days
