-- One row per account of WooCommerce's customer table; guests have no account, so that their orders are known by their e-mail.
with customer_numbers as (select * from wc_customer_lookup)

select
    user_id as customer_id,
    max(email) as email,
    case when min(date_registered) is not null then concat(min(date_registered), 'Z') end as created_at,
    max(nullif(country, '')) as country,
    max(nullif(state, '')) as region
from customer_numbers
where user_id is not null and user_id <> 0
group by user_id
