-- Exchange rates: one per currency and day, carried forward over days without one, for a limited time.

-- given raw.fx_rates
select *, case currency when 'U�' then 'key_not_utf8' end as unusable_key from (values
    ('USD', '2024-03-01', 0.9, null),
    ('GBP', '2024-04-01', 1.1, null),
    ('GBP', '2024-04-03', 1.2, null),
    ('CHF', '2024-05-01', 1.05, null),
    ('CHF', '2024-05-01', 1.04, null),
    ('SEK', '2024-05-01', 0.09, null),
    ('SEK', '2024-05-02', 9.00, 'a slip of the bank'),
    ('U�', '2024-05-01', 0.9, null),
    ('NOK', '2024-05-01', 0.08, null),
    ('NOK', '2024-05-02', null, null)
) as rows (currency, rate_date, rate, excluded_because)

-- expect a rate is carried on for at most five days and never back where currency = 'USD'
select * from (values
    ('2024-03-01', 0.9),
    ('2024-03-02', 0.9),
    ('2024-03-03', 0.9),
    ('2024-03-04', 0.9),
    ('2024-03-05', 0.9),
    ('2024-03-06', 0.9)
) as rows (valid_date, rate)

-- expect a newer rate takes over on its day where currency = 'GBP'
select * from (values
    ('2024-04-01', 1.1),
    ('2024-04-02', 1.1),
    ('2024-04-03', 1.2),
    ('2024-04-04', 1.2),
    ('2024-04-05', 1.2),
    ('2024-04-06', 1.2),
    ('2024-04-07', 1.2),
    ('2024-04-08', 1.2)
) as rows (valid_date, rate)

-- expect of two rates of a day the lower counts, so that no sale is shown too high where currency = 'CHF' and valid_date = '2024-05-01'
select 1.04 as rate

-- expect an excluded rate counts for nothing where currency = 'SEK' and valid_date = '2024-05-02'
select 0.09 as rate

-- expect an unreadable rate of a day is not papered over with an older one where currency = 'NOK' and valid_date < '2024-05-03'
select * from (values ('2024-05-01', 0.08), ('2024-05-02', null)) as rows (valid_date, rate)

-- expect a rate of an unreadable currency counts for nothing where currency not in ('USD', 'GBP', 'CHF', 'SEK', 'NOK')
select 'USD' as currency where false
