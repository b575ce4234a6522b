-- Gain curve: two groups of ten customers by prediction, baseline and actual spend; a merged one, a refused one, other windows.

-- given scores.run
select date '2024-06-01' as as_of, 'EUR' as currency

-- given training.judged_windows
select 90 as horizon_days, date '2024-01-01' as as_of_date, 'c' || lpad(n::varchar, 2, '0') as customer_id,
    110.0 - 10 * n as predicted_spend, 10.0 * n as baseline_spend
from range(1, 11) as numbers (n)
union all
-- merged into c01, counted once; refuses
select 90, date '2024-01-01', 'was c01', 5.0, 0.0
union all
select 90, date '2024-01-01', 'refused', 999.0, 999.0
union all
-- an earlier window, and one that is not over
select 90, date '2023-10-01', 'c01', 1.0, 1.0
union all
select 90, date '2024-05-01', 'c01', 1.0, 1.0
union all
-- too few customers for a group of five; five who spent nothing
select 30, date '2024-03-01', 'c0' || n, 1.0, 1.0 from range(1, 5) as numbers (n)
union all
select 60, date '2024-02-01', 'c0' || n, 1.0, 1.0 from range(3, 8) as numbers (n)

-- given clean.customers
select * from (values ('c01', true), ('refused', false)) as rows (customer_id, has_profiling_consent)

-- given clean.customer_identities
select 'was c01' as customer_id, 'c01' as surviving_customer_id

-- given features.customer_day
select * from (values
    ('c01', date '2023-12-31', 999.00), ('c01', date '2024-01-01', 50.00), ('c02', date '2024-03-30', 30.00),
    ('c02', date '2024-03-31', 999.00), ('c06', date '2024-01-20', 20.00), ('c10', date '2024-01-20', -10.00),
    ('refused', date '2024-01-20', 500.00)
) as rows (customer_id, order_date, net_spend)

-- expect the better half reaches 80 of 90; in the best order more than all, for one customer returned; nothing spent is unknown
select * from (values
    (90, 1, '2024-01-01', 5, 0.5000, 80.00, 0.8889, 0.1111, 1.1111, 'EUR'),
    (90, 2, '2024-01-01', 10, 1.0000, 90.00, 1.0000, 1.0000, 1.0000, 'EUR'),
    (60, 1, '2024-02-01', 5, 1.0000, 0.00, null, null, null, 'EUR')
) as rows (
    horizon_days, position, test_window_start_date, customers_to_here, customer_share_to_here, actual_spend_to_here,
    spend_share_to_here, baseline_share_to_here, best_share_to_here, currency
)
