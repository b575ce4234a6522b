-- Discount, tax, postage and cost of a customer's day, without guests and without customers who may not be profiled.

-- given clean.customers
select * from (values ('a', true), ('refused', false)) as rows (customer_id, has_profiling_consent)

-- given clean.orders
select * from (values
    ('a', '2024-01-01', 100.00, 1.00, 19.00, 4.90, 60.00),
    ('a', '2024-01-01', 50.00, null, null, null, null),
    ('a', '2024-01-01', -20.00, null, -3.80, null, -12.00),
    ('a', '2024-01-02', 10.00, 1.00, null, null, null),
    ('a', '2024-01-03', 10.00, null, null, null, null),
    ('refused', '2024-01-01', 10.00, 1.00, 1.00, 1.00, 1.00),
    (null, '2024-01-01', 10.00, 1.00, 1.00, 1.00, 1.00)
) as rows (customer_id, order_date, amount, discount, tax, shipping, cost)

-- expect sums of the lines that have them, and the spend of lines with a cost
select * from (values
    ('a', '2024-01-01', 1.00, 15.20, 4.90, 48.00, 80.00),
    ('a', '2024-01-02', 1.00, null, null, null, null)
) as rows (customer_id, order_date, discount, tax, shipping, cost, spend_with_cost)
