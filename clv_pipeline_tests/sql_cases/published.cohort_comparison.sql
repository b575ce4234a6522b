-- Cohorts at the same age: null until the youngest member is that old, first months left censored, small months together.

-- given scores.run
select date '2024-06-01' as as_of, 'EUR' as currency

-- given published.customer_clv
select customer_id from (values ('x')) as rows (customer_id)
union all
select kind || i from range(5) as ids (i) cross join (values ('a'), ('b'), ('c')) as kinds (kind)

-- given features.customer_day
with days as (
    -- the data begin on 2023-06-01: June is left censored, and so is a month up to November
    select 'a' || i as customer_id, date '2023-06-01' as order_date, 10.00 as net_spend from range(5) as ids (i)
    union all
    select 'b' || i, date '2024-01-10', 10.00 * (i + 1) from range(5) as ids (i)
    union all
    -- 29 and 30 days after the first purchase: in, and no more in, the first 30 days
    select 'b0', date '2024-02-08', 90.00
    union all
    select 'b1', date '2024-02-09', 90.00
    union all
    select 'b4', date '2024-02-08', -20.00
    union all
    -- the youngest of the month is 29 days old
    select 'c' || i, date '2024-04-29' + i::integer, 10.00 from range(2) as ids (i)
    union all
    select 'c' || i, date '2024-05-03', 10.00 from range(2, 5) as ids (i)
    union all
    select 'x', date '2024-03-01', 7.00
)
select *, net_spend > 0 as is_purchase_day, case when net_spend > 0 then 1 else 0 end as orders from days

-- expect figures at 30 days where age_days = 30
select * from (values
    (1, 'cohort', date '2023-06-01', 5, true, true, 50.00, 10.00, 10.00, 10.00, 10.00, 0.0000, 1.00, 44.00),
    (2, 'cohort', date '2024-01-01', 5, true, false, 220.00, 44.00, 30.00, 20.00, 100.00, 0.2000, 1.20, 44.00),
    (3, 'other', null, 6, false, false, null, null, null, null, null, null, null, 44.00)
) as rows (
    position, row_kind, cohort_month_date, customers, is_complete, is_left_censored, net_spend, spend_per_customer, median_spend,
    median_spend_low, median_spend_high, repeat_share, orders_per_customer, usual_spend_per_customer
)

-- expect the interval of the repeat share is that of Wilson where age_days = 30 and position = 2
select 0.0460 as repeat_share_low, 0.5647 as repeat_share_high

-- expect a cohort is complete on the very day where age_days = 365
select * from (values
    (1, true, 50.00, null), (2, false, null, null), (3, false, null, null)
) as rows (position, is_complete, net_spend, usual_spend_per_customer)
