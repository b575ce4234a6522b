-- Model quality: metrics with their interval; what cannot be computed is null, never NaN.

-- given training.tuning
select 90 as horizon_days, *
from (values
    ('xgboost', 'spend', 12.5::double), ('champion_so_far', 'spend', 0.7::double), ('champion_so_far', 'purchase', -0.3::double)
) as rows (candidate, target, fold_score)

-- given features.horizons
select * from (values (90, 90), (365, 90)) as rows (horizon_days, learned_days)

-- given scores.run
select 'learned' as basis

-- given training.model_quality
select
    row_kind, 90 as horizon_days, target, candidate, candidate = 'zero' as is_baseline,
    candidate <> 'zero' as is_champion, timestamp '2024-03-03' as test_window_start, 100 as customers, metric, value, low, high,
    case when row_kind = 'verdict' then 'it is better' end as statement
from (values
    ('model', 'spend_90d_total', 'xgboost', 'mae', 10.0::double, 9.0::double, 11.0::double),
    ('model', 'spend_90d_total', 'zero', 'r2', 'nan'::double, '-inf'::double, 'inf'::double),
    ('model', 'spend_90d_total', 'champion_so_far', 'mae', 9.0::double, 8.0::double, 10.0::double),
    ('model', 'purchase_90d', 'champion_so_far', 'brier', 0.2::double, 0.1::double, 0.3::double),
    ('published', 'spend_90d_total', 'xgboost', 'interval_coverage', 0.9::double, 'nan'::double, 'nan'::double),
    ('verdict', 'spend_90d_total', 'xgboost', 'better_than_rules', 1.0::double, 'nan'::double, 'nan'::double)
) as rows (row_kind, target, candidate, metric, value, low, high)

-- expect the champions so far of both targets, who share a name, each with the score of its own where candidate = 'champion_so_far' and horizon_days = 90
select * from (values
    ('spend_90d_total', 'mae', 0.7), ('purchase_90d', 'brier', -0.3)
) as rows (target, metric, fold_score)

-- expect numbers, or nothing where candidate <> 'champion_so_far' and row_kind = 'model' and horizon_days = 90
select * from (values
    ('xgboost', 'mae', '2024-03-03', 10.0, 9.0, 11.0, 12.5),
    ('zero', 'r2', '2024-03-03', null, null, null, null)
) as rows (candidate, metric, test_window_start_date, value, interval_low, interval_high, fold_score)

-- expect what is published to have no score of tuning where row_kind = 'published' and horizon_days = 90
select * from (values ('xgboost', 'interval_coverage', 0.9, null)) as rows (candidate, metric, value, fold_score)

-- expect a horizon that is carried on to have the rows of the one that was learned where row_kind = 'verdict'
select * from (values
    (90, 90, 'learned', 'it is better'), (365, 90, 'extended', 'it is better')
) as rows (horizon_days, learned_days, basis, statement)
