-- Changes: compared with the newest as_of before this one, at the primary horizon.

-- given scores.run
select date '2024-06-01' as as_of, 90 as primary_horizon_days

-- given scores.history
select * from (values
    ('same', date '2024-05-31', 90, 'steady', 'C', 10.00),
    ('richer', date '2024-05-31', 90, 'steady', 'C', 10.00),
    ('richer', date '2024-06-01', 90, 'high_value', 'A', 99.00),
    ('gone', date '2024-05-31', 90, 'dormant', 'D', 1.00),
    ('refused', date '2024-05-31', 90, 'dormant', 'D', 1.00),
    ('long-gone', date '2024-05-01', 90, 'dormant', 'D', 1.00)
) as rows (customer_id, as_of_date, horizon_days, segment, value_tier, predicted_spend)

-- given scores.tonight
select * from (values
    ('same', date '2024-06-01', 90, 'steady', 'C', 10.00),
    ('richer', date '2024-06-01', 90, 'steady', 'C', 12.00),
    ('new', date '2024-06-01', 90, 'new_customer', 'D', 5.00),
    ('other-horizon', date '2024-06-01', 365, 'steady', 'C', 1.00)
) as rows (customer_id, as_of_date, horizon_days, segment, value_tier, predicted_spend)

-- given clean.customers
select * from (values ('same', true), ('refused', false)) as rows (customer_id, has_profiling_consent)

-- expect who came, changed, or went since the last bundle
select * from (values
    ('richer', 'changed', '2024-05-31', 'steady', 'steady', 10.00, 12.00),
    ('new', 'added', '2024-05-31', null, 'new_customer', null, 5.00),
    ('gone', 'removed', '2024-05-31', 'dormant', null, 1.00, null),
    ('refused', 'removed', '2024-05-31', null, null, null, null)
) as rows (
    customer_id, change, previous_as_of_date, previous_segment, segment, previous_predicted_spend, predicted_spend
)
