-- One row per feature of the champion: its mean absolute contribution to a prediction, in money, and its source.
with feature_importance as (select * from scores.feature_importance)

select
    row_number() over (order by mean_contribution desc, feature) as rank,
    feature,
    source_family,
    description,
    mean_contribution::decimal(18, 4) as mean_contribution,
    horizon_days
from feature_importance
order by rank
