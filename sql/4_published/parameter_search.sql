-- One row per (horizon, target, candidate, parameter set) of the search: the score that chose it, next to R2 or ROC-AUC, all
-- on the tuning folds.
with parameter_sets as (select * from training.parameter_sets)

select
    horizon_days,
    target,
    candidate,
    parameter_set,
    parameters,
    is_chosen,
    fold_score::decimal(18, 6) as fold_score,
    r_squared::decimal(18, 6) as r_squared,
    roc_auc::decimal(18, 6) as roc_auc
from parameter_sets
order by horizon_days, target, candidate, parameter_set
