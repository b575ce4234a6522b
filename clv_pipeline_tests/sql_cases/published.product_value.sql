-- Products: categories where given, else products; returns are deducted; few customers are pooled; spend of the best against others.

-- parameters
select 0.5 as gross_margin

-- given scores.run
select date '2024-06-01' as as_of, 90 as primary_horizon_days, 'EUR' as currency

-- given published.customer_clv
select 'c' || i as customer_id from range(100) as ids (i)
union all
select 'd' || i from range(20) as ids (i)

-- given clean.products
select 'p1' as product_id, 'Red rose' as label

-- given scores.spend_variance
select 'c' || i as customer_id, case when i < 10 then 100.00 else 10.00 end as predicted_spend, 40.00 as variance, 0.3 as total_below,
    0.6 as total_above
from range(100) as ids (i)
union all
select 'd' || i, 10.00, 40.00, 0.3, 0.6 from range(20) as ids (i)

-- given clean.orders
select 'c' || i as customer_id, date '2023-06-02' as order_date, 'p1' as product_id, case when i < 50 then 'shoes' end as product_category,
    10.00 as amount, case when i < 50 then 4.00 end as cost
from range(100) as ids (i)
union all
-- customers for less than a year have no spend of a first year
select 'd' || i, date '2023-06-03', 'p3', 'late', 500.00, null from range(20) as ids (i)
union all
select 'c' || i, date '2023-06-02', 'p9', 'rare', 1.00, null from range(5) as ids (i)
union all
select 'c' || i, date '2024-05-31', 'p2', 'shoes', 30.00, null from range(10) as ids (i)
union all
select 'c' || i, date '2024-06-01', 'p2', 'shoes', 999.00, null from range(10) as ids (i)
union all
-- returned later
select 'c' || i, date '2023-07-01', 'p1', null, -10.00, null from range(90, 100) as ids (i)

-- expect first purchases where row_kind = 'first_purchase'
select * from (values
    (1, 'category', 'shoes', 50, 10, 1.0000, 0.3636, null, 2.728, 2.221, 3.352, 28.00, 50, 13.35, 5.81, 2.107),
    (2, 'category', 'late', 20, 0, 0.0000, 0.1818, null, 0.257, 0.026, 2.544, 10.00, 0, null, null, null),
    (3, 'product', 'p1', 50, 0, 0.0000, 0.4545, null, 0.104, 0.011, 1.015, 10.00, 50, 5.81, 13.35, 0.475),
    (4, 'other', null, 5, 5, 0.5000, 0.0000, null, 115.762, 10.812, 1239.465, 100.00, 5, null, null, null)
) as rows (
    position, item_kind, item, customers, best_customers, best_customer_share, other_customer_share, net_spend, ratio, ratio_low,
    ratio_high, predicted_spend_per_customer, year_customers, typical_first_year_spend, typical_first_year_spend_of_others, first_year_ratio
)

-- expect all purchases add up where row_kind = 'bought_most'
select * from (values
    (1, 'category', 'shoes', 50, 10, 800.00, 400.00, 0.9877, 0.0370, 1.0000, 0.3636, 2.750, 2.235, 3.384, null),
    (2, 'category', 'late', 20, 0, 10000.00, 0.00, 0.0000, 0.9259, 0.0000, 0.1818, null, null, null, null),
    (3, 'product', 'p1', 50, 0, 400.00, 0.00, 0.0000, 0.0370, 0.0000, 0.4545, null, null, null, null),
    (4, 'other', null, 5, 5, 5.00, 5.00, 0.0123, 0.0000, null, null, null, null, null, null)
) as rows (
    position, item_kind, item, customers, best_customers, net_spend, best_spend, best_spend_share, other_spend_share, best_day_share,
    other_day_share, ratio, ratio_low, ratio_high, typical_first_year_spend
)

-- expect a product has its name, a category is one where row_kind = 'bought_most'
select * from (values ('shoes', 'shoes'), ('late', 'late'), ('p1', 'Red rose'), (null, null)) as rows (item, item_name)

-- expect the margin of lines with a cost is their own, of the others gross_margin x amount where row_kind = 'bought_most'
select * from (values
    -- 50 x (10 - 4) + 300 x 0.5
    (1, 'shoes', 800.00, 450.00),
    (2, 'late', 10000.00, 5000.00),
    (3, 'p1', 400.00, 200.00),
    (4, null, 5.00, 2.50)
) as rows (position, item, net_spend, net_margin)
