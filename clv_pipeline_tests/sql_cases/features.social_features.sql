-- Social features: frequency, recency, sentiment.

-- given features.population
select * from (values ('2024-06-01', 'a'), ('2024-06-01', 'today')) as rows (as_of, customer_id)

-- given clean.social_interactions
select customer_id, occurred_at, occurred_at::date as interaction_date, kind, sentiment, network
from (values
    ('a', timestamp '2023-12-03 12:00', 'complaint', -1.0, 'old'),      -- age 181
    ('a', timestamp '2023-12-04 12:00', 'complaint', -1.0, 'old'),      -- age 180
    ('a', timestamp '2024-03-02 12:00', 'mention', 1.0, 'instagram'),   -- age 91
    ('a', timestamp '2024-03-03 12:00', 'mention', -0.5, 'instagram'),  -- age 90
    ('a', timestamp '2024-05-31 23:59', 'mention', 0.5, 'x'),           -- age 1
    ('a', timestamp '2024-06-01 00:00', 'complaint', -1.0, 'facebook'),
    ('today', timestamp '2024-06-01 00:00', 'complaint', -1.0, 'facebook'),
    (null, timestamp '2024-05-31 12:00', 'complaint', -1.0, 'facebook')
) as rows (customer_id, occurred_at, kind, sentiment, network)

-- expect windows of 90 and 180 days, and the last network
select
    'a' as customer_id, 1 as social_recency_days, 5 as social_interactions, 2 as social_interactions_90d,
    -0.2 as social_mean_sentiment, 0.0 as social_mean_sentiment_90d, -0.5 as social_lowest_sentiment_90d,
    1 as social_angry_90d, 1 as social_complaints_180d, 'x' as social_last_network
