-- A customer's margin so far, and the rate for predictions: drawn towards the company's the less was spent.

-- parameters
select 0.5 as gross_margin

-- given raw.extraction
select date '2024-06-01' as as_of

-- given features.company_margin
select 'mixed' as margin_source, true as is_complete, 0.5::double as margin_rate, 53.33 as credibility_spend

-- given features.customer_day
select * from (values
    ('a', '2024-01-01', 100.00),
    ('a', '2024-02-01', 100.00),
    ('b', '2024-01-01', 200.00),
    ('half', '2024-01-01', 100.00),
    ('back', '2024-01-01', -10.00),
    ('later', '2024-06-01', 900.00)
) as rows (customer_id, order_date, net_spend)

-- given features.customer_day_money
select * from (values
    ('a', '2024-01-01', 60.00, 100.00),
    ('a', '2024-02-01', 80.00, 100.00),
    ('b', '2024-01-01', 60.00, 200.00),
    ('half', '2024-01-01', 10.00, 60.00),
    ('back', '2024-01-01', -2.00, -10.00),
    ('later', '2024-06-01', 900.00, 900.00)
) as rows (customer_id, order_date, cost, spend_with_cost)

-- expect (60 + 53.33 * 0.5) / (200 + 53.33), and the company's rate for who has brought back more
select * from (values
    ('a', 200.00, 60.00, 86.665 / 253.33),
    ('b', 200.00, 140.00, 166.665 / 253.33),
    ('half', 100.00, 70.00, 96.665 / 153.33),
    ('back', -10.00, -8.00, 0.5)
) as rows (customer_id, spend, margin, margin_rate)
