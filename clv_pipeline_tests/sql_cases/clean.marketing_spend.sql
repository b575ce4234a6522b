-- Marketing spend: one amount per channel and day, in the reporting currency.

-- given raw.extraction
select date '2024-06-01' as as_of

-- given clean.exchange_rates
select 'USD' as currency, '2024-03-01' as valid_date, 0.9 as rate

-- given raw.marketing_spend
select *, case channel when 'broken' then 'key_not_utf8' end as unusable_key from (values
    ('search', '2024-03-01', 10.00, null, null),
    ('search', '2024-03-01', 12.00, null, null),
    ('search', '2024-03-02', 0.00, 'EUR', null),
    ('foreign', '2024-03-01', 100.00, 'USD', null),
    ('foreign', '2024-03-02', 100.00, 'USD', null),
    ('foreign', '2024-03-03', 100.00, 'GBP', null),
    ('negative', '2024-03-01', -5.00, null, null),
    ('no-amount', '2024-03-01', null, null, null),
    ('no-day', null, 5.00, null, null),
    ('early', '1970-01-01', 5.00, null, null),
    ('brand', '2024-03-01', 5.00, null, 'brand building'),
    ('broken', '2024-03-01', 5.00, null, 'brand building'),
    (null, '2024-03-01', 5.00, null, null)
) as rows (channel, spend_date, spend, currency, excluded_because)

-- expect of several deliveries the highest counts where channel = 'search'
select * from (values
    ('2024-03-01', 12.00, 'EUR', 'accepted'),
    ('2024-03-01', 10.00, 'EUR', 'duplicate'),
    ('2024-03-02', 0.00, 'EUR', 'accepted')
) as rows (spend_date, spend, currency, disposition)

-- expect what cannot be spend where channel not in ('search', 'foreign') or channel is null
select * from (values
    ('negative', 'quarantined', 'negative_spend'),
    ('no-amount', 'quarantined', 'unreadable_spend'),
    ('no-day', 'quarantined', 'unreadable_spend_date'),
    ('early', 'quarantined', 'early_spend_date'),
    ('brand', 'excluded', 'excluded_by_rule'),
    ('broken', 'quarantined', 'key_not_utf8'),
    (null, 'quarantined', 'missing_channel')
) as rows (channel, disposition, reason)

-- expect foreign money is converted, and set aside without a rate where channel = 'foreign'
select * from (values
    ('2024-03-01', 90.00, 'accepted', null),
    ('2024-03-02', null, 'quarantined', 'no_exchange_rate_for_spend'),
    ('2024-03-03', null, 'quarantined', 'no_exchange_rate_for_spend')
) as rows (spend_date, spend, disposition, reason)

-- expect the words of the company's own rule are kept where channel = 'brand'
select 'brand building' as excluded_because
