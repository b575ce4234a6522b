-- Score changes: the parts as they are, the change and its main cause in words.

-- given scores.run
select date '2024-06-02' as as_of, 'EUR' as currency

-- given scores.score_changes
select
    customer_id, date '2024-06-01' as previous_date, before::decimal(18, 2) as previous_spend,
    now::decimal(18, 2) as predicted_spend, time_passed::decimal(18, 2) as time_passed,
    new_orders::decimal(18, 2) as new_orders, not_split::decimal(18, 2) as not_split, main_cause,
    0.00::decimal(18, 2) as returns, 0.00::decimal(18, 2) as web, 0.00::decimal(18, 2) as survey,
    0.00::decimal(18, 2) as social, 0.00::decimal(18, 2) as campaigns, 0.00::decimal(18, 2) as corrections,
    0.00::decimal(18, 2) as model, 0.00::decimal(18, 2) as level_and_season, 0.00::decimal(18, 2) as settings
from (values
    ('buyer', 100.00, 1350.50, -2.00, 1252.50, 0.00, 'new_orders'),
    ('silent', 10.00, 9.90, -0.10, 0.00, 0.00, 'time_passed'),
    ('old', 10.00, 12.00, 0.00, 0.00, 2.00, 'not_split')
) as rows (customer_id, before, now, time_passed, new_orders, not_split, main_cause)

-- expect change and words
select * from (values
    ('buyer', '2024-06-01', 100.00, 1350.50, 1250.50, -2.00, 1252.50, 'new_orders', '+1,250.50 EUR, mainly new orders (+1,252.50)'),
    ('silent', '2024-06-01', 10.00, 9.90, -0.10, -0.10, 0.00, 'time_passed', '-0.10 EUR, mainly time passed (-0.10)'),
    ('old', '2024-06-01', 10.00, 12.00, 2.00, 0.00, 0.00, 'not_split', '+2.00 EUR, mainly not split (+2.00)')
) as rows (
    customer_id, previous_as_of_date, previous_predicted_spend, predicted_spend, change, time_passed, new_orders, main_cause, text
)
