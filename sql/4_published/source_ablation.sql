-- One row per (source left out, metric): one fixed model on the untouched test window, fitted with and without the source.
with source_ablation as (select * from training.source_ablation)

select
    left_out,
    description,
    metric,
    case when isfinite(with_source) then with_source::decimal(18, 6) end as with_source,
    case when isfinite(without_source) then without_source::decimal(18, 6) end as without_source,
    case when isfinite(difference) then difference::decimal(18, 6) end as difference,
    case when isfinite(low) then low::decimal(18, 6) end as interval_low,
    case when isfinite(high) then high::decimal(18, 6) end as interval_high,
    horizon_days
from source_ablation
order by left_out, metric
