-- CRM features: values entered before the cutoff that do not change afterwards.

-- given features.population
select * from (values
    ('2024-06-01', 'known'), ('2024-06-01', 'today'), ('2024-06-01', 'only-orders'), ('2024-03-01', 'known')
) as rows (as_of, customer_id)

-- given clean.customers
select * from (values
    ('known', '2024-02-29', true, 'DE', 'search', 5.00, 'gold'),
    ('today', '2024-06-01', true, 'DE', 'search', 5.00, 'gold'),
    ('only-orders', null, false, null, null, null, null)
) as rows (customer_id, created_date, has_crm_record, country, acquisition_channel, acquisition_cost, loyalty_tier)

-- expect only records of the day before or older, by cutoff
select * from (values
    ('2024-03-01', 'known', 1, 'DE', 'search', 5.00),
    ('2024-06-01', 'known', 93, 'DE', 'search', 5.00)
) as rows (as_of, customer_id, crm_age_days, crm_country, crm_acquisition_channel, crm_acquisition_cost)
