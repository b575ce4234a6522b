-- One row per (horizon, attribute, group, metric): how the predictions treat groups of customers on the untouched test window.
-- Age, gender and other denied features are used here and nowhere else.
with fairness_audit as (select * from training.fairness_audit)

select
    horizon_days,
    attribute,
    group_name,
    metric,
    customers,
    case when isfinite(value) then value::decimal(18, 6) end as value,
    case when isfinite(low) then low::decimal(18, 6) end as interval_low,
    case when isfinite(high) then high::decimal(18, 6) end as interval_high,
    test_window_start as test_window_start_date
from fairness_audit
order by horizon_days, attribute, group_name, metric
