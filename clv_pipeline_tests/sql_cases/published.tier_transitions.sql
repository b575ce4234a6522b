-- Tier transitions: against the nights that were published, each the nearest of those old enough; and by actual spend, always.

-- given scores.run
select date '2024-06-01' as as_of, 90 as primary_horizon_days, 'EUR' as currency

-- given published.customer_clv
select kind || i as customer_id, tier as value_tier
from range(5) as ids (i) cross join (values ('a', 'A'), ('b', 'B'), ('n', 'D')) as kinds (kind, tier)
union all
select * from (values ('x', 'C'), ('p', 'D')) as rows (customer_id, tier)

-- given scores.spend_variance
select kind || i as customer_id, 20.00 as predicted_spend, 40.00 as variance, 0.3 as total_below, 0.6 as total_above
from range(5) as ids (i) cross join (values ('a'), ('b'), ('n')) as kinds (kind)
union all
select unnest(['x', 'p']), 1.00, 1.00, 0.3, 0.6

-- given scores.history
with nights as (
    select * from (values (date '2024-05-01'), (date '2024-05-02'), (date '2024-05-03'), (date '2023-12-30')) as rows (as_of_date)
)
select nights.as_of_date, kind || i as customer_id, 90 as horizon_days, tier as value_tier,
    case when nights.as_of_date = date '2024-05-02' then 10.00 else 777.00 end as predicted_spend
from nights cross join range(5) as ids (i) cross join (values ('a', 'B'), ('b', 'B')) as kinds (kind, tier)
union all
select as_of_date, 'x', 90, 'A', 50.00 from nights
union all
select as_of_date, 'a0', 30, 'D', 999.00 from nights

-- given features.customer_day
with days as (
    select 'a' || i as customer_id, date '2023-01-01' as order_date, 10.00 as net_spend from range(5) as ids (i)
    union all
    select 'a' || i, date '2024-01-01', 20.00 + i from range(5) as ids (i)
    union all
    select 'b' || i, date '2022-06-02', 50.00 + i from range(5) as ids (i)
    union all
    select 'n' || i, date '2023-06-02', 5.00 from range(5) as ids (i)
    union all
    select 'x', date '2024-06-01', 999.00
)
select *, net_spend > 0 as is_purchase_day from days

-- expect a month ago is the nearest night of at least 30 days where comparison = 'published_month_ago'
select * from (values
    (1, 'move', 'B', 'A', 'up', 5, 0.5, 50.00, 100.00, 62.04, 164.35, date '2024-05-02'),
    (2, 'move', 'B', 'B', 'same', 5, 0.5, 50.00, 100.00, 62.04, 164.35, date '2024-05-02'),
    (3, 'move', null, 'D', 'new', 6, 1.0000, null, 101.00, 62.76, 165.93, date '2024-05-02'),
    (4, 'other', null, null, null, 1, null, 50.00, 1.00, 0.00, 2.75, date '2024-05-02')
) as rows (
    position, row_kind, tier_before, tier_now, direction, customers, share_of_tier_before, predicted_spend_before,
    predicted_spend_now, predicted_spend_now_low, predicted_spend_now_high, before_date
)

-- expect no night was published about a quarter or a year ago where comparison in ('published_quarter_ago', 'published_year_ago')
select 1 as position where false

-- expect by actual spend, 365 days against the 365 before where comparison = 'actual_spend'
select * from (values
    (1, 'move', null, 'D', 'new', 5, 0.00, 25.00, null, null),
    (2, 'other', null, null, null, 12, 310.00, 110.00, null, null)
) as rows (
    position, row_kind, tier_before, tier_now, direction, customers, actual_spend_before, actual_spend_now, predicted_spend_now,
    predicted_spend_now_low
)
