-- Permutation importance: targets, features and whole sources ranked separately, ties by name; null, never NaN, and last.

-- given training.permutation_importance
select
    target, case when feature is null then 'source' else 'feature' end as row_kind, 90 as horizon_days, feature,
    source_family, '' as description, case when target = 'purchase_90d' then 'roc_auc' else 'normalised_gini' end as metric,
    mean_drop, mean_drop - 0.01 as low, mean_drop + 0.01 as high
from (values
    ('spend_90d_total', 'spend_90d', 'purchase', 0.02::double), ('spend_90d_total', 'web_sessions', 'web', 0.05::double),
    ('spend_90d_total', 'items', 'purchase', 0.02::double), ('spend_90d_total', null, 'purchase', 0.04::double),
    ('spend_90d_total', null, 'web', 'nan'::double), ('purchase_90d', 'items', 'purchase', 0.03::double)
) as rows (target, feature, source_family, mean_drop)

-- expect features by what they cost where row_kind = 'feature' and target = 'spend_90d_total'
select * from (values
    (1, 'web_sessions', 'web', 0.05, 0.04, 0.06),
    (2, 'items', 'purchase', 0.02, 0.01, 0.03),
    (3, 'spend_90d', 'purchase', 0.02, 0.01, 0.03)
) as rows (rank, feature, source_family, mean_drop, interval_low, interval_high)

-- expect sources by themselves, null for what is undefined where row_kind = 'source'
select * from (values
    (1, 'purchase', 0.04, 0.03, 0.05), (2, 'web', null, null, null)
) as rows (rank, source_family, mean_drop, interval_low, interval_high)

-- expect the other target by itself where target = 'purchase_90d'
select * from (values (1, 'items', 'roc_auc', 0.03)) as rows (rank, feature, metric, mean_drop)
