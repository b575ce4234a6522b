-- Attributes of customers: which are features, of what kind, and why the others are none.

-- given raw.loads
select
    'customers' as table_name,
    ['customer_id', 'country', 'attribute_plan', 'attribute_visits', 'attribute_zip', 'attribute_gender', 'attribute_age',
        'attribute_shop', 'attribute_gone', 'attribute_card', 'attribute_number', 'attribute_income', 'attribute_note',
        'attribute_vip'] as columns_returned

-- given clean.customers
select
    'c' || i as customer_id,
    i < 200 as has_profiling_consent,
    true as has_crm_record,
    json_object(
        'attribute_plan', case when i >= 200 then 'refused ' || i when i % 3 = 0 then null when i % 3 = 1 then 'basic' else 'gold' end,
        'attribute_visits', case when i % 2 = 0 then (i % 7)::varchar end,
        'attribute_zip', '0' || (1000 + i % 9),
        'attribute_gender', 'f',
        'attribute_age', '40',
        'attribute_shop', 'main',
        'attribute_card', 'card ' || (i % 60),
        'attribute_number', (5000 + i)::varchar,
        'attribute_income', (5000.5 + i)::varchar,
        'attribute_note', case when i < 20 then 'note ' || (i % 11) end,
        'attribute_vip', case when i < 3 then 'yes' end
    )::varchar as attributes
from range(201) as customers (i)

-- expect what is a feature, counted among customers who may be profiled where refused_because is null
select * from (values
    ('attribute_income', 'crm_attribute_income', 'number', 200, 200),
    ('attribute_plan', 'crm_attribute_plan', 'category', 133, 2),
    ('attribute_vip', 'crm_attribute_vip', 'category', 3, 1),
    ('attribute_visits', 'crm_attribute_visits', 'number', 100, 7),
    ('attribute_zip', 'crm_attribute_zip', 'category', 200, 9)
) as rows (attribute, feature, kind, customers, distinct_values)

-- expect what is none where refused_because is not null
select * from (values
    ('attribute_age', 'denied', 200),
    ('attribute_card', 'too_many_values', 200),
    ('attribute_gender', 'denied', 200),
    ('attribute_gone', 'no_value', 0),
    ('attribute_note', 'nearly_unique', 20),
    ('attribute_number', 'nearly_unique', 200),
    ('attribute_shop', 'constant', 200)
) as rows (attribute, refused_because, customers)
