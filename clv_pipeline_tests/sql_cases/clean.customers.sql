-- Customers: one row each, the newest record, and buyers without a CRM record.

-- parameters
select 'Europe/Berlin' as time_zone

-- given raw.extraction
select date '2024-06-01' as as_of

-- given raw.loads
select 'customers' as table_name, ['customer_id', 'profiling_consent'] as columns_returned

-- given clean.customer_identities
select * from (values
    ('old', 'keeper'),
    ('refused', 'only-private'),
    ('agreed', 'only-merged'),
    ('said-no', 'says-yes')
) as rows (customer_id, surviving_customer_id)

-- given clean.orders
select * from (values
    ('changed', '2024-02-01'),
    ('changed', '2024-03-01'),
    ('keeper', '2023-12-24'),
    ('only-orders', '2024-02-29'),
    ('only-private', '2024-02-29'),
    ('only-merged', '2024-02-29'),
    ('bought-before', '2024-02-29'),
    ('test', '2024-02-01'),
    (null, '2024-02-01')
) as rows (customer_id, order_date)

-- given raw.customers
select *, case customer_id when 'broken' then 'key_not_utf8' end as unusable_key from (values
    -- customer, created at, country, born, cost, tier, consent, merged into, updated at, excluded because
    ('changed', '2024-02-29 23:30+00', 'DE', 1980, 5.00, 'gold', true, null, '2024-03-05', null),
    ('changed', '2024-02-29 23:30+00', 'FR', 1980, 5.00, 'none', true, null, '2024-03-01', null),
    ('changed', '2024-02-29 23:30+00', 'FR', 1980, 5.00, 'none', true, null, '2024-03-01', null),
    ('keeper', '2024-01-01 12:00+00', 'DE', 1850, -1.00, null, null, null, null, null),
    ('old', '2023-01-01 12:00+00', 'DE', null, null, null, true, 'keeper', null, null),
    ('private', '2024-01-01 12:00+00', 'DE', null, null, null, false, null, null, null),
    ('refused', '2024-01-01 12:00+00', 'DE', null, null, null, false, 'only-private', null, null),
    ('agreed', '2024-01-01 12:00+00', 'DE', null, null, null, true, 'only-merged', null, null),
    ('says-yes', '2024-01-01 12:00+00', 'DE', null, null, null, true, null, null, null),
    ('said-no', '2024-01-01 12:00+00', 'DE', null, null, null, false, 'says-yes', null, null),
    ('both', '2024-01-01 12:00+00', 'DE', null, null, null, true, null, '2024-03-01', null),
    ('both', '2024-01-01 12:00+00', 'DE', null, null, null, false, null, '2024-03-01', null),
    ('came-round', '2024-01-01 12:00+00', 'DE', null, null, null, true, null, '2024-03-02', null),
    ('came-round', '2024-01-01 12:00+00', 'DE', null, null, null, false, null, '2024-03-01', null),
    ('year-1753', '1753-01-01 12:00+00', 'DE', null, null, null, true, null, null, null),
    ('tomorrow', '2024-06-01 12:00+00', 'DE', null, null, null, true, null, null, null),
    ('bought-before', '2024-06-01 12:00+00', 'DE', null, null, null, true, null, null, null),
    ('copied', '2024-01-01 12:00+00', 'DE', null, null, null, true, null, '2024-03-01', null),
    ('copied', '2024-01-01 12:00+00', 'DE', null, null, null, true, null, '2024-03-01', null),
    ('test', '2024-01-01 12:00+00', 'DE', null, null, null, true, null, null, 'test customer'),
    ('broken', '2024-01-01 12:00+00', 'DE', null, null, null, true, null, null, 'test customer'),
    (null, '2024-01-01 12:00+00', 'DE', null, null, null, true, null, null, null)
) as rows (
    customer_id, created_at, country, birth_year, acquisition_cost, loyalty_tier, profiling_consent, merged_into,
    updated_at, excluded_because
)

-- expect the newest record wins, dated in the business time zone where customer_id = 'changed' and disposition = 'accepted'
select 'DE' as country, 'gold' as loyalty_tier, '2024-03-01' as created_date, '2024-02-01' as first_seen_date

-- expect older versions, copies and merged records do not count where disposition in ('duplicate', 'superseded')
select * from (values
    ('changed', 'superseded', 'superseded_record'),
    ('changed', 'superseded', 'superseded_record'),
    ('copied', 'duplicate', 'delivered_twice'),
    ('came-round', 'superseded', 'superseded_record'),
    ('both', 'superseded', 'superseded_record'),
    ('agreed', 'duplicate', 'merged_record'),
    ('said-no', 'duplicate', 'merged_record'),
    ('old', 'duplicate', 'merged_record'),
    ('refused', 'duplicate', 'merged_record')
) as rows (customer_id, disposition, reason)

-- expect impossible values are unknown and silence is no consent where customer_id = 'keeper'
select null as birth_year, null as acquisition_cost, false as has_profiling_consent, '2023-12-24' as first_order_date

-- expect a refused consent is kept where customer_id = 'private'
select false as has_profiling_consent, 'accepted' as disposition, '2024-01-01' as first_seen_date

-- expect every record of a person says yes or there is no consent where customer_id in ('says-yes', 'both', 'came-round') and disposition = 'accepted'
select * from (values
    ('says-yes', false),
    ('both', false),
    ('came-round', true)
) as rows (customer_id, has_profiling_consent)

-- expect a day before the earliest date or from as_of on is unknown where customer_id in ('year-1753', 'bought-before')
select * from (values
    ('year-1753', null, 'accepted'),
    ('bought-before', null, 'accepted')
) as rows (customer_id, created_date, disposition)

-- expect a buyer unknown to the CRM is a customer and a guest is none where disposition = 'created'
select * from (values
    ('only-orders', false, false, '2024-02-29'),
    ('only-private', false, false, '2024-02-29'),
    ('only-merged', false, true, '2024-02-29')
) as rows (customer_id, has_crm_record, has_profiling_consent, first_seen_date)

-- expect what is not a customer where disposition in ('excluded', 'quarantined')
select * from (values
    ('test', 'excluded', 'excluded_by_rule'),
    ('tomorrow', 'excluded', 'on_or_after_as_of'),
    ('broken', 'quarantined', 'key_not_utf8'),
    (null, 'quarantined', 'missing_customer_id')
) as rows (customer_id, disposition, reason)

-- expect the words of the company's own rule are kept where customer_id = 'test'
select 'test customer' as excluded_because
