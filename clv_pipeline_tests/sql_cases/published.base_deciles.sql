-- Deciles: of those who bought in the period, groups of at least 5; who only returned something is no buyer; as_of's day never counts.

-- given scores.run
select date '2024-06-01' as as_of, 'EUR' as currency

-- given published.customer_clv
select 'c' || i as customer_id from range(17) as ids (i)

-- given features.customer_day
select 'c' || i as customer_id, date '2024-05-01' as order_date, 10.00 * (i + 1) as net_spend, 1 as orders, true as is_purchase_day
from range(10) as ids (i)
union all
-- bought 365 days before as_of: the oldest day of the year
select 'c10', date '2023-06-02', 1000.00, 2, true
union all
-- bought the day before that, so only in all_time, and returned a part in the year
select 'c11', date '2023-06-01', 80.00, 1, true
union all
select 'c11', date '2024-05-01', -30.00, 0, false
union all
select 'c0', date '2024-06-01', 999.00, 1, true
union all
select 'not a customer of tonight', date '2024-05-01', 999.00, 1, true

-- expect groups of the year where period = 'last_365_days'
select * from (values
    (1, 'decile', 1, 6, 7, 1.17, 200.00, 1400.00, 233.33, 60.00, 1000.00, 0.9211, 0.9211, date '2023-06-02', date '2024-05-31'),
    (2, 'decile', 2, 5, 5, 1.00, 30.00, 150.00, 30.00, 10.00, 50.00, 0.0987, 1.0197, date '2023-06-02', date '2024-05-31'),
    (3, 'no_purchase', null, 6, 0, 0.00, null, -30.00, -5.00, -30.00, 0.00, -0.0197, 1.0000, date '2023-06-02', date '2024-05-31')
) as rows (
    position, row_kind, decile, customers, orders, orders_per_customer, average_order_value, net_spend, spend_per_customer,
    lowest_spend, highest_spend, spend_share, spend_share_to_here, period_start_date, period_end_date
)

-- expect all time has the older buyer too where period = 'all_time'
select * from (values
    (1, 1, 6, 1400.00, date '2023-06-01'),
    (2, 2, 6, 200.00, date '2023-06-01'),
    (3, null, 5, 0.00, date '2023-06-01')
) as rows (position, decile, customers, net_spend, period_start_date)
