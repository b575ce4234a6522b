-- Best customers: only what was known at the first order; the best are those above the 90th percentile; few customers are pooled.

-- parameters
select ['country'] as denied_attributes

-- given scores.run
select date '2024-06-01' as as_of, 90 as primary_horizon_days, 'EUR' as currency

-- given published.customer_clv
select 'c' || i as customer_id from range(100) as ids (i)

-- given clean.customers
select 'c' || i as customer_id, 'DE' as country,
    case when i < 8 or i >= 68 then 'referral' when i < 20 then null when i < 23 then 'rare' else 'search' end as acquisition_channel
from range(100) as ids (i)

-- given scores.spend_variance
select 'c' || i as customer_id, case when i < 10 then 100.00 else 10.00 end as predicted_spend from range(100) as ids (i)

-- given clean.web_sessions
select 'c1' as customer_id, date '2024-03-01' as session_date
union all
-- on the day of the first order
select 'c2', date '2024-03-02'

-- given features.customer_day
select 'c' || i as customer_id, date '2024-03-02' as order_date, 10.00 as gross_spend, 10.00 as net_spend, 1 as lines,
    'shoes' as main_category, null::varchar as main_channel, true as is_purchase_day
from range(100) as ids (i)
union all
-- what came later is not compared
select 'c' || i, date '2024-04-01', 99.00, 99.00, 9, 'books', 'app', true from range(100) as ids (i)

-- expect the best have the acquisition channel referral more often where attribute = 'acquisition_channel'
select * from (values
    (1, 'value', 'referral', 40, 8, 0.8000, 0.3556, 2.254, 1.608, 3.160, 10),
    (2, 'value', 'search', 45, 0, 0.0000, 0.5000, 0.095, 0.010, 0.923, 10),
    (3, 'other', null, 15, 2, 0.2000, 0.1444, 1.596, 0.589, 4.328, 10)
) as rows (
    position, row_kind, group_name, customers, best_customers, share_of_best, share_of_others, ratio, ratio_low, ratio_high,
    comparisons
)

-- expect one difference is clear where is_clear
select 'referral' as group_name

-- expect a denied attribute, and one without any value, are not there where attribute in ('country', 'first_order_channel')
select 1 as position where false

-- expect a visit on the day of the first order is not before it where attribute = 'visited_before_first_order'
select * from (values (1, 'value', 'no', 99), (2, 'other', null, 1)) as rows (position, row_kind, group_name, customers)

-- expect nobody has had a whole year where best_by = 'spend_in_first_year'
select 1 as position where false

-- expect the first purchase where attribute = 'first_category'
select 'shoes' as group_name, 100 as customers, false as is_clear, true as is_with_left_censored
