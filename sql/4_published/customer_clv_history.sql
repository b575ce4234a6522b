-- One row per (customer_id, as_of_date, horizon_days): the scores of the last 35 published nights, and before them of the first
-- published night of each month, as they were published.
-- Customers who withdrew their consent are removed. What is the same for all customers of a night is in `predicted_totals`.
-- It is a view, sorted once, when the bundle is written: else each reader would sort 48 nights of all customers.
with score_history as (select * from scores.history),

tonight as (select * from scores.tonight),

kept_nights as (select * from scores.kept_nights),

run as (select * from scores.run),

refused as (select customer_id from clean.customers where not has_profiling_consent),

-- a run repeated for the same as_of replaces only its own rows
everything as (
    select score_history.*
    from score_history
    cross join run
    where
        score_history.as_of_date <> run.as_of
        and score_history.as_of_date in (select kept_nights.as_of_date from kept_nights)
    union all by name
    select * from tonight
)

select
    as_of_date,
    customer_id,
    horizon_days,
    predicted_spend,
    purchase_probability,
    predicted_spend_low,
    predicted_spend_high,
    baseline_spend,
    baseline_probability,
    segment,
    value_tier,
    score_status,
    historic_value,
    updated_at
from everything
where customer_id not in (select customer_id from refused)
