-- The population: known strictly before as_of, may be profiled, in the sample of the cutoff.

-- given features.cutoffs
select * from (values
    ('2024-06-01', 'score', 10000),
    ('2024-03-01', 'train', 10000),
    ('2024-01-01', 'train', 0)
) as rows (as_of, role, customers_per_10000)

-- given clean.customers
select * from (values
    ('on-leap-day', '2024-02-29', true),
    ('on-the-cutoff', '2024-03-01', true),
    ('yesterday', '2024-05-31', true),
    ('today', '2024-06-01', true),
    ('refused', '2020-01-01', false),
    ('never-seen', null, true)
) as rows (customer_id, first_seen_date, has_profiling_consent)

-- expect only who was known the day before, each cutoff by itself
select * from (values
    ('2024-03-01', 'train', 'on-leap-day'),
    ('2024-06-01', 'score', 'on-leap-day'),
    ('2024-06-01', 'score', 'on-the-cutoff'),
    ('2024-06-01', 'score', 'yesterday')
) as rows (as_of, role, customer_id)
