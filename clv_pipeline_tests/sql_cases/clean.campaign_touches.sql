-- Campaign touches: a touch that is loaded again after its answer counts once, as answered.

-- parameters
select 'Europe/Berlin' as time_zone

-- given raw.extraction
select date '2024-06-01' as as_of

-- given clean.customer_identities
select 'merged' as customer_id, 'survivor' as surviving_customer_id

-- given raw.campaign_touches
select *, case touch_id when 'broken' then 'key_not_utf8' end as unusable_key from (values
    -- touch, customer, touched at, cost, responded, excluded because, row hash (which breaks ties), responded at
    ('plain', 'merged', '2024-02-29 23:30+00', 0.02, true, null, null, null),
    ('silent', 'a', '2024-03-01 12:00+00', null, null, null, null, null),
    ('answered-1', 'a', '2024-03-01 12:00+00', 0.02, false, null, '1', null),
    ('answered-1', 'a', '2024-03-01 12:00+00', 0.02, true, null, '2', null),
    ('answered-2', 'a', '2024-03-01 12:00+00', 0.02, true, null, '1', null),
    ('answered-2', 'a', '2024-03-01 12:00+00', 0.02, false, null, '2', null),
    ('costly', 'a', '2024-03-01 12:00+00', -0.02, false, null, null, null),
    ('no-time', 'a', null, 0.02, false, null, null, null),
    ('early', 'a', '1970-01-01 00:00+00', 0.02, false, null, null, null),
    ('nobody', null, '2024-03-01 12:00+00', 0.02, false, null, null, null),
    ('trial', 'a', '2024-03-01 12:00+00', 0.02, false, 'trial mailing', null, null),
    ('broken', 'a', '2024-03-01 12:00+00', 0.02, false, 'trial mailing', null, null),
    (null, 'a', '2024-03-01 12:00+00', 0.02, false, null, null, null),
    ('dated', 'a', '2024-03-01 12:00+00', 0.02, null, null, null, '2024-03-03 23:30+00'),
    ('same day', 'a', '2024-03-01 12:00+00', 0.02, false, null, null, '2024-03-01 00:00+00'),
    ('later', 'a', '2024-05-20 12:00+00', 0.02, true, null, null, '2024-05-31 22:30+00'),
    ('before', 'a', '2024-03-01 12:00+00', 0.02, true, null, null, '2024-02-28 12:00+00'),
    ('again', 'a', '2024-03-01 12:00+00', 0.02, false, null, '1', null),
    ('again', 'a', '2024-03-01 12:00+00', 0.02, null, null, '2', '2024-03-05 12:00+00')
) as rows (touch_id, customer_id, touched_at, cost, responded, excluded_because, row_hash, responded_at)

-- expect a touch belongs to the survivor on the local day where touch_id = 'plain'
select 'survivor' as customer_id, '2024-03-01' as touch_date, 0.02 as cost, true as is_responded

-- expect an answer has its local day, and has not happened yet on or after as_of where touch_id in ('dated', 'same day', 'later') or touch_id = 'again' and disposition = 'accepted'
select * from (values
    ('dated', true, '2024-03-04'), ('same day', true, '2024-03-01'), ('later', false, null), ('again', true, '2024-03-05')
) as rows (touch_id, is_responded, response_date)

-- expect silence is no answer and no cost where touch_id = 'silent'
select 0.00 as cost, false as is_responded

-- expect the answer wins, whatever the order of delivery where touch_id like 'answered-%' and disposition = 'accepted'
select * from (values ('answered-1', true), ('answered-2', true)) as rows (touch_id, is_responded)

-- expect what becomes of each where touch_id not like 'answered-%' or touch_id is null
select * from (values
    ('plain', 'accepted', null),
    ('silent', 'accepted', null),
    ('dated', 'accepted', null),
    ('same day', 'accepted', null),
    ('later', 'accepted', null),
    ('before', 'quarantined', 'response_before_touch'),
    ('again', 'accepted', null),
    ('again', 'duplicate', 'delivered_twice'),
    ('costly', 'quarantined', 'negative_cost'),
    ('no-time', 'quarantined', 'unreadable_touched_at'),
    ('early', 'quarantined', 'early_touched_at'),
    ('nobody', 'quarantined', 'missing_customer_id'),
    ('trial', 'excluded', 'excluded_by_rule'),
    ('broken', 'quarantined', 'key_not_utf8'),
    (null, 'quarantined', 'missing_touch_id')
) as rows (touch_id, disposition, reason)

-- expect the words of the company's own rule are kept where touch_id = 'trial'
select 'trial mailing' as excluded_because
