-- Labels: net spend in [cutoff, cutoff + horizon), only for windows that are over.

-- given raw.extraction
select date '2024-06-01' as as_of

-- given features.horizons
select * from (values (30, 30), (90, 90), (365, 90)) as rows (horizon_days, learned_days)

-- given features.population
select * from (values
    ('2024-05-02', 'train', 'a'),       -- 30 days end on as_of: over
    ('2024-05-03', 'train', 'a'),       -- 30 days end a day later: not over
    ('2024-01-31', 'train', 'a'),       -- both horizons are over; 30 days end on 1 March, because of the leap day
    ('2024-05-02', 'train', 'silent'),
    ('2024-05-02', 'train', 'returner'),
    ('2024-06-01', 'score', 'a')
) as rows (as_of, role, customer_id)

-- given features.customer_day
select customer_id, order_date, net_spend, net_spend > 0 as is_purchase_day, usual_spend
from (values
    ('a', '2024-01-30', 1.00, null),
    ('a', '2024-01-31', 2.00, null),
    ('a', '2024-02-29', 4.00, null),
    ('a', '2024-03-01', 8.00, null),
    ('a', '2024-05-01', 16.00, null),
    ('a', '2024-05-02', 32.00, null),
    ('a', '2024-05-31', 64.00, null),
    ('a', '2024-06-01', 128.00, null),
    ('returner', '2024-04-01', 50.00, null),
    ('returner', '2024-05-10', -50.00, null)
) as rows (customer_id, order_date, net_spend, usual_spend)

-- expect the first day is in, the last is out, and a return counts when it happens
select * from (values
    ('2024-05-02', 'a', 30, 96.00, true, 2),
    ('2024-01-31', 'a', 30, 6.00, true, 2),
    ('2024-01-31', 'a', 90, 14.00, true, 3),
    ('2024-05-02', 'silent', 30, 0.00, false, 0),
    ('2024-05-02', 'returner', 30, -50.00, false, 0)
) as rows (as_of, customer_id, horizon_days, spend_total, has_purchase, purchase_days)
