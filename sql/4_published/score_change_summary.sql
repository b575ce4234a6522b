-- One row per cause of changes since the published night before: money, customers, and moves between value tiers.
-- The money of all rows is the difference of the two nights' predicted totals, to the cent; customers who came or left have
-- rows of their own. Causes with fewer than 5 customers are pooled in `other`.
with score_changes as (select * from scores.score_changes),

customer_clv as (select * from published.customer_clv),

customer_scores as (select * from scores.customer_scores),

score_history as (select * from scores.history),

-- read on its own: two readers of score_history would make DuckDB keep it in memory, 1 CPU s for 48 nights of 100,000 customers
nights as (select distinct as_of_date from scores.history),

run as (select * from scores.run),

previous as (
    select score_history.*
    from score_history
    cross join run
    where score_history.horizon_days = run.primary_horizon_days
        and score_history.as_of_date = (select max(nights.as_of_date) from nights cross join run where nights.as_of_date < run.as_of)
),

-- the tiers' limits of the night before: each was exceeded by its own customers only
limits as (
    select
        max(case when value_tier <> 'A' then predicted_spend end) as tier_a,
        max(case when value_tier in ('C', 'D') then predicted_spend end) as tier_b,
        max(case when value_tier = 'D' and score_status <> 'no_purchase_yet' then predicted_spend end) as tier_c
    from previous
),

compared as (
    select
        customer_clv.customer_id,
        coalesce(score_changes.main_cause, 'score_unchanged') as main_cause,
        customer_clv.value_tier <> previous.value_tier as is_moved,
        case
            when customer_clv.score_status = 'no_purchase_yet' then 'D'
            when customer_scores.primary_spend > coalesce(limits.tier_a, 0) then 'A'
            when customer_scores.primary_spend > coalesce(limits.tier_b, 0) then 'B'
            when customer_scores.primary_spend > coalesce(limits.tier_c, 0) then 'C'
            else 'D'
        end <> previous.value_tier as is_moved_by_own_score
    from customer_clv
    inner join previous on customer_clv.customer_id = previous.customer_id
    inner join customer_scores on customer_clv.customer_id = customer_scores.customer_id
    left join score_changes on customer_clv.customer_id = score_changes.customer_id
    cross join limits
),

moves as (
    select
        main_cause as cause,
        count(*) as main_cause_customers,
        count(case when is_moved and is_moved_by_own_score then 1 end) as tier_moves_by_own_score,
        count(case when is_moved and not is_moved_by_own_score then 1 end) as tier_moves_by_threshold
    from compared
    group by main_cause
),

causes as (
    select
        unnest([
            'time_passed', 'new_orders', 'returns', 'web', 'survey', 'social', 'campaigns', 'corrections', 'model',
            'level_and_season', 'settings', 'not_split'
        ]) as cause,
        unnest([
            time_passed, new_orders, returns, web, survey, social, campaigns, corrections, model, level_and_season,
            settings, not_split
        ]) as part
    from score_changes
),

money as (
    select
        cause,
        count(case when part <> 0 then 1 end) as customers,
        sum(part) as change
    from causes
    group by cause
    union all
    select 'score_unchanged' as cause, count(*) as customers, 0 as change
    from compared
    where main_cause = 'score_unchanged'
    having count(*) > 0
    union all
    select 'customer_added' as cause, count(*) as customers, sum(customer_scores.primary_spend) as change
    from customer_scores
    left join previous on customer_scores.customer_id = previous.customer_id
    where previous.customer_id is null and exists (select 1 from previous)
    having count(*) > 0
    union all
    select 'customer_removed' as cause, count(*) as customers, -sum(previous.predicted_spend) as change
    from previous
    left join customer_scores on previous.customer_id = customer_scores.customer_id
    where customer_scores.customer_id is null
    having count(*) > 0
),

joined as (
    select
        money.cause,
        money.customers,
        money.change,
        coalesce(moves.main_cause_customers, 0) as main_cause_customers,
        coalesce(moves.tier_moves_by_own_score, 0) as tier_moves_by_own_score,
        coalesce(moves.tier_moves_by_threshold, 0) as tier_moves_by_threshold
    from money
    left join moves on money.cause = moves.cause
    where money.customers > 0
),

pooled as (
    select
        case when customers < 5 then 'other' else cause end as cause,
        sum(customers)::bigint as customers,
        sum(change) as change,
        sum(main_cause_customers)::bigint as main_cause_customers,
        sum(tier_moves_by_own_score)::bigint as tier_moves_by_own_score,
        sum(tier_moves_by_threshold)::bigint as tier_moves_by_threshold
    from joined
    group by case when customers < 5 then 'other' else cause end
)

select
    pooled.cause,
    case
        when pooled.cause in ('customer_added', 'customer_removed', 'score_unchanged', 'other') then pooled.cause
        else 'cause'
    end as row_kind,
    pooled.customers,
    pooled.main_cause_customers,
    pooled.change::decimal(18, 2) as change,
    pooled.tier_moves_by_own_score,
    pooled.tier_moves_by_threshold,
    (select any_value(previous.as_of_date) from previous) as previous_as_of_date,
    run.as_of as as_of_date,
    run.currency
from pooled
cross join run
order by abs(pooled.change) desc, pooled.cause
