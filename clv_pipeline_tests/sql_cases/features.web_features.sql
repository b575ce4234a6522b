-- Web features: windows, the trend of the last 30 days, the last device; the cutoff's own day never counts.

-- given features.population
select * from (values ('2024-06-01', 'a'), ('2024-06-01', 'today')) as rows (as_of, customer_id)

-- given clean.web_sessions
select
    customer_id, started_at, started_at::date as session_date, page_views, cart_additions, is_converted, device, 10 as
    duration_seconds
from (values
    ('a', timestamp '2024-03-02 12:00', 1, 1, true, 'old'),    -- age 91
    ('a', timestamp '2024-04-01 12:00', 2, 1, false, 'old'),   -- age 61
    ('a', timestamp '2024-05-01 12:00', 4, 1, true, 'desktop'), -- age 31
    ('a', timestamp '2024-05-02 12:00', 8, 1, false, 'tablet'), -- age 30
    ('a', timestamp '2024-05-17 12:00', 16, 1, false, 'tablet'), -- age 15
    ('a', timestamp '2024-05-18 12:00', 32, 1, false, 'mobile'), -- age 14
    ('a', timestamp '2024-06-01 00:00', 999, 9, true, 'tv'),
    ('today', timestamp '2024-06-01 00:00', 999, 9, true, 'tv'),
    (null, timestamp '2024-05-18 12:00', 999, 9, true, 'tv')
) as rows (customer_id, started_at, page_views, cart_additions, is_converted, device)

-- expect windows, trend and the last device
select
    'a' as customer_id, 14 as web_recency_days, 6 as web_sessions, 1 as web_sessions_14d, 3 as web_sessions_30d,
    5 as web_sessions_90d, 2 as web_trend_30d, 56 as web_page_views_30d, 62 as web_page_views_90d,
    1 as web_cart_additions_14d, 3 as web_cart_additions_30d, 5 as web_cart_additions_90d, 50 as web_seconds_90d,
    1 as web_conversions_90d, 0.333333 as web_conversion_share, 'mobile' as web_last_device
