-- One row per customer number of Stripe, of the customers export and of those that only payments name.
-- One person often has several numbers, a new one for each checkout: those of one e-mail address are merged into the first of them.
-- Total Spend and Payment Count change with what is bought, so that they are not taken.
with payments as (select * from payments),

customers as (select * from customers),

named as (
    select
        id,
        "Email" as email,
        coalesce(nullif("Created date (UTC)", ''), "Created (UTC)") as created,
        "Card Address Country" as country
    from customers

    union all

    select "Customer ID", "Customer Email", null, null
    from payments
    where coalesce(lower("Mode"), 'live') <> 'test'
),

numbers as (
    select id, max(nullif(email, '')) as email, min(created) as created, max(nullif(country, '')) as country
    from named
    where coalesce(id, '') <> ''
    group by id
),

persons as (
    select
        *,
        first_value(id) over (partition by coalesce(lower(trim(email)), id) order by created nulls last, id) as first_id
    from numbers
)

select
    id as customer_id,
    created || 'Z' as created_at,
    country,
    email,
    nullif(first_id, id) as merged_into
from persons
