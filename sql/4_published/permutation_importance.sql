-- One row per target and feature of its champion, and one per source as a whole: the ranking skill lost on the untouched test
-- window when its values are shuffled among customers. Correlated features share their importance; sources do not.
with permutation_importance as (select * from training.permutation_importance)

select
    target,
    row_kind,
    row_number() over (
        partition by target, row_kind order by isfinite(mean_drop) desc, mean_drop desc, feature, source_family
    ) as rank,
    feature,
    source_family,
    description,
    metric,
    case when isfinite(mean_drop) then mean_drop::decimal(18, 6) end as mean_drop,
    case when isfinite(low) then low::decimal(18, 6) end as interval_low,
    case when isfinite(high) then high::decimal(18, 6) end as interval_high,
    horizon_days
from permutation_importance
order by target, row_kind, rank
