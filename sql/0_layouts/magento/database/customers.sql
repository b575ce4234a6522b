-- One row per customer account of Magento. Groups change with what is bought in many shops, so that they are not taken.
with accounts as (select * from customer_entity)

select
    entity_id as customer_id,
    email,
    concat(created_at, 'Z') as created_at,
    case when updated_at is not null then concat(updated_at, 'Z') end as updated_at
from accounts
