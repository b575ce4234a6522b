-- Web sessions: unknown visitors are kept, repeats and impossible counts are dropped.

-- parameters
select 'Europe/Berlin' as time_zone

-- given raw.extraction
select date '2024-06-01' as as_of

-- given clean.customer_identities
select 'merged' as customer_id, 'survivor' as surviving_customer_id

-- given raw.web_sessions
select *, case session_id when 'broken' then 'key_not_utf8' end as unusable_key from (values
    -- session, customer, started at, pages, seconds, cart, converted, excluded because
    ('plain', 'merged', '2024-03-31 22:30+00', 3, 60, 1, true, null),
    ('twice', 'a', '2024-03-01 12:00+00', 3, 60, 0, false, null),
    ('twice', 'a', '2024-03-01 12:00+00', 3, 60, 0, false, null),
    ('stranger', null, '2024-03-01 12:00+00', null, null, null, null, null),
    ('negative', 'a', '2024-03-01 12:00+00', 3, -60, 0, false, null),
    ('no-time', 'a', null, 3, 60, 0, false, null),
    ('early', 'a', '1970-01-01 00:00+00', 3, 60, 0, false, null),
    ('robot', 'a', '2024-03-01 12:00+00', 3, 60, 0, false, 'robot'),
    ('broken', 'a', '2024-03-01 12:00+00', 3, 60, 0, false, 'robot'),
    (null, 'a', '2024-03-01 12:00+00', 3, 60, 0, false, null)
) as rows (
    session_id, customer_id, started_at, page_views, duration_seconds, cart_additions, converted, excluded_because
)

-- expect a session belongs to the survivor on the local day where session_id = 'plain'
select 'survivor' as customer_id, '2024-04-01' as session_date, 1 as cart_additions, true as is_converted

-- expect a stranger's session has zeros where session_id = 'stranger'
select null as customer_id, 0 as page_views, 0 as duration_seconds, 0 as cart_additions, false as is_converted

-- expect what becomes of each
select * from (values
    ('plain', 'accepted', null),
    ('stranger', 'accepted', null),
    ('twice', 'accepted', null),
    ('twice', 'duplicate', 'delivered_twice'),
    ('negative', 'quarantined', 'negative_session_count'),
    ('no-time', 'quarantined', 'unreadable_started_at'),
    ('early', 'quarantined', 'early_started_at'),
    ('robot', 'excluded', 'excluded_by_rule'),
    ('broken', 'quarantined', 'key_not_utf8'),
    (null, 'quarantined', 'missing_session_id')
) as rows (session_id, disposition, reason)

-- expect the words of the company's own rule are kept where session_id = 'robot'
select 'robot' as excluded_because
