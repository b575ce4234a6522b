-- The company's margin, line by line, and how far a customer's own rate is believed. By hand: s2 = (20 - 18 + 100 - 98) / 2 = 2; between
-- customers (18 + 98 + 25 - 250 * 250 / 500 - 2 * 2) / (500 - 90000 / 500) = 0.0375; 2 / 0.0375 = 53.33.

-- parameters
select 0.5 as gross_margin

-- given raw.extraction
select date '2024-06-01' as as_of

-- given clean.orders
select * from (values (100.00, 60.00), (100.00, 80.00), (100.00, 20.00), (110.00, 44.00), (-10.00, -4.00), (80.00, null))
as rows (amount, cost)

-- given features.customer_day
select * from (values
    ('a', '2024-01-01', 100.00),
    ('a', '2024-02-01', 100.00),
    ('b', '2024-01-01', 100.00),
    ('b', '2024-02-01', 100.00),
    ('c', '2024-01-01', 100.00),
    ('c', '2024-06-01', 900.00)
) as rows (customer_id, order_date, net_spend)

-- given features.customer_day_money
select * from (values
    ('a', '2024-01-01', 60.00, 100.00),
    ('a', '2024-02-01', 80.00, 100.00),
    ('b', '2024-01-01', 20.00, 100.00),
    ('b', '2024-02-01', 40.00, 100.00),
    ('c', '2024-06-01', 900.00, 900.00)
) as rows (customer_id, order_date, cost, spend_with_cost)

-- expect lines without a cost count with gross_margin, and nothing from as_of on
select 'mixed' as margin_source, 0.8400 as covered_share, true as is_complete, 0.5::double as margin_rate, 53.33 as credibility_spend
