-- One row per customer number of Stripe.
-- One person often has several numbers, a new one for each checkout: those of one e-mail address are merged into the first of them.
with all_customers as (select * from customers),

persons as (
    select
        id,
        email,
        cast(created as varchar(40)) as created,
        address_country as country,
        first_value(id) over (partition by coalesce(nullif(lower(trim(email)), ''), id) order by created, id) as first_id
    from all_customers
)

select
    id as customer_id,
    case when created like '%+%' or created like '%Z' or created like '%UTC' then created else created || 'Z' end as created_at,
    country,
    email,
    nullif(first_id, id) as merged_into
from persons
