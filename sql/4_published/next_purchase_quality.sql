-- One row per (row_kind, kind, method, metric): how good the lists of next_purchases are, and why there are none if so.
-- Measured on a window that the ranker and its calibration had not seen. Not the effect of recommending: customers bought what
-- they bought without these lists. It is of the model version that made tonight's lists.
with next_purchase_quality as (select * from scores.next_purchase_quality),

run as (select * from scores.run)

select
    next_purchase_quality.row_kind,
    next_purchase_quality.kind,
    next_purchase_quality.method,
    next_purchase_quality.metric,
    next_purchase_quality.value::decimal(18, 6) as value,
    next_purchase_quality.low::decimal(18, 6) as interval_low,
    next_purchase_quality.high::decimal(18, 6) as interval_high,
    next_purchase_quality.customers,
    next_purchase_quality.statement,
    next_purchase_quality.item_level,
    next_purchase_quality.horizon_days,
    next_purchase_quality.test_window_start as test_window_start_date,
    run.model_version
from next_purchase_quality
cross join run
order by
    next_purchase_quality.row_kind, next_purchase_quality.kind, next_purchase_quality.method, next_purchase_quality.metric
