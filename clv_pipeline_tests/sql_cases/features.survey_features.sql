-- Survey features: latest score, average, and their difference.

-- given features.population
select * from (values ('2024-06-01', 'a'), ('2024-06-01', 'today')) as rows (as_of, customer_id)

-- given clean.survey_responses
select customer_id, responded_at, responded_at::date as response_date, nps_score, csat_score
from (values
    ('a', timestamp '2024-01-01 12:00', 10, 5),
    ('a', timestamp '2024-04-01 12:00', 8, 2),
    ('a', timestamp '2024-05-02 12:00', 3, null),
    ('a', timestamp '2024-06-01 00:00', 0, 1),
    ('today', timestamp '2024-06-01 00:00', 0, 1)
) as rows (customer_id, responded_at, nps_score, csat_score)

-- expect the last answer before the cutoff, the mean, the change
select
    'a' as customer_id, 30 as survey_recency_days, 3 as survey_responses, 3 as survey_last_nps, 7.0 as survey_mean_nps,
    -4.0 as survey_nps_change, 3 as survey_lowest_nps, 2 as survey_last_csat, 3.5 as survey_mean_csat
