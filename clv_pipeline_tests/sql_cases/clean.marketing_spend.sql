-- Marketing spend: one amount per channel and day, in the reporting currency.

-- given clean.exchange_rates
select 'USD' as currency, '2024-03-01' as valid_date, 0.9 as rate

-- given raw.marketing_spend
select * from (values
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
    ('negative', 'quarantined', 'spend is negative'),
    ('no-amount', 'quarantined', 'spend is missing or not a number'),
    ('no-day', 'quarantined', 'spend_date is missing or unreadable'),
    ('early', 'quarantined', 'spend_date is before the earliest date'),
    ('brand', 'excluded', 'brand building'),
    (null, 'quarantined', 'channel is missing')
) as rows (channel, disposition, reason)

-- expect foreign money is converted, and set aside without a rate where channel = 'foreign'
select * from (values
    ('2024-03-01', 90.00, 'accepted', null),
    ('2024-03-02', null, 'quarantined', 'no exchange rate in the 5 days up to the day'),
    ('2024-03-03', null, 'quarantined', 'no exchange rate in the 5 days up to the day')
) as rows (spend_date, spend, disposition, reason)
