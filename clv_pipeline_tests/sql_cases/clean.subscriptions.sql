-- Subscriptions: price periods that follow each other, and what is refused.

-- given raw.extraction
select date '2024-06-01' as as_of

-- given clean.customer_identities
select 'merged' as customer_id, 'survivor' as surviving_customer_id

-- given clean.customers
select 'survivor' as customer_id

-- given clean.exchange_rates
select 'USD' as currency, '2024-01-01' as valid_date, 0.9 as rate

-- given raw.subscriptions
select *, case subscription_id when 'broken' then 'key_not_utf8' end as unusable_key from (values
    -- subscription, customer, from, to, amount, interval, currency, updated at, excluded because, row hash
    ('plain', 'merged', '2024-01-01', null, 10.00, 'month', null, null, null, null),
    ('foreign', 'a', '2024-01-01', '2024-03-01', 10.00, 'year', 'usd', null, null, null),
    ('no-rate', 'a', '2024-02-01', null, 10.00, 'year', 'usd', null, null, null),
    ('raised', 'a', '2024-01-01', null, 10.00, 'Monthly', null, null, null, null),
    ('raised', 'a', '2024-03-01', '2024-05-01', 12.00, '1 month', null, null, null, null),
    ('raised', 'a', '2024-05-01', null, 14.00, 'P1M', null, null, null, null),
    ('paused', 'a', '2024-01-01', '2024-02-01', 10.00, 'P3M', null, null, null, null),
    ('paused', 'a', '2024-03-01', null, 10.00, '3 months', null, null, null, null),
    ('overlapping', 'a', '2024-01-01', '2024-03-02', 10.00, 'week', null, null, null, null),
    ('overlapping', 'a', '2024-03-01', null, 12.00, 'week', null, null, null, null),
    ('two prices', 'a', '2024-01-01', null, 10.00, 'day', null, null, null, '1'),
    ('two prices', 'a', '2024-01-01', null, 12.00, 'day', null, null, null, '2'),
    ('changed', 'a', '2024-01-01', null, 10.00, 'day', null, '2024-01-01', null, '1'),
    ('changed', 'a', '2024-01-01', null, 11.00, 'day', null, '2024-01-02', null, '2'),
    ('twice', 'a', '2024-01-01', null, 10.00, 'quarter', null, null, null, 'same'),
    ('twice', 'a', '2024-01-01', null, 10.00, 'quarter', null, null, null, 'same'),
    ('backwards', 'a', '2024-03-01', '2024-02-01', 10.00, 'month', null, null, null, null),
    ('fortnight', 'a', '2024-03-01', null, 10.00, '2 weeks', null, null, null, null),
    ('no interval', 'a', '2024-03-01', null, 10.00, null, null, null, null, null),
    ('no amount', 'a', '2024-03-01', null, null, 'month', null, null, null, null),
    ('negative', 'a', '2024-03-01', null, -1.00, 'month', null, null, null, null),
    ('free', 'a', '2024-03-01', '2024-03-01', 0.00, 'month', null, null, null, null),
    ('no day', 'a', null, null, 10.00, 'month', null, null, null, null),
    ('early', 'a', '1970-01-01', null, 10.00, 'month', null, null, null, null),
    ('agreed', 'a', '2024-05-01', null, 10.00, 'month', null, null, null, null),
    ('agreed', 'a', '2024-06-01', null, 12.00, 'month', null, null, null, null),
    ('nobody', null, '2024-03-01', null, 10.00, 'month', null, null, null, null),
    ('staff', 'a', '2024-03-01', null, 10.00, 'month', null, null, 'staff', null),
    ('broken', 'a', '2024-03-01', null, 10.00, 'month', null, null, 'staff', null),
    (null, 'a', '2024-03-01', null, 10.00, 'month', null, null, null, null)
) as rows (
    subscription_id, customer_id, valid_from, valid_to, amount, interval, currency, updated_at, excluded_because, row_hash
)

-- expect a subscription is the survivor's, in the reporting currency, and whether anybody knows the subscriber where subscription_id in ('plain', 'foreign', 'free')
select * from (values
    ('plain', 'survivor', '2024-01-01', null, 10.00, 'month', 'EUR', 'EUR', true),
    ('foreign', 'a', '2024-01-01', '2024-03-01', 9.00, 'year', 'EUR', 'USD', false),
    ('free', 'a', '2024-03-01', '2024-03-01', 0.00, 'month', 'EUR', 'EUR', false)
) as rows (subscription_id, customer_id, valid_from, valid_to, amount, interval, currency, source_currency, is_known_customer)

-- expect the next period ends one without an end, and only that one where subscription_id in ('raised', 'paused')
select * from (values
    ('raised', '2024-01-01', '2024-03-01', 10.00, 'month', 'accepted'),
    ('raised', '2024-03-01', '2024-05-01', 12.00, 'month', 'accepted'),
    ('raised', '2024-05-01', null, 14.00, 'month', 'accepted'),
    ('paused', '2024-01-01', '2024-02-01', 10.00, 'quarter', 'accepted'),
    ('paused', '2024-03-01', null, 10.00, 'quarter', 'accepted')
) as rows (subscription_id, valid_from, valid_to, amount, interval, disposition)

-- expect the newest version of a period counts, and an equal one once where subscription_id in ('changed', 'twice')
select * from (values
    ('changed', 10.00, 'superseded', 'superseded_period'),
    ('changed', 11.00, 'accepted', null),
    ('twice', 10.00, 'accepted', null),
    ('twice', 10.00, 'duplicate', 'delivered_twice')
) as rows (subscription_id, amount, disposition, reason)

-- expect of periods that overlap none is taken where subscription_id in ('overlapping', 'two prices')
select * from (values
    ('overlapping', 'overlapping_period'),
    ('overlapping', 'overlapping_period'),
    ('two prices', 'overlapping_period'),
    ('two prices', 'overlapping_period')
) as rows (subscription_id, reason)

-- expect what cannot be a price period where reason is not null and subscription_id not in ('overlapping', 'two prices', 'changed', 'twice') or subscription_id is null
select * from (values
    ('no-rate', 'quarantined', 'no_exchange_rate_for_price'),
    ('backwards', 'quarantined', 'ends_before_it_begins'),
    ('fortnight', 'quarantined', 'unknown_interval'),
    ('no interval', 'quarantined', 'unknown_interval'),
    ('no amount', 'quarantined', 'unreadable_price'),
    ('negative', 'quarantined', 'negative_price'),
    ('no day', 'quarantined', 'unreadable_valid_from'),
    ('early', 'quarantined', 'early_valid_from'),
    ('agreed', 'excluded', 'on_or_after_as_of'),
    ('nobody', 'quarantined', 'missing_customer_id'),
    ('staff', 'excluded', 'excluded_by_rule'),
    ('broken', 'quarantined', 'key_not_utf8'),
    (null, 'quarantined', 'missing_subscription_id')
) as rows (subscription_id, disposition, reason)
