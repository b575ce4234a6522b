-- Summary of the changes: money by cause, customers who came and left, moves between tiers, small causes pooled.

-- given scores.run
select date '2024-06-02' as as_of, 90 as primary_horizon_days, 'EUR' as currency

-- given scores.history
select *, date '2024-06-01' as as_of_date, 90 as horizon_days from (values
    ('b0', 100.00, 'A', 'repeat_customer'), ('b1', 40.00, 'B', 'repeat_customer'), ('b2', 40.00, 'B', 'repeat_customer'),
    ('b3', 20.00, 'C', 'repeat_customer'), ('b4', 20.00, 'C', 'repeat_customer'), ('b5', 10.00, 'D', 'repeat_customer'),
    ('gone0', 1.00, 'D', 'repeat_customer'), ('gone1', 1.00, 'D', 'repeat_customer'), ('gone2', 1.00, 'D', 'repeat_customer'),
    ('gone3', 1.00, 'D', 'repeat_customer'), ('gone4', 1.00, 'D', 'repeat_customer')
) as rows (customer_id, predicted_spend, value_tier, score_status)
union all by name
select 'b0' as customer_id, 90 as horizon_days, date '2024-05-01' as as_of_date, 7.00 as predicted_spend, 'A' as value_tier

-- given published.customer_clv
select *, 'repeat_customer' as score_status from (values
    ('b0', 'A'), ('b1', 'A'), ('b2', 'B'), ('b3', 'D'), ('b4', 'C'), ('b5', 'D'), ('new', 'D')
) as rows (customer_id, value_tier)

-- given scores.customer_scores
select * from (values
    ('b0', 101.00), ('b1', 90.00), ('b2', 41.00), ('b3', 20.00), ('b4', 21.00), ('b5', 11.00), ('new', 3.00)
) as rows (customer_id, primary_spend)

-- given scores.score_changes
select
    customer_id, time_passed::decimal(18, 2) as time_passed, new_orders::decimal(18, 2) as new_orders, main_cause,
    0.00::decimal(18, 2) as returns, 0.00::decimal(18, 2) as web, 0.00::decimal(18, 2) as survey,
    0.00::decimal(18, 2) as social, 0.00::decimal(18, 2) as campaigns, 0.00::decimal(18, 2) as corrections,
    0.00::decimal(18, 2) as model, 0.00::decimal(18, 2) as level_and_season, 0.00::decimal(18, 2) as settings,
    0.00::decimal(18, 2) as not_split
from (values
    ('b0', 1.00, 0.00, 'time_passed'), ('b1', 1.00, 49.00, 'new_orders'), ('b2', 1.00, 0.00, 'time_passed'),
    ('b4', 1.00, 0.00, 'time_passed'), ('b5', 1.00, 0.00, 'time_passed')
) as rows (customer_id, time_passed, new_orders, main_cause)

-- expect all money, and the small causes in one row
select *, '2024-06-01' as previous_as_of_date, '2024-06-02' as as_of_date, 'EUR' as currency from (values
    ('time_passed', 'cause', 5, 4, 5.00, 0, 0),
    ('customer_removed', 'customer_removed', 5, 0, -5.00, 0, 0),
    -- new orders of one customer who is above the old limit of tier A; one who came; one who fell below a limit that moved
    ('other', 'other', 3, 2, 52.00, 1, 1)
) as rows (
    cause, row_kind, customers, main_cause_customers, change, tier_moves_by_own_score, tier_moves_by_threshold
)
