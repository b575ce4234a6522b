-- Outcomes: windows that are over, open ones, kept ones, past windows of the training; sums, intervals, errors, merged customers.

-- given scores.run
select date '2024-06-01' as as_of, 'run-now' as run_id, 'EUR' as currency

-- given scores.history
select * from (values
    -- six buyers: the best one bought twice, one returned more than was bought, one was merged into another, one refuses now
    ('a', date '2024-03-03', 90, 100.00, 0.00, 300.00, 0.9, 80.00, 0.8, 'repeat_customer', 'high_value', 'A'),
    ('b', date '2024-03-03', 90, 40.00, 0.00, 100.00, 0.5, 90.00, 0.5, 'repeat_customer', 'steady', 'B'),
    ('c', date '2024-03-03', 90, 20.00, 0.00, 60.00, 0.4, 10.00, 0.5, 'repeat_customer', 'steady', 'B'),
    ('d', date '2024-03-03', 90, 10.00, 5.00, 60.00, 0.3, 0.00, 0.5, 'single_purchase', 'steady', 'B'),
    ('was d', date '2024-03-03', 90, 8.00, 0.00, 60.00, 0.2, 0.00, 0.5, 'single_purchase', 'steady', 'B'),
    ('e', date '2024-03-03', 90, 10.00, 0.00, 60.00, 0.3, 0.00, 0.5, 'single_purchase', 'steady', 'B'),
    ('refused', date '2024-03-03', 90, 999.00, 0.00, 999.00, 0.9, 0.00, 0.5, 'repeat_customer', 'steady', 'B'),
    ('p', date '2024-03-03', 90, 2.00, 0.00, 60.00, 0.1, 0.00, 0.0, 'no_purchase_yet', 'prospect', 'D'),
    -- over by tonight, but computed by an earlier night
    ('a', date '2024-02-01', 90, 1.00, 0.00, 1.00, 0.9, 1.00, 0.8, 'repeat_customer', 'high_value', 'A'),
    -- open: the first night of its month, and another one, which is not read early; the night itself and a later one
    ('a', date '2024-04-17', 90, 60.00, 0.00, 300.00, 0.9, 30.00, 0.8, 'repeat_customer', 'high_value', 'A'),
    ('a', date '2024-04-18', 90, 60.00, 0.00, 300.00, 0.9, 30.00, 0.8, 'repeat_customer', 'high_value', 'A'),
    ('a', date '2024-06-01', 90, 60.00, 0.00, 300.00, 0.9, 30.00, 0.8, 'repeat_customer', 'high_value', 'A'),
    ('a', date '2024-06-02', 30, 60.00, 0.00, 300.00, 0.9, 30.00, 0.8, 'repeat_customer', 'high_value', 'A'),
    -- of an older release: no interval and no baseline
    ('a', date '2024-03-02', 30, 25.00, null, null, 0.5, null, null, 'repeat_customer', 'high_value', 'A')
) as rows (
    customer_id, as_of_date, horizon_days, predicted_spend, predicted_spend_low, predicted_spend_high, purchase_probability,
    baseline_spend, baseline_probability, score_status, segment, value_tier
)

-- given scores.night_totals
select *, 'EUR' as currency, 'm1' as model_version, 'run-then' as run_id from (values
    (date '2024-03-03', 90, 190.00, 95.00, 380.00, null), (date '2024-04-17', 90, 60.00, 30.00, 120.00, null)
) as rows (as_of_date, horizon_days, predicted_spend, predicted_spend_low, predicted_spend_high, season_factor)

-- given scores.outcomes
select *, 90 as horizon_days, 'slice' as row_kind, 'all' as slice_kind, 'all' as slice_name, false as is_backtest, true as is_closed from (values
    (date '2024-02-01', date '2024-05-01', date '2024-05-01', 12345.00),
    -- computed by tonight's first run, and by a later night
    (date '2024-03-03', date '2024-06-01', date '2024-06-01', 54321.00),
    (date '2024-03-10', date '2024-06-08', date '2024-06-08', 99999.00)
) as rows (as_of_date, window_end_date, outcome_as_of_date, actual_spend)

-- given training.judged_totals
select * from (values (90, date '2024-01-01', 50.00, 25.00, 100.00, 1.2)) as rows (
    horizon_days, as_of_date, predicted_spend, predicted_spend_low, predicted_spend_high, season_factor
)

-- given training.judged_windows
select *, 90 as horizon_days, date '2024-01-01' as as_of_date, 0.5 as purchase_probability, 0.0 as predicted_spend_low,
    100.0 as predicted_spend_high, 10.0 as baseline_spend, 0.5 as baseline_probability, 'repeat_customer' as score_status
from (values ('a', 30.004), ('b', 20.004)) as rows (customer_id, predicted_spend)

-- given clean.customers
select * from (values
    ('a', true, 'search'), ('b', true, 'search'), ('c', true, 'search'), ('d', true, 'search'), ('e', true, 'search'),
    ('p', true, 'social'), ('refused', false, 'social')
) as rows (customer_id, has_profiling_consent, acquisition_channel)

-- given clean.customer_identities
select 'was d' as customer_id, 'd' as surviving_customer_id

-- given features.customer_day
select *, net_spend > 0 as is_purchase_day from (values
    ('a', date '2024-03-02', 1.00), ('a', date '2024-03-03', 40.00), ('a', date '2024-05-31', 50.00), ('a', date '2024-06-01', 999.00),
    ('b', date '2024-04-01', 20.00), ('c', date '2024-04-01', -5.00), ('d', date '2024-04-01', 70.00),
    ('b', date '2024-01-15', 15.00)
) as rows (customer_id, order_date, net_spend)

-- expect all customers of a window that is over; who refuses now is left out where slice_kind = 'all' and horizon_days = 90 and as_of_date = '2024-03-03'
select
    '2024-06-01' as window_end_date, true as is_closed, '2024-06-01' as outcome_as_of_date, 'run-now' as outcome_run_id,
    7 as customers, 190.00 as predicted_spend, 190.00 as expected_spend, 95.00 as expected_spend_low, 380.00 as expected_spend_high,
    175.00 as actual_spend, true as is_inside, 0.0857 as bias, 0.8571 as share_inside, 2.70 as expected_buyers, 3 as actual_buyers,
    180.00 as baseline_spend, 0.0286 as baseline_bias, -0.0822 as log_error, 'EUR' as currency, 'm1' as model_version,
    'run-then' as run_id

-- expect slices of fewer than five are pooled, together with the next larger one where as_of_date = '2024-03-03' and slice_kind <> 'all'
select * from (values
    ('channel', 'other', 'other', 7, 190.00, 175.00), ('decile', 'other', 'other', 7, 190.00, 175.00),
    ('segment', 'other', 'other', 7, 190.00, 175.00), ('status', 'other', 'other', 7, 190.00, 175.00),
    ('tier', 'other', 'other', 7, 190.00, 175.00)
) as rows (slice_kind, row_kind, slice_name, customers, predicted_spend, actual_spend)

-- expect what an earlier night computed is kept, and what ends later is not there where not is_backtest and is_closed and slice_kind = 'all' and horizon_days = 90
select * from (values ('2024-02-01', 12345.00), ('2024-03-03', 175.00)) as rows (as_of_date, actual_spend)

-- expect an open window is compared with what was expected by now where not is_closed and slice_kind = 'all'
select
    '2024-04-17' as as_of_date, 0.5000 as expected_share, 'days' as expected_share_basis, 60.00 as predicted_spend,
    30.00 as expected_spend, 50.00 as actual_spend, null as is_inside, -0.4000 as bias, null as gini, null as log_loss,
    15.00 / 15 * 30.00 as baseline_spend

-- expect without an interval and a baseline their figures are null where horizon_days = 30 and slice_kind = 'all'
select
    '2024-03-02' as as_of_date, 25.00 as predicted_spend, 41.00 as actual_spend, null as is_inside, null as share_inside,
    null as expected_spend_low, null as baseline_spend, null as baseline_gini, null as baseline_log_loss

-- expect past windows of the training where is_backtest and slice_kind = 'all'
select
    '2024-01-01' as as_of_date, 2 as customers, 50.00 as predicted_spend, 56.00 as actual_spend, true as is_inside,
    null as run_id, null as model_version, 'EUR' as currency
