-- Marketing spend: the rows of a channel and day are added, in the reporting currency; equal ones may be one row delivered twice.

-- given raw.extraction
select date '2024-06-01' as as_of

-- given clean.exchange_rates
select 'USD' as currency, '2024-03-01' as valid_date, 0.9 as rate

-- given raw.marketing_spend
select *, case channel when 'broken' then 'key_not_utf8' end as unusable_key from (values
    -- channel, day, campaign, spend, currency, excluded because
    ('search', '2024-03-01', null, 10.00, null, null),
    ('search', '2024-03-01', null, 12.00, null, null),
    ('search', '2024-03-02', null, 0.00, 'EUR', null),
    -- a day with one amount, and no other day that was delivered twice
    ('search', '2024-03-03', null, 7.00, null, null),
    ('search', '2024-03-03', null, 7.00, 'EUR', null),
    ('named', '2024-03-04', 'spring', 4.00, null, null),
    ('named', '2024-03-04', 'spring', 4.00, 'eur', null),
    ('named', '2024-03-04', 'spring', 5.00, null, null),
    ('named', '2024-03-04', 'summer', 4.00, null, null),
    ('twice', '2024-03-05', null, 1.00, null, null),
    ('twice', '2024-03-05', null, 1.00, null, null),
    ('twice', '2024-03-05', null, 2.00, null, null),
    ('twice', '2024-03-05', null, 2.00, null, null),
    ('micros', '2024-03-06', 'a', 0.004, null, null),
    ('micros', '2024-03-06', 'b', 0.004, null, null),
    ('micros', '2024-03-07', 'a', 0.004, null, null),
    ('foreign', '2024-03-01', null, 100.00, 'USD', null),
    ('foreign', '2024-03-02', null, 100.00, 'USD', null),
    ('foreign', '2024-03-03', null, 100.00, 'GBP', null),
    ('negative', '2024-03-01', null, -5.00, null, null),
    ('no-amount', '2024-03-01', null, null, null, null),
    ('no-day', null, null, 5.00, null, null),
    ('early', '1970-01-01', null, 5.00, null, null),
    ('brand', '2024-03-01', null, 5.00, null, 'brand building'),
    ('broken', '2024-03-01', null, 5.00, null, 'brand building'),
    (null, '2024-03-01', null, 5.00, null, null)
) as rows (channel, spend_date, campaign, spend, currency, excluded_because)

-- expect rows of one channel and day are added where channel = 'search'
select * from (values
    ('2024-03-01', 10.00, 'EUR', 'accepted'),
    ('2024-03-01', 12.00, 'EUR', 'accepted'),
    ('2024-03-02', 0.00, 'EUR', 'accepted'),
    ('2024-03-03', 7.00, 'EUR', 'accepted'),
    ('2024-03-03', 7.00, 'EUR', 'accepted')
) as rows (spend_date, spend, currency, disposition)

-- expect equal rows of one campaign are one row, others are added where channel = 'named'
select * from (values
    ('spring', 4.00, 'accepted'),
    ('spring', 4.00, 'duplicate'),
    ('spring', 5.00, 'accepted'),
    ('summer', 4.00, 'accepted')
) as rows (campaign, spend, disposition)

-- expect a day whose every amount is there twice was delivered twice where channel = 'twice'
select * from (values
    (1.00, 'accepted'), (1.00, 'duplicate'), (2.00, 'accepted'), (2.00, 'duplicate')
) as rows (spend, disposition)

-- expect cents are rounded once per channel where channel = 'micros'
select * from (values
    ('2024-03-06', 'a', 0.00, 0.004000), ('2024-03-06', 'b', 0.01, 0.004000), ('2024-03-07', 'a', 0.00, 0.004000)
) as rows (spend_date, campaign, spend, source_amount)

-- expect what cannot be spend where channel not in ('search', 'foreign', 'named', 'twice', 'micros') or channel is null
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
