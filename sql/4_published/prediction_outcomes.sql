-- One row per (past as_of, horizon, predicted decile): predicted and actual spend, once the window is over.
with score_history as (select * from scores.history where score_status <> 'no_purchase_yet'),

customer_day as (select * from features.customer_day),

run as (select * from scores.run),

over_now as (
    select
        score_history.*,
        ntile(10) over (
            partition by score_history.as_of_date, score_history.horizon_days
            order by score_history.predicted_spend desc, score_history.customer_id
        ) as predicted_decile
    from score_history
    cross join run
    where score_history.as_of_date + score_history.horizon_days <= run.as_of
),

outcomes as (
    select
        over_now.as_of_date,
        over_now.horizon_days,
        over_now.predicted_decile,
        over_now.customer_id,
        any_value(over_now.predicted_spend) as predicted_spend,
        any_value(over_now.purchase_probability) as purchase_probability,
        coalesce(sum(customer_day.net_spend), 0) as actual_spend,
        coalesce(bool_or(customer_day.is_purchase_day), false) as is_buyer
    from over_now
    left join customer_day
        on over_now.customer_id = customer_day.customer_id
        and customer_day.order_date >= over_now.as_of_date
        and customer_day.order_date < over_now.as_of_date + over_now.horizon_days
    group by over_now.as_of_date, over_now.horizon_days, over_now.predicted_decile, over_now.customer_id
)

select
    as_of_date,
    horizon_days,
    predicted_decile,
    count(*) as customers,
    sum(predicted_spend)::decimal(18, 2) as predicted_spend,
    sum(actual_spend)::decimal(18, 2) as actual_spend,
    sum(purchase_probability)::decimal(18, 2) as predicted_buyers,
    count(case when is_buyer then 1 end) as actual_buyers
from outcomes
group by as_of_date, horizon_days, predicted_decile
order by as_of_date, horizon_days, predicted_decile
