-- Fairness audit: figures and their intervals; what cannot be computed is null, never NaN.

-- given training.fairness_audit
select 90 as horizon_days, 'gender' as attribute, date '2024-01-01' as test_window_start, * from (values
    ('female', 'spend_bias', 120, 0.05::double, -0.1::double, 0.2::double),
    ('male', 'spend_bias', 80, 'nan'::double, 'nan'::double, 'nan'::double)
) as rows (group_name, metric, customers, value, low, high)

-- expect numbers, or nothing
select * from (values
    ('female', 120, 0.05, -0.1, 0.2, '2024-01-01'),
    ('male', 80, null, null, null, '2024-01-01')
) as rows (group_name, customers, value, interval_low, interval_high, test_window_start_date)
