-- One row per subscription, with the price of all its items today: earlier prices are not in these tables.
-- amount is the plans' prices times their quantities, before tax and coupons, for one month, week, year ..., or for a quarter where
-- it is paid every three months.
with all_subscriptions as (select * from subscriptions),

all_items as (select * from subscription_items),

all_plans as (select * from plans),

items as (
    select
        all_items.subscription_id,
        coalesce(cast(all_items.quantity as decimal(18, 6)), 1) as quantity,
        all_plans.id as plan,
        cast(all_plans.amount as decimal(18, 6)) as minor,
        lower(all_plans.currency) as currency,
        case when all_plans.interval = 'month' and cast(all_plans.interval_count as integer) = 3 then 'quarter' else all_plans.interval end
            as paid_every,
        case
            when all_plans.interval = 'month' and cast(all_plans.interval_count as integer) = 3 then 1
            else cast(all_plans.interval_count as decimal(18, 6))
        end as times,
        case
            -- currencies without a smaller unit, and those with a thousandth; all others have cents. ISK and UGX come in hundredths
            when lower(all_plans.currency) in (
                'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'
            ) then 1
            when lower(all_plans.currency) in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then 1000
            else 100
        end as unit
    from all_items
    inner join all_plans on all_items.plan_id = all_plans.id
),

priced as (
    select
        subscription_id,
        min(plan) as plan,
        min(currency) as currency,
        min(paid_every) as paid_every,
        sum(cast(minor * quantity / unit / times as decimal(18, 6))) as amount
    from items
    group by subscription_id
)

select
    all_subscriptions.id as subscription_id,
    all_subscriptions.customer_id,
    substr(cast(coalesce(all_subscriptions.start_date, all_subscriptions.created) as varchar(40)), 1, 10) as valid_from,
    substr(cast(all_subscriptions.ended_at as varchar(40)), 1, 10) as valid_to,
    case
        when all_subscriptions.ended_at is null and all_subscriptions.canceled_at is null
            then substr(cast(all_subscriptions.current_period_end as varchar(40)), 1, 10)
    end as renews_at,
    priced.plan,
    priced.amount,
    priced.paid_every as "interval",
    case
        when cast(all_subscriptions.canceled_at as varchar(40)) like '%+%' then cast(all_subscriptions.canceled_at as varchar(40))
        else cast(all_subscriptions.canceled_at as varchar(40)) || 'Z'
    end as cancelled_at,
    all_subscriptions.status,
    upper(priced.currency) as currency
from all_subscriptions
inner join priced on all_subscriptions.id = priced.subscription_id
