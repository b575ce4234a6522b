-- One row per (target, feature, position): mean prediction of the target's champion if all customers had this value of it.
with partial_dependence as (select * from training.partial_dependence),

run as (select * from scores.run)

select
    partial_dependence.target,
    partial_dependence.feature,
    partial_dependence.source_family,
    partial_dependence.description,
    partial_dependence.position,
    partial_dependence.value,
    partial_dependence.value_as_number,
    partial_dependence.prediction::decimal(18, 4) as prediction,
    partial_dependence.low::decimal(18, 4) as interval_low,
    partial_dependence.high::decimal(18, 4) as interval_high,
    case when not starts_with(partial_dependence.target, 'purchase') then run.currency end as currency,
    partial_dependence.horizon_days
from partial_dependence
cross join run
order by partial_dependence.target, partial_dependence.feature, partial_dependence.position
