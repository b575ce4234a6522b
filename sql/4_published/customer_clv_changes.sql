-- One row per customer added, changed or removed since the as_of published before this one.
-- For customers who withdrew their consent it only has that they were removed.
with score_history as (select * from scores.history),

-- read on its own, as in score_change_summary.sql
nights as (select distinct as_of_date from scores.history),

refused as (select customer_id from clean.customers where not has_profiling_consent),

tonight as (select * from scores.tonight),

run as (select * from scores.run),

dates as (
    select max(nights.as_of_date) as previous_date
    from nights
    cross join run
    where nights.as_of_date < run.as_of
),

now_published as (
    select tonight.*
    from tonight
    cross join run
    where tonight.horizon_days = run.primary_horizon_days
),

previously_published as (
    select
        score_history.customer_id,
        case when score_history.customer_id not in (select customer_id from refused) then score_history.segment end
            as segment,
        case when score_history.customer_id not in (select customer_id from refused) then score_history.value_tier end
            as value_tier,
        case when score_history.customer_id not in (select customer_id from refused) then score_history.predicted_spend end
            as predicted_spend
    from score_history
    cross join run
    cross join dates
    where score_history.as_of_date = dates.previous_date and score_history.horizon_days = run.primary_horizon_days
)

select
    coalesce(now_published.customer_id, previously_published.customer_id) as customer_id,
    case
        when previously_published.customer_id is null then 'added'
        when now_published.customer_id is null then 'removed'
        else 'changed'
    end as change,
    dates.previous_date as previous_as_of_date,
    previously_published.segment as previous_segment,
    now_published.segment,
    previously_published.value_tier as previous_value_tier,
    now_published.value_tier,
    previously_published.predicted_spend as previous_predicted_spend,
    now_published.predicted_spend
from now_published
full outer join previously_published on now_published.customer_id = previously_published.customer_id
cross join dates
where
    dates.previous_date is not null
    and (
        now_published.customer_id is null
        or previously_published.customer_id is null
        or now_published.segment <> previously_published.segment
        or now_published.value_tier <> previously_published.value_tier
        or now_published.predicted_spend <> previously_published.predicted_spend
    )
order by customer_id
