-- Social interactions: unknown people are kept, a sentiment outside its scale is quarantined.

-- parameters
select 'Europe/Berlin' as time_zone

-- given raw.extraction
select date '2024-06-01' as as_of

-- given clean.customer_identities
select 'merged' as customer_id, 'survivor' as surviving_customer_id

-- given raw.social_interactions
select *, case interaction_id when 'broken' then 'key_not_utf8' end as unusable_key from (values
    ('plain', 'merged', '2024-02-29 23:30+00', -1, null),
    ('stranger', null, '2024-03-01 12:00+00', 1, null),
    ('no-mood', 'a', '2024-03-01 12:00+00', null, null),
    ('twice', 'a', '2024-03-01 12:00+00', 0.5, null),
    ('twice', 'a', '2024-03-01 12:00+00', 0.5, null),
    ('too-angry', 'a', '2024-03-01 12:00+00', -1.01, null),
    ('no-time', 'a', null, 0.5, null),
    ('early', 'a', '1970-01-01 00:00+00', 0.5, null),
    ('our-own', 'a', '2024-03-01 12:00+00', 0.5, 'our own account'),
    ('broken', 'a', '2024-03-01 12:00+00', 0.5, 'our own account'),
    (null, 'a', '2024-03-01 12:00+00', 0.5, null)
) as rows (interaction_id, customer_id, occurred_at, sentiment, excluded_because)

-- expect an interaction belongs to the survivor on the local day where interaction_id = 'plain'
select 'survivor' as customer_id, '2024-03-01' as interaction_date, -1 as sentiment

-- expect what becomes of each
select * from (values
    ('plain', 'accepted', null),
    ('stranger', 'accepted', null),
    ('no-mood', 'accepted', null),
    ('twice', 'accepted', null),
    ('twice', 'duplicate', 'delivered_twice'),
    ('too-angry', 'quarantined', 'out_of_range_sentiment'),
    ('no-time', 'quarantined', 'unreadable_occurred_at'),
    ('early', 'quarantined', 'early_occurred_at'),
    ('our-own', 'excluded', 'excluded_by_rule'),
    ('broken', 'quarantined', 'key_not_utf8'),
    (null, 'quarantined', 'missing_interaction_id')
) as rows (interaction_id, disposition, reason)

-- expect the words of the company's own rule are kept where interaction_id = 'our-own'
select 'our own account' as excluded_because
