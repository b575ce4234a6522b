-- Purchase features: windows by age in days (yesterday is 1), never the cutoff's own day, returns at their own time.

-- given features.population
select * from (values
    ('2024-06-01', 'score', 'edges'),
    ('2024-06-01', 'score', 'rhythm'),
    ('2024-06-01', 'score', 'returner'),
    ('2024-06-01', 'score', 'only-today'),
    ('2024-06-01', 'score', 'only-return'),
    ('2024-03-01', 'train', 'leap'),
    ('2024-02-29', 'train', 'leap')
) as rows (as_of, role, customer_id)

-- given features.customer_day
select
    customer_id, order_date::date as order_date, orders, orders as lines, 2 * orders as items, net_spend,
    greatest(net_spend, 0) as gross_spend, greatest(-net_spend, 0) as returned, main_category, net_spend > 0 as is_purchase_day,
    gap_days, new_products
from (values
    ('edges', '2023-06-01', 1, 1.00, 'a', null, 1),      -- age 366
    ('edges', '2023-06-02', 1, 2.00, 'a', 1, 1),         -- age 365
    ('edges', '2023-08-30', 1, 4.00, 'a', 89, 0),        -- age 276
    ('edges', '2023-08-31', 1, 8.00, 'a', 1, 0),         -- age 275
    ('edges', '2024-03-02', 1, 16.00, 'a', 184, 0),      -- age 91
    ('edges', '2024-03-03', 1, 32.00, 'b', 1, 1),        -- age 90
    ('edges', '2024-05-01', 1, 64.00, 'b', 59, 0),       -- age 31
    ('edges', '2024-05-02', 1, 128.00, 'b', 1, 1),       -- age 30
    ('edges', '2024-06-01', 1, 9999.00, 'c', 30, 9),     -- the cutoff's own day
    ('edges', '2024-06-02', 1, 9999.00, 'c', 1, 9),
    ('rhythm', '2024-03-03', 1, 10.00, 'a', null, 1),
    ('rhythm', '2024-03-13', 1, 20.00, 'a', 10, 0),
    ('rhythm', '2024-04-12', 2, 30.00, 'b', 30, 1),
    ('returner', '2024-04-12', 1, 100.00, 'a', null, 1), -- age 50
    ('returner', '2024-05-22', 0, -40.00, 'a', null, 0), -- age 10
    ('only-today', '2024-06-01', 1, 10.00, 'a', null, 1),
    ('only-return', '2024-05-22', 0, -40.00, 'a', null, 0),
    ('leap', '2024-02-29', 1, 10.00, 'a', null, 1)
) as rows (customer_id, order_date, orders, net_spend, main_category, gap_days, new_products)

-- expect spend windows hold day 30 and not day 31, and nothing of the cutoff's day where customer_id = 'edges'
select
    128.00 as spend_30d, 192.00 as spend_60d, 224.00 as spend_90d, 240.00 as spend_180d, 254.00 as spend_365d,
    255.00 as spend_total, 6.00 as spend_90d_one_year_ago

-- expect purchase day windows likewise where customer_id = 'edges'
select
    1 as purchase_days_30d, 2 as purchase_days_60d, 3 as purchase_days_90d, 4 as purchase_days_180d,
    7 as purchase_days_365d, 8 as purchase_days, 2 as purchase_days_90d_one_year_ago, 7 as frequency,
    30 as recency_days, 366 as tenure_days

-- expect trends compare the last 90 days with the 90 before where customer_id = 'edges'
select 208.0 as spend_trend_90d, 2 as purchase_trend_90d, 2 as new_products_90d, 4 as distinct_products

-- expect gaps and the last purchase where customer_id = 'rhythm'
select
    20.0 as mean_gap_days, 10.0 as gap_deviation_days, 30 as longest_gap_days, 30 as last_gap_days,
    2.5 as recency_in_gaps, 0.5 as gap_irregularity, 30.00 as last_purchase_spend, 'b' as last_category,
    2 as distinct_categories

-- expect rates and ratios where customer_id = 'rhythm'
select
    20.0 as monetary_value, 20.0 as spend_per_30_days, 1.0 as purchase_days_per_30_days, 8.164966 as day_spend_deviation,
    4 as orders, 2.0 as items_per_order, 1.0 as lines_per_order

-- expect a return lowers spend when it happens and is no purchase where customer_id = 'returner'
select
    60.00 as spend_total, -40.00 as spend_30d, 60.00 as spend_60d, 100.00 as gross_spend_total, 40.00 as returned_total,
    1 as return_days, 0.4 as return_share, 50 as recency_days, 1 as purchase_days, 100.00 as last_purchase_spend

-- expect who bought only on the cutoff's day has no features, who only returned has no recency where customer_id like 'only-%'
select 'only-return' as customer_id, null as recency_days, 0 as purchase_days, 0 as frequency, null as monetary_value

-- expect 29 February is a day like any other where customer_id = 'leap'
select '2024-03-01' as as_of, 1 as recency_days, 10.00 as spend_30d
