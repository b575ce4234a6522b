-- Customer features: one row per member of the population, with every family that has data of the customer.

-- given features.population
select * from (values
    ('2024-06-01', 'score', 'a'), ('2024-06-01', 'score', 'nothing-known'), ('2024-03-01', 'train', 'a')
) as rows (as_of, role, customer_id)

-- given features.purchase_features
select * from (values ('2024-06-01', 'a', 7), ('2024-03-01', 'a', 70)) as rows (as_of, customer_id, recency_days)

-- given features.web_features
select '2024-06-01' as as_of, 'a' as customer_id, 1 as web_sessions

-- given features.survey_features
select '2024-06-01' as as_of, 'a' as customer_id, 2 as survey_responses

-- given features.social_features
select '2024-06-01' as as_of, 'a' as customer_id, 3 as social_interactions

-- given features.campaign_features
select '2024-06-01' as as_of, 'a' as customer_id, 4 as campaign_touches

-- given features.crm_features
select '2024-06-01' as as_of, 'a' as customer_id, 'DE' as crm_country

-- expect one row each, cutoffs kept apart, nothing for the unknown
select * from (values
    ('2024-06-01', 'score', 'a', 7, 1, 2, 3, 4, 'DE'),
    ('2024-06-01', 'score', 'nothing-known', null, null, null, null, null, null),
    ('2024-03-01', 'train', 'a', 70, null, null, null, null, null)
) as rows (
    as_of, role, customer_id, recency_days, web_sessions, survey_responses, social_interactions, campaign_touches,
    crm_country
)
