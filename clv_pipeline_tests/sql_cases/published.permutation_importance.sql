-- Permutation importance: features and whole sources ranked each by themselves, ties by name; null, never NaN, and last.

-- given training.permutation_importance
select 90 as horizon_days, feature, source_family, '' as description, mean_drop, mean_drop - 0.01 as low, mean_drop + 0.01 as high
from (values
    ('spend_90d', 'purchase', 0.02::double), ('web_sessions', 'web', 0.05::double), ('items', 'purchase', 0.02::double),
    ('all', 'purchase', 0.04::double), ('all', 'web', 'nan'::double)
) as rows (feature, source_family, mean_drop)

-- expect features by what they cost where feature <> 'all'
select * from (values
    (1, 'web_sessions', 'web', 0.05, 0.04, 0.06),
    (2, 'items', 'purchase', 0.02, 0.01, 0.03),
    (3, 'spend_90d', 'purchase', 0.02, 0.01, 0.03)
) as rows (rank, feature, source_family, mean_drop, interval_low, interval_high)

-- expect sources by themselves, null for what is undefined where feature = 'all'
select * from (values
    (1, 'purchase', 0.04, 0.03, 0.05), (2, 'web', null, null, null)
) as rows (rank, source_family, mean_drop, interval_low, interval_high)
