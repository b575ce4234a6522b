-- Source ablation: metrics with and without; what cannot be computed is null, never NaN.

-- given training.source_ablation
select 90 as horizon_days, left_out, left_out as description, * exclude (left_out) from (values
    ('web', 'normalised_gini', 0.74::double, 0.71::double, 0.03::double, 0.02::double, 0.04::double),
    ('crm', 'spearman', 'nan'::double, 'nan'::double, 'nan'::double, '-inf'::double, 'inf'::double)
) as rows (left_out, metric, with_source, without_source, difference, low, high)

-- expect numbers, or nothing
select * from (values
    ('web', 'normalised_gini', 0.74, 0.71, 0.03, 0.02, 0.04),
    ('crm', 'spearman', null, null, null, null, null)
) as rows (left_out, metric, with_source, without_source, difference, interval_low, interval_high)
