-- One row per customer account of Magento. Groups change with what is bought in many shops, so that they are not taken.
with customer_entity as (select * from customer_entity)

select
    entity_id as customer_id,
    email,
    concat(created_at, 'Z') as created_at,
    concat(coalesce(updated_at, created_at), 'Z') as updated_at
from customer_entity
