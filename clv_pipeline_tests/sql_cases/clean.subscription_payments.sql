-- Payments of subscriptions: dated in the business time zone, of the subscriber, each once.

-- parameters
select 'Europe/Berlin' as time_zone

-- given raw.extraction
select date '2024-06-01' as as_of

-- given clean.customer_identities
select 'merged' as customer_id, 'survivor' as surviving_customer_id

-- given clean.exchange_rates
select 'USD' as currency, '2024-03-01' as valid_date, 0.9 as rate

-- given raw.subscriptions
select * from (values
    ('s1', 'merged', '2024-01-01'), ('s2', 'former', '2023-01-01'), ('s2', 'a', '2024-01-01')
) as rows (subscription_id, customer_id, valid_from)

-- given raw.subscription_payments
select *, case payment_id when 'broken' then 'key_not_utf8' end as unusable_key from (values
    -- payment, subscription, paid at, amount, currency, updated at, excluded because, row hash
    ('plain', 's1', '2024-02-29 23:30+00', 10.00, null, null, null, null),
    ('refund', 's2', '2024-03-01 12:00+00', -4.00, null, null, null, null),
    ('foreign', 's2', '2024-03-01 12:00+00', 10.00, 'usd', null, null, null),
    ('no-rate', 's2', '2024-03-02 12:00+00', 10.00, 'usd', null, null, null),
    ('twice', 's2', '2024-03-01 12:00+00', 10.00, null, null, null, 'same'),
    ('twice', 's2', '2024-03-01 12:00+00', 10.00, null, null, null, 'same'),
    ('changed', 's2', '2024-03-01 12:00+00', 10.00, null, '2024-03-01', null, '1'),
    ('changed', 's2', '2024-03-01 12:00+00', 9.00, null, '2024-03-02', null, '2'),
    ('stranger', 's9', '2024-03-01 12:00+00', 10.00, null, null, null, null),
    ('of nothing', null, '2024-03-01 12:00+00', 10.00, null, null, null, null),
    ('no time', 's2', null, 10.00, null, null, null, null),
    ('no amount', 's2', '2024-03-01 12:00+00', null, null, null, null, null),
    ('early', 's2', '1970-01-01 12:00+00', 10.00, null, null, null, null),
    ('tonight', 's2', '2024-05-31 22:30+00', 10.00, null, null, null, null),
    ('trial', 's2', '2024-03-01 12:00+00', 10.00, null, null, 'trial', null),
    ('broken', 's2', '2024-03-01 12:00+00', 10.00, null, null, 'trial', null),
    (null, 's2', '2024-03-01 12:00+00', 10.00, null, null, null, null)
) as rows (payment_id, subscription_id, paid_at, amount, currency, updated_at, excluded_because, row_hash)

-- expect a payment is its newest subscriber's, on the local day where payment_id in ('plain', 'refund', 'foreign')
select * from (values
    ('plain', 'survivor', '2024-03-01', 10.00, 10.000000, 'EUR', 'EUR'),
    ('refund', 'a', '2024-03-01', -4.00, -4.000000, 'EUR', 'EUR'),
    ('foreign', 'a', '2024-03-01', 9.00, 10.000000, 'USD', 'EUR')
) as rows (payment_id, customer_id, payment_date, amount, source_amount, source_currency, currency)

-- expect one payment counts once, its newest version where payment_id in ('twice', 'changed')
select * from (values
    ('twice', 10.00, 'accepted', null),
    ('twice', 10.00, 'duplicate', 'delivered_twice'),
    ('changed', 9.00, 'accepted', null),
    ('changed', 10.00, 'superseded', 'superseded_payment')
) as rows (payment_id, amount, disposition, reason)

-- expect what cannot be a payment where disposition in ('quarantined', 'excluded')
select * from (values
    ('no-rate', 'quarantined', 'no_exchange_rate_for_payment'),
    ('stranger', 'quarantined', 'unknown_subscription'),
    ('of nothing', 'quarantined', 'missing_subscription_id'),
    ('no time', 'quarantined', 'unreadable_paid_at'),
    ('no amount', 'quarantined', 'unreadable_payment'),
    ('early', 'quarantined', 'early_paid_at'),
    ('tonight', 'excluded', 'on_or_after_as_of'),
    ('trial', 'excluded', 'excluded_by_rule'),
    ('broken', 'quarantined', 'key_not_utf8'),
    (null, 'quarantined', 'missing_payment_id')
) as rows (payment_id, disposition, reason)
