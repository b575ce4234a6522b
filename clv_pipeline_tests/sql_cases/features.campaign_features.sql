-- Campaign features: answers with a date count from the day after it; others only for touches older than 14 days, because only then
-- are answers complete.

-- given features.population
select * from (values
    ('2024-06-01', 'a'), ('2024-06-01', 'fresh'), ('2024-06-01', 'today'), ('2024-06-01', 'dated')
) as rows (as_of, customer_id)

-- given clean.campaign_touches
select customer_id, touched_at, touched_at::date as touch_date, is_responded, response_date::date as response_date, cost, channel
from (values
    ('a', timestamp '2023-05-31 12:00', true, null, 100.00, 'post'),    -- age 367
    ('a', timestamp '2024-02-18 12:00', true, null, 1.00, 'post'),      -- age 104
    ('a', timestamp '2024-02-17 12:00', true, null, 1.00, 'post'),      -- age 105
    ('a', timestamp '2024-05-17 12:00', false, null, 2.00, 'e-mail'),   -- age 15
    ('a', timestamp '2024-05-18 12:00', true, null, 4.00, 'e-mail'),    -- age 14
    ('a', timestamp '2024-05-31 12:00', true, null, 8.00, 'app'),       -- age 1
    ('a', timestamp '2024-06-01 00:00', true, null, 99.00, 'sms'),
    ('fresh', timestamp '2024-05-18 12:00', true, null, 1.00, 'app'),
    ('today', timestamp '2024-06-01 00:00', true, null, 99.00, 'sms'),
    ('dated', timestamp '2023-12-01 12:00', true, '2024-03-02', 1.00, 'app'),    -- answered 91 days ago
    ('dated', timestamp '2024-01-01 12:00', true, '2024-03-03', 1.00, 'app'),    -- 90 days ago
    ('dated', timestamp '2024-05-30 12:00', true, '2024-05-31', 1.00, 'app'),    -- yesterday, to a touch of two days ago
    ('dated', timestamp '2024-04-01 12:00', true, '2024-06-01', 1.00, 'app'),    -- not yet
    ('dated', timestamp '2024-04-02 12:00', true, '2024-07-01', 1.00, 'app')     -- not yet
) as rows (customer_id, touched_at, is_responded, response_date, cost, channel)

-- expect contacts count at once, answers after 14 days where customer_id = 'a'
select
    1 as campaign_recency_days, 6 as campaign_touches, 3 as campaign_touches_90d, 3 as campaign_responses,
    1 as campaign_responses_90d, 0.75 as campaign_response_share, 0.666667 as campaign_response_share_180d,
    104 as campaign_response_recency_days, 16.00 as campaign_cost_365d, 'app' as campaign_last_channel

-- expect a touch of 14 days has no answer yet, and one on the cutoff's day does not exist where customer_id in ('fresh', 'today')
select
    'fresh' as customer_id, 1 as campaign_touches, 0 as campaign_responses, null as campaign_response_share,
    null as campaign_response_recency_days

-- expect an answer with a date counts from the day after it, whatever the age of its touch where customer_id = 'dated'
select
    5 as campaign_touches, 3 as campaign_responses, 2 as campaign_responses_90d, 0.5 as campaign_response_share,
    0.5 as campaign_response_share_180d, 1 as campaign_response_recency_days
