-- One row per (comparison, tier then, tier now): how customers moved between the value tiers.
-- Compared with tonight are the published nights about a month, a quarter and a year ago, as far as there are any; on every night, tiers
-- by actual spend in two periods. A move of a predicted tier is a changed expectation, which the limits of the tiers move with: it
-- is not money won or lost.
with customer_clv as (select * from published.customer_clv),

customer_day as (select * from features.customer_day),

score_history as (select * from scores.history),

-- read on its own, as in score_change_summary.sql
published_nights as (select distinct as_of_date from scores.history),

spend_variance as (select * from scores.spend_variance),

run as (select * from scores.run),

targets as (
    select unnest([('published_month_ago', 30), ('published_quarter_ago', 91), ('published_year_ago', 365)]) as target
),

-- kept are the nights of the last weeks and the first night of each month: the nearest is at most a month older than wanted
nights as (
    select targets.target[1] as comparison, max(published_nights.as_of_date) as before_date
    from targets
    cross join run
    inner join published_nights
        on published_nights.as_of_date between run.as_of - targets.target[2]::integer - 31
        and run.as_of - targets.target[2]::integer
    group by targets.target[1]
),

published as (
    select
        nights.comparison,
        customer_clv.customer_id,
        nights.before_date,
        score_history.value_tier as tier_before,
        customer_clv.value_tier as tier_now,
        score_history.predicted_spend as predicted_spend_before,
        spend_variance.predicted_spend as predicted_spend_now,
        spend_variance.variance,
        spend_variance.total_below,
        spend_variance.total_above,
        null::decimal(18, 2) as actual_spend_before,
        null::decimal(18, 2) as actual_spend_now,
        null::integer as period_days
    from nights
    cross join customer_clv
    cross join run
    inner join spend_variance on customer_clv.customer_id = spend_variance.customer_id
    left join score_history
        on nights.before_date = score_history.as_of_date
        and customer_clv.customer_id = score_history.customer_id
        and run.primary_horizon_days = score_history.horizon_days
),

days as (
    select customer_day.*
    from customer_day
    inner join customer_clv on customer_day.customer_id = customer_clv.customer_id
    cross join run
    where customer_day.order_date < run.as_of
),

-- two whole years where the history has them, else its two halves
periods as (
    select
        run.as_of,
        greatest(least(365, (run.as_of - (select min(order_date) from days)) // 2), 1)::integer as period_days
    from run
),

spent as (
    select
        days.customer_id,
        coalesce(bool_or(days.is_purchase_day and days.order_date < periods.as_of - periods.period_days), false)
            as has_bought_before,
        coalesce(bool_or(days.is_purchase_day), false) as has_bought,
        sum(
            case
                when days.order_date >= periods.as_of - 2 * periods.period_days
                    and days.order_date < periods.as_of - periods.period_days then days.net_spend
                else 0
            end
        ) as spend_before,
        sum(case when days.order_date >= periods.as_of - periods.period_days then days.net_spend else 0 end) as spend_now
    from days
    cross join periods
    group by days.customer_id
),

-- the same shares of those who have bought as in segment_thresholds
limits as (
    select
        quantile_cont(case when has_bought_before then spend_before end, 0.95) as a_before,
        quantile_cont(case when has_bought_before then spend_before end, 0.80) as b_before,
        quantile_cont(case when has_bought_before then spend_before end, 0.50) as c_before,
        quantile_cont(case when has_bought then spend_now end, 0.95) as a_now,
        quantile_cont(case when has_bought then spend_now end, 0.80) as b_now,
        quantile_cont(case when has_bought then spend_now end, 0.50) as c_now
    from spent
),

actual as (
    select
        'actual_spend' as comparison,
        customer_clv.customer_id,
        periods.as_of - periods.period_days as before_date,
        case
            when not coalesce(spent.has_bought_before, false) then null
            when spent.spend_before > limits.a_before then 'A'
            when spent.spend_before > limits.b_before then 'B'
            when spent.spend_before > limits.c_before then 'C'
            else 'D'
        end as tier_before,
        case
            when not coalesce(spent.has_bought, false) then null
            when spent.spend_now > limits.a_now then 'A'
            when spent.spend_now > limits.b_now then 'B'
            when spent.spend_now > limits.c_now then 'C'
            else 'D'
        end as tier_now,
        null::decimal(18, 2) as predicted_spend_before,
        null::decimal(18, 2) as predicted_spend_now,
        null::double as variance,
        null::double as total_below,
        null::double as total_above,
        coalesce(spent.spend_before, 0) as actual_spend_before,
        coalesce(spent.spend_now, 0) as actual_spend_now,
        periods.period_days
    from customer_clv
    cross join periods
    cross join limits
    left join spent on customer_clv.customer_id = spent.customer_id
),

everybody as (
    select * from published
    union all
    select * from actual
),

counted as (
    select
        *,
        count(*) over (partition by comparison, tier_before) as customers_of_tier_before,
        count(*) over (partition by comparison, tier_before, tier_now) < $smallest_cell as is_small
    from everybody
),

moves as (
    select
        comparison,
        is_small,
        case when not is_small then tier_before end as tier_before,
        case when not is_small then tier_now end as tier_now,
        any_value(before_date) as before_date,
        any_value(period_days) as period_days,
        any_value(customers_of_tier_before) as customers_of_tier_before,
        count(*) as customers,
        sum(predicted_spend_before) as predicted_spend_before,
        sum(predicted_spend_now) as predicted_spend_now,
        sum(variance) as variance,
        any_value(total_below) as total_below,
        any_value(total_above) as total_above,
        sum(actual_spend_before) as actual_spend_before,
        sum(actual_spend_now) as actual_spend_now
    from counted
    group by
        comparison, is_small, case when not is_small then tier_before end, case when not is_small then tier_now end
)

select
    moves.comparison,
    row_number() over (
        partition by moves.comparison
        order by moves.is_small, moves.tier_before nulls last, moves.tier_now nulls last
    ) as position,
    case when moves.is_small then 'other' else 'move' end as row_kind,
    moves.tier_before,
    moves.tier_now,
    case
        when moves.is_small then null
        when moves.tier_before is null and moves.tier_now is null then 'not_yet'
        when moves.tier_before is null then 'new'
        when moves.tier_now < moves.tier_before then 'up'
        when moves.tier_now > moves.tier_before then 'down'
        else 'same'
    end as direction,
    moves.customers,
    case when not moves.is_small then moves.customers / moves.customers_of_tier_before end::decimal(5, 4)
        as share_of_tier_before,
    moves.predicted_spend_before::decimal(18, 2) as predicted_spend_before,
    moves.predicted_spend_now::decimal(18, 2) as predicted_spend_now,
    -- `greatest` would make 0 of null
    case
        when moves.total_below is not null
            then greatest(
                moves.predicted_spend_now
                - sqrt(pow(moves.predicted_spend_now * moves.total_below, 2) + $z90 * $z90 * moves.variance), 0
            )
    end::decimal(18, 2) as predicted_spend_now_low,
    (
        moves.predicted_spend_now
        + sqrt(pow(moves.predicted_spend_now * moves.total_above, 2) + $z90 * $z90 * moves.variance)
    )::decimal(18, 2) as predicted_spend_now_high,
    moves.actual_spend_before::decimal(18, 2) as actual_spend_before,
    moves.actual_spend_now::decimal(18, 2) as actual_spend_now,
    moves.before_date,
    run.as_of as as_of_date,
    moves.period_days,
    case when moves.comparison <> 'actual_spend' then run.primary_horizon_days end as horizon_days,
    run.currency
from moves
cross join run
order by moves.comparison, position
