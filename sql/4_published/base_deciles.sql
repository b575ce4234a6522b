-- One row per (period, group of buyers by net spend): lens 1 of the customer base, how unequal customers are.
-- Up to ten groups of equal size, the best first, none under 5 customers; a further row has those who did not buy in the period.
-- Sums over the rows of a period are the sums of customer_clv. A ranking of the past, not a prediction.
with customer_clv as (select * from published.customer_clv),

customer_day as (select * from features.customer_day),

run as (select * from scores.run),

days as (
    select customer_day.*, run.as_of
    from customer_day
    inner join customer_clv on customer_day.customer_id = customer_clv.customer_id
    cross join run
    where customer_day.order_date < run.as_of
),

periods as (
    select 'last_365_days' as period, as_of - 365 as period_start_date, as_of - 1 as period_end_date
    from run
    union all
    select 'all_time', (select min(order_date) from days), as_of - 1
    from run
),

spent as (
    select
        periods.period,
        days.customer_id,
        sum(days.net_spend) as net_spend,
        sum(days.orders) as orders,
        bool_or(days.is_purchase_day) as is_buyer
    from days
    inner join periods on days.order_date between periods.period_start_date and periods.period_end_date
    group by periods.period, days.customer_id
),

-- every customer is in every period, so that customers add up to clv_run.customers
everybody as (
    select
        periods.period,
        periods.period_start_date,
        periods.period_end_date,
        customer_clv.customer_id,
        coalesce(spent.net_spend, 0) as net_spend,
        coalesce(spent.orders, 0) as orders,
        coalesce(spent.is_buyer, false) as is_buyer
    from customer_clv
    cross join periods
    left join spent on customer_clv.customer_id = spent.customer_id and periods.period = spent.period
),

ranked as (
    select
        *,
        row_number() over (partition by period, is_buyer order by net_spend desc, customer_id) as place,
        count(*) over (partition by period, is_buyer) as customers_like_this
    from everybody
),

placed as (
    select
        *,
        greatest(least(10, customers_like_this // $smallest_cell), 1) as groups
    from ranked
),

grouped as (
    select
        *,
        case when is_buyer then ((place - 1) * groups // customers_like_this)::integer + 1 end as decile
    from placed
),

summed as (
    select
        period,
        any_value(period_start_date) as period_start_date,
        any_value(period_end_date) as period_end_date,
        is_buyer,
        decile,
        count(*) as customers,
        sum(orders) as orders,
        sum(net_spend) as net_spend,
        min(net_spend) as lowest_spend,
        max(net_spend) as highest_spend
    from grouped
    group by period, is_buyer, decile
),

totals as (select period, greatest(sum(net_spend), 0) as net_spend from summed group by period)

select
    summed.period,
    row_number() over best_first as position,
    summed.period_start_date,
    summed.period_end_date,
    case when summed.customers < $smallest_cell then 'other' when summed.is_buyer then 'decile' else 'no_purchase' end
        as row_kind,
    summed.decile,
    summed.customers,
    summed.orders::bigint as orders,
    (summed.orders / summed.customers)::decimal(18, 2) as orders_per_customer,
    (summed.net_spend / nullif(summed.orders, 0))::decimal(18, 2) as average_order_value,
    summed.net_spend::decimal(18, 2) as net_spend,
    (summed.net_spend / summed.customers)::decimal(18, 2) as spend_per_customer,
    summed.lowest_spend::decimal(18, 2) as lowest_spend,
    summed.highest_spend::decimal(18, 2) as highest_spend,
    try_cast(summed.net_spend / nullif(totals.net_spend, 0) as decimal(7, 4)) as spend_share,
    try_cast(sum(summed.net_spend) over best_first / nullif(totals.net_spend, 0) as decimal(7, 4)) as spend_share_to_here,
    run.currency
from summed
inner join totals on summed.period = totals.period
cross join run
window best_first as (
    partition by summed.period order by summed.is_buyer desc, summed.decile rows unbounded preceding
)
order by summed.period, position
