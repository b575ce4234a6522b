-- Cohorts: by month of the first purchase; returns count in their own month, as_of's own day never.

-- given scores.run
select date '2024-06-01' as as_of

-- given features.customer_day
select *, net_spend > 0 as is_purchase_day from (values
    ('a', '2024-01-31', 100.00),
    ('a', '2024-02-01', 50.00),
    ('b', '2024-01-01', 20.00),
    ('b', '2024-02-29', -20.00),
    ('c', '2024-05-31', 10.00),
    ('c', '2024-06-01', 999.00)
) as rows (customer_id, order_date, net_spend)

-- expect activity and net spend so far
select * from (values
    ('2024-01-01', 0, 2, 2, 1.0, 120.00, 120.00),
    ('2024-01-01', 1, 2, 1, 0.5, 30.00, 150.00),
    ('2024-05-01', 0, 1, 1, 1.0, 10.00, 10.00)
) as rows (cohort_month_date, months_since, customers, active_customers, active_share, net_spend, net_spend_so_far)
