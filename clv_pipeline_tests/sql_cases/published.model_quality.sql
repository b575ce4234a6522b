-- Model quality: metrics with their interval; what cannot be computed is null, never NaN.

-- given training.tuning
select 90 as horizon_days, 'xgboost' as candidate, 12.5::double as fold_score

-- given training.model_quality
select
    90 as horizon_days, 'spend_90d_total' as target, candidate, candidate = 'zero' as is_baseline,
    candidate <> 'zero' as is_champion, timestamp '2024-03-03' as test_window_start, 100 as customers, metric, value, low, high
from (values
    ('xgboost', 'mae', 10.0::double, 9.0::double, 11.0::double),
    ('zero', 'r2', 'nan'::double, '-inf'::double, 'inf'::double)
) as rows (candidate, metric, value, low, high)

-- expect numbers, or nothing
select * from (values
    ('xgboost', 'mae', '2024-03-03', 10.0, 9.0, 11.0, 12.5),
    ('zero', 'r2', '2024-03-03', null, null, null, null)
) as rows (candidate, metric, test_window_start_date, value, interval_low, interval_high, fold_score)
