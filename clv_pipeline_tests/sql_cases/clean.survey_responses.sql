-- Survey responses: a score outside its scale is quarantined, a repeat counts once.

-- parameters
select 'Europe/Berlin' as time_zone

-- given raw.extraction
select date '2024-06-01' as as_of

-- given clean.customer_identities
select 'merged' as customer_id, 'survivor' as surviving_customer_id

-- given raw.survey_responses
select *, case response_id when 'broken' then 'key_not_utf8' end as unusable_key from (values
    ('plain', 'merged', '2024-02-29 23:30+00', 0, 5, null),
    ('one-score', 'a', '2024-03-01 12:00+00', 10, null, null),
    ('twice', 'a', '2024-03-01 12:00+00', 7, 4, null),
    ('twice', 'a', '2024-03-01 12:00+00', 7, 4, null),
    ('nps-11', 'a', '2024-03-01 12:00+00', 11, 4, null),
    ('csat-0', 'a', '2024-03-01 12:00+00', 7, 0, null),
    ('no-time', 'a', null, 7, 4, null),
    ('early', 'a', '1970-01-01 00:00+00', 7, 4, null),
    ('nobody', null, '2024-03-01 12:00+00', 7, 4, null),
    ('pilot', 'a', '2024-03-01 12:00+00', 7, 4, 'pilot survey'),
    ('broken', 'a', '2024-03-01 12:00+00', 7, 4, 'pilot survey'),
    (null, 'a', '2024-03-01 12:00+00', 7, 4, null)
) as rows (response_id, customer_id, responded_at, nps_score, csat_score, excluded_because)

-- expect an answer belongs to the survivor on the local day where response_id = 'plain'
select 'survivor' as customer_id, '2024-03-01' as response_date, 0 as nps_score, 5 as csat_score

-- expect what becomes of each
select * from (values
    ('plain', 'accepted', null),
    ('one-score', 'accepted', null),
    ('twice', 'accepted', null),
    ('twice', 'duplicate', 'delivered_twice'),
    ('nps-11', 'quarantined', 'out_of_range_nps_score'),
    ('csat-0', 'quarantined', 'out_of_range_csat_score'),
    ('no-time', 'quarantined', 'unreadable_responded_at'),
    ('early', 'quarantined', 'early_responded_at'),
    ('nobody', 'quarantined', 'missing_customer_id'),
    ('pilot', 'excluded', 'excluded_by_rule'),
    ('broken', 'quarantined', 'key_not_utf8'),
    (null, 'quarantined', 'missing_response_id')
) as rows (response_id, disposition, reason)

-- expect the words of the company's own rule are kept where response_id = 'pilot'
select 'pilot survey' as excluded_because
