-- Campaign touches: a touch that is loaded again after its answer counts once, as answered.

-- parameters
select 'Europe/Berlin' as time_zone

-- given raw.extraction
select date '2024-06-01' as as_of

-- given clean.customer_identities
select 'merged' as customer_id, 'survivor' as surviving_customer_id

-- given raw.campaign_touches
select *, case touch_id when 'broken' then 'key_not_utf8' end as unusable_key from (values
    -- touch, customer, touched at, cost, responded, excluded because, row hash (which breaks ties)
    ('plain', 'merged', '2024-02-29 23:30+00', 0.02, true, null, null),
    ('silent', 'a', '2024-03-01 12:00+00', null, null, null, null),
    ('answered-1', 'a', '2024-03-01 12:00+00', 0.02, false, null, '1'),
    ('answered-1', 'a', '2024-03-01 12:00+00', 0.02, true, null, '2'),
    ('answered-2', 'a', '2024-03-01 12:00+00', 0.02, true, null, '1'),
    ('answered-2', 'a', '2024-03-01 12:00+00', 0.02, false, null, '2'),
    ('costly', 'a', '2024-03-01 12:00+00', -0.02, false, null, null),
    ('no-time', 'a', null, 0.02, false, null, null),
    ('early', 'a', '1970-01-01 00:00+00', 0.02, false, null, null),
    ('nobody', null, '2024-03-01 12:00+00', 0.02, false, null, null),
    ('trial', 'a', '2024-03-01 12:00+00', 0.02, false, 'trial mailing', null),
    ('broken', 'a', '2024-03-01 12:00+00', 0.02, false, 'trial mailing', null),
    (null, 'a', '2024-03-01 12:00+00', 0.02, false, null, null)
) as rows (touch_id, customer_id, touched_at, cost, responded, excluded_because, row_hash)

-- expect a touch belongs to the survivor on the local day where touch_id = 'plain'
select 'survivor' as customer_id, '2024-03-01' as touch_date, 0.02 as cost, true as is_responded

-- expect silence is no answer and no cost where touch_id = 'silent'
select 0.00 as cost, false as is_responded

-- expect the answer wins, whatever the order of delivery where touch_id like 'answered-%' and disposition = 'accepted'
select * from (values ('answered-1', true), ('answered-2', true)) as rows (touch_id, is_responded)

-- expect what becomes of each where touch_id not like 'answered-%' or touch_id is null
select * from (values
    ('plain', 'accepted', null),
    ('silent', 'accepted', null),
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
