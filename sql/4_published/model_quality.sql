-- One row per (row_kind, horizon, target, candidate, metric) on the untouched test window, with its 90 % bootstrap interval.
-- A horizon that is carried on from a shorter one has the rows of that one, under its own length.
with model_quality as (select * from training.model_quality),

tuning as (select * from training.tuning),

horizons as (select * from features.horizons),

run as (select * from scores.run)

select
    model_quality.row_kind,
    horizons.horizon_days,
    model_quality.target,
    model_quality.candidate,
    model_quality.is_baseline,
    model_quality.is_champion,
    model_quality.test_window_start::date as test_window_start_date,
    model_quality.customers,
    model_quality.metric,
    case when isfinite(model_quality.value) then model_quality.value::decimal(18, 6) end as value,
    case when isfinite(model_quality.low) then model_quality.low::decimal(18, 6) end as interval_low,
    case when isfinite(model_quality.high) then model_quality.high::decimal(18, 6) end as interval_high,
    case when isfinite(tuning.fold_score) then tuning.fold_score::decimal(18, 6) end as fold_score,
    model_quality.statement,
    horizons.learned_days,
    case
        when run.basis = 'learned' and horizons.learned_days <> horizons.horizon_days then 'extended'
        when run.basis = 'extended' and horizons.learned_days = horizons.horizon_days then 'learned'
        else run.basis
    end as basis
from model_quality
inner join horizons on model_quality.horizon_days = horizons.learned_days
cross join run
-- the reigning champions compete under one name for both targets
left join tuning
    on model_quality.row_kind = 'model'
    and model_quality.horizon_days = tuning.horizon_days
    and model_quality.candidate = tuning.candidate
    and case when starts_with(model_quality.target, 'purchase') then 'purchase' else 'spend' end = tuning.target
order by all
