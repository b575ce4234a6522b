-- Parameter search: every set that was tried, with the score that chose it and the metric of its target.

-- given training.parameter_sets
select 90 as horizon_days, * from (values
    ('spend_90d_total', 'xgboost', 1, '{"learning_rate": 0.06}', false, 0.70::double, 0.31::double, null::double),
    ('spend_90d_total', 'xgboost', 2, '{"learning_rate": 0.15}', true, 0.71::double, -0.2::double, null),
    ('purchase_90d', 'base_rate', 1, '{}', true, null, null, null)
) as rows (target, candidate, parameter_set, parameters, is_chosen, fold_score, r_squared, roc_auc)

-- expect each set, null without a fold
select * from (values
    ('spend_90d_total', 'xgboost', 1, '{"learning_rate": 0.06}', false, 0.70, 0.31, null),
    ('spend_90d_total', 'xgboost', 2, '{"learning_rate": 0.15}', true, 0.71, -0.20, null),
    ('purchase_90d', 'base_rate', 1, '{}', true, null, null, null)
) as rows (target, candidate, parameter_set, parameters, is_chosen, fold_score, r_squared, roc_auc)
