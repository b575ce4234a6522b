-- One row per (feature, position): mean predicted spend if all customers had this value of it.
with partial_dependence as (select * from training.partial_dependence),

run as (select * from scores.run)

select
    partial_dependence.feature,
    partial_dependence.source_family,
    partial_dependence.description,
    partial_dependence.position,
    partial_dependence.value,
    partial_dependence.value_as_number,
    partial_dependence.predicted_spend::decimal(18, 2) as predicted_spend,
    partial_dependence.low::decimal(18, 2) as interval_low,
    partial_dependence.high::decimal(18, 2) as interval_high,
    run.currency,
    partial_dependence.horizon_days
from partial_dependence
cross join run
order by partial_dependence.feature, partial_dependence.position
