-- Journey: shares of those who had all the days; the day on which the days are over is not in them; visits after the first order begin nothing.

-- given scores.run
select date '2024-06-01' as as_of

-- given published.customer_clv
select kind || i as customer_id from range(5) as ids (i) cross join (values ('a'), ('b'), ('v')) as kinds (kind)

-- given clean.web_sessions
select 'v' || i as customer_id, date '2024-01-01' as session_date from range(5) as ids (i)
union all
select 'a' || i, date '2024-01-02' from range(5) as ids (i)
union all
-- after the first order
select 'b' || i, date '2024-05-20' from range(5) as ids (i)
union all
select null, date '2024-01-01'

-- given features.customer_day
with days as (
    select 'a' || i as customer_id, date '2024-01-05' as order_date, 10.00 as net_spend from range(5) as ids (i)
    union all
    -- the second order: after 29, 30 and 89 days
    select * from (values
        ('a0', date '2024-02-03', 10.00), ('a1', date '2024-02-04', 10.00), ('a2', date '2024-04-03', 10.00),
        -- a return is no order
        ('a3', date '2024-01-08', -5.00)
    ) as rows (customer_id, order_date, net_spend)
    union all
    -- 30 days ago, and 29
    select 'b0', date '2024-05-02', 10.00
    union all
    select 'b1', date '2024-05-03', 10.00
    union all
    select 'b2', date '2024-06-01', 10.00
)
select *, net_spend > 0 as is_purchase_day from days

-- expect steps
select * from (values
    ('first_visit', 'order_1', 30, 13, 5, 10, 5, 0.5000),
    ('first_visit', 'order_1', 90, 13, 5, 10, 5, 0.5000),
    ('first_visit', 'order_1', 180, 13, 5, 0, null, null),
    ('first_visit', 'order_1', 365, 13, 5, 0, null, null),
    ('order_1', 'order_2', 30, 7, 3, 6, 1, 0.1667),
    ('order_1', 'order_2', 90, 7, 3, 5, 3, 0.6000),
    ('order_1', 'order_2', 180, 7, 3, 0, null, null),
    ('order_1', 'order_2', 365, 7, 3, 0, null, null)
) as rows (step, next_step, within_days, customers, customers_so_far, customers_old_enough, customers_reached, reached_share)

-- expect hardly anybody began after the first 180 days
select true as is_with_left_censored, null::integer as median_days from range(8)

-- expect the interval is that of Wilson where step = 'first_visit' and within_days = 30
select 0.2693 as reached_share_low, 0.7307 as reached_share_high
