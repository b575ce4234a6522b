-- Social interactions: strangers stay, a sentiment beyond its scale is set aside.

-- parameters
select 'Europe/Berlin' as time_zone

-- given clean.customer_identities
select 'merged' as customer_id, 'survivor' as surviving_customer_id

-- given raw.social_interactions
select * from (values
    ('plain', 'merged', '2024-02-29 23:30+00', -1, null),
    ('stranger', null, '2024-03-01 12:00+00', 1, null),
    ('no-mood', 'a', '2024-03-01 12:00+00', null, null),
    ('twice', 'a', '2024-03-01 12:00+00', 0.5, null),
    ('twice', 'a', '2024-03-01 12:00+00', 0.5, null),
    ('too-angry', 'a', '2024-03-01 12:00+00', -1.01, null),
    ('no-time', 'a', null, 0.5, null),
    ('early', 'a', '1970-01-01 00:00+00', 0.5, null),
    ('our-own', 'a', '2024-03-01 12:00+00', 0.5, 'our own account'),
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
    ('twice', 'duplicate', 'delivered more than once'),
    ('too-angry', 'quarantined', 'sentiment is outside -1 to 1'),
    ('no-time', 'quarantined', 'occurred_at is missing or unreadable'),
    ('early', 'quarantined', 'occurred_at is before the earliest date'),
    ('our-own', 'excluded', 'our own account'),
    (null, 'quarantined', 'interaction_id is missing')
) as rows (interaction_id, disposition, reason)
