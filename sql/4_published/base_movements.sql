-- One row per step of the bridge from one period to the next: lens 2 of the customer base, who came, stayed and went.
-- The opening balance plus all changes is the closing balance, in customers and, to the cent, in money. A customer is active in a period
-- with a purchase in it; returns of a customer without a purchase in either period are the step returns_only. Past spend only.
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

history as (select min(order_date) as history_start_date from days),

-- two whole years where the history has them, else its two halves
periods as (
    select
        history.history_start_date,
        run.as_of,
        greatest(least(365, (run.as_of - history.history_start_date) // 2), 1)::integer as period_days,
        run.currency
    from run
    cross join history
),

spent as (
    select
        days.customer_id,
        sum(case when days.order_date < periods.as_of - periods.period_days then days.net_spend else 0 end) as spend_before,
        sum(case when days.order_date >= periods.as_of - periods.period_days then days.net_spend else 0 end) as spend_now,
        sum(case when days.order_date < periods.as_of - periods.period_days then days.orders else 0 end) as orders_before,
        sum(case when days.order_date >= periods.as_of - periods.period_days then days.orders else 0 end) as orders_now,
        bool_or(days.is_purchase_day and days.order_date < periods.as_of - periods.period_days) as is_before,
        bool_or(days.is_purchase_day and days.order_date >= periods.as_of - periods.period_days) as is_now
    from days
    cross join periods
    where days.order_date >= periods.as_of - 2 * periods.period_days
    group by days.customer_id
),

earlier_buyers as (
    select distinct days.customer_id
    from days
    cross join periods
    where days.is_purchase_day and days.order_date < periods.as_of - 2 * periods.period_days
),

moved as (
    select
        spent.*,
        case
            when is_before and is_now and spend_now > spend_before then 'grown'
            when is_before and is_now and spend_now < spend_before then 'shrunk'
            when is_before and is_now then 'unchanged'
            when is_before then 'lapsed'
            when is_now and earlier_buyers.customer_id is not null then 'reactivated'
            when is_now then 'new'
            else 'returns_only'
        end as movement
    from spent
    left join earlier_buyers on spent.customer_id = earlier_buyers.customer_id
),

counted as (select *, count(*) over (partition by movement) as customers_of_movement from moved),

pooled as (
    select
        *,
        case when customers_of_movement < $smallest_cell then 'other' else movement end as step
    from counted
),

changes as (
    select
        step,
        count(*) as customers,
        sum(case when is_now and not is_before then 1 when is_before and not is_now then -1 else 0 end) as customer_change,
        sum(spend_before) as spend_before,
        sum(spend_now) as spend_now,
        sum(orders_before) as orders_before,
        sum(orders_now) as orders_now
    from pooled
    group by step
),

balances as (
    select
        count(case when is_before then 1 end) as customers_before,
        count(case when is_now then 1 end) as customers_now,
        coalesce(sum(spend_before), 0) as spend_before,
        coalesce(sum(spend_now), 0) as spend_now,
        coalesce(sum(orders_before), 0) as orders_before,
        coalesce(sum(orders_now), 0) as orders_now
    from moved
),

-- a step without customers is a row too: a chart of two nights has the same steps
steps as (
    select
        unnest([
            (1, 'balance', 'opening'), (2, 'change', 'new'), (3, 'change', 'reactivated'), (4, 'change', 'grown'),
            (5, 'change', 'unchanged'), (6, 'change', 'shrunk'), (7, 'change', 'lapsed'), (8, 'change', 'returns_only'),
            (9, 'other', 'other'), (10, 'balance', 'closing')
        ]) as step
),

named as (select step[1]::integer as position, step[2] as row_kind, step[3] as step from steps),

bridge as (
    select
        named.position,
        named.row_kind,
        named.step,
        case
            when named.step = 'opening' then balances.customers_before
            when named.step = 'closing' then balances.customers_now
            else coalesce(changes.customers, 0)
        end as customers,
        case when named.row_kind <> 'balance' then coalesce(changes.customer_change, 0) end as customer_change,
        case
            when named.step = 'opening' then balances.spend_before
            when named.row_kind <> 'balance' then coalesce(changes.spend_before, 0)
        end as spend_before,
        case
            when named.step = 'closing' then balances.spend_now
            when named.row_kind <> 'balance' then coalesce(changes.spend_now, 0)
        end as spend_now,
        case
            when named.step = 'opening' then balances.orders_before
            when named.row_kind <> 'balance' then coalesce(changes.orders_before, 0)
        end as orders_before,
        case
            when named.step = 'closing' then balances.orders_now
            when named.row_kind <> 'balance' then coalesce(changes.orders_now, 0)
        end as orders_now,
        balances.spend_before as opening_spend
    from named
    cross join balances
    left join changes on named.step = changes.step
)

select
    bridge.position,
    bridge.row_kind,
    bridge.step,
    bridge.customers,
    bridge.customer_change::bigint as customer_change,
    bridge.spend_before::decimal(18, 2) as spend_before,
    bridge.spend_now::decimal(18, 2) as spend_now,
    case when bridge.row_kind <> 'balance' then bridge.spend_now - bridge.spend_before end::decimal(18, 2) as spend_change,
    case
        when bridge.row_kind <> 'balance'
            then try_cast((bridge.spend_now - bridge.spend_before) / nullif(greatest(bridge.opening_spend, 0), 0) as decimal(9, 4))
    end as change_share,
    bridge.orders_before::bigint as orders_before,
    bridge.orders_now::bigint as orders_now,
    periods.period_days,
    periods.as_of - 2 * periods.period_days as before_start_date,
    periods.as_of - periods.period_days as now_start_date,
    periods.as_of - 1 as now_end_date,
    periods.history_start_date,
    periods.currency
from bridge
cross join periods
where bridge.step <> 'other' or bridge.customers > 0
order by bridge.position
