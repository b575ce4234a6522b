-- Customer days: a day's lines added up, purchase days, gaps between them, products bought for the first time.

-- given clean.orders
select * from (values
    -- customer, day, order, product, category, quantity, amount, channel
    ('a', '2024-02-28', '1', 'p', 'shoes', 1, 10.00, 'web'),
    ('a', '2024-02-28', '1', 'q', 'hats', 2, 30.00, 'web'),
    ('a', '2024-02-28', '2', 'p', 'shoes', 1, 10.00, 'store'),
    ('a', '2024-02-29', '1', 'p', 'shoes', -1, -10.00, 'web'),
    ('a', '2024-03-01', '3', 'p', 'shoes', 1, 10.00, 'app'),
    ('a', '2024-03-01', '3', 'r', 'shoes', 1, 0.00, 'app'),
    ('a', '2024-03-31', '4', 'r', 'socks', 1, 5.00, 'app'),
    ('a', '2024-03-31', '3', 'p', 'shoes', -1, -10.00, 'app'),
    ('free', '2024-03-01', '5', 'r', 'shoes', 1, 0.00, 'app'),
    ('private', '2024-03-01', '7', 'p', 'shoes', 1, 99.00, 'web'),
    (null, '2024-03-01', '6', 'p', 'shoes', 1, 99.00, 'web')
) as rows (customer_id, order_date, order_id, product_id, product_category, quantity, amount, channel)

-- given clean.customers
select * from (values ('a', true), ('private', false)) as rows (customer_id, has_profiling_consent)

-- expect lines add up by day, returns at their own time
select * from (values
    ('a', '2024-02-28', 2, 3, 4, 50.00, 50.00, 0.00),
    ('a', '2024-02-29', 0, 0, 0, -10.00, 0.00, 10.00),
    ('a', '2024-03-01', 1, 1, 1, 10.00, 10.00, 0.00),
    ('a', '2024-03-31', 1, 1, 1, -5.00, 5.00, 10.00),
    ('free', '2024-03-01', 0, 0, 0, 0.00, 0.00, 0.00)
) as rows (customer_id, order_date, orders, lines, items, net_spend, gross_spend, returned)

-- expect gaps lie between purchase days, over the leap day where customer_id = 'a'
select * from (values
    ('2024-02-28', true, null),
    ('2024-02-29', false, null),
    ('2024-03-01', true, 2),
    ('2024-03-31', true, 30)
) as rows (order_date, is_purchase_day, gap_days)

-- expect what is usual is the mean net spend of the earlier purchase days where customer_id = 'a'
select * from (values
    ('2024-02-28', null),
    ('2024-02-29', 50.00),
    ('2024-03-01', 50.00),
    ('2024-03-31', 30.00)
) as rows (order_date, usual_spend)

-- expect a product is new once, and a gift is no purchase
select * from (values
    ('a', '2024-02-28', 2),
    ('a', '2024-02-29', 0),
    ('a', '2024-03-01', 0),
    ('a', '2024-03-31', 1),
    ('free', '2024-03-01', 0)
) as rows (customer_id, order_date, new_products)

-- expect the day's main category and channel are those of its dearest line where gross_spend > 0
select * from (values
    ('2024-02-28', 'hats', 'web'),
    ('2024-03-01', 'shoes', 'app'),
    ('2024-03-31', 'socks', 'app')
) as rows (order_date, main_category, main_channel)
