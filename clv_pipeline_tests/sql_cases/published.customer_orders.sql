-- Days of each scored customer before as_of, returns included; nobody else's, nothing of the day itself.

-- given scores.run
select date '2024-06-01' as as_of, 'EUR' as currency

-- given published.customer_clv
select customer_id from (values ('a'), ('b'), ('prospect')) as rows (customer_id)

-- given features.customer_day
select customer_id, order_date::date as order_date, orders, net_spend, returned, main_category from (values
    ('a', '2024-05-31', 2, 30.504, 0.00, 'wine'),
    ('a', '2024-01-01', 1, 10.00, 5.00, null),
    -- a return on a day of its own
    ('b', '2023-12-31', 0, -8.00, 8.00, 'tea'),
    -- the day of the scores is not known yet
    ('b', '2024-06-01', 1, 99.00, 0.00, 'tea'),
    -- a customer without a score
    ('c', '2024-05-01', 1, 50.00, 0.00, 'tea')
) as rows (customer_id, order_date, orders, net_spend, returned, main_category)

-- given features.customer_day_money
select customer_id, order_date::date as order_date, cost, spend_with_cost, discount, tax, shipping from (values
    ('a', '2024-01-01', 3.00, 10.00, 1.50, 1.90, 4.90),
    ('b', '2023-12-31', -6.00, -8.00, null, null, null)
) as rows (customer_id, order_date, cost, spend_with_cost, discount, tax, shipping)

-- expect one row per day, in order
select customer_id, order_date::date as order_date, orders, net_spend, returned, main_category, currency from (values
    ('a', '2024-01-01', 1, 10.00, 5.00, null, 'EUR'),
    ('a', '2024-05-31', 2, 30.50, 0.00, 'wine', 'EUR'),
    ('b', '2023-12-31', 0, -8.00, 8.00, 'tea', 'EUR')
) as rows (customer_id, order_date, orders, net_spend, returned, main_category, currency)

-- expect the margin of lines with a cost, unknown without one and without gross_margin
select * from (values
    ('a', '2024-01-01', 7.00, 1.50, 1.90, 4.90),
    ('a', '2024-05-31', null, null, null, null),
    ('b', '2023-12-31', -2.00, null, null, null)
) as rows (customer_id, order_date, net_margin, discount, tax, shipping)
