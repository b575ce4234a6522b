-- Outcomes: past scores whose window is over, compared with actual spend.

-- given scores.run
select date '2024-06-01' as as_of

-- given scores.history
select * from (values
    ('a', date '2024-03-03', 90, 100.00, 0.9, 'scored'),
    ('b', date '2024-03-03', 90, 10.00, 0.2, 'scored'),
    ('p', date '2024-03-03', 90, 5.00, 0.1, 'no_purchase_yet'),
    ('a', date '2024-03-04', 90, 100.00, 0.9, 'scored')
) as rows (customer_id, as_of_date, horizon_days, predicted_spend, purchase_probability, score_status)

-- given features.customer_day
select *, net_spend > 0 as is_purchase_day from (values
    ('a', '2024-03-02', 1.00), ('a', '2024-03-03', 40.00), ('a', '2024-05-31', 50.00), ('a', '2024-06-01', 999.00)
) as rows (customer_id, order_date, net_spend)

-- expect windows that are over, by predicted decile
select * from (values
    ('2024-03-03', 90, 1, 1, 100.00, 90.00, 0.90, 1),
    ('2024-03-03', 90, 2, 1, 10.00, 0.00, 0.20, 0)
) as rows (
    as_of_date, horizon_days, predicted_decile, customers, predicted_spend, actual_spend, predicted_buyers, actual_buyers
)
